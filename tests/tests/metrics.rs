//! Metrics on cases small enough to count by hand.

use candlelight::metrics::{ConfusionMatrix, accuracy, mse, rmse};
use candlelight::prelude::*;
use candlelight_tests::strided;

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
}

#[test]
fn a_class_without_samples_has_no_recall() {
    let (scores, labels) = example();
    let matrix = ConfusionMatrix::new(&scores.narrow(0, 0, 1).unwrap(), &labels.narrow(0, 0, 1).unwrap()).unwrap();
    let recall = matrix.recall();
    assert!(recall[0] == 1.0 && recall[1].is_nan() && recall[2].is_nan());
    assert!(matrix.precision()[1].is_nan());
}

#[test]
fn errors_of_regression_in_their_units() {
    let prediction = Tensor::new(&[[1f32, 2.], [3., 8.]], &Device::Cpu).unwrap();
    let target = Tensor::new(&[[1f32, 4.], [3., 4.]], &Device::Cpu).unwrap();
    assert_eq!(mse(&prediction, &target).unwrap(), 5.0);
    assert_eq!(rmse(&prediction, &target).unwrap(), 5f64.sqrt());
    // Ten times the unit: a hundred times the square, ten times the root.
    let (prediction, target) = ((prediction * 10.0).unwrap(), (target * 10.0).unwrap());
    assert_eq!(mse(&prediction, &target).unwrap(), 500.0);
    assert!((rmse(&prediction, &target).unwrap() - 10.0 * 5f64.sqrt()).abs() < 1e-12);
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
