use crate::{run, run_notebooks, xtask};

fn faults(name: &str) -> Vec<String> {
    let (passed, text, report) = run_notebooks(&[name], &[]);
    assert!(!passed, "{text}");
    assert!(text.contains(&format!("{name}.ipynb: ")), "the message names the notebook: {text}");
    report[0]["faults"]
        .as_array()
        .expect("faults")
        .iter()
        .map(|fault| fault.as_str().expect("text").to_owned())
        .collect()
}

#[test]
fn a_panic_fails_its_notebook() {
    let faults = faults("panic");
    let expected = [
        "cell 2 (`panic!(\"a panic in a cell\");`) failed: a panic in a cell",
        "cell 3 (`println!(\"{fine}\");`) never ran",
    ];
    assert_eq!(faults, expected);
}

#[test]
fn a_question_mark_that_failed_fails_its_notebook() {
    let faults = faults("question_mark");
    assert_eq!(faults, ["cell 2 (`\"no number\".parse::<u32>()?;`) failed: invalid digit found in string"]);
}

#[test]
fn cells_out_of_order_fail_their_notebook() {
    let faults = faults("order");
    assert!(
        faults[0].starts_with("cell 1 (`let second = first + 1;`) failed: cannot find value `first`"),
        "{faults:?}"
    );
    let committed = self::faults("counts");
    let expected = "as committed, cell 2 (`let b = a + 1;`) ran out of order: its execution count 1 follows 2";
    assert_eq!(committed, [expected]);
}

#[test]
fn a_changed_number_fails_its_notebook() {
    let expected =
        "cell 1 (`println!(\"accuracy {:.3}\", 0.83);`) gave `accuracy 0.830` where `accuracy 0.930` is committed";
    assert_eq!(faults("number"), [expected]);
}

#[test]
fn tags_say_what_a_cell_may_do() {
    let (passed, text, _) = run_notebooks(&["volatile", "expected"], &["--jobs", "2"]);
    assert!(passed, "{text}");
    let faults = faults("not_raised");
    assert!(faults[0].contains("is tagged raises-exception and did not fail"), "{faults:?}");
}

#[test]
fn margins_list_the_loosest_assertion_first() {
    let (passed, text, _) = run_notebooks(&["margins"], &["--margins"]);
    assert!(passed, "{text}");
    let rows: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("cell line")).skip(1).take(4).collect();
    let expected = [
        ["3", "3", "?", "<", "?", "?", "%", "assert!(\"a\""],
        ["3", "2", "0", "<=", "2", "100.0", "%", "loose"],
        ["3", "2", "2", "<", "100", "98.0", "%", "loose"],
        ["2", "2", "0.0900", "<", "0.1000", "10.0", "%", "assert!(errors.iter().all(|&error|"],
    ];
    for (row, expected) in rows.iter().zip(expected) {
        let words: Vec<&str> = row.split_whitespace().take(8).collect();
        assert_eq!(words, expected, "{row}");
    }
    assert_eq!(rows.len(), 4, "{text}");
}

#[test]
fn a_kernel_that_dies_is_said_in_one_sentence() {
    let faults = faults("dead_kernel");
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(faults[0].starts_with("cell 2 (`std::process::Command::new("), "{faults:?}");
    assert!(faults[0].ends_with("was running when the kernel died"), "{faults:?}");
    assert_eq!(faults[1], "cell 3 (`println!(\"{fine}\");`) never ran");
}

#[test]
fn an_unknown_kernel_is_said_in_one_sentence() {
    let expected = "cell 1 (`let fine = 1;`) and those after it never ran: the notebook names the kernel `no-such-kernel`, \
                    which is not installed; set-up installs `rust`";
    assert_eq!(faults("unknown_kernel"), [expected]);
}

#[test]
fn what_is_no_notebook_is_said_before_a_kernel_starts() {
    let (passed, text) = run(&mut xtask(&["run", "Cargo.toml"]));
    assert!(!passed && text.contains("Cargo.toml is no notebook"), "{text}");
    let (passed, text) = run(&mut xtask(&["run", "missing.ipynb"]));
    assert!(!passed && text.contains("missing.ipynb: No such file"), "{text}");
    let (passed, text) = run(&mut xtask(&["run", "--jobs", "0"]));
    assert!(!passed && text.contains("--jobs must be at least 1"), "{text}");
}
