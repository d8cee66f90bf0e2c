//! With ULFM the others survive a rank that is killed.

use crate::job::{mark, run};

#[test]
fn the_others_go_on_without_a_rank_that_is_killed() {
    for victim in [0, 2] {
        let mark = mark("survive");
        let outcome = run(&["-n", "4", "--survive", "survive", "--", &victim.to_string(), &mark], &mark);
        for rank in (0..4).filter(|&rank| rank != victim) {
            outcome.first(|line| line == format!("rank {rank} has done 10 rounds, the last with 3 ranks"));
        }
        assert!(outcome.status.success(), "{}", outcome.text());
    }
}
