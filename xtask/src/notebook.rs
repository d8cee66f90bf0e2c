//! Notebook files: their cells, and the rules that an execution must keep.
//!
//! evcxr answers "ok" after a panic and after a `?` that failed, so that a green cell proves nothing. What it cannot hide is
//! text on standard error: a cell that writes there, and is not tagged to, fails its notebook.

use std::path::Path;

use serde_json::{Value, json};

use crate::error::{About, Result};

/// A cell that must fail.
pub const RAISES: &str = "raises-exception";
/// A cell that may write to standard error.
pub const EXPECTS_STDERR: &str = "expects-stderr";
/// A cell whose outputs differ from run to run: compared by their kind alone.
pub const VOLATILE: &str = "volatile";

/// The longest plain text that a result may be shown as, in characters.
const LONGEST_RESULT: usize = 4000;

/// A notebook file.
pub struct Notebook(pub Value);

impl Notebook {
    /// Reads and parses.
    pub fn read(file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file).about(file.display())?;
        let notebook: Value = serde_json::from_str(&text).about(format!("{} is no notebook", file.display()))?;
        match notebook["cells"].is_array() {
            true => Ok(Self(notebook)),
            false => Err(format!("{} is no notebook: it has no cells", file.display()).into()),
        }
    }

    /// The cells with their place, counted from 1 as a reader would.
    pub fn cells(&self) -> impl Iterator<Item = Cell<'_>> {
        self.0["cells"]
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
            .map(|(index, value)| Cell { place: index + 1, value })
    }

    /// The cells that hold code.
    pub fn code(&self) -> impl Iterator<Item = Cell<'_>> {
        self.cells().filter(|cell| cell.value["cell_type"] == "code" && !cell.source().trim().is_empty())
    }

    /// Every way in which the execution broke the rules, each naming the cell.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut last = 0;
        let mut unrun = 0;
        for cell in self.code() {
            match cell.value["execution_count"].as_u64() {
                None => {
                    unrun += 1;
                    if unrun == 1 {
                        faults.push(cell.says("never ran"));
                    }
                    continue;
                }
                Some(count) if count <= last => {
                    faults.push(cell.says(&format!("ran out of order: its execution count {count} follows {last}")));
                }
                Some(count) => last = count,
            }
            let error = cell.outputs().find(|output| output["output_type"] == "error").map(error_text);
            let stderr = cell.stream("stderr");
            let failed = error.is_some() || !stderr.is_empty();
            for output in cell.outputs() {
                let Some(data) = output["data"].as_object() else { continue };
                let text = joined(&output["data"]["text/plain"]);
                if text.len() > LONGEST_RESULT || (data.len() == 1 && is_debug_output(&text)) {
                    faults.push(cell.says(&format!(
                        "showed a raw dump, `{}`; evcxr does so where the last expression holds a `?` or moves a variable",
                        shortened(text.lines().next().unwrap_or_default(), 60)
                    )));
                }
            }
            if cell.is_tagged(RAISES) {
                if !failed {
                    faults.push(cell.says(&format!("is tagged {RAISES} and did not fail")));
                }
            } else if let Some(error) = error {
                faults.push(cell.says(&format!("failed: {error}")));
            } else if !stderr.is_empty() && !cell.is_tagged(EXPECTS_STDERR) {
                faults.push(cell.says(&format!("wrote to standard error: {}", first_lines(&stderr))));
            }
        }
        if unrun > 1 {
            faults.push(format!("{} more cells never ran", unrun - 1));
        }
        faults
    }

    /// Why none of the cells ran.
    pub fn never_ran(&self, reason: &str) -> String {
        let first = self.code().next().map_or_else(String::new, |first| first.says("and those after it never ran: "));
        format!("{first}the notebook {reason}")
    }

    /// The outputs of `executed` in this notebook, with execution counts from 1, and what its kernel says of the language: by
    /// that JupyterLab colours the code before a kernel runs.
    pub fn take_outputs(&mut self, executed: &Self) {
        let mut count = 0;
        let new = executed.0["cells"].as_array().cloned().unwrap_or_default();
        for (cell, new) in self.0["cells"].as_array_mut().into_iter().flatten().zip(new) {
            if cell["cell_type"] != "code" {
                continue;
            }
            let ran = !new["execution_count"].is_null();
            count += u64::from(ran);
            let number = if ran { json!(count) } else { Value::Null };
            let mut outputs = new["outputs"].clone();
            for output in outputs.as_array_mut().into_iter().flatten() {
                if output.get("execution_count").is_some() {
                    output["execution_count"] = number.clone();
                }
            }
            cell["execution_count"] = number;
            cell["outputs"] = outputs;
        }
        if let Some(language) = executed.0["metadata"].get("language_info") {
            self.0["metadata"]["language_info"] = language.clone();
        }
    }

    /// The code and texts of `other`, which has as many cells.
    pub fn take_sources(&mut self, other: &Self) {
        for (cell, other) in self.0["cells"].as_array_mut().into_iter().flatten().zip(other.cells()) {
            cell["source"] = other.value["source"].clone();
        }
    }

    /// The file's text, as Jupyter writes it.
    pub fn text(&self) -> Result<String> {
        let mut text = Vec::new();
        let format = serde_json::ser::PrettyFormatter::with_indent(b" ");
        let mut serializer = serde_json::Serializer::with_formatter(&mut text, format);
        serde::Serialize::serialize(&self.0, &mut serializer).about("notebook")?;
        text.push(b'\n');
        String::from_utf8(text).about("notebook")
    }
}

/// One cell.
pub struct Cell<'a> {
    /// Its place among all cells, from 1.
    pub place: usize,
    /// Its JSON.
    pub value: &'a Value,
}

impl Cell<'_> {
    /// The code or text.
    pub fn source(&self) -> String {
        joined(&self.value["source"])
    }

    /// Whether the cell carries the tag.
    pub fn is_tagged(&self, tag: &str) -> bool {
        self.value["metadata"]["tags"].as_array().is_some_and(|tags| tags.iter().any(|own| own == tag))
    }

    /// What the cell showed.
    pub fn outputs(&self) -> impl Iterator<Item = &Value> {
        self.value["outputs"].as_array().into_iter().flatten()
    }

    /// All that the cell wrote to a stream.
    pub fn stream(&self, name: &str) -> String {
        self.outputs().filter(|output| output["name"] == name).map(|output| joined(&output["text"])).collect()
    }

    /// The representations of a result by MIME type, joined over the cell.
    pub fn shown(&self) -> Vec<(String, String)> {
        let data = self.outputs().filter_map(|output| output["data"].as_object());
        let mut shown: Vec<_> = data.flatten().map(|(mime, value)| (mime.clone(), joined(value))).collect();
        shown.sort();
        shown
    }

    /// `cell 4 (let x = 1;) WHAT`.
    pub fn says(&self, what: &str) -> String {
        let source = self.source();
        let line = source.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        format!("cell {} (`{}`) {what}", self.place, shortened(line, 60))
    }
}

/// A notebook's text is one string or a list of lines.
pub fn joined(value: &Value) -> String {
    match value {
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn error_text(output: &Value) -> String {
    let value = joined(&output["evalue"]);
    let text = if value.is_empty() { joined(&output["traceback"]) } else { value };
    first_lines(&without_colours(&text))
}

/// Whether a text is what `{:?}` makes of a struct or a variant: its name, and a bracket.
fn is_debug_output(text: &str) -> bool {
    let rest = text.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
    text.starts_with(|c: char| c.is_uppercase()) && (rest.starts_with(" {") || rest.starts_with('('))
}

fn first_lines(text: &str) -> String {
    shortened(&text.lines().map(str::trim).filter(|line| !line.is_empty()).take(4).collect::<Vec<_>>().join(" / "), 300)
}

/// At most `most` characters.
pub fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

fn without_colours(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(escape) = rest.find("\u{1b}[") {
        plain.push_str(&rest[..escape]);
        rest = rest[escape..].split_once('m').map_or("", |(_, after)| after);
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Notebook;

    fn notebook(cells: &[(Value, &[&str], Value)]) -> Notebook {
        let cells: Vec<_> = cells
            .iter()
            .map(|(count, tags, outputs)| {
                json!({
                    "cell_type": "code", "source": ["let x = 1;"], "execution_count": count,
                    "metadata": { "tags": tags }, "outputs": outputs,
                })
            })
            .collect();
        Notebook(json!({ "cells": cells }))
    }

    fn stderr() -> Value {
        json!([{ "output_type": "stream", "name": "stderr", "text": ["thread 'main' panicked\n"] }])
    }

    #[test]
    fn a_clean_run_has_no_faults() {
        assert!(notebook(&[(json!(2), &[], json!([])), (json!(3), &[], json!([]))]).faults().is_empty());
    }

    #[test]
    fn each_rule_names_the_cell() {
        let faults = notebook(&[
            (json!(2), &[], stderr()),
            (json!(2), &[], json!([])),
            (Value::Null, &[], json!([])),
            (json!(5), &["raises-exception"], json!([])),
            (json!(6), &[], json!([{ "output_type": "error", "evalue": "\u{1b}[31mE0425\u{1b}[0m" }])),
        ])
        .faults();
        let expected = [
            "cell 1 (`let x = 1;`) wrote to standard error: thread 'main' panicked",
            "cell 2 (`let x = 1;`) ran out of order: its execution count 2 follows 2",
            "cell 3 (`let x = 1;`) never ran",
            "cell 4 (`let x = 1;`) is tagged raises-exception and did not fail",
            "cell 5 (`let x = 1;`) failed: E0425",
        ];
        assert_eq!(faults, expected);
    }

    #[test]
    fn raw_dumps_are_faults() {
        let shown = |data: Value| {
            let result = json!([{ "output_type": "execute_result", "execution_count": 1, "data": data }]);
            notebook(&[(json!(1), &[], result)]).faults()
        };
        for dump in ["Verdict { title: \"patience\" }", "Some(3)", &"1, ".repeat(2000)] {
            let faults = shown(json!({ "text/plain": dump }));
            assert!(faults.len() == 1 && faults[0].contains("showed a raw dump"), "{dump}: {faults:?}");
        }
        // A number, a shape, and a type that has a display of its own.
        for data in [json!({ "text/plain": "2" }), json!({ "text/plain": ["[2, 3]"] })] {
            assert!(shown(data).is_empty());
        }
        assert!(shown(json!({ "text/plain": "Figure (1 panel)", "text/html": "<svg>" })).is_empty());
    }

    #[test]
    fn tags_allow_what_they_say() {
        let faults =
            notebook(&[(json!(1), &["raises-exception"], stderr()), (json!(2), &["expects-stderr"], stderr())])
                .faults();
        assert!(faults.is_empty(), "{faults:?}");
    }

    #[test]
    fn outputs_are_taken_with_counts_from_one() {
        let result = |count: u64| json!([{ "output_type": "execute_result", "execution_count": count, "data": {} }]);
        let mut old = notebook(&[(Value::Null, &[], json!([])), (Value::Null, &[], json!([]))]);
        let mut executed = notebook(&[(json!(2), &[], json!([])), (json!(3), &[], result(3))]);
        executed.0["metadata"]["language_info"] = json!({ "name": "Rust" });
        old.take_outputs(&executed);
        assert_eq!(old.0["cells"][1]["execution_count"], 2);
        assert_eq!(old.0["cells"][1]["outputs"], result(2));
        assert_eq!(old.0["metadata"]["language_info"]["name"], "Rust");
    }
}
