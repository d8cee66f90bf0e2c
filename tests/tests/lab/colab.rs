use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::{root, run, xtask};

fn read(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut notebook: Value = serde_json::from_str(&text).expect("a notebook");
    let Value::Array(cells) = notebook["cells"].take() else { panic!("{}: no cells", file.display()) };
    cells.into_iter().filter(|cell| cell["cell_type"] == "code").collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().unwrap_or_default().to_owned(),
    }
}

/// What a cell shows: its words, without numbers, which differ a little between processors; its figures by their kind; its
/// failure.
fn shown(cell: &Value) -> Vec<String> {
    let mut shown: Vec<String> = Vec::new();
    let mut last = "";
    for output in cell["outputs"].as_array().into_iter().flatten() {
        let kind = output["output_type"].as_str().unwrap_or_default();
        let says = if let Some(data) = output["data"].as_object() {
            let figure = data.keys().find(|kind| kind.starts_with("image/"));
            figure.map_or_else(|| text(&data["text/plain"]), String::clone)
        } else if kind == "error" {
            text(&output["evalue"])
        } else {
            text(&output["text"])
        };
        let says: String = says.chars().filter(|c| !c.is_ascii_digit()).collect();
        match shown.last_mut() {
            // One kernel sends a text in more pieces than another.
            Some(before) if kind == "stream" && last == kind => before.push_str(&says),
            _ => shown.push(says),
        }
        last = kind;
    }
    shown
}

#[test]
fn the_edition_for_colab_shows_what_the_course_shows_on_a_kernel_of_python() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // Errors of Rust that a reader meets, figures, the bar of a training; and a folder of its own.
    let names = ["00-start-here.ipynb", "solutions/01-likelihood.ipynb"];
    let mut made = xtask(&["colab", "--repository", "https://example.org/course", "--out"]);
    made.arg(folder.path()).args(names.map(|name| root().join("notebooks").join(name)));
    let (passed, said) = run(&mut made);
    assert!(passed && said.contains("2 notebooks in "), "{said}");
    let mut figures = 0;
    for name in names {
        let file = folder.path().join(name);
        let written = std::fs::read_to_string(&file).expect("a notebook");
        // Nothing can come from what was stored.
        let mut notebook: Value = serde_json::from_str(&written).expect("a notebook");
        for cell in notebook["cells"].as_array_mut().into_iter().flatten().filter(|cell| cell["cell_type"] == "code") {
            cell["outputs"] = Value::Array(Vec::new());
        }
        std::fs::write(&file, notebook.to_string()).expect("a notebook");
        let mut execute = Command::new(root().join("target/lab/venv/bin/python"));
        execute.args(["-m", "nbconvert", "--to", "notebook", "--execute", "--inplace"]).arg(&file);
        execute.env("CANDLELIGHT_HOME", root()).env("JUPYTER_PREFER_ENV_PATH", "1").env_remove("LD_LIBRARY_PATH");
        for (variable, _) in std::env::vars().filter(|(name, _)| name.starts_with("CARGO") && name != "CARGO_HOME") {
            execute.env_remove(variable);
        }
        let (passed, said) = run(&mut execute);
        assert!(passed, "{name}: {said}");

        let (executed, committed) = (read(&file), read(&root().join("notebooks").join(name)));
        assert_eq!(executed.len(), committed.len() + 1, "{name}");
        let ready = shown(&executed[0]);
        assert!(ready.concat().ends_with("Rust is ready.\n"), "{name}: {ready:?}");
        for (cell, same) in executed[1..].iter().zip(&committed) {
            let source = text(&cell["source"]);
            assert_eq!(source.strip_prefix("%%rust\n"), Some(&*text(&same["source"])), "{name}");
            if !same["metadata"]["tags"].to_string().contains("volatile") {
                assert_eq!(shown(cell), shown(same), "{name}: {source}");
            }
            figures += shown(cell).iter().filter(|text| text.starts_with("image/")).count();
        }
    }
    assert!(figures >= 4, "{figures} figures");
}
