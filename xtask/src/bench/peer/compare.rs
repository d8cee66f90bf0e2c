//! Whether two programs computed the same.

use std::collections::BTreeMap;

use super::workloads::Tolerance;

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

/// The largest difference relative to a norm, if none is above its tolerance, else a sentence about the one furthest above.
pub fn compare(ours: &Digests, reference: &Digests, tolerance: Tolerance, extent: Extent) -> Result<f64, String> {
    if extent == Extent::All && !ours.keys().eq(reference.keys()) {
        let only = |a: &Digests, b: &Digests| {
            let names: Vec<&str> = a.keys().filter(|name| !b.contains_key(*name)).map(String::as_str).collect();
            names.join(", ")
        };
        return Err(format!("results without a partner: [{}] and [{}]", only(ours, reference), only(reference, ours)));
    }
    let mut largest = 0.0_f64;
    let mut worst: Option<(f64, String)> = None;
    let mut compared = 0;
    for (name, digest) in ours.iter().filter(|(name, _)| extent.covers(name)) {
        let Some(expected) = reference.get(name) else { return Err(format!("PyTorch has no result `{name}`")) };
        let allowed = if name.ends_with(", step 1") { tolerance.first } else { tolerance.third };
        let difference = difference(*digest, *expected);
        if difference > allowed && worst.as_ref().is_none_or(|(excess, _)| difference / allowed > *excess) {
            let told = format!(
                "`{name}` differs by {difference:.1e} of its norm, more than {allowed:.0e}: norm and projection are \
                 {digest:?}, PyTorch's {expected:?}"
            );
            worst = Some((difference / allowed, told));
        }
        largest = largest.max(difference);
        compared += 1;
    }
    match worst {
        Some((_, told)) => Err(told),
        None if compared == 0 => Err("there is nothing to compare".into()),
        None => Ok(largest),
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

    const CLOSE: Tolerance = Tolerance { first: 1e-4, third: 1e-2 };

    fn digests(loss: f64, change: [f64; 2]) -> Digests {
        [("loss, step 1".to_owned(), [loss, -loss]), ("change of fc.weight, step 1".to_owned(), change)].into()
    }

    #[test]
    fn rounding_passes_and_the_largest_difference_is_told() {
        let difference = compare(&digests(2.0, [1.0, 0.5]), &digests(2.0, [1.0, 0.500_001]), CLOSE, Extent::All);
        assert!((difference.expect("within the tolerance") - 1e-6).abs() < 1e-9);
    }

    #[test]
    fn a_wrong_factor_sign_or_place_and_nan_are_refused() {
        let expected = digests(2.0, [1.0, 0.5]);
        for wrong in [[0.25, 0.125], [1.0, -0.5], [1.0, 0.4], [f64::NAN, f64::NAN]] {
            let told = compare(&digests(2.0, wrong), &expected, CLOSE, Extent::All).expect_err("a difference");
            assert!(told.contains("`change of fc.weight, step 1` differs"), "{told}");
            assert!(compare(&digests(2.0, wrong), &expected, CLOSE, Extent::Present).is_err());
        }
    }

    #[test]
    fn a_missing_result_is_refused() {
        let expected = digests(2.0, [1.0, 0.5]);
        let mut fewer = expected.clone();
        fewer.pop_first();
        assert!(compare(&fewer, &expected, CLOSE, Extent::All).is_err_and(|told| told.contains("without a partner")));
        assert_eq!(compare(&fewer, &expected, CLOSE, Extent::Present), Ok(0.0));
        assert!(compare(&Digests::new(), &expected, CLOSE, Extent::Present).is_err());
        assert!(compare(&expected, &fewer, CLOSE, Extent::Present).is_err());
    }

    #[test]
    fn a_known_fault_of_the_gradient_leaves_the_forward_pass_compared() {
        let expected = digests(2.0, [1.0, 0.5]);
        assert_eq!(compare(&digests(2.0, [0.25, 0.1]), &expected, CLOSE, Extent::FirstForward), Ok(0.0));
        assert!(compare(&digests(2.1, [1.0, 0.5]), &expected, CLOSE, Extent::FirstForward).is_err());
    }

    #[test]
    fn the_third_step_may_differ_by_more() {
        let at = |step: usize, value: f64| Digests::from([(format!("loss, step {step}"), [value, value])]);
        assert!(compare(&at(3, 1.001), &at(3, 1.0), CLOSE, Extent::All).is_ok());
        assert!(compare(&at(1, 1.001), &at(1, 1.0), CLOSE, Extent::All).is_err());
    }
}
