//! What all optimizers of one rule for every number have in common: groups, memory, step count, state.

use std::collections::HashSet;
use std::fmt::Debug;

use candle_core::backprop::GradStore;
use candle_core::{Storage, Tensor};
use candlelight_base::range;
use candlelight_kernels::update::Rule;

use super::ParamGroup;
use super::members::{Group, Member};
use super::memory::Start;
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
        let (lr, weight_decay, start) = (method.lr(), method.weight_decay(), start(&method));
        let groups =
            groups.into_iter().map(|group| Group::new(group, lr, weight_decay, start)).collect::<Result<_>>()?;
        Ok(Self { method, groups, addresses, steps: 0 })
    }

    /// Remembers in tensors, so that steps are composed of tensor operations.
    pub(super) fn composed(mut self) -> Result<Self> {
        let remembered = self.remembered()?;
        let mut remembered = remembered.into_iter();
        for group in &mut self.groups {
            let own: Vec<_> = remembered.by_ref().take(group.members.len()).collect();
            group.compose(start(&self.method))?;
            let filled = group.filled(&own)?;
            group.remember(filled);
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
        let mut gradients = Vec::with_capacity(self.groups.len());
        let mut composed = Vec::with_capacity(self.groups.len());
        for group in &self.groups {
            let rule = self.method.rule(group.lr, group.weight_decay, self.steps.saturating_add(1));
            let own = group.members.iter().map(|member| {
                let gradient = member.gradient(store)?;
                Ok(if self.addresses.contains(&address(&gradient)) { gradient.copy()? } else { gradient })
            });
            let own: Vec<Tensor> = own.collect::<Result<_>>()?;
            composed.push(group.next(rule, &own)?);
            gradients.push(own);
        }
        self.steps = self.steps.saturating_add(1);
        for ((group, gradients), composed) in self.groups.iter_mut().zip(gradients).zip(composed) {
            let rule = self.method.rule(group.lr, group.weight_decay, self.steps);
            group.write(rule, &gradients, composed)?;
        }
        Ok(())
    }

    fn members(&self) -> impl Iterator<Item = &Member> {
        self.groups.iter().flat_map(|group| &group.members)
    }

    /// What is remembered of each parameter, as copies of its shape.
    fn remembered(&self) -> Result<Vec<Vec<Tensor>>> {
        let mut all = Vec::new();
        for group in &self.groups {
            all.extend(group.remembered()?);
        }
        Ok(all)
    }
}

fn start<M: Method>(method: &M) -> Start {
    Start { count: method.memory().len(), value: method.initial_memory() }
}

/// Where a tensor's numbers are kept, the same for all that share them.
fn address(tensor: &Tensor) -> usize {
    let storage: *const Storage = &*tensor.storage_and_layout().0;
    storage as usize
}

impl<M: Method> Stateful for Core<M> {
    fn state(&self) -> Result<State> {
        let mut state = State::default();
        state.set("step", self.steps);
        for (i, group) in self.groups.iter().enumerate() {
            state.set(&rate_name(i), group.lr);
        }
        for (member, remembered) in self.members().zip(self.remembered()?) {
            for (name, tensor) in self.method.memory().iter().zip(remembered) {
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
        let mut filled = Vec::with_capacity(self.groups.len());
        for group in &self.groups {
            let mut remembered = Vec::with_capacity(group.members.len());
            for Member { param, .. } in &group.members {
                let mut tensors = Vec::new();
                for name in self.method.memory() {
                    let name = format!("{}.{name}", param.name);
                    tensors.push(state.tensor(&name, &param.var)?);
                    expected.insert(name);
                }
                remembered.push(tensors);
            }
            filled.push(group.filled(&remembered)?);
        }
        if let Some(name) = state.tensors.keys().chain(state.values.keys()).find(|name| !expected.contains(*name)) {
            return Err(Error::State {
                name: name.clone(),
                problem: "is nothing that this optimizer remembers".into(),
            });
        }
        for ((group, lr), filled) in self.groups.iter_mut().zip(rates).zip(filled) {
            group.lr = lr;
            group.remember(filled);
        }
        self.steps = steps;
        Ok(())
    }
}

fn rate_name(group: usize) -> String {
    format!("param_groups.{group}.lr")
}
