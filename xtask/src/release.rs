//! The compiled kernel as an archive, which set-up takes where it fits; `pack` makes it.
//!
//! ```text
//! candlelight-kernel-0.22.0-0982800ca06e7f6b-rust1.95.0-glibc2.34-x86_64-unknown-linux-gnu.tar.gz
//! ```
//!
//! The name of an archive says evcxr's version, the number of the kernel's sources, the compiler, the oldest glibc that runs it,
//! and the kind of machine.
//! Beside archives lies `SHA256SUMS`, which names them. An archive is opened only if its checksum is the one that stands there,
//! or, for the address of the project, the one in `xtask/kernels.sha256`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{About, Result};
use crate::{paths, process, python};

/// The programs in it, and of the kernel's package: ours, and the stock one.
pub const PROGRAMS: [&str; 2] = ["candlelight-kernel", "evcxr_jupyter"];

/// The file beside archives that holds their checksums.
pub const SUMS: &str = "SHA256SUMS";

/// The address of the folder with the project's releases; there is none yet.
const ADDRESS: &str = "";

/// The checksums of the archives there, as `sha256sum` writes them.
const CHECKSUMS: &str = include_str!("../kernels.sha256");

/// The variable that names another place: an archive, a folder or the address of one; empty for none.
const PLACE: &str = "CANDLELIGHT_KERNEL";

const PREFIX: &str = "candlelight-kernel-";
const SUFFIX: &str = ".tar.gz";

/// The most bytes that are fetched of an archive, which has some 23 MB.
const MOST: u64 = 200_000_000;

/// What an archive was made from and for, as its name says; or what this machine has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// The version of evcxr, and the number of the kernel's sources.
    pub sources: String,
    /// The version of the compiler.
    pub rust: String,
    /// The oldest glibc that runs it; the machine's own.
    pub glibc: (u32, u32),
    /// The kind of machine, as rustc calls it.
    pub host: String,
}

impl Build {
    /// That of this machine, and of these sources.
    pub fn here(sources: &str) -> Result<Self> {
        let rustc = process::output(process::command("rustc").current_dir(paths::root()).arg("-vV"))?;
        let said = |key| rustc_says(&rustc, key).ok_or_else(|| format!("`rustc -vV` does not say its {key}"));
        let (rust, host) = (said("release")?, said("host")?);
        let glibc = process::output(Command::new("getconf").arg("GNU_LIBC_VERSION")).ok();
        let glibc = glibc.and_then(|said| version(said.strip_prefix("glibc ")?));
        let glibc = glibc.ok_or("releases of the kernel are for Linux with glibc, which is not found here")?;
        Ok(Self { sources: sources.to_owned(), rust, glibc, host })
    }

    /// The name of its archive.
    pub fn archive(&self) -> String {
        let Self { sources, rust, glibc: (major, minor), host } = self;
        format!("{PREFIX}{sources}-rust{rust}-glibc{major}.{minor}-{host}{SUFFIX}")
    }

    /// What the name of an archive says, if it is one.
    pub fn of_archive(name: &str) -> Option<Self> {
        let name = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
        let (sources, rest) = name.split_once("-rust")?;
        let (rust, rest) = rest.split_once("-glibc")?;
        let (glibc, host) = rest.split_once('-')?;
        Some(Self { sources: sources.into(), rust: rust.into(), glibc: version(glibc)?, host: host.into() })
    }

    /// Why an archive of this build cannot be taken on a machine, if it cannot.
    fn misfit(&self, here: &Self) -> Option<String> {
        let Self { rust, glibc: (major, minor), host, .. } = self;
        if self.sources != here.sources {
            Some(format!("it is of other sources ({}) than these ({})", self.sources, here.sources))
        } else if *host != here.host {
            Some(format!("it is for {host}, and this is {}", here.host))
        } else if *rust != here.rust {
            Some(format!("it was compiled by Rust {rust}, and here is {}", here.rust))
        } else if self.glibc > here.glibc {
            Some(format!("it needs glibc {major}.{minor}, and here is {}.{}", here.glibc.0, here.glibc.1))
        } else {
            None
        }
    }
}

/// The line of a key in what `rustc -vV` says.
pub fn rustc_says(rustc: &str, key: &str) -> Option<String> {
    rustc.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": ")).map(str::to_owned)
}

/// The first two numbers of a version: `2.34`, `2.2.5`.
pub fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim().split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Where archives are.
enum Place {
    File(PathBuf),
    Folder(PathBuf),
    Address(String),
}

impl Place {
    fn of(text: &str) -> Result<Self> {
        if text.contains("://") {
            return Ok(Self::Address(text.trim_end_matches('/').to_owned()));
        }
        let path = paths::root().join(text);
        match fs::metadata(&path) {
            Ok(found) if found.is_dir() => Ok(Self::Folder(path)),
            Ok(_) => Ok(Self::File(path)),
            Err(error) => Err(format!("{PLACE} names {text:?}: {error}").into()),
        }
    }

    /// A file of this place, fetched into `folder` where it is elsewhere.
    fn file(&self, name: &str, folder: &Path, most: u64) -> Result<PathBuf> {
        match self {
            Self::File(file) => Ok(file.with_file_name(name)),
            Self::Folder(place) => Ok(place.join(name)),
            Self::Address(address) => {
                let file = folder.join(name);
                let mut fetch = process::command(python::find()?);
                fetch.arg(paths::script("fetch.py")).arg(format!("{address}/{name}")).arg(&file).arg(most.to_string());
                let output = fetch.output().about("cannot start Python")?;
                let said = String::from_utf8_lossy(&output.stderr);
                match output.status.success() {
                    true => Ok(file),
                    false => Err(said.lines().last().unwrap_or("Python failed").into()),
                }
            }
        }
    }
}

/// Puts the compiled kernel into `folder`, from the place that the environment names, else from the project's address. Whether
/// there was such a place; after an error the folder is as good as empty.
pub fn take(sources: &str, folder: &Path) -> Result<bool> {
    let given = std::env::var(PLACE).ok();
    let place = given.as_deref().unwrap_or(ADDRESS);
    if place.is_empty() {
        return Ok(false);
    }
    let known = given.is_none().then_some(CHECKSUMS);
    let name = unpack(&Place::of(place)?, known, &Build::here(sources)?, folder)?;
    println!("Rust kernel: taken from {name}, whose checksum is right");
    Ok(true)
}

/// Unpacks the archive of a place that fits; its name. Checksums are those that are `known`, else those that lie beside it.
fn unpack(place: &Place, known: Option<&str>, here: &Build, folder: &Path) -> Result<String> {
    if folder.exists() {
        fs::remove_dir_all(folder).about(folder.display())?;
    }
    fs::create_dir_all(folder).about(folder.display())?;
    let sums = match known {
        Some(sums) => sums.to_owned(),
        None => {
            let file = place.file(SUMS, folder, 1_000_000)?;
            fs::read_to_string(&file).about(file.display())?
        }
    };
    let only = match place {
        Place::File(file) => file.file_name().map(|name| name.to_string_lossy().into_owned()),
        _ => None,
    };
    let (sum, name) = choose(&sums, only.as_deref(), here)?;
    let archive = place.file(name, folder, MOST)?;
    let actual = sha256(&archive)?;
    if actual != sum {
        return Err(format!("{name} is damaged, or is another: its SHA-256 is {actual}, not {sum}").into());
    }
    process::output(Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(folder))?;
    let [ours, stock] = PROGRAMS.map(|program| folder.join("bin").join(program));
    if !ours.is_file() {
        return Err(format!("{name} holds no {}", PROGRAMS[0]).into());
    }
    // That such a program starts: a library may be missing.
    process::output(Command::new(stock).arg("--help"))?;
    if archive.starts_with(folder) {
        fs::remove_file(&archive).about(archive.display())?;
    }
    Ok(name.to_owned())
}

/// The checksum and the name of the archive that fits, of those in `sums`, or of `only` that one.
fn choose<'a>(sums: &'a str, only: Option<&str>, here: &Build) -> Result<(&'a str, &'a str)> {
    let mut misfits = Vec::new();
    for line in sums.lines() {
        // Two spaces, or a space and a star, stand between them.
        let Some((sum, name)) = line.split_once(' ') else { continue };
        let name = name.trim_start_matches([' ', '*']);
        let Some(build) = Build::of_archive(name).filter(|_| only.is_none_or(|only| only == name)) else { continue };
        match build.misfit(here) {
            None => return Ok((sum, name)),
            Some(misfit) => misfits.push((build.sources == here.sources, misfit)),
        }
    }
    // Of archives of other sources there may be many.
    misfits.sort_by_key(|(same, _)| !same);
    Err(match (misfits.first(), only) {
        (Some((_, misfit)), _) => format!("no release of the kernel fits: {misfit}").into(),
        (None, Some(only)) => format!("{SUMS} beside {only} has no line for it").into(),
        (None, None) => "there is no release of the kernel in the place that was named".into(),
    })
}

/// The checksum of a file.
pub fn sha256(file: &Path) -> Result<String> {
    let said = process::output(Command::new("sha256sum").arg("--").arg(file))?;
    // A backslash in front says that the name is escaped.
    Ok(said.trim_start_matches('\\').split(' ').next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests;
