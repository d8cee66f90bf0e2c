//! Optimizers against PyTorch's trajectories and on functions with a known minimum.

use std::sync::Arc;

use candlelight::candle_core::backprop::GradStore;
use candlelight::candle_core::{self, CpuStorage, CustomOp1, Layout, Shape};
use candlelight::loss::mse;
use candlelight::optim::ParamGroup;
use candlelight::optim::*;
use candlelight::prelude::*;
use candlelight_tests::{Case, assert_close, everywhere, fixture, here, number, store};
use serde_json::Value;

fn make(case: &Case, params: &Params) -> Box<dyn Optimizer> {
    let settings = &case.0["settings"];
    let number = |key: &str| settings[key].as_f64().unwrap_or_else(|| panic!("{key} of {}", case.0["name"]));
    let flag = |key: &str| settings[key] == Value::Bool(true);
    let (lr, weight_decay) = (number("lr"), number("weight_decay"));
    let betas = || (settings["betas"][0].as_f64().unwrap(), settings["betas"][1].as_f64().unwrap());
    let groups = match settings.get("bias") {
        None => vec![ParamGroup::new(params.trainable())],
        Some(of_bias) => {
            let (bias, weight) = params.trainable().into_iter().partition(|param| param.name == "bias");
            let (lr, weight_decay) = (of_bias["lr"].as_f64(), of_bias["weight_decay"].as_f64());
            vec![ParamGroup::new(weight), ParamGroup { params: bias, lr, weight_decay }]
        }
    };
    match case.subject() {
        "sgd" => {
            let (momentum, dampening, nesterov) = (number("momentum"), number("dampening"), flag("nesterov"));
            let config = SgdConfig { lr, momentum, dampening, weight_decay, nesterov };
            Box::new(Sgd::with_groups(groups, config).unwrap())
        }
        "adam" => {
            let (eps, amsgrad) = (number("eps"), flag("amsgrad"));
            let config = AdamConfig { lr, betas: betas(), eps, weight_decay, amsgrad, correct_bias: true };
            Box::new(Adam::with_groups(groups, config).unwrap())
        }
        "adamw" => {
            let (eps, amsgrad) = (number("eps"), flag("amsgrad"));
            let config = AdamWConfig { lr, betas: betas(), eps, weight_decay, amsgrad };
            Box::new(AdamW::with_groups(groups, config).unwrap())
        }
        "rmsprop" => {
            let (alpha, eps, momentum, centered) =
                (number("alpha"), number("eps"), number("momentum"), flag("centered"));
            let config = RmsPropConfig { lr, alpha, eps, weight_decay, momentum, centered };
            Box::new(RmsProp::with_groups(groups, config).unwrap())
        }
        "adagrad" => {
            let (lr_decay, eps, initial_accumulator_value) =
                (number("lr_decay"), number("eps"), number("initial_accumulator_value"));
            let config = AdagradConfig { lr, lr_decay, weight_decay, initial_accumulator_value, eps };
            Box::new(Adagrad::with_groups(groups, config).unwrap())
        }
        "adadelta" => {
            let config = AdadeltaConfig { lr, rho: number("rho"), eps: number("eps"), weight_decay };
            Box::new(Adadelta::with_groups(groups, config).unwrap())
        }
        other => panic!("{other}"),
    }
}

#[test]
fn fifty_steps_follow_pytorch() {
    everywhere(|| {
        let cases: Vec<_> =
            fixture("optim").into_iter().filter(|case| !matches!(case.subject(), "clip" | "lbfgs")).collect();
        assert_eq!(cases.len(), 30);
        for case in cases {
            let at = |name: &str| case.f64(name).to_device(&here()).unwrap();
            let params = store(DType::F64);
            let weight = params.var("weight", (3, 4), Init::Constant(0.0)).unwrap();
            let bias = params.var("bias", 3, Init::Constant(0.0)).unwrap();
            params.set("weight", &at("weight")).unwrap();
            params.set("bias", &at("bias")).unwrap();
            let mut optimizer = make(&case, &params);
            let expected = case.f64("trajectory");
            let mut rows = (0..expected.dim(0).unwrap()).map(|row| expected.get(row).unwrap());
            for step in 0..50 {
                if step == 30 {
                    let halved: Vec<f64> = optimizer.learning_rates().into_iter().map(|lr| lr * 0.5).collect();
                    optimizer.set_learning_rates(&halved).unwrap();
                }
                let output = at("x").matmul(&weight.t().unwrap()).unwrap().broadcast_add(&bias).unwrap();
                optimizer.backward_step(&mse(&output, &at("y")).unwrap()).unwrap();
                if step % 7 == 0 {
                    let actual = Tensor::cat(&[&weight.flatten_all().unwrap(), &bias], 0).unwrap();
                    let what = format!("{} {} after step {step}", case.0["name"], case.0["settings"]);
                    assert_close(&what, &actual, &rows.next().unwrap(), 1e-9, 1e-9);
                }
            }
            assert!(rows.next().is_none());
        }
    });
}

/// One optimizer of each kind, at rates that suit the function.
fn all(params: &Params, sgd: f64, momentum: f64, adam: f64) -> Vec<(&'static str, Box<dyn Optimizer>)> {
    let params = || params.trainable();
    let adam_config = AdamConfig { lr: adam, ..AdamConfig::default() };
    let rmsprop = RmsPropConfig { lr: sgd, centered: true, ..RmsPropConfig::default() };
    // Its steps only shorten, so it starts with long ones.
    let adagrad = AdagradConfig { lr: 10.0 * adam, ..AdagradConfig::default() };
    // Likewise; but once they are long, they stay so.
    let (lr, eps) = if adam > 0.05 { (1.0, 1e-4) } else { (0.1, 1e-6) };
    let adadelta = AdadeltaConfig { lr, eps, ..AdadeltaConfig::default() };
    let sgd_config = SgdConfig { lr: sgd, ..SgdConfig::default() };
    let heavy = SgdConfig { lr: momentum, momentum: 0.9, ..SgdConfig::default() };
    let nesterov = SgdConfig { nesterov: true, ..heavy };
    let adamw = AdamWConfig { lr: adam, weight_decay: 0.0, ..AdamWConfig::default() };
    vec![
        ("sgd", Box::new(Sgd::new(params(), sgd_config).unwrap())),
        ("momentum", Box::new(Sgd::new(params(), heavy).unwrap())),
        ("nesterov", Box::new(Sgd::new(params(), nesterov).unwrap())),
        ("adam", Box::new(Adam::new(params(), adam_config).unwrap())),
        ("amsgrad", Box::new(Adam::new(params(), AdamConfig { amsgrad: true, ..adam_config }).unwrap())),
        ("adamw", Box::new(AdamW::new(params(), adamw).unwrap())),
        ("rmsprop", Box::new(RmsProp::new(params(), rmsprop).unwrap())),
        ("adagrad", Box::new(Adagrad::new(params(), adagrad).unwrap())),
        ("adadelta", Box::new(Adadelta::new(params(), adadelta).unwrap())),
    ]
}

#[test]
fn a_parabola_is_descended_to_its_minimum() {
    let params = store(DType::F64);
    let x = params.var("x", 2, Init::Constant(0.0)).unwrap();
    let minimum = Tensor::new(&[3.0f64, -1.0], &Device::Cpu).unwrap();
    for (name, mut optimizer) in all(&params, 0.1, 0.05, 0.1) {
        x.set(&Tensor::new(&[-4.0f64, 5.0], &Device::Cpu).unwrap()).unwrap();
        for _ in 0..1000 {
            optimizer.backward_step(&(x.as_tensor() - &minimum).unwrap().sqr().unwrap().sum_all().unwrap()).unwrap();
        }
        assert_close(name, &x, &minimum, 0.0, 1e-6);
    }
}

#[test]
fn plain_descent_on_a_parabola_is_a_geometric_series() {
    let params = store(DType::F64);
    let x = params.var("x", (), Init::Constant(1.0)).unwrap();
    let mut sgd = Sgd::new(params.trainable(), SgdConfig { lr: 0.1, ..SgdConfig::default() }).unwrap();
    for step in 1..=20 {
        sgd.backward_step(&x.sqr().unwrap()).unwrap();
        assert!((number(&x) - 0.8f64.powi(step)).abs() < 1e-12);
    }
}

#[test]
fn rosenbrocks_valley_is_followed_to_its_end() {
    let params = store(DType::F64);
    let (x, y) = (params.var("x", (), Init::Constant(0.0)).unwrap(), params.var("y", (), Init::Constant(0.0)).unwrap());
    let f = || -> Result<Tensor> {
        let valley = (y.as_tensor() - x.sqr()?)?.sqr()?;
        Ok(((1.0 - x.as_tensor())?.sqr()? + (valley * 100.0)?)?)
    };
    for (name, mut optimizer) in all(&params, 1e-3, 1e-3, 0.02) {
        x.set(&Tensor::new(-1.2f64, &Device::Cpu).unwrap()).unwrap();
        y.set(&Tensor::new(1.0f64, &Device::Cpu).unwrap()).unwrap();
        for _ in 0..20_000 {
            optimizer.backward_step(&f().unwrap()).unwrap();
        }
        let (x, y) = (number(&x), number(&y));
        // Adadelta's steps do not get shorter near the end: PyTorch's too only comes near.
        let tolerance = if name == "adadelta" { 0.05 } else { 1e-3 };
        assert!((x - 1.0).abs() < tolerance && (y - 1.0).abs() < 2.0 * tolerance, "{name}: ({x}, {y})");
    }
}

#[test]
fn defaults_are_pytorchs() {
    let sgd = SgdConfig::default();
    assert_eq!((sgd.lr, sgd.momentum, sgd.dampening, sgd.weight_decay, sgd.nesterov), (1e-3, 0.0, 0.0, 0.0, false));
    let adam = AdamConfig::default();
    assert_eq!((adam.lr, adam.betas, adam.eps, adam.weight_decay), (1e-3, (0.9, 0.999), 1e-8, 0.0));
    let adamw = AdamWConfig::default();
    assert_eq!((adamw.lr, adamw.betas, adamw.eps, adamw.weight_decay), (1e-3, (0.9, 0.999), 1e-8, 1e-2));
    assert!(!adam.amsgrad && !adamw.amsgrad);
    let rms = RmsPropConfig::default();
    assert_eq!((rms.lr, rms.alpha, rms.eps), (1e-2, 0.99, 1e-8));
    assert_eq!((rms.weight_decay, rms.momentum, rms.centered), (0.0, 0.0, false));
    let adagrad = AdagradConfig::default();
    assert_eq!((adagrad.lr, adagrad.lr_decay, adagrad.weight_decay), (1e-2, 0.0, 0.0));
    assert_eq!((adagrad.initial_accumulator_value, adagrad.eps), (0.0, 1e-10));
    let adadelta = AdadeltaConfig::default();
    assert_eq!((adadelta.lr, adadelta.rho, adadelta.eps, adadelta.weight_decay), (1.0, 0.9, 1e-6, 0.0));
}

#[test]
fn decay_in_the_loss_equals_weight_decay_for_sgd_and_not_for_adam() {
    // One step from 2.0 with loss x and penalty λx², against weight_decay 2λ.
    let step = |make: &dyn Fn(Vec<candlelight::params::Param>) -> Box<dyn Optimizer>, lambda: f64| {
        let params = store(DType::F64);
        let x = params.var("x", (), Init::Constant(2.0)).unwrap();
        let penalty = (x.sqr().unwrap() * lambda).unwrap();
        make(params.trainable()).backward_step(&(x.as_tensor() + penalty).unwrap()).unwrap();
        number(&x)
    };
    let sgd = |weight_decay| {
        move |params| -> Box<dyn Optimizer> {
            Box::new(Sgd::new(params, SgdConfig { lr: 0.1, weight_decay, ..SgdConfig::default() }).unwrap())
        }
    };
    let adamw = |weight_decay| {
        move |params| -> Box<dyn Optimizer> {
            Box::new(AdamW::new(params, AdamWConfig { lr: 0.1, weight_decay, ..AdamWConfig::default() }).unwrap())
        }
    };
    assert!((step(&sgd(0.0), 0.3) - step(&sgd(0.6), 0.0)).abs() < 1e-15);
    assert!((step(&adamw(0.0), 0.3) - step(&adamw(0.6), 0.0)).abs() > 0.1);
}

#[test]
fn a_missing_gradient_is_refused_before_anything_changes() {
    let params = store(DType::F64);
    let used = params.var("used", (), Init::Constant(1.0)).unwrap();
    params.pp("head").var("unused", (), Init::Constant(1.0)).unwrap();
    for (name, mut optimizer) in all(&params, 0.1, 0.1, 0.1) {
        let result = optimizer.backward_step(&used.sqr().unwrap());
        assert!(matches!(&result, Err(Error::MissingGradient { name }) if name == "head.unused"), "{name}: {result:?}");
        assert_eq!(number(&used), 1.0);
    }
}

#[test]
fn buffers_and_parameters_left_out_do_not_change() {
    let params = store(DType::F64);
    let (a, b) = (params.var("a", (), Init::Constant(1.0)).unwrap(), params.var("b", (), Init::Constant(1.0)).unwrap());
    let buffer = params.buffer("c", (), Init::Constant(1.0)).unwrap();
    let only_a: Vec<_> = params.trainable().into_iter().filter(|param| param.name == "a").collect();
    let mut sgd = Sgd::new(only_a, SgdConfig { lr: 0.1, ..SgdConfig::default() }).unwrap();
    sgd.backward_step(&((a.as_tensor() * b.as_tensor()).unwrap() * buffer.as_tensor()).unwrap()).unwrap();
    assert_eq!((number(&a), number(&b), number(&buffer)), (0.9, 1.0, 1.0));
}

/// Copies its input, and counts the graphs it is part of.
struct Witness {
    _graph: Arc<()>,
}

impl CustomOp1 for Witness {
    fn name(&self) -> &'static str {
        "witness"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        Ok((storage.clone(), layout.shape().clone()))
    }
}

#[test]
fn the_state_does_not_hold_the_graphs_of_past_steps() {
    let params = store(DType::F64);
    let x = params.var("x", 3, Init::Constant(1.0)).unwrap();
    let decaying = SgdConfig { lr: 1e-3, momentum: 0.9, weight_decay: 0.1, ..SgdConfig::default() };
    let mut optimizers = all(&params, 1e-3, 1e-3, 1e-3);
    optimizers.push(("decaying", Box::new(Sgd::new(params.trainable(), decaying).unwrap())));
    for (name, mut optimizer) in optimizers {
        let witness = Arc::new(());
        for _ in 0..3 {
            let mut gradients = GradStore::default();
            gradients.insert(&x, x.apply_op1(Witness { _graph: witness.clone() }).unwrap());
            optimizer.step(&gradients).unwrap();
        }
        assert_eq!(Arc::strong_count(&witness), 1, "{name}");
    }
}

#[test]
fn settings_outside_their_range_are_typed_errors() {
    let params = store(DType::F64);
    params.var("x", (), Init::Constant(1.0)).unwrap();
    let sgd = SgdConfig::default();
    for (config, expected) in [
        (SgdConfig { lr: -1.0, ..sgd }, "lr must be finite and at least 0, got -1"),
        (SgdConfig { lr: f64::NAN, ..sgd }, "lr must be finite and at least 0, got NaN"),
        (SgdConfig { momentum: -0.1, ..sgd }, "momentum must be finite and at least 0, got -0.1"),
        (SgdConfig { dampening: 1.5, ..sgd }, "dampening must be in [0, 1], got 1.5"),
        (SgdConfig { weight_decay: f64::INFINITY, ..sgd }, "weight_decay must be finite and at least 0, got inf"),
        (
            SgdConfig { nesterov: true, ..sgd },
            "nesterov must be used with a momentum above 0 and no dampening, got momentum 0 and dampening 0",
        ),
    ] {
        assert_eq!(Sgd::new(params.trainable(), config).unwrap_err().to_string(), expected);
    }
    let adam = AdamConfig::default();
    for (config, expected) in [
        (AdamConfig { lr: -1.0, ..adam }, "lr must be finite and at least 0, got -1"),
        (AdamConfig { betas: (1.0, 0.999), ..adam }, "betas must be each in [0, 1), got (1.0, 0.999)"),
        (AdamConfig { betas: (0.9, -0.1), ..adam }, "betas must be each in [0, 1), got (0.9, -0.1)"),
        (AdamConfig { eps: -1e-8, ..adam }, "eps must be finite and at least 0, got -0.00000001"),
        (AdamConfig { weight_decay: -1.0, ..adam }, "weight_decay must be finite and at least 0, got -1"),
    ] {
        assert_eq!(Adam::new(params.trainable(), config).unwrap_err().to_string(), expected);
        let AdamConfig { lr, betas, eps, weight_decay, amsgrad, .. } = config;
        let decoupled = AdamWConfig { lr, betas, eps, weight_decay, amsgrad };
        assert_eq!(AdamW::new(params.trainable(), decoupled).unwrap_err().to_string(), expected);
    }
    let rms = RmsPropConfig::default();
    for (config, expected) in [
        (RmsPropConfig { lr: f64::NAN, ..rms }, "lr must be finite and at least 0, got NaN"),
        (RmsPropConfig { alpha: 1.1, ..rms }, "alpha must be in [0, 1], got 1.1"),
        (RmsPropConfig { momentum: -1.0, ..rms }, "momentum must be finite and at least 0, got -1"),
        (RmsPropConfig { eps: f64::NAN, ..rms }, "eps must be finite and at least 0, got NaN"),
    ] {
        assert_eq!(RmsProp::new(params.trainable(), config).unwrap_err().to_string(), expected);
    }
    let adagrad = AdagradConfig::default();
    for (config, expected) in [
        (AdagradConfig { lr_decay: -1.0, ..adagrad }, "lr_decay must be finite and at least 0, got -1"),
        (AdagradConfig { eps: -1.0, ..adagrad }, "eps must be finite and at least 0, got -1"),
        (
            AdagradConfig { initial_accumulator_value: -1.0, ..adagrad },
            "initial_accumulator_value must be finite and at least 0, got -1",
        ),
    ] {
        assert_eq!(Adagrad::new(params.trainable(), config).unwrap_err().to_string(), expected);
    }
    let adadelta = AdadeltaConfig { rho: -0.5, ..AdadeltaConfig::default() };
    assert_eq!(Adadelta::new(params.trainable(), adadelta).unwrap_err().to_string(), "rho must be in [0, 1], got -0.5");
    for (name, mut optimizer) in all(&params, 0.1, 0.1, 0.1) {
        let before = optimizer.learning_rate();
        assert!(optimizer.set_learning_rate(-0.5).is_err(), "{name}");
        assert!(optimizer.set_learning_rates(&[0.1, 0.1]).is_err(), "{name}");
        assert_eq!(optimizer.learning_rate(), before);
        optimizer.set_learning_rate(0.0).unwrap();
    }
    assert!(matches!(Sgd::new(vec![], sgd), Err(Error::Setting { name: "params", .. })));
    assert!(matches!(Adam::new(vec![], adam), Err(Error::Setting { name: "params", .. })));
    let mut optimizer = Sgd::new(params.trainable(), sgd).unwrap();
    let vector = params.get("x").unwrap().broadcast_as(2).unwrap();
    assert!(matches!(optimizer.backward_step(&vector), Err(Error::Shape { what: "loss", .. })));
}

#[test]
fn a_loaded_state_goes_on_bit_for_bit() {
    for kind in 0..9 {
        let run = |interrupted: bool| {
            let params = store(DType::F64);
            let x = params.var("x", 3, Init::Constant(1.5)).unwrap();
            let make = || all(&params, 0.01, 0.01, 0.1).remove(kind).1;
            let mut optimizer = make();
            for step in 0..20 {
                if step == 11 && interrupted {
                    let state = optimizer.state().unwrap();
                    optimizer = make();
                    optimizer.load_state(&state).unwrap();
                }
                optimizer.set_learning_rate(if step < 5 { 0.02 } else { optimizer.learning_rate() }).unwrap();
                optimizer.backward_step(&x.sin().unwrap().sum_all().unwrap()).unwrap();
            }
            candlelight_tests::flat(&x)
        };
        assert_eq!(run(false), run(true), "optimizer {kind}");
    }
}

#[test]
fn test_functions_have_their_gradients_and_minima() {
    let functions = [
        TestFunction::Quadratic { condition: 25.0, angle: 0.0 },
        TestFunction::Quadratic { condition: 25.0, angle: 0.7 },
        TestFunction::Rosenbrock,
        TestFunction::Beale,
    ];
    for f in functions {
        assert!(f.value(f.minimum()).abs() < 1e-15 && f.gradient(f.minimum()).iter().all(|g| g.abs() < 1e-12), "{f:?}");
        for [x, y] in [[0.3, -0.8], [-1.2, 1.0], [2.0, 0.1], [3.5, 0.7]] {
            let h = 1e-6;
            let by_x = (f.value([x + h, y]) - f.value([x - h, y])) / (2.0 * h);
            let by_y = (f.value([x, y + h]) - f.value([x, y - h])) / (2.0 * h);
            for (gradient, difference) in f.gradient([x, y]).into_iter().zip([by_x, by_y]) {
                assert!((gradient - difference).abs() < 1e-5 * difference.abs().max(1.0), "{f:?} at {x}, {y}");
            }
            assert!(f.value([x, y]) > 0.0);
        }
    }
    // Values worked out by hand.
    assert!((TestFunction::Rosenbrock.value([-1.2, 1.0]) - 24.2).abs() < 1e-12);
    assert_eq!(TestFunction::Beale.value([1.0, 1.0]), 1.5f64.powi(2) + 2.25f64.powi(2) + 2.625f64.powi(2));
    // Turned by 90°, the steep axis is x.
    let turned = TestFunction::Quadratic { condition: 25.0, angle: std::f64::consts::FRAC_PI_2 };
    assert!((turned.value([1.0, 0.0]) - 12.5).abs() < 1e-12 && (turned.value([0.0, 1.0]) - 0.5).abs() < 1e-12);
}

#[test]
fn a_path_is_that_of_the_optimizer() {
    let f = TestFunction::Rosenbrock;
    let config = AdamConfig { lr: 0.05, ..AdamConfig::default() };
    let path = f.path([-1.2, 1.0], 30, |params| Adam::new(params, config)).unwrap();
    let params = store(DType::F64);
    let (x, y) =
        (params.var("x", (), Init::Constant(-1.2)).unwrap(), params.var("y", (), Init::Constant(1.0)).unwrap());
    let mut adam = Adam::new(params.trainable(), config).unwrap();
    for (step, point) in path.iter().enumerate() {
        assert!((number(&x) - point[0]).abs() < 1e-9 && (number(&y) - point[1]).abs() < 1e-9, "step {step}");
        let valley = (y.as_tensor() - x.sqr().unwrap()).unwrap().sqr().unwrap();
        let loss = ((1.0 - x.as_tensor()).unwrap().sqr().unwrap() + (valley * 100.0).unwrap()).unwrap();
        adam.backward_step(&loss).unwrap();
    }
    assert_eq!(path.len(), 31);
}

#[test]
fn adam_without_correction_starts_with_other_steps() {
    let first = |correct_bias| {
        let params = store(DType::F64);
        let x = params.var("x", (), Init::Constant(1.0)).unwrap();
        let config = AdamConfig { lr: 0.01, correct_bias, ..AdamConfig::default() };
        let mut adam = Adam::new(params.trainable(), config).unwrap();
        let mut steps = vec![];
        for _ in 0..20_000 {
            let before = number(&x);
            adam.backward_step(&(x.as_tensor() * 5.0).unwrap()).unwrap();
            steps.push(before - number(&x));
        }
        (steps[0], steps[19_999])
    };
    // (1 - β₁) / √(1 - β₂) = √10 times η; in the end both make steps of η.
    assert!((first(true).0 - 0.01).abs() < 1e-8 && (first(false).0 - 0.01 * 10f64.sqrt()).abs() < 1e-8);
    assert!((first(true).1 - 0.01).abs() < 1e-8 && (first(false).1 / 0.01 - 1.0).abs() < 1e-6);
    assert!(AdamConfig::default().correct_bias);
}

#[test]
fn a_boxed_optimizer_is_the_one_in_the_box() {
    let config = AdamConfig { lr: 0.05, ..AdamConfig::default() };
    let start = [-1.2, 1.0];
    let plain = TestFunction::Rosenbrock.path(start, 20, |params| Adam::new(params, config)).unwrap();
    let boxed = TestFunction::Rosenbrock
        .path(start, 20, |params| Ok(Box::new(Adam::new(params, config)?) as Box<dyn Optimizer>))
        .unwrap();
    assert_eq!(plain, boxed);
    let params = store(DType::F64);
    params.var("x", (), Init::Constant(1.0)).unwrap();
    let mut boxed: Box<dyn Optimizer> = Box::new(Adam::new(params.trainable(), config).unwrap());
    let generic: &mut dyn Optimizer = &mut boxed;
    generic.set_learning_rate(0.5).unwrap();
    let state = generic.state().unwrap();
    generic.set_learning_rate(0.1).unwrap();
    generic.load_state(&state).unwrap();
    assert_eq!(boxed.learning_rates(), [0.5]);
}
