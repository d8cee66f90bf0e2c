//! Synchronous SGD: every rank its share of a batch, and the mean gradient on all of them.

mod config;
mod exchange;
mod order;
mod plan;
mod replicas;
mod step;

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use candle_core::backprop::GradStore;
use candle_core::{Tensor, TensorId};
use candlelight_base::range;

use super::{Algorithm, Communicator, Reduction};
use crate::autograd::{value_and_grad, value_and_grad_with};
use crate::loss::with_divisor;
use crate::metrics::scalar;
use crate::params::{Param, Params};
use crate::train::GradientSum;
use crate::unread::{Unread, with_unread};
use crate::{Error, Result};
pub use config::DataParallelConfig;
use exchange::{Exchange, exchange};
use order::Order;
use plan::Plan;
use step::{Share, Step, check_counts, take};

/// A model on every rank, each of which sees a share of the batch; the gradients are those of all shares together.
///
/// ```text
/// L = Σᵢ wᵢ Lᵢ / Σᵢ wᵢ        g = Σᵢ wᵢ gᵢ / Σᵢ wᵢ        over the ranks i
/// ```
///
/// Lᵢ, gᵢ: the loss and gradient of the mean over the samples of rank i; wᵢ: their number, or what the loss divided by
/// where samples have weights or are ignored. So N ranks of M samples do what one of N·M does, up to rounding, also
/// where shares differ in size; a rank may have none. Sums are divided once: all ranks get the same bits, and replicas
/// stay identical. Layers that look at a whole batch, such as batch normalization, see their share alone, unless they
/// are [synchronized](super::SyncBatchNorm).
///
/// Gradients travel in buckets, some megabytes in one all-reduce. In the first step they do after the backward pass,
/// which shows the order in which they become complete; that of rank 0 is then that of the buckets everywhere, and a
/// bucket is sent while the backward pass of earlier layers goes on. Variables that Candle's own operations take wait
/// for its end, since it is not known before whether they get more.
///
/// Deviations from PyTorch's `DistributedDataParallel`: it divides by the number of ranks, which weighs the samples of
/// a small share too much. It sends buffers of rank 0 before each forward pass; here
/// [`DataParallel::broadcast_buffers`] does on demand. A parameter without gradient is always an error. Random streams
/// (dropout's masks) are not touched: give each rank a seed of its own, and the masks differ, while parameters become
/// those of rank 0.
///
/// With one rank it is [`value_and_grad`].
///
/// After an error ranks no longer wait for the same messages: begin anew, with a new one.
///
/// Li et al. (2020), "PyTorch Distributed: Experiences on Accelerating Data Parallel Training", section 3.2.
///
/// ```
/// use candlelight::{distributed::{DataParallel, DataParallelConfig, ShardedSampler, cluster}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let data = FashionMnist::offline(&Device::Cpu)?.train.take(512)?;
/// let run = cluster(2, |comm| {
///     let params = Params::new(comm.rank() as u64, &Device::Cpu)?;
///     let model = linear(784, 10, params.pp("fc"))?;
///     let mut parallel = DataParallel::new(comm, &params, DataParallelConfig::default())?;
///     let mut adam = Adam::new(params.trainable(), AdamConfig::default())?;
///     let (sampler, mut rng, mut last) = (ShardedSampler::new(comm, 32)?, seeded(0), 0.0);
///     for batch in sampler.shuffled_batches(&data, &mut rng) {
///         let (x, y) = batch?;
///         let loss = || cross_entropy(&model.forward(&x, Mode::Train)?, &y);
///         let (loss, gradients) = parallel.value_and_grad(x.dim(0)?, loss)?;
///         adam.step(&gradients)?;
///         last = loss;
///     }
///     Ok(last)
/// })?;
/// assert_eq!(run.results[0], run.results[1]);
/// # Ok(()) }
/// ```
pub struct DataParallel {
    comm: Arc<dyn Communicator>,
    config: DataParallelConfig,
    /// All of the model, and those that are trained.
    all: Vec<Param>,
    params: Vec<Param>,
    index: HashMap<TensorId, usize>,
    plan: Plan,
    exchange: Box<dyn Exchange>,
    /// Whether the buckets are in the order of the backward pass.
    ordered: bool,
}

impl DataParallel {
    /// Gives all ranks the parameters and buffers of rank 0, in messages of about [`DataParallelConfig::bucket_bytes`].
    ///
    /// All ranks call it, with parameters of the same names, shapes and order; what is frozen later is still expected
    /// to have a gradient.
    ///
    /// # Errors
    /// A setting outside its range; no trainable parameters; [`Error::Parameter`] with the first parameter in which a rank
    /// differs from rank 0, on all ranks; or a rank that is gone or silent.
    pub fn new(comm: &Arc<dyn Communicator>, params: &Params, config: DataParallelConfig) -> Result<Self> {
        range::at_least_one("bucket_bytes", config.bucket_bytes)?;
        let (all, trainable) = (params.all(), params.trainable());
        replicas::check(comm, &all)?;
        if trainable.is_empty() {
            return Err(Error::setting("params", "such that one can be trained", "none"));
        }
        replicas::broadcast(comm, &all, params.dtype(), config.bucket_bytes)?;
        let index = trainable.iter().enumerate().map(|(index, param)| (param.var.id(), index)).collect();
        let mut parallel = Self {
            comm: comm.clone(),
            config,
            all,
            index,
            plan: Plan { buckets: Vec::new(), places: Vec::new() },
            exchange: exchange(comm, config.algorithm, params.dtype())?,
            ordered: false,
            params: trainable,
        };
        // Until it is known, the last parameter is taken to be the first to have a gradient.
        let order: Vec<usize> = (0..parallel.params.len()).rev().collect();
        parallel.lay_out(&order, &vec![false; order.len()]);
        Ok(parallel)
    }

    fn lay_out(&mut self, order: &[usize], late: &[bool]) {
        let sizes: Vec<usize> = self.params.iter().map(|param| param.var.elem_count()).collect();
        let width = self.params[0].var.dtype().size_in_bytes();
        self.plan = Plan::new(&sizes, width, order, late, self.config.bucket_bytes);
    }

    /// The bytes of each bucket, in the order in which they are sent; the last carries the loss and its weight as well.
    pub fn bucket_bytes(&self) -> Vec<usize> {
        let width = self.params[0].var.dtype().size_in_bytes();
        self.plan.buckets.iter().map(|bucket| bucket.len * width).collect()
    }

    /// The loss and its gradients over the samples of all ranks.
    ///
    /// `samples`: how many this rank has; with 0, `loss` is not called, and the rank takes part with zeros. `loss`: the
    /// mean over them. All ranks call it. The gradients are those of the trainable parameters. The loss comes in the
    /// precision of the parameters.
    ///
    /// # Errors
    /// Those of [`value_and_grad`]; [`Error::MissingGradient`]; no sample that counts on any rank; [`Error::Parameter`]
    /// for a variable that gets more gradient after its bucket was sent, which it did not in the first step; or a rank
    /// that is gone or silent.
    pub fn value_and_grad(
        &mut self,
        samples: usize,
        loss: impl FnOnce() -> Result<Tensor>,
    ) -> Result<(f64, GradStore)> {
        let share = Cell::new(Share::default());
        if self.comm.size() == 1 {
            return alone(&self.params, samples, loss);
        }
        let loss = || weighted(samples, &share, loss);
        let index = |variable: TensorId| self.index.get(&variable).copied();
        let mut step = Step::new(&self.params, &self.plan, &mut *self.exchange, &share);
        if !self.config.overlap || (samples == 0 && self.ordered) {
            let gradients = if samples > 0 { Some(value_and_grad(loss)?.1) } else { None };
            return step.finish(gradients);
        }
        if self.ordered {
            let ready = |variable, gradient: &Tensor| match index(variable) {
                Some(param) => step.ready(param, gradient),
                None => Ok(()),
            };
            let (_, gradients) = value_and_grad_with(loss, ready)?;
            return step.finish(Some(gradients));
        }
        let mut order = Order::new(self.params.len());
        let gradients = match samples {
            0 => None,
            _ => {
                let ready = |variable, _: &Tensor| {
                    index(variable).into_iter().for_each(|param| order.ready(param));
                    Ok(())
                };
                Some(value_and_grad_with(loss, ready)?.1)
            }
        };
        let result = step.finish(gradients)?;
        if let Some((order, late)) = order.agree(&self.comm, samples > 0)? {
            self.lay_out(&order, &late);
            self.ordered = true;
        }
        Ok(result)
    }

    /// Adds the gradients of this rank's mean loss over `samples`, at least 1, to a sum, without communication; returns
    /// that loss and what it divided by. PyTorch's `no_sync`.
    ///
    /// # Errors
    /// Those of [`value_and_grad`].
    ///
    /// ```
    /// use candlelight::{distributed::{DataParallel, DataParallelConfig, cluster}, prelude::*, train::GradientSum};
    /// # fn main() -> candlelight::Result<()> {
    /// let run = cluster(2, |comm| {
    ///     let params = Params::new(0, &Device::Cpu)?;
    ///     let model = linear(1, 1, params.clone())?;
    ///     let mut parallel = DataParallel::new(comm, &params, DataParallelConfig::default())?;
    ///     let (mut sum, before) = (GradientSum::new(), comm.counts());
    ///     for batch in 0..3 {
    ///         let x = Tensor::full((batch + comm.rank()) as f32, (4, 1), &Device::Cpu)?;
    ///         parallel.accumulate(&mut sum, 4, || Ok(model.forward(&x, Mode::Train)?.mean_all()?))?;
    ///     }
    ///     assert_eq!(comm.counts(), before);
    ///     Ok(parallel.reduce(&mut sum)?.get(model.weight()).unwrap().to_vec2::<f32>()?[0][0])
    /// })?;
    /// assert_eq!(run.results, [1.5; 2]);
    /// # Ok(()) }
    /// ```
    pub fn accumulate(
        &self,
        sum: &mut GradientSum,
        samples: usize,
        loss: impl FnOnce() -> Result<Tensor>,
    ) -> Result<(f64, f64)> {
        range::at_least_one("samples", samples)?;
        let share = Cell::new(Share::default());
        let (_, gradients) = value_and_grad(|| weighted(samples, &share, loss))?;
        let Share { value, weight } = share.get();
        sum.add_scaled(gradients, samples, weight, 1.0)?;
        Ok((value, weight))
    }

    /// The mean gradient over all batches that were added on all ranks, in one exchange; begins anew. A rank may have
    /// added none.
    ///
    /// # Errors
    /// [`Error::MissingGradient`]; no sample that counts on any rank; or a rank that is gone or silent.
    pub fn reduce(&mut self, sum: &mut GradientSum) -> Result<GradStore> {
        let samples = sum.samples();
        let (gradients, weight) = sum.take_sum();
        let share = Cell::new(Share { value: 0.0, weight });
        let step = Step::new(&self.params, &self.plan, &mut *self.exchange, &share);
        let (_, means) = step.finish((samples > 0).then_some(gradients))?;
        Ok(means)
    }

    /// The weighted mean of a value over the ranks, such as a loss or an accuracy: Σ wᵢ xᵢ / Σ wᵢ. All ranks get the
    /// same bits.
    ///
    /// # Errors
    /// A weight that is not finite or below 0; all weights 0; or a rank that is gone or silent.
    pub fn mean(&self, value: f64, weight: f64) -> Result<f64> {
        range::not_negative("weight", weight)?;
        // What has no weight may be 0/0.
        let weighted = if weight > 0.0 { value * weight } else { 0.0 };
        let sums = self.sum(&[weighted, weight])?;
        check_counts(sums[1])?;
        Ok(sums[0] / sums[1])
    }

    /// The sums of some numbers over the ranks, which all bring as many.
    ///
    /// # Errors
    /// A rank that is gone or silent, or brings other than as many.
    pub fn sum(&self, values: &[f64]) -> Result<Vec<f64>> {
        let mut sums = values.to_vec();
        let algorithm =
            self.config.algorithm.unwrap_or_else(|| Algorithm::usual(self.comm.size(), size_of_val(values)));
        self.comm.all_reduce_with(&mut sums, Reduction::Sum, algorithm)?;
        Ok(sums)
    }

    /// Gives all ranks the buffers of rank 0, such as running statistics, which each rank has of its own shares: before an
    /// evaluation that all take part in.
    ///
    /// # Errors
    /// A rank that is gone or silent.
    pub fn broadcast_buffers(&self) -> Result<()> {
        let buffers: Vec<Param> = self.all.iter().filter(|param| param.buffer).cloned().collect();
        replicas::broadcast(&self.comm, &buffers, self.params[0].var.dtype(), self.config.bucket_bytes)
    }
}

/// The loss times its weight, and a note of both: so gradients are those of a part of a sum, also of a rank's samples
/// through the layers that look at those of all ranks.
fn weighted(samples: usize, share: &Cell<Share>, loss: impl FnOnce() -> Result<Tensor>) -> Result<Tensor> {
    let ((loss, divisor), unread) = with_unread(|| with_divisor(loss))?;
    // Another shape is refused later, by its own error.
    if loss.elem_count() != 1 {
        return Ok(loss);
    }
    let value = scalar(&loss.detach().reshape(())?)?;
    if value.is_nan() {
        unread.check()?;
    }
    let weight = divisor.map_or(Ok(samples as f64), |divisor| divisor.read())?;
    share.set(Share { value, weight });
    // Where nothing counts, gradients are 0 already; by a factor of 0 Candle sends none.
    if weight > 0.0 { Ok((loss * weight)?) } else { Ok(loss) }
}

/// A step without others.
fn alone(params: &[Param], samples: usize, loss: impl FnOnce() -> Result<Tensor>) -> Result<(f64, GradStore)> {
    check_counts(samples as f64)?;
    let (mut weight, mut unread) = (samples as f64, Unread::default());
    let (value, mut gradients) = value_and_grad(|| {
        let ((loss, divisor), left) = with_unread(|| with_divisor(loss))?;
        weight = divisor.map_or(Ok(weight), |divisor| divisor.read())?;
        unread = left;
        Ok(loss)
    })?;
    let value = scalar(&value.reshape(())?)?;
    if value.is_nan() {
        unread.check()?;
    }
    check_counts(weight)?;
    let mut own = GradStore::default();
    for param in params {
        own.insert(&param.var, take(&mut gradients, param)?);
    }
    Ok((value, own))
}
