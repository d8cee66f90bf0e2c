//! The Markov chain that a policy makes of a process.

use crate::rl::{Mdp, TabularPolicy};

/// Under one policy: where each state leads, what it earns, and whether it can end the episode.
pub(super) struct Chain {
    /// (s', p) of the steps after which the episode goes on, with p > 0; an s' may stand there several times.
    pub next: Vec<Vec<(usize, f64)>>,
    /// The mean reward of a step.
    pub reward: Vec<f64>,
    /// Whether a step may end the episode.
    pub ends: Vec<bool>,
    /// Whether a step may earn less than 0.
    pub loses: Vec<bool>,
    /// Whether a step may earn more than 0.
    pub gains: Vec<bool>,
}

impl Chain {
    /// Of a policy that fits the process.
    pub fn new(mdp: &Mdp, policy: &TabularPolicy) -> Self {
        let n = mdp.states();
        let mut chain = Self {
            next: vec![Vec::new(); n],
            reward: vec![0.0; n],
            ends: vec![false; n],
            loses: vec![false; n],
            gains: vec![false; n],
        };
        for state in 0..n {
            for (action, &taken) in policy.row(state).iter().enumerate() {
                for outcome in mdp.outcomes(state, action) {
                    let p = taken * outcome.probability;
                    if p == 0.0 {
                        continue;
                    }
                    chain.reward[state] += p * outcome.reward;
                    chain.ends[state] |= outcome.terminated;
                    chain.loses[state] |= outcome.reward < 0.0;
                    chain.gains[state] |= outcome.reward > 0.0;
                    if !outcome.terminated {
                        chain.next[state].push((outcome.next, p));
                    }
                }
            }
        }
        chain
    }

    /// The states from which one of `goals` can be reached, the goals included.
    pub fn can_reach(&self, goals: &[bool]) -> Vec<bool> {
        let mut before = vec![Vec::new(); self.next.len()];
        for (state, next) in self.next.iter().enumerate() {
            next.iter().for_each(|&(next, _)| before[next].push(state));
        }
        let mut reaches = goals.to_vec();
        let mut open: Vec<usize> = (0..goals.len()).filter(|&state| goals[state]).collect();
        while let Some(state) = open.pop() {
            for &earlier in &before[state] {
                if !reaches[earlier] {
                    reaches[earlier] = true;
                    open.push(earlier);
                }
            }
        }
        reaches
    }
}
