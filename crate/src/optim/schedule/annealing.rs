use std::f64::consts::PI;

use candlelight_base::range;

use super::{Schedule, check_positive};
use crate::Result;

/// The rate falls along half a cosine.
///
/// ```text
/// ηₜ = η_min + ½ (η₀ - η_min) (1 + cos(π t / T_max))
/// ```
///
/// Beyond T_max it rises along the same curve, as in PyTorch. Loshchilov and Hutter (2017), SGDR, eq. 5, without its
/// restarts.
///
/// ```
/// use candlelight::optim::schedule::{CosineAnnealingLr, Schedule};
/// # fn main() -> candlelight::Result<()> {
/// let schedule = CosineAnnealingLr::new(10, 0.)?;
/// assert_eq!((schedule.rate(1., 0), schedule.rate(1., 10)), (1., 0.));
/// assert!((schedule.rate(1., 5) - 0.5).abs() < 1e-15);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[doc(alias = "CosineAnnealingLR")]
pub struct CosineAnnealingLr {
    t_max: u64,
    eta_min: f64,
}

impl CosineAnnealingLr {
    /// `t_max`: steps to the lowest rate, at least 1; `eta_min`: that rate, finite and at least 0 (0 in PyTorch by default).
    ///
    /// # Errors
    /// A setting outside its range.
    pub fn new(t_max: u64, eta_min: f64) -> Result<Self> {
        check_positive("T_max", t_max)?;
        range::not_negative("eta_min", eta_min)?;
        Ok(Self { t_max, eta_min })
    }
}

impl Schedule for CosineAnnealingLr {
    fn rate(&self, base_lr: f64, step: u64) -> f64 {
        let turn = PI * step as f64 / self.t_max as f64;
        self.eta_min + (base_lr - self.eta_min) * (1.0 + turn.cos()) / 2.0
    }
}
