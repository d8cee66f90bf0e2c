//! The derivative of a normalization in closed form.

use std::sync::Mutex;

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CudaStorage, CustomOp1, CustomOp3, Layout, Result, Shape, Storage, Tensor, bail};

/// What a normalization has made, apart from Candle's graph.
pub(super) struct Normalized {
    /// x̂, of the shape of x.
    pub normalized: Tensor,
    /// 1 / √(σ² + ε), of the shape `rows` but for 1 in place of each of `dims`.
    pub rstd: Tensor,
    /// The shape of x as it was normalized.
    pub rows: Shape,
    /// The dimensions of `rows` that it was normalized over.
    pub dims: Vec<usize>,
}

/// γ and β, and how they broadcast over x.
pub(super) struct Scales<'a> {
    pub weight: &'a Tensor,
    pub bias: &'a Tensor,
    /// Their shape with 1 in place of each dimension of x that they have not.
    pub shape: &'a [usize],
}

impl Normalized {
    /// x̂ as an operation of Candle on `x`.
    ///
    /// ```text
    /// ∂L/∂x = (g - mean(g) - x̂ mean(g x̂)) / √(σ² + ε)
    /// ```
    ///
    /// Candle would take the derivatives of mean, variance and root one after the other, some forty operations of which half are
    /// as large as `x`; these are a dozen.
    pub fn of(self, x: &Tensor) -> Result<Tensor> {
        let output = Output::new(self.normalized.clone());
        x.apply_op1(Plain { output, made: self })
    }

    /// x̂ γ + β as an operation on `x`, γ and β.
    ///
    /// ```text
    /// ∂L/∂x as above, of γ g       ∂L/∂γ = Σ g x̂       ∂L/∂β = Σ g
    /// ```
    pub fn scaled(self, x: &Tensor, scales: Scales) -> Result<Tensor> {
        let Scales { weight, bias, shape } = scales;
        let (weight, bias) = (weight.detach().reshape(shape)?, bias.detach().reshape(shape)?);
        let output = Output::new(self.normalized.broadcast_mul(&weight)?.broadcast_add(&bias)?);
        // From the right, as shapes broadcast.
        let missing = x.rank().saturating_sub(shape.len());
        let summed = (0..x.rank()).filter(|&dim| dim < missing || shape.get(dim - missing) == Some(&1)).collect();
        x.apply_op3(scales.weight, scales.bias, Scaled { output, made: self, weight, summed })
    }

    fn derivative(&self, gradient: &Tensor) -> Result<Tensor> {
        let (gradient, normalized) = (shaped(gradient, &self.rows)?, shaped(&self.normalized, &self.rows)?);
        let common = (&gradient * &normalized)?.mean_keepdim(self.dims.as_slice())?;
        let centred = gradient.broadcast_sub(&gradient.mean_keepdim(self.dims.as_slice())?)?;
        let of_rows = (centred - normalized.broadcast_mul(&common)?)?.broadcast_mul(&self.rstd)?;
        shaped(&of_rows, self.normalized.shape())
    }
}

/// `x` in another shape, or the same.
pub(super) fn shaped(x: &Tensor, shape: &Shape) -> Result<Tensor> {
    if x.shape() == shape { Ok(x.clone()) } else { x.reshape(shape) }
}

struct Plain {
    output: Output,
    made: Normalized,
}

struct Scaled {
    output: Output,
    made: Normalized,
    /// γ, which broadcasts over x.
    weight: Tensor,
    /// The dimensions of x that γ and β have not.
    summed: Vec<usize>,
}

impl CustomOp1 for Plain {
    fn name(&self) -> &'static str {
        "normalized"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        self.output.on_cpu()
    }

    fn cuda_fwd(&self, _: &CudaStorage, _: &Layout) -> Result<(CudaStorage, Shape)> {
        self.output.on_card()
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(self.made.derivative(&gradient.detach())?))
    }
}

impl CustomOp3 for Scaled {
    fn name(&self) -> &'static str {
        "normalized-and-scaled"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.output.on_cpu()
    }

    fn cuda_fwd(
        &self,
        _: &CudaStorage,
        _: &Layout,
        _: &CudaStorage,
        _: &Layout,
        _: &CudaStorage,
        _: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        self.output.on_card()
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let gradient = gradient.detach();
        let sum = |values: Tensor, like: &Tensor| match self.summed.is_empty() {
            true => values.reshape(like.shape()),
            false => values.sum_keepdim(self.summed.as_slice())?.reshape(like.shape()),
        };
        let of_weight = sum((&gradient * &self.made.normalized)?, weight)?;
        let of_bias = sum(gradient.clone(), bias)?;
        let of_x = match x.track_op() {
            true => Some(self.made.derivative(&gradient.broadcast_mul(&self.weight)?)?),
            false => None,
        };
        Ok((of_x, Some(of_weight), Some(of_bias)))
    }
}

/// The result of an operation that was computed before it, to take once: it is Candle's from then on, and not kept twice.
struct Output(Mutex<Option<Tensor>>);

impl Output {
    fn new(output: Tensor) -> Self {
        Self(Mutex::new(Some(output)))
    }

    fn on_cpu(&self) -> Result<(CpuStorage, Shape)> {
        let output = self.take()?;
        let (storage, layout) = output.storage_and_layout();
        match &*storage {
            Storage::Cpu(storage) => Ok((storage.try_clone(layout)?, layout.shape().clone())),
            _ => bail!("normalization: the output is not on the CPU"),
        }
    }

    fn on_card(&self) -> Result<(CudaStorage, Shape)> {
        let output = self.take()?;
        let (storage, layout) = output.storage_and_layout();
        match &*storage {
            Storage::Cuda(storage) => Ok((storage.try_clone(layout)?, layout.shape().clone())),
            _ => bail!("normalization: the output is not on the card"),
        }
    }

    fn take(&self) -> Result<Tensor> {
        match self.0.lock().ok().and_then(|mut output| output.take()) {
            Some(output) => Ok(output),
            None => bail!("normalization: run twice"),
        }
    }
}
