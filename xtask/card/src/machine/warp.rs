//! What the lanes of a warp do together: shuffles, votes, sums.

use super::program::{Change, Code, Program, Step, Warp};
use super::thread::Trouble;
use crate::errors::LAUNCH_FAILED;

/// Lanes of a warp.
pub(crate) const LANES: usize = 32;
/// What a lane gets from one that takes no part: as a float, not a number.
const NOTHING: u32 = u32::MAX;

/// What a warp looks like from outside: how its lanes stand.
pub(crate) struct Lanes<'a> {
    pub(crate) program: &'a Program,
    /// Lanes that wait at a step for others.
    pub(crate) waiting: u32,
    /// Lanes that have not ended.
    pub(crate) alive: u32,
    /// The step of each.
    pub(crate) at: &'a [usize],
    /// The slots of all lanes, one after another.
    pub(crate) slots: &'a mut [u64],
}

impl Lanes<'_> {
    fn slot(&mut self, lane: usize, slot: u16) -> &mut u64 {
        let per_lane = self.program.slots;
        &mut self.slots[lane * per_lane + usize::from(slot)]
    }

    /// Carries out a step for which all lanes are there that it names; these go on. 0 if there is none.
    pub(crate) fn resolve(&mut self) -> Result<u32, Trouble> {
        let mut tried = 0u32;
        for lane in bits(self.waiting) {
            if tried >> lane & 1 == 1 {
                continue;
            }
            let at = self.at[lane];
            let step = self.program.steps[at];
            let Code::Warp { how, mask } = step.code else {
                continue;
            };
            let named = *self.slot(lane, mask) as u32;
            if named >> lane & 1 == 0 {
                let text = format!("lane {lane} is not among those that it names: {named:#x}");
                return Err(Trouble { code: LAUNCH_FAILED, text });
            }
            let wanted = named & self.alive;
            let there = bits(self.waiting & wanted)
                .filter(|&other| self.at[other] == at)
                .fold(0, |all, other| all | 1u32 << other);
            tried |= there;
            if there == wanted {
                self.together(how, &step, wanted);
                return Ok(wanted);
            }
        }
        Ok(0)
    }

    fn together(&mut self, how: Warp, step: &Step, lanes: u32) {
        let mut values = [u64::from(NOTHING); LANES];
        let mut votes = 0u32;
        for lane in bits(lanes) {
            values[lane] = *self.slot(lane, step.a);
            votes |= (values[lane] as u32 & 1) << lane;
        }
        for lane in bits(lanes) {
            let result = match how {
                Warp::Wait => continue,
                Warp::Up | Warp::Down | Warp::Butterfly | Warp::Index => {
                    let (b, c) = (*self.slot(lane, step.b) as u32, *self.slot(lane, step.c) as u32);
                    let (from, within) = source(how, lane as u32, b, c);
                    *self.slot(lane, step.e) = u64::from(within);
                    values[from as usize % LANES]
                }
                Warp::All => u64::from(votes == lanes),
                Warp::Any => u64::from(votes != 0),
                Warp::Uniform => u64::from(votes == 0 || votes == lanes),
                Warp::Ballot => u64::from(votes),
                Warp::Reduce(change) => reduce(bits(lanes).map(|lane| values[lane]), change),
                Warp::Match(width) => {
                    let same = |other: &usize| (values[*other] ^ values[lane]) << (64 - width) == 0;
                    bits(lanes).filter(same).fold(0, |all, other| all | 1u64 << other)
                }
            };
            *self.slot(lane, step.d) = result;
        }
    }
}

fn reduce(mut values: impl Iterator<Item = u64>, change: Change) -> u64 {
    let first = values.next().unwrap_or(0);
    values.fold(first, |sum, value| change(sum, value, 0))
}

/// The lane that a shuffle reads, and whether it is one of the segment (PTX ISA, "shfl.sync").
fn source(how: Warp, lane: u32, b: u32, c: u32) -> (u32, bool) {
    let (by, clamp, segment) = (b & 31, c & 31, c >> 8 & 31);
    let last = lane & segment | clamp & !segment & 31;
    let first = lane & segment;
    let (from, within) = match how {
        Warp::Up => (lane.wrapping_sub(by), lane as i32 - by as i32 >= last as i32),
        Warp::Down => (lane + by, lane + by <= last),
        Warp::Butterfly => (lane ^ by, lane ^ by <= last),
        _ => (first | by & !segment & 31, first | by & !segment & 31 <= last),
    };
    if within { (from, true) } else { (lane, false) }
}

/// The lanes of a mask.
fn bits(mut mask: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lane = mask.trailing_zeros() as usize;
        mask &= mask.wrapping_sub(1);
        (lane < LANES).then_some(lane)
    })
}
