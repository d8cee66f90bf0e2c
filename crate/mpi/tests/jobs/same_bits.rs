//! The same training on threads and on processes.

use std::path::Path;

use candlelight::distributed::cluster;

use crate::job::{mark, run};

#[path = "../../examples/shared/chapter.rs"]
mod chapter;
use chapter::{samples, train_by_crate};

#[test]
fn losses_are_those_of_threads_bit_for_bit() {
    let data = samples().unwrap();
    for ranks in [1, 3, 4] {
        let threads = cluster(ranks, |comm| train_by_crate(comm, &data, 2)).unwrap().results;
        assert!(threads.iter().all(|trained| trained == &threads[0]));
        let losses = threads[0].0.iter().enumerate();
        let expected: Vec<String> =
            losses.map(|(epoch, loss)| format!("epoch {epoch} loss {loss:.4} bits {:016x}", loss.to_bits())).collect();
        let mark = mark("sgd");
        let outcome = run(&["-n", &ranks.to_string(), "synchronous_sgd", "--", "2", &mark], &mark);
        assert!(outcome.status.success(), "{}", outcome.text());
        let lines: Vec<_> =
            outcome.lines.iter().map(|(_, line)| line).filter(|line| line.starts_with("epoch ")).collect();
        assert_eq!(lines, expected.iter().collect::<Vec<_>>(), "{ranks} ranks");
    }
}

/// A function in a text, without what may differ: white space, and whether others see it.
fn function(text: &str, name: &str) -> String {
    let start = text.find(&format!("fn {name}(")).unwrap_or_else(|| panic!("no function {name}"));
    let end = text[start..].find("\n}\n").expect("an end") + start;
    // A last comma is there where the list is on lines of its own.
    text[start..end].split_whitespace().collect::<String>().replace(",)", ")")
}

#[test]
fn the_function_is_that_of_the_chapter() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let (chapter, example) =
        (read("notebooks/text/16-synchronous-sgd.md"), read("crate/mpi/examples/shared/chapter.rs"));
    for name in ["mlp", "numbers", "train_by_crate"] {
        assert_eq!(function(&example, name), function(&chapter, name));
    }
}
