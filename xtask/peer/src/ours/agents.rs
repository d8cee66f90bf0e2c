//! Environments, and an agent that learns in one. A step that is timed is [`STEPS`] steps of the environment.

use candlelight::prelude::*;
use candlelight::rl::{
    Autoreset, Batch, CartPole, Dqn, DqnConfig, Environment, QTable, TabularConfig, TabularEnv, TimeLimit, Vectorized,
    q_learning, q_learning_update, q_network,
};
use candlelight::state::Stateful;

use super::start;
use crate::shared;
use crate::task::{Results, Task, Work};

/// Of the environment, or of each environment of a vector.
const STEPS: usize = 1000;

/// Actions that are compared, too few for a pole to fall.
const COMPARED: usize = 5;

/// CleanRL's `dqn.py` with its settings, at its last ε.
struct Agent {
    dqn: Dqn<TimeLimit<CartPole>>,
    /// For the comparison.
    batch: Batch,
}

pub fn dqn() -> crate::Result<Task> {
    let config = DqnConfig { epsilon_start: 0.05, epsilon_end: 0.05, ..DqnConfig::default() };
    let dqn = Dqn::new(CartPole::v1(), |params| q_network(&[4, 120, 84, 2], params), config, 0)?;
    start(dqn.target_params())?;
    let parameters = start(dqn.params())?;
    let going_on = shared::labels("done", 128, 10)?.ne(0u32)?.to_dtype(DType::F32)?;
    let batch = Batch {
        observations: shared::input("states", (128, 4))?,
        actions: shared::labels("actions", 128, 2)?.unsqueeze(1)?,
        rewards: shared::input("rewards", 128)?,
        next_observations: shared::input("next", (128, 4))?,
        discounts: (going_on * 0.99)?,
        weights: None,
        indices: Vec::new(),
    };
    Ok(Task::changing(parameters, Agent { dqn, batch }))
}

impl Work for Agent {
    fn step(&mut self) -> crate::Result<Results> {
        self.dqn.train(STEPS as u64, Progress::Silent)?;
        Ok(Vec::new())
    }

    fn check(&mut self, number: usize) -> crate::Result<Results> {
        let update = self.dqn.update(&self.batch)?;
        if number == 3 {
            // The memory is full before anything is timed; nothing is learned meanwhile.
            self.dqn.train(self.dqn.config().learning_starts, Progress::Silent)?;
        }
        Ok(vec![("loss", Tensor::new(update.loss as f32, &Device::Cpu)?)])
    }
}

/// Random actions in one environment.
struct Single {
    env: TimeLimit<CartPole>,
    rng: Rng,
}

pub fn cart_pole() -> crate::Result<Task> {
    let mut env = CartPole::v1();
    env.reset(Some(0))?;
    Ok(Task::changing(Vec::new(), Single { env, rng: seeded(0) }))
}

impl Work for Single {
    fn step(&mut self) -> crate::Result<Results> {
        for _ in 0..STEPS {
            if self.env.step(self.rng.random_range(0..2))?.ended() {
                self.env.reset(None)?;
            }
        }
        Ok(Vec::new())
    }

    fn check(&mut self, number: usize) -> crate::Result<Results> {
        let mut env = started(number, 1)?.remove(0);
        let mut last = [0.0; 4];
        for action in shared::labels("actions", COMPARED, 2)?.to_vec1::<u32>()? {
            last = env.step(action as usize)?.observation;
        }
        Ok(vec![("state", Tensor::new(&last, &Device::Cpu)?)])
    }
}

/// Random actions in several at a time.
struct Several {
    envs: Vectorized<TimeLimit<CartPole>>,
    rng: Rng,
}

pub fn cart_poles(n: usize) -> crate::Result<Task> {
    let mut envs = Vectorized::new(vec![CartPole::v1(); n], Autoreset::NextStep)?;
    envs.reset(Some(0))?;
    Ok(Task::changing(Vec::new(), Several { envs, rng: seeded(0) }))
}

impl Work for Several {
    fn step(&mut self) -> crate::Result<Results> {
        let mut actions = vec![0; self.envs.len()];
        for _ in 0..STEPS {
            actions.fill_with(|| self.rng.random_range(0..2));
            self.envs.step(&actions)?;
        }
        Ok(Vec::new())
    }

    fn check(&mut self, number: usize) -> crate::Result<Results> {
        let n = self.envs.len();
        let mut envs = Vectorized::new(started(number, n)?, Autoreset::NextStep)?;
        let actions: Vec<usize> =
            shared::labels("actions", COMPARED * n, 2)?.to_vec1::<u32>()?.into_iter().map(|a| a as usize).collect();
        let mut last = Vec::new();
        for actions in actions.chunks(n) {
            last = envs.step(actions)?.iter().flat_map(|step| step.observation).collect();
        }
        Ok(vec![("state", Tensor::new(last, &Device::Cpu)?)])
    }
}

/// Q-learning from a table of zeros.
struct Taxi {
    env: TimeLimit<TabularEnv>,
    config: TabularConfig,
    rng: Rng,
}

pub fn taxi() -> crate::Result<Task> {
    let env = TimeLimit::new(TabularEnv::new(candlelight::rl::taxi()?), 200)?;
    // α = 0.1, γ = 0.99, ε = 0.1 are its defaults.
    let config = TabularConfig { episodes: usize::MAX, max_steps: STEPS, ..TabularConfig::default() };
    Ok(Task::changing(Vec::new(), Taxi { env, config, rng: seeded(0) }))
}

impl Work for Taxi {
    fn step(&mut self) -> crate::Result<Results> {
        q_learning(&mut self.env, &self.config, &mut self.rng)?;
        Ok(Vec::new())
    }

    fn check(&mut self, number: usize) -> crate::Result<Results> {
        let labels = |name: &str, n| shared::labels(&format!("{name} {number}"), STEPS, n)?.to_vec1::<u32>();
        let table = shared::input(&format!("table {number}"), (500, 6))?.to_dtype(DType::F64)?.to_vec2::<f64>()?;
        let first = QTable::from_fn(500, 6, |state, action| table[state][action])?;
        let (mut q, mut env) = (first.clone(), TabularEnv::new(candlelight::rl::taxi()?));
        env.reset(Some(0))?;
        let mut running = env.state()?;
        for (state, action) in labels("states", 500)?.into_iter().zip(labels("actions", 6)?) {
            running.set("state", state);
            env.load_state(&running)?;
            let step = env.step(action as usize)?;
            q_learning_update(&mut q, state as usize, action as usize, &step, 0.1, self.config.gamma)?;
        }
        let change: Vec<f64> = q.as_slice().iter().zip(first.as_slice()).map(|(now, first)| now - first).collect();
        Ok(vec![("change", Tensor::new(change, &Device::Cpu)?)])
    }
}

/// `n` poles near the middle of the cart, nearly upright.
fn started(number: usize, n: usize) -> crate::Result<Vec<TimeLimit<CartPole>>> {
    let states = (shared::input(&format!("start {number}"), (n, 4))?.to_dtype(DType::F64)? * 0.05)?;
    let begin = |state: Vec<f64>| {
        let mut env = CartPole::v1();
        env.env_mut().start_at([state[0], state[1], state[2], state[3]]);
        env
    };
    Ok(states.to_vec2::<f64>()?.into_iter().map(begin).collect())
}
