//! The workloads of `cargo xtask bench --peer torch` on candlelight (`candlelight-peer candlelight`) and on stock Candle
//! (`candlelight-peer stock`); of candlelight with the feature `cuda` those of `ours` that train MLP, LeNet, ResNet-20 and LSTM also on the
//! first card (`candlelight-peer cuda`).
//!
//! Takes one JSON object a line on standard input and answers each with one line:
//!
//! | asked | answered |
//! |---|---|
//! | `{"do": "hello"}` | `{"versions": "...", "instructions": the set in use, "threads": how many}`, the last from PyTorch alone |
//! | `{"do": "prepare", "workload": NAME, "variant": _}` | `{"results": {NAME: [norm, projection]}}`, see [`shared::digest`]; null where there is no such workload |
//! | `{"do": "time", "variant": _, "steps": N, "read": _}` | `{"ms": mean of a step}`; `read` may be `each` or `end`, for the loss of each step, or of the last alone, to be read |
//! | `{"do": "drop"}` | `{}`: forgets what was prepared |
//! | `{"do": "memory", "workload": NAME, "steps": N}` | `{"mb": increase of the peak}`, null as above or where Linux's `/proc` is missing |
//!
//! and `{"error": "..."}` where it failed. `candlelight-peer plot` draws what came of it, see [`plot`]; `candlelight-peer data` prints where the
//! full Fashion-MNIST is, and with `fetch` downloads it first if need be. The layers that
//! compute are in optimised dependencies; what is here only calls them.

mod memory;
mod ours;
mod plot;
mod ranks;
mod seed;
mod shared;
mod stock;
mod task;

use std::error::Error;
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::time::Duration;

use candlelight::candle_core::cuda::gemm_reduced_precision_f32;
use candlelight::data::{FashionMnist, Places};
use candlelight::device::describe;
use candlelight::prelude::Device;
use serde_json::{Value, json};

use task::Task;

/// A result with any error: it is only ever printed.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Whose workloads this process does.
struct Side {
    /// Makes the task of a workload, if there is one of that name.
    make: fn(&str) -> Option<Result<Task>>,
    versions: String,
    instructions: fn() -> String,
}

fn ours() -> Side {
    let version = env!("CARGO_PKG_VERSION");
    let versions = match shared::device() {
        Device::Cpu => format!("candlelight {version}"),
        card => {
            let reduced = if gemm_reduced_precision_f32() { "on" } else { "off" };
            let convolutions = if cfg!(feature = "cudnn") { "cuDNN" } else { "products" };
            format!(
                "candlelight {version} on {}, convolutions by {convolutions}, TF32 of products {reduced}",
                describe(card)
            )
        }
    };
    Side { make: ours::task, versions, instructions: ours::instructions }
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [command, table, figure] = arguments.as_slice()
        && command == "plot"
    {
        return plot::plot(table.as_ref(), figure.as_ref());
    }
    if let [command, rest @ ..] = arguments.as_slice()
        && command == "data"
    {
        // Not returned: that would show the error as a struct.
        match data(rest == ["fetch"]) {
            Ok(folder) => println!("{}", folder.display()),
            Err(error) => {
                eprintln!("{error}");
                std::process::exit(1);
            }
        }
        return Ok(());
    }
    let side = match arguments.first().map(String::as_str) {
        Some("candlelight") => ours(),
        Some("cuda") => {
            if let Err(error) = shared::use_card() {
                eprintln!("candlelight: {error}");
                std::process::exit(1);
            }
            ours()
        }
        Some("stock") => {
            Side { make: stock::task, versions: "stock Candle 0.11.1".to_owned(), instructions: stock::instructions }
        }
        #[cfg(feature = "ranks")]
        Some("ranks") => {
            let mut prepared = None;
            let code = ranks::serve(|line, speaks| respond(line, &ours(), &mut prepared, speaks));
            std::process::exit(i32::from(code != std::process::ExitCode::SUCCESS));
        }
        _ => {
            return Err(
                "the first argument is `candlelight`, `cuda`, `stock`, `ranks` (a feature), `plot` or `data`".into()
            );
        }
    };
    let mut prepared = None;
    for line in std::io::stdin().lock().lines() {
        respond(&line?, &side, &mut prepared, true)?;
    }
    Ok(())
}

/// Does what a line says, and answers if this process speaks for others.
fn respond(line: &str, side: &Side, prepared: &mut Option<Task>, speaks: bool) -> Result<()> {
    let answer = match answer(&serde_json::from_str(line)?, side, prepared) {
        Ok(answer) => answer,
        Err(error) => json!({ "error": error.to_string() }),
    };
    if speaks {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

/// What went wrong at first, without what it led to.
fn innermost(error: &dyn Error) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}

/// The folder of the full Fashion-MNIST, which is downloaded if it is nowhere and that is asked for.
fn data(fetch: bool) -> Result<PathBuf> {
    let places = Places::of_this_machine()?;
    if fetch && places.find().is_none() {
        let fetched = FashionMnist::full_from(&places, &Device::Cpu);
        fetched.map_err(|error| innermost(&error))?;
    }
    let looked = || places.looked_at().iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ");
    places.find().ok_or_else(|| format!("it is in none of the folders {}", looked()).into())
}

fn answer(request: &Value, side: &Side, prepared: &mut Option<Task>) -> Result<Value> {
    let text = |key: &str| request[key].as_str().ok_or_else(|| format!("{key} is missing"));
    let steps = request["steps"].as_u64().unwrap_or(1);
    match text("do")? {
        "hello" => {
            let instructions = shared::device().is_cpu().then(side.instructions);
            Ok(json!({ "versions": side.versions, "instructions": instructions }))
        }
        "drop" => {
            *prepared = None;
            Ok(json!({}))
        }
        "prepare" => {
            *prepared = (side.make)(text("workload")?).transpose()?;
            let results = prepared.as_mut().map(Task::check).transpose()?;
            Ok(json!({ "results": results }))
        }
        "time" => {
            let task = prepared.as_mut().ok_or("nothing is prepared")?;
            let total = match request["read"].as_str() {
                Some(read) => task.time_reading(steps, read == "each")?,
                None => (0..steps).map(|_| task.time()).sum::<Result<Duration>>()?,
            };
            Ok(json!({ "ms": total.as_secs_f64() * 1e3 / steps as f64 }))
        }
        "memory" => {
            let Some(mut task) = (side.make)(text("workload")?).transpose()? else { return Ok(json!({ "mb": null })) };
            let Some(before) = memory::reset_peak() else { return Ok(json!({ "mb": null })) };
            for _ in 0..steps {
                task.time()?;
            }
            Ok(json!({ "mb": memory::peak().map(|peak| (peak - before) / 1e6) }))
        }
        other => Err(format!("there is nothing to do called {other}").into()),
    }
}
