use candle_core::{DType, Tensor};
use candlelight_base::range;

use crate::{Error, Result};

/// The spectral radius of a square matrix: the largest absolute value of its eigenvalues, complex ones included.
///
/// ```text
/// ρ(A) = lim ‖Aᵏ‖^(1/k)        Gelfand's formula, at k = 2³⁰ by 30 squarings
/// ```
///
/// It is the factor by which Aᵏ grows or shrinks in the long run; for a few steps the growth may be larger, up to the largest
/// singular value ‖A‖₂ ≥ ρ(A) a step. Multiplying A by s multiplies ρ by s: that sets the ρ of a recurrent weight.
///
/// `a`: [n, n], of F32 or F64; computed in F64, in O(n³). The relative error is some 1e-9; a nilpotent matrix (all
/// eigenvalues 0) may give a small positive number.
///
/// # Errors
/// Another shape, or an entry that is not finite.
///
/// ```
/// use candlelight::{init::spectral_radius, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// // Eigenvalues 0.6 ± 0.8i, of absolute value 1: a rotation.
/// let rotation = Tensor::new(&[[0.6f64, -0.8], [0.8, 0.6]], &Device::Cpu)?;
/// assert!((spectral_radius(&rotation)? - 1.).abs() < 1e-9);
/// // Eigenvalues 0.5 and 0.2; the 100 does not matter in the long run.
/// let shear = Tensor::new(&[[0.5f64, 100.], [0., 0.2]], &Device::Cpu)?;
/// assert!((spectral_radius(&shear)? - 0.5).abs() < 1e-6);
/// # Ok(()) }
/// ```
pub fn spectral_radius(a: &Tensor) -> Result<f64> {
    if !matches!(a.dims(), [rows, columns] if rows == columns && *rows > 0) {
        return Err(Error::shape("matrix of a spectral radius", "[n, n] with n at least 1", a.dims()));
    }
    let mut power = a.detach().to_dtype(DType::F64)?;
    // ln ‖Aᵏ‖ / k: each squaring doubles k; the norm is divided out before it overflows.
    let (mut log, mut k) = (0.0, 1.0);
    for squarings in 0..=30 {
        let norm = power.sqr()?.sum_all()?.to_scalar::<f64>()?.sqrt();
        range::finite("matrix of a spectral radius", norm)?;
        if norm == 0.0 {
            return Ok(0.0);
        }
        log += norm.ln() / k;
        if squarings == 30 {
            break;
        }
        power = (power / norm)?;
        power = power.matmul(&power)?;
        k *= 2.0;
    }
    // The Frobenius norm may be √n times the largest singular value, which the root of order k removes.
    Ok(log.exp())
}
