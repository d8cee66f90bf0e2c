//! Overfitting: how one sees it, and what early stopping, a penalty and more images bring.
//!
//! ```text
//! cargo run -p candlelight --example overfitting
//! ```

use candlelight::prelude::*;
use candlelight::regularization::{l2, weights};
use candlelight::train::StoppingRule;

fn main() -> Result<()> {
    let data = FashionMnist::offline(&Device::Cpu)?;
    let validation = data.test.take(500)?;
    println!("{:26} epochs   loss: training   validation", "");
    let mut found = Vec::new();
    for (name, images, penalty, stop) in [
        ("300 images", 300, 0.0, false),
        ("with early stopping", 300, 0.0, true),
        ("with an L2 penalty", 300, 3e-3, false),
        ("3000 images", 3000, 0.0, false),
    ] {
        let params = Params::new(0, &Device::Cpu)?;
        let model = Sequential::new().push(linear(784, 128, params.pp("fc1"))?).push(Activation::Relu).push(linear(
            128,
            10,
            params.pp("fc2"),
        )?);
        let mut config = FitConfig { epochs: 60 * 300 / images, ..FitConfig::default() }.silent();
        if penalty > 0.0 {
            let weights = weights(&params);
            config = config.with_penalty(move || Ok((l2(&weights)? * penalty)?));
        }
        if stop {
            config.early_stopping = Some(StoppingRule::Patience { patience: 5, min_delta: 0.0 });
            config.restore_best = Some(params.clone());
        }
        let train = data.train.take(images)?;
        let mut adam = Adam::new(params.trainable(), AdamConfig::default())?;
        let history = fit(&model, &mut adam, cross_entropy, &train, Some(&validation), &config, &mut seeded(0))?;
        let of_train = evaluate(&model, cross_entropy, &train, 500)?.loss;
        let loss = evaluate(&model, cross_entropy, &validation, 500)?.loss;
        println!("{name:26} {:6}   {of_train:14.3}   {loss:10.3}", history.epochs.len());
        found.push(loss);
    }
    assert!(found[1..].iter().all(|loss| *loss < found[0]), "each cure should help");
    Ok(())
}
