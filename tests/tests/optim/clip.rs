//! Norms of gradients, and clipping.

use candlelight::optim::{clip_grad_norm, grad_norms};
use candlelight::prelude::*;
use candlelight_tests::store;

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
