//! A run that goes on where it was.

use candle_core::{DType, Device, Tensor};

use super::learner::copied;
use super::{Dqn, DqnHistory, Environment};
use crate::rl::n_step_return::Waiting;
use crate::state::{State, Stateful};
use crate::{Error, Result};

/// Both networks, the optimizer, the memory, the environment with its episode, the streams, and the count of steps. Settings are
/// those of the one that loads; its history begins anew.
impl<E> Stateful for Dqn<E>
where
    E: Environment + Stateful,
    E::Observation: AsRef<[f64]> + AsMut<[f64]>,
{
    fn state(&self) -> Result<State> {
        let mut state = self.learner.state()?;
        state.add_part("env.", self.env.state()?);
        state.add_part("exploration.", self.exploration.state()?);
        state.tensors.insert("observation".into(), numbers(self.observation.as_ref())?);
        state.set("step", self.step);
        state.set("total", self.total);
        state.set("length", self.length);
        state.set("waiting", self.returns.waiting.len());
        for (i, waiting) in self.returns.waiting.iter().enumerate() {
            state.tensors.insert(format!("waiting.{i}.observation"), numbers(waiting.observation.as_ref())?);
            state.set(&format!("waiting.{i}.action"), waiting.action);
            state.set(&format!("waiting.{i}.reward"), waiting.reward);
            state.set(&format!("waiting.{i}.discount"), waiting.discount);
        }
        Ok(state)
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        // All that can be refused without a change comes first; then parts, which are put back if a later one is refused.
        let observation = self.observation(state, "observation")?;
        let count: usize = state.get("waiting")?;
        if count >= self.config().n_step {
            let problem = format!("must be below {}, got {count}", self.config().n_step);
            return Err(Error::State { name: "waiting".into(), problem });
        }
        let waiting = |i: usize| -> Result<Waiting<E::Observation>> {
            Ok(Waiting {
                observation: self.observation(state, &format!("waiting.{i}.observation"))?,
                action: state.get(&format!("waiting.{i}.action"))?,
                reward: state.get(&format!("waiting.{i}.reward"))?,
                discount: state.get(&format!("waiting.{i}.discount"))?,
            })
        };
        let waiting = (0..count).map(waiting).collect::<Result<_>>()?;
        let (step, total, length) = (state.get("step")?, state.get("total")?, state.get("length")?);
        let before = copied(self.state()?)?;
        if let Err(error) = self.load_parts(state) {
            self.load_parts(&before)?;
            return Err(error);
        }
        self.observation = observation;
        self.returns.waiting = waiting;
        (self.step, self.total, self.length) = (step, total, length);
        // It was that of another run.
        self.history = DqnHistory::default();
        Ok(())
    }
}

impl<E> Dqn<E>
where
    E: Environment + Stateful,
    E::Observation: AsRef<[f64]> + AsMut<[f64]>,
{
    fn load_parts(&mut self, state: &State) -> Result<()> {
        self.learner.load_state(state)?;
        self.env.load_state(&state.part("env.")).map_err(|error| error.within("env."))?;
        self.exploration.load_state(&state.part("exploration.")).map_err(|error| error.within("exploration."))
    }

    /// An observation of the state, as wide as the present one.
    fn observation(&self, state: &State, name: &str) -> Result<E::Observation> {
        let mut observation = self.observation.clone();
        let like = Tensor::zeros(observation.as_ref().len(), DType::F64, &Device::Cpu)?;
        let numbers: Vec<f64> = state.tensor(name, &like)?.to_vec1()?;
        observation.as_mut().copy_from_slice(&numbers);
        Ok(observation)
    }
}

fn numbers(observation: &[f64]) -> Result<Tensor> {
    Ok(Tensor::from_slice(observation, observation.len(), &Device::Cpu)?)
}
