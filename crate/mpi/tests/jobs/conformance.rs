//! Messages and collective operations on processes: the example `conformance` checks them, on every rank.

use crate::job::{mark, run};

#[test]
fn messages_and_collective_operations_are_right() {
    for ranks in ["1", "2", "3", "4", "5"] {
        let mark = mark("conformance");
        let outcome = run(&["-n", ranks, "conformance", "--", &mark], &mark);
        assert!(outcome.status.success(), "{ranks} ranks:\n{}", outcome.text());
        outcome.first(|line| line == format!("conformance: {ranks} ranks agree"));
    }
}
