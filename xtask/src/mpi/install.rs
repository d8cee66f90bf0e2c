//! The MPI: what `MPICC` names, or one of a pinned version in a virtual environment of its own.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::{paths, process, python};

/// What the package needs of Python.
const PYTHON: (&str, (u32, u32)) = ("Open MPI", (3, 10));

/// The compiler of the MPI, brought on first use.
pub fn compiler() -> Result<PathBuf> {
    if let Some(given) = std::env::var_os("MPICC") {
        let given = PathBuf::from(given);
        // A name alone is looked for as a shell does.
        return match given.components().count() {
            1 => process::find_on_path(&given.to_string_lossy())
                .ok_or_else(|| format!("MPICC is {}, and there is no such program", given.display()).into()),
            _ => Ok(given),
        };
    }
    let (folder, requirements) = (paths::root().join("target/mpi"), paths::root().join("xtask/mpi/requirements.txt"));
    Ok(python::with_packages(&folder, &[requirements], PYTHON, "seconds")?.join("bin/mpicc"))
}

/// The program that starts the ranks: it stands beside the compiler.
pub fn launcher(mpicc: &Path) -> PathBuf {
    mpicc.with_file_name("mpirun")
}

/// Where its libraries are, for a program that does not know: only those of candlelight-mpi itself are told by the linker.
pub fn libraries(mpicc: &Path) -> Result<OsString> {
    let line = process::output(process::command(mpicc).arg("-show"))?;
    let folders = line.split_whitespace().filter_map(|word| word.strip_prefix("-L")).map(PathBuf::from);
    let known = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    Ok(std::env::join_paths(folders.chain(std::env::split_paths(&known))).map_err(|error| error.to_string())?)
}
