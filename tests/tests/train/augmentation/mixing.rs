//! Mixup.

use candlelight::prelude::*;
use candlelight::train::augmentation::{Augmentation, Mixup, mix};
use candlelight_tests::{assert_close, flat};

const CPU: Device = Device::Cpu;

/// The proportions that 4000 batches were mixed in, read off a row of each that was mixed with another.
fn proportions(alpha: f64) -> Vec<f64> {
    let n = 3;
    let x = Tensor::eye(n, DType::F64, &CPU).unwrap();
    let labels = Tensor::arange(0u32, n as u32, &CPU).unwrap();
    let (mixup, mut rng) = (Mixup::new(alpha, n).unwrap(), seeded(1));
    let mut found = Vec::new();
    while found.len() < 4000 {
        let (mixed, soft) = mixup.apply(&x, &labels, &mut rng).unwrap();
        // The inputs are the one-hot labels, so inputs and targets are mixed alike exactly if they stay equal.
        assert_eq!(flat(&mixed), flat(&soft));
        for (i, row) in flat(&mixed).chunks(n).enumerate() {
            assert!(
                (row.iter().sum::<f64>() - 1.0).abs() < 1e-12 && row.iter().all(|share| (0.0..=1.0).contains(share))
            );
            if row[i] < 1.0 {
                found.push(row[i]);
                break;
            }
        }
    }
    found
}

#[test]
fn proportions_follow_the_beta_law() {
    for alpha in [0.2, 1.0, 4.0] {
        let shares = proportions(alpha);
        let n = shares.len() as f64;
        let mean = shares.iter().sum::<f64>() / n;
        let variance = shares.iter().map(|share| (share - mean).powi(2)).sum::<f64>() / n;
        let expected = 1.0 / (4.0 * (2.0 * alpha + 1.0));
        assert!((mean - 0.5).abs() < 4.5 * (expected / n).sqrt(), "α {alpha}: mean {mean}");
        // For a small α the few λ so near to 1 that they round to it are missing.
        assert!((variance / expected - 1.0).abs() < 0.1, "α {alpha}: variance {variance} of {expected}");
    }
}

#[test]
fn no_mixing_gives_one_hot_targets() {
    let x = Tensor::new(&[[1f32, 2.], [3., 4.], [5., 6.]], &CPU).unwrap();
    for labels in [DType::U8, DType::U32, DType::I64] {
        let labels = Tensor::new(&[2u32, 0, 2], &CPU).unwrap().to_dtype(labels).unwrap();
        let (same, soft) = Mixup::new(0.0, 4).unwrap().apply(&x, &labels, &mut seeded(0)).unwrap();
        assert_eq!(flat(&same), flat(&x));
        assert_eq!(soft.to_vec2::<f32>().unwrap(), [[0., 0., 1., 0.], [1., 0., 0., 0.], [0., 0., 1., 0.]]);
    }
}

#[test]
fn distributions_are_mixed_as_they_are() {
    let x = Tensor::new(&[[1f64], [2.], [4.]], &CPU).unwrap();
    let soft = Tensor::new(&[[0.5f64, 0.5], [0.1, 0.9], [1.0, 0.0]], &CPU).unwrap();
    let (_, mixed) = Mixup::new(0.7, 2).unwrap().apply(&x, &soft, &mut seeded(3)).unwrap();
    let sums = flat(&mixed.sum(1).unwrap());
    assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-12), "{sums:?}");
    let rows = Tensor::new(&[[1f64, 0.], [0., 1.], [0., 1.]], &CPU).unwrap();
    let by_hand = mix(&rows, &[2, 0, 1], 0.6).unwrap();
    assert_close("mix", &by_hand, &Tensor::new(&[[0.6f64, 0.4], [0.4, 0.6], [0., 1.]], &CPU).unwrap(), 0.0, 1e-12);
}

#[test]
fn extreme_alphas_do_not_break_it() {
    let x = Tensor::new(&[[1f32], [2.]], &CPU).unwrap();
    let labels = Tensor::new(&[0u32, 1], &CPU).unwrap();
    for alpha in [1e-300, 1e-12, 1e-3, 1.0, 1e6, 1e300] {
        for seed in 0..50 {
            match Mixup::new(alpha, 2).unwrap().apply(&x, &labels, &mut seeded(seed)) {
                Ok((mixed, _)) => assert!(flat(&mixed).iter().all(|x| (1.0..=2.0).contains(x)), "{alpha}"),
                Err(error) => assert!(matches!(error, Error::Setting { name: "alpha", .. }), "{error}"),
            }
        }
    }
}

#[test]
fn bad_batches_are_typed_errors() {
    let rng = &mut seeded(0);
    let x = Tensor::zeros((2, 3), DType::F32, &CPU).unwrap();
    let label = |values: &[u32]| Tensor::new(values, &CPU).unwrap();
    let mixup = Mixup::new(1.0, 4).unwrap();
    let run = |x: &Tensor, y: &Tensor, rng: &mut Rng| mixup.apply(x, y, rng).map(|_| ());
    assert!(matches!(run(&x, &label(&[0, 4]), rng), Err(Error::Label { label: 4, position: 1, classes: 4 })));
    assert!(matches!(run(&x, &label(&[0]), rng), Err(Error::Shape { .. })));
    assert!(matches!(run(&x, &x, rng), Err(Error::Shape { what: "soft targets", .. })));
    assert!(matches!(run(&x.narrow(0, 0, 0).unwrap(), &label(&[]), rng), Err(Error::Shape { what: "inputs", .. })));
    assert!(matches!(run(&x.to_dtype(DType::U8).unwrap(), &label(&[0, 1]), rng), Err(Error::DType { .. })));
    for alpha in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(Mixup::new(alpha, 2), Err(Error::Setting { name: "alpha", .. })));
    }
    assert!(matches!(Mixup::new(1.0, 0), Err(Error::Setting { name: "classes", .. })));
    assert!(matches!(mix(&x, &[0, 2], 0.5), Err(Error::Setting { name: "index", .. })));
    assert!(matches!(mix(&x, &[0], 0.5), Err(Error::Shape { .. })));
    assert!(matches!(mix(&x, &[0, 1], 1.5), Err(Error::Setting { name: "lambda", .. })));
    assert!(mix(&Tensor::new(1f32, &CPU).unwrap(), &[], 0.5).is_err());
}
