//! Activations against PyTorch, finite differences and stock Candle.

use candlelight::activation::{log_softmax, logsumexp, relu, sigmoid, softmax, softmax_with_temperature};
use candlelight::candle_nn;
use candlelight::nn::{Activation, Mode, Module};
use candlelight::prelude::*;
use candlelight_tests::{Case, assert_close, fixture, flat, gradient, number, strided};

fn compute(case: &Case, x: &Tensor) -> Tensor {
    let dim = case.option().map_or(0, |dim| dim.parse::<usize>().unwrap());
    match case.subject() {
        "relu" => relu(x),
        "sigmoid" => sigmoid(x),
        "tanh" => Activation::Tanh.forward(x, Mode::Train),
        "softmax" => softmax(x, dim),
        "log_softmax" => log_softmax(x, dim),
        "logsumexp" => logsumexp(x, dim),
        "softmax_with_temperature" => softmax_with_temperature(x, dim, 0.37),
        other => panic!("{other}"),
    }
    .unwrap()
}

#[test]
fn agrees_with_pytorch() {
    for case in fixture("activation") {
        let x = Var::from_tensor(&case.tensor("x")).unwrap();
        case.check(&compute(&case, &x), &[("x", &x)]);
        case.check(&compute(&case, &strided(&x)), &[("x", &x)]);
    }
}

#[test]
fn gradients_agree_with_finite_differences() {
    type F = fn(&[Tensor]) -> Result<Tensor>;
    let functions: [(&str, F); 7] = [
        ("relu", |x| relu(&x[0])),
        ("sigmoid", |x| sigmoid(&x[0])),
        ("tanh", |x| Activation::Tanh.forward(&x[0], Mode::Train)),
        ("softmax", |x| softmax(&x[0], D::Minus1)),
        ("log_softmax", |x| log_softmax(&x[0], 0)),
        ("logsumexp", |x| logsumexp(&x[0], D::Minus1)),
        ("softmax_with_temperature", |x| softmax_with_temperature(&x[0], 1, 2.5)),
    ];
    for (name, function) in functions {
        for shape in [vec![2, 5], vec![3, 4, 2]] {
            gradient::check(function, &[gradient::input(1, shape)]).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}

#[test]
fn the_gradient_check_finds_planted_faults() {
    let x = gradient::input(2, (2, 3));
    let error = |f: fn(&[Tensor]) -> Result<Tensor>| gradient::check(f, std::slice::from_ref(&x)).unwrap_err();
    assert!(gradient::check(|x| Ok(x[0].sqr()?), std::slice::from_ref(&x)).is_ok());
    // The value of x² with the gradient of x · constant: half of the true one.
    assert!(error(|x| Ok((&x[0] * x[0].detach())?)).contains("finite difference"));
    // One per cent off.
    assert!(error(|x| Ok(((x[0].sqr()? * 1.01)? - (x[0].detach().sqr()? * 0.01)?)?)).contains("finite difference"));
    assert!(error(|x| Ok(x[0].detach().sqr()?)).contains("no gradient"));
    assert!(error(|x| Ok((x[0].sqr()? - x[0].sqr()?)?)).contains("zero"));
}

#[test]
fn rows_are_distributions_at_any_magnitude() {
    for scale in [1e-3, 1.0, 1e3, 1e30] {
        let x = (gradient::input(3, (4, 6)) * scale).unwrap().to_dtype(DType::F32).unwrap();
        let p = softmax(&x, 1).unwrap();
        assert!(flat(&p).iter().all(|p| (0.0..=1.0).contains(p)));
        assert!(flat(&p.sum(1).unwrap()).iter().all(|sum| (sum - 1.0).abs() < 1e-6));
        assert!(flat(&log_softmax(&x, 1).unwrap()).iter().all(|log_p| log_p.is_finite() && *log_p <= 0.0));
        let gradient = {
            let x = Var::from_tensor(&x).unwrap();
            let loss = log_softmax(&x, 1).unwrap().narrow(1, 0, 1).unwrap().sum_all().unwrap();
            loss.backward().unwrap().get(&x).unwrap().clone()
        };
        assert!(flat(&gradient).iter().all(|g| g.is_finite()));
    }
}

#[test]
fn temperature_moves_between_argmax_and_uniform() {
    let x = Tensor::new(&[0.0f64, 1.0, 3.0], &Device::Cpu).unwrap();
    let at = |temperature| flat(&softmax_with_temperature(&x, 0, temperature).unwrap());
    assert_eq!(at(1e-3), [0.0, 0.0, 1.0]);
    assert!(at(1e6).iter().all(|p| (p - 1.0 / 3.0).abs() < 1e-6));
    assert_eq!(at(1.0), flat(&softmax(&x, 0).unwrap()));
}

#[test]
fn masked_entries_and_nan() {
    let masked = Tensor::new(&[[0.0f32, f32::NEG_INFINITY], [1.0, 1.0]], &Device::Cpu).unwrap();
    assert_eq!(flat(&softmax(&masked, 1).unwrap()), [1.0, 0.0, 0.5, 0.5]);
    assert_eq!(number(&log_softmax(&masked, 1).unwrap()), 0.0);
    for dtype in [DType::F32, DType::F64] {
        let nothing = Tensor::full(f64::NEG_INFINITY, 3, &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
        assert_eq!(number(&logsumexp(&nothing, 0).unwrap()), f64::NEG_INFINITY);
        assert_eq!(number(&logsumexp(&nothing.neg().unwrap(), 0).unwrap()), f64::INFINITY);
    }
    let x = Tensor::new(&[f32::NAN, f32::NEG_INFINITY, f32::INFINITY], &Device::Cpu).unwrap();
    let y = flat(&relu(&x).unwrap());
    assert!(y[0].is_nan() && y[1] == 0.0 && y[2] == f64::INFINITY);
}

#[test]
fn bad_input_is_a_typed_error() {
    let integers = Tensor::new(&[1u32, 2], &Device::Cpu).unwrap();
    let x = Tensor::zeros((2, 0), DType::F32, &Device::Cpu).unwrap();
    for result in [
        relu(&integers),
        sigmoid(&integers),
        softmax(&integers, 0),
        log_softmax(&integers, 0),
        logsumexp(&integers, 0),
        softmax_with_temperature(&integers, 0, 2.0),
        Activation::Tanh.forward(&integers, Mode::Eval),
    ] {
        assert!(matches!(result, Err(Error::DType { actual: DType::U32, .. })), "{result:?}");
    }
    assert!(matches!(softmax(&x, 2), Err(Error::Candle(_))));
    for result in [softmax(&x, 1), log_softmax(&x, D::Minus1), logsumexp(&x, 1)] {
        let message = result.unwrap_err().to_string();
        assert!(message.contains("dimension 1 not empty") && message.contains("[2, 0]"), "{message}");
    }
    for temperature in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let result = softmax_with_temperature(&x, 0, temperature);
        assert!(matches!(result, Err(Error::Setting { name: "temperature", .. })), "{result:?}");
    }
}

/// If this fails, Candle has mended what `relu` is here for.
#[test]
fn stock_relu_has_derivative_one_at_zero() {
    let x = Var::new(&[0.0f64, -0.0], &Device::Cpu).unwrap();
    let derivative = |y: Tensor| flat(y.sum_all().unwrap().backward().unwrap().get(&x).unwrap());
    assert_eq!(derivative(x.relu().unwrap()), [1.0, 1.0]);
    assert_eq!(derivative(relu(&x).unwrap()), [0.0, 0.0]);
}

/// If this fails, Candle has mended what `softmax` warns of.
#[test]
fn stock_softmax_last_dim_passes_no_gradient() {
    let x = Var::from_tensor(&gradient::input(4, (2, 3))).unwrap();
    let loss = |y: Tensor| y.narrow(1, 0, 1).unwrap().sum_all().unwrap();
    let (stock, ours) = (candle_nn::ops::softmax_last_dim(&x).unwrap(), softmax(&x, 1).unwrap());
    assert_close("value", &ours, &stock, 1e-12, 1e-12);
    assert!(loss(stock).backward().unwrap().get(&x).is_none());
    assert!(flat(loss(ours).backward().unwrap().get(&x).unwrap()).iter().all(|&g| g != 0.0));
}
