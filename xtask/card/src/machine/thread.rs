//! One thread, up to where it ends or waits.

use super::access::Reach;
use super::program::{Code, Program};
use crate::errors::{ASSERT, LAUNCH_FAILED, LAUNCH_TIMEOUT};

/// Jumps that a thread may take between two waits; the longest kernels of tests take some millions.
const JUMPS: u64 = 1 << 32;

/// Why a thread stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stop {
    /// It has ended.
    Exit,
    /// It waits for its block.
    Barrier,
    /// It waits for its warp.
    Warp,
}

/// What went wrong in a thread: the driver's error, and what to tell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Trouble {
    pub(crate) code: i32,
    pub(crate) text: String,
}

/// Runs a thread from step `at`, where it stands again when it stops.
pub(crate) fn run(
    program: &Program,
    reach: &mut Reach<'_>,
    slots: &mut [u64],
    local: &mut [u8],
    at: &mut usize,
) -> Result<Stop, Trouble> {
    let mut jumps = JUMPS;
    let steps = program.steps.as_slice();
    // `at` is kept up to date where a thread can stop.
    let mut now = *at;
    loop {
        let step = &steps[now];
        let mut next = now + 1;
        match step.code {
            Code::Work(work) => work(slots, step),
            Code::Jump(to) => next = to as usize,
            Code::JumpIf(to) => {
                if slots[usize::from(step.a)] & 1 != 0 {
                    next = to as usize;
                }
            }
            Code::JumpUnless(to) => {
                if slots[usize::from(step.a)] & 1 == 0 {
                    next = to as usize;
                }
            }
            Code::JumpTable(table) => {
                *at = now;
                let chosen = slots[usize::from(step.a)] as u32 as usize;
                let target = program.tables.get(table as usize).and_then(|table| table.get(chosen));
                let text = || format!("a jump to target {chosen} of a table that has fewer");
                next = *target.ok_or_else(|| Trouble { code: LAUNCH_FAILED, text: text() })? as usize;
            }
            Code::Load { place, size, align, signed } => {
                let address = slots[usize::from(step.a)].wrapping_add(i64::from(step.offset) as u64);
                *at = now;
                let value = reach.load(local, now, place, address, size, align)?;
                let unused = 64 - u32::from(size) * 8;
                slots[usize::from(step.d)] = if signed { ((value << unused) as i64 >> unused) as u64 } else { value };
            }
            Code::Store { place, size, align } => {
                let address = slots[usize::from(step.a)].wrapping_add(i64::from(step.offset) as u64);
                *at = now;
                reach.store(local, now, place, (address, slots[usize::from(step.b)]), (size, align))?;
            }
            Code::Atomic { place, size, change } => {
                let address = slots[usize::from(step.a)].wrapping_add(i64::from(step.offset) as u64);
                *at = now;
                let before = reach.load(local, now, place, address, size, size)?;
                let after = change(before, slots[usize::from(step.b)], slots[usize::from(step.c)]);
                reach.store(local, now, place, (address, after), (size, size))?;
                slots[usize::from(step.d)] = before;
            }
            Code::Warp { .. } => {
                *at = now;
                return Ok(Stop::Warp);
            }
            Code::Barrier(_) => {
                *at = now;
                return Ok(Stop::Barrier);
            }
            Code::Assert => {
                *at = now;
                let [message, file] = [step.a, step.b].map(|slot| reach.words(slots[usize::from(slot)]));
                let text = format!("assertion `{message}` failed in line {} of {file}", slots[usize::from(step.c)]);
                return Err(Trouble { code: ASSERT, text });
            }
            Code::Trap => {
                *at = now;
                return Err(Trouble { code: LAUNCH_FAILED, text: "the kernel gave up (`trap`)".into() });
            }
            Code::Exit => return Ok(Stop::Exit),
        }
        if next <= now {
            jumps -= 1;
            if jumps == 0 {
                *at = now;
                return Err(Trouble { code: LAUNCH_TIMEOUT, text: format!("no end after {JUMPS} jumps back") });
            }
        }
        now = next;
    }
}
