//! Dot products, whose partial sums are the lanes of a register.
//!
//! A register of AVX-512 holds the partial sums of two products, eight of F32 each, so that they are added in the order in
//! which AVX2 adds them, and both give the same bits.

use crate::Real;
#[cfg(target_arch = "x86_64")]
use crate::real;
use crate::real::{Token, load, simd};

/// How the partial sums of dot products lie in registers.
pub(crate) trait Dots<T: Real>: Copy {
    /// Products in a register, 1 or 2.
    const TOGETHER: usize;
    /// A register.
    type Register: Copy;

    /// Zeros.
    fn zero(self) -> Self::Register;
    /// The [`lanes`] numbers from `from` on, for each product.
    ///
    /// # Safety
    /// They may be read.
    unsafe fn shared(self, from: *const T) -> Self::Register;
    /// The [`lanes`] numbers from each of `from` on, as many as there are products, each for its own.
    ///
    /// # Safety
    /// They may be read.
    unsafe fn own(self, from: [*const T; 2]) -> Self::Register;
    /// a b + c in each lane.
    fn fma(self, a: Self::Register, b: Self::Register, c: Self::Register) -> Self::Register;
    /// The sum of each product's lanes; the second is 0 where there is but one product.
    fn sums(self, x: Self::Register) -> [T; 2];
}

/// Partial sums of a product.
pub(crate) const fn lanes<T: Real>() -> usize {
    size_of::<T::Vector<Token>>() / size_of::<T>()
}

/// What is to be computed with dot products.
pub(crate) trait WithDots<T: Real> {
    fn with_dots<D: Dots<T>>(self, dots: D);
}

/// Runs `op` with the registers of the instruction set in use.
#[inline(always)]
pub(crate) fn dispatch<T: Real>(op: impl WithDots<T>) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: kernels are called after `can_take`, which asks for AVX2; `wide` for AVX-512.
    unsafe {
        if real::wide() {
            return real::with_avx512(
                #[inline(always)]
                || op.with_dots(wide::Two),
            );
        }
        real::with_avx2(
            #[inline(always)]
            || op.with_dots(One),
        );
    }
    #[cfg(not(target_arch = "x86_64"))]
    op.with_dots(One);
}

/// Calls `$tile!(rows, registers)` with literals, for what is left of a matrix of dot products: at most 4 × 3, which are
/// 12 sums, 3 registers of one matrix and one of the other.
macro_rules! tile_of_dots {
    ($rows:expr, $columns:expr, $tile:ident) => {
        match ($rows, $columns) {
            (4, 3) => $tile!(4, 3),
            (4, 2) => $tile!(4, 2),
            (4, _) => $tile!(4, 1),
            (3, 3) => $tile!(3, 3),
            (3, 2) => $tile!(3, 2),
            (3, _) => $tile!(3, 1),
            (2, 3) => $tile!(2, 3),
            (2, 2) => $tile!(2, 2),
            (2, _) => $tile!(2, 1),
            (_, 3) => $tile!(1, 3),
            (_, 2) => $tile!(1, 2),
            _ => $tile!(1, 1),
        }
    };
}
pub(crate) use tile_of_dots;

/// Rows of the greatest tile of dot products, and its registers in a row.
pub(crate) const TILE_OF_DOTS: (usize, usize) = (4, 3);

/// One product to a register.
#[derive(Clone, Copy)]
struct One;

impl<T: Real> Dots<T> for One {
    const TOGETHER: usize = 1;
    type Register = T::Vector<Token>;

    #[inline(always)]
    fn zero(self) -> Self::Register {
        T::splat(simd(), T::ZERO)
    }

    #[inline(always)]
    unsafe fn shared(self, from: *const T) -> Self::Register {
        // SAFETY: the caller's promise.
        unsafe { load::<T, Token>(from) }
    }

    #[inline(always)]
    unsafe fn own(self, [from, _]: [*const T; 2]) -> Self::Register {
        // SAFETY: the caller's promise.
        unsafe { load::<T, Token>(from) }
    }

    #[inline(always)]
    fn fma(self, a: Self::Register, b: Self::Register, c: Self::Register) -> Self::Register {
        T::fma(simd(), a, b, c)
    }

    #[inline(always)]
    fn sums(self, x: Self::Register) -> [T; 2] {
        [T::sum_lanes(simd(), x), T::ZERO]
    }
}

#[cfg(target_arch = "x86_64")]
mod wide {
    use std::mem::transmute_copy;

    use pulp::x86::V4;

    use super::{Dots, Real, Token, load, simd};

    /// Two products to a register.
    #[derive(Clone, Copy)]
    pub(super) struct Two;

    #[inline(always)]
    fn join<T: Real>(halves: [T::Vector<Token>; 2]) -> T::Vector<V4> {
        const { assert!(size_of::<[T::Vector<Token>; 2]>() == size_of::<T::Vector<V4>>()) };
        // SAFETY: registers of one length that hold numbers.
        unsafe { transmute_copy(&halves) }
    }

    #[inline(always)]
    fn token() -> V4 {
        // SAFETY: `dispatch` has asked `wide`.
        unsafe { V4::new_unchecked() }
    }

    impl<T: Real> Dots<T> for Two {
        const TOGETHER: usize = 2;
        type Register = T::Vector<V4>;

        #[inline(always)]
        fn zero(self) -> Self::Register {
            T::splat(token(), T::ZERO)
        }

        #[inline(always)]
        unsafe fn shared(self, from: *const T) -> Self::Register {
            // SAFETY: the caller's promise.
            join::<T>([unsafe { load::<T, Token>(from) }; 2])
        }

        #[inline(always)]
        unsafe fn own(self, [first, second]: [*const T; 2]) -> Self::Register {
            // SAFETY: the caller's promise.
            join::<T>(unsafe { [load::<T, Token>(first), load::<T, Token>(second)] })
        }

        #[inline(always)]
        fn fma(self, a: Self::Register, b: Self::Register, c: Self::Register) -> Self::Register {
            T::fma(token(), a, b, c)
        }

        #[inline(always)]
        fn sums(self, x: Self::Register) -> [T; 2] {
            const { assert!(size_of::<[T::Vector<Token>; 2]>() == size_of::<T::Vector<V4>>()) };
            // SAFETY: registers of one length that hold numbers.
            let [first, second]: [T::Vector<Token>; 2] = unsafe { transmute_copy(&x) };
            [T::sum_lanes(simd(), first), T::sum_lanes(simd(), second)]
        }
    }
}
