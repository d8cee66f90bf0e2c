//! The virtual clock of a rank.

/// When a rank is free: to compute, to send and to receive, in seconds or in rounds.
///
/// A message leaves when the sender has reached it and its way out is free; it is received when it has left and the way in is
/// free; both take its cost.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(in crate::distributed) struct Clock {
    pub now: f64,
    way_out: f64,
    way_in: f64,
}

impl Clock {
    /// A message of this cost is sent; returns when it leaves.
    pub fn send(&mut self, cost: f64) -> f64 {
        let left = self.now.max(self.way_out);
        self.way_out = left + cost;
        left
    }

    /// When the way out is free again.
    pub fn sent(&self) -> f64 {
        self.way_out
    }

    /// A message that left then is received; returns when it is there.
    pub fn receive(&mut self, left: f64, cost: f64) -> f64 {
        self.way_in = left.max(self.way_in) + cost;
        self.way_in
    }

    /// When a message that left then would be there.
    pub fn arrival(&self, left: f64, cost: f64) -> f64 {
        left.max(self.way_in) + cost
    }

    /// Waits until then.
    pub fn reach(&mut self, time: f64) {
        self.now = self.now.max(time);
    }
}
