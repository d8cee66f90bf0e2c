//! The share of a normal distribution below a number, without branches and calls.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use crate::Real;

/// 1/√(2π)
const DENSITY_AT_0: f64 = 0.5 * FRAC_1_SQRT_2 * FRAC_2_SQRT_PI;

/// Φ(x) and φ(x), each within some units in the last place of itself, in the tails as well, where Φ as (1 + erf(x/√2)) / 2
/// has none left. NaN for NaN.
///
/// ```text
/// 1 - Φ(a) = exp(-a²/2) P(t) / (a + 4),    t = (a - 4) / (a + 4),   a ≥ 0        Φ(-a) = 1 - Φ(a)
/// ```
///
/// t takes [0, ∞) to [-1, 1), and in t the quotient of the tail and its exponential, times a + 4, is nearly a polynomial of
/// low degree; so Shepherd and Laframboise (1981), Chebyshev approximation of (1 + 2x) exp(x²) erfc(x), for erfc.
#[inline(always)]
pub(super) fn normal<T: Real>(x: T) -> (T, T) {
    // Beyond these the exponential is 0. The comparison keeps NaN.
    let (end, terms) = if size_of::<T>() == 4 { (14.5, SINGLE.as_slice()) } else { (38.7, DOUBLE.as_slice()) };
    let a = if x.abs() > T::of(end) { T::of(end) } else { x.abs() };
    let square = a * a;
    // What the square lost by rounding: the exponential of a large number shows it.
    let lost = a.mul_add(a, -square);
    let exp = (T::of(-0.5) * square).exp();
    let exp = (exp * lost).mul_add(T::of(-0.5), exp);
    let near = T::ONE / (a + T::of(4.0));
    let t = near.mul_add(T::of(-8.0), T::ONE);
    let mut series = T::ZERO;
    for &term in terms {
        series = series.mul_add(t, T::of(term));
    }
    let tail = exp * (series * near);
    (if x < T::ZERO { tail } else { T::ONE - tail }, exp * T::of(DENSITY_AT_0))
}

/// P for F32, highest power first: interpolated at the Chebyshev points of t for a in [0, 14.5], in 60 digits; 2⁻²⁸ off.
const SINGLE: [f64; 11] = [
    -5.143_016_220_557_281e-5,
    -0.000_232_022_470_662_559_49,
    0.000_169_984_910_214_489_72,
    0.001_644_523_957_412_078_8,
    -0.003_488_922_386_262_942_4,
    -0.007_544_860_544_780_926_6,
    0.060_397_511_588_730_36,
    -0.186_521_344_741_240_2,
    0.387_137_365_638_063_6,
    -0.607_896_656_659_345_7,
    0.755_285_130_680_114_6,
];

/// P for F64, from a in [0, 38.7]; as near as its rounded coefficients allow.
const DOUBLE: [f64; 24] = [
    -6.968_013_654_298_563e-10,
    -2.457_519_243_777_113_4e-9,
    1.846_349_731_026_176_5e-9,
    1.938_463_976_873_434e-8,
    1.332_286_520_247_006_7e-8,
    -8.503_859_236_912_378e-8,
    -1.549_199_566_396_854e-7,
    2.714_746_985_321_88e-7,
    1.021_468_610_641_944_6e-6,
    -6.295_131_703_624_606e-7,
    -5.920_113_554_313_934e-6,
    7.166_004_466_910_965e-7,
    3.514_466_288_672_767e-5,
    -1.908_243_161_755_764_3e-6,
    -0.000_231_094_929_847_400_57,
    0.000_133_344_310_165_727_36,
    0.001_630_818_456_875_384_3,
    -0.003_479_692_367_199_233,
    -0.007_540_188_966_675_214_5,
    0.060_396_574_890_927_784,
    -0.186_521_857_959_658_92,
    0.387_137_400_742_214_7,
    -0.607_896_641_971_892_1,
    0.755_285_130_415_751_5,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::real::{available, vectorized};

    /// x, Φ(x) and φ(x) by mpmath 1.3.0 in 40 digits.
    const EXACT: [(f64, f64, f64); 16] = [
        (-37.0, 5.725_571_222_524_577e-300, 2.120_006_551_524_605_6e-298),
        (-20.0, 2.753_624_118_606_233_7e-89, 5.520_948_362_159_764e-88),
        (-9.5, 1.049_451_507_536_260_6e-21, 1.007_793_539_430_001e-20),
        (-5.0, 2.866_515_718_791_939e-7, 1.486_719_514_734_297_7e-6),
        (-3.25, 0.000_577_025_042_390_767, 0.002_029_048_057_299_767_7),
        (-2.0, 0.022_750_131_948_179_21, 0.053_990_966_513_188_05),
        (-1.0, 0.158_655_253_931_457_05, 0.241_970_724_519_143_34),
        (-0.5, 0.308_537_538_725_986_9, 0.352_065_326_764_299_47),
        (-0.001, 0.499_601_057_786_088_93, 0.398_942_080_930_342_34),
        (0.0, 0.5, 0.398_942_280_401_432_7),
        (1e-8, 0.500_000_003_989_422_8, 0.398_942_280_401_432_65),
        (0.25, 0.598_706_325_682_923_7, 0.386_668_116_802_849_24),
        (0.75, 0.773_372_647_623_131_8, 0.301_137_432_154_804_4),
        (1.5, 0.933_192_798_731_141_9, 0.129_517_595_665_891_74),
        (3.0, 0.998_650_101_968_369_9, 0.004_431_848_411_938_007_5),
        (6.0, 0.999_999_999_013_412_3, 6.075_882_849_823_285e-9),
    ];

    /// How far two numbers are apart, in units of `epsilon` of the second.
    fn units(actual: f64, exact: f64, epsilon: f64) -> f64 {
        (actual - exact).abs() / exact / epsilon
    }

    #[test]
    fn share_and_density_are_within_a_few_units_of_the_last_place() {
        if !available() {
            return;
        }
        vectorized(
            #[inline(always)]
            || {
                let mut worst = [0.0; 4];
                let mut note = |i: usize, error: f64| worst[i] = f64::max(worst[i], error);
                for (x, share, density) in EXACT {
                    let (a, b) = normal(x);
                    note(0, units(a, share, f64::EPSILON));
                    note(1, units(b, density, f64::EPSILON));
                }
                // Down to where F32 holds all digits of both.
                for i in -130_000..=130_000 {
                    let x = i as f32 * 1e-4;
                    let ((a, b), (share, density)) = (normal(x), normal(f64::from(x)));
                    if share > f64::from(f32::MIN_POSITIVE) {
                        note(2, units(a.into(), share, f32::EPSILON.into()));
                    }
                    note(3, units(b.into(), density, f32::EPSILON.into()));
                }
                assert!(worst.iter().all(|&units| units <= 5.0), "{worst:?}");
            },
        );
    }

    #[test]
    fn share_and_density_keep_their_limits() {
        fn check<T: Real>() {
            let of = |x: f64| normal(T::of(x));
            for far in [1e3, 1e30, f64::INFINITY] {
                assert!(of(far) == (T::ONE, T::ZERO) && of(-far) == (T::ZERO, T::ZERO), "{far}");
            }
            assert!(of(0.0).0 == T::of(0.5) && of(1e-310).0 == T::of(0.5));
            let (share, density) = of(f64::NAN);
            assert!(share.wide().is_nan() && density.wide().is_nan());
        }
        check::<f32>();
        check::<f64>();
    }
}
