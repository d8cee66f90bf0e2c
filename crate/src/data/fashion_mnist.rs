//! Fashion-MNIST: 70 000 grey images of clothes, 28 × 28 pixels, ten classes.
//!
//! Xiao, Rasul and Vollgraf (2017), "Fashion-MNIST: a novel image dataset for benchmarking machine learning
//! algorithms", arXiv:1708.07747. Copyright Zalando SE, MIT licence.

use std::fmt;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};

use crate::Result;
use crate::data::places::{candidates, locate};
use crate::data::{DataError, Dataset, Places, idx};
use crate::rng::stream;

const SIDE: usize = 28;
const HINT: &str = "install the Debian package `dataset-fashion-mnist`, or put its four files into a folder and set \
                    CANDLELIGHT_DATA to it, or use the subset in the crate, `FashionMnist::offline`";

/// The content of an IDX file, and where it was read.
struct Contents<const RANK: usize, T> {
    file: PathBuf,
    dims: [usize; RANK],
    values: Vec<T>,
}

/// Where images were read from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// The subset that is part of the crate.
    Embedded,
    /// Files of this folder.
    Folder(PathBuf),
    /// Files that were downloaded just now.
    Download {
        /// The server.
        url: String,
        /// Where they are kept.
        folder: PathBuf,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => write!(f, "subset embedded in the crate"),
            Self::Folder(folder) => write!(f, "folder {}", folder.display()),
            Self::Download { url, folder } => write!(f, "downloaded from {url} to {}", folder.display()),
        }
    }
}

/// Images and their classes, for training and for testing.
///
/// Inputs are f32 `[N, 784]`, rows of pixels in [0, 1], 1 being the brightest; targets are u32 `[N]`, classes in 0..10.
/// Printed, it says how many there are and where they come from.
///
/// ```
/// use candlelight::prelude::*;
/// # fn main() -> candlelight::Result<()> {
/// let data = FashionMnist::offline(&Device::Cpu)?;
/// assert_eq!(data.train.inputs().dims(), [6000, 784]);
/// assert_eq!(
///     data.to_string(),
///     "Fashion-MNIST: 6000 training and 1500 test images, subset embedded in the crate"
/// );
/// let first = data.train.targets().i(0)?.to_scalar::<u32>()?;
/// println!("the first image shows: {}", FashionMnist::CLASSES[first as usize]);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct FashionMnist {
    /// Samples to train on; 60 000 in the full set.
    pub train: Dataset,
    /// Samples to test on; 10 000 in the full set.
    pub test: Dataset,
    /// Where they come from.
    pub source: Source,
}

impl fmt::Display for FashionMnist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (train, test) = (self.train.len(), self.test.len());
        write!(f, "Fashion-MNIST: {train} training and {test} test images, {}", self.source)
    }
}

impl FashionMnist {
    /// The names of the classes.
    pub const CLASSES: [&str; 10] =
        ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

    /// The subset that is part of the crate: 600 training and 150 test images of each class.
    ///
    /// It is `full.balanced(600, 150, 0)` of the full set, see [`FashionMnist::balanced`]: any ten images from a
    /// multiple of ten on hold each class once, so `train.take(1000)` is balanced too.
    ///
    /// # Errors
    /// If Candle cannot put the tensors on the device.
    pub fn offline(device: &Device) -> Result<Self> {
        macro_rules! embedded {
            ($name:literal, $convert:expr) => {{
                let bytes: &[u8] = include_bytes!(concat!("../../data/fashion-mnist/", $name));
                let file = PathBuf::from(concat!("embedded ", $name));
                let (dims, values) = idx::read_gzip(bytes, &file, $convert)?;
                Contents { file, dims, values }
            }};
        }
        Ok(Self {
            train: dataset(
                embedded!("train-images-idx3-ubyte.gz", pixel),
                embedded!("train-labels-idx1-ubyte.gz", u32::from),
                device,
            )?,
            test: dataset(
                embedded!("t10k-images-idx3-ubyte.gz", pixel),
                embedded!("t10k-labels-idx1-ubyte.gz", u32::from),
                device,
            )?,
            source: Source::Embedded,
        })
    }

    /// The full set if it is on this machine, else the subset in the crate; never downloads.
    ///
    /// # Errors
    /// If the full set is there and cannot be read, or as [`Places::of_this_machine`].
    pub fn load(device: &Device) -> Result<Self> {
        match Places::of_this_machine()?.find() {
            Some(folder) => Self::from_dir(folder, device),
            None => Self::offline(device),
        }
    }

    /// The full set, from the first of the places of [`Places::of_this_machine`] that holds it, else downloaded
    /// (31 MB) into the user's cache.
    ///
    /// # Errors
    /// [`DataError::Unavailable`] if it is nowhere and cannot be fetched, [`DataError::NotFound`] if there is no cache
    /// to fetch it to, or as [`Places::of_this_machine`] and [`FashionMnist::from_dir`].
    #[cfg(feature = "download")]
    pub fn full(device: &Device) -> Result<Self> {
        Self::full_from(&Places::of_this_machine()?, device)
    }

    /// As [`FashionMnist::full`], with places of one's own.
    ///
    /// # Errors
    /// As [`FashionMnist::full`].
    #[cfg(feature = "download")]
    pub fn full_from(places: &Places, device: &Device) -> Result<Self> {
        if let Some(folder) = places.find() {
            return Self::from_dir(folder, device);
        }
        let (what, looked) = ("Fashion-MNIST".to_owned(), places.looked_at());
        let Some(cache) = &places.cache else {
            return Err(DataError::NotFound { what, looked, hint: HINT }.into());
        };
        for file in places.files.iter().filter(|file| locate(cache, file.name).is_none()) {
            places.mirror.fetch(file, cache).map_err(|source| DataError::Unavailable {
                what: what.clone(),
                looked: looked.clone(),
                source: Box::new(source),
                hint: HINT,
            })?;
        }
        let source = Source::Download { url: places.mirror.url.clone(), folder: cache.clone() };
        Ok(Self { source, ..Self::from_dir(cache, device)? })
    }

    /// The set in a folder: `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
    /// `t10k-labels-idx1-ubyte`, each with or without `.gz`, with `-idx` or `.idx`. Other sets of the same form will do, such
    /// as MNIST.
    ///
    /// # Errors
    /// [`Error::Data`](crate::Error::Data), with the file, what was expected and what was there.
    pub fn from_dir(folder: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let folder = folder.as_ref();
        let [train_images, train_labels, test_images, test_labels] = Places::FILES.map(|file| file.name);
        let read = |images, labels| dataset(read(folder, images, pixel)?, read(folder, labels, u32::from)?, device);
        // Decompression takes most of the time and has no use for more than one thread a file.
        let (train, test) = std::thread::scope(|scope| {
            let test = scope.spawn(|| read(test_images, test_labels));
            let train = read(train_images, train_labels);
            (train, test.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        Ok(Self { train: train?, test: test?, source: Source::Folder(folder.into()) })
    }

    /// A random part of the set with as many images of each class, see [`Dataset::balanced`]. The draws come from the
    /// streams `fashion-mnist/train` and `fashion-mnist/test` of `seed`.
    ///
    /// # Errors
    /// If a class has fewer images.
    pub fn balanced(&self, train_per_class: usize, test_per_class: usize, seed: u64) -> Result<Self> {
        Ok(Self {
            train: self.train.balanced(train_per_class, &mut stream(seed, "fashion-mnist/train"))?,
            test: self.test.balanced(test_per_class, &mut stream(seed, "fashion-mnist/test"))?,
            source: self.source.clone(),
        })
    }

    /// The same images as `[N, 1, 28, 28]`, without a copy: what a convolution takes.
    ///
    /// # Errors
    /// If Candle refuses, which it does not for sets of this module.
    pub fn as_images(&self) -> Result<Self> {
        let dims = [1, SIDE, SIDE];
        let (train, test) = (self.train.with_input_dims(&dims)?, self.test.with_input_dims(&dims)?);
        Ok(Self { train, test, source: self.source.clone() })
    }
}

fn pixel(byte: u8) -> f32 {
    f32::from(byte) / 255.0
}

fn read<const RANK: usize, T>(folder: &Path, name: &str, convert: impl Fn(u8) -> T) -> Result<Contents<RANK, T>> {
    let file = locate(folder, name).ok_or_else(|| DataError::NotFound {
        what: name.trim_end_matches(".gz").into(),
        looked: candidates(folder, name).into(),
        hint: HINT,
    })?;
    let (dims, values) = idx::read_file(&file, convert)?;
    Ok(Contents { file, dims, values })
}

fn dataset(images: Contents<3, f32>, labels: Contents<1, u32>, device: &Device) -> Result<Dataset> {
    let ([n, height, width], [labels_n], classes) = (images.dims, labels.dims, FashionMnist::CLASSES.len());
    if [height, width] != [SIDE, SIDE] {
        let (expected, actual) = ([SIDE, SIDE], [height, width]);
        return Err(DataError::ImageSize { file: images.file, expected, actual }.into());
    }
    if labels_n != n {
        return Err(DataError::Count { images: images.file, labels: labels.file, expected: n, actual: labels_n }.into());
    }
    if let Some((position, &label)) = labels.values.iter().enumerate().find(|&(_, &label)| label as usize >= classes) {
        return Err(DataError::Label { file: labels.file, label, position, classes }.into());
    }
    let pixels = Tensor::from_vec(images.values, (n, SIDE * SIDE), device)?;
    Dataset::new(&pixels, &Tensor::from_vec(labels.values, n, device)?)
}
