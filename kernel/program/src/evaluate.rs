//! The thread that compiles and runs cells, one at a time.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::Receiver;

use candlelight_answers::failure::{self, Failure, Sources};
use candlelight_answers::own::Own;
use candlelight_answers::text;
use evcxr::{CommandContext, Error, EvalCallbacks, EvalContext, EvalContextOutputs};
use tokio::sync::oneshot;

use crate::link::Link;
use crate::{SESSION, compiler, host};

/// What the thread is asked for.
pub enum Job {
    /// Run a cell.
    Execute {
        /// Its number.
        number: usize,
        /// Its source.
        code: String,
        /// How it asks the reader for a line.
        input: Input,
        /// What it shows beside what it printed, or why it failed.
        reply: oneshot::Sender<Result<HashMap<String, String>, Failure>>,
    },
    /// Complete the word at a position, in characters.
    Complete {
        /// The source of the cell.
        code: String,
        /// The position.
        cursor: usize,
        /// What can stand there.
        reply: oneshot::Sender<Option<Completions>>,
    },
    /// Explain the word at a position, in characters.
    Inspect {
        /// The source of the cell.
        code: String,
        /// The position.
        cursor: usize,
        /// Plain text and HTML.
        reply: oneshot::Sender<Option<(String, String)>>,
    },
}

/// Asks the reader for a line: prompt, and whether it is a secret.
pub type Input = Box<dyn Fn(&str, bool) -> String + Send>;

/// What can stand between two positions, in characters.
pub struct Completions {
    /// The first position that is replaced.
    pub start: usize,
    /// The position after the last.
    pub end: usize,
    /// Text, label and kind.
    pub items: Vec<(String, String, String)>,
}

/// evcxr, with what is known of the cells.
pub struct Evaluator {
    context: CommandContext,
    /// Held: evcxr sends what its child writes to standard error, which the host does not use.
    _outputs: EvalContextOutputs,
    link: Link,
    sources: Sources,
    own: Own,
}

impl Evaluator {
    /// Starts evcxr with our host as its child, loads the crate, and looks at it once. Our cargo adds the crate to the manifest.
    pub fn start(own: Own, socket: &Path, link: Link) -> Result<Self, Error> {
        let mut host = Command::new(std::env::current_exe()?);
        host.arg("host").env(host::SOCKET, socket);
        if let Some(asked) = std::env::var_os("RUST_BACKTRACE") {
            host.env(host::BACKTRACE, asked);
        }
        let (context, outputs) = EvalContext::with_subprocess_command(host)?;
        let mut context = CommandContext::with_eval_context(context);
        // One cell: the analyzer reads the crate for the `let`, and evcxr learns that cells hold `?`, which it does not forget.
        context.execute(
            "let _warm = candlelight::candle_core::Shape::from(1).dims().len();\nOk::<(), std::fmt::Error>(())?;",
        )?;
        link.open();
        Ok(Self { context, _outputs: outputs, link, sources: Sources::default(), own })
    }

    /// Does what comes until nobody asks any more.
    pub fn serve(mut self, jobs: &Receiver<Job>) {
        for job in jobs {
            match job {
                Job::Execute { number, code, input, reply } => {
                    let _ = reply.send(self.execute(number, &code, &input));
                }
                Job::Complete { code, cursor, reply } => {
                    let _ = reply.send(self.complete(&code, cursor));
                }
                Job::Inspect { code, cursor, reply } => {
                    let _ = reply.send(self.inspect(&code, cursor));
                }
            }
        }
    }

    fn execute(&mut self, number: usize, code: &str, input: &Input) -> Result<HashMap<String, String>, Failure> {
        let mut before: Vec<String> = self.context.variables_and_types().map(|(name, _)| name.to_owned()).collect();
        before.retain(|name| !name.starts_with('_'));
        before.sort();
        if self.link.was_interrupted() {
            // While the kernel was starting, or before this cell's turn.
            let mut run = self.link.finish();
            run.refused = true;
            return failure::of_run(&run, &before, "", &self.sources).map_or_else(|| Ok(HashMap::new()), Err);
        }
        self.sources.push(number, code);
        let mut callbacks = EvalCallbacks { input_reader: &|request| input(&request.prompt, request.is_password) };
        let new = self.own.without(code);
        if [":fmt", ":types"].iter().any(|command| code.lines().any(|line| line.trim_start().starts_with(command))) {
            self.let_evcxr_show();
        }
        let result = self.context.execute_with_callbacks(&new, &mut callbacks);
        let mut run = self.link.finish();
        if let Err(Error::SubprocessTerminated(how)) = &result {
            // Told by evcxr alone where the host was ended, too.
            run.ended.get_or_insert_with(|| how.clone());
        }
        let compiled = self.context.last_source().unwrap_or_default();
        let failed = failure::of_run(&run, &before, &compiled, &self.sources);
        match (result, failed) {
            (_, Some(failure)) => Err(failure),
            (Ok(outputs), None) => Ok(outputs.content_by_mime_type),
            (Err(Error::CompilationErrors(errors)), None) => {
                Err(failure::of_compiler(&compiler::errors(&errors), number, code))
            }
            (Err(error), None) => Err(failure::of_text(&error.to_string())),
        }
    }

    /// From now on evcxr shows values, in the form that the reader chooses, and not the crate: see `compile_less` in xtask.
    fn let_evcxr_show(&self) {
        if let Some(session) = std::env::var_os(SESSION)
            && let Err(error) = std::fs::write(Path::new(&session).join("format"), "")
        {
            eprintln!("the form of values cannot be changed: {error}");
        }
    }

    fn complete(&mut self, code: &str, cursor: usize) -> Option<Completions> {
        let found = self.context.completions(code, text::byte(code, cursor)).ok()?;
        let items = found.completions.into_iter().map(|item| (item.code, item.label, item.kind.to_owned())).collect();
        let (start, end) = (text::character(code, found.start_offset), text::character(code, found.end_offset));
        Some(Completions { start, end, items })
    }

    fn inspect(&mut self, code: &str, cursor: usize) -> Option<(String, String)> {
        let (plain, html) = self.context.hover_at(code, text::end_of_word(code, text::byte(code, cursor))).ok()?;
        // What evcxr says where there is nothing.
        (plain != "No documentation found").then_some((plain, html))
    }
}
