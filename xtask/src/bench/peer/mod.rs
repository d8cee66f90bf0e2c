//! Candlelight beside stock Candle and PyTorch: the same workloads in three programs that live side by side and work in turn.
//!
//! Each program makes inputs and parameters by the same formula (`xtask/peer/src/shared.rs`), so nothing is handed over. A
//! workload is timed only after three steps whose results and changes of parameters agree with PyTorch's. Then rounds: every
//! program does as many steps as take some 0.3 s, one program after the other, while the others wait for a line of input.
//!
//! With `--ranks N` candlelight trains by `DataParallel` over MPI and PyTorch by `DistributedDataParallel` over gloo, each in N
//! processes; in place of stock Candle stands candlelight in one process with the threads and the batches of all.

mod compare;
mod environment;
mod measure;
mod processor;
mod program;
mod report;
#[cfg(test)]
mod tests;
mod workloads;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::arguments::Arguments;
use crate::error::{About, Result};

use environment::Environment;
use measure::{Peers, Subject};
use program::Program;
use report::Row;
use workloads::{OF_RANKS, WORKLOADS, Workload};

/// Measures, prints a table as it grows, and writes `--out`, with the table beside it, and a figure if there is a time to draw.
pub fn bench(mut arguments: Arguments) -> Result<ExitCode> {
    let out: Option<PathBuf> = arguments.value("--out")?;
    let only: Option<String> = arguments.value("--only")?;
    let rounds = arguments.value("--rounds")?.unwrap_or(9);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let ranks = arguments.value("--ranks")?.unwrap_or(1);
    let threads = arguments.value("--threads")?.unwrap_or((cores / usize::max(ranks, 1)).max(1));
    let minutes = arguments.value("--wait")?.unwrap_or(0);
    let stock = !arguments.flag("--no-stock");
    arguments.end()?;
    if rounds == 0 || threads == 0 || ranks == 0 {
        return Err("--rounds, --threads and --ranks must be at least 1".into());
    }
    let workloads = chosen(if ranks > 1 { OF_RANKS } else { WORKLOADS }, only.as_deref())?;

    let needs_data = workloads.iter().any(|workload| workload.needs_data());
    let environment = Environment::prepare(threads, ranks, needs_data)?;
    let start = |subject| -> Result<Box<dyn Program>> {
        Ok(Box::new(match subject {
            Subject::Candlelight if ranks > 1 => environment.ranks()?,
            Subject::Candlelight => environment.rust("candlelight")?,
            Subject::Stock => environment.rust("stock")?,
            Subject::OneRank => environment.alone()?,
            Subject::Torch => environment.torch()?,
        }))
    };
    let second = match ranks {
        1 => stock.then_some(Subject::Stock),
        _ => Some(Subject::OneRank),
    };
    let subjects = [Some(Subject::Candlelight), second, Some(Subject::Torch)];
    let free = cores.saturating_sub(threads * ranks);
    let patience = Duration::from_secs(60 * minutes);
    let mut peers = Peers::start(Box::new(start), subjects.into_iter().flatten(), free, patience)?;
    let head = report::head(&peers.versions()?, threads, rounds)?;
    let table_head = report::table_head(ranks);
    println!("{head}\n{table_head}");
    let mut rows = Vec::new();
    for workload in workloads {
        let row = match workload.needs_data() && !environment.has_data() {
            true => Row { note: Some("the full Fashion-MNIST is not on this machine".into()), ..Row::new(workload) },
            false => peers.row(workload, rounds)?,
        };
        println!("{}", row.markdown());
        rows.push(row);
    }
    let notes = report::notes(&rows);
    println!("\n{notes}");
    if let Some(out) = out {
        std::fs::write(&out, report::json(&rows)).about(out.display())?;
        let table: String = rows.iter().map(|row| row.markdown() + "\n").collect();
        let markdown = out.with_extension("md");
        std::fs::write(&markdown, format!("{head}\n{table_head}\n{table}\n{notes}\n")).about(markdown.display())?;
        let figure = out.with_extension("svg");
        if rows.iter().any(Row::is_drawn) {
            environment.plot(&out, &figure)?;
        } else if figure.exists() {
            // It would show another table.
            std::fs::remove_file(&figure).about(figure.display())?;
        }
    }
    Ok(if rows.iter().any(Row::failed) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The workloads that are named, in the order of the table.
fn chosen(workloads: &'static [Workload], only: Option<&str>) -> Result<Vec<&'static Workload>> {
    let Some(only) = only else { return Ok(workloads.iter().collect()) };
    let names: Vec<&str> = only.split(',').collect();
    if let Some(unknown) = names.iter().find(|name| workloads.iter().all(|workload| workload.name != **name)) {
        let known: Vec<&str> = workloads.iter().map(|workload| workload.name).collect();
        return Err(format!("there is no workload `{unknown}`; there are {}", known.join(", ")).into());
    }
    Ok(workloads.iter().filter(|workload| names.contains(&workload.name)).collect())
}
