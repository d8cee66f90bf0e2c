//! The harness, with programs that only pretend.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::error::Result;

use super::chosen;
use super::measure::{Peers, Subject};
use super::program::Program;
use super::report::{Row, json as to_json};
use super::workloads::WORKLOADS;

/// What was asked of whom.
type Log = Rc<RefCell<Vec<String>>>;

struct Fake {
    subject: Subject,
    results: Value,
    log: Log,
}

impl Program for Fake {
    fn ask(&mut self, request: Value) -> Result<Value> {
        let what = request["do"].as_str().unwrap_or_default();
        let variant = request["variant"].as_str().unwrap_or_default();
        self.log.borrow_mut().push(format!("{:?} {what} {variant}", self.subject));
        let ms = match (self.subject, variant) {
            (Subject::Candlelight, _) => 100.0,
            (Subject::Stock | Subject::OneRank, _) => 900.0,
            (Subject::Torch, "fused") => 250.0,
            (Subject::Torch, _) => 350.0,
        };
        Ok(match what {
            "prepare" => json!({ "results": self.results }),
            "time" => json!({ "ms": ms }),
            "memory" => json!({ "mb": ms }),
            _ => json!({}),
        })
    }
}

/// Measures a workload with programs that return these results.
fn row(name: &str, results: impl Fn(Subject) -> Value) -> (Row, Vec<String>) {
    let log = Log::default();
    let start =
        |subject| Ok(Box::new(Fake { subject, results: results(subject), log: log.clone() }) as Box<dyn Program>);
    let mut peers =
        Peers::start(Box::new(start), [Subject::Candlelight, Subject::Stock, Subject::Torch], 0, Duration::ZERO)
            .expect("they start");
    let workload = WORKLOADS.iter().find(|workload| workload.name == name).expect("it is in the list");
    let row = peers.row(workload, 2).expect("a row");
    (row, log.take())
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
    assert_eq!(row["difference"], json!(0.0));
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
