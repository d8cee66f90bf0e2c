//! The same training on threads and on processes.

use candlelight::distributed::cluster;

use crate::job::{mark, run};

#[path = "../../examples/shared/train.rs"]
mod train;
use train::{Training, train};

#[test]
fn losses_are_those_of_threads_bit_for_bit() {
    for ranks in [1, 3, 4] {
        let training = Training { steps: 5, batch: 64, checkpoints: None };
        let threads = cluster(ranks, |comm| train(comm, &training, |_| Ok(()))).unwrap().results;
        assert!(threads.iter().all(|trained| trained == &threads[0]));
        let losses = threads[0].losses.iter().enumerate();
        let expected: Vec<String> =
            losses.map(|(step, loss)| format!("step {step} loss {loss:.6} bits {:08x}", loss.to_bits())).collect();
        let mark = mark("sgd");
        let outcome = run(&["-n", &ranks.to_string(), "synchronous_sgd", "--", "5", &mark], &mark);
        assert!(outcome.status.success(), "{}", outcome.text());
        let lines: Vec<_> =
            outcome.lines.iter().map(|(_, line)| line).filter(|line| line.starts_with("step ")).collect();
        assert_eq!(lines, expected.iter().collect::<Vec<_>>(), "{ranks} ranks");
    }
}
