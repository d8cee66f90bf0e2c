use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor};

use super::Optimizer;
use crate::Result;
use crate::init::Init;
use crate::params::{Param, Params};

/// Functions of two variables on which optimizers are compared.
///
/// ```text
/// Quadratic    ½ (u² + κ v²),   u = x cos α + y sin α,   v = y cos α - x sin α
/// Rosenbrock   (1 - x)² + 100 (y - x²)²
/// Beale        (1.5 - x + xy)² + (2.25 - x + xy²)² + (2.625 - x + xy³)²
/// ```
///
/// Rosenbrock (1960); Beale (1958); both as in Moré, Garbow and Hillstrom (1981), functions 1 and 5.
///
/// ```
/// use candlelight::{optim::{Sgd, SgdConfig, TestFunction}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let f = TestFunction::Quadratic { condition: 10., angle: 0. };
/// assert_eq!((f.value([1., 1.]), f.gradient([1., 1.])), (5.5, [1., 10.]));
/// let path = f.path([1., 1.], 2, |params| Sgd::new(params, SgdConfig { lr: 0.1, ..SgdConfig::default() }))?;
/// assert_eq!(path.len(), 3); // the start, and after each step
/// assert!((path[2][0] - 0.81).abs() < 1e-12 && path[2][1].abs() < 1e-12);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum TestFunction {
    /// A bowl with elliptic level curves; minimum 0 at the origin.
    Quadratic {
        /// κ, the ratio of the two curvatures, above 0.
        condition: f64,
        /// α, by which the axes of the ellipses are turned, in radians.
        angle: f64,
    },
    /// A bent valley with a flat floor; minimum 0 at (1, 1).
    Rosenbrock,
    /// A plateau with steep walls; minimum 0 at (3, ½).
    Beale,
}

impl TestFunction {
    /// The value at a point.
    pub fn value(self, [x, y]: [f64; 2]) -> f64 {
        match self {
            Self::Quadratic { condition, angle } => {
                let [u, v] = turned([x, y], angle);
                0.5 * (u * u + condition * v * v)
            }
            Self::Rosenbrock => (1.0 - x).powi(2) + 100.0 * (y - x * x).powi(2),
            Self::Beale => BEALE.iter().map(|&(c, k)| (c - x + x * y.powi(k)).powi(2)).sum(),
        }
    }

    /// The gradient at a point.
    pub fn gradient(self, [x, y]: [f64; 2]) -> [f64; 2] {
        match self {
            Self::Quadratic { condition, angle } => {
                let [u, v] = turned([x, y], angle);
                turned([u, condition * v], -angle)
            }
            Self::Rosenbrock => {
                let off = y - x * x;
                [-2.0 * (1.0 - x) - 400.0 * x * off, 200.0 * off]
            }
            Self::Beale => BEALE.iter().fold([0.0, 0.0], |[dx, dy], &(c, k)| {
                let residual = c - x + x * y.powi(k);
                let slope = f64::from(k) * x * y.powi(k - 1);
                [dx + 2.0 * residual * (y.powi(k) - 1.0), dy + 2.0 * residual * slope]
            }),
        }
    }

    /// Where the minimum is; its value is 0.
    pub fn minimum(self) -> [f64; 2] {
        match self {
            Self::Quadratic { .. } => [0.0, 0.0],
            Self::Rosenbrock => [1.0, 1.0],
            Self::Beale => [3.0, 0.5],
        }
    }

    /// The points that an optimizer visits: `start`, and where it is after each of `steps` steps.
    ///
    /// `make`: makes the optimizer for the parameter it is given, one of shape `[2]`. A path that diverges ends in numbers
    /// that are infinite or NaN.
    ///
    /// # Errors
    /// What the optimizer reports.
    pub fn path<O: Optimizer>(
        self,
        start: [f64; 2],
        steps: usize,
        make: impl FnOnce(Vec<Param>) -> Result<O>,
    ) -> Result<Vec<[f64; 2]>> {
        let params = Params::with_dtype(0, DType::F64, &Device::Cpu)?;
        let point = params.var("point", 2, Init::Constant(0.0))?;
        point.set(&Tensor::new(&start, &Device::Cpu)?)?;
        let mut optimizer = make(params.trainable())?;
        let (mut here, mut path) = (start, vec![start]);
        for _ in 0..steps {
            let mut gradients = GradStore::default();
            gradients.insert(&point, Tensor::new(&self.gradient(here), &Device::Cpu)?);
            optimizer.step(&gradients)?;
            if let [x, y] = point.to_vec1::<f64>()?[..] {
                here = [x, y];
            }
            path.push(here);
        }
        Ok(path)
    }
}

/// The constants of Beale's function with the powers of y.
const BEALE: [(f64, i32); 3] = [(1.5, 1), (2.25, 2), (2.625, 3)];

/// A point in axes that are turned by `angle`.
fn turned([x, y]: [f64; 2], angle: f64) -> [f64; 2] {
    let (sin, cos) = angle.sin_cos();
    [x * cos + y * sin, y * cos - x * sin]
}
