//! Pooling: one number for each window of a plane.
//!
//! `Tensor::max_pool2d` of Candle 0.11.1 has a gradient that is too small: 0.25 at each maximum of a 2 × 2 window, and
//! it shares the gradient between equal maxima. Neither it nor `avg_pool2d` has a gradient unless the stride is the
//! size of the window, and there is no padding. The layers here have none of these limits.

mod adaptive;
mod average;
mod blur;
mod composed;
mod max;
mod places;
mod polyphase;
mod windows;

pub use adaptive::{AdaptiveAvgPool2d, AdaptiveMaxPool2d, GlobalAvgPool, adaptive_avg_pool2d, adaptive_max_pool2d};
pub use average::{AvgPool1d, AvgPool1dConfig, AvgPool2d, AvgPool2dConfig, avg_pool1d, avg_pool2d};
pub use blur::{BlurPool1d, BlurPool2d, BlurPoolConfig, blur_pool1d, blur_pool2d};
pub use max::{MaxPool1d, MaxPool1dConfig, MaxPool2d, MaxPool2dConfig, max_pool1d, max_pool2d};
pub use polyphase::{PolyphaseNorm, PolyphaseSampling, PolyphaseSamplingConfig, polyphase_sampling};
