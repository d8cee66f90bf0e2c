use super::forward::Initial;
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

pub(super) struct Backward<T> {
    /// Gradients of the sums of all steps, of each direction.
    pub dsums: Vec<Vec<T>>,
    /// Their sum over all rows.
    pub bias: Vec<Vec<T>>,
    /// Gradients of the initial states of all directions.
    pub h: Vec<T>,
    /// Empty if there is no c.
    pub c: Vec<T>,
}

/// Backwards through time, given the outputs, what the forward pass kept, the initial states, and W_hh of each direction.
pub(super) fn backward<T: Real, G: Gates>(
    gates: G,
    sizes: Sizes,
    (y, kept): (&[T], &[Vec<T>]),
    initial: Initial<T>,
    hh: &[&[T]],
    upstream: Upstream<T>,
) -> Backward<T> {
    let Sizes { steps, batch, hidden, directions, .. } = sizes;
    let (sums_width, kept_width, y_width) = (G::SUMS * hidden, G::KEPT * hidden, directions * hidden);
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
        Panels::new(&hh[from * hidden * hidden..], (blocks * hidden, hidden), (hidden, 1))
    };
    let of_states: Vec<Vec<Panels<T>>> =
        hh.iter().map(|hh| G::PARTS.iter().map(|p| part(hh, p.from, p.blocks)).collect()).collect();
    let zeros = vec![T::ZERO; hidden];

    pool::run(sizes.tasks(), |task| {
        let (d, first, samples) = sizes.piece(task);
        // SAFETY: states and column sums of this piece and direction.
        let (dh, dc, columns) = unsafe {
            let place = (d * batch + first) * hidden;
            (
                all_h.get(place, samples * hidden),
                if G::MEMORY { all_c.get(place, samples * hidden) } else { &mut [][..] },
                all_columns.get(task * sums_width, sums_width),
            )
        };
        let start = |to: &mut [T], from: Option<&[T]>| match from {
            Some(from) => to.copy_from_slice(&from[(d * batch + first) * hidden..][..to.len()]),
            None => to.fill(T::ZERO),
        };
        start(dh, upstream.h);
        start(dc, upstream.c.filter(|_| G::MEMORY));
        for i in (0..steps).rev() {
            let t = sizes.step(d, i);
            real::vectorized(|| {
                for sample in 0..samples {
                    let row = sizes.row(t, first + sample);
                    let row_before = (i > 0).then(|| sizes.row(sizes.step(d, i - 1), first + sample));
                    let state = (d * batch + first + sample) * hidden;
                    let h_before = match (row_before, initial.h) {
                        (Some(row), _) => &y[row * y_width + d * hidden..][..hidden],
                        (None, Some(h)) => &h[state..][..hidden],
                        (None, None) => &zeros,
                    };
                    let c_before = match (row_before, initial.c) {
                        (Some(row), _) if G::MEMORY => &kept[d][(row + 1) * kept_width - hidden..][..hidden],
                        (None, Some(c)) => &c[state..][..hidden],
                        _ => &zeros,
                    };
                    let h = &y[row * y_width + d * hidden..][..hidden];
                    let dh = &mut dh[sample * hidden..][..hidden];
                    let dc = if G::MEMORY { &mut dc[sample * hidden..][..hidden] } else { &mut [] };
                    if let Some(dy) = upstream.y {
                        each(dh, [&dy[row * y_width + d * hidden..]], |dh, [dy]| dh + dy);
                    }
                    // SAFETY: a row of this piece and direction.
                    let dsums = unsafe { all_sums[d].get(row * sums_width, sums_width) };
                    let kept = &kept[d][row * kept_width..][..kept_width];
                    gates.backward(Step { h, h_before, c_before, kept }, dh, dc, dsums);
                    each(columns, [dsums], |sum, [d]| sum + d);
                }
            });
            if i == 0 && initial.h.is_none() {
                break;
            }
            let from = all_sums[d].at(sizes.row(t, first) * sums_width).cast_const();
            for (j, (part, panels)) in G::PARTS.iter().zip(&of_states[d]).enumerate() {
                // SAFETY: the rows that were just written, and the gradients of this piece's states.
                unsafe {
                    let from = (from.add(part.to * hidden), sizes.stride() * sums_width);
                    panels.multiply(samples, from, (dh.as_mut_ptr(), hidden), G::DIRECT || j > 0);
                }
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
