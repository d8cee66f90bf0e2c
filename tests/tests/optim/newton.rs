//! Eigenvalues, and the bias of the inverse Hessian of a mini-batch.

use candlelight::ndarray::{Array1, Array2, array};
use candlelight::optim::newton::*;
use candlelight::prelude::*;
use candlelight::probability::fit::PowerLaw;

use crate::normal;

#[test]
fn eigenvalues_are_those_that_a_matrix_was_made_of() {
    // The second difference on n points has 2 - 2 cos(kπ / (n + 1)).
    let n = 30;
    let chain = Array2::from_shape_fn((n, n), |(i, j): (usize, usize)| match i.abs_diff(j) {
        0 => 2.0,
        1 => -1.0,
        _ => 0.0,
    });
    for (k, eigenvalue) in (1..).zip(symmetric_eigenvalues(&chain).unwrap()) {
        let expected = 2.0 - 2.0 * (f64::from(k) * std::f64::consts::PI / (n as f64 + 1.0)).cos();
        assert!((eigenvalue - expected).abs() < 1e-13, "{k}: {eigenvalue} {expected}");
    }
    // Rank 4 of 9, and eigenvalues from 1e-12 to 1e6 apart.
    let half = normal(1, 9, 4);
    let eigenvalues = symmetric_eigenvalues(&half.dot(&half.t())).unwrap();
    assert!(eigenvalues.iter().take(5).all(|eigenvalue| eigenvalue.abs() < 1e-13) && eigenvalues[5] > 0.1);
    let spread = symmetric_eigenvalues(&Array2::from_diag(&array![1e6, -3.0, 1e-12])).unwrap();
    assert_eq!(spread, array![-3.0, 1e-12, 1e6]);
    // A NaN does not hang.
    assert!(symmetric_eigenvalues(&array![[f64::NAN, 1.0], [1.0, 2.0]]).is_err());
    assert!(symmetric_eigenvalues(&Array2::zeros((2, 3))).is_err());
    assert_eq!(symmetric_eigenvalues(&Array2::zeros((0, 0))).unwrap().len(), 0);
}

/// For normal inputs H_B⁻¹ has an inverse Wishart law: its mean is B / (B - P - 1) times H⁻¹ (Muirhead 1982, section 3.2.3).
#[test]
fn the_bias_of_the_inverse_is_that_of_wishart() {
    let p = 3;
    let hessian: Array2<f64> = Array2::eye(p) * 2.0;
    for b in [8, 16, 64] {
        let batches: Vec<Array2<f64>> = (0..4000)
            .map(|draw| {
                let samples = LinearRegression::new(normal(draw, b, p), Array1::zeros(b), 0.0).unwrap();
                samples.hessian(&Array1::zeros(p)).unwrap()
            })
            .collect();
        let bias = InverseBias::new(&hessian, &batches).unwrap();
        let expected = (p as f64 + 1.0) / (b as f64 - p as f64 - 1.0);
        let (low, high) = bias.relative.interval(4.0);
        assert!(low < expected && expected < high, "B = {b}: {low} to {high}, expected {expected}");
        let eigenvalues = bias.eigenvalues().unwrap();
        assert!(eigenvalues[0] > 0.0 && (eigenvalues.sum() / p as f64 - bias.relative.mean).abs() < 1e-12);
        assert_eq!(bias.inverse, Array2::<f64>::eye(p) * 0.5);
        assert_eq!(bias.relative.n, 4000);
    }
}

#[test]
fn the_bias_of_a_finite_data_set_is_positive_definite_and_falls_as_one_over_b() {
    let x = normal(5, 200, 4);
    let labels = x.column(0).mapv(|x| if x > 0.3 { 1.0 } else { 0.0 });
    let objective = LogisticRegression::new(x, labels, 0.01).unwrap();
    let w = array![1.0, -0.5, 0.0, 0.5];
    let hessian = objective.hessian(&w).unwrap();
    let sizes = [32, 64, 128, 256];
    let mut means = Vec::new();
    for b in sizes {
        let runs: Vec<InverseBias> = (0..6)
            .map(|seed| {
                let mut rng = seeded(seed);
                let mut draw = || {
                    let rows: Vec<usize> = (0..b).map(|_| rng.random_range(0..200)).collect();
                    objective.batch(&rows).unwrap().hessian(&w).unwrap()
                };
                InverseBias::new(&hessian, &(0..1500).map(|_| draw()).collect::<Vec<_>>()).unwrap()
            })
            .collect();
        let least: Vec<f64> = runs.iter().map(|run| run.eigenvalues().unwrap()[0]).collect();
        assert!(Summary::new(&least).unwrap().interval(3.0).0 > 0.0, "B = {b}: {least:?}");
        means.push(runs.iter().map(|run| run.relative.mean).sum::<f64>() / 6.0);
    }
    let law = PowerLaw::fit(&sizes.map(|b| b as f64), &means).unwrap();
    assert!((law.exponent + 1.0).abs() < 0.2, "{law:?} {means:?}");
}

#[test]
fn the_bias_refuses_what_has_no_inverse() {
    let eye: Array2<f64> = Array2::eye(2);
    assert!(matches!(InverseBias::new(&eye, &[]), Err(Error::Setting { name: "values", .. })));
    assert!(matches!(
        InverseBias::new(&-&eye, std::slice::from_ref(&eye)),
        Err(Error::Setting { name: "hessian", .. })
    ));
    assert!(matches!(InverseBias::new(&eye, &[Array2::eye(3)]), Err(Error::Shape { .. })));
    // A batch of one sample has a Hessian of rank 1.
    let one = LinearRegression::new(array![[1.0, 2.0]], array![0.0], 0.0).unwrap().hessian(&array![0.0, 0.0]).unwrap();
    assert!(matches!(InverseBias::new(&eye, &[one]), Err(Error::Singular { size: 2, .. })));
}

#[test]
fn matrices_that_hold_no_numbers_or_are_not_symmetric_are_refused() {
    let spoilt = |at: [usize; 2], value: f64| {
        let mut matrix = array![[2.0, 0.5], [0.5, 3.0]];
        matrix[at] = value;
        matrix
    };
    let setting = |what: &str, error: Error| assert!(matches!(error, Error::Setting { .. }), "{what}: {error}");
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for at in [[0, 0], [0, 1], [1, 0], [1, 1]] {
            let matrix = spoilt(at, value);
            setting("cholesky", cholesky(&matrix).unwrap_err());
            setting("eigen", symmetric_eigen(&matrix).unwrap_err());
            setting("inverse", inverse(&matrix).unwrap_err());
            setting("solve", solve(&matrix, &array![1.0, 2.0]).unwrap_err());
            setting("cholesky_solve", cholesky_solve(&matrix, &array![1.0, 2.0]).unwrap_err());
        }
        let good = spoilt([0, 0], 2.0);
        setting("solve", solve(&good, &array![1.0, value]).unwrap_err());
        setting("cholesky_solve", cholesky_solve(&good, &array![1.0, value]).unwrap_err());
    }
    let error = symmetric_eigen(&spoilt([0, 1], 0.4)).unwrap_err().to_string();
    assert!(error.starts_with("matrix must be symmetric"), "{error}");
    assert!(symmetric_eigen(&spoilt([0, 1], 0.5 + 1e-12)).is_ok());
}
