//! Early stopping: Prechelt's criteria against their definitions, patience, and the best epoch within `fit`.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use candlelight::loss::mse;
use candlelight::nn::{Linear, Mode, Module};
use candlelight::optim::{Sgd, SgdConfig};
use candlelight::prelude::*;
use candlelight::rng::normal;
use candlelight::state::Stateful;
use candlelight::train::{Decision, EarlyStopping, FitConfig, History, Progress, StoppingRule, evaluate, fit};
use candlelight_tests::flat;
use proptest::prelude::*;

const CPU: Device = Device::Cpu;

/// The epoch after which `rule` stops, if it does.
fn stop(rule: StoppingRule, train: &[f64], validation: &[f64]) -> Option<usize> {
    let mut stopping = EarlyStopping::new(rule).unwrap();
    let mut decide = |(train, validation): (&f64, &f64)| stopping.observe(*train, *validation).unwrap();
    train.iter().zip(validation).position(|losses| decide(losses) == Decision::Stop).map(|i| i + 1)
}

/// The same from the definitions, each epoch from the whole history.
fn by_definition(rule: StoppingRule, train: &[f64], validation: &[f64]) -> Option<usize> {
    let va = |t: usize| validation[t - 1];
    let least = |losses: &[f64]| losses.iter().copied().fold(f64::INFINITY, f64::min);
    let gl = |t: usize| 100.0 * (va(t) / least(&validation[..t]) - 1.0);
    let progress = |t: usize, k: usize| {
        let strip = &train[t - k..t];
        1000.0 * (strip.iter().sum::<f64>() / (k as f64 * least(strip)) - 1.0)
    };
    // UP_s stops after t if UP_{s-1} stops after t - k and E_va(t) > E_va(t - k); all of it at ends of strips.
    fn up(s: usize, t: usize, k: usize, va: &dyn Fn(usize) -> f64) -> bool {
        s == 0 || (t > k && va(t) > va(t - k) && up(s - 1, t - k, k, va))
    }
    (1..=validation.len()).find(|&t| match rule {
        StoppingRule::Patience { patience, min_delta } => {
            // The last epoch that beat the best of those before by more than min_delta is `patience` epochs ago.
            let mut best = f64::INFINITY;
            let mut last = 0;
            for i in 1..=t {
                if va(i) < best - min_delta {
                    (best, last) = (va(i), i);
                }
            }
            t - last >= patience
        }
        StoppingRule::GeneralizationLoss { alpha } => gl(t) > alpha,
        StoppingRule::ProgressQuotient { alpha, strip } => t % strip == 0 && gl(t) / progress(t, strip) > alpha,
        StoppingRule::SuccessiveIncrease { strips, strip } => t % strip == 0 && up(strips, t, strip, &va),
        _ => unreachable!(),
    })
}

#[test]
fn each_rule_stops_where_the_paper_says() {
    let validation = [1.0, 0.8, 0.9, 0.7, 0.72, 0.74, 0.71, 0.75, 0.76, 0.9];
    let train = [1.0; 10];
    let patience = |patience, min_delta| stop(StoppingRule::Patience { patience, min_delta }, &train, &validation);
    assert_eq!(patience(1, 0.0), Some(3));
    assert_eq!(patience(2, 0.0), Some(6), "after 0.72 and 0.74");
    assert_eq!(patience(6, 0.0), Some(10));
    assert_eq!(patience(7, 0.0), None);
    assert_eq!(patience(4, 0.15), Some(6), "0.7 is no improvement on 0.8 by more than 0.15");

    let gl = |alpha| stop(StoppingRule::GeneralizationLoss { alpha }, &train, &validation);
    assert_eq!(gl(5.0), Some(3), "0.9 / 0.8 is 12.5 % above");
    assert_eq!(gl(13.0), Some(10), "0.9 / 0.7 is 28.6 % above");
    assert_eq!(gl(30.0), None);

    // Strips of 2 end at 0.8, 0.7, 0.74, 0.75, 0.9.
    let up = |strips| stop(StoppingRule::SuccessiveIncrease { strips, strip: 2 }, &train, &validation);
    assert_eq!((up(1), up(2), up(3), up(4)), (Some(6), Some(8), Some(10), None));
    // The first strip is compared with nothing.
    assert_eq!(stop(StoppingRule::SuccessiveIncrease { strips: 1, strip: 1 }, &[1.0; 3], &[1.0, 2.0, 3.0]), Some(2));

    // Training losses 1.2 and 1.0 make a progress of 1000 (2.2 / 2 - 1) = 100 per mille in each strip of 2.
    let train = [1.2, 1.0, 1.2, 1.0, 1.2, 1.0, 1.2, 1.0, 1.2, 1.0];
    let pq = |alpha| stop(StoppingRule::ProgressQuotient { alpha, strip: 2 }, &train, &validation);
    assert_eq!(pq(0.05), Some(6), "GL is 5.7 % at the end of the third strip");
    assert_eq!(pq(0.06), Some(8), "7.1 %");
    assert_eq!(pq(0.1), Some(10));
    assert_eq!(pq(0.3), None);
}

#[test]
fn the_parts_of_the_criteria_can_be_read() {
    let mut stopping = EarlyStopping::new(StoppingRule::Patience { patience: 9, min_delta: 0.0 }).unwrap();
    assert_eq!((stopping.best_epoch(), stopping.best_loss(), stopping.generalization_loss()), (None, None, None));
    for (train, validation) in [(0.6, 0.5), (0.5, 0.4), (0.4, 0.4), (0.3, 0.5)] {
        stopping.observe(train, validation).unwrap();
    }
    assert_eq!(
        (stopping.best_epoch(), stopping.best_loss(), stopping.epochs()),
        (Some(2), Some(0.4), 4),
        "first of equals"
    );
    assert!((stopping.generalization_loss().unwrap() - 25.0).abs() < 1e-12);
    assert!((stopping.progress(2).unwrap() - 1000.0 * (0.7 / 0.6 - 1.0)).abs() < 1e-9);
    assert_eq!((stopping.progress(0), stopping.progress(5)), (None, None));
}

#[test]
fn losses_of_zero_and_no_progress_are_decided() {
    let gl = StoppingRule::GeneralizationLoss { alpha: 5.0 };
    assert_eq!(stop(gl, &[0.0; 3], &[0.0; 3]), None);
    assert_eq!(stop(gl, &[0.0; 2], &[0.0, 1e-300]), Some(2));
    let pq = StoppingRule::ProgressQuotient { alpha: 0.5, strip: 3 };
    assert_eq!(stop(pq, &[0.1; 6], &[0.1; 6]), None, "no progress, but no loss of generalization");
    assert_eq!(stop(pq, &[0.1; 6], &[0.1, 0.1, 0.2, 0.2, 0.2, 0.2]), Some(3), "no progress, and some");
    assert_eq!(
        stop(pq, &[0.1, 0.05, 0.0, 0.0, 0.0, 0.0], &[0.1, 0.1, 0.2, 0.2, 0.2, 0.2]),
        Some(6),
        "infinite progress first"
    );
    assert_eq!(
        stop(StoppingRule::Patience { patience: 2, min_delta: 0.0 }, &[-1.0; 4], &[-1.0, -2.0, -1.0, -1.0]),
        Some(4)
    );
}

#[test]
fn once_stopped_it_stays_stopped() {
    let mut stopping = EarlyStopping::new(StoppingRule::GeneralizationLoss { alpha: 1.0 }).unwrap();
    for (loss, expected) in [(1.0, Decision::GoOn), (2.0, Decision::Stop), (0.5, Decision::Stop)] {
        assert_eq!(stopping.observe(1.0, loss).unwrap(), expected);
    }
}

#[test]
fn bad_settings_and_losses_are_typed_errors() {
    for (rule, setting) in [
        (StoppingRule::Patience { patience: 0, min_delta: 0.0 }, "patience"),
        (StoppingRule::Patience { patience: 1, min_delta: -1.0 }, "min_delta"),
        (StoppingRule::GeneralizationLoss { alpha: f64::NAN }, "alpha"),
        (StoppingRule::ProgressQuotient { alpha: -0.1, strip: 5 }, "alpha"),
        (StoppingRule::ProgressQuotient { alpha: 0.5, strip: 0 }, "strip"),
        (StoppingRule::SuccessiveIncrease { strips: 0, strip: 5 }, "strips"),
        (StoppingRule::SuccessiveIncrease { strips: 3, strip: 0 }, "strip"),
    ] {
        assert!(matches!(EarlyStopping::new(rule), Err(Error::Setting { name, .. }) if name == setting), "{rule:?}");
    }
    let mut stopping = EarlyStopping::new(StoppingRule::GeneralizationLoss { alpha: 1.0 }).unwrap();
    stopping.observe(1.0, 1.0).unwrap();
    for (train, validation) in [(f64::NAN, 1.0), (1.0, f64::INFINITY)] {
        assert!(matches!(stopping.observe(train, validation), Err(Error::NotFinite { step: 1, .. })));
    }
    assert!(matches!(stopping.observe(1.0, -1.0), Err(Error::Setting { .. })), "a quotient of a negative loss");
    assert_eq!(stopping.epochs(), 1, "these do not count");
}

#[test]
fn its_state_comes_back() {
    let rule = StoppingRule::SuccessiveIncrease { strips: 2, strip: 2 };
    let losses = [1.0, 0.8, 0.9, 0.9, 0.7, 1.0];
    let mut whole = EarlyStopping::new(rule).unwrap();
    for (i, loss) in losses.into_iter().enumerate() {
        let mut resumed = EarlyStopping::new(rule).unwrap();
        resumed.observe(9.0, 9.0).unwrap();
        resumed.load_state(&whole.state().unwrap()).unwrap();
        let expected = if i == 5 { Decision::Stop } else { Decision::GoOn };
        assert_eq!((whole.observe(1.0, loss).unwrap(), resumed.observe(1.0, loss).unwrap()), (expected, expected));
        assert_eq!(resumed.best_epoch(), whole.best_epoch());
    }
    let mut state = whole.state().unwrap();
    state.tensors.insert("train_loss".into(), Tensor::new(&[1f64], &CPU).unwrap());
    let message = whole.load_state(&state).unwrap_err().to_string();
    assert_eq!(message, "state `validation_loss` expected 1 epochs, got 6");
    state.tensors.insert("train_loss".into(), Tensor::new(&[1f32], &CPU).unwrap());
    assert!(matches!(whole.load_state(&state), Err(Error::State { name, .. }) if name == "train_loss"));
    assert_eq!(whole.epochs(), 6, "what failed changed nothing");
}

/// A line through points of which the test set follows another line: the test loss falls and then rises.
fn overfit(config: FitConfig, params: &Params) -> (History, Linear, Dataset) {
    let x = normal(&mut seeded(1), 0.0, 1.0, (40, 1), DType::F32, &CPU).unwrap();
    let train = Dataset::new(&x, &(&x * 3.0).unwrap()).unwrap();
    let test = Dataset::new(&x, &(&x * 1.5).unwrap()).unwrap();
    let model = linear(1, 1, params.clone()).unwrap();
    params.set("weight", &Tensor::zeros((1, 1), DType::F32, &CPU).unwrap()).unwrap();
    let mut sgd = Sgd::new(params.trainable(), SgdConfig { lr: 0.02, ..SgdConfig::default() }).unwrap();
    let config = FitConfig { batch_size: 10, ..config };
    let history = fit(&model, &mut sgd, mse, &train, Some(&test), &config, &mut seeded(0)).unwrap();
    (history, model, test)
}

#[test]
fn fit_stops_early_and_restores_the_best_epoch() {
    let new = || Params::new(0, &CPU).unwrap();
    let silent = || FitConfig { epochs: 30, progress: Progress::Silent, ..FitConfig::default() };
    let full = overfit(silent(), &new()).0;
    let best = full.best_epoch().unwrap();
    assert!(1 < best && best < 20, "{:?}", full.validation_loss());

    let rule = StoppingRule::Patience { patience: 3, min_delta: 0.0 };
    let config = || FitConfig { early_stopping: Some(rule), ..silent() };
    let (history, last, test) = overfit(config(), &new());
    assert_eq!(history.epochs.len(), best + 3);
    assert_eq!(history.validation_loss(), full.validation_loss()[..best + 3], "the run is the same as far as it goes");
    let loss = |model: &Linear| evaluate(model, mse, &test, 10).unwrap().loss;
    assert_eq!(loss(&last), *history.validation_loss().last().unwrap());

    let params = new();
    let (history, restored, _) = overfit(FitConfig { restore_best: Some(params.clone()), ..config() }, &params);
    assert_eq!(history.best_epoch(), Some(best));
    assert_eq!(loss(&restored), history.validation_loss()[best - 1]);
    // Without a rule it restores after all epochs.
    let params = new();
    let config = FitConfig { restore_best: Some(params.clone()), ..silent() };
    let (history, model, _) = overfit(config, &params);
    assert_eq!((history.epochs.len(), flat(model.weight())), (30, flat(restored.weight())));
}

#[test]
fn the_best_epoch_is_restored_where_a_run_ends_in_an_error() {
    let x = normal(&mut seeded(1), 0.0, 1.0, (40, 1), DType::F32, &CPU).unwrap();
    let (train, test) = (Dataset::new(&x, &(&x * 3.0).unwrap()), Dataset::new(&x, &(&x * 1.5).unwrap()));
    let (train, test) = (train.unwrap(), test.unwrap());
    // Four training steps and four test batches an epoch: the loss fails in the 9th epoch, or at the test after it.
    let run = |epochs, fails: usize, early_stopping| {
        let params = Params::new(0, &CPU).unwrap();
        let model = linear(1, 1, params.clone()).unwrap();
        params.set("weight", &Tensor::zeros((1, 1), DType::F32, &CPU).unwrap()).unwrap();
        let mut sgd = Sgd::new(params.trainable(), SgdConfig { lr: 0.05, ..SgdConfig::default() }).unwrap();
        let calls = AtomicUsize::new(0);
        let loss = |output: &Tensor, target: &Tensor| {
            let factor = if calls.fetch_add(1, Ordering::Relaxed) == fails { f64::NAN } else { 1.0 };
            Ok((mse(output, target)? * factor)?)
        };
        let config =
            FitConfig { epochs, batch_size: 10, progress: Progress::Silent, early_stopping, ..FitConfig::default() };
        let config = FitConfig { restore_best: Some(params.clone()), ..config };
        let result = fit(&model, &mut sgd, loss, &train, Some(&test), &config, &mut seeded(0));
        (result, flat(model.weight()))
    };
    let (whole, best) = run(12, usize::MAX, None);
    assert!((2..8).contains(&whole.unwrap().best_epoch().unwrap()));
    let rule = StoppingRule::Patience { patience: 20, min_delta: 0.0 };
    for (fails, early_stopping) in [(8 * 8 + 2, None), (8 * 8 + 5, Some(rule))] {
        let (result, weight) = run(12, fails, early_stopping);
        assert!(matches!(&result, Err(Error::NotFinite { value, .. }) if value.is_nan()), "{result:?}");
        assert_eq!(weight, best);
    }
}

/// Not a test of its own: the run whose lines the next test reads.
#[test]
fn child() {
    if std::env::var("CANDLELIGHT_TEST_CHILD").is_ok() {
        println!(); // libtest has begun a line of its own
        let rule = StoppingRule::Patience { patience: 3, min_delta: 0.0 };
        let config = FitConfig { epochs: 400, early_stopping: Some(rule), ..FitConfig::default() };
        let (history, ..) = overfit(config, &Params::new(0, &CPU).unwrap());
        println!("ran {}", history.epochs.len());
    }
}

#[test]
fn the_epoch_that_ends_a_run_has_a_line() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "early_stopping::child", "--nocapture", "--test-threads=1"])
        .env("CANDLELIGHT_TEST_CHILD", "")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let ran: usize = said.lines().find_map(|line| line.strip_prefix("ran ")).unwrap().parse().unwrap();
    assert!(!ran.is_multiple_of(20), "a line is due every 20 of 400 epochs, whether or not the run ends there");
    let last = said.lines().rfind(|line| line.starts_with("epoch ")).unwrap();
    assert!(last.starts_with(&format!("epoch {ran:>3}/400  ")) && last.ends_with("  left 0.0 s"), "{last}");
}

#[test]
fn there_must_be_something_to_watch() {
    let params = Params::new(0, &CPU).unwrap();
    let model = linear(1, 1, params.clone()).unwrap();
    let x = Tensor::ones((4, 1), DType::F32, &CPU).unwrap();
    let data = Dataset::new(&x, &x).unwrap();
    let before = flat(&model.forward(&x, Mode::Eval).unwrap());
    let rule = |patience| Some(StoppingRule::Patience { patience, min_delta: 0.0 });
    for config in [
        FitConfig { early_stopping: rule(1), ..FitConfig::default() },
        FitConfig { restore_best: Some(params.clone()), ..FitConfig::default() },
        FitConfig { early_stopping: rule(0), ..FitConfig::default() },
    ] {
        let mut sgd = Sgd::new(params.trainable(), SgdConfig::default()).unwrap();
        let test = (config.early_stopping == rule(0)).then_some(&data);
        let error = fit(&model, &mut sgd, mse, &data, test, &config, &mut seeded(0)).unwrap_err();
        assert!(matches!(error, Error::Setting { name: "validation" | "patience", .. }), "{error}");
    }
    assert_eq!(flat(&model.forward(&x, Mode::Eval).unwrap()), before);
}

proptest! {
    #[test]
    fn every_rule_is_its_definition(
        losses in proptest::collection::vec((1u32..40, 1u32..40), 0..40),
        n in 1usize..5,
        strip in 1usize..6,
        alpha in 0.0f64..60.0,
    ) {
        // Few different values, so that equal losses occur.
        let (train, validation): (Vec<f64>, Vec<f64>) =
            losses.iter().map(|(a, b)| (f64::from(*a) / 8.0, f64::from(*b) / 8.0)).unzip();
        for rule in [
            StoppingRule::Patience { patience: n, min_delta: 0.0 },
            StoppingRule::Patience { patience: n, min_delta: alpha / 30.0 },
            StoppingRule::GeneralizationLoss { alpha: 10.0 * alpha },
            StoppingRule::ProgressQuotient { alpha: alpha / 20.0, strip },
            StoppingRule::SuccessiveIncrease { strips: n, strip },
        ] {
            prop_assert_eq!(stop(rule, &train, &validation), by_definition(rule, &train, &validation), "{:?}", rule);
        }
    }
}
