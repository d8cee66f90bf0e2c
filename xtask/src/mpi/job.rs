//! One start of all ranks, on this machine.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use crate::error::{About, Result};
use crate::process;

/// What the names of a job's folders begin with; the number of the process follows.
const PREFIX: &str = "candlelight-mpi-";

/// Where a job keeps its files: of its own, so that nothing is left of one that was killed.
pub struct Job {
    /// For the files of mpirun. Not below `target`: the paths of sockets must be short.
    session: PathBuf,
    /// For the memory that ranks share, where the system has a place for it.
    memory: Option<PathBuf>,
}

impl Job {
    /// Makes the folders, and removes those of processes that were killed.
    pub fn new() -> Result<Self> {
        let (temporary, shared) = (std::env::temp_dir(), Path::new("/dev/shm"));
        let name = format!("{PREFIX}{}", std::process::id());
        let make = |place: &Path| -> Result<PathBuf> {
            sweep(place);
            let folder = place.join(&name);
            fs::create_dir_all(&folder).about(folder.display())?;
            Ok(folder)
        };
        let memory = shared.is_dir().then(|| make(shared)).transpose()?;
        Ok(Self { session: make(&temporary)?, memory })
    }

    /// mpirun for so many ranks; the program is still to be named. Settings are variables, which another MPI does not mind.
    pub fn command(&self, mpirun: &Path, ranks: usize) -> Command {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut command = process::command(mpirun);
        command.args(["-n", &ranks.to_string()]).stdin(Stdio::null()).env("TMPDIR", &self.session);
        let threads = (cores / ranks).max(1).to_string();
        let settings = [
            // Containers have no other user.
            ("OMPI_ALLOW_RUN_AS_ROOT", "1"),
            ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"),
            // More ranks than cores, and each on any of them.
            ("PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe"),
            ("PRTE_MCA_hwloc_default_binding_policy", "none"),
            // Numbers go through memory, and no further than this machine.
            ("OMPI_MCA_pml", "ob1"),
            ("OMPI_MCA_btl", "self,sm"),
            ("PMIX_MCA_ptl_tcp_if_include", "lo"),
            ("RAYON_NUM_THREADS", &threads),
        ];
        for (name, value) in settings {
            // What the user has set stays.
            if std::env::var_os(name).is_none() {
                command.env(name, value);
            }
        }
        if let Some(memory) = &self.memory {
            command.env("OMPI_MCA_btl_sm_backing_directory", memory);
        }
        command
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        for folder in self.memory.iter().chain([&self.session]) {
            // What cannot be removed now is swept by the next job.
            let _ = fs::remove_dir_all(folder);
        }
    }
}

/// Runs mpirun to its end, with its output in ours.
pub fn watch(mpirun: &mut Command) -> Result<ExitStatus> {
    let mut child = mpirun.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().about("cannot start mpirun")?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        scope.spawn(|| out.map(|pipe| copy(pipe, std::io::stdout())));
        scope.spawn(|| err.map(|pipe| copy(pipe, std::io::stderr())));
    });
    child.wait().about("mpirun")
}

/// Open MPI ends some of its messages with a zero byte, which would stand before the line of a rank.
fn copy(mut from: impl Read, mut to: impl Write) {
    let mut buffer = [0u8; 4096];
    while let Ok(len @ 1..) = from.read(&mut buffer) {
        let text: Vec<u8> = buffer[..len].iter().copied().filter(|&byte| byte != 0).collect();
        // Where nobody reads, the job goes on.
        let _ = to.write_all(&text).and_then(|()| to.flush());
    }
}

/// Removes the folders of jobs whose process is gone, where that can be seen.
fn sweep(place: &Path) {
    let Ok(entries) = fs::read_dir(place) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(PREFIX)).and_then(|text| text.parse::<u32>().ok());
        let is_gone = |owner: u32| Path::new("/proc/self").exists() && !Path::new(&format!("/proc/{owner}")).exists();
        if owner.is_some_and(is_gone) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{PREFIX, copy, sweep};

    #[test]
    fn folders_of_dead_processes_are_removed_and_no_others() {
        let place = std::env::temp_dir().join(format!("sweep-{}", std::process::id()));
        // No process has so large a number.
        let dead = format!("{PREFIX}{}", u32::MAX);
        let living = format!("{PREFIX}{}", std::process::id());
        for name in [&dead, &living, "other-4294967295", "candlelight-mpi-notes"] {
            fs::create_dir_all(place.join(name).join("below")).unwrap();
        }
        sweep(&place);
        let mut left: Vec<_> = fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        let mut expected = [&*living, "candlelight-mpi-notes", "other-4294967295"];
        expected.sort();
        assert_eq!(left, expected);
        fs::remove_dir_all(place).unwrap();
    }

    #[test]
    fn output_is_passed_on_without_zero_bytes() {
        let mut to = Vec::new();
        copy(&b"ended.\n\0rank 2: it failed\n"[..], &mut to);
        assert_eq!(to, b"ended.\nrank 2: it failed\n");
    }
}
