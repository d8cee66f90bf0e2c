//! Synthetic sets follow the laws they state.

use candlelight::candle_core::{DType, Device, Tensor};
use candlelight::data::Dataset;
use candlelight::data::synthetic::{
    blobs, in_disks, linear_high_dimensional, noisy_sine, overlapping_disks, polynomial_features, spirals,
};
use candlelight::rng::{Rng, seeded};
use candlelight::{Error, Result};
use candlelight_tests::flat;

const CPU: Device = Device::Cpu;

/// Mean and standard deviation.
fn moments(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
    (mean, variance.sqrt())
}

type Maker = fn(&mut Rng, DType) -> Result<Dataset>;

const MAKERS: [Maker; 5] = [
    |rng, dtype| overlapping_disks(rng, 50, dtype, &CPU),
    |rng, dtype| noisy_sine(rng, 50, 0.3, dtype, &CPU),
    |rng, dtype| linear_high_dimensional(rng, 50, 8, dtype, &CPU),
    |rng, dtype| blobs(rng, 50, 2.0, 0.5, dtype, &CPU),
    |rng, dtype| spirals(rng, 50, 1.5, 0.02, dtype, &CPU),
];

#[test]
fn the_seed_decides_and_f32_is_f64_rounded() {
    for make in MAKERS {
        let inputs = |seed, dtype| flat(make(&mut seeded(seed), dtype).unwrap().inputs());
        assert_eq!(inputs(1, DType::F64), inputs(1, DType::F64));
        assert_ne!(inputs(1, DType::F64), inputs(2, DType::F64));
        let rounded: Vec<f64> = inputs(1, DType::F64).into_iter().map(|value| f64::from(value as f32)).collect();
        assert_eq!(inputs(1, DType::F32), rounded);
        assert!(matches!(make(&mut seeded(1), DType::U32).unwrap_err(), Error::DType { actual: DType::U32, .. }));
    }
}

#[test]
fn a_noisy_sine_has_the_noise_it_states() {
    let data = noisy_sine(&mut seeded(0), 20_000, 0.3, DType::F64, &CPU).unwrap();
    assert_eq!((data.inputs().dims(), data.targets().dims()), (&[20_000, 1][..], &[20_000, 1][..]));
    let (x, y) = (flat(data.inputs()), flat(data.targets()));
    assert!(x.iter().all(|x| (-1.0..1.0).contains(x)));
    // Uniform on [-1, 1): mean 0, standard deviation 1/√3. Bounds of five standard errors.
    let (mean, std) = moments(&x);
    assert!(mean.abs() < 0.021 && (std - 3f64.sqrt().recip()).abs() < 0.01, "{mean} {std}");
    let noise: Vec<f64> = x.iter().zip(&y).map(|(x, y)| y - (std::f64::consts::PI * x).sin()).collect();
    let (mean, std) = moments(&noise);
    assert!(mean.abs() < 0.011 && (std - 0.3).abs() < 0.008, "{mean} {std}");

    let exact = noisy_sine(&mut seeded(0), 10, 0.0, DType::F64, &CPU).unwrap();
    for (x, y) in flat(exact.inputs()).iter().zip(flat(exact.targets())) {
        assert_eq!(y, (std::f64::consts::PI * x).sin());
    }
}

#[test]
fn features_are_powers() {
    let x = Tensor::new(&[0.5f64, -2.0, 0.0], &CPU).unwrap();
    let features = polynomial_features(&x, 15).unwrap();
    assert_eq!(features.dims(), [3, 16]);
    for (row, x) in features.to_vec2::<f64>().unwrap().iter().zip([0.5f64, -2.0, 0.0]) {
        for (power, value) in row.iter().enumerate() {
            assert_eq!(*value, x.powi(power as i32));
        }
    }
    assert_eq!(polynomial_features(&x, 0).unwrap().to_vec2::<f64>().unwrap(), [[1.0], [1.0], [1.0]]);
    let matrix = Tensor::zeros((3, 2), DType::F64, &CPU).unwrap();
    assert!(matches!(polynomial_features(&matrix, 2).unwrap_err(), Error::Shape { .. }));
}

#[test]
fn the_linear_set_has_the_weights_it_states() {
    let data = linear_high_dimensional(&mut seeded(0), 5000, 200, DType::F64, &CPU).unwrap();
    let (mean, std) = moments(&flat(data.inputs()));
    assert!(mean.abs() < 0.005 && (std - 1.0).abs() < 0.004, "{mean} {std}");
    let law = (data.inputs().sum_keepdim(1).unwrap() * 0.01).unwrap();
    let residual = flat(&(data.targets() - law).unwrap());
    let (mean, std) = moments(&residual);
    assert!((mean - 0.05).abs() < 7.1e-4 && (std - 0.01).abs() < 5e-4, "{mean} {std}");
}

#[test]
fn blobs_have_the_error_of_their_best_line() {
    let n = 40_000;
    let data = blobs(&mut seeded(0), n, 2.0, 1.0, DType::F32, &CPU).unwrap();
    assert_eq!((data.inputs().dims(), data.targets().dims()), (&[n, 2][..], &[n][..]));
    let (points, labels) = (data.inputs().to_vec2::<f32>().unwrap(), data.targets().to_vec1::<u32>().unwrap());
    assert_eq!(labels.iter().sum::<u32>() as usize, n / 2);
    let wrong = points.iter().zip(&labels).filter(|(point, label)| (point[0] > 0.0) != (**label == 1)).count();
    // Φ(−1) = 0.158655; five standard errors are 0.0091.
    let rate = wrong as f64 / n as f64;
    assert!((rate - 0.158_655).abs() < 0.0092, "{rate}");
}

#[test]
fn spirals_wind_around_each_other() {
    let turns = 1.5;
    let data = spirals(&mut seeded(0), 400, turns, 0.0, DType::F64, &CPU).unwrap();
    let (points, labels) = (data.inputs().to_vec2::<f64>().unwrap(), data.targets().to_vec1::<u32>().unwrap());
    for (point, label) in points.iter().zip(labels) {
        let r = point[0].hypot(point[1]);
        assert!(r <= 1.0);
        let angle = std::f64::consts::TAU * turns * r + std::f64::consts::PI * f64::from(label);
        assert!((point[0] - r * angle.cos()).hypot(point[1] - r * angle.sin()) < 1e-12);
    }
}

#[test]
fn disks_overlap_in_every_combination() {
    let n = 20_000;
    let data = overlapping_disks(&mut seeded(0), n, DType::F32, &CPU).unwrap();
    assert_eq!((data.inputs().dims(), data.targets().dims()), (&[n, 2][..], &[n, 3][..]));
    let labels = data.targets().to_vec2::<f32>().unwrap();
    let mut combinations = [0; 8];
    for row in &labels {
        assert!(row.iter().all(|label| *label == 0.0 || *label == 1.0));
        combinations[row.iter().fold(0, |bits, label| 2 * bits + *label as usize)] += 1;
    }
    assert!(combinations.iter().all(|count| *count > n / 100), "{combinations:?}");
    // A disk has the share π 0.9² / 9 = 0.2827 of the square; five standard errors are 0.016.
    for k in 0..3 {
        let share = labels.iter().map(|row| row[k]).sum::<f32>() / n as f32;
        assert!((share - 0.2827).abs() < 0.016, "{share}");
    }
    assert_eq!(in_disks([0.0, 1.4]), [true, false, false]);
    assert_eq!(in_disks([0.0, -0.7]), [false, true, true]);
    assert_eq!(in_disks([1.4, 1.4]), [false; 3]);
}

#[test]
fn bad_settings_are_refused() {
    let rng = &mut seeded(0);
    for std in [-0.1, f64::NAN, f64::INFINITY] {
        for result in [
            noisy_sine(rng, 5, std, DType::F32, &CPU),
            blobs(rng, 5, 1.0, std, DType::F32, &CPU),
            spirals(rng, 5, 1.0, std, DType::F32, &CPU),
        ] {
            assert!(matches!(result.unwrap_err(), Error::Setting { name: "std", .. }));
        }
    }
    assert!(blobs(rng, 5, f64::NAN, 1.0, DType::F32, &CPU).is_err());
    assert!(spirals(rng, 5, f64::INFINITY, 1.0, DType::F32, &CPU).is_err());
}
