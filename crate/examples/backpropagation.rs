//! Backpropagation: one pass back gives the derivatives with respect to all weights, at the price of some passes forward.
//!
//! ```text
//! cargo run -p candlelight --example backpropagation
//! ```

use std::time::Instant;

use candlelight::autograd::saved_bytes;
use candlelight::prelude::*;
use candlelight::rng::normal;

fn main() -> Result<()> {
    let params = Params::with_dtype(0, DType::F64, &Device::Cpu)?;
    let model = Sequential::new().push(linear(64, 128, params.pp("fc1"))?).push(Activation::Tanh).push(linear(
        128,
        1,
        params.pp("fc2"),
    )?);
    let mut rng = seeded(1);
    let x = normal(&mut rng, 0.0, 1.0, (256, 64), DType::F64, &Device::Cpu)?;
    let y = normal(&mut rng, 0.0, 1.0, (256, 1), DType::F64, &Device::Cpu)?;
    let loss = || mse(&model.forward(&x, Mode::Train)?, &y);

    let value = loss()?.to_scalar::<f64>()?;
    let gradients = value_and_grad(loss)?.1;
    let clock = Instant::now();
    for _ in 0..20 {
        loss()?;
    }
    let forward = clock.elapsed() / 20;
    let clock = Instant::now();
    for _ in 0..20 {
        value_and_grad(loss)?;
    }
    let both = clock.elapsed() / 20;
    println!("{} weights, loss {value:.4}", params.count());
    println!("one pass forward {forward:.1?}, forward and back {both:.1?}, {} bytes kept between", saved_bytes(loss)?);

    // A difference quotient needs two passes for a single weight.
    let weight = params.get("fc1.weight")?;
    let at = |h: f64| -> Result<f64> {
        let mut values = weight.flatten_all()?.to_vec1::<f64>()?;
        values[0] += h;
        params.set("fc1.weight", &Tensor::from_vec(values, weight.dims(), &Device::Cpu)?)?;
        loss()?.to_scalar::<f64>().map_err(Error::from)
    };
    let h = 1e-4;
    let (above, below) = (at(h)?, at(-2.0 * h)?);
    let quotient = (above - below) / (2.0 * h);
    let gradient = gradients.get(&weight).ok_or(Error::MissingGradient { name: "fc1.weight".into() })?;
    let gradient = gradient.flatten_all()?.to_vec1::<f64>()?[0];
    println!("∂loss/∂w of the first weight: backpropagation {gradient:.9}, difference quotient {quotient:.9}");
    assert!((gradient - quotient).abs() < 1e-7, "the two should agree");
    Ok(())
}
