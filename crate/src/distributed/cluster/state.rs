//! What the threads of a cluster share, and the order in which messages are taken.

use std::collections::VecDeque;

use super::clock::Clock;
use crate::distributed::{Counts, Source, Values};

/// A message that has not been taken.
pub(super) struct Message {
    pub from: usize,
    pub tag: u32,
    pub values: Values,
    /// When it left, and its cost: in seconds, and in rounds (of cost 1).
    pub left: f64,
    pub cost: f64,
    pub left_round: f64,
    /// Drawn from the seed, for the order of messages that arrive at the same time.
    pub lot: u64,
}

/// What a rank waits for.
#[derive(Clone, Copy)]
pub(super) struct Wait {
    pub operation: &'static str,
    pub source: Source,
    pub tag: u32,
}

#[derive(Default)]
pub(super) struct Rank {
    pub messages: VecDeque<Message>,
    pub clock: Clock,
    pub rounds: Clock,
    pub counts: Counts,
    pub waits: Option<Wait>,
    /// Whom it has given up waiting for, until it waits again.
    pub given_up: Vec<usize>,
    /// Whether it sleeps until the clocks of others have moved.
    pub looks: bool,
    /// Why it has ended, if it has.
    pub ended: Option<String>,
}

pub(super) struct State {
    pub ranks: Vec<Rank>,
    /// Who waits for whom, where nobody can go on.
    pub deadlock: Option<String>,
}

/// Whether a message may be taken.
pub(super) enum Choice {
    /// This one, by its place in the mailbox.
    Take(usize),
    /// One may come that is earlier, or none has come.
    Wait,
    /// None will come: this rank has ended.
    Gone(usize),
}

impl State {
    /// Which message `me` receives next from `source`: the first to arrive by the virtual clock, whichever thread was faster.
    pub fn choose(&self, me: usize, source: Source, tag: u32, latency: f64) -> Choice {
        match source {
            Source::Rank(from) => match self.first(me, from, tag) {
                Some(place) => Choice::Take(place),
                None if self.ranks[from].ended.is_some() => Choice::Gone(from),
                None => Choice::Wait,
            },
            Source::Any => self.choose_any(me, tag, latency),
        }
    }

    /// The place of the first message of a rank with this tag.
    fn first(&self, me: usize, from: usize, tag: u32) -> Option<usize> {
        self.ranks[me].messages.iter().position(|message| message.from == from && message.tag == tag)
    }

    fn choose_any(&self, me: usize, tag: u32, latency: f64) -> Choice {
        let mut best: Option<(f64, u64, usize)> = None;
        let mut silent = Vec::new();
        for from in (0..self.ranks.len()).filter(|&from| from != me) {
            let Some(place) = self.first(me, from, tag) else {
                silent.push(from);
                continue;
            };
            let message = &self.ranks[me].messages[place];
            let key = (message.left + message.cost, message.lot, place);
            if best.is_none_or(|best| key < best) {
                best = Some(key);
            }
        }
        let Some((arrival, _, place)) = best else {
            let ended = |rank: &usize| self.ranks[*rank].ended.is_some();
            // The last that ended is as good as any; the lowest is the same at each run.
            return if silent.iter().all(ended) {
                Choice::Gone(silent.first().copied().unwrap_or(me))
            } else {
                Choice::Wait
            };
        };
        let earliest = self.earliest(me, latency);
        match silent.iter().all(|&from| earliest[from] + latency > arrival || earliest[from] == f64::INFINITY) {
            true => Choice::Take(place),
            false => Choice::Wait,
        }
    }

    /// For each rank a time before which it sends nothing more, as long as `me` does nothing.
    ///
    /// One that waits for a rank can go on no sooner than that rank. These bounds grow from the clocks until they are
    /// consistent: conservative simulation of Chandy and Misra (1979).
    pub fn earliest(&self, me: usize, latency: f64) -> Vec<f64> {
        let mut earliest: Vec<f64> = self.ranks.iter().map(|rank| rank.clock.now).collect();
        earliest[me] = f64::INFINITY;
        for (rank, earliest) in self.ranks.iter().zip(&mut earliest) {
            if rank.ended.is_some() {
                *earliest = f64::INFINITY;
            }
        }
        // Each pass settles at least one rank of a chain.
        for _ in 0..self.ranks.len() {
            let mut changed = false;
            for rank in (0..self.ranks.len()).filter(|&rank| rank != me && self.ranks[rank].ended.is_none()) {
                let Some(wait) = self.ranks[rank].waits else { continue };
                let bound = match wait.source {
                    Source::Rank(from) if self.first(rank, from, wait.tag).is_some() => continue,
                    Source::Rank(from) => earliest[from] + latency,
                    Source::Any => {
                        let waiting = self.ranks[rank].messages.iter().filter(|message| message.tag == wait.tag);
                        let here = waiting.map(|message| message.left + message.cost);
                        let coming =
                            (0..self.ranks.len()).filter(|&from| from != rank).map(|from| earliest[from] + latency);
                        here.chain(coming).fold(f64::INFINITY, f64::min)
                    }
                };
                if bound > earliest[rank] {
                    earliest[rank] = bound;
                    changed = true;
                }
            }
            if !changed {
                break;
            }
        }
        earliest
    }

    /// Whether a rank can go on without anybody else: it computes, or what it waits for is there.
    fn can_go_on(&self, rank: usize) -> bool {
        let Some(wait) = self.ranks[rank].waits else { return self.ranks[rank].ended.is_none() };
        match wait.source {
            Source::Rank(from) => self.first(rank, from, wait.tag).is_some() || self.ranks[from].ended.is_some(),
            Source::Any => {
                let has = self.ranks[rank].messages.iter().any(|message| message.tag == wait.tag);
                has || (0..self.ranks.len()).all(|other| other == rank || self.ranks[other].ended.is_some())
            }
        }
    }

    /// Notes who waits for whom if nobody can go on.
    pub fn look_for_deadlock(&mut self) {
        if self.deadlock.is_some() || (0..self.ranks.len()).any(|rank| self.can_go_on(rank)) {
            return;
        }
        let waits: Vec<String> = self
            .ranks
            .iter()
            .enumerate()
            .filter_map(|(rank, state)| {
                let wait = state.waits?;
                Some(match wait.source {
                    Source::Rank(from) => format!("{rank} for {from} ({})", wait.operation),
                    Source::Any => format!("{rank} for any ({})", wait.operation),
                })
            })
            .collect();
        if !waits.is_empty() {
            self.deadlock = Some(waits.join(", "));
        }
    }

    /// The ranks that `rank` waits for in the end: those at which the chain of waits stops because they compute. One that has
    /// just given up, and may have ended so, passes on whom it blamed: it was not silent itself.
    pub fn blamed(&self, rank: usize) -> Vec<usize> {
        let mut at = rank;
        for _ in 0..self.ranks.len() {
            match self.ranks[at].waits.map(|wait| wait.source) {
                Some(Source::Rank(from)) => at = from,
                Some(Source::Any) => {
                    let others = (0..self.ranks.len()).filter(|&other| other != rank);
                    let mut blamed: Vec<usize> = others.flat_map(|other| self.blamed_at(other)).collect();
                    blamed.sort_unstable();
                    blamed.dedup();
                    return blamed;
                }
                None if self.ranks[at].given_up.is_empty() => break,
                None => return self.ranks[at].given_up.clone(),
            }
        }
        vec![at]
    }

    /// Of a rank that does not wait: itself if it computes, or whom it has given up waiting for.
    fn blamed_at(&self, rank: usize) -> Vec<usize> {
        match &self.ranks[rank] {
            Rank { waits: Some(_), .. } => Vec::new(),
            Rank { given_up, .. } if !given_up.is_empty() => given_up.clone(),
            Rank { ended: Some(_), .. } => Vec::new(),
            _ => vec![rank],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(sources: &[Option<Source>]) -> State {
        let wait = |source| Wait { operation: "recv", source, tag: 0 };
        let rank = |source: &Option<Source>| Rank { waits: source.map(wait), ..Rank::default() };
        State { ranks: sources.iter().map(rank).collect(), deadlock: None }
    }

    /// Ranks 0 and 1 wait along a chain for rank 2, which waits for the silent rank 3, and gives up a moment before them.
    #[test]
    fn who_has_given_up_is_not_blamed_for_the_silence_of_another() {
        let mut state = state(&[Some(Source::Rank(1)), Some(Source::Rank(2)), Some(Source::Rank(3)), None]);
        assert_eq!(state.blamed(0), [3]);
        (state.ranks[2].waits, state.ranks[2].given_up) = (None, vec![3]);
        assert_eq!(state.blamed(0), [3]);
        state.ranks[2].ended = Some("rank 3 is silent".into());
        assert_eq!(state.blamed(0), [3]);
        state.ranks[0].waits = Some(Wait { operation: "recv", source: Source::Any, tag: 0 });
        assert_eq!(state.blamed(0), [3]);
        state.ranks[3].ended = Some("it has returned".into());
        (state.ranks[2].given_up, state.ranks[1].waits) = (Vec::new(), None);
        assert_eq!(state.blamed(0), [1]);
    }
}
