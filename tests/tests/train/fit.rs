//! The training loop: it learns, records, prints, stops on bad numbers, and repeats itself to the bit at any thread count.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use candlelight::loss::{cross_entropy, mse};
use candlelight::metrics::accuracy;
use candlelight::nn::{Activation, Mode, Module, Sequential, batch_norm1d, linear};
use candlelight::optim::{Adam, AdamConfig, Optimizer, Sgd, SgdConfig};
use candlelight::prelude::*;
use candlelight::regularization::{l2, weights};
use candlelight::rng;
use candlelight::state::Stateful;
use candlelight::train::{Epoch, FitConfig, History, Progress, evaluate, fit};
use candlelight_tests::{flat, number};

fn normal(seed: u64, shape: (usize, usize)) -> Tensor {
    rng::normal(&mut seeded(seed), 0.0, 1.0, shape, DType::F32, &Device::Cpu).unwrap()
}

/// Points of the plane, and the quadrant each is in.
fn quadrants(seed: u64, n: usize) -> (Tensor, Tensor) {
    let x = normal(seed, (n, 2));
    let labels: Vec<u32> = flat(&x).chunks(2).map(|p| u32::from(p[0] > 0.0) + 2 * u32::from(p[1] > 0.0)).collect();
    (x, Tensor::new(labels, &Device::Cpu).unwrap())
}

fn set(inputs: &Tensor, targets: &Tensor) -> Dataset {
    Dataset::new(inputs, targets).unwrap()
}

fn sgd(params: &Params, lr: f64) -> Sgd {
    Sgd::new(params.trainable(), SgdConfig { lr, ..SgdConfig::default() }).unwrap()
}

fn silent(epochs: usize, batch_size: usize) -> FitConfig {
    FitConfig { epochs, batch_size, progress: Progress::Silent, ..FitConfig::default() }
}

#[test]
fn a_classifier_learns_and_its_history_is_true() {
    let (train, test) = (quadrants(1, 500), quadrants(2, 203));
    let params = Params::new(0, &Device::Cpu).unwrap();
    let model = Sequential::new()
        .push(linear(2, 16, params.pp("fc1")).unwrap())
        .push(Activation::Relu)
        .push(linear(16, 4, params.pp("fc2")).unwrap());
    let mut adam = Adam::new(params.trainable(), AdamConfig { lr: 0.02, ..AdamConfig::default() }).unwrap();
    let data = (set(&train.0, &train.1), set(&test.0, &test.1));
    let config = silent(15, 64);
    let history = fit(&model, &mut adam, cross_entropy, &data.0, Some(&data.1), &config, &mut seeded(0)).unwrap();
    assert_eq!(history.epochs.len(), 15);
    for series in [history.train_loss(), history.validation_loss(), history.accuracy(), history.seconds()] {
        assert_eq!(series.len(), 15);
        assert!(series.iter().all(|value| value.is_finite() && *value >= 0.0));
    }
    let last = history.last().unwrap();
    assert!(last.accuracy.unwrap() > 0.95, "{last:?}");
    assert!(last.train_loss < 0.5 * history.train_loss()[0]);

    // What it recorded is what the model now does on the whole test set at once.
    let output = model.forward(&test.0, Mode::Eval).unwrap();
    assert_eq!(last.accuracy, Some(accuracy(&output, &test.1).unwrap()));
    let loss = number(&cross_entropy(&output, &test.1).unwrap());
    assert!((last.validation_loss.unwrap() - loss).abs() < 1e-6);
    let evaluation = evaluate(&model, cross_entropy, &set(&test.0, &test.1), 1000).unwrap();
    assert!((evaluation.loss - loss).abs() < 1e-6);
    assert_eq!(evaluation.accuracy, last.accuracy);
}

#[test]
fn a_regression_has_no_accuracy() {
    let x = normal(3, (64, 1));
    let y = ((&x * 2.0).unwrap() - 1.0).unwrap();
    let params = Params::new(0, &Device::Cpu).unwrap();
    let model = linear(1, 1, params.clone()).unwrap();
    let history =
        fit(&model, &mut sgd(&params, 0.1), mse, &set(&x, &y), Some(&set(&x, &y)), &silent(50, 16), &mut seeded(0))
            .unwrap();
    assert!(history.accuracy().is_empty());
    assert!(*history.validation_loss().last().unwrap() < 1e-6);
    assert!((number(model.weight()) - 2.0).abs() < 1e-3 && (number(model.bias().unwrap()) + 1.0).abs() < 1e-3);
}

/// A recorded forward pass.
type Pass = (Mode, Vec<f64>);

/// Passes its input on, and notes the mode and the first column of every batch.
struct Recorder {
    inner: candlelight::nn::Linear,
    seen: Arc<Mutex<Vec<Pass>>>,
}

impl Module for Recorder {
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        self.seen.lock().unwrap().push((mode, flat(x)));
        self.inner.forward(x, mode)
    }
}

#[test]
fn each_epoch_sees_every_sample_once_in_a_new_order_with_its_target() {
    let x = Tensor::arange(0f32, 10.0, &Device::Cpu).unwrap().reshape((10, 1)).unwrap();
    let params = Params::new(0, &Device::Cpu).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let model = Recorder { inner: linear(1, 1, params.clone()).unwrap(), seen: seen.clone() };
    let (pairs, batches) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let loss = |output: &Tensor, target: &Tensor| {
        // The targets are the inputs, so the last recorded batch must be this one's.
        let recorded = seen.lock().unwrap().last().unwrap().1.clone();
        assert_eq!(flat(target), recorded);
        pairs.fetch_add(recorded.len(), Ordering::Relaxed);
        batches.fetch_add(1, Ordering::Relaxed);
        mse(output, target)
    };
    let config = silent(3, 4);
    fit(&model, &mut sgd(&params, 1e-3), loss, &set(&x, &x), Some(&set(&x, &x)), &config, &mut seeded(0)).unwrap();
    assert_eq!((pairs.into_inner(), batches.into_inner()), (60, 18));

    let seen = seen.lock().unwrap();
    let mut orders = Vec::new();
    for epoch in seen.chunks(6) {
        let (train, test) = epoch.split_at(3);
        assert!(train.iter().all(|(mode, _)| *mode == Mode::Train) && test.iter().all(|(mode, _)| *mode == Mode::Eval));
        assert_eq!(train.iter().map(|(_, batch)| batch.len()).collect::<Vec<_>>(), [4, 4, 2]);
        let order: Vec<f64> = train.iter().flat_map(|(_, batch)| batch.clone()).collect();
        let mut sorted = order.clone();
        sorted.sort_by(f64::total_cmp);
        assert_eq!(sorted, flat(&x));
        assert_eq!(test.iter().flat_map(|(_, batch)| batch.clone()).collect::<Vec<_>>(), flat(&x), "tested in order");
        orders.push(order);
    }
    assert!(orders[0] != orders[1] && orders[1] != orders[2] && orders[0] != orders[2]);
}

#[test]
fn an_uneven_last_batch_counts_by_its_samples() {
    // With a rate of 0 the training loss is that of the data under the initial parameters, however it is cut.
    let (x, y) = quadrants(5, 7);
    let params = Params::new(0, &Device::Cpu).unwrap();
    let model = linear(2, 4, params.clone()).unwrap();
    let expected = number(&cross_entropy(&model.forward(&x, Mode::Eval).unwrap(), &y).unwrap());
    for batch_size in [1, 2, 3, 7, 100] {
        let config = silent(1, batch_size);
        let history = fit(
            &model,
            &mut sgd(&params, 0.0),
            cross_entropy,
            &set(&x, &y),
            Some(&set(&x, &y)),
            &config,
            &mut seeded(1),
        )
        .unwrap();
        let epoch = history.last().unwrap();
        assert!((epoch.train_loss - expected).abs() < 1e-6, "{batch_size}: {epoch:?}");
        assert!((epoch.validation_loss.unwrap() - expected).abs() < 1e-6, "{batch_size}: {epoch:?}");
    }
}

#[test]
fn the_penalty_joins_the_gradient_but_not_the_history() {
    let (x, y) = quadrants(6, 8);
    let run = |lambda: Option<f64>, weight_decay: f64| {
        let params = Params::with_dtype(4, DType::F64, &Device::Cpu).unwrap();
        let model = candlelight::nn::Linear::new(
            2,
            4,
            candlelight::nn::LinearConfig { bias: false, ..Default::default() },
            params.clone(),
        )
        .unwrap();
        let config = SgdConfig { lr: 0.1, weight_decay, ..SgdConfig::default() };
        let mut sgd = Sgd::new(params.trainable(), config).unwrap();
        let config = match lambda {
            Some(lambda) => {
                let weights = weights(&params);
                silent(5, 8).with_penalty(move || Ok((l2(&weights)? * lambda)?))
            }
            None => silent(5, 8),
        };
        let x = x.to_dtype(DType::F64).unwrap();
        let history = fit(&model, &mut sgd, cross_entropy, &set(&x, &y), None, &config, &mut seeded(0)).unwrap();
        (history.train_loss(), flat(model.weight()))
    };
    let (penalty, decay, plain) = (run(Some(0.15), 0.0), run(None, 0.3), run(None, 0.0));
    assert!(penalty.1.iter().zip(&decay.1).all(|(a, b)| (a - b).abs() < 1e-12), "decay is twice λ");
    assert!(penalty.0.iter().zip(&decay.0).all(|(a, b)| (a - b).abs() < 1e-12), "the loss is without the penalty");
    assert_eq!(penalty.0[0], plain.0[0]);
    let norm = |w: &[f64]| w.iter().map(|w| w * w).sum::<f64>();
    assert!(norm(&penalty.1) < norm(&plain.1));
}

#[test]
fn a_loss_that_is_not_finite_stops_at_its_step_with_the_parameters_before_it() {
    let x = normal(7, (12, 1));
    let params = Params::new(0, &Device::Cpu).unwrap();
    let model = linear(1, 1, params.clone()).unwrap();
    let (calls, before) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let loss = |output: &Tensor, target: &Tensor| {
        *before.lock().unwrap() = flat(model.weight());
        let bad = calls.fetch_add(1, Ordering::Relaxed) == 5;
        Ok((mse(output, target)? * if bad { f64::NAN } else { 1.0 })?)
    };
    let error =
        fit(&model, &mut sgd(&params, 0.1), loss, &set(&x, &x), None, &silent(9, 4), &mut seeded(0)).unwrap_err();
    assert!(matches!(error, Error::NotFinite { step: 5, value, .. } if value.is_nan()), "{error}");
    assert_eq!(flat(model.weight()), *before.lock().unwrap());

    // Divergence from too high a rate, and an infinite penalty, are found too.
    let diverging = fit(&model, &mut sgd(&params, 1e6), mse, &set(&x, &x), None, &silent(99, 12), &mut seeded(0));
    assert!(matches!(diverging, Err(Error::NotFinite { .. })), "{diverging:?}");
    params.set("weight", &Tensor::ones((1, 1), DType::F32, &Device::Cpu).unwrap()).unwrap();
    params.set("bias", &Tensor::ones(1, DType::F32, &Device::Cpu).unwrap()).unwrap();
    let config = silent(1, 4).with_penalty(|| Ok(Tensor::new(f32::INFINITY, &Device::Cpu)?));
    let infinite = fit(&model, &mut sgd(&params, 0.1), mse, &set(&x, &x), None, &config, &mut seeded(0));
    assert!(matches!(infinite, Err(Error::NotFinite { step: 0, .. })), "{infinite:?}");
}

#[test]
fn bad_settings_and_data_are_typed_errors() {
    let (x, y) = quadrants(8, 6);
    let params = Params::new(0, &Device::Cpu).unwrap();
    let model = linear(2, 4, params.clone()).unwrap();
    let run = |data: (&Tensor, &Tensor), config: FitConfig| {
        fit(&model, &mut sgd(&params, 0.1), cross_entropy, &set(data.0, data.1), None, &config, &mut seeded(0))
            .unwrap_err()
    };
    assert!(matches!(run((&x, &y), silent(0, 4)), Error::Setting { name: "epochs", .. }));
    assert!(matches!(run((&x, &y), silent(1, 0)), Error::Setting { .. }));
    let none = (x.narrow(0, 0, 0).unwrap(), y.narrow(0, 0, 0).unwrap());
    assert!(matches!(run((&none.0, &none.1), silent(1, 4)), Error::Shape { what: "inputs", .. }));
    assert!(evaluate(&model, cross_entropy, &set(&x, &y), 0).is_err());
    // A model that is not part of the optimizer's parameters is noticed at the first step.
    let other = linear(2, 4, params.pp("other")).unwrap();
    let error = fit(&other, &mut sgd(&params, 0.1), cross_entropy, &set(&x, &y), None, &silent(1, 4), &mut seeded(0));
    assert!(matches!(error, Err(Error::MissingGradient { name }) if name == "weight"));
}

#[test]
fn the_last_batch_can_be_left_out() {
    let (x, y) = quadrants(8, 65);
    let run = |n: usize, drop_last| {
        let params = Params::new(0, &Device::Cpu).unwrap();
        let model = Sequential::new()
            .push(linear(2, 8, params.pp("fc1")).unwrap())
            .push(batch_norm1d(8, params.pp("bn")).unwrap())
            .push(linear(8, 4, params.pp("fc2")).unwrap());
        let data = set(&x.narrow(0, 0, n).unwrap(), &y.narrow(0, 0, n).unwrap());
        let mut sgd = sgd(&params, 0.1);
        let config = FitConfig { drop_last, ..silent(3, 64) };
        // The test data have a batch of one sample too, which is seen.
        let history = fit(&model, &mut sgd, cross_entropy, &data, Some(&data), &config, &mut seeded(0))?;
        assert!(history.train_loss().iter().all(|loss| loss.is_finite()));
        sgd.state()?.get::<u64>("step")
    };
    assert!(run(65, false).is_err(), "batch normalization of one sample");
    assert_eq!(run(65, true).unwrap(), 3);
    assert_eq!(run(64, true).unwrap(), 3);
    assert!(matches!(run(63, true), Err(Error::Setting { name: "batch_size", .. })));

    // The mean of an epoch is over the samples it saw, and accumulation ends with the last batch that is left.
    let x = Tensor::ones((10, 1), DType::F32, &Device::Cpu).unwrap();
    let params = Params::new(0, &Device::Cpu).unwrap();
    let model = linear(1, 1, params.clone()).unwrap();
    params.set("weight", &Tensor::zeros((1, 1), DType::F32, &Device::Cpu).unwrap()).unwrap();
    params.set("bias", &Tensor::zeros(1, DType::F32, &Device::Cpu).unwrap()).unwrap();
    let mut sgd = sgd(&params, 0.0);
    let config = FitConfig {
        drop_last: true,
        accumulate: 2,
        ..FitConfig { batch_size: 3, epochs: 1, ..FitConfig::default() }.silent()
    };
    let history = fit(&model, &mut sgd, mse, &set(&x, &x), None, &config, &mut seeded(0)).unwrap();
    assert_eq!(history.train_loss(), [1.0]);
    assert_eq!(sgd.state().unwrap().get::<u64>("step").unwrap(), 2, "batches 1 and 2, and the third");
}

#[test]
fn no_test_data_are_refused_before_the_first_step() {
    let (x, y) = quadrants(8, 6);
    let params = Params::new(0, &Device::Cpu).unwrap();
    let model = linear(2, 4, params.clone()).unwrap();
    let mut sgd = sgd(&params, 0.1);
    let (data, none) = (set(&x, &y), set(&x, &y).take(0).unwrap());
    let error = fit(&model, &mut sgd, cross_entropy, &data, Some(&none), &silent(1, 2), &mut seeded(0)).unwrap_err();
    assert!(matches!(error, Error::Shape { what: "inputs", .. }), "{error}");
    assert_eq!(sgd.state().unwrap().get::<u64>("step").unwrap(), 0);
}

#[test]
fn test_targets_that_are_no_classes_are_refused_before_the_first_step() {
    let (x, y) = quadrants(8, 6);
    let integers = |values: [i64; 6]| Tensor::new(&values, &Device::Cpu).unwrap();
    let column = integers([0, 1, 2, 3, 0, 1]).unsqueeze(1).unwrap();
    for (what, targets) in [
        ("negative", integers([0, 1, 2, 3, 0, -1])),
        ("more than there are outputs", integers([0, 1, 2, 3, 0, 4])),
        ("quantities", column.clone()),
        ("of a dtype for no class", y.to_dtype(DType::I16).unwrap()),
    ] {
        let params = Params::new(0, &Device::Cpu).unwrap();
        let model = linear(2, 4, params.clone()).unwrap();
        let mut sgd = sgd(&params, 0.1);
        let before = flat(model.weight());
        let test = set(&x, &targets);
        // A loss that takes any integers.
        let loss = |output: &Tensor, target: &Tensor| {
            let target = target.to_dtype(DType::F32)?.flatten_all()?.unsqueeze(1)?;
            mse(output, &target.broadcast_as(output.shape())?)
        };
        let error = fit(&model, &mut sgd, loss, &set(&x, &y), Some(&test), &silent(1, 2), &mut seeded(0)).unwrap_err();
        let typed = matches!(
            error,
            Error::Label { position: 5, classes: 4, .. }
                | Error::Shape { what: "labels", .. }
                | Error::DType { what: "labels", .. }
        );
        assert!(typed, "{what}: {error:?}");
        assert_eq!(sgd.state().unwrap().get::<u64>("step").unwrap(), 0, "{what}");
        assert_eq!(flat(model.weight()), before, "{what}");
    }
}

#[test]
fn inputs_of_any_layout_train_alike() {
    let (x, y) = quadrants(9, 32);
    let run = |x: &Tensor| {
        let params = Params::new(0, &Device::Cpu).unwrap();
        let model = linear(2, 4, params.clone()).unwrap();
        fit(
            &model,
            &mut sgd(&params, 0.1),
            cross_entropy,
            &set(x, &y),
            Some(&set(x, &y)),
            &silent(2, 5),
            &mut seeded(3),
        )
        .unwrap();
        flat(model.weight())
    };
    assert_eq!(run(&x), run(&candlelight_tests::strided(&x)));
}

#[test]
fn types_that_cells_keep_can_move_between_threads() {
    fn check<T: Send + 'static>() {}
    check::<Sequential>();
    check::<candlelight::nn::Linear>();
    check::<Sgd>();
    check::<Adam>();
    check::<Box<dyn Optimizer>>();
    check::<FitConfig>();
    check::<History>();
    check::<Epoch>();
}

/// Not a test of its own: the program that the tests below run, with a thread count and a kind of progress.
#[test]
fn child() {
    let Ok(progress) = std::env::var("CANDLELIGHT_TEST_CHILD") else { return };
    let (progress, epochs) = match progress.as_str() {
        "silent" => (Progress::Silent, 2),
        "lines" => (Progress::Lines, 41),
        "plain" => (Progress::LinesWithoutTimes, 3),
        other => panic!("{other}"),
    };
    println!(); // libtest has begun a line of its own
    // Sizes on both sides of the point where Candle splits a product over threads, none of them a multiple of its tiles.
    for (n, width, hidden, batch_size, dtype) in
        [(203, 784, 257, 64, DType::F32), (101, 63, 33, 50, DType::F64), (5, 784, 500, 1, DType::F32)]
    {
        let x = normal(1, (n, width)).to_dtype(dtype).unwrap();
        let y = Tensor::from_vec((0..n as u32).map(|i| i % 10).collect(), n, &Device::Cpu).unwrap();
        let params = Params::with_dtype(0, dtype, &Device::Cpu).unwrap();
        let model = Sequential::new()
            .push(linear(width, hidden, params.pp("fc1")).unwrap())
            .push(Activation::Relu)
            .push(linear(hidden, 10, params.pp("fc2")).unwrap());
        let mut adam = Adam::new(params.trainable(), AdamConfig::default()).unwrap();
        let weights = weights(&params);
        let config = FitConfig { epochs, batch_size, progress, ..FitConfig::default() }
            .with_penalty(move || Ok((l2(&weights)? * 1e-4)?));
        let history =
            fit(&model, &mut adam, cross_entropy, &set(&x, &y), Some(&set(&x, &y)), &config, &mut seeded(2)).unwrap();
        for loss in history.train_loss().iter().chain(&history.validation_loss()) {
            println!("bits {:016x}", loss.to_bits());
        }
        for param in params.trainable() {
            let hash = flat(&param.var).iter().fold(0u64, |hash, value| hash.rotate_left(5) ^ value.to_bits());
            println!("bits {} {hash:016x}", param.name);
        }
    }
}

/// The lines that `child` prints, of those that begin with `prefix`.
fn child_lines(progress: &str, threads: usize, prefix: &str) -> Vec<String> {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "fit::child", "--nocapture", "--test-threads=1"])
        .env("CANDLELIGHT_TEST_CHILD", progress)
        .env("RAYON_NUM_THREADS", threads.to_string())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let stdout = String::from_utf8(output.stdout).unwrap();
    stdout.lines().filter(|line| line.starts_with(prefix)).map(str::to_owned).collect()
}

#[test]
fn training_is_bit_identical_at_any_thread_count() {
    let one = child_lines("silent", 1, "bits");
    assert_eq!(one.len(), 3 * (4 + 4));
    for threads in [1, 2, 3, 8] {
        assert_eq!(child_lines("silent", threads, "bits"), one, "{threads} threads");
    }
}

#[test]
fn progress_is_a_few_whole_lines_with_the_times_last() {
    assert!(child_lines("silent", 2, "epoch").is_empty());
    let lines = child_lines("lines", 2, "epoch");
    assert_eq!(lines.len(), 3 * 14, "every third of 41 epochs, and the last");
    assert!(lines[0].starts_with("epoch  3/41  train loss "), "{}", lines[0]);
    assert!(lines[13].starts_with("epoch 41/41  train loss ") && lines[13].ends_with("  left 0.0 s"), "{}", lines[13]);

    let plain = child_lines("plain", 2, "epoch");
    assert_eq!(plain.len(), 3 * 3);
    assert_eq!(plain, child_lines("plain", 1, "epoch"));
    for line in &plain {
        let words: Vec<&str> = line.split_whitespace().collect();
        let expected =
            ["epoch", words[1], "train", "loss", words[4], "validation", "loss", words[7], "accuracy", words[9], "%"];
        assert_eq!(words, expected);
    }
    for line in &lines {
        let (results, times) = line.split_once("  elapsed ").unwrap();
        assert!(results.ends_with(" %") && times.contains(" s  left "), "{line}");
    }
}
