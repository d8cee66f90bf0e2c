//! Penalties: value, gradient, and which parameters they see.

use candlelight::nn::{Linear, LinearConfig, linear};
use candlelight::prelude::*;
use candlelight::regularization::{l1, l2, weights};
use candlelight_tests::{flat, number};

/// A store of two parameters with given values.
fn store() -> (Params, Var, Var) {
    let params = Params::with_dtype(0, DType::F64, &Device::Cpu).unwrap();
    let a = params.var("a", (2, 2), Init::Constant(0.0)).unwrap();
    let b = params.var("b", 2, Init::Constant(0.0)).unwrap();
    params.set("a", &Tensor::new(&[[1.5f64, -2.0], [0.0, 3.0]], &Device::Cpu).unwrap()).unwrap();
    params.set("b", &Tensor::new(&[-0.5f64, -0.0], &Device::Cpu).unwrap()).unwrap();
    (params, a, b)
}

#[test]
fn l1_is_the_sum_of_absolute_values_with_subgradient_zero_at_zero() {
    let (params, a, b) = store();
    let penalty = l1(&params.trainable()).unwrap();
    assert_eq!((number(&penalty), penalty.rank()), (7.0, 0));
    let gradients = penalty.backward().unwrap();
    assert_eq!(flat(gradients.get(&a).unwrap()), [1.0, -1.0, 0.0, 1.0]);
    assert_eq!(flat(gradients.get(&b).unwrap()), [-1.0, 0.0]);
}

#[test]
fn l2_is_the_sum_of_squares_with_gradient_2w() {
    let (params, a, b) = store();
    let penalty = l2(&params.trainable()).unwrap();
    assert_eq!((number(&penalty), penalty.rank()), (15.5, 0));
    let gradients = penalty.backward().unwrap();
    assert_eq!(flat(gradients.get(&a).unwrap()), [3.0, -4.0, 0.0, 6.0]);
    assert_eq!(flat(gradients.get(&b).unwrap()), [-1.0, 0.0]);
}

#[test]
fn only_the_chosen_parameters_are_penalised() {
    let params = Params::new(1, &Device::Cpu).unwrap();
    let layer = linear(3, 2, params.pp("fc")).unwrap();
    params.pp("norm").var("weight", 3, Init::Constant(1.0)).unwrap();
    params.pp("norm").buffer("table", (2, 2), Init::Constant(1.0)).unwrap();
    let config = LinearConfig { bias: false, ..LinearConfig::default() };
    Linear::new(2, 1, config, params.pp("out")).unwrap();

    let chosen = weights(&params);
    let names: Vec<&str> = chosen.iter().map(|param| param.name.as_str()).collect();
    assert_eq!(names, ["fc.weight", "out.weight"]);
    assert_eq!(weights(&params.pp("fc")).len(), 1);
    let gradients = l2(&chosen).unwrap().backward().unwrap();
    assert!(gradients.get(layer.weight()).is_some());
    assert!(gradients.get(layer.bias().unwrap()).is_none());
}

#[test]
fn a_penalty_follows_the_parameters_as_they_change() {
    let (params, ..) = store();
    let chosen = weights(&params);
    assert_eq!(number(&l2(&chosen).unwrap()), 15.25);
    params.set("a", &Tensor::ones((2, 2), DType::F64, &Device::Cpu).unwrap()).unwrap();
    assert_eq!(number(&l2(&chosen).unwrap()), 4.0);
}

#[test]
fn no_parameters_is_a_typed_error() {
    for result in [l1(&[]), l2(&[])] {
        assert!(matches!(result, Err(Error::Setting { name: "params", .. })), "{result:?}");
    }
}

/// If this fails, Candle has mended what `l1` warns of.
#[test]
fn stock_abs_has_derivative_one_at_zero() {
    let x = Var::new(0f64, &Device::Cpu).unwrap();
    assert_eq!(number(x.abs().unwrap().backward().unwrap().get(&x).unwrap()), 1.0);
}
