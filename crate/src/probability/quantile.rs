//! Quantiles of a sample.

use candlelight_base::range;

use crate::{Error, Result};

/// The value below which a `share` of the sample lies, in a straight line between neighbours.
///
/// ```text
/// q = x₍ₖ₎ + (h - k) (x₍ₖ₊₁₎ - x₍ₖ₎)      h = (n - 1) · share,  k = ⌊h⌋;  x₍₀₎ ≤ … ≤ x₍ₙ₋₁₎
/// ```
///
/// `share`: in [0, 1]; 0 gives the smallest value, ½ the median, 1 the largest. In the unit of the values, which may come in any
/// order. NumPy's `quantile` with its default, "linear": definition 7 of Hyndman and Fan (1996), *Sample quantiles in statistical
/// packages*, [doi:10.2307/2684934](https://doi.org/10.2307/2684934).
///
/// # Errors
/// No values, one that is not finite, or a share outside of [0, 1].
///
/// ```
/// use candlelight::probability::quantile;
/// # fn main() -> candlelight::Result<()> {
/// let waits = [4., 1., 2., 8.];
/// assert_eq!((quantile(&waits, 0.5)?, quantile(&waits, 0.25)?), (3., 1.75));
/// # Ok(()) }
/// ```
#[doc(alias("median", "percentile"))]
pub fn quantile(values: &[f64], share: f64) -> Result<f64> {
    range::share("share", share)?;
    if values.is_empty() {
        return Err(Error::setting("values", "at least one", "none"));
    }
    values.iter().try_for_each(|&value| range::finite("value", value))?;
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = share * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    Ok(below + (above - below) * place.fract())
}
