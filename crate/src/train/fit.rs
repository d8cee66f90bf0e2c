use std::time::Instant;

use candle_core::Tensor;

use super::augmentation::Augmentation;
use super::progress::Reporter;
use super::watch::Watch;
use super::{Decision, Epoch, GradientSum, History, Progress, StoppingRule};
use crate::autograd::value_and_grad;
use crate::data::Dataset;
use crate::metrics::{accuracy, scalar};
use crate::nn::{Mode, Module};
use crate::optim::Optimizer;
use crate::params::Params;
use crate::rng::Rng;
use crate::{Error, Result};

/// A term to add to the loss of every step, such as λ‖w‖².
pub type Penalty = Box<dyn Fn() -> Result<Tensor> + Send>;

/// Settings of [`fit`].
pub struct FitConfig {
    /// Passes over the training data, at least 1; default 10.
    pub epochs: usize,
    /// Samples a step, at least 1; default 64. The last batch of an epoch takes what is left.
    pub batch_size: usize,
    /// What is printed; default [`Progress::Lines`].
    pub progress: Progress,
    /// Added to the loss in training, not to the losses that are recorded; default none. See [`FitConfig::with_penalty`].
    pub penalty: Option<Penalty>,
    /// When to end before the last epoch, judged by the loss on `test`, which must be given: validation data, since what has
    /// chosen the epoch no longer measures the error of new data. Default none.
    pub early_stopping: Option<StoppingRule>,
    /// A model whose parameters and buffers are in the end those after its best epoch, that of the lowest loss on `test`;
    /// default none, which leaves those of the last. See [`History::best_epoch`].
    pub restore_best: Option<Params>,
    /// A random change of each training batch; default none. The training loss is that of the changed batches. See
    /// [`FitConfig::with_augmentation`].
    pub augmentation: Option<Box<dyn Augmentation>>,
    /// Batches whose gradients are averaged to one step, at least 1; default 1. A step then counts `accumulate` times
    /// `batch_size` samples, the last of an epoch what is left. See [`GradientSum`].
    pub accumulate: usize,
}

impl Default for FitConfig {
    fn default() -> Self {
        Self {
            epochs: 10,
            batch_size: 64,
            progress: Progress::default(),
            penalty: None,
            early_stopping: None,
            restore_best: None,
            augmentation: None,
            accumulate: 1,
        }
    }
}

impl FitConfig {
    /// Sets the penalty.
    ///
    /// ```
    /// use candlelight::{nn::linear, prelude::*, regularization::{l2, weights}, train::FitConfig};
    /// # fn main() -> candlelight::Result<()> {
    /// let params = Params::new(0, &Device::Cpu)?;
    /// linear(2, 1, params.pp("fc"))?;
    /// let (weights, lambda) = (weights(&params), 1e-3);
    /// let config = FitConfig::default().with_penalty(move || Ok((l2(&weights)? * lambda)?));
    /// assert!(config.penalty.is_some());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_penalty(self, penalty: impl Fn() -> Result<Tensor> + Send + 'static) -> Self {
        Self { penalty: Some(Box::new(penalty)), ..self }
    }

    /// Sets the augmentation.
    ///
    /// ```
    /// use candlelight::train::{FitConfig, augmentation::RandomShift};
    /// let config = FitConfig::default().with_augmentation(RandomShift::new(2));
    /// assert!(config.augmentation.is_some());
    /// ```
    #[must_use]
    pub fn with_augmentation(self, augmentation: impl Augmentation + 'static) -> Self {
        Self { augmentation: Some(Box::new(augmentation)), ..self }
    }
}

/// Loss and accuracy on a set of samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluation {
    /// Mean loss.
    pub loss: f64,
    /// Share of samples classified rightly, in [0, 1], if the targets are class indices (an integer dtype).
    pub accuracy: Option<f64>,
}

/// Trains `model` by mini-batches in an order drawn anew each epoch from `rng`.
///
/// ```text
/// each epoch, each batch (x, y):    θ ← step(θ, ∇ [loss(model(x), y) + penalty()])
/// ```
///
/// It ends after the last epoch, or earlier by [`FitConfig::early_stopping`].
///
/// `loss` takes a batch of outputs and one of targets and returns their mean loss, as those in [`loss`](crate::loss) do. The
/// same parameters, data and state of `rng` give the same bits at any thread count.
///
/// # Errors
/// A setting outside its range; an empty data set; [`Error::NotFinite`] with the step, counted over all epochs, at
/// which loss and penalty stopped being a number (parameters then stand as before that step); and what the model, the
/// loss and the optimizer report.
///
/// ```
/// use candlelight::{loss::mse, nn::linear, optim::{Sgd, SgdConfig}, prelude::*, train::{FitConfig, Progress, fit}};
/// # fn main() -> candlelight::Result<()> {
/// let mut rng = seeded(0);
/// let x = candlelight::rng::normal(&mut rng, 0., 1., (256, 1), DType::F32, &Device::Cpu)?;
/// let train = Dataset::new(&x, &(&x * 3.)?)?;
///
/// let params = Params::new(0, &Device::Cpu)?;
/// let model = linear(1, 1, params.pp("fc"))?;
/// let mut sgd = Sgd::new(params.trainable(), SgdConfig { lr: 0.1, ..SgdConfig::default() })?;
/// let config = FitConfig { epochs: 20, progress: Progress::Silent, ..FitConfig::default() };
/// let history = fit(&model, &mut sgd, mse, &train, None, &config, &mut rng)?;
/// assert!(history.train_loss()[19] < 1e-4);
/// # Ok(()) }
/// ```
pub fn fit(
    model: &dyn Module,
    optimizer: &mut dyn Optimizer,
    loss: impl Fn(&Tensor, &Tensor) -> Result<Tensor>,
    train: &Dataset,
    test: Option<&Dataset>,
    config: &FitConfig,
    rng: &mut Rng,
) -> Result<History> {
    if config.epochs == 0 {
        return Err(Error::setting("epochs", "at least 1", 0));
    }
    if config.accumulate == 0 {
        return Err(Error::setting("accumulate", "at least 1", 0));
    }
    check_not_empty(train)?;
    let mut watch = Watch::new(config, test)?;
    let mut accumulated = GradientSum::new();
    let reporter = Reporter::new(config.progress, config.epochs);
    let mut history = History::default();
    let mut step = 0;
    for done in 1..=config.epochs {
        let started = Instant::now();
        let mut sum = 0.0;
        let batches = train.shuffled_batches(config.batch_size, rng)?;
        let last = batches.len().saturating_sub(1);
        for (i, batch) in batches.enumerate() {
            let (mut x, mut y) = batch?;
            if let Some(augmentation) = &config.augmentation {
                (x, y) = augmentation.apply(&x, &y, rng)?;
            }
            let mut data_loss = 0.0;
            let (total, gradients) = value_and_grad(|| {
                let loss = loss(&model.forward(&x, Mode::Train)?, &y)?;
                data_loss = scalar(&loss)?;
                match &config.penalty {
                    Some(penalty) => Ok((loss + penalty()?)?),
                    None => Ok(loss),
                }
            })?;
            let value = scalar(&total)?;
            if !value.is_finite() {
                return Err(Error::NotFinite { what: "the training loss", value, step });
            }
            let samples = x.dim(0)?;
            sum += data_loss * samples as f64;
            if config.accumulate == 1 {
                optimizer.step(&gradients)?;
            } else {
                accumulated.add(gradients, samples)?;
                if (i + 1) % config.accumulate != 0 && i != last {
                    continue;
                }
                optimizer.step(&accumulated.take_mean()?)?;
            }
            step += 1;
        }
        let seconds = started.elapsed().as_secs_f64();
        let tested = test.map(|test| evaluate(model, &loss, test, config.batch_size)).transpose()?;
        let epoch = Epoch {
            train_loss: sum / train.len() as f64,
            test_loss: tested.map(|tested| tested.loss),
            accuracy: tested.and_then(|tested| tested.accuracy),
            seconds,
        };
        let stop = watch.observe(&epoch)? == Decision::Stop || done == config.epochs;
        reporter.report(done, &epoch, stop);
        history.epochs.push(epoch);
        if stop {
            break;
        }
    }
    watch.finish()?;
    Ok(history)
}

/// Mean loss and accuracy of `model` on `samples`, in [`Mode::Eval`], a batch at a time.
///
/// # Errors
/// As [`fit`], but a loss that is not finite is returned as it is.
///
/// ```
/// use candlelight::{loss::cross_entropy, nn::linear, prelude::*, train::evaluate};
/// # fn main() -> candlelight::Result<()> {
/// let model = linear(2, 3, Params::new(0, &Device::Cpu)?)?;
/// let x = Tensor::zeros((5, 2), DType::F32, &Device::Cpu)?;
/// let y = Tensor::zeros(5, DType::U32, &Device::Cpu)?;
/// let result = evaluate(&model, cross_entropy, &Dataset::new(&x, &y)?, 64)?;
/// assert!(result.loss > 0. && result.accuracy.is_some());
/// # Ok(()) }
/// ```
pub fn evaluate(
    model: &dyn Module,
    loss: impl Fn(&Tensor, &Tensor) -> Result<Tensor>,
    samples: &Dataset,
    batch_size: usize,
) -> Result<Evaluation> {
    check_not_empty(samples)?;
    let classes = samples.targets().dtype().is_int();
    let (mut loss_sum, mut right) = (0.0, 0.0);
    for batch in samples.batches(batch_size)? {
        let (x, y) = batch?;
        let output = model.forward(&x, Mode::Eval)?;
        let n = x.dim(0)? as f64;
        loss_sum += scalar(&loss(&output, &y)?)? * n;
        if classes {
            right += (accuracy(&output, &y)? * n).round();
        }
    }
    let n = samples.len() as f64;
    Ok(Evaluation { loss: loss_sum / n, accuracy: classes.then_some(right / n) })
}

fn check_not_empty(samples: &Dataset) -> Result<()> {
    if samples.is_empty() {
        return Err(Error::shape("inputs", "[N, ...] with N at least 1", samples.inputs().dims()));
    }
    Ok(())
}
