//! Derivatives along a direction against finite differences, and against the backward pass.

use candlelight::autograd::value_and_grad;
use candlelight::nn::{
    AdaptiveAvgPool2d, AvgPool1d, AvgPool1dConfig, AvgPool2d, AvgPool2dConfig, Conv1d, Conv1dConfig, Conv2d,
    Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig, Dropout, DropoutConfig, GroupNorm, GroupNormConfig,
    InstanceNorm2d, InstanceNormConfig, Residual, Scaling,
};
use candlelight::prelude::*;
use candlelight::train::Frozen;
use candlelight_tests::{assert_close, flat, gradient, number, store};

/// A layer, the shape of its input, and the mode that it is run in.
type Layer = (Box<dyn Module>, Vec<usize>, Mode);

/// Every layer that can be linearized.
fn layers(params: &Params) -> Result<Vec<Layer>> {
    let p = |name: &str| params.pp(name);
    let image = || vec![2, 4, 5, 6];
    let conv = Conv2dConfig { stride: (2, 1), padding: (1, 0), dilation: (1, 2), groups: 2, ..Default::default() };
    let grow = ConvTranspose2dConfig { stride: (2, 2), padding: (1, 1), ..Default::default() };
    let kept = InstanceNormConfig { affine: true, track_running_stats: true, ..Default::default() };
    let weight_scaling = DropoutConfig { p: 0.3, scaling: Scaling::AtInference };
    let inner =
        || -> Result<Sequential> { Ok(Sequential::new().push(linear(5, 5, p("inner"))?).push(Activation::Tanh)) };
    let mut layers: Vec<Layer> = vec![
        (Box::new(linear(5, 3, p("linear"))?), vec![2, 3, 5], Mode::Train),
        (
            Box::new(Conv1d::new(4, 3, 3, Conv1dConfig { padding: 1, ..Default::default() }, p("conv1d"))?),
            vec![2, 4, 6],
            Mode::Train,
        ),
        (Box::new(Conv2d::new(4, 6, (3, 2), conv, p("conv2d"))?), image(), Mode::Train),
        (Box::new(ConvTranspose2d::new(4, 3, 4, grow, p("transposed"))?), image(), Mode::Train),
        (Box::new(layer_norm((5, 6), p("layer_norm"))?), image(), Mode::Train),
        (Box::new(GroupNorm::new(2, 4, GroupNormConfig::default(), p("group_norm"))?), image(), Mode::Train),
        (Box::new(InstanceNorm2d::new(4, kept, p("instance_norm"))?), image(), Mode::Train),
        (Box::new(InstanceNorm2d::new(4, kept, p("instance_norm_used"))?), image(), Mode::Eval),
        (Box::new(batch_norm2d(4, p("batch_norm"))?), image(), Mode::Eval),
        (Box::new(Frozen::new(batch_norm2d(4, p("frozen"))?)), image(), Mode::Train),
        (Box::new(Dropout::new(weight_scaling, p("dropout"))?), image(), Mode::Eval),
        (
            Box::new(AvgPool2d::new(
                3,
                AvgPool2dConfig { stride: Some((2, 2)), padding: (1, 1), ..Default::default() },
            )?),
            image(),
            Mode::Train,
        ),
        (Box::new(AvgPool1d::new(2, AvgPool1dConfig::default())?), vec![2, 4, 7], Mode::Train),
        (Box::new(AdaptiveAvgPool2d::new((2, 3))?), image(), Mode::Train),
        (Box::new(GlobalAvgPool), image(), Mode::Train),
        (Box::new(Flatten), image(), Mode::Train),
        (Box::new(Residual::new(inner()?)), vec![3, 5], Mode::Train),
    ];
    for activation in [
        Activation::Relu,
        Activation::LeakyRelu { negative_slope: 0.2 },
        Activation::Sigmoid,
        Activation::Tanh,
        Activation::Elu { alpha: 0.7 },
        Activation::Gelu,
        Activation::GeluTanh,
        Activation::Silu,
        Activation::Softplus { beta: 1.5, threshold: 1.0 },
        Activation::Softmax { temperature: 0.8 },
        Activation::LogSoftmax { temperature: 1.3 },
    ] {
        layers.push((Box::new(activation), vec![3, 5], Mode::Train));
    }
    Ok(layers)
}

/// The layers with scales and variances that are not 1, and their parameters.
fn all_layers() -> (Params, Vec<Layer>) {
    let params = store(DType::F64);
    let layers = layers(&params).unwrap();
    for (i, param) in params.all().iter().enumerate() {
        if param.name.contains("norm") || param.name.contains("frozen") {
            let value = gradient::input(i as u64, param.var.shape()).abs().unwrap();
            params.set(&param.name, &(value + 0.2).unwrap()).unwrap();
        }
    }
    (params, layers)
}

#[test]
fn derivatives_along_a_direction_agree_with_finite_differences() {
    for (i, (layer, shape, mode)) in all_layers().1.into_iter().enumerate() {
        let (x, v) = (gradient::input(i as u64, shape.clone()), gradient::input(100 + i as u64, shape));
        let eps = 1e-6;
        let at = |shift: f64| layer.forward(&(&x + (&v * shift).unwrap()).unwrap(), mode).unwrap();
        let expected = ((at(eps) - at(-eps)).unwrap() / (2.0 * eps)).unwrap();
        let linearized = layer.linearize(&x, mode).unwrap();
        let name = format!("layer {i}");
        assert_close(&name, linearized.output(), &at(0.0), 0.0, 0.0);
        assert!(flat(&expected).iter().any(|&slope| slope.abs() > 0.01), "{name} is flat");
        assert_close(&name, &linearized.along(&v).unwrap(), &expected, 1e-6, 1e-7);
    }
}

/// The gradient of a sum of slopes, for the input and all parameters: a second derivative.
#[test]
fn slopes_can_be_differentiated() {
    let (params, layers) = all_layers();
    for (i, (layer, shape, mode)) in layers.into_iter().enumerate() {
        let (x, v) = (gradient::input(i as u64, shape.clone()), gradient::input(100 + i as u64, shape));
        let x = Var::from_tensor(&x).unwrap();
        let weights = gradient::input(200 + i as u64, layer.forward(&x, mode).unwrap().shape());
        let slopes = || -> Result<Tensor> { Ok((layer.linearize(&x, mode)?.along(&v)? * &weights)?.sum_all()?) };
        let (_, gradients) = value_and_grad(slopes).unwrap();
        let mut variables = vec![("x".to_owned(), x.clone())];
        variables.extend(params.trainable().into_iter().map(|param| (param.name, param.var)));
        for (name, variable) in variables {
            let before = flat(&variable);
            // No gradient is one of zero.
            let gradient = gradients.get(&variable).map_or_else(|| vec![0.0; before.len()], flat);
            for (j, &actual) in gradient.iter().enumerate().take(12) {
                let at = |shift: f64| {
                    let mut values = before.clone();
                    values[j] += shift;
                    variable.set(&Tensor::from_vec(values, variable.shape(), &Device::Cpu).unwrap()).unwrap();
                    number(&slopes().unwrap())
                };
                let expected = (at(1e-5) - at(-1e-5)) / 2e-5;
                variable.set(&Tensor::from_vec(before.clone(), variable.shape(), &Device::Cpu).unwrap()).unwrap();
                let close = (actual - expected).abs() <= 1e-6 + 1e-5 * expected.abs();
                assert!(close, "layer {i}, {name}, element {j}: {actual}, expected {expected}");
            }
        }
    }
}

#[test]
fn a_direction_of_another_shape_is_refused() {
    let layer = linear(3, 2, store(DType::F64)).unwrap();
    let x = gradient::input(0, (4, 3));
    let error = layer.linearize(&x, Mode::Train).unwrap().along(&gradient::input(0, (4, 2))).unwrap_err().to_string();
    assert_eq!(error, "direction: expected shape [4, 3], as the input, got [4, 2]");
}
