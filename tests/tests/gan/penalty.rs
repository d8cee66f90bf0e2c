//! The gradient penalty against PyTorch's double backward pass, and what it refuses.

use candlelight::autograd::value_and_grad;
use candlelight::gan::{GradientPenaltyConfig, Side, gradient_penalty, interpolate};
use candlelight::kernels::composed;
use candlelight::nn::{
    AvgPool2d, AvgPool2dConfig, Conv1d, Conv1dConfig, Conv2d, Conv2dConfig, GroupNorm, GroupNormConfig, InstanceNorm2d,
    InstanceNormConfig, Linearized, Residual, dropout, max_pool2d,
};
use candlelight::prelude::*;
use candlelight::rng::normal;
use candlelight_tests::{assert_close, everywhere, fixture, flat, number, store};

fn activation(name: &str) -> Activation {
    match name {
        "relu" => Activation::Relu,
        "leaky_relu" => Activation::LeakyRelu { negative_slope: 0.2 },
        "sigmoid" => Activation::Sigmoid,
        "tanh" => Activation::Tanh,
        "elu" => Activation::Elu { alpha: 0.7 },
        "gelu" => Activation::Gelu,
        "gelu_tanh" => Activation::GeluTanh,
        "silu" => Activation::Silu,
        "softplus" => Activation::Softplus { beta: 1.5, threshold: 20.0 },
        other => panic!("{other}"),
    }
}

/// The critics of `cases/gradient_penalty.py`, with PyTorch's names for the parameters.
fn critic(kind: &str, act: Activation, params: &Params) -> Result<Sequential> {
    let p = |name: usize| params.pp(name);
    Ok(match kind {
        "dense" => Sequential::new()
            .push(linear(3, 7, p(0))?)
            .push(act)
            .push(linear(7, 5, p(2))?)
            .push(act)
            .push(linear(5, 1, p(4))?),
        "norm" => {
            Sequential::new().push(linear(4, 6, p(0))?).push(layer_norm(6, p(1))?).push(act).push(linear(6, 1, p(3))?)
        }
        "conv" => {
            let first = Conv2dConfig { stride: (2, 2), padding: (1, 1), ..Default::default() };
            let second = Conv2dConfig { bias: false, ..Default::default() };
            let instance = InstanceNormConfig { affine: true, ..Default::default() };
            let pool = AvgPool2dConfig { stride: Some((1, 1)), ..Default::default() };
            Sequential::new()
                .push(Conv2d::new(2, 4, 3, first, p(0))?)
                .push(GroupNorm::new(2, 4, GroupNormConfig::default(), p(1))?)
                .push(act)
                .push(Conv2d::new(4, 3, 2, second, p(3))?)
                .push(InstanceNorm2d::new(3, instance, p(4))?)
                .push(act)
                .push(AvgPool2d::new(2, pool)?)
                .push(Flatten)
                .push(linear(12, 1, p(8))?)
        }
        "residual" => {
            let same = Conv1dConfig { padding: 1, ..Default::default() };
            Sequential::new()
                .push(Conv1d::new(1, 3, 3, same, p(0))?)
                .push(Residual::new(Conv1d::new(3, 3, 3, same, p(1).pp("inner"))?))
                .push(act)
                .push(Flatten)
                .push(linear(15, 1, p(4))?)
        }
        other => panic!("{other}"),
    })
}

#[test]
fn value_and_gradients_are_those_of_a_double_backward_pass() {
    everywhere(|| {
        for case in fixture("gradient_penalty") {
            let title = case.0["name"].as_str().unwrap().to_owned();
            let words: Vec<&str> = title.split(' ').collect();
            let params = store(case.dtype());
            let critic = critic(words[0], activation(words[1]), &params).unwrap();
            for param in params.all() {
                params.set(&param.name, &case.tensor(&param.name)).unwrap();
            }
            let side = if words[4] == "one" { Side::One } else { Side::Two };
            let config =
                GradientPenaltyConfig { weight: words[2].parse().unwrap(), target: words[3].parse().unwrap(), side };
            let x = case.tensor("x");
            let (rtol, atol) = if case.dtype() == DType::F64 { (1e-9, 1e-9) } else { (1e-4, 1e-4) };
            let penalty = || gradient_penalty(&critic, &x, &config);
            let ways = [
                ("tape", value_and_grad(penalty).unwrap()),
                ("composed", composed(|| value_and_grad(penalty)).unwrap()),
                ("Candle's graph", {
                    let value = penalty().unwrap();
                    (value.clone(), value.backward().unwrap())
                }),
            ];
            for (way, (value, gradients)) in ways {
                let name = format!("{title} {:?} ({way})", case.dtype());
                assert_close(&name, &value, &case.f64("output"), rtol, atol);
                for param in params.trainable() {
                    let expected = case.f64(&format!("grad_{}", param.name));
                    let zeros = expected.zeros_like().unwrap();
                    // What only moves the output has no gradient.
                    let actual = gradients.get(&param.var).unwrap_or(&zeros);
                    assert_close(&format!("{name}: {}", param.name), actual, &expected, rtol, atol);
                }
            }
        }
    });
}

/// What the documentation says of Candle 0.11.1: the penalty through its own `backward` loses the gradient of g. A
/// version that keeps it fails here.
#[test]
fn candle_drops_most_of_the_gradient() {
    let params = store(DType::F64);
    let critic = critic("dense", Activation::Tanh, &params).unwrap();
    let x = Var::from_tensor(&candlelight_tests::gradient::input(3, (6, 3))).unwrap();
    let stock = {
        // The same critic of Candle's operations alone.
        let dense = |x: &Tensor, i: usize| {
            let weight = params.get(&format!("{i}.weight")).unwrap().t().unwrap();
            x.matmul(&weight).unwrap().broadcast_add(&params.get(&format!("{i}.bias")).unwrap()).unwrap()
        };
        let hidden = dense(&dense(&x, 0).tanh().unwrap(), 2).tanh().unwrap();
        let plain = dense(&hidden, 4).sum_all().unwrap();
        let gradient = plain.backward().unwrap().get(&x).unwrap().clone();
        let norms = gradient.sqr().unwrap().sum_keepdim(1).unwrap().sqrt().unwrap();
        ((norms - 1.0).unwrap().sqr().unwrap().mean_all().unwrap() * 10.0).unwrap()
    };
    let (value, gradients) = value_and_grad(|| gradient_penalty(&critic, &x, &Default::default())).unwrap();
    assert!((number(&stock) - number(&value)).abs() < 1e-12);
    let dropped = stock.backward().unwrap();
    let largest = |values: Vec<f64>| values.into_iter().fold(0.0, |a: f64, b| a.max(b.abs()));
    let weights = params.trainable().into_iter().filter(|param| param.name.ends_with("weight"));
    let missing = weights.filter(|param| {
        let ours = gradients.get(&param.var).unwrap();
        assert!(largest(flat(ours)) > 0.01, "{}", param.name);
        dropped.get(&param.var).is_none()
    });
    let missing: Vec<String> = missing.map(|param| param.name).collect();
    assert_eq!(missing, ["2.weight", "4.weight"], "has Candle learnt to differentiate twice?");
}

#[test]
fn a_slope_of_zero_has_a_gradient_of_zero() {
    let params = store(DType::F64);
    let critic = critic("dense", Activation::Tanh, &params).unwrap();
    params.set("4.weight", &Tensor::zeros((1, 5), DType::F64, &Device::Cpu).unwrap()).unwrap();
    let x = candlelight_tests::gradient::input(1, (6, 3));
    let (value, gradients) = value_and_grad(|| gradient_penalty(&critic, &x, &Default::default())).unwrap();
    assert_eq!(number(&value), 10.0);
    for param in params.trainable().iter().filter(|param| param.name != "4.bias") {
        let gradient = gradients.get(&param.var).unwrap();
        assert!(flat(gradient).iter().all(|&g| g == 0.0), "{}", param.name);
    }
}

/// ε is drawn once for each pair: points lie on the line between its ends, and shares are uniform.
#[test]
fn points_lie_between_pairs() {
    let mut rng = seeded(0);
    let normals = |seed| normal(&mut seeded(seed), 0.0, 1.0, (4_000, 2, 3), DType::F64, &Device::Cpu).unwrap();
    let (real, fake) = (normals(1), normals(2));
    let points = interpolate(&real, &fake, &mut rng).unwrap();
    let shares = ((points - &fake).unwrap() / (real - &fake).unwrap()).unwrap().flatten_from(1).unwrap();
    let shares = shares.to_vec2::<f64>().unwrap();
    for of_pair in &shares {
        assert!(of_pair.iter().all(|share| (share - of_pair[0]).abs() < 1e-6 && (0.0..1.0).contains(&of_pair[0])));
    }
    let mean = shares.iter().map(|of_pair| of_pair[0]).sum::<f64>() / shares.len() as f64;
    // Three standard errors of a uniform mean.
    assert!((mean - 0.5).abs() < 3.0 / (12.0 * 4_000_f64).sqrt(), "{mean}");
}

#[test]
fn critics_that_have_no_slope_of_a_sample_are_refused() {
    let params = store(DType::F32);
    let x = Tensor::ones((4, 3), DType::F32, &Device::Cpu).unwrap();
    let norm = batch_norm1d(3, params.pp("bn")).unwrap();
    let mean = norm.running_mean().unwrap().clone();
    let critic = Sequential::new().push(norm).push(linear(3, 1, params.pp("fc")).unwrap());
    let refused = |critic: &dyn Module, x: &Tensor| {
        value_and_grad(|| gradient_penalty(critic, x, &Default::default())).unwrap_err().to_string()
    };
    assert_eq!(
        refused(&critic, &x),
        "batch_norm1d cannot be linearized: in training the output for a sample depends on all others of the batch, so a \
         derivative or a gradient penalty is not that of a sample; take layer_norm, instance_norm2d, or no norm"
    );
    assert_eq!(flat(&mean), [0.0; 3]);
    let critic = Sequential::new().push(dropout(0.5, params.pp("drop")).unwrap());
    assert!(refused(&critic, &x).starts_with("dropout cannot be linearized: it draws a mask at each pass"));
    let images = Tensor::ones((4, 1, 4, 4), DType::F32, &Device::Cpu).unwrap();
    assert!(refused(&max_pool2d(2).unwrap(), &images).contains("MaxPool2d cannot be linearized: it does not say how"));
    assert_eq!(
        refused(&linear(3, 2, params.pp("two")).unwrap(), &x),
        "output of the critic: expected shape [N, 1] or [N] with N at least 1, got [4, 2]"
    );
    let config = GradientPenaltyConfig { weight: -1.0, ..Default::default() };
    let fc = linear(3, 1, params.pp("one")).unwrap();
    let error = gradient_penalty(&fc, &x, &config).unwrap_err().to_string();
    assert_eq!(error, "weight must be finite and at least 0, got -1");
    let error = interpolate(&x, &x.narrow(0, 0, 2).unwrap(), &mut seeded(0)).unwrap_err().to_string();
    assert_eq!(error, "generated samples: expected shape [4, 3], as the real ones, of at least one, got [2, 3]");
}

/// One number, whatever the input.
struct One;

impl Module for One {
    fn forward(&self, x: &Tensor, _: Mode) -> Result<Tensor> {
        Ok(Tensor::ones(1, x.dtype(), x.device())?)
    }

    fn linearize(&self, x: &Tensor, mode: Mode) -> Result<Linearized<'_>> {
        Ok(Linearized::new(x, self.forward(x, mode)?, |v| Ok(v.clone())))
    }
}

#[test]
fn a_critic_gives_a_number_for_each_sample() {
    for (shape, said) in [(vec![], "[]"), (vec![3, 2], "[3, 2]")] {
        let x = Tensor::zeros(shape, DType::F64, &Device::Cpu).unwrap();
        let error = gradient_penalty(&One, &x, &Default::default()).unwrap_err().to_string();
        assert_eq!(error, format!("output of the critic: expected shape as many rows as its input, {said}, got [1]"));
    }
}

/// With frozen statistics batch normalization maps a sample by itself.
#[test]
fn frozen_batch_normalization_can_be_linearized() {
    let params = store(DType::F64);
    let norm = batch_norm1d(3, params.pp("bn")).unwrap();
    norm.running_var().unwrap().set(&Tensor::new(&[4f64, 9., 16.], &Device::Cpu).unwrap()).unwrap();
    norm.freeze(true).unwrap();
    let x = candlelight_tests::gradient::input(2, (4, 3));
    let along = norm.linearize(&x, Mode::Train).unwrap().along(&x.ones_like().unwrap()).unwrap();
    let expected = Tensor::new(&[0.5f64, 1. / 3., 0.25], &Device::Cpu).unwrap().broadcast_as((4, 3)).unwrap();
    assert_close("slope", &along, &expected, 0.0, 1e-5);
}
