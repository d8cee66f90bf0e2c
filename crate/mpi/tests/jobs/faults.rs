//! A rank fails: who says so, when, and what is left.

use std::path::PathBuf;
use std::time::Duration;

use crate::job::{Outcome, run};

/// That of the library, and how much later the fault must be named.
const DEADLINE: Duration = Duration::from_secs(5);
const LATER: Duration = Duration::from_secs(2);

/// A folder for checkpoints, whose path also marks the processes of the job.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("ranks-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        Self(folder)
    }

    fn start(&self, restarts: &str, kind: &str, rank: usize, step: usize) -> Outcome {
        let (folder, rank, step) = (self.0.to_str().unwrap(), rank.to_string(), step.to_string());
        run(&["-n", "4", "--restarts", restarts, "faults", "--", folder, kind, &rank, &step], folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Lets a rank fail, and sees that a line as `names` wants it comes in time.
fn fails(kind: &str, rank: usize, names: impl Fn(&str) -> bool, within: Duration) {
    let folder = Folder::new(kind);
    let outcome = folder.start("0", kind, rank, 6);
    assert!(!outcome.status.success(), "{}", outcome.text());
    let fault = outcome.first(|line| line == format!("rank {rank} fails now"));
    let named = outcome.first(names) - fault;
    assert!(named <= within, "named after {named:?}:\n{}", outcome.text());
    let ended = outcome.end - fault;
    assert!(ended <= within + LATER, "ended after {ended:?}:\n{}", outcome.text());
}

#[test]
fn a_rank_that_panics_is_named() {
    let line = |line: &str| line.starts_with("rank 2: panicked at ") && line.ends_with(": a fault at step 6");
    fails("panic", 2, line, LATER);
}

#[test]
fn a_rank_that_exits_is_named() {
    fails("exit", 1, |line| line == "rank 1: the process exited before its work was done", LATER);
}

#[test]
fn a_rank_that_returns_an_error_is_named() {
    fails("error", 0, |line| line == "rank 0: rank 0 failed in train: a fault at step 6", LATER);
}

#[test]
fn a_rank_that_is_killed_is_named() {
    fails("kill", 3, |line| line.contains("rank 3") && line != "rank 3 fails now", LATER);
}

#[test]
fn a_rank_that_is_stopped_is_named_by_another() {
    fails("stop", 2, |line| line.contains("s in all_reduce: rank 2 is silent"), DEADLINE + LATER);
}

#[test]
fn a_rank_in_an_endless_loop_is_named_by_another() {
    fails("loop", 1, |line| line.contains("s in all_reduce: rank 1 is silent"), DEADLINE + LATER);
}

#[test]
fn a_wrong_message_is_told_with_what_was_expected() {
    for (kind, expected, got) in [("short", 100, "100 F32"), ("long", 100_000, "100000 F32"), ("dtype", 100, "100 F64")]
    {
        let sent = format!(" of rank 1 in all_reduce, got {got}");
        // The ranks on both sides of it notice at once: it, too, gets what it did not expect.
        let received = format!("rank 1: rank 1 expected {expected} numbers ");
        let names = |line: &str| {
            (line.starts_with("rank 2: rank 2 expected 636") && line.ends_with(&sent)) || line.starts_with(&received)
        };
        fails(kind, 1, names, LATER);
    }
}

/// The line with the bits of the parameters.
fn parameters(outcome: &Outcome) -> String {
    assert!(outcome.status.success(), "{}", outcome.text());
    let text = outcome.text();
    text.lines().find(|line| line.starts_with("parameters ")).unwrap_or_else(|| panic!("{text}")).to_owned()
}

fn goes_on(kind: &str, rank: usize, step: usize, undisturbed: &str) {
    let folder = Folder::new(&format!("again-{kind}-{rank}-{step}"));
    let outcome = folder.start("3", kind, rank, step);
    assert_eq!(parameters(&outcome), undisturbed, "{kind} of rank {rank} at step {step}:\n{}", outcome.text());
    outcome.first(|line| line.starts_with("the job failed ") && line.ends_with(": restart 1 of 3"));
    // They save after each fourth step.
    let saved = if kind == "save" { step - 4 } else { step / 4 * 4 };
    outcome.first(|line| line == format!("began with step {saved}"));
}

#[test]
fn a_job_goes_on_from_its_checkpoint_to_the_same_bits() {
    let undisturbed = parameters(&Folder::new("undisturbed").start("0", "none", 0, 0));
    goes_on("kill", 1, 6, &undisturbed);
    goes_on("panic", 3, 9, &undisturbed);
    goes_on("error", 0, 2, &undisturbed);
    // A step that only the others have saved is not used.
    goes_on("save", 2, 8, &undisturbed);
}

/// `CANDLELIGHT_MPI_ROUNDS` rounds, 50 if it is not set: `cargo test -p candlelight-mpi --test jobs -- --ignored`.
#[test]
#[ignore = "minutes"]
fn many_faults_in_a_row() {
    let rounds = std::env::var("CANDLELIGHT_MPI_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(50);
    let undisturbed = parameters(&Folder::new("many").start("0", "none", 0, 0));
    let kinds = ["panic", "exit", "error", "kill", "stop", "short", "long", "dtype"];
    for round in 0..rounds {
        let (kind, rank, step) = (kinds[round % kinds.len()], round * 7 % 4, round * 5 % 12);
        goes_on(kind, rank, step, &undisturbed);
        println!("round {round}: {kind} of rank {rank} at step {step}");
    }
}
