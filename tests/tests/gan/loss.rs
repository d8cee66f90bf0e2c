//! Losses of the game.

use candlelight::gan::AdversarialLoss::{Minimax, NonSaturating, Wasserstein};
use candlelight::prelude::*;
use candlelight_tests::{flat, gradient, number};

fn tensor(values: &[f64]) -> Tensor {
    Tensor::new(values, &Device::Cpu).unwrap()
}

/// From the formulas, with 1 - σ(d) = σ(-d).
#[test]
fn values_are_those_of_the_definitions() {
    let (real, fake) = (tensor(&[0.3, -1.2, 2.0]), tensor(&[-0.7, 0.4]));
    let log_sigmoid = |d: f64| -(-d).exp().ln_1p();
    let mean = |values: &[f64], f: &dyn Fn(f64) -> f64| values.iter().map(|&d| f(d)).sum::<f64>() / values.len() as f64;
    let (r, f) = (flat(&real), flat(&fake));
    let game = -mean(&r, &log_sigmoid) - mean(&f, &|d| log_sigmoid(-d));
    for (loss, of_d, of_g) in [
        (Minimax, game, mean(&f, &|d| log_sigmoid(-d))),
        (NonSaturating, game, -mean(&f, &log_sigmoid)),
        (Wasserstein, mean(&f, &|d| d) - mean(&r, &|d| d), -mean(&f, &|d| d)),
    ] {
        assert!((number(&loss.discriminator(&real, &fake).unwrap()) - of_d).abs() < 1e-12, "{loss:?}");
        assert!((number(&loss.generator(&fake).unwrap()) - of_g).abs() < 1e-12, "{loss:?}");
    }
}

#[test]
fn gradients_agree_with_finite_differences() {
    for loss in [Minimax, NonSaturating, Wasserstein] {
        let (real, fake) = (gradient::input(1, (4, 1)), gradient::input(2, (4, 1)));
        gradient::check(|x| loss.discriminator(&x[0], &x[1]), &[real, fake.clone()]).unwrap();
        gradient::check(|x| loss.generator(&x[0]), &[fake]).unwrap();
    }
}

/// A discriminator that is sure: the minimax gradient is gone, the other one is whole, and nothing overflows.
#[test]
fn logits_far_out_are_finite() {
    let fake = Var::from_tensor(&tensor(&[-1000.0, 1000.0])).unwrap();
    for (loss, expected) in [(Minimax, [0.0, -0.5]), (NonSaturating, [-0.5, 0.0])] {
        let value = loss.generator(&fake).unwrap();
        assert!(number(&value).is_finite());
        assert_eq!(flat(value.backward().unwrap().get(&fake).unwrap()), expected, "{loss:?}");
    }
}

#[test]
fn an_output_of_several_numbers_is_refused() {
    let (one, two) = (tensor(&[0.0]), Tensor::zeros((3, 2), DType::F64, &Device::Cpu).unwrap());
    let error = NonSaturating.generator(&two).unwrap_err().to_string();
    assert_eq!(error, "output for generated samples: expected shape [N, 1] or [N] with N at least 1, got [3, 2]");
    let error = Wasserstein.discriminator(&two, &one).unwrap_err().to_string();
    assert_eq!(error, "output for real samples: expected shape [N, 1] or [N] with N at least 1, got [3, 2]");
    assert!(Minimax.generator(&tensor(&[])).is_err());
}
