use candlelight_base::range;

use crate::optim::Optimizer;
use crate::state::{State, Stateful};
use crate::{Error, Result};

/// Which way a quantity gets better.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PlateauMode {
    /// Lower is better: a loss.
    #[default]
    Min,
    /// Higher is better: an accuracy.
    Max,
}

/// What an improvement is measured against.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ThresholdMode {
    /// The best so far, times 1 ∓ threshold. For a negative best with [`PlateauMode::Min`] this asks for less than no
    /// improvement, as in PyTorch.
    #[default]
    Rel,
    /// The best so far ∓ threshold.
    Abs,
}

/// Settings of [`ReduceLrOnPlateau`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReduceLrOnPlateauConfig {
    /// Which way the quantity gets better; default [`PlateauMode::Min`].
    pub mode: PlateauMode,
    /// What a rate is multiplied by, in [0, 1); default 0.1.
    pub factor: f64,
    /// Steps without improvement that are let pass; default 10.
    pub patience: u64,
    /// How much better counts as better, finite and at least 0; default 1e-4.
    pub threshold: f64,
    /// What an improvement is measured against; default [`ThresholdMode::Rel`].
    pub threshold_mode: ThresholdMode,
    /// Steps after a reduction during which nothing is counted; default 0.
    pub cooldown: u64,
    /// The lowest rate, finite and at least 0; default 0.
    pub min_lr: f64,
    /// A change that is not greater than this is not made, finite and at least 0; default 1e-8.
    pub eps: f64,
}

impl Default for ReduceLrOnPlateauConfig {
    fn default() -> Self {
        Self {
            mode: PlateauMode::Min,
            factor: 0.1,
            patience: 10,
            threshold: 1e-4,
            threshold_mode: ThresholdMode::Rel,
            cooldown: 0,
            min_lr: 0.0,
            eps: 1e-8,
        }
    }
}

/// Reduces the learning rates when a measured quantity stops getting better. PyTorch's rule; a NaN is no improvement.
///
/// ```
/// use candlelight::{optim::{Optimizer, ReduceLrOnPlateau, ReduceLrOnPlateauConfig, Sgd, SgdConfig}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(0, &Device::Cpu)?;
/// params.var("x", (), Init::Constant(1.))?;
/// let mut sgd = Sgd::new(params.trainable(), SgdConfig { lr: 1., ..SgdConfig::default() })?;
/// let config = ReduceLrOnPlateauConfig { patience: 1, factor: 0.5, ..ReduceLrOnPlateauConfig::default() };
/// let mut plateau = ReduceLrOnPlateau::new(config)?;
/// for loss in [3., 2., 2., 2.] {
///     plateau.step(loss, &mut sgd)?;
/// }
/// assert_eq!(sgd.learning_rate(), 0.5);
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[doc(alias = "ReduceLROnPlateau")]
pub struct ReduceLrOnPlateau {
    config: ReduceLrOnPlateauConfig,
    best: f64,
    num_bad_epochs: u64,
    cooldown_counter: u64,
}

impl ReduceLrOnPlateau {
    /// A fresh count.
    ///
    /// # Errors
    /// A setting outside its range.
    pub fn new(config: ReduceLrOnPlateauConfig) -> Result<Self> {
        if !(0.0..1.0).contains(&config.factor) {
            return Err(Error::setting("factor", "in [0, 1)", config.factor));
        }
        for (name, value) in [("threshold", config.threshold), ("min_lr", config.min_lr), ("eps", config.eps)] {
            range::not_negative(name, value)?;
        }
        let best = if config.mode == PlateauMode::Min { f64::INFINITY } else { f64::NEG_INFINITY };
        Ok(Self { config, best, num_bad_epochs: 0, cooldown_counter: 0 })
    }

    /// Takes the newest value of the quantity, and reduces the rates of `optimizer` if it is time to.
    ///
    /// # Errors
    /// What the optimizer reports; nothing is counted then.
    pub fn step(&mut self, metric: f64, optimizer: &mut dyn Optimizer) -> Result<()> {
        let ReduceLrOnPlateauConfig { factor, patience, cooldown, min_lr, eps, .. } = self.config;
        let better = self.is_better(metric);
        let mut bad = if better { 0 } else { self.num_bad_epochs.saturating_add(1) };
        let mut cooling = self.cooldown_counter;
        if cooling > 0 {
            cooling -= 1;
            bad = 0;
        }
        if bad > patience {
            let reduced = |lr: f64| {
                let next = (lr * factor).max(min_lr);
                if lr - next > eps { next } else { lr }
            };
            optimizer.set_learning_rates(&optimizer.learning_rates().into_iter().map(reduced).collect::<Vec<_>>())?;
            (cooling, bad) = (cooldown, 0);
        }
        if better {
            self.best = metric;
        }
        (self.num_bad_epochs, self.cooldown_counter) = (bad, cooling);
        Ok(())
    }

    /// The best value so far; infinite before the first.
    pub fn best(&self) -> f64 {
        self.best
    }

    fn is_better(&self, metric: f64) -> bool {
        let ReduceLrOnPlateauConfig { mode, threshold, threshold_mode, .. } = self.config;
        match (mode, threshold_mode) {
            (PlateauMode::Min, ThresholdMode::Rel) => metric < self.best * (1.0 - threshold),
            (PlateauMode::Min, ThresholdMode::Abs) => metric < self.best - threshold,
            (PlateauMode::Max, ThresholdMode::Rel) => metric > self.best * (1.0 + threshold),
            (PlateauMode::Max, ThresholdMode::Abs) => metric > self.best + threshold,
        }
    }
}

impl Stateful for ReduceLrOnPlateau {
    fn state(&self) -> Result<State> {
        let mut state = State::default();
        state.set("best", self.best);
        state.set("num_bad_epochs", self.num_bad_epochs);
        state.set("cooldown_counter", self.cooldown_counter);
        Ok(state)
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        let (best, bad, cooling) = (state.get("best")?, state.get("num_bad_epochs")?, state.get("cooldown_counter")?);
        (self.best, self.num_bad_epochs, self.cooldown_counter) = (best, bad, cooling);
        Ok(())
    }
}
