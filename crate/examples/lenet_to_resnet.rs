//! From a linear classifier over LeNet to a plain net of 20 layers and to ResNet-20 on Fashion-MNIST: parameters,
//! operations, test accuracy, and seconds an epoch.
//!
//! ```text
//! cargo run -p candlelight --example lenet_to_resnet                # all images where installed: some 20 minutes
//! cargo run -p candlelight --example lenet_to_resnet -- --quick     # the subset in the crate, of half the size
//! ```
//!
//! By SGD with momentum, from one seed: the cheap nets ten epochs, the deep ones three; in each the rate falls to a
//! twenty-fifth. Intervals are Wilson's for the test images: what other images might give, not other seeds. On all
//! images the program asserts what the table is for: each net with convolutions beats the people that the set's authors
//! asked, and ResNet-20 beats both LeNet and the plain net of its depth, by more than chance on the images that only
//! one of the two labels rightly.

use candlelight::data::Normalization;
use candlelight::nn::{ModelSummary, ResNet, ResNetConfig, Shortcut, summary};
use candlelight::optim::schedule::ExponentialLr;
use candlelight::prelude::*;
use candlelight::probability::Proportion;

/// The share that people label as the set says: Xiao, Rasul and Vollgraf (2017), on the page of the set.
const PEOPLE: f64 = 0.835;

/// Convolutions of LeNet-5 (LeCun et al. 1998, section II.B) with ReLU and max-pooling.
fn lenet(side: usize, params: &Params) -> Result<Sequential> {
    let same = Conv2dConfig { padding: (2, 2), ..Conv2dConfig::default() };
    let left = (side / 2 - 4) / 2;
    Ok(Sequential::new()
        .push(Conv2d::new(1, 6, 5, same, params.pp("conv1"))?)
        .push(Activation::Relu)
        .push(max_pool2d(2)?)
        .push(conv2d(6, 16, 5, params.pp("conv2"))?)
        .push(Activation::Relu)
        .push(max_pool2d(2)?)
        .push(Flatten)
        .push(linear(16 * left * left, 120, params.pp("fc1"))?)
        .push(Activation::Relu)
        .push(linear(120, 84, params.pp("fc2"))?)
        .push(Activation::Relu)
        .push(linear(84, 10, params.pp("fc3"))?))
}

fn linear_classifier(side: usize, params: &Params) -> Result<Sequential> {
    Ok(Sequential::new().push(Flatten).push(linear(side * side, 10, params.pp("fc"))?))
}

fn deep(shortcut: Shortcut, params: &Params) -> Result<ResNet> {
    ResNet::new(1, 10, ResNetConfig { shortcut, ..ResNetConfig::of_depth(20)? }, params.clone())
}

/// A net by name, its epochs, and the rate of the first.
fn build(name: &str, side: usize, params: &Params) -> Result<(Box<dyn Module>, usize, f64)> {
    Ok(match name {
        "linear" => (Box::new(linear_classifier(side, params)?), 10, 0.02),
        "LeNet" => (Box::new(lenet(side, params)?), 10, 0.05),
        "plain, 20 layers" => (Box::new(deep(Shortcut::None, params)?), 3, 0.1),
        _ => (Box::new(deep(Shortcut::ZeroPadding, params)?), 3, 0.1),
    })
}

/// What a net came to: its size, its epochs and the loss of the last, which test images it labels rightly, seconds an epoch.
struct Trained {
    name: &'static str,
    size: ModelSummary,
    epochs: usize,
    train_loss: f64,
    right: Vec<bool>,
    seconds: f64,
}

impl Trained {
    fn accuracy(&self) -> Result<Proportion> {
        Proportion::new(self.right.iter().filter(|right| **right).count() as u64, self.right.len() as u64)
    }

    /// Of the test images on which only one of the two nets is right, those on which this one is.
    fn against(&self, other: &Self) -> Result<Proportion> {
        let pairs = || self.right.iter().zip(&other.right);
        let (wins, losses) = (pairs().filter(|(a, b)| **a && !**b), pairs().filter(|(a, b)| !**a && **b));
        let wins = wins.count() as u64;
        Proportion::new(wins, wins + losses.count() as u64)
    }
}

fn train(name: &'static str, train: &Dataset, test: &Dataset) -> Result<Trained> {
    let side = train.inputs().dim(3)?;
    let params = Params::new(0, &Device::Cpu)?;
    let (model, epochs, lr) = build(name, side, &params)?;
    let size = summary(model.as_ref(), &params, (1, 1, side, side))?;
    let config = SgdConfig { lr, momentum: 0.9, weight_decay: 1e-4, nesterov: true, ..SgdConfig::default() };
    let mut sgd = Sgd::new(params.trainable(), config)?;
    let mut scheduler = LrScheduler::new(ExponentialLr::new(0.04_f64.powf(1.0 / (epochs - 1) as f64))?, &mut sgd)?;
    let fitting = FitConfig { epochs: 1, batch_size: 128, ..FitConfig::default() }.silent();
    let (mut seconds, mut train_loss, mut rng) = (0.0, f64::NAN, seeded(0));
    for epoch in 1..=epochs {
        let history = fit(model.as_ref(), &mut sgd, cross_entropy, train, None, &fitting, &mut rng)?;
        scheduler.step(&mut sgd)?;
        train_loss = history.train_loss()[0];
        seconds += history.epochs[0].seconds / epochs as f64;
        println!("{name}, epoch {epoch}: training loss {train_loss:.4}, {:.0} s", history.epochs[0].seconds);
    }
    let mut right = Vec::with_capacity(test.len());
    for batch in test.batches(500)? {
        let (x, y) = batch?;
        let answers: Vec<u32> = model.forward(&x, Mode::Eval)?.argmax(D::Minus1)?.to_vec1()?;
        right.extend(answers.iter().zip(y.to_vec1::<u32>()?).map(|(answer, y)| *answer == y));
    }
    Ok(Trained { name, size, epochs, train_loss, right, seconds })
}

fn table(nets: &[Trained]) -> Result<Table> {
    let columns =
        ["net", "parameters", "MFLOPs an image", "epochs", "training loss", "test accuracy [%]", "seconds an epoch"];
    let mut table = Table::new(columns);
    for net in nets {
        let accuracy = net.accuracy()?;
        let (low, high) = accuracy.interval(1.96);
        let shown = format!("{:.2} [{:.2}, {:.2}]", 100.0 * accuracy.share(), 100.0 * low, 100.0 * high);
        let flops = format!("{:.2}", net.size.flops() as f64 / 1e6);
        let loss = format!("{:.3}", net.train_loss);
        let (parameters, epochs) = (net.size.params.to_string(), net.epochs.to_string());
        table = table.row((net.name, parameters, flops, epochs, loss, shown, format!("{:.1}", net.seconds)));
    }
    Ok(table)
}

/// An interval above ½ says that more images are won than lost, by more than chance.
fn beats(better: &Trained, worse: &Trained) -> Result<()> {
    let won = better.against(worse)?;
    println!("{} against {}: alone right on {} of {} images", better.name, worse.name, won.successes, won.trials);
    assert!(won.interval(1.96).0 > 0.5, "{} should beat {}, won {won}", better.name, worse.name);
    Ok(())
}

fn main() -> Result<()> {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let data = if quick { FashionMnist::offline(&Device::Cpu)? } else { FashionMnist::load(&Device::Cpu)? };
    let data = data.as_images()?;
    println!("{data}; {}", describe(&Device::Cpu));
    let normalization = Normalization::new(data.train.inputs())?;
    let smaller = |images: &Dataset| {
        let images = normalization.apply_to(images)?;
        // Means of 2 × 2 pixels.
        let inputs = if quick { avg_pool2d(2)?.forward(images.inputs(), Mode::Eval)? } else { images.inputs().clone() };
        Dataset::new(&inputs, images.targets())
    };
    let (training, test) = (smaller(&data.train)?, smaller(&data.test)?);
    let names = ["linear", "LeNet", "plain, 20 layers", "ResNet-20"];
    let nets = names.map(|name| train(name, &training, &test)).into_iter().collect::<Result<Vec<_>>>()?;
    println!("\n{}", table(&nets)?.text()?);

    let [linear, lenet, plain, residual] = nets.as_slice() else { unreachable!("four nets") };
    assert_eq!(plain.size.params, residual.size.params, "zero-padding should have no parameters");
    assert_eq!(plain.size.flops(), residual.size.flops());
    beats(residual, linear)?;
    if training.len() == 60_000 {
        for net in [lenet, plain, residual] {
            assert!(net.accuracy()?.interval(1.96).0 > PEOPLE, "{} should label better than people", net.name);
        }
        beats(lenet, linear)?;
        beats(residual, lenet)?;
        beats(residual, plain)?;
    }
    let best = residual.accuracy()?.share();
    println!("people {PEOPLE}; ResNet-20: test accuracy {best:.4}");
    Ok(())
}
