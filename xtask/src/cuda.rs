//! `cargo xtask cuda check`: the crate with its feature `cuda`, compiled by a CUDA compiler from PyPI, linked and started, on a machine
//! that needs neither a card nor a driver.
//!
//! What a kernel computes is not seen this way. What is seen: that everything compiles and links; and that a program without a
//! driver, without a card and with a driver that fails says so.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};

use crate::arguments::Arguments;
use crate::error::{About, Result};
use crate::{evcxr, paths, process, python};

/// What the packages need of Python.
const PYTHON: (&str, (u32, u32)) = ("NVIDIA's compiler for CUDA 13.0", (3, 10));
/// The card that is compiled for where `CUDA_COMPUTE_CAP` names none: Hopper.
const CARD: &str = "90";
/// The driver as programs ask for it.
const DRIVER: &str = "libcuda.so.1";
/// The example that says where it computes.
const EXAMPLE: &str = "device";

pub fn cuda(mut arguments: Arguments) -> Result<ExitCode> {
    match arguments.next_word().as_deref() {
        Some("check") => arguments.end()?,
        word => return Err(format!("`cargo xtask cuda` knows `check`, got {}", word.unwrap_or("nothing")).into()),
    }
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err(
            "`cargo xtask cuda check` brings a compiler for x86-64 Linux alone; elsewhere install CUDA and build with \
                    `--features cuda`"
                .into(),
        );
    }
    let toolkit = Toolkit::install()?;
    println!("candlelight with the feature `cuda`: compiling, for cards of compute capability {}", card());
    process::watched(&mut toolkit.cargo()?)?;
    let program = toolkit.target.join(host()?).join("debug/examples").join(EXAMPLE);
    let mut failed = false;
    for case in &CASES {
        if case.driver.is_none() && driver_is_here() {
            println!("{}: left out, because this machine has one", case.name);
            continue;
        }
        let said = case.run(&toolkit, &program)?;
        let holds = said.contains(case.says);
        println!("{}: {} ({})", case.name, said.trim(), if holds { "ok" } else { "FAILED" });
        failed |= !holds;
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// How a machine can be without a card that works, and what a program says then.
struct Case {
    name: &'static str,
    /// Whether there is a driver, and the error of its start.
    driver: Option<&'static str>,
    says: &'static str,
}

const CASES: [Case; 3] = [
    Case { name: "without a driver", driver: None, says: DRIVER },
    Case { name: "with a driver and no card", driver: Some("100"), says: "CPU, " },
    Case { name: "with a driver that fails", driver: Some("999"), says: "what the stand-in says" },
];

impl Case {
    /// Both streams of the example.
    fn run(&self, toolkit: &Toolkit, program: &Path) -> Result<String> {
        let mut command = process::command(program);
        let mut folders = vec![toolkit.lib(), rust_libraries()?];
        if let Some(error) = self.driver {
            folders.insert(0, toolkit.stand_in());
            command.env("CU_INIT", error);
        }
        let path = std::env::join_paths(folders).map_err(|error| error.to_string())?;
        command.env("LD_LIBRARY_PATH", path).env("RUST_BACKTRACE", "0");
        let Output { stdout, stderr, .. } = command.output().about(program.display())?;
        Ok(String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr))
    }
}

/// Whether the loader knows a driver: then a program starts without the stand-in too.
fn driver_is_here() -> bool {
    ["ldconfig", "/sbin/ldconfig"]
        .iter()
        .any(|name| process::output(process::command(name).arg("-p")).is_ok_and(|known| known.contains(DRIVER)))
}

/// NVIDIA's compiler and libraries, as one folder.
struct Toolkit {
    home: PathBuf,
    target: PathBuf,
}

impl Toolkit {
    fn install() -> Result<Self> {
        let (folder, pins) = (paths::root().join("target/cuda"), paths::root().join("xtask/cuda/requirements.txt"));
        let venv = python::with_packages(&folder, &pins, PYTHON, "1.2 GB")?;
        let mut ask = process::command(venv.join("bin/python"));
        let packages = process::output(ask.args(["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]))?;
        let toolkit = Self { home: Path::new(&packages).join("nvidia/cu13"), target: folder.join("build") };
        toolkit.name_libraries()?;
        toolkit.make_stand_in()?;
        Ok(toolkit)
    }

    fn lib(&self) -> PathBuf {
        self.home.join("lib")
    }

    /// The folder of what stands in for the driver, under the name by which programs find it.
    fn stand_in(&self) -> PathBuf {
        self.home.join("lib/stubs")
    }

    /// The names that a linker looks for: the packages have `libcublas.so.13`, not `libcublas.so`.
    fn name_libraries(&self) -> Result<()> {
        let lib = self.lib();
        for entry in fs::read_dir(&lib).about(lib.display())?.flatten() {
            let name = entry.file_name();
            if let Some((plain, _)) = name.to_string_lossy().split_once(".so.") {
                link(Path::new(&name), &lib.join(format!("{plain}.so")))?;
            }
        }
        link(Path::new("lib"), &self.home.join("lib64"))
    }

    fn make_stand_in(&self) -> Result<()> {
        let folder = self.stand_in();
        fs::create_dir_all(&folder).about(folder.display())?;
        let mut cc = process::command("cc");
        cc.args(["-shared", "-fPIC", &format!("-Wl,-soname,{DRIVER}"), "-o"]).arg(folder.join(DRIVER));
        process::output(cc.arg(paths::root().join("xtask/cuda/driver.c")))?;
        link(Path::new(DRIVER), &folder.join("libcuda.so"))
    }

    /// The call of cargo, in a target directory of its own: Candle's dependencies differ with the feature.
    fn cargo(&self) -> Result<Command> {
        let mut cargo = process::command("cargo");
        cargo.args(["build", "--package", "candlelight", "--features", "cuda", "--example", EXAMPLE]);
        cargo.arg("--target-dir").arg(&self.target).current_dir(paths::root());
        for name in ["CUDA_HOME", "CUDA_PATH"] {
            cargo.env(name, &self.home);
        }
        cargo.env("NVCC", self.home.join("bin/nvcc")).env("CUDA_COMPUTE_CAP", card());
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.home.join("bin")).chain(std::env::split_paths(&path));
        cargo.env("PATH", std::env::join_paths(folders).map_err(|error| error.to_string())?);
        // In place of the flags in `.cargo/config.toml`. The stand-in has few of the driver's functions, so they are looked up when they
        // are called.
        let flags = format!(
            "-Cprefer-dynamic -Crelro-level=partial -Clink-arg=-Wl,-z,lazy -Clink-arg=-Wl,--unresolved-symbols=ignore-all -L{} -L{}",
            self.lib().display(),
            self.stand_in().display()
        );
        let host = host()?.replace('-', "_").to_uppercase();
        cargo.env(format!("CARGO_TARGET_{host}_RUSTFLAGS"), flags);
        cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
        Ok(cargo)
    }
}

/// The compute capability that is compiled for, without its point.
fn card() -> String {
    std::env::var("CUDA_COMPUTE_CAP").unwrap_or_else(|_| CARD.into())
}

fn host() -> Result<String> {
    Ok(evcxr::host(&process::output(process::command("rustc").current_dir(paths::root()).arg("-vV"))?))
}

/// Where Rust's own shared library is.
fn rust_libraries() -> Result<PathBuf> {
    let mut rustc = process::command("rustc");
    let sysroot = process::output(rustc.current_dir(paths::root()).args(["--print", "sysroot"]))?;
    Ok(Path::new(&sysroot).join("lib"))
}

/// A link at `at`, in place of an older one.
fn link(to: &Path, at: &Path) -> Result<()> {
    if at.is_symlink() {
        fs::remove_file(at).about(at.display())?;
    }
    if at.exists() { Ok(()) } else { std::os::unix::fs::symlink(to, at).about(at.display()) }
}

#[cfg(test)]
mod tests {
    use super::{Toolkit, fs};

    #[test]
    fn libraries_have_the_names_that_a_linker_looks_for() {
        let home = std::env::temp_dir().join(format!("candlelight-cuda-{}", std::process::id()));
        let toolkit = Toolkit { home: home.clone(), target: home.clone() };
        fs::create_dir_all(toolkit.lib()).unwrap();
        for name in ["libcublas.so.13", "libnvrtc.alt.so.13", "libcudart_static.a"] {
            fs::write(toolkit.lib().join(name), name).unwrap();
        }
        // The second time nothing is left to do.
        for _ in 0..2 {
            toolkit.name_libraries().unwrap();
        }
        let read = |name: &str| fs::read_to_string(home.join(name)).unwrap();
        assert_eq!(read("lib64/libcublas.so"), "libcublas.so.13");
        assert_eq!(read("lib/libnvrtc.alt.so"), "libnvrtc.alt.so.13");
        assert_eq!(fs::read_dir(toolkit.lib()).unwrap().count(), 5);
        fs::remove_dir_all(home).unwrap();
    }
}
