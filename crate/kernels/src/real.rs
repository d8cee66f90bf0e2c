//! The two number types of the kernels, and the instruction set they run with.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64 as x86;
#[cfg(target_arch = "x86_64")]
use std::mem::transmute_copy;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub, SubAssign};

use candle_core::WithDType;
use pulp::{Simd, WithSimd};

use crate::Instructions;

/// `f32` or `f64`.
///
/// `exp` and `tanh` have no branches and no calls, so that loops over them become vector code.
pub trait Real:
    WithDType
    + Default
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + std::iter::Sum
{
    /// 0
    const ZERO: Self;
    /// 1
    const ONE: Self;
    /// A register of these numbers.
    type Vector<S: Simd>: Copy + 'static;

    /// x in each lane.
    fn splat<S: Simd>(simd: S, x: Self) -> Self::Vector<S>;
    /// a b + c in each lane.
    fn fma<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>, c: Self::Vector<S>) -> Self::Vector<S>;
    /// a + b in each lane.
    fn plus<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// a - b in each lane.
    fn minus<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// a b in each lane.
    fn times<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// x in the lanes where `sign` is above 0, else 0.
    fn where_positive<S: Simd>(simd: S, sign: Self::Vector<S>, x: Self::Vector<S>) -> Self::Vector<S>;
    /// The first numbers of a register from a slice that is not longer, and zeros.
    fn load_part<S: Simd>(simd: S, from: &[Self]) -> Self::Vector<S>;
    /// 1 in the first `n` lanes, and zeros.
    fn ones_part<S: Simd>(simd: S, n: usize) -> Self::Vector<S>;
    /// Writes the first numbers of a register to a slice that is not longer.
    fn store_part<S: Simd>(simd: S, to: &mut [Self], x: Self::Vector<S>);
    /// Every second number of two registers, from the first on.
    fn evens<S: Simd>(simd: S, low: Self::Vector<S>, high: Self::Vector<S>) -> Self::Vector<S>;
    /// The numbers of two registers in turn: the first half of them, and the second.
    fn interleave<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> (Self::Vector<S>, Self::Vector<S>);
    /// The sum of the lanes.
    fn sum_lanes<S: Simd>(simd: S, x: Self::Vector<S>) -> Self;

    /// The nearest number of this type.
    fn of(x: f64) -> Self;
    /// The same number as f64.
    fn wide(self) -> f64;
    /// `self * a + b`, rounded once.
    fn mul_add(self, a: Self, b: Self) -> Self;
    /// Absolute value.
    fn abs(self) -> Self;
    /// The bits of an absolute value, which are in the order of sizes; those of ∞ and NaN are above all others.
    type Bits: Copy + Ord + Default;
    /// The bits of |`self`|.
    fn size_bits(self) -> Self::Bits;
    /// The absolute value of these bits.
    fn of_size(bits: Self::Bits) -> Self;
    /// Natural logarithm.
    fn ln(self) -> Self;
    /// The larger of the two; `self` where one of them is NaN.
    fn larger(self, other: Self) -> Self;
    /// e to the power of `self`; within 2 units in the last place, NaN for NaN, 0 and ∞ beyond the range.
    fn exp(self) -> Self;
    /// exp(`self`) - 1 without cancellation near 0.
    fn exp_m1(self) -> Self;

    /// 1 / (1 + exp(-x)).
    #[inline(always)]
    fn sigmoid(self) -> Self {
        Self::ONE / (Self::ONE + (-self).exp())
    }

    /// ln(1 + `self`) for numbers in [0, 1], accurate near 0 as well; NaN for NaN.
    #[inline(always)]
    fn ln_1p_of_fraction(self) -> Self {
        // 2 artanh(s) = 2 (s + s³/3 + s⁵/5 + ...), where s is at most 1/3.
        let terms = if size_of::<Self>() == 4 { 8 } else { 17 };
        let s = self / (self + Self::of(2.0));
        let mut series = Self::ZERO;
        for k in (0..terms).rev() {
            series = series.mul_add(s * s, Self::of(1.0 / f64::from(2 * k + 1)));
        }
        Self::of(2.0) * s * series
    }

    /// Hyperbolic tangent.
    #[inline(always)]
    fn tanh(self) -> Self {
        // From exp(-2|x|) - 1, which is accurate near 0 and never overflows.
        let e = (Self::of(-2.0) * self.abs()).exp_m1();
        let t = -e / (e + Self::of(2.0));
        if self < Self::ZERO { -t } else { t }
    }
}

/// Runs `f`, and what is inlined into it, with the instruction set in use, which is not the base.
///
/// `f` is compiled once for each set, and for that it has to be inlined into each copy: its closure carries
/// `#[inline(always)]`.
#[inline(always)]
pub(crate) fn vectorized<R>(f: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: kernels are called after `can_take`, which asks `available`; and `wide` tells what else there is.
    return unsafe { if wide() { with_avx512(f) } else { with_avx2(f) } };
    #[cfg(not(target_arch = "x86_64"))]
    f()
}

/// [`vectorized`] for what has no composed form, and so runs on the base set as well.
#[inline(always)]
pub(crate) fn vectorized_or_not<R>(f: impl FnOnce() -> R) -> R {
    if available() { vectorized(f) } else { f() }
}

/// # Safety
/// The processor has them.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
#[inline]
pub(crate) unsafe fn with_avx2<R>(f: impl FnOnce() -> R) -> R {
    f()
}

/// # Safety
/// The processor has them.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,fma")]
#[inline]
pub(crate) unsafe fn with_avx512<R>(f: impl FnOnce() -> R) -> R {
    f()
}

/// Runs `op` with the registers of the instruction set in use. pulp's own `Arch` would have each compiled once more, for
/// processors that kernels do not run on.
#[inline(always)]
pub(crate) fn dispatch<Op: WithSimd>(op: Op) -> Op::Output {
    #[cfg(target_arch = "x86_64")]
    if wide() {
        // SAFETY: the processor has it.
        return Simd::vectorize(unsafe { pulp::x86::V4::new_unchecked() }, op);
    }
    #[cfg(target_arch = "x86_64")]
    return Simd::vectorize(simd(), op);
    #[cfg(not(target_arch = "x86_64"))]
    Simd::vectorize(simd(), op)
}

/// Asks for numbers to be brought into the cache; they may be read soon.
#[inline(always)]
pub(crate) fn prefetch_all<T>(x: &[T]) {
    #[cfg(target_arch = "x86_64")]
    for line in x.chunks(64 / size_of::<T>()) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: no address faults, and every processor of this architecture has the instruction.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = x;
}

/// Whether this machine has instructions that kernels are compiled for, and is to use them.
pub(crate) fn available() -> bool {
    Instructions::in_use() != Instructions::Base
}

/// Whether registers are those of AVX-512.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) fn wide() -> bool {
    Instructions::in_use() == Instructions::Avx512
}

#[cfg(target_arch = "x86_64")]
pub(crate) type Token = pulp::x86::V3;
#[cfg(target_arch = "aarch64")]
pub(crate) type Token = pulp::aarch64::Neon;
// Kernels are not called there.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(crate) type Token = pulp::Scalar;

/// A set that [`vectorized`] has in any case, for code inside it that says which registers it takes.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) fn simd() -> Token {
    // SAFETY: kernels are called after `can_take`, which asks `available`.
    unsafe { Token::new_unchecked() }
}

#[cfg(target_arch = "aarch64")]
#[inline(always)]
pub(crate) fn simd() -> Token {
    const { assert!(cfg!(target_feature = "neon"), "64-bit ARM is compiled for NEON, which all its processors have") };
    // SAFETY: by the assertion the whole program needs it.
    unsafe { Token::new_unchecked() }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
#[inline(always)]
pub(crate) fn simd() -> Token {
    Token::new()
}

/// 1/k! for k = 13, …, 2.
const INVERSE_FACTORIALS: [f64; 12] = [
    1.0 / 6_227_020_800.0,
    1.0 / 479_001_600.0,
    1.0 / 39_916_800.0,
    1.0 / 3_628_800.0,
    1.0 / 362_880.0,
    1.0 / 40_320.0,
    1.0 / 5_040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
];

/// 2ⁿ for a normal result.
macro_rules! power {
    ($T:ident, $U:ident, $n:expr, $mantissa:expr, $bias:expr) => {
        $T::from_bits(((($n) + $bias) << $mantissa) as $U)
    };
}

/// (n, exp(r) - 1) with x = n ln 2 + r and |r| ≤ ln 2 / 2.
macro_rules! exp_parts {
    ($T:ident, $U:ident, $x:expr, $highest:expr, $lowest:expr, $mantissa:expr, $high:expr, $low:expr, $terms:expr) => {{
        // These comparisons keep a NaN, as `min` and `max` would not.
        let x: $T = $x;
        let x = if x > $highest { $highest } else { x };
        let x = if x < $lowest { $lowest } else { x };
        // Adding 1.5 · 2^mantissa rounds to an integer, and leaves it in the low bits.
        let magic: $T = 1.5 * (1_u64 << $mantissa) as $T;
        let shifted = $T::mul_add(x, std::$T::consts::LOG2_E, magic);
        let n = (shifted.to_bits()).wrapping_sub(magic.to_bits());
        let n = signed!($U, n);
        let k = shifted - magic;
        let r = $T::mul_add(k, -$low, $T::mul_add(k, -$high, x));
        let mut sum: $T = 0.0;
        for term in $terms {
            sum = $T::mul_add(sum, r, term as $T);
        }
        (n, $T::mul_add(sum * r, r, r))
    }};
}

macro_rules! signed {
    (u32, $n:expr) => {
        $n as i32
    };
    (u64, $n:expr) => {
        $n as i64
    };
}

macro_rules! real {
    ($T:ident, $U:ident, vector $V:ident $splat:ident $fma:ident $add:ident $sub:ident $mul:ident $less:ident $select:ident $sum:ident $load:ident $store:ident, x86 $load_wide:ident $load_narrow:ident $store_wide:ident $masks:ident, mantissa $mantissa:expr, bias $bias:expr, lowest $lowest:expr, highest $highest:expr,
     ln2 $high:expr, $low:expr, terms $terms:expr) => {
        impl Real for $T {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            type Vector<S: Simd> = S::$V;

            #[inline(always)]
            fn splat<S: Simd>(simd: S, x: Self) -> S::$V {
                simd.$splat(x)
            }

            #[inline(always)]
            fn fma<S: Simd>(simd: S, a: S::$V, b: S::$V, c: S::$V) -> S::$V {
                simd.$fma(a, b, c)
            }

            #[inline(always)]
            fn plus<S: Simd>(simd: S, a: S::$V, b: S::$V) -> S::$V {
                simd.$add(a, b)
            }

            #[inline(always)]
            fn minus<S: Simd>(simd: S, a: S::$V, b: S::$V) -> S::$V {
                simd.$sub(a, b)
            }

            #[inline(always)]
            fn times<S: Simd>(simd: S, a: S::$V, b: S::$V) -> S::$V {
                simd.$mul(a, b)
            }

            #[inline(always)]
            fn where_positive<S: Simd>(simd: S, sign: S::$V, x: S::$V) -> S::$V {
                let zero = simd.$splat(0.0);
                simd.$select(simd.$less(zero, sign), x, zero)
            }

            #[inline(always)]
            fn load_part<S: Simd>(simd: S, from: &[$T]) -> S::$V {
                let lanes = size_of::<S::$V>() / size_of::<$T>();
                // pulp's own jumps to one of as many instructions as there are lanes.
                #[cfg(target_arch = "x86_64")]
                if size_of::<S::$V>() >= 32 {
                    let from = &from[..lanes.min(from.len())];
                    // SAFETY: as many numbers as there are, with the instructions that registers of this length are of.
                    return unsafe {
                        match size_of::<S::$V>() {
                            64 => transmute_copy(&x86::$load_wide(((1_u32 << from.len()) - 1) as _, from.as_ptr())),
                            _ => transmute_copy(&x86::$load_narrow(
                                from.as_ptr(),
                                transmute_copy(&MASKS.$masks[lanes - from.len()]),
                            )),
                        }
                    };
                }
                simd.$load(&from[..lanes.min(from.len())])
            }

            #[inline(always)]
            fn ones_part<S: Simd>(simd: S, n: usize) -> S::$V {
                // Not on the stack, from where a register that was just written in pieces is read late.
                static ONES: [$T; 16] = [1.0; 16];
                Self::load_part(simd, &ONES[..n])
            }

            #[inline(always)]
            fn store_part<S: Simd>(simd: S, to: &mut [$T], x: S::$V) {
                let lanes = size_of::<S::$V>() / size_of::<$T>();
                let n = lanes.min(to.len());
                let to = &mut to[..n];
                #[cfg(target_arch = "x86_64")]
                if size_of::<S::$V>() == 64 {
                    // SAFETY: as many numbers as there are, in registers of this length.
                    return unsafe { x86::$store_wide(to.as_mut_ptr(), ((1_u32 << n) - 1) as _, transmute_copy(&x)) };
                }
                simd.$store(to, x);
            }

            #[inline(always)]
            fn evens<S: Simd>(_: S, low: S::$V, high: S::$V) -> S::$V {
                let lanes = size_of::<S::$V>() / size_of::<$T>();
                let mut all = [0.0; 32];
                // SAFETY: two registers hold 32 numbers at most.
                unsafe {
                    store::<$T, S>(all.as_mut_ptr(), low);
                    store::<$T, S>(all.as_mut_ptr().add(lanes), high);
                }
                let evens: [$T; 16] = std::array::from_fn(|i| all[2 * i]);
                // SAFETY: a register holds 16 numbers at most.
                unsafe { load::<$T, S>(evens.as_ptr()) }
            }

            #[inline(always)]
            fn interleave<S: Simd>(_: S, a: S::$V, b: S::$V) -> (S::$V, S::$V) {
                let lanes = size_of::<S::$V>() / size_of::<$T>();
                let (mut left, mut right) = ([0.0; 16], [0.0; 16]);
                // SAFETY: a register holds 16 numbers at most.
                unsafe {
                    store::<$T, S>(left.as_mut_ptr(), a);
                    store::<$T, S>(right.as_mut_ptr(), b);
                }
                let half = |from: usize| -> [$T; 16] {
                    std::array::from_fn(|i| {
                        let at = (from + i / 2) % 16;
                        if i % 2 == 0 { left[at] } else { right[at] }
                    })
                };
                // SAFETY: as above.
                unsafe { (load::<$T, S>(half(0).as_ptr()), load::<$T, S>(half(lanes / 2).as_ptr())) }
            }

            #[inline(always)]
            fn sum_lanes<S: Simd>(simd: S, x: S::$V) -> Self {
                simd.$sum(x)
            }

            #[inline(always)]
            fn of(x: f64) -> Self {
                x as $T
            }

            #[inline(always)]
            fn wide(self) -> f64 {
                f64::from(self)
            }

            #[inline(always)]
            fn mul_add(self, a: Self, b: Self) -> Self {
                $T::mul_add(self, a, b)
            }

            #[inline(always)]
            fn abs(self) -> Self {
                $T::abs(self)
            }

            #[inline(always)]
            fn ln(self) -> Self {
                $T::ln(self)
            }

            type Bits = $U;

            #[inline(always)]
            fn size_bits(self) -> $U {
                $T::abs(self).to_bits()
            }

            #[inline(always)]
            fn of_size(bits: $U) -> Self {
                $T::from_bits(bits)
            }

            #[inline(always)]
            fn larger(self, other: Self) -> Self {
                if self < other { other } else { self }
            }

            #[inline(always)]
            fn exp(self) -> Self {
                let (n, e) = exp_parts!($T, $U, self, $highest, $lowest, $mantissa, $high, $low, $terms);
                // In two steps, so that 2ⁿ may leave the range of normal numbers.
                let half = n >> 1;
                (e + 1.0) * power!($T, $U, half, $mantissa, $bias) * power!($T, $U, n - half, $mantissa, $bias)
            }

            #[inline(always)]
            fn exp_m1(self) -> Self {
                let (n, e) = exp_parts!($T, $U, self, $highest - 1.0, $lowest, $mantissa, $high, $low, $terms);
                let half = n >> 1;
                let power = power!($T, $U, half, $mantissa, $bias) * power!($T, $U, n - half, $mantissa, $bias);
                $T::mul_add(power, e, power - 1.0)
            }
        }
    };
}

// The coefficients of f32 are those of the Cephes library's `expf`; in f64 the Taylor series to r¹³ is exact to
// rounding. The logarithm of 2 is split in two, so that n ln 2 loses nothing.
real!(f32, u32, vector f32s splat_f32s mul_add_e_f32s add_f32s sub_f32s mul_f32s less_than_f32s select_f32s reduce_sum_f32s partial_load_f32s partial_store_f32s, x86 _mm512_maskz_loadu_ps _mm256_maskload_ps _mm512_mask_storeu_ps single, mantissa 23, bias 127, lowest -104.0, highest 89.0, ln2 0.693_359_4_f32, -2.121_944_4e-4_f32,
    terms [1.987_569_2e-4_f32, 1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5]);
real!(f64, u64, vector f64s splat_f64s mul_add_e_f64s add_f64s sub_f64s mul_f64s less_than_f64s select_f64s reduce_sum_f64s partial_load_f64s partial_store_f64s, x86 _mm512_maskz_loadu_pd _mm256_maskload_pd _mm512_mask_storeu_pd double, mantissa 52, bias 1023, lowest -746.0, highest 710.0, ln2 0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10,
    terms INVERSE_FACTORIALS);

/// For AVX2, which lanes are read where so many of 8, or of 4, are not.
#[cfg(target_arch = "x86_64")]
struct Masks {
    single: [[i32; 8]; 9],
    double: [[i64; 4]; 5],
}

#[cfg(target_arch = "x86_64")]
static MASKS: Masks = {
    let mut masks = Masks { single: [[0; 8]; 9], double: [[0; 4]; 5] };
    let mut missing = 0;
    while missing <= 8 {
        let mut lane = 0;
        while lane < 8 - missing {
            masks.single[missing][lane] = -1;
            if missing <= 4 && lane + missing < 4 {
                masks.double[missing][lane] = -1;
            }
            lane += 1;
        }
        missing += 1;
    }
    masks
};

/// A register's worth of numbers.
///
/// # Safety
/// They may be read.
#[inline(always)]
pub(crate) unsafe fn load<T: Real, S: Simd>(from: *const T) -> T::Vector<S> {
    // SAFETY: the caller's promise that a register's worth may be read.
    unsafe { from.cast::<T::Vector<S>>().read_unaligned() }
}

/// Writes a register's worth of numbers.
///
/// # Safety
/// They may be written.
#[inline(always)]
pub(crate) unsafe fn store<T: Real, S: Simd>(to: *mut T, x: T::Vector<S>) {
    // SAFETY: the caller's promise that a register's worth may be written.
    unsafe { to.cast::<T::Vector<S>>().write_unaligned(x) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest relative error of `f`, in units in the last place of `T`, over (-range, range).
    fn worst<T: Real>(f: impl Fn(T) -> T, exact: impl Fn(f64) -> f64, range: f64, epsilon: f64) -> f64 {
        let points = (-200_000..=200_000).map(|i| range * f64::from(i) / 200_000.0 + 1e-9 * f64::from(i));
        points
            .map(|x| {
                let x = T::of(x);
                let (actual, exact) = (f(x).to_f64(), exact(x.to_f64()));
                if exact == 0.0 { actual.abs() } else { (actual - exact).abs() / exact.abs() / epsilon }
            })
            .fold(0.0, f64::max)
    }

    #[test]
    fn exponentials_are_within_a_few_units_of_the_last_place() {
        if !available() {
            return;
        }
        vectorized(|| {
            let (single, double) = (f64::from(f32::EPSILON), f64::EPSILON);
            for (error, limit) in [
                (worst(<f32 as Real>::exp, f64::exp, 87.0, single), 2.0),
                (worst(<f64 as Real>::exp, f64::exp, 708.0, double), 2.0),
                (worst(<f32 as Real>::exp_m1, f64::exp_m1, 1.0, single), 2.0),
                (worst(<f64 as Real>::exp_m1, f64::exp_m1, 1.0, double), 3.0),
                (worst(<f32 as Real>::tanh, f64::tanh, 12.0, single), 3.0),
                (worst(<f64 as Real>::tanh, f64::tanh, 25.0, double), 4.0),
                (worst(|x: f32| Real::abs(x).ln_1p_of_fraction(), |x| x.abs().ln_1p(), 1.0, single), 3.0),
                (worst(|x: f64| Real::abs(x).ln_1p_of_fraction(), |x| x.abs().ln_1p(), 1.0, double), 3.0),
                (worst(<f32 as Real>::sigmoid, |x| 1.0 / (1.0 + (-x).exp()), 80.0, single), 3.0),
            ] {
                assert!(error <= limit, "{error} units, at most {limit}");
            }
        });
    }

    #[test]
    fn exponentials_keep_their_limits() {
        fn check<T: Real>() {
            let (infinity, nan) = (T::of(f64::INFINITY), T::of(f64::NAN));
            assert!(infinity.exp() == infinity && (-infinity).exp() == T::ZERO && T::ZERO.exp() == T::ONE);
            assert!(T::of(-1e6).exp() == T::ZERO && T::of(1e6).exp() == infinity);
            assert!(infinity.tanh() == T::ONE && (-infinity).tanh() == -T::ONE && T::ZERO.tanh() == T::ZERO);
            assert!(infinity.sigmoid() == T::ONE && (-infinity).sigmoid() == T::ZERO);
            assert!([nan.exp(), nan.tanh(), nan.sigmoid(), nan.exp_m1()].iter().all(|y| y.to_f64().is_nan()));
            assert!((-infinity).exp_m1() == -T::ONE);
        }
        check::<f32>();
        check::<f64>();
    }
}
