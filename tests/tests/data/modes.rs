//! Mixtures of Gaussians in the plane.

use std::f64::consts::PI;

use candlelight::data::Modes;
use candlelight::prelude::*;
use candlelight_tests::flat;

#[test]
fn ring_and_grid_are_those_of_the_paper() {
    let (ring, grid) = (Modes::ring(), Modes::grid());
    assert_eq!((ring.centers().len(), ring.std()), (8, 0.01));
    for (k, center) in ring.centers().iter().enumerate() {
        assert!((center[0].hypot(center[1]) - 1.0).abs() < 1e-15);
        let next = ring.centers()[(k + 1) % 8];
        // Neighbours are as far apart as the corners of an octagon.
        assert!(((center[0] - next[0]).hypot(center[1] - next[1]) - 2.0 * (PI / 8.0).sin()).abs() < 1e-15);
    }
    assert_eq!((grid.centers().len(), grid.std()), (25, 0.05));
    for x in [-4.0, -2.0, 0.0, 2.0, 4.0] {
        for y in [-4.0, -2.0, 0.0, 2.0, 4.0] {
            assert!(grid.centers().contains(&[x, y]), "no mode at {x}, {y}");
        }
    }
}

#[test]
fn samples_have_the_moments_of_their_mixture() {
    let modes = Modes::new(vec![[1.0, 2.0], [5.0, -2.0]], 0.5).unwrap();
    let n = 40_000;
    let samples = modes.sample(&mut seeded(1), n, DType::F64, &Device::Cpu).unwrap();
    assert_eq!(samples.dims(), [n, 2]);
    let points: Vec<Vec<f64>> = samples.to_vec2().unwrap();
    let left: Vec<&Vec<f64>> = points.iter().filter(|point| point[0] < 3.0).collect();
    // Four standard errors of a share of one half.
    assert!((left.len() as f64 / n as f64 - 0.5).abs() < 4.0 * 0.5 / (n as f64).sqrt());
    for (axis, center) in [1.0, 2.0].into_iter().enumerate() {
        let values: Vec<f64> = left.iter().map(|point| point[axis]).collect();
        let summary = Summary::new(&values).unwrap();
        assert!((summary.mean - center).abs() < 4.0 * summary.standard_error(), "{summary}");
        assert!((summary.std - 0.5).abs() < 4.0 * 0.5 / (2.0 * values.len() as f64).sqrt(), "{summary:?}");
    }
    // The same draws in both dtypes; others for another seed.
    let single = modes.sample(&mut seeded(1), 100, DType::F32, &Device::Cpu).unwrap();
    assert_eq!(single.dtype(), DType::F32);
    let rounded: Vec<f64> = flat(&samples)[..200].iter().map(|&value| f64::from(value as f32)).collect();
    assert_eq!(flat(&single), rounded);
    let other = modes.sample(&mut seeded(2), 100, DType::F32, &Device::Cpu).unwrap();
    assert_ne!(flat(&other), flat(&single));
}

#[test]
fn the_density_has_an_integral_of_one() {
    let modes = Modes::new(vec![[0.0, 0.0], [0.3, 0.4], [-0.5, 0.2]], 0.1).unwrap();
    let mut total = 0.0;
    for i in -150..=150 {
        for j in -150..=150 {
            total += modes.density([f64::from(i) / 100.0, f64::from(j) / 100.0]) * 1e-4;
        }
    }
    assert!((total - 1.0).abs() < 1e-12, "{total}");
    // At a lone mode: 1 / (K 2π σ²).
    let expected = 1.0 / (25.0 * 2.0 * PI * 0.05 * 0.05);
    assert!((Modes::grid().density([2.0, -2.0]) - expected).abs() < 1e-12 * expected);
}

#[test]
fn bad_settings_are_typed_errors() {
    let says = |centers: Vec<[f64; 2]>, std| Modes::new(centers, std).unwrap_err().to_string();
    assert_eq!(says(vec![], 1.0), "centers must be at least one, got none");
    assert_eq!(says(vec![[0.0, f64::NAN]], 1.0), "centers must be finite, got NaN");
    assert_eq!(says(vec![[0.0, 0.0]], 0.0), "std must be above 0 and finite, got 0");
    let result = Modes::ring().sample(&mut seeded(0), 1, DType::U8, &Device::Cpu);
    assert!(matches!(result, Err(Error::DType { what: "modes", .. })), "{result:?}");
}
