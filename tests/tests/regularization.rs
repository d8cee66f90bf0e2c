//! Penalties, decay and the bound on weights: values, gradients, and which parameters they see.

use candlelight::nn::{Linear, LinearConfig, linear};
use candlelight::params::Param;
use candlelight::prelude::*;
use candlelight::regularization::{decay_l1, decay_l2, elastic_net, l1, l2, max_norm, weights};
use candlelight_tests::{assert_close, elsewhere, flat, gradient, number, store};
use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};

/// A store of two parameters with given values.
fn two_weights() -> (Params, Var, Var) {
    let params = Params::with_dtype(0, DType::F64, &Device::Cpu).unwrap();
    let a = params.var("a", (2, 2), Init::Constant(0.0)).unwrap();
    let b = params.var("b", 2, Init::Constant(0.0)).unwrap();
    params.set("a", &Tensor::new(&[[1.5f64, -2.0], [0.0, 3.0]], &Device::Cpu).unwrap()).unwrap();
    params.set("b", &Tensor::new(&[-0.5f64, -0.0], &Device::Cpu).unwrap()).unwrap();
    (params, a, b)
}

#[test]
fn l1_is_the_sum_of_absolute_values_with_subgradient_zero_at_zero() {
    let (params, a, b) = two_weights();
    let penalty = l1(&params.trainable()).unwrap();
    assert_eq!((number(&penalty), penalty.rank()), (7.0, 0));
    let gradients = penalty.backward().unwrap();
    assert_eq!(flat(gradients.get(&a).unwrap()), [1.0, -1.0, 0.0, 1.0]);
    assert_eq!(flat(gradients.get(&b).unwrap()), [-1.0, 0.0]);
}

#[test]
fn l2_is_the_sum_of_squares_with_gradient_2w() {
    let (params, a, b) = two_weights();
    let penalty = l2(&params.trainable()).unwrap();
    assert_eq!((number(&penalty), penalty.rank()), (15.5, 0));
    let gradients = penalty.backward().unwrap();
    assert_eq!(flat(gradients.get(&a).unwrap()), [3.0, -4.0, 0.0, 6.0]);
    assert_eq!(flat(gradients.get(&b).unwrap()), [-1.0, 0.0]);
}

#[test]
fn elastic_net_is_the_weighted_sum_of_both() {
    let (params, a, b) = two_weights();
    let penalty = elastic_net(&params.trainable(), 0.5, 0.25).unwrap();
    assert_eq!((number(&penalty), penalty.rank()), (0.5 * 7.0 + 0.25 * 15.5, 0));
    let gradients = penalty.backward().unwrap();
    assert_eq!(flat(gradients.get(&a).unwrap()), [0.5 + 0.75, -0.5 - 1.0, 0.0, 0.5 + 1.5]);
    assert_eq!(flat(gradients.get(&b).unwrap()), [-0.5 - 0.25, 0.0]);
}

#[test]
fn gradients_agree_with_finite_differences() {
    let params = Params::with_dtype(0, DType::F64, &Device::Cpu).unwrap();
    let w = params.var("w", (3, 4), Init::Constant(0.0)).unwrap();
    w.set(&gradient::input(1, (3, 4))).unwrap();
    type Penalty = fn(&[Param]) -> Result<Tensor>;
    for penalty in [l1 as Penalty, l2, |params| elastic_net(params, 0.3, 0.7)] {
        let gradients = penalty(&params.trainable()).unwrap().backward().unwrap();
        let analytic = flat(gradients.get(&w).unwrap());
        let start = w.as_tensor().copy().unwrap();
        for (i, analytic) in analytic.into_iter().enumerate() {
            let at = |shift: f64| {
                let mut values = flat(&start);
                values[i] += shift;
                w.set(&Tensor::from_vec(values, (3, 4), &Device::Cpu).unwrap()).unwrap();
                number(&penalty(&params.trainable()).unwrap())
            };
            let expected = (at(1e-6) - at(-1e-6)) / 2e-6;
            assert!((analytic - expected).abs() < 1e-5 + 1e-3 * expected.abs(), "{analytic} {expected}");
        }
        w.set(&start).unwrap();
    }
}

#[test]
fn l1_decay_is_soft_thresholding() {
    let (params, a, b) = two_weights();
    decay_l1(&params.trainable(), 0.75).unwrap();
    assert_eq!(flat(&a), [0.75, -1.25, 0.0, 2.25]);
    assert_eq!(flat(&b), [0.0, 0.0], "what would cross zero stops there");
    decay_l1(&params.trainable(), 0.0).unwrap();
    assert_eq!(flat(&a), [0.75, -1.25, 0.0, 2.25]);

    // It minimises (w' - w)²/2 + a |w'|: no point of a fine grid does better.
    let objective = |w: f64, start: f64| (w - start).powi(2) / 2.0 + 0.75 * w.abs();
    for (start, found) in [(1.5, 0.75), (-2.0, -1.25), (-0.5, 0.0)] {
        let best = (-3000..3000).map(|i| objective(f64::from(i) / 1000.0, start)).fold(f64::MAX, f64::min);
        assert!(objective(found, start) <= best + 1e-12);
    }
}

/// The path of plain descent on Σ (w - t)²: `change` sees the weights before each step, and returns a penalty to add.
fn descend(target: &Tensor, eta: f64, change: impl Fn(&[Param]) -> Option<Tensor>) -> Var {
    let params = Params::with_dtype(0, DType::F64, &Device::Cpu).unwrap();
    let w = params.var("w", 3, Init::Constant(1.0)).unwrap();
    for _ in 0..200 {
        let loss = (w.as_tensor() - target).unwrap().sqr().unwrap().sum_all().unwrap();
        let gradient = |loss: &Tensor| (loss.backward().unwrap().get(&w).unwrap() * eta).unwrap();
        let step = gradient(&loss);
        let step = match change(&params.trainable()) {
            Some(penalty) => (step + gradient(&penalty)).unwrap(),
            None => step,
        };
        w.set(&(w.as_tensor() - step).unwrap()).unwrap();
    }
    w
}

#[test]
fn l2_decay_is_the_penalty_for_plain_descent() {
    let (eta, lambda) = (0.1, 0.5);
    let target = Tensor::new(&[2.0f64, -1.0, 0.3], &Device::Cpu).unwrap();
    let by_penalty = descend(&target, eta, |params| Some((l2(params).unwrap() * lambda).unwrap()));
    let by_decay = descend(&target, eta, |params| {
        decay_l2(params, 2.0 * eta * lambda).unwrap();
        None
    });
    assert_close("weights", &by_decay, &by_penalty, 1e-12, 1e-12);
}

#[test]
fn l1_decay_makes_exact_zeros_where_the_penalty_flickers() {
    let (eta, lambda) = (0.1, 1.0);
    let target = Tensor::new(&[2.0f64, -1.0, 0.3], &Device::Cpu).unwrap();
    let params = Params::with_dtype(0, DType::F64, &Device::Cpu).unwrap();
    let w = params.var("w", 3, Init::Constant(1.0)).unwrap();
    for _ in 0..200 {
        let step = ((w.as_tensor() - &target).unwrap() * (2.0 * eta)).unwrap();
        w.set(&(w.as_tensor() - step).unwrap()).unwrap();
        decay_l1(&params.trainable(), eta * lambda).unwrap();
    }
    // The minimum of (w - t)² + λ |w| is t, moved towards 0 by λ/2.
    let found = flat(&w);
    assert!((found[0] - 1.5).abs() < 1e-9 && (found[1] + 0.5).abs() < 1e-9 && found[2] == 0.0, "{found:?}");

    let by_penalty = descend(&target, eta, |params| Some((l1(params).unwrap() * lambda).unwrap()));
    let found = flat(&by_penalty);
    assert!((found[0] - 1.5).abs() < 1e-9 && found[2] != 0.0 && found[2].abs() < 2.0 * eta * lambda, "{found:?}");
}

#[test]
fn max_norm_bounds_each_unit_and_leaves_the_rest() {
    let params = Params::with_dtype(0, DType::F64, &Device::Cpu).unwrap();
    let w = params.var("conv", (4, 2, 3, 3), Init::Constant(0.0)).unwrap();
    let start = gradient::input(3, (4, 2, 3, 3));
    let scale = Tensor::new(&[0.01f64, 1.0, 10.0, 0.0], &Device::Cpu).unwrap().reshape((4, 1, 1, 1)).unwrap();
    w.set(&start.broadcast_mul(&scale).unwrap()).unwrap();
    let before = w.as_tensor().copy().unwrap();
    max_norm(&params.trainable(), 2.0).unwrap();
    for unit in 0..4 {
        let (old, new) = (flat(&before.get(unit).unwrap()), flat(&w.get(unit).unwrap()));
        let norm = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>().sqrt();
        if norm(&old) <= 2.0 {
            assert_eq!(old, new, "bit for bit");
        } else {
            assert!((norm(&new) - 2.0).abs() < 1e-12);
            let factor = 2.0 / norm(&old);
            assert!(old.iter().zip(&new).all(|(old, new)| (old * factor - new).abs() < 1e-12), "its direction stays");
        }
    }
    assert!(flat(&w.get(3).unwrap()).iter().all(|&value| value == 0.0), "a unit of zeros stays one");
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
    let (params, ..) = two_weights();
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

#[test]
fn settings_outside_their_range_are_typed_errors() {
    let (params, a, _) = two_weights();
    let before = flat(&a);
    let all = params.trainable();
    let refused = |result: Result<()>, setting: &str| {
        assert!(matches!(result, Err(Error::Setting { name, .. }) if name == setting), "{result:?}");
    };
    for bad in [-0.1, f64::NAN, f64::INFINITY] {
        refused(decay_l1(&all, bad), "amount");
        refused(decay_l2(&all, bad), "amount");
        refused(max_norm(&all, bad), "limit");
        refused(elastic_net(&all, bad, 0.0).map(|_| ()), "lambda1");
        refused(elastic_net(&all, 0.0, bad).map(|_| ()), "lambda2");
    }
    refused(decay_l2(&all, 1.1), "amount");
    refused(max_norm(&all, 0.0), "limit");
    refused(elastic_net(&[], 1.0, 1.0).map(|_| ()), "params");
    let message = max_norm(&all, 1.0).unwrap_err().to_string();
    assert_eq!(message, "parameter `b`: expected a weight [out, in, ...], got [2]");
    assert_eq!(flat(&a), before, "nothing has changed");
    max_norm(&[], 1.0).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn weights_of_any_shape_shrink(shape in proptest::collection::vec(0usize..4, 0..5), amount in 0.0..=1.0f64) {
        let params = Params::with_dtype(0, DType::F64, &Device::Cpu).unwrap();
        let w = params.var("w", shape.as_slice(), Init::Constant(0.0)).unwrap();
        let start = gradient::input(1, shape.as_slice());
        type Change<'a> = &'a dyn Fn(&[Param]) -> Result<()>;
        let changes: [Change; 3] =
            [&|p| decay_l1(p, amount), &|p| decay_l2(p, amount), &|p| max_norm(p, amount + 0.1)];
        for (i, change) in changes.into_iter().enumerate() {
            w.set(&start).unwrap();
            let result = change(&params.trainable());
            prop_assert_eq!(result.is_ok(), i < 2 || shape.len() >= 2, "{:?}", result);
            prop_assert_eq!(w.dims(), shape.as_slice());
            for (new, old) in flat(&w).into_iter().zip(flat(&start)) {
                prop_assert!(new.abs() <= old.abs() && new * old >= 0.0);
            }
        }
    }
}

/// If this fails, Candle has mended what `l1` warns of.
#[test]
fn stock_abs_has_derivative_one_at_zero() {
    let x = Var::new(0f64, &Device::Cpu).unwrap();
    assert_eq!(number(x.abs().unwrap().backward().unwrap().get(&x).unwrap()), 1.0);
}

#[test]
fn the_kernel_agrees_with_the_composed_form() {
    use candlelight::autograd::value_and_grad;
    // Four weights, more than one node of Candle's graph takes; one longer than a piece that threads share.
    for dtype in [DType::F32, DType::F64] {
        let run = |taped| {
            let params = store(dtype);
            let shapes: [&[usize]; 4] = [&[3], &[300, 70], &[1, 2, 5], &[1]];
            for (i, shape) in shapes.into_iter().enumerate() {
                params.var(&format!("w{i}"), shape, Init::Normal { mean: 0.0, std: 1.0 }).unwrap();
            }
            let all = params.trainable();
            let loss = || elastic_net(&all, 0.3, 0.7);
            let (value, gradients) = if taped {
                value_and_grad(loss).unwrap()
            } else {
                (loss().unwrap(), loss().unwrap().backward().unwrap())
            };
            (number(&value), all.iter().map(|param| gradients.get(&param.var).unwrap().clone()).collect::<Vec<_>>())
        };
        let ((value, by_kernel), (stock_value, stock), (plain_value, plain)) =
            (run(true), run(false), elsewhere(|| run(false)));
        assert_eq!(value, stock_value);
        let tolerance = if dtype == DType::F32 { 1e-5 } else { 1e-12 };
        assert!((value / plain_value - 1.0).abs() < tolerance);
        for (i, fast) in by_kernel.iter().enumerate() {
            assert_close(&format!("w{i}"), fast, &plain[i], tolerance, tolerance);
            assert_eq!(flat(fast), flat(&stock[i]));
        }
    }
}
