//! The program that Jupyter starts as the kernel: it gives evcxr_jupyter a warm build directory of its own.
//!
//! A fresh build directory would compile Candle for minutes. A shared one serves one kernel at a time. So each kernel gets a
//! copy, made of hard links, of the directory that set-up prepared, and it is removed afterwards. Ours gets the libraries of it,
//! a tenth of the files; the others follow if its cargo has to work.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use crate::clone::clone_tree;
use crate::error::{About, Result};
use crate::replay::Call;
use crate::{cargo, evcxr, paths, process, replay};

/// Makes the folder of one kernel, and becomes its program: ours, or the stock one where `stock` stands before the connection
/// file. What the stock one leaves is removed by the next kernel.
pub fn launch() -> Result<ExitCode> {
    let words: Vec<_> = std::env::args_os().skip(1).collect();
    let (stock, connection) = match &words[..] {
        [connection] => (false, connection),
        [stock, connection] if stock == "stock" => (true, connection),
        _ => return Err("Jupyter gives the connection file as the last argument".into()),
    };
    let this = std::env::current_exe().about("this program")?;
    let lab = paths::lab_of(&this)?;
    let sessions = lab.join("kernel/sessions");
    remove_dead(&sessions);
    let session = Session::new(&sessions, &paths::prepared(lab), stock)?;
    let mut kernel = if stock { session.stock(lab)? } else { session.ours(lab)? };
    kernel.arg(connection);
    let error = kernel.exec();
    Err(format!("cannot start {}: {error}", kernel.get_program().display()).into())
}

/// The build directory of one kernel.
struct Session {
    folder: PathBuf,
    /// How set-up compiled a cell.
    call: Option<Call>,
}

impl Session {
    /// With all of the build directory, or only with what cells are linked to.
    fn new(sessions: &Path, prepared: &Path, all: bool) -> Result<Self> {
        // Named after the process, so that others can tell whether it still runs.
        let folder = sessions.join(std::process::id().to_string());
        if folder.exists() {
            fs::remove_dir_all(&folder).about(folder.display())?;
        }
        clone_tree(prepared, &folder, &|path| if all { !path.ends_with("incremental") } else { is_linked(path) })?;
        let mut call = Call::read(prepared);
        match &mut call {
            Some(call) if !is_edited(&paths::root().join("crate"), prepared) => call.write_for(prepared, &folder)?,
            // Cargo compiles the crate as it is now.
            _ => Call::forget(&folder),
        }
        Ok(Self { folder, call })
    }

    /// Our kernel, which loads the crate itself.
    fn ours(&self, lab: &Path) -> Result<Command> {
        let mut command = self.command(&paths::kernel(lab), lab, &self.folder)?;
        command.env(cargo::SESSION, &self.folder).env("CANDLELIGHT_CELLS", paths::cells(lab));
        command.env(cargo::DEPENDENCY, evcxr::dependency(&paths::root()));
        Ok(command)
    }

    /// The stock kernel, which loads the crate from a configuration. It cuts the names of what it loads at a space, so a checkout
    /// in a folder with one gets a link elsewhere.
    fn stock(&self, lab: &Path) -> Result<Command> {
        let place = if has_space(&self.folder) { link(&std::process::id().to_string())? } else { self.folder.clone() };
        if place != self.folder {
            // Left by a process that had this number before.
            if fs::read_link(&place).is_ok_and(|folder| folder == self.folder) {
                fs::remove_file(&place).about(place.display())?;
            }
            std::os::unix::fs::symlink(&self.folder, &place).about(place.display())?;
        }
        self.write_start()?;
        let mut command = self.command(&paths::stock_kernel(lab), lab, &place)?;
        // What cells print takes another way; here evcxr only says that there is no configuration file, which is not true.
        command.stdout(Stdio::null()).arg("--control_file");
        Ok(command)
    }

    /// What evcxr does before it answers for the first time: it loads the crate, while the reader still reads. The last line
    /// makes the analyzer look at Candle once.
    fn write_start(&self) -> Result<()> {
        let folder = self.folder.join("config");
        fs::create_dir_all(&folder).about(folder.display())?;
        let start = format!(":dep {}\n", evcxr::dependency(&paths::root()));
        fs::write(folder.join("init.evcxr"), start).about(folder.display())?;
        let warm = "let _warm = candlelight::candle_core::Shape::from(1).dims().len();";
        fs::write(folder.join("prelude.rs"), warm).about(folder.display())
    }

    /// The cargo of the toolchain, past rustup, which would look for it at each cell, and the target.
    fn toolchain(&self) -> Result<(PathBuf, String)> {
        if let Some((cargo, host)) = self.call.as_ref().and_then(|call| call.cargo().zip(call.target()))
            && Path::new(cargo).is_file()
        {
            return Ok((cargo.into(), host.to_owned()));
        }
        let rustc = process::output(process::command("rustc").arg("-vV"))?;
        Ok((real_cargo()?, evcxr::host(&rustc)))
    }

    fn command(&self, program: &Path, lab: &Path, place: &Path) -> Result<Command> {
        let mut command = process::command(program);
        let cores = std::thread::available_parallelism().map_or(1, usize::from).to_string();
        command.env("EVCXR_TMPDIR", place).env("EVCXR_CONFIG_DIR", self.folder.join("config"));
        // evcxr finds our cargo by our rustup on the path, the analyzer in the home of cargo.
        let (cargo, host) = self.toolchain()?;
        command.env(cargo::REAL, cargo).env(cargo::HOME, paths::cargo_home()?).env(cargo::HOST, host);
        let bin = paths::kernel_bin(lab);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([bin.clone()].into_iter().chain(std::env::split_paths(&path))).about("PATH")?;
        command.env("PATH", path).env("CARGO_HOME", bin.parent().unwrap_or(&bin));
        // Where this points to a kernel specification of its own, evcxr would overwrite that with its stock one.
        command.env("JUPYTER_PATH", self.folder.join("config"));
        for (name, value) in [
            ("RAYON_NUM_THREADS", cores.as_str()),
            // An error of Candle, shown by `?`, is a sentence; evcxr asks for backtraces, and this takes them out of it.
            ("RUST_LIB_BACKTRACE", "0"),
            // Large tensors come from the heap and stay there: page faults on fresh memory cost up to half a training step.
            ("MALLOC_MMAP_THRESHOLD_", "33554432"),
            ("MALLOC_TRIM_THRESHOLD_", "1073741824"),
        ] {
            if std::env::var_os(name).is_none() {
                command.env(name, value);
            }
        }
        Ok(command)
    }
}

/// Whether a source of the crate is newer than what set-up compiled of it.
fn is_edited(krate: &Path, prepared: &Path) -> bool {
    let modified = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    let Some(compiled) = modified(&prepared.join(replay::NAME)) else { return true };
    let mut folders: Vec<_> = ["src", "base/src", "kernels/src", "plot/src"].map(|part| krate.join(part)).into();
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if modified(&path).is_none_or(|time| time > compiled) {
                return true;
            }
        }
    }
    false
}

/// Whether a path of the prepared directory belongs to what cells are linked to.
fn is_linked(path: &Path) -> bool {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    match &parts[..] {
        [.., deps, file] if deps == "deps" => [".rlib", ".so", ".dylib"].iter().any(|end| file.ends_with(end)),
        [target, .., last] if target == "target" => {
            !["build", ".fingerprint", "incremental", "examples"].contains(&&**last)
        }
        _ => true,
    }
}

fn has_space(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().contains(&b' ')
}

/// The link to the folder of a process, in a place without a space.
fn link(process: &str) -> Result<PathBuf> {
    let mut folders = [std::env::temp_dir(), PathBuf::from("/tmp")].into_iter();
    let folder = folders.find(|folder| folder.is_dir() && !has_space(folder));
    let folder = folder.ok_or("there is no folder for temporary files; set TMPDIR to one whose name has no space")?;
    Ok(folder.join(format!("candlelight-{process}")))
}

fn real_cargo() -> Result<PathBuf> {
    if let Ok(program) = process::output(process::command("rustup").args(["which", "cargo"])) {
        return Ok(program.into());
    }
    process::find_on_path("cargo").ok_or_else(|| "there is no cargo on the PATH".into())
}

/// Removes what killed kernels left.
fn remove_dead(sessions: &Path) {
    for entry in fs::read_dir(sessions).into_iter().flatten().flatten() {
        if !is_alive(&entry.file_name()) {
            if let Ok(link) = link(&entry.file_name().to_string_lossy())
                && fs::read_link(&link).is_ok_and(|folder| folder == entry.path())
            {
                let _ = fs::remove_file(link);
            }
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether a process runs. Where there is no way to tell, as in a small container without `ps`, it may.
fn is_alive(process: &OsStr) -> bool {
    let all = Path::new("/proc");
    if all.join("self").exists() {
        return all.join(process).exists();
    }
    Command::new("ps").arg("-p").arg(process).output().map_or(true, |said| said.status.success())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{is_alive, is_linked};

    #[test]
    fn a_process_is_alive_until_it_has_ended() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("sleep starts");
        let name = child.id().to_string();
        assert!(is_alive(name.as_ref()));
        child.kill().and_then(|()| child.wait()).expect("its end");
        assert!(!is_alive(name.as_ref()));
    }

    #[test]
    fn a_kernel_begins_with_its_libraries() {
        for own in [
            "Cargo.lock",
            "src/lib.rs",
            "target",
            "target/debug",
            "target/debug/deps",
            "target/x86/debug/deps/liba.rlib",
        ] {
            assert!(is_linked(Path::new(own)), "{own}");
        }
        for other in ["target/debug/build", "target/x86/debug/.fingerprint", "target/x86/debug/deps/liba.rmeta"] {
            assert!(!is_linked(Path::new(other)), "{other}");
        }
    }
}
