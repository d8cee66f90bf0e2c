use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::{root, run, xtask};

/// A folder for PATH that holds only these programs.
fn path_with(programs: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for program in programs {
        let found = run(Command::new("sh").arg("-c").arg(format!("command -v {program}"))).1;
        symlink(found.trim(), folder.path().join(program)).expect("a link");
    }
    folder
}

/// A lab folder of this test alone. Kernels find the profile of the repository only below it.
fn lab(name: &str) -> tempfile::TempDir {
    tempfile::Builder::new().prefix(&format!("lab-{name}-")).tempdir_in(root().join("target")).expect("a folder")
}

fn setup(lab: &Path) -> Command {
    let mut command = xtask(&["setup"]);
    command.env("CANDLELIGHT_LAB", lab);
    command
}

#[test]
fn a_missing_compiler_is_said_in_one_sentence() {
    let (lab, path) = (lab("compiler"), path_with(&["cargo", "rustc", "python3"]));
    let (passed, text) = run(setup(lab.path()).env("PATH", path.path()));
    assert!(!passed && text.contains("there is no C compiler `cc`") && text.contains("apt install gcc"), "{text}");
}

#[test]
fn a_missing_python_is_said_in_one_sentence() {
    let (lab, path) = (lab("python"), path_with(&["cargo", "rustc", "cc"]));
    let (passed, text) = run(setup(lab.path()).env("PATH", path.path()).env_remove("PYTHON"));
    assert!(!passed && text.contains("Python 3.10 or newer is needed for JupyterLab, found none"), "{text}");
}

#[test]
fn a_port_in_use_is_said_in_one_sentence() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("its address").port().to_string();
    let (passed, text) = run(&mut xtask(&["lab", "--no-browser", "--port", &port]));
    assert!(!passed && text.contains(&format!("port {port} cannot be used")), "{text}");
    assert!(text.contains("give another with --port"), "{text}");
}

#[test]
fn an_interrupted_set_up_goes_on_and_the_next_needs_no_network() {
    let lab = lab("interrupted");
    // Killed, with all it started, at moments in different steps.
    for seconds in [2, 8, 25] {
        let mut command = setup(lab.path());
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.stdout(Stdio::null()).spawn().expect("set-up starts");
        let end = Instant::now() + Duration::from_secs(seconds);
        while Instant::now() < end && child.try_wait().expect("its state").is_none() {
            std::thread::sleep(Duration::from_millis(100));
        }
        // Not by the program `kill`: some versions of it take only the first digit of a group, and -1 is everybody.
        let kill = "import os, sys; os.killpg(int(sys.argv[1]), 9)";
        let _ = Command::new("python3").args(["-c", kill, &child.id().to_string()]).stderr(Stdio::null()).status();
        child.wait().expect("its end");
    }
    let (passed, text) = run(&mut setup(lab.path()));
    assert!(passed, "after the interruptions: {text}");

    let offline = || {
        let mut command = setup(lab.path());
        command
            .env("CARGO_NET_OFFLINE", "true")
            .env("PIP_NO_INDEX", "1")
            .env("RUSTUP_DIST_SERVER", "http://127.0.0.1:9");
        command
    };
    let (passed, text) = run(&mut offline());
    assert!(passed, "without a network: {text}");
    // What it made works.
    let folder = crate::notebooks();
    let mut notebook = xtask(&["run"]);
    notebook
        .arg(folder.path().join("gradients.ipynb"))
        .env("CANDLELIGHT_LAB", lab.path())
        .env("CARGO_NET_OFFLINE", "true");
    let (passed, text) = run(&mut notebook);
    assert!(passed, "{text}");
}
