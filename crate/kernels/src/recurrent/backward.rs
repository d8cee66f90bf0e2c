use super::forward::start;
use super::gates::{Gates, Step, each};
use super::{Parts, Sizes};
use crate::panels::{Panels, copy_tile, tiles};
use crate::values::unwritten;
use crate::{Real, real, threads};

/// Gradients of the outputs, where there are any.
#[derive(Clone, Copy)]
pub(super) struct Upstream<'a, T> {
    pub y: Option<&'a [T]>,
    pub h: Option<&'a [T]>,
    pub c: Option<&'a [T]>,
}

/// The outputs of the forward pass, and the states it started from.
pub(super) struct Outputs<'a, T> {
    pub sizes: Sizes,
    pub y: &'a [T],
    pub initial: Option<&'a [T]>,
    /// A state of zeros.
    pub zeros: Vec<T>,
}

impl<T> Outputs<'_, T> {
    /// h after the step at time `t`.
    #[inline(always)]
    fn after(&self, direction: usize, t: usize, sample: usize) -> &[T] {
        let Sizes { hidden, directions, .. } = self.sizes;
        &self.y[(self.sizes.row(t, sample) * directions + direction) * hidden..][..hidden]
    }

    /// h before the `i`-th step of a direction.
    #[inline(always)]
    pub(super) fn before(&self, direction: usize, i: usize, sample: usize) -> &[T] {
        let Sizes { batch, hidden, .. } = self.sizes;
        match (i, self.initial) {
            (0, Some(h)) => &h[(direction * batch + sample) * hidden..][..hidden],
            (0, None) => &self.zeros,
            _ => self.after(direction, self.sizes.step(direction, i - 1), sample),
        }
    }
}

pub(super) struct Backward<T> {
    /// Gradients of the sums of each direction, a row for each step of each sample, steps first, each block as
    /// [`tiles`] for the products with inputs and states; empty if the weights need no gradient.
    pub dsums: Vec<Vec<T>>,
    /// Gradients of the inputs by way of each direction; empty if they need none.
    pub dx: Vec<Vec<T>>,
    /// Their sum over all rows.
    pub bias: Vec<Vec<T>>,
    /// Gradients of the initial states of all directions.
    pub h: Vec<T>,
    /// Empty if there is no c.
    pub c: Vec<T>,
}

/// Backwards through time, given the outputs, what the forward pass kept, the initial c, W_ih and W_hh of each
/// direction, and whether inputs and weights need gradients.
pub(super) fn backward<T: Real, G: Gates>(
    gates: G,
    outputs: &Outputs<T>,
    all_kept: &[Vec<T>],
    initial_c: Option<&[T]>,
    weights: &[(&[T], &[T])],
    upstream: Upstream<T>,
    (inputs_need, weights_need): (bool, bool),
) -> Backward<T> {
    let sizes = outputs.sizes;
    let Sizes { steps, batch, inputs, hidden, directions, .. } = sizes;
    let (sums_width, kept_width) = (G::SUMS * hidden, G::KEPT * hidden);
    let state = directions * batch * hidden;
    // SAFETY: the tasks write all rows of all of them.
    let (mut dsums, mut dx, mut h, mut c) = unsafe {
        let of_each = |needed: bool, width: usize| -> Vec<Vec<T>> {
            (0..directions).map(|_| unwritten(if needed { sizes.rows() * width } else { 0 })).collect()
        };
        (
            of_each(weights_need, sums_width),
            of_each(inputs_need, inputs),
            unwritten(state),
            unwritten(if G::MEMORY { state } else { 0 }),
        )
    };
    let mut columns = vec![T::ZERO; sizes.tasks() * sums_width];
    let all_sums: Vec<Parts<T>> = dsums.iter_mut().map(|dsums| Parts::new(dsums)).collect();
    let all_dx: Vec<Parts<T>> = dx.iter_mut().map(|dx| Parts::new(dx)).collect();
    let (all_h, all_c, all_columns) = (Parts::new(&mut h), Parts::new(&mut c), Parts::new(&mut columns));
    let part = |hh: &[T], from: usize, blocks: usize| {
        Panels::of_rows((blocks * hidden, hidden), |p| &hh[(from * hidden + p) * hidden..])
    };
    let of_states: Vec<Vec<Panels<T>>> =
        weights.iter().map(|(_, hh)| G::PARTS.iter().map(|p| part(hh, p.from, p.blocks)).collect()).collect();
    let of_inputs: Vec<Panels<T>> = weights[..if inputs_need { directions } else { 0 }]
        .iter()
        .map(|(ih, _)| Panels::of_rows((G::BLOCKS * hidden, inputs), |p| &ih[p * inputs..]))
        .collect();
    let tiles = tiles(hidden);

    threads::run(sizes.tasks(), |task| {
        let (d, first, samples) = sizes.piece(task);
        let place = (d * batch + first) * hidden;
        // SAFETY: states and column sums of this piece and direction.
        let (dh, dc, columns) = unsafe {
            (
                all_h.get(place, samples * hidden),
                if G::MEMORY { all_c.get(place, samples * hidden) } else { &mut [][..] },
                all_columns.get(task * sums_width, sums_width),
            )
        };
        start(dh, upstream.h, place);
        start(dc, upstream.c, place);
        let mut dsums = vec![T::ZERO; samples * sums_width];
        let mut dx = vec![T::ZERO; if inputs_need { samples * inputs } else { 0 }];
        for i in (0..steps).rev() {
            let t = sizes.step(d, i);
            let row = t * batch + first;
            let kept = &all_kept[d][row * kept_width..][..samples * kept_width];
            let c_before = match (i, initial_c) {
                (0, c) => c.map(|c| (&c[place..], hidden)),
                _ => {
                    let row = sizes.step(d, i - 1) * batch + first;
                    Some((&all_kept[d][((row + 1) * kept_width).saturating_sub(hidden)..], kept_width))
                }
            };
            real::vectorized(
                #[inline(always)]
                || {
                    for (sample, dsums) in dsums.chunks_exact_mut(sums_width).enumerate() {
                        let dh = &mut dh[sample * hidden..][..hidden];
                        let dc = if G::MEMORY { &mut dc[sample * hidden..][..hidden] } else { &mut [] };
                        let c_before = match c_before {
                            Some((c, pitch)) if G::MEMORY => &c[sample * pitch..][..hidden],
                            _ => &outputs.zeros,
                        };
                        if let Some(dy) = upstream.y {
                            let row = sizes.row(t, first + sample) * directions + d;
                            each!(dh, [&dy[row * hidden..]], |dh, [dy]| dh + dy);
                        }
                        let h = outputs.after(d, t, first + sample);
                        let h_before = outputs.before(d, i, first + sample);
                        let kept = &kept[sample * kept_width..][..kept_width];
                        gates.backward(Step { h, h_before, c_before, kept }, dh, dc, dsums);
                        each!(columns, [dsums], |sum, [d]| sum + d);
                    }
                },
            );
            for block in 0..if weights_need { G::SUMS } else { 0 } {
                for &(first, columns) in &tiles {
                    let start = (block * hidden + first) * sizes.rows() + row * columns;
                    // SAFETY: rows of this piece, direction and step in a tile.
                    let to = unsafe { all_sums[d].get(start, samples * columns) };
                    copy_tile(&dsums[block * hidden + first..], sums_width, (columns, to));
                }
            }
            if inputs_need {
                of_inputs[d].multiply(samples, (&dsums, sums_width), (&mut dx, inputs), false);
                for (sample, dx) in dx.chunks_exact(inputs).enumerate() {
                    // SAFETY: a row of this piece, direction and step.
                    let to = unsafe { all_dx[d].get(sizes.row(t, first + sample) * inputs, inputs) };
                    to.copy_from_slice(dx);
                }
            }
            if i == 0 && outputs.initial.is_none() {
                break;
            }
            for (j, (part, panels)) in G::PARTS.iter().zip(&of_states[d]).enumerate() {
                let dsums = &dsums[part.to * hidden..];
                panels.multiply(samples, (dsums, sums_width), (dh, hidden), G::DIRECT || j > 0);
            }
        }
    });
    let pieces = sizes.pieces();
    let total = |d: usize| {
        let mut total = vec![T::ZERO; sums_width];
        for columns in columns[d * pieces * sums_width..][..pieces * sums_width].chunks_exact(sums_width) {
            each!(&mut total, [columns], |sum, [x]| sum + x);
        }
        total
    };
    let bias = (0..directions).map(total).collect();
    Backward { dsums, dx, bias, h, c }
}
