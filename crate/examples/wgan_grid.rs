//! A GAN and two WGANs on the grid of 25 modes, five seeds each: which modes are found, and how good the samples are.
//!
//! ```sh
//! cargo run --package candlelight --example wgan_grid
//! cargo run --package candlelight --example wgan_grid -- --quick     # a twentieth of the steps, nothing asserted
//! ```
//!
//! The longer companion of `21-wasserstein-gan`: the same nets, four times the steps; of the penalty a weight of 0.1 and a rate
//! of 0.002, where the chapter has 1 and 0.005. Some two minutes on two cores.

use candlelight::data::Modes;
use candlelight::gan::{
    AdversarialLoss, GradientPenaltyConfig, clip_weights, critic_step, discriminator_step, generator_step, sample,
};
use candlelight::metrics::generative::{ModeCoverage, wasserstein};
use candlelight::prelude::*;
use candlelight::rng::normal;

/// The standard deviation of the grid, by which it is divided for training.
const SPREAD: f64 = 2.828_427_124_746_19;
const BATCH: usize = 128;
const STEPS: usize = 4_000;
const QUICK: usize = 200;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Gan,
    Clip,
    Penalty,
}

/// Two hidden layers of 64 units.
fn mlp(outputs: usize, act: Activation, params: &Params) -> Result<Sequential> {
    Ok(Sequential::new()
        .push(linear(2, 64, params.pp("fc1"))?)
        .push(act)
        .push(linear(64, 64, params.pp("fc2"))?)
        .push(act)
        .push(linear(64, outputs, params.pp("fc3"))?))
}

fn optimizer(way: Way, lr: f64, params: &Params) -> Result<Box<dyn Optimizer>> {
    let adam = |betas| Adam::new(params.trainable(), AdamConfig { lr, betas, ..AdamConfig::default() });
    Ok(match way {
        Way::Gan => Box::new(adam((0.5, 0.999))?),
        Way::Clip => Box::new(RmsProp::new(params.trainable(), RmsPropConfig { lr, ..RmsPropConfig::default() })?),
        Way::Penalty => Box::new(adam((0.5, 0.9))?),
    })
}

/// 2 500 samples after training.
fn train(way: Way, steps: usize, seed: u64) -> Result<Tensor> {
    let (params, mut rng) = (Params::new(seed, &Device::Cpu)?, seeded(seed));
    let [of_g, of_d] = ["generator", "discriminator"].map(|name| params.pp(name));
    let generator = mlp(2, Activation::Relu, &of_g)?;
    let discriminator = mlp(1, Activation::LeakyRelu { negative_slope: 0.2 }, &of_d)?;
    let (rate, loss, turns) = match way {
        Way::Gan => (2e-3, AdversarialLoss::NonSaturating, 1),
        Way::Clip => (1e-3, AdversarialLoss::Wasserstein, 5),
        Way::Penalty => (2e-3, AdversarialLoss::Wasserstein, 5),
    };
    let (mut step_g, mut step_d) = (optimizer(way, 1e-3, &of_g)?, optimizer(way, rate, &of_d)?);
    let penalty = GradientPenaltyConfig { weight: 0.1, ..GradientPenaltyConfig::default() };
    let codes = |rng: &mut Rng| normal(rng, 0.0, 1.0, (BATCH, 2), DType::F32, &Device::Cpu);
    let grid = Modes::grid();
    for _ in 0..steps {
        for _ in 0..turns {
            let real = (grid.sample(&mut rng, BATCH, DType::F32, &Device::Cpu)? / SPREAD)?;
            let fake = generator.forward(&codes(&mut rng)?, Mode::Train)?;
            match way {
                Way::Penalty => {
                    critic_step(&discriminator, &real, &fake, &penalty, &mut rng, &mut *step_d)?;
                }
                _ => {
                    discriminator_step(&discriminator, &real, &fake, loss, &mut *step_d)?;
                }
            }
            if way == Way::Clip {
                clip_weights(&of_d.trainable(), 0.1)?;
            }
        }
        generator_step(&generator, &of_g, &discriminator, &codes(&mut rng)?, loss, &mut *step_g)?;
    }
    Ok((sample(&generator, &of_g, 2, 2_500, &mut seeded(1))? * SPREAD)?)
}

/// Exact Wasserstein-1 distance of samples to the modes, each a point with the same mass.
fn distance(samples: &Tensor, modes: &Modes) -> Result<f64> {
    let centers = modes.centers();
    wasserstein(samples, &Tensor::from_slice(centers.as_flattened(), (centers.len(), 2), &Device::Cpu)?)
}

fn main() -> Result<()> {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let steps = if quick { QUICK } else { STEPS };
    let grid = Modes::grid();
    let mut table = Table::new(["way", "modes covered", "with half their share", "good share", "reverse KL", "W₁"])
        .title("grid of 25, 2 500 samples, five seeds");
    let mut good = Vec::new();
    let mut far = Vec::new();
    for way in [Way::Gan, Way::Clip, Way::Penalty] {
        let mut columns: [Vec<f64>; 5] = Default::default();
        for samples in parallel_map(0..5, |seed| train(way, steps, seed))? {
            let found = ModeCoverage::new(&samples, &grid)?;
            let half = found.with_half_their_share() as f64;
            let far = distance(&samples.narrow(0, 0, 1_000)?, &grid)?;
            let row = [found.covered() as f64, half, found.good_share(), found.reverse_kl(), far];
            columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
        }
        let of = |k: usize| Summary::new(&columns[k]).map(|of| of.to_string());
        table = table.row((format!("{way:?}"), of(0)?, of(1)?, of(2)?, of(3)?, of(4)?));
        let [_, _, good_of_way, _, far_of_way] = columns;
        good.push(good_of_way);
        far.push(far_of_way);
    }
    println!("{}", table.text()?);
    let paired = |a: &[f64], b: &[f64]| Summary::new(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<f64>>());
    let good_gan = paired(&good[0], &good[2])?;
    let good_clip = paired(&good[2], &good[1])?;
    let (far_gan, far_clip) = (paired(&far[0], &far[2])?, paired(&far[1], &far[2])?);
    println!("good share: GAN − penalty {good_gan}, penalty − clipping {good_clip}");
    println!("W₁:         GAN − penalty {far_gan}, clipping − penalty {far_clip}");
    if quick {
        return Ok(());
    }
    assert!(good_gan.confidence_interval().0 > 0.0, "the GAN should make more good samples than the penalty");
    assert!(good_clip.confidence_interval().0 > 0.0, "and the penalty more than clipping");
    assert!(far_clip.confidence_interval().0 > 0.0, "clipping should be the farther away");
    let (low, high) = far_gan.confidence_interval();
    assert!(low < 0.0 && high > 0.0, "in distance, five seeds should not tell GAN and penalty apart");
    Ok(())
}
