//! Numbers with the sums of their pairs, of their fours, and so on.

use candlelight_base::range;

use crate::{Error, Result};

/// Weights that can be changed, and drawn from by their size, in O(log n).
///
/// ```text
/// s₁ = s₂ + s₃,  s₂ = s₄ + s₅, …;  the leaves are the weights, the root s₁ their sum
/// draw: begin at the root with u in [0, s₁); go left if u < s_left, else right with u - s_left
/// ```
///
/// Each sum is added up anew from the two below it, where most programs add the change of the leaf to all sums above. Those
/// drift away by rounding; these are the sums that a new tree of the same weights has, to the bit, after any number of changes.
///
/// Schaul et al. (2016), "Prioritized experience replay", appendix B.2.1.
///
/// ```
/// use candlelight::rl::SumTree;
/// # fn main() -> candlelight::Result<()> {
/// let mut tree = SumTree::new(3)?;
/// tree.set(0, 1.)?;
/// tree.set(2, 3.)?;
/// assert_eq!((tree.total(), tree.find(0.5), tree.find(1.)), (4., 0, 2));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct SumTree {
    /// The sum of `i` and all below it is at `i`; children at 2i and 2i + 1. Nothing is at 0.
    sums: Vec<f64>,
    len: usize,
}

impl SumTree {
    /// `len` weights of 0, at least one.
    ///
    /// # Errors
    /// If there is none.
    pub fn new(len: usize) -> Result<Self> {
        range::at_least_one("len", len)?;
        Ok(Self { sums: vec![0.0; 2 * len.next_power_of_two()], len })
    }

    /// How many weights there are.
    // There is always one.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The sum of all weights.
    pub fn total(&self) -> f64 {
        self.sums[1]
    }

    /// The weight at `index`; 0 where there is none.
    pub fn get(&self, index: usize) -> f64 {
        if index < self.len { self.sums[self.sums.len() / 2 + index] } else { 0.0 }
    }

    /// Changes the weight at `index`; finite and at least 0.
    ///
    /// # Errors
    /// An index or a weight outside its range; nothing has changed then.
    pub fn set(&mut self, index: usize, weight: f64) -> Result<()> {
        range::not_negative("weight", weight)?;
        if index >= self.len {
            return Err(Error::setting("index", "that of a weight", format!("{index} of 0..{}", self.len)));
        }
        let mut node = self.sums.len() / 2 + index;
        self.sums[node] = weight;
        while node > 1 {
            node /= 2;
            self.sums[node] = self.sums[2 * node] + self.sums[2 * node + 1];
        }
        Ok(())
    }

    /// The index at whose weight the sum of the weights up to it goes above `sum`, in [0, total); never one of weight 0, unless
    /// all are.
    pub fn find(&self, mut sum: f64) -> usize {
        let mut node = 1;
        while node < self.sums.len() / 2 {
            let left = self.sums[2 * node];
            // The rest after subtractions can be as large as the sum on the right, by rounding: what is empty is never entered.
            if sum < left || self.sums[2 * node + 1] == 0.0 {
                node *= 2;
            } else {
                sum -= left;
                node = 2 * node + 1;
            }
        }
        (node - self.sums.len() / 2).min(self.len - 1)
    }
}
