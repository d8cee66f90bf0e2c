//! The adding problem is what it says.

use candlelight::candle_core::{DType, Device};
use candlelight::data::adding_problem;
use candlelight::rng::seeded;

const CPU: Device = Device::Cpu;

#[test]
fn two_marked_values_are_added_and_lie_before_the_lag() {
    for (steps, lag) in [(10, 0), (30, 20), (7, 0), (13, 8), (2, 0)] {
        let markable = steps - lag;
        let data = adding_problem(&mut seeded(1), 400, steps, lag, DType::F64, &CPU).unwrap();
        assert_eq!((data.inputs().dims(), data.targets().dims()), (&[400, steps, 2][..], &[400, 1][..]));
        let (inputs, targets) = (data.inputs().to_vec3::<f64>().unwrap(), data.targets().to_vec2::<f64>().unwrap());
        let mut seen = vec![0; steps];
        for (sequence, target) in inputs.iter().zip(targets) {
            assert!(sequence.iter().all(|x| (0.0..1.0).contains(&x[0]) && (x[1] == 0.0 || x[1] == 1.0)));
            let marked: Vec<usize> = (0..steps).filter(|&t| sequence[t][1] == 1.0).collect();
            let [first, second] = marked[..] else { panic!("{marked:?}") };
            assert!(first < markable / 2 && (markable / 2..markable).contains(&second), "{marked:?}");
            assert!((sequence[first][0] + sequence[second][0] - target[0]).abs() < 1e-15);
            seen[first] += 1;
            seen[second] += 1;
        }
        // Every step that may be marked is, about evenly: five standard deviations.
        for (t, seen) in seen.into_iter().enumerate() {
            let half = if t < markable / 2 { markable / 2 } else { markable - markable / 2 };
            let p = if t < markable { 1.0 / half as f64 } else { 0.0 };
            assert!((f64::from(seen) - 400.0 * p).abs() <= 5.0 * (400.0 * p * (1.0 - p)).sqrt(), "{t}: {seen}");
        }
    }
}

#[test]
fn the_best_constant_has_an_error_of_a_sixth() {
    let data = adding_problem(&mut seeded(2), 20_000, 4, 0, DType::F64, &CPU).unwrap();
    let targets: Vec<f64> = data.targets().flatten_all().unwrap().to_vec1().unwrap();
    let squares: Vec<f64> = targets.iter().map(|y| (y - 1.0).powi(2)).collect();
    let mean = squares.iter().sum::<f64>() / 20_000.0;
    // Five standard errors: the squares have variance 1/15 - 1/36.
    assert!((mean - 1.0 / 6.0).abs() < 5.0 * ((1.0 / 15.0 - 1.0 / 36.0) / 20_000.0_f64).sqrt(), "{mean}");
}

#[test]
fn the_seed_decides_and_f32_is_f64_rounded() {
    let make = |seed, dtype| adding_problem(&mut seeded(seed), 20, 9, 3, dtype, &CPU);
    let inputs = |seed, dtype| -> Vec<f64> {
        make(seed, dtype).unwrap().inputs().to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    };
    assert_eq!(inputs(1, DType::F64), inputs(1, DType::F64));
    assert_ne!(inputs(1, DType::F64), inputs(2, DType::F64));
    let rounded: Vec<f64> = inputs(1, DType::F64).into_iter().map(|value| f64::from(value as f32)).collect();
    assert_eq!(inputs(1, DType::F32), rounded);
    let error = make(1, DType::U32).unwrap_err().to_string();
    assert!(error.contains("adding problem: expected dtype F32 or F64"), "{error}");
}

#[test]
fn two_steps_must_be_left_to_mark() {
    for (steps, lag) in [(5, 4), (5, 5), (5, 9), (1, 0), (0, 0)] {
        let error = adding_problem(&mut seeded(0), 1, steps, lag, DType::F32, &CPU).unwrap_err().to_string();
        assert_eq!(error, format!("lag must be at most steps - 2, got {lag} of {steps} steps"));
    }
    assert!(adding_problem(&mut seeded(0), 0, 5, 3, DType::F32, &CPU).unwrap().is_empty());
}
