//! Convolution: what a layer does to a shifted image, what a net sees, and what sharing weights brings.
//!
//! ```text
//! cargo run -p candlelight --example convolution
//! ```

use candlelight::nn::features::{cyclic_shift, receptive_field};
use candlelight::nn::{PaddingMode, summary};
use candlelight::prelude::*;

fn lenet(params: &Params) -> Result<Sequential> {
    let same = Conv2dConfig { padding: (2, 2), ..Conv2dConfig::default() };
    Ok(Sequential::new()
        .push(Conv2d::new(1, 6, 5, same, params.pp("conv1"))?)
        .push(Activation::Relu)
        .push(max_pool2d(2)?)
        .push(conv2d(6, 16, 5, params.pp("conv2"))?)
        .push(Activation::Relu)
        .push(max_pool2d(2)?)
        .push(Flatten)
        .push(linear(400, 10, params.pp("fc"))?))
}

fn main() -> Result<()> {
    let images = FashionMnist::offline(&Device::Cpu)?.as_images()?;
    let (train, test) = (images.train.take(2000)?, &images.test);

    // On a torus, where nothing is cut off at an edge, convolution and shift can be exchanged.
    let config = Conv2dConfig { padding: (2, 2), padding_mode: PaddingMode::Circular, ..Conv2dConfig::default() };
    let layer = Conv2d::new(1, 4, 5, config, Params::new(0, &Device::Cpu)?)?;
    let x = test.take(1)?;
    let first = layer.forward(&cyclic_shift(x.inputs(), &[3, 2])?, Mode::Eval)?;
    let last = cyclic_shift(&layer.forward(x.inputs(), Mode::Eval)?, &[3, 2])?;
    let apart = (first - last)?.abs()?.max_all()?.to_scalar::<f32>()?;
    println!("shifted then convolved, against convolved then shifted: off by {apart:.1e}");
    assert!(apart < 1e-5, "a convolution should be equivariant");

    let params = Params::new(0, &Device::Cpu)?;
    let net = lenet(&params)?;
    println!("{}", summary(&net, &params, (1, 1, 28, 28))?);
    for layer in receptive_field(&net, &params, (1, 1, 28, 28))?.layers {
        println!("{:6} {:12} sees {} pixels in a row", layer.name, layer.kind, layer.axes[0].size);
    }

    let of_mlp = Params::new(0, &Device::Cpu)?;
    let mlp = Sequential::new()
        .push(Flatten)
        .push(linear(784, 32, of_mlp.pp("fc1"))?)
        .push(Activation::Relu)
        .push(linear(32, 10, of_mlp.pp("fc2"))?);
    for (name, net, params) in [("fully connected", &mlp, &of_mlp), ("convolutional", &net, &params)] {
        let mut adam = Adam::new(params.trainable(), AdamConfig { lr: 2e-3, ..AdamConfig::default() })?;
        let config = FitConfig { epochs: 8, ..FitConfig::default() }.silent();
        fit(net, &mut adam, cross_entropy, &train, None, &config, &mut seeded(0))?;
        let shifted = Dataset::new(&cyclic_shift(test.inputs(), &[2, 2])?, test.targets())?;
        let accuracy = |data| Ok::<_, Error>(evaluate(net, cross_entropy, data, 500)?.accuracy.unwrap_or(0.0));
        let (plain, shifted) = (accuracy(test)?, accuracy(&shifted)?);
        println!("{name:16} {:5} weights: accuracy {plain:.3}, shifted by two pixels {shifted:.3}", params.count());
        assert!(plain > 0.7, "{name} should learn");
    }
    Ok(())
}
