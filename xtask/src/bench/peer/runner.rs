//! A program while a workload is measured: how many steps make a spell, which spells count, when there are enough.

use std::time::Instant;

use serde_json::json;

use crate::error::Result;

use super::processor;
use super::program::{Program, asked};
use super::row::Measured;

/// Who is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subject {
    Candlelight,
    Stock,
    /// Candlelight in one process, beside several ranks, with the batches of all of them.
    OneRank,
    Torch,
}

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

/// A subject in one of its variants, while it is measured.
pub struct Runner {
    pub subject: Subject,
    pub threads: usize,
    pub variant: &'static str,
    /// How many cores others may keep busy.
    pub allowed: f64,
    /// Which losses of a spell the program reads, if that is asked for: a card works on while nobody reads.
    pub read: Option<&'static str>,
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

/// How many steps of so many milliseconds make a spell.
fn steps(ms: f64) -> usize {
    (SPELL / ms).clamp(1.0, 1e6).round() as usize
}

impl Runner {
    /// Nothing is measured yet; so many cores are `free` for other processes.
    pub fn new(subject: Subject, threads: usize, variant: &'static str, free: usize) -> Self {
        Self { subject, threads, variant, allowed: free as f64 + QUIET, read: None, steps: 1, rounds: Vec::new() }
    }

    /// Runs for a while, and finds how many steps make a spell.
    pub fn warm_up(&mut self, program: &mut dyn Program) -> Result<()> {
        for _ in 0..3 {
            let ms = self.time(program)?;
            self.steps = steps(ms);
            if ms > SPELL {
                break;
            }
        }
        Ok(())
    }

    fn time(&self, program: &mut dyn Program) -> Result<f64> {
        let mut request = json!({ "do": "time", "variant": self.variant, "steps": self.steps });
        if let Some(read) = self.read {
            request["read"] = json!(read);
        }
        let answer = asked(program, request)?;
        answer["ms"].as_f64().ok_or_else(|| format!("no time in {answer}").into())
    }

    /// A spell, after which the length of the next is known better.
    pub fn round(&mut self, program: &mut dyn Program) -> Result<()> {
        let used = |program: &dyn Program| Some(processor::time_of_all()? - program.processor_time()?);
        let (start, before) = (Instant::now(), used(program));
        let ms = self.time(program)?;
        let elapsed = start.elapsed().as_secs_f64();
        let others = before.zip(used(program)).map(|(before, after)| ((after - before) / elapsed).max(0.0));
        self.rounds.push(Round { ms, others, spent: elapsed * 1e3 });
        self.steps = steps(ms);
        Ok(())
    }

    /// Whether it is measured again, where so many quiet rounds are wanted.
    pub fn goes_on(&self, wanted: usize) -> bool {
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
    pub fn measured(&self, wanted: usize) -> (Measured, Option<f64>) {
        let enough = if self.subject == Subject::Stock { 1 } else { ENOUGH.min(wanted) };
        let rounds: Vec<&Round> =
            if self.quiet().count() >= enough { self.quiet().collect() } else { self.rounds.iter().collect() };
        let others: Option<f64> = rounds.iter().map(|round| round.others).sum();
        let others = others.map(|sum| sum / rounds.len() as f64);
        (Measured::new(rounds.into_iter().map(|round| round.ms).collect()), others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runner(subject: Subject, rounds: &[(f64, f64)]) -> Runner {
        let round = |&(ms, others)| Round { ms, others: Some(others), spent: SPELL };
        let rounds = rounds.iter().map(round).collect();
        Runner { subject, threads: 1, variant: "plain", allowed: QUIET, read: None, steps: 1, rounds }
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
