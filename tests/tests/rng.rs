//! Seeded streams, and what drawing from them refuses.

use candlelight::prelude::*;
use candlelight::rng::{normal, permutation, stream, uniform};
use candlelight::state::Stateful;
use candlelight_tests::flat;

const CPU: Device = Device::Cpu;

/// Largest distance between the empirical distribution of `values` and `cdf`.
fn kolmogorov_smirnov(values: &[f64], cdf: impl Fn(f64) -> f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let distance = |(i, &x): (usize, &f64)| (cdf(x) - i as f64 / n).abs().max((cdf(x) - (i + 1) as f64 / n).abs());
    sorted.iter().enumerate().map(distance).fold(0.0, f64::max)
}

fn normal_cdf(x: f64) -> f64 {
    0.5 + 0.5 * flat(&Tensor::new(x / 2f64.sqrt(), &CPU).unwrap().erf().unwrap())[0]
}

#[test]
fn a_seed_fixes_every_draw() {
    let draw = |seed| {
        let mut rng = seeded(seed);
        let a = flat(&normal(&mut rng, 0.0, 1.0, (3, 5), DType::F32, &CPU).unwrap());
        let b = flat(&uniform(&mut rng, -1.0, 1.0, 7, DType::F64, &CPU).unwrap());
        (a, b, permutation(&mut rng, 20))
    };
    assert_eq!(draw(1), draw(1));
    let (one, two) = (draw(1), draw(2));
    assert!(one.0 != two.0 && one.1 != two.1 && one.2 != two.2);
    // The generator itself: another one, or another seeding, would change every number that the notebooks state.
    assert_eq!(seeded(42).random::<u64>(), 12_578_764_544_318_200_737);
    assert_eq!(stream(42, "fc1.weight").random::<u64>(), 17_896_134_794_872_514_348);
}

#[test]
fn a_place_in_a_stream_is_one_that_the_stream_has() {
    let mut state = seeded(1).state().unwrap();
    for (place, fits) in [(u128::from(u64::MAX), true), ((1 << 68) - 1, true), (1 << 68, false), (u128::MAX, false)] {
        state.set("word_pos", place);
        let mut rng = seeded(2);
        let result = rng.load_state(&state);
        if fits {
            result.unwrap();
            assert_eq!(rng.state().unwrap().get::<u128>("word_pos").unwrap(), place);
            normal(&mut rng, 0.0, 1.0, 100, DType::F32, &Device::Cpu).unwrap();
        } else {
            assert!(matches!(result, Err(Error::State { name, .. }) if name == "word_pos"), "{place}");
            assert_eq!(rng.state().unwrap().values, seeded(2).state().unwrap().values, "what failed changed nothing");
        }
    }
}

#[test]
fn streams_differ_by_name_and_by_seed() {
    let mut firsts: Vec<u64> = Vec::new();
    for seed in 0..20 {
        for name in ["", "a", "b", "ab", "ba", "fc1.weight", "fc1.bias", "fc2.weight"] {
            firsts.push(stream(seed, name).random());
        }
    }
    firsts.sort_unstable();
    firsts.dedup();
    assert_eq!(firsts.len(), 160);
    // Two streams of one seed are uncorrelated: within 4.5 standard errors of 0.
    let draw = |name| flat(&normal(&mut stream(7, name), 0.0, 1.0, 10_000, DType::F64, &CPU).unwrap());
    let correlation = draw("a").iter().zip(draw("b")).map(|(a, b)| a * b).sum::<f64>() / 10_000.0;
    assert!(correlation.abs() < 0.045, "{correlation}");
}

#[test]
fn draws_follow_their_laws() {
    let n = 20_000;
    let critical = 1.63 / (n as f64).sqrt(); // Kolmogorov–Smirnov at 1 %
    for dtype in [DType::F32, DType::F64] {
        let x = flat(&normal(&mut seeded(3), 2.0, 0.5, n, dtype, &CPU).unwrap());
        assert!(kolmogorov_smirnov(&x, |x| normal_cdf((x - 2.0) / 0.5)) < critical);
        let x = flat(&uniform(&mut seeded(4), -3.0, 1.0, n, dtype, &CPU).unwrap());
        assert!(x.iter().all(|x| (-3.0..=1.0).contains(x)));
        assert!(kolmogorov_smirnov(&x, |x| (x + 3.0) / 4.0) < critical);
    }
}

#[test]
fn permutations_are_uniform() {
    let mut rng = seeded(5);
    let mut counts = std::collections::BTreeMap::new();
    for _ in 0..6000 {
        *counts.entry(permutation(&mut rng, 3)).or_insert(0u32) += 1;
    }
    assert_eq!(counts.len(), 6);
    let chi_square: f64 = counts.values().map(|&count| (f64::from(count) - 1000.0).powi(2) / 1000.0).sum();
    assert!(chi_square < 20.5, "{chi_square}: the 0.1 % quantile of 5 degrees of freedom");
    assert!(permutation(&mut rng, 0).is_empty());
}

#[test]
fn settings_outside_their_range_are_typed_errors() {
    let rng = &mut seeded(0);
    for std in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(normal(rng, 0.0, std, 2, DType::F32, &CPU), Err(Error::Setting { name: "std", .. })));
    }
    for (low, high) in [(1.0, 0.0), (f64::NAN, 1.0), (0.0, f64::INFINITY)] {
        assert!(matches!(uniform(rng, low, high, 2, DType::F32, &CPU), Err(Error::Setting { .. })));
    }
    assert!(matches!(normal(rng, 0.0, 1.0, 2, DType::U32, &CPU), Err(Error::DType { actual: DType::U32, .. })));
    assert!(matches!(Params::with_dtype(0, DType::I64, &CPU), Err(Error::DType { actual: DType::I64, .. })));
    for init in [Init::XavierUniform, Init::XavierNormal, Init::HeNormal] {
        assert!(matches!(init.tensor(rng, 5, DType::F32, &CPU), Err(Error::Shape { .. })), "{init:?} of a bias");
        assert!(matches!(init.tensor(rng, (5, 0), DType::F32, &CPU), Err(Error::Shape { .. })), "{init:?} of nothing");
    }
    let no_inputs = Init::TorchLinear { fan_in: 0 };
    assert!(matches!(no_inputs.tensor(rng, 5, DType::F32, &CPU), Err(Error::Setting { name: "fan_in", .. })));
}

#[test]
fn errors_name_what_was_given_and_what_was_expected() {
    let error = Error::Label { label: 12, position: 3, classes: 10 };
    assert_eq!(error.to_string(), "label 12 at position 3 is outside 0..10");
    let error = Error::NotFinite { what: "the training loss", value: f64::NAN, step: 7 };
    assert!(error.to_string().starts_with("the training loss is NaN at step 7"));
    let message = normal(&mut seeded(0), 0.0, -2.0, 1, DType::F32, &CPU).unwrap_err().to_string();
    assert_eq!(message, "std must be finite and at least 0, got -2");
    fn check<T: Send + Sync + 'static>() {}
    check::<Error>();
    check::<Params>();
}
