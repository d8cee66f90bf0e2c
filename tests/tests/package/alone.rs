//! A project in a folder of its own, outside of the repository, that depends on the crate: by its path, and by the archives
//! that are published.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{cargo, root, said};

/// Those that are published, each after those that it depends on.
const PUBLISHED: [&str; 4] = ["candlelight-base", "candlelight-kernels", "candlelight-plot", "candlelight"];

/// What crates.io takes.
const LARGEST: u64 = 10 * 1024 * 1024;

/// A project of one program, with `dependencies` in its manifest.
fn project(folder: &Path, dependencies: &str, program: &str) {
    assert!(!folder.starts_with(root()), "{}", folder.display());
    let manifest = format!("[package]\nname = \"stranger\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\n{dependencies}");
    fs::create_dir(folder.join("src")).expect("a folder");
    fs::write(folder.join("Cargo.toml"), manifest).expect("a manifest");
    fs::write(folder.join("src/main.rs"), program).expect("a program");
    // The versions of the repository, which are at hand without a network. Cargo drops what the project does not reach.
    fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock")).expect("a lock file");
}

/// Cargo in a project, with the settings by which the dependencies here are compiled: Candle is not compiled again.
fn in_project(word: &str, project: &Path, target: &Path) -> Command {
    let mut cargo = cargo(&[word, "--quiet", "--offline", "--config"]);
    cargo.arg(root().join(".cargo/config.toml")).current_dir(project).env("CARGO_TARGET_DIR", target);
    cargo
}

/// The target directory of the repository.
fn target() -> PathBuf {
    let (text, _) = said(&mut cargo(&["metadata", "--no-deps", "--format-version", "1"]));
    let metadata: serde_json::Value = serde_json::from_str(&text).expect("metadata");
    metadata["target_directory"].as_str().expect("a path").into()
}

/// Puts what was compiled of registry's packages into another target directory: large files as hard links, and copies of
/// those that cargo writes in place.
fn hand_over(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let entry = entry.expect("an entry");
        let (path, place, name) = (entry.path(), to.join(entry.file_name()), entry.file_name());
        let name = name.to_string_lossy();
        let ours = ["candlelight", "libcandlelight", "xtask", "libxtask"].iter().any(|own| name.starts_with(own));
        let kind = fs::metadata(&path).expect("a file");
        if ours {
        } else if kind.is_dir() {
            hand_over(&path, &place);
        } else if kind.len() < 16 * 1024 || fs::hard_link(&path, &place).is_err() {
            fs::copy(&path, &place).expect("a copy");
            // A copy must not look newer than what was made from it.
            let copy = fs::File::options().append(true).open(&place).expect("the copy");
            copy.set_modified(kind.modified().expect("a time")).expect("a time");
        }
    }
}

#[test]
fn a_project_uses_the_crate_by_path() {
    let folder = tempfile::tempdir().expect("a folder");
    let crate_ = root().join("crate");
    let dependency = format!("[dependencies]\ncandlelight = {{ path = {crate_:?}, default-features = false }}\n");
    let program = r#"use candlelight::prelude::*;

fn main() -> Result<()> {
    let layer = linear(3, 2, Params::new(0, &Device::Cpu)?)?;
    println!("{:?}", layer.forward(&Tensor::ones((1, 3), DType::F32, &Device::Cpu)?, Mode::Eval)?);
    Ok(())
}
"#;
    project(folder.path(), &dependency, program);
    said(&mut in_project("check", folder.path(), &target()));
    // What is left out is missed at compile time.
    fs::write(folder.path().join("src/main.rs"), "fn main() {\n    candlelight::plot::Figure::new();\n}\n")
        .expect("a program");
    let output = in_project("check", folder.path(), &target()).output().expect("cargo starts");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains("`plot`") && error.contains("gated"), "{error}");
}

#[test]
fn a_project_uses_the_published_archives() {
    let folder = tempfile::tempdir().expect("a folder");
    let packed = tempfile::tempdir().expect("a folder");
    let packages = PUBLISHED.map(|name| ["--package", name]);
    let mut package = cargo(&["package", "--quiet", "--offline", "--no-verify", "--allow-dirty", "--target-dir"]);
    said(package.arg(packed.path()).args(packages.as_flattened()));
    let mut patches = String::new();
    for name in PUBLISHED {
        let archive = packed.path().join(format!("package/{name}-0.1.0.crate"));
        let bytes = fs::metadata(&archive).unwrap_or_else(|error| panic!("{}: {error}", archive.display())).len();
        assert!(bytes <= LARGEST, "{name}: {bytes} bytes");
        said(Command::new("tar").arg("xzf").arg(&archive).current_dir(folder.path()));
        let unpacked = folder.path().join(format!("{name}-0.1.0"));
        for file in ["README.md", "LICENSE-MIT", "LICENSE-APACHE"] {
            let text =
                fs::read_to_string(unpacked.join(file)).unwrap_or_else(|error| panic!("{name}, {file}: {error}"));
            assert!(text.len() > 100, "{name}, {file}: {text}");
        }
        patches += &format!("{name} = {{ path = {unpacked:?} }}\n");
    }
    let dependency = format!("[dependencies]\ncandlelight = \"=0.1.0\"\n\n[patch.crates-io]\n{patches}");
    let program = r#"use candlelight::plot::{Figure, Panel};
use candlelight::prelude::*;

fn main() -> Result<()> {
    let data = FashionMnist::offline(&Device::Cpu)?;
    let params = Params::new(0, &Device::Cpu)?;
    let model = linear(784, 10, params.pp("fc"))?;
    let mut adam = Adam::new(params.trainable(), AdamConfig::default())?;
    let config = FitConfig { epochs: 3, ..FitConfig::default() }.silent();
    let history = fit(&model, &mut adam, cross_entropy, &data.train.take(1000)?, None, &config, &mut seeded(0))?;
    println!("{}", Figure::new().panel(Panel::new("Loss").line("train", 1.., history.train_loss())).describe());
    println!("accuracy {:.2}", evaluate(&model, cross_entropy, &data.test, 500)?.accuracy.unwrap_or(f64::NAN));
    Ok(())
}
"#;
    project(folder.path(), &dependency, program);
    let built = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let host = said(Command::new("rustc").args(["--print", "host-tuple"])).0;
    for part in ["debug".to_owned(), format!("{}/debug", host.trim())] {
        for inside in [".fingerprint", "build", "deps"] {
            hand_over(&target().join(&part).join(inside), &built.path().join(&part).join(inside));
        }
    }
    let mut run = in_project("run", folder.path(), built.path());
    for name in PUBLISHED {
        // The program matters here, not its speed.
        run.args(["--config", &format!("profile.dev.package.{name}.opt-level=0")]);
    }
    let candles = |target: &Path| {
        let folder = target.join(host.trim()).join("debug/.fingerprint");
        let names = fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").file_name());
        names.filter(|name| name.to_string_lossy().starts_with("candle-core-")).count()
    };
    let before = candles(built.path());
    let start = std::time::Instant::now();
    let (text, _) = said(&mut run);
    println!("compiled and run in {:.0} s", start.elapsed().as_secs_f64());
    let accuracy: f64 = text.trim().rsplit(' ').next().and_then(|number| number.parse().ok()).expect("a number");
    assert!(text.contains("line \"train\": 3 points") && accuracy > 0.6, "{text}");
    assert_eq!(candles(built.path()), before, "Candle was compiled again: the settings of the dependencies differ");
}
