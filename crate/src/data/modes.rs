//! Mixtures of equal Gaussians in the plane: what a generative model should find all parts of.

use std::f64::consts::{PI, TAU};

use candle_core::{DType, Device, Tensor};
use candlelight_base::range;
use rand::Rng as _;
use rand_distr::{Distribution, StandardNormal};

use crate::rng::Rng;
use crate::{Error, Result};

/// K equal, round Gaussians in the plane, each with the same share of the samples.
///
/// ```text
/// p(x) = 1/K Σₖ N(x; cₖ, σ² I)
/// ```
///
/// The density is known, the modes cₖ can be counted, and between them is nothing: so a generator that has missed one, or
/// that joins two, is seen.
///
/// ```
/// use candlelight::data::Modes;
/// use candlelight::prelude::*;
/// # fn main() -> candlelight::Result<()> {
/// let grid = Modes::grid();
/// assert_eq!(grid.centers().len(), 25);
/// let samples = grid.sample(&mut seeded(0), 100, DType::F32, &Device::Cpu)?;
/// assert_eq!(samples.dims(), [100, 2]);
/// assert!(grid.density([2., -4.]) > 1. && grid.density([1., 1.]) < 1e-80);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[doc(alias("mixture", "2D-ring", "2D-grid"))]
pub struct Modes {
    centers: Vec<[f64; 2]>,
    std: f64,
}

impl Modes {
    /// Gaussians around `centers`, at least one and all finite, of standard deviation `std` in each direction, above 0.
    ///
    /// # Errors
    /// If there is no center, or a number is outside its range.
    pub fn new(centers: Vec<[f64; 2]>, std: f64) -> Result<Self> {
        if centers.is_empty() {
            return Err(Error::setting("centers", "at least one", "none"));
        }
        for &center in centers.as_flattened() {
            range::finite("centers", center)?;
        }
        range::positive("std", std)?;
        Ok(Self { centers, std })
    }

    /// Eight modes on the circle of radius 1, of standard deviation 0.01: the "2D-ring" of Lin, Khetan, Fanti and Oh (2018),
    /// section 4.1.
    pub fn ring() -> Self {
        let at = |k: u32| (TAU * f64::from(k) / 8.0).sin_cos();
        Self { centers: (0..8).map(at).map(|(sin, cos)| [cos, sin]).collect(), std: 0.01 }
    }

    /// Twenty-five modes at (-4, -2, 0, 2, 4)², of standard deviation 0.05: the "2D-grid" of Lin et al. (2018), section 4.1.
    pub fn grid() -> Self {
        let at = |k: i32| [f64::from(k / 5 * 2 - 4), f64::from(k % 5 * 2 - 4)];
        Self { centers: (0..25).map(at).collect(), std: 0.05 }
    }

    /// The modes cₖ.
    pub fn centers(&self) -> &[[f64; 2]] {
        &self.centers
    }

    /// The standard deviation σ of each mode, in each direction.
    pub fn std(&self) -> f64 {
        self.std
    }

    /// `n` independent draws, `[n, 2]`, of `dtype` F32 or F64: each from a mode drawn evenly, so that the shares of the modes
    /// vary as they do by chance.
    ///
    /// # Errors
    /// If another dtype is asked for.
    pub fn sample(&self, rng: &mut Rng, n: usize, dtype: DType, device: &Device) -> Result<Tensor> {
        if !matches!(dtype, DType::F32 | DType::F64) {
            return Err(Error::DType { what: "modes", expected: "F32 or F64", actual: dtype });
        }
        let mut points = Vec::with_capacity(2 * n);
        for _ in 0..n {
            let center = self.centers[rng.random_range(0..self.centers.len())];
            points.extend(center.map(|at| at + self.std * Distribution::<f64>::sample(&StandardNormal, rng)));
        }
        Ok(Tensor::from_vec(points, (n, 2), device)?.to_dtype(dtype)?)
    }

    /// p(x), per unit of area.
    pub fn density(&self, [x, y]: [f64; 2]) -> f64 {
        let variance = self.std * self.std;
        let bell = |[a, b]: &[f64; 2]| (-((x - a).powi(2) + (y - b).powi(2)) / (2.0 * variance)).exp();
        self.centers.iter().map(bell).sum::<f64>() / (self.centers.len() as f64 * 2.0 * PI * variance)
    }
}
