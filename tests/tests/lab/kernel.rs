use crate::run_notebooks;

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
