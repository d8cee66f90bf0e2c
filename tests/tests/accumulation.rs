//! Gradient accumulation: small batches that make the step of a large one.

use candlelight::candle_core::backprop::GradStore;
use candlelight::loss::{cross_entropy, mse};
use candlelight::nn::{Activation, Mode, Module, Sequential, linear};
use candlelight::optim::{Adam, AdamConfig, Optimizer, Sgd, SgdConfig};
use candlelight::prelude::*;
use candlelight::regularization::{l2, weights};
use candlelight::rng::normal;
use candlelight::train::{FitConfig, GradientSum, Progress, fit};
use candlelight_tests::{assert_close, flat};

const CPU: Device = Device::Cpu;

fn model(params: &Params) -> Sequential {
    Sequential::new()
        .push(linear(3, 8, params.pp("fc1")).unwrap())
        .push(Activation::Tanh)
        .push(linear(8, 4, params.pp("fc2")).unwrap())
}

fn data(n: usize) -> Dataset {
    let x = normal(&mut seeded(1), 0.0, 1.0, (n, 3), DType::F64, &CPU).unwrap();
    Dataset::new(&x, &Tensor::from_vec((0..n as u32).map(|i| i % 4).collect(), n, &CPU).unwrap()).unwrap()
}

fn gradients(model: &Sequential, (x, y): (Tensor, Tensor)) -> GradStore {
    cross_entropy(&model.forward(&x, Mode::Train).unwrap(), &y).unwrap().backward().unwrap()
}

#[test]
fn small_batches_make_the_gradient_of_a_large_one() {
    let params = Params::with_dtype(0, DType::F64, &CPU).unwrap();
    let model = model(&params);
    let data = data(23);
    let whole = gradients(&model, (data.inputs().clone(), data.targets().clone()));
    let mut sum = GradientSum::new();
    for size in [1, 4, 5, 23, 30] {
        for batch in data.batches(size).unwrap() {
            let batch = batch.unwrap();
            let n = batch.0.dim(0).unwrap();
            sum.add(gradients(&model, batch), n).unwrap();
        }
        assert_eq!(sum.samples(), 23);
        let mean = sum.take_mean().unwrap();
        assert_eq!(sum.samples(), 0, "it begins anew");
        for param in params.trainable() {
            let (mean, whole) = (mean.get(&param.var).unwrap(), whole.get(&param.var).unwrap());
            assert_close(&format!("{size}: {}", param.name), mean, whole, 1e-12, 1e-14);
        }
    }
}

#[test]
fn a_batch_that_does_not_reach_a_parameter_counts_as_zero() {
    let params = Params::with_dtype(0, DType::F64, &CPU).unwrap();
    let (a, b) = (params.var("a", (), Init::Constant(1.0)).unwrap(), params.var("b", (), Init::Constant(1.0)).unwrap());
    let mut sum = GradientSum::new();
    sum.add((a.as_tensor() * 4.0).unwrap().backward().unwrap(), 1).unwrap();
    sum.add((b.as_tensor() * 8.0).unwrap().backward().unwrap(), 3).unwrap();
    let mean = sum.take_mean().unwrap();
    assert_eq!((flat(mean.get(&a).unwrap()), flat(mean.get(&b).unwrap())), (vec![1.0], vec![6.0]));
}

#[test]
fn what_does_not_add_up_is_an_error() {
    let params = Params::new(0, &CPU).unwrap();
    let a = params.var("a", 2, Init::Constant(1.0)).unwrap();
    let store = |shape: usize| {
        let mut store = GradStore::default();
        store.insert(&a, Tensor::ones(shape, DType::F32, &CPU).unwrap());
        store
    };
    let mut sum = GradientSum::new();
    assert!(matches!(sum.take_mean(), Err(Error::Setting { name: "samples", .. })));
    assert!(matches!(sum.add(store(2), 0), Err(Error::Setting { name: "samples", .. })));
    sum.add(store(2), 1).unwrap();
    assert!(sum.add(store(3), 5).is_err());
    assert_eq!(sum.samples(), 1);
    assert_eq!(flat(sum.take_mean().unwrap().get(&a).unwrap()), [1.0; 2], "what failed changed nothing");
}

#[test]
fn fit_with_small_batches_is_fit_with_large_ones() {
    // 50 samples: the last step of an epoch has 2 of them.
    let data = data(50);
    let run = |batch_size, accumulate, adam: bool| {
        let params = Params::with_dtype(0, DType::F64, &CPU).unwrap();
        let model = model(&params);
        let weights = weights(&params);
        let config =
            FitConfig { epochs: 4, batch_size, accumulate, progress: Progress::Silent, ..FitConfig::default() }
                .with_penalty(move || Ok((l2(&weights)? * 1e-2)?));
        let mut optimizer: Box<dyn Optimizer> = match adam {
            true => Box::new(Adam::new(params.trainable(), AdamConfig { lr: 0.01, ..AdamConfig::default() }).unwrap()),
            false => {
                let config = SgdConfig { lr: 0.1, momentum: 0.9, ..SgdConfig::default() };
                Box::new(Sgd::new(params.trainable(), config).unwrap())
            }
        };
        let history = fit(&model, &mut *optimizer, cross_entropy, &data, None, &config, &mut seeded(7)).unwrap();
        let values: Vec<f64> = params.trainable().iter().flat_map(|param| flat(&param.var)).collect();
        (values, history.train_loss(), optimizer.state().unwrap().get::<u64>("step").unwrap())
    };
    for adam in [false, true] {
        let large = run(16, 1, adam);
        assert_eq!(large.2, 4 * 4);
        for (batch_size, accumulate) in [(8, 2), (4, 4), (1, 16)] {
            let small = run(batch_size, accumulate, adam);
            assert_eq!(small.2, 4 * 4, "steps of {accumulate} × {batch_size}");
            // Adam divides by roots of small moments, which magnifies rounding.
            let tolerance = if adam { 1e-9 } else { 1e-12 };
            let near = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < tolerance);
            assert!(near(&small.0, &large.0), "parameters of {accumulate} × {batch_size}");
            assert!(near(&small.1, &large.1), "losses of {accumulate} × {batch_size}");
        }
        assert_ne!(run(8, 1, adam).0, large.0);
    }
    assert_eq!(run(64, 3, false).2, 4, "an epoch of one batch is one step");
}

#[test]
fn no_accumulation_is_no_setting() {
    let params = Params::new(0, &CPU).unwrap();
    let model = linear(1, 1, params.clone()).unwrap();
    let x = Tensor::ones((4, 1), DType::F32, &CPU).unwrap();
    let mut sgd = Sgd::new(params.trainable(), SgdConfig::default()).unwrap();
    let config = FitConfig { accumulate: 0, ..FitConfig::default() };
    let result = fit(&model, &mut sgd, mse, &Dataset::new(&x, &x).unwrap(), None, &config, &mut seeded(0));
    assert!(matches!(result, Err(Error::Setting { name: "accumulate", .. })));
}
