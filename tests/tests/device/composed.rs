//! Composed forms in cases that the suites of the layers leave to the kernels.

use candlelight::candle_core::Shape;
use candlelight::nn::{AdaptiveMaxPool2d, MaxPool1d, MaxPool1dConfig, conv2d, lstm};
use candlelight::prelude::*;
use candlelight_tests::{elsewhere, flat, here, store};

fn normal(seed: u64, shape: impl Into<Shape>) -> Tensor {
    candlelight::rng::normal(&mut seeded(seed), 0.0, 1.0, shape, DType::F64, &here()).unwrap()
}

/// The gradient of the sum of what `layer` makes of a row, elsewhere and by the kernel.
fn gradients(layer: &dyn Module, row: [f64; 5]) -> [Vec<f64>; 2] {
    let gradient = || {
        let x = Var::new(&[[row]], &here()).unwrap();
        let y = layer.forward(&x, Mode::Train).unwrap();
        flat(y.sum_all().unwrap().backward().unwrap().get(&x).unwrap())
    };
    [elsewhere(gradient), gradient()]
}

#[test]
fn windows_that_are_not_alike_find_the_last_nan() {
    let nan = f64::NAN;
    // Windows 0 1, 1 2 3 and 3 4; then 0 1, 2 3 and 4 alone.
    let adaptive = AdaptiveMaxPool2d::new((1, 3)).unwrap();
    let last = MaxPool1dConfig { ceil_mode: true, ..MaxPool1dConfig::default() };
    let last = MaxPool1d::new(2, last).unwrap();
    for (layer, row, expected) in [
        (&adaptive as &dyn Module, [nan, nan, 0., 1., 2.], [0., 2., 0., 0., 1.]),
        (&adaptive, [-3., -2., -1., nan, nan], [0., 1., 0., 1., 1.]),
        (&adaptive, [-5., -4., -3., -2., -1.], [0., 1., 0., 1., 1.]),
        (&last, [nan, nan, 0., 1., nan], [0., 1., 0., 1., 1.]),
        (&last, [-5., -6., -3., -3., -1.], [1., 0., 1., 0., 1.]),
    ] {
        assert_eq!(gradients(layer, row), [expected.to_vec(), expected.to_vec()], "{row:?}");
    }
}

#[test]
fn only_wanted_gradients_are_there() {
    elsewhere(|| {
        let params = store(DType::F64);
        let layer = conv2d(2, 3, 3, params.clone()).unwrap();
        let (x, v) = (normal(1, (2, 2, 5, 5)), Var::from_tensor(&normal(1, (2, 2, 5, 5))).unwrap());
        let pass = |x: &Tensor| layer.forward(x, Mode::Train).unwrap().sum_all().unwrap().backward().unwrap();
        let (of_data, of_variable) = (pass(&x), pass(&v));
        assert!(of_data.get(&x).is_none() && of_variable.get(&v).is_some());
        for param in params.all() {
            assert_eq!(flat(of_data.get(&param.var).unwrap()), flat(of_variable.get(&param.var).unwrap()));
            assert!(!of_data.get(&param.var).unwrap().track_op(), "a gradient has no past");
        }
        // Nor is there one of something that only the form has, such as a state of zeros.
        let params = store(DType::F64);
        let layer = lstm(3, 4, params.clone()).unwrap();
        let y = layer.forward(&normal(2, (5, 2, 3)), Mode::Train).unwrap();
        assert_eq!(y.sum_all().unwrap().backward().unwrap().get_ids().count(), params.all().len());
    });
}
