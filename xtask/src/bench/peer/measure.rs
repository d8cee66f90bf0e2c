//! One row: check, warm up, measure in turn.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::error::Result;

use super::compare::{Digests, Extent, compare};
use super::processor;
use super::program::{Program, request};
use super::report::{Measured, Row};
use super::workloads::{Quantity, Workload};

/// How long the steps between two changes of program take, in milliseconds.
const SPELL: f64 = 300.0;

/// How long a program is measured at most, in milliseconds; four times that until it has had [`ENOUGH`] quiet rounds.
const BUDGET: f64 = 12_000.0;

/// Rounds that the budget leaves to a slow program; stock Candle, which nothing is held against, gets one.
const ENOUGH: usize = 3;

/// How many cores other processes may keep busy in a round that counts, beside those that the program leaves free.
/// PyTorch's threads wait for one another by spinning: one busy neighbour makes its small steps ten times slower, and
/// candlelight's hardly.
const QUIET: f64 = 0.1;

/// How many rounds are tried for each that is wanted.
const PERSEVERANCE: usize = 4;

/// Steps in which the peak of memory is sought.
const MEMORY_STEPS: usize = 5;

/// Who is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subject {
    Candlelight,
    Stock,
    /// Candlelight in one process, beside several ranks, with the batches of all of them.
    OneRank,
    Torch,
}

/// Starts a program.
pub type Start<'a> = Box<dyn Fn(Subject) -> Result<Box<dyn Program>> + 'a>;

/// The programs that live side by side.
pub struct Peers<'a> {
    start: Start<'a>,
    running: Vec<(Subject, Box<dyn Program>)>,
    /// How many cores others may keep busy.
    allowed: f64,
    /// How long a workload may wait for them, in all.
    patience: Duration,
}

/// A subject in one of its variants, while it is measured.
struct Runner {
    subject: Subject,
    variant: &'static str,
    allowed: f64,
    steps: usize,
    rounds: Vec<Round>,
}

/// A spell of one program.
#[derive(Clone, Copy)]
struct Round {
    /// Milliseconds a step.
    ms: f64,
    /// Cores that others kept busy meanwhile.
    others: Option<f64>,
    /// Milliseconds in all.
    spent: f64,
}

impl<'a> Peers<'a> {
    /// Starts one of each; `free` cores are left to other processes, and a workload waits for those as long as
    /// `patience` says.
    pub fn start(
        start: Start<'a>,
        subjects: impl IntoIterator<Item = Subject>,
        free: usize,
        patience: Duration,
    ) -> Result<Self> {
        let mut running = Vec::new();
        for subject in subjects {
            running.push((subject, start(subject)?));
        }
        Ok(Self { start, running, allowed: free as f64 + QUIET, patience })
    }

    /// What each says it is.
    pub fn versions(&mut self) -> Result<String> {
        let mut versions = Vec::new();
        for (_, program) in &mut self.running {
            let said = asked(program.as_mut(), json!({ "do": "hello" }))?;
            versions.push(said["versions"].as_str().unwrap_or("?").to_owned());
        }
        Ok(versions.join(", "))
    }

    /// Measures a workload. What goes wrong is in the row, and the programs are started anew.
    pub fn row(&mut self, workload: &'static Workload, rounds: usize) -> Result<Row> {
        let mut row = Row::new(workload);
        let measured = match workload.quantity {
            Quantity::Time => self.times(workload, rounds, &mut row),
            Quantity::Memory(of) => self.memory(of, &mut row),
        };
        if let Err(error) = measured {
            row.fault = Some(error.to_string());
            for (subject, program) in &mut self.running {
                *program = (self.start)(*subject)?;
            }
        }
        Ok(row)
    }

    fn times(&mut self, workload: &'static Workload, rounds: usize, row: &mut Row) -> Result<()> {
        let mut runners = self.prepare(workload, row)?;
        for runner in &mut runners {
            self.warm_up(runner)?;
        }
        let deadline = Instant::now() + self.patience;
        for _ in 0..PERSEVERANCE * rounds {
            for runner in runners.iter_mut().filter(|runner| runner.goes_on(rounds)) {
                self.wait_for_quiet(deadline);
                let program = self.program(runner.subject)?;
                runner.round(program)?;
            }
        }
        for (_, program) in &mut self.running {
            asked(program.as_mut(), json!({ "do": "drop" }))?;
        }
        for runner in runners {
            let (measured, others) = runner.measured(rounds);
            row.others = row.others.into_iter().chain(others).reduce(f64::max);
            row.disturbed |= others.is_some_and(|cores| cores > self.allowed);
            match runner.subject {
                Subject::Candlelight => row.candlelight = Some(measured),
                Subject::Stock => row.stock = Some(measured),
                Subject::OneRank => row.one_rank = Some(measured),
                Subject::Torch => row.torch.push((runner.variant, measured)),
            }
        }
        Ok(())
    }

    /// Has every program prepare the workload, and compares what they compute with PyTorch's plain variant.
    fn prepare(&mut self, workload: &'static Workload, row: &mut Row) -> Result<Vec<Runner>> {
        let mut computed = Vec::new();
        for (subject, program) in &mut self.running {
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
        let allowed = self.allowed;
        let runner = |(subject, variant, _)| Runner { subject, variant, allowed, steps: 1, rounds: vec![] };
        Ok(computed.into_iter().map(runner).collect())
    }

    /// Waits while others keep more cores busy than they may; none of our programs works meanwhile.
    fn wait_for_quiet(&self, deadline: Instant) {
        while Instant::now() < deadline {
            let (start, before) = (Instant::now(), processor::time_of_all());
            std::thread::sleep(Duration::from_millis(200));
            let Some((before, after)) = before.zip(processor::time_of_all()) else { return };
            if (after - before) / start.elapsed().as_secs_f64() <= self.allowed {
                return;
            }
            std::thread::sleep(Duration::from_millis(800));
        }
    }

    /// Runs for a while, and finds how many steps make a spell.
    fn warm_up(&mut self, runner: &mut Runner) -> Result<()> {
        let program = self.program(runner.subject)?;
        for _ in 0..3 {
            let ms = runner.time(program)?;
            runner.steps = steps(ms);
            if ms > SPELL {
                break;
            }
        }
        Ok(())
    }

    /// The growth of the peak, each in a program of its own.
    fn memory(&mut self, of: &str, row: &mut Row) -> Result<()> {
        let subjects: Vec<Subject> = self.running.iter().map(|(subject, _)| *subject).collect();
        for subject in subjects {
            let mut program = (self.start)(subject)?;
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

    fn program(&mut self, subject: Subject) -> Result<&mut dyn Program> {
        let found = self.running.iter_mut().find(|(running, _)| *running == subject);
        Ok(found.ok_or("a program that was not started")?.1.as_mut())
    }
}

/// How many steps of so many milliseconds make a spell.
fn steps(ms: f64) -> usize {
    (SPELL / ms).clamp(1.0, 1e6).round() as usize
}

impl Runner {
    fn time(&self, program: &mut dyn Program) -> Result<f64> {
        let answer = asked(program, json!({ "do": "time", "variant": self.variant, "steps": self.steps }))?;
        answer["ms"].as_f64().ok_or_else(|| format!("no time in {answer}").into())
    }

    /// A spell, after which the length of the next is known better.
    fn round(&mut self, program: &mut dyn Program) -> Result<()> {
        let used = |program: &dyn Program| Some(processor::time_of_all()? - program.processor_time()?);
        let (start, before) = (Instant::now(), used(program));
        let ms = self.time(program)?;
        let elapsed = start.elapsed().as_secs_f64();
        let others = before.zip(used(program)).map(|(before, after)| ((after - before) / elapsed).max(0.0));
        self.rounds.push(Round { ms, others, spent: elapsed * 1e3 });
        self.steps = steps(ms);
        Ok(())
    }

    fn goes_on(&self, wanted: usize) -> bool {
        let enough = if self.subject == Subject::Stock { 1 } else { ENOUGH };
        let spent: f64 = self.rounds.iter().map(|round| round.spent).sum();
        let quiet = self.quiet().count();
        quiet < wanted && spent < if quiet < enough { 4.0 * BUDGET } else { BUDGET }
    }

    fn quiet(&self) -> impl Iterator<Item = &Round> {
        // The clock of processor times ticks every 10 ms, so a short spell cannot tell.
        let quiet = |round: &&Round| match round.others {
            None => true,
            Some(cores) => cores <= self.allowed && round.spent >= SPELL / 3.0,
        };
        self.rounds.iter().filter(quiet)
    }

    /// The quiet rounds, if there are enough, else all; and how busy others were in them on average.
    fn measured(&self, wanted: usize) -> (Measured, Option<f64>) {
        let enough = if self.subject == Subject::Stock { 1 } else { ENOUGH.min(wanted) };
        let rounds: Vec<&Round> =
            if self.quiet().count() >= enough { self.quiet().collect() } else { self.rounds.iter().collect() };
        let others: Option<f64> = rounds.iter().map(|round| round.others).sum();
        let others = others.map(|sum| sum / rounds.len() as f64);
        (Measured::new(rounds.into_iter().map(|round| round.ms).collect()), others)
    }
}

/// The answer, unless it is an error.
fn asked(program: &mut dyn Program, request: Value) -> Result<Value> {
    let answer = program.ask(request)?;
    match answer["error"].as_str() {
        Some(error) => Err(error.to_owned().into()),
        None => Ok(answer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runner(subject: Subject, rounds: &[(f64, f64)]) -> Runner {
        let round = |&(ms, others)| Round { ms, others: Some(others), spent: SPELL };
        let rounds = rounds.iter().map(round).collect();
        Runner { subject, variant: "plain", allowed: QUIET, steps: 1, rounds }
    }

    #[test]
    fn rounds_that_others_disturbed_do_not_count_and_are_made_up_for() {
        let few = runner(Subject::Torch, &[(1.0, 0.0), (90.0, 0.8), (2.0, 0.05), (80.0, 1.0), (3.0, 0.1)]);
        assert!(few.goes_on(5), "three of five are quiet");
        assert!(!few.goes_on(3));
        let (measured, others) = few.measured(5);
        assert_eq!(measured, Measured::new(vec![1.0, 2.0, 3.0]));
        assert!(others.expect("known") <= QUIET);
    }

    #[test]
    fn without_enough_quiet_all_rounds_count_and_it_is_told() {
        let (measured, others) = runner(Subject::Torch, &[(1.0, 0.0), (90.0, 0.8), (80.0, 1.0)]).measured(9);
        assert_eq!(measured, Measured::new(vec![1.0, 80.0, 90.0]));
        assert!(others.expect("known") > QUIET);
    }

    #[test]
    fn a_slow_program_gets_fewer_rounds() {
        let slow = |subject, rounds: usize| {
            let mut runner = runner(subject, &vec![(BUDGET, 0.0); rounds]);
            runner.rounds.iter_mut().for_each(|round| round.spent = BUDGET);
            runner.goes_on(9)
        };
        assert!(slow(Subject::Torch, 2) && !slow(Subject::Torch, 3));
        assert!(!slow(Subject::Stock, 1));
    }
}
