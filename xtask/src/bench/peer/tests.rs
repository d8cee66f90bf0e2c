//! The harness, with programs that only pretend.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::arguments::Arguments;
use crate::error::Result;

use super::instructions::Instructions;
use super::measure::{Peers, Threads};
use super::program::Program;
use super::report::{head, json as to_json, notes};
use super::row::{Measured, Row};
use super::runner::Subject;
use super::workloads::{WORKLOADS, Workload};
use super::{Options, chosen};

/// What was asked of whom.
type Log = Rc<RefCell<Vec<String>>>;

struct Fake {
    subject: Subject,
    threads: usize,
    results: Value,
    log: Log,
}

impl Program for Fake {
    fn ask(&mut self, request: Value) -> Result<Value> {
        let what = request["do"].as_str().unwrap_or_default();
        let variant = request["variant"].as_str().unwrap_or_default();
        let alone = if self.threads == 1 { " alone" } else { "" };
        self.log.borrow_mut().push(format!("{:?} {what} {variant}{alone}", self.subject));
        let ms = match (self.subject, variant) {
            (Subject::Candlelight, _) if self.threads == 1 => 180.0,
            (Subject::Torch, _) if self.threads == 1 => 300.0,
            (Subject::Candlelight, _) => 100.0,
            (Subject::Stock | Subject::OneRank, _) => 900.0,
            (Subject::Torch, "fused") => 250.0,
            (Subject::Torch, _) => 350.0,
        };
        Ok(match what {
            "prepare" => json!({ "results": self.results }),
            "time" => json!({ "ms": ms }),
            "memory" => json!({ "mb": ms }),
            "hello" => json!({ "versions": format!("{:?}", self.subject), "instructions": "AVX2", "threads": 2 }),
            _ => json!({}),
        })
    }
}

/// Programs with so many threads that return these results.
fn peers<'a>(threads: &[usize], results: impl Fn(Subject) -> Value + 'a, log: &Log) -> Peers<'a> {
    let log = log.clone();
    let start = move |subject, threads| {
        Ok(Box::new(Fake { subject, threads, results: results(subject), log: log.clone() }) as Box<dyn Program>)
    };
    let threads = threads.iter().map(|&count| Threads { count, free: 0 }).collect();
    let subjects = [Subject::Candlelight, Subject::Stock, Subject::Torch];
    Peers::start(Box::new(start), &subjects, threads, Duration::ZERO).expect("they start")
}

fn workload(name: &str) -> &'static Workload {
    WORKLOADS.iter().find(|workload| workload.name == name).expect("it is in the list")
}

/// Measures a workload with programs that return these results.
fn row(name: &str, results: impl Fn(Subject) -> Value) -> (Row, Vec<String>) {
    let log = Log::default();
    let row = peers(&[2], results, &log).row(workload(name), 2).expect("a row");
    (row, log.take())
}

/// The same with one thread as well.
fn scaled(name: &str, results: impl Fn(Subject) -> Value) -> (Row, Vec<String>) {
    let log = Log::default();
    let row = peers(&[1, 2], results, &log).row(workload(name), 1).expect("a row");
    (row, log.take())
}

fn options(words: &str) -> Result<Options> {
    Options::new(Arguments::new(words.split_whitespace().map(str::to_owned)), 2)
}

fn right(_: Subject) -> Value {
    json!({ "loss, step 1": [2.3, -1.1], "change of fc1.weight, step 1": [0.5, 0.1] })
}

#[test]
fn a_row_has_the_keys_that_others_read() {
    let (row, _) = row("mlp_adam", right);
    let rows: Value = serde_json::from_str(&to_json(&[row])).expect("JSON");
    let row = &rows[0];
    assert_eq!(row["workload"], "mlp_adam");
    assert_eq!((&row["candlelight_ms"], &row["stock_candle_ms"]), (&json!(100.0), &json!(900.0)));
    assert_eq!((&row["pytorch_ms"], &row["ratio"]), (&json!(250.0), &json!(2.5)), "the fastest variant counts");
    assert_eq!((&row["pytorch_plain_ms"], &row["pytorch_fused_ms"]), (&json!(350.0), &json!(250.0)));
    assert_eq!((&row["target"], &row["target_to_plain"], &row["reached"]), (&json!(2.3), &json!(3.0), &json!(true)));
    assert_eq!((&row["difference"], &row["threads"]), (&json!(0.0), &json!(2)));
    assert!(row.get("fewer_threads").is_none() && row.get("gain_of_threads").is_none());
}

#[test]
fn programs_are_measured_in_turn_after_all_have_been_checked() {
    let (row, log) = row("mlp_sgd", right);
    assert!(!row.failed());
    let prepared = ["Candlelight prepare plain", "Stock prepare plain", "Torch prepare plain", "Torch prepare fused"];
    assert_eq!(log[..4], prepared);
    let round = ["Candlelight time plain", "Stock time plain", "Torch time plain", "Torch time fused"];
    let drops = log.iter().position(|line| line.contains("drop")).expect("they are told to forget");
    assert_eq!(log[drops - 8..drops], [round, round].concat());
}

#[test]
fn what_computes_something_else_is_not_timed() {
    for culprit in [Subject::Candlelight, Subject::Stock] {
        let planted = |subject| match subject == culprit {
            true => json!({ "loss, step 1": [2.3, -1.1], "change of fc1.weight, step 1": [0.5, 0.101] }),
            false => right(subject),
        };
        let (row, log) = row("mlp_sgd", planted);
        assert!(row.failed());
        assert!(log.iter().all(|line| !line.contains("time")), "{log:?}");
        assert_eq!(log.iter().filter(|line| line.contains("prepare")).count(), 4);
        let json = row.json();
        let fault = json["fault"].as_str().expect("a sentence");
        assert!(fault.contains(&format!("{culprit:?}")) && fault.contains("fc1.weight"), "{fault}");
        assert!(json["candlelight_ms"].is_null() && json["pytorch_ms"].is_null() && json["ratio"].is_null());
        assert!(row.markdown().contains("FAULT"));
    }
}

#[test]
fn the_known_fault_of_stock_pooling_is_let_pass_and_no_other() {
    let quarter = |subject| match subject == Subject::Stock {
        true => json!({ "loss, step 1": [2.3, -1.1], "change of fc1.weight, step 1": [0.125, 0.025] }),
        false => right(subject),
    };
    assert!(!row("lenet_sgd", quarter).0.failed());
    assert!(row("resnet_sgd", quarter).0.failed());
}

#[test]
fn what_stock_candle_does_not_have_is_null_and_the_others_have_everything() {
    let without = |missing| move |subject| if subject == missing { Value::Null } else { right(subject) };
    let (row, _) = self::row("rnn_sgd", without(Subject::Stock));
    assert!(!row.failed());
    let json = row.json();
    assert!(json["stock_candle_ms"].is_null());
    assert_eq!(json["ratio"], json!(2.5));
    for needed in [Subject::Candlelight, Subject::Torch] {
        let (row, log) = self::row("rnn_sgd", without(needed));
        assert!(row.failed() && log.iter().all(|line| !line.contains("time")), "there is nothing to compare with");
    }
}

#[test]
fn memory_is_told_in_its_own_unit() {
    let (row, _) = row("resnet_peak_memory", right);
    let json = row.json();
    assert!(json["candlelight_ms"].is_null());
    assert_eq!(
        (&json["candlelight_mb"], &json["pytorch_mb"], &json["ratio"]),
        (&json!(100.0), &json!(350.0), &json!(3.5))
    );
}

#[test]
fn only_times_that_nobody_disturbed_are_drawn() {
    let (mut drawn, _) = row("mlp_adam", right);
    assert!(drawn.is_drawn());
    drawn.disturbed = true;
    assert!(!drawn.is_drawn());
    assert_eq!(drawn.json()["disturbed"], json!(true), "the table still has it, with its mark");
    assert!(!row("resnet_peak_memory", right).0.is_drawn());
}

#[test]
fn only_known_names_can_be_chosen() {
    let chosen_names = |only| chosen(WORKLOADS, Some(only)).map(|list| list.iter().map(|w| w.name).collect::<Vec<_>>());
    assert_eq!(chosen_names("lstm_sgd,mlp_adam").expect("both are known"), ["mlp_adam", "lstm_sgd"]);
    assert!(chosen_names("mlp").is_err_and(|error| error.to_string().contains("`mlp`")));
    assert_eq!(chosen(WORKLOADS, None).expect("all").len(), WORKLOADS.len());
}

#[test]
fn one_thread_and_all_are_measured_in_turn_and_their_times_divided() {
    let (row, log) = scaled("lenet_sgd", right);
    assert!(!row.failed());
    let drops = log.iter().position(|line| line.contains("drop")).expect("they are told to forget");
    let round = ["Candlelight time plain", "Stock time plain", "Torch time plain", "Torch time fused"];
    let alone = round.map(|line| format!("{line} alone"));
    assert_eq!(log[drops - 8..drops], [alone, round.map(str::to_owned)].concat());

    let json = row.json();
    assert_eq!((&json["threads"], &json["candlelight_ms"], &json["ratio"]), (&json!(2), &json!(100.0), &json!(2.5)));
    let fewer = &json["fewer_threads"];
    assert_eq!(
        (&fewer["threads"], &fewer["candlelight_ms"], &fewer["pytorch_ms"]),
        (&json!(1), &json!(180.0), &json!(300.0))
    );
    let gains = json!({ "candlelight": 1.8, "stock_candle": 1.0, "pytorch": 1.2 });
    assert_eq!(json["gain_of_threads"], gains, "PyTorch's fastest variants");

    let options = options("--scaling").expect("two cores");
    let line = "| `lenet_sgd` | 180 | 100 | 1.80 | 900 | 900 | 1.00 | 300 | 250 | 1.20 | 1.67 | 2.50 | 2.5 | reached |";
    assert_eq!(options.line(&row), line);
    let table_head = options.table_head();
    let columns = |line: &str| line.matches('|').count();
    assert!(table_head.lines().all(|head| columns(head) == columns(line)), "{table_head}");
    assert!(table_head.contains("PyTorch, 1 thread | 2 threads | 1 ÷ 2"), "{table_head}");
}

#[test]
fn what_others_disturbed_with_either_number_of_threads_has_no_gain() {
    for disturbed in [1, 2] {
        let (mut row, _) = scaled("lenet_sgd", right);
        match disturbed {
            1 => row.fewer.as_mut().expect("one thread").disturbed = true,
            _ => row.disturbed = true,
        }
        assert!(row.json()["gain_of_threads"]["candlelight"].is_null());
        let line = options("--scaling").expect("two cores").line(&row);
        assert!(line.ends_with("| disturbed |"), "{line}");
        assert_eq!(line.contains("1.67"), disturbed == 2, "the ratio of the other number of threads stays: {line}");
        row.others = Some(0.5);
        row.fewer.as_mut().expect("one thread").others = Some(0.7);
        let told = if disturbed == 1 {
            "threads: 1: other processes kept 0.70"
        } else {
            "threads: 2: other processes kept 0.50"
        };
        assert!(notes(&[row]).contains(told));
    }
}

#[test]
fn a_fault_with_either_number_of_threads_is_one_of_the_row_and_nothing_is_timed() {
    let wrong = |subject| match subject {
        Subject::Candlelight => json!({ "loss, step 1": [2.4, -1.1], "change of fc1.weight, step 1": [0.5, 0.1] }),
        _ => right(subject),
    };
    let (row, log) = scaled("mlp_sgd", wrong);
    assert!(row.failed() && log.iter().all(|line| !line.contains("time")));
    assert!(options("--scaling").expect("two cores").line(&row).ends_with("| FAULT |"));
}

#[test]
fn memory_is_asked_with_all_threads_alone() {
    let (row, log) = scaled("lenet_peak_memory", right);
    assert!(row.fewer.is_none() && log.iter().all(|line| !line.contains("alone")));
    assert!(row.json().get("gain_of_threads").is_none());
    assert!(options("--scaling").expect("two cores").line(&row).contains("| 3.50 |"));
}

#[test]
fn a_program_that_has_not_its_threads_is_refused() {
    let log = Log::default();
    assert_eq!(peers(&[2], right, &log).versions().expect("two"), "Candlelight (AVX2), Stock (AVX2), Torch (AVX2)");
    let told = peers(&[1, 2], right, &log).versions().expect_err("one of them says two").to_string();
    assert_eq!(told, "Candlelight has 2 threads; it was told 1");
}

#[test]
fn options_are_taken_and_what_cannot_be_is_told() {
    let plain = options("").expect("the defaults");
    assert_eq!((plain.rounds, plain.ranks, plain.threads, plain.scaling), (9, 1, 2, false));
    assert_eq!((plain.instructions, plain.stock), (None, true));
    assert_eq!(plain.threads(2), [Threads { count: 2, free: 0 }]);
    assert_eq!(options("--threads 1").expect("one").threads(2), [Threads { count: 1, free: 1 }]);
    let scaled = options("--scaling --instructions avx2 --only mlp_sgd --no-stock").expect("all of them");
    assert_eq!(scaled.instructions, Some(Instructions::Avx2));
    assert_eq!(scaled.threads(2), [Threads { count: 1, free: 0 }, Threads { count: 2, free: 0 }]);
    assert_eq!(scaled.subjects(), [Subject::Candlelight, Subject::Torch]);
    for (words, told) in [
        ("--instructions sse", "--instructions cannot be `sse`"),
        ("--scaling --ranks 2", "leave out --ranks"),
        ("--scaling --threads 1", "--threads 2"),
        ("--rounds 0", "at least 1"),
        ("--speed", "`--speed`"),
    ] {
        let error = options(words).err().map(|error| error.to_string());
        assert!(error.as_ref().is_some_and(|error| error.contains(told)), "{words}: {error:?}");
    }
}

#[test]
fn the_head_names_the_threads_and_what_the_programs_are_held_to() {
    let free = head("candlelight 0.1.0 (AVX-512)", "2 threads", None, 9).expect("a head");
    assert!(free.contains("2 threads a program. candlelight 0.1.0 (AVX-512), rustc"), "{free}");
    assert!(!free.contains("--instructions"), "{free}");
    let held = head("candlelight 0.1.0 (AVX2)", "1 and 2 threads", Some(Instructions::Avx2), 9).expect("a head");
    assert!(held.contains("1 and 2 threads a program") && held.contains("`--instructions avx2`"), "{held}");
}

#[test]
fn a_short_step_keeps_three_digits() {
    let quick = |_: Subject| json!({ "y, step 1": [1.0, 0.5] });
    let (mut row, _) = row("lenet_latency", quick);
    row.candlelight = Some(Measured::new(vec![0.04217]));
    assert!(row.markdown().starts_with("| `lenet_latency` | 0.0422 |"), "{}", row.markdown());
}
