use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is known of one pass over the training data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Epoch {
    /// Mean training loss of the epoch's steps, each taken just before its update; without the penalty.
    pub train_loss: f64,
    /// Mean loss on the validation data after the epoch, if there are any.
    pub validation_loss: Option<f64>,
    /// Accuracy on the validation data after the epoch, in [0, 1], if there are any and the targets are class indices.
    pub accuracy: Option<f64>,
    /// Wall time of the training steps in seconds, without the validation.
    pub seconds: f64,
}

/// What a training run recorded, epoch by epoch.
///
/// ```
/// use candlelight::train::{Epoch, History};
/// let epoch = Epoch { train_loss: 0.5, validation_loss: Some(0.6), accuracy: None, seconds: 1. };
/// let history = History { epochs: vec![epoch; 3] };
/// assert_eq!(history.validation_loss(), [0.6; 3]);
/// assert_eq!(history.best_epoch(), Some(1));
/// assert!(history.accuracy().is_empty());
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// One record an epoch, in order.
    pub epochs: Vec<Epoch>,
}

impl History {
    /// Training loss of each epoch.
    pub fn train_loss(&self) -> Vec<f64> {
        self.epochs.iter().map(|epoch| epoch.train_loss).collect()
    }

    /// Validation loss after each epoch; empty without validation data.
    pub fn validation_loss(&self) -> Vec<f64> {
        self.epochs.iter().filter_map(|epoch| epoch.validation_loss).collect()
    }

    /// Validation accuracy after each epoch, in [0, 1]; empty where there is none.
    pub fn accuracy(&self) -> Vec<f64> {
        self.epochs.iter().filter_map(|epoch| epoch.accuracy).collect()
    }

    /// Training time of each epoch in seconds.
    pub fn seconds(&self) -> Vec<f64> {
        self.epochs.iter().map(|epoch| epoch.seconds).collect()
    }

    /// The epoch with the lowest validation loss, the first of equals, counted from 1 as in the lines of a run; `None`
    /// without validation data.
    pub fn best_epoch(&self) -> Option<usize> {
        let losses = self.epochs.iter().enumerate().filter_map(|(i, epoch)| Some((i + 1, epoch.validation_loss?)));
        let least = losses.filter(|(_, loss)| !loss.is_nan()).min_by(|(_, a), (_, b)| a.total_cmp(b))?;
        Some(least.0)
    }

    /// The last epoch, if there is one.
    pub fn last(&self) -> Option<&Epoch> {
        self.epochs.last()
    }
}

/// What [`fit`](super::fit) records while it runs, to be read also where it ends in an error and returns no [`History`]: after
/// Ctrl-C, or where the loss stops being a number.
///
/// It holds the whole epochs of the run that began last. Clones are of the same record.
///
/// ```
/// use candlelight::{loss::mse, nn::linear, optim::{Sgd, SgdConfig}, prelude::*, train::fit};
/// # fn main() -> candlelight::Result<()> {
/// let x = Tensor::ones((8, 1), DType::F32, &Device::Cpu)?;
/// let train = Dataset::new(&x, &x)?;
/// let params = Params::new(0, &Device::Cpu)?;
/// let model = linear(1, 1, params.pp("fc"))?;
/// // Each step overshoots by more.
/// let mut sgd = Sgd::new(params.trainable(), SgdConfig { lr: 1e3, ..SgdConfig::default() })?;
/// let config = FitConfig { epochs: 100, ..FitConfig::default() }.silent();
/// let run = fit(&model, &mut sgd, mse, &train, None, &config, &mut seeded(0));
/// assert!(matches!(run, Err(Error::NotFinite { .. })));
///
/// let losses = config.record.history().train_loss();
/// assert!(losses.len() > 2 && losses[1] > losses[0]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Record(Arc<Mutex<History>>);

impl Record {
    /// The epochs so far, or all of the run that has ended; none before the first.
    pub fn history(&self) -> History {
        self.lock().clone()
    }

    /// A run begins.
    pub(super) fn begin(&self) {
        self.lock().epochs.clear();
    }

    pub(super) fn push(&self, epoch: Epoch) {
        self.lock().epochs.push(epoch);
    }

    fn lock(&self) -> MutexGuard<'_, History> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
