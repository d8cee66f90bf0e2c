//! Metrics on cases small enough to count by hand.

use candlelight::activation::softmax;
use candlelight::metrics::{Calibration, ConfusionMatrix, MultiLabel, accuracy, mae, mse, rmse, top_k_accuracy};
use candlelight::prelude::*;
use candlelight_tests::{flat, gradient, strided};
use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};

fn example() -> (Tensor, Tensor) {
    // Predicted: 0, 2, 1, 1, 2; the fourth has equal scores for 1 and 2.
    let scores = [[9f32, 0., 1.], [0., 1., 5.], [0., 3., 1.], [-1., 2., 2.], [0., 1., 2.]];
    (Tensor::new(&scores, &Device::Cpu).unwrap(), Tensor::new(&[0u32, 2, 2, 1, 0], &Device::Cpu).unwrap())
}

#[test]
fn accuracy_counts_the_largest_score() {
    let (scores, labels) = example();
    assert_eq!(accuracy(&scores, &labels).unwrap(), 0.6);
    assert_eq!(accuracy(&strided(&scores), &strided(&labels.to_dtype(DType::I64).unwrap())).unwrap(), 0.6);
    let all_right = Tensor::new(&[0u8, 2, 1, 1, 2], &Device::Cpu).unwrap();
    assert_eq!(accuracy(&scores, &all_right).unwrap(), 1.0);
}

#[test]
fn confusion_matrix_has_labels_in_rows() {
    let (scores, labels) = example();
    let matrix = ConfusionMatrix::new(&scores, &labels).unwrap();
    assert_eq!(matrix.counts, array![[1, 0, 1], [0, 1, 0], [0, 1, 1]]);
    assert_eq!(matrix.accuracy(), accuracy(&scores, &labels).unwrap());
    assert_eq!(matrix.recall(), array![0.5, 1.0, 0.5]);
    assert_eq!(matrix.precision(), array![1.0, 0.5, 0.5]);
    // 2 · 1 · 0.5 / 1.5, and so on.
    let expected = array![2.0 / 3.0, 2.0 / 3.0, 0.5];
    assert!((matrix.f1() - expected).iter().all(|difference| difference.abs() < 1e-15));
}

#[test]
fn a_class_without_samples_has_no_recall() {
    let (scores, labels) = example();
    let matrix = ConfusionMatrix::new(&scores.narrow(0, 0, 1).unwrap(), &labels.narrow(0, 0, 1).unwrap()).unwrap();
    let recall = matrix.recall();
    assert!(recall[0] == 1.0 && recall[1].is_nan() && recall[2].is_nan());
    assert!(matrix.precision()[1].is_nan());
    assert!(matrix.f1()[0] == 1.0 && matrix.f1()[1].is_nan());
}

#[test]
fn errors_of_regression_in_their_units() {
    let prediction = Tensor::new(&[[1f32, 2.], [3., 8.]], &Device::Cpu).unwrap();
    let target = Tensor::new(&[[1f32, 4.], [3., 4.]], &Device::Cpu).unwrap();
    assert_eq!(mse(&prediction, &target).unwrap(), 5.0);
    assert_eq!(rmse(&prediction, &target).unwrap(), 5f64.sqrt());
    assert_eq!(mae(&prediction, &target).unwrap(), 1.5);
    // Ten times the unit: a hundred times the square, ten times the root.
    let (prediction, target) = ((prediction * 10.0).unwrap(), (target * 10.0).unwrap());
    assert_eq!(mse(&prediction, &target).unwrap(), 500.0);
    assert!((rmse(&prediction, &target).unwrap() - 10.0 * 5f64.sqrt()).abs() < 1e-12);
}

#[test]
fn top_k_counts_the_labels_among_the_largest_scores() {
    let (scores, labels) = example();
    let at = |k| top_k_accuracy(&scores, &labels, k).unwrap();
    assert_eq!(at(1), accuracy(&scores, &labels).unwrap());
    // The third label, 2, is second; the fifth, 0, is last.
    assert_eq!((at(2), at(3)), (0.8, 1.0));
    // Of equal scores the first count.
    let equal = Tensor::zeros((1, 3), DType::F64, &Device::Cpu).unwrap();
    for (label, first_right) in [(0u32, 1), (1, 2), (2, 3)] {
        let label = Tensor::new(&[label], &Device::Cpu).unwrap();
        for k in 1..=3 {
            assert_eq!(top_k_accuracy(&equal, &label, k).unwrap(), f64::from(k >= first_right));
        }
    }
    for k in [0, 4] {
        let result = top_k_accuracy(&scores, &labels, k);
        assert!(matches!(result, Err(Error::Setting { name: "k", .. })), "{result:?}");
    }
}

#[test]
fn nan_is_never_right() {
    let scores = Tensor::new(&[[f32::NAN, 0.0], [1.0, f32::NAN], [f32::INFINITY, 0.0]], &Device::Cpu).unwrap();
    let labels = Tensor::zeros(3, DType::U32, &Device::Cpu).unwrap();
    assert_eq!(accuracy(&scores, &labels).unwrap(), 1.0 / 3.0);
    assert_eq!(top_k_accuracy(&scores, &labels, 2).unwrap(), 1.0 / 3.0);
    let result = ConfusionMatrix::new(&scores, &labels);
    assert!(matches!(result, Err(Error::Setting { name: "scores", .. })), "{result:?}");
    assert!(matches!(Calibration::new(&scores, &labels, 5), Err(Error::Setting { name: "probabilities", .. })));
}

/// Eight samples in four bins, by hand.
#[test]
fn calibration_compares_confidence_with_accuracy() {
    // Confidence and whether the prediction, class 0, is right.
    let samples =
        [(0.55, true), (0.7, false), (0.75, true), (0.8, true), (0.9, true), (0.95, false), (1.0, true), (1.0, true)];
    let rows: Vec<f64> = samples.iter().flat_map(|(p, _)| [*p, 1.0 - p]).collect();
    let probabilities = Tensor::from_vec(rows, (8, 2), &Device::Cpu).unwrap();
    let labels: Vec<u32> = samples.iter().map(|(_, right)| u32::from(!right)).collect();
    let labels = Tensor::new(labels, &Device::Cpu).unwrap();
    let calibration = Calibration::new(&probabilities, &labels, 4).unwrap();
    let bins: Vec<(f64, f64, usize)> = calibration.bins.iter().map(|bin| (bin.low, bin.high, bin.count)).collect();
    // 0.75 lies in (0.5, 0.75].
    assert_eq!(bins, [(0.0, 0.25, 0), (0.25, 0.5, 0), (0.5, 0.75, 3), (0.75, 1.0, 5)]);
    let [empty, _, third, fourth] = calibration.bins[..] else { panic!("four bins") };
    assert!(empty.confidence.is_nan() && empty.accuracy.is_nan() && empty.gap().is_nan());
    let (confidence3, confidence4) = ((0.55 + 0.7 + 0.75) / 3.0, (0.8 + 0.9 + 0.95 + 2.0) / 5.0);
    assert!((third.confidence - confidence3).abs() < 1e-12 && third.accuracy == 2.0 / 3.0);
    assert!((fourth.confidence - confidence4).abs() < 1e-12 && fourth.accuracy == 0.8);
    let (gap3, gap4) = ((2.0f64 / 3.0 - confidence3).abs(), (0.8 - confidence4).abs());
    assert!((calibration.expected_error() - (3.0 * gap3 + 5.0 * gap4) / 8.0).abs() < 1e-12);
    assert!((calibration.maximum_error() - gap3.max(gap4)).abs() < 1e-12);
    // With one bin only the means count.
    let one = Calibration::new(&probabilities, &labels, 1).unwrap();
    assert!((one.expected_error() - (samples.iter().map(|(p, _)| p).sum::<f64>() / 8.0 - 0.75).abs()).abs() < 1e-12);
    assert_eq!(
        Calibration::new(&strided(&probabilities), &strided(&labels), 4).unwrap().bins[2..],
        calibration.bins[2..]
    );
}

/// Labels drawn from the probabilities themselves: the model is right as often as it says.
#[test]
fn a_model_that_knows_the_odds_is_calibrated() {
    let n = 20_000;
    let p = softmax(&gradient::input(1, (n, 3)), 1).unwrap();
    let rng = &mut seeded(2);
    let labels: Vec<u32> = flat(&p)
        .chunks(3)
        .map(|p| {
            let u: f64 = rng.random();
            u32::from(u > p[0]) + u32::from(u > p[0] + p[1])
        })
        .collect();
    let labels = Tensor::new(labels, &Device::Cpu).unwrap();
    let at = |p: &Tensor| Calibration::new(p, &labels, 10).unwrap().expected_error();
    let sharpened = softmax(&(p.log().unwrap() * 3.0).unwrap(), 1).unwrap();
    assert!(at(&p) < 0.015 && at(&sharpened) > 0.15, "{} {}", at(&p), at(&sharpened));
}

#[test]
fn calibration_refuses_what_are_no_probabilities() {
    let labels = Tensor::new(&[0u32], &Device::Cpu).unwrap();
    let row = |p: [f64; 2]| Tensor::new(&[p], &Device::Cpu).unwrap();
    for bad in [[2.0, -1.0], [0.9, 0.9], [0.1, 0.1], [f64::NAN, 1.0], [f64::INFINITY, 0.0]] {
        let result = Calibration::new(&row(bad), &labels, 5);
        assert!(matches!(result, Err(Error::Setting { name: "probabilities", .. })), "{result:?}");
    }
    let good = row([0.5, 0.5]);
    assert!(matches!(Calibration::new(&good, &labels, 0), Err(Error::Setting { name: "bins", .. })));
    let outside = Tensor::new(&[2u32], &Device::Cpu).unwrap();
    assert!(matches!(Calibration::new(&good, &outside, 5), Err(Error::Label { label: 2, .. })));
}

#[test]
fn bad_input_is_a_typed_error() {
    let (scores, labels) = example();
    assert!(matches!(accuracy(&scores, &labels.narrow(0, 0, 2).unwrap()), Err(Error::Shape { what: "labels", .. })));
    let narrow = scores.narrow(1, 0, 2).unwrap();
    let result = ConfusionMatrix::new(&narrow, &labels);
    assert!(matches!(result, Err(Error::Label { label: 2, position: 1, classes: 2 })), "{result:?}");
    let empty = Tensor::zeros((0, 3), DType::F32, &Device::Cpu).unwrap();
    let no_labels = Tensor::zeros(0, DType::U32, &Device::Cpu).unwrap();
    assert!(matches!(accuracy(&empty, &no_labels), Err(Error::Shape { what: "scores", .. })));
    let no_class = Tensor::zeros((2, 0), DType::F32, &Device::Cpu).unwrap();
    assert!(matches!(accuracy(&no_class, &labels.narrow(0, 0, 2).unwrap()), Err(Error::Shape { .. })));
    assert!(matches!(rmse(&scores, &narrow), Err(Error::Shape { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn shares_are_shares(
        shape in proptest::collection::vec(0usize..4, 0..4),
        labels in proptest::collection::vec(0u32..3, 27),
        seed in 0u64..1000,
    ) {
        let scores = gradient::input(seed, shape.as_slice());
        let (classes, batch) = shape.split_last().unwrap_or((&0, &[]));
        let n: usize = batch.iter().product();
        let labels = Tensor::from_vec(labels[..n].to_vec(), batch, &Device::Cpu).unwrap();
        let fits = scores.elem_count() > 0 && !shape.is_empty() && flat(&labels).iter().all(|&l| (l as usize) < *classes);
        let accuracy = accuracy(&scores, &labels);
        let matrix = ConfusionMatrix::new(&scores, &labels);
        prop_assert_eq!((accuracy.is_ok(), matrix.is_ok()), (fits, fits));
        if fits {
            let accuracy = accuracy.unwrap();
            prop_assert_eq!(matrix.unwrap().accuracy(), accuracy);
            let by_k: Vec<f64> = (1..=*classes).map(|k| top_k_accuracy(&scores, &labels, k).unwrap()).collect();
            prop_assert!(by_k[0] == accuracy && by_k.is_sorted() && by_k[classes - 1] == 1.0);
            let calibration = Calibration::new(&softmax(&scores, D::Minus1).unwrap(), &labels, 7).unwrap();
            prop_assert_eq!(calibration.bins.iter().map(|bin| bin.count).sum::<usize>(), n);
            let (expected, maximum) = (calibration.expected_error(), calibration.maximum_error());
            prop_assert!((0.0..=1.0).contains(&expected) && expected <= maximum + 1e-12);
        }
    }
}

#[test]
fn several_labels_are_counted_each_and_together() {
    let scores = Tensor::new(&[[2f32, -1., 3.], [-1., -2., -3.], [1., 1., -1.], [0., 4., 5.]], &Device::Cpu).unwrap();
    let targets = Tensor::new(&[[1f32, 0., 1.], [1., 0., 0.], [1., 0., 1.], [0., 1., 1.]], &Device::Cpu).unwrap();
    // Given: {0, 2}, {}, {0, 1}, {1, 2}; the score 0 of the last sample is not above the threshold.
    let metrics = MultiLabel::new(&scores, &targets, 0.0).unwrap();
    assert_eq!(metrics.true_positives, array![2, 1, 2]);
    assert_eq!(metrics.false_positives, array![0, 1, 0]);
    assert_eq!(metrics.false_negatives, array![1, 0, 1]);
    assert_eq!((metrics.exact, metrics.samples, metrics.exact_match()), (2, 4, 0.5));
    assert_eq!(metrics.hamming_loss(), 3.0 / 12.0);
    assert_eq!(metrics.precision(), array![1.0, 0.5, 1.0]);
    assert_eq!(metrics.recall(), array![2.0 / 3.0, 1.0, 2.0 / 3.0]);
    assert_eq!(metrics.f1(), array![0.8, 2.0 / 3.0, 0.8]);
    assert_eq!(MultiLabel::new(&strided(&scores), &strided(&targets), 0.0).unwrap(), metrics);
    let none = MultiLabel::new(&scores, &targets.zeros_like().unwrap(), 10.0).unwrap();
    assert!(none.precision()[0].is_nan() && none.recall()[0].is_nan() && none.exact_match() == 1.0);
}

#[test]
fn several_labels_must_be_zeros_and_ones_for_each_sample() {
    let scores = Tensor::zeros((2, 3), DType::F64, &Device::Cpu).unwrap();
    let refuses = |scores: &Tensor, targets: &Tensor| MultiLabel::new(scores, targets, 0.5).unwrap_err().to_string();
    assert!(refuses(&scores, &scores.i(0).unwrap()).contains("targets: expected shape [2, 3], as scores, got [3]"));
    assert!(refuses(&scores.i(0).unwrap(), &scores).contains("scores: expected shape [N, C]"));
    assert!(
        refuses(&scores, &(scores.ones_like().unwrap() * 0.5).unwrap()).contains("targets must be 0 or 1, got 0.5")
    );
    assert!(refuses(&(&scores * f64::NAN).unwrap(), &scores).contains("scores must be numbers, got NaN"));
}
