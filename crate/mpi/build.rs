//! Compiles `src/shim.c` with the MPI's own compiler, and links what that names.
//!
//! Bindings made by bindgen would ask for libclang, and for features of `syn` that no other package of the workspace has:
//! with them cargo compiles Candle a second time.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=src/shim.c");
    println!("cargo:rerun-if-env-changed=MPICC");
    if let Err(problem) = build() {
        println!("cargo::error={problem}");
    }
}

fn build() -> Result<(), String> {
    let mpicc = compiler();
    let out = PathBuf::from(variable("OUT_DIR")?);
    let object = out.join("shim.o");
    run(Command::new(&mpicc).args(["-O2", "-fPIC", "-Wall", "-c", "src/shim.c", "-o"]).arg(&object))?;
    let library = out.join("libcandlelight_mpi_shim.a");
    run(Command::new("ar").arg("crs").args([&library, &object]))?;
    println!("cargo:rustc-link-search=native={}", out.display());
    println!("cargo:rustc-link-lib=static=candlelight_mpi_shim");
    // MPICH and those that come from it know `-show`, Open MPI both.
    let line = run(Command::new(&mpicc).arg("-show"))?;
    for word in words(&line) {
        if let Some(folder) = word.strip_prefix("-L") {
            println!("cargo:rustc-link-search=native={folder}");
            // Found again at the start, where the loader does not look by itself.
            println!("cargo:rustc-link-arg=-Wl,-rpath,{folder}");
        } else if let Some(name) = word.strip_prefix("-l") {
            println!("cargo:rustc-link-lib={name}");
        }
    }
    Ok(())
}

/// What `MPICC` names, else what `cargo xtask mpi` has brought, else the system's.
fn compiler() -> PathBuf {
    if let Some(given) = std::env::var_os("MPICC") {
        return given.into();
    }
    let brought = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/mpi/venv/bin/mpicc");
    println!("cargo:rerun-if-changed={}", brought.display());
    if brought.exists() { brought } else { "mpicc".into() }
}

fn variable(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|error| format!("{name}: {error}"))
}

fn run(command: &mut Command) -> Result<String, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| {
        format!(
            "`{program}` cannot be started ({error}); candlelight-mpi needs an MPI: `cargo xtask mpi` brings one, or set MPICC \
             to the compiler of another"
        )
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).replace('\n', "; ");
    Err(format!("`{program}` failed ({}): {said}", output.status))
}

/// The words of a command line, in which quotes may hold spaces.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in line.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c.is_whitespace() => words.push(std::mem::take(&mut word)),
            _ => word.push(c),
        }
    }
    words.push(word);
    words.into_iter().filter(|word| !word.is_empty()).collect()
}
