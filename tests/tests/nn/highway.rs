//! Highway layers.

use candlelight::autograd::value_and_grad;
use candlelight::nn::{Highway, HighwayConfig, Mode, Module, Residual, highway, linear};
use candlelight::optim::grad_norms;
use candlelight::prelude::*;
use candlelight_tests::{assert_close, elsewhere, flat, gradient, store, strided};

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
    let everything = |taped| -> Vec<Tensor> {
        let params = store(DType::F64);
        let model = Sequential::new()
            .push(highway(5, params.pp("highway")).unwrap())
            .push(Residual::new(linear(5, 5, params.pp("residual")).unwrap()));
        let x = Var::from_tensor(&gradient::input(9, (7, 5))).unwrap();
        let loss = || Ok(model.forward(&x, Mode::Train)?.sqr()?.sum_all()?);
        let gradients = if taped { value_and_grad(loss).unwrap().1 } else { loss().unwrap().backward().unwrap() };
        let all = params.all();
        all.iter().map(|param| &param.var).chain([&x]).map(|var| gradients.get(var).unwrap().clone()).collect()
    };
    let expected = elsewhere(|| everything(false));
    for actual in [everything(true), everything(false), elsewhere(|| everything(true))] {
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
