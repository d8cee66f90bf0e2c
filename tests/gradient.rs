//! Gradients against finite differences.

use candlelight::prelude::*;

use crate::{flat, here, number};

/// Half the distance of the central difference; its error is about eps² + 1e-16 / eps.
const EPS: f64 = 1e-6;
const RTOL: f64 = 1e-3;
const ATOL: f64 = 1e-5;

/// Compares the gradients of `f` with central differences, for every element of every input (F64).
///
/// An output of several elements is summed with uneven weights, so that no gradient cancels (that of a softmax's plain sum is
/// 0). The inputs must be away from kinks.
///
/// # Errors
/// Says what is wrong: a gradient that is missing, all zero, or differs by more than 1e-5 + 1e-3 |expected|.
pub fn check(f: impl Fn(&[Tensor]) -> Result<Tensor>, inputs: &[Tensor]) -> Result<(), String> {
    let weighted = |inputs: &[Tensor]| -> Result<Tensor> {
        let output = f(inputs)?.flatten_all()?;
        let weights: Vec<f64> = (0..output.elem_count()).map(|i| 0.5 + (1.7 * i as f64).sin()).collect();
        Ok((&output * Tensor::new(weights, output.device())?)?.sum_all()?)
    };
    let vars: Vec<Var> = inputs.iter().map(|input| Var::from_tensor(input).unwrap()).collect();
    let tensors: Vec<Tensor> = vars.iter().map(|var| var.as_tensor().clone()).collect();
    let gradients = weighted(&tensors).and_then(|loss| Ok(loss.backward()?)).map_err(|error| error.to_string())?;

    for (i, var) in vars.iter().enumerate() {
        let gradient = flat(gradients.get(var).ok_or_else(|| format!("input {i} has no gradient"))?);
        if gradient.iter().all(|&g| g == 0.0) {
            return Err(format!("the gradient of input {i} is zero"));
        }
        for (j, &actual) in gradient.iter().enumerate() {
            let at = |shift: f64| {
                let mut moved = tensors.clone();
                let mut values = flat(var);
                values[j] += shift;
                moved[i] = Tensor::from_vec(values, var.shape(), var.device()).unwrap();
                number(&weighted(&moved).unwrap())
            };
            let expected = (at(EPS) - at(-EPS)) / (2.0 * EPS);
            let close = (actual - expected).abs() <= ATOL + RTOL * expected.abs();
            if !close {
                return Err(format!("input {i}, element {j}: gradient {actual}, finite difference {expected}"));
            }
        }
    }
    Ok(())
}

/// Numbers without a pattern, each at least 0.05 away from the kinks at 0; on [`here`].
pub fn input(seed: u64, shape: impl Into<candlelight::candle_core::Shape>) -> Tensor {
    let x = candlelight::rng::normal(&mut seeded(seed), 0.0, 1.0, shape, DType::F64, &Device::Cpu).unwrap();
    let away = (x.sign().unwrap() * 0.05).unwrap();
    (x + away).unwrap().to_device(&here()).unwrap()
}
