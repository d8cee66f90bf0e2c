use super::gates::{Gates, Part, Step, each};
use crate::Real;
use crate::activation::Unary;

/// h' = f(sums): nothing is kept beside the outputs.
#[derive(Clone, Copy)]
pub(super) struct Plain(pub Unary);

impl Gates for Plain {
    const BLOCKS: usize = 1;
    const SUMS: usize = 1;
    const KEPT: usize = 0;
    const MEMORY: bool = false;
    const DIRECT: bool = false;
    const PARTS: &'static [Part] = &[Part { from: 0, blocks: 1, to: 0, joined: true }];

    #[inline(always)]
    fn forward<T: Real>(self, sums: &[T], bias: &[T], h: &mut [T], _: &mut [T], _: &mut [T]) {
        each!(h, [sums, bias], |_, [sum, b]| sum + b);
        self.0.apply(h);
    }

    #[inline(always)]
    fn backward<T: Real>(self, step: Step<T>, dh: &mut [T], _: &mut [T], dsums: &mut [T]) {
        match self.0 {
            // A choice rather than a product: ∞ · 0 would be NaN.
            Unary::Relu => each!(dsums, [dh, step.h], |_, [dh, h]| if h > T::ZERO { dh } else { T::ZERO }),
            _ => each!(dsums, [dh, step.h], |_, [dh, h]| dh * (T::ONE - h * h)),
        }
    }
}
