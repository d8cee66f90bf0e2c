//! The training function of chapter 16, as it stands there: on threads in the notebook, here on processes too.

use std::sync::Arc;

use candlelight::distributed::{Communicator, DataParallel, DataParallelConfig, ShardedSampler};
use candlelight::optim::schedule::StepLr;
use candlelight::params::Param;
use candlelight::prelude::*;

/// What the chapter trains on.
pub fn samples() -> Result<Dataset> {
    let fashion = FashionMnist::offline(&Device::Cpu)?;
    Dataset::new(&fashion.train.inputs().to_dtype(DType::F64)?, fashion.train.targets())?.take(2000)
}

/// Images of clothes to ten classes, by 32 hidden units.
fn mlp(params: &Params) -> Result<Sequential> {
    let first = Sequential::new().push(linear(784, 32, params.pp("fc1"))?).push(Activation::Relu);
    Ok(first.push(linear(32, 10, params.pp("fc2"))?))
}

fn numbers(params: &Params) -> Result<Vec<f64>> {
    let of = |param: Param| Ok(param.var.flatten_all()?.to_vec1::<f64>()?);
    Ok(params.trainable().into_iter().map(of).collect::<Result<Vec<_>>>()?.concat())
}

/// The mean loss of each epoch and the final parameters; batches of 100 samples, over all workers.
pub fn train_by_crate(comm: &Arc<dyn Communicator>, data: &Dataset, epochs: usize) -> Result<(Vec<f64>, Vec<f64>)> {
    let params = Params::with_dtype(comm.rank() as u64, DType::F64, &Device::Cpu)?;
    let model = mlp(&params)?;
    let mut parallel = DataParallel::new(comm, &params, DataParallelConfig::default())?;
    let mut optimizer = Adam::new(params.trainable(), AdamConfig::default())?;
    let mut scheduler = LrScheduler::new(StepLr::new(2, 0.5)?, &mut optimizer)?;
    let (sampler, mut rng) = (ShardedSampler::new(comm, 100 / comm.size())?, seeded(0));
    let mut epoch_losses = Vec::new();
    for _ in 0..epochs {
        let mut losses = Vec::new();
        for batch in sampler.shuffled_batches(data, &mut rng) {
            let (x, y) = batch?;
            let loss = || cross_entropy(&model.forward(&x, Mode::Train)?, &y);
            let (loss, gradients) = parallel.value_and_grad(x.dim(0)?, loss)?;
            optimizer.step(&gradients)?;
            losses.push(loss);
        }
        scheduler.step(&mut optimizer)?;
        epoch_losses.push(losses.iter().sum::<f64>() / losses.len() as f64);
    }
    Ok((epoch_losses, numbers(&params)?))
}
