//! Pooling against PyTorch, finite differences and stock Candle.

use candlelight::autograd::value_and_grad;
use candlelight::nn::{
    AdaptiveAvgPool2d, AdaptiveMaxPool2d, AvgPool1d, AvgPool1dConfig, AvgPool2d, AvgPool2dConfig, GlobalAvgPool,
    MaxPool1d, MaxPool1dConfig, MaxPool2d, MaxPool2dConfig, Mode, Module, avg_pool1d, avg_pool2d, max_pool1d,
    max_pool2d,
};
use candlelight::prelude::*;
use candlelight_tests::elsewhere::cases;
use candlelight_tests::{Case, assert_close, elsewhere, everywhere, fixture, flat, gradient, here, strided};
use proptest::prelude::{ProptestConfig, any, prop_assert_eq, proptest};

/// A setting in the name of a case, `key=1,2`.
fn setting(case: &Case, key: &str) -> Vec<usize> {
    let words = case.0["name"].as_str().unwrap().split(' ');
    let value = words.filter_map(|word| word.split_once('=')).find(|(name, _)| *name == key);
    value.map_or_else(Vec::new, |(_, value)| value.split(',').map(|n| n.parse().unwrap()).collect())
}

fn layer(case: &Case) -> Box<dyn Module> {
    let one = |key| setting(case, key)[0];
    let two = |key| {
        let numbers = setting(case, key);
        (numbers[0], numbers[1])
    };
    let on = |key| setting(case, key).first().is_none_or(|&on| on == 1);
    match case.subject() {
        "max_pool2d" => {
            let config = MaxPool2dConfig {
                stride: Some(two("stride")),
                padding: two("padding"),
                dilation: two("dilation"),
                ceil_mode: on("ceil"),
            };
            Box::new(MaxPool2d::new(two("kernel"), config).unwrap())
        }
        "max_pool1d" => {
            let config = MaxPool1dConfig {
                stride: Some(one("stride")),
                padding: one("padding"),
                dilation: one("dilation"),
                ceil_mode: on("ceil"),
            };
            Box::new(MaxPool1d::new(one("kernel"), config).unwrap())
        }
        "avg_pool2d" => {
            let config = AvgPool2dConfig {
                stride: Some(two("stride")),
                padding: two("padding"),
                ceil_mode: on("ceil"),
                count_include_pad: on("count"),
            };
            Box::new(AvgPool2d::new(two("kernel"), config).unwrap())
        }
        "avg_pool1d" => {
            let config = AvgPool1dConfig {
                stride: Some(one("stride")),
                padding: one("padding"),
                ceil_mode: on("ceil"),
                count_include_pad: on("count"),
            };
            Box::new(AvgPool1d::new(one("kernel"), config).unwrap())
        }
        "adaptive_avg_pool2d" => Box::new(AdaptiveAvgPool2d::new(two("size")).unwrap()),
        "adaptive_max_pool2d" => Box::new(AdaptiveMaxPool2d::new(two("size")).unwrap()),
        "global_avg_pool" => Box::new(GlobalAvgPool),
        other => panic!("{other}"),
    }
}

#[test]
fn agrees_with_pytorch() {
    everywhere(|| {
        for case in fixture("pool") {
            let layer = layer(&case);
            let x = Var::from_tensor(&case.tensor("x")).unwrap();
            for mode in [Mode::Train, Mode::Eval] {
                case.check_every_way(|| layer.forward(&x, mode), &[("x", &x)]);
                case.check_every_way(|| layer.forward(&strided(&x), mode), &[("x", &x)]);
            }
        }
    });
}

#[test]
fn gradients_agree_with_finite_differences() {
    let max = MaxPool2dConfig { stride: Some((2, 1)), padding: (1, 1), dilation: (1, 2), ceil_mode: true };
    let average = AvgPool2dConfig { stride: Some((2, 1)), padding: (1, 1), ..AvgPool2dConfig::default() };
    let layers: [Box<dyn Module>; 7] = [
        Box::new(max_pool2d(2).unwrap()),
        Box::new(MaxPool2d::new((3, 2), max).unwrap()),
        Box::new(avg_pool2d(2).unwrap()),
        Box::new(AvgPool2d::new((3, 2), average).unwrap()),
        Box::new(AdaptiveAvgPool2d::new((2, 3)).unwrap()),
        Box::new(AdaptiveMaxPool2d::new((2, 3)).unwrap()),
        Box::new(GlobalAvgPool),
    ];
    for layer in layers {
        for shape in [(2, 2, 4, 4), (1, 1, 5, 7)] {
            // Normal draws are further apart than the step of the differences.
            gradient::check(|x| layer.forward(&x[0], Mode::Train), &[gradient::input(1, shape)]).unwrap();
        }
    }
    for layer in [Box::new(max_pool1d(3).unwrap()) as Box<dyn Module>, Box::new(avg_pool1d(3).unwrap())] {
        gradient::check(|x| layer.forward(&x[0], Mode::Train), &[gradient::input(2, (2, 2, 7))]).unwrap();
    }
}

#[test]
fn the_first_of_equal_maxima_gets_the_gradient() {
    for layer in [
        max_pool2d(2).unwrap(),
        MaxPool2d::new((2, 2), MaxPool2dConfig { dilation: (1, 2), ..Default::default() }).unwrap(),
    ] {
        let gradient = || {
            let x = Var::zeros((1, 1, 4, 4), DType::F32, &here()).unwrap();
            let sum = layer.forward(&x, Mode::Train).unwrap().sum_all().unwrap();
            flat(sum.backward().unwrap().get(&x).unwrap())
        };
        assert_eq!(gradient().iter().position(|&g| g != 0.0), Some(0));
        assert_eq!(gradient(), elsewhere(gradient));
    }
    let x = Var::zeros((1, 1, 4, 4), DType::F32, &Device::Cpu).unwrap();
    let gradient = max_pool2d(2).unwrap().forward(&x, Mode::Train).unwrap().sum_all().unwrap().backward().unwrap();
    let expected = [1., 0., 1., 0., 0., 0., 0., 0., 1., 0., 1., 0., 0., 0., 0., 0.];
    assert_eq!(flat(gradient.get(&x).unwrap()), expected);
}

#[test]
fn nan_wins_and_infinities_pass() {
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    let rows = [[nan, 1., -inf, -inf], [2., inf, -inf, -inf], [1., nan, inf, 2.], [nan, 0., 3., 4.]];
    // The same windows, once as pairs and once as any.
    let general = MaxPool2d::new((2, 2), MaxPool2dConfig { ceil_mode: true, ..Default::default() }).unwrap();
    let adaptive = AdaptiveMaxPool2d::new((2, 2)).unwrap();
    let pairs = max_pool2d(2).unwrap();
    let check = |what: &str, layer: &dyn Module| {
        let x = Var::new(&rows, &here()).unwrap();
        let y = layer.forward(&x.reshape((1, 4, 4)).unwrap(), Mode::Train).unwrap();
        let values = flat(&y);
        assert!(values[0].is_nan() && values[2].is_nan(), "{what}: {values:?}");
        assert_eq!((values[1], values[3]), (f64::NEG_INFINITY, f64::INFINITY), "{what}");
        let gradients = y.narrow(1, 0, 1).unwrap().sum_all().unwrap().backward().unwrap();
        // Of several NaN the last; of equal numbers the first.
        let expected = [1., 0., 1., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 0.];
        assert_eq!(flat(gradients.get(&x).unwrap()), expected, "{what}");
        let gradients = y.narrow(1, 1, 1).unwrap().sum_all().unwrap().backward().unwrap();
        let expected = [0., 0., 0., 0., 0., 0., 0., 0., 0., 0., 1., 0., 1., 0., 0., 0.];
        assert_eq!(flat(gradients.get(&x).unwrap()), expected, "{what}");
    };
    for layer in [&pairs as &dyn Module, &general, &adaptive] {
        check("kernel", layer);
        elsewhere(|| check("elsewhere", layer));
    }
}

#[test]
fn windows_larger_than_a_byte_can_count() {
    let layer = max_pool2d(17).unwrap();
    let x = Var::from_tensor(&gradient::input(3, (2, 1, 17, 34))).unwrap();
    let y = layer.forward(&x, Mode::Train).unwrap();
    let gradients = y.sum_all().unwrap().backward().unwrap();
    let taken = (gradients.get(&x).unwrap() * x.as_tensor()).unwrap();
    assert_eq!(flat(gradients.get(&x).unwrap()).iter().sum::<f64>(), 4.0);
    let expected = taken.reshape((2, 17, 2, 17)).unwrap().sum((1, 3)).unwrap().flatten_all().unwrap();
    assert_close("maxima", &y.flatten_all().unwrap(), &expected, 0.0, 1e-15);
}

#[test]
fn bad_input_is_a_typed_error() {
    let zeros = |dims: &[usize]| Tensor::zeros(dims, DType::F32, &Device::Cpu).unwrap();
    let max = max_pool2d(3).unwrap();
    for dims in [&[2, 4][..], &[2, 3, 0, 4], &[2, 3, 2, 4], &[], &[1, 1, 1, 1, 1]] {
        for layer in [&max as &dyn Module, &avg_pool2d(3).unwrap()] {
            let result = layer.forward(&zeros(dims), Mode::Train);
            assert!(matches!(&result, Err(Error::Shape { actual, .. }) if actual == dims), "{result:?}");
        }
    }
    let message = max.forward(&zeros(&[2, 3, 2, 4]), Mode::Eval).unwrap_err().to_string();
    assert_eq!(message, "input of max_pool2d: expected shape at least 3 along this dimension, got [2, 3, 2, 4]");
    let integers = Tensor::zeros((1, 1, 4, 4), DType::U32, &Device::Cpu).unwrap();
    for layer in [&max as &dyn Module, &GlobalAvgPool, &AdaptiveAvgPool2d::new((1, 1)).unwrap()] {
        assert!(matches!(layer.forward(&integers, Mode::Eval), Err(Error::DType { actual: DType::U32, .. })));
    }
    assert!(matches!(GlobalAvgPool.forward(&zeros(&[3]), Mode::Eval), Err(Error::Shape { .. })));
    assert!(matches!(GlobalAvgPool.forward(&zeros(&[3, 2, 0]), Mode::Eval), Err(Error::Shape { .. })));
    assert!(matches!(max_pool2d(0), Err(Error::Setting { name: "kernel_size", .. })));
    let default = MaxPool2dConfig::default();
    for (config, setting) in [
        (MaxPool2dConfig { stride: Some((0, 1)), ..default }, "stride"),
        (MaxPool2dConfig { dilation: (1, 0), ..default }, "dilation"),
        (MaxPool2dConfig { padding: (2, 1), ..default }, "padding"),
    ] {
        assert!(matches!(MaxPool2d::new((3, 3), config), Err(Error::Setting { name, .. }) if name == setting));
    }
    assert!(matches!(AdaptiveAvgPool2d::new((0, 1)), Err(Error::Setting { name: "output_size", .. })));
    // A window of which both places lie in the padding.
    let config = MaxPool1dConfig { padding: 1, dilation: 3, ..MaxPool1dConfig::default() };
    let result = MaxPool1d::new(2, config).unwrap().forward(&zeros(&[1, 2]), Mode::Eval);
    assert!(matches!(result, Err(Error::Shape { .. })), "{result:?}");
}

#[test]
fn an_empty_batch_passes() {
    let x = Tensor::zeros((0, 3, 4, 4), DType::F32, &Device::Cpu).unwrap();
    assert_eq!(max_pool2d(2).unwrap().forward(&x, Mode::Train).unwrap().dims(), [0, 3, 2, 2]);
    assert_eq!(GlobalAvgPool.forward(&x, Mode::Train).unwrap().dims(), [0, 3]);
}

/// If this fails, Candle has mended what `MaxPool2d` is here for.
#[test]
fn stock_max_pool_has_a_gradient_four_times_too_small() {
    let x = Var::new(&[[[[1f32, 5.], [3., 2.]]]], &Device::Cpu).unwrap();
    let gradient = |y: Tensor| flat(y.sum_all().unwrap().backward().unwrap().get(&x).unwrap());
    assert_eq!(gradient(x.max_pool2d(2).unwrap()), [0.0, 0.25, 0.0, 0.0]);
    assert_eq!(gradient(max_pool2d(2).unwrap().forward(&x, Mode::Train).unwrap()), [0.0, 1.0, 0.0, 0.0]);
}

/// If this fails, Candle has mended a limit that `AvgPool2d` and `MaxPool2d` do not have.
#[test]
fn stock_pooling_has_no_gradient_unless_the_stride_is_the_window() {
    let x = Var::ones((1, 1, 4, 4), DType::F32, &Device::Cpu).unwrap();
    for y in [x.avg_pool2d_with_stride(2, 1).unwrap(), x.max_pool2d_with_stride(2, 1).unwrap()] {
        assert!(y.sum_all().unwrap().backward().is_err());
    }
    let average = AvgPool2d::new((2, 2), AvgPool2dConfig { stride: Some((1, 1)), ..Default::default() }).unwrap();
    let y = average.forward(&x, Mode::Train).unwrap();
    let gradient = flat(y.sum_all().unwrap().backward().unwrap().get(&x).unwrap());
    assert_eq!(gradient[..6], [0.25, 0.5, 0.5, 0.25, 0.5, 1.0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(200)))]

    /// Any setting and size: an error or the composed result, never a panic.
    #[test]
    fn kernels_agree_with_the_composed_form(
        seed in 0..1000u64, n in 0..3usize, c in 1..3usize, height in 0..9usize, width in 1..9usize,
        kernel in (1..5usize, 1..5usize), stride in (1..4usize, 1..4usize), padding in (0..3usize, 0..3usize),
        dilation in (1..3usize, 1..3usize), ceil_mode in any::<bool>(), count_include_pad in any::<bool>(),
    ) {
        let max = MaxPool2dConfig { stride: Some(stride), padding, dilation, ceil_mode };
        let average = AvgPool2dConfig { stride: Some(stride), padding, ceil_mode, count_include_pad };
        let max = MaxPool2d::new(kernel, max).map(|layer| Box::new(layer) as Box<dyn Module>);
        let average = AvgPool2d::new(kernel, average).map(|layer| Box::new(layer) as Box<dyn Module>);
        for layer in [max, average].into_iter().flatten() {
            let run = || {
                let x = Var::from_tensor(&gradient::input(seed, (n, c, height, width))).unwrap();
                let (y, gradients) = value_and_grad(|| Ok(layer.forward(&x, Mode::Train)?.sqr()?.sum_all()?))?;
                Ok::<_, Error>((y, gradients.get(&x).cloned()))
            };
            match (run(), elsewhere(run)) {
                (Ok((y, dy)), Ok((plain, dplain))) => {
                    assert_close("value", &y, &plain, 1e-12, 1e-12);
                    if n > 0 {
                        assert_close("gradient", &dy.unwrap(), &dplain.unwrap(), 1e-12, 1e-12);
                    }
                }
                (a, b) => prop_assert_eq!(a.map_err(|e| e.to_string()).err(), b.map_err(|e| e.to_string()).err()),
            }
        }
    }
}
