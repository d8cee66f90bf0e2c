//! One step on its way: gradients go into buckets, and full buckets are sent.

use std::cell::Cell;

use candle_core::Tensor;
use candle_core::backprop::GradStore;

use super::exchange::Exchange;
use super::plan::Plan;
use crate::params::Param;
use crate::{Error, Result};

/// What a rank has to give, from when its loss is computed.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Share {
    /// Its mean loss.
    pub value: f64,
    /// Of that mean; its gradients are multiplied by it already.
    pub weight: f64,
}

pub(super) struct Step<'a> {
    params: &'a [Param],
    plan: &'a Plan,
    exchange: &'a mut dyn Exchange,
    share: &'a Cell<Share>,
    /// By parameter.
    filled: Vec<bool>,
    /// By bucket: how many gradients it waits for.
    missing: Vec<usize>,
    /// Buckets that have been sent: the first ones, since all ranks must send them in the same order.
    sent: usize,
}

impl<'a> Step<'a> {
    pub fn new(params: &'a [Param], plan: &'a Plan, exchange: &'a mut dyn Exchange, share: &'a Cell<Share>) -> Self {
        exchange.lay_out(&plan.buckets);
        let missing = plan.buckets.iter().map(|bucket| bucket.params).collect();
        Self { params, plan, exchange, share, filled: vec![false; params.len()], missing, sent: 0 }
    }

    /// A gradient is complete, while the backward pass goes on.
    pub fn ready(&mut self, param: usize, gradient: &Tensor) -> Result<()> {
        let bucket = self.plan.places[param].bucket;
        if self.plan.buckets[bucket].at_end {
            return Ok(());
        }
        if bucket < self.sent {
            let problem = "got more gradient after its bucket was sent, which it did not in the first step: an operation that \
                           is no layer of this crate uses it; set `overlap: false`";
            return Err(Error::Parameter { name: self.params[param].name.clone(), problem: problem.into() });
        }
        self.put(param, Some(gradient))?;
        self.exchange.look()?;
        while self.plan.buckets.get(self.sent).is_some_and(|bucket| !bucket.at_end) && self.missing[self.sent] == 0 {
            self.send()?;
        }
        Ok(())
    }

    /// The backward pass has ended; there was none where `gradients` is empty.
    pub fn finish(mut self, mut gradients: Option<GradStore>) -> Result<(f64, GradStore)> {
        for (index, param) in self.params.iter().enumerate() {
            if self.filled[index] {
                continue;
            }
            let gradient = gradients.as_mut().map(|gradients| take(gradients, param)).transpose()?;
            self.put(index, gradient.as_ref())?;
        }
        while self.sent < self.plan.buckets.len() {
            self.send()?;
            self.exchange.look()?;
        }
        for bucket in 0..self.sent {
            self.exchange.wait(bucket)?;
            self.exchange.look()?;
        }
        let [loss, weight] = self.exchange.numbers(&self.plan.numbers());
        check_counts(weight)?;
        let mut means = GradStore::default();
        for (param, place) in self.params.iter().zip(&self.plan.places) {
            means.insert(&param.var, self.exchange.divided(place, weight, &param.var)?);
        }
        Ok((loss / weight, means))
    }

    fn put(&mut self, param: usize, gradient: Option<&Tensor>) -> Result<()> {
        let place = &self.plan.places[param];
        self.exchange.put(place, gradient)?;
        if !std::mem::replace(&mut self.filled[param], true) {
            self.missing[place.bucket] -= 1;
        }
        Ok(())
    }

    fn send(&mut self) -> Result<()> {
        if self.sent + 1 == self.plan.buckets.len() {
            let Share { value, weight } = self.share.get();
            self.exchange.put_numbers(&self.plan.numbers(), [value * weight, weight]);
        }
        self.exchange.start(self.sent)?;
        self.sent += 1;
        Ok(())
    }
}

/// The gradient of a parameter, which must be there.
pub(super) fn take(gradients: &mut GradStore, param: &Param) -> Result<Tensor> {
    gradients.remove(&param.var).ok_or_else(|| Error::MissingGradient { name: param.name.clone() })
}

/// Refuses samples of all ranks that all have the weight 0.
pub(super) fn check_counts(weight: f64) -> Result<()> {
    if weight > 0.0 {
        return Ok(());
    }
    Err(Error::setting("samples of all ranks", "such that one counts", "none, or weights of 0 or ignored labels only"))
}
