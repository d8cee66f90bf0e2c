//! Where the full Fashion-MNIST may be on this machine, and where it is published.

use std::env;
use std::path::{Path, PathBuf};

use crate::data::DataError;
use crate::data::download::{Mirror, RemoteFile};

const HINT: &str = "CANDLELIGHT_DATA must name a folder of train-images-idx3-ubyte, train-labels-idx1-ubyte, \
                    t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, each with or without `.gz`; or unset it";

/// Where to look for the full set, and where to fetch it from.
#[derive(Debug, Clone)]
pub struct Places {
    /// Folders that may hold it, in order.
    pub folders: Vec<PathBuf>,
    /// Where downloads are kept; it is looked at after the folders. Without one nothing is downloaded.
    pub cache: Option<PathBuf>,
    /// Where to download it from.
    pub mirror: Mirror,
    /// Images and labels for training, images and labels for testing, as they are published.
    pub files: [RemoteFile; 4],
}

impl Places {
    /// The folder of the Debian package `dataset-fashion-mnist`.
    pub const DEBIAN: &str = "/usr/share/datasets/fashion-mnist";
    /// Zalando's own server. It speaks plain HTTP; files are accepted by their checksums.
    pub const MIRROR: &str = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com";
    /// The published files. Their MD5 sums are those in Zalando's README. The files of Debian's package differ from
    /// them only in the gzip header, which lost the name and the time.
    pub const FILES: [RemoteFile; 4] = [
        RemoteFile {
            name: "train-images-idx3-ubyte.gz",
            bytes: 26_421_880,
            sha256: "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        },
        RemoteFile {
            name: "train-labels-idx1-ubyte.gz",
            bytes: 29_515,
            sha256: "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        },
        RemoteFile {
            name: "t10k-images-idx3-ubyte.gz",
            bytes: 4_422_102,
            sha256: "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        },
        RemoteFile {
            name: "t10k-labels-idx1-ubyte.gz",
            bytes: 5_148,
            sha256: "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        },
    ];

    /// The places of this machine: the folder in the environment variable `CANDLELIGHT_DATA`, [`Places::DEBIAN`], and
    /// `candlelight/fashion-mnist` in the user's cache (`XDG_CACHE_HOME`, else `~/.cache`).
    ///
    /// # Errors
    /// [`DataError::NotFound`] if `CANDLELIGHT_DATA` is set and there is no such folder, or not all four files in it: other data
    /// in the place of what was asked for would go unnoticed.
    pub fn of_this_machine() -> Result<Self, DataError> {
        let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let given = folder("CANDLELIGHT_DATA");
        if let Some(given) = given.as_ref().filter(|given| !holds(given, &Self::FILES)) {
            return Err(DataError::NotFound { what: "Fashion-MNIST".into(), looked: vec![given.clone()], hint: HINT });
        }
        let cache = folder("XDG_CACHE_HOME").filter(|path| path.is_absolute());
        let cache = cache.or_else(|| Some(env::home_dir()?.join(".cache")));
        Ok(Self {
            folders: given.into_iter().chain([Self::DEBIAN.into()]).collect(),
            cache: cache.map(|cache| cache.join("candlelight").join("fashion-mnist")),
            mirror: Mirror::new(Self::MIRROR),
            files: Self::FILES,
        })
    }

    /// Every folder that is looked at, in order.
    pub fn looked_at(&self) -> Vec<PathBuf> {
        self.folders.iter().chain(&self.cache).cloned().collect()
    }

    /// The first folder that holds all four files, with or without `.gz`, with `-idx` or `.idx` in their names. It opens none
    /// and touches no network.
    pub fn find(&self) -> Option<PathBuf> {
        self.looked_at().into_iter().find(|folder| holds(folder, &self.files))
    }
}

/// Whether a folder has all files.
fn holds(folder: &Path, files: &[RemoteFile]) -> bool {
    files.iter().all(|file| locate(folder, file.name).is_some())
}

/// The names under which a published file may lie in a folder. Some unpackers write `train-images.idx3-ubyte`.
pub(super) fn candidates(folder: &Path, name: &str) -> [PathBuf; 4] {
    let dotted = name.replace("-idx", ".idx");
    [name, name.trim_end_matches(".gz"), &dotted, dotted.trim_end_matches(".gz")].map(|name| folder.join(name))
}

/// The file in the folder, under one of its names.
pub(super) fn locate(folder: &Path, name: &str) -> Option<PathBuf> {
    candidates(folder, name).into_iter().find(|path| path.is_file())
}
