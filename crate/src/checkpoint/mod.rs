//! Training in a file: parameters, optimizer, schedule, random streams and counters, written whole or not at all.
//!
//! A checkpoint is a [safetensors](https://github.com/huggingface/safetensors) file. Parameters and buffers stand in it under
//! their own, PyTorch's names; the tensors of other states under `section/name`; all numbers that are no tensors in the
//! header's `__metadata__`, with a format version and a SHA-256 of everything. So
//! `model.load_state_dict(safetensors.torch.load_file("model.safetensors"))` reads in PyTorch what [`save_params`] wrote, and
//! [`load_params`] reads what `safetensors.torch.save_file(model.state_dict(), "model.safetensors")` wrote.
//!
//! Candle's `safetensors` functions rename the finished file into place but do not flush it to the disk first, so a power cut
//! can leave an empty file under the name of the old one; and its `VarMap::load` has changed some variables when it fails at
//! another. Here the old file stays until the new one is on the disk, and [`Restore::apply`] changes all or nothing.

mod format;
mod restore;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;
use std::str::FromStr;

use candle_core::{Device, Tensor};

use crate::params::{IncompatibleKeys, LoadConfig, Params};
use crate::state::{State, Stateful};
use crate::{Error, Result};

use format::{Fault, Header};
pub use restore::Restore;

/// A snapshot of a training run, in memory, on its way to a file or back.
///
/// ```
/// use candlelight::{checkpoint::Checkpoint, nn::linear, optim::{Adam, AdamConfig}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// # let folder = std::env::temp_dir().join(format!("candlelight-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder).unwrap();
/// # let path = folder.join("run.safetensors");
/// let params = Params::new(0, &Device::Cpu)?;
/// let model = linear(2, 1, params.pp("fc"))?;
/// let mut adam = Adam::new(params.trainable(), AdamConfig::default())?;
/// let mut rng = seeded(7);
/// Checkpoint::new()
///     .params(&params)?
///     .state("optimizer", &adam)?
///     .state("rng", &rng)?
///     .value("step", 120)?
///     .save(&path)?;
///
/// let checkpoint = Checkpoint::load(&path)?;
/// checkpoint.restore().params(&params).state("optimizer", &mut adam).state("rng", &mut rng).apply()?;
/// let step: usize = checkpoint.get("step")?;
/// assert_eq!(step, 120);
/// # std::fs::remove_dir_all(folder).unwrap();
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Checkpoint {
    params: Option<State>,
    states: BTreeMap<String, State>,
    values: BTreeMap<String, String>,
    version: Option<u32>,
    /// Tensors of the file that are not here, with their dtypes.
    unreadable: BTreeMap<String, String>,
}

impl Checkpoint {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds copies of the parameters and buffers below the prefix of `params`, and the places of its random streams.
    ///
    /// Of a second model, add [`Checkpoint::state`] with a name of its own.
    ///
    /// # Errors
    /// If there are parameters already, or a name is that of a section.
    pub fn params(mut self, params: &Params) -> Result<Self> {
        if self.params.is_some() {
            return Err(taken("the parameters"));
        }
        self.params = Some(snapshot(params.state()?)?);
        self.check_names()
    }

    /// Adds a copy of the state of an optimizer, a schedule, a generator, or another [`Stateful`], as the section `name`.
    ///
    /// # Errors
    /// If `name` is empty, holds a slash or is taken, or the state cannot be read.
    pub fn state(mut self, name: &str, state: &dyn Stateful) -> Result<Self> {
        if name.is_empty() || name.contains('/') {
            let problem = "cannot be the name of a section: that is not empty and holds no slash".into();
            return Err(Error::State { name: name.into(), problem });
        }
        if self.states.insert(name.to_owned(), snapshot(state.state()?)?).is_some() {
            return Err(taken(name));
        }
        self.check_names()
    }

    /// Adds a number or a word, such as the count of steps.
    ///
    /// # Errors
    /// If `name` is taken by another value.
    pub fn value(mut self, name: &str, value: impl Display) -> Result<Self> {
        match self.values.insert(name.to_owned(), value.to_string()) {
            None => Ok(self),
            Some(_) => Err(taken(name)),
        }
    }

    /// The value called `name`.
    ///
    /// # Errors
    /// If it is missing or not a `T`.
    pub fn get<T: FromStr>(&self, name: &str) -> Result<T> {
        State { values: self.values.clone(), ..State::default() }.get(name)
    }

    /// The parameters and buffers below the dotted name `prefix`, by their names without it; all of them for `""`.
    ///
    /// It loads a part of a model: `params.pp("body").load_state_dict(&checkpoint.state_dict("body"), ...)`.
    pub fn state_dict(&self, prefix: &str) -> BTreeMap<String, Tensor> {
        let below = if prefix.is_empty() { String::new() } else { format!("{prefix}.") };
        let tensors = self.params.iter().flat_map(|params| &params.tensors);
        tensors.filter_map(|(name, tensor)| Some((name.strip_prefix(&below)?.to_owned(), tensor.clone()))).collect()
    }

    /// The names of the sections that [`Checkpoint::state`] added.
    pub fn sections(&self) -> Vec<&str> {
        self.states.keys().map(String::as_str).collect()
    }

    /// The version of the format, 1; `None` for a safetensors file that this crate did not write, which holds parameters only
    /// and no checksum.
    pub fn version(&self) -> Option<u32> {
        self.version
    }

    /// The names of the tensors that the file has and this checkpoint has not, because Candle does not compute with their
    /// dtype. [`load_params`] asks for them only where a parameter has that name.
    pub fn unreadable(&self) -> Vec<&str> {
        self.unreadable.keys().map(String::as_str).collect()
    }

    /// Begins to bring states back; see [`Restore`].
    pub fn restore(&self) -> Restore<'_> {
        Restore::new(self)
    }

    /// Writes the file `path`, atomically and durably.
    ///
    /// Into a temporary file of the same folder, which is flushed to the disk and then renamed; the folder is flushed
    /// after. Whoever opens `path`, at any time and after any crash, finds the old file or the new one, whole. The new
    /// file has the permissions of the old one (by default those the umask leaves), and a symbolic link is followed; a pipe,
    /// a device or a folder is refused.
    /// The same contents give the same bytes.
    ///
    /// # Errors
    /// [`Error::Io`]; the file at `path` is then the old one and the temporary is gone. (One exception: where only the last
    /// flush, that of the folder, fails, the new file is there, but may not outlast a power cut.) A process that is killed
    /// can leave a temporary; the next save to the same path removes it.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let values = |state: &State| state.values.clone();
        let header = Header {
            values: self.values.clone(),
            params: self.params.as_ref().map(values).unwrap_or_default(),
            states: self.states.iter().map(|(name, state)| (name.clone(), values(state))).collect(),
            ..Header::default()
        };
        let mut tensors: BTreeMap<String, &Tensor> = BTreeMap::new();
        for (name, tensor) in self.params.iter().flat_map(|params| &params.tensors) {
            tensors.insert(name.clone(), tensor);
        }
        for (section, state) in &self.states {
            tensors.extend(state.tensors.iter().map(|(name, tensor)| (format!("{section}/{name}"), tensor)));
        }
        let contents = format::Contents::new(header, tensors).map_err(|fault| fault.of(path))?;
        candlelight_base::replace(path, |file| contents.write(file)).map_err(|error| Fault::Io(error).of(path))
    }

    /// Reads the file `path`, one of this crate or another safetensors file. Of the latter, tensors of a dtype that Candle does
    /// not compute with (BOOL, U16, U64, …) are left out; see [`Checkpoint::unreadable`].
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Checkpoint`] for a file that is cut off, is of another kind or a later format, or whose checksum
    /// is not that of its contents.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let read = || -> Result<_, Fault> {
            let file = File::open(path)?;
            let len = file.metadata()?.len();
            // No more than the length that was found, should the file grow meanwhile.
            format::read(&mut BufReader::new(file).take(len), len)
        };
        let format::Read { header, mut tensors, unreadable } = read().map_err(|fault| fault.of(path))?;
        let mut checkpoint = Self { values: header.values, version: header.version, unreadable, ..Self::default() };
        for (section, values) in header.states {
            let below = format!("{section}/");
            let part = tensors.extract_if(.., |name, _| name.starts_with(&below));
            let tensors = part.map(|(name, tensor)| (name[below.len()..].to_owned(), tensor)).collect();
            checkpoint.states.insert(section, State { tensors, values });
        }
        checkpoint.params = Some(State { tensors, values: header.params });
        Ok(checkpoint)
    }

    /// Refuses parameters whose names would read as those of a section.
    fn check_names(self) -> Result<Self> {
        let names = self.params.iter().flat_map(|params| params.tensors.keys());
        let in_section =
            |name: &&String| name.split_once('/').is_some_and(|(first, _)| self.states.contains_key(first));
        match names.into_iter().find(in_section) {
            None => Ok(self),
            Some(name) => Err(taken(name)),
        }
    }
}

/// Saves the parameters and buffers of a model under PyTorch's names, as [`Checkpoint::save`] does.
///
/// # Errors
/// As [`Checkpoint::save`].
///
/// ```
/// use candlelight::{checkpoint::{load_params, save_params}, nn::linear, params::LoadConfig, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// # let folder = std::env::temp_dir().join(format!("candlelight-weights-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder).unwrap();
/// # let path = folder.join("model.safetensors");
/// let (params, other) = (Params::new(0, &Device::Cpu)?, Params::new(1, &Device::Cpu)?);
/// let (model, twin) = (linear(3, 2, params.pp("fc"))?, linear(3, 2, other.pp("fc"))?);
/// save_params(&params, &path)?;
/// load_params(&other, &path, LoadConfig::default())?;
/// assert_eq!(model.weight().to_vec2::<f32>()?, twin.weight().to_vec2::<f32>()?);
/// # std::fs::remove_dir_all(folder).unwrap();
/// # Ok(()) }
/// ```
pub fn save_params(params: &Params, path: impl AsRef<Path>) -> Result<()> {
    Checkpoint::new().params(params)?.save(path)
}

/// Loads parameters and buffers, such as a PyTorch state dict that `safetensors.torch.save_file` wrote; not the places of
/// random streams.
///
/// # Errors
/// As [`Checkpoint::load`] and [`Params::load_state_dict`]; nothing has then changed.
pub fn load_params(params: &Params, path: impl AsRef<Path>, config: LoadConfig) -> Result<IncompatibleKeys> {
    let checkpoint = Checkpoint::load(path)?;
    params.load_readable(&checkpoint.state_dict(""), &checkpoint.unreadable, config)
}

/// The state with tensors of its own on the CPU, which later steps do not change, of dtypes that a file can hold.
fn snapshot(mut state: State) -> Result<State> {
    for (name, tensor) in &mut state.tensors {
        if format::stored(tensor.dtype()).is_none() {
            let problem = format!("has dtype {:?}, which cannot be saved", tensor.dtype());
            return Err(Error::State { name: name.clone(), problem });
        }
        *tensor = tensor.detach().to_device(&Device::Cpu)?.force_contiguous()?;
    }
    Ok(state)
}

fn taken(name: &str) -> Error {
    Error::State { name: name.to_owned(), problem: "is in the checkpoint already".into() }
}
