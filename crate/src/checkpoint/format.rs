//! The bytes of a checkpoint: a safetensors file whose `__metadata__` holds one entry, our header.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use safetensors::tensor::{Metadata, TensorInfo, View};
use safetensors::{Dtype, SafeTensorError};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::Error;

/// Goes up when an older crate could no longer read the file rightly.
const VERSION: u32 = 1;
/// One entry only, for safetensors keeps the metadata unordered, and the same contents shall give the same bytes.
const ENTRY: &str = "candlelight";
/// What safetensors allows.
const MAX_HEADER: u64 = 100_000_000;

/// All that is no tensor.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Header {
    /// `None` for a file of another origin.
    pub version: Option<u32>,
    /// Of the header without this field, the places of the tensors, and the tensors, in hexadecimal.
    #[serde(default)]
    pub sha256: String,
    /// Values that belong to no state.
    pub values: BTreeMap<String, String>,
    /// Values of the parameters' state: the places of the random streams.
    pub params: BTreeMap<String, String>,
    /// Values of each section.
    pub states: BTreeMap<String, BTreeMap<String, String>>,
}

/// Why a file cannot be read or written.
#[derive(Debug)]
pub(super) enum Fault {
    Io(io::Error),
    Bad(String),
}

impl Fault {
    pub(super) fn of(self, path: &Path) -> Error {
        let path = path.to_owned();
        match self {
            // The length was known, so this is a file that shrank meanwhile.
            Self::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Error::Checkpoint { path, problem: "it ends early".into() }
            }
            Self::Io(source) => Error::Io { path, source },
            Self::Bad(problem) => Error::Checkpoint { path, problem },
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<SafeTensorError> for Fault {
    fn from(error: SafeTensorError) -> Self {
        Self::Bad(error.to_string())
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self::Bad(format!("its header is not the JSON of safetensors: {error}"))
    }
}

/// The dtype in a file, of those that both Candle and safetensors compute with.
pub(super) fn stored(dtype: DType) -> Option<Dtype> {
    match dtype {
        DType::U8 => Some(Dtype::U8),
        DType::U32 => Some(Dtype::U32),
        DType::I16 => Some(Dtype::I16),
        DType::I32 => Some(Dtype::I32),
        DType::I64 => Some(Dtype::I64),
        DType::BF16 => Some(Dtype::BF16),
        DType::F16 => Some(Dtype::F16),
        DType::F32 => Some(Dtype::F32),
        DType::F64 => Some(Dtype::F64),
        _ => None,
    }
}

fn loaded(dtype: Dtype) -> Option<DType> {
    let all = [DType::U8, DType::U32, DType::I16, DType::I32, DType::I64];
    let floats = [DType::BF16, DType::F16, DType::F32, DType::F64];
    all.into_iter().chain(floats).find(|candidate| stored(*candidate) == Some(dtype))
}

/// What is to be written, with its finished header.
pub(super) struct Contents<'a> {
    header: Vec<u8>,
    /// In the order of the file.
    tensors: Vec<&'a Tensor>,
}

impl<'a> Contents<'a> {
    /// `tensors` are on the CPU, of dtypes that can be [`stored`].
    pub(super) fn new(header: Header, tensors: BTreeMap<String, &'a Tensor>) -> Result<Self, Fault> {
        let mut tensors: Vec<_> = tensors.into_iter().collect();
        // Larger elements first, so that each tensor lies at a multiple of its element's size.
        tensors.sort_by_key(|(_, tensor)| std::cmp::Reverse(Tensor::dtype(tensor).size_in_bytes()));
        let mut infos = Vec::with_capacity(tensors.len());
        let mut end = 0;
        for (name, tensor) in &tensors {
            let dtype = Tensor::dtype(tensor);
            let dtype = stored(dtype).ok_or_else(|| unknown(name, dtype))?;
            let start = end;
            end += tensor.data_len();
            infos.push((name.clone(), TensorInfo { dtype, shape: tensor.dims().to_vec(), data_offsets: (start, end) }));
        }
        let mut header = Header { version: Some(VERSION), sha256: String::new(), ..header };
        let mut digest = Digest::new(&header, infos.iter().map(|(name, info)| (name.as_str(), info)).collect())?;
        for (_, tensor) in &tensors {
            digest.0.update(tensor.data());
        }
        header.sha256 = digest.finish();
        let entry = HashMap::from([(ENTRY.to_owned(), serde_json::to_string(&header)?)]);
        let mut bytes = serde_json::to_vec(&Metadata::new(Some(entry), infos)?)?;
        bytes.resize(bytes.len().next_multiple_of(8), b' ');
        if bytes.len() as u64 > MAX_HEADER {
            return Err(Fault::Bad(format!("its header has {} bytes, of at most {MAX_HEADER}", bytes.len())));
        }
        Ok(Self { header: bytes, tensors: tensors.into_iter().map(|(_, tensor)| tensor).collect() })
    }

    pub(super) fn write(&self, file: &mut dyn Write) -> io::Result<()> {
        file.write_all(&(self.header.len() as u64).to_le_bytes())?;
        file.write_all(&self.header)?;
        self.tensors.iter().try_for_each(|tensor| file.write_all(&tensor.data()))
    }
}

/// What was read.
pub(super) struct Read {
    pub header: Header,
    pub tensors: BTreeMap<String, Tensor>,
    /// The dtypes of those that Candle does not compute with, in a file of another origin.
    pub unreadable: BTreeMap<String, String>,
}

/// Reads a file of `len` bytes.
///
/// The header is parsed here rather than by `SafeTensors::deserialize`, which adds up lengths from the file unchecked,
/// and would take the whole file into memory first.
pub(super) fn read(file: &mut impl io::Read, len: u64) -> Result<Read, Fault> {
    let mut size = [0; 8];
    let Some(after) = len.checked_sub(8) else {
        return Err(Fault::Bad(format!("it has {len} bytes, of at least 8")));
    };
    file.read_exact(&mut size)?;
    let size = u64::from_le_bytes(size);
    if size > after.min(MAX_HEADER) {
        return Err(Fault::Bad(format!("it has {len} bytes, and its first 8 ask for a header of {size}")));
    }
    let mut bytes = vec![0; size as usize];
    file.read_exact(&mut bytes)?;
    let metadata: Metadata = serde_json::from_slice(&bytes)?;
    if metadata.data_len() as u64 != after - size {
        let (wanted, found) = (metadata.data_len(), after - size);
        return Err(Fault::Bad(format!("its header describes {wanted} bytes of tensors, and {found} are there")));
    }
    let infos = metadata.tensors();
    let infos: BTreeMap<&str, &TensorInfo> = infos.iter().map(|(name, info)| (name.as_str(), *info)).collect();
    let header = match metadata.metadata().as_ref().and_then(|entries| entries.get(ENTRY)) {
        Some(entry) => checked_header(entry)?,
        None => Header::default(),
    };
    let mut digest = Digest::new(&Header { sha256: String::new(), ..header.clone() }, infos.clone())?;
    let (mut tensors, mut unreadable) = (BTreeMap::new(), BTreeMap::new());
    for name in metadata.offset_keys() {
        let Some(info) = infos.get(name.as_str()) else { continue };
        let mut bytes = vec![0; info.data_offsets.1 - info.data_offsets.0];
        file.read_exact(&mut bytes)?;
        digest.0.update(&bytes);
        match loaded(info.dtype) {
            Some(dtype) => drop(tensors.insert(name.clone(), tensor(&name, dtype, info, &bytes)?)),
            // Nobody may ask for it.
            None if header.version.is_none() => drop(unreadable.insert(name, format!("{:?}", info.dtype))),
            None => return Err(unknown(&name, info.dtype)),
        }
    }
    if header.version.is_some() && digest.finish() != header.sha256 {
        return Err(Fault::Bad("its contents do not have the checksum they were written with".into()));
    }
    Ok(Read { header, tensors, unreadable })
}

fn checked_header(entry: &str) -> Result<Header, Fault> {
    // The version first: of a later format nothing else is known.
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let Version { version } = serde_json::from_str(entry)?;
    if version != VERSION {
        return Err(Fault::Bad(format!("it is of format version {version}, and this crate reads version {VERSION}")));
    }
    Ok(serde_json::from_str(entry)?)
}

fn tensor(name: &str, dtype: DType, info: &TensorInfo, bytes: &[u8]) -> Result<Tensor, Fault> {
    // Strides are products of dimensions, which for an empty tensor the length of the file does not bound.
    let strides = info.shape.iter().filter(|dim| **dim > 0).try_fold(1usize, |product, dim| product.checked_mul(*dim));
    if strides.is_none() {
        return Err(Fault::Bad(format!("its tensor `{name}` has the shape {:?}", info.shape)));
    }
    Tensor::from_raw_buffer(bytes, dtype, &info.shape, &Device::Cpu)
        .map_err(|error| Fault::Bad(format!("its tensor `{name}` cannot be made: {error}")))
}

fn unknown(name: &str, dtype: impl std::fmt::Debug) -> Fault {
    Fault::Bad(format!("its tensor `{name}` has dtype {dtype:?}, which Candle does not compute with"))
}

/// The checksum of the contents, whatever the spelling of the header's JSON.
struct Digest(Sha256);

impl Digest {
    fn new(header: &Header, infos: BTreeMap<&str, &TensorInfo>) -> Result<Self, Fault> {
        Ok(Self(Sha256::new_with_prefix(serde_json::to_vec(&(header, infos))?)))
    }

    fn finish(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
