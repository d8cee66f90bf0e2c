//! Linear softmax regression on Fashion-MNIST, all of it where it is installed, else the subset in the crate.

use candlelight::prelude::*;

fn main() -> Result<()> {
    let device = best_device()?;
    let data = FashionMnist::load(&device)?;
    println!("{data}; {}", describe(&device));

    let params = Params::new(0, &device)?;
    let model = linear(784, 10, params.pp("fc"))?;
    let mut adam = Adam::new(params.trainable(), AdamConfig::default())?;
    let config = FitConfig { batch_size: 256, ..FitConfig::default() };
    let (train, validation) = data.train.split(0.9, &mut seeded(0))?;
    fit(&model, &mut adam, cross_entropy, &train, Some(&validation), &config, &mut seeded(0))?;

    let accuracy = accuracy(&model.forward(data.test.inputs(), Mode::Eval)?, data.test.targets())?;
    println!("test accuracy {accuracy:.3}");
    Ok(())
}
