//! Candlelight beside PyTorch on the first card of NVIDIA, and beside candlelight on the CPU where batches are large.
//!
//! Training steps in F32: forward pass, loss, backward pass, optimizer. Each program is timed in two ways, because a card works
//! off what it is asked for while its program goes on: with the loss of each step read, which waits for the card, and with that of
//! the last step alone. PyTorch is waited for by `torch.cuda.synchronize()` before and after what is timed; candlelight's last
//! reading waits.

mod driver;
mod environment;
mod measure;
mod table;
#[cfg(test)]
mod tests;
mod times;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;

use crate::arguments::Arguments;
use crate::error::{About, Result};

use super::measure::Threads;
use super::program::Program;
use super::report;
use super::workloads::{ON_CARD, Workload, chosen};
use environment::Environment;
use measure::Programs;
use times::Whose;

/// Cores that a program on a card keeps busy: one that asks, and another that asks for PyTorch's backward pass.
const ASKING: usize = 2;

/// The words of the command, taken apart.
struct Options {
    out: Option<PathBuf>,
    workloads: Vec<&'static Workload>,
    rounds: usize,
    /// Of each program.
    threads: usize,
    /// How long a workload waits for quiet.
    patience: Duration,
    /// Whether candlelight is compiled with cuDNN.
    cudnn: bool,
    /// Candlelight's program, where it was compiled before.
    program: Option<PathBuf>,
    /// A Python with a PyTorch that is there.
    python: Option<PathBuf>,
}

impl Options {
    fn new(mut arguments: Arguments, cores: usize) -> Result<Self> {
        for name in ["--scaling", "--no-stock"] {
            if arguments.flag(name) {
                return Err(only_on_cpu(name));
            }
        }
        for name in ["--ranks", "--instructions"] {
            if let Some(value) = arguments.value::<String>(name)? {
                return Err(only_on_cpu(&format!("{name} {value}")));
            }
        }
        let cudnn = arguments.flag("--cudnn");
        let out = arguments.value("--out")?;
        let only: Option<String> = arguments.value("--only")?;
        let rounds = arguments.value("--rounds")?.unwrap_or(9);
        let threads = arguments.value("--threads")?.unwrap_or(cores);
        let minutes = arguments.value("--wait")?.unwrap_or(0);
        let (program, python) = (arguments.value("--program")?, arguments.value("--python")?);
        arguments.end()?;
        if rounds == 0 || threads == 0 {
            return Err("--rounds and --threads must be at least 1".into());
        }
        if cudnn && program.is_some() {
            return Err("`--cudnn` says how the program is compiled, and does not go with `--program`".into());
        }
        let workloads = chosen(ON_CARD, only.as_deref())?;
        let patience = Duration::from_secs(60 * minutes);
        Ok(Self { out, workloads, rounds, threads, patience, cudnn, program, python })
    }

    /// Who is measured: candlelight on the CPU only if a workload asks for that.
    fn programs(&self) -> Vec<Whose> {
        let beside_cpu = self.workloads.iter().any(|workload| workload.beside_cpu());
        [Some(Whose::Card), Some(Whose::Torch), beside_cpu.then_some(Whose::Cpu)].into_iter().flatten().collect()
    }
}

fn only_on_cpu(given: &str) -> crate::error::Error {
    format!("`{given}` is for the CPU, and does not go with `--device cuda`").into()
}

/// Measures, prints a table as it grows, and writes `--out`, with the table beside it.
pub fn bench(arguments: Arguments) -> Result<ExitCode> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let options = Options::new(arguments, cores)?;
    let card = driver::card()?;
    println!("{}, compute capability {}", card.name, card.capability);
    let environment =
        Environment::prepare(&card, options.cudnn, options.program.as_deref(), options.python.as_deref())?;
    let start = |whose| -> Result<Box<dyn Program>> {
        Ok(Box::new(match whose {
            Whose::Card => environment.ours("cuda", options.threads)?,
            Whose::Cpu => environment.ours("candlelight", options.threads)?,
            Whose::Torch => environment.torch(options.threads)?,
        }))
    };
    let on_card = Threads { count: options.threads, free: cores.saturating_sub(ASKING) };
    let on_cpu = Threads { count: options.threads, free: cores.saturating_sub(options.threads) };
    let mut programs = Programs::start(Box::new(start), &options.programs(), [on_card, on_cpu], options.patience)?;
    let head = table::head(&report::processor(), options.threads, &programs.versions()?, options.rounds);
    println!("{head}\n{}", table::COLUMNS);
    let mut rows = Vec::new();
    for workload in &options.workloads {
        let row = programs.row(workload, options.rounds)?;
        println!("{}", table::line(&row));
        rows.push(row);
    }
    println!("\n{}", table::notes(&rows));
    if let Some(out) = &options.out {
        std::fs::write(out, format!("{:#}\n", Value::from(rows.clone()))).about(out.display())?;
        let markdown = out.with_extension("md");
        std::fs::write(&markdown, format!("{head}\n{}", table::whole(&rows))).about(markdown.display())?;
    }
    Ok(if rows.iter().any(|row| row["fault"].is_string()) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
