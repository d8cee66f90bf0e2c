//! Seeded random numbers: the only source of randomness in the crate.
//!
//! Candle's CPU generator cannot be seeded (`Device::set_seed` is an error there), so every function here that draws takes
//! a generator. The same seed gives the same bits at any thread count.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{DType, Device, Shape, Tensor};
use candlelight_base::{range, transfer};
use rand::seq::SliceRandom;
use rand::{Rng as _, SeedableRng};
use rand_distr::{Distribution, StandardNormal};

use crate::state::{State, Stateful};
use crate::{Error, Result, memory};

/// The generator of the crate: ChaCha with 8 rounds.
// No type alias: a notebook finds the type of `let mut rng = seeded(0);` by the paths that lead to it.
pub use rand_chacha::ChaCha8Rng as Rng;

/// A generator for `seed`.
///
/// ```
/// use candlelight::rng::seeded;
/// use rand::Rng;
/// assert_eq!(seeded(7).random::<u64>(), seeded(7).random::<u64>());
/// ```
pub fn seeded(seed: u64) -> Rng {
    Rng::seed_from_u64(seed)
}

/// The stream of `seed` that belongs to `name`: independent of the streams of other names, whatever order they are used in.
///
/// The stream number is the 64-bit FNV-1a hash of the name.
pub fn stream(seed: u64, name: &str) -> Rng {
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let mut rng = seeded(seed);
    rng.set_stream(hash);
    rng
}

/// A generator that belongs to a layer, such as the one dropout draws its masks from; clones share it.
///
/// [`Params::stream`](crate::params::Params::stream) makes one, and a checkpoint keeps its place.
#[derive(Debug, Clone)]
pub struct Stream(Arc<Mutex<Rng>>);

impl Stream {
    /// A stream that starts with the numbers of `rng`.
    pub fn new(rng: Rng) -> Self {
        Self(Arc::new(Mutex::new(rng)))
    }

    /// Draws; the stream is locked meanwhile.
    pub fn draw<T>(&self, draw: impl FnOnce(&mut Rng) -> T) -> T {
        // A panic of `draw` leaves a generator somewhere on its way, which is a state like any other.
        draw(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Stateful for Stream {
    fn state(&self) -> Result<State> {
        self.draw(|rng| rng.state())
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        self.draw(|rng| rng.load_state(state))
    }
}

/// Numbers of 32 bits in a stream, after which it repeats: 16 in each of 2⁶⁴ blocks.
const WORDS: u128 = 1 << 68;

/// The seed of 32 bytes in hexadecimal, the stream, and the place in it.
impl Stateful for Rng {
    fn state(&self) -> Result<State> {
        let mut state = State::default();
        state.set("seed", self.get_seed().map(|byte| format!("{byte:02x}")).concat());
        state.set("stream", self.get_stream());
        state.set("word_pos", self.get_word_pos());
        Ok(state)
    }

    fn load_state(&mut self, state: &State) -> Result<()> {
        let text: String = state.get("seed")?;
        let refuse = || Error::State { name: "seed".into(), problem: format!("cannot be {text:?}") };
        let mut seed = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return Err(refuse());
        }
        for (i, byte) in seed.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).map_err(|_| refuse())?;
        }
        let place: u128 = state.get("word_pos")?;
        // ChaCha would take it without its upper bits.
        if place >= WORDS {
            let problem = format!("must be below 2⁶⁸, the length of a stream, got {place}");
            return Err(Error::State { name: "word_pos".into(), problem });
        }
        let mut rng = Rng::from_seed(seed);
        rng.set_stream(state.get("stream")?);
        rng.set_word_pos(place);
        *self = rng;
        Ok(())
    }
}

/// Draws from N(mean, std²), of `dtype` F32 or F64.
///
/// # Errors
/// If `std` is negative or not finite, or Candle cannot make the tensor.
pub fn normal(
    rng: &mut Rng,
    mean: f64,
    std: f64,
    shape: impl Into<Shape>,
    dtype: DType,
    device: &Device,
) -> Result<Tensor> {
    range::finite("mean", mean)?;
    range::not_negative("std", std)?;
    fill(shape, dtype, device, || mean + std * Distribution::<f64>::sample(&StandardNormal, rng))
}

/// Draws uniformly from [low, high), of `dtype` F32 or F64.
///
/// # Errors
/// If the interval is empty or not finite, or Candle cannot make the tensor.
pub fn uniform(
    rng: &mut Rng,
    low: f64,
    high: f64,
    shape: impl Into<Shape>,
    dtype: DType,
    device: &Device,
) -> Result<Tensor> {
    if !((high - low).is_finite() && low <= high) {
        return Err(Error::setting("[low, high)", "a finite interval with low ≤ high", format!("[{low}, {high})")));
    }
    fill(shape, dtype, device, || low + (high - low) * rng.random::<f64>())
}

/// A random order of `0..n` (Fisher–Yates).
pub fn permutation(rng: &mut Rng, n: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..n as u32).collect();
    order.shuffle(rng);
    order
}

/// The first index at which the sum of the `weights` so far is above `place`, which is at least 0 and below the sum of all: drawn
/// evenly from there, it gives each index in proportion to its weight. Where rounding lets no sum be above it, the last index
/// whose weight is above 0; with no such index 0.
// `WeightedIndex` of rand_distr allocates: for a draw from weights that change with each, that is most of the work.
pub(crate) fn index_at(weights: impl IntoIterator<Item = f64>, place: f64) -> usize {
    let (mut sum, mut possible) = (0.0, 0);
    for (i, weight) in weights.into_iter().enumerate().filter(|(_, weight)| *weight > 0.0) {
        sum += weight;
        possible = i;
        if sum > place {
            break;
        }
    }
    possible
}

pub(crate) fn fill(
    shape: impl Into<Shape>,
    dtype: DType,
    device: &Device,
    mut draw: impl FnMut() -> f64,
) -> Result<Tensor> {
    let shape = shape.into();
    memory::check("random tensor", shape.dims(), dtype.size_in_bytes())?;
    let n = shape.elem_count();
    let tensor = match dtype {
        DType::F32 => transfer::to_device::<f32>((0..n).map(|_| draw() as f32).collect(), shape, device)?,
        DType::F64 => transfer::to_device::<f64>((0..n).map(|_| draw()).collect(), shape, device)?,
        actual => return Err(Error::DType { what: "random tensor", expected: "F32 or F64", actual }),
    };
    Ok(tensor)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sixteen evenly spaced places in weights of 0, 1/2, 0, 1/4, 1/4, 0, whose sums are exact.
    #[test]
    fn an_index_has_the_share_of_its_weight() {
        let (weights, mut counts) = ([0.0, 0.5, 0.0, 0.25, 0.25, 0.0], [0; 6]);
        for place in 0..16 {
            counts[index_at(weights, f64::from(place) / 16.0)] += 1;
        }
        assert_eq!(counts, [0, 8, 0, 4, 4, 0]);
        // A border belongs to the index that begins there.
        assert_eq!([0.5, 0.75].map(|place| index_at(weights, place)), [3, 4]);
    }

    #[test]
    fn rounding_gives_no_index_that_cannot_be() {
        // Ten times 0.1 is less than 1 by rounding.
        let weights = || (0..12).map(|i| if i < 10 { 0.1 } else { 0.0 });
        assert!(weights().sum::<f64>() < 1.0);
        assert_eq!(index_at(weights(), 1f64.next_down()), 9);
        assert_eq!((index_at([0.0, 0.0], 0.0), index_at([], 0.0)), (0, 0));
    }
}
