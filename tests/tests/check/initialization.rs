//! The checks of `08-initialization`: right answers pass, stubs and usual mistakes do not.

use candlelight::check::initialization::*;
use candlelight::rand::Rng as _;
use candlelight::rng::{Rng, normal, seeded};
use candlelight::{candle_core::DType, candle_core::Device};
use candlelight_tests::{accepts, rejects};

#[test]
fn fans_of_a_shape() {
    let right = |shape: &[usize]| (shape[1..].iter().product(), shape[0] * shape[2..].iter().product::<usize>());
    accepts(fans(right));
    let by_division = |shape: &[usize]| {
        let all: usize = shape.iter().product();
        (all / shape[0], all / shape[1])
    };
    accepts(fans(by_division));
    rejects(fans(|_| todo!("in · field")), "not written yet. in · field");
    rejects(fans(|shape| (shape[0], shape[1])), "a linear layer [10, 784]: expected (784, 10), got (10, 784)");
    let no_field_out = |shape: &[usize]| (shape[1..].iter().product(), shape[0]);
    rejects(fans(no_field_out), "a convolution [16, 3, 5, 5]: expected (75, 400), got (75, 16)");
}

fn squares(widths: &[usize], variance: fn(f64, f64) -> f64, relu: bool, first: f64) -> f64 {
    let passed = if relu { 0.5 } else { 1.0 };
    let factor = |w: &[usize]| passed * w[0] as f64 * variance(w[0] as f64, w[1] as f64);
    first * widths.windows(2).map(factor).product::<f64>()
}

#[test]
fn mean_square_of_the_last_layer() {
    // The first layer has no ReLU before it: divided out again.
    let right = |w: &[usize], v: fn(f64, f64) -> f64, relu: bool| squares(w, v, relu, if relu { 2.0 } else { 1.0 });
    accepts(forward_mean_square(right));
    let looped = |w: &[usize], v: fn(f64, f64) -> f64, relu: bool| {
        let mut square = 1.0;
        for l in 1..w.len() {
            let input = if relu && l > 1 { square / 2.0 } else { square };
            square = w[l - 1] as f64 * v(w[l - 1] as f64, w[l] as f64) * input;
        }
        square
    };
    accepts(forward_mean_square(looped));
    rejects(forward_mean_square(|_, _, _| todo!("a factor each")), "not written yet. a factor each");
    rejects(
        forward_mean_square(|w, v, _| squares(w, v, false, 1.0)),
        "widths [50, 60, 70, 10], ReLU: expected 2, got 8",
    );
    rejects(forward_mean_square(|w, v, relu| squares(w, v, relu, 1.0)), "widths [50, 60], ReLU: expected 2, got 1");
    rejects(forward_mean_square(|_, _, _| 1.0), "Var(W) = 1, widths [3, 4, 5], linear: expected 12, got 1");
}

#[test]
fn uniform_distribution_of_he() {
    let right = |fan_in: usize, n: usize, rng: &mut Rng| -> Vec<f64> {
        let bound = (6.0 / fan_in as f64).sqrt();
        (0..n).map(|_| rng.random_range(-bound..bound)).collect()
    };
    accepts(he_uniform(right));
    let scaled = |fan_in: usize, n: usize, rng: &mut Rng| -> Vec<f64> {
        (0..n).map(|_| (2.0 * rng.random::<f64>() - 1.0) * 3f64.sqrt() * (2.0 / fan_in as f64).sqrt()).collect()
    };
    accepts(he_uniform(scaled));
    rejects(he_uniform(|_, _, _| todo!("which bound?")), "not written yet. which bound?");
    let positive = |fan_in: usize, n: usize, rng: &mut Rng| -> Vec<f64> {
        let bound = (6.0 / fan_in as f64).sqrt();
        (0..n).map(|_| rng.random_range(0.0..bound)).collect()
    };
    rejects(he_uniform(positive), "fan_in 50: the mean should be near 0, it is 0.17");
    let bell = |fan_in: usize, n: usize, rng: &mut Rng| -> Vec<f64> {
        let draws = normal(rng, 0.0, (2.0 / fan_in as f64).sqrt(), n, DType::F64, &Device::Cpu).unwrap();
        draws.to_vec1().unwrap()
    };
    rejects(he_uniform(bell), "a uniform distribution of this variance ends at 0.3464; the largest weight is 0.");
    rejects(he_uniform(|fan_in, n, _| right(fan_in, n, &mut seeded(0))), "expected new weights at the second call");
}

fn mean_square(f: fn(f64) -> f64) -> f64 {
    let z = (-9000..=9000).map(|k| f64::from(k) / 1000.0);
    z.map(|z| f(z).powi(2) * (-z * z / 2.0).exp()).sum::<f64>() / 1000.0 / (2.0 * std::f64::consts::PI).sqrt()
}

#[test]
fn gain_of_an_activation() {
    accepts(gain(|f| mean_square(f).sqrt().recip()));
    // Another right way: by many draws.
    let sampled = |f: fn(f64) -> f64| {
        let draws: Vec<f64> =
            normal(&mut seeded(5), 0.0, 1.0, 2_000_000, DType::F64, &Device::Cpu).unwrap().to_vec1().unwrap();
        (draws.iter().map(|z| f(*z).powi(2)).sum::<f64>() / draws.len() as f64).sqrt().recip()
    };
    accepts(gain(sampled));
    rejects(gain(|_| todo!("E f(z)²")), "not written yet. E f(z)²");
    rejects(gain(|f| mean_square(f).sqrt()), "ReLU: expected 1.41421");
    rejects(gain(|_| 1.0), "ReLU: expected 1.41421");
    rejects(gain(|f| 1.0 / f(1.0).abs()), "ReLU: expected 1.41421");
}
