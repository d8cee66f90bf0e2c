mod config;
mod line_search;

use std::collections::VecDeque;
use std::sync::Arc;

use candle_core::{Device, Tensor};

use super::flat::Flat;
use crate::params::Param;
use crate::state::{State, Stateful};
use crate::{Error, Result};

pub use config::{LbfgsConfig, LineSearch};
use line_search::{Point, dot, moved, strong_wolfe};

/// L-BFGS: Newton's direction with an inverse Hessian guessed from the last changes of the gradient.
///
/// ```text
/// sᵢ = θᵢ₊₁ - θᵢ,   yᵢ = gᵢ₊₁ - gᵢ,   ρᵢ = 1 / yᵢᵀsᵢ
/// d = -Hg    H ← (1 - ρ s yᵀ) H (1 - ρ y sᵀ) + ρ s sᵀ  over the remembered pairs, from H = (sᵀy / yᵀy) 1
/// θ ← θ + t d
/// ```
///
/// H is never formed: two loops over the pairs cost 4 · `history_size` · P operations for P parameters, against P²
/// numbers and some P³ operations of [`Newton`](super::Newton). It needs gradients without noise, so the whole data set
/// rather than mini-batches.
///
/// Nocedal and Wright (2006), algorithms 7.4 and 7.5, line search 3.5 and 3.6; step rules and stopping as in PyTorch's
/// `LBFGS`. Deviation: it computes in F64 whatever the dtype of the parameters. It has no groups, and is no
/// [`Optimizer`](super::Optimizer), because a step evaluates the loss several times.
///
/// ```
/// use candlelight::{optim::{Lbfgs, LbfgsConfig, LineSearch}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::with_dtype(0, DType::F64, &Device::Cpu)?;
/// let (x, y) = (params.var("x", (), Init::Constant(-1.2))?, params.var("y", (), Init::Constant(1.))?);
/// let config = LbfgsConfig { line_search_fn: LineSearch::StrongWolfe, max_iter: 100, ..LbfgsConfig::default() };
/// let mut lbfgs = Lbfgs::new(params.trainable(), config)?;
/// // Rosenbrock's valley.
/// lbfgs.step(&mut || Ok(((1. - x.as_tensor())?.sqr()? + ((y.as_tensor() - x.sqr()?)?.sqr()? * 100.)?)?))?;
/// assert!((x.to_scalar::<f64>()? - 1.).abs() < 1e-4);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Lbfgs {
    config: LbfgsConfig,
    params: Flat,
    memory: Memory,
}

/// What is known from past iterations. Pairs are shared, so that a copy to go back to is cheap.
#[derive(Debug, Clone, Default)]
struct Memory {
    n_iter: u64,
    func_evals: u64,
    /// The last direction, how far it was gone, and the gradient before.
    last: Option<(Vec<f64>, f64, Vec<f64>)>,
    pairs: VecDeque<Arc<Pair>>,
    h_diag: f64,
}

#[derive(Debug)]
struct Pair {
    y: Vec<f64>,
    s: Vec<f64>,
    rho: f64,
}

impl Lbfgs {
    /// An optimizer for `params`, at least one number.
    ///
    /// # Errors
    /// No parameter or one given twice, or a setting outside its range.
    pub fn new(params: Vec<Param>, config: LbfgsConfig) -> Result<Self> {
        config.check()?;
        Ok(Self { config, params: Flat::new(params)?, memory: Memory { h_diag: 1.0, ..Memory::default() } })
    }

    /// The settings.
    pub fn config(&self) -> &LbfgsConfig {
        &self.config
    }

    /// Iterations of all steps so far.
    pub fn iterations(&self) -> u64 {
        self.memory.n_iter
    }

    /// Evaluations of the loss in all steps so far.
    pub fn evaluations(&self) -> u64 {
        self.memory.func_evals
    }

    /// Makes up to `max_iter` iterations, and returns the loss before them. `loss` computes it anew, from the
    /// parameters as they are when it is called.
    ///
    /// # Errors
    /// What `loss` reports; a loss that is no scalar; a missing gradient; a loss or gradient that is not finite
    /// ([`Error::NotFinite`], with the iteration). Parameters and memory then are as before the step.
    pub fn step(&mut self, loss: &mut dyn FnMut() -> Result<Tensor>) -> Result<f64> {
        let (values, memory) = (self.params.values()?, self.memory.clone());
        let result = self.iterate(values.clone(), loss);
        if result.is_err() {
            self.memory = memory;
            self.params.set(&values)?;
        }
        result
    }

    fn iterate(&mut self, mut theta: Vec<f64>, loss: &mut dyn FnMut() -> Result<Tensor>) -> Result<f64> {
        let LbfgsConfig { lr, max_iter, tolerance_grad, tolerance_change, .. } = self.config;
        let max_eval = self.config.max_eval.unwrap_or(max_iter * 5 / 4).max(1);
        let params = self.params.clone();
        let mut evaluate = || params.evaluate(&loss()?);

        let (mut value, mut gradient) = evaluate()?;
        self.check(value, &gradient)?;
        let before = value;
        let mut evaluations = 1;
        self.memory.func_evals = self.memory.func_evals.saturating_add(1);
        if greatest(&gradient) <= tolerance_grad {
            return Ok(before);
        }
        for iteration in 1..=max_iter {
            self.memory.n_iter = self.memory.n_iter.saturating_add(1);
            let direction = self.direction(&gradient);
            let mut t = lr;
            if self.memory.n_iter == 1 {
                t *= (1.0 / gradient.iter().map(|g| g.abs()).sum::<f64>()).min(1.0);
            }
            let slope = dot(&gradient, &direction);
            let (previous, previous_gradient) = (value, gradient.clone());
            if slope > -tolerance_change {
                self.memory.last = Some((direction, t, previous_gradient));
                break;
            }
            let used = match self.config.line_search_fn {
                LineSearch::StrongWolfe => {
                    let at = |t: f64| -> Result<Point> {
                        self.params.set(&moved(&theta, t, &direction))?;
                        let (value, gradient) = evaluate()?;
                        let slope = dot(&gradient, &direction);
                        Ok(Point { t, value, gradient, slope })
                    };
                    let start = Point { t: 0.0, value, gradient, slope };
                    let (point, used) = strong_wolfe(at, start, t, greatest(&direction), max_eval - evaluations)?;
                    (t, value, gradient) = (point.t, point.value, point.gradient);
                    theta = moved(&theta, t, &direction);
                    self.params.set(&theta)?;
                    used
                }
                LineSearch::None => {
                    theta = moved(&theta, t, &direction);
                    self.params.set(&theta)?;
                    // After the last iteration nobody asks: the next step evaluates again.
                    if iteration < max_iter {
                        (value, gradient) = evaluate()?;
                        1
                    } else {
                        0
                    }
                }
            };
            self.check(value, &gradient)?;
            evaluations += used;
            self.memory.func_evals = self.memory.func_evals.saturating_add(used as u64);
            let small = greatest(&direction) * t.abs() <= tolerance_change;
            self.memory.last = Some((direction, t, previous_gradient));
            let flat = (value - previous).abs() < tolerance_change;
            if evaluations >= max_eval || greatest(&gradient) <= tolerance_grad || small || flat {
                break;
            }
        }
        Ok(before)
    }

    /// -Hg, after remembering the change since the last gradient.
    fn direction(&mut self, gradient: &[f64]) -> Vec<f64> {
        let memory = &mut self.memory;
        if let Some((direction, t, previous)) = &memory.last {
            let y = moved(gradient, -1.0, previous);
            let s: Vec<f64> = direction.iter().map(|d| d * t).collect();
            let ys = dot(&y, &s);
            // Otherwise the loss does not curve upwards here, and H would not stay positive definite.
            if ys > 1e-10 {
                if memory.pairs.len() == self.config.history_size {
                    memory.pairs.pop_front();
                }
                memory.h_diag = ys / dot(&y, &y);
                memory.pairs.push_back(Arc::new(Pair { y, s, rho: 1.0 / ys }));
            }
        }
        let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let mut alphas = Vec::with_capacity(memory.pairs.len());
        for pair in memory.pairs.iter().rev() {
            let alpha = dot(&pair.s, &q) * pair.rho;
            q = moved(&q, -alpha, &pair.y);
            alphas.push(alpha);
        }
        for q in &mut q {
            *q *= memory.h_diag;
        }
        for (pair, alpha) in memory.pairs.iter().zip(alphas.into_iter().rev()) {
            let beta = dot(&pair.y, &q) * pair.rho;
            q = moved(&q, alpha - beta, &pair.s);
        }
        q
    }

    fn check(&self, loss: f64, gradient: &[f64]) -> Result<()> {
        let step = self.memory.n_iter as usize;
        let refuse = |what, value| Err(Error::NotFinite { what, value, step });
        match gradient.iter().find(|g| !g.is_finite()) {
            _ if !loss.is_finite() => refuse("the loss of L-BFGS", loss),
            Some(&g) => refuse("a gradient of L-BFGS", g),
            None => Ok(()),
        }
    }
}

/// The greatest absolute value.
fn greatest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |greatest, value| value.abs().max(greatest))
}

/// PyTorch's names; all vectors in F64, over all parameters in order.
impl Stateful for Lbfgs {
    fn state(&self) -> Result<State> {
        let mut state = State::default();
        let Memory { n_iter, func_evals, last, pairs, h_diag } = &self.memory;
        state.set("n_iter", n_iter);
        state.set("func_evals", func_evals);
        state.set("H_diag", h_diag);
        state.set("pairs", pairs.len());
        let mut insert = |name: String, vector: &[f64]| -> Result<()> {
            state.tensors.insert(name, Tensor::new(vector, &Device::Cpu)?);
            Ok(())
        };
        for (i, pair) in pairs.iter().enumerate() {
            insert(format!("old_dirs.{i}"), &pair.y)?;
            insert(format!("old_stps.{i}"), &pair.s)?;
        }
        if let Some((direction, t, gradient)) = last {
            insert("d".into(), direction)?;
            insert("prev_flat_grad".into(), gradient)?;
            state.set("t", t);
        }
        Ok(state)
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        let like = Tensor::zeros(self.params.len(), candle_core::DType::F64, &Device::Cpu)?;
        let vector = |name: &str| -> Result<Vec<f64>> { Ok(state.tensor(name, &like)?.to_vec1()?) };
        let count: usize = state.get("pairs")?;
        if count > self.config.history_size {
            let problem = format!("must be at most {}, got {count}", self.config.history_size);
            return Err(Error::State { name: "pairs".into(), problem });
        }
        let mut pairs = VecDeque::with_capacity(count);
        for i in 0..count {
            let (y, s) = (vector(&format!("old_dirs.{i}"))?, vector(&format!("old_stps.{i}"))?);
            let rho = 1.0 / dot(&y, &s);
            pairs.push_back(Arc::new(Pair { y, s, rho }));
        }
        let n_iter = state.get("n_iter")?;
        let last = if n_iter == 0 { None } else { Some((vector("d")?, state.get("t")?, vector("prev_flat_grad")?)) };
        let (func_evals, h_diag) = (state.get("func_evals")?, state.get("H_diag")?);
        self.memory = Memory { n_iter, func_evals, last, pairs, h_diag };
        Ok(())
    }
}
