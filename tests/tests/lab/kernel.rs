use std::process::Command;

use crate::{root, run, run_notebooks, xtask};

/// Runs a script of `tests/kernel`, which starts kernels as Jupyter does and looks at each message.
fn script(name: &str) {
    let (passed, text) = run(&mut xtask(&["setup"]));
    assert!(passed, "{text}");
    let mut python = Command::new(root().join("target/lab/venv/bin/python"));
    let (passed, text) = run(python.arg(root().join("tests/kernel").join(name)));
    assert!(passed, "{text}");
}

#[test]
fn what_fails_fails_and_an_interrupt_keeps_the_variables() {
    script("failures.py");
}

#[test]
fn what_cells_show_arrives_at_once_in_order_and_complete() {
    script("output.py");
}

#[test]
fn kernels_leave_nothing_behind_and_no_message_harms_one() {
    script("robustness.py");
}

#[test]
fn the_stock_kernel_carries_gradients_across_cells_too_and_runs_the_start_notebook() {
    let (passed, text, report) = run_notebooks(&["stock", "stock_start"], &["--jobs", "2"]);
    assert!(passed, "{text}");
    assert!(report[1]["cells"].as_u64() > Some(20), "{report}");
}

#[test]
fn gradients_reach_the_right_tensors_across_cells_and_two_kernels_run_at_once() {
    // `gradients` has two variables in one cell, a tensor in the next and the gradients in a third, and its committed output
    // is [5, 7] and [2, 3]; `state` keeps a vector over ten cells.
    let (passed, text, report) = run_notebooks(&["gradients", "state"], &["--jobs", "2"]);
    assert!(passed, "{text}");
    assert_eq!(report.as_array().map(Vec::len), Some(2));
    assert_eq!(report[1]["cells"], 11);
}

#[test]
fn a_second_copy_of_the_statics_is_refused_loudly() {
    let (passed, text, report) = run_notebooks(&["statics"], &[]);
    assert!(!passed, "{text}");
    let fault = report[0]["faults"][0].as_str().expect("a fault");
    assert!(fault.contains("cell 3") && fault.contains("a second copy of candlelight"), "{fault}");
}

#[test]
fn a_dependency_added_in_a_session_keeps_its_variables() {
    // `added_dependency` has a tensor in one cell, then two packages and an `.await`, for which evcxr adds a third, and in
    // between one that is refused; its committed output shows the tensor at the end.
    let (passed, text, report) = run_notebooks(&["added_dependency"], &[]);
    assert!(passed, "{text}");
    assert_eq!(report[0]["cells"], 5);
}

#[test]
fn a_dependency_that_would_compile_candle_anew_is_refused_in_one_sentence() {
    let (passed, text, report) = run_notebooks(&["refused_dependency"], &[]);
    assert!(!passed, "{text}");
    let fault = report[0]["faults"][0].as_str().expect("a fault");
    assert!(fault.starts_with("cell 2 (`:dep libc = "), "{fault}");
    assert!(fault.contains("`libc` cannot be added to this kernel: it changes libc 0.2."), "{fault}");
}
