//! How much wider an interval must be because the spread was estimated as well.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// The 0.975 quantile of Student's distribution: half the width of a 95 % confidence interval in standard errors, where these were
/// estimated with `freedom` degrees of freedom. 12.7 for one, 4.30 for two, 2.78 for four, 1.96 for many; infinite for none.
pub(super) fn t(freedom: usize) -> f64 {
    StudentsT::new(0.0, 1.0, freedom as f64).map_or(f64::INFINITY, |distribution| distribution.inverse_cdf(0.975))
}
