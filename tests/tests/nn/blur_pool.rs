//! Anti-aliased pooling against PyTorch, finite differences, its composed form, and by hand.

use candlelight::autograd::value_and_grad;
use candlelight::nn::{
    BlurPool1d, BlurPool2d, BlurPoolConfig, Mode, Module, PaddingMode, blur_pool1d, blur_pool2d, summary,
};
use candlelight::prelude::*;
use candlelight_tests::elsewhere::cases;
use candlelight_tests::{Case, assert_close, elsewhere, everywhere, fixture, flat, gradient, store, strided};
use proptest::prelude::{ProptestConfig, Strategy, prop_assert_eq, prop_oneof, proptest};
use proptest::strategy::Just;

fn layer(dimensions: usize, config: BlurPoolConfig) -> Result<Box<dyn Module>> {
    Ok(match dimensions {
        1 => Box::new(BlurPool1d::new(config)?),
        _ => Box::new(BlurPool2d::new(config)?),
    })
}

fn of_case(case: &Case) -> Box<dyn Module> {
    let value = |key: &str| {
        let words = case.0["name"].as_str().unwrap().split(' ');
        words.filter_map(|word| word.split_once('=')).find(|(name, _)| *name == key).unwrap().1
    };
    let padding_mode = match value("mode") {
        "zeros" => PaddingMode::Zeros,
        "reflect" => PaddingMode::Reflect,
        "circular" => PaddingMode::Circular,
        other => panic!("{other}"),
    };
    let config = BlurPoolConfig {
        kernel_size: value("kernel").parse().unwrap(),
        stride: value("stride").parse().unwrap(),
        padding_mode,
    };
    layer(if case.subject() == "blur_pool1d" { 1 } else { 2 }, config).unwrap()
}

#[test]
fn agrees_with_pytorch() {
    everywhere(|| {
        let cases = fixture("blur_pool");
        assert_eq!(cases.len(), 2 * 17);
        for case in cases {
            let layer = of_case(&case);
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
    for padding_mode in [PaddingMode::Zeros, PaddingMode::Reflect, PaddingMode::Circular] {
        for (kernel_size, stride) in [(3, 2), (4, 1), (7, 3)] {
            let config = BlurPoolConfig { kernel_size, stride, padding_mode };
            let (two, one) = (layer(2, config).unwrap(), layer(1, config).unwrap());
            gradient::check(|x| two.forward(&x[0], Mode::Train), &[gradient::input(1, (2, 1, 5, 7))]).unwrap();
            gradient::check(|x| one.forward(&x[0], Mode::Train), &[gradient::input(2, (2, 1, 9))]).unwrap();
        }
    }
}

#[test]
fn defaults_and_filters() {
    let config = BlurPoolConfig::default();
    assert_eq!((config.kernel_size, config.stride, config.padding_mode), (3, 2, PaddingMode::Reflect));
    assert_eq!(blur_pool2d(), BlurPool2d::new(config).unwrap());
    assert_eq!(blur_pool1d(), BlurPool1d::new(config).unwrap());
    // What an impulse becomes without a stride: the row of Pascal's triangle.
    let rows: [&[f64]; 7] = [
        &[1.],
        &[1., 1.],
        &[1., 2., 1.],
        &[1., 3., 3., 1.],
        &[1., 4., 6., 4., 1.],
        &[1., 5., 10., 10., 5., 1.],
        &[1., 6., 15., 20., 15., 6., 1.],
    ];
    let mut impulse = vec![0.0; 13];
    impulse[6] = 1.0;
    let x = Tensor::new(impulse, &Device::Cpu).unwrap().reshape((1, 1, 13)).unwrap();
    for row in rows {
        let k = row.len();
        let config = BlurPoolConfig { kernel_size: k, stride: 1, padding_mode: PaddingMode::Zeros };
        let y = flat(&layer(1, config).unwrap().forward(&x, Mode::Eval).unwrap());
        let start = 6 - k / 2; // ⌈(k - 1) / 2⌉ places of the filter come before its middle
        let expected: Vec<f64> =
            (0..13_usize).map(|i| row.get(i.wrapping_sub(start)).unwrap_or(&0.) / 2f64.powi(k as i32 - 1)).collect();
        assert_eq!(y, expected, "{k}");
    }
}

#[test]
fn a_constant_stays_and_an_alternation_vanishes() {
    let alternating: Vec<f64> = (0..16).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
    let alternating = Tensor::new(alternating, &Device::Cpu).unwrap().reshape((1, 1, 16)).unwrap();
    for kernel_size in 2..8 {
        for padding_mode in [PaddingMode::Reflect, PaddingMode::Circular] {
            let layer = layer(1, BlurPoolConfig { kernel_size, stride: 2, padding_mode }).unwrap();
            let y = layer.forward(&alternating, Mode::Eval).unwrap();
            assert_eq!(flat(&y), [0.0; 8], "{kernel_size} {padding_mode:?}");
            let y = layer.forward(&alternating.ones_like().unwrap(), Mode::Eval).unwrap();
            assert_eq!(flat(&y), [1.0; 8], "{kernel_size} {padding_mode:?}");
        }
    }
}

#[test]
fn bad_input_is_a_typed_error() {
    let config = BlurPoolConfig::default();
    for (config, message) in [
        (BlurPoolConfig { kernel_size: 0, ..config }, "kernel_size must be from 1 to 7, got 0"),
        (BlurPoolConfig { kernel_size: 8, ..config }, "kernel_size must be from 1 to 7, got 8"),
        (BlurPoolConfig { stride: 0, ..config }, "stride must be from 1 to 1048576, got 0"),
    ] {
        assert_eq!(BlurPool2d::new(config).unwrap_err().to_string(), message);
        assert_eq!(BlurPool1d::new(config).unwrap_err().to_string(), message);
    }
    let zeros = |dims: &[usize]| Tensor::zeros(dims, DType::F32, &Device::Cpu).unwrap();
    for (dims, expected) in [
        (&[4, 4][..], "[N, C, H, W] or [C, H, W], H and W at least 1"),
        (&[1, 1, 0, 4], "[N, C, H, W] or [C, H, W], H and W at least 1"),
        (&[1, 1, 4, 1], "at least 2 along this dimension"),
    ] {
        let message = blur_pool2d().forward(&zeros(dims), Mode::Train).unwrap_err().to_string();
        assert_eq!(message, format!("input of blur_pool2d: expected shape {expected}, got {dims:?}"));
    }
    let config = BlurPoolConfig { kernel_size: 6, padding_mode: PaddingMode::Circular, ..config };
    let message = BlurPool1d::new(config).unwrap().forward(&zeros(&[1, 2]), Mode::Eval).unwrap_err().to_string();
    assert_eq!(message, "input of blur_pool1d: expected shape at least 3 along this dimension, got [1, 2]");
    let integers = Tensor::zeros((1, 1, 4, 4), DType::U32, &Device::Cpu).unwrap();
    let result = blur_pool2d().forward(&integers, Mode::Eval);
    assert!(matches!(result, Err(Error::DType { actual: DType::U32, .. })), "{result:?}");
}

#[test]
fn an_empty_batch_passes_and_a_summary_shows_the_layer() {
    assert_eq!(blur_pool2d().forward(&gradient::input(1, (0, 3, 5, 4)), Mode::Train).unwrap().dims(), [0, 3, 3, 2]);
    let summary = summary(&blur_pool2d(), &store(DType::F32), (2, 3, 8, 8)).unwrap();
    assert_eq!((summary.layers.len(), summary.layers[0].kind, summary.params), (1, "blur_pool2d", 0));
    assert_eq!(summary.layers[0].output, [2, 3, 4, 4]);
}

fn mode() -> impl Strategy<Value = PaddingMode> {
    prop_oneof![Just(PaddingMode::Zeros), Just(PaddingMode::Reflect), Just(PaddingMode::Circular)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(300)))]

    /// Any setting and size: an error or the composed result, never a panic.
    #[test]
    fn kernels_agree_with_the_composed_form(
        seed in 0..1000u64, n in 0..3usize, c in 1..4usize, height in 0..12usize, width in 1..40usize,
        kernel_size in 1..8usize, stride in 1..6usize, padding_mode in mode(), dimensions in 1..3usize,
    ) {
        let layer = layer(dimensions, BlurPoolConfig { kernel_size, stride, padding_mode }).unwrap();
        let run = || {
            let x = match dimensions {
                1 => gradient::input(seed, (n, c, width)),
                _ => gradient::input(seed, (n, c, height, width)),
            };
            let x = Var::from_tensor(&x).unwrap();
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
