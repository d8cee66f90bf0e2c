//! The checks of `18-convolution`: right answers pass, stubs and usual mistakes do not.

use candlelight::autograd::vjp;
use candlelight::check::convolution::*;
use candlelight::nn::{Conv1d, Conv1dConfig, polyphase_sampling};
use candlelight::prelude::*;
use candlelight_tests::{accepts, flat, rejects, store};

fn by_places(x: &[f64], g: &[f64]) -> Vec<f64> {
    let mut gradient = vec![0.0; x.len() + 1 - g.len()];
    for (i, g) in g.iter().enumerate() {
        for (u, sum) in gradient.iter_mut().enumerate() {
            *sum += g * x[i + u];
        }
    }
    gradient
}

#[test]
fn the_gradient_of_a_shared_weight_is_a_sum_over_places() {
    accepts(weight_gradient(by_places));
    // Another right way: the crate's own backward pass.
    let by_crate = |x: &[f64], g: &[f64]| {
        let config = Conv1dConfig { bias: false, ..Default::default() };
        let layer = Conv1d::new(1, 1, x.len() + 1 - g.len(), config, store(DType::F64)).unwrap();
        let tensor = |values: &[f64]| Tensor::from_slice(values, (1, 1, values.len()), &Device::Cpu).unwrap();
        let input = tensor(x);
        let (_, gradients) = vjp(|| layer.forward(&input, Mode::Train), &tensor(g)).unwrap();
        flat(gradients.get(layer.weight()).unwrap())
    };
    accepts(weight_gradient(by_crate));
    rejects(weight_gradient(|_, _| todo!("which outputs use entry u?")), "not written yet. which outputs use entry u?");
    rejects(
        weight_gradient(|x, g| by_places(x, g).into_iter().map(|d| d / g.len() as f64).collect()),
        "got their mean",
    );
    rejects(weight_gradient(|x, g| by_places(x, g).into_iter().rev().collect()), "got it turned round");
    // Takes the first place only.
    rejects(weight_gradient(|x, g| by_places(&x[..=x.len() - g.len()], &g[..1])), "entry 0: expected 21, got 1");
    // Turns the gradient round, as one would for the input.
    let flipped = |x: &[f64], g: &[f64]| by_places(x, &g.iter().rev().copied().collect::<Vec<f64>>());
    rejects(weight_gradient(flipped), "entry 0: expected 21, got 12");
    // Gives the gradient of the input in its place.
    rejects(weight_gradient(|x, _| vec![0.0; x.len()]), "expected 2 entries, got 3");
}

#[test]
fn frequencies_fold_at_one_half() {
    let folded = |frequency: f64, stride: usize| {
        let seen = frequency * stride as f64;
        (seen - seen.round()).abs()
    };
    accepts(alias(folded));
    let by_cosine = |frequency: f64, stride: usize| {
        let angle = std::f64::consts::TAU * frequency * stride as f64;
        angle.sin().atan2(angle.cos()).abs() / std::f64::consts::TAU
    };
    accepts(alias(by_cosine));
    rejects(alias(|_, _| todo!("how many cycles between two kept numbers?")), "not written yet. how many cycles");
    rejects(alias(|frequency, _| frequency), "frequency 0.1, stride 2: expected 0.2, got 0.1");
    rejects(alias(|frequency, stride| frequency * stride as f64), "frequency 0.4, stride 2: expected 0.2, got 0.8");
    rejects(alias(|frequency, stride| frequency / stride as f64), "frequency 0.1, stride 2: expected 0.2, got 0.05");
    rejects(alias(|frequency, stride| (frequency * stride as f64).min(0.5)), "expected 0.2, got 0.5");
    // Goes round at one half, instead of turning back there.
    rejects(
        alias(|frequency, stride| frequency * stride as f64 % 0.5),
        "frequency 0.4, stride 2: expected 0.2, got 0.3",
    );
}

fn chosen(x: &[f64]) -> Vec<f64> {
    let part = |p: usize| x.iter().skip(p).step_by(2).copied().collect::<Vec<f64>>();
    let squares = |part: &[f64]| part.iter().map(|x| x * x).sum::<f64>();
    if squares(&part(1)) > squares(&part(0)) { part(1) } else { part(0) }
}

#[test]
fn sampling_follows_the_larger_norm() {
    accepts(polyphase(chosen));
    let by_crate = |x: &[f64]| {
        let x = Tensor::from_slice(x, (1, 1, x.len()), &Device::Cpu).unwrap();
        flat(&polyphase_sampling().forward(&x, Mode::Eval).unwrap())
    };
    accepts(polyphase(by_crate));
    rejects(polyphase(|_| todo!("which half is larger?")), "not written yet. which half is larger?");
    rejects(polyphase(|x| x.iter().step_by(2).copied().collect()), "x [1.0, 2.0]: expected [2.0], got [1.0]");
    // The maximum of each pair: max-pooling.
    rejects(
        polyphase(|x| x.chunks(2).map(|pair| pair[0].max(pair[1])).collect()),
        "expected [3.0, -3.0], got [3.0, 1.0]",
    );
    // The larger sum of absolute values.
    let l1 = |x: &[f64]| {
        let part = |p: usize| x.iter().skip(p).step_by(2).copied().collect::<Vec<f64>>();
        let size = |part: &[f64]| part.iter().map(|x| x.abs()).sum::<f64>();
        if size(&part(1)) > size(&part(0)) { part(1) } else { part(0) }
    };
    rejects(polyphase(l1), "x [2.0, 4.0, 2.0, 0.0, 2.0, 1.0]: expected [4.0, 0.0, 1.0], got [2.0, 2.0, 2.0]");
    // The larger entry, not the larger sum of squares.
    let by_entry = |x: &[f64]| {
        let part = |p: usize| x.iter().skip(p).step_by(2).copied().collect::<Vec<f64>>();
        let most = |part: &[f64]| part.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        if most(&part(1)) > most(&part(0)) { part(1) } else { part(0) }
    };
    rejects(polyphase(by_entry), "x [3.0, 2.0, 0.0, 2.0, 0.0, 2.0]: expected [2.0, 2.0, 2.0], got [3.0, 0.0, 0.0]");
    // Of equal ones the second.
    let last = |x: &[f64]| {
        let part = |p: usize| x.iter().skip(p).step_by(2).copied().collect::<Vec<f64>>();
        let squares = |part: &[f64]| part.iter().map(|x| x * x).sum::<f64>();
        if squares(&part(1)) >= squares(&part(0)) { part(1) } else { part(0) }
    };
    rejects(polyphase(last), "x [1.0, -2.0, 2.0, 1.0]: expected [1.0, 2.0], got [-2.0, 1.0]");
}
