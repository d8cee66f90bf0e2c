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
fn windows_is_said_in_one_sentence() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let program = folder.path().join("build");
    let mut compile = Command::new("rustc");
    compile.arg("--edition=2024").arg(root().join("xtask/build.rs")).arg("-o").arg(&program);
    let (compiled, text) = run(&mut compile);
    assert!(compiled, "{text}");
    let errors = |unix: bool| {
        let mut build = Command::new(&program);
        build.env_remove("CARGO_CFG_UNIX");
        if unix {
            build.env("CARGO_CFG_UNIX", "");
        }
        let said = run(&mut build).1;
        said.lines().filter(|line| line.starts_with("cargo::error=")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(errors(true).is_empty());
    let said = errors(false);
    assert!(said.len() == 1 && said[0].contains("on Windows use them in WSL"), "{said:?}");
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
fn a_folder_whose_name_cannot_be_linked_is_said_in_one_sentence() {
    let folder = tempfile::Builder::new().prefix("100% ").tempdir().expect("a temporary folder");
    std::fs::create_dir(folder.path().join("xtask")).expect("a folder");
    std::fs::write(folder.path().join("xtask/Cargo.toml"), "").expect("a file");
    // As cargo starts it there.
    let mut setup = Command::new(root().join("target/lab/bin/candlelight-kernel"));
    std::os::unix::process::CommandExt::arg0(&mut setup, "xtask");
    setup.arg("setup").env("CARGO_PKG_NAME", "xtask").env("CARGO_MANIFEST_DIR", folder.path().join("xtask"));
    let (passed, text) = run(&mut setup);
    assert!(!passed && text.contains("the course cannot be compiled in"), "{text}");
    assert!(text.contains("percent sign") && text.lines().count() == 1, "{text}");
}

#[test]
fn a_checkout_copied_to_an_awkward_place_acts_on_itself() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let copy = folder.path().join("a \"copy\", ü's #1 & $HOME [x]");
    std::fs::create_dir(&copy).expect("a folder");
    // With its build directory, from which cargo takes this program as it was compiled here, and all that set-up made.
    let left_out = ["target/lab/kernel/sessions", "target/lab-*", "target/doc", "incremental", ".git"];
    let mut pack = Command::new("tar");
    pack.args(left_out.map(|path| format!("--exclude={path}"))).args(["-cf", "-", "."]).current_dir(root());
    let mut pack = pack.stdout(Stdio::piped()).spawn().expect("tar starts");
    let packed = pack.stdout.take().expect("a pipe");
    let unpacked =
        Command::new("tar").args(["-xf", "-"]).current_dir(&copy).stdin(packed).status().expect("tar starts");
    // 1 says that files changed meanwhile: other tests work in the build directory too, in folders that are left out.
    let packed = pack.wait().expect("its end");
    assert!(unpacked.success() && matches!(packed.code(), Some(0 | 1)), "{packed}");
    let twin = copy.join("notebooks/text/00-start-here.md");
    let text = std::fs::read_to_string(&twin).expect("the twin");
    std::fs::write(&twin, text.replace("\n# ", "\n# Changed: ")).expect("the twin");

    // A new chapter, too.
    std::fs::copy(&twin, copy.join("notebooks/text/solutions/99-new.md")).expect("the new twin");

    let (passed, text) = run(xtask(&["twins", "--check"]).current_dir(&copy));
    let said = |line: &str| text.lines().any(|said| said.starts_with(line));
    assert!(
        !passed && said("notebooks/00-start-here.ipynb and notebooks/text/00-start-here.md are out of step"),
        "{text}"
    );
    assert!(said("notebooks/text/solutions/99-new.md has no notebook"), "{text}");
    // Nothing names the old place.
    let lab = copy.join("target/lab");
    let program = std::fs::read_to_string(lab.join("venv/bin/jupyter")).expect("a script");
    assert!(program.lines().next().is_some_and(|line| line.contains(&*copy.to_string_lossy())), "{program}");
    let kernel = std::fs::read_to_string(lab.join("venv/share/jupyter/kernels/rust/kernel.json")).expect("the kernel");
    let kernel: serde_json::Value = serde_json::from_str(&kernel).expect("JSON");
    assert_eq!(kernel["argv"][0], *lab.join("bin/candlelight-kernel").to_string_lossy());

    // Its kernels work, and load its crate.
    let start = copy.join("tests/notebooks");
    let python = lab.join("venv/bin/python");
    let made = Command::new(python).arg(start.join("make.py")).arg(&start).status().expect("Python starts");
    assert!(made.success());
    let mut notebook = xtask(&["run"]);
    let (passed, text) = run(notebook.arg(start.join("gradients.ipynb")).current_dir(&copy));
    assert!(passed, "{text}");
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
