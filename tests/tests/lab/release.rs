use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{root, run, xtask};

/// The archive that `cargo xtask release` makes of the compiled kernel, in this folder.
fn release(folder: &Path) -> PathBuf {
    let (passed, text) = run(xtask(&["release", "--out"]).arg(folder));
    assert!(passed, "{text}");
    let mut files = fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path());
    files.find(|file| file.extension().is_some_and(|extension| extension == "gz")).expect("an archive")
}

/// What set-up says of the kernel where the user's cache holds none: the lines until it has one, or compiles one. Then it is ended.
fn set_up(place: &Path, cache: &Path) -> String {
    let lab = tempfile::Builder::new().prefix("lab-release-").tempdir_in(root().join("target")).expect("a folder");
    let mut setup = xtask(&["setup", "--kernel-only"]);
    setup.env("CANDLELIGHT_LAB", lab.path()).env("CANDLELIGHT_KERNEL", place).env("XDG_CACHE_HOME", cache);
    let mut child = setup.process_group(0).stdout(Stdio::piped()).spawn().expect("set-up starts");
    let mut said = String::new();
    for line in BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok) {
        said += &format!("{line}\n");
        if line.contains("Rust kernel: taken from ") || line.contains("Rust kernel: compiling it") {
            break;
        }
    }
    // It is put in its place after the line.
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while said.contains("taken") && kernels(cache).is_empty() && std::time::Instant::now() < end {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    // With all that it has started; see the tests of set-up for why it is not the program `kill`.
    let kill = "import os, sys; os.killpg(int(sys.argv[1]), 9)";
    let _ = Command::new("python3").args(["-c", kill, &child.id().to_string()]).stderr(Stdio::null()).status();
    child.wait().expect("its end");
    said
}

/// The kernels in a cache.
fn kernels(cache: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(cache.join("candlelight")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|folder| folder.join("bin/candlelight-kernel").is_file()).collect()
}

#[test]
fn a_release_saves_the_compilation_and_a_damaged_one_is_said_in_one_sentence() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let archive = release(folder.path());
    let packed = fs::read(&archive).expect("the archive");
    assert_eq!(fs::read(release(folder.path())).expect("the archive"), packed, "the same bytes each time");

    let cache = tempfile::tempdir().expect("a temporary folder");
    let said = set_up(folder.path(), cache.path());
    assert!(said.contains("whose checksum is right") && !said.contains("compiling"), "{said}");
    let kernels = kernels(cache.path());
    assert_eq!(kernels.len(), 1, "{said}");
    let (starts, text) = run(Command::new(kernels[0].join("bin/evcxr_jupyter")).arg("--help"));
    assert!(starts, "{text}");

    let mut bytes = packed.clone();
    bytes[packed.len() / 2] ^= 1;
    fs::write(&archive, bytes).expect("the archive");
    let cache = tempfile::tempdir().expect("a temporary folder");
    let said = set_up(folder.path(), cache.path());
    let lines: Vec<&str> = said.lines().filter(|line| line.starts_with("Rust kernel: ")).collect();
    assert!(lines[0].contains(" is damaged, or is another: its SHA-256 is "), "{said}");
    assert!(lines[0].ends_with("; it is compiled instead") && lines[1].contains("compiling it"), "{said}");
    assert_eq!((lines.len(), self::kernels(cache.path()).len()), (2, 0), "{said}");
}
