//! Gradient accumulation: small batches that make the step of a large one.

use candlelight::activation::log_softmax;
use candlelight::candle_core::backprop::GradStore;
use candlelight::loss::{CrossEntropyConfig, NllConfig, cross_entropy, cross_entropy_with, mse, nll_with};
use candlelight::nn::{Activation, Mode, Module, Sequential, linear};
use candlelight::optim::{Adam, AdamConfig, Optimizer, Sgd, SgdConfig};
use candlelight::prelude::*;
use candlelight::regularization::{l2, weights};
use candlelight::rng::normal;
use candlelight::train::{FitConfig, GradientSum, Progress, evaluate, fit};
use candlelight_tests::{assert_close, flat, number};

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
    for weight in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(sum.add_weighted(store(2), 1, weight), Err(Error::Setting { name: "weight", .. })));
    }
    sum.add_weighted(store(2), 1, 0.0).unwrap();
    assert!(matches!(sum.take_mean(), Err(Error::Setting { name: "samples of a mean", .. })), "nothing counts yet");
    let mut sum = GradientSum::new();
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

/// Class weights that differ by up to a thousand, and a class that does not count.
fn weighted(ignore_index: Option<i64>) -> CrossEntropyConfig {
    let weight = Some(Tensor::new(&[0.01f64, 10.0, 1.0, 0.3], &CPU).unwrap());
    CrossEntropyConfig { weight, ignore_index, ..CrossEntropyConfig::default() }
}

/// Eight samples; the first two are of the class 0, and no batch of four has the classes of the other.
fn uneven() -> Dataset {
    let x = normal(&mut seeded(3), 0.0, 1.0, (8, 3), DType::F64, &CPU).unwrap();
    Dataset::new(&x, &Tensor::new(&[0u32, 0, 0, 1, 2, 3, 2, 1], &CPU).unwrap()).unwrap()
}

#[test]
fn a_weighted_mean_is_the_same_however_the_samples_are_cut() {
    let data = uneven();
    for config in [weighted(None), weighted(Some(0)), CrossEntropyConfig { weight: None, ..weighted(Some(0)) }] {
        let loss = |output: &Tensor, labels: &Tensor| cross_entropy_with(output, labels, &config);
        let negative = |output: &Tensor, labels: &Tensor| {
            let CrossEntropyConfig { weight, ignore_index, .. } = config.clone();
            nll_with(
                &log_softmax(output, D::Minus1)?,
                labels,
                &NllConfig { weight, ignore_index, ..NllConfig::default() },
            )
        };
        let params = Params::with_dtype(0, DType::F64, &CPU).unwrap();
        let untrained = model(&params);
        let whole = number(&loss(&untrained.forward(data.inputs(), Mode::Eval).unwrap(), data.targets()).unwrap());
        for size in [8, 4, 3, 1] {
            for evaluation in [evaluate(&untrained, loss, &data, size), evaluate(&untrained, negative, &data, size)] {
                let found = evaluation.unwrap().loss;
                assert!((found - whole).abs() < 1e-12, "batches of {size}: {found}, expected {whole}");
            }
        }
        let run = |batch_size, accumulate| {
            let params = Params::with_dtype(0, DType::F64, &CPU).unwrap();
            let model = model(&params);
            let mut sgd = Sgd::new(params.trainable(), SgdConfig { lr: 0.1, ..SgdConfig::default() }).unwrap();
            let config =
                FitConfig { epochs: 3, batch_size, accumulate, progress: Progress::Silent, ..FitConfig::default() };
            let history = fit(&model, &mut sgd, loss, &data, None, &config, &mut seeded(7)).unwrap();
            (params.trainable().iter().flat_map(|param| flat(&param.var)).collect::<Vec<_>>(), history.train_loss())
        };
        let large = run(8, 1);
        assert!((large.1[0] - whole).abs() < 1e-12);
        for (batch_size, accumulate) in [(4, 2), (3, 3), (2, 4), (1, 8)] {
            let small = run(batch_size, accumulate);
            let near = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
            assert!(near(&small.0, &large.0), "parameters of {accumulate} × {batch_size}");
            assert!(near(&small.1, &large.1), "losses of {accumulate} × {batch_size}");
        }
    }
}

#[test]
fn what_has_no_weighted_mean_is_an_error() {
    let errors = |loss: &dyn Fn(&Tensor, &Tensor) -> Result<Tensor>, data: &Dataset, accumulate| {
        let params = Params::with_dtype(0, DType::F64, &CPU).unwrap();
        let model = model(&params);
        let mut sgd = Sgd::new(params.trainable(), SgdConfig::default()).unwrap();
        let config = FitConfig { epochs: 1, batch_size: 1, accumulate, ..FitConfig::default() }.silent();
        let trained = fit(&model, &mut sgd, loss, data, None, &config, &mut seeded(7)).unwrap_err();
        [trained, evaluate(&model, loss, data, 1).unwrap_err()].map(|error| error.to_string())
    };
    // Of the first three samples none counts, whether or not they make one step.
    let ignoring = weighted(Some(0));
    let loss = |output: &Tensor, labels: &Tensor| cross_entropy_with(output, labels, &ignoring);
    for accumulate in [1, 2] {
        for error in errors(&loss, &uneven().take(3).unwrap(), accumulate) {
            assert!(error.contains("samples of a mean must be such that one counts"), "{error}");
        }
    }
    // No one weight is right for the sum of two weighted means.
    let of =
        |weight: [f64; 4]| CrossEntropyConfig { weight: Some(Tensor::new(&weight, &CPU).unwrap()), ..weighted(None) };
    let (one, other) = (of([1.0, 2.0, 3.0, 4.0]), of([4.0, 3.0, 2.0, 1.0]));
    let sum = |output: &Tensor, labels: &Tensor, other| {
        Ok((cross_entropy_with(output, labels, &one)? + cross_entropy_with(output, labels, other)?)?)
    };
    for error in errors(&|output, labels| sum(output, labels, &other), &uneven(), 1) {
        assert!(error.contains("a loss over several batches must be one weighted mean"), "{error}");
    }
    // But the same weights twice are one.
    let params = Params::with_dtype(0, DType::F64, &CPU).unwrap();
    evaluate(&model(&params), |output, labels| sum(output, labels, &one), &uneven(), 3).unwrap();
}

#[test]
fn the_history_weighs_the_steps_of_a_weighted_loss() {
    // With a rate of 0 the training loss is that of the data under the initial parameters.
    let (data, config) = (uneven(), weighted(None));
    let loss = |output: &Tensor, labels: &Tensor| cross_entropy_with(output, labels, &config);
    let params = Params::with_dtype(0, DType::F64, &CPU).unwrap();
    let model = model(&params);
    let whole = number(&loss(&model.forward(data.inputs(), Mode::Eval).unwrap(), data.targets()).unwrap());
    let mut sgd = Sgd::new(params.trainable(), SgdConfig { lr: 0.0, ..SgdConfig::default() }).unwrap();
    let config = FitConfig { epochs: 1, batch_size: 3, progress: Progress::Silent, ..FitConfig::default() };
    let history = fit(&model, &mut sgd, loss, &data, Some(&data), &config, &mut seeded(7)).unwrap();
    assert!((history.train_loss()[0] - whole).abs() < 1e-12, "{history:?}, expected {whole}");
    assert!((history.validation_loss()[0] - whole).abs() < 1e-12, "{history:?}, expected {whole}");
}

#[test]
fn accuracy_counts_every_label_of_a_sample() {
    // Three labels a sample, of which one is right: as a share of samples it rounds to 0.
    let outputs = Tensor::new(&[[[1f32, 0.0], [1.0, 0.0], [1.0, 0.0]]], &CPU).unwrap();
    let data = Dataset::new(&outputs, &Tensor::new(&[[0u32, 1, 1]], &CPU).unwrap()).unwrap();
    let found = evaluate(&Sequential::new(), cross_entropy, &data, 1).unwrap().accuracy.unwrap();
    assert!((found - 1.0 / 3.0).abs() < 1e-12, "{found}");
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
