//! Why a cell failed, as the reader sees it: a name, a paragraph, and the line of the cell.

use candlelight_protocol::BACKTRACE;
use candlelight_protocol::stream::Place;

use crate::compiler::CompilerError;
use crate::run::Run;

const RED: &str = "\u{1b}[31m";
const BOLD: &str = "\u{1b}[1m";
const BLUE: &str = "\u{1b}[34m";
const END: &str = "\u{1b}[0m";

/// What a client is told of a cell that failed.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// The kind of failure, in one word.
    pub name: String,
    /// What happened, in a paragraph.
    pub value: String,
    /// What is shown, line by line, with colours for terminals.
    pub traceback: Vec<String>,
}

/// The cells that were run, by their numbers, to find lines in.
#[derive(Default)]
pub struct Sources(Vec<(usize, String)>);

impl Sources {
    /// Remembers a cell.
    pub fn push(&mut self, number: usize, code: &str) {
        self.0.push((number, code.to_owned()));
    }

    /// The cell and its line, from 1, that line `line` of the compiled file comes from: the latest cell that has this text,
    /// and of several lines the one with most neighbours alike.
    fn find(&self, compiled: &str, line: usize) -> Option<(usize, usize)> {
        let file: Vec<&str> = compiled.lines().map(str::trim).collect();
        let at = line.checked_sub(1)?;
        let wanted = *file.get(at)?;
        self.0.iter().rev().find_map(|(number, code)| {
            let lines: Vec<&str> = code.lines().map(str::trim).collect();
            let alike = |i: usize| {
                let before = lines[..i].iter().rev().zip(file[..at].iter().rev()).take_while(|(a, b)| a == b).count();
                let after = lines[i..].iter().zip(&file[at..]).take_while(|(a, b)| a == b).count();
                before + after
            };
            // What evcxr shows it puts in parentheses, on the same line.
            let same = |own: &str| {
                !own.is_empty() && (own == wanted || wanted.contains(own) && wanted.contains("evcxr_display"))
            };
            let best =
                (0..lines.len()).filter(|&i| same(lines[i])).max_by_key(|&i| (alike(i), std::cmp::Reverse(i)))?;
            Some((*number, best + 1))
        })
    }

    fn line(&self, number: usize, line: usize) -> Option<&str> {
        let (_, code) = self.0.iter().rev().find(|(cell, _)| *cell == number)?;
        code.lines().nth(line.checked_sub(1)?)
    }
}

/// What became of a cell that ran, if it failed.
pub fn of_run(run: &Run, lost: &[String], compiled: &str, sources: &Sources) -> Option<Failure> {
    if run.refused {
        return Some(error("Interrupted", "the cell was interrupted before it ran", Vec::new()));
    }
    if let Some(how) = &run.ended {
        let lost = match lost {
            [] => "there were no variables".to_owned(),
            names => format!("the variables are lost: {}", names.join(", ")),
        };
        return Some(match run.interrupts {
            2.. => error("Interrupted", &format!("the cell was ended by a second interrupt; {lost}"), Vec::new()),
            _ => error("ProcessEnded", &format!("the process of the cells ended: {how}; {lost}"), Vec::new()),
        });
    }
    if run.panicked {
        let place = run.panic.clone().unwrap_or_default();
        let (message, backtrace) = place.message.split_once(BACKTRACE).unwrap_or((&place.message, ""));
        let mut lines = place_lines(&place, compiled, sources);
        lines.extend(backtrace.lines().map(str::to_owned));
        return Some(error("Panic", message.trim_end(), lines));
    }
    if run.returned {
        let place = run.early.clone().unwrap_or_default();
        let name = if run.interrupts > 0 { "Interrupted" } else { "Error" };
        return Some(error(name, place.message.trim_end(), place_lines(&place, compiled, sources)));
    }
    None
}

/// The line of the cell, or the file of a library.
fn place_lines(place: &Place, compiled: &str, sources: &Sources) -> Vec<String> {
    if place.line == 0 {
        return Vec::new();
    }
    let in_cell = place.file.ends_with("src/lib.rs") && !place.file.starts_with('/');
    match sources.find(compiled, place.line).filter(|_| in_cell) {
        Some((number, line)) => {
            let text = sources.line(number, line).unwrap_or_default();
            vec![
                format!("{BLUE}cell [{number}], line {line}{END}"),
                format!("{BLUE}{line:>4} |{END} {}", text.trim_end()),
            ]
        }
        None => vec![format!("{BLUE}{}:{}:{}{END}", place.file, place.line, place.column)],
    }
}

/// Errors of the compiler, each with the lines that it names.
pub fn of_compiler(errors: &[CompilerError], number: usize, code: &str) -> Failure {
    let first = errors.iter().find(|error| error.of_cell).or(errors.first());
    let value = first.map_or_else(|| "the cell does not compile".to_owned(), |error| error.message.clone());
    let mut traceback = Vec::new();
    for error in errors {
        let code_name = error.code.as_ref().map_or(String::new(), |code| format!("[{code}]"));
        traceback.push(format!("{RED}{BOLD}{}{code_name}{END}{BOLD}: {}{END}", error.level, error.message));
        let mut shown = 0;
        for message in &error.notes {
            let Some(span) = &message.span else {
                traceback.extend((!message.label.is_empty()).then(|| message.label.clone()));
                continue;
            };
            if message.label.is_empty() && shown > 0 {
                continue;
            }
            let text = code.lines().nth(span.start_line - 1).unwrap_or_default();
            let to = if span.end_line == span.start_line { span.end_column } else { text.chars().count() + 1 };
            let width = to.saturating_sub(span.start_column).max(1);
            traceback.push(format!("{BLUE}cell [{number}], line {}{END}", span.start_line));
            traceback.push(format!("{BLUE}{:>4} |{END} {text}", span.start_line));
            let (space, carets) = (" ".repeat(span.start_column.saturating_sub(1)), "^".repeat(width));
            traceback.push(format!("{BLUE}     |{END} {space}{RED}{carets} {}{END}", message.label));
            shown += 1;
        }
        traceback.extend(error.help.iter().map(|help| format!("{BOLD}help{END}: {help}")));
        traceback.extend(error.hint.iter().map(|hint| format!("{BOLD}note{END}: {hint}")));
    }
    Failure { name: "CompileError".into(), value, traceback }
}

/// Another error of evcxr.
pub fn of_text(text: &str) -> Failure {
    error("Error", text.trim_end(), Vec::new())
}

fn error(name: &str, value: &str, place: Vec<String>) -> Failure {
    let mut traceback = vec![format!("{RED}{BOLD}{name}{END}: {value}")];
    traceback.extend(place);
    Failure { name: name.into(), value: value.into(), traceback }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_compiled_file_is_found_in_its_cell() {
        let mut sources = Sources::default();
        sources.push(1, "fn twice(x: i32) -> i32 {\n    assert!(x > 0);\n    2 * x\n}");
        sources.push(2, "let a = 1;\nassert!(a > 0);\nlet b = 2;\nassert!(a > 0);\na + b");
        let compiled = "fn twice(x: i32) -> i32 {\n    assert!(x > 0);\n    2 * x\n}\npub extern fn run() {\nlet a = 1;\nassert!(a > 0);\n\
                        let b = 2;\nassert!(a > 0);\n(a + b).evcxr_display();\n}";
        let found: Vec<_> = (1..=11).map(|line| sources.find(compiled, line)).collect();
        assert_eq!(found[1], Some((1, 2)));
        assert_eq!((found[6], found[8]), (Some((2, 2)), Some((2, 4))), "the same text twice");
        assert_eq!(found[9], Some((2, 5)), "the value of the cell");
        assert_eq!(found[4], None, "what evcxr wrote");
    }
}
