//! What keeps a gradient alive through depth, and what measures it: residual and highway layers, norms, spectral radius.

use candlelight::autograd::value_and_grad;
use candlelight::candle_core::backprop::GradStore;
use candlelight::init::spectral_radius;
use candlelight::kernels::composed;
use candlelight::nn::{Highway, HighwayConfig, Mode, Module, Residual, highway, linear};
use candlelight::optim::{clip_grad_norm, grad_norms};
use candlelight::prelude::*;
use candlelight_tests::{assert_close, flat, gradient, store, strided};

const CPU: Device = Device::Cpu;

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

#[test]
fn a_highway_layer_is_its_formula() {
    for (activation, gate_bias) in [(Activation::Tanh, -2.0), (Activation::Sigmoid, 0.5)] {
        let params = store(DType::F64);
        let config = HighwayConfig { activation, gate_bias, weight_init: Some(Init::XavierNormal) };
        let layer = Highway::new(4, config, params.clone()).unwrap();
        assert_eq!(flat(&params.get("gate.bias").unwrap()), [gate_bias; 4]);
        let x = gradient::input(6, (3, 4));
        let affine = |name: &str| {
            let weight = params.get(&format!("{name}.weight")).unwrap().t().unwrap();
            x.matmul(&weight).unwrap().broadcast_add(&params.get(&format!("{name}.bias")).unwrap()).unwrap()
        };
        let t = sigmoid(&affine("gate")).unwrap();
        let h = activation.forward(&affine("transform"), Mode::Eval).unwrap();
        let expected = ((&t * h).unwrap() + (t.affine(-1.0, 1.0).unwrap() * &x).unwrap()).unwrap();
        assert_close("output", &layer.forward(&x, Mode::Train).unwrap(), &expected, 1e-12, 0.0);
        assert_close("strided", &layer.forward(&strided(&x), Mode::Eval).unwrap(), &expected, 1e-12, 0.0);
        gradient::check(|t| layer.forward(&t[0], Mode::Train), std::slice::from_ref(&x)).unwrap();
        let (_, gradients) = value_and_grad(|| Ok(layer.forward(&x, Mode::Train)?.sqr()?.sum_all()?)).unwrap();
        assert!(grad_norms(&gradients, &params.trainable()).unwrap().iter().all(|norm| *norm > 1e-6));
    }
}

/// Both layers, and the gradients of all that goes in, by their kernels with and without the tape, and composed.
#[test]
fn kernels_are_the_composed_form() {
    let params = store(DType::F64);
    let model = Sequential::new()
        .push(highway(5, params.pp("highway")).unwrap())
        .push(Residual::new(linear(5, 5, params.pp("residual")).unwrap()));
    let x = Var::from_tensor(&gradient::input(9, (7, 5))).unwrap();
    let loss = || Ok(model.forward(&x, Mode::Train)?.sqr()?.sum_all()?);
    let everything = |gradients: GradStore| -> Vec<Tensor> {
        let all = params.all();
        all.iter().map(|param| &param.var).chain([&x]).map(|var| gradients.get(var).unwrap().clone()).collect()
    };
    let expected = composed(|| everything(loss().unwrap().backward().unwrap()));
    for actual in [everything(value_and_grad(loss).unwrap().1), everything(loss().unwrap().backward().unwrap())] {
        for (actual, expected) in actual.iter().zip(&expected) {
            assert_close("gradient", actual, expected, 1e-10, 1e-12);
        }
    }
}

#[test]
fn a_highway_layer_refuses_what_it_cannot_do() {
    let error = Highway::new(4, HighwayConfig { gate_bias: f64::NAN, ..HighwayConfig::default() }, store(DType::F64));
    assert_eq!(error.unwrap_err().to_string(), "gate_bias must be finite, got NaN");
    assert_eq!(highway(0, store(DType::F64)).unwrap_err().to_string(), "in_features must be at least 1, got 0");
    let layer = highway(4, store(DType::F64)).unwrap();
    assert!(layer.forward(&gradient::input(1, (3, 5)), Mode::Eval).is_err());
}

#[test]
fn gradient_norms_are_those_of_each_parameter() {
    let params = store(DType::F64);
    let (a, b) =
        (params.var("a", (2, 2), Init::XavierNormal).unwrap(), params.var("b", 3, Init::Constant(2.0)).unwrap());
    let loss = || ((a.sum_all().unwrap() * 2.0).unwrap() + b.sqr().unwrap().sum_all().unwrap()).unwrap();
    let mut gradients = loss().backward().unwrap();
    let norms = grad_norms(&gradients, &params.trainable()).unwrap();
    // Four times 2; three times 4.
    assert!((norms[0] - 4.0).abs() < 1e-12 && (norms[1] - 48f64.sqrt()).abs() < 1e-12, "{norms:?}");
    let common = clip_grad_norm(&mut gradients, &params.trainable(), f64::INFINITY, true).unwrap();
    assert!((common - norms.iter().map(|norm| norm * norm).sum::<f64>().sqrt()).abs() < 1e-12);
    params.var("unused", 1, Init::Constant(1.0)).unwrap();
    let error = grad_norms(&gradients, &params.trainable()).unwrap_err().to_string();
    assert!(error.contains("unused"), "{error}");
}

#[test]
fn the_spectral_radius_is_the_largest_eigenvalue_in_absolute_value() {
    let of = |rows: &[&[f64]]| {
        let n = rows.len();
        spectral_radius(&Tensor::from_vec(rows.concat(), (n, n), &CPU).unwrap()).unwrap()
    };
    assert!((of(&[&[-3.0]]) - 3.0).abs() < 1e-9);
    assert!((of(&[&[2.0, 0.0], &[0.0, -5.0]]) - 5.0).abs() < 1e-8);
    // Characteristic polynomial x² - 2x + 5: eigenvalues 1 ± 2i.
    assert!((of(&[&[1.0, -2.0], &[2.0, 1.0]]) - 5f64.sqrt()).abs() < 1e-8);
    // A defective matrix: eigenvalue 0.5 twice, one eigenvector.
    assert!((of(&[&[0.5, 1.0], &[0.0, 0.5]]) - 0.5).abs() < 1e-6);
    assert_eq!(of(&[&[0.0, 0.0], &[0.0, 0.0]]), 0.0);
    assert!(of(&[&[0.0, 1.0], &[0.0, 0.0]]) < 1e-6);
    // Scaling the matrix scales it, however large; an orthogonal matrix has 1.
    let q = Init::Orthogonal { gain: 1.0 }.tensor(&mut seeded(1), (20, 20), DType::F64, &CPU).unwrap();
    for scale in [1e-100, 0.5, 1.0, 1e100] {
        assert!((spectral_radius(&(&q * scale).unwrap()).unwrap() / scale - 1.0).abs() < 1e-8);
    }
    // The circular law: a matrix of N(0, 1/n) has its eigenvalues in the disk of radius 1, but for a few at small n.
    let w = Init::LeCunNormal.tensor(&mut seeded(2), (200, 200), DType::F32, &CPU).unwrap();
    assert!((0.95..1.2).contains(&spectral_radius(&w).unwrap()));
}

#[test]
fn a_spectral_radius_needs_a_square_of_finite_numbers() {
    let error = spectral_radius(&Tensor::zeros((2, 3), DType::F64, &CPU).unwrap()).unwrap_err().to_string();
    assert_eq!(error, "matrix of a spectral radius: expected shape [n, n] with n at least 1, got [2, 3]");
    assert!(spectral_radius(&Tensor::zeros((0, 0), DType::F64, &CPU).unwrap()).is_err());
    let error = spectral_radius(&Tensor::new(&[[f64::NAN]], &CPU).unwrap()).unwrap_err().to_string();
    assert!(error.contains("must be finite"), "{error}");
}
