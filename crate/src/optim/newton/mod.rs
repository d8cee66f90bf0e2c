//! Newton's method and what it needs: exact second derivatives, and the solution of linear systems.
//!
//! Candle's gradients are detached from the graph, so it has no second derivatives. There are three ways to get them here:
//!
//! | objective | Hessian | cost for P parameters and N samples |
//! |---|---|---|
//! | [`LinearRegression`], [`LogisticRegression`], [`SoftmaxRegression`] | exact, by its formula | N P² |
//! | [`Exact`], any function written over [`Scalar`] | exact, by hyper-dual numbers | P²/2 evaluations |
//! | [`Differences`], any loss of Candle | central differences of the exact gradient, error about 10⁻⁹ | 2 P gradients |
//!
//! A Hessian takes P² numbers, and a step P³/3 operations: the reasons why deep networks are not trained this way.

mod difference;
mod dual;
mod inverse_bias;
mod linear;
mod regression;
mod step;

use ndarray::{Array1, Array2};

use crate::{Error, Result};

pub use crate::eigen::{SymmetricEigen, symmetric_eigen, symmetric_eigenvalues};
pub use difference::Differences;
pub use dual::{Exact, Function, HyperDual, Scalar};
pub use inverse_bias::InverseBias;
pub use linear::{cholesky, cholesky_solve, inverse, solve};
pub use regression::{LinearRegression, LogisticRegression, SoftmaxRegression};
pub use step::{Newton, NewtonMethod, NewtonStep};

/// A function of several numbers that is to be minimized, with its derivatives.
///
/// # Errors
/// Each method refuses an `x` that is not of length [`Objective::dim`].
pub trait Objective {
    /// How many numbers it takes.
    fn dim(&self) -> usize;

    /// f(x)
    ///
    /// # Errors
    /// As above.
    fn value(&self, x: &Array1<f64>) -> Result<f64>;

    /// ∇f(x)
    ///
    /// # Errors
    /// As above.
    fn gradient(&self, x: &Array1<f64>) -> Result<Array1<f64>>;

    /// ∇²f(x), symmetric
    ///
    /// # Errors
    /// As above.
    fn hessian(&self, x: &Array1<f64>) -> Result<Array2<f64>>;

    /// ∇²f(x) v, where possible without the Hessian.
    ///
    /// # Errors
    /// As above, for `v` too.
    fn hessian_vector(&self, x: &Array1<f64>, v: &Array1<f64>) -> Result<Array1<f64>>;
}

fn check_len(what: &'static str, expected: usize, x: &Array1<f64>) -> Result<()> {
    if x.len() == expected { Ok(()) } else { Err(Error::shape(what, format!("[{expected}]"), &[x.len()])) }
}
