//! Dropout: a net that forgets half of its units at each step, and three ways to predict with it.
//!
//! ```text
//! cargo run -p candlelight --example dropout
//! ```

use candlelight::nn::{Inference, dropout};
use candlelight::prelude::*;

fn main() -> Result<()> {
    let data = FashionMnist::offline(&Device::Cpu)?;
    let train = data.train.take(2000)?;
    let params = Params::new(0, &Device::Cpu)?;
    let model = Sequential::new()
        .push(linear(784, 128, params.pp("fc1"))?)
        .push(Activation::Relu)
        .push(dropout(0.5, params.pp("drop"))?)
        .push(linear(128, 10, params.pp("fc2"))?);
    let mut adam = Adam::new(params.trainable(), AdamConfig::default())?;
    let config = FitConfig { epochs: 10, batch_size: 64, ..FitConfig::default() }.silent();
    fit(&model, &mut adam, cross_entropy, &train, None, &config, &mut seeded(0))?;

    let (x, labels) = (data.test.inputs(), data.test.targets());
    let mut found = Vec::new();
    for (name, inference) in [
        ("one pass, units scaled", Inference::WeightScaling),
        ("mean of 1 random net", Inference::MonteCarlo { samples: 1 }),
        ("mean of 30 random nets", Inference::MonteCarlo { samples: 30 }),
    ] {
        let prediction = inference.predict(&model, x)?;
        let spread = prediction.std.mean_all()?.to_scalar::<f32>()?;
        found.push(accuracy(&prediction.mean, labels)?);
        println!("{name:23} test accuracy {:.3}, spread of a score {spread:.3}", found[found.len() - 1]);
    }
    assert!(found[1] < found[0] && found[1] < found[2], "a single random net should be the worst");
    Ok(())
}
