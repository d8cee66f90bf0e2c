//! A small DCGAN on Fashion-MNIST, trained longer than chapter 20 has time for, with five seeds: do its images come nearer to
//! real ones, which categories does it draw well, and does it help to average the generator's weights?
//!
//! ```text
//! cargo run -p candlelight --example dcgan            # 1 000 rounds, some minutes on two cores
//! cargo run -p candlelight --example dcgan -- 3000    # more
//! cargo run -p candlelight --example dcgan -- 30      # to look at it, with two seeds
//! ```
//!
//! It prints a table and, from 300 rounds on, one by class; then it asserts what it says below them.

use candlelight::activation::softmax;
use candlelight::gan::{AdversarialLoss, discriminator_step, generator_step, sample};
use candlelight::metrics::generative::{FeatureStatistics, PrecisionRecall};
use candlelight::nn::{ConvTranspose2d, ConvTranspose2dConfig, from_fn};
use candlelight::prelude::*;
use candlelight::rng::{normal, uniform};
use candlelight::train::WeightAverage;

const CODE: usize = 32;
const IMAGES: usize = 1000;
const SMALL: Option<Init> = Some(Init::Normal { mean: 0.0, std: 0.02 });

/// Codes to images 28 × 28 with pixels in [-1, 1]. Radford, Metz and Chintala (2016), section 3, in small.
fn generator(params: &Params) -> Result<Sequential> {
    let start = LinearConfig { bias: false, weight_init: SMALL, ..LinearConfig::default() };
    let double = ConvTranspose2dConfig { stride: (2, 2), padding: (1, 1), weight_init: SMALL, ..Default::default() };
    let hidden = ConvTranspose2dConfig { bias: false, ..double };
    Ok(Sequential::new()
        .push(Linear::new(CODE, 32 * 49, start, params.pp("fc"))?)
        .push(batch_norm1d(32 * 49, params.pp("bn0"))?)
        .push(Activation::Relu)
        .push(from_fn(|x, _| Ok(x.reshape(((), 32, 7, 7))?)))
        .push(ConvTranspose2d::new(32, 16, 4, hidden, params.pp("conv1"))?)
        .push(batch_norm2d(16, params.pp("bn1"))?)
        .push(Activation::Relu)
        .push(ConvTranspose2d::new(16, 1, 4, double, params.pp("conv2"))?)
        .push(Activation::Tanh))
}

/// Images to one logit.
fn discriminator(params: &Params) -> Result<Sequential> {
    let leaky = Activation::LeakyRelu { negative_slope: 0.2 };
    let halve = Conv2dConfig { stride: (2, 2), padding: (1, 1), weight_init: SMALL, ..Default::default() };
    Ok(Sequential::new()
        .push(Conv2d::new(1, 16, 4, halve, params.pp("conv1"))?)
        .push(leaky)
        .push(Conv2d::new(16, 32, 4, Conv2dConfig { bias: false, ..halve }, params.pp("conv2"))?)
        .push(batch_norm2d(32, params.pp("bn"))?)
        .push(leaky)
        .push(Flatten)
        .push(linear(32 * 49, 1, params.pp("fc"))?))
}

/// LeNet up to its last hidden layer, whose values are the features, and from there to ten logits.
struct Lenet {
    body: Sequential,
    head: Linear,
}

impl Lenet {
    fn trained(data: &FashionMnist) -> Result<Self> {
        let params = Params::new(0, &Device::Cpu)?;
        let body = Sequential::new()
            .push(conv2d(1, 6, 5, params.pp("conv1"))?)
            .push(Activation::Relu)
            .push(max_pool2d(2)?)
            .push(conv2d(6, 16, 5, params.pp("conv2"))?)
            .push(Activation::Relu)
            .push(max_pool2d(2)?)
            .push(Flatten)
            .push(linear(256, 120, params.pp("fc1"))?)
            .push(Activation::Relu)
            .push(linear(120, 84, params.pp("fc2"))?)
            .push(Activation::Relu);
        let net = Self { body, head: linear(84, 10, params.pp("fc3"))? };
        let mut adam = Adam::new(params.trainable(), AdamConfig { lr: 2e-3, ..AdamConfig::default() })?;
        let config = FitConfig { epochs: 10, ..FitConfig::default() }.silent();
        fit(&net, &mut adam, cross_entropy, &data.train, None, &config, &mut seeded(0))?;
        let right = evaluate(&net, cross_entropy, &data.test, 500)?.accuracy.unwrap_or(f64::NAN);
        println!("the classifier is right on {right:.3} of the test images");
        assert!(right > 0.8, "the features should be those of a classifier that works");
        Ok(net)
    }
}

impl Module for Lenet {
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        self.head.forward(&self.body.forward(x, mode)?, mode)
    }
}

/// What the classifier says of images with pixels in [0, 1].
struct Seen {
    features: Tensor,
    statistics: FeatureStatistics,
    classes: Vec<u32>,
    /// The mean of the largest probability.
    sure: f64,
}

fn see(net: &Lenet, images: &Tensor) -> Result<Seen> {
    let features = net.body.forward(images, Mode::Eval)?;
    let p = softmax(&net.head.forward(&features, Mode::Eval)?, 1)?;
    let sure = f64::from(p.max(1)?.mean_all()?.to_scalar::<f32>()?);
    Ok(Seen { statistics: FeatureStatistics::new(&features)?, classes: p.argmax(1)?.to_vec1()?, features, sure })
}

/// The features of the images that are given this class.
fn named(class: u32, seen: &Seen) -> Result<Tensor> {
    let of = |(i, name): (usize, &u32)| (*name == class).then_some(i as u32);
    let rows: Vec<u32> = seen.classes.iter().enumerate().filter_map(of).collect();
    Ok(seen.features.index_select(&Tensor::new(rows, &Device::Cpu)?, 0)?)
}

/// The mean distance of each row of `asked` from the nearest of `stored`.
fn nearest(asked: &Tensor, stored: &Tensor) -> Result<f64> {
    let squares = (asked.matmul(&stored.t()?)? * -2.0)?
        .broadcast_add(&asked.sqr()?.sum_keepdim(1)?)?
        .broadcast_add(&stored.sqr()?.sum_keepdim(1)?.t()?)?;
    Ok(squares.min(1)?.relu()?.sqrt()?.mean_all()?.to_scalar::<f32>()?.into())
}

/// At each of `stops`, images of the generator and of the average of its weights.
fn train(data: &Dataset, stops: &[usize], seed: u64) -> Result<Vec<[Tensor; 2]>> {
    let (params, mut rng) = (Params::new(seed, &Device::Cpu)?, seeded(seed));
    let (g, d) = (params.pp("generator"), params.pp("discriminator"));
    let (g_net, d_net) = (generator(&g)?, discriminator(&d)?);
    let averaged = Params::new(seed, &Device::Cpu)?;
    let mean_net = generator(&averaged)?;
    let average = WeightAverage::new(&g, &averaged, 0.98)?;
    let config = AdamConfig { lr: 1e-3, betas: (0.5, 0.999), ..AdamConfig::default() };
    let (mut adam_g, mut adam_d) = (Adam::new(g.trainable(), config)?, Adam::new(d.trainable(), config)?);
    let (loss, rounds) = (AdversarialLoss::NonSaturating, stops.last().copied().unwrap_or(0));
    let (mut round, mut shown) = (0, Vec::new());
    while round < rounds {
        for batch in data.shuffled_batches(64, &mut rng)?.take(rounds - round) {
            let x = ((batch?.0 * 2.0)? - 1.0)?;
            let mut z = || normal(&mut rng, 0.0, 1.0, (64, CODE), DType::F32, &Device::Cpu);
            discriminator_step(&d_net, &x, &g_net.forward(&z()?, Mode::Train)?, loss, &mut adam_d)?;
            generator_step(&g_net, &g, &d_net, &z()?, loss, &mut adam_g)?;
            average.update()?;
            round += 1;
            if stops.contains(&round) {
                let now = sample(&g_net, &g, CODE, IMAGES, &mut seeded(7))?;
                let mean = sample(&mean_net, &averaged, CODE, IMAGES, &mut seeded(7))?;
                shown.push([((now + 1.0)? * 0.5)?, ((mean + 1.0)? * 0.5)?]);
            }
        }
    }
    Ok(shown)
}

fn mean(values: impl Iterator<Item = f64>) -> Result<Summary> {
    Summary::new(&values.collect::<Vec<f64>>())
}

fn main() -> Result<()> {
    let rounds: usize = std::env::args().nth(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(1000);
    let data = FashionMnist::offline(&Device::Cpu)?.as_images()?;
    println!("{data}; {}; {rounds} rounds of 64", describe(&Device::Cpu));
    let net = Lenet::trained(&data)?;
    let real = see(&net, data.train.balanced(IMAGES / 10, &mut seeded(1))?.inputs())?;
    let unseen = see(&net, data.test.balanced(IMAGES / 10, &mut seeded(2))?.inputs())?;
    let noise = see(&net, &uniform(&mut seeded(3), 0.0, 1.0, (IMAGES, 1, 28, 28), DType::F32, &Device::Cpu)?)?;
    let distance = |of: &Seen| real.statistics.frechet_distance(&of.statistics);
    let quality = |of: &Seen| PrecisionRecall::new(&real.features, &of.features, 3);

    let stops = [rounds / 10, rounds / 3, rounds];
    let seeds = if rounds < 300 { 2 } else { 5 };
    let made = parallel_map(0..seeds, |seed| {
        let run = train(&data.train, &stops, seed)?;
        run.iter().map(|[now, mean]| Ok([see(&net, now)?, see(&net, mean)?])).collect::<Result<Vec<_>>>()
    })?;

    let columns = ["images", "Fréchet distance", "precision", "recall", "the classifier is sure by"];
    let mut table = Table::new(columns).title(format!("1 000 images each; DCGAN: {seeds} seeds"));
    for (name, of) in [("real test images", &unseen), ("noise", &noise)] {
        let PrecisionRecall { precision, recall } = quality(of)?;
        table = table.row((name, format!("{:.1}", distance(of)?), precision, recall, of.sure));
    }
    let mut distances = Vec::new();
    for (k, stop) in stops.iter().enumerate() {
        for (which, name) in ["", ", averaged weights"].into_iter().enumerate() {
            let of = || made.iter().map(|run| &run[k][which]);
            let d: Vec<f64> = of().map(distance).collect::<Result<_>>()?;
            let q: Vec<PrecisionRecall> = of().map(quality).collect::<Result<_>>()?;
            table = table.row((
                format!("DCGAN, {stop} rounds{name}"),
                format!("{:.1}", Summary::new(&d)?),
                format!("{:.2}", mean(q.iter().map(|q| q.precision))?),
                format!("{:.2}", mean(q.iter().map(|q| q.recall))?),
                format!("{:.2}", mean(of().map(|of| of.sure))?),
            ));
            distances.push(d);
        }
    }
    println!("\n{}", table.text()?);
    let paired = |a: usize, b: usize| mean(distances[a].iter().zip(&distances[b]).map(|(a, b)| a - b));
    println!("distance, averaged weights minus the last ones: {:.2}", paired(5, 4)?);

    // Too few, and some class is drawn nowhere.
    if rounds < 300 {
        return Ok(());
    }
    let mut table = Table::new(["class", "share, %", "distance from the nearest real image"])
        .title(format!("averaged weights, {rounds} rounds; the distance of real test images is 1"));
    let mut classes = Vec::new();
    for (class, name) in (0..).zip(FashionMnist::CLASSES) {
        let stored = named(class, &real)?;
        let unit = nearest(&named(class, &unseen)?, &stored)?;
        let of: Vec<Tensor> = made.iter().map(|run| named(class, &run[2][1])).collect::<Result<_>>()?;
        let share = mean(of.iter().map(|of| of.dims()[0] as f64 * 100.0 / IMAGES as f64))?;
        let some = of.iter().filter(|of| of.dims()[0] > 0);
        let far: Vec<f64> = some.map(|of| Ok(nearest(of, &stored)? / unit)).collect::<Result<_>>()?;
        classes.push((name, share, Summary::new(&far)?));
    }
    classes.sort_by(|a, b| a.2.mean.total_cmp(&b.2.mean));
    for (name, share, far) in &classes {
        table = table.row((*name, format!("{share:.0}"), format!("{far:.2}")));
    }
    println!("\n{}", table.text()?);

    let (floor, last) = (distance(&unseen)?, Summary::new(&distances[5])?);
    assert!(paired(5, 1)?.confidence_interval().1 < 0.0, "the images should come nearer to real ones");
    assert!(last.confidence_interval().0 > floor, "and stay above the floor");
    assert!(last.confidence_interval().1 < distance(&noise)? / 5.0, "far below noise");
    let (best, worst) = (classes[0].2.confidence_interval(), classes[9].2.confidence_interval());
    assert!(best.1 < worst.0, "the first class should be drawn better than the last");
    println!(
        "asserted: the distance falls, to less than a fifth of that of noise, and stays above that of real images;"
    );
    println!("asserted: the first class of the table is drawn better than the last");
    Ok(())
}
