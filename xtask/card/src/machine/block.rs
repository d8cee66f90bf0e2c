//! The threads of a block: each runs until it waits; who has all he waits for goes on.

use super::access::Reach;
use super::program::{Barrier, Code, Program, own};
use super::thread::{Stop, Trouble, run};
use super::warp::{LANES, Lanes};
use crate::errors::LAUNCH_TIMEOUT;

/// How a thread stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Ready,
    Stopped(Stop),
}

/// The threads of one block, whose slots and local memory serve block after block.
#[derive(Debug)]
pub(crate) struct Block<'a> {
    program: &'a Program,
    /// Threads along x, y and z.
    size: [u32; 3],
    slots: Vec<u64>,
    local: Vec<u8>,
    states: Vec<State>,
    at: Vec<usize>,
}

/// What went wrong, and in which thread.
pub(crate) type Found = (Trouble, usize, usize);

impl<'a> Block<'a> {
    /// Threads that wait for each other need slots each; others use the same ones in turn.
    pub(crate) fn new(program: &'a Program, blocks: [u32; 3], size: [u32; 3], dynamic: u32) -> Self {
        let threads = size.iter().product::<u32>() as usize;
        let kept = if program.waits { threads } else { 1 };
        let mut one = vec![0; program.slots];
        for &(slot, value) in &program.constants {
            one[usize::from(slot)] = value;
        }
        for axis in 0..3 {
            one[usize::from(own::THREADS) + axis] = u64::from(size[axis]);
            one[usize::from(own::BLOCKS) + axis] = u64::from(blocks[axis]);
        }
        one[usize::from(own::DYNAMIC)] = u64::from(dynamic);
        Self {
            program,
            size,
            slots: one.repeat(kept),
            local: vec![0xff; program.local * kept],
            states: vec![State::Ready; threads],
            at: vec![0; threads],
        }
    }

    /// Runs all threads of the block at `place` among the blocks.
    pub(crate) fn run(&mut self, reach: &mut Reach<'_>, place: [u32; 3]) -> Result<(), Found> {
        let (program, threads) = (self.program, self.states.len());
        if !program.waits {
            for thread in 0..threads {
                enter(&mut self.slots, self.size, thread, place);
                let mut at = 0;
                run(program, reach, &mut self.slots, &mut self.local, &mut at)
                    .map_err(|trouble| (trouble, thread, at))?;
            }
            return Ok(());
        }
        for (thread, slots) in self.slots.chunks_exact_mut(program.slots).enumerate() {
            enter(slots, self.size, thread, place);
        }
        self.states.fill(State::Ready);
        self.at.fill(0);
        loop {
            for first in (0..threads).step_by(LANES) {
                self.warp(reach, first, (first + LANES).min(threads))?;
            }
            if self.states.iter().all(|state| *state == State::Stopped(Stop::Exit)) {
                return Ok(());
            }
            if !self.barriers() {
                return Err(self.stuck());
            }
        }
    }

    /// Runs a warp until its lanes have ended or wait for other warps.
    fn warp(&mut self, reach: &mut Reach<'_>, first: usize, last: usize) -> Result<(), Found> {
        let (slots, local) = (self.program.slots, self.program.local);
        loop {
            for thread in first..last {
                if self.states[thread] == State::Ready {
                    let (own, memory) = (thread * slots..(thread + 1) * slots, thread * local..(thread + 1) * local);
                    let at = &mut self.at[thread];
                    let stop = run(self.program, reach, &mut self.slots[own], &mut self.local[memory], at);
                    self.states[thread] = State::Stopped(stop.map_err(|trouble| (trouble, thread, self.at[thread]))?);
                }
            }
            let lanes = |holds: fn(State) -> bool| {
                (first..last)
                    .filter(|&thread| holds(self.states[thread]))
                    .fold(0u32, |all, thread| all | 1 << (thread - first))
            };
            let waiting = lanes(|state| state == State::Stopped(Stop::Warp));
            let alive = lanes(|state| state != State::Stopped(Stop::Exit));
            if waiting == 0 {
                return Ok(());
            }
            let (at, slots) = (&self.at[first..last], &mut self.slots[first * slots..last * slots]);
            let mut lanes = Lanes { program: self.program, waiting, alive, at, slots };
            let thread = first + waiting.trailing_zeros() as usize;
            let go = lanes.resolve().map_err(|trouble| (trouble, thread, self.at[thread]))?;
            if go == 0 {
                return Ok(());
            }
            for thread in first..last {
                if go >> (thread - first) & 1 == 1 {
                    self.states[thread] = State::Ready;
                    self.at[thread] += 1;
                }
            }
        }
    }

    /// Lets those go on for whose barrier enough threads are there; `false` if there are none.
    fn barriers(&mut self) -> bool {
        let slots = self.program.slots;
        let value = |all: &[u64], thread: usize, slot: u16| all[thread * slots + usize::from(slot)];
        let alive = self.states.iter().filter(|state| **state != State::Stopped(Stop::Exit)).count();
        let mut waiting: Vec<usize> =
            (0..self.states.len()).filter(|&thread| self.states[thread] == State::Stopped(Stop::Barrier)).collect();
        let mut any = false;
        while let Some(&first) = waiting.first() {
            let step = |thread: usize| self.program.steps[self.at[thread]];
            let number = value(&self.slots, first, step(first).b);
            let (here, others): (Vec<usize>, Vec<usize>) =
                waiting.iter().partition(|&&thread| value(&self.slots, thread, step(thread).b) == number);
            waiting = others;
            let needed = match value(&self.slots, first, step(first).c) as usize {
                0 => alive,
                count => count,
            };
            if here.len() < needed {
                continue;
            }
            any = true;
            let votes = here.iter().filter(|&&thread| value(&self.slots, thread, step(thread).a) & 1 == 1).count();
            for thread in here {
                let step = self.program.steps[self.at[thread]];
                let result = match step.code {
                    Code::Barrier(Barrier::And) => u64::from(votes >= needed),
                    Code::Barrier(Barrier::Or) => u64::from(votes > 0),
                    Code::Barrier(Barrier::Count) => votes as u64,
                    _ => 0,
                };
                self.slots[thread * slots + usize::from(step.d)] = result;
                self.states[thread] = State::Ready;
                self.at[thread] += 1;
            }
        }
        any
    }

    fn stuck(&self) -> Found {
        let thread = self.states.iter().position(|state| *state != State::Stopped(Stop::Exit)).unwrap_or(0);
        let text = "threads wait for others that do not come".into();
        (Trouble { code: LAUNCH_TIMEOUT, text }, thread, self.at[thread])
    }
}

/// What a thread knows of itself.
fn enter(slots: &mut [u64], size: [u32; 3], thread: usize, place: [u32; 3]) {
    let [x, y, _] = size.map(|size| size as usize);
    let mut set = |slot: u16, value: usize| slots[usize::from(slot)] = value as u64;
    set(own::CARRY, 0);
    for (slot, value) in (own::THREAD..).zip([thread % x, thread / x % y, thread / x / y]) {
        set(slot, value);
    }
    for (slot, value) in (own::BLOCK..).zip(place) {
        set(slot, value as usize);
    }
    let lane = thread % LANES;
    set(own::LANE, lane);
    set(own::WARP, thread / LANES);
    let (only, below) = (1usize << lane, (1usize << lane) - 1);
    let all = 0xffff_ffff;
    for (slot, mask) in (own::MASKS..).zip([only, below, below | only, all & !(below | only), all & !below]) {
        set(slot, mask);
    }
}
