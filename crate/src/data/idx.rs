//! The IDX format of MNIST: a big-endian header, then one byte a value.
//!
//! ```text
//! 0x00000800 + number of dimensions, each dimension (4 bytes each), the values in row-major order
//! ```
//!
//! Values are converted while they are read, so that no second copy of the file is held. LeCun et al., "The MNIST
//! database of handwritten digits", section "File formats".

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::data::DataError;
use crate::{Error, Result};

/// The most values that are read from one file, five times the largest of Fashion-MNIST.
pub const MAX_VALUES: usize = 1 << 28;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const CHUNK: usize = 1 << 16;

/// Reads a file of `RANK` dimensions, through gzip if its name ends in `.gz`: the dimensions, and each byte converted.
///
/// ```
/// use candlelight::data::idx;
/// # fn main() -> candlelight::Result<()> {
/// let file = std::env::temp_dir().join(format!("candlelight-{}.idx", std::process::id()));
/// std::fs::write(&file, idx::encode(&[2, 3], &[0, 1, 2, 3, 4, 5])?).unwrap();
/// let (dims, values) = idx::read_file::<2, _>(&file, f32::from)?;
/// std::fs::remove_file(&file).unwrap();
/// assert_eq!(dims, [2, 3]);
/// assert_eq!(values, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
/// # Ok(()) }
/// ```
///
/// # Errors
/// If the file cannot be read, is not gzip where its name says so, or as [`read`].
pub fn read_file<const RANK: usize, T>(
    file: &Path,
    convert: impl Fn(u8) -> T,
) -> Result<([usize; RANK], Vec<T>), DataError> {
    let open = File::open(file).map_err(|source| DataError::Io { file: file.into(), source })?;
    let reader = BufReader::with_capacity(CHUNK, open);
    if file.extension().is_some_and(|extension| extension == "gz") {
        read_gzip(reader, file, convert)
    } else {
        read(reader, file, convert)
    }
}

/// Reads IDX through gzip; `name` stands for the source in errors.
///
/// # Errors
/// [`DataError::NotGzip`], [`DataError::CorruptGzip`], or as [`read`].
pub fn read_gzip<const RANK: usize, T>(
    mut source: impl BufRead,
    name: &Path,
    convert: impl Fn(u8) -> T,
) -> Result<([usize; RANK], Vec<T>), DataError> {
    let head = source.fill_buf().map_err(|source| DataError::Io { file: name.into(), source })?;
    if !head.starts_with(&GZIP_MAGIC) {
        return Err(DataError::NotGzip { file: name.into(), actual: head.iter().copied().take(2).collect() });
    }
    read(MultiGzDecoder::new(source), name, convert)
}

/// Reads IDX from any source, to its end; `name` stands for the source in errors.
///
/// Memory grows with the data that arrive, not with what the header announces.
///
/// # Errors
/// [`DataError::Magic`], [`DataError::TooLarge`] past [`MAX_VALUES`], [`DataError::Truncated`],
/// [`DataError::TrailingBytes`], or an error of reading.
pub fn read<const RANK: usize, T>(
    mut source: impl Read,
    name: &Path,
    convert: impl Fn(u8) -> T,
) -> Result<([usize; RANK], Vec<T>), DataError> {
    let header_bytes = 4 * (1 + RANK);
    let truncated = |expected: usize, actual: usize| DataError::Truncated {
        file: name.into(),
        expected: expected as u64,
        actual: actual as u64,
    };

    let mut header = vec![0; header_bytes];
    let got = fill(&mut source, &mut header, name)?;
    let mut words = header[..got].chunks_exact(4).map(|word| word.iter().fold(0, |n, &byte| n << 8 | u32::from(byte)));
    let (expected, actual) = (0x0800 + RANK as u32, words.next());
    if let Some(actual) = actual.filter(|&actual| actual != expected) {
        return Err(DataError::Magic { file: name.into(), expected, actual });
    }
    if got < header_bytes {
        return Err(truncated(header_bytes, got));
    }
    let mut dims = [0; RANK];
    dims.iter_mut().zip(words).for_each(|(dim, word)| *dim = word as usize);
    let total = dims
        .iter()
        .try_fold(1, |total: usize, &dim| total.checked_mul(dim))
        .filter(|&total| total <= MAX_VALUES)
        .ok_or_else(|| DataError::TooLarge { file: name.into(), dims: dims.to_vec(), limit: MAX_VALUES })?;

    let mut values = Vec::new();
    let mut chunk = vec![0; CHUNK];
    while values.len() < total {
        let want = CHUNK.min(total - values.len());
        let got = fill(&mut source, &mut chunk[..want], name)?;
        if values.capacity() < values.len() + got {
            values.reserve_exact(values.len().max(CHUNK).min(total - values.len()));
        }
        values.extend(chunk[..got].iter().map(|&byte| convert(byte)));
        if got < want {
            return Err(truncated(header_bytes + total, header_bytes + values.len()));
        }
    }
    // Asking for one byte more also makes gzip compare its checksum.
    if fill(&mut source, &mut chunk[..1], name)? > 0 {
        return Err(DataError::TrailingBytes { file: name.into(), expected: (header_bytes + total) as u64 });
    }
    Ok((dims, values))
}

/// The bytes of an IDX file that holds `values` of shape `dims`.
///
/// # Errors
/// If `values` does not fill the shape, or the shape does not fit the format.
pub fn encode(dims: &[usize], values: &[u8]) -> Result<Vec<u8>> {
    let words: Option<Vec<u32>> = dims.iter().map(|&dim| u32::try_from(dim).ok()).collect();
    let count = dims.iter().try_fold(1, |count: usize, &dim| count.checked_mul(dim));
    match (u8::try_from(dims.len()), words) {
        (Ok(rank), Some(words)) if count == Some(values.len()) => {
            let mut bytes = vec![0, 0, 8, rank];
            bytes.extend(words.into_iter().flat_map(u32::to_be_bytes));
            bytes.extend_from_slice(values);
            Ok(bytes)
        }
        _ => Err(Error::shape("IDX", format!("a shape of {} values", values.len()), dims)),
    }
}

/// Reads until `buffer` is full or the source ends; how many bytes were read.
fn fill(source: &mut impl Read, buffer: &mut [u8], name: &Path) -> Result<usize, DataError> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(got) => filled += got,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(refused(error, name)),
        }
    }
    Ok(filled)
}

fn refused(source: io::Error, name: &Path) -> DataError {
    match source.kind() {
        // What the decompressor says of damage, of a wrong CRC-32 and of a stream that is cut off.
        ErrorKind::InvalidInput | ErrorKind::InvalidData | ErrorKind::UnexpectedEof => {
            DataError::CorruptGzip { file: name.into(), source }
        }
        _ => DataError::Io { file: name.into(), source },
    }
}
