//! `cargo xtask run`: notebooks on the real kernel, from top to bottom, by strict rules.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::arguments::Arguments;
use crate::compare::differences;
use crate::error::{About, Result};
use crate::notebook::Notebook;
use crate::{margins, paths, process, python, setup};

/// What is done with the outputs.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Check,
    Update,
}

/// The outcome of one notebook.
struct Outcome {
    notebook: String,
    kernel_start: f64,
    /// Seconds of each code cell that ran, with its place.
    cells: Vec<(usize, f64)>,
    /// A line for each comparison in an assertion, if they were measured.
    margins: Vec<String>,
    faults: Vec<String>,
}

/// Executes the notebooks that are named, or all.
pub fn run(mut arguments: Arguments) -> Result<ExitCode> {
    let (check, update) = (arguments.flag("--check"), arguments.flag("--update"));
    if check && update {
        return Err("--check and --update exclude one another".into());
    }
    let mode = if update { Mode::Update } else { Mode::Check };
    let jobs = arguments.value::<usize>("--jobs")?.unwrap_or(1);
    if jobs == 0 {
        return Err("--jobs must be at least 1".into());
    }
    let margins = arguments.flag("--margins");
    let report: Option<PathBuf> = arguments.value("--json")?;
    let named = arguments.rest()?;
    let notebooks = if named.is_empty() { all_notebooks()? } else { named.into_iter().map(PathBuf::from).collect() };
    for notebook in &notebooks {
        Notebook::read(notebook)?;
    }
    setup::setup()?;

    let outcomes = run_all(&notebooks, mode, margins, jobs)?;
    print_table(&outcomes);
    print_margins(&outcomes);
    let json = json_report(&outcomes);
    for file in [Some(paths::lab().join("run/report.json")), report].into_iter().flatten() {
        fs::write(&file, format!("{json:#}\n")).about(file.display())?;
    }
    let failed = outcomes.iter().filter(|outcome| !outcome.faults.is_empty()).count();
    println!("\nnotebooks: {} passed, {failed} failed", outcomes.len() - failed);
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The chapters in order, then the solutions.
pub fn all_notebooks() -> Result<Vec<PathBuf>> {
    let folder = paths::root().join("notebooks");
    let mut notebooks = Vec::new();
    for folder in [folder.clone(), folder.join("solutions")] {
        let mut here = Vec::new();
        for entry in fs::read_dir(&folder).about(folder.display())? {
            let file = entry.about(folder.display())?.path();
            if file.extension().is_some_and(|extension| extension == "ipynb") {
                here.push(file);
            }
        }
        here.sort();
        notebooks.extend(here);
    }
    Ok(notebooks)
}

fn run_all(notebooks: &[PathBuf], mode: Mode, margins: bool, jobs: usize) -> Result<Vec<Outcome>> {
    let queue: Mutex<VecDeque<(usize, &PathBuf)>> = Mutex::new(notebooks.iter().enumerate().collect());
    let done = Mutex::new(Vec::new());
    let next = || queue.lock().ok().and_then(|mut queue| queue.pop_front());
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(notebooks.len()) {
            scope.spawn(|| {
                while let Some((index, notebook)) = next() {
                    println!("running {}", paths::shown(notebook));
                    let outcome = run_one(notebook, index, mode, margins, jobs).unwrap_or_else(|error| Outcome {
                        notebook: paths::shown(notebook),
                        kernel_start: f64::NAN,
                        cells: Vec::new(),
                        margins: Vec::new(),
                        faults: vec![error.to_string()],
                    });
                    if let Ok(mut done) = done.lock() {
                        done.push((index, outcome));
                    }
                }
            });
        }
    });
    let mut outcomes = done.into_inner().map_err(|_| "a worker of the runner panicked")?;
    outcomes.sort_by_key(|(index, _)| *index);
    Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
}

fn run_one(file: &Path, index: usize, mode: Mode, margins: bool, jobs: usize) -> Result<Outcome> {
    let mut committed = Notebook::read(file)?;
    let (name, folder) = (format!("{index:02}"), file.parent().unwrap_or(Path::new(".")).to_owned());
    let (executed, times, margins) = match margins {
        true => with_margins(file, &folder, &committed, &name, jobs)?,
        false => execute(file, &folder, None, &name, jobs).map(|(executed, times)| (executed, times, Vec::new()))?,
    };
    let mut faults = executed.faults();
    if let Some(message) = times["stopped"]["message"].as_str() {
        let stopped_at = times["stopped"]["cell"].as_u64();
        match stopped_at.and_then(|index| executed.cells().nth(index as usize)) {
            // The kernel died or took too long, and left no output that says so.
            Some(cell) => {
                faults.retain(|fault| *fault != cell.says("never ran"));
                faults.insert(0, cell.says(message));
            }
            // No cell ran.
            None => faults = vec![executed.never_ran(message)],
        }
    }
    match mode {
        Mode::Check => {
            faults.extend(committed.faults().into_iter().map(|fault| format!("as committed, {fault}")));
            faults.extend(differences(&committed, &executed));
        }
        // A run that failed leaves the file as it was.
        Mode::Update if faults.is_empty() => {
            committed.take_outputs(&executed);
            let new = file.with_extension("ipynb.tmp");
            fs::write(&new, committed.text()?).about(new.display())?;
            fs::rename(&new, file).about(file.display())?;
        }
        Mode::Update => {}
    }
    let seconds = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    let cells = times["cells"].as_array().into_iter().flatten().enumerate();
    Ok(Outcome {
        notebook: paths::shown(file),
        kernel_start: seconds(&times["kernel_start"]),
        cells: cells.filter_map(|(index, time)| Some((index + 1, time.as_f64()?))).collect(),
        margins,
        faults,
    })
}

/// A file of this run below `target`; the process number keeps two runners apart.
fn place(file: &Path, name: &str, kind: &str) -> Result<PathBuf> {
    let folder = paths::lab().join("run");
    fs::create_dir_all(&folder).about(folder.display())?;
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    Ok(folder.join(format!("{stem}-{name}-{}.{kind}", std::process::id())))
}

/// Executes a notebook whose assertions are measured; the margins come back beside its outputs and the times.
fn with_margins(
    file: &Path,
    folder: &Path,
    committed: &Notebook,
    name: &str,
    jobs: usize,
) -> Result<(Notebook, Value, Vec<String>)> {
    let (measured, written) = (place(file, name, "measured.ipynb")?, place(file, name, "margins")?);
    fs::write(&measured, margins::measured(committed).text()?).about(measured.display())?;
    fs::write(&written, "").about(written.display())?;
    let (mut executed, times) = execute(&measured, folder, Some(&written), name, jobs)?;
    executed.take_sources(committed);
    let table = margins::table(&fs::read_to_string(&written).about(written.display())?, committed);
    let _ = (fs::remove_file(&measured), fs::remove_file(&written));
    Ok((executed, times, table))
}

/// Executes a notebook in a folder as one of `jobs` at a time; what comes back is the notebook with its new outputs, and the times.
fn execute(file: &Path, folder: &Path, margins: Option<&Path>, name: &str, jobs: usize) -> Result<(Notebook, Value)> {
    let (executed, times) = (place(file, name, "ipynb")?, place(file, name, "json")?);
    let mut python = python::python();
    if std::env::var_os("RAYON_NUM_THREADS").is_none() {
        // Threads that wait for each other lose much where others hold their core; the results are the same with fewer.
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        python.env("RAYON_NUM_THREADS", (cores / jobs).max(1).to_string());
    }
    if let Some(margins) = margins {
        python.env(margins::FILE, margins);
    }
    process::output(python.arg(paths::script("execute.py")).args([file, folder, &executed, &times]))?;
    let text = fs::read_to_string(&times).about(times.display())?;
    let result = (Notebook::read(&executed)?, serde_json::from_str(&text).about(times.display())?);
    let _ = (fs::remove_file(&executed), fs::remove_file(&times));
    Ok(result)
}

fn print_table(outcomes: &[Outcome]) {
    let width = outcomes.iter().map(|outcome| outcome.notebook.chars().count()).max().unwrap_or(0).max(8);
    println!("\n{:width$}  cells  kernel start   compute   slowest cell  verdict", "notebook");
    for outcome in outcomes {
        let (place, slowest) = outcome.slowest();
        println!(
            "{:width$}  {:5}  {:10.1} s  {:6.1} s  {slowest:6.1} s (#{place:2})  {}",
            outcome.notebook,
            outcome.cells.len(),
            outcome.kernel_start,
            outcome.compute(),
            outcome.verdict(),
        );
    }
    for outcome in outcomes {
        for fault in &outcome.faults {
            println!("{}: {fault}", outcome.notebook);
        }
    }
}

fn print_margins(outcomes: &[Outcome]) {
    for outcome in outcomes.iter().filter(|outcome| !outcome.margins.is_empty()) {
        println!("\nassertions of {}\ncell line        left    right         apart", outcome.notebook);
        for row in &outcome.margins {
            println!("{row}");
        }
    }
}

fn json_report(outcomes: &[Outcome]) -> Value {
    outcomes
        .iter()
        .map(|outcome| {
            let (place, slowest) = outcome.slowest();
            json!({
                "notebook": outcome.notebook,
                "cells": outcome.cells.len(),
                "kernel_start_s": outcome.kernel_start,
                "compute_s": outcome.compute(),
                "slowest_cell": { "cell": place, "s": slowest },
                "verdict": outcome.verdict(),
                "faults": outcome.faults,
            })
        })
        .collect()
}

impl Outcome {
    fn compute(&self) -> f64 {
        self.cells.iter().map(|(_, seconds)| seconds).sum()
    }

    fn slowest(&self) -> (usize, f64) {
        self.cells.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0))
    }

    fn verdict(&self) -> &'static str {
        if self.faults.is_empty() { "pass" } else { "FAIL" }
    }
}
