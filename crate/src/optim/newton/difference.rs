use candle_core::{DType, Tensor};
use candlelight_base::transfer;
use ndarray::{Array1, Array2};

use super::{Objective, check_len};
use crate::optim::flat::Flat;
use crate::params::Param;
use crate::{Error, Result};

/// Cube root of the rounding error, which balances it against the error h² of a central difference.
const STEP: f64 = 6e-6;

/// The loss of a model as a function of its parameters, joined in order to one vector.
///
/// ```text
/// ∇²L eⱼ ≈ (∇L(θ + h eⱼ) - ∇L(θ - h eⱼ)) / 2h,    h = 6·10⁻⁶ max(1, |θⱼ|)
/// ∇²L v ≈ (∇L(θ + h v) - ∇L(θ - h v)) / 2h,       h = 6·10⁻⁶ max(1, ‖θ‖∞) / ‖v‖∞
/// ```
///
/// Gradients are exact, by backpropagation; second derivatives are these differences (Candle's gradients cannot be
/// differentiated again), with an error of about 10⁻⁹ where third derivatives are of size 1. A Hessian is the mean of
/// the differences and their transpose. The parameters themselves keep their values, except while a method runs.
///
/// ```
/// use candlelight::{ndarray::array, optim::newton::{Differences, Objective}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::with_dtype(0, DType::F64, &Device::Cpu)?;
/// let x = params.var("x", 2, Init::Constant(1.))?;
/// let objective = Differences::new(params.trainable(), move || Ok(x.powf(3.)?.sum_all()?))?;
/// let hessian = objective.hessian(&array![1., 2.])?;
/// assert!((hessian - array![[6., 0.], [0., 12.]]).iter().all(|error| error.abs() < 1e-7));
/// # Ok(()) }
/// ```
pub struct Differences {
    params: Flat,
    loss: Box<dyn Fn() -> Result<Tensor> + Send>,
}

impl Differences {
    /// `params`: of F64, at least one number. `loss` computes the loss, a scalar, from the parameters as they are when it is
    /// called, without drawing random numbers.
    ///
    /// # Errors
    /// No parameter, one given twice, or one that is not F64.
    pub fn new(params: Vec<Param>, loss: impl Fn() -> Result<Tensor> + Send + 'static) -> Result<Self> {
        let params = Flat::new(params)?;
        if let Some(param) = params.params().iter().find(|param| param.var.dtype() != DType::F64) {
            let actual = param.var.dtype();
            return Err(Error::DType { what: "parameters to differentiate twice", expected: "F64", actual });
        }
        Ok(Self { params, loss: Box::new(loss) })
    }

    /// The present values of the parameters: where to start from.
    ///
    /// # Errors
    /// If Candle cannot read them.
    pub fn start(&self) -> Result<Array1<f64>> {
        Ok(self.params.values()?.into())
    }

    /// Gives the parameters new values, such as the minimum that was found.
    ///
    /// # Errors
    /// Another number of values.
    pub fn set(&self, x: &Array1<f64>) -> Result<()> {
        self.params.set(&x.to_vec())
    }

    /// What `f` returns while the parameters are at `x`.
    fn at<T>(&self, x: &Array1<f64>, f: impl FnOnce() -> Result<T>) -> Result<T> {
        let before = self.params.values()?;
        self.set(x)?;
        let result = f();
        self.params.set(&before)?;
        result
    }

    /// (∇L(x + d) - ∇L(x - d)) / 2h
    fn difference(&self, x: &Array1<f64>, d: &Array1<f64>, h: f64) -> Result<Array1<f64>> {
        Ok((self.gradient(&(x + d))? - self.gradient(&(x - d))?) / (2.0 * h))
    }
}

impl std::fmt::Debug for Differences {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Differences").field("params", &self.params).finish_non_exhaustive()
    }
}

impl Objective for Differences {
    fn dim(&self) -> usize {
        self.params.len()
    }

    fn value(&self, x: &Array1<f64>) -> Result<f64> {
        self.at(x, || {
            let loss = (self.loss)()?;
            if loss.elem_count() != 1 {
                return Err(Error::shape("loss", "one element", loss.dims()));
            }
            Ok(transfer::scalar(&loss.flatten_all()?.get(0)?)?)
        })
    }

    fn gradient(&self, x: &Array1<f64>) -> Result<Array1<f64>> {
        self.at(x, || Ok(self.params.evaluate(&(self.loss)()?)?.1.into()))
    }

    fn hessian(&self, x: &Array1<f64>) -> Result<Array2<f64>> {
        check_len("x", self.dim(), x)?;
        let mut hessian = Array2::zeros((self.dim(), self.dim()));
        for j in 0..self.dim() {
            let h = STEP * x[j].abs().max(1.0);
            let mut d = Array1::zeros(self.dim());
            d[j] = h;
            hessian.column_mut(j).assign(&self.difference(x, &d, h)?);
        }
        Ok((&hessian + &hessian.t()) / 2.0)
    }

    fn hessian_vector(&self, x: &Array1<f64>, v: &Array1<f64>) -> Result<Array1<f64>> {
        check_len("x", self.dim(), x)?;
        check_len("v", self.dim(), v)?;
        let greatest = |x: &Array1<f64>| x.iter().fold(0.0, |greatest: f64, x| greatest.max(x.abs()));
        if greatest(v) == 0.0 {
            return Ok(v.clone());
        }
        let h = STEP * greatest(x).max(1.0) / greatest(v);
        self.difference(x, &(v * h), h)
    }
}
