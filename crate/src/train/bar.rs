//! A line that moves: each text takes the place of the one before.

use std::cell::Cell;
use std::io::{IsTerminal, Write, stdout};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How often it moves: faster than one can read, and slower than would cost anything.
const PAUSE: Duration = Duration::from_millis(100);

/// The variable that the kernel of the course sets: displays that have a name are replaced.
const DISPLAYS: &str = "CANDLELIGHT_DISPLAYS";

/// A line for one run.
#[derive(Debug)]
pub(crate) struct Bar {
    /// Its name in a notebook; `None` in a terminal.
    display: Option<String>,
    moved: Cell<Option<Instant>>,
    /// Whether a line stands in the terminal whose end is still to be written.
    open: Cell<bool>,
}

impl Bar {
    /// A bar, where this process writes to a place in which a line can be replaced.
    pub fn new() -> Option<Self> {
        static RUNS: AtomicUsize = AtomicUsize::new(0);
        let (moved, open) = (Cell::new(None), Cell::new(false));
        if std::env::var_os(DISPLAYS).is_some() {
            let number = RUNS.fetch_add(1, Ordering::Relaxed);
            return Some(Self { display: Some(format!("progress-{}-{number}", std::process::id())), moved, open });
        }
        stdout().is_terminal().then_some(Self { display: None, moved, open })
    }

    /// Shows `text`, and how much of the run is done, in [0, 1]; nothing if it has just moved, unless this is the `last` text.
    pub fn show(&self, done: f64, text: impl FnOnce() -> String, last: bool) {
        let now = Instant::now();
        if !last && self.moved.get().is_some_and(|moved| now - moved < PAUSE) {
            return;
        }
        self.moved.set(Some(now));
        self.open.set(self.display.is_none() && !last);
        let text = text();
        let line = match &self.display {
            Some(display) => in_notebook(display, done, &text),
            None if last => format!("\r{text}\u{1b}[K\n"),
            None => format!("\r{text}\u{1b}[K"),
        };
        // Whole, whatever other threads print. Where nobody reads any more, training goes on.
        let mut out = stdout().lock();
        let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
    }
}

impl Drop for Bar {
    /// What is printed after a run that failed stands on a line of its own.
    fn drop(&mut self) {
        if self.open.get() {
            println!();
        }
    }
}

/// The two forms of a display of evcxr, with a name: `text` is plain, without what HTML would read.
fn in_notebook(display: &str, done: f64, text: &str) -> String {
    let block =
        |mime: &str, data: &str| format!("EVCXR_BEGIN_CONTENT {mime};display={display}\n{data}\nEVCXR_END_CONTENT\n");
    let html = format!(
        "<progress value=\"{done:.4}\" max=\"1\" style=\"width: 12em; vertical-align: middle\"></progress> \
         <span style=\"font-family: monospace; white-space: pre\">{text}</span>"
    );
    block("text/plain", text) + &block("text/html", &html)
}

#[cfg(test)]
mod tests {
    use super::in_notebook;

    #[test]
    fn a_display_has_both_forms_under_one_name() {
        let shown = in_notebook("progress-1-0", 0.25, "epoch 1/4  train loss 0.5000");
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(
            lines[..3],
            [
                "EVCXR_BEGIN_CONTENT text/plain;display=progress-1-0",
                "epoch 1/4  train loss 0.5000",
                "EVCXR_END_CONTENT",
            ]
        );
        assert_eq!(lines[3], "EVCXR_BEGIN_CONTENT text/html;display=progress-1-0");
        assert!(lines[4].contains("value=\"0.2500\"") && lines[4].contains(">epoch 1/4  train loss 0.5000<"));
        assert_eq!((lines[5], lines.len()), ("EVCXR_END_CONTENT", 6));
    }
}
