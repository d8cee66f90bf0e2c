//! `cargo xtask colab`: the course for Google Colab, whose notebooks stay on Python.
//!
//! A first code cell prepares and starts the kernel of the course; every other one is sent to it by `%%rust`, which
//! `xtask/colab/candlelight_rust.py` defines. The notebooks are made anew from those of the course, never edited, and not
//! committed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::arguments::Arguments;
use crate::error::{About, Result};
use crate::notebook::Notebook;
use crate::{paths, run};

/// Writes the notebooks.
pub fn colab(mut arguments: Arguments) -> Result<ExitCode> {
    let out: Option<PathBuf> = arguments.value("--out")?;
    let repository = match arguments.value("--repository")? {
        Some(given) => Some(given),
        None => published()?,
    };
    let root = paths::root();
    let mut notebooks: Vec<PathBuf> = arguments.rest()?.into_iter().map(PathBuf::from).collect();
    if notebooks.is_empty() {
        notebooks = run::all_notebooks()?;
    }
    let out = out.unwrap_or_else(|| root.join("target/colab"));
    for notebook in &notebooks {
        let place = notebook.canonicalize().about(notebook.display())?;
        let within = place.strip_prefix(&root).map_err(|_| format!("{} is outside the course", notebook.display()))?;
        let made = converted(&Notebook::read(notebook)?, &root, within, repository.as_deref());
        // As in the folder of the notebooks, solutions in a folder below.
        let file = out.join(within.strip_prefix("notebooks").unwrap_or(within));
        let folder = file.parent().unwrap_or(&out);
        fs::create_dir_all(folder).about(folder.display())?;
        fs::write(&file, made.text()?).about(file.display())?;
    }
    println!("{} notebooks in {}", notebooks.len(), paths::shown(&out));
    Ok(ExitCode::SUCCESS)
}

/// The address of the repository, which is a setting of the site.
fn published() -> Result<Option<String>> {
    let file = paths::root().join("xtask/site/site.toml");
    let settings = fs::read_to_string(&file).about(file.display())?;
    let address = settings.lines().find_map(|line| line.strip_prefix("repository = \"")?.strip_suffix('"'));
    Ok(address.filter(|address| !address.is_empty()).map(str::to_owned))
}

/// The notebook `within` the repository at `root`, as Colab runs it.
fn converted(notebook: &Notebook, root: &Path, within: &Path, repository: Option<&str>) -> Notebook {
    let folder = within.parent().unwrap_or(Path::new(""));
    let mut cells = Vec::new();
    for cell in notebook.cells() {
        let (source, mut made) = (cell.source(), cell.value.clone());
        if cell.value["cell_type"] == "code" {
            made["source"] = lines(&format!("%%rust\n{source}"));
            // The counts of the Rust kernel are not those of Python's.
            made["execution_count"] = Value::Null;
        } else if let Some(repository) = repository {
            made["source"] = lines(&absolute(&source, root, folder, repository));
        }
        cells.push(made);
        // Below the title.
        if cells.len() == 1 {
            cells.push(set_up(folder, repository));
        }
    }
    let name = within.file_name().unwrap_or_default().to_string_lossy();
    Notebook(json!({
        "cells": cells,
        "metadata": {
            "colab": { "name": name, "provenance": [] },
            "kernelspec": { "display_name": "Python 3", "language": "python", "name": "python3" },
            "language_info": { "name": "python" },
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }))
}

/// The cell that fetches the course and starts its kernel. `CANDLELIGHT_HOME` names a copy that is there.
fn set_up(folder: &Path, repository: Option<&str>) -> Value {
    let fetch = match repository {
        Some(address) => {
            format!("    subprocess.run([\"git\", \"clone\", \"--depth=1\", {}, home], check=True)", json!(address))
        }
        None => "    raise FileNotFoundError(f\"put the repository of the course at {home}, or set CANDLELIGHT_HOME\")"
            .into(),
    };
    let folder = json!(folder.to_string_lossy());
    let source = format!(
        "#@title Run this first: it prepares Rust, some 15 minutes on a new machine\n\
         import os, subprocess, sys\n\n\
         home = os.path.abspath(os.environ.get(\"CANDLELIGHT_HOME\", \"candlelight\"))\n\
         if not os.path.exists(home):\n{fetch}\n\
         sys.path.append(f\"{{home}}/xtask/colab\")\n\
         import candlelight_rust\n\n\
         candlelight_rust.start(home, {folder})"
    );
    json!({
        "cell_type": "code",
        "execution_count": null,
        "id": "prepare-rust",
        "metadata": {},
        "outputs": [],
        "source": lines(&source),
    })
}

/// A text as notebooks store it.
fn lines(text: &str) -> Value {
    text.split_inclusive('\n').collect()
}

/// A text whose links to files of the repository lead to its address: Colab opens one notebook alone.
fn absolute(text: &str, root: &Path, folder: &Path, repository: &str) -> String {
    let mut parts = text.split("](");
    let mut made = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        made += "](";
        let target = part.split([')', '#']).next().unwrap_or_default();
        let file = root.join(folder).join(target).canonicalize().ok();
        match file.as_deref().and_then(|file| file.strip_prefix(root).ok()).filter(|_| !target.is_empty()) {
            Some(file) => {
                made += &format!("{}/blob/HEAD/{}", repository.trim_end_matches('/'), file.display());
                made += &part[target.len()..];
            }
            None => made += part,
        }
    }
    made
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::{absolute, converted};
    use crate::notebook::Notebook;
    use crate::paths;

    #[test]
    fn links_lead_to_the_repository() {
        let made = |text| absolute(text, &paths::root(), Path::new("notebooks"), "https://example.org/course/");
        let text = "as in [1](01-likelihood.ipynb#the-end) and [a row](../docs/traceability.md), [above](#here)";
        let course = "https://example.org/course/blob/HEAD";
        let expected = format!(
            "as in [1]({course}/notebooks/01-likelihood.ipynb#the-end) and [a row]({course}/docs/traceability.md), [above](#here)"
        );
        assert_eq!(made(text), expected);
        for other in ["$f(x)[0](y)$ and [a site](https://example.org/a)", "no link", "[nowhere](missing.md)"] {
            assert_eq!(made(other), other);
        }
    }

    #[test]
    fn cells_of_rust_get_the_magic_and_keep_their_tags_and_outputs() {
        let text = json!({ "cell_type": "markdown", "id": "a", "metadata": {}, "source": ["# Title\n", "text"] });
        let output = json!({ "name": "stdout", "output_type": "stream", "text": ["1\n"] });
        let code = json!({
            "cell_type": "code", "id": "b", "metadata": { "tags": ["volatile"] }, "execution_count": 3,
            "outputs": [output], "source": ["let a = 1;\n", "println!(\"{a}\");"],
        });
        let notebook = Notebook(json!({ "cells": [text, code] }));
        let within = Path::new("notebooks/solutions/01-a.ipynb");
        let made = converted(&notebook, &paths::root(), within, Some("https://example.org/course"));
        let cells: Vec<_> = made.cells().collect();
        assert_eq!((cells.len(), cells[0].source().as_str()), (3, "# Title\ntext"));
        let prepares = cells[1].source();
        assert!(
            prepares.contains(r#"["git", "clone", "--depth=1", "https://example.org/course", home]"#),
            "{prepares}"
        );
        assert!(prepares.ends_with(r#"candlelight_rust.start(home, "notebooks/solutions")"#), "{prepares}");
        assert_eq!(cells[2].source(), "%%rust\nlet a = 1;\nprintln!(\"{a}\");");
        assert!(cells[2].is_tagged("volatile") && cells[2].value["execution_count"].is_null());
        assert_eq!(cells[2].stream("stdout"), "1\n");
        assert_eq!(made.0["metadata"]["kernelspec"]["name"], "python3");
    }
}
