//! The rows of a layer normalization, some at once: a row by itself waits for its sums most of the time, and reads scales
//! and shifts for itself alone.

use pulp::{Simd, WithSimd};

use super::sums;
use crate::Real;
use crate::normalization::Moments;
use crate::real::{self, load, store};

/// Mean and 1 / standard deviation of a row.
pub(super) type Row<T> = (T, T);

/// Rows that are taken at once.
pub(super) const TOGETHER: usize = 4;

/// The longest of rows that the forward pass takes at once: they stay in the first cache from pass to pass.
pub(super) const NARROW: usize = 1024;

/// The forward pass of `ROWS` rows.
#[inline(always)]
pub(super) fn rows_forward<T: Real, const ROWS: usize>(
    x: &[T],
    (gamma, beta): (&[T], &[T]),
    eps: f64,
    saved: &mut [Row<T>],
    y: &mut [T],
) {
    let width = gamma.len();
    assert!(saved.len() == ROWS && x.len() == ROWS * width && y.len() == x.len() && beta.len() == width);
    let mut rows = [(T::ZERO, T::ZERO); ROWS];
    for (row, moments) in rows.iter_mut().zip(Moments::of_rows::<T, ROWS>(x)) {
        *row = (T::of(moments.mean), T::of(moments.rstd(eps)));
    }
    saved.copy_from_slice(&rows);
    real::dispatch(Forward { x, gamma, beta, rows, y });
}

/// y = x̂ γ + β. Each number is computed by itself, so its bits do not depend on how many a register holds.
struct Forward<'a, T, const ROWS: usize> {
    x: &'a [T],
    gamma: &'a [T],
    beta: &'a [T],
    rows: [Row<T>; ROWS],
    y: &'a mut [T],
}

impl<T: Real, const ROWS: usize> WithSimd for Forward<'_, T, ROWS> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { x, gamma, beta, rows, y } = self;
        let (width, lanes) = (gamma.len(), size_of::<T::Vector<S>>() / size_of::<T>());
        let whole = width / lanes * lanes;
        for j in (0..whole).step_by(lanes) {
            // SAFETY: j + lanes is at most the width, and there are ROWS rows of it in x and y.
            unsafe {
                let (scale, shift) = (load::<T, S>(gamma.as_ptr().add(j)), load::<T, S>(beta.as_ptr().add(j)));
                for (row, (mean, rstd)) in rows.into_iter().enumerate() {
                    let at = row * width + j;
                    let distance = T::minus(simd, load::<T, S>(x.as_ptr().add(at)), T::splat(simd, mean));
                    let normal = T::times(simd, distance, T::splat(simd, rstd));
                    store::<T, S>(y.as_mut_ptr().add(at), T::fma(simd, normal, scale, shift));
                }
            }
        }
        for j in whole..width {
            for (row, (mean, rstd)) in rows.into_iter().enumerate() {
                let at = row * width + j;
                y[at] = ((x[at] - mean) * rstd).mul_add(gamma[j], beta[j]);
            }
        }
    }
}

/// The backward pass of `ROWS` rows: from γ, g and x to dx, and added to dγ and dβ.
#[inline(always)]
pub(super) fn rows_backward<T: Real, const ROWS: usize>(
    saved: &[Row<T>],
    (gamma, g, x): (&[T], &[T], &[T]),
    (dx, dgamma, dbeta): (&mut [T], &mut [T], &mut [T]),
) {
    let width = gamma.len();
    assert!(saved.len() == ROWS && dgamma.len() == width && dbeta.len() == width);
    assert!(g.len() == ROWS * width && x.len() == ROWS * width && dx.len() == ROWS * width);
    // Copies: what is behind a reference might change with each number written, as far as the compiler knows.
    let (mut rows, mut terms) = ([(T::ZERO, T::ZERO); ROWS], [(T::ZERO, T::ZERO); ROWS]);
    rows.copy_from_slice(saved);
    for (row, (terms, (mean, rstd))) in terms.iter_mut().zip(rows).enumerate() {
        let row = row * width..(row + 1) * width;
        let (plain, with_x) = sums::of_scaled_gradient(gamma, &g[row.clone()], &x[row], mean);
        let width = T::of(width as f64);
        *terms = (plain / width, with_x * rstd / width);
    }
    real::dispatch(Backward { gamma, g, x, rows, terms, dx, dgamma, dbeta });
}

/// dx = (γ g - constant - x̂ slope) / σ with the terms (constant, slope) of each row, dγ += g x̂, dβ += g. As with
/// [`Forward`], bits do not depend on registers: rows are added in order.
struct Backward<'a, T, const ROWS: usize> {
    gamma: &'a [T],
    g: &'a [T],
    x: &'a [T],
    rows: [Row<T>; ROWS],
    terms: [(T, T); ROWS],
    dx: &'a mut [T],
    dgamma: &'a mut [T],
    dbeta: &'a mut [T],
}

impl<T: Real, const ROWS: usize> WithSimd for Backward<'_, T, ROWS> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { gamma, g, x, rows, terms, dx, dgamma, dbeta } = self;
        let (width, lanes) = (gamma.len(), size_of::<T::Vector<S>>() / size_of::<T>());
        let whole = width / lanes * lanes;
        let splat = T::splat::<S>;
        for j in (0..whole).step_by(lanes) {
            // SAFETY: j + lanes is at most the width, and there are ROWS rows of it in g, x and dx.
            unsafe {
                let scale = load::<T, S>(gamma.as_ptr().add(j));
                let mut to_gamma = load::<T, S>(dgamma.as_ptr().add(j));
                let mut to_beta = load::<T, S>(dbeta.as_ptr().add(j));
                for row in 0..ROWS {
                    let ((mean, rstd), (constant, slope)) = (rows[row], terms[row]);
                    let at = row * width + j;
                    let (g, x) = (load::<T, S>(g.as_ptr().add(at)), load::<T, S>(x.as_ptr().add(at)));
                    let normal = T::times(simd, T::minus(simd, x, splat(simd, mean)), splat(simd, rstd));
                    to_gamma = T::fma(simd, g, normal, to_gamma);
                    to_beta = T::plus(simd, to_beta, g);
                    let share = T::fma(simd, normal, splat(simd, slope), splat(simd, constant));
                    let inner = T::minus(simd, T::times(simd, g, scale), share);
                    store::<T, S>(dx.as_mut_ptr().add(at), T::times(simd, inner, splat(simd, rstd)));
                }
                store::<T, S>(dgamma.as_mut_ptr().add(j), to_gamma);
                store::<T, S>(dbeta.as_mut_ptr().add(j), to_beta);
            }
        }
        for j in whole..width {
            for row in 0..ROWS {
                let ((mean, rstd), (constant, slope)) = (rows[row], terms[row]);
                let at = row * width + j;
                let normal = (x[at] - mean) * rstd;
                dgamma[j] = g[at].mul_add(normal, dgamma[j]);
                dbeta[j] += g[at];
                dx[at] = (g[at] * gamma[j] - normal.mul_add(slope, constant)) * rstd;
            }
        }
    }
}
