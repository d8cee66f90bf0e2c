//! One row: check, warm up, measure in turn.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::error::Result;

use super::super::compare::{Digests, Extent, compare};
use super::super::measure::{PERSEVERANCE, Threads, version, wait_for_quiet};
use super::super::program::{Program, asked, request};
use super::super::runner::{Runner, Subject};
use super::super::workloads::Workload;
use super::table;
use super::times::{Measurements, READINGS, Times, Whose};

/// Starts a program.
pub type Start<'a> = Box<dyn Fn(Whose) -> Result<Box<dyn Program>> + 'a>;

/// The programs that live side by side.
pub struct Programs<'a> {
    start: Start<'a>,
    running: Vec<(Whose, Box<dyn Program>)>,
    on_card: Threads,
    on_cpu: Threads,
    /// How long a workload may wait for other processes, in all.
    patience: Duration,
}

/// A program in one of its variants, while it is measured.
struct Measuring {
    whose: Whose,
    runner: Runner,
}

impl<'a> Programs<'a> {
    /// Starts them. `threads`: of those that ask a card, and of candlelight on the CPU.
    pub fn start(start: Start<'a>, all: &[Whose], threads: [Threads; 2], patience: Duration) -> Result<Self> {
        let running = all.iter().map(|&whose| Ok((whose, start(whose)?))).collect::<Result<_>>()?;
        let [on_card, on_cpu] = threads;
        Ok(Self { start, running, on_card, on_cpu, patience })
    }

    /// What each says it is.
    pub fn versions(&mut self) -> Result<Vec<String>> {
        let hello = |(_, program): &mut (Whose, Box<dyn Program>)| {
            Ok(version(&asked(program.as_mut(), json!({ "do": "hello" }))?))
        };
        self.running.iter_mut().map(hello).collect()
    }

    /// Measures a workload. What goes wrong is in the row, and the programs are started anew.
    pub fn row(&mut self, workload: &'static Workload, rounds: usize) -> Result<Value> {
        match self.measured(workload, rounds) {
            Ok(measurements) => Ok(table::row(workload, &measurements)),
            Err(error) => {
                for (whose, program) in &mut self.running {
                    *program = (self.start)(*whose)?;
                }
                Ok(table::fault(workload, &error.to_string()))
            }
        }
    }

    fn measured(&mut self, workload: &'static Workload, rounds: usize) -> Result<Measurements> {
        let (mut all, difference) = self.prepare(workload)?;
        for Measuring { whose, runner } in &mut all {
            runner.warm_up(self.program(*whose)?)?;
        }
        let deadline = Instant::now() + self.patience;
        for _ in 0..PERSEVERANCE * rounds {
            for Measuring { whose, runner } in all.iter_mut().filter(|measuring| measuring.runner.goes_on(rounds)) {
                wait_for_quiet(runner.allowed, deadline);
                runner.round(self.program(*whose)?)?;
            }
        }
        for (_, program) in &mut self.running {
            asked(program.as_mut(), json!({ "do": "drop" }))?;
        }
        let (mut times, mut most, mut disturbed) = (Vec::new(), None::<f64>, false);
        for Measuring { whose, runner } in all {
            let (measured, others) = runner.measured(rounds);
            most = most.into_iter().chain(others).reduce(f64::max);
            disturbed |= others.is_some_and(|cores| cores > runner.allowed);
            times.push(Times { whose, variant: runner.variant, read: runner.read.unwrap_or_default(), measured });
        }
        Ok(Measurements { times, difference, others: most, disturbed })
    }

    /// Has every program prepare the workload, and compares what they compute with PyTorch's plain variant.
    fn prepare(&mut self, workload: &'static Workload) -> Result<(Vec<Measuring>, f64)> {
        let mut computed = Vec::new();
        for (whose, program) in &mut self.running {
            let variants = match whose {
                Whose::Card => &workload.variants[..1],
                Whose::Torch => workload.variants,
                Whose::Cpu if workload.beside_cpu() => &workload.variants[..1],
                Whose::Cpu => &[],
            };
            for variant in variants {
                let answer = asked(program.as_mut(), request("prepare", workload.name, variant, 1))
                    .map_err(|error| format!("{whose:?} {variant}: {error}"))?;
                if answer["results"].is_null() {
                    return Err(format!("{whose:?} has no such workload").into());
                }
                let digests: Digests =
                    serde_json::from_value(answer["results"].clone()).map_err(|error| error.to_string())?;
                computed.push((*whose, *variant, digests));
            }
        }
        let of_torch = computed.iter().find(|(whose, ..)| *whose == Whose::Torch);
        let (_, _, reference) = of_torch.ok_or("PyTorch has no such workload")?;
        let mut difference = 0.0;
        for (whose, variant, digests) in &computed {
            let found = compare(digests, reference, workload.tolerance, Extent::All)
                .map_err(|told| format!("not timed, {whose:?} {variant} computes something else: {told}"))?;
            if *whose == Whose::Card {
                difference = found;
            }
        }
        let all = computed.iter().flat_map(|(whose, variant, _)| {
            // The CPU has done its work before the next step begins, whether its loss is read or not.
            let readings = if *whose == Whose::Cpu { &READINGS[..1] } else { &READINGS[..] };
            readings.iter().map(|read| self.measuring(*whose, variant, read))
        });
        Ok((all.collect(), difference))
    }

    fn measuring(&self, whose: Whose, variant: &'static str, read: &'static str) -> Measuring {
        let subject = if whose == Whose::Torch { Subject::Torch } else { Subject::Candlelight };
        let Threads { count, free } = if whose == Whose::Cpu { self.on_cpu } else { self.on_card };
        let mut runner = Runner::new(subject, count, variant, free);
        runner.read = Some(read);
        Measuring { whose, runner }
    }

    fn program(&mut self, whose: Whose) -> Result<&mut dyn Program> {
        let found = self.running.iter_mut().find(|(running, _)| *running == whose);
        Ok(found.ok_or("a program that was not started")?.1.as_mut())
    }
}
