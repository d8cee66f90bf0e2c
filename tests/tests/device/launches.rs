//! What a training step asks a card for, as the card in software counts it (`xtask/card`): launches, copies there and back, waits.

use std::process::Command;

use candlelight::autograd::value_and_grad;
use candlelight::optim::Adam;
use candlelight::prelude::*;
use candlelight_tests::elsewhere::device;

use super::counts::nets;

/// Steps of the shorter run: in them all is made that is kept.
const WARM: usize = 2;

/// Not a test of its own: the program that the next test runs, which takes so many steps on one of the nets and reads the last loss.
#[test]
fn child() {
    let Ok(task) = std::env::var("CANDLELIGHT_TEST_LAUNCHES") else { return };
    let (net, steps) = task.split_once(' ').expect("a net and a number of steps");
    let net = &nets(&device())[net.parse::<usize>().unwrap()];
    let mut adam = Adam::new(net.params.trainable(), AdamConfig::default()).unwrap();
    let mut last = None;
    for _ in 0..steps.parse().unwrap() {
        let (loss, gradients) = value_and_grad(&net.loss).unwrap();
        adam.step(&gradients).unwrap();
        last = Some(loss);
    }
    println!("on {}", describe(&device()));
    println!("net {} | {}", net.name, last.expect("a step").to_scalar::<f32>().unwrap());
}

/// The lines of a report: what was counted, and how often.
fn report(net: usize, steps: usize) -> (String, Vec<(String, u64)>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report");
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "launches::child", "--nocapture"])
        .env("CANDLELIGHT_TEST_LAUNCHES", format!("{net} {steps}"))
        .env("CARD_REPORT", &file)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let line = said.lines().find_map(|line| line.strip_prefix("net ")).expect("a line of the child").to_owned();
    let text = std::fs::read_to_string(file).unwrap_or_default();
    assert!(!text.is_empty() || !said.contains("a card in software"), "no report of the card in software");
    let lines = text.lines().filter_map(|line| {
        // Sums have their number behind them, kernels in front.
        let (first, second) = line.split_once(' ')?;
        let (name, number) = if first.parse::<u64>().is_ok() { (second, first) } else { (first, second) };
        Some((name.to_owned(), number.parse().ok()?))
    });
    (line, lines.collect())
}

/// The most launches of a step with Adam, without cuDNN and with it.
const MOST: [(&str, [u64; 2]); 5] = [
    ("MLP", [18, 18]),
    ("LeNet", [52, 48]),
    ("ResNet-20", [300, 215]),
    ("ResNet-20 without norm", [255, 212]),
    ("LSTM, T = 64", [300, 300]),
];

#[test]
fn what_the_library_of_convolutions_refuses_is_composed() {
    if !cfg!(feature = "cudnn") || std::env::var("CANDLELIGHT_DEVICE").as_deref() != Ok("cuda") {
        return;
    }
    for pass in ["Forward", "BackwardData", "BackwardFilter"] {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "suite::layers::convolutions_and_products", "--nocapture"])
            .env("CARD_REFUSES", format!("cudnnConvolution{pass}"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{pass}: {}{said}", String::from_utf8_lossy(&output.stdout));
        let refused = said.contains(&format!("cudnnConvolution{pass}: refused"));
        assert!(refused || !describe(&device()).contains("a card in software"), "{pass}: {said}");
    }
}

#[test]
fn a_step_launches_little_and_sends_and_reads_nothing() {
    if std::env::var("CANDLELIGHT_DEVICE").as_deref() != Ok("cuda") {
        return;
    }
    for (net, (name, launches)) in MOST.into_iter().enumerate() {
        let (_, warm) = report(net, WARM);
        let (line, longer) = report(net, WARM + 1);
        if warm.is_empty() {
            return; // a card of NVIDIA does not count
        }
        let number = |report: &[(String, u64)], of: &str| {
            report.iter().find(|(name, _)| name == of).map_or(0, |(_, number)| *number)
        };
        let launches = launches[usize::from(cfg!(feature = "cudnn"))];
        let of_step = |of: &str| number(&longer, of) - number(&warm, of);
        println!(
            "{line}: {:?}",
            longer.iter().map(|(of, _)| (of, of_step(of))).filter(|(_, n)| *n > 0).collect::<Vec<_>>()
        );
        assert!(line.starts_with(&format!("{name} | ")), "{line}");
        for (of, most) in [("launches", launches), ("uploads", 0), ("downloads", 0), ("synchronizations", 0)] {
            assert!(of_step(of) <= most, "{name}: {} {of} in a step, at most {most} expected", of_step(of));
        }
    }
}
