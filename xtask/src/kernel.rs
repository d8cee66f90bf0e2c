//! The program that Jupyter starts as the kernel: it gives evcxr_jupyter a warm build directory of its own.
//!
//! A fresh build directory would compile Candle for minutes. A shared one serves one kernel at a time. So each kernel gets a
//! copy, made of hard links, of the directory that set-up prepared, and it is removed afterwards.

use std::fs;
use std::os::unix::process::parent_id;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use crate::clone::clone_tree;
use crate::error::{About, Result};
use crate::{cargo, evcxr, paths, process};

/// Runs one kernel from start to end.
pub fn launch() -> Result<ExitCode> {
    let connection = std::env::args_os().nth(1).ok_or("Jupyter gives the connection file as the only argument")?;
    let this = std::env::current_exe().about("this program")?;
    let lab = paths::lab_of(&this)?;
    let sessions = lab.join("kernel/sessions");
    remove_dead(&sessions);
    let session = Session::new(&sessions, &paths::prepared(lab))?;
    let parent = parent_id();
    let mut evcxr = session.evcxr(lab)?;
    // What cells print takes another way; here evcxr only says that there is no configuration file, which is not true.
    evcxr.arg("--control_file").arg(connection).stdout(Stdio::null());
    let mut evcxr = evcxr.spawn().about("evcxr_jupyter")?;
    loop {
        if let Some(status) = evcxr.try_wait().about("evcxr_jupyter")? {
            return Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        if parent_id() != parent {
            // Jupyter is gone, and nobody can reach this kernel any more.
            let _ = (evcxr.kill(), evcxr.wait());
            return Ok(ExitCode::FAILURE);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The private build directory of one kernel, removed when dropped.
struct Session {
    folder: PathBuf,
    /// The name of the folder that evcxr knows. It cuts the names of what it loads at a space, so a checkout in a folder with
    /// one gets a link elsewhere.
    place: PathBuf,
}

impl Session {
    fn new(sessions: &Path, prepared: &Path) -> Result<Self> {
        // Named after the process, so that others can tell whether it still runs.
        let folder = sessions.join(std::process::id().to_string());
        if folder.exists() {
            fs::remove_dir_all(&folder).about(folder.display())?;
        }
        let place = if has_space(&folder) { link(&std::process::id().to_string())? } else { folder.clone() };
        let session = Self { folder, place };
        clone_tree(prepared, &session.folder, &|path| !path.ends_with("incremental"))?;
        if session.place != session.folder {
            // Left by a process that had this number before.
            if fs::read_link(&session.place).is_ok_and(|folder| folder == session.folder) {
                fs::remove_file(&session.place).about(session.place.display())?;
            }
            std::os::unix::fs::symlink(&session.folder, &session.place).about(session.place.display())?;
        }
        session.write_start()?;
        Ok(session)
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

    fn evcxr(&self, lab: &Path) -> Result<Command> {
        let mut command = process::command(evcxr::program()?);
        let cores = std::thread::available_parallelism().map_or(1, usize::from).to_string();
        command.env("EVCXR_TMPDIR", &self.place).env("EVCXR_CONFIG_DIR", self.folder.join("config"));
        // evcxr finds our cargo by our rustup on the path, the analyzer in the home of cargo.
        let rustc = process::output(process::command("rustc").arg("-vV"))?;
        command
            .env(cargo::REAL, real_cargo()?)
            .env(cargo::HOME, paths::cargo_home()?)
            .env(cargo::HOST, evcxr::host(&rustc));
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

impl Drop for Session {
    fn drop(&mut self) {
        if self.place != self.folder {
            let _ = fs::remove_file(&self.place);
        }
        // What cannot be removed now is removed by the next kernel.
        let _ = fs::remove_dir_all(&self.folder);
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

/// The cargo of the toolchain, past rustup, which would look for it at each cell.
fn real_cargo() -> Result<PathBuf> {
    if let Ok(program) = process::output(process::command("rustup").args(["which", "cargo"])) {
        return Ok(program.into());
    }
    process::find_on_path("cargo").ok_or_else(|| "there is no cargo on the PATH".into())
}

/// Removes what killed kernels left.
fn remove_dead(sessions: &Path) {
    for entry in fs::read_dir(sessions).into_iter().flatten().flatten() {
        let alive = process::output(Command::new("ps").arg("-p").arg(entry.file_name())).is_ok();
        if !alive {
            if let Ok(link) = link(&entry.file_name().to_string_lossy())
                && fs::read_link(&link).is_ok_and(|folder| folder == entry.path())
            {
                let _ = fs::remove_file(link);
            }
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
