//! Residual blocks and networks against PyTorch and finite differences.

use candlelight::nn::{
    BasicBlock, BasicBlockConfig, Mode, Module, ResNet, ResNetConfig, Residual, Shortcut, add_relu, basic_block,
};
use candlelight::prelude::*;
use candlelight_tests::{Case, assert_close, elsewhere, everywhere, fixture, flat, gradient, store, strided};

fn shortcut(name: &str) -> Shortcut {
    match name {
        "none" => Shortcut::None,
        "identity" => Shortcut::Identity,
        "padding" => Shortcut::ZeroPadding,
        "projection" => Shortcut::Projection,
        other => panic!("{other}"),
    }
}

fn model(case: &Case, params: &Params) -> Box<dyn Module> {
    let words: Vec<&str> = case.0["name"].as_str().unwrap().split(' ').collect();
    let number = |i: usize| words[i].parse::<usize>().unwrap();
    match words[0] {
        "block" | "bare" => {
            let batch_norm = words[0] == "block";
            let config = BasicBlockConfig { stride: number(4), shortcut: shortcut(words[1]), batch_norm };
            Box::new(BasicBlock::new(number(2), number(3), config, params.clone()).unwrap())
        }
        _ => {
            let config =
                ResNetConfig { widths: vec![3, 5], blocks: 1, shortcut: shortcut(words[1]), ..Default::default() };
            Box::new(ResNet::new(2, 4, config, params.clone()).unwrap())
        }
    }
}

#[test]
fn agrees_with_pytorch() {
    everywhere(|| {
        for case in fixture("residual") {
            let params = store(case.dtype());
            let model = model(&case, &params);
            let mode = if case.0["name"].as_str().unwrap().ends_with("eval") { Mode::Eval } else { Mode::Train };
            let x = Var::from_tensor(&case.tensor("x")).unwrap();
            let set = || {
                for param in params.all().iter().filter(|param| !param.name.ends_with("num_batches_tracked")) {
                    params.set(&param.name, &case.tensor(&param.name)).unwrap();
                }
            };
            set();
            let trainable = params.trainable();
            let mut inputs: Vec<(&str, &Var)> =
                trainable.iter().map(|param| (param.name.as_str(), &param.var)).collect();
            inputs.push(("x", &x));
            case.check_every_way(|| model.forward(&x, mode), &inputs);
            set();
            case.check(&model.forward(&strided(&x), mode).unwrap(), &inputs);
            // Names and shapes are PyTorch's, all of them.
            let ours: Vec<String> = params.names().into_iter().filter(|name| !name.ends_with("tracked")).collect();
            let others = ["name", "dtype", "x", "cotangent", "output"];
            let theirs = case.0.as_object().unwrap().keys().filter(|key| !key.starts_with("grad_"));
            let mut theirs: Vec<String> = theirs.filter(|key| !others.contains(&key.as_str())).cloned().collect();
            let mut sorted = ours.clone();
            sorted.sort();
            theirs.sort();
            assert_eq!(sorted, theirs, "{}", case.0["name"]);
        }
    });
}

#[test]
fn gradients_agree_with_finite_differences() {
    let inputs = [gradient::input(1, (2, 3)), gradient::input(2, (2, 3))];
    gradient::check(|x| add_relu(&x[0], &x[1]), &inputs).unwrap();
    for (shortcut, stride) in [(Shortcut::ZeroPadding, 2), (Shortcut::Projection, 2), (Shortcut::None, 1)] {
        let config = BasicBlockConfig { stride, shortcut, ..Default::default() };
        let block = BasicBlock::new(2, 3, config, store(DType::F64)).unwrap();
        let x = gradient::input(4, (2, 2, 4, 4));
        gradient::check(|x| block.forward(&x[0], Mode::Train), &[x]).unwrap_or_else(|e| panic!("{shortcut:?}: {e}"));
    }
}

#[test]
fn a_join_is_the_activation_of_the_sum() {
    let inputs = || [1, 2].map(|seed| Var::from_tensor(&gradient::input(seed, (3, 5))).unwrap());
    let gradients = || {
        let [a, b] = inputs();
        let y = add_relu(&a, &b).unwrap();
        let gradients = (y.sqr().unwrap() * 0.5).unwrap().sum_all().unwrap().backward().unwrap();
        [a, b].map(|x| flat(gradients.get(&x).unwrap()))
    };
    let [da, db] = gradients();
    assert!(da == db && da.contains(&0.0) && da.iter().any(|&g| g > 0.0));
    assert_eq!([da, db], elsewhere(gradients));
    let [a, b] = inputs();
    // To itself: both gradients reach the same variable.
    let twice = add_relu(&a, &a).unwrap().sum_all().unwrap().backward().unwrap();
    assert!(flat(twice.get(&a).unwrap()).iter().all(|&g| g == 0.0 || g == 2.0));
    let plain = Tensor::new(&[f32::NAN, -1.0], &Device::Cpu).unwrap();
    let y = flat(&add_relu(&plain, &plain).unwrap());
    assert!(y[0].is_nan() && y[1] == 0.0);
    let of_one = add_relu(&a, &b.as_detached_tensor()).unwrap().sum_all().unwrap().backward().unwrap();
    assert!(of_one.get(&a).is_some() && of_one.get(&b).is_none());
}

/// With the last scale of each block at 0, the inner part is 0: what is left is the shortcut.
#[test]
fn shortcuts_pass_the_input() {
    let x = (gradient::input(3, (1, 2, 5, 5)).abs().unwrap() + 0.1).unwrap();
    let through = |config: BasicBlockConfig, out: usize| {
        let params = store(DType::F64);
        let block = BasicBlock::new(2, out, config, params.clone()).unwrap();
        params.set("bn2.weight", &Tensor::zeros(out, DType::F64, &Device::Cpu).unwrap()).unwrap();
        block.forward(&x, Mode::Eval).unwrap()
    };
    let config = |stride, shortcut| BasicBlockConfig { stride, shortcut, ..Default::default() };
    assert_eq!(flat(&through(config(1, Shortcut::Identity), 2)), flat(&x));
    assert_eq!(flat(&through(config(1, Shortcut::None), 2)), [0.0; 50]);
    let padded = through(config(2, Shortcut::ZeroPadding), 3);
    assert_eq!(padded.dims(), [1, 3, 3, 3]);
    let at = |c: usize, i: usize, j: usize| flat(&x.i((0, c, i, j)).unwrap())[0];
    assert_eq!(flat(&padded.i((0, 1, 1, 2)).unwrap())[0], at(1, 2, 4));
    assert_eq!(flat(&padded.i((0, 2)).unwrap()), [0.0; 9]);
}

#[test]
fn a_deep_network_learns_its_batch() {
    let params = Params::new(1, &Device::Cpu).unwrap();
    let config = ResNetConfig { widths: vec![4, 8], blocks: 2, ..Default::default() };
    let model = ResNet::new(1, 2, config, params.clone()).unwrap();
    let x = gradient::input(5, (8, 1, 8, 8)).to_dtype(DType::F32).unwrap();
    let y = Tensor::new(&[0u32, 1, 0, 1, 1, 0, 1, 0], &Device::Cpu).unwrap();
    let mut adam = Adam::new(params.trainable(), AdamConfig { lr: 0.01, ..Default::default() }).unwrap();
    let mut losses = Vec::new();
    for _ in 0..30 {
        let step = || cross_entropy(&model.forward(&x, Mode::Train)?, &y);
        let (loss, gradients) = candlelight::autograd::value_and_grad(step).unwrap();
        adam.step(&gradients).unwrap();
        losses.push(flat(&loss)[0]);
    }
    assert!(losses[0] > 0.3 && losses[29] < 0.05, "{losses:?}");
}

/// Table 6 of the paper, in millions of parameters, and the layers with weights counted one by one.
#[test]
fn depth_counts_layers_with_weights() {
    for (depth, millions) in [(8, 0.075), (20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85), (110, 1.7)] {
        let config = ResNetConfig::of_depth(depth).unwrap();
        let params = Params::new(0, &Device::Cpu).unwrap();
        ResNet::new(3, 10, config.clone(), params.clone()).unwrap();
        let close = (params.count() as f64 / 1e6 - millions).abs();
        assert!(close < if depth == 110 { 0.05 } else { 0.006 }, "{depth}: {}", params.count());
        let weights = |params: &Params| {
            let names = params.names();
            names.iter().filter(|name| name.contains("conv") && name.ends_with("weight")).count() + 1
        };
        assert_eq!(weights(&params), depth);
        // Without batch normalization as many layers, each convolution with a bias.
        let bare = Params::new(0, &Device::Cpu).unwrap();
        ResNet::new(3, 10, ResNetConfig { batch_norm: false, ..config }, bare.clone()).unwrap();
        assert_eq!(weights(&bare), depth);
        assert!(bare.names().iter().all(|name| !name.contains("bn")));
        assert_eq!(bare.names().len(), 2 * depth);
    }
    for depth in [0, 1, 2, 7, 9, 18, 21, 19, 101] {
        let error = ResNetConfig::of_depth(depth).unwrap_err().to_string();
        assert_eq!(error, format!("depth must be 6n + 2 with n at least 1, such as 20, 32, 44, got {depth}"));
    }
}

#[test]
fn bad_input_is_a_typed_error() {
    let params = Params::new(0, &Device::Cpu).unwrap();
    let zeros = |dims: &[usize]| Tensor::zeros(dims, DType::F32, &Device::Cpu).unwrap();
    let refused = |from, to, stride, shortcut| {
        let result =
            BasicBlock::new(from, to, BasicBlockConfig { stride, shortcut, ..Default::default() }, params.pp("x"));
        assert!(matches!(result, Err(Error::Setting { .. })), "{result:?}");
        result.unwrap_err().to_string()
    };
    let message = refused(2, 4, 1, Shortcut::Identity);
    assert!(message.contains("2 to 4 channels with stride 1"), "{message}");
    refused(2, 2, 2, Shortcut::Identity);
    refused(4, 2, 1, Shortcut::ZeroPadding);
    refused(0, 2, 1, Shortcut::Projection);
    refused(2, 2, 0, Shortcut::Projection);
    assert!(params.names().is_empty(), "nothing is left of what failed");
    let block = basic_block(2, 4, params.pp("block")).unwrap();
    assert!(matches!(block.forward(&zeros(&[1, 3, 8, 8]), Mode::Eval), Err(Error::Shape { .. })));
    for (config, setting) in [
        (ResNetConfig { blocks: 0, ..Default::default() }, "blocks"),
        (ResNetConfig { widths: vec![], ..Default::default() }, "widths"),
        (ResNetConfig::default(), "out_features"),
    ] {
        let result = ResNet::new(3, 0, config, params.pp(setting));
        assert!(matches!(&result, Err(Error::Setting { name, .. }) if *name == setting));
    }
    assert!(matches!(add_relu(&zeros(&[2]), &zeros(&[3])), Err(Error::Shape { .. })));
    let f64 = zeros(&[2]).to_dtype(DType::F64).unwrap();
    assert!(matches!(add_relu(&zeros(&[2]), &f64), Err(Error::DType { .. })));
    let u32 = zeros(&[2]).to_dtype(DType::U32).unwrap();
    assert!(matches!(add_relu(&u32, &u32), Err(Error::DType { .. })));
    assert_close("empty", &add_relu(&zeros(&[0]), &zeros(&[0])).unwrap(), &zeros(&[0]), 0.0, 0.0);
}

#[test]
fn a_residual_adds_its_input_and_one_to_the_derivative() {
    let params = store(DType::F64);
    let inner = linear(3, 3, params.clone()).unwrap();
    let block = Residual::new(inner.clone());
    let x = gradient::input(2, (4, 3));
    let expected = (&x + inner.forward(&x, Mode::Train).unwrap()).unwrap();
    assert_close("output", &block.forward(&x, Mode::Train).unwrap(), &expected, 1e-15, 0.0);
    assert_close("strided", &block.forward(&strided(&x), Mode::Eval).unwrap(), &expected, 1e-12, 0.0);
    gradient::check(|t| block.forward(&t[0], Mode::Train), &[x]).unwrap();

    let narrowing = Residual::new(linear(3, 1, store(DType::F64)).unwrap());
    let error = narrowing.forward(&gradient::input(2, (4, 3)), Mode::Eval).unwrap_err().to_string();
    assert_eq!(error, "output inside a residual module: expected shape [4, 3], as its input, got [4, 1]");
}

#[test]
fn thirty_residual_layers_pass_what_thirty_plain_ones_lose() {
    let gain = |residual: bool| {
        let params = store(DType::F64);
        let mut model = Sequential::new();
        for layer in 0..30 {
            let layer = linear(8, 8, params.pp(layer)).unwrap();
            model = match residual {
                true => model.push(Residual::new(Sequential::new().push(layer).push(Activation::Tanh))),
                false => model.push(layer).push(Activation::Tanh),
            };
        }
        let x = Var::from_tensor(&gradient::input(4, (1, 8))).unwrap();
        let (_, gradients) = value_and_grad(|| Ok(model.forward(&x, Mode::Train)?.sum_all()?)).unwrap();
        flat(&gradients.get(&x).unwrap().sqr().unwrap().sum_all().unwrap())[0].sqrt()
    };
    assert!(gain(true) > 0.1 && gain(false) < 1e-6, "{} {}", gain(true), gain(false));
}
