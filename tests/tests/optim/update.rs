//! The update in place against the one composed of tensor operations; groups, states and what a step refuses.

use candlelight::candle_core::backprop::GradStore;
use candlelight::optim::ParamGroup;
use candlelight::optim::*;
use candlelight::params::Param;
use candlelight::prelude::*;
use candlelight::state::{State, Stateful};
use candlelight_tests::elsewhere::{batch, is_composed};
use candlelight_tests::{assert_close, elsewhere, everywhere, flat, here, number, strided};
use proptest::prelude::{ProptestConfig, any, prop_assert_eq, proptest};

const NAMES: [&str; 13] = [
    "sgd",
    "momentum",
    "nesterov",
    "rmsprop",
    "rmsprop momentum",
    "rmsprop centred",
    "rmsprop both",
    "adagrad",
    "adadelta",
    "adam",
    "amsgrad",
    "adamw",
    "adamw amsgrad",
];

/// Each rule with each memory it can have, and a decay.
fn make(name: &str, groups: Vec<ParamGroup>, composed: bool) -> Box<dyn Optimizer> {
    fn boxed<T: Optimizer + 'static>(
        optimizer: Result<T>,
        compose: impl Fn(T) -> Result<T>,
        composed: bool,
    ) -> Box<dyn Optimizer> {
        let optimizer = optimizer.unwrap();
        Box::new(if composed { compose(optimizer).unwrap() } else { optimizer })
    }
    let (lr, weight_decay) = (0.05, 0.1);
    let sgd = SgdConfig { lr, weight_decay, ..SgdConfig::default() };
    let momentum = SgdConfig { momentum: 0.9, ..sgd };
    let rms = RmsPropConfig { lr, weight_decay, ..RmsPropConfig::default() };
    let adam = AdamConfig { lr, weight_decay, ..AdamConfig::default() };
    let adamw = AdamWConfig { lr, weight_decay, ..AdamWConfig::default() };
    let sgd_of = |groups, config| boxed(Sgd::with_groups(groups, config), Sgd::composed, composed);
    let rms_of = |groups, config| boxed(RmsProp::with_groups(groups, config), RmsProp::composed, composed);
    let adam_of = |groups, config| boxed(Adam::with_groups(groups, config), Adam::composed, composed);
    let adamw_of = |groups, config| boxed(AdamW::with_groups(groups, config), AdamW::composed, composed);
    match name {
        "sgd" => sgd_of(groups, sgd),
        "momentum" => sgd_of(groups, SgdConfig { dampening: 0.2, ..momentum }),
        "nesterov" => sgd_of(groups, SgdConfig { nesterov: true, ..momentum }),
        "rmsprop" => rms_of(groups, rms),
        "rmsprop momentum" => rms_of(groups, RmsPropConfig { momentum: 0.9, ..rms }),
        "rmsprop centred" => rms_of(groups, RmsPropConfig { centered: true, ..rms }),
        "rmsprop both" => rms_of(groups, RmsPropConfig { centered: true, momentum: 0.9, ..rms }),
        "adagrad" => {
            let config = AdagradConfig { lr, weight_decay, initial_accumulator_value: 0.1, ..AdagradConfig::default() };
            boxed(Adagrad::with_groups(groups, config), Adagrad::composed, composed)
        }
        "adadelta" => {
            let config = AdadeltaConfig { weight_decay, ..AdadeltaConfig::default() };
            boxed(Adadelta::with_groups(groups, config), Adadelta::composed, composed)
        }
        "adam" => adam_of(groups, adam),
        "amsgrad" => adam_of(groups, AdamConfig { amsgrad: true, ..adam }),
        "adamw" => adamw_of(groups, adamw),
        "adamw amsgrad" => adamw_of(groups, AdamWConfig { amsgrad: true, ..adamw }),
        other => panic!("{other}"),
    }
}

fn one_group(params: &Params) -> Vec<ParamGroup> {
    vec![ParamGroup::new(params.trainable())]
}

/// Parameters of these lengths, at random values.
fn random(lengths: &[usize], dtype: DType) -> Params {
    let params = Params::with_dtype(3, dtype, &here()).unwrap();
    for (i, &n) in lengths.iter().enumerate() {
        params.var(&format!("p{i}"), n, Init::Normal { mean: 0.0, std: 1.0 }).unwrap();
    }
    params
}

fn gradients(params: &Params, seed: u64) -> GradStore {
    let mut store = GradStore::default();
    let mut rng = seeded(seed);
    for Param { var, .. } in params.trainable() {
        let gradient = candlelight::rng::normal(&mut rng, 0.0, 1.0, var.shape(), var.dtype(), &here()).unwrap();
        store.insert(&var, gradient);
    }
    store
}

fn values(params: &Params) -> Tensor {
    let flat: Vec<Tensor> = params.trainable().iter().map(|param| param.var.flatten_all().unwrap()).collect();
    Tensor::cat(&flat, 0).unwrap()
}

#[test]
fn the_update_in_place_agrees_with_the_composed_one() {
    // On one thread, with a remainder that fills no vector, and enough for several threads.
    for lengths in [vec![1, 7], vec![8193, 3], vec![140_001, 1000, 16_385]] {
        let lengths: Vec<usize> = lengths.into_iter().map(|n| batch(n, 1)).collect();
        for (dtype, tolerance) in [(DType::F64, 1e-12), (DType::F32, 1e-5)] {
            for name in NAMES {
                let run = |composed| {
                    let params = random(&lengths, dtype);
                    let mut optimizer = make(name, one_group(&params), composed);
                    for step in 0..5 {
                        optimizer.step(&gradients(&params, step)).unwrap();
                    }
                    (values(&params), optimizer.state().unwrap())
                };
                // Another device takes the optimizer as it is.
                let ((fused, fused_state), (composed, composed_state)) = (run(false), elsewhere(|| run(is_composed())));
                // A centred variance near 0 loses digits, and its root is in the denominator.
                let tolerance =
                    if name.starts_with("rmsprop c") || name == "rmsprop both" { 50.0 * tolerance } else { tolerance };
                assert_close(&format!("{name} {dtype:?}"), &fused, &composed, tolerance, tolerance);
                assert_eq!(fused_state.values, composed_state.values);
                assert!(fused_state.tensors.keys().eq(composed_state.tensors.keys()), "{name}");
                for (key, tensor) in &fused_state.tensors {
                    assert_close(&format!("{name} {key}"), tensor, &composed_state.tensors[key], tolerance, tolerance);
                }
            }
        }
    }
}

#[test]
fn a_moment_whose_gradient_ended_becomes_zero() {
    // 0.9 of a subnormal number is rounded to itself: without care the moment stays at some 1e-45, at a hundred times the cost.
    let params = random(&[19], DType::F32);
    let mut adam = Adam::new(params.trainable(), AdamConfig { betas: (0.9, 0.9), ..AdamConfig::default() }).unwrap();
    adam.step(&gradients(&params, 0)).unwrap();
    let mut none = GradStore::default();
    for Param { var, .. } in params.trainable() {
        none.insert(&var, var.zeros_like().unwrap());
    }
    for step in 0..1500 {
        adam.step(&none).unwrap();
        for (key, moment) in adam.state().unwrap().tensors {
            assert!(
                flat(&moment).iter().all(|x| *x == 0.0 || x.abs() >= f64::from(f32::MIN_POSITIVE)),
                "{key}, {step}"
            );
        }
    }
    assert!(adam.state().unwrap().tensors.values().all(|moment| flat(moment).iter().all(|x| *x == 0.0)));
    assert!(flat(&values(&params)).iter().all(|x| x.is_finite()));
}

#[test]
fn one_thread_gives_the_bits_of_two() {
    // The pool's size is fixed when it is first used, so each count needs a process of its own.
    if std::env::var("OPTIM_THREADS").is_ok() {
        let params = random(&[100_003, 40_000, 17_001, 5], DType::F32);
        let mut adamw = make("adamw", one_group(&params), false);
        for step in 0..3 {
            adamw.step(&gradients(&params, step)).unwrap();
        }
        let bits = flat(&values(&params)).iter().fold(0u64, |hash, x| hash.rotate_left(5) ^ x.to_bits());
        println!("bits {bits}");
        return;
    }
    let run = |threads: &str| {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["update::one_thread_gives_the_bits_of_two", "--exact", "--nocapture"])
            .envs([("RAYON_NUM_THREADS", threads), ("OPTIM_THREADS", threads)])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().find_map(|line| Some(line.split_once("bits ")?.1.to_owned())).unwrap_or_else(|| panic!("{text}"))
    };
    assert_eq!(run("1"), run("2"));
}

#[test]
fn gradients_of_any_stride_and_those_that_are_the_parameter_itself_are_taken() {
    everywhere(|| {
        for name in NAMES {
            let step = |gradient: &dyn Fn(&Var) -> Tensor| {
                let params = Params::with_dtype(1, DType::F64, &here()).unwrap();
                let x = params.var("x", (3, 4), Init::Normal { mean: 0.0, std: 1.0 }).unwrap();
                let mut store = GradStore::default();
                store.insert(&x, gradient(&x));
                make(name, one_group(&params), is_composed()).step(&store).unwrap();
                flat(&x)
            };
            let plain = step(&|x| x.copy().unwrap());
            assert_eq!(plain, step(&|x| strided(&x.copy().unwrap())), "{name}");
            assert_eq!(plain, step(&|x| x.as_tensor().clone()), "{name}");
            assert_eq!(plain, step(&|x| x.detach()), "{name}");
            let ones = step(&|x| x.ones_like().unwrap());
            assert_eq!(ones, step(&|_| Tensor::new(1.0, &here()).unwrap().broadcast_as((3, 4)).unwrap()), "{name}");
        }
    });
}

#[test]
fn a_gradient_that_is_another_parameter_is_read_before_that_changes() {
    // Of x y it is y for x and x for y.
    let params = random(&[3, 3], DType::F64);
    let (x, y) = (params.get("p0").unwrap(), params.get("p1").unwrap());
    let (x_before, y_before) = (flat(&x), flat(&y));
    let mut store = GradStore::default();
    store.insert(&x, y.as_tensor().clone());
    store.insert(&y, x.as_tensor().clone());
    Sgd::new(params.trainable(), SgdConfig { lr: 0.5, ..SgdConfig::default() }).unwrap().step(&store).unwrap();
    for i in 0..3 {
        assert_eq!(flat(&x)[i], x_before[i] - 0.5 * y_before[i]);
        assert_eq!(flat(&y)[i], y_before[i] - 0.5 * x_before[i]);
    }
}

#[test]
fn other_dtypes_are_updated_by_tensor_operations() {
    let x = Var::new(&[1f32, -2.0], &Device::Cpu).unwrap();
    let half = Var::from_tensor(&x.to_dtype(DType::BF16).unwrap()).unwrap();
    let param = Param { name: "x".into(), var: half.clone(), trainable: true, buffer: false };
    let mut sgd = Sgd::new(vec![param], SgdConfig { lr: 0.5, momentum: 0.5, ..SgdConfig::default() }).unwrap();
    let mut store = GradStore::default();
    store.insert(&half, half.ones_like().unwrap());
    sgd.step(&store).unwrap();
    assert_eq!(flat(&half), [0.5, -2.5]);
    sgd.step(&store).unwrap();
    assert_eq!(flat(&half), [-0.25, -3.25]);
    assert_eq!(sgd.state().unwrap().tensors["x.momentum_buffer"].dtype(), DType::BF16);
}

#[test]
fn a_state_goes_on_bit_for_bit_and_is_all_or_nothing() {
    everywhere(|| {
        for name in NAMES {
            for composed in [false, true] {
                let groups = |params: &Params| {
                    let mut of = params.trainable();
                    let rest = ParamGroup { lr: Some(0.01), weight_decay: Some(0.0), params: of.split_off(1) };
                    vec![ParamGroup::new(of), rest]
                };
                let params = random(&[5, 6], DType::F32);
                let mut optimizer = make(name, groups(&params), composed);
                for step in 0..4 {
                    optimizer.step(&gradients(&params, step)).unwrap();
                }
                optimizer.set_learning_rates(&[0.02, 0.03]).unwrap();
                let (state, before) = (optimizer.state().unwrap(), values(&params).copy().unwrap());
                optimizer.step(&gradients(&params, 9)).unwrap();
                let after = flat(&values(&params));

                // A state is a copy: the step above has not changed it.
                let (a, b) = (before.narrow(0, 0, 5).unwrap(), before.narrow(0, 5, 6).unwrap());
                params.set("p0", &a).unwrap();
                params.set("p1", &b).unwrap();
                let mut other = make(name, groups(&params), composed);
                other.load_state(&state).unwrap();
                assert_eq!(other.learning_rates(), [0.02, 0.03]);
                other.step(&gradients(&params, 9)).unwrap();
                assert_eq!(flat(&values(&params)), after, "{name}");

                let shown =
                    |state: &State| (state.values.clone(), state.tensors.values().map(flat).collect::<Vec<_>>());
                let kept = shown(&other.state().unwrap());
                let refused = |change: &dyn Fn(&mut State), expected: &str| {
                    let mut broken = state.clone();
                    change(&mut broken);
                    let mut other = make(name, groups(&params), composed);
                    other.load_state(&optimizer.state().unwrap()).unwrap();
                    let error = other.load_state(&broken).unwrap_err();
                    assert!(matches!(error, Error::State { .. }));
                    assert_eq!(error.to_string(), expected);
                    assert_eq!(shown(&other.state().unwrap()), kept, "{name}");
                };
                refused(&|state| drop(state.values.remove("step")), "state `step` is missing");
                refused(&|state| state.set("step", "-1"), "state `step` cannot be \"-1\"");
                refused(
                    &|state| state.set("param_groups.1.lr", f64::NAN),
                    "state `param_groups.1.lr` must be finite and at least 0, got NaN",
                );
                refused(
                    &|state| state.set("param_groups.2.lr", 0.1),
                    "state `param_groups.2.lr` is nothing that this optimizer remembers",
                );
                let extra = Tensor::zeros(3, DType::F32, &here()).unwrap();
                refused(
                    &|state| drop(state.tensors.insert("q.exp_avg".into(), extra.clone())),
                    "state `q.exp_avg` is nothing that this optimizer remembers",
                );
                if let Some(last) = state.tensors.keys().next_back() {
                    refused(&|state| drop(state.tensors.remove(last)), &format!("state `{last}` is missing"));
                    refused(
                        &|state| drop(state.tensors.insert(last.clone(), extra.clone())),
                        &format!("state `{last}` expected F32 [6], got F32 [3]"),
                    );
                }
            }
        }
    });
}

#[test]
fn state_names_are_pytorchs() {
    let names = |name| {
        let params = random(&[1], DType::F32);
        make(name, one_group(&params), false).state().unwrap().tensors.into_keys().collect::<Vec<_>>()
    };
    assert!(names("sgd").is_empty());
    assert_eq!(names("momentum"), ["p0.momentum_buffer"]);
    assert_eq!(names("rmsprop both"), ["p0.grad_avg", "p0.momentum_buffer", "p0.square_avg"]);
    assert_eq!(names("adagrad"), ["p0.sum"]);
    assert_eq!(names("adadelta"), ["p0.acc_delta", "p0.square_avg"]);
    assert_eq!(names("adamw"), ["p0.exp_avg", "p0.exp_avg_sq"]);
    assert_eq!(names("amsgrad"), ["p0.exp_avg", "p0.exp_avg_sq", "p0.max_exp_avg_sq"]);
}

#[test]
fn what_does_not_fit_is_refused_before_anything_changes() {
    for name in NAMES {
        for composed in [false, true] {
            let params = random(&[4, 2], DType::F64);
            let mut optimizer = make(name, one_group(&params), composed);
            let before = (flat(&values(&params)), optimizer.state().unwrap().values);
            let mut with = |gradient: Option<Tensor>, expected: &str| {
                let mut store = gradients(&params, 0);
                let last = params.get("p1").unwrap();
                match gradient {
                    Some(gradient) => store.insert(&last, gradient),
                    None => store.remove(&last),
                };
                assert_eq!(optimizer.step(&store).unwrap_err().to_string(), expected, "{name}");
                assert_eq!((flat(&values(&params)), optimizer.state().unwrap().values), before);
            };
            with(
                None,
                "parameter `p1` has no gradient: the loss does not depend on it, or an operation on the way has no backward",
            );
            with(
                Some(Tensor::zeros(3, DType::F64, &Device::Cpu).unwrap()),
                "parameter `p1`: expected a gradient of F64 [2] on Cpu, got F64 [3] on Cpu",
            );
            with(
                Some(Tensor::zeros(2, DType::F32, &Device::Cpu).unwrap()),
                "parameter `p1`: expected a gradient of F64 [2] on Cpu, got F32 [2] on Cpu",
            );
        }
    }
}

#[test]
fn a_gradient_that_is_not_finite_passes_on() {
    everywhere(|| {
        for name in NAMES {
            let params = random(&[2], DType::F64);
            let mut store = GradStore::default();
            store.insert(&params.get("p0").unwrap(), Tensor::new(&[f64::NAN, 1.0], &here()).unwrap());
            make(name, one_group(&params), is_composed()).step(&store).unwrap();
            let after = flat(&values(&params));
            assert!(after[0].is_nan() && after[1].is_finite(), "{name}: {after:?}");
        }
    });
}

#[test]
fn centred_rmsprop_stays_finite_where_the_gradient_does_not_vary() {
    let lr = 1e-3;
    for (dtype, epsilon) in [(DType::F32, f64::from(f32::EPSILON)), (DType::F64, f64::EPSILON)] {
        for composed in [false, true] {
            let params = Params::with_dtype(0, dtype, &Device::Cpu).unwrap();
            let x = params.var("x", 1, Init::Constant(0.0)).unwrap();
            let config = RmsPropConfig { lr, centered: true, ..RmsPropConfig::default() };
            let mut rmsprop = RmsProp::new(params.trainable(), config).unwrap();
            if composed {
                rmsprop = rmsprop.composed().unwrap();
            }
            let mut gradient = GradStore::default();
            gradient.insert(&x, Tensor::full(0.1, 1, &Device::Cpu).unwrap().to_dtype(dtype).unwrap());
            let (mut before, mut moved) = (0.0, 0.0);
            for step in 0..4000 {
                rmsprop.step(&gradient).unwrap();
                let now = number(&x);
                assert!(now.is_finite(), "{dtype:?}, composed {composed}: {now} at step {step}");
                (before, moved) = (now, before - now);
            }
            // The variance has fallen below what v resolves: r = √(ε_dtype v) + ε with v = g².
            let expected = lr * 0.1 / (epsilon.sqrt() * 0.1 + config.eps);
            assert!((moved / expected - 1.0).abs() < 0.02, "{dtype:?}, composed {composed}: {moved}, not {expected}");
        }
    }
}

#[test]
fn a_count_at_its_end_stays_there() {
    for name in NAMES {
        for composed in [false, true] {
            let params = random(&[3], DType::F32);
            let mut optimizer = make(name, one_group(&params), composed);
            optimizer.step(&gradients(&params, 1)).unwrap();
            let mut state = optimizer.state().unwrap();
            state.set("step", u64::MAX);
            optimizer.load_state(&state).unwrap();
            for step in 2..5 {
                optimizer.step(&gradients(&params, step)).unwrap();
            }
            assert_eq!(optimizer.state().unwrap().get::<u64>("step").unwrap(), u64::MAX, "{name}");
            assert!(
                flat(&values(&params)).iter().all(|value| value.is_finite()),
                "{name}: {:?}",
                flat(&values(&params))
            );
        }
    }
}

#[test]
fn groups_are_checked() {
    let params = random(&[2, 3], DType::F32);
    let one = params.trainable().remove(0);
    let refused = |groups, expected: &str| {
        assert_eq!(AdamW::with_groups(groups, AdamWConfig::default()).unwrap_err().to_string(), expected);
    };
    let twice = "parameter `p0`: is given to the optimizer twice";
    refused(vec![ParamGroup::new(vec![one.clone(), one.clone()])], twice);
    refused(vec![ParamGroup::new(params.trainable()), ParamGroup::new(vec![one.clone()])], twice);
    let renamed = Param { name: "other".into(), ..one.clone() };
    let twice = "parameter `other`: is given to the optimizer twice";
    refused(vec![ParamGroup::new(vec![one.clone(), renamed])], twice);
    refused(vec![ParamGroup::new(vec![])], "params must be at least one parameter, got none");
    refused(vec![], "params must be at least one parameter, got none");
    let group = || ParamGroup::new(params.trainable());
    refused(vec![ParamGroup { lr: Some(-1.0), ..group() }], "lr must be finite and at least 0, got -1");
    refused(
        vec![ParamGroup { weight_decay: Some(f64::NAN), ..group() }],
        "weight_decay must be finite and at least 0, got NaN",
    );
    let adamw = AdamW::with_groups(vec![ParamGroup { lr: Some(0.5), ..group() }], AdamWConfig::default()).unwrap();
    assert_eq!((adamw.learning_rate(), adamw.config().lr, adamw.config().eps), (0.5, 0.5, 1e-8));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the shape and the split into groups: a step of plain descent is θ - ηg, to the bit.
    #[test]
    fn plain_descent_is_one_subtraction(lengths in proptest::collection::vec(0usize..40, 1..6), seed in any::<u64>()) {
        let params = random(&lengths, DType::F64);
        let store = gradients(&params, seed);
        let mut expected = vec![];
        for Param { var, .. } in params.trainable() {
            let gradient = flat(store.get(&var).unwrap());
            expected.extend(flat(&var).iter().zip(gradient).map(|(theta, g)| theta - g * 0.25));
        }
        let groups = params.trainable().into_iter().map(|param| ParamGroup::new(vec![param])).collect();
        Sgd::with_groups(groups, SgdConfig { lr: 0.25, ..SgdConfig::default() }).unwrap().step(&store).unwrap();
        prop_assert_eq!(flat(&values(&params)), expected);
    }
}
