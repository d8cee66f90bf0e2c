use super::gates::{Gates, Part, Step, blocks, blocks_mut, each};
use crate::Real;

/// Sums of the gates r and z, of the candidate's input part, and of its state part, which r multiplies; kept are the
/// values of r, z and the candidate n, and the state part.
#[derive(Clone, Copy)]
pub(super) struct Gru;

impl Gates for Gru {
    const BLOCKS: usize = 3;
    const SUMS: usize = 4;
    const KEPT: usize = 4;
    const MEMORY: bool = false;
    const DIRECT: bool = true;
    const PARTS: &'static [Part] =
        &[Part { from: 0, blocks: 2, to: 0, joined: true }, Part { from: 2, blocks: 1, to: 3, joined: false }];

    #[inline(always)]
    fn forward<T: Real>(self, sums: &[T], bias: &[T], h: &mut [T], _: &mut [T], kept: &mut [T]) {
        let width = h.len();
        each!(&mut kept[..2 * width], [sums, bias], |_, [sum, b]| (sum + b).sigmoid());
        let [r, z, n, of_state] = blocks_mut(kept, width);
        let ([_, _, n_sum, state_sum], [_, _, n_bias, state_bias]) = (blocks(sums, width), blocks(bias, width));
        each!(of_state, [state_sum, state_bias], |_, [sum, b]| sum + b);
        each!(n, [n_sum, n_bias, r, of_state], |_, [sum, b, r, state]| (sum + b + r * state).tanh());
        each!(h, [z, n], |h, [z, n]| (T::ONE - z) * n + z * h);
    }

    #[inline(always)]
    fn backward<T: Real>(self, step: Step<T>, dh: &mut [T], _: &mut [T], dsums: &mut [T]) {
        let width = dh.len();
        let [r, z, n, of_state] = blocks(step.kept, width);
        let [dr, dz, dn, d_state] = blocks_mut(dsums, width);
        each!(dn, [dh, z, n], |_, [dh, z, n]| dh * (T::ONE - z) * (T::ONE - n * n));
        each!(d_state, [dn, r], |_, [dn, r]| dn * r);
        each!(dr, [d_state, of_state, r], |_, [d, state, r]| d * state * (T::ONE - r));
        each!(dz, [dh, step.h_before, n], |_, [dh, before, n]| dh * (before - n));
        each!(dz, [z], |dz, [z]| dz * z * (T::ONE - z));
        each!(dh, [z], |dh, [z]| dh * z);
    }
}
