use super::gates::{Gates, Part, Step, blocks, blocks_mut, each};
use crate::Real;

/// Sums of the gates i, f, g and o; kept are their values and c.
#[derive(Clone, Copy)]
pub(super) struct Lstm;

impl Gates for Lstm {
    const BLOCKS: usize = 4;
    const SUMS: usize = 4;
    const KEPT: usize = 5;
    const MEMORY: bool = true;
    const DIRECT: bool = false;
    const PARTS: &'static [Part] = &[Part { from: 0, blocks: 4, to: 0, joined: true }];

    #[inline(always)]
    fn forward<T: Real>(self, sums: &[T], bias: &[T], h: &mut [T], c: &mut [T], kept: &mut [T]) {
        let n = h.len();
        each!(&mut kept[..2 * n], [sums, bias], |_, [sum, b]| (sum + b).sigmoid());
        each!(&mut kept[2 * n..3 * n], [&sums[2 * n..], &bias[2 * n..]], |_, [sum, b]| (sum + b).tanh());
        each!(&mut kept[3 * n..4 * n], [&sums[3 * n..], &bias[3 * n..]], |_, [sum, b]| (sum + b).sigmoid());
        let [i, f, g, o, c_kept] = blocks_mut(kept, n);
        each!(c, [i, f, g], |c, [i, f, g]| f * c + i * g);
        c_kept.copy_from_slice(c);
        each!(h, [o, c], |_, [o, c]| o * c.tanh());
    }

    #[inline(always)]
    fn backward<T: Real>(self, step: Step<T>, dh: &mut [T], dc: &mut [T], dsums: &mut [T]) {
        let n = dh.len();
        let [i, f, g, o, c] = blocks(step.kept, n);
        let [di, df, dg, d_o] = blocks_mut(dsums, n);
        // tanh(c) goes by way of `di`, which is written last.
        each!(di, [c], |_, [c]| c.tanh());
        each!(dc, [dh, o, di], |dc, [dh, o, t]| dc + dh * o * (T::ONE - t * t));
        each!(d_o, [dh, o, di], |_, [dh, o, t]| dh * t * o * (T::ONE - o));
        each!(df, [dc, step.c_before, f], |_, [dc, before, f]| dc * before * f * (T::ONE - f));
        each!(dg, [dc, i, g], |_, [dc, i, g]| dc * i * (T::ONE - g * g));
        each!(di, [dc, i, g], |_, [dc, i, g]| dc * g * i * (T::ONE - i));
        each!(dc, [f], |dc, [f]| dc * f);
    }
}
