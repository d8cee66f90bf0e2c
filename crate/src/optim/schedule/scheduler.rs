use super::Schedule;
use crate::optim::Optimizer;
use crate::state::{State, Stateful};
use crate::{Error, Result};

/// Sets the learning rates of an optimizer by a [`Schedule`], group by group, each from the rate it starts with.
///
/// ```
/// use candlelight::{optim::{LrScheduler, Optimizer, Sgd, SgdConfig, schedule::StepLr}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// params.var("x", (), Init::Constant(1.))?;
/// let mut sgd = Sgd::new(params.trainable(), SgdConfig { lr: 0.5, ..SgdConfig::default() })?;
/// let mut scheduler = LrScheduler::new(StepLr::new(2, 0.5)?, &mut sgd)?;
/// let mut rates = vec![];
/// for _epoch in 0..5 {
///     rates.push(sgd.learning_rate()); // and train an epoch
///     scheduler.step(&mut sgd)?;
/// }
/// assert_eq!(rates, [0.5, 0.5, 0.25, 0.25, 0.125]);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct LrScheduler {
    schedule: Box<dyn Schedule>,
    base_lrs: Vec<f64>,
    last_epoch: u64,
}

impl LrScheduler {
    /// A scheduler that starts from the present rates of `optimizer`, and sets those of the first step.
    ///
    /// To go on from a checkpoint, make it before the optimizer is restored; after that, see [`LrScheduler::apply`].
    ///
    /// # Errors
    /// If the schedule gives a rate that is not finite or below 0.
    pub fn new(schedule: impl Schedule + 'static, optimizer: &mut dyn Optimizer) -> Result<Self> {
        let scheduler = Self { schedule: Box::new(schedule), base_lrs: optimizer.learning_rates(), last_epoch: 0 };
        scheduler.apply(optimizer)?;
        Ok(scheduler)
    }

    /// Counts one step, and sets the rates of the next.
    ///
    /// # Errors
    /// An optimizer with another number of groups, or a rate outside its range; the count then stays.
    pub fn step(&mut self, optimizer: &mut dyn Optimizer) -> Result<()> {
        let next = self.last_epoch.saturating_add(1);
        self.set(optimizer, next)?;
        self.last_epoch = next;
        Ok(())
    }

    /// Steps so far (PyTorch's `last_epoch`).
    pub fn last_epoch(&self) -> u64 {
        self.last_epoch
    }

    /// Sets the rates of the present step.
    ///
    /// Whoever makes a scheduler for an optimizer that was restored already, and then restores the scheduler, needs it:
    /// [`LrScheduler::new`] has given the optimizer the rates of a first step, taken from those it was restored to.
    ///
    /// # Errors
    /// An optimizer with another number of groups, or a rate outside its range.
    ///
    /// ```
    /// use candlelight::{optim::{LrScheduler, Optimizer, Sgd, SgdConfig, schedule::LinearLr}, prelude::*, state::Stateful};
    /// # fn main() -> candlelight::Result<()> {
    /// let params = Params::new(0, &Device::Cpu)?;
    /// params.var("x", (), Init::Constant(1.))?;
    /// let mut sgd = Sgd::new(params.trainable(), SgdConfig { lr: 1., ..SgdConfig::default() })?;
    /// let mut before = LrScheduler::new(LinearLr::new(0., 1., 4)?, &mut sgd)?;
    /// before.step(&mut sgd)?;
    /// assert_eq!(sgd.learning_rate(), 0.25);
    ///
    /// let mut scheduler = LrScheduler::new(LinearLr::new(0., 1., 4)?, &mut sgd)?; // takes 0.25 for the rate to rise to
    /// scheduler.load_state(&before.state()?)?;
    /// scheduler.apply(&mut sgd)?;
    /// assert_eq!(sgd.learning_rate(), 0.25);
    /// # Ok(()) }
    /// ```
    pub fn apply(&self, optimizer: &mut dyn Optimizer) -> Result<()> {
        self.set(optimizer, self.last_epoch)
    }

    fn set(&self, optimizer: &mut dyn Optimizer, step: u64) -> Result<()> {
        let rates: Vec<f64> = self.base_lrs.iter().map(|&base_lr| self.schedule.rate(base_lr, step)).collect();
        optimizer.set_learning_rates(&rates)
    }
}

/// The count (`last_epoch`) and the rates it started from (`base_lrs.0`); the present rates belong to the optimizer's state.
impl Stateful for LrScheduler {
    fn state(&self) -> Result<State> {
        let mut state = State::default();
        state.set("last_epoch", self.last_epoch);
        for (i, base_lr) in self.base_lrs.iter().enumerate() {
            state.set(&format!("base_lrs.{i}"), base_lr);
        }
        Ok(state)
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        let last_epoch = state.get("last_epoch")?;
        let base_lrs =
            (0..self.base_lrs.len()).map(|i| state.get(&format!("base_lrs.{i}"))).collect::<Result<Vec<f64>>>()?;
        if let Some(i) = base_lrs.iter().position(|lr| !(lr.is_finite() && *lr >= 0.0)) {
            let problem = format!("must be finite and at least 0, got {}", base_lrs[i]);
            return Err(Error::State { name: format!("base_lrs.{i}"), problem });
        }
        if state.values.len() != 1 + base_lrs.len() {
            let problem = format!("must be for {} groups, got {} entries", base_lrs.len(), state.values.len() - 1);
            return Err(Error::State { name: "base_lrs".into(), problem });
        }
        (self.last_epoch, self.base_lrs) = (last_epoch, base_lrs);
        Ok(())
    }
}
