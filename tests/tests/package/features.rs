//! What the features leave out.

use std::collections::BTreeSet;

use super::{cargo, said};

/// The packages that a build of the library compiles.
fn packages(selection: &[&str]) -> BTreeSet<String> {
    let (text, _) = said(cargo(&["tree", "--edges", "normal", "--prefix", "none", "--format", "{p}"]).args(selection));
    text.replace(" (*)", "").lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

/// Half of all packages is out of reach: three in four are Candle's own, which has no features to leave them out.
#[test]
fn a_minimal_build_compiles_at_most_half_of_the_packages_beside_candle() {
    let candle = packages(&["--package", "candle-nn"]);
    let full = packages(&["--package", "candlelight"]);
    let minimal = packages(&["--package", "candlelight", "--no-default-features"]);
    assert!(minimal.is_subset(&full) && candle.is_subset(&minimal));
    let (ours, all) = (minimal.difference(&candle).count(), full.difference(&candle).count());
    println!("{ours} of {all} packages beside Candle's {}", candle.len());
    assert!(2 * ours <= all, "{ours} of {all}: {:?}", minimal.difference(&candle));
    // The documentation of the crate and its README say so.
    assert_eq!((ours, all), (20, 42), "also in crate/src/lib.rs and crate/README.md");
}

/// None, and each alone. What two of them have in common is in the default build too.
#[test]
fn the_crate_compiles_without_its_features() {
    for features in ["", "fashion-mnist", "download", "plot", "notebook"] {
        let words = ["check", "--quiet", "--package", "candlelight", "--no-default-features", "--features", features];
        // Without any, also those examples that say that they need none.
        let targets: &[&str] = if features.is_empty() { &["--lib", "--examples"] } else { &["--lib"] };
        let (_, warnings) = said(cargo(&words).args(targets));
        assert!(warnings.is_empty(), "with the features [{features}]:\n{warnings}");
    }
}
