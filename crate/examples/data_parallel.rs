//! Synchronous SGD: four ranks, each with a quarter of every batch, compute what one does, and what they send for it.
//!
//! ```text
//! cargo run -p candlelight --example data_parallel
//! ```
//!
//! The ranks are threads here; the same function runs on processes, under MPI, with `candlelight-mpi`.

use std::sync::Arc;

use candlelight::distributed::{Communicator, DataParallel, DataParallelConfig, ShardedSampler, cluster};
use candlelight::prelude::*;

const BATCH: usize = 64;

/// The weights after an epoch, flat, and the last loss.
fn train(comm: &Arc<dyn Communicator>, data: &Dataset) -> Result<(Vec<f64>, f64)> {
    // Each starts elsewhere; `DataParallel` gives all of them the weights of rank 0.
    let params = Params::with_dtype(comm.rank() as u64, DType::F64, &Device::Cpu)?;
    let model = linear(784, 10, params.pp("fc"))?;
    let mut parallel = DataParallel::new(comm, &params, DataParallelConfig::default())?;
    let mut sgd = Sgd::new(params.trainable(), SgdConfig { lr: 0.1, ..SgdConfig::default() })?;
    let (sampler, mut rng) = (ShardedSampler::new(comm, BATCH / comm.size())?, seeded(0));
    let mut last = f64::NAN;
    for share in sampler.shuffled_batches(data, &mut rng) {
        let (x, y) = share?;
        let loss = || cross_entropy(&model.forward(&x, Mode::Train)?, &y);
        let (loss, gradients) = parallel.value_and_grad(x.dim(0)?, loss)?;
        sgd.step(&gradients)?;
        last = loss;
    }
    Ok((model.weight().flatten_all()?.to_vec1()?, last))
}

fn main() -> Result<()> {
    let images = FashionMnist::offline(&Device::Cpu)?.train.take(2048)?;
    let data = Dataset::new(&images.inputs().to_dtype(DType::F64)?, images.targets())?;
    let alone = cluster(1, |comm| train(comm, &data))?;
    let (of_one, loss) = &alone.results[0];
    println!("1 rank:  loss {loss:.6}");
    let run = cluster(4, |comm| train(comm, &data))?;
    let (of_four, loss) = &run.results[0];
    let apart = of_one.iter().zip(of_four).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    println!("4 ranks: loss {loss:.6}, {} messages, {} bytes", run.messages(), run.bytes());
    println!("largest difference of a weight: {apart:.1e}");
    assert!(run.results.iter().all(|(weights, _)| weights == of_four), "all ranks should have the same weights");
    assert!(apart < 1e-12, "four ranks should do what one does");
    Ok(())
}
