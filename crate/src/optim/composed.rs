use std::ops::{Add, Div, Mul, Sub};
use std::sync::Arc;

use candle_core::{DType, Error, Result, Tensor};
use candlelight_kernels::update::Value;

/// A tensor for an update rule to compute with, on any device, one operation after another; or the first error on the way.
#[derive(Clone)]
pub(super) struct Composed(std::result::Result<Tensor, Arc<Error>>);

impl Composed {
    pub(super) fn new(tensor: &Tensor) -> Self {
        // Detached, or what is remembered would hold the graph of every step before it.
        Self(Ok(tensor.detach()))
    }

    pub(super) fn tensor(self) -> Result<Tensor> {
        self.0.map_err(Error::wrap)
    }

    fn unary(self, f: impl FnOnce(Tensor) -> Result<Tensor>) -> Self {
        Self(self.0.and_then(|a| f(a).map_err(Arc::new)))
    }

    fn binary(self, other: Self, f: impl FnOnce(Tensor, Tensor) -> Result<Tensor>) -> Self {
        Self(self.0.and_then(|a| f(a, other.0?).map_err(Arc::new)))
    }
}

impl Value for Composed {
    fn scale(self, factor: f64) -> Self {
        self.unary(|a| a * factor)
    }

    fn shift(self, term: f64) -> Self {
        self.unary(|a| a + term)
    }

    fn root(self) -> Self {
        self.unary(|a| a.sqrt())
    }

    fn greater(self, other: Self) -> Self {
        self.binary(other, |a, b| a.maximum(&b))
    }

    fn resolution(self) -> Self {
        self.unary(|a| {
            let epsilon = match a.dtype() {
                DType::F64 => f64::EPSILON,
                DType::F16 => f64::powi(2.0, -10),
                DType::BF16 => f64::powi(2.0, -7),
                _ => f64::from(f32::EPSILON),
            };
            a * epsilon
        })
    }
}

impl Add for Composed {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.binary(other, |a, b| a + b)
    }
}

impl Sub for Composed {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.binary(other, |a, b| a - b)
    }
}

impl Mul for Composed {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        self.binary(other, |a, b| a * b)
    }
}

impl Div for Composed {
    type Output = Self;

    fn div(self, other: Self) -> Self {
        self.binary(other, |a, b| a / b)
    }
}
