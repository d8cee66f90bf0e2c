//! Layers without weight sharing, against convolutions.

use candlelight::autograd::value_and_grad;
use candlelight::nn::{
    Conv1d, Conv1dConfig, Conv2d, Conv2dConfig, LocallyConnected1d, LocallyConnected1dConfig, LocallyConnected2d,
    LocallyConnected2dConfig, Mode, Module, PaddingMode, locally_connected1d, locally_connected2d, summary,
};
use candlelight::prelude::*;
use candlelight_tests::{assert_close, everywhere, flat, gradient, store, strided};

const MODES: [PaddingMode; 3] = [PaddingMode::Zeros, PaddingMode::Reflect, PaddingMode::Circular];

/// A convolution's weight [out, in, k…] as that of each place, [out, k… · in].
fn kernel(weight: &Tensor) -> Tensor {
    let weight = weight.flatten_from(2).unwrap().transpose(1, 2).unwrap();
    weight.flatten_from(1).unwrap().contiguous().unwrap()
}

/// The layer, all of whose places hold the kernel of the convolution, is that convolution, and its gradients are the
/// convolution's in parts.
fn is_the_convolution(conv: &dyn Module, convs: &Params, local: &dyn Module, locals: &Params, x: &Tensor) {
    let (weight, bias) = (convs.get("weight").unwrap(), convs.get("bias").unwrap());
    let (own, own_bias) = (locals.get("weight").unwrap(), locals.get("bias").unwrap());
    own.set(&kernel(&weight).unsqueeze(0).unwrap().broadcast_as(own.shape()).unwrap().contiguous().unwrap()).unwrap();
    let mut shape = vec![1; own_bias.rank()];
    shape[0] = bias.elem_count();
    let spread = bias.reshape(shape).unwrap().broadcast_as(own_bias.shape()).unwrap().contiguous().unwrap();
    own_bias.set(&spread).unwrap();
    let x = Var::from_tensor(x).unwrap();
    let y = conv.forward(&x, Mode::Eval).unwrap();
    let cotangent = gradient::input(11, y.shape());
    let run = |layer: &dyn Module, x: &Tensor| {
        value_and_grad(|| Ok((layer.forward(x, Mode::Train)? * &cotangent)?.sum_all()?)).unwrap().1
    };
    let expected = run(conv, &x);
    for (way, x_) in [("plain", x.as_tensor().clone()), ("strided", strided(&x))] {
        for mode in [Mode::Train, Mode::Eval] {
            assert_close(way, &local.forward(&x_, mode).unwrap(), &y, 1e-12, 1e-12);
        }
        let gradients = run(local, &x_);
        assert_close("input", gradients.get(&x).unwrap(), expected.get(&x).unwrap(), 1e-12, 1e-12);
        let sum = gradients.get(&own).unwrap().sum(0).unwrap();
        assert_close("weight", &sum, &kernel(expected.get(&weight).unwrap()), 1e-11, 1e-11);
        let sum = gradients.get(&own_bias).unwrap().flatten_from(1).unwrap().sum(1).unwrap();
        assert_close("bias", &sum, expected.get(&bias).unwrap(), 1e-11, 1e-11);
    }
}

#[test]
fn with_equal_kernels_it_is_a_convolution() {
    everywhere(|| {
        for padding_mode in MODES {
            for (size, kernel, stride, padding) in [
                ((5, 6), (3, 3), (1, 1), (1, 1)),
                ((7, 4), (3, 2), (2, 1), (2, 0)),
                ((4, 9), (1, 4), (1, 3), (0, 3)),
                ((1, 1), (1, 1), (1, 1), (0, 0)),
            ] {
                let (convs, locals) = (store(DType::F64), store(DType::F64));
                let config = Conv2dConfig { stride, padding, padding_mode, ..Default::default() };
                let conv = Conv2d::new(3, 2, kernel, config, convs.clone()).unwrap();
                let config = LocallyConnected2dConfig { stride, padding, padding_mode, ..Default::default() };
                let local = LocallyConnected2d::new(3, 2, size, kernel, config, locals.clone()).unwrap();
                is_the_convolution(&conv, &convs, &local, &locals, &gradient::input(5, (4, 3, size.0, size.1)));
            }
            let (convs, locals) = (store(DType::F64), store(DType::F64));
            let config = Conv1dConfig { stride: 2, padding: 2, padding_mode, ..Default::default() };
            let conv = Conv1d::new(3, 4, 3, config, convs.clone()).unwrap();
            let config = LocallyConnected1dConfig { stride: 2, padding: 2, padding_mode, ..Default::default() };
            let local = LocallyConnected1d::new(3, 4, 8, 3, config, locals.clone()).unwrap();
            is_the_convolution(&conv, &convs, &local, &locals, &gradient::input(6, (2, 3, 8)));
        }
    });
}

#[test]
fn each_place_has_its_own_kernel() {
    let params = store(DType::F64);
    let layer = locally_connected2d(2, 3, (4, 5), (2, 3), params.clone()).unwrap();
    assert_eq!((layer.weight().dims(), layer.bias().unwrap().dims()), (&[9, 3, 12][..], &[3, 3, 3][..]));
    let x = gradient::input(1, (2, 2, 4, 5));
    let (w, b, values) = (flat(layer.weight()), flat(layer.bias().unwrap()), flat(&x));
    let mut expected = Vec::new();
    for (n, o) in (0..2).flat_map(|n| (0..3).map(move |o| (n, o))) {
        for (i, j) in (0..3).flat_map(|i| (0..3).map(move |j| (i, j))) {
            let mut sum = b[(o * 3 + i) * 3 + j];
            for (u, v, c) in (0..2).flat_map(|u| (0..3).flat_map(move |v| (0..2).map(move |c| (u, v, c)))) {
                let weight = w[((i * 3 + j) * 3 + o) * 12 + (u * 3 + v) * 2 + c];
                sum += weight * values[((n * 2 + c) * 4 + i + u) * 5 + j + v];
            }
            expected.push(sum);
        }
    }
    let expected = Tensor::from_vec(expected, (2, 3, 3, 3), &Device::Cpu).unwrap();
    assert_close("by hand", &layer.forward(&x, Mode::Eval).unwrap(), &expected, 1e-12, 1e-12);
    gradient::check(|x| layer.forward(&x[0], Mode::Train), std::slice::from_ref(&x)).unwrap();
    // Every parameter has a gradient, and it is not zero.
    let (_, gradients) = value_and_grad(|| Ok(layer.forward(&x, Mode::Train)?.sqr()?.sum_all()?)).unwrap();
    for param in params.trainable() {
        assert!(flat(gradients.get(&param.var).unwrap()).iter().all(|&g| g != 0.0), "{}", param.name);
    }
}

#[test]
fn it_starts_as_a_convolution() {
    let params = Params::new(0, &Device::Cpu).unwrap();
    let layer = locally_connected1d(8, 6, 20, 3, params.clone()).unwrap();
    assert_eq!((layer.weight().dims(), layer.bias().unwrap().dims()), (&[18, 6, 24][..], &[6, 18][..]));
    for values in [flat(layer.weight()), flat(layer.bias().unwrap())] {
        let bound = 1.0 / 24_f64.sqrt();
        let largest = values.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
        assert!(largest <= bound && largest > 0.9 * bound, "{largest} of {bound}");
    }
    let config = LocallyConnected1dConfig {
        bias: false,
        weight_init: Some(Init::Constant(2.0)),
        bias_init: Some(Init::Constant(1.0)),
        ..Default::default()
    };
    let layer = LocallyConnected1d::new(1, 1, 3, 2, config, params.pp("plain")).unwrap();
    let x = Tensor::ones((1, 1, 3), DType::F32, &Device::Cpu).unwrap();
    assert!(layer.bias().is_none());
    assert_eq!(flat(&layer.forward(&x, Mode::Eval).unwrap()), [4.0, 4.0]);
    let config = LocallyConnected1dConfig { bias: true, ..config };
    let layer = LocallyConnected1d::new(1, 1, 3, 2, config, params.pp("biased")).unwrap();
    assert_eq!(flat(&layer.forward(&x, Mode::Eval).unwrap()), [5.0, 5.0]);
}

#[test]
fn bad_input_is_a_typed_error() {
    let params = Params::new(0, &Device::Cpu).unwrap();
    let layer = locally_connected2d(3, 4, (8, 9), 5, params.pp("local")).unwrap();
    let zeros = |dims: &[usize]| Tensor::zeros(dims, DType::F32, &Device::Cpu).unwrap();
    for dims in [&[2, 3, 8][..], &[2, 4, 8, 9], &[2, 3, 9, 8], &[2, 3, 8, 9, 1], &[]] {
        let message = layer.forward(&zeros(dims), Mode::Train).unwrap_err().to_string();
        assert_eq!(message, format!("input of locally_connected2d: expected shape [N, 3, 8, 9], got {dims:?}"));
    }
    let wide = zeros(&[2, 3, 8, 9]).to_dtype(DType::F64).unwrap();
    assert!(matches!(layer.forward(&wide, Mode::Train), Err(Error::DType { actual: DType::F64, .. })));
    assert_eq!(layer.forward(&zeros(&[0, 3, 8, 9]), Mode::Train).unwrap().dims(), [0, 4, 4, 5]);
    let refused = |channels, out, size: usize, kernel: usize, config: LocallyConnected1dConfig| {
        LocallyConnected1d::new(channels, out, size, kernel, config, params.pp("bad")).unwrap_err().to_string()
    };
    let base = LocallyConnected1dConfig::default();
    assert_eq!(refused(0, 1, 5, 3, base), "in_channels must be at least 1, got 0");
    assert_eq!(refused(1, 0, 5, 3, base), "out_channels must be at least 1, got 0");
    assert_eq!(refused(1, 1, 5, 0, base), "kernel_size must be from 1 to 1048576, got 0");
    let stride = LocallyConnected1dConfig { stride: 0, ..base };
    assert_eq!(refused(1, 1, 5, 3, stride), "stride must be from 1 to 1048576, got 0");
    let expected = "input_size must be at least 1, as large as the kernel after padding, and as padding_mode asks";
    assert_eq!(refused(1, 1, 0, 1, base), format!("{expected}, got [0]"));
    assert_eq!(refused(1, 1, 2, 3, base), format!("{expected}, got [2]"));
    let circular = LocallyConnected1dConfig { padding: 3, padding_mode: PaddingMode::Circular, ..base };
    assert_eq!(refused(1, 1, 2, 3, circular), format!("{expected}, got [2]"));
    let again = locally_connected2d(3, 4, 8, 5, params.pp("local"));
    assert!(matches!(again, Err(Error::Parameter { .. })), "the name is taken");
}

#[test]
fn a_summary_counts_what_is_not_shared() {
    let params = Params::new(0, &Device::Cpu).unwrap();
    let layer = locally_connected2d(3, 4, 8, 5, params.pp("local")).unwrap();
    let summary = summary(&layer, &params, (2, 3, 8, 8)).unwrap();
    let row = &summary.layers[0];
    assert_eq!((row.name.as_str(), row.kind, row.params), ("local", "locally_connected2d", 16 * (4 * 75 + 4)));
    // As many operations as a convolution of these sizes.
    assert_eq!((row.output.as_slice(), row.flops), (&[2, 4, 4, 4][..], 2 * 2 * 16 * 4 * 75));
}
