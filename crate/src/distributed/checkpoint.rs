//! Checkpoints of all ranks together: a step is whole, or it is not used.
//!
//! Each rank writes a file of its own, in a folder that the ranks share or that each machine has for itself:
//!
//! ```text
//! FOLDER/step-00000120/rank-0.safetensors, rank-1.safetensors, …
//! ```
//!
//! A rank may die between the files of others, or while it writes its own. So a step counts only if every rank can load its
//! file, checksum and all, and all files are of the same save. The ranks agree on that by messages.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{Algorithm, Communicator, Reduction};
use crate::checkpoint::Checkpoint;
use crate::{CommunicationError, Error, Result};

/// How many steps are kept.
const KEPT: usize = 2;
/// The values that a file holds beside those of the program: how many ranks saved, and which save it was.
const RANKS: &str = "distributed.ranks";
const SAVE: &str = "distributed.save";
/// No step.
const NONE: f64 = -1.0;

/// Writes the state of each rank after a number of steps, and keeps the two newest steps that all ranks have written.
///
/// All ranks call it. When it returns on one of them, the files of all are on the disk. `step`: below 2⁵³.
///
/// ```
/// use candlelight::{checkpoint::Checkpoint, distributed::{checkpoint, cluster}};
/// # fn main() -> candlelight::Result<()> {
/// # let folder = std::env::temp_dir().join(format!("candlelight-ranks-{}", std::process::id()));
/// let run = cluster(3, |comm| {
///     let state = Checkpoint::new().value("loss", comm.rank())?;
///     checkpoint::save(comm, &folder, 120, &state)?;
///     let (step, state) = checkpoint::latest(comm, &folder)?.expect("saved above");
///     Ok((step, state.get::<usize>("loss")?))
/// })?;
/// assert_eq!(run.results, [(120, 0), (120, 1), (120, 2)]);
/// # std::fs::remove_dir_all(folder).unwrap();
/// # Ok(()) }
/// ```
///
/// # Errors
/// Where a rank cannot write, it returns [`Error::Io`], and the others [`CommunicationError::Transport`] with its number;
/// older steps are then as they were. As [`all_reduce`](../trait.Communicator.html#method.all_reduce).
pub fn save(comm: &Arc<dyn Communicator>, folder: impl AsRef<Path>, step: usize, state: &Checkpoint) -> Result<()> {
    let (folder, rank) = (folder.as_ref(), comm.rank());
    // Files of an earlier attempt may lie under the same step: the numbers of this save tell them apart.
    let mut number = vec![if rank == 0 { clock() } else { 0.0 }];
    comm.broadcast(&mut number, 0)?;
    let written = write(folder, step, state, rank, comm.size(), number[0]);
    let failed = if written.is_ok() { NONE } else { rank as f64 };
    let failed = agree(comm, failed, Reduction::Max)?;
    written?;
    if failed != NONE {
        let problem = format!("rank {failed} could not write its checkpoint of step {step}");
        return Err(CommunicationError::Transport { rank, operation: "checkpoint::save", problem }.into());
    }
    remove_old(comm, folder, step)
}

/// The newest step whose files all ranks can load, with the state of this rank; `None` if there is none. All ranks call it.
///
/// # Errors
/// A file that another number of ranks has written is refused by all ranks with [`Error::Checkpoint`]; start as many, or name
/// another folder. As [`all_reduce`](../trait.Communicator.html#method.all_reduce).
pub fn latest(comm: &Arc<dyn Communicator>, folder: impl AsRef<Path>) -> Result<Option<(usize, Checkpoint)>> {
    let (folder, rank, size) = (folder.as_ref(), comm.rank(), comm.size());
    let steps = steps(folder);
    let mut bound = usize::MAX;
    loop {
        // The newest step that this rank can load; then the oldest of those, which may still lack with another rank.
        let newest = newest(folder, &steps, bound, rank);
        let of_others = newest.as_ref().map(|found| found.ranks).filter(|&ranks| ranks != size);
        let of_others = agree(comm, of_others.map_or(NONE, |ranks| ranks as f64), Reduction::Max)?;
        if of_others != NONE {
            let problem = format!("{of_others} ranks have written its newest step, and there are {size} now");
            return Err(Error::Checkpoint { path: folder.to_owned(), problem });
        }
        let step = agree(comm, newest.as_ref().map_or(NONE, |found| found.step as f64), Reduction::Min)?;
        if step == NONE {
            return Ok(None);
        }
        let mine = match newest {
            Some(found) if found.step as f64 != step => load(folder, step as usize, rank),
            found => found,
        };
        let save = mine.as_ref().filter(|found| found.ranks == size).map_or(NONE, |found| found.save);
        let (least, most) = (agree(comm, save, Reduction::Min)?, agree(comm, save, Reduction::Max)?);
        match mine {
            Some(found) if least == most && most != NONE => return Ok(Some((found.step, found.state))),
            _ => bound = step as usize,
        }
    }
}

/// A file of this rank, as it was read.
struct Found {
    step: usize,
    ranks: usize,
    save: f64,
    state: Checkpoint,
}

fn agree(comm: &Arc<dyn Communicator>, value: f64, op: Reduction) -> Result<f64> {
    let mut values = vec![value];
    comm.all_reduce_with(&mut values, op, Algorithm::RecursiveDoubling)?;
    Ok(values[0])
}

/// Microseconds since 1970, which F64 holds exactly.
fn clock() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_micros() as f64)
}

fn path(folder: &Path, step: usize, rank: usize) -> PathBuf {
    folder.join(format!("step-{step:08}")).join(format!("rank-{rank}.safetensors"))
}

fn write(folder: &Path, step: usize, state: &Checkpoint, rank: usize, ranks: usize, save: f64) -> Result<()> {
    let state = state.clone().value(RANKS, ranks)?.value(SAVE, save)?;
    let path = path(folder, step, rank);
    let parent = path.parent().unwrap_or(folder);
    fs::create_dir_all(parent).map_err(|source| Error::Io { path: parent.to_owned(), source })?;
    state.save(path)
}

/// The steps of which there are folders, in order.
fn steps(folder: &Path) -> Vec<usize> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let names = entries.flatten().map(|entry| entry.file_name());
    let of = |name: std::ffi::OsString| name.to_str()?.strip_prefix("step-")?.parse().ok();
    let mut steps: Vec<usize> = names.filter_map(of).collect();
    steps.sort_unstable();
    steps
}

fn load(folder: &Path, step: usize, rank: usize) -> Option<Found> {
    let state = Checkpoint::load(path(folder, step, rank)).ok()?;
    Some(Found { step, ranks: state.get(RANKS).ok()?, save: state.get(SAVE).ok()?, state })
}

/// The newest step below `bound` that this rank can load.
fn newest(folder: &Path, steps: &[usize], bound: usize, rank: usize) -> Option<Found> {
    steps.iter().rev().filter(|&&step| step < bound).find_map(|&step| load(folder, step, rank))
}

/// Keeps `step`, which is whole, and the newest before it that every rank has; the files of this rank in others go.
fn remove_old(comm: &Arc<dyn Communicator>, folder: &Path, step: usize) -> Result<()> {
    let (rank, mut bound) = (comm.rank(), step);
    // A file that is there is whole, since it was put into its place at once.
    let have: Vec<usize> = steps(folder).into_iter().filter(|&step| path(folder, step, rank).exists()).collect();
    let mut kept = 1;
    while kept < KEPT {
        let mine = have.iter().rev().find(|&&step| step < bound);
        let oldest = agree(comm, mine.map_or(NONE, |&step| step as f64), Reduction::Min)?;
        if oldest == NONE {
            break;
        }
        bound = oldest as usize;
        let lacks = if have.contains(&bound) { 0.0 } else { 1.0 };
        if agree(comm, lacks, Reduction::Max)? == 0.0 {
            kept += 1;
        }
    }
    if kept == KEPT {
        for old in have.into_iter().filter(|&old| old < bound) {
            let path = path(folder, old, rank);
            // What cannot be removed does no harm.
            let _ = fs::remove_file(&path);
            let _ = path.parent().map(fs::remove_dir);
        }
    }
    Ok(())
}
