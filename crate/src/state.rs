//! What training remembers beside the parameters: moments of an optimizer, the place in a random stream, a step count.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use candle_core::Tensor;

use crate::{Error, Result};

/// Tensors and plain values by name.
///
/// ```
/// use candlelight::{rng::seeded, state::Stateful};
/// use rand::Rng as _;
/// # fn main() -> candlelight::Result<()> {
/// let mut rng = seeded(7);
/// let _: u64 = rng.random();
/// let mut other = seeded(0);
/// other.load_state(&rng.state()?)?;
/// assert_eq!(other.random::<u64>(), rng.random::<u64>());
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Tensors.
    pub tensors: BTreeMap<String, Tensor>,
    /// Numbers and words, written so that reading them gives the same bits.
    pub values: BTreeMap<String, String>,
}

/// Something whose state can be saved and brought back.
pub trait Stateful {
    /// The present state.
    ///
    /// # Errors
    /// If Candle cannot read a tensor.
    fn state(&self) -> Result<State>;

    /// Goes on from `state`. If it fails, nothing has changed.
    ///
    /// # Errors
    /// A name that is missing, or a value or a shape that does not fit: [`Error::State`].
    fn load_state(&mut self, state: &State) -> Result<()>;
}

impl State {
    /// Adds a value; `{}` of Rust's numbers reads back as the same number.
    pub fn set(&mut self, name: &str, value: impl Display) {
        self.values.insert(name.to_owned(), value.to_string());
    }

    /// The value called `name`.
    ///
    /// # Errors
    /// If it is missing or not a `T`.
    pub fn get<T: FromStr>(&self, name: &str) -> Result<T> {
        let refuse = |problem: String| Error::State { name: name.to_owned(), problem };
        let text = self.values.get(name).ok_or_else(|| refuse("is missing".into()))?;
        text.parse().map_err(|_| refuse(format!("cannot be {text:?}")))
    }

    /// Adds the state of a part of it, all names with `prefix` before them.
    pub fn add_part(&mut self, prefix: &str, part: State) {
        self.tensors.extend(part.tensors.into_iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor)));
        self.values.extend(part.values.into_iter().map(|(name, value)| (format!("{prefix}{name}"), value)));
    }

    /// The state of a part that was added with `prefix`.
    pub fn part(&self, prefix: &str) -> State {
        let tensors = self.tensors.iter().filter_map(|(name, value)| Some((name.strip_prefix(prefix)?, value)));
        let values = self.values.iter().filter_map(|(name, value)| Some((name.strip_prefix(prefix)?, value)));
        State {
            tensors: tensors.map(|(name, value)| (name.to_owned(), value.clone())).collect(),
            values: values.map(|(name, value)| (name.to_owned(), value.clone())).collect(),
        }
    }

    /// The tensor called `name`, which must have the shape and dtype of `like`.
    ///
    /// # Errors
    /// If it is missing or does not fit.
    pub fn tensor(&self, name: &str, like: &Tensor) -> Result<Tensor> {
        let refuse = |problem: String| Err(Error::State { name: name.to_owned(), problem });
        match self.tensors.get(name) {
            None => refuse("is missing".into()),
            Some(tensor) if tensor.shape() != like.shape() || tensor.dtype() != like.dtype() => refuse(format!(
                "expected {:?} {:?}, got {:?} {:?}",
                like.dtype(),
                like.dims(),
                tensor.dtype(),
                tensor.dims()
            )),
            Some(tensor) => Ok(tensor.to_device(like.device())?),
        }
    }
}
