//! One row: check, warm up, measure in turn.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::error::Result;

use super::compare::{Digests, Extent, compare};
use super::processor;
use super::program::{Program, asked, request};
use super::row::{Measured, Row};
use super::runner::{Runner, Subject};
use super::workloads::{Quantity, Workload};

/// How many rounds are tried for each that is wanted.
pub const PERSEVERANCE: usize = 4;

/// Steps in which the peak of memory is sought.
const MEMORY_STEPS: usize = 5;

/// Starts a program with so many threads.
pub type Start<'a> = Box<dyn Fn(Subject, usize) -> Result<Box<dyn Program>> + 'a>;

/// How many threads programs have, and how many cores that leaves to other processes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Threads {
    pub count: usize,
    pub free: usize,
}

/// The programs that live side by side.
pub struct Peers<'a> {
    start: Start<'a>,
    running: Vec<Running>,
    threads: Vec<Threads>,
    /// How long a workload may wait for other processes, in all.
    patience: Duration,
}

struct Running {
    subject: Subject,
    threads: usize,
    program: Box<dyn Program>,
}

impl<'a> Peers<'a> {
    /// Starts one of each subject for each number of threads, fewest first; a workload waits for other processes as long as
    /// `patience` says.
    pub fn start(start: Start<'a>, subjects: &[Subject], threads: Vec<Threads>, patience: Duration) -> Result<Self> {
        let mut running = Vec::new();
        for Threads { count, .. } in &threads {
            for &subject in subjects {
                running.push(Running { subject, threads: *count, program: start(subject, *count)? });
            }
        }
        Ok(Self { start, running, threads, patience })
    }

    /// What each says it is, and what instructions it uses.
    ///
    /// # Errors
    /// If a program has not the number of threads that it was told.
    pub fn versions(&mut self) -> Result<String> {
        let mut versions: Vec<String> = Vec::new();
        for Running { subject, threads, program } in &mut self.running {
            let said = asked(program.as_mut(), json!({ "do": "hello" }))?;
            if let Some(has) = said["threads"].as_u64().filter(|has| *has != *threads as u64) {
                return Err(format!("{subject:?} has {has} threads; it was told {threads}").into());
            }
            let version = version(&said);
            if !versions.contains(&version) {
                versions.push(version);
            }
        }
        Ok(versions.join(", "))
    }

    /// Measures a workload, with each number of threads in turn; the row is that with most threads, and holds the other. What
    /// goes wrong is in the row, and the programs are started anew.
    pub fn row(&mut self, workload: &'static Workload, rounds: usize) -> Result<Row> {
        let mut rows: Vec<Row> = self.threads.iter().map(|threads| Row::new(workload, threads.count)).collect();
        let measured = match workload.quantity {
            Quantity::Time => self.times(workload, rounds, &mut rows),
            // How many threads share the work makes no difference that is asked for.
            Quantity::Memory(of) => {
                rows.drain(..rows.len() - 1);
                rows.iter_mut().try_for_each(|row| self.memory(of, row))
            }
        };
        let mut row = rows.pop().ok_or("no number of threads")?;
        row.fewer = rows.pop().map(Box::new);
        if let Err(error) = measured {
            row.fault = Some(error.to_string());
            for Running { subject, threads, program } in &mut self.running {
                *program = (self.start)(*subject, *threads)?;
            }
        }
        Ok(row)
    }

    fn times(&mut self, workload: &'static Workload, rounds: usize, rows: &mut [Row]) -> Result<()> {
        let mut runners = Vec::new();
        for (row, threads) in rows.iter_mut().zip(self.threads.clone()) {
            runners.extend(self.prepare(workload, threads, row)?);
        }
        for runner in &mut runners {
            runner.warm_up(self.program(runner)?)?;
        }
        let deadline = Instant::now() + self.patience;
        for _ in 0..PERSEVERANCE * rounds {
            for runner in runners.iter_mut().filter(|runner| runner.goes_on(rounds)) {
                wait_for_quiet(runner.allowed, deadline);
                let program = self.program(runner)?;
                runner.round(program)?;
            }
        }
        for Running { program, .. } in &mut self.running {
            asked(program.as_mut(), json!({ "do": "drop" }))?;
        }
        for runner in runners {
            let Some(row) = rows.iter_mut().find(|row| row.threads == runner.threads) else { continue };
            let (measured, others) = runner.measured(rounds);
            row.others = row.others.into_iter().chain(others).reduce(f64::max);
            row.disturbed |= others.is_some_and(|cores| cores > runner.allowed);
            match runner.subject {
                Subject::Candlelight => row.candlelight = Some(measured),
                Subject::Stock => row.stock = Some(measured),
                Subject::OneRank => row.one_rank = Some(measured),
                Subject::Torch => row.torch.push((runner.variant, measured)),
            }
        }
        Ok(())
    }

    /// Has every program with so many threads prepare the workload, and compares what they compute with PyTorch's plain variant.
    fn prepare(&mut self, workload: &'static Workload, threads: Threads, row: &mut Row) -> Result<Vec<Runner>> {
        let mut computed = Vec::new();
        let running = self.running.iter_mut().filter(|running| running.threads == threads.count);
        for Running { subject, program, .. } in running {
            let variants = if *subject == Subject::Torch { workload.variants } else { &workload.variants[..1] };
            for variant in variants {
                let answer = asked(program.as_mut(), request("prepare", workload.name, variant, 1))
                    .map_err(|error| format!("{subject:?} {variant}: {error}"))?;
                if !answer["results"].is_null() {
                    let digests: Digests =
                        serde_json::from_value(answer["results"].clone()).map_err(|error| error.to_string())?;
                    computed.push((*subject, *variant, digests));
                }
            }
        }
        let of = |subject| computed.iter().find(|(computing, ..)| *computing == subject).map(|(.., digests)| digests);
        let reference = of(Subject::Torch).ok_or("PyTorch has no such workload")?;
        of(Subject::Candlelight).ok_or("candlelight has no such workload")?;
        // One rank normalizes all batches as one, the others each its own; what it computes is compared when it is alone.
        for (subject, variant, digests) in computed.iter().filter(|(subject, ..)| *subject != Subject::OneRank) {
            let extent = match (subject, workload.stock_fault) {
                (Subject::Stock, Some(_)) => Extent::FirstForward,
                (Subject::Stock, None) => Extent::Present,
                _ => Extent::All,
            };
            let difference = compare(digests, reference, workload.tolerance, extent)
                .map_err(|told| format!("not timed, {subject:?} {variant} computes something else: {told}"))?;
            if *subject == Subject::Candlelight {
                row.difference = Some(difference);
            }
        }
        let Threads { count: threads, free } = threads;
        let runner = |(subject, variant, _)| Runner::new(subject, threads, variant, free);
        Ok(computed.into_iter().map(runner).collect())
    }

    /// The growth of the peak, each in a program of its own.
    fn memory(&self, of: &str, row: &mut Row) -> Result<()> {
        let running = self.running.iter().filter(|running| running.threads == row.threads);
        for Running { subject, threads, .. } in running {
            let mut program = (self.start)(*subject, *threads)?;
            let answer = asked(program.as_mut(), request("memory", of, "plain", MEMORY_STEPS))?;
            let Some(mb) = answer["mb"].as_f64() else { continue };
            let measured = Measured::new(vec![mb]);
            match subject {
                Subject::Candlelight => row.candlelight = Some(measured),
                Subject::Stock => row.stock = Some(measured),
                Subject::OneRank => row.one_rank = Some(measured),
                Subject::Torch => row.torch.push(("plain", measured)),
            }
        }
        Ok(())
    }

    fn program(&mut self, runner: &Runner) -> Result<&mut dyn Program> {
        let asked_for = |running: &&mut Running| (running.subject, running.threads) == (runner.subject, runner.threads);
        let found = self.running.iter_mut().find(asked_for);
        Ok(found.ok_or("a program that was not started")?.program.as_mut())
    }
}

/// What a program says it is.
pub fn version(said: &Value) -> String {
    let version = said["versions"].as_str().unwrap_or("?");
    match said["instructions"].as_str() {
        Some(instructions) => format!("{version} ({instructions})"),
        None => version.to_owned(),
    }
}

/// Waits while others keep more cores busy than `allowed`; none of our programs works meanwhile.
pub fn wait_for_quiet(allowed: f64, deadline: Instant) {
    while Instant::now() < deadline {
        let (start, before) = (Instant::now(), processor::time_of_all());
        std::thread::sleep(Duration::from_millis(200));
        let Some((before, after)) = before.zip(processor::time_of_all()) else { return };
        if (after - before) / start.elapsed().as_secs_f64() <= allowed {
            return;
        }
        std::thread::sleep(Duration::from_millis(800));
    }
}
