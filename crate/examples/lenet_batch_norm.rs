//! LeNet with batch normalization on Fashion-MNIST: all of it where it is installed, else the subset in the crate.
//!
//! ```text
//! cargo run -p candlelight --example lenet_batch_norm
//! ```

use candlelight::data::Normalization;
use candlelight::prelude::*;

fn main() -> Result<()> {
    let device = best_device()?;
    let data = FashionMnist::load(&device)?.as_images()?;
    println!("{data}; {}", describe(&device));
    // Measured on the training images, applied to both.
    let normalization = Normalization::new(data.train.inputs())?;
    let (train, test) = (normalization.apply_to(&data.train)?, normalization.apply_to(&data.test)?);

    let params = Params::new(0, &device)?;
    let model = Sequential::new()
        .push(Conv2d::new(
            1,
            6,
            5,
            Conv2dConfig { padding: (2, 2), bias: false, ..Conv2dConfig::default() },
            params.pp("conv1"),
        )?)
        .push(batch_norm2d(6, params.pp("bn1"))?)
        .push(Activation::Relu)
        .push(max_pool2d(2)?)
        .push(Conv2d::new(6, 16, 5, Conv2dConfig { bias: false, ..Conv2dConfig::default() }, params.pp("conv2"))?)
        .push(batch_norm2d(16, params.pp("bn2"))?)
        .push(Activation::Relu)
        .push(max_pool2d(2)?)
        .push(Flatten)
        .push(linear(16 * 5 * 5, 120, params.pp("fc1"))?)
        .push(batch_norm1d(120, params.pp("bn3"))?)
        .push(Activation::Relu)
        .push(linear(120, 84, params.pp("fc2"))?)
        .push(batch_norm1d(84, params.pp("bn4"))?)
        .push(Activation::Relu)
        .push(linear(84, 10, params.pp("fc3"))?);
    let mut sgd = Sgd::new(params.trainable(), SgdConfig { lr: 0.05, momentum: 0.9, ..SgdConfig::default() })?;
    let config = FitConfig { epochs: 6, batch_size: 128, ..FitConfig::default() };
    let (train, validation) = train.split(0.9, &mut seeded(0))?;
    fit(&model, &mut sgd, cross_entropy, &train, Some(&validation), &config, &mut seeded(0))?;

    let accuracy = evaluate(&model, cross_entropy, &test, 500)?.accuracy.unwrap_or(0.0);
    println!("test accuracy {accuracy:.4}");
    Ok(())
}
