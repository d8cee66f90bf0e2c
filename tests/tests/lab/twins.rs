//! `cargo xtask twins` on a notebook in a folder of its own.

use std::fs;
use std::path::Path;

use crate::{notebooks, run, xtask};

/// What `cargo xtask twins` did and said for this notebook.
fn twins(notebook: &Path, more: &[&str]) -> (bool, String) {
    run(xtask(&["twins"]).arg(notebook).args(more))
}

fn replace(file: &Path, old: &str, new: &str) {
    let text = fs::read_to_string(file).expect("text");
    assert!(text.contains(old), "{text}");
    fs::write(file, text.replace(old, new)).expect("written");
}

#[test]
fn the_newer_of_notebook_and_twin_is_followed() {
    let folder = notebooks();
    let (notebook, twin) = (folder.path().join("state.ipynb"), folder.path().join("text/state.md"));
    let read = |file: &Path| fs::read_to_string(file).expect("text");
    let (in_step, said) = twins(&notebook, &["--check"]);
    assert!(!in_step && said.contains("has no text twin"), "{said}");

    let (done, said) = twins(&notebook, &[]);
    assert!(done && read(&twin).contains("numbers.push(9);"), "{said}");
    assert!(twins(&notebook, &["--check"]).0);

    replace(&twin, "numbers.push(9);", "numbers.push(10);");
    let (in_step, said) = twins(&notebook, &["--check"]);
    assert!(!in_step && said.contains("out of step"), "{said}");
    assert!(twins(&notebook, &[]).0 && twins(&notebook, &["--check"]).0);
    assert!(read(&notebook).contains("numbers.push(10);") && read(&twin).contains("numbers.push(10);"));
    assert!(read(&notebook).contains("9 45"), "outputs should stay");

    replace(&notebook, "numbers.push(10);", "numbers.push(11);");
    assert!(twins(&notebook, &[]).0 && twins(&notebook, &["--check"]).0);
    assert!(read(&twin).contains("numbers.push(11);"), "{}", read(&twin));

    fs::remove_file(&notebook).expect("removed");
    let (in_step, said) = twins(&twin, &["--check"]);
    assert!(!in_step && said.contains("state.md has no notebook"), "{said}");
    assert!(twins(&twin, &[]).0 && read(&notebook).contains("numbers.push(11);"));
}

#[test]
fn what_is_no_notebook_and_no_twin_is_named() {
    let folder = notebooks();
    let beside = folder.path().join("state.md");
    fs::write(&beside, "# State\n").expect("written");
    let (done, said) = twins(&beside, &[]);
    assert!(
        !done && said.contains("state.md is no text twin: those are in a folder `text` beside the notebooks"),
        "{said}"
    );
    let (done, said) = twins(&folder.path().join("missing.ipynb"), &[]);
    assert!(!done && said.contains("missing.ipynb, and no ") && said.contains("text/missing.md"), "{said}");
}
