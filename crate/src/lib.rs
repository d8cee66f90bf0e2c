//! The deep-learning exam, executed in Rust: every technique of the course, on
//! [Candle](https://github.com/huggingface/candle).
//!
//! Each concept is one short module with its formula and its source:
//!
//! | topic | module | notebook |
//! |---|---|---|
//! | distributions, and what a sample says of its own | [`probability`] | `01-likelihood`, `02-law-of-large-numbers` |
//! | power and exponential laws, fitted to points | [`probability::fit`] | `02-law-of-large-numbers` |
//! | activations, softmax and its logarithm | [`activation`] | `03-softmax-and-cross-entropy`, `04-activations-and-losses` |
//! | losses of classes, of yes/no answers, of quantities, of distributions | [`loss`] | `03-softmax-and-cross-entropy`, `04-activations-and-losses` |
//! | accuracy, confusion, several labels, calibration | [`metrics`] | `04-activations-and-losses` |
//! | a loss with its gradients; what a forward pass keeps for them | [`autograd`] | `03b-backpropagation`, `09b-whole-data-batch-norm`, `10-layer-normalization` |
//! | define-and-run: a static graph | [`graph`] | `05-define-by-run` |
//! | L1, L2 and elastic net penalties, decay, max-norm | [`regularization`] | `06-l2-regularization` |
//! | layers: linear, convolution, pooling, normalization, dropout, recurrent, residual | [`nn`] | `00-start-here` |
//! | dropout, its exact ensemble, Monte Carlo | [`nn::Dropout`], [`nn::SubNetworks`], [`nn::Inference`] | `07-dropout` |
//! | initial values; signals and gradients through a net | [`init`] | `08-initialization` |
//! | batch and layer normalization | [`nn::norm`] | `09-batch-normalization`, `09b-whole-data-batch-norm`, `10-layer-normalization` |
//! | gradient descent, momentum, RMSprop, Adagrad, Adadelta, Adam, AMSGrad, AdamW; clipping | [`optim`] | `11-optimizers` |
//! | learning-rate schedules | [`optim::schedule`] | `11-optimizers` |
//! | Newton's method, Hessians, L-BFGS | [`optim::newton`], [`optim::Lbfgs`] | `12-newton` |
//! | residual and highway layers; norms of gradients, clipping | [`nn`], [`optim`] | `13-vanishing-gradients` |
//! | recurrent layers: RNN, LSTM, GRU; the adding problem | [`nn`], [`data`] | `14-rnn-and-lstm` |
//! | training loop, early stopping, augmentation, ensembles, fine-tuning, runs at the same time | [`train`] | `15-overfitting` |
//! | several ranks: messages, all-reduce, data and model parallel training, what they cost | [`distributed`] | `16-synchronous-sgd` |
//! | a parameter server, stale gradients; local SGD, top-k compression | [`distributed`] | `17-asynchronous-sgd` |
//! | convolution, stepping down, padding; receptive fields, responses, shifts; MNIST-1D | [`nn`], [`nn::features`], [`data::mnist1d`] | `18-convolution` |
//! | residual nets of any depth, their shortcuts | [`nn::ResNet`], [`nn::Shortcut`] | `19-resnet` |
//! | adversarial pairs: losses, steps, an exact gradient penalty | [`gan`] | `20-gan`, `21-wasserstein-gan` |
//! | how near generated samples are to real ones; mixtures with known modes | [`metrics::generative`], [`data::Modes`] | `20-gan` |
//! | environments as in Gymnasium, tables of probabilities, pictures of episodes | [`rl`], [`rl::picture`] | `22-q-learning` |
//! | exact solutions, agents with a table, bandits | [`rl`] | `22-q-learning` |
//! | deep Q-learning: replay, target networks, double, dueling, n steps; judging a few runs | [`rl::Dqn`], [`rl`] | `23-deep-q-learning` |
//! | named, seeded parameters | [`params`] | `00-start-here` |
//! | training in a file, PyTorch's weights | [`checkpoint`] | |
//! | layers without their fast passes: the reference | [`kernels`] | |
//! | Fashion-MNIST, synthetic sets, batches, normalization | [`data`] | `00-start-here`, `10-layer-normalization` |
//! | figures and tables | [`plot`] | all |
//! | the exam: a bank of questions, mock exams that are timed and graded | [`check::exam`] | `24-exam` |
//! | checks of the exercises | [`check`] | all |
//! | seeded random numbers, choice of device, what training remembers | [`rng`], [`device`], [`state`] | all |
//! | Ctrl-C between two steps | [`interrupt`] | |
//!
//! Candle, ndarray and plotters are re-exported: use those, never a second dependency on them, so that a process holds one
//! copy of Candle's counters (see [`device::check_statics`]).
//!
//! # Features
//!
//! All but `cuda` and `cudnn` are on by default. Without them the crate adds 20 packages to those of Candle, with them 42.
//!
//! | feature | what it brings |
//! |---|---|
//! | `fashion-mnist` | `data::FashionMnist`: a subset in the crate (3 MB), and the reader of the files of the full set |
//! | `download` | `FashionMnist::full`, which fetches the full set; with `fashion-mnist` |
//! | `plot` | [`plot`], `rl::picture`, summaries as tables |
//! | `notebook` | `evcxr_display`: what the last expression of a cell shows; `ndarray_rand` |
//! | `cuda` | NVIDIA cards; experimental until it is measured on one |
//! | `cudnn` | convolutions on these by NVIDIA's cuDNN 9; with `cuda` |
//!
//! Candle links a program with `cuda` to NVIDIA's driver, so where that is missing it does not start (`error while loading shared
//! libraries: libcuda.so.1: cannot open shared object file`): install the driver, or build without the feature. With `cudnn` the same holds for
//! `libcudnn.so.9`.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod activation;
#[doc(hidden)]
pub mod cells;
pub mod check;
pub mod checkpoint;
pub mod data;
pub mod device;
pub mod distributed;
mod eigen;
pub mod gan;
pub mod graph;
pub mod init;
pub mod interrupt;
pub mod loss;
#[doc(hidden)]
pub mod margin;
mod memory;
pub mod metrics;
pub mod nn;
pub mod optim;
pub mod params;
pub mod probability;
pub mod regularization;
pub mod rl;
pub mod rng;
pub mod state;
pub mod train;
mod unread;

pub use candle_core;
pub use candle_nn;
pub use candlelight_base::{CommunicationError, Error, Result};
pub use candlelight_kernels::autograd;
#[cfg(feature = "plot")]
#[doc(inline)]
pub use candlelight_plot as plot;
pub use ndarray;
#[cfg(feature = "notebook")]
pub use ndarray_rand;
#[cfg(feature = "plot")]
pub use plotters;
pub use rand;

/// The program of the README, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

/// The fast CPU forward and backward passes of the layers: what instructions they use, and how to do without them.
pub mod kernels {
    pub use candlelight_kernels::{Instructions, as_on_a_card, composed};
}

/// What almost every notebook and program uses: `use candlelight::prelude::*;`.
pub mod prelude {
    pub use candle_core::{D, DType, Device, IndexOp, Tensor, Var};
    pub use ndarray::{Array1, Array2, Axis, array};
    pub use rand::Rng as _;

    pub use crate::activation::{log_softmax, relu, sigmoid, softmax};
    pub use crate::autograd::value_and_grad;
    pub use crate::data::Dataset;
    #[cfg(feature = "fashion-mnist")]
    pub use crate::data::FashionMnist;
    pub use crate::device::{best_device, describe};
    pub use crate::init::Init;
    pub use crate::loss::{cross_entropy, mse};
    pub use crate::metrics::accuracy;
    pub use crate::nn::{
        Activation, Conv2d, Conv2dConfig, Flatten, GlobalAvgPool, Linear, LinearConfig, Mode, Module, Sequential,
        avg_pool2d, batch_norm1d, batch_norm2d, conv2d, layer_norm, linear, max_pool2d,
    };
    pub use crate::optim::{
        Adam, AdamConfig, AdamW, AdamWConfig, LrScheduler, Optimizer, RmsProp, RmsPropConfig, Sgd, SgdConfig,
    };
    pub use crate::params::Params;
    #[cfg(feature = "plot")]
    pub use crate::plot::{Diagram, Figure, Mesh, Panel, Table};
    pub use crate::probability::Summary;
    pub use crate::rng::{Rng, seeded};
    pub use crate::train::{Choice, FitConfig, Goal, History, Progress, evaluate, fit, parallel_map};
    pub use crate::{Error, Result};
}
