/// What is known of one pass over the training data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Epoch {
    /// Mean training loss of the epoch's steps, each taken just before its update; without the penalty.
    pub train_loss: f64,
    /// Mean loss on the test data after the epoch, if there are any.
    pub test_loss: Option<f64>,
    /// Accuracy on the test data after the epoch, in [0, 1], if there are any and the targets are class indices.
    pub accuracy: Option<f64>,
    /// Wall time of the training steps in seconds, without the test.
    pub seconds: f64,
}

/// What a training run recorded, epoch by epoch.
///
/// ```
/// use candlelight::train::{Epoch, History};
/// let epoch = Epoch { train_loss: 0.5, test_loss: Some(0.6), accuracy: None, seconds: 1. };
/// let history = History { epochs: vec![epoch; 3] };
/// assert_eq!(history.test_loss(), [0.6; 3]);
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

    /// Test loss after each epoch; empty without test data.
    pub fn test_loss(&self) -> Vec<f64> {
        self.epochs.iter().filter_map(|epoch| epoch.test_loss).collect()
    }

    /// Test accuracy after each epoch, in [0, 1]; empty where there is none.
    pub fn accuracy(&self) -> Vec<f64> {
        self.epochs.iter().filter_map(|epoch| epoch.accuracy).collect()
    }

    /// Training time of each epoch in seconds.
    pub fn seconds(&self) -> Vec<f64> {
        self.epochs.iter().map(|epoch| epoch.seconds).collect()
    }

    /// The epoch with the lowest test loss, the first of equals, counted from 1 as in the lines of a run; `None` without test
    /// data.
    pub fn best_epoch(&self) -> Option<usize> {
        let losses = self.epochs.iter().enumerate().filter_map(|(i, epoch)| Some((i + 1, epoch.test_loss?)));
        let least = losses.filter(|(_, loss)| !loss.is_nan()).min_by(|(_, a), (_, b)| a.total_cmp(b))?;
        Some(least.0)
    }

    /// The last epoch, if there is one.
    pub fn last(&self) -> Option<&Epoch> {
        self.epochs.last()
    }
}
