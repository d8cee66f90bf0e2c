//! `cargo xtask release`: the kernel that set-up compiled, as an archive with its checksum.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::arguments::Arguments;
use crate::error::{About, Result};
use crate::release::{Build, PROGRAMS, SUMS, sha256, version};
use crate::{evcxr, paths, process};

/// Packs the kernel that set-up compiled.
pub fn release(mut arguments: Arguments) -> Result<ExitCode> {
    let out: Option<PathBuf> = arguments.value("--out")?;
    arguments.end()?;
    let out = out.unwrap_or_else(|| paths::root().join("target/kernels"));
    let (sources, home) = evcxr::compiled()?;
    let mut build = Build::here(&sources)?;
    if build.host != "x86_64-unknown-linux-gnu" {
        return Err(format!("releases are made for x86-64 Linux with glibc, and this is {}", build.host).into());
    }
    build.rust = evcxr::compiled_by(&home)
        .ok_or("the kernel in the cache was taken from a release itself, not compiled here")?;
    let [ours, stock] = PROGRAMS.map(|program| needed_glibc(&home.join("bin").join(program)));
    build.glibc = ours?.max(stock?);
    fs::create_dir_all(&out).about(out.display())?;
    let (name, root) = (build.archive(), paths::root());
    // The same bytes from the same programs.
    let mut pack = Command::new("tar");
    pack.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0", "--mode=go-w"]);
    pack.arg("-czf").arg(out.join(&name)).arg("-C").arg(&home).args(PROGRAMS.map(|program| format!("bin/{program}")));
    process::output(pack.arg("-C").arg(&root).args(["LICENSE-APACHE", "LICENSE-MIT"]))?;
    let mut archives: Vec<String> = Vec::new();
    for entry in fs::read_dir(&out).about(out.display())? {
        let name = entry.about(out.display())?.file_name().to_string_lossy().into_owned();
        archives.extend(Build::of_archive(&name).map(|_| name));
    }
    archives.sort();
    let mut sums = String::new();
    for archive in &archives {
        sums += &format!("{}  {archive}\n", sha256(&out.join(archive))?);
    }
    fs::write(out.join(SUMS), &sums).about(SUMS)?;
    print!("{sums}");
    println!(
        "in {}; for releases at the project's address, the line goes into xtask/kernels.sha256",
        paths::shown(&out)
    );
    Ok(ExitCode::SUCCESS)
}

/// The newest version of glibc of which a program needs a function.
fn needed_glibc(program: &Path) -> Result<(u32, u32)> {
    let symbols = process::output(Command::new("objdump").arg("-T").arg(program))?;
    let versions = symbols
        .split("GLIBC_")
        .skip(1)
        .filter_map(|rest| version(rest.split(|c: char| c != '.' && !c.is_ascii_digit()).next()?));
    versions.max().ok_or_else(|| format!("{} names no version of glibc", program.display()).into())
}
