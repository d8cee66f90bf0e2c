//! A line that moves: each text takes the place of the one before.

use std::cell::{Cell, RefCell};
use std::io::{IsTerminal, Write, stdout};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How often it moves: faster than one can read, and slower than would cost anything.
const PAUSE: Duration = Duration::from_millis(100);

/// The variable that the kernel of the course sets: displays that have a name are replaced.
const DISPLAYS: &str = "CANDLELIGHT_DISPLAYS";

/// What stands in place of the time left where a run ended in an error.
const UNFINISHED: &str = "not finished";

/// A line for one run.
#[derive(Debug)]
pub(crate) struct Bar {
    /// Its name in a notebook; `None` in a terminal.
    display: Option<String>,
    moved: Cell<Option<Instant>>,
    /// What it shows of a run that goes on: the share that is done, and the results.
    shown: RefCell<Option<(f64, String)>>,
}

impl Bar {
    /// A bar, where this process writes to a place in which a line can be replaced.
    pub fn new() -> Option<Self> {
        static RUNS: AtomicUsize = AtomicUsize::new(0);
        let display = if std::env::var_os(DISPLAYS).is_some() {
            Some(format!("progress-{}-{}", std::process::id(), RUNS.fetch_add(1, Ordering::Relaxed)))
        } else if stdout().is_terminal() {
            None
        } else {
            return None;
        };
        Some(Self { display, moved: Cell::new(None), shown: RefCell::new(None) })
    }

    /// Shows how much of the run is `done`, in [0, 1], its results and the time left; nothing if it has just moved.
    pub fn show(&self, done: f64, results: impl FnOnce() -> String, left: impl FnOnce() -> String) {
        let now = Instant::now();
        if self.moved.get().is_some_and(|moved| now - moved < PAUSE) {
            return;
        }
        self.moved.set(Some(now));
        let results = results();
        self.write(done, &results, &left(), false);
        self.shown.replace(Some((done, results)));
    }

    /// Shows the results of a run that has ended, after the share `done` of what it might have taken.
    pub fn end(&self, done: f64, results: &str) {
        self.shown.take();
        self.write(done, results, "", true);
    }

    fn write(&self, done: f64, results: &str, left: &str, last: bool) {
        let line = match &self.display {
            Some(display) => in_notebook(display, done, results, left),
            None => in_terminal(&joined(results, left), last),
        };
        // Whole, whatever other threads print. Where nobody reads any more, training goes on.
        let mut out = stdout().lock();
        let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
    }
}

impl Drop for Bar {
    /// A run that failed promises no time any more, and what is printed after it stands on a line of its own.
    fn drop(&mut self) {
        if let Some((done, results)) = self.shown.take() {
            self.write(done, &results, UNFINISHED, true);
        }
    }
}

fn joined(results: &str, left: &str) -> String {
    if left.is_empty() { results.to_owned() } else { format!("{results}  {left}") }
}

/// A line that is to be replaced ends where the terminal does: what went on below would stay.
fn in_terminal(text: &str, last: bool) -> String {
    if last { format!("\r\u{1b}[K{text}\n") } else { format!("\r\u{1b}[K\u{1b}[?7l{text}\u{1b}[?7h") }
}

/// The two forms of a display of evcxr, with a name; neither text holds what HTML would read.
///
/// One line, however narrow the page: the results are cut, the time left stays, and no text moves the bar. It is drawn with borders,
/// which are printed, and stay where a reader has forced colours of their own; backgrounds do not.
fn in_notebook(display: &str, done: f64, results: &str, left: &str) -> String {
    let block =
        |mime: &str, data: &str| format!("EVCXR_BEGIN_CONTENT {mime};display={display}\n{data}\nEVCXR_END_CONTENT\n");
    let percent = 100.0 * done.clamp(0.0, 1.0);
    let bar = format!(
        "<span role=\"progressbar\" aria-label=\"Training\" aria-valuemin=\"0\" aria-valuemax=\"100\" \
         aria-valuenow=\"{percent:.0}\" style=\"flex: 0 0 25%; max-width: 12em; box-sizing: border-box; margin-right: 1em; \
         border: 1px solid; border-radius: 0.3em; overflow: hidden\"><span style=\"display: block; width: {percent:.1}%; \
         border-bottom: 0.6em solid var(--jp-brand-color1, #2a7fd4)\"></span></span>"
    );
    let html = format!(
        "<div style=\"display: flex; align-items: center; overflow: hidden; white-space: pre; \
         font-family: var(--jp-code-font-family, monospace); font-size: var(--jp-code-font-size, 13px)\">{bar}\
         <span title=\"{results}\" style=\"flex: 0 1 auto; overflow: hidden; text-overflow: ellipsis\">{results}</span>\
         <span style=\"flex: none; margin-left: 2ch\">{left}</span></div>"
    );
    block("text/plain", &joined(results, left)) + &block("text/html", &html)
}

#[cfg(test)]
mod tests {
    use super::{in_notebook, in_terminal};

    #[test]
    fn a_display_has_both_forms_under_one_name() {
        let shown = in_notebook("progress-1-0", 0.25, "epoch 1/4  train loss 0.5000", "left 3.0 s");
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(
            lines[..3],
            [
                "EVCXR_BEGIN_CONTENT text/plain;display=progress-1-0",
                "epoch 1/4  train loss 0.5000  left 3.0 s",
                "EVCXR_END_CONTENT",
            ]
        );
        assert_eq!(lines[3], "EVCXR_BEGIN_CONTENT text/html;display=progress-1-0");
        for part in ["aria-valuenow=\"25\"", "width: 25.0%", ">epoch 1/4  train loss 0.5000<", ">left 3.0 s<"] {
            assert!(lines[4].contains(part), "{part}: {}", lines[4]);
        }
        assert_eq!((lines[5], lines.len()), ("EVCXR_END_CONTENT", 6));
        assert!(!in_notebook("progress-1-0", 1.0, "epoch 4/4", "").contains("epoch 4/4  "));
    }

    #[test]
    fn a_line_of_a_terminal_takes_the_place_of_the_one_before_and_does_not_wrap() {
        assert_eq!(in_terminal("epoch 1/4", false), "\r\u{1b}[K\u{1b}[?7lepoch 1/4\u{1b}[?7h");
        assert_eq!(in_terminal("epoch 4/4", true), "\r\u{1b}[Kepoch 4/4\n");
    }
}
