//! Vanishing gradients: how much of it reaches the first of twenty layers, with sigmoids, with ReLU, and past shortcuts.
//!
//! ```text
//! cargo run -p candlelight --example vanishing_gradients
//! ```

use candlelight::nn::Residual;
use candlelight::optim::grad_norms;
use candlelight::prelude::*;
use candlelight::rng::normal;

const LAYERS: usize = 20;
const WIDTH: usize = 64;

fn net(activation: Activation, residual: bool, params: &Params) -> Result<Sequential> {
    let mut net = Sequential::new();
    for k in 0..LAYERS {
        let layer = linear(WIDTH, WIDTH, params.pp(format!("fc{k}")))?;
        let block = Sequential::new().push(layer).push(activation);
        net = if residual { net.push(Residual::new(block)) } else { net.push(block) };
    }
    Ok(net.push(linear(WIDTH, 1, params.pp("out"))?))
}

fn main() -> Result<()> {
    let x = normal(&mut seeded(1), 0.0, 1.0, (128, WIDTH), DType::F32, &Device::Cpu)?;
    let y = normal(&mut seeded(2), 0.0, 1.0, (128, 1), DType::F32, &Device::Cpu)?;
    println!("norm of the gradient of the first layer over that of the last:");
    let mut ratios = Vec::new();
    for (name, activation, residual) in [
        ("sigmoid", Activation::Sigmoid, false),
        ("tanh", Activation::Tanh, false),
        ("ReLU", Activation::Relu, false),
        ("tanh, residual", Activation::Tanh, true),
    ] {
        let params = Params::new(0, &Device::Cpu)?;
        let model = net(activation, residual, &params)?;
        let (_, gradients) = value_and_grad(|| mse(&model.forward(&x, Mode::Train)?, &y))?;
        // Each layer has a weight and a bias.
        let norms = grad_norms(&gradients, &params.trainable())?;
        let ratio = norms[0] / norms[2 * (LAYERS - 1)];
        println!("  {name:15} {ratio:.1e}");
        ratios.push(ratio);
    }
    assert!(ratios[0] < 1e-8 && ratios[3] > 1e-2, "with sigmoids it should vanish, past shortcuts not");
    Ok(())
}
