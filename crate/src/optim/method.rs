//! What all optimizers of one rule for every number have in common: groups, memory, step count, state.

use std::collections::HashSet;
use std::fmt::Debug;

use candle_core::backprop::GradStore;
use candle_core::{Storage, Tensor, Var};
use candlelight_base::range;
use candlelight_kernels::update::{Rule, update};

use super::ParamGroup;
use super::composed::Composed;
use super::memory::Memory;
use crate::params::Param;
use crate::state::{State, Stateful};
use crate::{Error, Result, device};

/// The settings of an optimizer, and the update rule that they give.
pub(super) trait Method: Rates + Copy + Debug + Send + Sync {
    type Rule: Rule;

    /// Checks the settings apart from learning rate and weight decay, which belong to a group.
    fn check(&self) -> Result<()>;
    /// PyTorch's names of what is remembered of each parameter; at most three.
    fn memory(&self) -> &'static [&'static str];
    /// What memory starts from.
    fn initial_memory(&self) -> f64 {
        0.0
    }
    /// The rule of a step, counted from 1.
    fn rule(&self, lr: f64, weight_decay: f64, step: u64) -> Self::Rule;
}

/// The settings that a group can have of its own.
pub(super) trait Rates {
    fn lr(&self) -> f64;
    fn weight_decay(&self) -> f64;
}

/// The parameters of an optimizer with what it remembers of them.
#[derive(Debug)]
pub(super) struct Core<M> {
    method: M,
    groups: Vec<Group>,
    /// Where the parameters are: a gradient that is stored there must be copied before anything changes.
    addresses: HashSet<usize>,
    steps: u64,
}

#[derive(Debug)]
struct Group {
    members: Vec<Member>,
    lr: f64,
    weight_decay: f64,
}

struct Member {
    param: Param,
    memory: Memory,
}

impl<M: Method> Core<M> {
    pub(super) fn new(groups: Vec<ParamGroup>, method: M) -> Result<Self> {
        device::check_statics()?;
        method.check()?;
        range::not_negative("lr", method.lr())?;
        range::not_negative("weight_decay", method.weight_decay())?;
        let (mut names, mut ids, mut addresses) = (HashSet::new(), HashSet::new(), HashSet::new());
        for param in groups.iter().flat_map(|group| &group.params) {
            if !names.insert(&param.name) || !ids.insert(param.var.id()) {
                let problem = "is given to the optimizer twice".into();
                return Err(Error::Parameter { name: param.name.clone(), problem });
            }
            addresses.insert(address(&param.var));
        }
        if names.is_empty() {
            return Err(Error::setting("params", "at least one parameter", "none"));
        }
        let groups = groups.into_iter().map(|group| Group::new(group, &method)).collect::<Result<_>>()?;
        Ok(Self { method, groups, addresses, steps: 0 })
    }

    /// Remembers in tensors, so that steps are composed of tensor operations.
    pub(super) fn composed(mut self) -> Result<Self> {
        for member in self.groups.iter_mut().flat_map(|group| &mut group.members) {
            member.memory = Memory::Composed(member.memory.tensors(&member.param.var)?);
        }
        Ok(self)
    }

    pub(super) fn method(&self) -> &M {
        &self.method
    }

    pub(super) fn learning_rates(&self) -> Vec<f64> {
        self.groups.iter().map(|group| group.lr).collect()
    }

    pub(super) fn set_learning_rates(&mut self, rates: &[f64]) -> Result<()> {
        if rates.len() != self.groups.len() {
            return Err(Error::shape("learning rates", format!("[{}]", self.groups.len()), &[rates.len()]));
        }
        rates.iter().try_for_each(|&lr| range::not_negative("lr", lr))?;
        for (group, &lr) in self.groups.iter_mut().zip(rates) {
            group.lr = lr;
        }
        Ok(())
    }

    pub(super) fn step(&mut self, store: &GradStore) -> Result<()> {
        // Whatever can be wrong is found here, before anything changes.
        let mut gradients = Vec::new();
        let mut composed = Vec::new();
        for group in &self.groups {
            let rule = self.method.rule(group.lr, group.weight_decay, self.steps.saturating_add(1));
            for member in &group.members {
                let mut gradient = member.gradient(store)?;
                if self.addresses.contains(&address(&gradient)) {
                    gradient = gradient.copy()?;
                }
                if let Memory::Composed(memory) = &member.memory {
                    composed.push(next(rule, &member.param.var, &gradient, memory)?);
                }
                gradients.push(gradient);
            }
        }
        self.steps = self.steps.saturating_add(1);
        self.write(&gradients, composed)
    }

    /// The part of a step that changes something.
    fn write(&mut self, gradients: &[Tensor], composed: Vec<(Tensor, Vec<Tensor>)>) -> Result<()> {
        let (mut gradients, mut composed) = (gradients.iter(), composed.into_iter());
        for group in &mut self.groups {
            let rule = self.method.rule(group.lr, group.weight_decay, self.steps);
            for (member, gradient) in group.members.iter_mut().zip(&mut gradients) {
                let theta = &member.param.var;
                match &mut member.memory {
                    Memory::F32(memory) => update(rule, theta, gradient, memory)?,
                    Memory::F64(memory) => update(rule, theta, gradient, memory)?,
                    Memory::Composed(memory) => {
                        if let Some((value, next)) = composed.next() {
                            theta.set(&value)?;
                            *memory = next;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn members(&self) -> impl Iterator<Item = &Member> {
        self.groups.iter().flat_map(|group| &group.members)
    }
}

/// A step by tensor operations: the next value and memory.
fn next<R: Rule>(rule: R, theta: &Var, gradient: &Tensor, memory: &[Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
    let mut memory: Vec<_> = memory.iter().map(Composed::new).collect();
    let value = rule.apply(Composed::new(theta), Composed::new(gradient), &mut memory).tensor()?;
    Ok((value, memory.into_iter().map(Composed::tensor).collect::<candle_core::Result<_>>()?))
}

impl Group {
    fn new<M: Method>(group: ParamGroup, method: &M) -> Result<Self> {
        let lr = group.lr.unwrap_or(method.lr());
        let weight_decay = group.weight_decay.unwrap_or(method.weight_decay());
        range::not_negative("lr", lr)?;
        range::not_negative("weight_decay", weight_decay)?;
        let members = group
            .params
            .into_iter()
            .map(|param| {
                Ok(Member { memory: Memory::new(&param.var, method.memory().len(), method.initial_memory())?, param })
            })
            .collect::<Result<_>>()?;
        Ok(Self { members, lr, weight_decay })
    }
}

impl Member {
    /// The gradient of the parameter: of its shape and dtype, beside it, and contiguous.
    fn gradient(&self, store: &GradStore) -> Result<Tensor> {
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

/// Where a tensor's numbers are kept, the same for all that share them.
fn address(tensor: &Tensor) -> usize {
    let storage: *const Storage = &*tensor.storage_and_layout().0;
    storage as usize
}

impl Debug for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the memory: that would be millions of numbers.
        self.param.fmt(f)
    }
}

impl<M: Method> Stateful for Core<M> {
    fn state(&self) -> Result<State> {
        let mut state = State::default();
        state.set("step", self.steps);
        for (i, group) in self.groups.iter().enumerate() {
            state.set(&rate_name(i), group.lr);
        }
        for member in self.members() {
            for (name, tensor) in self.method.memory().iter().zip(member.memory.tensors(&member.param.var)?) {
                state.tensors.insert(format!("{}.{name}", member.param.name), tensor);
            }
        }
        Ok(state)
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        let steps = state.get("step")?;
        let mut expected = HashSet::from(["step".to_owned()]);
        let mut rates = Vec::with_capacity(self.groups.len());
        for i in 0..self.groups.len() {
            let name = rate_name(i);
            let lr = state.get(&name)?;
            if range::not_negative("lr", lr).is_err() {
                return Err(Error::State { name, problem: format!("must be finite and at least 0, got {lr}") });
            }
            rates.push(lr);
            expected.insert(name);
        }
        let mut memories = Vec::new();
        for member in self.members() {
            let mut tensors = Vec::new();
            for name in self.method.memory() {
                let name = format!("{}.{name}", member.param.name);
                tensors.push(state.tensor(&name, &member.param.var)?);
                expected.insert(name);
            }
            memories.push(member.memory.filled(&tensors)?);
        }
        if let Some(name) = state.tensors.keys().chain(state.values.keys()).find(|name| !expected.contains(*name)) {
            return Err(Error::State {
                name: name.clone(),
                problem: "is nothing that this optimizer remembers".into(),
            });
        }
        let members = self.groups.iter_mut().flat_map(|group| &mut group.members);
        for (member, memory) in members.zip(memories) {
            member.memory = memory;
        }
        for (group, lr) in self.groups.iter_mut().zip(rates) {
            group.lr = lr;
        }
        self.steps = steps;
        Ok(())
    }
}

fn rate_name(group: usize) -> String {
    format!("param_groups.{group}.lr")
}
