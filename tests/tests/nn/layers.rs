//! Layers against PyTorch and finite differences.

use candlelight::activation;
use candlelight::nn::{Activation, Flatten, Linear, LinearConfig, Mode, Module, Sequential, linear};
use candlelight::prelude::*;
use candlelight_tests::{Case, assert_close, everywhere, fixture, flat, gradient, store, strided};

/// A layer of the given values.
fn layer(weight: &Tensor, bias: Option<&Tensor>, params: Params) -> Linear {
    let (out, width) = weight.dims2().unwrap();
    let config = LinearConfig { bias: bias.is_some(), ..LinearConfig::default() };
    let layer = Linear::new(width, out, config, params).unwrap();
    layer.weight().set(weight).unwrap();
    if let Some(bias) = bias {
        layer.bias().unwrap().set(bias).unwrap();
    }
    layer
}

fn check_linear(case: &Case) {
    let bias = case.option().is_none().then(|| case.tensor("bias"));
    let layer = layer(&case.tensor("weight"), bias.as_ref(), store(case.dtype()));
    let x = Var::from_tensor(&case.tensor("input")).unwrap();
    let mut inputs = vec![("input", &x), ("weight", layer.weight())];
    inputs.extend(layer.bias().map(|bias| ("bias", bias)));
    for mode in [Mode::Train, Mode::Eval] {
        case.check_every_way(|| layer.forward(&x, mode), &inputs);
        case.check_every_way(|| layer.forward(&strided(&x), mode), &inputs);
    }
}

fn check_mlp(case: &Case) {
    let params = store(case.dtype());
    let fc = |i: usize| {
        let (weight, bias) = (case.tensor(&format!("fc{i}.weight")), case.tensor(&format!("fc{i}.bias")));
        layer(&weight, Some(&bias), params.pp(format!("fc{i}")))
    };
    let model = Sequential::new()
        .push(fc(1))
        .push(Activation::Relu)
        .push(fc(2))
        .push(Activation::Tanh)
        .push(fc(3))
        .push(Activation::Sigmoid);
    let x = Var::from_tensor(&case.tensor("x")).unwrap();
    let params = params.trainable();
    let mut inputs: Vec<(&str, &Var)> = params.iter().map(|param| (param.name.as_str(), &param.var)).collect();
    assert_eq!(inputs.len(), 6);
    inputs.push(("x", &x));
    let output = model.forward(&x, Mode::Train).unwrap();
    case.check_every_way(|| model.forward(&x, Mode::Train), &inputs);

    let outputs = model.outputs(&x, Mode::Train).unwrap();
    assert_eq!((outputs.len(), model.len()), (6, 6));
    assert_eq!(flat(&outputs[5]), flat(&output));
    assert_eq!(flat(&outputs[1]), flat(&activation::relu(&outputs[0]).unwrap()));
}

#[test]
fn agrees_with_pytorch() {
    everywhere(|| {
        for case in fixture("nn") {
            if case.subject() == "mlp" { check_mlp(&case) } else { check_linear(&case) }
        }
    });
}

#[test]
fn gradients_agree_with_finite_differences() {
    for batch in [vec![1], vec![3], vec![2, 3]] {
        let weight = gradient::input(2, (2, 4));
        let bias = gradient::input(3, 2);
        let x = gradient::input(1, [batch, vec![4]].concat());
        // With respect to the input, through the layer's own parameters.
        let fixed = layer(&weight, Some(&bias), store(DType::F64));
        gradient::check(|x| fixed.forward(&x[0], Mode::Train), std::slice::from_ref(&x)).unwrap();
        // With respect to the parameters: their gradients are those of the same function of plain tensors, which is checked.
        let plain =
            |t: &[Tensor]| -> Result<Tensor> { Ok(t[0].broadcast_matmul(&t[1].t()?)?.broadcast_add(&t[2])?.sqr()?) };
        let inputs = [x.clone(), weight, bias];
        gradient::check(plain, &inputs).unwrap();
        let vars = inputs.map(|input| Var::from_tensor(&input).unwrap());
        let tensors = vars.each_ref().map(|var| var.as_tensor().clone());
        let expected = plain(&tensors).unwrap().sum_all().unwrap().backward().unwrap();
        let actual = fixed.forward(&x, Mode::Train).unwrap().sqr().unwrap().sum_all().unwrap().backward().unwrap();
        for (var, ours) in [(&vars[1], fixed.weight()), (&vars[2], fixed.bias().unwrap())] {
            let gradient = actual.get(ours).unwrap();
            assert_close("parameter", gradient, expected.get(var).unwrap(), 1e-12, 1e-12);
            assert!(flat(gradient).iter().all(|&g| g != 0.0));
        }
    }
}

#[test]
fn a_linear_layer_starts_as_pytorchs() {
    let params = Params::new(3, &Device::Cpu).unwrap();
    let layer = linear(400, 50, params.pp("fc")).unwrap();
    assert_eq!((layer.weight().dims(), layer.bias().unwrap().dims()), (&[50, 400][..], &[50][..]));
    for values in [flat(layer.weight()), flat(layer.bias().unwrap())] {
        let bound = 1.0 / 20.0;
        assert!(values.iter().all(|value| value.abs() <= bound));
        // Uniform on ±bound has the variance bound²/3; four standard errors of a uniform distribution's variance.
        let variance = values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64;
        let tolerance = 4.0 * (4.0 / 5.0 / values.len() as f64).sqrt();
        assert!((variance / (bound * bound / 3.0) - 1.0).abs() < tolerance, "{variance}");
    }
}

#[test]
fn settings_choose_bias_and_initial_values() {
    let params = Params::new(3, &Device::Cpu).unwrap();
    let config = LinearConfig {
        weight_init: Some(Init::Constant(2.0)),
        bias_init: Some(Init::Constant(-1.0)),
        ..LinearConfig::default()
    };
    let layer = Linear::new(3, 2, config, params.pp("a")).unwrap();
    let x = Tensor::ones((1, 3), DType::F32, &Device::Cpu).unwrap();
    assert_eq!(flat(&layer.forward(&x, Mode::Eval).unwrap()), [5.0, 5.0]);
    let config = LinearConfig { bias: false, ..config };
    let layer = Linear::new(3, 2, config, params.pp("b")).unwrap();
    assert_eq!(flat(&layer.forward(&x, Mode::Eval).unwrap()), [6.0, 6.0]);
    assert_eq!(params.names(), ["a.weight", "a.bias", "b.weight"]);
}

#[test]
fn an_empty_model_and_an_empty_batch_pass() {
    let x = gradient::input(1, (2, 3));
    let model = Sequential::new();
    assert!(model.is_empty());
    assert_eq!(flat(&model.forward(&x, Mode::Train).unwrap()), flat(&x));
    let layer = linear(3, 2, store(DType::F64)).unwrap();
    assert_eq!(layer.forward(&x.narrow(0, 0, 0).unwrap(), Mode::Eval).unwrap().dims(), [0, 2]);
}

#[test]
fn flatten_keeps_the_batch_and_the_order() {
    let x = gradient::input(1, (2, 3, 4));
    let y = Flatten.forward(&x, Mode::Train).unwrap();
    assert_eq!((y.dims(), flat(&y)), (&[2, 12][..], flat(&x)));
    assert_eq!(flat(&Flatten.forward(&strided(&x), Mode::Train).unwrap()), flat(&x));
    assert_eq!(Flatten.forward(&gradient::input(1, 5), Mode::Eval).unwrap().dims(), [5, 1]);
    gradient::check(|x| Ok(Flatten.forward(&x[0], Mode::Train)?.sqr()?), &[x]).unwrap();
}

#[test]
fn bad_input_is_a_typed_error() {
    let params = Params::new(0, &Device::Cpu).unwrap();
    let layer = linear(3, 2, params.pp("fc")).unwrap();
    let wrong = |dims: &[usize]| Tensor::zeros(dims, DType::F32, &Device::Cpu).unwrap();
    for dims in [&[2, 4][..], &[]] {
        let message = layer.forward(&wrong(dims), Mode::Train).unwrap_err().to_string();
        assert_eq!(message, format!("input of linear: expected shape [..., 3], got {dims:?}"));
    }
    let f64 = wrong(&[2, 3]).to_dtype(DType::F64).unwrap();
    assert!(matches!(layer.forward(&f64, Mode::Train), Err(Error::DType { actual: DType::F64, .. })));
    assert!(matches!(linear(0, 2, params.pp("a")), Err(Error::Setting { name: "in_features", .. })));
    assert!(matches!(linear(2, 0, params.pp("a")), Err(Error::Setting { name: "out_features", .. })));
    assert!(matches!(linear(3, 2, params.pp("fc")), Err(Error::Parameter { .. })), "the name is taken");
    assert!(matches!(Flatten.forward(&wrong(&[]), Mode::Eval), Err(Error::Shape { .. })));
}
