//! Learning-rate schedules against PyTorch's, and gradient clipping.

use candlelight::candle_core::backprop::GradStore;
use candlelight::optim::ParamGroup;
use candlelight::optim::schedule::*;
use candlelight::optim::*;
use candlelight::prelude::*;
use candlelight::state::Stateful;
use candlelight_tests::{Case, assert_close, fixture, flat, number};

/// Two groups at PyTorch's rates of the fixture.
fn optimizer() -> Sgd {
    let params = Params::new(0, &Device::Cpu).unwrap();
    params.var("a", 1, Init::Constant(0.0)).unwrap();
    params.var("b", 1, Init::Constant(0.0)).unwrap();
    let mut a = params.trainable();
    let b = a.split_off(1);
    let group = |params, lr| ParamGroup { lr: Some(lr), ..ParamGroup::new(params) };
    Sgd::with_groups(vec![group(a, 0.5), group(b, 0.02)], SgdConfig::default()).unwrap()
}

fn schedule(case: &Case) -> Box<dyn Schedule> {
    let settings = &case.0["settings"];
    let real = |key: &str| settings[key].as_f64().unwrap();
    let whole = |key: &str| settings[key].as_u64().unwrap();
    match case.subject() {
        "step" => Box::new(StepLr::new(whole("step_size"), real("gamma")).unwrap()),
        "multistep" => {
            let milestones = settings["milestones"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap());
            Box::new(MultiStepLr::new(milestones.collect::<Vec<_>>(), real("gamma")).unwrap())
        }
        "exponential" => Box::new(ExponentialLr::new(real("gamma")).unwrap()),
        "cosine" => Box::new(CosineAnnealingLr::new(whole("T_max"), real("eta_min")).unwrap()),
        "linear" => Box::new(LinearLr::new(real("start_factor"), real("end_factor"), whole("total_iters")).unwrap()),
        "warmup" => {
            let then = CosineAnnealingLr::new(whole("T_max"), 0.0).unwrap();
            Box::new(Warmup::new(real("start_factor"), whole("total_iters"), then).unwrap())
        }
        "onecycle" => {
            let linear = settings["anneal_strategy"] == "linear";
            let config = OneCycleLrConfig {
                max_lr: real("max_lr"),
                total_steps: whole("total_steps"),
                pct_start: real("pct_start"),
                anneal_strategy: if linear { AnnealStrategy::Linear } else { AnnealStrategy::Cos },
                div_factor: real("div_factor"),
                final_div_factor: real("final_div_factor"),
                three_phase: settings["three_phase"].as_bool().unwrap(),
            };
            Box::new(OneCycleLr::new(config).unwrap())
        }
        other => panic!("{other}"),
    }
}

fn rows(case: &Case) -> Vec<[f64; 2]> {
    let rows = case.0["rates"].as_array().unwrap().iter();
    rows.map(|row| [row[0].as_f64().unwrap(), row[1].as_f64().unwrap()]).collect()
}

#[track_caller]
fn assert_rates(what: &str, actual: &[f64], expected: [f64; 2]) {
    assert_eq!(actual.len(), 2);
    for (actual, expected) in actual.iter().zip(expected) {
        assert!((actual - expected).abs() <= 1e-12, "{what}: {actual}, expected {expected}");
    }
}

#[test]
fn forty_steps_follow_pytorch() {
    let cases: Vec<_> = fixture("schedule").into_iter().filter(|case| case.subject() != "plateau").collect();
    assert_eq!(cases.len(), 11);
    for case in cases {
        let mut sgd = optimizer();
        let mut scheduler = LrScheduler::new(schedule(&case), &mut sgd).unwrap();
        for (step, expected) in rows(&case).into_iter().enumerate() {
            assert_rates(
                &format!("{} {} at {step}", case.0["name"], case.0["settings"]),
                &sgd.learning_rates(),
                expected,
            );
            scheduler.step(&mut sgd).unwrap();
        }
        assert_eq!(scheduler.last_epoch(), 40);
    }
}

#[test]
fn reduction_on_a_plateau_follows_pytorch_and_goes_on_from_its_state() {
    let cases: Vec<_> = fixture("schedule").into_iter().filter(|case| case.subject() == "plateau").collect();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let settings = &case.0["settings"];
        let real = |key: &str| settings[key].as_f64().unwrap();
        let whole = |key: &str| settings[key].as_u64().unwrap();
        let config = ReduceLrOnPlateauConfig {
            mode: if settings["mode"] == "min" { PlateauMode::Min } else { PlateauMode::Max },
            factor: real("factor"),
            patience: whole("patience"),
            threshold: real("threshold"),
            threshold_mode: if settings["threshold_mode"] == "rel" { ThresholdMode::Rel } else { ThresholdMode::Abs },
            cooldown: whole("cooldown"),
            min_lr: real("min_lr"),
            eps: real("eps"),
        };
        let mut sgd = optimizer();
        let mut plateau = ReduceLrOnPlateau::new(config).unwrap();
        let metrics = case.0["metrics"].as_array().unwrap().iter().map(|metric| metric.as_f64().unwrap());
        for (step, (metric, expected)) in metrics.zip(rows(&case)).enumerate() {
            assert_rates(&format!("plateau {settings} at {step}"), &sgd.learning_rates(), expected);
            let mut resumed = ReduceLrOnPlateau::new(config).unwrap();
            resumed.load_state(&plateau.state().unwrap()).unwrap();
            plateau = resumed;
            plateau.step(metric, &mut sgd).unwrap();
        }
    }
}

#[test]
fn plateau_defaults_are_pytorchs() {
    let config = ReduceLrOnPlateauConfig::default();
    assert_eq!((config.factor, config.patience, config.threshold, config.cooldown), (0.1, 10, 1e-4, 0));
    assert_eq!((config.mode, config.threshold_mode), (PlateauMode::Min, ThresholdMode::Rel));
    assert_eq!((config.min_lr, config.eps), (0.0, 1e-8));
    let config = OneCycleLrConfig::default();
    assert_eq!((config.pct_start, config.div_factor, config.final_div_factor), (0.3, 25.0, 1e4));
    assert!(!config.three_phase && config.anneal_strategy == AnnealStrategy::Cos);
}

/// A warm-up of 3 steps, then a fall at 4 and at 8.
fn warmed_up(sgd: &mut Sgd) -> LrScheduler {
    let then = MultiStepLr::new([4, 8], 0.5).unwrap();
    LrScheduler::new(Warmup::new(0.1, 3, then).unwrap(), sgd).unwrap()
}

#[test]
fn a_scheduler_goes_on_from_its_state() {
    let mut sgd = optimizer();
    let mut scheduler = warmed_up(&mut sgd);
    for _ in 0..7 {
        scheduler.step(&mut sgd).unwrap();
    }
    let mut other_sgd = optimizer();
    let mut other = warmed_up(&mut other_sgd);
    other_sgd.load_state(&sgd.state().unwrap()).unwrap();
    other.load_state(&scheduler.state().unwrap()).unwrap();
    for _ in 7..15 {
        scheduler.step(&mut sgd).unwrap();
        other.step(&mut other_sgd).unwrap();
        assert_eq!(sgd.learning_rates(), other_sgd.learning_rates());
    }
    assert_eq!(sgd.learning_rates(), [0.125, 0.005]);
}

#[test]
fn a_scheduler_made_after_its_optimizer_was_restored_goes_on_as_well() {
    let mut sgd = optimizer();
    let mut scheduler = warmed_up(&mut sgd);
    for step in 0..12 {
        let mut other_sgd = optimizer();
        other_sgd.load_state(&sgd.state().unwrap()).unwrap();
        let mut other = warmed_up(&mut other_sgd);
        other.load_state(&scheduler.state().unwrap()).unwrap();
        other.apply(&mut other_sgd).unwrap();
        assert_eq!(other_sgd.learning_rates(), sgd.learning_rates(), "before step {step}");
        scheduler.step(&mut sgd).unwrap();
        other.step(&mut other_sgd).unwrap();
        assert_eq!(other_sgd.learning_rates(), sgd.learning_rates(), "after step {step}");
    }
}

#[test]
fn a_schedulers_state_is_all_or_nothing() {
    let mut sgd = optimizer();
    let mut scheduler = LrScheduler::new(ExponentialLr::new(0.5).unwrap(), &mut sgd).unwrap();
    scheduler.step(&mut sgd).unwrap();
    let good = scheduler.state().unwrap();
    for (name, value, expected) in [
        ("last_epoch", Some("-1"), "state `last_epoch` cannot be \"-1\""),
        ("last_epoch", None, "state `last_epoch` is missing"),
        ("base_lrs.1", None, "state `base_lrs.1` is missing"),
        ("base_lrs.1", Some("NaN"), "state `base_lrs.1` must be finite and at least 0, got NaN"),
        ("base_lrs.2", Some("0.1"), "state `base_lrs` must be for 2 groups, got 3 entries"),
    ] {
        let mut state = good.clone();
        match value {
            Some(value) => state.set(name, value),
            None => drop(state.values.remove(name)),
        }
        assert_eq!(scheduler.load_state(&state).unwrap_err().to_string(), expected);
        assert_eq!(scheduler.state().unwrap().values, good.values);
    }
}

#[test]
fn counts_at_their_end_stay_there() {
    let mut sgd = optimizer();
    let mut scheduler = LrScheduler::new(Warmup::new(0.1, 3, StepLr::new(2, 0.5).unwrap()).unwrap(), &mut sgd).unwrap();
    let mut state = scheduler.state().unwrap();
    state.set("last_epoch", u64::MAX);
    scheduler.load_state(&state).unwrap();
    scheduler.step(&mut sgd).unwrap();
    assert_eq!((scheduler.last_epoch(), sgd.learning_rates()), (u64::MAX, vec![0.0, 0.0]));

    let config = ReduceLrOnPlateauConfig { patience: u64::MAX, ..ReduceLrOnPlateauConfig::default() };
    let mut plateau = ReduceLrOnPlateau::new(config).unwrap();
    plateau.step(1.0, &mut sgd).unwrap();
    let mut state = plateau.state().unwrap();
    state.set("num_bad_epochs", u64::MAX);
    plateau.load_state(&state).unwrap();
    plateau.step(2.0, &mut sgd).unwrap();
    assert_eq!(plateau.state().unwrap().get::<u64>("num_bad_epochs").unwrap(), u64::MAX);
}

#[test]
fn schedules_refuse_settings_outside_their_range() {
    let cycle = OneCycleLrConfig::default();
    let plateau = ReduceLrOnPlateauConfig::default();
    let step = StepLr::new(1, 1.0).unwrap();
    for (error, expected) in [
        (StepLr::new(0, 0.1).unwrap_err(), "step_size must be at least 1, got 0"),
        (StepLr::new(1, f64::NAN).unwrap_err(), "gamma must be finite and at least 0, got NaN"),
        (
            MultiStepLr::new([3, 2], 0.1).unwrap_err(),
            "milestones must be a rising list of at least one step, got [3, 2]",
        ),
        (MultiStepLr::new([], 0.1).unwrap_err(), "milestones must be a rising list of at least one step, got []"),
        (ExponentialLr::new(-0.1).unwrap_err(), "gamma must be finite and at least 0, got -0.1"),
        (CosineAnnealingLr::new(0, 0.0).unwrap_err(), "T_max must be at least 1, got 0"),
        (CosineAnnealingLr::new(1, -1.0).unwrap_err(), "eta_min must be finite and at least 0, got -1"),
        (LinearLr::new(0.1, f64::INFINITY, 3).unwrap_err(), "end_factor must be finite and at least 0, got inf"),
        (LinearLr::new(0.1, 1.0, 0).unwrap_err(), "total_iters must be at least 1, got 0"),
        (Warmup::new(1.5, 3, step).unwrap_err(), "start_factor must be in [0, 1], got 1.5"),
        (Warmup::new(0.5, 0, step).unwrap_err(), "total_iters must be at least 1, got 0"),
        (
            OneCycleLr::new(OneCycleLrConfig { max_lr: f64::NAN, ..cycle }).unwrap_err(),
            "max_lr must be finite and at least 0, got NaN",
        ),
        (
            OneCycleLr::new(OneCycleLrConfig { total_steps: 0, ..cycle }).unwrap_err(),
            "total_steps must be at least 1, got 0",
        ),
        (
            OneCycleLr::new(OneCycleLrConfig { pct_start: 1.5, ..cycle }).unwrap_err(),
            "pct_start must be in [0, 1], got 1.5",
        ),
        (
            OneCycleLr::new(OneCycleLrConfig { div_factor: 0.0, ..cycle }).unwrap_err(),
            "div_factor must be finite and above 0, got 0",
        ),
        (
            ReduceLrOnPlateau::new(ReduceLrOnPlateauConfig { factor: 1.0, ..plateau }).unwrap_err(),
            "factor must be in [0, 1), got 1",
        ),
        (
            ReduceLrOnPlateau::new(ReduceLrOnPlateauConfig { eps: -1.0, ..plateau }).unwrap_err(),
            "eps must be finite and at least 0, got -1",
        ),
    ] {
        assert_eq!(error.to_string(), expected);
    }
    // A schedule of one's own can be wrong too; the scheduler then stays where it is.
    #[derive(Debug)]
    struct Falling;
    impl Schedule for Falling {
        fn rate(&self, base_lr: f64, step: u64) -> f64 {
            base_lr - step as f64
        }
    }
    let mut sgd = optimizer();
    let mut scheduler = LrScheduler::new(Falling, &mut sgd).unwrap();
    assert!(scheduler.step(&mut sgd).is_err());
    assert_eq!((scheduler.last_epoch(), sgd.learning_rates()), (0, vec![0.5, 0.02]));
}

#[test]
fn no_schedule_panics_at_its_edges() {
    for total_steps in 1..5 {
        for pct_start in [0.0, 0.2, 0.5, 1.0] {
            for three_phase in [false, true] {
                let config = OneCycleLrConfig { total_steps, pct_start, three_phase, ..OneCycleLrConfig::default() };
                let schedule = OneCycleLr::new(config).unwrap();
                for step in (0..8).chain([u64::MAX]) {
                    let rate = schedule.rate(0.1, step);
                    assert!((0.0..=0.01).contains(&rate), "{config:?} at {step}: {rate}");
                }
            }
        }
    }
    assert_eq!(ExponentialLr::new(0.5).unwrap().rate(1.0, u64::MAX), 0.0);
    assert_eq!(StepLr::new(1, 0.0).unwrap().rate(1.0, 0), 1.0);
}

/// Two parameters with the gradients of the fixture.
fn to_clip(case: &Case, dtype: DType) -> (Params, GradStore) {
    let params = Params::with_dtype(0, dtype, &Device::Cpu).unwrap();
    let mut gradients = GradStore::default();
    for key in ["a", "b"] {
        let gradient = case.f64(key).to_dtype(dtype).unwrap();
        let var = params.var(key, gradient.shape(), Init::Constant(0.0)).unwrap();
        gradients.insert(&var, gradient);
    }
    (params, gradients)
}

#[test]
fn clipped_gradients_are_pytorchs() {
    let case = fixture("optim").into_iter().find(|case| case.subject() == "clip").unwrap();
    for (dtype, tolerance) in [(DType::F64, 1e-9), (DType::F32, 1.3e-6)] {
        for what in ["norm 2.5", "norm 1000.0", "value 0.75"] {
            let (params, mut gradients) = to_clip(&case, dtype);
            let (kind, limit) = what.split_once(' ').unwrap();
            let limit = limit.parse().unwrap();
            if kind == "norm" {
                let norm = clip_grad_norm(&mut gradients, &params.trainable(), limit, true).unwrap();
                assert!((norm / number(&case.f64("norm")) - 1.0).abs() < tolerance);
            } else {
                clip_grad_value(&mut gradients, &params.trainable(), limit).unwrap();
            }
            for key in ["a", "b"] {
                let clipped = gradients.get(&params.get(key).unwrap()).unwrap();
                assert_eq!(clipped.dtype(), dtype);
                assert_close(&format!("{what} {key}"), clipped, &case.f64(&format!("{what} {key}")), tolerance, 1e-9);
            }
        }
    }
}

#[test]
fn the_norm_is_that_of_all_elements_at_any_stride_and_dtype() {
    let gradient = candlelight::rng::normal(&mut seeded(0), 0.0, 3.0, (101, 99), DType::F64, &Device::Cpu).unwrap();
    let expected = flat(&gradient).iter().map(|g| g * g).sum::<f64>().sqrt();
    let norm = |gradient: Tensor| {
        let params = Params::new(0, &Device::Cpu).unwrap();
        let x = params.var("x", gradient.shape(), Init::Constant(0.0)).unwrap();
        let mut gradients = GradStore::default();
        gradients.insert(&x, gradient);
        clip_grad_norm(&mut gradients, &params.trainable(), 1.0, true).unwrap()
    };
    for (gradient, tolerance) in [
        (gradient.clone(), 1e-12),
        (gradient.t().unwrap(), 1e-12),
        (gradient.to_dtype(DType::F32).unwrap(), 1e-6),
        (gradient.to_dtype(DType::BF16).unwrap(), 1e-2),
    ] {
        let (what, norm) = (format!("{gradient:?}"), norm(gradient));
        assert!((norm / expected - 1.0).abs() < tolerance, "{what}: {norm}, expected {expected}");
    }
}

#[test]
fn a_norm_that_is_not_finite_is_refused_on_demand() {
    let case = fixture("optim").into_iter().find(|case| case.subject() == "clip").unwrap();
    let (params, mut gradients) = to_clip(&case, DType::F64);
    let a = params.get("a").unwrap();
    gradients.insert(&a, (a.ones_like().unwrap() * f64::NAN).unwrap());
    let before = flat(gradients.get(&params.get("b").unwrap()).unwrap());
    let error = clip_grad_norm(&mut gradients, &params.trainable(), 1.0, true).unwrap_err();
    assert!(matches!(error, Error::GradientNorm { value } if value.is_nan()));
    assert_eq!(flat(gradients.get(&params.get("b").unwrap()).unwrap()), before);
    // PyTorch lets the NaN pass into all of them.
    assert!(clip_grad_norm(&mut gradients, &params.trainable(), 1.0, false).unwrap().is_nan());
    assert!(flat(gradients.get(&params.get("b").unwrap()).unwrap()).iter().all(|g| g.is_nan()));
    clip_grad_value(&mut gradients, &params.trainable(), 1.0).unwrap();
    assert!(flat(gradients.get(&a).unwrap()).iter().all(|g| g.is_nan()));
}

#[test]
fn clipping_refuses_what_does_not_fit() {
    let case = fixture("optim").into_iter().find(|case| case.subject() == "clip").unwrap();
    let (params, mut gradients) = to_clip(&case, DType::F64);
    for limit in [-1.0, f64::NAN] {
        assert!(matches!(
            clip_grad_norm(&mut gradients, &params.trainable(), limit, false),
            Err(Error::Setting { name: "max_norm", .. })
        ));
        assert!(matches!(
            clip_grad_value(&mut gradients, &params.trainable(), limit),
            Err(Error::Setting { name: "clip_value", .. })
        ));
    }
    let before = flat(gradients.get(&params.get("a").unwrap()).unwrap());
    clip_grad_norm(&mut gradients, &params.trainable(), f64::INFINITY, true).unwrap();
    assert_eq!(flat(gradients.get(&params.get("a").unwrap()).unwrap()), before);
    gradients.remove(&params.get("b").unwrap());
    for result in [
        clip_grad_norm(&mut gradients, &params.trainable(), 0.1, false).map(drop),
        clip_grad_value(&mut gradients, &params.trainable(), 0.1),
    ] {
        assert!(matches!(result, Err(Error::MissingGradient { name }) if name == "b"));
    }
    assert_eq!(flat(gradients.get(&params.get("a").unwrap()).unwrap()), before);
}
