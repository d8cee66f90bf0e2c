//! Initial values: their distributions, and what they keep through a layer.

use candlelight::init::{Distribution, Fan, Nonlinearity, propagate, spectral_radius};
use candlelight::nn::Activation;
use candlelight::nn::{Mode, Module};
use candlelight::prelude::*;
use candlelight_tests::{assert_close, flat};
use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};

const CPU: Device = Device::Cpu;

fn draw(init: Init, shape: &[usize]) -> Tensor {
    init.tensor(&mut seeded(6), shape, DType::F64, &CPU).unwrap()
}

fn variance(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64
}

fn mean_and_variance(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n)
}

#[test]
fn named_rules_are_cases_of_the_scaled_one() {
    let scaled = |fan, gain, distribution| Init::Scaled { fan, gain, distribution };
    for (named, general) in [
        (Init::XavierUniform, scaled(Fan::Average, 1.0, Distribution::Uniform)),
        (Init::XavierNormal, scaled(Fan::Average, 1.0, Distribution::Normal)),
        (Init::HeUniform, scaled(Fan::In, Nonlinearity::Relu.gain(), Distribution::Uniform)),
        (Init::HeNormal, scaled(Fan::In, Nonlinearity::Relu.gain(), Distribution::Normal)),
        (Init::LeCunUniform, scaled(Fan::In, 1.0, Distribution::Uniform)),
        (Init::LeCunNormal, scaled(Fan::In, Nonlinearity::Linear.gain(), Distribution::Normal)),
    ] {
        let shape = [4, 6, 3, 3];
        assert_close(&format!("{named:?}"), &draw(named, &shape), &draw(general, &shape), 1e-15, 0.0);
    }
}

#[test]
fn scaled_weights_have_variance_gain_squared_over_fan() {
    // [out, in, 3, 3]: fan_in 540, fan_out 360. As the weight of a transposed convolution the same shape has 40 inputs, and
    // PyTorch's rule, which looks at the shape alone, still divides by 540.
    let shape = [40, 60, 3, 3];
    let n = shape.iter().product::<usize>() as f64;
    for (fan, size) in [(Fan::In, 540.0), (Fan::Out, 360.0), (Fan::Average, 450.0)] {
        for (distribution, excess) in [(Distribution::Uniform, 0.8), (Distribution::Normal, 2.0)] {
            for gain in [0.5, 2.0] {
                let values = flat(&draw(Init::Scaled { fan, gain, distribution }, &shape));
                let ratio = variance(&values) / (gain * gain / size);
                assert!((ratio - 1.0).abs() < 4.5 * f64::sqrt(excess / n), "{fan:?} {distribution:?}: {ratio}");
                let furthest = values.iter().fold(0.0, |max: f64, value| max.max(value.abs()));
                let bound = gain * f64::sqrt(3.0 / size);
                assert_eq!(furthest <= bound, distribution == Distribution::Uniform, "{furthest} {bound}");
            }
        }
    }
    let zero = Init::Scaled { fan: Fan::In, gain: 0.0, distribution: Distribution::Normal };
    assert!(flat(&draw(zero, &[3, 4])).iter().all(|&value| value == 0.0));
}

/// Values of `torch.nn.init.calculate_gain`, PyTorch 2.15.0.
#[test]
fn gains_are_those_of_pytorch() {
    for (nonlinearity, gain) in [
        (Nonlinearity::Linear, 1.0),
        (Nonlinearity::Sigmoid, 1.0),
        (Nonlinearity::Tanh, 1.6666666666666667),
        (Nonlinearity::Relu, std::f64::consts::SQRT_2),
        (Nonlinearity::LeakyRelu { negative_slope: 0.01 }, 1.4141428569978354),
        (Nonlinearity::Selu, 0.75),
    ] {
        assert_eq!(nonlinearity.gain(), gain, "{nonlinearity:?}");
    }
}

/// What the rules are for: fifty layers on, the size of the signal is still of the order it had.
#[test]
fn the_right_gain_keeps_the_signal_through_fifty_layers() {
    let after = |activation: Activation, gain: f64| {
        let rng = &mut seeded(1);
        let width = 128;
        let init = Init::Scaled { fan: Fan::In, gain, distribution: Distribution::Normal };
        let mut x = draw(Init::Normal { mean: 0.0, std: 1.0 }, &[64, width]);
        for _ in 0..50 {
            let w = init.tensor(rng, (width, width), DType::F64, &CPU).unwrap();
            x = activation.forward(&x.matmul(&w.t().unwrap()).unwrap(), Mode::Train).unwrap();
        }
        variance(&flat(&x))
    };
    let leaky = Activation::LeakyRelu { negative_slope: 0.3 };
    let leaky_gain = Nonlinearity::LeakyRelu { negative_slope: 0.3 }.gain();
    for (activation, gain) in [(Activation::Relu, Nonlinearity::Relu.gain()), (leaky, leaky_gain)] {
        let (kept, lost) = (after(activation, gain), after(activation, 1.0));
        assert!((0.05..20.0).contains(&kept) && lost < 1e-8, "{activation:?}: {kept} {lost}");
    }
    let kept = after(Activation::Tanh, Nonlinearity::Tanh.gain());
    assert!((0.2..0.8).contains(&kept), "{kept}");
}

#[test]
fn orthogonal_weights_have_orthonormal_rows_or_columns() {
    for shape in
        [&[5, 5][..], &[3, 17], &[17, 3], &[4, 3], &[1, 1], &[4, 2, 3, 3], &[20, 2, 3], &[128, 64], &[200, 200]]
    {
        let gain = 1.5;
        let w = draw(Init::Orthogonal { gain }, shape);
        assert_eq!(w.dims(), shape);
        let matrix = w.flatten_from(1).unwrap();
        let (rows, columns) = matrix.dims2().unwrap();
        let t = matrix.t().unwrap().contiguous().unwrap();
        let product = if rows <= columns { matrix.matmul(&t) } else { t.matmul(&matrix) }.unwrap();
        let expected = (Tensor::eye(rows.min(columns), DType::F64, &CPU).unwrap() * (gain * gain)).unwrap();
        assert_close(&format!("{shape:?}"), &product, &expected, 0.0, 1e-13);
    }
    let w = Init::Orthogonal { gain: 1.0 }.tensor(&mut seeded(1), (3, 4), DType::F32, &CPU).unwrap();
    assert_eq!(w.dtype(), DType::F32);
    // Even over all orthogonal matrices, so each entry has mean 0, as the sign fix brings about: without it, QR codes
    // favour one sign on the diagonal.
    let rng = &mut seeded(2);
    let mut sum = [0.0; 4];
    for _ in 0..2000 {
        let w = flat(&Init::Orthogonal { gain: 1.0 }.tensor(rng, (2, 2), DType::F64, &CPU).unwrap());
        // Some of the draws are nearly parallel, which a single pass of Gram–Schmidt would show.
        assert!((w[0] * w[2] + w[1] * w[3]).abs() < 1e-15, "{w:?}");
        sum.iter_mut().zip(w).for_each(|(sum, w)| *sum += w);
    }
    // Each entry has variance 1/2; 4.5 standard errors.
    assert!(sum.iter().all(|sum| (sum / 2000.0).abs() < 4.5 * f64::sqrt(0.5 / 2000.0)), "{sum:?}");
}

#[test]
fn truncated_normal_draws_stay_within_their_bounds() {
    // The variance of a standard normal distribution cut at c is 1 - 2c φ(c) / (2Φ(c) - 1).
    for (cut, expected) in [(2.0, 0.773_741_303_550), (1.0, 0.291_125_094_773), (0.5, 0.080_589_154_601)] {
        let n = 20_000;
        let values = flat(&draw(Init::TruncatedNormal { mean: 3.0, std: 0.1, cut }, &[n]));
        let scaled: Vec<f64> = values.iter().map(|value| (value - 3.0) / 0.1).collect();
        let furthest = scaled.iter().fold(0.0, |max: f64, z| max.max(z.abs()));
        assert!(furthest <= cut + 1e-12 && furthest > 0.99 * cut, "{furthest}");
        let ratio = variance(&scaled) / expected;
        assert!((ratio - 1.0).abs() < 4.5 * f64::sqrt(2.0 / n as f64), "{cut}: {ratio}");
    }
}

#[test]
fn bad_settings_and_shapes_are_typed_errors() {
    let refused = |init: Init, setting: &str| {
        let result = init.tensor(&mut seeded(0), (2, 3), DType::F32, &CPU);
        assert!(matches!(result, Err(Error::Setting { name, .. }) if name == setting), "{result:?}");
    };
    for bad in [-1.0, f64::NAN, f64::INFINITY] {
        refused(Init::Scaled { fan: Fan::In, gain: bad, distribution: Distribution::Normal }, "gain");
        refused(Init::Orthogonal { gain: bad }, "gain");
        refused(Init::TruncatedNormal { mean: 0.0, std: bad, cut: 2.0 }, "std");
        refused(Init::TruncatedNormal { mean: 0.0, std: 1.0, cut: bad }, "cut");
    }
    refused(Init::TruncatedNormal { mean: 0.0, std: 1.0, cut: 0.0 }, "cut");
    refused(Init::TruncatedNormal { mean: f64::NAN, std: 1.0, cut: 2.0 }, "mean");
    refused(Init::Constant(f64::NAN), "constant");
    for init in [Init::HeUniform, Init::LeCunNormal, Init::LeCunUniform, Init::Orthogonal { gain: 1.0 }] {
        for shape in [&[][..], &[5], &[5, 0], &[0, 5]] {
            let result = init.tensor(&mut seeded(0), shape, DType::F32, &CPU);
            assert!(matches!(result, Err(Error::Shape { what: "weight", .. })), "{init:?}: {result:?}");
        }
        let result = init.tensor(&mut seeded(0), (2, 3), DType::U32, &CPU);
        assert!(matches!(result, Err(Error::DType { actual: DType::U32, .. })), "{init:?}: {result:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn any_shape_is_drawn_or_refused(shape in proptest::collection::vec(0usize..6, 0..5), seed in 0u64..100) {
        let fits = shape.len() >= 2 && shape.iter().all(|&size| size > 0);
        for (init, fits) in [
            (Init::XavierUniform, fits),
            (Init::HeUniform, fits),
            (Init::LeCunNormal, fits),
            (Init::Orthogonal { gain: 1.0 }, fits),
            (Init::Scaled { fan: Fan::Out, gain: 0.3, distribution: Distribution::Uniform }, fits),
            (Init::TruncatedNormal { mean: 0.0, std: 1.0, cut: 0.2 }, true),
            (Init::Constant(1.0), true),
        ] {
            let draw = || init.tensor(&mut seeded(seed), shape.as_slice(), DType::F32, &CPU);
            prop_assert_eq!(draw().is_ok(), fits, "{:?}", init);
            if fits {
                let (one, two) = (draw().unwrap(), draw().unwrap());
                prop_assert_eq!(one.dims(), shape.as_slice());
                prop_assert!(flat(&one) == flat(&two) && flat(&one).iter().all(|value| value.is_finite()));
            }
        }
    }
}

#[test]
fn signals_and_gradients_are_those_of_the_net() {
    let store = Params::with_dtype(3, DType::F64, &CPU).unwrap();
    let widths = [4, 6, 3, 5];
    let weights: Vec<Tensor> = (1..4)
        .map(|l| store.var(&format!("w{l}"), (widths[l], widths[l - 1]), Init::HeNormal).unwrap().as_tensor().clone())
        .collect();
    let (x, gradient) =
        (draw(Init::Normal { mean: 0.0, std: 1.0 }, &[7, 4]), draw(Init::Uniform { low: -1.0, high: 2.0 }, &[7, 5]));
    let mean_square = |t: &Tensor| variance(&flat(t));
    for activation in [Activation::Relu, Activation::Tanh] {
        let phi = |z: &Tensor| activation.forward(z, Mode::Train);
        let through = propagate(&weights, phi, &x, &gradient).unwrap();
        // Candle's own backward pass, by something added to each z.
        let added: Vec<Var> = (1..4).map(|l| Var::zeros((7, widths[l]), DType::F64, &CPU).unwrap()).collect();
        let mut h = x.clone();
        let mut z = vec![];
        for (weight, added) in weights.iter().zip(&added) {
            z.push((h.matmul(&weight.t().unwrap()).unwrap() + added.as_tensor()).unwrap());
            h = phi(&z[z.len() - 1]).unwrap();
        }
        let gradients = (&z[2] * &gradient).unwrap().sum_all().unwrap().backward().unwrap();
        for l in 0..3 {
            assert!((through.forward[l] / mean_square(&z[l]) - 1.0).abs() < 1e-12);
            let delta = mean_square(gradients.get(&added[l]).unwrap());
            assert!((through.backward[l] / delta - 1.0).abs() < 1e-12, "{l}: {} {delta}", through.backward[l]);
        }
    }
    // Without an activation.
    let linear = propagate(&weights, |z| Ok(z.clone()), &x, &gradient).unwrap();
    let product = weights[2].matmul(&weights[1]).unwrap().matmul(&weights[0]).unwrap();
    assert!((linear.forward[2] / mean_square(&x.matmul(&product.t().unwrap()).unwrap()) - 1.0).abs() < 1e-12);
    let back = gradient.matmul(&weights[2]).unwrap().matmul(&weights[1]).unwrap();
    assert!((linear.backward[0] / mean_square(&back) - 1.0).abs() < 1e-12);
}

#[test]
fn he_keeps_the_mean_square_through_relu_on_average() {
    // With variance 2 / fan_in: E[z²] = 2 E[x²] in every layer. One layer spreads by the factor 1 + 5/n.
    let (width, depth, nets) = (32, 6, 600);
    let mut rng = seeded(8);
    let mut sum = 0.0;
    for _ in 0..nets {
        let weights: Vec<Tensor> =
            (0..depth).map(|_| Init::HeNormal.tensor(&mut rng, (width, width), DType::F64, &CPU).unwrap()).collect();
        let x = Tensor::ones((1, width), DType::F64, &CPU).unwrap();
        sum += propagate(&weights, candlelight::activation::relu, &x, &x).unwrap().forward[depth - 1];
    }
    let spread = 2.0 * ((1.0 + 5.0 / width as f64).powi(depth as i32) - 1.0).sqrt();
    let mean = sum / f64::from(nets);
    assert!((mean - 2.0).abs() < 4.5 * spread / f64::from(nets).sqrt(), "{mean}");
}

#[test]
fn weights_that_do_not_fit_are_refused() {
    let tensor = |shape: (usize, usize)| Tensor::ones(shape, DType::F64, &CPU).unwrap();
    let go = |weights: &[Tensor], x: (usize, usize), gradient: (usize, usize)| {
        propagate(weights, candlelight::activation::relu, &tensor(x), &tensor(gradient))
    };
    assert!(matches!(go(&[], (1, 2), (1, 2)), Err(Error::Setting { name: "weights", .. })));
    let weights = [tensor((3, 2)), tensor((4, 3))];
    assert!(go(&weights, (5, 2), (5, 4)).is_ok());
    assert!(matches!(go(&weights, (5, 3), (5, 4)), Err(Error::Shape { what: "x", .. })));
    assert!(matches!(go(&weights, (5, 2), (4, 4)), Err(Error::Shape { what: "gradient", .. })));
    let skipped = [tensor((3, 2)), tensor((4, 4))];
    assert!(matches!(go(&skipped, (5, 2), (5, 4)), Err(Error::Shape { what: "weight", .. })));
}

#[test]
fn initial_values_have_their_mean_variance_and_range() {
    // [out, in, 3, 3]: fan_in 540, fan_out 360.
    let (shape, fan_in, fan_out) = ((40, 60, 3, 3), 540.0, 360.0);
    let n = 40.0 * 60.0 * 9.0;
    let cases = [
        (Init::Normal { mean: 1.5, std: 0.2 }, 1.5, 0.04, false),
        (Init::Uniform { low: -1.0, high: 3.0 }, 1.0, 16.0 / 12.0, true),
        (Init::XavierUniform, 0.0, 2.0 / (fan_in + fan_out), true),
        (Init::XavierNormal, 0.0, 2.0 / (fan_in + fan_out), false),
        (Init::HeNormal, 0.0, 2.0 / fan_in, false),
        (Init::TorchLinear { fan_in: 540 }, 0.0, 1.0 / (3.0 * fan_in), true),
    ];
    for (init, expected_mean, expected_variance, is_uniform) in cases {
        for dtype in [DType::F32, DType::F64] {
            let values = flat(&init.tensor(&mut seeded(6), shape, dtype, &CPU).unwrap());
            let (mean, variance) = mean_and_variance(&values);
            let std: f64 = f64::sqrt(expected_variance);
            assert!((mean - expected_mean).abs() < 4.5 * std / f64::sqrt(n), "{init:?}: mean {mean}");
            // The variance of a sample variance is (kurtosis - 1) σ⁴ / n; kurtosis 1.8 for uniform, 3 for normal draws.
            let spread = if is_uniform { 0.8 } else { 2.0 };
            let tolerance = 4.5 * f64::sqrt(spread / n);
            assert!((variance / expected_variance - 1.0).abs() < tolerance, "{init:?}: variance {variance}");
            let furthest = values.iter().map(|value| (value - expected_mean).abs()).fold(0.0, f64::max);
            let bound = 3f64.sqrt() * std;
            if is_uniform {
                assert!(furthest <= bound * (1.0 + 1e-6) && furthest > 0.999 * bound, "{init:?}: {furthest}");
            } else {
                assert!(furthest > 3.5 * std, "{init:?}: no tails");
            }
        }
    }
    assert_eq!(flat(&Init::Constant(0.25).tensor(&mut seeded(0), 3, DType::F32, &CPU).unwrap()), [0.25; 3]);
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
