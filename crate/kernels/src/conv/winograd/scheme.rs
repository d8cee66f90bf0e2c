//! The points at which kernels and rows are multiplied, and the sums that lead there and back.
//!
//! The usual points, 0, ±1, ±2 and ∞, double the rounding error of the plain sum; these make it 1.4 times as large.

use std::marker::PhantomData;

use pulp::{Simd, WithSimd};

use crate::real::{load, store};
use crate::{Real, real};

/// Rows of the output that are made at a time.
pub(in super::super) const ROWS: usize = 4;
/// The most points of a scheme.
pub(in super::super) const MOST: usize = 6;

/// Registers at each point, or fewer.
pub(in super::super) type Values<T, S> = [<T as Real>::Vector<S>; MOST];

/// A way to make four rows of the output.
pub(in super::super) trait Scheme: Copy + Send + Sync + 'static {
    /// Rows of the kernel.
    const TAPS: usize;
    /// Points, and rows of the input.
    const POINTS: usize = Self::TAPS + ROWS - 1;
    /// G: from the rows of the kernel to its value at each point.
    const G: [[f64; 3]; MOST];

    /// Bᵀ d.
    fn rows<T: Real, S: Simd>(simd: S, d: Values<T, S>) -> Values<T, S>;
    /// A g.
    fn grads<T: Real, S: Simd>(simd: S, g: [T::Vector<S>; ROWS]) -> Values<T, S>;
    /// Aᵀ m, plus b.
    fn join<T: Real, S: Simd>(simd: S, m: Values<T, S>, b: T::Vector<S>) -> [T::Vector<S>; ROWS];
}

/// a x + y.
#[inline(always)]
fn plus<T: Real, S: Simd>(simd: S, a: f64, x: T::Vector<S>, y: T::Vector<S>) -> T::Vector<S> {
    T::fma(simd, T::splat(simd, T::of(a)), x, y)
}

/// a x.
#[inline(always)]
fn times<T: Real, S: Simd>(simd: S, a: f64, x: T::Vector<S>) -> T::Vector<S> {
    plus::<T, S>(simd, a, x, T::splat(simd, T::ZERO))
}

/// Kernels of three rows, at 0, ±2/3, ±3/2 and ∞.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Three;

const P: f64 = 2.0 / 3.0;
const Q: f64 = 1.5;
const P2: f64 = P * P;
const Q2: f64 = Q * Q;
const NP: f64 = 2.0 * P2 * (P2 - Q2);
const NQ: f64 = 2.0 * Q2 * (Q2 - P2);

impl Scheme for Three {
    const TAPS: usize = 3;
    const G: [[f64; 3]; MOST] = [
        [1.0, 0.0, 0.0],
        [1.0 / NP, P / NP, P2 / NP],
        [1.0 / NP, -P / NP, P2 / NP],
        [1.0 / NQ, Q / NQ, Q2 / NQ],
        [1.0 / NQ, -Q / NQ, Q2 / NQ],
        [0.0, 0.0, 1.0],
    ];

    #[inline(always)]
    fn rows<T: Real, S: Simd>(simd: S, d: Values<T, S>) -> Values<T, S> {
        let plus = |a, x, y| plus::<T, S>(simd, a, x, y);
        let times = |a, x| times::<T, S>(simd, a, x);
        let (e, o) = (plus(-Q2, d[2], d[4]), plus(P, d[3], times(-Q, d[1])));
        let (f, p) = (plus(-P2, d[2], d[4]), plus(Q, d[3], times(-P, d[1])));
        let both = -P2 - Q2;
        [
            plus(both, d[2], plus(1.0, d[0], d[4])),
            plus(1.0, o, e),
            plus(-1.0, o, e),
            plus(1.0, p, f),
            plus(-1.0, p, f),
            plus(both, d[3], plus(1.0, d[1], d[5])),
        ]
    }

    #[inline(always)]
    fn grads<T: Real, S: Simd>(simd: S, g: [T::Vector<S>; ROWS]) -> Values<T, S> {
        let plus = |a, x, y| plus::<T, S>(simd, a, x, y);
        let times = |a, x| times::<T, S>(simd, a, x);
        let (e, o) = (plus(P2, g[2], g[0]), plus(P * P2, g[3], times(P, g[1])));
        let (f, p) = (plus(Q2, g[2], g[0]), plus(Q * Q2, g[3], times(Q, g[1])));
        [g[0], plus(1.0, o, e), plus(-1.0, o, e), plus(1.0, p, f), plus(-1.0, p, f), g[3]]
    }

    #[inline(always)]
    fn join<T: Real, S: Simd>(simd: S, m: Values<T, S>, b: T::Vector<S>) -> [T::Vector<S>; ROWS] {
        let plus = |a, x, y| plus::<T, S>(simd, a, x, y);
        let (e, o) = (plus(1.0, m[2], m[1]), plus(-1.0, m[2], m[1]));
        let (f, p) = (plus(1.0, m[4], m[3]), plus(-1.0, m[4], m[3]));
        [
            plus(1.0, e, plus(1.0, f, plus(1.0, m[0], b))),
            plus(P, o, plus(Q, p, b)),
            plus(P2, e, plus(Q2, f, b)),
            plus(P * P2, o, plus(Q * Q2, p, plus(1.0, m[5], b))),
        ]
    }
}

/// Kernels of two rows, at 0, 1/2, -1, 2 and ∞.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Two;

impl Scheme for Two {
    const TAPS: usize = 2;
    const G: [[f64; 3]; MOST] = [
        [1.0, 0.0, 0.0],
        [-8.0 / 9.0, -4.0 / 9.0, 0.0],
        [-2.0 / 9.0, 2.0 / 9.0, 0.0],
        [1.0 / 9.0, 2.0 / 9.0, 0.0],
        [0.0, 1.0, 0.0],
        [0.0; 3],
    ];

    #[inline(always)]
    fn rows<T: Real, S: Simd>(simd: S, d: Values<T, S>) -> Values<T, S> {
        let plus = |a, x, y| plus::<T, S>(simd, a, x, y);
        let sum = plus(1.0, d[1], d[2]);
        [
            plus(-1.5, sum, plus(1.0, d[0], d[3])),
            plus(-2.0, d[1], plus(-1.0, d[2], d[3])),
            plus(-2.5, d[2], plus(1.0, d[1], d[3])),
            plus(0.5, plus(-1.0, d[1], d[2]), d[3]),
            plus(-1.5, plus(1.0, d[2], d[3]), plus(1.0, d[1], d[4])),
            d[4],
        ]
    }

    #[inline(always)]
    fn grads<T: Real, S: Simd>(simd: S, g: [T::Vector<S>; ROWS]) -> Values<T, S> {
        let plus = |a, x, y| plus::<T, S>(simd, a, x, y);
        // Horner's rule at each point.
        let at = |p| plus(p, plus(p, plus(p, g[3], g[2]), g[1]), g[0]);
        [g[0], at(0.5), at(-1.0), at(2.0), g[3], g[3]]
    }

    #[inline(always)]
    fn join<T: Real, S: Simd>(simd: S, m: Values<T, S>, b: T::Vector<S>) -> [T::Vector<S>; ROWS] {
        let plus = |a, x, y| plus::<T, S>(simd, a, x, y);
        let even = plus(1.0, m[2], b);
        let odd = plus(-1.0, m[2], b);
        [
            plus(1.0, plus(1.0, m[1], m[3]), plus(1.0, m[0], even)),
            plus(0.5, m[1], plus(2.0, m[3], odd)),
            plus(0.25, m[1], plus(4.0, m[3], even)),
            plus(0.125, m[1], plus(8.0, m[3], plus(1.0, m[4], odd))),
        ]
    }
}

/// A g of all rows of an image whose lines are `pitch` apart.
pub(super) struct Transform<'a, T, K> {
    down: usize,
    pitch: usize,
    from: &'a [T],
    to: &'a mut [T],
    /// Numbers from one point to the next.
    point: usize,
    scheme: PhantomData<K>,
}

impl<'a, T: Real, K: Scheme> Transform<'a, T, K> {
    pub fn new(down: usize, pitch: usize, from: &'a [T], to: &'a mut [T], point: usize) -> Self {
        Self { down, pitch, from, to, point, scheme: PhantomData }
    }

    pub fn run(self) {
        real::dispatch(self);
    }
}

impl<T: Real, K: Scheme> WithSimd for Transform<'_, T, K> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { down, pitch, from, to, point, .. } = self;
        let lanes = size_of::<T::Vector<S>>() / size_of::<T>();
        let width = pitch.next_multiple_of(lanes);
        assert!(
            down > 0
                && (down * ROWS - 1) * pitch + width <= from.len()
                && (K::POINTS - 1) * point + (down - 1) * pitch + width <= to.len()
        );
        for u in 0..down {
            for x in (0..width).step_by(lanes) {
                // SAFETY: by the assertion; what lies beyond the pitch is written over by the next row, or is slack.
                unsafe {
                    let at = |r: usize| load::<T, S>(from.as_ptr().add((u * ROWS + r) * pitch + x));
                    let values = K::grads::<T, S>(simd, std::array::from_fn(at));
                    for (i, &value) in values.iter().enumerate().take(K::POINTS) {
                        store::<T, S>(to.as_mut_ptr().add(i * point + u * pitch + x), value);
                    }
                }
            }
        }
    }
}
