use super::forward::start;
use super::gates::{Gates, Step, each};
use super::{Parts, Sizes};
use crate::kernels::panels::Panels;
use crate::kernels::values::unwritten;
use crate::kernels::{Real, pool, real};

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
    /// Gradients of the sums of each direction: a row for each step of each sample, steps first.
    pub dsums: Vec<Vec<T>>,
    /// Their sum over all rows.
    pub bias: Vec<Vec<T>>,
    /// Gradients of the initial states of all directions.
    pub h: Vec<T>,
    /// Empty if there is no c.
    pub c: Vec<T>,
}

/// Backwards through time, given the outputs, what the forward pass kept, the initial c, and W_hh of each direction.
pub(super) fn backward<T: Real, G: Gates>(
    gates: G,
    outputs: &Outputs<T>,
    all_kept: &[Vec<T>],
    initial_c: Option<&[T]>,
    hh: &[&[T]],
    upstream: Upstream<T>,
) -> Backward<T> {
    let sizes = outputs.sizes;
    let Sizes { steps, batch, hidden, directions, .. } = sizes;
    let (sums_width, kept_width) = (G::SUMS * hidden, G::KEPT * hidden);
    let state = directions * batch * hidden;
    // SAFETY: the tasks write all rows of all of them.
    let (mut dsums, mut h, mut c) = unsafe {
        (
            (0..directions).map(|_| unwritten(sizes.rows() * sums_width)).collect::<Vec<_>>(),
            unwritten(state),
            unwritten(if G::MEMORY { state } else { 0 }),
        )
    };
    let mut columns = vec![T::ZERO; sizes.tasks() * sums_width];
    let all_sums: Vec<Parts<T>> = dsums.iter_mut().map(|dsums| Parts::new(dsums)).collect();
    let (all_h, all_c, all_columns) = (Parts::new(&mut h), Parts::new(&mut c), Parts::new(&mut columns));
    let part = |hh: &[T], from: usize, blocks: usize| {
        Panels::of_rows((blocks * hidden, hidden), |p| &hh[(from * hidden + p) * hidden..])
    };
    let of_states: Vec<Vec<Panels<T>>> =
        hh.iter().map(|hh| G::PARTS.iter().map(|p| part(hh, p.from, p.blocks)).collect()).collect();

    pool::run(sizes.tasks(), |task| {
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
        for i in (0..steps).rev() {
            let t = sizes.step(d, i);
            let row = t * batch + first;
            // SAFETY: the gradients of the sums of this piece, direction and step.
            let dsums = unsafe { all_sums[d].get(row * sums_width, samples * sums_width) };
            let kept = &all_kept[d][row * kept_width..][..samples * kept_width];
            let c_before = match (i, initial_c) {
                (0, c) => c.map(|c| (&c[place..], hidden)),
                _ => {
                    let row = sizes.step(d, i - 1) * batch + first;
                    Some((&all_kept[d][((row + 1) * kept_width).saturating_sub(hidden)..], kept_width))
                }
            };
            real::vectorized(|| {
                for (sample, dsums) in dsums.chunks_exact_mut(sums_width).enumerate() {
                    let dh = &mut dh[sample * hidden..][..hidden];
                    let dc = if G::MEMORY { &mut dc[sample * hidden..][..hidden] } else { &mut [] };
                    let c_before = match c_before {
                        Some((c, pitch)) if G::MEMORY => &c[sample * pitch..][..hidden],
                        _ => &outputs.zeros,
                    };
                    if let Some(dy) = upstream.y {
                        let row = sizes.row(t, first + sample) * directions + d;
                        each(dh, [&dy[row * hidden..]], |dh, [dy]| dh + dy);
                    }
                    let h = outputs.after(d, t, first + sample);
                    let h_before = outputs.before(d, i, first + sample);
                    let kept = &kept[sample * kept_width..][..kept_width];
                    gates.backward(Step { h, h_before, c_before, kept }, dh, dc, dsums);
                    each(columns, [dsums], |sum, [d]| sum + d);
                }
            });
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
            each(&mut total, [columns], |sum, [x]| sum + x);
        }
        total
    };
    let bias = (0..directions).map(total).collect();
    Backward { dsums, bias, h, c }
}
