//! Operations of any number of inputs and outputs, in either graph.

use candle_core::{Device, Var};

use super::*;

/// (Πᵢ xᵢ, Σᵢ xᵢ) of any number of vectors.
fn product_and_sum(inputs: &[&Tensor]) -> Result<Vec<Tensor>> {
    let values: Vec<Vec<f64>> = inputs.iter().map(|x| x.to_vec1()).collect::<candle_core::Result<_>>()?;
    let n = values[0].len();
    let product: Vec<f64> = (0..n).map(|i| values.iter().map(|x| x[i]).product()).collect();
    let sum: Vec<f64> = (0..n).map(|i| values.iter().map(|x| x[i]).sum()).collect();
    apply("product_and_sum", inputs, vec![(product, n.into()), (sum, n.into())], |op| {
        let zeros = op.outputs[0].zeros_like()?;
        let [product, sum] = [0, 1].map(|i| op.grads[i].clone().unwrap_or_else(|| zeros.clone()));
        let gradient = |(x, &need): (&Tensor, &bool)| match need {
            true => Ok(Some((((&product * &op.outputs[0])? / x)? + &sum)?)),
            false => Ok(None),
        };
        op.inputs.iter().zip(op.needs).map(gradient).collect()
    })
}

#[test]
fn any_number_of_inputs_and_outputs_passes_through_either_graph() {
    let device = Device::Cpu;
    for count in 1..=9 {
        for constant in [None, Some(0), Some(count - 1)] {
            let vars: Vec<Var> = (0..count).map(|i| Var::new(&[1.0 + i as f64, 0.5], &device).unwrap()).collect();
            let inputs: Vec<Tensor> = vars
                .iter()
                .enumerate()
                .map(|(i, var)| if Some(i) == constant { var.detach() } else { var.as_tensor().clone() })
                .collect();
            let inputs: Vec<&Tensor> = inputs.iter().collect();
            let loss = || -> Result<Tensor> {
                let outputs = product_and_sum(&inputs)?;
                Ok(((&outputs[0] * 3.0)? + outputs[1].sqr()?)?.sum_all()?)
            };
            let plain = loss().unwrap().backward().unwrap();
            let (value, taped) = value_and_grad(loss).unwrap();
            let x = |j: usize| vars.iter().map(move |v| v.to_vec1::<f64>().unwrap()[j]);
            let expected: f64 = (0..2).map(|j| 3.0 * x(j).product::<f64>() + x(j).sum::<f64>().powi(2)).sum();
            assert!((value.to_scalar::<f64>().unwrap() - expected).abs() < 1e-9 * expected);
            for (i, var) in vars.iter().enumerate() {
                if Some(i) == constant {
                    assert!(plain.get(var).is_none() && taped.get(var).is_none());
                    continue;
                }
                for gradients in [&plain, &taped] {
                    let gradient = gradients.get(var).expect("a gradient").to_vec1::<f64>().unwrap();
                    for (j, gradient) in gradient.into_iter().enumerate() {
                        let own = var.to_vec1::<f64>().unwrap()[j];
                        let expected = 3.0 * x(j).product::<f64>() / own + 2.0 * x(j).sum::<f64>();
                        assert!((gradient - expected).abs() < 1e-9 * expected, "{count} {i}: {gradient} {expected}");
                    }
                }
            }
        }
    }
}

#[test]
fn an_output_that_is_not_used_needs_no_gradient() {
    let x = Var::new(&[2f64, 3.0], &Device::Cpu).unwrap();
    for used in [0, 1] {
        let (_, gradients) =
            value_and_grad(|| Ok(product_and_sum(&[x.as_tensor()])?.swap_remove(used).sum_all()?)).unwrap();
        assert_eq!(gradients.get(&x).unwrap().to_vec1::<f64>().unwrap(), [1.0, 1.0]);
    }
}
#[test]
fn an_output_that_outlives_its_call_keeps_nothing_of_it() {
    let (x, part) = (Var::new(&[2f64], &Device::Cpu).unwrap(), std::sync::Arc::new(()));
    let mut kept = None;
    let double = || {
        let of_tape = part.clone();
        let y = apply1("double", &[&x], vec![4f64], (), move |grad, _| {
            let _ = &of_tape;
            Ok(vec![Some((grad * 2.0)?.reshape(1)?)])
        })?;
        kept = Some(y.clone());
        Ok(y)
    };
    assert_eq!(value_and_grad(double).unwrap().1.get(&x).unwrap().to_vec1::<f64>().unwrap(), [2.0]);
    assert!(kept.is_some());
    assert_eq!(std::sync::Arc::strong_count(&part), 1);
}

#[test]
fn a_gradient_passes_changes_of_shape_and_nothing_else_that_shares_numbers() {
    let device = Device::Cpu;
    let x = Var::new(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], &device).unwrap();
    // 3 x, with a shape that the ways below change; then Σ k yₖ², as one more operation.
    let times_3 = |x: &Tensor| {
        let y: Vec<f64> = x.flatten_all()?.to_vec1::<f64>()?.iter().map(|x| 3.0 * x).collect();
        apply1("times 3", &[x], y, x.shape(), |grad, _| Ok(vec![Some((grad * 3.0)?)]))
    };
    let weighed = |y: &Tensor| {
        let numbers = y.flatten_all()?.to_vec1::<f64>()?;
        let sum: f64 = numbers.iter().enumerate().map(|(k, y)| k as f64 * y * y).sum();
        let slopes: Vec<f64> = numbers.iter().enumerate().map(|(k, y)| 2.0 * k as f64 * y).collect();
        let slopes = Tensor::from_vec(slopes, y.shape(), y.device())?;
        apply1("weighed", &[y], vec![sum], (), move |grad, _| Ok(vec![Some(slopes.broadcast_mul(grad)?)]))
    };
    type Way = fn(&Tensor) -> candle_core::Result<Tensor>;
    let ways: [(Way, &[usize]); 6] = [
        (|y| y.flatten_all(), &[0, 1, 2, 3, 4, 5]),
        (|y| y.reshape((3, 2))?.unsqueeze(0), &[0, 1, 2, 3, 4, 5]),
        (|y| y.t(), &[0, 3, 1, 4, 2, 5]),
        (|y| y.narrow(0, 1, 1), &[3, 4, 5]),
        (|y| y.narrow(0, 0, 1)?.reshape((3, 1)), &[0, 1, 2]),
        (|y| y.reshape((1, 6))?.t(), &[0, 1, 2, 3, 4, 5]),
    ];
    for (i, (way, order)) in ways.into_iter().enumerate() {
        let (_, gradients) = value_and_grad(|| weighed(&way(&times_3(&x)?)?)).unwrap();
        let gradient = gradients.get(&x).expect("a gradient");
        assert_eq!(gradient.dims(), [2, 3]);
        let mut expected = [0.0; 6];
        for (k, &at) in order.iter().enumerate() {
            expected[at] = 18.0 * k as f64 * (at as f64 + 1.0);
        }
        assert_eq!(gradient.flatten_all().unwrap().to_vec1::<f64>().unwrap(), expected, "way {i}");
    }
}
