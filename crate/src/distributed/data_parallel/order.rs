//! The order in which gradients become complete, from a first step.

use std::sync::Arc;

use crate::Result;
use crate::distributed::Communicator;

/// What the first backward pass shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Order {
    /// Parameters whose gradient was complete before the end, in this order.
    early: Vec<usize>,
    /// By parameter: whether nobody said that it was complete, or it got more afterwards.
    late: Vec<bool>,
    seen: Vec<bool>,
}

impl Order {
    pub fn new(params: usize) -> Self {
        Self { early: Vec::new(), late: vec![true; params], seen: vec![false; params] }
    }

    /// A gradient is said to be complete. If it had been before, it was not.
    pub fn ready(&mut self, param: usize) {
        self.late[param] = self.seen[param];
        if !std::mem::replace(&mut self.seen[param], true) {
            self.early.push(param);
        }
    }

    /// That of rank 0, on all ranks: all parameters, and which of them are late. Nothing where rank 0 had no backward pass.
    pub fn agree(&self, comm: &Arc<dyn Communicator>, known: bool) -> Result<Option<(Vec<usize>, Vec<bool>)>> {
        let params = self.late.len();
        let late = (0..params).rev().filter(|&param| self.late[param]);
        let order = self.early.iter().copied().filter(|&param| !self.late[param]).chain(late);
        let flags = self.late.iter().map(|&late| f64::from(u8::from(late)));
        let mut message = vec![f64::from(u8::from(known))];
        message.extend(order.map(|param| param as f64).chain(flags));
        comm.broadcast(&mut message, 0)?;
        if message[0] == 0.0 {
            return Ok(None);
        }
        let (order, flags) = message[1..].split_at(params);
        Ok(Some((order.iter().map(|&param| param as usize).collect(), flags.iter().map(|&late| late != 0.0).collect())))
    }
}
