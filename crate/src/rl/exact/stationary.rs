//! The best policy that does not look at the clock, under a time limit.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use candlelight_base::range;

use super::horizon::within;
use crate::rl::Mdp;
use crate::rl::q_table::argmax;
use crate::{Result, interrupt};

/// What [`best_stationary_within`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct BestStationary {
    /// The action of each state.
    pub policy: Vec<usize>,
    /// Its value at the beginning.
    pub value: f64,
    /// No stationary deterministic policy has a larger value than this.
    pub bound: f64,
    /// How many partial policies were looked at.
    pub nodes: usize,
}

impl BestStationary {
    /// Whether the policy is the best, to 1e-9, rather than the best that was found.
    pub fn proven(&self) -> bool {
        self.bound - self.value <= SLACK
    }
}

/// Differences of values that count as none.
const SLACK: f64 = 1e-9;

/// The best deterministic policy of the state alone within `horizon` steps, as far as it can be had.
///
/// The problem has no Bellman equation: what is best in one state depends on what is done in the others. It is solved by branch
/// and bound. A partial policy fixes the action of some states; the others may look at the clock, which
/// [`finite_horizon`](super::finite_horizon) solves, and which can only be better. Where it makes use of the clock most, one more
/// state is fixed, to each action in turn. The most promising partial policy comes first, `max_nodes` of them at most; it ends
/// early when none can beat the best policy found. The 16 states of the small FrozenLake take some hundred; with many states a
/// gap between value and bound remains, which is reported.
///
/// # Errors
/// γ outside [0, 1], or no nodes.
///
/// ```
/// use candlelight::rl::{FrozenLakeConfig, GridMap, best_stationary_within, frozen_lake};
/// # fn main() -> candlelight::Result<()> {
/// let mdp = frozen_lake(&GridMap::frozen_lake_4x4(), &FrozenLakeConfig::default())?;
/// let best = best_stationary_within(&mdp, 100, 1., 10_000)?;
/// assert!(best.proven() && (best.value - 0.7402).abs() < 1e-4); // 0.7442 with a clock
/// # Ok(()) }
/// ```
pub fn best_stationary_within(mdp: &Mdp, horizon: usize, gamma: f64, max_nodes: usize) -> Result<BestStationary> {
    range::share("gamma", gamma)?;
    range::at_least_one("max_nodes", max_nodes)?;
    let mut best = BestStationary { policy: Vec::new(), value: f64::NEG_INFINITY, bound: f64::INFINITY, nodes: 0 };
    let mut open = BinaryHeap::from([look(mdp, horizon, gamma, vec![None; mdp.states()], &mut best)]);
    while let Some(node) = open.pop() {
        interrupt::check()?;
        best.bound = node.bound.max(best.value);
        if best.proven() || best.nodes >= max_nodes {
            return Ok(best);
        }
        // Without such a state the clock is not used, and the policy was counted when it was looked at.
        let Some(state) = node.undecided else { continue };
        for action in 0..mdp.actions() {
            let mut fixed = node.fixed.clone();
            fixed[state] = Some(action);
            let child = look(mdp, horizon, gamma, fixed, &mut best);
            if child.bound > best.value + SLACK {
                open.push(child);
            }
        }
    }
    best.bound = best.value;
    Ok(best)
}

/// A partial policy.
struct Node {
    fixed: Vec<Option<usize>>,
    /// Its value, where the other states may look at the clock.
    bound: f64,
    /// The state whose action the clock changes most.
    undecided: Option<usize>,
}

/// Bounds a partial policy, and tries the stationary one that takes in each state the action that is most often taken there.
fn look(mdp: &Mdp, horizon: usize, gamma: f64, fixed: Vec<Option<usize>>, best: &mut BestStationary) -> Node {
    best.nodes += 1;
    let relaxed = within(mdp, horizon, gamma, &fixed);
    let bound = mdp.start_value(&relaxed.values[horizon]);
    let taken = occupancy(mdp, horizon, gamma, &relaxed.policy);
    let most = |state: usize| {
        let row = &taken[state * mdp.actions()..][..mdp.actions()];
        let action = argmax(row);
        (action, row.iter().sum::<f64>() - row[action])
    };
    let (policy, aside): (Vec<usize>, Vec<f64>) = (0..mdp.states()).map(most).unzip();
    let whole: Vec<Option<usize>> = policy.iter().map(|&action| Some(action)).collect();
    let value = mdp.start_value(&within(mdp, horizon, gamma, &whole).values[horizon]);
    if value > best.value {
        (best.policy, best.value) = (policy, value);
    }
    let undecided =
        (0..mdp.states()).max_by(|&a, &b| aside[a].total_cmp(&aside[b])).filter(|&state| aside[state] > 0.0);
    Node { fixed, bound, undecided }
}

/// How often each pair of state and action is met, discounted, under a policy that looks at the clock.
fn occupancy(mdp: &Mdp, horizon: usize, gamma: f64, policy: &[Vec<usize>]) -> Vec<f64> {
    let mut taken = vec![0.0; mdp.states() * mdp.actions()];
    let mut here = mdp.initial().to_vec();
    for left in (0..horizon).rev() {
        let mut next = vec![0.0; mdp.states()];
        for (state, &p) in here.iter().enumerate().filter(|(_, p)| **p > 0.0) {
            let action = policy[left][state];
            taken[state * mdp.actions() + action] += p;
            for outcome in mdp.outcomes(state, action).iter().filter(|outcome| !outcome.terminated) {
                next[outcome.next] += gamma * p * outcome.probability;
            }
        }
        here = next;
    }
    taken
}

impl Ord for Node {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bound.total_cmp(&other.bound)
    }
}

impl PartialOrd for Node {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Node {}
