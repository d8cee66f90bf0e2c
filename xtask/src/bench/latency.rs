//! What a reader of a notebook waits for.

use std::io::Write;
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use super::median;
use crate::arguments::Arguments;
use crate::error::{About, Result};
use crate::{evcxr, paths, process, python, setup};

/// How many kernels are started; the medians are reported.
const KERNELS: usize = 5;

/// What every notebook begins with.
const HEAD: &str =
    "// The crate of the course.\n:dep candlelight = { path = \"../crate\" }\nuse candlelight::prelude::*;";

/// The first `let`, for which the analyzer has to find a type of Candle.
const FIRST_LET: &str = "let a = Tensor::new(&[1f32, 2., 3.], &Device::Cpu)?;";

/// Cells as they are in the chapters: values, functions, tensors, gradients, a figure.
const SCRIPT: [&str; 20] = [
    "let n = 100;",
    "let xs: Vec<f64> = (0..n).map(|i| i as f64 / 10.0).collect();",
    "fn square(x: f64) -> f64 { x * x }",
    "let ys: Vec<f64> = xs.iter().map(|&x| square(x)).collect();",
    "println!(\"{:.2}\", ys.iter().sum::<f64>());",
    "let b = a.sqr()?;",
    "let c = (&a + &b)?;",
    "println!(\"{:?}\", c.to_vec1::<f32>()?);",
    "let w = Var::new(2f64, &Device::Cpu)?;",
    "let loss = (w.sqr()? * 3.0)?;",
    "let gradients = loss.backward()?;",
    "assert_eq!(gradients.get(&w).expect(\"a gradient\").to_scalar::<f64>()?, 12.0);",
    "let mut rng = seeded(0);",
    "let noise = candlelight::rng::normal(&mut rng, 0.0, 1.0, (4, 4), DType::F32, &Device::Cpu)?;",
    "let product = noise.matmul(&noise.t()?)?;",
    "let p = softmax(&noise, D::Minus1)?;",
    "let params = Params::new(0, &Device::Cpu)?;",
    "let model = linear(4, 2, params.pp(\"fc\"))?;",
    "let output = model.forward(&noise, Mode::Eval)?;",
    "use candlelight::plot::{Figure, Panel};\nFigure::new().panel(Panel::new(\"x squared\").line(\"\", &xs, &ys))",
];

/// Measures, prints a table, and writes it as JSON to `--out`.
pub fn bench(mut arguments: Arguments) -> Result<ExitCode> {
    let out: Option<PathBuf> = arguments.value("--out")?;
    arguments.end()?;
    let start = Instant::now();
    setup::setup()?;
    let set_up = start.elapsed().as_secs_f64();

    let (mut starts, mut deps, mut lets, mut cells, mut floors) = (vec![], vec![], vec![], vec![], vec![]);
    for round in 1..=KERNELS {
        println!("kernel {round} of {KERNELS}");
        floors.push(floor()?);
        let times = kernel_times()?;
        let seconds = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
        starts.push(seconds(&times["start"]));
        let all: Vec<f64> = times["cells"].as_array().into_iter().flatten().map(seconds).collect();
        deps.push(all[0]);
        lets.push(all[1]);
        cells.extend_from_slice(&all[2..]);
    }
    let floor = median(&mut floors);
    let to_first_value =
        median(&mut starts.iter().zip(&deps).zip(&lets).map(|((a, b), c)| a + b + c).collect::<Vec<_>>());
    let rows = [
        ("set-up, when everything is there", set_up),
        ("kernel start, until it answers", median(&mut starts)),
        ("first cell, until the crate is loaded", median(&mut deps)),
        ("first `let` of a tensor", median(&mut lets)),
        ("from start to the first value", to_first_value),
        ("median cell of 20", median(&mut cells)),
        ("slowest cell of 20", cells.iter().copied().fold(0.0, f64::max)),
        ("floor: rustc compiles and links an empty cdylib", floor),
    ];
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    println!("\n{:width$}  seconds  ÷ floor", "");
    for (name, seconds) in &rows {
        println!("{name:width$}  {seconds:7.2}  {:7.1}", seconds / floor);
    }
    if let Some(out) = out {
        let rows: Vec<Value> = rows
            .iter()
            .map(|(name, seconds)| json!({ "what": name, "seconds": seconds, "ratio": seconds / floor }))
            .collect();
        std::fs::write(&out, format!("{:#}\n", json!(rows))).about(out.display())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn kernel_times() -> Result<Value> {
    let mut python = python::python();
    python.arg(paths::script("latency.py")).arg(paths::launcher());
    python.arg(paths::root().join("notebooks")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = python.spawn().about("cannot start Python")?;
    let cells: Vec<&str> = [HEAD, FIRST_LET].into_iter().chain(SCRIPT).collect();
    if let Some(mut input) = child.stdin.take() {
        input.write_all(json!(cells).to_string().as_bytes()).about("latency.py")?;
    }
    let output = child.wait_with_output().about("latency.py")?;
    if !output.status.success() {
        return Err("latency.py failed; what it said stands above".into());
    }
    serde_json::from_slice(&output.stdout).about("latency.py")
}

/// The least that any cell costs: the compiler and the linker on nothing.
fn floor() -> Result<f64> {
    let folder = paths::lab().join("floor");
    std::fs::create_dir_all(&folder).about(folder.display())?;
    std::fs::write(folder.join("empty.rs"), "").about(folder.display())?;
    let mut rustc = process::command("rustc");
    rustc.current_dir(&folder).args(["--crate-type", "cdylib", evcxr::PREFER_DYNAMIC, "empty.rs"]);
    let start = Instant::now();
    process::output(&mut rustc)?;
    Ok(start.elapsed().as_secs_f64())
}
