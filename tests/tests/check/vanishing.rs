//! The checks of `13-vanishing-gradients`: right answers pass, stubs and usual mistakes do not.

use candlelight::check::vanishing::*;
use candlelight_tests::{accepts, rejects};

#[test]
fn weights_that_keep_the_gradient() {
    let square = |d: &[f64]| d.iter().map(|d| d * d).sum::<f64>() / d.len() as f64;
    accepts(critical_std(move |d, n| 1.0 / (n as f64 * square(d)).sqrt()));
    accepts(critical_std(|d, n| (d.len() as f64 / d.iter().map(|d| d * d * n as f64).sum::<f64>()).sqrt()));
    rejects(critical_std(|_, _| todo!("set n s² E[φ'²] to 1")), "not written yet");
    rejects(
        critical_std(move |d, n| 1.0 / (n as f64 * square(d))),
        "a linear layer, 100 units: expected 0.1, got 0.01",
    );
    let xavier = |_: &[f64], n: usize| 1.0 / (n as f64).sqrt();
    rejects(critical_std(xavier), "ReLU, half of the units active, 50 units: expected 0.2, got 0.1414");
}

#[test]
fn units_that_are_dead() {
    accepts(dead_units(|z| (0..z[0].len()).filter(|&unit| z.iter().all(|row| row[unit] <= 0.0)).count()));
    accepts(dead_units(|z| {
        let mut largest = vec![f64::NEG_INFINITY; z[0].len()];
        z.iter().for_each(|row| largest.iter_mut().zip(row).for_each(|(m, z)| *m = m.max(*z)));
        largest.iter().filter(|m| **m <= 0.0).count()
    }));
    rejects(dead_units(|_| todo!("all samples")), "not written yet. all samples");
    let samples = |z: &[Vec<f64>]| z.iter().filter(|row| row.iter().all(|z| *z <= 0.0)).count();
    rejects(dead_units(samples), "the last of them dead: expected 1, got 0");
    let strictly = |z: &[Vec<f64>]| (0..z[0].len()).filter(|&unit| z.iter().all(|row| row[unit] < 0.0)).count();
    rejects(dead_units(strictly), "exactly 0 passes no gradient either: expected 1, got 0");
    rejects(dead_units(|z| z.iter().flatten().filter(|z| **z <= 0.0).count()), "expected 1, got 3");
}

#[test]
fn gradients_of_a_residual_chain() {
    accepts(residual_gradients(|slopes| {
        (0..=slopes.len()).map(|l| slopes[l..].iter().map(|s| 1.0 + s).product()).collect()
    }));
    accepts(residual_gradients(|slopes| {
        let mut gradients = vec![1.0; slopes.len() + 1];
        for l in (0..slopes.len()).rev() {
            gradients[l] = gradients[l + 1] + slopes[l] * gradients[l + 1];
        }
        gradients
    }));
    rejects(residual_gradients(|_| todo!("multiply")), "not written yet. multiply");
    let plain = |slopes: &[f64]| (0..=slopes.len()).map(|l| slopes[l..].iter().product()).collect();
    rejects(residual_gradients(plain), "slopes [0.5], entry 0: expected 1.5, got 0.5");
    let upwards = |slopes: &[f64]| (0..=slopes.len()).map(|l| slopes[..l].iter().map(|s| 1.0 + s).product()).collect();
    rejects(residual_gradients(upwards), "slopes [0.5], entry 0: expected 1.5, got 1");
    rejects(residual_gradients(|slopes| vec![1.0; slopes.len()]), "expected 2 entries, got 1");
}

#[test]
fn clipping_by_the_common_norm() {
    let norm = |gradients: &[Vec<f64>]| gradients.iter().flatten().map(|g| g * g).sum::<f64>().sqrt();
    let scaled = |gradients: &[Vec<f64>], factor: f64| -> Vec<Vec<f64>> {
        gradients.iter().map(|layer| layer.iter().map(|g| g * factor).collect()).collect()
    };
    accepts(clip_by_norm(move |g, limit| scaled(g, if norm(g) > limit { limit / norm(g) } else { 1.0 })));
    accepts(clip_by_norm(move |g, limit| scaled(g, (limit / (norm(g) + 1e-6)).min(1.0))));
    rejects(clip_by_norm(|_, _| todo!("one norm for all")), "not written yet. one norm for all");
    let by_value = |g: &[Vec<f64>], limit: f64| -> Vec<Vec<f64>> {
        g.iter().map(|layer| layer.iter().map(|g| g.clamp(-limit, limit)).collect()).collect()
    };
    rejects(clip_by_norm(by_value), "norm 5 of two layers, limit 2.5, layer 0, entry 0: expected 1.5, got 2.5");
    // Also where there is nothing to clip.
    rejects(
        clip_by_norm(move |g, limit| scaled(g, limit / norm(g))),
        "norm 5, limit 10: nothing to do, layer 0, entry 0: expected 3, got 6",
    );
    rejects(
        clip_by_norm(move |g, limit| {
            scaled(g, (limit / norm(g)).clamp(f64::MIN, 1.0) * if norm(g) == 0.0 { f64::NAN } else { 1.0 })
        }),
        "zeros, layer 0",
    );
    rejects(clip_by_norm(|_, _| Vec::new()), "expected 2 layers, got 0");
}
