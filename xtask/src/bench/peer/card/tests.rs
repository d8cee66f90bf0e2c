//! The harness for cards, with programs that only pretend and drivers that are not there.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::arguments::Arguments;
use crate::error::Result;
use crate::{paths, process};

use super::super::measure::Threads;
use super::super::program::Program;
use super::super::workloads::{ON_CARD, WORKLOADS, Workload};
use super::measure::Programs;
use super::times::Whose;
use super::{Options, driver, table};

/// What was asked of whom.
type Log = Rc<RefCell<Vec<String>>>;

struct Fake {
    whose: Whose,
    results: Value,
    ms: f64,
    log: Log,
}

impl Program for Fake {
    fn ask(&mut self, request: Value) -> Result<Value> {
        let word = |key: &str| request[key].as_str().unwrap_or_default().to_owned();
        let told = [format!("{:?}", self.whose), word("do"), word("variant"), word("read")].join(" ");
        self.log.borrow_mut().push(told.trim().to_owned());
        let ms = self.ms * if word("read") == "end" { 0.5 } else { 1.0 }
            - if word("variant") == "fused" { 10.0 } else { 0.0 };
        Ok(match &*word("do") {
            "prepare" => json!({ "results": self.results }),
            "time" => json!({ "ms": ms }),
            "hello" => json!({ "versions": format!("{:?}", self.whose) }),
            _ => json!({}),
        })
    }
}

fn workload(name: &str) -> &'static Workload {
    ON_CARD.iter().find(|workload| workload.name == name).expect("it is in the list")
}

fn right(_: Whose) -> Value {
    json!({ "loss, step 1": [2.3, -1.1], "change of fc1.weight, step 1": [0.5, 0.1] })
}

/// Measures a workload, for two rounds, with programs that return these results and take so long.
fn row(name: &str, results: impl Fn(Whose) -> Value, ms: impl Fn(Whose) -> f64) -> (Value, Vec<String>) {
    let log = Log::default();
    let start = |whose| {
        Ok(Box::new(Fake { whose, results: results(whose), ms: ms(whose), log: log.clone() }) as Box<dyn Program>)
    };
    let threads = Threads { count: 2, free: 0 };
    let all = [Whose::Card, Whose::Torch, Whose::Cpu];
    let mut programs = Programs::start(Box::new(start), &all, [threads; 2], Duration::ZERO).expect("they start");
    let row = programs.row(workload(name), 2).expect("a row");
    drop(programs);
    (row, log.take())
}

fn times(whose: Whose) -> f64 {
    match whose {
        Whose::Card => 100.0,
        Whose::Torch => 90.0,
        Whose::Cpu => 150.0,
    }
}

#[test]
fn both_readings_are_timed_in_turn_and_the_cpu_with_large_batches() {
    let (row, log) = row("lenet_sgd_1024", right, times);
    let round = [
        "Card time plain each",
        "Card time plain end",
        "Torch time plain each",
        "Torch time plain end",
        "Torch time fused each",
        "Torch time fused end",
        "Cpu time plain each",
    ];
    let drops = log.iter().position(|line| line.ends_with("drop")).expect("they are told to forget");
    assert_eq!(log[drops - 14..drops], [round, round].concat());
    let of = |read: &str| &row[read];
    assert_eq!((&of("read_each")["candlelight_ms"], &of("read_each")["pytorch_ms"]), (&json!(100.0), &json!(80.0)));
    assert_eq!((&of("read_end")["candlelight_ms"], &of("read_end")["pytorch_ms"]), (&json!(50.0), &json!(35.0)));
    assert_eq!((&of("read_each")["ratio"], &of("read_end")["ratio"]), (&json!(0.8), &json!(0.7)));
    assert_eq!((&row["candlelight_cpu_ms"], &row["cpu_ratio"]), (&json!(150.0), &json!(1.5)));
    assert_eq!((&row["aim"], &row["reached"]), (&json!(0.7), &json!(true)));

    let (row, log) = self::row("lenet_sgd", right, times);
    assert!(row.get("cpu_ratio").is_none() && log.iter().all(|line| !line.starts_with("Cpu p")), "{log:?}");
    assert_eq!(row["reached"], true);
}

#[test]
fn the_aim_is_for_both_readings_and_for_the_cpu() {
    let slower_at_the_end = |whose| if whose == Whose::Card { 101.0 } else { times(whose) };
    let (row, _) = row("lenet_sgd", right, slower_at_the_end);
    assert!(row["read_each"]["ratio"].as_f64() > Some(0.7) && row["read_end"]["ratio"].as_f64() < Some(0.7));
    assert_eq!(row["reached"], false);
    assert!(table::line(&row).ends_with("| below |"), "{}", table::line(&row));

    let quick_cpu = |whose| if whose == Whose::Cpu { 99.0 } else { times(whose) };
    let (row, _) = self::row("lenet_sgd_1024", right, quick_cpu);
    assert_eq!(row["reached"], false);
    assert!(table::line(&row).ends_with("| below the CPU |"), "{}", table::line(&row));
}

#[test]
fn what_computes_something_else_is_not_timed() {
    for culprit in [Whose::Card, Whose::Cpu] {
        let planted = |whose| match whose == culprit {
            true => json!({ "loss, step 1": [2.3, -1.1], "change of fc1.weight, step 1": [0.5, 0.101] }),
            false => right(whose),
        };
        let (row, log) = row("mlp_sgd_1024", planted, times);
        assert!(log.iter().all(|line| !line.contains("time")), "{log:?}");
        let fault = row["fault"].as_str().expect("a sentence");
        assert!(fault.contains(&format!("{culprit:?}")) && fault.contains("fc1.weight"), "{fault}");
    }
    let (row, _) = row("mlp_sgd", |whose| if whose == Whose::Card { Value::Null } else { right(whose) }, times);
    assert_eq!(row["fault"], "Card has no such workload");
}

#[test]
fn the_table_is_made_of_the_rows_that_were_written() {
    let rows: Vec<Value> = serde_json::from_str(include_str!("rows.json")).expect("a list of rows");
    let names: Vec<&str> = rows.iter().filter_map(|row| row["workload"].as_str()).collect();
    assert_eq!(names, ["mlp_adam", "resnet20_sgd", "lstm_sgd", "lenet_sgd", "mlp_sgd_1024", "lstm_sgd_1024"]);
    let made = table::whole(&rows);
    assert_eq!(made, include_str!("rows.md"));
    let columns: Vec<usize> =
        made.lines().take_while(|line| !line.is_empty()).map(|line| line.matches('|').count()).collect();
    assert_eq!(columns, [12; 8]);
}

#[test]
fn the_head_names_the_programs_as_they_name_themselves() {
    let programs =
        ["candlelight on a card, TF32 of products off", "PyTorch on it, TF32 of cuDNN off"].map(str::to_owned);
    let head = table::head("A processor, 2 cores", 2, &programs, 9);
    let told = "A processor, 2 cores; 2 threads a program. candlelight on a card, TF32 of products off; PyTorch on it, TF32 of \
                cuDNN off.\n";
    assert!(head.starts_with(told), "{head}");
}

fn options(words: &str) -> Result<Options> {
    Options::new(Arguments::new(words.split_whitespace().map(str::to_owned)), 16)
}

#[test]
fn options_are_taken_and_what_is_for_the_cpu_is_told() {
    let plain = options("").expect("the defaults");
    assert_eq!((plain.rounds, plain.threads, plain.workloads.len()), (9, 16, ON_CARD.len()));
    assert_eq!(plain.programs(), [Whose::Card, Whose::Torch, Whose::Cpu]);
    assert_eq!((plain.cudnn, plain.program.or(plain.python)), (false, None));
    assert!(options("--cudnn").expect("cuDNN").cudnn);
    let few = options("--only mlp_sgd,lstm_sgd --rounds 3 --program a --python b").expect("all of them");
    assert_eq!(few.programs(), [Whose::Card, Whose::Torch], "no batch is large");
    assert_eq!((few.program.as_deref(), few.python.as_deref()), (Some(Path::new("a")), Some(Path::new("b"))));
    for (words, told) in [
        ("--scaling", "`--scaling` is for the CPU, and does not go with `--device cuda`"),
        ("--no-stock", "`--no-stock` is for the CPU"),
        ("--ranks 2", "`--ranks 2` is for the CPU"),
        ("--instructions avx2", "`--instructions avx2` is for the CPU"),
        ("--cudnn --program a", "does not go with `--program`"),
        ("--rounds 0", "at least 1"),
        ("--rounds many", "--rounds cannot be `many`"),
        ("--only gru_sgd", "there is no workload `gru_sgd`"),
        ("--speed", "`--speed`"),
    ] {
        let error = options(words).err().map(|error| error.to_string());
        assert!(error.as_ref().is_some_and(|error| error.contains(told)), "{words}: {error:?}");
    }
}

#[test]
fn the_device_is_the_cpu_or_cuda() {
    let words = ["--device", "tpu"].map(str::to_owned);
    let error =
        super::super::bench(Arguments::new(words.into_iter())).expect_err("a device that there is not").to_string();
    assert_eq!(error, "--device cannot be `tpu`; there are `cpu` and `cuda`");
}

#[test]
fn a_card_has_the_workloads_of_the_cpu_and_the_same_in_large_batches() {
    for workload in ON_CARD {
        let name = workload.name.strip_suffix("_1024").unwrap_or(workload.name);
        assert!(WORKLOADS.iter().any(|of_cpu| of_cpu.name == name), "{name}");
        assert_eq!(workload.beside_cpu(), name != workload.name);
    }
}

#[test]
fn without_a_driver_the_loader_is_quoted() {
    let error = driver::ask("libno-such-driver.so.1").expect_err("there is no driver of that name").to_string();
    let told = "`--device cuda` needs a card of NVIDIA with its driver, and none works here: libno-such-driver.so.1";
    assert!(error.starts_with(told) && !error.contains('\n'), "{error}");
}

#[test]
fn a_driver_without_a_card_is_quoted_and_a_card_is_named() {
    const CARD: &str = "
        #include <string.h>
        int cuInit(unsigned flags) { return (int)flags; }
        int cuDeviceGetCount(int *count) { *count = CARDS; return 0; }
        int cuDeviceGet(int *card, int number) { *card = 7 + number; return 0; }
        int cuDeviceGetName(char *name, int room, int card) { strncpy(name, card == 7 ? \"Card 7\" : \"?\", room); return 0; }
        int cuDeviceGetAttribute(int *value, int which, int card) { *value = which == 75 ? 8 : card - 1; return 0; }
    ";
    /// As a driver says it at its start.
    const NO_DEVICE: &str = "
        int cuInit(unsigned flags) { return (int)flags + 100; }
        int cuGetErrorString(int error, const char **text) { *text = \"no CUDA-capable device is detected\"; return error != 100; }
    ";
    let folder = std::env::temp_dir().join(format!("candlelight-card-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let source = folder.join("card.c");
    std::fs::write(&source, CARD).unwrap();
    let compiled = |name: &str, source: &Path, cards: usize| {
        let library = folder.join(name);
        let mut cc = process::command("cc");
        cc.args(["-shared", "-fPIC", &format!("-DCARDS={cards}"), "-o"]).arg(&library).arg(source);
        process::output(&mut cc).unwrap();
        library.display().to_string()
    };
    let without = folder.join("without.c");
    std::fs::write(&without, NO_DEVICE).unwrap();
    let stand_in = compiled("without.so", &without, 0);
    let said = |library: &str| driver::ask(library).map_err(|error| error.to_string());
    let none = said(&stand_in).unwrap_err();
    assert!(none.ends_with("none works here: no CUDA-capable device is detected"), "{none}");
    let none = said(&compiled("none.so", &source, 0)).unwrap_err();
    assert!(none.ends_with("none works here: the driver sees no card"), "{none}");
    let card = said(&compiled("card.so", &source, 1)).unwrap();
    assert_eq!(card, driver::Card { name: "Card 7".into(), capability: "86".into() });
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn pytorch_is_of_one_version_on_cpu_and_card() {
    let of = |name: &str| {
        let text = std::fs::read_to_string(paths::root().join("xtask/peer/python").join(name)).expect("requirements");
        text.lines().filter(|line| line.contains("==")).map(str::to_owned).collect::<Vec<_>>()
    };
    let (cpu, card) = (of("requirements.txt"), of("requirements-cuda.txt"));
    assert_eq!(card.len(), 2);
    assert!(card.iter().all(|pin| cpu.contains(pin)), "{card:?} {cpu:?}");
}
