//! Parameters that are updated together, by tensor operations.

use std::fmt::Debug;

use candle_core::{Result, Tensor, Var};
use candlelight_kernels::card;
use candlelight_kernels::update::Rule;

use super::composed::Composed;
use super::memory::Start;
use crate::params::Param;

/// Parameters of one group, dtype and device as one vector, with what an optimizer remembers of it.
///
/// On a card each operation costs its launch, whatever its size. Adam computes a dozen of them: once for all parameters, and not
/// once for each, at the price of a copy there and back.
pub(super) struct Joint {
    params: Vec<Param>,
    /// Whether a kernel of a card updates them in place.
    fused: bool,
    /// Each with a number for each of the parameters, one parameter after the other.
    memory: Vec<Tensor>,
}

/// What a step makes of a [`Joint`].
pub(super) struct Next {
    value: Tensor,
    memory: Vec<Tensor>,
}

impl Joint {
    /// Of `params`, in order, as few vectors as their dtypes and devices allow; updated by kernels where they can be and
    /// `fuse` says so.
    ///
    /// Where nothing is remembered a composed rule is so short that the copies would cost more than they save, so each
    /// parameter is a vector of its own.
    pub fn all(
        params: impl IntoIterator<Item = Param>,
        Start { count, value }: Start,
        fuse: bool,
    ) -> Result<Vec<Self>> {
        let mut all: Vec<Self> = Vec::new();
        for param in params {
            let fused = fuse && card::can_update(&param.var);
            let fits = |joint: &&mut Self| {
                (count > 0 || fused)
                    && joint.fused == fused
                    && joint.params.first().is_some_and(|first| alike(&first.var, &param.var))
            };
            match all.iter_mut().find(fits) {
                Some(joint) => joint.params.push(param),
                None => all.push(Self { params: vec![param], fused, memory: Vec::new() }),
            }
        }
        for joint in all.iter_mut().filter(|_| count > 0) {
            let like = joint.values()?;
            joint.memory = (0..count).map(|_| like.zeros_like()? + value).collect::<Result<_>>()?;
        }
        Ok(all)
    }

    pub fn params(&self) -> &[Param] {
        &self.params
    }

    /// The step that `rule` makes, given the gradients of the parameters, in order; `None` where a kernel makes it in place.
    /// Nothing has changed yet.
    pub fn next<R: Rule>(&self, rule: R, gradients: &[Tensor]) -> Result<Option<Next>> {
        if self.fused {
            return Ok(None);
        }
        let mut memory: Vec<_> = self.memory.iter().map(Composed::new).collect();
        let gradient = joined(gradients)?;
        let value = rule.apply(Composed::new(&self.values()?), Composed::new(&gradient), &mut memory).tensor()?;
        Ok(Some(Next { value, memory: memory.into_iter().map(Composed::tensor).collect::<Result<_>>()? }))
    }

    /// Makes that step.
    pub fn write<R: Rule>(&mut self, rule: R, gradients: &[Tensor], next: Option<Next>) -> crate::Result<()> {
        let Some(next) = next else {
            let parameters: Vec<_> = self.params.iter().map(|param| &param.var).zip(gradients).collect();
            return card::update(rule, &parameters, &self.memory);
        };
        for (param, value) in self.params.iter().zip(parts(&self.params, &next.value)) {
            param.var.set(&value?)?;
        }
        self.memory = next.memory;
        Ok(())
    }

    /// For each parameter what is remembered of it, as copies of its shape.
    pub fn remembered(&self) -> Result<Vec<Vec<Tensor>>> {
        let mut all = vec![Vec::with_capacity(self.memory.len()); self.params.len()];
        for memory in &self.memory {
            for (own, part) in all.iter_mut().zip(parts(&self.params, memory)) {
                own.push(part?.copy()?);
            }
        }
        Ok(all)
    }

    /// What [`Joint::remembered`] gave, or what was saved of it, as it would be kept here.
    pub fn filled(&self, remembered: &[Vec<Tensor>]) -> Result<Vec<Tensor>> {
        (0..self.memory.len())
            .map(|i| {
                let parts: Vec<Tensor> = remembered.iter().filter_map(|own| own.get(i)).cloned().collect();
                joined(&parts)?.copy()
            })
            .collect()
    }

    /// Takes over what [`Joint::filled`] made.
    pub fn remember(&mut self, memory: Vec<Tensor>) {
        self.memory = memory;
    }

    fn values(&self) -> Result<Tensor> {
        let values: Vec<Tensor> = self.params.iter().map(|param| param.var.as_detached_tensor()).collect();
        joined(&values)
    }
}

fn alike(a: &Var, b: &Var) -> bool {
    a.dtype() == b.dtype() && a.device().same_device(b.device())
}

/// One vector of all numbers, in order; a single tensor stays as it is.
fn joined(tensors: &[Tensor]) -> Result<Tensor> {
    match tensors {
        [one] => Ok(one.clone()),
        _ => Tensor::cat(&tensors.iter().map(Tensor::flatten_all).collect::<Result<Vec<_>>>()?, 0),
    }
}

impl Debug for Joint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the memory: that would be millions of numbers.
        f.debug_list().entries(&self.params).finish()
    }
}

/// The parts of what [`joined`] gave, in the shapes of the parameters.
fn parts<'a>(params: &'a [Param], joined: &'a Tensor) -> impl Iterator<Item = Result<Tensor>> + 'a {
    let mut start = 0;
    params.iter().map(move |Param { var, .. }| {
        if params.len() == 1 {
            return Ok(joined.clone());
        }
        let from = start;
        start += var.elem_count();
        let part = joined.narrow(0, from, var.elem_count())?;
        if var.rank() == 1 { Ok(part) } else { part.reshape(var.shape()) }
    })
}
