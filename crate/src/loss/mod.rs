//! Losses: tensors to call `backward` on.
//!
//! Each loss is a function of predictions and targets with PyTorch's default settings, which averages over the batch; its
//! `_with` form takes the settings too, or a [`Reduction`] where there is no other. Logarithms are natural, so cross-entropies
//! are in nats. The classes are the last dimension, also for more than two (PyTorch has them second).

mod bce;
mod checks;
mod cross_entropy;
mod divisor;
mod hinge;
mod kl;
mod labels;
mod nll;
mod reduction;
mod regression;
mod soft;

pub use bce::{BceConfig, binary_cross_entropy_with_logits, binary_cross_entropy_with_logits_with};
pub use cross_entropy::{CrossEntropyConfig, cross_entropy, cross_entropy_with};
pub use hinge::{MultiMarginConfig, hinge, hinge_with, multi_margin, multi_margin_with};
pub use kl::{KlConfig, kl_divergence, kl_divergence_with};
pub use nll::{NllConfig, nll, nll_with};
pub use reduction::Reduction;
pub use regression::{
    HuberConfig, SmoothL1Config, huber, huber_with, mae, mae_with, mse, mse_with, smooth_l1, smooth_l1_with,
};
pub use soft::{cross_entropy_soft, cross_entropy_soft_with};

pub(crate) use checks::checked_labels;
pub(crate) use divisor::{Divisor, with_divisor};
