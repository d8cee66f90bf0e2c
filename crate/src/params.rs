//! Parameters by name, in the order in which they were made, drawn from seeded streams.

mod freeze;
mod parametrized;
mod state_dict;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::{DType, Device, Shape, Tensor, Var};

use crate::init::Init;
use crate::rng::Stream;
use crate::{Error, Result, device, memory, rng};

pub use state_dict::{IncompatibleKeys, LoadConfig};

/// A parameter: its dotted name, its value, and whether an optimizer may change it.
#[derive(Debug, Clone)]
pub struct Param {
    /// The full name, as in PyTorch: `fc1.weight`.
    pub name: String,
    /// The value. Cloning a [`Var`] shares it.
    pub var: Var,
    /// False for running statistics and frozen weights.
    pub trainable: bool,
    /// True for what no optimizer may ever change, such as running statistics; a frozen weight is no buffer.
    pub buffer: bool,
}

/// The parameters of a model, or those below one name in it.
///
/// Candle's `VarMap` keeps no order, counts running statistics as trainable and cannot be seeded. Here the order is that of
/// creation, and each initial value is drawn from the stream of (seed, full name): adding a layer changes no other.
///
/// Clones and [`Params::pp`] share the same store.
///
/// ```
/// use candlelight::prelude::*;
/// # fn main() -> candlelight::Result<()> {
/// let params = Params::new(42, &Device::Cpu)?;
/// let weight = params.pp("fc").var("weight", (10, 784), Init::XavierUniform)?;
/// assert_eq!(weight.dims(), [10, 784]);
/// assert_eq!(params.names(), ["fc.weight"]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Params {
    store: Arc<Mutex<Store>>,
    prefix: String,
    seed: u64,
    dtype: DType,
    device: Device,
}

#[derive(Debug, Default)]
struct Store {
    params: Vec<Param>,
    streams: Vec<(String, Stream)>,
}

impl Params {
    /// An empty store of F32 parameters.
    ///
    /// # Errors
    /// [`Error::DuplicateStatics`], see [`device::check_statics`].
    pub fn new(seed: u64, device: &Device) -> Result<Self> {
        Self::with_dtype(seed, DType::F32, device)
    }

    /// An empty store of parameters of `dtype`, F32 or F64.
    ///
    /// # Errors
    /// Another dtype, or [`Error::DuplicateStatics`].
    pub fn with_dtype(seed: u64, dtype: DType, device: &Device) -> Result<Self> {
        device::check_statics()?;
        if !matches!(dtype, DType::F32 | DType::F64) {
            return Err(Error::DType { what: "parameters", expected: "F32 or F64", actual: dtype });
        }
        Ok(Self { store: Arc::default(), prefix: String::new(), seed, dtype, device: device.clone() })
    }

    /// The same store, with `name` put before every name made through it ("push prefix", as in Candle).
    pub fn pp(&self, name: impl std::fmt::Display) -> Self {
        Self { prefix: self.full(&name.to_string()), ..self.clone() }
    }

    /// Makes a trainable parameter.
    ///
    /// # Errors
    /// If the name is empty, holds a dot or is taken, or `init` does not fit the shape; [`Error::Memory`] if the shape does
    /// not fit into memory.
    pub fn var(&self, name: &str, shape: impl Into<Shape>, init: Init) -> Result<Var> {
        self.insert(name, shape.into(), init, true)
    }

    /// Makes a value that is saved with the parameters but not trained, such as running statistics.
    ///
    /// # Errors
    /// As [`Params::var`].
    pub fn buffer(&self, name: &str, shape: impl Into<Shape>, init: Init) -> Result<Var> {
        self.insert(name, shape.into(), init, false)
    }

    /// All parameters and buffers below this prefix, in order of creation.
    pub fn all(&self) -> Vec<Param> {
        let below = self.below();
        self.lock().params.iter().filter(|param| param.name.starts_with(&below)).cloned().collect()
    }

    /// Makes a random stream that a layer draws from as it runs; it starts from (seed, full name).
    ///
    /// # Errors
    /// If the name is empty, holds a dot or is taken.
    pub fn stream(&self, name: &str) -> Result<Stream> {
        let mut store = self.lock();
        let full = self.free_name(&store, name)?;
        let stream = Stream::new(rng::stream(self.seed, &full));
        store.streams.push((full, stream.clone()));
        Ok(stream)
    }

    /// The random streams below this prefix, by their full names, in order of creation.
    pub fn streams(&self) -> Vec<(String, Stream)> {
        let below = self.below();
        self.lock().streams.iter().filter(|(name, _)| name.starts_with(&below)).cloned().collect()
    }

    /// The trainable parameters below this prefix, in order of creation: what an optimizer takes.
    pub fn trainable(&self) -> Vec<Param> {
        self.all().into_iter().filter(|param| param.trainable).collect()
    }

    /// The names of [`Params::all`].
    pub fn names(&self) -> Vec<String> {
        self.all().into_iter().map(|param| param.name).collect()
    }

    /// How many numbers there are to train.
    pub fn count(&self) -> usize {
        self.trainable().iter().map(|param| param.var.elem_count()).sum()
    }

    /// The parameter or buffer of this name, below this prefix.
    ///
    /// # Errors
    /// If there is none.
    pub fn get(&self, name: &str) -> Result<Var> {
        let full = self.full(name);
        self.lock()
            .params
            .iter()
            .find(|param| param.name == full)
            .map(|param| param.var.clone())
            .ok_or_else(|| Error::Parameter { problem: "there is none of this name".into(), name: full })
    }

    /// Gives a parameter new values.
    ///
    /// # Errors
    /// If there is none of this name, or the shape differs.
    pub fn set(&self, name: &str, value: &Tensor) -> Result<()> {
        let var = self.get(name)?;
        if var.shape() != value.shape() {
            return Err(Error::Parameter {
                name: self.full(name),
                problem: format!("expected shape {:?}, got {:?}", var.dims(), value.dims()),
            });
        }
        Ok(var.set(&value.to_dtype(self.dtype)?.to_device(&self.device)?)?)
    }

    /// The dtype of the parameters.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Where the parameters live.
    pub fn device(&self) -> &Device {
        &self.device
    }

    fn insert(&self, name: &str, shape: Shape, init: Init, trainable: bool) -> Result<Var> {
        let mut store = self.lock();
        let full = self.free_name(&store, name)?;
        let var = Var::from_tensor(&self.initial(name, shape, init)?)?;
        store.params.push(Param { name: full, var: var.clone(), trainable, buffer: !trainable });
        Ok(var)
    }

    /// What a parameter of this name and shape starts with, whether there is one or not.
    pub(crate) fn initial(&self, name: &str, shape: impl Into<Shape>, init: Init) -> Result<Tensor> {
        let (full, shape) = (self.full(name), shape.into());
        memory::check(&format!("parameter `{full}`"), shape.dims(), self.dtype.size_in_bytes())?;
        init.tensor(&mut rng::stream(self.seed, &full), shape, self.dtype, &self.device)
    }

    /// The full name, if no other parameter or stream has it.
    fn free_name(&self, store: &Store, name: &str) -> Result<String> {
        let full = self.full(name);
        let refuse = |problem: &str| Err(Error::Parameter { name: full.clone(), problem: problem.into() });
        if name.is_empty() || name.contains('.') {
            return refuse("a name is not empty and holds no dot; use `pp` for what comes before it");
        }
        let mut taken = store.params.iter().map(|param| &param.name).chain(store.streams.iter().map(|(name, _)| name));
        if taken.any(|taken| *taken == full) { refuse("the name is taken") } else { Ok(full) }
    }

    fn below(&self) -> String {
        if self.prefix.is_empty() { String::new() } else { format!("{}.", self.prefix) }
    }

    fn full(&self, name: &str) -> String {
        if self.prefix.is_empty() { name.to_owned() } else { format!("{}.{name}", self.prefix) }
    }

    // A panic while the lock is held can only come from a failed allocation; the list is whole either way.
    fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
