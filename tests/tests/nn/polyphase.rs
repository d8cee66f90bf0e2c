//! Adaptive polyphase sampling, and networks that no cyclic shift changes.

use candlelight::autograd::value_and_grad;
use candlelight::nn::{
    AdaptiveMaxPool2d, BlurPool2d, BlurPoolConfig, MaxPool2d, MaxPool2dConfig, Mode, Module, PaddingMode,
    PolyphaseNorm, PolyphaseSampling, PolyphaseSamplingConfig, polyphase_sampling, summary,
};
use candlelight::prelude::*;
use candlelight_tests::{elsewhere, flat, gradient, here, store, strided};

/// The component of the largest norm, place by place.
fn by_hand(x: &Tensor, stride: usize, norm: PolyphaseNorm) -> Vec<f64> {
    let (n, c, height, width) = x.dims4().unwrap();
    let values = flat(x);
    let at = |n: usize, c_: usize, i: usize, j: usize| values[((n * c + c_) * height + i) * width + j];
    let mut y = Vec::new();
    for sample in 0..n {
        let mut best: (f64, Vec<f64>) = (-1.0, Vec::new());
        for (p, q) in (0..stride).flat_map(|p| (0..stride).map(move |q| (p, q))) {
            let mut component = Vec::new();
            for channel in 0..c {
                for i in (p..height).step_by(stride) {
                    component.extend((q..width).step_by(stride).map(|j| at(sample, channel, i, j)));
                }
            }
            let size: f64 = match norm {
                PolyphaseNorm::L1 => component.iter().map(|x| x.abs()).sum(),
                PolyphaseNorm::L2 => component.iter().map(|x| x * x).sum(),
            };
            if size > best.0 {
                best = (size, component);
            }
        }
        y.extend(best.1);
    }
    y
}

#[test]
fn of_equal_components_the_first_is_taken_everywhere() {
    // Single pixels with the norms ½, 1, 1 and 1.
    let image = [[[[0.5f64, -1.0], [1.0, -1.0]]]];
    let sampled = || {
        let layer = polyphase_sampling();
        flat(&layer.forward(&Tensor::new(&image, &here()).unwrap(), Mode::Eval).unwrap())
    };
    assert_eq!(sampled(), [-1.0]);
    assert_eq!(elsewhere(sampled), [-1.0]);
}

#[test]
fn the_component_of_the_largest_norm_is_kept() {
    for (stride, norm) in
        [(2, PolyphaseNorm::L2), (2, PolyphaseNorm::L1), (3, PolyphaseNorm::L2), (1, PolyphaseNorm::L1)]
    {
        let layer = PolyphaseSampling::new(PolyphaseSamplingConfig { stride, norm }).unwrap();
        let x = Var::from_tensor(&gradient::input(4, (5, 3, 6, 12))).unwrap();
        for mode in [Mode::Train, Mode::Eval] {
            for x in [x.as_tensor().clone(), strided(&x)] {
                let y = layer.forward(&x, mode).unwrap();
                assert_eq!(y.dims(), [5, 3, 6 / stride, 12 / stride]);
                assert_eq!(flat(&y), by_hand(&x, stride, norm));
            }
        }
        // The gradient of Σ y² / 2 is y at the numbers that were kept.
        let gradient = || {
            let x = Var::from_tensor(&gradient::input(4, (5, 3, 6, 12))).unwrap();
            let loss = || Ok((layer.forward(&x, Mode::Train)?.sqr()?.sum_all()? * 0.5)?);
            [value_and_grad(loss).unwrap().1, loss().unwrap().backward().unwrap()]
                .map(|gradients| flat(gradients.get(&x).unwrap()))
        };
        for gradient in [gradient(), elsewhere(gradient)].concat() {
            let kept = gradient.iter().zip(flat(&x)).filter(|(g, x)| *g == x).count();
            let zeros = gradient.iter().filter(|g| **g == 0.0).count();
            assert_eq!((kept, zeros), (1080 / (stride * stride), 1080 - 1080 / (stride * stride)));
        }
    }
    // The two norms choose differently.
    let x = Tensor::new(&[[[4f64, 3., 0., 3.]]], &Device::Cpu).unwrap();
    let config = PolyphaseSamplingConfig { norm: PolyphaseNorm::L1, ..Default::default() };
    assert_eq!(flat(&polyphase_sampling().forward(&x, Mode::Eval).unwrap()), [3., 3.]);
    assert_eq!(flat(&PolyphaseSampling::new(config).unwrap().forward(&x, Mode::Eval).unwrap()), [3., 3.]);
    let x = Tensor::new(&[[[5f64, 3., 0., 3.]]], &Device::Cpu).unwrap();
    assert_eq!(flat(&polyphase_sampling().forward(&x, Mode::Eval).unwrap()), [5., 0.]);
    assert_eq!(flat(&PolyphaseSampling::new(config).unwrap().forward(&x, Mode::Eval).unwrap()), [3., 3.]);
    assert_eq!(PolyphaseSamplingConfig::default().norm, PolyphaseNorm::L2);
}

#[test]
fn gradients_agree_with_finite_differences() {
    let layer = polyphase_sampling();
    gradient::check(|x| layer.forward(&x[0], Mode::Train), &[gradient::input(1, (2, 2, 4, 6))]).unwrap();
    gradient::check(|x| layer.forward(&x[0], Mode::Train), &[gradient::input(2, (3, 2, 8))]).unwrap();
}

#[derive(Clone, Copy, PartialEq)]
enum Down {
    Polyphase,
    Blur,
    MaxPool,
}

/// An untrained net of two steps down, on 12 × 12 images, with circular padding everywhere; six features come out.
fn net(dtype: DType, down: Down, global: impl Module + 'static) -> Sequential {
    let params = store(dtype);
    let mut model = Sequential::new();
    for (i, (from, to)) in [(2, 5), (5, 6)].into_iter().enumerate() {
        let config = Conv2dConfig { padding: (1, 1), padding_mode: PaddingMode::Circular, ..Default::default() };
        let conv = Conv2d::new(from, to, 3, config, params.pp(format!("conv{i}"))).unwrap();
        model = model.push(conv).push(Activation::Relu);
        model = match down {
            Down::Polyphase => model.push(polyphase_sampling()),
            Down::Blur => {
                let config = BlurPoolConfig { padding_mode: PaddingMode::Circular, ..Default::default() };
                model.push(BlurPool2d::new(config).unwrap())
            }
            Down::MaxPool => model.push(MaxPool2d::new(2, MaxPool2dConfig::default()).unwrap()),
        };
    }
    model.push(global).push(Flatten)
}

/// The largest difference between the features of an image and of all its cyclic shifts, over the largest feature.
fn change(model: &Sequential, dtype: DType) -> f64 {
    let x = gradient::input(8, (1, 2, 12, 12)).to_dtype(dtype).unwrap();
    let shifts = (0..12).flat_map(|i| (0..12).map(move |j| (i, j)));
    let all: Vec<Tensor> = shifts.map(|(i, j)| x.roll(i, 2).unwrap().roll(j, 3).unwrap()).collect();
    let y = model.forward(&Tensor::cat(&all, 0).unwrap(), Mode::Eval).unwrap();
    assert_eq!(y.dims(), [144, 6]);
    let (y, first) = (flat(&y), flat(&y.get(0).unwrap()));
    let largest = first.iter().fold(0.0, |most: f64, y| most.max(y.abs()));
    y.chunks(6).flat_map(|y| y.iter().zip(&first)).map(|(y, first)| (y - first).abs() / largest).fold(0.0, f64::max)
}

#[test]
fn no_cyclic_shift_changes_a_network_with_polyphase_sampling() {
    let max = || AdaptiveMaxPool2d::new(1).unwrap();
    // To the bit: a maximum does not depend on the order.
    assert_eq!(change(&net(DType::F32, Down::Polyphase, max()), DType::F32), 0.0);
    assert_eq!(elsewhere(|| change(&net(DType::F32, Down::Polyphase, max()), DType::F32)), 0.0);
    // A mean adds up the same nine numbers in another order: some units of the last place.
    let mean = change(&net(DType::F32, Down::Polyphase, GlobalAvgPool), DType::F32);
    assert!(mean > 0.0 && mean < 16.0 * f64::from(f32::EPSILON), "{mean}");
    // The others change what they say.
    let blur = change(&net(DType::F32, Down::Blur, max()), DType::F32);
    let pooled = change(&net(DType::F32, Down::MaxPool, max()), DType::F32);
    assert!(blur > 1e-3 && pooled > 1e-3, "{blur} {pooled}");
}

#[test]
fn bad_input_is_a_typed_error() {
    for stride in [0, 1025] {
        let config = PolyphaseSamplingConfig { stride, ..Default::default() };
        let message = PolyphaseSampling::new(config).unwrap_err().to_string();
        assert_eq!(message, format!("stride must be from 1 to 1024, got {stride}"));
    }
    let zeros = |dims: &[usize]| Tensor::zeros(dims, DType::F32, &Device::Cpu).unwrap();
    for dims in
        [&[4, 4][..], &[1, 1, 4, 5], &[1, 1, 3, 4], &[1, 1, 5], &[1, 0, 4, 4], &[1, 1, 0, 4], &[1, 1, 2, 2, 2], &[]]
    {
        let message = polyphase_sampling().forward(&zeros(dims), Mode::Train).unwrap_err().to_string();
        let expected = "[N, C, H, W] or [N, C, L] with sizes that are multiples of 2";
        assert_eq!(message, format!("input of polyphase_sampling: expected shape {expected}, got {dims:?}"));
    }
    let integers = Tensor::zeros((1, 1, 4, 4), DType::U32, &Device::Cpu).unwrap();
    let result = polyphase_sampling().forward(&integers, Mode::Eval);
    assert!(matches!(result, Err(Error::DType { actual: DType::U32, .. })), "{result:?}");
}

#[test]
fn an_empty_batch_passes_and_a_summary_shows_the_layer() {
    let layer = polyphase_sampling();
    assert_eq!(layer.forward(&gradient::input(1, (0, 3, 6, 4)), Mode::Train).unwrap().dims(), [0, 3, 3, 2]);
    let summary = summary(&layer, &store(DType::F32), (2, 3, 8)).unwrap();
    assert_eq!((summary.layers.len(), summary.layers[0].kind), (1, "polyphase_sampling"));
    assert_eq!(summary.layers[0].output, [2, 3, 4]);
}
