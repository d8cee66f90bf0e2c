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
use crate::evcxr::{self, PINNED_LOCK};
use crate::paths::{self, cargo_home};
use crate::process;

/// Runs one kernel from start to end.
pub fn launch() -> Result<ExitCode> {
    let connection = std::env::args_os().nth(1).ok_or("Jupyter gives the connection file as the only argument")?;
    let this = std::env::current_exe().about("this program")?;
    let lab = this.ancestors().nth(2).ok_or("the kernel's program stands in `bin` of what set-up made")?;
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
}

impl Session {
    fn new(sessions: &Path, prepared: &Path) -> Result<Self> {
        // Named after the process, so that others can tell whether it still runs.
        let session = Self { folder: sessions.join(std::process::id().to_string()) };
        if session.folder.exists() {
            fs::remove_dir_all(&session.folder).about(session.folder.display())?;
        }
        clone_tree(prepared, &session.folder, &|path| !path.ends_with("incremental"))?;
        session.write_start()?;
        Ok(session)
    }

    /// What evcxr does before it answers for the first time: it loads the crate, while the reader still reads.
    ///
    /// To try itself out, evcxr compiles a program without dependencies first, and cargo then drops them all from the lock
    /// file; so that is put back before the crate is named. The last line makes the analyzer look at Candle once.
    fn write_start(&self) -> Result<()> {
        let folder = self.folder.join("config");
        fs::create_dir_all(&folder).about(folder.display())?;
        let (lock, home) = (self.folder.display(), cargo_home()?);
        let start = format!(
            "!cp '{lock}/{PINNED_LOCK}' '{lock}/Cargo.lock'\n:build_env CARGO_HOME={}\n:dep {}\n",
            home.display(),
            evcxr::dependency(&paths::root())
        );
        fs::write(folder.join("init.evcxr"), start).about(folder.display())?;
        let warm = "let _warm = candlelight::candle_core::Shape::from(1).dims().len();";
        fs::write(folder.join("prelude.rs"), warm).about(folder.display())
    }

    fn evcxr(&self, lab: &Path) -> Result<Command> {
        let mut command = process::command(evcxr::program()?);
        let cores = std::thread::available_parallelism().map_or(1, usize::from).to_string();
        command.env("EVCXR_TMPDIR", &self.folder).env("EVCXR_CONFIG_DIR", self.folder.join("config"));
        // The analyzer looks for cargo here first, and finds the one that shows it only what cells can name.
        command.env("CANDLELIGHT_CARGO_HOME", cargo_home()?).env("CARGO_HOME", lab.join("kernel/cargo-home"));
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
        // What cannot be removed now is removed by the next kernel.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Removes what killed kernels left.
fn remove_dead(sessions: &Path) {
    for entry in fs::read_dir(sessions).into_iter().flatten().flatten() {
        let alive = process::output(Command::new("ps").arg("-p").arg(entry.file_name())).is_ok();
        if !alive {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
