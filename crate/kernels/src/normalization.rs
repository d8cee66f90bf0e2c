//! What a normalization measures and what follows it: what the layers, the composed forms and the kernels share.

use candle_core::Tensor;

/// Mean and variance (of the sample, divided by its number) of a channel, a group or a row.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Moments {
    /// Σ x / n
    pub mean: f64,
    /// Σ (x - mean)² / n
    pub var: f64,
}

impl Moments {
    /// 1 / standard deviation.
    #[inline(always)]
    pub(crate) fn rstd(self, eps: f64) -> f64 {
        1.0 / (self.var + eps).sqrt()
    }
}

/// What comes after the normalization.
#[derive(Clone, Copy)]
pub struct Affine<'a> {
    /// The scale γ of each channel; 1 if there is none.
    pub weight: Option<&'a Tensor>,
    /// The shift β of each channel; 0 if there is none.
    pub bias: Option<&'a Tensor>,
    /// ε, which is added to the variance.
    pub eps: f64,
    /// What a (leaky) ReLU that follows multiplies numbers by that are not above 0: 0 for ReLU. `None` if nothing follows.
    pub negative_slope: Option<f64>,
}
