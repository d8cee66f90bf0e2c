//! What is on the disk: whole files whatever happens to the one who writes, and nothing else.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use candlelight::checkpoint::Checkpoint;
use candlelight::prelude::*;
use candlelight_tests::flat;

use crate::support::Notes;

const CPU: Device = Device::Cpu;
/// Of the tensor in the saves that are killed: large enough that half of the kills find one at work.
const ELEMENTS: usize = 200_000;

/// A checkpoint in which every number is `k`.
fn of(k: u32, elements: usize) -> Checkpoint {
    let tensor = Tensor::full(k as f32, elements, &CPU).unwrap();
    let notes = Notes::new(&[("m", tensor)], &[("k", &k.to_string())]);
    Checkpoint::new().state("optimizer", &notes).unwrap().value("step", k).unwrap()
}

/// The number of a checkpoint that [`of`] made, if all of it is of one save.
fn number(path: &Path, elements: usize) -> u32 {
    let checkpoint = Checkpoint::load(path).unwrap();
    let k: u32 = checkpoint.get("step").unwrap();
    let mut notes = Notes::default();
    checkpoint.restore().state("optimizer", &mut notes).apply().unwrap();
    assert_eq!(notes.0.get::<u32>("k").unwrap(), k);
    let values = flat(&notes.0.tensors["m"]);
    assert!(values.len() == elements && values.iter().all(|value| *value == f64::from(k)));
    k
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Not a test of its own: the program that the tests below kill, or run without room.
#[test]
fn child() {
    let Ok(path) = std::env::var("CANDLELIGHT_TEST_SAVES") else { return };
    let path = PathBuf::from(path);
    if std::env::var("CANDLELIGHT_TEST_ONCE").is_ok() {
        // Whoever runs it has limited the size of files.
        let error = of(2, ELEMENTS).save(&path).unwrap_err();
        println!("\nrefused {error:?}");
        return;
    }
    let first = number(&path, ELEMENTS) + 1;
    println!("\nready");
    for k in first.. {
        of(k, ELEMENTS).save(&path).unwrap();
    }
}

fn command(program: &str, arguments: &[&str], path: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).env("CANDLELIGHT_TEST_SAVES", path).env("RAYON_NUM_THREADS", "1").stdout(Stdio::piped());
    command
}

const RUN_CHILD: [&str; 4] = ["--exact", "disk::child", "--nocapture", "--test-threads=1"];

/// Starts a process that saves over and over, and comes back when it begins.
fn saving(path: &Path) -> Child {
    let program = std::env::current_exe().unwrap();
    let mut child = command(program.to_str().unwrap(), &RUN_CHILD, path).spawn().unwrap();
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "ready"), "the child began");
    child
}

#[test]
fn a_save_that_is_killed_leaves_a_whole_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.safetensors");
    of(0, ELEMENTS).save(&path).unwrap();
    let (mut rng, mut last, mut caught, mut saves) = (seeded(1), 0, 0, 0);
    for _ in 0..200 {
        let mut child = saving(&path);
        thread::sleep(Duration::from_micros(rng.random_range(0..20_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        let k = number(&path, ELEMENTS);
        assert!(k >= last, "the file went back from save {last} to {k}");
        saves += k - last;
        last = k;
        // What the kill found at work is still there, as one temporary at most: each save removes those before it.
        let leftovers = names(folder.path()).len() - 1;
        assert!(leftovers <= 1, "{:?}", names(folder.path()));
        caught += leftovers;
    }
    assert!(caught >= 20 && saves >= 10, "{caught} of 200 kills found a save at work, {saves} saves were finished");
    of(last + 1, 10).save(&path).unwrap();
    assert_eq!(names(folder.path()), ["run.safetensors"]);
}

#[cfg(unix)]
#[test]
fn a_full_disk_leaves_the_old_file_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.safetensors");
    of(1, ELEMENTS).save(&path).unwrap();
    let old = fs::read(&path).unwrap();
    // Files may grow to 100 kB or 50 kB, by the shell's unit; a write beyond fails as on a full disk, where it would
    // not signal.
    let script = format!("trap '' XFSZ; ulimit -f 100; exec \"$0\" {}", RUN_CHILD.join(" "));
    let program = std::env::current_exe().unwrap();
    let mut child = command("sh", &["-c", &script, program.to_str().unwrap()], &path);
    let output = child.env("CANDLELIGHT_TEST_ONCE", "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("refused Io {") && said.contains("FileTooLarge"), "{output:?}");
    assert_eq!(fs::read(&path).unwrap(), old);
    assert_eq!(names(folder.path()), ["run.safetensors"]);

    // Where there was no file there is none.
    let new = folder.path().join("new.safetensors");
    let mut child = command("sh", &["-c", &script, program.to_str().unwrap()], &new);
    assert!(child.env("CANDLELIGHT_TEST_ONCE", "1").output().unwrap().status.success());
    assert_eq!(names(folder.path()), ["run.safetensors"]);
}

#[test]
fn a_folder_that_takes_no_file_is_a_typed_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "old").unwrap();
    let below = folder.path().join("folder");
    fs::create_dir(&below).unwrap();
    let mut paths =
        vec![folder.path().join("none/run"), file.join("run"), below.clone(), PathBuf::from("/"), "".into()];
    if cfg!(target_os = "linux") {
        paths.push("/proc/run".into()); // not even root may
    }
    for path in paths {
        let error = of(1, 3).save(&path).unwrap_err();
        assert!(matches!(&error, Error::Io { path: named, .. } if *named == path), "{error:?}");
    }
    assert_eq!(names(folder.path()), ["file", "folder"]);
    assert_eq!(fs::read(&file).unwrap(), b"old");
    assert!(names(&below).is_empty());
}

#[cfg(unix)]
#[test]
fn permissions_and_links_stay() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    of(1, 3).save(at("run")).unwrap();
    fs::write(at("plain"), "").unwrap();
    assert_eq!(mode(&at("run")), mode(&at("plain")), "as any new file");
    fs::set_permissions(at("run"), fs::Permissions::from_mode(0o640)).unwrap();
    of(2, 3).save(at("run")).unwrap();
    assert_eq!(mode(&at("run")), 0o640);

    symlink("run", at("latest")).unwrap();
    of(3, 3).save(at("latest")).unwrap();
    assert!(fs::symlink_metadata(at("latest")).unwrap().is_symlink());
    assert_eq!((number(&at("run"), 3), mode(&at("run"))), (3, 0o640));
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_not_replaced_by_one() {
    use std::os::unix::fs::{FileTypeExt, symlink};
    use std::os::unix::net::UnixListener;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
    let _socket = UnixListener::bind(at("socket")).unwrap();
    symlink("pipe", at("link")).unwrap();
    symlink("none", at("to nothing")).unwrap();
    for name in ["pipe", "socket", "link", "to nothing"] {
        let error = of(1, 3).save(at(name)).unwrap_err();
        assert!(matches!(&error, Error::Io { path, .. } if *path == at(name)), "{error:?}");
        assert!(error.to_string().contains("not a regular file") || name == "to nothing", "{error}");
    }
    let kind = |name: &str| fs::symlink_metadata(at(name)).unwrap().file_type();
    assert!(kind("pipe").is_fifo() && kind("socket").is_socket() && kind("link").is_symlink());
    assert!(kind("to nothing").is_symlink());
    assert_eq!(names(folder.path()), ["link", "pipe", "socket", "to nothing"]);
}

#[test]
fn a_name_as_long_as_the_system_allows_is_saved() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a".repeat(243), "b".repeat(244), "c".repeat(255), "é".repeat(127)] {
        let path = folder.path().join(&name);
        for k in 1..3 {
            of(k, 3).save(&path).unwrap();
            assert_eq!(number(&path, 3), k);
        }
        assert_eq!(names(folder.path()), [name]);
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn saves_at_once_do_not_disturb_one_another() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.safetensors");
    of(0, 1000).save(&path).unwrap();
    thread::scope(|scope| {
        for k in 1..5 {
            let path = &path;
            scope.spawn(move || {
                for _ in 0..25 {
                    of(k, 1000).save(path).unwrap();
                    assert!(number(path, 1000) < 5);
                }
            });
        }
    });
    assert_eq!(names(folder.path()), ["run.safetensors"]);
}

#[test]
fn only_ones_own_leftovers_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let others = [".run.12345.tmp", ".run.1234567.tmp", ".run.abcdef", ".runs.abcdef.tmp", "run", "run.abcdef.tmp"];
    for name in others.iter().chain(&[".run.abcdef.tmp"]) {
        fs::write(folder.path().join(name), "").unwrap();
    }
    of(1, 3).save(folder.path().join("run")).unwrap();
    assert_eq!(names(folder.path()), others);
}

#[test]
fn the_same_contents_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = || {
        let notes = Notes::new(
            &[("b", Tensor::new(&[1f32], &CPU).unwrap()), ("a", Tensor::new(&[2f64], &CPU).unwrap())],
            &[("x", "1"), ("y", "2")],
        );
        let checkpoint = Checkpoint::new().state("one", &notes).unwrap().state("two", &notes).unwrap();
        checkpoint.value("p", 1).unwrap().value("q", 2).unwrap().save(folder.path().join("run")).unwrap();
        fs::read(folder.path().join("run")).unwrap()
    };
    let first = bytes();
    assert!((0..20).all(|_| bytes() == first));
}
