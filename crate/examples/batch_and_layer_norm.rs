//! Batch against layer normalization: test accuracy of an MLP, a CNN and an RNN at mini-batches of 1, 2, 8 and 64 images.
//!
//! ```text
//! cargo run -p candlelight --example batch_and_layer_norm
//! cargo run -p candlelight --example batch_and_layer_norm -- --quick     # mini-batches of 64 alone, at one rate, two seeds
//! ```
//!
//! The subset of Fashion-MNIST in the crate, three epochs on 3 000 images. Three seeds; the learning rate of each cell is
//! the one that does best on 1 000 other images; what is shown is the accuracy on the 1 500 test images. A dash stands for a net that
//! cannot be trained at that size.

use candlelight::data::Normalization;
use candlelight::nn::group_norm;
use candlelight::plot::Table;
use candlelight::prelude::*;
use candlelight::probability::Summary;

const WIDTH: usize = 64;
/// Rows of an image, and pixels of a row, after pooling.
const STEPS: usize = 14;

#[derive(Clone, Copy, PartialEq)]
enum Norm {
    None,
    Batch,
    Layer,
}

impl Norm {
    const ALL: [Self; 3] = [Self::None, Self::Batch, Self::Layer];

    /// Of [N, width].
    fn units(self, width: usize, params: Params) -> Result<Box<dyn Module>> {
        Ok(match self {
            Self::None => Box::new(Sequential::new()),
            Self::Batch => Box::new(batch_norm1d(width, params)?),
            Self::Layer => Box::new(layer_norm(width, params)?),
        })
    }

    /// Of [N, channels, H, W]: layer norm is over channels and places together, which is group norm with one group.
    fn channels(self, channels: usize, params: Params) -> Result<Box<dyn Module>> {
        Ok(match self {
            Self::None => Box::new(Sequential::new()),
            Self::Batch => Box::new(batch_norm2d(channels, params)?),
            Self::Layer => Box::new(group_norm(1, channels, params)?),
        })
    }
}

/// A box of a layer as a layer.
struct Boxed(Box<dyn Module>);

impl Module for Boxed {
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        self.0.forward(x, mode)
    }
}

fn mlp(norm: Norm, params: &Params) -> Result<Sequential> {
    Ok(Sequential::new()
        .push(Flatten)
        .push(linear(784, WIDTH, params.pp("fc1"))?)
        .push(Boxed(norm.units(WIDTH, params.pp("norm1"))?))
        .push(Activation::Relu)
        .push(linear(WIDTH, WIDTH, params.pp("fc2"))?)
        .push(Boxed(norm.units(WIDTH, params.pp("norm2"))?))
        .push(Activation::Relu)
        .push(linear(WIDTH, 10, params.pp("fc3"))?))
}

fn cnn(norm: Norm, params: &Params) -> Result<Sequential> {
    let same = Conv2dConfig { padding: (1, 1), ..Conv2dConfig::default() };
    Ok(Sequential::new()
        .push(avg_pool2d(2)?)
        .push(Conv2d::new(1, 8, 3, same, params.pp("conv1"))?)
        .push(Boxed(norm.channels(8, params.pp("norm1"))?))
        .push(Activation::Relu)
        .push(Conv2d::new(8, 16, 3, same, params.pp("conv2"))?)
        .push(Boxed(norm.channels(16, params.pp("norm2"))?))
        .push(Activation::Relu)
        .push(max_pool2d(2)?)
        .push(Flatten)
        .push(linear(16 * 7 * 7, 10, params.pp("fc"))?))
}

/// hₜ = tanh(norm(W xₜ + U hₜ₋₁)) over the rows of an image, and a linear layer on the last h. Batch normalization has
/// statistics of its own for each step (Cooijmans et al., 2017, section 3); layer normalization is the same at all.
struct NormRnn {
    input: Linear,
    state: Linear,
    norms: Vec<Box<dyn Module>>,
    output: Linear,
}

fn rnn(norm: Norm, params: &Params) -> Result<NormRnn> {
    let steps = if norm == Norm::Batch { STEPS } else { 1 };
    let norms = (0..steps).map(|t| norm.units(WIDTH, params.pp(format!("norm{t}"))));
    Ok(NormRnn {
        input: linear(STEPS, WIDTH, params.pp("input"))?,
        state: linear(WIDTH, WIDTH, params.pp("state"))?,
        norms: norms.collect::<Result<_>>()?,
        output: linear(WIDTH, 10, params.pp("output"))?,
    })
}

impl Module for NormRnn {
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let rows = avg_pool2d(2)?.forward(x, mode)?.squeeze(1)?;
        let mut h = Tensor::zeros((x.dim(0)?, WIDTH), x.dtype(), x.device())?;
        for t in 0..STEPS {
            let row = rows.narrow(1, t, 1)?.squeeze(1)?.contiguous()?;
            let z = (self.input.forward(&row, mode)? + self.state.forward(&h, mode)?)?;
            let norm = &self.norms[t.min(self.norms.len() - 1)];
            h = Activation::Tanh.forward(&norm.forward(&z, mode)?, mode)?;
        }
        self.output.forward(&h, mode)
    }
}

type Build = fn(Norm, &Params) -> Result<Box<dyn Module>>;
const NETS: [(&str, Build); 3] = [
    ("MLP", |norm, params| Ok(Box::new(mlp(norm, params)?))),
    ("CNN", |norm, params| Ok(Box::new(cnn(norm, params)?))),
    ("RNN", |norm, params| Ok(Box::new(rnn(norm, params)?))),
];

/// Accuracy on the validation and the test images after training with mini-batches of `size`; 0 where the loss was not finite.
fn run(build: Build, norm: Norm, size: usize, lr: f64, seed: u64, data: &[Dataset; 3]) -> Result<(f64, f64)> {
    let params = Params::new(seed, &Device::Cpu)?;
    let model = build(norm, &params)?;
    let mut sgd = Sgd::new(params.trainable(), SgdConfig { lr, ..SgdConfig::default() })?;
    let config = FitConfig { epochs: 3, batch_size: size, progress: Progress::Silent, ..FitConfig::default() };
    let [train, validation, test] = data;
    match fit(model.as_ref(), &mut sgd, cross_entropy, train, None, &config, &mut seeded(seed)) {
        Err(Error::NotFinite { .. }) => return Ok((0.0, 0.0)),
        result => result?,
    };
    let accuracy = |data| Ok::<_, Error>(evaluate(model.as_ref(), cross_entropy, data, 500)?.accuracy.unwrap_or(0.0));
    Ok((100.0 * accuracy(validation)?, 100.0 * accuracy(test)?))
}

/// The test accuracies of three seeds at the learning rate with the best mean on the validation images, and that rate.
fn judge(
    build: Build,
    norm: Norm,
    size: usize,
    (rates, seeds): (&[f64], u64),
    data: &[Dataset; 3],
) -> Result<(Summary, f64)> {
    let mut best = (f64::NEG_INFINITY, Summary::new(&[0.0])?, 0.0);
    for rate in rates {
        let lr = rate * (size as f64).sqrt();
        let runs = (0..seeds).map(|seed| run(build, norm, size, lr, seed, data)).collect::<Result<Vec<_>>>()?;
        let (validation, test): (Vec<f64>, Vec<f64>) = runs.into_iter().unzip();
        let mean = Summary::new(&validation)?.mean;
        if mean > best.0 {
            best = (mean, Summary::new(&test)?, lr);
        }
    }
    Ok((best.1, best.2))
}

fn main() -> Result<()> {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let (sizes, rates, seeds): (&[usize], &[f64], u64) =
        if quick { (&[64], &[0.01], 2) } else { (&[1, 2, 8, 64], &[0.0025, 0.01, 0.04, 0.16], 3) };
    let data = FashionMnist::offline(&Device::Cpu)?.as_images()?;
    let (train, rest) = data.train.split_at(3000)?;
    let normalization = Normalization::new(train.inputs())?;
    let parts = [train, rest.take(1000)?, data.test].map(|part| normalization.apply_to(&part));
    let [train, validation, test] = parts;
    let data = [train?, validation?, test?];

    let mut table = Table::new(["net", "M", "none", "batch norm", "layer norm"])
        .title("Test accuracy [%], mean of three seeds with 95 % intervals (learning rate)");
    for (net, build) in NETS {
        for &size in sizes {
            let mut cells = vec![net.to_owned(), size.to_string()];
            for norm in Norm::ALL {
                cells.push(match judge(build, norm, size, (rates, seeds), &data) {
                    Ok((accuracy, lr)) => format!("{accuracy:.1} ({lr:.3})"),
                    Err(error) => {
                        println!("{net}, M = {size}: {error}");
                        "–".into()
                    }
                });
            }
            println!("{}", cells.join("  "));
            table = table.row(cells);
        }
    }
    println!("\n{}", table.text()?);
    Ok(())
}
