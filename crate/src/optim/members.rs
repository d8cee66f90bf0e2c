//! The parameters of a group, each with the place where its memory is kept.

use std::fmt::Debug;

use candle_core::Tensor;
use candle_core::backprop::GradStore;
use candlelight_base::range;
use candlelight_kernels::update::{Rule, update};

use super::ParamGroup;
use super::joint::{Joint, Next};
use super::memory::{Memory, Start};
use crate::params::Param;
use crate::{Error, Result};

/// Parameters with one learning rate and one weight decay.
#[derive(Debug)]
pub(super) struct Group {
    /// In the order in which they were given.
    pub members: Vec<Member>,
    /// Those whose steps are composed of tensor operations.
    joints: Vec<Joint>,
    pub lr: f64,
    pub weight_decay: f64,
}

/// A parameter.
pub(super) struct Member {
    pub param: Param,
    at: Place,
}

/// Where what is remembered of a parameter is kept.
enum Place {
    Own(Memory),
    /// In a [`Joint`] of the group, in the order of the members.
    Joint(usize),
}

impl Group {
    /// `lr` and `weight_decay`: where the group has none of its own.
    pub fn new(group: ParamGroup, lr: f64, weight_decay: f64, start: Start) -> Result<Self> {
        let (lr, weight_decay) = (group.lr.unwrap_or(lr), group.weight_decay.unwrap_or(weight_decay));
        range::not_negative("lr", lr)?;
        range::not_negative("weight_decay", weight_decay)?;
        let members = group.params.into_iter().map(|param| {
            let at = Memory::new(&param.var, start).map_or(Place::Joint(0), Place::Own);
            Member { param, at }
        });
        let mut group = Self { members: members.collect(), joints: Vec::new(), lr, weight_decay };
        group.join(start, true)?;
        Ok(group)
    }

    /// Makes all steps composed ones, with memory as at the start.
    pub fn compose(&mut self, start: Start) -> Result<()> {
        self.members.iter_mut().for_each(|member| member.at = Place::Joint(0));
        self.join(start, false)
    }

    /// Gives the members without memory of their own a place in a [`Joint`], which a kernel updates where it can and `fuse`
    /// says so.
    fn join(&mut self, start: Start, fuse: bool) -> Result<()> {
        let outside = self.members.iter().filter(|member| matches!(member.at, Place::Joint(_)));
        self.joints = Joint::all(outside.map(|member| member.param.clone()), start, fuse)?;
        for member in &mut self.members {
            let holds = |joint: &Joint| joint.params().iter().any(|param| param.var.id() == member.param.var.id());
            if let Place::Joint(joint) = &mut member.at {
                *joint = self.joints.iter().position(holds).unwrap_or_default();
            }
        }
        Ok(())
    }

    /// The composed part of a step. Nothing has changed yet.
    pub fn next<R: Rule>(&self, rule: R, gradients: &[Tensor]) -> Result<Vec<Option<Next>>> {
        let own = self.joint_parts(gradients);
        Ok(self
            .joints
            .iter()
            .zip(own)
            .map(|(joint, own)| joint.next(rule, &own))
            .collect::<candle_core::Result<_>>()?)
    }

    /// The part of a step that changes something.
    pub fn write<R: Rule>(&mut self, rule: R, gradients: &[Tensor], composed: Vec<Option<Next>>) -> Result<()> {
        for (member, gradient) in self.members.iter_mut().zip(gradients) {
            match &mut member.at {
                Place::Own(Memory::F32(memory)) => update(rule, &member.param.var, gradient, memory)?,
                Place::Own(Memory::F64(memory)) => update(rule, &member.param.var, gradient, memory)?,
                Place::Joint(_) => {}
            }
        }
        let own = self.joint_parts(gradients);
        for ((joint, own), next) in self.joints.iter_mut().zip(own).zip(composed) {
            joint.write(rule, &own, next)?;
        }
        Ok(())
    }

    /// Of something given for each member, that which belongs to the members of each [`Joint`], in its order.
    fn joint_parts<T: Clone>(&self, all: &[T]) -> Vec<Vec<T>> {
        let mut parts: Vec<Vec<T>> = self.joints.iter().map(|joint| Vec::with_capacity(joint.params().len())).collect();
        for (member, one) in self.members.iter().zip(all) {
            if let Place::Joint(joint) = member.at
                && let Some(part) = parts.get_mut(joint)
            {
                part.push(one.clone());
            }
        }
        parts
    }

    /// What is remembered of each member, as copies of its shape.
    pub fn remembered(&self) -> Result<Vec<Vec<Tensor>>> {
        let joints = self.joints.iter().map(|joint| Ok(joint.remembered()?.into_iter()));
        let mut joints = joints.collect::<Result<Vec<_>>>()?;
        let of = |member: &Member| match &member.at {
            Place::Own(memory) => memory.tensors(&member.param.var),
            Place::Joint(joint) => Ok(joints.get_mut(*joint).and_then(Iterator::next).unwrap_or_default()),
        };
        self.members.iter().map(of).collect()
    }

    /// `remembered`, given for each member, as the members and the joints would keep it.
    pub fn filled(&self, remembered: &[Vec<Tensor>]) -> Result<Filled> {
        let mut own = Vec::new();
        for (member, tensors) in self.members.iter().zip(remembered) {
            if let Place::Own(memory) = &member.at {
                own.push(memory.filled(tensors)?);
            }
        }
        let parts = self.joint_parts(remembered);
        let joints = self.joints.iter().zip(parts).map(|(joint, own)| joint.filled(&own));
        Ok(Filled { own, joints: joints.collect::<candle_core::Result<_>>()? })
    }

    /// Takes over what [`Group::filled`] made.
    pub fn remember(&mut self, filled: Filled) {
        let mut own = filled.own.into_iter();
        for member in &mut self.members {
            if let Place::Own(memory) = &mut member.at
                && let Some(next) = own.next()
            {
                *memory = next;
            }
        }
        for (joint, memory) in self.joints.iter_mut().zip(filled.joints) {
            joint.remember(memory);
        }
    }
}

/// What a group is to remember.
pub(super) struct Filled {
    own: Vec<Memory>,
    joints: Vec<Vec<Tensor>>,
}

impl Member {
    /// The gradient of the parameter: of its shape and dtype, beside it, and contiguous.
    pub fn gradient(&self, store: &GradStore) -> Result<Tensor> {
        let Param { name, var, .. } = &self.param;
        let gradient = store.get(var).ok_or_else(|| Error::MissingGradient { name: name.clone() })?;
        if gradient.shape() != var.shape()
            || gradient.dtype() != var.dtype()
            || !gradient.device().same_device(var.device())
        {
            let say = |tensor: &Tensor| {
                format!("{:?} {:?} on {:?}", tensor.dtype(), tensor.dims(), tensor.device().location())
            };
            let problem = format!("expected a gradient of {}, got {}", say(var), say(gradient));
            return Err(Error::Parameter { name: name.clone(), problem });
        }
        Ok(gradient.contiguous()?)
    }
}

impl Debug for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the memory: that would be millions of numbers.
        self.param.fmt(f)
    }
}
