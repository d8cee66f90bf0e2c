//! Normalization against PyTorch, finite differences and stock Candle.

use candlelight::autograd::value_and_grad;
use candlelight::kernels::{Instructions, composed};
use candlelight::nn::{
    Activation, BatchNorm1d, BatchNorm2d, BatchNormConfig, GroupNorm, GroupNormConfig, InstanceNorm1d, InstanceNorm2d,
    InstanceNormConfig, LayerNorm, LayerNormConfig, Mode, Module, Sequential, batch_norm1d, batch_norm2d, group_norm,
    instance_norm2d, layer_norm,
};
use candlelight::prelude::*;
use candlelight_tests::elsewhere::{batch, cases};
use candlelight_tests::{Case, assert_close, elsewhere, everywhere, fixture, flat, gradient, here, store, strided};
use proptest::prelude::{ProptestConfig, proptest};

/// What batch normalization takes in its own pass.
const KINKS: [Activation; 2] = [Activation::Relu, Activation::LeakyRelu { negative_slope: 0.3 }];

fn zeros(dims: &[usize]) -> Tensor {
    Tensor::zeros(dims, DType::F32, &Device::Cpu).unwrap()
}

/// The layer of a case, with its parameters and buffers in a store.
fn layer(case: &Case) -> (Box<dyn Module>, Params) {
    let params = store(case.dtype());
    let x = case.f64("x");
    let channels = x.dims().get(1).copied().unwrap_or(0);
    let number = || case.0["name"].as_str().unwrap().rsplit(' ').next().unwrap().parse::<usize>().unwrap();
    let option = case.option().unwrap();
    let batch = || match option {
        "cumulative" => BatchNormConfig { momentum: None, ..Default::default() },
        "plain" => BatchNormConfig { affine: false, momentum: Some(0.3), eps: 1e-3, ..Default::default() },
        "untracked" => BatchNormConfig { track_running_stats: false, ..Default::default() },
        _ => BatchNormConfig::default(),
    };
    let instance = || InstanceNormConfig {
        affine: option != "default",
        track_running_stats: option == "tracked",
        momentum: Some(0.3),
        ..Default::default()
    };
    let layer: Box<dyn Module> = match case.subject() {
        "batch_norm1d" => Box::new(BatchNorm1d::new(channels, batch(), params.clone()).unwrap()),
        "batch_norm2d" => Box::new(BatchNorm2d::new(channels, batch(), params.clone()).unwrap()),
        "instance_norm1d" => Box::new(InstanceNorm1d::new(channels, instance(), params.clone()).unwrap()),
        "instance_norm2d" => Box::new(InstanceNorm2d::new(channels, instance(), params.clone()).unwrap()),
        "group_norm" => {
            let config = match option {
                "plain" => GroupNormConfig { affine: false, eps: 1e-3 },
                _ => GroupNormConfig::default(),
            };
            Box::new(GroupNorm::new(number(), channels, config, params.clone()).unwrap())
        }
        "layer_norm" => {
            let config = LayerNormConfig {
                elementwise_affine: option != "plain",
                bias: option != "unbiased",
                eps: if option == "plain" { 1e-3 } else { 1e-5 },
            };
            Box::new(LayerNorm::new(&x.dims()[x.rank() - number()..], config, params.clone()).unwrap())
        }
        other => panic!("{other}"),
    };
    (layer, params)
}

#[test]
fn agrees_with_pytorch() {
    everywhere(|| {
        for case in fixture("norm").into_iter().chain(fixture("batch_norm")) {
            let (layer, params) = layer(&case);
            let mode = if case.0["name"].as_str().unwrap().ends_with("eval") { Mode::Eval } else { Mode::Train };
            let x = Var::from_tensor(&case.tensor("x")).unwrap();
            for param in params.all() {
                let key = if param.trainable { param.name.clone() } else { format!("before_{}", param.name) };
                params.set(&param.name, &case.tensor(&key)).unwrap();
            }
            let trainable = params.trainable();
            let mut inputs: Vec<(&str, &Var)> =
                trainable.iter().map(|param| (param.name.as_str(), &param.var)).collect();
            inputs.push(("x", &x));
            let forward = |x: &Tensor| match case.option() {
                Some("relu") => layer.forward_then(x, mode, Activation::Relu),
                _ => layer.forward(x, mode),
            };
            let buffers = || params.all().into_iter().filter(|param| !param.trainable);
            let run = |forward: &dyn Fn() -> Result<Tensor>| {
                for param in buffers() {
                    params.set(&param.name, &case.tensor(&format!("before_{}", param.name))).unwrap();
                }
                case.check(&forward().unwrap(), &inputs);
                for param in buffers() {
                    let (rtol, atol) = if case.dtype() == DType::F64 { (1e-12, 1e-12) } else { (1.3e-6, 1e-6) };
                    let expected = case.f64(&format!("after_{}", param.name));
                    assert_close(&format!("{}: {}", case.0["name"], param.name), &param.var, &expected, rtol, atol);
                }
            };
            run(&|| forward(&x));
            run(&|| forward(&strided(&x)));
            run(&|| composed(|| forward(&x)));
            case.check_every_way(|| forward(&x), &inputs);
        }
    });
}

fn layers(params: &Params) -> Vec<(Box<dyn Module>, Mode, Vec<usize>)> {
    let untracked = BatchNormConfig { track_running_stats: false, ..Default::default() };
    let tracked = InstanceNormConfig { affine: true, track_running_stats: true, ..Default::default() };
    vec![
        (Box::new(batch_norm1d(3, params.pp("a")).unwrap()), Mode::Train, vec![4, 3]),
        (Box::new(batch_norm1d(3, params.pp("b")).unwrap()), Mode::Eval, vec![4, 3]),
        (Box::new(batch_norm1d(2, params.pp("c")).unwrap()), Mode::Train, vec![2, 2, 3]),
        (Box::new(batch_norm2d(2, params.pp("d")).unwrap()), Mode::Train, vec![2, 2, 3, 2]),
        (Box::new(batch_norm2d(2, params.pp("e")).unwrap()), Mode::Eval, vec![1, 2, 3, 2]),
        (Box::new(BatchNorm2d::new(2, untracked, params.pp("f")).unwrap()), Mode::Eval, vec![2, 2, 1, 2]),
        (Box::new(layer_norm(5, params.pp("g")).unwrap()), Mode::Train, vec![2, 3, 5]),
        (Box::new(group_norm(2, 4, params.pp("h")).unwrap()), Mode::Train, vec![2, 4, 3]),
        (Box::new(instance_norm2d(2, params.pp("i")).unwrap()), Mode::Train, vec![2, 2, 3, 2]),
        (Box::new(InstanceNorm2d::new(2, tracked, params.pp("j")).unwrap()), Mode::Eval, vec![2, 2, 3, 2]),
    ]
}

#[test]
fn gradients_agree_with_finite_differences() {
    let params = store(DType::F64);
    for (i, (layer, mode, shape)) in layers(&params).into_iter().enumerate() {
        for param in params.trainable() {
            param.var.set(&gradient::input(i as u64, param.var.shape())).unwrap();
        }
        let x = gradient::input(9, shape);
        gradient::check(|x| layer.forward(&x[0], mode), std::slice::from_ref(&x))
            .unwrap_or_else(|e| panic!("{i}: {e}"));
        // With a kink: at these seeds no value is near 0.
        for after in [Activation::Relu, Activation::LeakyRelu { negative_slope: -0.4 }] {
            let joined = |x: &[Tensor]| layer.forward_then(&x[0], mode, after);
            gradient::check(joined, std::slice::from_ref(&x)).unwrap_or_else(|e| panic!("{i} {after:?}: {e}"));
        }
    }
}

/// The parameters of all layers.
fn store_of_all() -> Params {
    let params = store(DType::F64);
    layers(&params);
    params
}

#[test]
fn every_parameter_has_a_gradient() {
    // Of each layer by itself, the names of the parameters that have one.
    let all = |taped| {
        let mut names = Vec::new();
        let params = store(DType::F64);
        for (layer, mode, shape) in layers(&params) {
            let x = Var::from_tensor(&gradient::input(9, shape)).unwrap();
            let weights = gradient::input(3, x.shape());
            let loss = || Ok((layer.forward(&x, mode)? * &weights)?.sum_all()?);
            let gradients = if taped { value_and_grad(loss).unwrap().1 } else { loss().unwrap().backward().unwrap() };
            assert!(flat(gradients.get(&x).unwrap()).iter().all(|&g| g != 0.0));
            for param in params.trainable() {
                if let Some(gradient) = gradients.get(&param.var) {
                    assert!(flat(gradient).iter().all(|&g| g != 0.0), "{}", param.name);
                    names.push(param.name);
                }
            }
        }
        names
    };
    let names = all(true);
    assert_eq!(names.len(), store_of_all().trainable().len());
    assert_eq!(names, elsewhere(|| all(false)));
    assert_eq!(names, elsewhere(|| all(true)));
}

#[test]
fn sizes_of_real_nets_agree_with_the_composed_form() {
    type Make = fn(Params) -> Result<Box<dyn Module>>;
    let shapes: [(Make, Vec<usize>); 5] = [
        (|params| Ok(Box::new(batch_norm2d(13, params)?)), vec![9, 13, 28, 27]),
        (|params| Ok(Box::new(batch_norm1d(300, params)?)), vec![70, 300]),
        (|params| Ok(Box::new(layer_norm(257, params)?)), vec![300, 257]),
        (|params| Ok(Box::new(group_norm(4, 16, params)?)), vec![8, 16, 17, 19]),
        (|params| Ok(Box::new(layer_norm(5000, params)?)), vec![9, 5000]),
    ];
    for (make, mut shape) in shapes {
        shape[0] = batch(shape[0], shape[1..].iter().product());
        for after in [None, Some(Activation::Relu), Some(Activation::LeakyRelu { negative_slope: 0.3 })] {
            // The value, and the gradients of input, weight and bias.
            let run = || -> Vec<Tensor> {
                let params = store(DType::F64);
                let layer = make(params.clone()).unwrap();
                for param in params.trainable() {
                    param.var.set(&gradient::input(5, param.var.shape())).unwrap();
                }
                let x = Var::from_tensor(&gradient::input(1, shape.as_slice())).unwrap();
                let loss = || {
                    let y = match after {
                        Some(after) => layer.forward_then(&x, Mode::Train, after)?,
                        None => layer.forward(&x, Mode::Train)?,
                    };
                    Ok((y.sqr()? * 0.5)?.sum_all()?)
                };
                let (y, gradients) = value_and_grad(loss).unwrap();
                let vars = std::iter::once(x.clone()).chain(params.trainable().into_iter().map(|param| param.var));
                std::iter::once(y).chain(vars.map(|var| gradients.get(&var).unwrap().clone())).collect()
            };
            let (ours, plain) = (run(), elsewhere(run));
            assert_eq!((ours.len(), plain.len()), (4, 4));
            assert_close("value", &ours[0], &plain[0], 1e-11, 1e-11);
            for (what, (ours, plain)) in ["x", "weight", "bias"].iter().zip(ours[1..].iter().zip(&plain[1..])) {
                assert_close(what, ours, plain, 1e-9, 1e-9);
            }
        }
    }
}

/// Where the mean is large beside the standard deviation, mean(x²) - mean(x)² in F32 has no right digit.
#[test]
fn statistics_keep_their_digits() {
    // The composed form has its sums in F32.
    if Instructions::in_use() == Instructions::Base {
        return;
    }
    let noise = gradient::input(7, (8, 3, 20, 20));
    let far = (&noise + 4096.0).unwrap().to_dtype(DType::F32).unwrap();
    // What F32 can hold of it.
    let exact = (far.to_dtype(DType::F64).unwrap() - 4096.0).unwrap();
    for (f32, f64, far, exact) in [
        (
            Box::new(batch_norm2d(3, store(DType::F32)).unwrap()) as Box<dyn Module>,
            Box::new(batch_norm2d(3, store(DType::F64)).unwrap()) as Box<dyn Module>,
            far.clone(),
            exact.clone(),
        ),
        (
            Box::new(batch_norm1d(60, store(DType::F32)).unwrap()),
            Box::new(batch_norm1d(60, store(DType::F64)).unwrap()),
            far.reshape((160, 60)).unwrap(),
            exact.reshape((160, 60)).unwrap(),
        ),
        (
            Box::new(layer_norm(400, store(DType::F32)).unwrap()),
            Box::new(layer_norm(400, store(DType::F64)).unwrap()),
            far.reshape((24, 400)).unwrap(),
            exact.reshape((24, 400)).unwrap(),
        ),
    ] {
        let (y, expected) = (f32.forward(&far, Mode::Train).unwrap(), f64.forward(&exact, Mode::Train).unwrap());
        // The mean itself is rounded: half a unit of the last place of 4096 is 1/4096.
        assert_close("normalized", &y, &expected, 1e-5, 3e-4);
    }
    // Equal numbers have variance 0 exactly, so nothing but β is left.
    let equal = Tensor::full(10_000.1f32, (8, 3, 20, 20), &Device::Cpu).unwrap();
    let y = batch_norm2d(3, store(DType::F32)).unwrap().forward(&equal, Mode::Train).unwrap();
    assert!(flat(&y).iter().all(|&y| y == 0.0));
    let y = layer_norm(20, store(DType::F32)).unwrap().forward(&equal, Mode::Train).unwrap();
    assert!(flat(&y).iter().all(|&y| y == 0.0));
}

#[test]
fn evaluation_uses_what_training_gathered_and_changes_nothing() {
    let params = store(DType::F64);
    let layer = batch_norm2d(2, params.clone()).unwrap();
    let x = gradient::input(4, (16, 2, 5, 5));
    let train = layer.forward(&x, Mode::Train).unwrap();
    for _ in 0..200 {
        layer.forward(&x, Mode::Train).unwrap();
    }
    let before = params.all().iter().map(|param| flat(&param.var)).collect::<Vec<_>>();
    let eval = layer.forward(&x, Mode::Eval).unwrap();
    // Biased against unbiased variance: 1/800 of the standard deviation.
    assert_close("converged", &eval, &train, 2e-3, 1e-3);
    assert_eq!(params.all().iter().map(|param| flat(&param.var)).collect::<Vec<_>>(), before);
    assert_eq!(flat(&params.get("num_batches_tracked").unwrap()), [201.0]);
    // One sample by itself is fine here.
    let one = layer.forward(&x.narrow(0, 3, 1).unwrap(), Mode::Eval).unwrap();
    assert_close("alone", &one, &eval.narrow(0, 3, 1).unwrap(), 0.0, 0.0);
}

#[test]
fn statistics_of_a_data_set_are_those_of_one_batch_of_all_of_it() {
    let x = (gradient::input(4, (37, 3)) * 5.0).unwrap();
    let x = x.broadcast_add(&Tensor::new(&[100.0, -3.0, 0.0], &Device::Cpu).unwrap()).unwrap();
    let layer = batch_norm1d(3, store(DType::F64)).unwrap();
    let batches = [(0, 10), (10, 1), (11, 0), (11, 26)].map(|(start, n)| Ok(x.narrow(0, start, n)?));
    assert_eq!(layer.fit_statistics(batches).unwrap(), 37);
    let whole = batch_norm1d(3, store(DType::F64)).unwrap().forward(&x, Mode::Train).unwrap();
    assert_close("evaluation", &layer.forward(&x, Mode::Eval).unwrap(), &whole, 1e-12, 1e-12);

    let before = flat(layer.running_var().unwrap());
    layer.freeze(true).unwrap();
    let part = x.narrow(0, 5, 1).unwrap();
    let frozen = layer.forward(&part, Mode::Train).unwrap();
    assert_close("frozen", &frozen, &whole.narrow(0, 5, 1).unwrap(), 1e-12, 1e-12);
    assert_eq!(flat(layer.running_var().unwrap()), before);
    layer.freeze(false).unwrap();
    assert!(layer.forward(&part, Mode::Train).is_err());
    layer.forward(&x, Mode::Train).unwrap();
    assert_ne!(flat(layer.running_var().unwrap()), before);

    let none: [Result<Tensor>; 0] = [];
    assert!(matches!(layer.fit_statistics(none), Err(Error::Shape { .. })));
    let untracked = BatchNormConfig { track_running_stats: false, ..Default::default() };
    let untracked = BatchNorm1d::new(3, untracked, store(DType::F64)).unwrap();
    assert!(matches!(untracked.freeze(true), Err(Error::Setting { name: "track_running_stats", .. })));
    assert!(matches!(untracked.fit_statistics([Ok(x)]), Err(Error::Setting { .. })));
}

/// What makes a batch of a whole data set costly: the Jacobian of N inputs has N² entries, and is I minus a matrix of rank 2.
#[test]
fn the_gradient_of_a_sample_reaches_every_other() {
    let layer = batch_norm1d(1, store(DType::F64)).unwrap();
    let x = Var::from_tensor(&gradient::input(4, (6, 1))).unwrap();
    let y = layer.forward(&x, Mode::Train).unwrap();
    let gradients = y.narrow(0, 2, 1).unwrap().sum_all().unwrap().backward().unwrap();
    let row = flat(gradients.get(&x).unwrap());
    assert!(row.iter().all(|&g| g != 0.0));
    assert!(row.iter().sum::<f64>().abs() < 1e-12, "a shift of all changes nothing");
}

#[test]
fn a_sequential_joins_a_layer_and_its_activation() {
    let params = Params::new(0, &Device::Cpu).unwrap();
    let model = Sequential::new()
        .push(linear(5, 4, params.pp("fc")).unwrap())
        .push(batch_norm1d(4, params.pp("bn")).unwrap())
        .push(Activation::Relu)
        .push(batch_norm1d(4, params.pp("bn2")).unwrap())
        .push(Activation::LeakyRelu { negative_slope: 0.2 })
        .push(linear(4, 3, params.pp("fc2")).unwrap())
        .push(Activation::Tanh)
        .push(Activation::Sigmoid)
        .push(layer_norm(3, params.pp("ln")).unwrap())
        .push(Activation::Gelu);
    let x = gradient::input(8, (6, 5)).to_dtype(DType::F32).unwrap();
    for mode in [Mode::Train, Mode::Eval] {
        let before = flat(&params.get("bn.num_batches_tracked").unwrap());
        let joined = model.forward(&x, mode).unwrap();
        let apart = model.outputs(&x, mode).unwrap();
        assert_eq!(apart.len(), 10);
        if mode == Mode::Train {
            assert_eq!(flat(&joined), flat(&apart[9]));
            assert_eq!(flat(&params.get("bn.num_batches_tracked").unwrap())[0], before[0] + 2.0);
        }
        assert_close("joined", &joined, &apart[9], 1e-6, 1e-6);
    }
}

/// The bits of a tensor's numbers; all NaN are alike.
fn bits(x: &Tensor) -> Vec<u64> {
    flat(x).into_iter().map(|x| if x.is_nan() { u64::MAX } else { x.to_bits() }).collect()
}

/// What a row becomes does not depend on the rows that it is computed together with.
#[test]
fn a_row_has_the_same_bits_alone_and_among_others() {
    for dtype in [DType::F32, DType::F64] {
        for width in [1, 5, 8, 31, 100, 256, 257, 1024, 1025] {
            let layer = layer_norm(width, store(dtype)).unwrap();
            layer.weight().unwrap().set(&gradient::input(1, width).to_dtype(dtype).unwrap()).unwrap();
            layer.bias().unwrap().set(&gradient::input(2, width).to_dtype(dtype).unwrap()).unwrap();
            let (x, g) = (gradient::input(3, (11, width)), gradient::input(4, (11, width)));
            let (x, g) = (x.to_dtype(dtype).unwrap(), g.to_dtype(dtype).unwrap());
            let both = |first: usize, count: usize| {
                let x = Var::from_tensor(&x.narrow(0, first, count).unwrap()).unwrap();
                let mut output = None;
                let (_, gradients) = value_and_grad(|| {
                    let y = layer.forward(&x, Mode::Train)?;
                    output = Some(y.clone());
                    Ok((y * g.narrow(0, first, count)?)?.sum_all()?)
                })
                .unwrap();
                (bits(&output.unwrap()), bits(gradients.get(&x).unwrap()))
            };
            let all = both(0, 11);
            for row in 0..11 {
                let part = row * width..(row + 1) * width;
                let (y, dx) = both(row, 1);
                assert!(y == all.0[part.clone()] && dx == all.1[part], "{dtype:?}, row {row} of {width}");
            }
        }
    }
}

/// In one pass or in two: the same bits, of the output and of all gradients. With a slope of 0 it is not ReLU, which turns
/// -∞ into 0.
#[test]
fn an_activation_in_the_same_pass_changes_no_bit() {
    let slopes = [0.2, 0.0, -0.5, 1.7, 3.0, 1e-60];
    let activations = slopes.map(|negative_slope| Activation::LeakyRelu { negative_slope });
    for (dtype, i) in [(DType::F32, 0), (DType::F64, 1)] {
        let params = store(dtype);
        let layers: [(Box<dyn Module>, Vec<usize>); 4] = [
            (Box::new(batch_norm2d(5, params.pp("a")).unwrap()), vec![6, 5, 7, 9]),
            (Box::new(batch_norm1d(37, params.pp("b")).unwrap()), vec![20, 37]),
            (Box::new(batch_norm1d(3, params.pp("c")).unwrap()), vec![4, 3, 11]),
            (Box::new(batch_norm2d(64, params.pp("d")).unwrap()), vec![2, 64, 16, 16]),
        ];
        for param in params.all() {
            let value = gradient::input(i, param.var.shape());
            // A variance is not negative.
            let value = if param.trainable { value } else { (value.abs().unwrap() + 0.3).unwrap() };
            param.var.set(&value.to_dtype(dtype).unwrap()).unwrap();
        }
        for (layer, shape) in layers {
            for infinite in [false, true] {
                let mut numbers = flat(&gradient::input(7, shape.clone()));
                if infinite {
                    (numbers[1], numbers[2], numbers[3]) = (f64::INFINITY, f64::NEG_INFINITY, f64::NAN);
                }
                let x = Tensor::from_vec(numbers, shape.clone(), &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
                let x = Var::from_tensor(&x).unwrap();
                let weights = gradient::input(8, shape.clone()).to_dtype(dtype).unwrap();
                // In training, what is not finite would stay in the running statistics.
                let modes: &[Mode] = if infinite { &[Mode::Eval] } else { &[Mode::Train, Mode::Eval] };
                let cases =
                    activations.iter().chain(&KINKS).flat_map(|&after| modes.iter().map(move |&mode| (after, mode)));
                for (after, mode) in cases {
                    let run = |joined: bool| {
                        let mut output = None;
                        let (_, gradients) = value_and_grad(|| {
                            let y = match joined {
                                true => layer.forward_then(&x, mode, after)?,
                                false => after.forward(&layer.forward(&x, mode)?, mode)?,
                            };
                            output = Some(y.clone());
                            Ok((y * &weights)?.sum_all()?)
                        })
                        .unwrap();
                        (output.unwrap(), gradients)
                    };
                    let ((y, joined), (apart_y, apart)) = (run(true), run(false));
                    let name = format!("{dtype:?} {shape:?} {after:?} {mode:?} {infinite}");
                    assert_eq!(bits(&y), bits(&apart_y), "{name}");
                    // At NaN the derivative of the joined ReLU is 0, of the other 1; but all that meets it is NaN.
                    if infinite && after == Activation::Relu {
                        continue;
                    }
                    let trainable = params.trainable().into_iter().map(|param| param.var);
                    for var in [x.clone()].into_iter().chain(trainable) {
                        let (joined, apart) = (joined.get(&var), apart.get(&var));
                        assert_eq!(joined.map(bits), apart.map(bits), "{name}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_slope_that_is_not_a_number_is_refused_as_by_the_activation() {
    let x = zeros(&[2, 3]);
    for negative_slope in [f64::NAN, f64::INFINITY, 1e50] {
        let (layer, after) = (batch_norm1d(3, store(DType::F32)).unwrap(), Activation::LeakyRelu { negative_slope });
        let message = |result: Result<Tensor>| result.unwrap_err().to_string();
        assert_eq!(message(layer.forward_then(&x, Mode::Train, after)), message(after.forward(&x, Mode::Train)));
        assert_eq!(flat(layer.running_var().unwrap()), [1.0; 3], "refused before anything is counted");
    }
}

#[test]
fn bad_input_is_a_typed_error() {
    let params = Params::new(0, &Device::Cpu).unwrap();
    let two = batch_norm2d(3, params.pp("two")).unwrap();
    let one = batch_norm1d(3, params.pp("one")).unwrap();
    let refused = |layer: &dyn Module, dims: &[usize]| match layer.forward(&zeros(dims), Mode::Train) {
        Err(Error::Shape { actual, .. }) => assert_eq!(actual, dims),
        other => panic!("{other:?}"),
    };
    for dims in [&[2, 3][..], &[2, 4, 5, 5], &[3, 5, 5], &[], &[2, 3, 4, 4, 4]] {
        refused(&two, dims);
    }
    refused(&one, &[2, 3, 4, 4]);
    refused(&one, &[3]);
    refused(&layer_norm(4, params.pp("ln")).unwrap(), &[4, 3]);
    refused(&layer_norm(4, params.pp("ln2")).unwrap(), &[]);
    refused(&group_norm(1, 3, params.pp("gn")).unwrap(), &[2, 4]);
    refused(&group_norm(1, 3, params.pp("gn2")).unwrap(), &[3]);
    refused(&instance_norm2d(3, params.pp("in")).unwrap(), &[2, 3, 4]);
    refused(&instance_norm2d(3, params.pp("in2")).unwrap(), &[2, 3, 1, 1]);
    // One number for each channel, or none.
    for dims in [[1, 3, 1, 1], [0, 3, 4, 4]] {
        let message = two.forward(&zeros(&dims), Mode::Train).unwrap_err().to_string();
        assert!(message.contains("more than one number for each channel") && message.contains(&format!("{dims:?}")));
    }
    assert_eq!(two.forward(&zeros(&[1, 3, 1, 1]), Mode::Eval).unwrap().dims(), [1, 3, 1, 1]);
    assert_eq!(two.forward(&zeros(&[0, 3, 4, 4]), Mode::Eval).unwrap().dims(), [0, 3, 4, 4]);

    let f64 = zeros(&[2, 3, 4, 4]).to_dtype(DType::F64).unwrap();
    assert!(matches!(two.forward(&f64, Mode::Train), Err(Error::DType { actual: DType::F64, .. })));
    for eps in [-1.0, f64::NAN, f64::INFINITY] {
        let config = BatchNormConfig { eps, ..Default::default() };
        assert!(matches!(BatchNorm1d::new(3, config, params.pp("e")), Err(Error::Setting { name: "eps", .. })));
        let config = LayerNormConfig { eps, ..Default::default() };
        assert!(matches!(LayerNorm::new(&[3], config, params.pp("e")), Err(Error::Setting { name: "eps", .. })));
    }
    for momentum in [-0.1, 1.1, f64::NAN] {
        let config = BatchNormConfig { momentum: Some(momentum), ..Default::default() };
        assert!(matches!(BatchNorm1d::new(3, config, params.pp("m")), Err(Error::Setting { name: "momentum", .. })));
    }
    assert!(matches!(batch_norm1d(0, params.pp("z")), Err(Error::Setting { name: "num_features", .. })));
    assert!(matches!(group_norm(2, 3, params.pp("z")), Err(Error::Setting { name: "num_groups", .. })));
    assert!(matches!(group_norm(0, 3, params.pp("z")), Err(Error::Setting { name: "num_groups", .. })));
    for shape in [&[][..], &[2, 0]] {
        let result = LayerNorm::new(shape, LayerNormConfig::default(), params.pp("z"));
        assert!(matches!(result, Err(Error::Setting { name: "normalized_shape", .. })));
    }
    assert!(params.pp("z").names().is_empty() && params.pp("e").names().is_empty(), "nothing is left of what failed");
}

#[test]
fn a_nan_stays_one() {
    let mut data = vec![1.0f32; 24];
    data[3] = f32::NAN;
    let x = Tensor::from_vec(data, (2, 3, 2, 2), &Device::Cpu).unwrap();
    let layer = batch_norm2d(3, store(DType::F32)).unwrap();
    for after in KINKS {
        let y = flat(&layer.forward_then(&x, Mode::Train, after).unwrap());
        assert!((0..4).chain(12..16).all(|i| y[i].is_nan()) && y[4..12].iter().all(|y| !y.is_nan()), "{after:?}");
    }
}

/// If this fails, Candle has mended what `LayerNorm` is here for.
#[test]
fn stock_layer_norm_passes_no_gradient() {
    let x = Var::from_tensor(&gradient::input(4, (2, 3)).to_dtype(DType::F32).unwrap()).unwrap();
    let stock = candlelight::candle_nn::LayerNorm::new(zeros(&[3]).ones_like().unwrap(), zeros(&[3]), 1e-5);
    let stock = candlelight::candle_nn::Module::forward(&stock, &x).unwrap();
    let ours = layer_norm(3, store(DType::F32)).unwrap().forward(&x, Mode::Train).unwrap();
    assert_close("value", &ours, &stock, 1e-6, 1e-6);
    let gradient = |y: Tensor| y.narrow(1, 0, 1).unwrap().sum_all().unwrap().backward().unwrap();
    assert!(gradient(stock).get(&x).is_none());
    assert!(flat(gradient(ours).get(&x).unwrap()).iter().all(|&g| g != 0.0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(100)))]

    /// Any size, in either mode: an error or the composed result, never a panic.
    #[test]
    fn kernels_agree_with_the_composed_form(
        seed in 0..1000u64, n in 0..5usize, c in 1..40usize, height in 0..4usize, width in 0..40usize, rank in 2..5usize,
    ) {
        let shape = &[n, c, height, width][..rank];
        type Make<'a> = &'a dyn Fn(Params) -> Result<Box<dyn Module>>;
        let layers: [Make; 5] = [
            &|params| Ok(Box::new(batch_norm1d(c, params)?)),
            &|params| Ok(Box::new(batch_norm2d(c, params)?)),
            &|params| Ok(Box::new(group_norm(1, c, params)?)),
            &|params| Ok(Box::new(layer_norm(shape[rank - 1].max(1), params)?)),
            &|params| Ok(Box::new(instance_norm2d(c, params)?)),
        ];
        for (make, after) in layers.iter().flat_map(|make| KINKS.map(|after| (make, after))) {
            let run = || {
                let layer = make(store(DType::F64)).unwrap();
                let x = Var::from_tensor(&gradient::input(seed, shape)).unwrap();
                [Mode::Train, Mode::Eval].map(|mode| {
                    let loss = || Ok(layer.forward_then(&x, mode, after)?.sqr()?.sum_all()?);
                    value_and_grad(loss).map(|(y, gradients)| (y, gradients.get(&x).cloned()))
                })
            };
            for (ours, plain) in run().into_iter().zip(elsewhere(run)) {
                match (ours, plain) {
                    (Ok((y, dy)), Ok((plain, dplain))) => {
                        assert_close("value", &y, &plain, 1e-10, 1e-10);
                        if !shape.contains(&0) {
                            // Two samples that are nearly equal have a variance near ε, which magnifies rounding.
                            assert_close("gradient", &dy.unwrap(), &dplain.unwrap(), 1e-6, 1e-6);
                        }
                    }
                    (a, b) => assert_eq!(a.map_err(|e| e.to_string()).err(), b.map_err(|e| e.to_string()).err()),
                }
            }
        }
    }
}

#[test]
fn large_numbers_are_normalized_as_small_ones() {
    // Their squares are beyond F32.
    let normalized = |scale: f32| {
        let row = [1f32, -1., 1., -1., 1., -1., 1., -1.].map(|sign| sign * scale);
        let x = Var::from_tensor(&Tensor::from_iter(row, &here()).unwrap().reshape((2, 1, 4)).unwrap()).unwrap();
        let params = store(DType::F32);
        let layers: [Box<dyn Module>; 4] = [
            Box::new(batch_norm1d(1, params.pp("a")).unwrap()),
            Box::new(layer_norm(4, params.pp("b")).unwrap()),
            Box::new(group_norm(1, 1, params.pp("c")).unwrap()),
            Box::new(candlelight::nn::instance_norm1d(1, params.pp("d")).unwrap()),
        ];
        for (i, layer) in layers.iter().enumerate() {
            let y = layer.forward(&x, Mode::Train).unwrap();
            let close = flat(&y).iter().zip(row).all(|(y, x)| (y - f64::from(x / scale)).abs() < 1e-5);
            assert!(close, "{i} {scale}: {:?}", flat(&y));
            let gradients = (y.sqr().unwrap().sum_all().unwrap()).backward().unwrap();
            assert!(flat(gradients.get(&x).unwrap()).iter().all(|g| g.is_finite()), "{i} {scale}");
        }
    };
    for scale in [1e20, 1e30, 1e37] {
        everywhere(|| normalized(scale));
    }
}
