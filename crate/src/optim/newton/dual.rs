use std::ops::{Add, Div, Mul, Neg, Sub};

use ndarray::{Array1, Array2};

use super::{Objective, check_len};
use crate::Result;

/// A number that a [`Function`] computes with: `f64`, or a [`HyperDual`] that carries derivatives along.
pub trait Scalar:
    Copy
    + From<f64>
    + Neg<Output = Self>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Add<f64, Output = Self>
    + Sub<f64, Output = Self>
    + Mul<f64, Output = Self>
    + Div<f64, Output = Self>
{
    /// selfⁿ
    fn powi(self, n: i32) -> Self;
    /// √self
    fn sqrt(self) -> Self;
    /// e^self
    fn exp(self) -> Self;
    /// Natural logarithm
    fn ln(self) -> Self;
    /// Sine
    fn sin(self) -> Self;
    /// Cosine
    fn cos(self) -> Self;
    /// Hyperbolic tangent
    fn tanh(self) -> Self;
}

/// A function of several numbers, written for every kind of them, so that its derivatives are exact.
///
/// ```
/// use candlelight::{ndarray::array, optim::newton::{Exact, Function, Objective, Scalar}};
/// struct Rosenbrock;
///
/// impl Function for Rosenbrock {
///     fn dim(&self) -> usize {
///         2
///     }
///
///     fn value<S: Scalar>(&self, x: &[S]) -> S {
///         (-x[0] + 1.).powi(2) + (x[1] - x[0] * x[0]).powi(2) * 100.
///     }
/// }
///
/// # fn main() -> candlelight::Result<()> {
/// assert_eq!(Exact(Rosenbrock).hessian(&array![1., 1.])?, array![[802., -400.], [-400., 200.]]);
/// # Ok(()) }
/// ```
pub trait Function {
    /// How many numbers it takes.
    fn dim(&self) -> usize;

    /// Its value; `x` has [`Function::dim`] numbers.
    fn value<S: Scalar>(&self, x: &[S]) -> S;
}

/// A number with two first derivatives and the mixed second one: x + a ε₁ + b ε₂ + c ε₁ε₂ with ε₁² = ε₂² = 0.
///
/// ```text
/// f(x + ε₁ u + ε₂ v) = f(x) + ε₁ uᵀ∇f + ε₂ vᵀ∇f + ε₁ε₂ uᵀ∇²f v    exactly: there is no step to choose
/// ```
///
/// Fike and Alonso (2011), section 3.
///
/// ```
/// use candlelight::optim::newton::{HyperDual, Scalar};
/// let y = HyperDual { value: 3., a: 1., b: 1., ab: 0. }.powi(3); // x³, 3x², 6x
/// assert_eq!((y.value, y.a, y.ab), (27., 27., 18.));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HyperDual {
    /// x
    pub value: f64,
    /// The part of ε₁.
    pub a: f64,
    /// The part of ε₂.
    pub b: f64,
    /// The part of ε₁ε₂.
    pub ab: f64,
}

impl HyperDual {
    /// g(self), given g, g' and g'' at the value.
    fn chain(self, g: f64, first: f64, second: f64) -> Self {
        Self { value: g, a: first * self.a, b: first * self.b, ab: first * self.ab + second * self.a * self.b }
    }
}

impl From<f64> for HyperDual {
    fn from(value: f64) -> Self {
        Self { value, a: 0.0, b: 0.0, ab: 0.0 }
    }
}

impl Neg for HyperDual {
    type Output = Self;

    fn neg(self) -> Self {
        self * -1.0
    }
}

impl Add for HyperDual {
    type Output = Self;

    fn add(self, y: Self) -> Self {
        Self { value: self.value + y.value, a: self.a + y.a, b: self.b + y.b, ab: self.ab + y.ab }
    }
}

impl Sub for HyperDual {
    type Output = Self;

    fn sub(self, y: Self) -> Self {
        self + -y
    }
}

impl Mul for HyperDual {
    type Output = Self;

    fn mul(self, y: Self) -> Self {
        Self {
            value: self.value * y.value,
            a: self.a * y.value + self.value * y.a,
            b: self.b * y.value + self.value * y.b,
            ab: self.ab * y.value + self.a * y.b + self.b * y.a + self.value * y.ab,
        }
    }
}

impl Div for HyperDual {
    type Output = Self;

    fn div(self, y: Self) -> Self {
        let inverse = 1.0 / y.value;
        self * y.chain(inverse, -inverse * inverse, 2.0 * inverse * inverse * inverse)
    }
}

impl Add<f64> for HyperDual {
    type Output = Self;

    fn add(self, y: f64) -> Self {
        Self { value: self.value + y, ..self }
    }
}

impl Sub<f64> for HyperDual {
    type Output = Self;

    fn sub(self, y: f64) -> Self {
        self + -y
    }
}

impl Mul<f64> for HyperDual {
    type Output = Self;

    fn mul(self, y: f64) -> Self {
        Self { value: self.value * y, a: self.a * y, b: self.b * y, ab: self.ab * y }
    }
}

impl Div<f64> for HyperDual {
    type Output = Self;

    fn div(self, y: f64) -> Self {
        self * (1.0 / y)
    }
}

impl Scalar for HyperDual {
    fn powi(self, n: i32) -> Self {
        let factor = f64::from(n);
        let first = if n == 0 { 0.0 } else { factor * self.value.powi(n - 1) };
        let second = if n == 0 || n == 1 { 0.0 } else { factor * (factor - 1.0) * self.value.powi(n - 2) };
        self.chain(self.value.powi(n), first, second)
    }

    fn sqrt(self) -> Self {
        let root = self.value.sqrt();
        self.chain(root, 0.5 / root, -0.25 / (root * self.value))
    }

    fn exp(self) -> Self {
        let exp = self.value.exp();
        self.chain(exp, exp, exp)
    }

    fn ln(self) -> Self {
        self.chain(self.value.ln(), 1.0 / self.value, -1.0 / (self.value * self.value))
    }

    fn sin(self) -> Self {
        let (sin, cos) = self.value.sin_cos();
        self.chain(sin, cos, -sin)
    }

    fn cos(self) -> Self {
        let (sin, cos) = self.value.sin_cos();
        self.chain(cos, -sin, -cos)
    }

    fn tanh(self) -> Self {
        let tanh = self.value.tanh();
        let slope = 1.0 - tanh * tanh;
        self.chain(tanh, slope, -2.0 * tanh * slope)
    }
}

impl Scalar for f64 {
    fn powi(self, n: i32) -> Self {
        f64::powi(self, n)
    }

    fn sqrt(self) -> Self {
        f64::sqrt(self)
    }

    fn exp(self) -> Self {
        f64::exp(self)
    }

    fn ln(self) -> Self {
        f64::ln(self)
    }

    fn sin(self) -> Self {
        f64::sin(self)
    }

    fn cos(self) -> Self {
        f64::cos(self)
    }

    fn tanh(self) -> Self {
        f64::tanh(self)
    }
}

/// A [`Function`] as an [`Objective`]: P evaluations for a gradient or a Hessian-vector product, P (P + 1) / 2 for a Hessian.
#[derive(Debug, Clone)]
pub struct Exact<F>(
    /// The function.
    pub F,
);

impl<F: Function> Exact<F> {
    /// f(x + ε₁ u + ε₂ v)
    fn along(&self, x: &Array1<f64>, u: impl Fn(usize) -> f64, v: impl Fn(usize) -> f64) -> HyperDual {
        let duals: Vec<_> =
            x.iter().enumerate().map(|(i, &value)| HyperDual { value, a: u(i), b: v(i), ab: 0.0 }).collect();
        self.0.value(&duals)
    }
}

/// eᵢ
fn unit(i: usize) -> impl Fn(usize) -> f64 {
    move |j| if i == j { 1.0 } else { 0.0 }
}

impl<F: Function> Objective for Exact<F> {
    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn value(&self, x: &Array1<f64>) -> Result<f64> {
        check_len("x", self.dim(), x)?;
        Ok(self.0.value(&x.to_vec()))
    }

    fn gradient(&self, x: &Array1<f64>) -> Result<Array1<f64>> {
        check_len("x", self.dim(), x)?;
        Ok((0..self.dim()).map(|i| self.along(x, unit(i), |_| 0.0).a).collect())
    }

    fn hessian(&self, x: &Array1<f64>) -> Result<Array2<f64>> {
        check_len("x", self.dim(), x)?;
        let mut hessian = Array2::zeros((self.dim(), self.dim()));
        for i in 0..self.dim() {
            for j in 0..=i {
                let entry = self.along(x, unit(i), unit(j)).ab;
                (hessian[[i, j]], hessian[[j, i]]) = (entry, entry);
            }
        }
        Ok(hessian)
    }

    fn hessian_vector(&self, x: &Array1<f64>, v: &Array1<f64>) -> Result<Array1<f64>> {
        check_len("x", self.dim(), x)?;
        check_len("v", self.dim(), v)?;
        Ok((0..self.dim()).map(|i| self.along(x, unit(i), |j| v[j]).ab).collect())
    }
}
