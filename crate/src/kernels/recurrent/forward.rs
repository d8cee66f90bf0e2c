use super::gates::Gates;
use super::{Parts, Sizes, Weights};
use crate::kernels::panels::Panels;
use crate::kernels::values::unwritten;
use crate::kernels::{Real, pool, real};

/// The states before the first step, of all directions; zeros where there are none.
#[derive(Clone, Copy)]
pub(super) struct Initial<'a, T> {
    pub h: Option<&'a [T]>,
    pub c: Option<&'a [T]>,
}

pub(super) struct Forward<T> {
    pub y: Vec<T>,
    /// Final states of all directions.
    pub h: Vec<T>,
    /// Empty if there is no c.
    pub c: Vec<T>,
    /// What the backward pass needs, of each direction: [`Gates::KEPT`] blocks a row.
    pub kept: Vec<Vec<T>>,
}

pub(super) fn forward<T: Real, G: Gates>(
    gates: G,
    sizes: Sizes,
    x: &[T],
    initial: Initial<T>,
    weights: &[Weights<T>],
    keep: bool,
) -> Forward<T> {
    let Sizes { steps, batch, inputs, hidden, directions, .. } = sizes;
    let (sums_width, kept_width, y_width) =
        (G::SUMS * hidden, if keep { G::KEPT * hidden } else { 0 }, directions * hidden);
    let state = directions * batch * hidden;
    // SAFETY: the tasks write all rows of all of them.
    let (mut y, mut h_last, mut c_last, mut kept) = unsafe {
        (
            unwritten::<T>(sizes.rows() * y_width),
            unwritten(state),
            unwritten(if G::MEMORY { state } else { 0 }),
            (0..directions).map(|_| unwritten(sizes.rows() * kept_width)).collect::<Vec<_>>(),
        )
    };
    let (all_y, all_h, all_c) = (Parts::new(&mut y), Parts::new(&mut h_last), Parts::new(&mut c_last));
    let all_kept: Vec<Parts<T>> = kept.iter_mut().map(|kept| Parts::new(kept)).collect();
    // The transposed weights.
    let of_inputs: Vec<Panels<T>> =
        weights.iter().map(|w| Panels::new(w.ih, (inputs, G::BLOCKS * hidden), (1, inputs))).collect();
    let part = |w: &Weights<T>, from: usize, blocks: usize| {
        Panels::new(&w.hh[from * hidden * hidden..], (hidden, blocks * hidden), (1, hidden))
    };
    let of_states: Vec<Vec<Panels<T>>> =
        weights.iter().map(|w| G::PARTS.iter().map(|p| part(w, p.from, p.blocks)).collect()).collect();
    let zeros = vec![T::ZERO; hidden];

    pool::run(sizes.tasks(), |task| {
        let (d, first, samples) = sizes.piece(task);
        let mut sums = vec![T::ZERO; samples * sums_width];
        let mut c = match initial.c {
            Some(c) => c[(d * batch + first) * hidden..][..samples * hidden].to_vec(),
            None => vec![T::ZERO; if G::MEMORY { samples * hidden } else { 0 }],
        };
        let initial_h = initial.h.map(|h| &h[(d * batch + first) * hidden..][..samples * hidden]);
        let at = |t: usize, sample: usize| sizes.row(t, first + sample) * y_width + d * hidden;
        for i in 0..steps {
            let t = sizes.step(d, i);
            let start = sizes.row(t, first) * inputs;
            let of_x = &x[start..start + ((samples - 1) * sizes.stride() + 1) * inputs];
            // The states before this step, and the distance between those of two samples.
            let before = match i {
                0 => initial_h.map(|h| (h.as_ptr(), hidden)),
                _ => Some((all_y.at(at(sizes.step(d, i - 1), 0)).cast_const(), sizes.stride() * y_width)),
            };
            let to = sums.as_mut_ptr();
            // SAFETY: the rows of x lie in `of_x`; those of the states in the initial ones or in y, in rows that only this task writes; the sums belong to it.
            unsafe {
                let of_x = (of_x.as_ptr(), sizes.stride() * inputs);
                of_inputs[d].multiply(samples, of_x, (to, sums_width), false);
                for (part, panels) in G::PARTS.iter().zip(&of_states[d]) {
                    if let Some(before) = before {
                        panels.multiply(samples, before, (to.add(part.to * hidden), sums_width), part.joined);
                    }
                }
            }
            if before.is_none() {
                for part in G::PARTS.iter().filter(|part| !part.joined) {
                    for sums in sums.chunks_exact_mut(sums_width) {
                        sums[part.to * hidden..][..part.blocks * hidden].fill(T::ZERO);
                    }
                }
            }
            real::vectorized(|| {
                for (sample, sums) in sums.chunks_exact_mut(sums_width).enumerate() {
                    let c = match G::MEMORY {
                        true => &mut c[sample * hidden..][..hidden],
                        false => &mut [],
                    };
                    // SAFETY: rows of this piece and direction; those of two steps are different.
                    unsafe {
                        let before = match (i, initial_h) {
                            (0, Some(h)) => &h[sample * hidden..][..hidden],
                            (0, None) => &zeros,
                            _ => &*all_y.get(at(sizes.step(d, i - 1), sample), hidden),
                        };
                        let h = all_y.get(at(t, sample), hidden);
                        let kept = all_kept[d].get(sizes.row(t, first + sample) * kept_width, kept_width);
                        gates.forward(sums, &weights[d].bias, before, c, h, kept);
                    }
                }
            });
        }
        for sample in 0..samples {
            let state = (d * batch + first + sample) * hidden;
            // SAFETY: rows of this piece and direction.
            unsafe {
                let last = all_y.get(at(sizes.step(d, steps - 1), sample), hidden);
                all_h.get(state, hidden).copy_from_slice(last);
                if G::MEMORY {
                    all_c.get(state, hidden).copy_from_slice(&c[sample * hidden..][..hidden]);
                }
            }
        }
    });
    Forward { y, h: h_last, c: c_last, kept }
}
