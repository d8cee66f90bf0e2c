//! Convolutions against PyTorch, finite differences and their composed forms.

use candlelight::candle_core;
use candlelight::nn::{
    Conv1d, Conv1dConfig, Conv2d, Conv2dConfig, ConvTranspose1d, ConvTranspose1dConfig, ConvTranspose2d,
    ConvTranspose2dConfig, Mode, Module, PaddingMode, conv_transpose2d, conv2d,
};
use candlelight::prelude::*;
use candlelight_tests::elsewhere::{batch as samples, cases, is_small};
use candlelight_tests::{Case, assert_close, elsewhere, everywhere, fixture, flat, gradient, store, strided};
use proptest::prelude::*;

type Size = (usize, usize);

fn setting(case: &Case, name: &str) -> Vec<usize> {
    case.0[name].as_array().unwrap().iter().map(|value| value.as_u64().unwrap() as usize).collect()
}

/// The layer of a case, with the case's weight and bias.
fn layer(case: &Case, params: &Params) -> Box<dyn Module> {
    let weight = case.tensor("weight");
    let groups = case.0["groups"].as_u64().unwrap() as usize;
    let bias = case.0.get("bias").is_some();
    let [stride, padding, dilation] = ["stride", "padding", "dilation"].map(|name| setting(case, name));
    let padding_mode = match case.0.get("padding_mode").and_then(|mode| mode.as_str()) {
        None => PaddingMode::Zeros,
        Some("reflect") => PaddingMode::Reflect,
        Some("circular") => PaddingMode::Circular,
        Some(other) => panic!("{other}"),
    };
    let pair = |values: &[usize]| (values[0], values[1]);
    let (first, second) = (weight.dims()[0], weight.dims()[1] * groups);
    let kernel = &weight.dims()[2..];
    let params = params.clone();
    let layer: Box<dyn Module> = match case.subject() {
        "conv1d" => {
            let (stride, padding, dilation) = (stride[0], padding[0], dilation[0]);
            let config = Conv1dConfig { stride, padding, padding_mode, dilation, groups, bias, ..Default::default() };
            Box::new(Conv1d::new(second, first, kernel[0], config, params.clone()).unwrap())
        }
        "conv2d" => {
            let (stride, padding, dilation) = (pair(&stride), pair(&padding), pair(&dilation));
            let config = Conv2dConfig { stride, padding, padding_mode, dilation, groups, bias, ..Default::default() };
            Box::new(Conv2d::new(second, first, pair(kernel), config, params.clone()).unwrap())
        }
        "conv_transpose1d" => {
            let (stride, padding, dilation) = (stride[0], padding[0], dilation[0]);
            let output_padding = setting(case, "output_padding")[0];
            let config =
                ConvTranspose1dConfig { stride, padding, output_padding, dilation, groups, bias, ..Default::default() };
            Box::new(ConvTranspose1d::new(first, second, kernel[0], config, params.clone()).unwrap())
        }
        _ => {
            let (stride, padding, dilation) = (pair(&stride), pair(&padding), pair(&dilation));
            let output_padding = pair(&setting(case, "output_padding"));
            let config =
                ConvTranspose2dConfig { stride, padding, output_padding, dilation, groups, bias, ..Default::default() };
            Box::new(ConvTranspose2d::new(first, second, pair(kernel), config, params.clone()).unwrap())
        }
    };
    params.set("weight", &weight).unwrap();
    if bias {
        params.set("bias", &case.tensor("bias")).unwrap();
    }
    layer
}

#[test]
fn agrees_with_pytorch() {
    everywhere(|| {
        let (cases, padded) = (fixture("conv"), fixture("conv_padding"));
        assert_eq!((cases.len(), padded.len()), (2 * (10 + 3 + 6 + 2), 2 * (5 + 3 + 4 + 2)));
        for case in cases.into_iter().chain(padded) {
            let params = store(case.dtype());
            let layer = layer(&case, &params);
            let x = Var::from_tensor(&case.tensor("input")).unwrap();
            let params = params.trainable();
            let mut inputs: Vec<(&str, &Var)> = params.iter().map(|param| (param.name.as_str(), &param.var)).collect();
            inputs.push(("input", &x));
            for mode in [Mode::Train, Mode::Eval] {
                case.check_every_way(|| layer.forward(&x, mode), &inputs);
                case.check_every_way(|| layer.forward(&strided(&x), mode), &inputs);
            }
        }
    });
}

/// A layer with its parameters in a store.
type Make<'a> = &'a dyn Fn(Params) -> Result<Box<dyn Module>>;

/// Output and gradients of a layer.
fn pass(make: Make, dtype: DType, dims: &[usize]) -> Result<Vec<Tensor>> {
    let params = store(dtype);
    let layer = make(params.clone())?;
    let x = Var::from_tensor(&gradient::input(7, dims).to_dtype(dtype)?)?;
    let y = layer.forward(&x, Mode::Train)?;
    let weights: Vec<f64> = (0..y.elem_count()).map(|i| (0.7 * i as f64).sin()).collect();
    let weights = Tensor::from_vec(weights, y.shape(), &Device::Cpu)?.to_dtype(dtype)?.to_device(y.device())?;
    let gradients = (&y * weights)?.sum_all()?.backward()?;
    let of = |var: &Var| gradients.get(var).cloned().expect("a gradient");
    let mut all = vec![y, of(&x)];
    all.extend(params.trainable().iter().map(|param| of(&param.var)));
    Ok(all)
}

/// The kernels agree with what is computed elsewhere, or both refuse.
fn agree(what: &str, make: Make, dtype: DType, dims: &[usize]) -> Result<()> {
    let (ours, plain) = (pass(make, dtype, dims), elsewhere(|| pass(make, dtype, dims)));
    assert_eq!(ours.is_ok(), plain.is_ok(), "{what}");
    // Sums of up to some thousand products, in another order: the error grows with the largest number, not with each.
    for (ours, plain) in ours?.iter().zip(&plain?) {
        let largest = flat(plain).into_iter().fold(1.0, |most: f64, value| most.max(value.abs()));
        let tolerance = if dtype == DType::F64 { 1e-12 } else { 1e-5 };
        assert_close(what, ours, plain, 0.0, tolerance * largest);
    }
    Ok(())
}

#[test]
fn kernels_of_every_size_agree_with_the_composed_form() {
    // in, out, input, kernel, stride, padding: the sizes of the course's networks, at small batches, and odd ones.
    let sizes = [
        (1, 6, 28, 5, 1, 2),
        (6, 16, 14, 5, 1, 0),
        (16, 16, 28, 3, 1, 1),
        (3, 16, 32, 3, 1, 1),
        (16, 32, 16, 3, 2, 1),
        (16, 32, 16, 1, 2, 0),
        (32, 32, 16, 3, 1, 1),
        (64, 64, 14, 3, 1, 1),
        (64, 40, 9, 3, 1, 0),
        (33, 65, 7, 3, 1, 1),
        (128, 128, 7, 3, 1, 1),
        (64, 64, 8, 3, 1, 2),
        (37, 18, 5, 3, 1, 1),
        (16, 12, 70, 3, 1, 1),
        (1, 32, 28, 4, 2, 1),
        (32, 64, 14, 4, 2, 1),
        (9, 10, 11, 3, 1, 1),
    ];
    for dtype in [DType::F32, DType::F64] {
        for (channels, out, size, kernel, stride, padding) in sizes {
            if !is_small(channels * out * kernel * kernel) {
                continue;
            }
            for batch in [1, 3, 18] {
                let what = format!("{channels}→{out} at {size}, kernel {kernel}, batch {batch}, {dtype:?}");
                let (stride, padding) = ((stride, stride), (padding, padding));
                let dims = [samples(batch, channels * size * size), channels, size, size + size % 2];
                let config = Conv2dConfig { stride, padding, ..Default::default() };
                let make: Make = &|params| Ok(Box::new(Conv2d::new(channels, out, kernel, config, params)?));
                agree(&what, make, dtype, &dims).unwrap();
                let config = ConvTranspose2dConfig { stride, padding, ..Default::default() };
                let make: Make = &|params| Ok(Box::new(ConvTranspose2d::new(channels, out, kernel, config, params)?));
                agree(&format!("transposed {what}"), make, dtype, &dims).unwrap();
                if batch == 3 && size > 16 || size > 60 {
                    break; // the composed form is slow
                }
            }
        }
        let config = Conv2dConfig { padding: (1, 1), groups: 3, ..Default::default() };
        let make: Make = &|params| Ok(Box::new(Conv2d::new(48, 39, 3, config, params)?));
        agree(&format!("three groups, {dtype:?}"), make, dtype, &[samples(5, 6048), 48, 9, 14]).unwrap();
    }
}

#[test]
fn gradients_agree_with_finite_differences() {
    let x = gradient::input(1, (2, 4, 5, 4));
    let config = Conv2dConfig { stride: (2, 1), padding: (1, 1), groups: 2, ..Default::default() };
    let layer = Conv2d::new(4, 2, (3, 2), config, store(DType::F64)).unwrap();
    gradient::check(|x| layer.forward(&x[0], Mode::Train), std::slice::from_ref(&x)).unwrap();
    let config = ConvTranspose2dConfig {
        stride: (2, 1),
        output_padding: (1, 0),
        padding: (1, 1),
        groups: 2,
        ..Default::default()
    };
    let layer = ConvTranspose2d::new(4, 2, (3, 2), config, store(DType::F64)).unwrap();
    gradient::check(|x| layer.forward(&x[0], Mode::Train), std::slice::from_ref(&x)).unwrap();
    let x = gradient::input(1, (1, 2, 7));
    let config = Conv1dConfig { dilation: 2, padding: 1, ..Default::default() };
    let layer = Conv1d::new(2, 3, 3, config, store(DType::F64)).unwrap();
    gradient::check(|x| layer.forward(&x[0], Mode::Train), std::slice::from_ref(&x)).unwrap();
    let config = ConvTranspose1dConfig { dilation: 2, stride: 2, ..Default::default() };
    let layer = ConvTranspose1d::new(2, 3, 3, config, store(DType::F64)).unwrap();
    gradient::check(|x| layer.forward(&x[0], Mode::Train), &[x]).unwrap();
}

#[test]
fn gradients_of_parameters_agree_with_finite_differences() {
    // In the parameters the layer is linear, so its difference over any step is the gradient.
    let x = gradient::input(5, (2, 3, 5, 5));
    let config = Conv2dConfig { padding: (1, 1), ..Default::default() };
    let params = store(DType::F64);
    let layer = Conv2d::new(3, 2, 3, config, params.clone()).unwrap();
    let weights: Vec<f64> = (0..100).map(|i| (1.3 * f64::from(i)).cos()).collect();
    let weights = Tensor::from_vec(weights, (2, 2, 5, 5), &Device::Cpu).unwrap();
    let loss = || (layer.forward(&x, Mode::Train).unwrap() * &weights).unwrap().sum_all().unwrap();
    let (before, gradients) = (flat(&loss())[0], loss().backward().unwrap());
    for param in params.trainable() {
        let (values, gradient) = (flat(&param.var), flat(gradients.get(&param.var).unwrap()));
        assert!(gradient.iter().all(|&g| g != 0.0));
        for (i, gradient) in gradient.into_iter().enumerate() {
            let mut moved = values.clone();
            moved[i] += 1.0;
            param.var.set(&Tensor::from_vec(moved, param.var.shape(), &Device::Cpu).unwrap()).unwrap();
            assert!((flat(&loss())[0] - before - gradient).abs() < 1e-9, "{} {i}", param.name);
        }
        param.var.set(&Tensor::from_vec(values, param.var.shape(), &Device::Cpu).unwrap()).unwrap();
    }
}

#[test]
fn circular_padding_commutes_with_every_cyclic_shift() {
    let shifted = |x: &Tensor, i: usize, j: usize| x.roll(i as i32, 2).unwrap().roll(j as i32, 3).unwrap();
    for padding_mode in [PaddingMode::Circular, PaddingMode::Zeros, PaddingMode::Reflect] {
        let config = Conv2dConfig { padding: (2, 1), padding_mode, ..Default::default() };
        let layer = Conv2d::new(2, 3, (5, 3), config, store(DType::F64)).unwrap();
        let x = gradient::input(4, (1, 2, 6, 5));
        let y = layer.forward(&x, Mode::Eval).unwrap();
        let worst = |i, j| {
            let moved = layer.forward(&shifted(&x, i, j), Mode::Eval).unwrap();
            flat(&(moved - shifted(&y, i, j)).unwrap().abs().unwrap().max_all().unwrap())[0]
        };
        for (i, j) in (0..6).flat_map(|i| (0..5).map(move |j| (i, j))).filter(|&shift| shift != (0, 0)) {
            assert_eq!(worst(i, j) < 1e-14, padding_mode == PaddingMode::Circular, "{padding_mode:?}, shift {i}, {j}");
        }
    }
}

#[test]
fn padding_that_the_input_has_no_places_for_is_a_typed_error() {
    let zeros = |n: usize| Tensor::zeros((2, 1, n), DType::F64, &Device::Cpu).unwrap();
    for (padding_mode, least) in [(PaddingMode::Circular, 3), (PaddingMode::Reflect, 4)] {
        let config = Conv1dConfig { padding: 3, padding_mode, ..Default::default() };
        let layer = Conv1d::new(1, 1, 2, config, store(DType::F64)).unwrap();
        assert_eq!(layer.forward(&zeros(least), Mode::Train).unwrap().dims(), [2, 1, least + 5]);
        let message = layer.forward(&zeros(least - 1), Mode::Train).unwrap_err().to_string();
        let expected = format!("input of conv1d: expected shape [N, 1, L ≥ {least}], got [2, 1, {}]", least - 1);
        assert_eq!(message, expected);
        let empty = zeros(4).narrow(0, 0, 0).unwrap();
        assert_eq!(layer.forward(&empty, Mode::Train).unwrap().dims(), [0, 1, 9]);
    }
}

#[test]
fn data_gets_no_gradient_and_broadcast_input_passes() {
    let layer = conv2d(2, 3, 3, store(DType::F64)).unwrap();
    let one = gradient::input(1, (1, 2, 5, 5));
    let broadcast = one.broadcast_as((4, 2, 5, 5)).unwrap();
    let y = layer.forward(&broadcast, Mode::Eval).unwrap();
    let expected = layer.forward(&one, Mode::Eval).unwrap();
    for i in 0..4 {
        assert_eq!(flat(&y.get(i).unwrap()), flat(&expected));
    }
    let gradients = y.sum_all().unwrap().backward().unwrap();
    assert!(gradients.get(&one).is_none() && gradients.get(layer.weight()).is_some());
}

#[test]
fn layers_start_as_pytorchs() {
    let params = Params::new(3, &Device::Cpu).unwrap();
    let config = Conv2dConfig { groups: 2, ..Default::default() };
    let conv = Conv2d::new(16, 64, (3, 2), config, params.pp("conv")).unwrap();
    let config = ConvTranspose2dConfig { groups: 2, ..Default::default() };
    let transposed = ConvTranspose2d::new(64, 16, (3, 2), config, params.pp("transposed")).unwrap();
    assert_eq!((conv.weight().dims(), transposed.weight().dims()), (&[64, 8, 3, 2][..], &[64, 8, 3, 2][..]));
    for values in [conv.weight(), transposed.weight(), conv.bias().unwrap(), transposed.bias().unwrap()] {
        let (values, bound) = (flat(values), 1.0 / 48_f64.sqrt());
        assert!(values.iter().all(|value| value.abs() <= bound));
        // Uniform on ±bound has the variance bound²/3; four standard errors of a uniform distribution's variance.
        let variance = values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64;
        let tolerance = 4.0 * (4.0 / 5.0 / values.len() as f64).sqrt();
        assert!((variance / (bound * bound / 3.0) - 1.0).abs() < tolerance, "{variance}");
    }
    let config = Conv1dConfig {
        bias: false,
        weight_init: Some(Init::Constant(2.0)),
        bias_init: Some(Init::Constant(1.0)),
        ..Default::default()
    };
    let layer = Conv1d::new(1, 1, 2, config, params.pp("plain")).unwrap();
    let x = Tensor::ones((1, 1, 3), DType::F32, &Device::Cpu).unwrap();
    assert_eq!(flat(&layer.forward(&x, Mode::Eval).unwrap()), [4.0, 4.0]);
    assert!(layer.bias().is_none());
    let layer = Conv1d::new(1, 1, 2, Conv1dConfig { bias: true, ..config }, params.pp("biased")).unwrap();
    assert_eq!(flat(&layer.forward(&x, Mode::Eval).unwrap()), [5.0, 5.0]);
    assert_eq!(params.names()[4..], ["plain.weight", "biased.weight", "biased.bias"]);
}

#[test]
fn an_empty_batch_gives_an_empty_output() {
    let params = Params::new(0, &Device::Cpu).unwrap();
    let x = Tensor::zeros((0, 3, 8, 8), DType::F32, &Device::Cpu).unwrap();
    let config = Conv2dConfig { padding: (1, 1), ..Default::default() };
    let layer = Conv2d::new(3, 4, 3, config, params.pp("conv")).unwrap();
    assert_eq!(layer.forward(&x, Mode::Eval).unwrap().dims(), [0, 4, 8, 8]);
    let layer = conv_transpose2d(3, 4, 3, params.pp("transposed")).unwrap();
    assert_eq!(layer.forward(&x, Mode::Eval).unwrap().dims(), [0, 4, 10, 10]);
}

#[test]
fn bad_input_is_a_typed_error() {
    let params = Params::new(0, &Device::Cpu).unwrap();
    let zeros = |dims: &[usize]| Tensor::zeros(dims, DType::F32, &Device::Cpu).unwrap();
    let config = Conv2dConfig { padding: (1, 0), ..Default::default() };
    let layer = Conv2d::new(3, 4, 5, config, params.pp("conv")).unwrap();
    for dims in [&[2, 3, 8][..], &[2, 4, 8, 8], &[2, 3, 2, 8], &[2, 3, 8, 4], &[2, 3, 8, 0], &[]] {
        let message = layer.forward(&zeros(dims), Mode::Train).unwrap_err().to_string();
        assert_eq!(message, format!("input of conv2d: expected shape [N, 3, H ≥ 3, W ≥ 5], got {dims:?}"));
    }
    let f64 = zeros(&[2, 3, 8, 8]).to_dtype(DType::F64).unwrap();
    assert!(matches!(layer.forward(&f64, Mode::Train), Err(Error::DType { actual: DType::F64, .. })));
    let config = ConvTranspose1dConfig { stride: 2, padding: 4, ..Default::default() };
    let layer = ConvTranspose1d::new(1, 1, 2, config, params.pp("transposed")).unwrap();
    let message = layer.forward(&zeros(&[1, 1, 4]), Mode::Train).unwrap_err().to_string();
    assert_eq!(message, "input of conv_transpose1d: expected shape [N, 1, L ≥ 5], got [1, 1, 4]");
    assert_eq!(layer.forward(&zeros(&[1, 1, 5]), Mode::Train).unwrap().dims(), [1, 1, 2]);

    let refused = |channels, out, kernel: Size, config: Conv2dConfig| -> &'static str {
        match Conv2d::new(channels, out, kernel, config, params.pp("bad")) {
            Err(Error::Setting { name, .. }) => name,
            other => panic!("{other:?}"),
        }
    };
    let base = Conv2dConfig::default();
    let huge = usize::MAX;
    assert_eq!(refused(0, 1, (1, 1), base), "in_channels");
    assert_eq!(refused(1, 0, (1, 1), base), "out_channels");
    assert_eq!(refused(1, 1, (1, 0), base), "kernel_size");
    assert_eq!(refused(1, 1, (huge, 1), base), "kernel_size");
    assert_eq!(refused(1, 1, (1, 1), Conv2dConfig { stride: (0, 1), ..base }), "stride");
    assert_eq!(refused(1, 1, (1, 1), Conv2dConfig { stride: (1, huge), ..base }), "stride");
    assert_eq!(refused(1, 1, (1, 1), Conv2dConfig { dilation: (1, 0), ..base }), "dilation");
    assert_eq!(refused(1, 1, (1, 1), Conv2dConfig { padding: (huge, 0), ..base }), "padding");
    for (channels, out, groups) in [(4, 4, 0), (4, 3, 2), (3, 4, 2)] {
        assert_eq!(refused(channels, out, (1, 1), Conv2dConfig { groups, ..base }), "groups");
    }
    let config = ConvTranspose2dConfig { stride: (2, 1), output_padding: (1, 1), ..Default::default() };
    let error = ConvTranspose2d::new(1, 1, 3, config, params.pp("bad")).unwrap_err();
    assert!(matches!(error, Error::Setting { name: "output_padding", .. }), "{error}");
    let again = conv2d(3, 4, 5, params.pp("conv"));
    assert!(matches!(again, Err(Error::Parameter { .. })), "the name is taken");
}

#[test]
fn stock_candle_has_no_gradient_for_a_stride_on_an_oblong_image() {
    let x = Var::from_tensor(&gradient::input(1, (1, 2, 6, 7))).unwrap();
    let y = x.conv2d(&gradient::input(2, (3, 2, 3, 3)), 0, 2, 1, 1).unwrap();
    let error: Result<_, candle_core::Error> = y.sum_all().unwrap().backward();
    assert!(error.is_err(), "Candle has mended this: say so in the docs of Conv2d");
}

#[test]
fn stock_candle_has_no_gradient_for_a_transposed_convolution_in_one_dimension() {
    let x = Var::from_tensor(&gradient::input(1, (1, 2, 4))).unwrap();
    let weight = gradient::input(2, (2, 3, 3));
    let y = x.conv_transpose1d(&weight, 0, 0, 1, 1, 1).unwrap();
    let error: Result<_, candle_core::Error> = y.sum_all().unwrap().backward();
    assert!(error.is_err(), "Candle has mended this: say so in the docs of ConvTranspose1d");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(200)))]

    #[test]
    fn any_setting_gives_the_composed_result_or_an_error(
        (batch, groups, channels, out) in (1..4_usize, 1..3_usize, 1..4_usize, 1..4_usize),
        input in (1..10_usize, 1..10_usize),
        kernel in (1..5_usize, 1..5_usize),
        stride in (1..4_usize, 1..4_usize),
        padding in (0..5_usize, 0..5_usize),
        dilation in (1..4_usize, 1..4_usize),
        output_padding in (0..3_usize, 0..3_usize),
        transposed: bool,
    ) {
        let (channels, out) = (channels * groups, out * groups);
        let make: Make = match transposed {
            false => &|params| {
                let config = Conv2dConfig { stride, padding, dilation, groups, ..Default::default() };
                Ok(Box::new(Conv2d::new(channels, out, kernel, config, params)?))
            },
            true => &|params| {
                let config = ConvTranspose2dConfig { stride, padding, output_padding, dilation, groups, ..Default::default() };
                Ok(Box::new(ConvTranspose2d::new(channels, out, kernel, config, params)?))
            },
        };
        match agree("a random setting", make, DType::F64, &[batch, channels, input.0, input.1]) {
            Ok(()) | Err(Error::Shape { .. } | Error::Setting { name: "output_padding", .. }) => {}
            Err(error) => prop_assert!(false, "{error}"),
        }
    }
}
