//! What a run looks for in its validation losses: when to stop, and which parameters were best.

use std::collections::BTreeMap;

use candle_core::Tensor;

use super::{Decision, EarlyStopping, Epoch, FitConfig};
use crate::data::Dataset;
use crate::params::{LoadConfig, Params};
use crate::{Error, Result};

pub(super) struct Watch<'a> {
    stopping: Option<EarlyStopping>,
    best: Option<Best<'a>>,
}

/// The parameters and buffers after the best epoch so far.
struct Best<'a> {
    params: &'a Params,
    loss: f64,
    values: BTreeMap<String, Tensor>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(config: &'a FitConfig, validation: Option<&Dataset>) -> Result<Self> {
        if validation.is_none() && (config.early_stopping.is_some() || config.restore_best.is_some()) {
            return Err(Error::setting("validation", "given for early stopping and for the best epoch", "none"));
        }
        let best = |params| Best { params, loss: f64::INFINITY, values: BTreeMap::new() };
        Ok(Self {
            stopping: config.early_stopping.map(EarlyStopping::new).transpose()?,
            best: config.restore_best.as_ref().map(best),
        })
    }

    /// Takes the next epoch.
    pub(super) fn observe(&mut self, epoch: &Epoch) -> Result<Decision> {
        let Some(loss) = epoch.validation_loss else { return Ok(Decision::GoOn) };
        if let Some(best) = &mut self.best
            && loss < best.loss
        {
            (best.loss, best.values) = (loss, best.params.state_dict()?);
        }
        self.stopping.as_mut().map_or(Ok(Decision::GoOn), |stopping| stopping.observe(epoch.train_loss, loss))
    }

    /// Puts the best parameters back.
    pub(super) fn finish(self) -> Result<()> {
        match self.best {
            Some(best) if best.loss < f64::INFINITY => {
                best.params.load_state_dict(&best.values, LoadConfig::default()).map(|_| ())
            }
            _ => Ok(()),
        }
    }
}
