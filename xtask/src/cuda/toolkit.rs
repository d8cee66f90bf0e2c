//! NVIDIA's compiler and libraries from PyPI, and what stands in for the driver where there is none.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{About, Result};
use crate::{evcxr, paths, process, python};

/// What the packages need of Python.
const PYTHON: (&str, (u32, u32)) = ("NVIDIA's compiler for CUDA 13.0", (3, 10));
/// The card that is compiled for where `CUDA_COMPUTE_CAP` names none: Hopper.
const CARD: &str = "90";
/// The driver as programs ask for it.
pub const DRIVER: &str = "libcuda.so.1";
/// The libraries that `candlelight-card` stands in for.
const STOOD_IN_FOR: [&str; 4] = [DRIVER, "libcublas.so.13", "libcurand.so.10", CONVOLUTIONS];
/// The library of convolutions, which is installed where there is a card: elsewhere what stands in for it is enough.
const CONVOLUTIONS: &str = "libcudnn.so.9";

/// NVIDIA's compiler and libraries, as one folder.
pub struct Toolkit {
    home: PathBuf,
    pub target: PathBuf,
}

impl Toolkit {
    /// Installs the packages where they are not there yet.
    pub fn install() -> Result<Self> {
        if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
            return Err("the compiler for cards that is brought along is for x86-64 Linux alone; elsewhere install CUDA and build \
                        with `--features cuda`"
                .into());
        }
        let (folder, card) = (paths::root().join("target/cuda"), driver_is_here());
        let files: &[&str] = if card { &["requirements.txt", "cudnn.txt"] } else { &["requirements.txt"] };
        let pins: Vec<PathBuf> = files.iter().map(|name| paths::root().join("xtask/cuda").join(name)).collect();
        let venv = python::with_packages(&folder, &pins, PYTHON, if card { "2 GB" } else { "1.2 GB" })?;
        let mut ask = process::command(venv.join("bin/python"));
        let packages = process::output(ask.args(["-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]))?;
        let toolkit = Self { home: Path::new(&packages).join("nvidia/cu13"), target: folder.join("build") };
        toolkit.name_libraries()?;
        toolkit.make_stand_in()?;
        Ok(toolkit)
    }

    /// The folders of NVIDIA's libraries.
    pub fn libs(&self) -> Vec<PathBuf> {
        let convolutions = self.home.with_file_name("cudnn").join("lib");
        std::iter::once(self.home.join("lib")).chain(convolutions.exists().then_some(convolutions)).collect()
    }

    /// NVIDIA's assembler, which knows whether PTX is right.
    pub fn assembler(&self) -> PathBuf {
        self.home.join("bin/ptxas")
    }

    /// The folder of what stands in for the driver, under the names by which programs find it.
    pub fn stand_in(&self) -> PathBuf {
        self.home.join("lib/stubs")
    }

    /// The names that a linker looks for: the packages have `libcublas.so.13`, not `libcublas.so`.
    fn name_libraries(&self) -> Result<()> {
        for lib in self.libs() {
            for entry in fs::read_dir(&lib).about(lib.display())?.flatten() {
                let name = entry.file_name();
                if let Some((plain, _)) = name.to_string_lossy().split_once(".so.") {
                    link(Path::new(&name), &lib.join(format!("{plain}.so")))?;
                }
            }
        }
        link(Path::new("lib"), &self.home.join("lib64"))
    }

    fn make_stand_in(&self) -> Result<()> {
        let folder = self.stand_in();
        // Anew: an older stand-in may lie there as a file.
        if folder.exists() {
            fs::remove_dir_all(&folder).about(folder.display())?;
        }
        fs::create_dir_all(&folder).about(folder.display())?;
        let mut cargo = process::command("cargo");
        cargo.args(["build", "--quiet", "--package", "candlelight-card"]).current_dir(paths::root());
        process::watched(&mut cargo)?;
        let card = paths::root().join("target").join(host()?).join("debug/libcandlelight_card.so");
        self.name_stand_in(&card)
    }

    /// The names that the loader looks for, and those that a linker does where NVIDIA's packages have none.
    fn name_stand_in(&self, card: &Path) -> Result<()> {
        let folder = self.stand_in();
        for name in STOOD_IN_FOR {
            link(card, &folder.join(name))?;
        }
        link(Path::new(DRIVER), &folder.join("libcuda.so"))?;
        link(Path::new(CONVOLUTIONS), &folder.join("libcudnn.so"))
    }

    /// Where a program finds what it was linked with, and the driver: the one of the machine, or what stands in for it.
    pub fn libraries(&self, stand_in: bool) -> Result<std::ffi::OsString> {
        let stand_in = stand_in.then(|| self.stand_in());
        let folders = stand_in.into_iter().chain(self.libs()).chain([rust_libraries()?]);
        std::env::join_paths(folders).map_err(|error| error.to_string().into())
    }

    /// A call of cargo with `arguments`, the first of which is its command, in a target directory of its own: Candle's dependencies differ with the feature.
    pub fn cargo(&self, arguments: &[&str]) -> Result<Command> {
        let mut cargo = process::command("cargo");
        let (command, rest) = arguments.split_first().ok_or("cargo needs a command")?;
        // In front of the rest, which may be words for a test.
        cargo.arg(command).arg("--target-dir").arg(&self.target).args(rest).current_dir(paths::root());
        for name in ["CUDA_HOME", "CUDA_PATH"] {
            cargo.env(name, &self.home);
        }
        cargo.env("NVCC", self.home.join("bin/nvcc")).env("CUDA_COMPUTE_CAP", card());
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.home.join("bin")).chain(std::env::split_paths(&path));
        cargo.env("PATH", std::env::join_paths(folders).map_err(|error| error.to_string())?);
        // In place of the flags in `.cargo/config.toml`. The stand-in has few of the driver's functions, so they are looked up when they
        // are called.
        let mut flags =
            "-Cprefer-dynamic -Crelro-level=partial -Clink-arg=-Wl,-z,lazy -Clink-arg=-Wl,--unresolved-symbols=ignore-all".to_owned();
        for folder in self.libs().into_iter().chain([self.stand_in()]) {
            _ = write!(flags, " -L{}", folder.display());
        }
        let host = host()?.replace('-', "_").to_uppercase();
        cargo.env(format!("CARGO_TARGET_{host}_RUSTFLAGS"), flags);
        cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
        Ok(cargo)
    }
}

/// Whether the loader knows a driver: then a program starts without the stand-in too.
pub fn driver_is_here() -> bool {
    ["ldconfig", "/sbin/ldconfig"]
        .iter()
        .any(|name| process::output(process::command(name).arg("-p")).is_ok_and(|known| known.contains(DRIVER)))
}

/// The compute capability that is compiled for, without its point.
pub fn card() -> String {
    std::env::var("CUDA_COMPUTE_CAP").unwrap_or_else(|_| CARD.into())
}

pub fn host() -> Result<String> {
    Ok(evcxr::host(&process::output(process::command("rustc").current_dir(paths::root()).arg("-vV"))?))
}

/// Where Rust's own shared library is.
pub fn rust_libraries() -> Result<PathBuf> {
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
        fs::create_dir_all(toolkit.home.join("lib")).unwrap();
        for name in ["libcublas.so.13", "libnvrtc.alt.so.13", "libcudart_static.a"] {
            fs::write(toolkit.home.join("lib").join(name), name).unwrap();
        }
        // The second time nothing is left to do.
        for _ in 0..2 {
            toolkit.name_libraries().unwrap();
        }
        let read = |name: &str| fs::read_to_string(home.join(name)).unwrap();
        assert_eq!(read("lib64/libcublas.so"), "libcublas.so.13");
        assert_eq!(read("lib/libnvrtc.alt.so"), "libnvrtc.alt.so.13");
        assert_eq!(fs::read_dir(toolkit.home.join("lib")).unwrap().count(), 5);
        fs::remove_dir_all(home).unwrap();
    }

    #[test]
    fn the_stand_in_has_the_names_that_loader_and_linker_look_for() {
        let home = std::env::temp_dir().join(format!("candlelight-stand-in-{}", std::process::id()));
        let toolkit = Toolkit { home: home.clone(), target: home.clone() };
        fs::create_dir_all(toolkit.stand_in()).unwrap();
        let card = home.join("card.so");
        fs::write(&card, "card").unwrap();
        toolkit.name_stand_in(&card).unwrap();
        for name in ["libcuda.so.1", "libcuda.so", "libcublas.so.13", "libcurand.so.10", "libcudnn.so.9", "libcudnn.so"]
        {
            assert_eq!(fs::read_to_string(toolkit.stand_in().join(name)).unwrap(), "card", "{name}");
        }
        // NVIDIA's own are linked with.
        assert_eq!(fs::read_dir(toolkit.stand_in()).unwrap().count(), 6);
        fs::remove_dir_all(home).unwrap();
    }
}
