//! Losses against PyTorch, finite differences and stock Candle.

use candlelight::activation::{log_softmax, softmax};
use candlelight::candle_nn;
use candlelight::loss::*;
use candlelight::prelude::*;
use candlelight_tests::{Case, fixture, flat, gradient, number, strided};

fn reduction(case: &Case) -> Reduction {
    match case.option() {
        Some("mean") => Reduction::Mean,
        Some("sum") => Reduction::Sum,
        Some("none") => Reduction::None,
        other => panic!("{other:?}"),
    }
}

/// The case's loss, as a function of its differentiated input.
fn compute(case: &Case, x: &Tensor) -> Tensor {
    let reduction = reduction(case);
    match case.subject() {
        "cross_entropy" => cross_entropy_reduce(x, &case.labels("labels"), reduction),
        "cross_entropy_soft" => cross_entropy_soft_reduce(x, &case.tensor("targets"), reduction),
        "nll" => nll_reduce(x, &case.labels("labels"), reduction),
        "mse" => mse_reduce(x, &case.tensor("target"), reduction),
        "binary_cross_entropy_with_logits" => {
            binary_cross_entropy_with_logits_reduce(x, &case.tensor("targets"), reduction)
        }
        other => panic!("{other}"),
    }
    .unwrap()
}

#[test]
fn agrees_with_pytorch() {
    for case in fixture("loss") {
        let input = match case.subject() {
            "nll" => "log_probabilities",
            "mse" => "prediction",
            _ => "logits",
        };
        let x = Var::from_tensor(&case.tensor(input)).unwrap();
        case.check(&compute(&case, &x), &[(input, &x)]);
        case.check(&compute(&case, &strided(&x)), &[(input, &x)]);
    }
}

#[test]
fn the_short_forms_average() {
    let x = gradient::input(1, (3, 4));
    let soft = softmax(&gradient::input(2, (3, 4)), 1).unwrap();
    let labels = Tensor::new(&[3u32, 0, 1], &Device::Cpu).unwrap();
    let mean = Reduction::Mean;
    assert_eq!(mean, Reduction::default());
    for (short, long) in [
        (cross_entropy(&x, &labels), cross_entropy_reduce(&x, &labels, mean)),
        (cross_entropy_soft(&x, &soft), cross_entropy_soft_reduce(&x, &soft, mean)),
        (nll(&x, &labels), nll_reduce(&x, &labels, mean)),
        (mse(&x, &soft), mse_reduce(&x, &soft, mean)),
        (binary_cross_entropy_with_logits(&x, &soft), binary_cross_entropy_with_logits_reduce(&x, &soft, mean)),
    ] {
        assert_eq!(number(&short.unwrap()), number(&long.unwrap()));
    }
}

#[test]
fn gradients_agree_with_finite_differences() {
    let labels = Tensor::new(&[3u32, 0, 1], &Device::Cpu).unwrap();
    let soft = softmax(&gradient::input(2, (3, 4)), 1).unwrap();
    let x = [gradient::input(1, (3, 4))];
    gradient::check(|x| cross_entropy(&x[0], &labels), &x).unwrap();
    gradient::check(|x| cross_entropy_reduce(&x[0], &labels, Reduction::None), &x).unwrap();
    gradient::check(|x| nll(&log_softmax(&x[0], 1)?, &labels), &x).unwrap();
    gradient::check(|x| binary_cross_entropy_with_logits(&x[0], &soft), &x).unwrap();
    // A teacher's probabilities may be learned too: both arguments have gradients.
    gradient::check(|x| cross_entropy_soft(&x[0], &x[1]), &[x[0].clone(), soft.clone()]).unwrap();
    gradient::check(|x| mse(&x[0], &x[1]), &[x[0].clone(), soft]).unwrap();
}

#[test]
fn the_gradient_of_cross_entropy_is_p_minus_y() {
    let logits = Var::from_tensor(&gradient::input(5, (2, 3))).unwrap();
    let labels = Tensor::new(&[2i64, 0], &Device::Cpu).unwrap();
    let gradients = cross_entropy_reduce(&logits, &labels, Reduction::Sum).unwrap().backward().unwrap();
    let mut expected = flat(&softmax(&logits, 1).unwrap());
    expected[2] -= 1.0;
    expected[3] -= 1.0;
    for (actual, expected) in flat(gradients.get(&logits).unwrap()).iter().zip(expected) {
        assert!((actual - expected).abs() < 1e-15);
    }
}

#[test]
fn labels_of_every_integer_dtype_and_layout_agree() {
    let logits = gradient::input(6, (2, 2, 3));
    let labels = Tensor::new(&[[2u32, 0], [1, 2]], &Device::Cpu).unwrap();
    let expected = number(&cross_entropy(&logits, &labels).unwrap());
    for dtype in [DType::U8, DType::I64] {
        assert_eq!(number(&cross_entropy(&logits, &labels.to_dtype(dtype).unwrap()).unwrap()), expected);
    }
    assert_eq!(number(&cross_entropy(&logits, &strided(&labels)).unwrap()), expected);
}

#[test]
fn finite_and_with_the_right_gradient_at_extreme_logits() {
    let logits = Var::new(&[[1e4f32, -1e4], [-1e4, 1e4]], &Device::Cpu).unwrap();
    let wrong = Tensor::new(&[1u32, 0], &Device::Cpu).unwrap();
    let loss = cross_entropy(&logits, &wrong).unwrap();
    assert_eq!(number(&loss), 2e4);
    assert_eq!(flat(loss.backward().unwrap().get(&logits).unwrap()), [0.5, -0.5, -0.5, 0.5]);

    let z = Var::new(&[-1e4f64, -100.0, 0.0, 100.0, 1e4], &Device::Cpu).unwrap();
    let y = Tensor::new(&[1.0f64, 1.0, 1.0, 0.0, 0.0], &Device::Cpu).unwrap();
    let losses = binary_cross_entropy_with_logits_reduce(&z, &y, Reduction::None).unwrap();
    assert_eq!(flat(&losses), [1e4, 100.0, 2f64.ln(), 100.0, 1e4]);
    assert_eq!(flat(losses.sum_all().unwrap().backward().unwrap().get(&z).unwrap()), [-1.0, -1.0, -0.5, 1.0, 1.0]);
}

#[test]
fn bad_input_is_a_typed_error() {
    let logits = Tensor::zeros((2, 3), DType::F32, &Device::Cpu).unwrap();
    let labels = |labels: &[i64]| Tensor::new(labels, &Device::Cpu).unwrap();
    for (given, position, label) in [(&[0, 3], 1, 3), (&[-1, 0], 0, -1)] {
        let result = cross_entropy(&logits, &labels(given));
        let expected = (position, label, 3);
        assert!(
            matches!(result, Err(Error::Label { label, position, classes }) if (position, label, classes) == expected),
            "{result:?}"
        );
    }
    assert!(matches!(nll(&logits, &labels(&[0, 9])), Err(Error::Label { label: 9, .. })));
    assert!(matches!(cross_entropy(&logits, &labels(&[0])), Err(Error::Shape { what: "labels", .. })));
    assert!(matches!(cross_entropy(&logits, &logits.narrow(1, 0, 1).unwrap()), Err(Error::Shape { .. })));
    let float_labels = Tensor::zeros(2, DType::F32, &Device::Cpu).unwrap();
    assert!(matches!(cross_entropy(&logits, &float_labels), Err(Error::DType { what: "labels", .. })));
    assert!(matches!(cross_entropy(&labels(&[0]), &labels(&[0])), Err(Error::DType { .. })));
    let scalar = Tensor::new(0f32, &Device::Cpu).unwrap();
    assert!(matches!(cross_entropy(&scalar, &labels(&[])), Err(Error::Shape { what: "logits", .. })));
    let empty = Tensor::zeros((0, 3), DType::F32, &Device::Cpu).unwrap();
    assert!(matches!(cross_entropy(&empty, &labels(&[])), Err(Error::Shape { .. })));

    type Pair = fn(&Tensor, &Tensor) -> Result<Tensor>;
    for loss in [mse as Pair, cross_entropy_soft, binary_cross_entropy_with_logits] {
        let column = Tensor::zeros((2, 1), DType::F32, &Device::Cpu).unwrap();
        assert!(matches!(loss(&logits, &column), Err(Error::Shape { .. })), "nothing is broadcast");
        assert!(matches!(loss(&logits, &logits.to_dtype(DType::F64).unwrap()), Err(Error::DType { .. })));
        assert!(matches!(loss(&empty, &empty), Err(Error::Shape { .. })));
    }
}

/// If this fails, Candle has mended what `binary_cross_entropy_with_logits` is here for.
#[test]
fn stock_binary_cross_entropy_is_nan_at_100() {
    for z in [100f32, -100.0] {
        let logits = Tensor::new(&[[z]], &Device::Cpu).unwrap();
        let target = Tensor::new(&[[f32::from(z > 0.0)]], &Device::Cpu).unwrap();
        assert!(number(&candle_nn::loss::binary_cross_entropy_with_logit(&logits, &target).unwrap()).is_nan());
        assert!(number(&binary_cross_entropy_with_logits(&logits, &target).unwrap()) < 1e-30);
    }
}
