/// Settings of a [`BatchNorm`](super::BatchNorm).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchNormConfig {
    /// ε, added to the variance; 0, or above 0 and finite in the type of the layer (from 1.2e-38 in F32), default 1e-5.
    pub eps: f64,
    /// By how much of the way the running statistics move towards those of a batch, in [0, 1]; default `Some(0.1)`.
    /// With `None` they are the mean over all batches so far.
    ///
    /// This is 1 minus what is called momentum elsewhere, as in PyTorch.
    pub momentum: Option<f64>,
    /// Whether there are γ and β; default true.
    pub affine: bool,
    /// Whether running statistics are kept, for [`Mode::Eval`](crate::nn::Mode::Eval); default true. Without them each
    /// batch is normalized with its own statistics in either mode.
    pub track_running_stats: bool,
}

impl Default for BatchNormConfig {
    fn default() -> Self {
        Self { eps: 1e-5, momentum: Some(0.1), affine: true, track_running_stats: true }
    }
}
