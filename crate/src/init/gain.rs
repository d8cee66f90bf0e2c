/// What follows a layer, as far as its initial weights care.
///
/// ```
/// use candlelight::init::Nonlinearity;
/// assert_eq!(Nonlinearity::Relu.gain(), 2f64.sqrt());
/// assert_eq!(Nonlinearity::Tanh.gain(), 5. / 3.);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Nonlinearity {
    /// None.
    Linear,
    /// Logistic sigmoid.
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// max(x, 0).
    Relu,
    /// ReLU with a slope below 0.
    LeakyRelu {
        /// That slope.
        negative_slope: f64,
    },
    /// Scaled exponential linear unit.
    Selu,
}

impl Nonlinearity {
    /// The factor of the standard deviation that keeps the variance through the activation, as PyTorch's `calculate_gain`.
    ///
    /// ```text
    /// linear, sigmoid 1;  tanh 5/3;  ReLU √2;  leaky ReLU √(2 / (1 + a²));  SELU 3/4
    /// ```
    ///
    /// For ReLU and leaky ReLU it is exact: He et al. (2015), eq. 10 and 15. The others are PyTorch's values: that of
    /// tanh is for a wide input rather than a small one, where 1 would do, and that of sigmoid is no more than a
    /// convention.
    pub fn gain(self) -> f64 {
        match self {
            Self::Linear | Self::Sigmoid => 1.0,
            Self::Tanh => 5.0 / 3.0,
            Self::Relu => std::f64::consts::SQRT_2,
            Self::LeakyRelu { negative_slope } => (2.0 / (1.0 + negative_slope * negative_slope)).sqrt(),
            Self::Selu => 0.75,
        }
    }
}
