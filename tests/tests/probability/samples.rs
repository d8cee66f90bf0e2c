//! Summaries, fits and distances, on numbers small enough to work out by hand where they can be.

use candlelight::prelude::*;
use candlelight::probability::fit::{ExponentialLaw, PowerLaw};
use candlelight::probability::{
    Binomial, KolmogorovSmirnov, MixtureWeights, Normal, Proportion, Summary, correlation, quantile,
};
use candlelight_tests::flat;

#[test]
fn a_paired_difference_leaves_out_what_both_share() {
    let (shared, own) = (Normal::new(0.0, 1.0).unwrap(), Normal::new(0.0, 0.1).unwrap());
    let mut rng = seeded(4);
    let (mut covered, mut seen, mut seen_apart) = (0, 0, 0);
    for _ in 0..2000 {
        let (seeds, a, b) = (shared.sample(6, &mut rng), own.sample(6, &mut rng), own.sample(6, &mut rng));
        let a: Vec<f64> = seeds.iter().zip(a).map(|(seed, a)| seed + a + 0.3).collect();
        let b: Vec<f64> = seeds.iter().zip(b).map(|(seed, b)| seed + b).collect();
        let difference = Summary::paired(&a, &b).unwrap();
        covered += usize::from(!difference.excludes(0.3));
        seen += usize::from(difference.excludes(0.0));
        let (a, b) = (Summary::new(&a).unwrap().confidence_interval(), Summary::new(&b).unwrap().confidence_interval());
        seen_apart += usize::from(a.0 > b.1 || b.0 > a.1);
    }
    // 95 %, within four standard errors; the difference is twice its own noise, and a third of the shared one.
    assert!((1861..=1939).contains(&covered), "{covered} of 2000 intervals hold the difference");
    assert!(seen > 1900 && seen_apart < 100, "{seen} of 2000 differences seen, {seen_apart} by two intervals apart");
    assert!(matches!(Summary::paired(&[1.0], &[1.0, 2.0]), Err(Error::Setting { name: "b", .. })));
    assert!(!Summary::paired(&[9.0], &[1.0]).unwrap().excludes(0.0), "one pair shows nothing");
}

#[test]
fn a_summary_has_the_unbiased_variance() {
    let summary = Summary::new(&[1.0, 2.0, 3.0, 6.0]).unwrap();
    assert_eq!((summary.n, summary.mean), (4, 3.0));
    // Squares 4 + 1 + 0 + 9 over 3.
    assert!((summary.std - (14f64 / 3.0).sqrt()).abs() < 1e-15);
    assert!((summary.standard_error() - (14f64 / 12.0).sqrt()).abs() < 1e-15);
    let (low, high) = summary.interval(2.0);
    assert!((high - low - 4.0 * summary.standard_error()).abs() < 1e-15 && (low + high - 6.0).abs() < 1e-15);
    assert_eq!(Summary::new(&[5.0]).unwrap().standard_error(), 0.0);
    assert!(matches!(Summary::new(&[]), Err(Error::Setting { name: "values", .. })));
}

#[test]
fn a_margin_is_wider_for_few_values() {
    // Quantiles of Student's law as tables print them; R: qt(0.975, n - 1).
    for (n, t) in [(2, 12.706205), (3, 4.302653), (4, 3.182446), (5, 2.776445), (31, 2.042272), (1001, 1.962339)] {
        let values: Vec<f64> = (0..n).map(f64::from).collect();
        let summary = Summary::new(&values).unwrap();
        assert!((summary.margin() / summary.standard_error() - t).abs() < 1e-6, "{n}");
        assert_eq!(summary.confidence_interval(), (summary.mean - summary.margin(), summary.mean + summary.margin()));
    }
    assert_eq!(format!("{:.1}", Summary::new(&[1.0, 2.0, 3.0, 6.0]).unwrap()), "3.0 ± 3.4");
    assert_eq!(Summary::new(&[5.0]).unwrap().to_string(), "5.000 ± inf");
}

#[test]
fn the_interval_of_three_values_covers_what_it_promises() {
    let (law, rng) = (Normal::new(2.0, 3.0).unwrap(), &mut seeded(1));
    let covers = |(low, high): (f64, f64)| (low..=high).contains(&2.0);
    let draws: Vec<Summary> = (0..20_000).map(|_| Summary::new(&law.sample(3, rng)).unwrap()).collect();
    let share = |interval: fn(&Summary) -> (f64, f64)| {
        Proportion::new(draws.iter().filter(|draw| covers(interval(draw))).count() as u64, 20_000)
            .unwrap()
            .interval(4.0)
    };
    let (low, high) = share(Summary::confidence_interval);
    assert!(low < 0.95 && 0.95 < high);
    assert!(share(|draw| draw.interval(1.96)).1 < 0.85, "without Student's factor it covers far less");
}

/// `np.quantile(values, shares)` of NumPy 2.4.6.
#[test]
fn quantiles_are_numpys() {
    let shares = [0.0, 0.025, 0.1, 0.25, 1.0 / 3.0, 0.5, 0.9, 0.975, 1.0];
    let odd = ([3.5, -1.25, 8.0, 0.1, 2.75, 2.75, -7.0], [-7.0, -6.1375, -3.55, -0.575, 0.1, 2.75, 5.3, 7.325, 8.0]);
    let even = ([2.0, -5.0, 11.0, 0.3], [-5.0, -4.6025, -3.41, -1.025, 0.3, 1.15, 8.3, 10.325, 11.0]);
    for (values, expected) in [(&odd.0[..], odd.1), (&even.0[..], even.1), (&[4.0], [4.0; 9])] {
        for (share, expected) in shares.into_iter().zip(expected) {
            let q = quantile(values, share).unwrap();
            assert!(
                (q - expected).abs() < 1e-14 * (1.0 + expected.abs()),
                "{share} of {values:?}: {q}, not {expected}"
            );
        }
    }
    let refused = |values: &[f64], share| quantile(values, share).unwrap_err().to_string();
    assert_eq!(refused(&[], 0.5), "values must be at least one, got none");
    assert_eq!(refused(&[1.0], 1.5), "share must be in [0, 1], got 1.5");
    assert_eq!(refused(&[1.0], f64::NAN), "share must be in [0, 1], got NaN");
    assert_eq!(refused(&[1.0, f64::NAN], 0.5), "value must be finite, got NaN");
}

#[test]
fn a_power_law_is_fitted_with_its_error() {
    let x = [1.0, 2.0, 4.0, 8.0];
    let law = PowerLaw::fit(&x, &x.map(|x: f64| 5.0 * x.powi(3))).unwrap();
    assert!((law.exponent - 3.0).abs() < 1e-12 && (law.factor - 5.0).abs() < 1e-12 && law.exponent_error < 1e-12);
    // On the logarithms base 2: y = 0, 2, 1, 3 at x = 0, 1, 2, 3. Slope 0.8, squares of the residuals 1.8, error √(0.9/5).
    let law = PowerLaw::fit(&x, &[1.0, 4.0, 2.0, 8.0]).unwrap();
    assert!((law.exponent - 0.8).abs() < 1e-12);
    assert!((law.exponent_error - (0.9f64 / 5.0).sqrt()).abs() < 1e-12);
    // Two degrees of freedom, t = 4.302653.
    assert!((law.exponent_margin / law.exponent_error - 4.302653).abs() < 1e-6);
    let margin = 4.302653 * (0.9f64 / 5.0).sqrt();
    assert_eq!((law.to_string(), format!("{law:.1}")), (format!("0.800 ± {margin:.3}"), "0.8 ± 1.8".to_owned()));
    assert_eq!(PowerLaw::fit(&[1.0, 2.0], &[1.0, 4.0]).unwrap().exponent_margin, f64::INFINITY);
    assert!((law.at(2.0) - law.factor * 2f64.powf(0.8)).abs() < 1e-12);
}

#[test]
fn a_power_law_needs_positive_points_at_two_places() {
    let fails = |x: &[f64], y: &[f64], words: &str| {
        let error = PowerLaw::fit(x, y).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    fails(&[1.0, 2.0], &[1.0], "y: expected shape [2], as x, got [1]");
    fails(&[1.0, 0.0], &[1.0, 1.0], "x must be positive and finite, to have a logarithm, got 0");
    fails(&[1.0, 2.0], &[1.0, f64::NAN], "y must be positive");
    fails(&[2.0, 2.0], &[1.0, 1.0], "x must be at least two different values");
    fails(&[], &[], "x must be at least two different values");
}

#[test]
fn a_normal_law_is_fitted_with_the_variance_of_greatest_likelihood() {
    let values = [1.0, 2.0, 3.0, 6.0];
    let law = Normal::fit(&values).unwrap();
    assert!(law.mean() == 3.0 && (law.std() - 3.5f64.sqrt()).abs() < 1e-15);
    let likelihood = |mean: f64, std: f64| -> f64 {
        values.iter().map(|value| Normal::new(mean, std).unwrap().log_density(*value)).sum()
    };
    let best = likelihood(law.mean(), law.std());
    for (mean, std) in [(0.01, 0.0), (-0.01, 0.0), (0.0, 0.01), (0.0, -0.01)] {
        assert!(likelihood(law.mean() + mean, law.std() + std) < best);
    }
    assert!(Normal::fit(&[]).unwrap_err().to_string().contains("values must be at least one"));
    assert!(Normal::fit(&[2.0, 2.0]).unwrap_err().to_string().contains("std must be above 0"));
}

#[test]
fn wilsons_interval_covers_what_it_promises() {
    // By hand, for 8 of 10 and z = 2: centre (0.8 + 0.2)/1.4, half width 2 √(0.016 + 0.01)/1.4.
    let (low, high) = Proportion::new(8, 10).unwrap().interval(2.0);
    let (centre, half) = (1.0 / 1.4, 2.0 * 0.026f64.sqrt() / 1.4);
    assert!((low - (centre - half)).abs() < 1e-12 && (high - (centre + half)).abs() < 1e-12);
    let none = Proportion::new(0, 10).unwrap();
    assert_eq!((none.share(), none.standard_error(), none.interval(1.96).0), (0.0, 0.0, 0.0));
    assert!((none.interval(1.96).1 - 0.2775).abs() < 1e-4);
    // The probability of covering θ, by summing over all outcomes.
    for (n, theta) in [(100_u64, 0.52), (20, 0.1), (50, 0.97)] {
        let law = Binomial::new(n, theta).unwrap();
        let covers = |x: &u64| {
            let (low, high) = Proportion::new(*x, n).unwrap().interval(1.96);
            (low..=high).contains(&theta)
        };
        let coverage: f64 = (0..=n).filter(covers).map(|x| law.probability(x)).sum();
        assert!((0.92..0.98).contains(&coverage), "{n} {theta}: {coverage}");
    }
    assert_eq!(Proportion::new(52, 100).unwrap().to_string(), "0.520 [0.423, 0.615]");
    assert!(Proportion::new(3, 2).unwrap_err().to_string().contains("got 3 of 2"));
    assert!(Proportion::new(0, 0).is_err());
}

#[test]
fn a_sample_of_the_law_is_at_the_distance_of_noise() {
    let standard = Normal::new(0.0, 1.0).unwrap();
    let mut rng = seeded(5);
    let mut test =
        |n: usize| KolmogorovSmirnov::new(&standard.sample(n, &mut rng), |x| standard.cumulative(x)).unwrap();
    let tests: Vec<KolmogorovSmirnov> = (0..400).map(|_| test(2_000)).collect();
    let distance = Summary::new(&tests.iter().map(|test| test.distance).collect::<Vec<f64>>()).unwrap();
    assert!((distance.mean / KolmogorovSmirnov::noise(2_000) - 1.0).abs() < 0.05, "{distance}");
    // p-values of true laws are uniform.
    let p: Vec<f64> = tests.iter().map(KolmogorovSmirnov::p_value).collect();
    assert!(KolmogorovSmirnov::new(&p, |x| x).unwrap().p_value() > 0.001);
}

#[test]
fn the_distance_looks_at_both_sides_of_a_step() {
    let distance = |values: &[f64]| KolmogorovSmirnov::new(values, |x| x.clamp(0.0, 1.0)).unwrap().distance;
    assert_eq!(distance(&[0.5]), 0.5);
    assert_eq!(distance(&[0.9, 0.6]), 0.6); // before the first step
    assert_eq!(distance(&[0.1, 0.2]), 0.8); // after the last
    assert_eq!(distance(&[0.25, 0.25, 0.75, 0.75]), 0.25); // ties make one step
    assert_eq!(distance(&[7.0]), 1.0);
    let refuses = |values: &[f64]| KolmogorovSmirnov::new(values, |x| x).unwrap_err().to_string();
    assert!(refuses(&[]).contains("values must be at least one"));
    assert!(refuses(&[f64::NAN]).contains("values must be numbers"));
    assert!(refuses(&[3.0]).contains("cumulative must be in [0, 1], got 3"));
    // Massey's table: D = 0.136 at n = 100 has p = 0.05 (asymptotically 1.36/√n).
    let p = KolmogorovSmirnov { distance: 0.134, n: 100 }.p_value();
    assert!((p - 0.05).abs() < 0.003, "{p}");
    assert_eq!(KolmogorovSmirnov { distance: 0.001, n: 100 }.p_value(), 1.0);
}

#[test]
fn mixture_weights_are_those_of_greatest_likelihood() {
    // Two laws: ln L(w) = Σ ln(w a + (1 - w) b), whose slope must vanish.
    let likelihoods = array![[0.3, 0.1], [0.2, 0.3], [0.05, 0.4], [0.6, 0.1], [0.5, 0.2]];
    let mixture = MixtureWeights::fit(&likelihoods).unwrap();
    let w = mixture.weights[0];
    let slope: f64 = likelihoods.rows().into_iter().map(|r| (r[0] - r[1]) / (w * r[0] + (1.0 - w) * r[1])).sum();
    assert!(slope.abs() < 1e-9 && (0.01..0.99).contains(&w), "{mixture:?}");
    assert!((mixture.weights.sum() - 1.0).abs() < 1e-12 && mixture.steps < 10_000);
    let log_likelihood =
        |w: f64| -> f64 { likelihoods.rows().into_iter().map(|r| (w * r[0] + (1.0 - w) * r[1]).ln()).sum() };
    assert!((mixture.log_likelihood - log_likelihood(w)).abs() < 1e-12);
    assert!(mixture.log_likelihood > log_likelihood(w + 0.01) && mixture.log_likelihood > log_likelihood(w - 0.01));
    // Three laws, each sample of one of them only: the shares.
    let sure = array![[1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.1, 0.0], [0.0, 0.0, 5.0]];
    assert_eq!(MixtureWeights::fit(&sure).unwrap().weights, array![0.25, 0.5, 0.25]);

    let refuses = |values: Array2<f64>| MixtureWeights::fit(&values).unwrap_err().to_string();
    assert!(refuses(Array2::zeros((0, 2))).contains("[samples, distributions]"));
    assert!(refuses(array![[0.1, -0.2]]).contains("finite and at least 0, got -0.2"));
    assert!(refuses(array![[0.1, 0.2], [0.0, 0.0]]).contains("above 0 for one distribution"));
}

#[test]
fn correlations_of_columns() {
    // Columns: 1 2 3 4; its double, turned and moved; 1 0 0 1, which leans neither way; a constant.
    let rows = [[1.0, -2.0, 1.0, 7.0], [2.0, -4.0, 0.0, 7.0], [3.0, -6.0, 0.0, 7.0], [4.0, -8.0, 1.0, 7.0f64]];
    let r = correlation(&Tensor::new(&rows, &Device::Cpu).unwrap()).unwrap();
    let r: Vec<f64> = flat(&r);
    let expected = [1.0, -1.0, 0.0, -1.0, 1.0, 0.0, 0.0, 0.0, 1.0];
    for (i, expected) in expected.iter().enumerate() {
        assert!((r[i / 3 * 4 + i % 3] - expected).abs() < 1e-12, "{i}: {}", r[i / 3 * 4 + i % 3]);
    }
    assert!(r[3].is_nan() && r[12].is_nan() && r[15].is_nan());
    // The mean of these is not 14.62 to the last bit.
    let constant = Tensor::full(14.62f64, (1000, 1), &Device::Cpu).unwrap();
    assert!(flat(&correlation(&constant).unwrap())[0].is_nan());
    let single = Tensor::ones((1, 3), DType::F64, &Device::Cpu).unwrap();
    assert!(matches!(correlation(&single), Err(Error::Shape { what: "x", .. })));
    assert!(matches!(correlation(&single.to_dtype(DType::U32).unwrap()), Err(Error::DType { .. })));
}

#[test]
fn an_exponential_law_is_fitted_with_its_error() {
    let x = [0.0, 1.0, 2.0, 3.0];
    let law = ExponentialLaw::fit(&x, &x.map(|x: f64| 5.0 * 0.25_f64.powf(x))).unwrap();
    assert!((law.base - 0.25).abs() < 1e-12 && (law.factor - 5.0).abs() < 1e-12 && law.base_error < 1e-12);
    assert!((law.at(-1.0) - 20.0).abs() < 1e-10);
    // Logarithms base 2 of y: 0, 2, 1, 3. Slope 0.8 with error √(0.9/5), as above; the base is 2^0.8.
    let law = ExponentialLaw::fit(&x, &[1.0, 4.0, 2.0, 8.0]).unwrap();
    let base = 2f64.powf(0.8);
    assert!((law.base - base).abs() < 1e-12);
    assert!((law.base_error - base * 2f64.ln() * (0.9f64 / 5.0).sqrt()).abs() < 1e-12);
}

#[test]
fn an_exponential_law_needs_positive_values_at_two_places() {
    let fails = |x: &[f64], y: &[f64], words: &str| {
        let error = ExponentialLaw::fit(x, y).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    fails(&[1.0, 2.0], &[1.0], "y: expected shape [2], as x, got [1]");
    fails(&[f64::NAN, 0.0], &[1.0, 1.0], "x must be finite, got NaN");
    fails(&[1.0, 2.0], &[1.0, 0.0], "y must be positive and finite, to have a logarithm, got 0");
    fails(&[2.0, 2.0], &[1.0, 1.0], "x must be at least two different values");
}
