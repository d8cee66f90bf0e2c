//! Where the full Fashion-MNIST may be on this machine, and where it is published.

use std::env;
use std::path::{Path, PathBuf};

use crate::data::download::{Mirror, RemoteFile};

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
    pub fn of_this_machine() -> Self {
        let folder = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let cache = folder("XDG_CACHE_HOME").filter(|path| path.is_absolute());
        let cache = cache.or_else(|| Some(env::home_dir()?.join(".cache")));
        Self {
            folders: folder("CANDLELIGHT_DATA").into_iter().chain([Self::DEBIAN.into()]).collect(),
            cache: cache.map(|cache| cache.join("candlelight").join("fashion-mnist")),
            mirror: Mirror::new(Self::MIRROR),
            files: Self::FILES,
        }
    }

    /// Every folder that is looked at, in order.
    pub fn looked_at(&self) -> Vec<PathBuf> {
        self.folders.iter().chain(&self.cache).cloned().collect()
    }

    /// The first folder that holds all four files, with or without `.gz`. It opens none and touches no network.
    pub fn find(&self) -> Option<PathBuf> {
        self.looked_at().into_iter().find(|folder| self.files.iter().all(|file| locate(folder, file.name).is_some()))
    }
}

/// The names under which a published file may lie in a folder.
pub(super) fn candidates(folder: &Path, name: &str) -> [PathBuf; 2] {
    [folder.join(name), folder.join(name.trim_end_matches(".gz"))]
}

/// The file in the folder, with or without `.gz`.
pub(super) fn locate(folder: &Path, name: &str) -> Option<PathBuf> {
    candidates(folder, name).into_iter().find(|path| path.is_file())
}
