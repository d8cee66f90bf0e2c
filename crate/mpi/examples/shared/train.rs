//! Data parallelism by hand: the same function runs on threads and under MPI.

use std::path::PathBuf;
use std::sync::Arc;

use candlelight::candle_core::backprop::GradStore;
use candlelight::checkpoint::Checkpoint;
use candlelight::distributed::schedule::chunk;
use candlelight::distributed::{Algorithm, Communicator, Reduction, checkpoint};
use candlelight::params::Param;
use candlelight::prelude::*;
use candlelight::rng::stream;

/// What is trained.
pub struct Training {
    /// Steps altogether.
    pub steps: usize,
    /// Samples of a step, of all ranks together.
    pub batch: usize,
    /// Where the ranks save, and after how many steps each time.
    pub checkpoints: Option<(PathBuf, usize)>,
}

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Before a step, which are counted from 0.
    Step(usize),
    /// Before the ranks save, after so many steps.
    Save(usize),
}

/// What has come of it.
#[derive(Debug, PartialEq)]
pub struct Trained {
    /// The step that this run began with.
    pub first: usize,
    /// The mean loss of all samples in each step, before its update.
    pub losses: Vec<f32>,
    /// All parameters, one after the other.
    pub parameters: Vec<f32>,
}

/// Trains a multi-layer perceptron on Fashion-MNIST, each rank on its part of each batch. `before`: called at each moment.
pub fn train(
    comm: &Arc<dyn Communicator>,
    training: &Training,
    before: impl Fn(Moment) -> Result<()>,
) -> Result<Trained> {
    let data = FashionMnist::offline(&Device::Cpu)?.train;
    // Each rank would begin elsewhere; it takes what rank 0 begins with.
    let params = Params::new(comm.rank() as u64, &Device::Cpu)?;
    let (hidden, out) = (linear(784, 32, params.pp("fc1"))?, linear(32, 10, params.pp("fc2"))?);
    let mut sgd = Sgd::new(params.trainable(), SgdConfig { lr: 0.1, momentum: 0.9, ..SgdConfig::default() })?;
    let parameters = params.trainable();
    let mut all = flat(&parameters, |param| Ok(param.var.as_tensor().clone()))?;
    comm.broadcast(&mut all, 0)?;
    for (param, tensor) in shaped(&parameters, &all)? {
        param.var.set(&tensor)?;
    }

    let mut first = 0;
    if let Some((folder, _)) = &training.checkpoints
        && let Some((step, state)) = checkpoint::latest(comm, folder)?
    {
        state.restore().params(&params).state("optimizer", &mut sgd).apply()?;
        first = step;
    }
    let mut losses = Vec::new();
    for step in first..training.steps {
        before(Moment::Step(step))?;
        // The same samples on all ranks, of which each takes its part.
        let mut draws = stream(0, &format!("batch {step}"));
        let samples: Vec<u32> = (0..training.batch).map(|_| draws.random_range(0..data.len() as u32)).collect();
        let mine = &samples[chunk(comm.rank(), comm.size(), samples.len())];
        let part = data.subset(mine)?;
        let (loss, gradients) = value_and_grad(|| {
            let hidden = relu(&hidden.forward(part.inputs(), Mode::Train)?)?;
            cross_entropy(&out.forward(&hidden, Mode::Train)?, part.targets())
        })?;

        // One message with all gradients and the loss, each weighted by its samples: the sum is the mean of the whole batch.
        let gradient = |param: &Param| {
            gradients.get(&param.var).cloned().ok_or_else(|| Error::MissingGradient { name: param.name.clone() })
        };
        let mut message = flat(&parameters, gradient)?;
        message.push(loss.to_scalar()?);
        let weight = mine.len() as f32 / samples.len() as f32;
        message.iter_mut().for_each(|value| *value *= weight);
        comm.all_reduce_with(&mut message, Reduction::Sum, Algorithm::Ring)?;
        losses.extend(message.pop());

        let mut mean = GradStore::default();
        for (param, gradient) in shaped(&parameters, &message)? {
            mean.insert(&param.var, gradient);
        }
        sgd.step(&mean)?;
        if let Some((folder, every)) = &training.checkpoints
            && (step + 1) % every == 0
        {
            before(Moment::Save(step + 1))?;
            let state = Checkpoint::new().params(&params)?.state("optimizer", &sgd)?;
            checkpoint::save(comm, folder, step + 1, &state)?;
        }
    }
    let parameters = flat(&parameters, |param| Ok(param.var.as_tensor().clone()))?;
    Ok(Trained { first, losses, parameters })
}

/// A tensor of each parameter, all numbers in a row.
fn flat(parameters: &[Param], tensor: impl Fn(&Param) -> Result<Tensor>) -> Result<Vec<f32>> {
    let mut all = Vec::new();
    for param in parameters {
        all.extend(tensor(param)?.flatten_all()?.to_vec1::<f32>()?);
    }
    Ok(all)
}

/// The way back.
fn shaped<'a>(parameters: &'a [Param], all: &[f32]) -> Result<Vec<(&'a Param, Tensor)>> {
    let mut rest = all;
    let mut tensors = Vec::new();
    for param in parameters {
        let (numbers, others) = rest.split_at(param.var.elem_count());
        rest = others;
        tensors.push((param, Tensor::from_slice(numbers, param.var.shape(), &Device::Cpu)?));
    }
    Ok(tensors)
}
