//! Seeded streams, initial values, named parameters, devices and the messages of errors.

use std::process::Command;

use candlelight::device::check_statics;
use candlelight::prelude::*;
use candlelight::rng::{normal, permutation, stream, uniform};
use candlelight::state::Stateful;
use candlelight_tests::flat;

const CPU: Device = Device::Cpu;

fn mean_and_variance(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n)
}

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
fn initial_values_have_their_mean_variance_and_range() {
    // [out, in, 3, 3]: fan_in 540, fan_out 360.
    let (shape, fan_in, fan_out) = ((40, 60, 3, 3), 540.0, 360.0);
    let n = 40.0 * 60.0 * 9.0;
    let cases = [
        (Init::Normal { mean: 1.5, std: 0.2 }, 1.5, 0.04, false),
        (Init::Uniform { low: -1.0, high: 3.0 }, 1.0, 16.0 / 12.0, true),
        (Init::XavierUniform, 0.0, 2.0 / (fan_in + fan_out), true),
        (Init::XavierNormal, 0.0, 2.0 / (fan_in + fan_out), false),
        (Init::HeNormal, 0.0, 2.0 / fan_in, false),
        (Init::TorchLinear { fan_in: 540 }, 0.0, 1.0 / (3.0 * fan_in), true),
    ];
    for (init, expected_mean, expected_variance, is_uniform) in cases {
        for dtype in [DType::F32, DType::F64] {
            let values = flat(&init.tensor(&mut seeded(6), shape, dtype, &CPU).unwrap());
            let (mean, variance) = mean_and_variance(&values);
            let std: f64 = f64::sqrt(expected_variance);
            assert!((mean - expected_mean).abs() < 4.5 * std / f64::sqrt(n), "{init:?}: mean {mean}");
            // The variance of a sample variance is (kurtosis - 1) σ⁴ / n; kurtosis 1.8 for uniform, 3 for normal draws.
            let spread = if is_uniform { 0.8 } else { 2.0 };
            let tolerance = 4.5 * f64::sqrt(spread / n);
            assert!((variance / expected_variance - 1.0).abs() < tolerance, "{init:?}: variance {variance}");
            let furthest = values.iter().map(|value| (value - expected_mean).abs()).fold(0.0, f64::max);
            let bound = 3f64.sqrt() * std;
            if is_uniform {
                assert!(furthest <= bound * (1.0 + 1e-6) && furthest > 0.999 * bound, "{init:?}: {furthest}");
            } else {
                assert!(furthest > 3.5 * std, "{init:?}: no tails");
            }
        }
    }
    assert_eq!(flat(&Init::Constant(0.25).tensor(&mut seeded(0), 3, DType::F32, &CPU).unwrap()), [0.25; 3]);
}

#[test]
fn a_parameter_does_not_depend_on_the_others() {
    let build = |names: &[&str]| {
        let params = Params::new(9, &CPU).unwrap();
        for name in names {
            params.pp(name).var("weight", (4, 3), Init::HeNormal).unwrap();
        }
        params
    };
    let (both, reversed, alone) = (build(&["a", "b"]), build(&["b", "a"]), build(&["b"]));
    let of = |params: &Params, name| flat(&params.get(name).unwrap());
    assert_eq!(of(&both, "b.weight"), of(&reversed, "b.weight"));
    assert_eq!(of(&both, "b.weight"), of(&alone, "b.weight"));
    assert_ne!(of(&both, "a.weight"), of(&both, "b.weight"));
    let other_seed = Params::new(10, &CPU).unwrap();
    other_seed.pp("b").var("weight", (4, 3), Init::HeNormal).unwrap();
    assert_ne!(of(&alone, "b.weight"), of(&other_seed, "b.weight"));
    assert_eq!(reversed.names(), ["b.weight", "a.weight"], "order of creation");
}

#[test]
fn prefixes_share_one_store() {
    let params = Params::with_dtype(0, DType::F64, &CPU).unwrap();
    let block = params.pp("encoder").pp(0);
    block.var("weight", (2, 3), Init::HeNormal).unwrap();
    block.buffer("running_mean", 3, Init::Constant(0.0)).unwrap();
    params.pp("encoder2").var("bias", 5, Init::Constant(0.0)).unwrap();
    assert_eq!(params.names(), ["encoder.0.weight", "encoder.0.running_mean", "encoder2.bias"]);
    assert_eq!(params.pp("encoder").names(), ["encoder.0.weight", "encoder.0.running_mean"]);
    let trainable: Vec<String> = params.trainable().into_iter().map(|param| param.name).collect();
    assert_eq!(trainable, ["encoder.0.weight", "encoder2.bias"]);
    assert_eq!((params.count(), block.count()), (11, 6), "buffers are not counted");
    assert_eq!(block.get("weight").unwrap().dtype(), DType::F64);
    assert_eq!((block.dtype(), block.device().is_cpu()), (DType::F64, true));
}

#[test]
fn names_follow_the_rules() {
    let params = Params::new(0, &CPU).unwrap();
    let make = |params: &Params, name: &str| params.var(name, 2, Init::Constant(0.0));
    make(&params.pp("fc"), "weight").unwrap();
    for (result, name, problem) in [
        (make(&params, ""), "", "not empty"),
        (make(&params, "fc.bias"), "fc.bias", "no dot"),
        (make(&params.pp("fc"), "weight"), "fc.weight", "taken"),
        (params.pp("fc").buffer("weight", 2, Init::Constant(0.0)), "fc.weight", "taken"),
        (params.pp("fc").get("bias"), "fc.bias", "none of this name"),
    ] {
        let message = result.unwrap_err().to_string();
        assert!(message.contains(&format!("`{name}`")) && message.contains(problem), "{message}");
    }
    assert_eq!(params.names(), ["fc.weight"], "what was refused left nothing behind");
}

#[test]
fn values_can_be_set_in_the_shape_they_have() {
    let params = Params::new(0, &CPU).unwrap();
    let weight = params.pp("fc").var("weight", (2, 2), Init::Constant(0.0)).unwrap();
    params.pp("fc").set("weight", &Tensor::new(&[[1f64, 2.], [3., 4.]], &CPU).unwrap()).unwrap();
    assert_eq!(weight.to_vec2::<f32>().unwrap(), [[1., 2.], [3., 4.]], "the layer's own handle sees it, in its dtype");
    let flat_value = Tensor::zeros(4, DType::F32, &CPU).unwrap();
    let message = params.set("fc.weight", &flat_value).unwrap_err().to_string();
    assert_eq!(message, "parameter `fc.weight`: expected shape [2, 2], got [4]");
    assert!(params.set("fc.bias", &flat_value).is_err());
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

/// Not a test of its own: the program that the next test runs.
#[test]
fn child() {
    if std::env::var_os("CANDLELIGHT_TEST_CHILD").is_some() {
        println!();
        println!("statics {:?}", check_statics().is_ok());
        println!("threads {:?}", std::env::var("RAYON_NUM_THREADS"));
        println!("device {}", describe(&CPU));
    }
}

/// Runs `child` through a shell that first sets or unsets variables; `$$` is then the child's own process number.
fn child_output(prepare: &str) -> String {
    let output = Command::new("sh")
        .args(["-c", &format!("{prepare}; exec \"$0\" --exact child --nocapture")])
        .arg(std::env::current_exe().unwrap())
        .env("CANDLELIGHT_TEST_CHILD", "1")
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_number_of_threads_is_set_where_it_is_not() {
    let given = child_output("export RAYON_NUM_THREADS=1");
    assert!(given.contains("threads Ok(\"1\")\n") && given.contains("device CPU, 1 threads"), "{given}");
    let cores = std::thread::available_parallelism().unwrap();
    let unset = child_output("unset RAYON_NUM_THREADS");
    assert!(unset.contains(&format!("threads Ok(\"{cores}\")\n")), "{unset}");
}

#[test]
fn a_second_copy_of_the_statics_is_refused_and_a_child_process_is_none() {
    check_statics().unwrap();
    check_statics().unwrap();
    let ours = std::env::var("CANDLELIGHT_STATICS").unwrap();
    assert!(ours.starts_with(&format!("{}:", std::process::id())), "{ours}");
    assert!(child_output("true").contains("statics true"), "it inherits the variable, but it is another process");
    let second = child_output("export CANDLELIGHT_STATICS=$$:0x1");
    assert!(second.contains("statics false"), "another address in the same process: {second}");
    assert!(Error::DuplicateStatics.to_string().contains("second copy"));
}
