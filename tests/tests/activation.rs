//! Activations against PyTorch, finite differences and stock Candle.

use candlelight::activation::{
    elu, gelu, gelu_tanh, leaky_relu, log_softmax, log_softmax_with_temperature, logsumexp, relu, sigmoid, silu,
    softmax, softmax_with_temperature, softplus, tanh,
};
use candlelight::autograd::value_and_grad;
use candlelight::candle_nn;
use candlelight::kernels::Instructions;
use candlelight::nn::{Activation, Mode, Module};
use candlelight::prelude::*;
use candlelight_tests::elsewhere::batch;
use candlelight_tests::{Case, assert_close, elsewhere, everywhere, fixture, flat, gradient, here, number, strided};
use proptest::prelude::{ProptestConfig, Strategy, prop_assert, prop_assert_eq, proptest};

type F = fn(&Tensor) -> Result<Tensor>;

/// Every element-wise function with settings, and the layer that computes the same.
const ELEMENTWISE: [(&str, F, Activation); 9] = [
    ("relu", relu, Activation::Relu),
    ("sigmoid", sigmoid, Activation::Sigmoid),
    ("tanh", tanh, Activation::Tanh),
    ("leaky_relu", |x| leaky_relu(x, 0.1), Activation::LeakyRelu { negative_slope: 0.1 }),
    ("elu", |x| elu(x, 0.8), Activation::Elu { alpha: 0.8 }),
    ("gelu", gelu, Activation::Gelu),
    ("gelu_tanh", gelu_tanh, Activation::GeluTanh),
    ("silu", silu, Activation::Silu),
    ("softplus", |x| softplus(x, 2.0, 4.0), Activation::Softplus { beta: 2.0, threshold: 4.0 }),
];

/// Those along a dimension, here the last.
const ALONG_A_DIMENSION: [(&str, F); 5] = [
    ("softmax", |x| softmax(x, D::Minus1)),
    ("log_softmax", |x| log_softmax(x, D::Minus1)),
    ("logsumexp", |x| logsumexp(x, D::Minus1)),
    ("softmax_with_temperature", |x| softmax_with_temperature(x, D::Minus1, 2.5)),
    ("log_softmax_with_temperature", |x| log_softmax_with_temperature(x, D::Minus1, 2.5)),
];

fn compute(case: &Case, x: &Tensor) -> Tensor {
    let words: Vec<&str> = case.0["name"].as_str().unwrap().split(' ').collect();
    let setting = |i: usize| words[i].parse::<f64>().unwrap();
    let dim = || words[1].parse::<usize>().unwrap();
    match words[0] {
        "relu" => relu(x),
        "sigmoid" => sigmoid(x),
        "tanh" => tanh(x),
        "leaky_relu" => leaky_relu(x, setting(1)),
        "elu" => elu(x, setting(1)),
        "gelu" => gelu(x),
        "gelu_tanh" => gelu_tanh(x),
        "silu" => silu(x),
        "softplus" => softplus(x, setting(1), setting(2)),
        "softmax" => softmax(x, dim()),
        "log_softmax" => log_softmax(x, dim()),
        "logsumexp" => logsumexp(x, dim()),
        "softmax_with_temperature" => softmax_with_temperature(x, dim(), 0.37),
        "log_softmax_with_temperature" => log_softmax_with_temperature(x, dim(), 0.37),
        other => panic!("{other}"),
    }
    .unwrap()
}

fn derivative(f: impl Fn(&Tensor) -> Result<Tensor>, x: &Tensor) -> Vec<f64> {
    let x = Var::from_tensor(x).unwrap();
    flat(f(&x).unwrap().sum_all().unwrap().backward().unwrap().get(&x).unwrap())
}

#[test]
fn agrees_with_pytorch() {
    everywhere(|| {
        for case in fixture("activation") {
            let x = Var::from_tensor(&case.tensor("x")).unwrap();
            case.check_every_way(|| Ok(compute(&case, &x)), &[("x", &x)]);
            case.check_every_way(|| Ok(compute(&case, &strided(&x))), &[("x", &x)]);
        }
    });
}

#[test]
fn gradients_agree_with_finite_differences() {
    let functions = ELEMENTWISE.iter().map(|&(name, f, _)| (name, f)).chain(ALONG_A_DIMENSION);
    for (name, function) in functions {
        for shape in [vec![2, 5], vec![3, 4, 2], vec![1, 3]] {
            let x = [gradient::input(1, shape)];
            gradient::check(|x| function(&x[0]), &x).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
    gradient::check(|x| log_softmax(&x[0], 0), &[gradient::input(1, (3, 2))]).unwrap();
}

#[test]
fn layers_compute_what_the_functions_do() {
    let x = gradient::input(7, (3, 4));
    let layers = [
        (softmax_with_temperature(&x, 1, 0.5), Activation::Softmax { temperature: 0.5 }),
        (log_softmax_with_temperature(&x, 1, 3.0), Activation::LogSoftmax { temperature: 3.0 }),
    ];
    let elementwise = ELEMENTWISE.iter().map(|(_, f, layer)| (f(&x), *layer));
    for (expected, layer) in elementwise.chain(layers) {
        for mode in [Mode::Train, Mode::Eval] {
            assert_eq!(flat(&layer.forward(&x, mode).unwrap()), flat(expected.as_ref().unwrap()), "{layer:?}");
        }
    }
}

/// A broadcast tensor has strides of 0.
#[test]
fn broadcast_input_is_summed_over_in_the_gradient() {
    for (name, f) in ELEMENTWISE.iter().map(|&(name, f, _)| (name, f)).chain(ALONG_A_DIMENSION) {
        let row = gradient::input(8, (1, 3));
        let broadcast = |x: &Tensor| f(&x.broadcast_as((4, 3))?)?.sqr().map_err(Error::from);
        let single = |x: &Tensor| f(x)?.sqr().map_err(Error::from);
        for (four, one) in derivative(broadcast, &row).into_iter().zip(derivative(single, &row)) {
            assert!((four - 4.0 * one).abs() < 1e-12, "{name}");
        }
    }
}

#[test]
fn kinks_have_the_derivative_of_pytorch() {
    everywhere(|| {
        for zero in [0.0, -0.0] {
            for dtype in [DType::F32, DType::F64] {
                let x = Tensor::new(&[zero], &here()).unwrap().to_dtype(dtype).unwrap();
                assert_eq!(derivative(relu, &x), [0.0]);
                assert_eq!(derivative(|x| leaky_relu(x, 0.25), &x), [0.25]);
                assert_eq!(derivative(|x| elu(x, 0.5), &x), [0.5]);
                assert_eq!(derivative(|x| softplus(x, 1.0, 20.0), &x), [0.5]);
                assert_eq!(derivative(gelu, &x), [0.5]);
                assert_eq!(derivative(silu, &x), [0.5]);
            }
        }
    });
}

#[test]
fn nan_stays_nan_and_infinities_are_as_documented() {
    everywhere(|| {
        let x = Tensor::new(&[f64::NAN, f64::NEG_INFINITY, f64::INFINITY], &here()).unwrap();
        let limits = [
            ("relu", 0.0),
            ("sigmoid", 0.0),
            ("tanh", -1.0),
            ("leaky_relu", f64::NEG_INFINITY),
            ("elu", -0.8),
            ("gelu", f64::NAN),
            ("gelu_tanh", f64::NAN),
            ("silu", f64::NAN),
            ("softplus", 0.0),
        ];
        for ((name, f, _), (same, below)) in ELEMENTWISE.into_iter().zip(limits) {
            assert_eq!(name, same);
            for dtype in [DType::F32, DType::F64] {
                let y = flat(&f(&x.to_dtype(dtype).unwrap()).unwrap());
                let above = if matches!(name, "sigmoid" | "tanh") { 1.0 } else { f64::INFINITY };
                let close = (y[1] - below).abs() < 1e-7
                    || y[1].to_bits() == below.to_bits()
                    || (y[1].is_nan() && below.is_nan());
                assert!(y[0].is_nan() && close && y[2] == above, "{name}: {y:?}");
            }
        }
    });
}

#[test]
fn values_and_gradients_are_finite_at_any_magnitude() {
    everywhere(|| {
        for (name, f, _) in ELEMENTWISE {
            for magnitude in [1e-30, 1e-8, 1.0, 100.0, 1e4, 1e8, 1e18] {
                let x = Tensor::new(&[-magnitude as f32, magnitude as f32], &here()).unwrap();
                let finite = flat(&f(&x).unwrap()).into_iter().chain(derivative(f, &x)).all(f64::is_finite);
                assert!(finite, "{name} at ±{magnitude}");
            }
        }
    });
}

#[test]
fn small_numbers_keep_their_digits() {
    for x in [1e-3f32, 1e-6, 1e-9, 1e-20] {
        let at = |x: f32| Tensor::new(&[x], &Device::Cpu).unwrap();
        let close = |actual: Tensor, expected: f64| {
            let actual = number(&actual);
            assert!((actual / expected - 1.0).abs() < 1e-6, "{actual} at {x}, expected {expected}");
        };
        close(elu(&at(-x), 1.0).unwrap(), f64::from(-x).exp_m1());
        close(softplus(&at(x.ln()), 1.0, 20.0).unwrap(), f64::from(x.ln()).exp().ln_1p());
    }
}

/// What one pass computes from its input, with settings of all kinds.
const CURVES: [(&str, F); 8] = [
    ("elu", |x| elu(x, 0.8)),
    ("elu with a negative alpha", |x| elu(x, -1.5)),
    ("gelu", gelu),
    ("gelu_tanh", gelu_tanh),
    ("silu", silu),
    ("softplus", |x| softplus(x, 2.0, 4.0)),
    ("softplus without a threshold", |x| softplus(x, 0.25, f64::INFINITY)),
    ("softplus that is linear from -∞ on", |x| softplus(x, 1.0, f64::NEG_INFINITY)),
];

/// Values and gradients of `f`, where the gradient of the output is `weights`.
fn both_passes(f: F, x: &Var, weights: &Tensor) -> (Tensor, Tensor) {
    let mut output = None;
    let run = || {
        let y = f(x)?;
        output = Some(y.clone());
        Ok((y * weights)?.sum_all()?)
    };
    let (_, gradients) = value_and_grad(run).unwrap();
    (output.unwrap(), gradients.get(x).unwrap().clone())
}

#[test]
fn kernels_agree_with_the_composed_form() {
    for (dtype, tolerance) in [(DType::F32, 2e-6), (DType::F64, 1e-14)] {
        // One piece, and several with a rest.
        for (n, scale) in [(1, 1.0), (7, 3.0), (1000, 0.01), (1000, 3.0), (1000, 60.0), (50_003, 3.0)] {
            let n = batch(n, 1);
            for (name, f) in CURVES {
                let run = || {
                    let x = (gradient::input(3, n) * scale).unwrap().to_dtype(dtype).unwrap();
                    both_passes(f, &Var::from_tensor(&x).unwrap(), &gradient::input(4, n).to_dtype(dtype).unwrap())
                };
                let ((y, dx), (plain, plain_dx)) = (run(), elsewhere(run));
                assert_close(&format!("{name}, {n} {dtype:?}"), &y, &plain, tolerance, tolerance);
                assert_close(&format!("gradient of {name}, {n} {dtype:?}"), &dx, &plain_dx, tolerance, 4.0 * tolerance);
            }
        }
    }
}

/// x, value and derivative, by mpmath 1.3.0 in 50 digits.
const EXACT: [(&str, f64, f64, f64); 24] = [
    ("gelu", -30.0, -1.472_014_178_144_456e-196, -4.416_031_690_708_495e-195),
    ("gelu", -6.0, -5.919_525_870_226_188_5e-9, -3.546_870_945_390_201_5e-8),
    ("gelu", -1.0, -0.158_655_253_931_457_05, -0.083_315_470_587_686_29),
    ("gelu", -1e-5, -4.999_960_105_771_961e-6, 0.499_992_021_154_392_23),
    ("gelu", 0.3, 0.185_373_426_656_685_77, 0.732_327_766_827_109_9),
    ("gelu", 1.9, 1.845_438_536_349_596_4, 1.095_953_488_255_883_7),
    ("gelu_tanh", -6.0, -8.439_646_700_762_297e-11, -7.709_973_930_953_696e-10),
    ("gelu_tanh", -1.0, -0.158_808_009_391_723_3, -0.082_964_083_845_782_55),
    ("gelu_tanh", 0.3, 0.185_370_923_542_759_25, 0.732_295_451_638_801_8),
    ("gelu_tanh", 1.9, 1.845_451_234_455_332_4, 1.096_781_808_099_794_6),
    ("silu", -30.0, -2.807_286_890_651_789_6e-12, -2.713_710_660_963_134e-12),
    ("silu", -6.0, -0.014_835_738_939_808_645, -0.012_326_432_591_525_513),
    ("silu", -1.0, -0.268_941_421_369_995_1, 0.072_329_488_128_513_27),
    ("silu", 0.3, 0.172_332_755_043_497_68, 0.647_780_010_318_882_8),
    ("silu", 1.9, 1.652_793_898_710_304, 1.084_934_018_234_671),
    ("softplus", -30.0, 4.378_255_381_348_26e-27, 8.756_510_762_696_52e-27),
    ("softplus", -6.0, 3.072_096_738_866_403e-6, 6.144_174_602_214_718e-6),
    ("softplus", -1.0, 0.063_464_005_521_486_25, 0.119_202_922_022_117_56),
    ("softplus", 0.3, 0.518_743_975_242_942_8, 0.645_656_306_225_795_4),
    ("softplus", 1.9, 1.911_062_108_227_439_5, 0.978_118_729_063_869_5),
    ("elu", -30.0, -0.799_999_999_999_925_1, 7.486_098_375_072_14e-14),
    ("elu", -6.0, -0.798_016_998_258_666_9, 0.001_983_001_741_333_087),
    ("elu", -1.0, -0.505_696_447_062_846_1, 0.294_303_552_937_153_9),
    ("elu", -1e-5, -7.999_960_000_133_333e-6, 0.799_992_000_039_999_8),
];

/// What is said of digits holds for the kernels.
fn kernels_are_in_use() -> bool {
    Instructions::in_use() != Instructions::Base
}

#[test]
fn curves_have_all_their_digits_in_f64() {
    if !kernels_are_in_use() {
        return;
    }
    for (name, x, value, slope) in EXACT {
        let (_, f) = CURVES.into_iter().find(|(other, _)| *other == name).unwrap();
        let x = Tensor::new(&[x], &Device::Cpu).unwrap();
        // An exponent of 60 is rounded to 30 units in the last place of its exponential; nothing else costs so much.
        for (actual, exact) in [(number(&f(&x).unwrap()), value), (derivative(f, &x)[0], slope)] {
            assert!((actual / exact - 1.0).abs() < 1e-14, "{name}: {actual}, exactly {exact}");
        }
    }
}

/// The tails as well, where (1 + erf) / 2 has no digit left.
#[test]
fn curves_keep_their_digits_in_f32() {
    if !kernels_are_in_use() {
        return;
    }
    let x: Vec<f32> = (-120_000..=120_000).map(|i| i as f32 * 7.3e-4).collect();
    let x = Tensor::new(x, &Device::Cpu).unwrap();
    let wide = x.to_dtype(DType::F64).unwrap();
    let unit = f64::from(f32::EPSILON);
    for (name, f) in CURVES {
        let values = flat(&f(&x).unwrap()).into_iter().zip(flat(&f(&wide).unwrap()));
        let slopes = derivative(f, &x).into_iter().zip(derivative(f, &wide));
        for ((x, value), slope) in flat(&x).into_iter().zip(values).zip(slopes) {
            // What the argument of the exponential is rounded by.
            let units = match name {
                "gelu_tanh" => 8.0 + 2.0 * (0.8 * x.abs() * (1.0 + 0.0447 * x * x)).min(60.0),
                _ => 8.0,
            };
            // Where the derivative crosses 0 it is the difference of numbers of this size.
            let size = if (-3.0..0.0).contains(&x) { 0.3 } else { 0.0 };
            for (what, (actual, exact), least) in [("value", value, 0.0), ("slope", slope, size)] {
                let near = units * unit * exact.abs().max(least) + f64::from(f32::MIN_POSITIVE);
                assert!((actual - exact).abs() <= near, "{what} of {name} at {x}: {actual}, in f64 {exact}");
            }
        }
    }
}

/// At NaN, -∞ and ∞ in PyTorch 2.15; but there NaN at the last of a softplus without a threshold, and 1 or NaN at the first
/// of ELU, by the length of the tensor.
#[test]
fn derivatives_at_infinity_are_those_of_pytorch() {
    everywhere(|| {
        let nan = f64::NAN;
        let expected = [
            ("elu", [nan, 0.0, 1.0]),
            ("elu with a negative alpha", [nan, 0.0, 1.0]),
            ("gelu", [nan; 3]),
            ("gelu_tanh", [nan; 3]),
            ("silu", [nan; 3]),
            ("softplus", [nan, 0.0, 1.0]),
            ("softplus without a threshold", [nan, 0.0, 1.0]),
            ("softplus that is linear from -∞ on", [nan, 0.0, 1.0]),
        ];
        for ((name, f), (same, expected)) in CURVES.into_iter().zip(expected) {
            assert_eq!(name, same);
            for dtype in [DType::F32, DType::F64] {
                let x = Tensor::new(&[nan, f64::NEG_INFINITY, f64::INFINITY], &here()).unwrap();
                let slopes = derivative(f, &x.to_dtype(dtype).unwrap());
                let same = |(a, b): (&f64, &f64)| a == b || (a.is_nan() && b.is_nan());
                assert!(slopes.iter().zip(&expected).all(same), "{name} {dtype:?}: {slopes:?}");
            }
        }
    });
}

/// At numbers so small that they have lost digits, a curve is its tangent at 0.
#[test]
fn subnormal_numbers_are_not_lost() {
    for (dtype, small) in [(DType::F32, 1e-41), (DType::F64, 1e-312)] {
        for x in [small, -small] {
            let at = Tensor::new(&[x], &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
            let x = number(&at);
            let below = if x < 0.0 { 0.8 } else { 1.0 };
            for (name, slope) in [("elu", below), ("gelu", 0.5), ("gelu_tanh", 0.5), ("silu", 0.5)] {
                let (_, f) = CURVES.into_iter().find(|(other, _)| *other == name).unwrap();
                let y = number(&f(&at).unwrap());
                assert!((y / (x * slope) - 1.0).abs() < 1e-3 && y != 0.0, "{name} at {x:e}: {y:e}");
                assert!((derivative(f, &at)[0] - slope).abs() < 1e-7, "{name} at {x:e}");
            }
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
    everywhere(|| {
        let x = Tensor::new(&[0.0f64, 1.0, 3.0], &here()).unwrap();
        let at = |temperature| flat(&softmax_with_temperature(&x, 0, temperature).unwrap());
        assert_eq!(at(1e-3), [0.0, 0.0, 1.0]);
        assert!(at(1e6).iter().all(|p| (p - 1.0 / 3.0).abs() < 1e-6));
        assert_eq!(at(1.0), flat(&softmax(&x, 0).unwrap()));
    });
}

#[test]
fn masked_entries_and_nan() {
    everywhere(|| {
        let masked = Tensor::new(&[[0.0f32, f32::NEG_INFINITY], [1.0, 1.0]], &here()).unwrap();
        assert_eq!(flat(&softmax(&masked, 1).unwrap()), [1.0, 0.0, 0.5, 0.5]);
        assert_eq!(number(&log_softmax(&masked, 1).unwrap()), 0.0);
        for dtype in [DType::F32, DType::F64] {
            let nothing = Tensor::full(f64::NEG_INFINITY, 3, &here()).unwrap().to_dtype(dtype).unwrap();
            assert_eq!(number(&logsumexp(&nothing, 0).unwrap()), f64::NEG_INFINITY);
            assert_eq!(number(&logsumexp(&nothing.neg().unwrap(), 0).unwrap()), f64::INFINITY);
        }
        let x = Tensor::new(&[f32::NAN, f32::NEG_INFINITY, f32::INFINITY], &here()).unwrap();
        let y = flat(&relu(&x).unwrap());
        assert!(y[0].is_nan() && y[1] == 0.0 && y[2] == f64::INFINITY);
    });
}

#[test]
fn bad_input_is_a_typed_error() {
    let integers = Tensor::new(&[1u32, 2], &Device::Cpu).unwrap();
    for f in ELEMENTWISE.iter().map(|(_, f, _)| *f).chain(ALONG_A_DIMENSION.map(|(_, f)| f)) {
        let result = f(&integers);
        assert!(matches!(result, Err(Error::DType { actual: DType::U32, .. })), "{result:?}");
    }
    let x = Tensor::zeros((2, 0), DType::F32, &Device::Cpu).unwrap();
    assert!(matches!(softmax(&x, 2), Err(Error::Shape { .. })));
    for result in [softmax(&x, 1), log_softmax(&x, D::Minus1), logsumexp(&x, 1)] {
        let message = result.unwrap_err().to_string();
        assert!(message.contains("dimension 1 not empty") && message.contains("[2, 0]"), "{message}");
    }
    for (_, f, _) in ELEMENTWISE {
        assert_eq!(f(&x).unwrap().dims(), [2, 0], "an empty batch passes");
    }
    let refused = |result: Result<Tensor>, setting: &str| {
        assert!(matches!(result, Err(Error::Setting { name, .. }) if name == setting), "{result:?}");
    };
    for temperature in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        refused(softmax_with_temperature(&x, 0, temperature), "temperature");
        refused(log_softmax_with_temperature(&x, 0, temperature), "temperature");
        refused(softplus(&x, temperature, 20.0), "beta");
    }
    for value in [f64::NAN, f64::INFINITY] {
        refused(leaky_relu(&x, value), "negative_slope");
        refused(elu(&x, value), "alpha");
    }
    refused(softplus(&x, 1.0, f64::NAN), "threshold");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn any_shape_and_any_numbers_pass(
        shape in proptest::collection::vec(0usize..4, 0..4),
        dtype in (0..2).prop_map(|i| [DType::F32, DType::F64][i as usize]),
        numbers in proptest::collection::vec(proptest::num::f64::ANY, 27),
    ) {
        let n: usize = shape.iter().product();
        let x = Tensor::from_vec(numbers[..n].to_vec(), shape.as_slice(), &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
        for (name, f, layer) in ELEMENTWISE {
            let y = f(&x).unwrap();
            prop_assert_eq!((y.dims(), y.dtype()), (shape.as_slice(), dtype));
            for (x, y) in flat(&x).into_iter().zip(flat(&y)) {
                prop_assert!(!x.is_nan() || y.is_nan(), "{} loses a NaN", name);
                prop_assert!(x.is_nan() || x.is_infinite() || !y.is_nan(), "{} of {} is NaN", name, x);
            }
            prop_assert!(layer.forward(&x, Mode::Train).is_ok());
        }
        for (_, f) in ALONG_A_DIMENSION {
            let result = f(&x);
            prop_assert_eq!(result.is_ok(), shape.last().is_some_and(|&last| last > 0), "{:?}", result);
        }
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

/// If this fails, Candle has mended what `silu` warns of.
#[test]
fn stock_silu_has_derivative_zero_where_it_is_one() {
    let x = Tensor::new(&[1e8f32], &Device::Cpu).unwrap();
    assert_eq!(derivative(|x| Ok(x.silu()?), &x), [0.0]);
    assert_eq!(derivative(silu, &x), [1.0]);
}

/// If this fails, Candle has mended what `gelu` and `gelu_tanh` warn of.
#[test]
fn stock_gelu_has_derivatives_of_six_digits() {
    let x = Tensor::arange_step(-4f64, 4.0, 0.01, &Device::Cpu).unwrap();
    let error = |stock: Vec<f64>, ours: Vec<f64>| {
        stock.iter().zip(ours).map(|(stock, ours)| (stock - ours).abs()).fold(0.0, f64::max)
    };
    let exact = error(derivative(|x| Ok(x.gelu_erf()?), &x), derivative(gelu, &x));
    let tanh = error(derivative(|x| Ok(x.gelu()?), &x), derivative(gelu_tanh, &x));
    assert!((1e-8..2e-7).contains(&exact) && (1e-8..1e-6).contains(&tanh), "{exact} {tanh}");
}

/// If this fails, Candle has mended what `leaky_relu` and `elu` warn of.
#[test]
fn stock_leaky_relu_halves_its_kink_and_stock_elu_loses_small_numbers() {
    let x = Tensor::new(&[0f32], &Device::Cpu).unwrap();
    assert_eq!(derivative(|x| Ok(candle_nn::ops::leaky_relu(x, 0.5)?), &x), [0.75]);
    assert_eq!(derivative(|x| leaky_relu(x, 0.5), &x), [0.5]);
    let x = Tensor::new(&[-1e-8f32], &Device::Cpu).unwrap();
    assert_eq!(flat(&x.elu(1.0).unwrap()), [0.0]);
    assert_eq!(flat(&elu(&x, 1.0).unwrap()), flat(&x));
}

#[test]
fn a_temperature_beyond_the_range_of_f32_gives_the_limit() {
    everywhere(|| {
        let x = Var::new(&[[0f32, 3., 1.], [1e30, -1e30, 0.]], &here()).unwrap();
        for (temperature, expected) in [(1e-50, [[0., 1., 0.], [1., 0., 0.]]), (1e-10, [[0., 1., 0.], [1., 0., 0.]])] {
            let p = softmax_with_temperature(&x, 1, temperature).unwrap();
            assert_eq!(p.to_vec2::<f32>().unwrap(), expected, "{temperature}");
            let gradients = p.narrow(1, 0, 1).unwrap().sum_all().unwrap().backward().unwrap();
            assert_eq!(flat(gradients.get(&x).unwrap()), [0.0; 6], "{temperature}");
            let log_p = log_softmax_with_temperature(&x, 1, temperature).unwrap().to_vec2::<f32>().unwrap();
            assert!(log_p[0][1] == 0.0 && log_p[1][0] == 0.0 && log_p[0][0] < -1e9, "{log_p:?}");
        }
        let uniform = softmax_with_temperature(&x.narrow(0, 0, 1).unwrap(), 1, 1e50).unwrap();
        assert!(flat(&uniform).iter().all(|p| (p - 1.0 / 3.0).abs() < 1e-7));
    });
}

#[test]
fn softplus_of_large_numbers_is_itself_whatever_beta() {
    everywhere(|| {
        let x = Var::new(&[1e30f32, 10., 0., -10., -1e30], &here()).unwrap();
        let y = softplus(&x, 1e20, f64::INFINITY).unwrap();
        assert_eq!(y.to_vec1::<f32>().unwrap()[..2], [1e30, 10.0]);
        assert_eq!(y.to_vec1::<f32>().unwrap()[3..], [0.0; 2]);
        assert_eq!(flat(y.sum_all().unwrap().backward().unwrap().get(&x).unwrap()), [1.0, 1.0, 0.5, 0.0, 0.0]);
    });
}

#[test]
fn a_setting_that_f32_does_not_hold_is_refused_in_f32() {
    let x = Tensor::zeros(3, DType::F32, &Device::Cpu).unwrap();
    let refused = |result: Result<Tensor>| assert!(matches!(result, Err(Error::Setting { .. })), "{result:?}");
    for value in [1e50, -1e50] {
        refused(leaky_relu(&x, value));
        refused(elu(&x, value));
    }
    refused(softplus(&x, 1e50, 20.0));
    refused(softplus(&x, 1e-50, 20.0));
    let x = x.to_dtype(DType::F64).unwrap();
    assert_eq!(flat(&leaky_relu(&x, 1e50).unwrap()), [0.0; 3]);
    assert_eq!(flat(&elu(&x, 1e50).unwrap()), [0.0; 3]);
}

#[test]
fn a_dimension_that_is_not_there_is_a_typed_error() {
    let x = Tensor::zeros((2, 3), DType::F32, &Device::Cpu).unwrap();
    let message = |result: Result<Tensor>| {
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Shape { .. }), "{error:?}");
        error.to_string()
    };
    assert_eq!(message(softmax(&x, 5)), "softmax: expected shape with a dimension 5, got [2, 3]");
    assert_eq!(message(log_softmax(&x, 2)), "log_softmax: expected shape with a dimension 2, got [2, 3]");
    assert_eq!(message(logsumexp(&x, D::Minus(3))), "logsumexp: expected shape with a dimension -3, got [2, 3]");
    assert_eq!(message(softmax_with_temperature(&x, 5, 2.0)), "softmax: expected shape with a dimension 5, got [2, 3]");
    message(log_softmax_with_temperature(&x, 5, 2.0));
    message(Activation::Softmax { temperature: 1.0 }.forward(&x.flatten_all().unwrap().get(0).unwrap(), Mode::Eval));
}
