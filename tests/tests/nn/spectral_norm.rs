//! Spectral normalization against PyTorch, and by singular values.

use candlelight::autograd::value_and_grad;
use candlelight::nn::{
    Conv1d, Conv2d, HasWeight, Mode, Module, SpectralNorm, SpectralNormConfig, conv1d, conv2d, linear, spectral_norm,
    summary,
};
use candlelight::prelude::*;
use candlelight_tests::{Case, assert_close, everywhere, fixture, flat, gradient, store};

const ORIGINAL: &str = "parametrizations.weight.original";

/// The layer of a case, with the values that PyTorch started from.
fn layer(case: &Case, params: &Params) -> Box<dyn Module> {
    let dims = case.0["start"][ORIGINAL]["shape"].as_array().unwrap();
    let dims: Vec<usize> = dims.iter().map(|n| n.as_u64().unwrap() as usize).collect();
    let n_power_iterations = case.option().map_or(1, |n| n.parse().unwrap());
    let config = SpectralNormConfig { n_power_iterations, ..Default::default() };
    let layer: Box<dyn Module> = match case.subject() {
        "linear" => {
            let linear: Linear = linear(dims[1], dims[0], params.clone()).unwrap();
            Box::new(SpectralNorm::new(linear, config, params).unwrap())
        }
        "conv1d" => {
            let conv: Conv1d = conv1d(dims[1], dims[0], dims[2], params.clone()).unwrap();
            Box::new(SpectralNorm::new(conv, config, params).unwrap())
        }
        _ => {
            let conv: Conv2d = conv2d(dims[1], dims[0], (dims[2], dims[3]), params.clone()).unwrap();
            Box::new(SpectralNorm::new(conv, config, params).unwrap())
        }
    };
    let start = Case(with_dtype(case, &case.0["start"]));
    let mut names = params.names();
    names.sort();
    let mut expected: Vec<String> = case.0["start"].as_object().unwrap().keys().cloned().collect();
    expected.sort();
    assert_eq!(names, expected, "PyTorch's names");
    for name in names {
        params.set(&name, &start.tensor(&name)).unwrap();
    }
    layer
}

fn with_dtype(case: &Case, values: &serde_json::Value) -> serde_json::Value {
    let mut values = values.clone();
    values["dtype"] = case.0["dtype"].clone();
    values["name"] = case.0["name"].clone();
    values
}

#[test]
fn steps_agree_with_pytorch() {
    let cases = fixture("spectral_norm");
    assert_eq!(cases.len(), 8);
    for case in cases {
        everywhere(|| follow(&case));
    }
}

/// Four steps of gradient descent, each of which moves u and v, and an evaluation, which does not.
fn follow(case: &Case) {
    let params = store(case.dtype());
    let layer = layer(case, &params);
    let (rtol, atol) = if case.dtype() == DType::F64 { (1e-9, 1e-9) } else { (1.3e-6, 1e-5) };
    let x = Var::from_tensor(&case.tensor("x")).unwrap();
    let passes = case.0["passes"].as_array().unwrap();
    assert_eq!(passes.len(), 5);
    for (step, pass) in passes.iter().enumerate() {
        let pass = Case(with_dtype(case, pass));
        let mode = if step < 4 { Mode::Train } else { Mode::Eval };
        let mut output = None;
        let (_, gradients) = value_and_grad(|| {
            let y = layer.forward(&x, mode)?;
            output = Some(y.clone());
            Ok((y * pass.tensor("cotangent"))?.sum_all()?)
        })
        .unwrap();
        let what = |what: &str| format!("{} {:?} step {step}: {what}", case.subject(), case.dtype());
        assert_close(&what("output"), &output.unwrap(), &pass.f64("output"), rtol, atol);
        assert_close(&what("x"), gradients.get(&x).unwrap(), &pass.f64("grad_x"), rtol, atol);
        for name in ["_u", "_v"] {
            let own = params.get(&format!("parametrizations.weight.0.{name}")).unwrap();
            assert_close(&what(name), &own, &pass.f64(name), rtol, atol);
        }
        for param in params.trainable() {
            let gradient = gradients.get(&param.var).unwrap();
            assert_close(&what(&param.name), gradient, &pass.f64(&format!("grad_{}", param.name)), rtol, atol);
            param.var.set(&(param.var.as_detached_tensor() - (gradient * 0.1).unwrap()).unwrap()).unwrap();
        }
    }
}

/// The largest singular value: the root of the largest eigenvalue of W Wᵀ, by many power iterations from another start.
fn largest_singular_value(weight: &Tensor) -> f64 {
    let w = weight.detach().to_dtype(DType::F64).unwrap().flatten_from(1).unwrap();
    candlelight::init::spectral_radius(&w.matmul(&w.t().unwrap()).unwrap()).unwrap().sqrt()
}

#[test]
fn sigma_becomes_the_largest_singular_value_and_only_training_moves_it() {
    let params = store(DType::F64);
    let layer = spectral_norm(conv2d(3, 6, 3, params.pp("conv")).unwrap(), &params).unwrap();
    let (x, own) = (gradient::input(2, (2, 3, 5, 5)), params.pp("conv.parametrizations.weight.0"));
    let exact = largest_singular_value(layer.layer().weight());
    let state = || (flat(&own.get("_u").unwrap()), flat(&own.get("_v").unwrap()));
    let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
    let before = state();
    assert!((norm(&before.0) - 1.0).abs() < 1e-12 && (norm(&before.1) - 1.0).abs() < 1e-12);
    // After the 15 iterations it starts with: from below.
    let start = layer.sigma().unwrap();
    assert!(start < exact && start > 0.9 * exact, "{start} of {exact}");
    for mode in [Mode::Eval, Mode::MonteCarlo] {
        layer.forward(&x, mode).unwrap();
        assert_eq!(state(), before);
    }
    layer.forward(&x, Mode::Train).unwrap();
    assert_ne!(state(), before);
    assert!(layer.sigma().unwrap() > start);
    for _ in 0..500 {
        layer.forward(&x, Mode::Train).unwrap();
    }
    assert!((layer.sigma().unwrap() / exact - 1.0).abs() < 1e-9);
    assert!((largest_singular_value(&layer.weight().unwrap()) - 1.0).abs() < 1e-9);
}

#[test]
fn gradients_go_through_sigma() {
    // u and v constant, as in evaluation: then the loss is a function of the weight alone.
    let params = store(DType::F64);
    let layer = spectral_norm(linear(4, 3, params.clone()).unwrap(), &params).unwrap();
    let x = gradient::input(3, (5, 4));
    gradient::check(|x| layer.forward(&x[0], Mode::Eval), std::slice::from_ref(&x)).unwrap();
    let loss = || layer.forward(&x, Mode::Eval).unwrap().sqr().unwrap().sum_all().unwrap();
    let weight = params.get(ORIGINAL).unwrap();
    let (values, gradient) = (flat(&weight), flat(loss().backward().unwrap().get(&weight).unwrap()));
    for (i, gradient) in gradient.into_iter().enumerate() {
        let at = |shift: f64| {
            let mut moved = values.clone();
            moved[i] += shift;
            weight.set(&Tensor::from_vec(moved, weight.shape(), &Device::Cpu).unwrap()).unwrap();
            flat(&loss())[0]
        };
        let difference = (at(1e-6) - at(-1e-6)) / 2e-6;
        assert!((gradient - difference).abs() < 1e-5 * difference.abs().max(1.0), "{i}: {gradient} {difference}");
        weight.set(&Tensor::from_vec(values.clone(), weight.shape(), &Device::Cpu).unwrap()).unwrap();
    }
}

#[test]
fn two_passes_before_one_backward_pass_keep_their_own_vectors() {
    let make = || {
        let params = store(DType::F64);
        let layer = spectral_norm(linear(4, 3, params.clone()).unwrap(), &params).unwrap();
        (layer, params.get(ORIGINAL).unwrap())
    };
    let (real, fake) = (gradient::input(3, (5, 4)), gradient::input(4, (5, 4)));
    let loss = |layer: &SpectralNorm<Linear>, x: &Tensor, mode| Ok(layer.forward(x, mode)?.sqr()?.sum_all()?);
    for mode in [Mode::Train, Mode::Eval] {
        let (layer, weight) = make();
        let both = || Ok((loss(&layer, &real, mode)? - loss(&layer, &fake, Mode::Train)?)?);
        let both = value_and_grad(both).unwrap().1;
        let (layer, other) = make();
        let first = value_and_grad(|| loss(&layer, &real, mode)).unwrap().1;
        let second = value_and_grad(|| loss(&layer, &fake, Mode::Train)).unwrap().1;
        let difference = (first.get(&other).unwrap() - second.get(&other).unwrap()).unwrap();
        assert_close("gradient", both.get(&weight).unwrap(), &difference, 1e-12, 1e-12);
    }
}

#[test]
fn a_state_dict_brings_u_and_v_back() {
    let make = |seed| {
        let params = Params::new(seed, &Device::Cpu).unwrap();
        (spectral_norm(conv1d(2, 3, 3, params.pp("a.b")).unwrap(), &params.pp("a")).unwrap(), params)
    };
    let ((layer, params), (other, others)) = (make(0), make(1));
    let x = Tensor::randn(0f32, 1., (2, 2, 6), &Device::Cpu).unwrap();
    layer.forward(&x, Mode::Train).unwrap();
    others.load_state_dict(&params.state_dict().unwrap(), Default::default()).unwrap();
    for mode in [Mode::Eval, Mode::Train, Mode::Eval] {
        assert_eq!(flat(&layer.forward(&x, mode).unwrap()), flat(&other.forward(&x, mode).unwrap()));
    }
    let trainable: Vec<String> = params.trainable().into_iter().map(|param| param.name).collect();
    assert_eq!(trainable, ["a.b.parametrizations.weight.original", "a.b.bias"]);
    // The weight starts as without it.
    let plain = Params::new(1, &Device::Cpu).unwrap();
    let conv = conv1d(2, 3, 3, plain.pp("a.b")).unwrap();
    assert_eq!(flat(conv.weight()), flat(make(1).0.layer().weight()));
}

#[test]
fn bad_input_is_a_typed_error_and_changes_nothing() {
    let params = store(DType::F64);
    let refused = |config| {
        let layer = linear(4, 3, params.pp(format!("n{}", params.names().len()))).unwrap();
        SpectralNorm::new(layer, config, &params).unwrap_err().to_string()
    };
    let base = SpectralNormConfig::default();
    assert_eq!((base.n_power_iterations, base.eps), (1, 1e-12));
    let none = SpectralNormConfig { n_power_iterations: 0, ..base };
    assert_eq!(refused(none), "n_power_iterations must be at least 1, got 0");
    assert_eq!(refused(SpectralNormConfig { eps: 0.0, ..base }), "eps must be above 0 and finite, got 0");
    let elsewhere = spectral_norm(linear(4, 3, params.pp("here")).unwrap(), &params.pp("there")).unwrap_err();
    assert_eq!(elsewhere.to_string(), "parameter `there`: there is none of these values below this prefix");
    let layer = linear(4, 3, params.pp("twice")).unwrap();
    let own = spectral_norm(layer.clone(), &params).unwrap();
    let message = spectral_norm(layer, &params).unwrap_err().to_string();
    assert_eq!(message, "parameter `twice.parametrizations.weight.original`: it has a parametrization");
    let state = || params.all().iter().map(|param| flat(&param.var)).collect::<Vec<_>>();
    let before = state();
    let message = own.forward(&gradient::input(1, (2, 5)), Mode::Train).unwrap_err().to_string();
    assert_eq!(message, "input of linear: expected shape [..., 4], got [2, 5]");
    assert_eq!(state(), before);
}

#[test]
fn another_weight_must_be_of_the_layers_own_shape() {
    let params = store(DType::F64);
    let (fc, conv) = (linear(4, 3, params.pp("fc")).unwrap(), conv2d(2, 3, 3, params.pp("conv")).unwrap());
    let (rows, images) = (gradient::input(1, (2, 4)), gradient::input(1, (2, 2, 4, 4)));
    let message = fc.forward_with_weight(&rows, &gradient::input(2, (4, 3))).unwrap_err().to_string();
    assert_eq!(message, "weight of linear: expected shape [3, 4], got [4, 3]");
    let message = conv.forward_with_weight(&images, &gradient::input(2, (3, 2, 3, 2))).unwrap_err().to_string();
    assert_eq!(message, "weight of conv2d: expected shape [3, 2, 3, 3], got [3, 2, 3, 2]");
    let narrow = conv.weight().to_dtype(DType::F32).unwrap();
    assert!(matches!(conv.forward_with_weight(&images, &narrow), Err(Error::DType { what: "weight of conv2d", .. })));
    let double = (conv.weight().as_tensor() * 2.0).unwrap();
    assert!(
        flat(&conv.forward_with_weight(&images, &double).unwrap()) != flat(&conv.forward(&images, Mode::Eval).unwrap())
    );
}

#[test]
fn a_summary_knows_the_layer_and_its_parameters() {
    let params = Params::new(0, &Device::Cpu).unwrap();
    let layer = spectral_norm(conv2d(3, 4, 3, params.pp("d.conv")).unwrap(), &params).unwrap();
    let summary = summary(&layer, &params, (1, 3, 5, 5)).unwrap();
    let row = &summary.layers[0];
    assert_eq!((summary.layers.len(), row.name.as_str(), row.kind, row.params), (1, "d.conv", "conv2d", 4 * 27 + 4));
}
