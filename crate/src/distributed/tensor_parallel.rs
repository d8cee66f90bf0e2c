//! A layer cut into parts that several ranks compute at the same time.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor, Var};

use super::schedule::chunk;
use super::{Algorithm, Communicator, Element, Reduction};
use crate::autograd::differentiable;
use crate::init::Init;
use crate::nn::{Activation, Linear, LinearConfig, Mode, Module};
use crate::params::Params;
use crate::{Error, Result};

/// The sum of a tensor over the ranks; its gradient goes back to each as it is: Megatron's g.
///
/// ```text
/// forward: y = Σᵢ xᵢ        backward: ∂L/∂xᵢ = ∂L/∂y
/// ```
///
/// All ranks go on with the same y to the same loss. On the CPU.
///
/// # Errors
/// A dtype other than F32 or F64, or a rank that is gone or silent.
pub fn sum_forward(comm: &Arc<dyn Communicator>, x: &Tensor) -> Result<Tensor> {
    let pass_on = |gradient: &Tensor, _: &[bool]| Ok(vec![Some(gradient.clone())]);
    match x.dtype() {
        DType::F32 => differentiable("sum_forward", &[x], sum::<f32>(comm, x)?, x.shape(), pass_on),
        DType::F64 => differentiable("sum_forward", &[x], sum::<f64>(comm, x)?, x.shape(), pass_on),
        actual => Err(Error::DType { what: "input of sum_forward", expected: "F32 or F64", actual }),
    }
}

/// A tensor that all ranks have, as it is; its gradient is the sum of theirs: Megatron's f.
///
/// ```text
/// forward: yᵢ = x        backward: ∂L/∂x = Σᵢ ∂L/∂yᵢ
/// ```
///
/// A tensor that depends on no variable sends nothing. On the CPU.
///
/// # Errors
/// A dtype other than F32 or F64; in the backward pass a rank that is gone or silent.
pub fn sum_backward(comm: &Arc<dyn Communicator>, x: &Tensor) -> Result<Tensor> {
    if !x.track_op() {
        return Ok(x.clone());
    }
    fn copied<T: Element>(comm: &Arc<dyn Communicator>, x: &Tensor) -> Result<Tensor> {
        let comm = comm.clone();
        let backward = move |gradient: &Tensor, _: &[bool]| {
            let sums = sum::<T>(&comm, gradient)?;
            Ok(vec![Some(Tensor::from_vec(sums, gradient.shape(), &Device::Cpu)?)])
        };
        differentiable("sum_backward", &[x], numbers::<T>(x)?, x.shape(), backward)
    }
    match x.dtype() {
        DType::F32 => copied::<f32>(comm, x),
        DType::F64 => copied::<f64>(comm, x),
        actual => Err(Error::DType { what: "input of sum_backward", expected: "F32 or F64", actual }),
    }
}

fn numbers<T: Element>(x: &Tensor) -> Result<Vec<T>> {
    Ok(x.detach().flatten_all()?.to_vec1()?)
}

fn sum<T: Element>(comm: &Arc<dyn Communicator>, x: &Tensor) -> Result<Vec<T>> {
    let mut values = numbers::<T>(x)?;
    let algorithm = Algorithm::usual(comm.size(), size_of_val(values.as_slice()));
    comm.all_reduce_with(&mut values, Reduction::Sum, algorithm)?;
    Ok(values)
}

/// A linear layer of which each rank has some of the outputs.
///
/// ```text
/// yᵢ = x Wᵢᵀ + bᵢ        W = [W₀; W₁; …]: the rows of the weight, which are the columns of Megatron's A = Wᵀ
/// ```
///
/// Rank i has the [`chunk`](super::schedule::chunk) i of the outputs. The input is the whole one, the same on all ranks; its gradient
/// is summed over them ([`sum_backward`]), unless it depends on no variable. An activation works on each part by itself, and a
/// [`RowParallelLinear`] takes the parts: so two layers need one all-reduce forward and one backward.
///
/// Each rank starts with its part of what the whole [`Linear`] of the same seed and name would start with.
///
/// The norm that gradients are clipped by is that of this rank's part: sum the squares over the ranks first.
///
/// # Shapes
/// Input [..., in], output [..., outᵢ]; parameters `weight` [outᵢ, in] and `bias` `[outᵢ]`.
///
/// Shoeybi et al. (2019), "Megatron-LM: Training Multi-Billion Parameter Language Models Using Model Parallelism", section 3.
///
/// ```
/// use candlelight::{distributed::{ColumnParallelLinear, RowParallelLinear, cluster}, nn::LinearConfig, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let x = Tensor::ones((2, 3), DType::F64, &Device::Cpu)?;
/// let params = || Params::with_dtype(0, DType::F64, &Device::Cpu);
/// let run = cluster(2, |comm| {
///     let (params, config) = (params()?, LinearConfig::default());
///     let up = ColumnParallelLinear::new(3, 8, config, comm, params.pp("up"))?;
///     let down = RowParallelLinear::new(8, 3, config, comm, params.pp("down"))?;
///     assert_eq!(params.count(), 4 * 3 + 4 + 3 * 4 + 3);
///     Ok(down.forward(&relu(&up.forward(&x, Mode::Train)?)?, Mode::Train)?.to_vec2::<f64>()?)
/// })?;
/// let (up, down) = (linear(3, 8, params()?.pp("up"))?, linear(8, 3, params()?.pp("down"))?);
/// let whole = down.forward(&relu(&up.forward(&x, Mode::Train)?)?, Mode::Train)?.to_vec2::<f64>()?;
/// assert!((run.results[0][1][2] - whole[1][2]).abs() < 1e-12);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct ColumnParallelLinear {
    comm: Arc<dyn Communicator>,
    part: Linear,
}

impl ColumnParallelLinear {
    /// This rank's part of a layer of these sizes; `out_features`: at least the number of ranks.
    ///
    /// # Errors
    /// As [`Linear::new`], or fewer outputs than ranks.
    pub fn new(
        in_features: usize,
        out_features: usize,
        config: LinearConfig,
        comm: &Arc<dyn Communicator>,
        params: Params,
    ) -> Result<Self> {
        let own = own("out_features", out_features, comm)?;
        let part = Linear::new(in_features, own.len(), config, params.clone())?;
        let default = Init::TorchLinear { fan_in: in_features };
        let whole = params.initial("weight", (out_features, in_features), config.weight_init.unwrap_or(default))?;
        params.set("weight", &whole.narrow(0, own.start, own.len())?)?;
        if config.bias {
            let whole = params.initial("bias", out_features, config.bias_init.unwrap_or(default))?;
            params.set("bias", &whole.narrow(0, own.start, own.len())?)?;
        }
        Ok(Self { comm: comm.clone(), part })
    }

    /// Wᵢ, of shape [outᵢ, in].
    pub fn weight(&self) -> &Var {
        self.part.weight()
    }

    /// bᵢ, of shape `[outᵢ]`, if the layer has one.
    pub fn bias(&self) -> Option<&Var> {
        self.part.bias()
    }
}

impl Module for ColumnParallelLinear {
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        self.part.forward(&sum_backward(&self.comm, x)?, mode)
    }

    fn forward_then(&self, x: &Tensor, mode: Mode, activation: Activation) -> Result<Tensor> {
        self.part.forward_then(&sum_backward(&self.comm, x)?, mode, activation)
    }
}

/// A linear layer of which each rank has some of the inputs: what follows a [`ColumnParallelLinear`].
///
/// ```text
/// y = Σᵢ xᵢ Wᵢᵀ + b        W = [W₀, W₁, …]: the columns of the weight, which are the rows of Megatron's A = Wᵀ
/// ```
///
/// Rank i has the [`chunk`](super::schedule::chunk) i of the inputs. The sum over the ranks ([`sum_forward`]) is the same on all of
/// them, and so is b, which all have, with the same gradient. Initial values and clipping as there.
///
/// # Shapes
/// Input [..., inᵢ], output [..., out]; parameters `weight` [out, inᵢ] and `bias` `[out]`.
#[derive(Clone)]
pub struct RowParallelLinear {
    comm: Arc<dyn Communicator>,
    part: Linear,
    bias: Option<Var>,
}

impl RowParallelLinear {
    /// This rank's part of a layer of these sizes; `in_features`: at least the number of ranks.
    ///
    /// # Errors
    /// As [`Linear::new`], or fewer inputs than ranks.
    pub fn new(
        in_features: usize,
        out_features: usize,
        config: LinearConfig,
        comm: &Arc<dyn Communicator>,
        params: Params,
    ) -> Result<Self> {
        let own = own("in_features", in_features, comm)?;
        let without = LinearConfig { bias: false, ..config };
        let part = Linear::new(own.len(), out_features, without, params.clone())?;
        let default = Init::TorchLinear { fan_in: in_features };
        let whole = params.initial("weight", (out_features, in_features), config.weight_init.unwrap_or(default))?;
        params.set("weight", &whole.narrow(1, own.start, own.len())?.contiguous()?)?;
        let bias = match config.bias {
            true => Some(params.var("bias", out_features, config.bias_init.unwrap_or(default))?),
            false => None,
        };
        Ok(Self { comm: comm.clone(), part, bias })
    }

    /// Wᵢ, of shape [out, inᵢ].
    pub fn weight(&self) -> &Var {
        self.part.weight()
    }

    /// b, of shape `[out]`, if the layer has one.
    pub fn bias(&self) -> Option<&Var> {
        self.bias.as_ref()
    }
}

impl Module for RowParallelLinear {
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let y = sum_forward(&self.comm, &self.part.forward(x, mode)?)?;
        match &self.bias {
            Some(bias) => Ok(y.broadcast_add(bias)?),
            None => Ok(y),
        }
    }
}

/// The features of this rank.
fn own(name: &'static str, features: usize, comm: &Arc<dyn Communicator>) -> Result<std::ops::Range<usize>> {
    match features < comm.size() {
        true => Err(Error::setting(name, "at least the number of ranks", format!("{features} for {}", comm.size()))),
        false => Ok(chunk(comm.rank(), comm.size(), features)),
    }
}
