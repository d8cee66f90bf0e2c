//! Convolutions and transposed convolutions.

mod composed;
mod convolution;
mod fixed;
mod layer;
mod library;
mod local;
mod places;
mod spatial;
mod transposed;

pub use convolution::{Conv, Conv1d, Conv1dConfig, Conv2d, Conv2dConfig, ConvConfig, conv1d, conv2d};
pub use local::{
    LocallyConnected, LocallyConnected1d, LocallyConnected1dConfig, LocallyConnected2d, LocallyConnected2dConfig,
    LocallyConnectedConfig, locally_connected1d, locally_connected2d,
};
pub use spatial::Spatial;
pub use transposed::{
    ConvTranspose, ConvTranspose1d, ConvTranspose1dConfig, ConvTranspose2d, ConvTranspose2dConfig, ConvTransposeConfig,
    conv_transpose1d, conv_transpose2d,
};
