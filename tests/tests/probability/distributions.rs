//! Laws of chance against PyTorch's, and their draws against the laws.

use candlelight::prelude::*;
use candlelight::probability::{
    Autoregressive, Binomial, Cauchy, Exponential, KolmogorovSmirnov, Normal, Pareto, Proportion, Summary,
};
use candlelight_tests::{Case, fixture, flat};

/// Density and cumulative probability of a case's law, where it has them.
type Functions = (Box<dyn Fn(f64) -> f64>, Option<Box<dyn Fn(f64) -> f64>>);

fn law(case: &Case) -> Functions {
    let setting = |name: &str| case.0["settings"][name].as_f64().unwrap();
    match case.subject() {
        "normal" => {
            let law = Normal::new(setting("mean"), setting("std")).unwrap();
            (Box::new(move |x| law.log_density(x).exp()), Some(Box::new(move |x| law.cumulative(x))))
        }
        "exponential" => {
            let law = Exponential::new(setting("rate")).unwrap();
            (Box::new(move |x| law.density(x)), Some(Box::new(move |x| law.cumulative(x))))
        }
        "cauchy" => {
            let law = Cauchy::new(setting("location"), setting("scale")).unwrap();
            (Box::new(move |x| law.density(x)), Some(Box::new(move |x| law.cumulative(x))))
        }
        "pareto" => {
            let law = Pareto::new(setting("minimum"), setting("shape")).unwrap();
            (Box::new(move |x| law.density(x)), Some(Box::new(move |x| law.cumulative(x))))
        }
        "binomial" => {
            let law = Binomial::new(setting("n") as u64, setting("theta")).unwrap();
            (Box::new(move |x| law.log_probability(x as u64).exp()), None)
        }
        other => panic!("{other}"),
    }
}

#[test]
fn agree_with_pytorch() {
    for case in fixture("probability") {
        let (density, cumulative) = law(&case);
        let close = |x: f64, actual: f64, expected: f64| {
            let what = format!("{} {} at {x}: {actual} {expected}", case.subject(), case.0["settings"]);
            assert!((actual - expected).abs() <= 1e-9 * expected.abs() + 1e-15, "{what}");
        };
        let x = flat(&case.tensor("x"));
        for (x, log) in x.iter().zip(flat(&case.tensor("log_prob"))) {
            close(*x, density(*x), log.exp());
        }
        if let Some(cumulative) = cumulative {
            for (x, expected) in x.iter().zip(flat(&case.tensor("cdf"))) {
                close(*x, cumulative(*x), expected);
            }
        }
    }
}

#[test]
fn draws_are_of_their_laws() {
    let rng = &mut seeded(1);
    let n = 20_000;
    let [normal, wait, cauchy, pareto] = [
        (Normal::new(-1.0, 3.0).unwrap().sample(n, rng)),
        Exponential::new(0.2).unwrap().sample(n, rng),
        Cauchy::new(5.0, 2.0).unwrap().sample(n, rng),
        Pareto::new(2.0, 1.5).unwrap().sample(n, rng),
    ];
    let tests = [
        KolmogorovSmirnov::new(&normal, |x| Normal::new(-1.0, 3.0).unwrap().cumulative(x)).unwrap(),
        KolmogorovSmirnov::new(&wait, |x| Exponential::new(0.2).unwrap().cumulative(x)).unwrap(),
        KolmogorovSmirnov::new(&cauchy, |x| Cauchy::new(5.0, 2.0).unwrap().cumulative(x)).unwrap(),
        KolmogorovSmirnov::new(&pareto, |x| Pareto::new(2.0, 1.5).unwrap().cumulative(x)).unwrap(),
    ];
    for test in tests {
        assert!(test.p_value() > 0.001, "{test:?}");
    }
    // Another scale is noticed.
    assert!(
        KolmogorovSmirnov::new(&normal, |x| Normal::new(-1.0, 3.2).unwrap().cumulative(x)).unwrap().p_value() < 1e-3
    );
}

#[test]
fn draws_of_a_binomial_law_have_its_shares() {
    let law = Binomial::new(4, 0.3).unwrap();
    let draws = law.sample(40_000, &mut seeded(2)).unwrap();
    for x in 0..=4 {
        let count = draws.iter().filter(|draw| **draw == x).count();
        let (low, high) = Proportion::new(count as u64, 40_000).unwrap().interval(4.0);
        assert!((low..high).contains(&law.probability(x)), "{x}: {count}");
    }
}

#[test]
fn the_likelihood_integrates_to_one_over_n_plus_one_and_the_probability_sums_to_one() {
    for n in [1_u64, 7, 40] {
        for x in [0, 1, n / 2, n] {
            // Gauss–Legendre is not needed: the midpoint rule on 20 000 cells is exact to 1e-8 here.
            let cells = 20_000;
            let theta = |i: u32| (f64::from(i) + 0.5) / f64::from(cells);
            let likelihood = |i: u32| Binomial::new(n, theta(i)).unwrap().probability(x);
            let integral = (0..cells).map(likelihood).sum::<f64>() / f64::from(cells);
            assert!((integral * (n + 1) as f64 - 1.0).abs() < 1e-6, "{n} {x} {integral}");
        }
        let sum: f64 = (0..=n).map(|x| Binomial::new(n, 0.3).unwrap().probability(x)).sum();
        assert!((sum - 1.0).abs() < 1e-12);
        assert!((Binomial::new(n, 0.3).unwrap().cumulative(n - 1) + 0.3_f64.powi(n as i32) - 1.0).abs() < 1e-12);
    }
}

#[test]
fn the_edges_of_a_binomial_law() {
    let never = Binomial::new(5, 0.0).unwrap();
    assert_eq!((never.probability(0), never.probability(1), never.probability(6)), (1.0, 0.0, 0.0));
    let always = Binomial::new(5, 1.0).unwrap();
    assert_eq!((always.probability(5), always.probability(4)), (1.0, 0.0));
    assert_eq!(always.sample(3, &mut seeded(0)).unwrap(), [5, 5, 5]);
    assert_eq!(Binomial::new(0, 0.4).unwrap().probability(0), 1.0);
    // Entropy bounds it: C(10⁶, 5·10⁵) 2^-10⁶ ≈ √(2/(π 10⁶)).
    let half = Binomial::new(1_000_000, 0.5).unwrap().probability(500_000);
    assert!((half / (2.0 / (std::f64::consts::PI * 1e6)).sqrt() - 1.0).abs() < 1e-6, "{half}");
}

#[test]
fn moments_exist_or_not() {
    assert_eq!((Exponential::new(4.0).unwrap().mean(), Exponential::new(4.0).unwrap().variance()), (0.25, 0.0625));
    assert_eq!(Pareto::new(1.0, 1.0).unwrap().mean(), f64::INFINITY);
    assert_eq!(Pareto::new(1.0, 2.0).unwrap().variance(), f64::INFINITY);
    let mild = Pareto::new(1.0, 8.0).unwrap();
    let draws = Summary::new(&mild.sample(40_000, &mut seeded(3))).unwrap();
    assert!((draws.mean - mild.mean()).abs() < 5.0 * draws.standard_error());
    assert!((draws.std.powi(2) / mild.variance() - 1.0).abs() < 0.1);
}

#[test]
fn a_chain_has_its_variance_of_the_mean() {
    for phi in [0.9, -0.6, 0.0] {
        let chain = Autoregressive::new(phi).unwrap();
        let rng = &mut seeded(4);
        let means: Vec<f64> = (0..20_000).map(|_| Summary::new(&chain.sample(30, rng)).unwrap().mean).collect();
        let measured = Summary::new(&means).unwrap().std.powi(2);
        // A variance estimated from n normal draws has the relative standard error √(2/n) = 0.01.
        assert!((measured / chain.variance_of_mean(30) - 1.0).abs() < 0.05, "{phi}: {measured}");
        let last: Vec<f64> = (0..20_000).map(|_| chain.sample(10, rng)[9]).collect();
        let test = KolmogorovSmirnov::new(&last, |x| Normal::new(0.0, 1.0).unwrap().cumulative(x)).unwrap();
        assert!(test.p_value() > 0.001, "the law should not change along the chain: {test:?}");
        let limit = chain.variance_of_mean(100_000) * 1e5;
        assert!((limit / chain.variance_factor() - 1.0).abs() < 1e-3);
    }
}

#[test]
fn bad_settings_of_laws_are_refused() {
    let says = |error: Error, words: &str| assert!(error.to_string().contains(words), "{error}");
    says(Binomial::new(3, 1.5).unwrap_err(), "theta must be in [0, 1], got 1.5");
    says(Binomial::new(3, f64::NAN).unwrap_err(), "theta");
    says(Normal::new(0.0, 0.0).unwrap_err(), "std must be above 0 and finite, got 0");
    says(Normal::new(f64::INFINITY, 1.0).unwrap_err(), "mean must be finite");
    says(Exponential::new(-1.0).unwrap_err(), "rate must be above 0");
    says(Cauchy::new(f64::NAN, 1.0).unwrap_err(), "location must be finite");
    says(Cauchy::new(0.0, f64::NAN).unwrap_err(), "scale must be above 0");
    says(Pareto::new(0.0, 1.0).unwrap_err(), "minimum must be above 0");
    says(Pareto::new(1.0, 0.0).unwrap_err(), "shape must be above 0");
    says(Autoregressive::new(1.0).unwrap_err(), "phi must be in (-1, 1), got 1");
    says(Autoregressive::new(f64::NAN).unwrap_err(), "phi");
}
