//! A program that answers each line with a line.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::error::{About, Result};
use crate::mpi;

/// Something that answers requests; `xtask/peer/src/main.rs` lists them.
pub trait Program {
    fn ask(&mut self, request: Value) -> Result<Value>;

    /// The processor time it has used, in seconds, if that is known.
    fn processor_time(&self) -> Option<f64> {
        None
    }
}

/// A process of ours. It ends when its input does.
pub struct Process {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// Whose folders go when it has ended.
    _job: Option<mpi::Job>,
}

impl Process {
    /// Starts the command, its messages going where ours go.
    pub fn start(command: &mut Command) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().about(format!("cannot start {name}"))?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().ok_or("a program without output")?);
        Ok(Self { name, child, input, output, _job: None })
    }

    /// The process starts the ranks of a job.
    pub fn of_job(mut self, job: mpi::Job) -> Self {
        self._job = Some(job);
        self
    }
}

impl Program for Process {
    fn ask(&mut self, request: Value) -> Result<Value> {
        let mut line = String::new();
        if let Some(input) = &mut self.input {
            writeln!(input, "{request}").about(&self.name)?;
            self.output.read_line(&mut line).about(&self.name)?;
        }
        if line.is_empty() {
            return Err(format!("{} ended when asked for {request}; what it said stands above", self.name).into());
        }
        serde_json::from_str(&line).about(format!("{} said {line:?}", self.name))
    }

    fn processor_time(&self) -> Option<f64> {
        super::processor::time_of(self.child.id())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Open MPI's launcher does not tell its ranks that the input has ended: an empty line does.
        if let Some(mut input) = self.input.take().filter(|_| self._job.is_some()) {
            let _ = writeln!(input);
        }
        let _ = self.child.wait();
    }
}

/// A request about a workload.
pub fn request(what: &str, workload: &str, variant: &str, steps: usize) -> Value {
    json!({ "do": what, "workload": workload, "variant": variant, "steps": steps })
}

/// The answer, unless it is an error.
pub fn asked(program: &mut dyn Program, request: Value) -> Result<Value> {
    let answer = program.ask(request)?;
    match answer["error"].as_str() {
        Some(error) => Err(error.to_owned().into()),
        None => Ok(answer),
    }
}
