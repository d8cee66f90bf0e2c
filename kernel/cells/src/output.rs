//! What is printed reaches the reader at once, and what is meant for the kernel is marked.

use std::io::Write;
use std::time::Duration;

use candlelight_protocol::MARK;

/// The standard library keeps text until its line ends; this is how long a reader waits for one that does not.
const FLUSH: Duration = Duration::from_millis(40);

/// Flushes standard output again and again, so that `print!` shows what it prints.
pub fn keep_flushing() {
    std::thread::spawn(|| {
        loop {
            std::thread::sleep(FLUSH);
            let _ = std::io::stdout().flush();
        }
    });
}

/// Says that a cell has run, at the end of both streams: the kernel has all of it when it has both.
pub fn complete() {
    let line = format!("{MARK}complete\n");
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}
