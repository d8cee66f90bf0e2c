//! Batch normalization's running statistics: what a trained net computes with those of small batches, and with those of
//! the whole data set.
//!
//! ```text
//! cargo run -p candlelight --example batch_norm_statistics
//! ```

use candlelight::nn::BatchNorm1d;
use candlelight::prelude::*;

/// Two hidden layers, the first with batch normalization.
struct Net {
    before: Linear,
    norm: BatchNorm1d,
    after: Linear,
}

impl Module for Net {
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        self.after.forward(&relu(&self.norm.forward(&self.before.forward(x, mode)?, mode)?)?, mode)
    }
}

fn main() -> Result<()> {
    let data = FashionMnist::offline(&Device::Cpu)?;
    let train = data.train.take(2000)?;
    let params = Params::new(0, &Device::Cpu)?;
    let net = Net {
        before: linear(784, 64, params.pp("before"))?,
        norm: batch_norm1d(64, params.pp("norm"))?,
        after: linear(64, 10, params.pp("after"))?,
    };
    let mut sgd = Sgd::new(params.trainable(), SgdConfig { lr: 0.05, ..SgdConfig::default() })?;
    let config = FitConfig { epochs: 3, batch_size: 2, ..FitConfig::default() }.silent();
    fit(&net, &mut sgd, cross_entropy, &train, None, &config, &mut seeded(0))?;

    let test = || evaluate(&net, cross_entropy, &data.test, 500);
    let running = test()?;
    // The same weights, with mean and variance over all of the training data.
    let batches = train.batches(500)?.map(|batch| net.before.forward(&batch?.0, Mode::Eval));
    let seen = net.norm.fit_statistics(batches)?;
    let whole = test()?;
    println!("trained with batches of 2; loss on {} test images:", data.test.len());
    println!("  moving averages over batches {:.4}", running.loss);
    println!("  statistics of {seen} images    {:.4}", whole.loss);
    assert!(whole.loss < running.loss, "those of the whole set should be the better ones");
    Ok(())
}
