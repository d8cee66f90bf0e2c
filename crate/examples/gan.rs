//! A generative adversarial net on eight modes in a ring: two networks against each other, and which modes are found.
//!
//! ```text
//! cargo run -p candlelight --example gan
//! ```

use candlelight::data::Modes;
use candlelight::gan::{AdversarialLoss, discriminator_step, generator_step, sample};
use candlelight::metrics::generative::ModeCoverage;
use candlelight::prelude::*;
use candlelight::rng::normal;

const BATCH: usize = 128;

fn mlp(outputs: usize, params: &Params) -> Result<Sequential> {
    Ok(Sequential::new()
        .push(linear(2, 64, params.pp("fc1"))?)
        .push(Activation::Relu)
        .push(linear(64, 64, params.pp("fc2"))?)
        .push(Activation::Relu)
        .push(linear(64, outputs, params.pp("fc3"))?))
}

fn main() -> Result<()> {
    // Wider than the usual ring, so that a thousand rounds suffice.
    let ring = Modes::new(Modes::ring().centers().to_vec(), 0.1)?;
    let (params, mut rng) = (Params::new(0, &Device::Cpu)?, seeded(0));
    let [of_g, of_d] = ["generator", "discriminator"].map(|name| params.pp(name));
    let (generator, discriminator) = (mlp(2, &of_g)?, mlp(1, &of_d)?);
    let adam = |params: &Params| {
        Adam::new(params.trainable(), AdamConfig { lr: 1e-3, betas: (0.5, 0.999), ..AdamConfig::default() })
    };
    let (mut adam_g, mut adam_d) = (adam(&of_g)?, adam(&of_d)?);
    let codes = |rng: &mut Rng| normal(rng, 0.0, 1.0, (BATCH, 2), DType::F32, &Device::Cpu);
    let loss = AdversarialLoss::NonSaturating;

    println!("rounds   modes found   samples near one   reverse KL");
    let mut progress = Vec::new();
    for round in 0..=2000 {
        if round % 500 == 0 {
            let found = ModeCoverage::new(&sample(&generator, &of_g, 2, 2000, &mut seeded(1))?, &ring)?;
            println!(
                "{round:6}   {:6} of 8   {:16.3}   {:10.3}",
                found.covered(),
                found.good_share(),
                found.reverse_kl()
            );
            progress.push((found.covered(), found.good_share()));
        }
        let real = ring.sample(&mut rng, BATCH, DType::F32, &Device::Cpu)?;
        let fake = generator.forward(&codes(&mut rng)?, Mode::Train)?;
        discriminator_step(&discriminator, &real, &fake, loss, &mut adam_d)?;
        generator_step(&generator, &of_g, &discriminator, &codes(&mut rng)?, loss, &mut adam_g)?;
    }
    let (modes, good) = progress[progress.len() - 1];
    assert!(modes >= 6 && good > progress[0].1, "most of the ring should be found");
    Ok(())
}
