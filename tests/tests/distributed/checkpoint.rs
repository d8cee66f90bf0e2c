use std::fs;
use std::path::Path;
use std::sync::Arc;

use candlelight::checkpoint::Checkpoint;
use candlelight::distributed::{Communicator, checkpoint, cluster};
use candlelight::{CommunicationError, Error, Result};

fn state(comm: &Arc<dyn Communicator>, step: usize) -> Result<Checkpoint> {
    Checkpoint::new().value("mine", 1000 * comm.rank() + step)
}

fn save(ranks: usize, folder: &Path, steps: &[usize]) {
    cluster(ranks, |comm| steps.iter().try_for_each(|&step| checkpoint::save(comm, folder, step, &state(comm, step)?)))
        .unwrap();
}

/// The newest step, which each rank must find with what it saved itself.
fn latest(ranks: usize, folder: &Path) -> Option<usize> {
    let found = |comm: &Arc<dyn Communicator>| {
        let Some((step, state)) = checkpoint::latest(comm, folder)? else { return Ok(None) };
        assert_eq!(state.get::<usize>("mine")?, 1000 * comm.rank() + step);
        Ok(Some(step))
    };
    let results = cluster(ranks, found).unwrap().results;
    assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{results:?}");
    results[0]
}

fn file(folder: &Path, step: usize, rank: usize) -> std::path::PathBuf {
    folder.join(format!("step-{step:08}/rank-{rank}.safetensors"))
}

fn folders(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn all_ranks_find_the_newest_step_and_two_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(latest(3, folder.path()), None);
    assert_eq!(latest(3, &folder.path().join("not there")), None);
    for ranks in [1, 2, 3, 5] {
        let folder = folder.path().join(ranks.to_string());
        save(ranks, &folder, &[10]);
        assert_eq!(latest(ranks, &folder), Some(10));
        save(ranks, &folder, &[20, 30, 40]);
        assert_eq!(latest(ranks, &folder), Some(40));
        assert_eq!(folders(&folder), ["step-00000030", "step-00000040"]);
    }
}

#[test]
fn a_step_that_a_rank_lacks_is_not_used() {
    for rank in 0..3 {
        let folder = tempfile::tempdir().unwrap();
        save(3, folder.path(), &[10, 20]);
        fs::remove_file(file(folder.path(), 20, rank)).unwrap();
        assert_eq!(latest(3, folder.path()), Some(10), "without the file of rank {rank}");
        // Nor is the whole one thrown away for it.
        save(3, folder.path(), &[30]);
        assert_eq!(latest(3, folder.path()), Some(30));
        fs::remove_file(file(folder.path(), 30, rank)).unwrap();
        assert_eq!(latest(3, folder.path()), Some(10));
    }
}

#[test]
fn a_damaged_file_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    save(2, folder.path(), &[10, 20]);
    let damaged = file(folder.path(), 20, 1);
    let mut bytes = fs::read(&damaged).unwrap();
    let place = bytes.len() - 3;
    bytes[place] ^= 1;
    fs::write(&damaged, bytes).unwrap();
    assert_eq!(latest(2, folder.path()), Some(10));
    for cut in [0, 5, 100] {
        fs::write(&damaged, &fs::read(file(folder.path(), 10, 1)).unwrap()[..cut]).unwrap();
        assert_eq!(latest(2, folder.path()), Some(10), "{cut} bytes");
    }
}

#[test]
fn different_ranks_may_lack_different_steps() {
    let folder = tempfile::tempdir().unwrap();
    save(2, folder.path(), &[10, 20]);
    fs::create_dir_all(folder.path().join("step-00000030")).unwrap();
    fs::copy(file(folder.path(), 20, 0), file(folder.path(), 30, 0)).unwrap();
    fs::remove_file(file(folder.path(), 20, 1)).unwrap();
    assert_eq!(latest(2, folder.path()), Some(10));
    fs::remove_file(file(folder.path(), 10, 0)).unwrap();
    assert_eq!(latest(2, folder.path()), None);
}

#[test]
fn the_whole_step_before_is_kept_whatever_lies_between() {
    let folder = tempfile::tempdir().unwrap();
    save(2, folder.path(), &[10]);
    for (rank, step) in [(0, 20), (1, 15)] {
        fs::create_dir_all(folder.path().join(format!("step-{step:08}"))).unwrap();
        fs::copy(file(folder.path(), 10, rank), file(folder.path(), step, rank)).unwrap();
    }
    save(2, folder.path(), &[30]);
    fs::remove_file(file(folder.path(), 30, 0)).unwrap();
    assert_eq!(latest(2, folder.path()), Some(10));
}

/// A rank died before it wrote step 20 the second time: its file is of the first.
#[test]
fn files_of_two_saves_are_not_mixed() {
    let folder = tempfile::tempdir().unwrap();
    save(2, folder.path(), &[10, 20]);
    let old = fs::read(file(folder.path(), 20, 1)).unwrap();
    save(2, folder.path(), &[20]);
    assert_eq!(latest(2, folder.path()), Some(20));
    fs::write(file(folder.path(), 20, 1), old).unwrap();
    assert_eq!(latest(2, folder.path()), Some(10));
}

#[test]
fn another_number_of_ranks_is_refused_by_all() {
    for (saved, now) in [(4, 2), (2, 4)] {
        let folder = tempfile::tempdir().unwrap();
        save(saved, folder.path(), &[10]);
        let errors =
            cluster(now, |comm| Ok(checkpoint::latest(comm, folder.path()).map(|_| ()).unwrap_err().to_string()));
        let expected = format!(
            "{} is not a whole checkpoint: {saved} ranks have written its newest step, and there are {now} now",
            folder.path().display()
        );
        assert_eq!(errors.unwrap().results, vec![expected; now]);
    }
}

#[test]
fn a_rank_that_cannot_write_is_named_by_the_others() {
    let folder = tempfile::tempdir().unwrap();
    save(3, folder.path(), &[10]);
    // In the place of a file there is a folder.
    fs::create_dir_all(file(folder.path(), 20, 1)).unwrap();
    let errors = cluster(3, |comm| Ok(checkpoint::save(comm, folder.path(), 20, &state(comm, 20)?).unwrap_err()));
    for (rank, error) in errors.unwrap().results.into_iter().enumerate() {
        match error {
            Error::Io { path, .. } => assert_eq!((rank, path), (1, file(folder.path(), 20, 1))),
            Error::Communication(CommunicationError::Transport { rank: by, problem, .. }) => {
                assert_eq!((by, &*problem), (rank, "rank 1 could not write its checkpoint of step 20"));
            }
            other => panic!("rank {rank}: {other}"),
        }
    }
    assert_eq!(latest(3, folder.path()), Some(10));
}
