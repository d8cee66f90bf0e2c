use super::gates::Gates;
use super::{Parts, Sizes, Weights};
use crate::panels::Panels;
use crate::values::unwritten;
use crate::{Real, real, threads};

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
    /// What the backward pass needs, of each direction: [`Gates::KEPT`] blocks for each step of each sample, steps first.
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
    let (sums_width, kept_width, y_width) = (G::SUMS * hidden, G::KEPT * hidden, directions * hidden);
    let state = directions * batch * hidden;
    // SAFETY: the tasks write all rows of all of them.
    let (mut y, mut h, mut c, mut kept) = unsafe {
        (
            unwritten(sizes.rows() * y_width),
            unwritten(state),
            unwritten(if G::MEMORY { state } else { 0 }),
            (0..directions)
                .map(|_| unwritten(if keep { sizes.rows() * kept_width } else { 0 }))
                .collect::<Vec<Vec<T>>>(),
        )
    };
    let (all_y, all_h, all_c) = (Parts::new(&mut y), Parts::new(&mut h), Parts::new(&mut c));
    let all_kept: Vec<Parts<T>> = kept.iter_mut().map(|kept| Parts::new(kept)).collect();
    // The transposed weights.
    let of_inputs: Vec<Panels<T>> =
        weights.iter().map(|w| Panels::of_columns((inputs, G::BLOCKS * hidden), |j| &w.ih[j * inputs..])).collect();
    let part = |w: &Weights<T>, from: usize, blocks: usize| {
        Panels::of_columns((hidden, blocks * hidden), |j| &w.hh[(from * hidden + j) * hidden..])
    };
    let of_states: Vec<Vec<Panels<T>>> =
        weights.iter().map(|w| G::PARTS.iter().map(|p| part(w, p.from, p.blocks)).collect()).collect();

    threads::run(sizes.tasks(), |task| {
        let (d, first, samples) = sizes.piece(task);
        let place = (d * batch + first) * hidden;
        // SAFETY: the states of this piece and direction.
        let (h, c) = unsafe {
            (
                all_h.get(place, samples * hidden),
                if G::MEMORY { all_c.get(place, samples * hidden) } else { &mut [][..] },
            )
        };
        start(h, initial.h, place);
        start(c, initial.c, place);
        let mut sums = vec![T::ZERO; samples * sums_width];
        let mut now = vec![T::ZERO; samples * inputs];
        let mut unkept = vec![T::ZERO; if keep { 0 } else { samples * kept_width }];
        for i in 0..steps {
            let t = sizes.step(d, i);
            for (sample, now) in now.chunks_exact_mut(inputs).enumerate() {
                now.copy_from_slice(&x[sizes.row(t, first + sample) * inputs..][..inputs]);
            }
            of_inputs[d].multiply(samples, (&now, inputs), (&mut sums, sums_width), false);
            for (part, panels) in G::PARTS.iter().zip(&of_states[d]) {
                if i > 0 || initial.h.is_some() {
                    panels.multiply(samples, (h, hidden), (&mut sums[part.to * hidden..], sums_width), part.joined);
                } else if !part.joined {
                    for sums in sums.chunks_exact_mut(sums_width) {
                        sums[part.to * hidden..][..part.blocks * hidden].fill(T::ZERO);
                    }
                }
            }
            let kept = match keep {
                // SAFETY: what is kept of this piece, direction and step.
                true => unsafe { all_kept[d].get((t * batch + first) * kept_width, samples * kept_width) },
                false => &mut unkept[..],
            };
            real::vectorized(
                #[inline(always)]
                || {
                    for (sample, sums) in sums.chunks_exact(sums_width).enumerate() {
                        let h = &mut h[sample * hidden..][..hidden];
                        let c = if G::MEMORY { &mut c[sample * hidden..][..hidden] } else { &mut [] };
                        gates.forward(sums, &weights[d].bias, h, c, &mut kept[sample * kept_width..][..kept_width]);
                        // SAFETY: the outputs of this piece, direction and step.
                        let y = unsafe { all_y.get(sizes.row(t, first + sample) * y_width + d * hidden, hidden) };
                        y.copy_from_slice(h);
                    }
                },
            );
        }
    });
    Forward { y, h, c, kept }
}

/// Starts a piece of a state, or of its gradient, from what is given for all, or from zeros.
pub(super) fn start<T: Real>(piece: &mut [T], all: Option<&[T]>, place: usize) {
    match all {
        Some(all) => piece.copy_from_slice(&all[place..][..piece.len()]),
        None => piece.fill(T::ZERO),
    }
}
