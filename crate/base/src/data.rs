//! Why a data set could not be had: each case names the file, what was expected and what was there.

use std::path::PathBuf;

/// Why a data set could not be found, fetched or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file, or a whole set, is in none of the places looked at.
    #[error("{what}: not found, looked at {}; {}", list(.looked), .hint)]
    NotFound {
        /// The file or the set.
        what: String,
        /// Every place looked at, in order.
        looked: Vec<PathBuf>,
        /// What would help.
        hint: &'static str,
    },
    /// A set is in none of the places looked at, and fetching it failed too.
    #[error("{what}: not found, looked at {}; fetching it failed: {source}; {}", list(.looked), .hint)]
    Unavailable {
        /// The set.
        what: String,
        /// Every place looked at, in order.
        looked: Vec<PathBuf>,
        /// Why it could not be fetched.
        source: Box<DataError>,
        /// What would help.
        hint: &'static str,
    },
    /// A file could not be read or written.
    #[error("{}: {source}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file named `.gz` does not start as a gzip file.
    #[error("{}: expected a gzip file, which starts with 1f 8b, got {:02x?}", file.display(), .actual)]
    NotGzip {
        /// The file.
        file: PathBuf,
        /// Its first bytes, two at most.
        actual: Vec<u8>,
    },
    /// A gzip file does not decompress, is cut off, or its checksum (CRC-32) is wrong.
    #[error("{}: expected a sound gzip file, got a damaged one ({source})", file.display())]
    CorruptGzip {
        /// The file.
        file: PathBuf,
        /// What the decompressor said.
        source: std::io::Error,
    },
    /// A file does not start as an IDX file of bytes with the expected number of dimensions.
    #[error("{}: expected IDX magic number {expected:#010x}, got {actual:#010x}", file.display())]
    Magic {
        /// The file.
        file: PathBuf,
        /// 0x00000800 plus the number of dimensions.
        expected: u32,
        /// The first four bytes, big-endian.
        actual: u32,
    },
    /// A file ends before the data that its header announces. (A gzip file that is cut off is
    /// [`DataError::CorruptGzip`].)
    #[error("{}: truncated, expected {expected} bytes (uncompressed), got {actual}", file.display())]
    Truncated {
        /// The file.
        file: PathBuf,
        /// Length of header and data.
        expected: u64,
        /// Length that could be read.
        actual: u64,
    },
    /// A file goes on after the data that its header announces.
    #[error("{}: expected {expected} bytes (uncompressed), got more", file.display())]
    TrailingBytes {
        /// The file.
        file: PathBuf,
        /// Length of header and data.
        expected: u64,
    },
    /// A header announces more data than this crate reads.
    #[error("{}: expected at most {limit} values, got a header of {dims:?}", file.display())]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// The dimensions in the header.
        dims: Vec<usize>,
        /// The most values that are read.
        limit: usize,
    },
    /// Images are not of the size of Fashion-MNIST's.
    #[error("{}: expected images of {expected:?} pixels, got {actual:?}", file.display())]
    ImageSize {
        /// The file.
        file: PathBuf,
        /// Height and width that were expected.
        expected: [usize; 2],
        /// Height and width in the header.
        actual: [usize; 2],
    },
    /// There is not one label for each image.
    #[error("{}: expected {expected} labels, one for each image of {}, got {actual}", labels.display(), images.display())]
    Count {
        /// The file of the images.
        images: PathBuf,
        /// The file of the labels.
        labels: PathBuf,
        /// How many images there are.
        expected: usize,
        /// How many labels there are.
        actual: usize,
    },
    /// A label is not one of the classes.
    #[error("{}: expected labels in 0..{classes}, got {label} at position {position}", file.display())]
    Label {
        /// The file.
        file: PathBuf,
        /// The label.
        label: u32,
        /// Where it stands.
        position: usize,
        /// How many classes there are.
        classes: usize,
    },
    /// A server answered with something other than the file.
    #[error("{url}: expected HTTP status 200, got {status}")]
    HttpStatus {
        /// The address.
        url: String,
        /// The status of the answer.
        status: u16,
    },
    /// A server could not be reached, or the connection broke.
    #[error("{url}: {reason}")]
    Transport {
        /// The address.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// A download is shorter or longer than the file is known to be.
    #[error("{url}: expected {expected} bytes, got {actual}{}", if actual > expected { " or more" } else { "" })]
    Size {
        /// The address.
        url: String,
        /// The known length.
        expected: u64,
        /// The announced or received length; reading stops one byte past the known length.
        actual: u64,
    },
    /// A download has the right length and the wrong content.
    #[error("{url}: expected SHA-256 {expected}, got {actual}")]
    Checksum {
        /// The address.
        url: String,
        /// The known checksum.
        expected: String,
        /// That of what was received.
        actual: String,
    },
}

fn list(places: &[PathBuf]) -> String {
    let places: Vec<_> = places.iter().map(|place| place.display().to_string()).collect();
    if places.is_empty() { "no place".into() } else { places.join(", ") }
}
