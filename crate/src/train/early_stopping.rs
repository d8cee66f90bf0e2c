use candle_core::{Device, Tensor};
use candlelight_base::range;

use crate::state::{State, Stateful};
use crate::{Error, Result};

/// When training has gone on long enough, judged by the validation loss E_va(t) after epoch t = 1, 2, …
///
/// ```text
/// E_opt(t) = min E_va(t'),  t' ≤ t
/// GL(t)    = 100 (E_va(t) / E_opt(t) - 1)                                    generalization loss, per cent
/// P_k(t)   = 1000 (Σ E_tr(t') / (k min E_tr(t')) - 1),  t' = t-k+1, …, t     progress of a strip of k epochs, per mille
/// ```
///
/// with the training loss E_tr(t') measured during epoch t'. Prechelt (1998), "Early Stopping — But When?", section
/// "Some classes of stopping criteria"; he takes k = 5, found that slower rules win about 4 % of test error for 4 times
/// the epochs, and adds two ends of every run that are left to the caller here: a number of epochs
/// ([`FitConfig::epochs`](super::FitConfig::epochs)) and P_5(t) < 0.1 ([`EarlyStopping::progress`]).
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum StoppingRule {
    /// Stop after `patience` epochs in a row that did not improve on the lowest loss by more than `min_delta`.
    Patience {
        /// Epochs, at least 1; 3 to 20 are usual.
        patience: usize,
        /// In the unit of the loss, finite and at least 0; usually 0.
        min_delta: f64,
    },
    /// GL_α: stop after the first epoch with GL(t) > α.
    GeneralizationLoss {
        /// Per cent, finite and at least 0; Prechelt tries 1 to 5.
        alpha: f64,
    },
    /// PQ_α: stop after the first end of a strip with GL(t) / P_k(t) > α, so that training goes on while it still makes
    /// quick progress.
    ProgressQuotient {
        /// Finite and at least 0; Prechelt tries 0.5 to 3.
        alpha: f64,
        /// k, at least 1; Prechelt takes 5.
        strip: usize,
    },
    /// UP_s: stop when the loss at the end of a strip, E_va(t) > E_va(t-k), has risen in `strips` successive strips, however
    /// much. The first strip is compared with nothing.
    SuccessiveIncrease {
        /// s, at least 1; Prechelt tries 2 to 8.
        strips: usize,
        /// k, at least 1; Prechelt takes 5.
        strip: usize,
    },
}

/// What an [`EarlyStopping`] says after an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Train another epoch.
    GoOn,
    /// Stop here, and take the parameters of the best epoch.
    Stop,
}

/// A [`StoppingRule`] at work: it is told the losses of each epoch and says whether to stop.
///
/// ```
/// use candlelight::train::{Decision, EarlyStopping, StoppingRule};
/// # fn main() -> candlelight::Result<()> {
/// let mut stopping = EarlyStopping::new(StoppingRule::GeneralizationLoss { alpha: 5. })?;
/// assert_eq!(stopping.observe(0.9, 1.0)?, Decision::GoOn);
/// assert_eq!(stopping.observe(0.7, 0.8)?, Decision::GoOn);
/// assert_eq!(stopping.observe(0.6, 0.82)?, Decision::GoOn); // 2.5 % above the lowest
/// assert_eq!(stopping.observe(0.5, 0.85)?, Decision::Stop); // 6.25 %
/// assert_eq!(stopping.best_epoch(), Some(2));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct EarlyStopping {
    rule: StoppingRule,
    train: Vec<f64>,
    validation: Vec<f64>,
    /// Epoch of the lowest validation loss, the first of equals, counted from 1; 0 before any.
    best: usize,
    /// The loss that patience compares with, and the epochs in a row that did not beat it.
    reference: f64,
    waited: usize,
    /// Successive strips that rose.
    risen: usize,
    stopped: bool,
}

impl EarlyStopping {
    /// The rule before the first epoch.
    ///
    /// # Errors
    /// A setting of the rule outside its range.
    pub fn new(rule: StoppingRule) -> Result<Self> {
        match rule {
            StoppingRule::Patience { patience, min_delta } => {
                range::at_least_one("patience", patience).and_then(|()| range::not_negative("min_delta", min_delta))
            }
            StoppingRule::GeneralizationLoss { alpha } => range::not_negative("alpha", alpha),
            StoppingRule::ProgressQuotient { alpha, strip } => {
                range::not_negative("alpha", alpha).and_then(|()| range::at_least_one("strip", strip))
            }
            StoppingRule::SuccessiveIncrease { strips, strip } => {
                range::at_least_one("strips", strips).and_then(|()| range::at_least_one("strip", strip))
            }
        }?;
        let (train, validation) = (Vec::new(), Vec::new());
        Ok(Self { rule, train, validation, best: 0, reference: f64::INFINITY, waited: 0, risen: 0, stopped: false })
    }

    /// Takes the losses of the next epoch. Once it has said stop, it says so again.
    ///
    /// # Errors
    /// [`Error::NotFinite`], or a negative loss for a rule that divides by it; the epoch then does not count.
    pub fn observe(&mut self, train_loss: f64, validation_loss: f64) -> Result<Decision> {
        for (what, value) in [("the training loss", train_loss), ("the validation loss", validation_loss)] {
            if !value.is_finite() {
                return Err(Error::NotFinite { what, value, step: self.validation.len() });
            }
        }
        let quotients =
            matches!(self.rule, StoppingRule::GeneralizationLoss { .. } | StoppingRule::ProgressQuotient { .. });
        if quotients && train_loss.min(validation_loss) < 0.0 {
            let actual = train_loss.min(validation_loss);
            return Err(Error::setting("a loss that GL or PQ divides by", "at least 0", actual));
        }
        if self.best_loss().is_none_or(|best| validation_loss < best) {
            self.best = self.validation.len() + 1;
        }
        self.train.push(train_loss);
        self.validation.push(validation_loss);
        self.stopped |= self.is_over(validation_loss);
        Ok(if self.stopped { Decision::Stop } else { Decision::GoOn })
    }

    /// The epoch of the lowest validation loss, the first of equals, counted from 1; `None` before any.
    pub fn best_epoch(&self) -> Option<usize> {
        (self.best > 0).then_some(self.best)
    }

    /// The lowest validation loss.
    pub fn best_loss(&self) -> Option<f64> {
        self.validation.get(self.best.checked_sub(1)?).copied()
    }

    /// How many epochs it has seen.
    pub fn epochs(&self) -> usize {
        self.validation.len()
    }

    /// GL after the last epoch, in per cent, at least 0; `None` before any. Where the lowest loss is 0 it is 0 or infinite.
    pub fn generalization_loss(&self) -> Option<f64> {
        let (best, last) = (self.best_loss()?, *self.validation.last()?);
        Some(if last == best { 0.0 } else { 100.0 * (last / best - 1.0) })
    }

    /// P_k of the last k = `strip` epochs, in per mille, at least 0; `None` before that many. Where their lowest
    /// training loss is 0 it is 0 or infinite.
    pub fn progress(&self, strip: usize) -> Option<f64> {
        let losses = self.train.get(self.train.len().checked_sub(strip)?..).filter(|losses| !losses.is_empty())?;
        let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
        let mean = losses.iter().sum::<f64>() / strip as f64;
        // Rounding can take the mean of equal losses below them.
        Some(if mean <= least { 0.0 } else { 1000.0 * (mean / least - 1.0) })
    }

    fn is_over(&mut self, loss: f64) -> bool {
        let epoch = self.validation.len();
        match self.rule {
            StoppingRule::Patience { patience, min_delta } => {
                if loss < self.reference - min_delta {
                    (self.reference, self.waited) = (loss, 0);
                } else {
                    self.waited += 1;
                }
                self.waited >= patience
            }
            StoppingRule::GeneralizationLoss { alpha } => self.generalization_loss().is_some_and(|gl| gl > alpha),
            StoppingRule::ProgressQuotient { alpha, strip } => {
                let quotient = self.generalization_loss().zip(self.progress(strip)).map(|(gl, progress)| gl / progress);
                // 0/0, a best epoch without progress, is no reason to stop; neither is ∞/∞.
                epoch.is_multiple_of(strip) && quotient.is_some_and(|quotient| quotient > alpha)
            }
            StoppingRule::SuccessiveIncrease { strips, strip } => {
                let before = epoch.checked_sub(strip + 1).and_then(|i| self.validation.get(i));
                if epoch.is_multiple_of(strip)
                    && let Some(before) = before
                {
                    self.risen = if loss > *before { self.risen + 1 } else { 0 };
                }
                self.risen >= strips
            }
        }
    }
}

/// The losses it was told, from which all else follows; the rule is that of the one that loads.
impl Stateful for EarlyStopping {
    fn state(&self) -> Result<State> {
        let mut state = State::default();
        for (name, losses) in [("train_loss", &self.train), ("validation_loss", &self.validation)] {
            state.tensors.insert(name.to_owned(), Tensor::new(losses.as_slice(), &Device::Cpu)?);
        }
        Ok(state)
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        let losses = |name: &str| -> Result<Vec<f64>> {
            let refuse = |problem: String| Error::State { name: name.to_owned(), problem };
            let tensor = state.tensors.get(name).ok_or_else(|| refuse("is missing".into()))?;
            tensor
                .to_vec1()
                .map_err(|_| refuse(format!("expected F64 [epochs], got {:?} {:?}", tensor.dtype(), tensor.dims())))
        };
        let (train, validation) = (losses("train_loss")?, losses("validation_loss")?);
        if train.len() != validation.len() {
            let problem = format!("expected {} epochs, got {}", train.len(), validation.len());
            return Err(Error::State { name: "validation_loss".into(), problem });
        }
        let mut fresh = Self::new(self.rule)?;
        for (train, validation) in train.into_iter().zip(validation) {
            fresh.observe(train, validation)?;
        }
        *self = fresh;
        Ok(())
    }
}
