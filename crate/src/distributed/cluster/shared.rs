//! What the threads of a cluster share, and how one wakes another.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::ClusterConfig;
use super::state::State;
use crate::distributed::Counts;

/// How often a rank that waits looks for an interrupt.
const LOOK: Duration = Duration::from_millis(100);

/// What all ranks share.
pub(super) struct Shared {
    pub config: ClusterConfig,
    state: Mutex<State>,
    /// One for each rank.
    pub wakes: Vec<Condvar>,
}

impl Shared {
    pub fn new(size: usize, config: ClusterConfig) -> Self {
        let ranks = (0..size).map(|_| Default::default()).collect();
        let wakes = (0..size).map(|_| Condvar::new()).collect();
        Self { config, state: Mutex::new(State { ranks, deadlock: None }), wakes }
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A rank has ended: who waits for it must know.
    pub fn end(&self, rank: usize, reason: String) {
        let mut state = self.lock();
        state.ranks[rank].ended = Some(reason);
        state.look_for_deadlock();
        drop(state);
        self.wake_all();
    }

    pub fn wake_all(&self) {
        self.wakes.iter().for_each(Condvar::notify_all);
    }

    /// A clock has moved, or a rank has begun to wait: who waits for a message of any rank looks at that.
    pub fn wake_lookers(&self, state: &State) {
        for (wake, _) in self.wakes.iter().zip(&state.ranks).filter(|(_, rank)| rank.looks) {
            wake.notify_all();
        }
    }

    /// Sleeps until something has changed for a rank, or for so long, or until it is time to look for an interrupt. `looks`:
    /// whether the clocks of others matter to it.
    pub fn sleep<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        rank: usize,
        looks: bool,
        left: Duration,
    ) -> MutexGuard<'a, State> {
        state.ranks[rank].looks = looks;
        let mut state = self.wakes[rank].wait_timeout(state, left.min(LOOK)).unwrap_or_else(PoisonError::into_inner).0;
        state.ranks[rank].looks = false;
        state
    }

    pub fn counts(&self, rank: usize) -> Counts {
        let state = self.lock();
        Counts { rounds: state.ranks[rank].rounds.now as usize, ..state.ranks[rank].counts }
    }

    pub fn seconds(&self, rank: usize) -> f64 {
        self.lock().ranks[rank].clock.now
    }

    /// A look at what is not yet done has taken its time.
    pub fn look_again(&self, mut state: MutexGuard<State>, rank: usize) -> bool {
        state.ranks[rank].clock.now += self.config.model.poll;
        self.wake_lookers(&state);
        false
    }
}
