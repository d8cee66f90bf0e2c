//! Whether two programs computed the same.

use std::collections::BTreeMap;

/// Norm and projection of each result, by name; `xtask/peer/src/shared.rs` makes them.
pub type Digests = BTreeMap<String, [f64; 2]>;

/// Which results must be there and agree.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All, under the same names.
    All,
    /// Those that the program has; stock Candle's running statistics are out of reach.
    Present,
    /// What the first step returned, before any gradient was used.
    FirstForward,
}

impl Extent {
    fn covers(self, name: &str) -> bool {
        self != Self::FirstForward || name.ends_with(", step 1") && !name.starts_with("change of ")
    }
}

/// The largest difference relative to a norm, if none is above `tolerance`, else a sentence about the largest.
pub fn compare(ours: &Digests, reference: &Digests, tolerance: f64, extent: Extent) -> Result<f64, String> {
    if extent == Extent::All && !ours.keys().eq(reference.keys()) {
        let only = |a: &Digests, b: &Digests| {
            let names: Vec<&str> = a.keys().filter(|name| !b.contains_key(*name)).map(String::as_str).collect();
            names.join(", ")
        };
        return Err(format!("results without a partner: [{}] and [{}]", only(ours, reference), only(reference, ours)));
    }
    let mut largest: Option<(f64, &String, &[f64; 2], &[f64; 2])> = None;
    for (name, digest) in ours.iter().filter(|(name, _)| extent.covers(name)) {
        let Some(expected) = reference.get(name) else { return Err(format!("PyTorch has no result `{name}`")) };
        let difference = difference(*digest, *expected);
        if largest.is_none_or(|(before, ..)| difference > before) {
            largest = Some((difference, name, digest, expected));
        }
    }
    match largest {
        None => Err("there is nothing to compare".into()),
        Some((difference, ..)) if difference <= tolerance => Ok(difference),
        Some((difference, name, digest, expected)) => Err(format!(
            "`{name}` differs by {difference:.1e} of its norm, more than {tolerance:.0e}: norm and projection are {digest:?}, \
             PyTorch's {expected:?}"
        )),
    }
}

fn difference(ours: [f64; 2], expected: [f64; 2]) -> f64 {
    // The sum, because `max` would pass over NaN.
    let apart = (ours[0] - expected[0]).abs() + (ours[1] - expected[1]).abs();
    match apart {
        0.0 => 0.0,
        apart if apart.is_finite() => apart / ours[0].max(expected[0]),
        _ => f64::INFINITY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digests(loss: f64, change: [f64; 2]) -> Digests {
        [("loss, step 1".to_owned(), [loss, -loss]), ("change of fc.weight, step 1".to_owned(), change)].into()
    }

    #[test]
    fn rounding_passes_and_the_largest_difference_is_told() {
        let difference = compare(&digests(2.0, [1.0, 0.5]), &digests(2.0, [1.0, 0.500_001]), 1e-4, Extent::All);
        assert!((difference.expect("within the tolerance") - 1e-6).abs() < 1e-9);
    }

    #[test]
    fn a_wrong_factor_sign_or_place_and_nan_are_refused() {
        let expected = digests(2.0, [1.0, 0.5]);
        for wrong in [[0.25, 0.125], [1.0, -0.5], [1.0, 0.4], [f64::NAN, f64::NAN]] {
            let told = compare(&digests(2.0, wrong), &expected, 1e-3, Extent::All).expect_err("a difference");
            assert!(told.contains("`change of fc.weight, step 1` differs"), "{told}");
            assert!(compare(&digests(2.0, wrong), &expected, 1e-3, Extent::Present).is_err());
        }
    }

    #[test]
    fn a_missing_result_is_refused() {
        let expected = digests(2.0, [1.0, 0.5]);
        let mut fewer = expected.clone();
        fewer.pop_first();
        assert!(compare(&fewer, &expected, 1e-4, Extent::All).is_err_and(|told| told.contains("without a partner")));
        assert_eq!(compare(&fewer, &expected, 1e-4, Extent::Present), Ok(0.0));
        assert!(compare(&Digests::new(), &expected, 1e-4, Extent::Present).is_err());
        assert!(compare(&expected, &fewer, 1e-4, Extent::Present).is_err());
    }

    #[test]
    fn a_known_fault_of_the_gradient_leaves_the_forward_pass_compared() {
        let expected = digests(2.0, [1.0, 0.5]);
        assert_eq!(compare(&digests(2.0, [0.25, 0.1]), &expected, 1e-4, Extent::FirstForward), Ok(0.0));
        assert!(compare(&digests(2.1, [1.0, 0.5]), &expected, 1e-4, Extent::FirstForward).is_err());
    }
}
