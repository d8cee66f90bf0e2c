//! Activations and losses: the same line, fitted with three losses through points of which a few are far off.
//!
//! ```text
//! cargo run -p candlelight --example activations_and_losses
//! ```

use candlelight::activation::{elu, gelu, leaky_relu, tanh};
use candlelight::loss::{huber, mae};
use candlelight::prelude::*;
use candlelight::rng::{normal, uniform};

type Function = fn(&Tensor) -> Result<Tensor>;
type Loss = fn(&Tensor, &Tensor) -> Result<Tensor>;

fn main() -> Result<()> {
    let z = Var::new(&[-2f64, 0.0, 2.0], &Device::Cpu)?;
    println!("slopes at −2, 0 and 2:");
    let functions: [(&str, Function); 6] = [
        ("sigmoid", sigmoid),
        ("tanh", tanh),
        ("ReLU", relu),
        ("leaky ReLU", |x| leaky_relu(x, 0.01)),
        ("ELU", |x| elu(x, 1.0)),
        ("GELU", gelu),
    ];
    for (name, function) in functions {
        let gradients = function(&z)?.sum_all()?.backward()?;
        let slopes = gradients.get(&z).ok_or(Error::MissingGradient { name: "z".into() })?.to_vec1::<f64>()?;
        println!("  {name:10} {slopes:.3?}");
    }

    // y = 2x + 1, and one point in ten lies 20 higher.
    let mut rng = seeded(0);
    let x = uniform(&mut rng, -1.0, 1.0, (200, 1), DType::F32, &Device::Cpu)?;
    let far = Tensor::from_iter((0..200).map(|i| if i % 10 == 0 { 20f32 } else { 0.0 }), &Device::Cpu)?;
    let noise = normal(&mut rng, 0.0, 0.1, (200, 1), DType::F32, &Device::Cpu)?;
    let y = ((x.affine(2.0, 1.0)? + noise)? + far.reshape((200, 1))?)?;

    let losses: [(&str, Loss); 3] = [("squared error", mse), ("Huber", huber), ("absolute error", mae)];
    let mut biases = Vec::new();
    println!("fitted to 2x + 1, with one point in ten off by 20:");
    for (name, loss) in losses {
        let params = Params::new(0, &Device::Cpu)?;
        let line = linear(1, 1, params.clone())?;
        let mut adam = Adam::new(params.trainable(), AdamConfig { lr: 0.02, ..AdamConfig::default() })?;
        for _ in 0..600 {
            let (_, gradients) = value_and_grad(|| loss(&line.forward(&x, Mode::Train)?, &y))?;
            adam.step(&gradients)?;
        }
        let value = |name| Ok::<_, Error>(params.get(name)?.flatten_all()?.to_vec1::<f32>()?[0]);
        let (w, b) = (value("weight")?, value("bias")?);
        println!("  {name:14} {w:.2} x + {b:.2}");
        biases.push((b - 1.0).abs());
    }
    assert!(biases[0] > 1.5 && biases[1] < 0.3 && biases[2] < 0.1, "only the squared error should be pulled away");
    Ok(())
}
