//! The Wasserstein distance: two distributions that do not overlap, and a critic that says how far they are apart.
//!
//! ```text
//! cargo run -p candlelight --example wasserstein_gan
//! ```

use candlelight::gan::{AdversarialLoss, GradientPenaltyConfig, critic_step, generator_step, sample};
use candlelight::metrics::generative::{js_divergence, wasserstein_1d};
use candlelight::prelude::*;
use candlelight::rng::normal;

fn main() -> Result<()> {
    println!("a bar of mass moved by k places: divergence of Jensen and Shannon, distance of Wasserstein");
    let places: Vec<f64> = (0..10).map(f64::from).collect();
    for k in [0, 1, 5, 9] {
        let at = |i: usize| places.iter().enumerate().map(|(j, _)| f64::from(i == j)).collect::<Vec<f64>>();
        println!("  {k}: {:.3}  {:.1}", js_divergence(&at(0), &at(k))?, wasserstein_1d(&[0.0], &[places[k]])?);
    }

    // Real samples lie around 4; the generator, a line through random numbers, begins around 0.
    let (params, mut rng) = (Params::new(0, &Device::Cpu)?, seeded(0));
    let [of_g, of_d] = ["generator", "critic"].map(|name| params.pp(name));
    let generator = linear(1, 1, of_g.clone())?;
    let hidden = Sequential::new().push(linear(1, 32, of_d.pp("fc1"))?).push(Activation::Relu);
    let critic = hidden.push(linear(32, 1, of_d.pp("fc2"))?);
    let adam = |params: &Params| {
        Adam::new(params.trainable(), AdamConfig { lr: 5e-3, betas: (0.5, 0.9), ..AdamConfig::default() })
    };
    let (mut adam_g, mut adam_d) = (adam(&of_g)?, adam(&of_d)?);
    let draw = |rng: &mut Rng, mean, std| normal(rng, mean, std, (128, 1), DType::F32, &Device::Cpu);
    let real = draw(&mut seeded(1), 4.0, 0.5)?.flatten_all()?.to_dtype(DType::F64)?.to_vec1::<f64>()?;
    let penalty = GradientPenaltyConfig { weight: 0.1, ..GradientPenaltyConfig::default() };
    println!("rounds   the critic's estimate   distance of the samples");
    let mut distances = Vec::new();
    for round in 0..=1500 {
        let mut estimate = f64::NAN;
        for _ in 0..5 {
            let fake = generator.forward(&draw(&mut rng, 0.0, 1.0)?, Mode::Train)?;
            let x = draw(&mut rng, 4.0, 0.5)?;
            estimate = critic_step(&critic, &x, &fake, &penalty, &mut rng, &mut adam_d)?.distance;
        }
        if round % 300 == 0 {
            let fake = sample(&generator, &of_g, 1, 1000, &mut seeded(2))?.flatten_all()?;
            distances.push(wasserstein_1d(&real, &fake.to_dtype(DType::F64)?.to_vec1::<f64>()?)?);
            println!("{round:6}   {estimate:21.3}   {:23.3}", distances[distances.len() - 1]);
        }
        let z = draw(&mut rng, 0.0, 1.0)?;
        generator_step(&generator, &of_g, &critic, &z, AdversarialLoss::Wasserstein, &mut adam_g)?;
    }
    let (first, last) = (distances[0], distances[distances.len() - 1]);
    assert!(first > 2.0 && last < 0.5, "the samples should come near: {first} to {last}");
    Ok(())
}
