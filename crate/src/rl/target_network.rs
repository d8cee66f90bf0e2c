//! A network that follows another one slowly.

use candlelight_base::range;

use crate::params::{LoadConfig, Params};
use crate::train::WeightAverage;
use crate::{Error, Result};

/// The parameters of a target network, and how they follow those that are trained.
///
/// ```text
/// θ̄ ← θ            every N steps: a hard copy (τ = 1)
/// θ̄ ← τ θ + (1 - τ) θ̄   every N steps, mostly N = 1: Polyak averaging
/// ```
///
/// Targets that move with every update chase themselves. Mnih et al. (2015), "Human-level control through deep reinforcement
/// learning", methods: hard copies; Lillicrap et al. (2016), section 3: averages with τ = 0.001.
///
/// ```
/// use candlelight::{prelude::*, rl::TargetNetwork};
/// # fn main() -> candlelight::Result<()> {
/// let (online, target) = (Params::new(0, &Device::Cpu)?, Params::new(0, &Device::Cpu)?);
/// let (layer, behind) = (linear(1, 1, online.clone())?, linear(1, 1, target.clone())?);
/// let follower = TargetNetwork::new(&online, &target, 500, 1.)?;
/// layer.weight().set(&Tensor::new(&[[7f32]], &Device::Cpu)?)?;
/// assert!(!follower.after_step(499)?);
/// assert!(follower.after_step(500)?);
/// assert_eq!(behind.weight().to_vec2::<f32>()?, [[7.]]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct TargetNetwork {
    online: Params,
    target: Params,
    every: u64,
    /// `None` for hard copies.
    average: Option<WeightAverage>,
}

impl TargetNetwork {
    /// Copies `online` to `target`, which has the same names below its prefix, and will follow every `every` steps, at least 1,
    /// by `tau`, in (0, 1].
    ///
    /// # Errors
    /// A setting outside its range; names, shapes or dtypes that differ, or no parameters.
    pub fn new(online: &Params, target: &Params, every: u64, tau: f64) -> Result<Self> {
        if every == 0 {
            return Err(Error::setting("target_every", "at least 1", 0));
        }
        range::positive("tau", tau)?;
        range::share("tau", tau)?;
        let average = match tau < 1.0 {
            true => Some(WeightAverage::new(online, target, 1.0 - tau)?),
            false => {
                // Which checks that the two fit, and copies.
                WeightAverage::new(online, target, 0.0)?;
                None
            }
        };
        Ok(Self { online: online.clone(), target: target.clone(), every, average })
    }

    /// Follows, if `step` is one at which it does; says whether.
    ///
    /// # Errors
    /// If Candle cannot compute.
    pub fn after_step(&self, step: u64) -> Result<bool> {
        let due = step.is_multiple_of(self.every);
        match &self.average {
            Some(average) if due => average.update()?,
            None if due => _ = self.target.load_state_dict(&self.online.state_dict()?, LoadConfig::default())?,
            _ => {}
        }
        Ok(due)
    }
}
