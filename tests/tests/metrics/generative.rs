//! Metrics of generative models, against scipy and numpy, and where the value is known by hand.
//!
//! Values named "scipy" are of scipy 1.17.1 and numpy 2.4.6, from the same inputs ([`chirp`], [`weights`]) by the call beside
//! them.

use candlelight::data::Modes;
use candlelight::metrics::generative::*;
use candlelight::ndarray::Array2;
use candlelight::prelude::*;
use candlelight::probability::Normal;
use candlelight::rng::{normal, uniform};
use candlelight_tests::strided;

/// (2 sin(0.37 (k + from)²) + column), n rows of d, k counted through all of them.
fn chirp(from: usize, n: usize, d: usize) -> Tensor {
    let value = |k: usize| 2.0 * (0.37 * ((k + from) as f64).powi(2)).sin() + (k % d) as f64;
    Tensor::from_vec((0..n * d).map(value).collect::<Vec<f64>>(), (n, d), &Device::Cpu).unwrap()
}

/// 1 + cos(k + from)
fn weights(from: usize, n: usize) -> Vec<f64> {
    (0..n).map(|k| 1.0 + ((k + from) as f64).cos()).collect()
}

/// 3 sin(k + from)
fn sines(from: usize, n: usize) -> Vec<f64> {
    (0..n).map(|k| 3.0 * ((k + from) as f64).sin()).collect()
}

fn distances(x: &Tensor, y: &Tensor) -> Array2<f64> {
    let (x, y) = (x.to_vec2::<f64>().unwrap(), y.to_vec2::<f64>().unwrap());
    let distance = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
    Array2::from_shape_fn((x.len(), y.len()), |(i, j)| distance(&x[i], &y[j]))
}

#[track_caller]
fn near(actual: f64, expected: f64, tolerance: f64) {
    assert!((actual - expected).abs() <= tolerance, "{actual}, expected {expected} to {tolerance:e}");
}

/// What makes a plan the cheapest: it moves all mass, and prices exist that no cost undercuts and that add up to its cost.
#[track_caller]
fn is_optimal(way: &Transport, p: &[f64], q: &[f64], cost: &Array2<f64>) {
    let (p_sum, q_sum) = (p.iter().sum::<f64>(), q.iter().sum::<f64>());
    assert!(way.plan.iter().all(|&mass| mass >= 0.0));
    for (i, p) in p.iter().enumerate() {
        near(way.plan.row(i).sum(), p / p_sum, 1e-14);
    }
    for (j, q) in q.iter().enumerate() {
        near(way.plan.column(j).sum(), q / q_sum, 1e-14);
    }
    let scale = cost.iter().fold(1.0, |scale: f64, cost| scale.max(cost.abs()));
    for ((i, j), cost) in cost.indexed_iter() {
        assert!(way.u[i] + way.v[j] <= cost + 1e-13 * scale, "prices above the cost from {i} to {j}");
    }
    let dual = |masses: &[f64], sum: f64, prices: &Array1<f64>| -> f64 {
        masses.iter().zip(prices).map(|(mass, price)| mass / sum * price).sum()
    };
    near(way.cost, dual(p, p_sum, &way.u) + dual(q, q_sum, &way.v), 1e-13 * scale);
    near(way.cost, (&way.plan * cost).sum(), 1e-14 * scale);
}

#[test]
fn wasserstein_on_a_line_is_scipys() {
    let (x, y) = (sines(1, 7), sines(20, 11));
    // scipy.stats.wasserstein_distance(x, y), and with weights.
    near(wasserstein_1d(&x, &y).unwrap(), 0.37848774350721237, 1e-15);
    let (p, q) = (weights(1, 7), weights(5, 11));
    let weighted = wasserstein_1d_weighted((&x, &p), (&y, &q)).unwrap();
    near(weighted, 0.6621283815944201, 1e-15);
    // Not changed by order, by the unit of the weights, or by which comes first.
    let reversed = |values: &[f64]| values.iter().rev().copied().collect::<Vec<f64>>();
    let tripled: Vec<f64> = reversed(&p).iter().map(|p| 3.0 * p).collect();
    near(wasserstein_1d_weighted((&y, &q), (&reversed(&x), &tripled)).unwrap(), weighted, 1e-15);
    // For equal sizes, the mean distance of those of equal rank.
    let (mut x, mut y) = (sines(3, 9), sines(40, 9));
    let distance = wasserstein_1d(&x, &y).unwrap();
    x.sort_by(f64::total_cmp);
    y.sort_by(f64::total_cmp);
    near(distance, x.iter().zip(&y).map(|(x, y)| (x - y).abs()).sum::<f64>() / 9.0, 1e-15);
    // Moved by a distance, a sample is that far from itself.
    let moved: Vec<f64> = x.iter().map(|x| x + 5.0).collect();
    near(wasserstein_1d(&x, &moved).unwrap(), 5.0, 1e-14);
}

/// Prince (2023), "Understanding Deep Learning", notebook 15.2: ten bins of these counts, a distance of 1 from the first to the
/// last. Σ|F - G| is 1876 in units of 1 / (43 · 32): W = 1876 / (43 · 32 · 9) = 469 / 3096.
#[test]
fn ten_bins_of_a_textbook() {
    let p = [5., 3., 2., 1., 8., 7., 5., 9., 2., 1.];
    let q = [4., 10., 1., 1., 4., 6., 3., 2., 0., 1.];
    let places: Vec<f64> = (0..10).map(|i| f64::from(i) / 9.0).collect();
    let expected = 469.0 / 3096.0;
    near(expected, 0.15148578811369506, 3e-17); // the last digit is rounding
    near(wasserstein_1d_weighted((&places, &p), (&places, &q)).unwrap(), expected, 1e-16);
    let cost = Array2::from_shape_fn((10, 10), |(i, j)| (i as f64 - j as f64).abs() / 9.0);
    let way = Transport::new(&p, &q, &cost).unwrap();
    near(way.cost, expected, 1e-16);
    is_optimal(&way, &p, &q, &cost);
    // scipy: jensenshannon(p, q)**2, entropy(q, p); p has mass where q has none.
    let share = |counts: [f64; 10]| counts.map(|count| count / counts.iter().sum::<f64>());
    near(js_divergence(&share(p), &share(q)).unwrap(), 0.08417817460372619, 1e-16);
    near(kl_divergence(&share(q), &share(p)).unwrap(), 0.3647105313747335, 1e-15);
    assert_eq!(kl_divergence(&share(p), &share(q)).unwrap(), f64::INFINITY);
}

#[test]
fn transport_is_the_linear_programs() {
    let (x, y) = (chirp(1, 9, 3), chirp(4, 13, 3));
    let cost = distances(&x, &y);
    // scipy.optimize.linprog(method="highs") over all plans.
    near(wasserstein(&x, &y).unwrap(), 0.7822254411735327, 1e-14);
    let (p, q) = (weights(1, 9), weights(5, 13));
    let way = Transport::new(&p, &q, &cost).unwrap();
    near(way.cost, 1.7749149259011325, 1e-14);
    is_optimal(&way, &p, &q, &cost);
    // scipy.optimize.linear_sum_assignment
    let (x, y) = (chirp(1, 64, 2), (chirp(4, 64, 2) + 0.5).unwrap());
    near(wasserstein(&x, &y).unwrap(), 0.7925318392196359, 1e-14);
    near(wasserstein(&strided(&x), &strided(&y)).unwrap(), 0.7925318392196359, 1e-14);
    let single = wasserstein(&x.to_dtype(DType::F32).unwrap(), &y.to_dtype(DType::F32).unwrap()).unwrap();
    near(single, 0.7925318392196359, 1e-6);
}

/// Sizes, weights and costs of all kinds: equal, zero, tiny, negative, tied.
#[test]
fn plans_and_prices_prove_each_other() {
    let rng = &mut seeded(1);
    for case in 0..60 {
        let (n, m) = (rng.random_range(1..20), rng.random_range(1..20));
        let mut masses = |n: usize| -> Vec<f64> {
            let of = |rng: &mut Rng| match case % 4 {
                0 => 1.0,
                1 => f64::from(rng.random_range(0..4)),
                2 => rng.random::<f64>().powi(8),
                _ => rng.random(),
            };
            let mut masses: Vec<f64> = (0..n).map(|_| of(rng)).collect();
            masses[n / 2] += 1.0;
            masses
        };
        let (p, q) = (masses(n), masses(m));
        let cost = Array2::from_shape_simple_fn((n, m), || match case % 3 {
            0 => f64::from(rng.random_range(-3..4)),
            1 => 1.0,
            _ => 1e6 * rng.random::<f64>(),
        });
        is_optimal(&Transport::new(&p, &q, &cost).unwrap(), &p, &q, &cost);
    }
}

/// 512 points a side, moved as one: the distance is the length of the way, whatever the order.
#[test]
fn half_a_thousand_points_find_their_images() {
    let rng = &mut seeded(2);
    let x = normal(rng, 0.0, 1.0, (512, 2), DType::F64, &Device::Cpu).unwrap();
    let order = Tensor::new(candlelight::rng::permutation(rng, 512), &Device::Cpu).unwrap();
    let moved = x.broadcast_add(&Tensor::new(&[3f64, -4.], &Device::Cpu).unwrap()).unwrap();
    near(wasserstein(&x, &moved.index_select(&order, 0).unwrap()).unwrap(), 5.0, 1e-13);
}

#[test]
fn divergences_by_hand() {
    let (p, q) = ([0.5, 0.5, 0.0, 0.0], [0.0, 0.5, 0.5, 0.0]);
    near(js_divergence(&p, &q).unwrap(), 0.5 * 2f64.ln(), 1e-15);
    assert_eq!(js_divergence(&p, &p).unwrap(), 0.0);
    assert_eq!(kl_divergence(&p, &p).unwrap(), 0.0);
    assert_eq!(js_divergence(&q, &p).unwrap(), js_divergence(&p, &q).unwrap());
    assert_eq!(kl_divergence(&p, &q).unwrap(), f64::INFINITY);
    // The smallest of numbers has no half.
    let tiny = f64::from_bits(1);
    assert!(js_divergence(&[1.0, tiny], &[1.0, 0.0]).unwrap().abs() < 1e-300);
}

#[test]
fn divergences_of_densities_on_a_grid() {
    let (p, q) = (Normal::new(0.0, 1.0).unwrap(), Normal::new(1.0, 2.0).unwrap());
    let x: Vec<f64> = (-4000..=4000).map(|i| f64::from(i) / 200.0).collect();
    let density = |of: Normal| x.iter().map(|&x| of.density(x)).collect::<Vec<f64>>();
    let grid = Grid::new(1.0 / 200.0).unwrap();
    // ln(σ₂/σ₁) + (σ₁² + (μ₁ - μ₂)²)/(2σ₂²) - ½
    near(grid.kl_divergence(&density(p), &density(q)).unwrap(), 2f64.ln() + 2.0 / 8.0 - 0.5, 1e-12);
    // Far apart: ln 2.
    let far = Normal::new(30.0, 0.1).unwrap();
    let near_by = Normal::new(-10.0, 0.1).unwrap();
    assert!(grid.js_divergence(&density(near_by), &density(far)).is_err(), "30 is outside of the grid");
    let other = Normal::new(10.0, 0.1).unwrap();
    near(grid.js_divergence(&density(near_by), &density(other)).unwrap(), 2f64.ln(), 1e-12);
    // JS as the mean of the two KL from the mixture.
    let m: Vec<f64> = density(p).iter().zip(density(q)).map(|(p, q)| (p + q) / 2.0).collect();
    let by_kl = [p, q].map(|of| grid.kl_divergence(&density(of), &m).unwrap()).iter().sum::<f64>() / 2.0;
    near(grid.js_divergence(&density(p), &density(q)).unwrap(), by_kl, 1e-14);
}

#[test]
fn coverage_counts_modes_and_shares() {
    let modes = Modes::new(vec![[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]], 1.0).unwrap();
    // Mode 0: four good ones. Mode 1: two good ones, one of 2.9 standard deviations, and one of 3.1. Mode 2: none. Mode 3: one
    // good one, and one far away.
    let samples = [
        [0f64, 0.],
        [0., 0.],
        [0., 1.],
        [1., 0.],
        [10., 0.],
        [12.9, 0.],
        [10., 3.1],
        [10., 10.],
        [40., 40.],
        [0., -2.],
    ];
    let samples = Tensor::new(&samples, &Device::Cpu).unwrap();
    let coverage = ModeCoverage::new(&samples, &modes).unwrap();
    assert_eq!(coverage.nearest, [5, 3, 0, 2]);
    assert_eq!(coverage.good, [5, 2, 0, 1]);
    assert_eq!((coverage.samples(), coverage.covered(), coverage.good_share()), (10, 3, 0.8));
    // Half of an even share is 1.25 samples.
    assert_eq!(coverage.with_half_their_share(), 2);
    // Σ s ln(4 s) over 0.5, 0.3, 0.2
    near(coverage.reverse_kl(), 0.5 * 2f64.ln() + 0.3 * 1.2f64.ln() + 0.2 * 0.8f64.ln(), 1e-15);
    assert_eq!(ModeCoverage::new(&strided(&samples), &modes).unwrap(), coverage);
    let one = ModeCoverage::new(&samples.narrow(0, 0, 2).unwrap(), &modes).unwrap();
    near(one.reverse_kl(), 4f64.ln(), 1e-15);
}

/// The protocol of Lin et al. (2018), 2 500 samples: the mixture itself, and noise.
#[test]
fn noise_covers_most_modes_with_hardly_a_good_sample() {
    let rng = &mut seeded(3);
    let runs: Vec<[f64; 4]> = (0..40)
        .map(|_| {
            let noise = uniform(rng, -5.0, 5.0, (2500, 2), DType::F64, &Device::Cpu).unwrap();
            let noise = ModeCoverage::new(&noise, &Modes::grid()).unwrap();
            let real = Modes::grid().sample(rng, 2500, DType::F32, &Device::Cpu).unwrap();
            let real = ModeCoverage::new(&real, &Modes::grid()).unwrap();
            assert_eq!((real.covered(), real.with_half_their_share()), (25, 25));
            assert_eq!(noise.with_half_their_share(), 0);
            [noise.covered() as f64, noise.good_share(), real.good_share(), real.reverse_kl()]
        })
        .collect();
    let mean = |of: usize| Summary::new(&runs.iter().map(|run| run[of]).collect::<Vec<f64>>()).unwrap();
    // Each mode is missed with probability exp(-2500 · 9π 0.05² / 100); four standard errors.
    let found = 25.0 * (1.0 - f64::exp(-2500.0 * 9.0 * std::f64::consts::PI * 0.05 * 0.05 / 100.0));
    near(found, 20.73, 0.005);
    near(mean(0).mean, found, 4.0 * mean(0).standard_error());
    near(mean(1).mean, 0.01767, 4.0 * mean(1).standard_error());
    near(mean(2).mean, 1.0 - f64::exp(-4.5), 4.0 * mean(2).standard_error());
    near(mean(3).mean, 24.0 / 5000.0, 4.0 * mean(3).standard_error());
    assert!(mean(0).standard_error() < 0.4 && mean(3).standard_error() < 0.0004);
}

#[test]
fn precision_and_recall_are_numpys() {
    // cdist of scipy, the (k + 1)-th smallest of each row as radius, `<=`.
    let (real, generated) = (chirp(1, 40, 3), (chirp(4, 30, 3) * 1.3).unwrap());
    for (k, precision, recall) in [(1, 13.0 / 30.0, 0.95), (3, 0.7, 1.0)] {
        let quality = PrecisionRecall::new(&real, &generated, k).unwrap();
        assert_eq!((quality.precision, quality.recall), (precision, recall), "k = {k}");
        let exchanged = PrecisionRecall::new(&generated, &real, k).unwrap();
        assert_eq!((exchanged.precision, exchanged.recall), (recall, precision));
        assert_eq!(PrecisionRecall::new(&strided(&real), &generated, k).unwrap(), quality);
    }
    let same = PrecisionRecall::new(&real, &real, 1).unwrap();
    assert_eq!((same.precision, same.recall), (1.0, 1.0));
    let far = PrecisionRecall::new(&real, &(generated + 100.0).unwrap(), 3).unwrap();
    assert_eq!((far.precision, far.recall), (0.0, 0.0));
}

#[test]
fn frechet_distance_is_scipys() {
    // |μ₁ - μ₂|² + tr(Σ₁ + Σ₂ - 2 scipy.linalg.sqrtm(Σ₁ Σ₂)), with numpy.cov
    let (x, y) = (chirp(1, 40, 5), (chirp(4, 30, 5) * 1.3).unwrap());
    near(frechet_distance(&x, &y).unwrap(), 4.421169529853138, 1e-12);
    near(frechet_distance(&strided(&y), &x).unwrap(), 4.421169529853138, 1e-12);
    near(frechet_distance(&x, &x).unwrap(), 0.0, 1e-12);
    // Where covariances are singular: two lines at a right angle, of variance 2 each: 2 + 2 - 2 · 0.
    let line = Tensor::new(&[[-1f64, 0.], [1., 0.]], &Device::Cpu).unwrap();
    let across = Tensor::new(&[[0f64, 4.], [0., 2.]], &Device::Cpu).unwrap();
    near(frechet_distance(&line, &across).unwrap(), 9.0 + 4.0, 1e-12);
    let statistics = FeatureStatistics::new(&across).unwrap();
    assert_eq!((statistics.mean, statistics.covariance), (array![0., 3.], array![[0., 0.], [0., 2.]]));
}

/// Of equal distributions in d dimensions, to first order in 1/N: 2d/N for the means, and ¼ E‖S₁ - S₂‖² = d(d + 1)/(2N) for
/// the covariances. For d = 64 that is 2208/N; the next order adds to it.
#[test]
fn few_samples_make_the_frechet_distance_too_large() {
    let of = |n: usize| {
        let rng = &mut seeded(4);
        let mut draw = || normal(rng, 0.0, 1.0, (n, 64), DType::F64, &Device::Cpu).unwrap();
        let values: Vec<f64> = (0..6).map(|_| frechet_distance(&draw(), &draw()).unwrap() * n as f64).collect();
        Summary::new(&values).unwrap()
    };
    for n in [500, 2000] {
        let distance = of(n);
        near(distance.mean, 2230.0, 80.0);
        assert!(distance.standard_error() < 40.0, "{distance}");
    }
}

#[test]
fn bad_input_is_a_typed_error() {
    let [flat, empty] = [[0usize, 2], [2, 0]].map(|shape| Tensor::zeros(&shape, DType::F64, &Device::Cpu).unwrap());
    let (two, three) = (chirp(1, 4, 2), chirp(1, 4, 3));
    let nan = (&two * f64::NAN).unwrap();
    let says = |result: Result<f64>, expected: &str| assert_eq!(result.unwrap_err().to_string(), expected);
    says(wasserstein(&two, &three), "y: expected shape [N, 2], as x, got [4, 3]");
    says(wasserstein(&flat, &two), "x: expected shape [N, d] with N of at least 1, got [0, 2]");
    says(wasserstein(&empty, &two), "x: expected shape [N, d] with N of at least 1, got [2, 0]");
    says(wasserstein(&two, &nan), "y must be finite, got NaN");
    says(
        frechet_distance(&two.narrow(0, 0, 1).unwrap(), &two),
        "x: expected shape [N, d] with N of at least 2, got [1, 2]",
    );
    says(frechet_distance(&two, &three), "y: expected shape [N, 2], as x, got [4, 3]");
    let statistics = |x: &Tensor| FeatureStatistics::new(x).unwrap();
    says(
        statistics(&two).frechet_distance(&statistics(&three)),
        "features: expected shape [2], as those of the other set, got [3]",
    );
    for k in [0, 4] {
        let expected = format!("k must be at least 1 and below the number of samples, got {k}");
        says(PrecisionRecall::new(&two, &two, k).map(|quality| quality.recall), &expected);
    }
    says(
        ModeCoverage::new(&three, &Modes::ring()).map(|coverage| coverage.good_share()),
        "samples: expected shape [N, 2], got [4, 3]",
    );
    says(wasserstein_1d(&[], &[1.0]), "x must be at least one number, got none");
    says(wasserstein_1d(&[1.0], &[f64::INFINITY]), "y must be finite, got inf");
    says(wasserstein_1d_weighted((&[1.0], &[1.0]), (&[1.0], &[])), "weights of y: expected shape [1], as y, got [0]");
    says(wasserstein_1d_weighted((&[1.0], &[0.0]), (&[1.0], &[1.0])), "weights of x must be of a sum above 0, got 0");
    says(
        wasserstein_1d_weighted((&[1.0], &[-1.0]), (&[1.0], &[1.0])),
        "weights of x must be finite and at least 0, got -1",
    );
    let way = |p: &[f64], cost: Array2<f64>| Transport::new(p, &[1.0], &cost).map(|way| way.cost);
    says(way(&[], Array2::zeros((0, 1))), "p must be of a sum above 0, got 0");
    says(way(&[1.0], Array2::zeros((2, 1))), "cost: expected shape [1, 1], as p and q, got [2, 1]");
    says(way(&[1.0], array![[f64::NAN]]), "cost must be finite, got NaN");
    says(kl_divergence(&[1.0], &[0.5, 0.5]), "q: expected shape [1], as p, got [2]");
    says(js_divergence(&[1.0, 1.0], &[0.5, 0.5]), "p must be a distribution, with a sum (times the cell) of 1, got 2");
    says(js_divergence(&[1.5, -0.5], &[0.5, 0.5]), "p must be finite and at least 0, got -0.5");
    says(Grid::new(0.0).map(|_| 0.0), "cell must be above 0 and finite, got 0");
}
