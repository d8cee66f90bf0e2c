//! Divergences of distributions whose probabilities are known.

use candlelight_base::range;

use crate::{Error, Result};

/// Kullback–Leibler divergence of two discrete distributions, in nats.
///
/// ```text
/// KL(p ‖ q) = Σᵢ pᵢ ln(pᵢ / qᵢ),    0 ln 0 = 0
/// ```
///
/// 0 only where they are equal, infinite where p has mass and q has none, and not symmetric. p and q: of equal length, at
/// least 0, with a sum of 1 (within 10⁻⁶; they are not rescaled). [`loss::kl_divergence`](crate::loss::kl_divergence) is the
/// one that is trained with.
///
/// # Errors
/// [`Error::Shape`] for other lengths, [`Error::Setting`] for numbers that are no distribution.
///
/// Kullback and Leibler (1951), section 2.
///
/// ```
/// use candlelight::metrics::generative::kl_divergence;
/// # fn main() -> candlelight::Result<()> {
/// let (fair, loaded) = ([0.5, 0.5, 0.0], [0.25, 0.5, 0.25]);
/// assert!((kl_divergence(&fair, &loaded)? - 0.5 * 2f64.ln()).abs() < 1e-15);
/// assert_eq!(kl_divergence(&loaded, &fair)?, f64::INFINITY);
/// # Ok(()) }
/// ```
pub fn kl_divergence(p: &[f64], q: &[f64]) -> Result<f64> {
    check(p, q, 1.0, 1e-6)?;
    Ok(kl(p, q, 1.0))
}

/// Jensen–Shannon divergence of two discrete distributions, in nats.
///
/// ```text
/// JS(p, q) = ½ KL(p ‖ m) + ½ KL(q ‖ m),    m = (p + q) / 2
/// ```
///
/// Symmetric, from 0 where they are equal to ln 2 where nowhere both have mass, however far apart they are. p and q as for
/// [`kl_divergence`]. (scipy's `jensenshannon` is its square root.)
///
/// # Errors
/// As [`kl_divergence`].
///
/// Lin (1991), section III.
///
/// ```
/// use candlelight::metrics::generative::js_divergence;
/// # fn main() -> candlelight::Result<()> {
/// assert_eq!(js_divergence(&[1., 0., 0.], &[0., 0., 1.])?, 2f64.ln());
/// # Ok(()) }
/// ```
pub fn js_divergence(p: &[f64], q: &[f64]) -> Result<f64> {
    check(p, q, 1.0, 1e-6)?;
    Ok(js(p, q, 1.0))
}

/// Divergences of two densities, by their values at the points of an even grid.
///
/// ```text
/// KL(p ‖ q) = ∫ p(x) ln(p(x) / q(x)) dx ≈ Σᵢ p(xᵢ) ln(p(xᵢ) / q(xᵢ)) · cell
/// ```
///
/// For smooth densities that are 0 at the ends the sum is accurate to rounding as soon as its points are close against the
/// width of the narrowest peak (Euler and Maclaurin). Where q underflows to 0 and p does not, KL is infinite.
///
/// ```
/// use candlelight::metrics::generative::Grid;
/// use candlelight::probability::Normal;
/// # fn main() -> candlelight::Result<()> {
/// // Two Gaussians of equal width: KL = (difference of the means)² / (2σ²).
/// let (p, q) = (Normal::new(0., 1.)?, Normal::new(2., 1.)?);
/// let x: Vec<f64> = (-100..=120).map(|i| f64::from(i) / 10.).collect();
/// let density = |of: Normal| x.iter().map(|&x| of.density(x)).collect::<Vec<f64>>();
/// assert!((Grid::new(0.1)?.kl_divergence(&density(p), &density(q))? - 2.).abs() < 1e-12);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    cell: f64,
}

impl Grid {
    /// `cell`: the length, area or volume that belongs to each point, above 0.
    ///
    /// # Errors
    /// If it is not above 0 and finite.
    pub fn new(cell: f64) -> Result<Self> {
        range::positive("cell", cell)?;
        Ok(Self { cell })
    }

    /// KL(p ‖ q), in nats. The sum of each density times `cell` must be 1 within 0.01: the grid holds nearly all mass.
    ///
    /// # Errors
    /// As [`kl_divergence`].
    pub fn kl_divergence(&self, p: &[f64], q: &[f64]) -> Result<f64> {
        check(p, q, self.cell, 0.01)?;
        Ok(kl(p, q, self.cell))
    }

    /// JS(p, q), in nats; see [`js_divergence`].
    ///
    /// # Errors
    /// As [`Grid::kl_divergence`].
    pub fn js_divergence(&self, p: &[f64], q: &[f64]) -> Result<f64> {
        check(p, q, self.cell, 0.01)?;
        Ok(js(p, q, self.cell))
    }
}

fn check(p: &[f64], q: &[f64], cell: f64, tolerance: f64) -> Result<()> {
    if p.len() != q.len() {
        return Err(Error::shape("q", format!("[{}], as p", p.len()), &[q.len()]));
    }
    for (name, values) in [("p", p), ("q", q)] {
        if let Some(value) = values.iter().find(|value| !(**value >= 0.0 && value.is_finite())) {
            return Err(Error::setting(name, "finite and at least 0", value));
        }
        let total = values.iter().sum::<f64>() * cell;
        if (total - 1.0).abs() > tolerance {
            return Err(Error::setting(name, "a distribution, with a sum (times the cell) of 1", total));
        }
    }
    Ok(())
}

fn kl(p: &[f64], q: &[f64], cell: f64) -> f64 {
    let term = |(&p, &q): (&f64, &f64)| if p == 0.0 { 0.0 } else { p * (p / q).ln() };
    p.iter().zip(q).map(term).sum::<f64>() * cell
}

fn js(p: &[f64], q: &[f64], cell: f64) -> f64 {
    // p + q is not 0 where p or q is not; (p + q) / 2 may be, where both are the smallest of numbers.
    let half = |a: &[f64], b: &[f64]| -> f64 {
        let term = |(&a, &b): (&f64, &f64)| if a == 0.0 { 0.0 } else { a * (2.0 * (a / (a + b))).ln() };
        a.iter().zip(b).map(term).sum::<f64>()
    };
    0.5 * (half(p, q) + half(q, p)) * cell
}
