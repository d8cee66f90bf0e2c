//! The checks of `11-optimizers`: right answers pass, stubs and usual mistakes do not.

use std::f64::consts::PI;

use candlelight::check::optimizers::*;
use candlelight::optim::schedule::{CosineAnnealingLr, Schedule, StepLr};
use candlelight::prelude::*;
use candlelight_tests::{accepts, rejects};

/// The weights after steps of an optimizer of the crate.
fn by_crate<O: Optimizer>(
    w: f64,
    gradients: &[f64],
    make: impl FnOnce(Vec<candlelight::params::Param>) -> O,
) -> Vec<f64> {
    let params = Params::with_dtype(0, DType::F64, &Device::Cpu).unwrap();
    let weight = params.var("w", (), Init::Constant(w)).unwrap();
    let mut optimizer = make(params.trainable());
    let step = |g: &f64| {
        optimizer.backward_step(&(weight.as_tensor() * *g).unwrap()).unwrap();
        weight.to_scalar::<f64>().unwrap()
    };
    gradients.iter().map(step).collect()
}

fn rmsprop_by_hand(mut w: f64, gradients: &[f64], lr: f64, alpha: f64, inside: f64, outside: f64) -> Vec<f64> {
    let mut v = 0.0;
    let mut step = |g: &f64| {
        v = alpha * v + (1.0 - alpha) * g * g;
        w -= lr * g / (f64::sqrt(v + inside) + outside);
        w
    };
    gradients.iter().map(&mut step).collect()
}

#[test]
fn steps_of_rmsprop() {
    let right = |w: f64, gradients: &[f64], lr: f64, alpha: f64| rmsprop_by_hand(w, gradients, lr, alpha, 0.0, 1e-8);
    accepts(rmsprop(right));
    let crates = |w: f64, gradients: &[f64], lr: f64, alpha: f64| {
        let config = RmsPropConfig { lr, alpha, ..RmsPropConfig::default() };
        by_crate(w, gradients, |params| RmsProp::new(params, config).unwrap())
    };
    accepts(rmsprop(crates));
    rejects(rmsprop(|_, _, _, _| todo!("v, then w")), "not written yet. v, then w");
    rejects(rmsprop(|w, g, lr, alpha| right(w, g, lr, 1.0 - alpha)), "α is the share of the old v that is kept");
    // ε inside the root counts where gradients are small.
    rejects(rmsprop(|w, g, lr, alpha| rmsprop_by_hand(w, g, lr, alpha, 1e-8, 0.0)), "ε is added outside the root");
    rejects(rmsprop(|w, g, lr, _| g.iter().map(|g| w - lr * g).collect()), "α = 0.99, entry 0: expected 0.0000000");
}

fn adam_by_hand(mut w: f64, gradients: &[f64], lr: f64, correct: bool) -> Vec<f64> {
    let (mut m, mut v) = (0.0, 0.0);
    let mut steps = Vec::new();
    for (t, g) in (1..).zip(gradients) {
        m = 0.9 * m + 0.1 * g;
        v = 0.999 * v + 0.001 * g * g;
        let (a, b) = if correct { (1.0 - 0.9_f64.powi(t), 1.0 - 0.999_f64.powi(t)) } else { (1.0, 1.0) };
        w -= lr * (m / a) / (f64::sqrt(v / b) + 1e-8);
        steps.push(w);
    }
    steps
}

#[test]
fn steps_of_adam() {
    accepts(adam(|w, g, lr| adam_by_hand(w, g, lr, true)));
    let crates = |w: f64, gradients: &[f64], lr: f64| {
        by_crate(w, gradients, |params| Adam::new(params, AdamConfig { lr, ..AdamConfig::default() }).unwrap())
    };
    accepts(adam(crates));
    rejects(adam(|_, _, _| todo!("m, v, m̂, v̂")), "not written yet. m, v, m̂, v̂");
    rejects(adam(|w, g, lr| adam_by_hand(w, g, lr, false)), "the moments start from 0 and are not corrected for it");
    // The correction of the first step at every step.
    let frozen = |w: f64, gradients: &[f64], lr: f64| {
        let one_at_a_time = |g: &f64| adam_by_hand(0.0, &[*g], lr, true)[0];
        gradients
            .iter()
            .scan(w, |w, g| {
                *w += one_at_a_time(g);
                Some(*w)
            })
            .collect()
    };
    rejects(adam(frozen), "w = 1, gradients [3.0, -3.0, 0.5], lr 0.1, entry 1: expected");
    rejects(adam(|w, g, lr| adam_by_hand(w, g, -lr, true)), "entry 0: expected 0.9");
}

#[test]
fn rates_of_warmup_and_cosine() {
    let right = |step: u64, warmup: u64, total: u64, peak: f64| {
        if step < warmup {
            return peak * step as f64 / warmup as f64;
        }
        peak / 2.0 * (1.0 + (PI * (step - warmup) as f64 / (total - warmup) as f64).cos())
    };
    accepts(warmup_cosine(right));
    let crates = |step: u64, warmup: u64, total: u64, peak: f64| match step.checked_sub(warmup) {
        Some(after) => CosineAnnealingLr::new(total - warmup, 0.0).unwrap().rate(peak, after),
        None => peak * step as f64 / warmup as f64,
    };
    accepts(warmup_cosine(crates));
    rejects(warmup_cosine(|_, _, _, _| todo!("two cases")), "not written yet. two cases");
    rejects(warmup_cosine(|_, _, _, peak| peak), "step 0 of 110, warm-up 10, peak 0.5: expected 0, got 0.5");
    let no_half = |step: u64, warmup: u64, total: u64, peak: f64| {
        if step < warmup { right(step, warmup, total, peak) } else { 2.0 * right(step, warmup, total, peak) }
    };
    rejects(warmup_cosine(no_half), "step 10 of 110, warm-up 10, peak 0.5: expected 0.5, got 1");
}

#[test]
fn rates_of_step_lr() {
    let right = |lr: f64, size: usize, gamma: f64, epochs: usize, first: bool| -> Vec<f64> {
        (0..epochs).map(|epoch| lr * gamma.powi(((epoch + usize::from(first)) / size) as i32)).collect()
    };
    accepts(step_lr_rates(right));
    // Another right way: a scheduler that counts.
    let counted = |lr: f64, size: usize, gamma: f64, epochs: usize, first: bool| {
        let schedule = StepLr::new(size as u64, gamma).unwrap();
        let (mut steps, mut rates) = (0, Vec::new());
        for _ in 0..epochs {
            steps += u64::from(first);
            rates.push(schedule.rate(lr, steps));
            steps += u64::from(!first);
        }
        rates
    };
    accepts(step_lr_rates(counted));
    rejects(step_lr_rates(|_, _, _, _, _| todo!("count")), "not written yet. count");
    rejects(step_lr_rates(|lr, s, g, n, f| right(lr, s, g, n, !f)), "step() last, entry 2: expected 1, got 0.5");
    rejects(step_lr_rates(|lr, _, g, n, f| right(lr, 1, g, n, f)), "step() last, entry 1: expected 1, got 0.5");
}
