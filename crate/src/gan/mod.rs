//! Two networks that learn from each other: a generator makes samples, a discriminator (or critic) tells them from data.
//!
//! There is no framework here: a step is a function, and a training loop calls two of them in turn.
//!
//! ```
//! use candlelight::{gan::{AdversarialLoss, discriminator_step, generator_step}, prelude::*, rng::normal};
//! # fn main() -> candlelight::Result<()> {
//! let params = Params::new(0, &Device::Cpu)?;
//! let mlp = |inputs, outputs, name: &str| -> Result<Sequential> {
//!     let params = params.pp(name);
//!     let first = linear(inputs, 16, params.pp("fc1"))?;
//!     Ok(Sequential::new().push(first).push(Activation::Relu).push(linear(16, outputs, params.pp("fc2"))?))
//! };
//! let (generator, discriminator) = (mlp(2, 1, "generator")?, mlp(1, 1, "discriminator")?);
//! let adam = |name: &str| Adam::new(params.pp(name).trainable(), AdamConfig { betas: (0.5, 0.999), ..Default::default() });
//! let (mut adam_g, mut adam_d) = (adam("generator")?, adam("discriminator")?);
//! let (loss, mut rng) = (AdversarialLoss::NonSaturating, seeded(0));
//! for _ in 0..3 {
//!     let real = normal(&mut rng, 4., 0.5, (64, 1), DType::F32, &Device::Cpu)?;
//!     let mut z = || normal(&mut rng, 0., 1., (64, 2), DType::F32, &Device::Cpu);
//!     let fake = generator.forward(&z()?, Mode::Train)?;
//!     discriminator_step(&discriminator, &real, &fake, loss, &mut adam_d)?;
//!     generator_step(&generator, &params.pp("generator"), &discriminator, &z()?, loss, &mut adam_g)?;
//! }
//! # Ok(()) }
//! ```

mod clip;
mod loss;
mod penalty;
mod sample;
mod step;

pub use clip::clip_weights;
pub use loss::AdversarialLoss;
pub use penalty::{GradientPenaltyConfig, Side, gradient_penalty, interpolate};
pub use sample::sample;
pub use step::{CriticLoss, critic_step, discriminator_step, generator_step};
