use std::time::Instant;

use candle_core::Tensor;
use candlelight_base::{range, transfer};

use super::augmentation::Augmentation;
use super::evaluate::{check_not_empty, check_targets};
use super::mean::{WeightedMean, check_counts};
use super::progress::Reporter;
use super::watch::Watch;
use super::{Decision, Epoch, GradientSum, History, Progress, Record, StoppingRule, evaluate};
use crate::autograd::value_and_grad;
use crate::data::Dataset;
use crate::loss::{Divisor, with_divisor};
use crate::nn::{Mode, Module};
use crate::optim::Optimizer;
use crate::params::Params;
use crate::rng::Rng;
use crate::unread::{Unread, with_unread};
use crate::{Error, Result, interrupt};

/// A term to add to the loss of every step, such as λ‖w‖².
pub type Penalty = Box<dyn Fn() -> Result<Tensor> + Send>;

/// Settings of [`fit`].
pub struct FitConfig {
    /// Passes over the training data, at least 1; default 10.
    pub epochs: usize,
    /// Samples a step, at least 1; default 64. The last batch of an epoch takes what is left.
    pub batch_size: usize,
    /// Whether the last batch of an epoch is left out where it is smaller than the others; default false, as in PyTorch's
    /// `DataLoader`. Batch normalization has no use for a batch of one sample. Each epoch leaves out others; the validation
    /// data are always seen in full.
    pub drop_last: bool,
    /// What is shown; default [`Progress::Bar`].
    pub progress: Progress,
    /// Added to the loss in training, not to the losses that are recorded; default none. See [`FitConfig::with_penalty`].
    pub penalty: Option<Penalty>,
    /// When to end before the last epoch, judged by the loss on `validation`, which must be given. What has chosen the epoch no
    /// longer measures the error of new data: that takes test data, used once. Default none.
    pub early_stopping: Option<StoppingRule>,
    /// A model whose parameters and buffers are in the end those after its best epoch, that of the lowest loss on `validation`;
    /// default none, which leaves those of the last. So too where a later epoch ends in an error, such as a loss that is no
    /// number. See [`History::best_epoch`].
    pub restore_best: Option<Params>,
    /// A random change of each training batch; default none. The training loss is that of the changed batches. See
    /// [`FitConfig::with_augmentation`].
    pub augmentation: Option<Box<dyn Augmentation>>,
    /// Batches whose gradients are averaged to one step, at least 1; default 1. A step then counts `accumulate` times
    /// `batch_size` samples, the last of an epoch what is left. See [`GradientSum`].
    pub accumulate: usize,
    /// What the run that began last with these settings has recorded, also where it ended in an error and returned nothing:
    /// `config.record.history()`. Default a new one.
    pub record: Record,
}

impl Default for FitConfig {
    fn default() -> Self {
        Self {
            epochs: 10,
            batch_size: 64,
            drop_last: false,
            progress: Progress::default(),
            penalty: None,
            early_stopping: None,
            restore_best: None,
            augmentation: None,
            accumulate: 1,
            record: Record::default(),
        }
    }
}

impl FitConfig {
    /// Prints nothing: [`Progress::Silent`].
    ///
    /// ```
    /// use candlelight::train::{FitConfig, Progress};
    /// let config = FitConfig { epochs: 3, ..FitConfig::default() }.silent();
    /// assert_eq!((config.epochs, config.progress), (3, Progress::Silent));
    /// ```
    #[must_use]
    pub fn silent(self) -> Self {
        Self { progress: Progress::Silent, ..self }
    }

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

/// Trains `model` by mini-batches in an order drawn anew each epoch from `rng`.
///
/// ```text
/// each epoch, each batch (x, y):    θ ← step(θ, ∇ [loss(model(x), y) + penalty()])
/// ```
///
/// It ends after the last epoch, or earlier by [`FitConfig::early_stopping`].
///
/// `loss` takes a batch of outputs and one of targets and returns their mean loss, as those in [`loss`](crate::loss) do. Means
/// of several batches are put together by their samples, and those of
/// [`cross_entropy_with`](crate::loss::cross_entropy_with) and [`nll_with`](crate::loss::nll_with) by what they divided by, the sum
/// of the weights of the samples that count: `accumulate`, the [`History`] and [`evaluate`] give what one large batch would. The
/// same parameters, data and state of `rng` give the same bits at any thread count.
///
/// # Errors
/// A setting outside its range; an empty data set; validation targets of an integer dtype that are no classes of the model (for
/// quantities, convert them to a float dtype); a step in which no sample counts; weighted means with different divisors in one
/// loss; [`Error::Interrupted`] after Ctrl-C, if the program asked for it ([`interrupt`]); [`Error::NotFinite`] with the step, counted over all epochs, at which loss and penalty stopped being a number; and what
/// the model, the loss and the optimizer report. Parameters then stand as before the step that failed, or with
/// [`FitConfig::restore_best`] as after the best epoch, if one was finished; the epochs until then are in [`FitConfig::record`].
///
/// ```
/// use candlelight::{loss::mse, nn::linear, optim::{Sgd, SgdConfig}, prelude::*, train::{FitConfig, fit}};
/// # fn main() -> candlelight::Result<()> {
/// let mut rng = seeded(0);
/// let x = candlelight::rng::normal(&mut rng, 0., 1., (256, 1), DType::F32, &Device::Cpu)?;
/// let train = Dataset::new(&x, &(&x * 3.)?)?;
///
/// let params = Params::new(0, &Device::Cpu)?;
/// let model = linear(1, 1, params.pp("fc"))?;
/// let mut sgd = Sgd::new(params.trainable(), SgdConfig { lr: 0.1, ..SgdConfig::default() })?;
/// let config = FitConfig { epochs: 20, ..FitConfig::default() }.silent();
/// let history = fit(&model, &mut sgd, mse, &train, None, &config, &mut rng)?;
/// assert!(history.train_loss()[19] < 1e-4);
/// # Ok(()) }
/// ```
pub fn fit(
    model: &dyn Module,
    optimizer: &mut dyn Optimizer,
    loss: impl Fn(&Tensor, &Tensor) -> Result<Tensor>,
    train: &Dataset,
    validation: Option<&Dataset>,
    config: &FitConfig,
    rng: &mut Rng,
) -> Result<History> {
    range::at_least_one("epochs", config.epochs)?;
    range::at_least_one("accumulate", config.accumulate)?;
    check_not_empty(train)?;
    if config.drop_last && train.len() < config.batch_size {
        let expected = "at most the number of samples where the last batch is dropped";
        return Err(Error::setting("batch_size", expected, config.batch_size));
    }
    validation.map_or(Ok(()), check_not_empty)?;
    let mut watch = Watch::new(config, validation)?;
    let mut run =
        Run { model, optimizer, loss, config, unchecked: validation, accumulated: GradientSum::new(), step: 0 };
    let result = run.epochs(train, validation, &mut watch, rng);
    // Also where the run failed: what diverges has left the best parameters far behind.
    let restored = watch.finish();
    let history = result?;
    restored.map(|()| history)
}

/// A training run on its way.
struct Run<'a, L> {
    model: &'a dyn Module,
    optimizer: &'a mut dyn Optimizer,
    loss: L,
    config: &'a FitConfig,
    /// The validation data, until an output has shown what targets fit.
    unchecked: Option<&'a Dataset>,
    /// Of the batches since the last step.
    accumulated: GradientSum,
    /// Steps so far.
    step: usize,
}

impl<L: Fn(&Tensor, &Tensor) -> Result<Tensor>> Run<'_, L> {
    fn epochs(
        &mut self,
        train: &Dataset,
        validation: Option<&Dataset>,
        watch: &mut Watch,
        rng: &mut Rng,
    ) -> Result<History> {
        let FitConfig { epochs, batch_size, progress, .. } = *self.config;
        let reporter = Reporter::new(progress, epochs);
        // Not read from the record, of which another run may have a clone.
        let mut history = History::default();
        self.config.record.begin();
        for done in 1..=epochs {
            let started = Instant::now();
            let train_loss = self.epoch(train, rng, |share, mean| reporter.within(done - 1, share, mean))?;
            let seconds = started.elapsed().as_secs_f64();
            let validated = validation.map(|data| evaluate(self.model, &self.loss, data, batch_size)).transpose()?;
            let epoch = Epoch {
                train_loss,
                validation_loss: validated.map(|validated| validated.loss),
                accuracy: validated.and_then(|validated| validated.accuracy),
                seconds,
            };
            let stop = watch.observe(&epoch)? == Decision::Stop || done == epochs;
            reporter.report(done, &epoch, stop);
            self.config.record.push(epoch);
            history.epochs.push(epoch);
            if stop {
                break;
            }
        }
        Ok(history)
    }

    /// A pass over the training data; returns the mean loss. `moved` hears of each batch: the share that is done, and the mean so
    /// far.
    fn epoch(&mut self, train: &Dataset, rng: &mut Rng, moved: impl Fn(f64, &dyn Fn() -> f64)) -> Result<f64> {
        let mut mean = WeightedMean::default();
        let batches = train.shuffled_batches(self.config.batch_size, rng)?.drop_last(self.config.drop_last);
        let last = batches.len().saturating_sub(1);
        for (i, batch) in batches.enumerate() {
            interrupt::check()?;
            let (mut x, mut y) = batch?;
            let mut targets = Unread::default();
            if let Some(augmentation) = &self.config.augmentation {
                ((x, y), targets) = with_unread(|| augmentation.apply(&x, &y, rng))?;
            }
            let step_is_due = (i + 1).is_multiple_of(self.config.accumulate) || i == last;
            let (loss, weight) = self.batch(&x, &y, &targets, step_is_due)?;
            mean.add(loss, weight);
            moved((i + 1) as f64 / (last + 1) as f64, &|| mean.value().unwrap_or(f64::NAN));
        }
        mean.value()
    }

    /// The loss of a batch and the weight of that mean; makes a step if it is due. `targets`: what no one has looked at in `y`.
    fn batch(&mut self, x: &Tensor, y: &Tensor, targets: &Unread, step_is_due: bool) -> Result<(f64, f64)> {
        let samples = x.dim(0)?;
        let mut seen = None;
        let (total, gradients) = value_and_grad(|| {
            let ((loss, divisor), unread) = with_unread(|| {
                let output = self.model.forward(x, Mode::Train)?;
                if let Some(validation) = self.unchecked.take() {
                    check_targets(&output, validation)?;
                }
                with_divisor(|| (self.loss)(&output, y))
            })?;
            seen = Some((loss.detach(), (divisor, unread)));
            match &self.config.penalty {
                Some(penalty) => Ok((loss + penalty()?)?),
                None => Ok(loss),
            }
        })?;
        let (loss, noted) = seen.unzip();
        let (divisor, unread) = noted.unwrap_or_default();
        // All that the host wants to know of a step, when all of it is on its way.
        let mut wanted = vec![&total];
        wanted.extend(loss.iter().filter(|_| self.config.penalty.is_some()));
        wanted.extend(divisor.as_ref().and_then(Divisor::on_device));
        let mut read = transfer::scalars(&wanted)?.into_iter();
        let value = read.next().unwrap_or(f64::NAN);
        let data_loss = if self.config.penalty.is_some() { read.next().unwrap_or(f64::NAN) } else { value };
        let weight = match &divisor {
            None => samples as f64,
            Some(Divisor::Number(number)) => *number,
            Some(Divisor::OnDevice(_)) => read.next().unwrap_or(f64::NAN),
        };
        if !value.is_finite() {
            targets.check()?;
            unread.check()?;
            return Err(Error::NotFinite { what: "the training loss", value, step: self.step });
        }
        if self.config.accumulate == 1 {
            check_counts(weight)?;
            self.optimizer.step(&gradients)?;
        } else {
            self.accumulated.add_weighted(gradients, samples, weight)?;
            if step_is_due {
                self.optimizer.step(&self.accumulated.take_mean()?)?;
            }
        }
        self.step += usize::from(step_is_due);
        Ok((data_loss, weight))
    }
}
