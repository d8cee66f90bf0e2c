//! Steps of both players.

use candlelight::gan::{
    AdversarialLoss, GradientPenaltyConfig, clip_weights, critic_step, discriminator_step, generator_step, sample,
};
use candlelight::prelude::*;
use candlelight::rng::normal;
use candlelight_tests::{flat, number};

const DIRECTIONS: [&str; 2] = ["generator", "discriminator"];

/// A generator from 2 numbers to 2, and a discriminator of those.
fn players(seed: u64) -> (Params, [Sequential; 2]) {
    let params = Params::new(seed, &Device::Cpu).unwrap();
    let player = |name: &str, outputs| {
        let params = params.pp(name);
        let layer = |from, to, name: &str| linear(from, to, params.pp(name)).unwrap();
        Sequential::new()
            .push(layer(2, 8, "fc1"))
            .push(Activation::LeakyRelu { negative_slope: 0.2 })
            .push(layer(8, outputs, "fc2"))
    };
    let players = [player("generator", 2), player("discriminator", 1)];
    (params, players)
}

fn points(seed: u64, mean: f64, n: usize) -> Tensor {
    normal(&mut seeded(seed), mean, 1.0, (n, 2), DType::F32, &Device::Cpu).unwrap()
}

fn bits(params: &Params, player: &str) -> Vec<f64> {
    params.pp(player).all().iter().flat_map(|param| flat(&param.var)).collect()
}

#[test]
fn a_step_moves_one_player_and_lowers_its_loss() {
    let (params, [generator, discriminator]) = players(0);
    let [mut of_g, mut of_d] = DIRECTIONS
        .map(|name| Sgd::new(params.pp(name).trainable(), SgdConfig { lr: 0.05, ..Default::default() }).unwrap());
    let (real, z) = (points(1, 2.0, 32), points(2, 0.0, 32));
    for loss in [AdversarialLoss::Minimax, AdversarialLoss::NonSaturating, AdversarialLoss::Wasserstein] {
        let fake = generator.forward(&z, Mode::Train).unwrap();
        let before = DIRECTIONS.map(|name| bits(&params, name));
        let first = discriminator_step(&discriminator, &real, &fake, loss, &mut of_d).unwrap();
        assert_eq!(bits(&params, "generator"), before[0]);
        assert_ne!(bits(&params, "discriminator"), before[1]);
        assert!(discriminator_step(&discriminator, &real, &fake, loss, &mut of_d).unwrap() < first, "{loss:?}");

        let before = DIRECTIONS.map(|name| bits(&params, name));
        let step = |of_g: &mut Sgd| {
            generator_step(&generator, &params.pp("generator"), &discriminator, &z, loss, of_g).unwrap()
        };
        let first = step(&mut of_g);
        assert_ne!(bits(&params, "generator"), before[0]);
        assert_eq!(bits(&params, "discriminator"), before[1]);
        assert!(step(&mut of_g) < first, "{loss:?}");
    }
}

/// One cloud is the other moved by W. A critic of slope s between them gains s W and pays λ (s - 1)²: the best slope is
/// 1 + W / 2λ, and the difference of means W (1 + W / 2λ), a fifth above the distance here.
#[test]
fn a_critic_with_a_penalty_finds_the_distance_and_a_little_more() {
    let (params, [_, critic]) = players(3);
    let config = AdamConfig { lr: 5e-3, betas: (0.5, 0.9), ..Default::default() };
    let mut adam = Adam::new(params.pp("discriminator").trainable(), config).unwrap();
    let mut rng = seeded(0);
    let mut last = Vec::new();
    for step in 0..600 {
        let real = points(2 * step, 3.0, 64);
        let fake = points(2 * step + 1, 0.0, 64);
        let found = critic_step(&critic, &real, &fake, &GradientPenaltyConfig::default(), &mut rng, &mut adam).unwrap();
        last.push(found.distance);
    }
    let mean = last[500..].iter().sum::<f64>() / 100.0;
    let distance = 18f64.sqrt();
    let expected = distance * (1.0 + distance / 20.0);
    assert!((mean - expected).abs() < 0.15, "{mean}, expected {expected}");
}

#[test]
fn clipping_bounds_weights_and_a_bad_limit_changes_nothing() {
    let (params, _) = players(0);
    let before = bits(&params, "discriminator");
    let error = clip_weights(&params.pp("discriminator").trainable(), 0.0).unwrap_err().to_string();
    assert_eq!(error, "limit must be above 0 and finite, got 0");
    assert_eq!(bits(&params, "discriminator"), before);
    clip_weights(&params.pp("discriminator").trainable(), 0.1).unwrap();
    let after = bits(&params, "discriminator");
    for (before, after) in before.into_iter().zip(after) {
        assert!((after - before.clamp(-0.1, 0.1)).abs() < 1e-8);
    }
}

/// In evaluation a sample does not depend on how many are made with it.
#[test]
fn samples_are_made_as_in_use() {
    let params = Params::new(0, &Device::Cpu).unwrap();
    let generator =
        Sequential::new().push(linear(3, 4, params.pp("fc")).unwrap()).push(batch_norm1d(4, params.pp("bn")).unwrap());
    let many = sample(&generator, &params, 3, 300, &mut seeded(5)).unwrap();
    let few = sample(&generator, &params, 3, 2, &mut seeded(5)).unwrap();
    assert_eq!(many.dims(), [300, 4]);
    let apart = (many.narrow(0, 0, 2).unwrap() - few).unwrap().abs().unwrap().max_all().unwrap();
    assert!(number(&apart) < 1e-6);
    assert_eq!(flat(&params.get("bn.running_mean").unwrap()), [0.0; 4]);
    let error = sample(&generator, &params, 3, 0, &mut seeded(5)).unwrap_err().to_string();
    assert_eq!(error, "n must be at least 1, got 0");
}
