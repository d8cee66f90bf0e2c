//! Candlelight beside stock Candle and PyTorch: the same workloads in three programs that live side by side and work in turn.
//!
//! Each program makes inputs and parameters by the same formula (`xtask/peer/src/shared.rs`), so nothing is handed over. A
//! workload is timed only after three steps whose results and changes of parameters agree with PyTorch's. Then rounds: every
//! program does as many steps as take some 0.3 s, one program after the other, while the others wait for a line of input.
//!
//! With `--ranks N` candlelight trains by `DataParallel` over MPI and PyTorch by `DistributedDataParallel` over gloo, each in N
//! processes; in place of stock Candle stands candlelight in one process with the threads and the batches of all.
//!
//! With `--scaling` there are two of each program, with one thread and with all, which take their turns as well; with
//! `--instructions` candlelight and PyTorch use no wider instruction set than that.
//!
//! With `--device cuda` candlelight and PyTorch train on the first card, see [`card`].

mod card;
mod compare;
mod environment;
mod instructions;
mod measure;
mod processor;
mod program;
mod report;
mod row;
mod runner;
mod scaling;
#[cfg(test)]
mod tests;
mod workloads;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::arguments::Arguments;
use crate::error::{About, Result};

use environment::Environment;
use instructions::Instructions;
use measure::{Peers, Threads};
use program::Program;
use row::Row;
use runner::Subject;
use workloads::{OF_RANKS, WORKLOADS, Workload, chosen};

/// The words of the command, taken apart.
struct Options {
    out: Option<PathBuf>,
    workloads: Vec<&'static Workload>,
    rounds: usize,
    ranks: usize,
    /// Of each program, or of each of its ranks.
    threads: usize,
    /// Whether one thread is measured too.
    scaling: bool,
    instructions: Option<Instructions>,
    stock: bool,
    /// How long a workload waits for quiet.
    patience: Duration,
}

impl Options {
    fn new(mut arguments: Arguments, cores: usize) -> Result<Self> {
        let out = arguments.value("--out")?;
        let only: Option<String> = arguments.value("--only")?;
        let rounds = arguments.value("--rounds")?.unwrap_or(9);
        let ranks = arguments.value("--ranks")?.unwrap_or(1);
        let threads = arguments.value("--threads")?.unwrap_or((cores / usize::max(ranks, 1)).max(1));
        let minutes = arguments.value("--wait")?.unwrap_or(0);
        let instructions = arguments.value("--instructions")?;
        let scaling = arguments.flag("--scaling");
        let stock = !arguments.flag("--no-stock");
        arguments.end()?;
        if rounds == 0 || threads == 0 || ranks == 0 {
            return Err("--rounds, --threads and --ranks must be at least 1".into());
        }
        if scaling && ranks > 1 {
            return Err("--scaling compares numbers of threads in one process; leave out --ranks".into());
        }
        if scaling && threads < 2 {
            return Err("--scaling compares one thread with several; this needs two cores, or --threads 2".into());
        }
        let workloads = chosen(if ranks > 1 { OF_RANKS } else { WORKLOADS }, only.as_deref())?;
        let patience = Duration::from_secs(60 * minutes);
        Ok(Self { out, workloads, rounds, ranks, threads, scaling, instructions, stock, patience })
    }

    fn subjects(&self) -> Vec<Subject> {
        let second = match self.ranks {
            1 => self.stock.then_some(Subject::Stock),
            _ => Some(Subject::OneRank),
        };
        [Some(Subject::Candlelight), second, Some(Subject::Torch)].into_iter().flatten().collect()
    }

    /// The numbers of threads that are measured, fewest first. What one thread leaves free is not left to others where it is
    /// compared with more threads, which had it for themselves: cores share caches, and units too.
    fn threads(&self, cores: usize) -> Vec<Threads> {
        match self.scaling {
            true => vec![Threads { count: 1, free: 0 }, Threads { count: self.threads, free: 0 }],
            false => vec![Threads { count: self.threads, free: cores.saturating_sub(self.threads * self.ranks) }],
        }
    }

    fn table_head(&self) -> String {
        if self.scaling { scaling::table_head(self.threads) } else { report::table_head(self.ranks) }
    }

    fn line(&self, row: &Row) -> String {
        if self.scaling { scaling::line(row) } else { row.markdown() }
    }
}

/// Measures, on the CPU or on a card.
pub fn bench(mut arguments: Arguments) -> Result<ExitCode> {
    match arguments.value::<String>("--device")?.as_deref() {
        None | Some("cpu") => on_cpu(arguments),
        Some("cuda") => card::bench(arguments),
        Some(other) => Err(format!("--device cannot be `{other}`; there are `cpu` and `cuda`").into()),
    }
}

/// Measures, prints a table as it grows, and writes `--out`, with the table beside it, and a figure if there is a time to draw.
fn on_cpu(arguments: Arguments) -> Result<ExitCode> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let options = Options::new(arguments, cores)?;
    let needs_data = options.workloads.iter().any(|workload| workload.needs_data());
    let environment = Environment::prepare(options.ranks, options.instructions, needs_data)?;
    let start = |subject, threads| -> Result<Box<dyn Program>> {
        Ok(Box::new(match subject {
            Subject::Candlelight if options.ranks > 1 => environment.ranks(threads)?,
            Subject::Candlelight => environment.rust("candlelight", threads)?,
            Subject::Stock => environment.rust("stock", threads)?,
            Subject::OneRank => environment.alone(threads)?,
            Subject::Torch => environment.torch(threads)?,
        }))
    };
    let mut peers = Peers::start(Box::new(start), &options.subjects(), options.threads(cores), options.patience)?;
    let all = options.threads;
    let threads = match (options.scaling, all) {
        (true, _) => format!("1 and {all} threads"),
        (false, 1) => "1 thread".to_owned(),
        (false, _) => format!("{all} threads"),
    };
    let head = report::head(&peers.versions()?, &threads, options.instructions, options.rounds)?;
    let table_head = options.table_head();
    println!("{head}\n{table_head}");
    let mut rows = Vec::new();
    for workload in &options.workloads {
        let row = match environment.lacks(workload) {
            Some(reason) => Row { note: Some(reason), ..Row::new(workload, all) },
            None => peers.row(workload, options.rounds)?,
        };
        println!("{}", options.line(&row));
        rows.push(row);
    }
    let notes = report::notes(&rows);
    println!("\n{notes}");
    if let Some(out) = &options.out {
        std::fs::write(out, report::json(&rows)).about(out.display())?;
        let table: String = rows.iter().map(|row| options.line(row) + "\n").collect();
        let markdown = out.with_extension("md");
        std::fs::write(&markdown, format!("{head}\n{table_head}\n{table}\n{notes}\n")).about(markdown.display())?;
        let figure = out.with_extension("svg");
        if rows.iter().any(Row::is_drawn) {
            environment.plot(out, &figure)?;
        } else if figure.exists() {
            // It would show another table.
            std::fs::remove_file(&figure).about(figure.display())?;
        }
    }
    Ok(if rows.iter().any(Row::failed) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
