//! A panic is told to the kernel, which shows it as the failure of the cell.

use std::backtrace::Backtrace;
use std::io::Write;
use std::panic::PanicHookInfo;
use std::thread;

use candlelight_protocol::{BACKTRACE, MARK};

use crate::trace::trimmed;

/// Replaces the standard hook, which would print to standard error.
pub fn report() {
    let main = thread::current().id();
    std::panic::set_hook(Box::new(move |info| {
        let current = thread::current();
        let name = if current.id() == main { String::new() } else { current.name().unwrap_or("unnamed").to_owned() };
        tell(info, &name);
    }));
}

/// `panic LINE COLUMN BYTES FILE`, a line; then the name of the thread (none for the cell's own), a line; then the message, of
/// so many bytes, and a line's end. Standard error is not buffered, so no lock is held that the panic may have interrupted.
fn tell(info: &PanicHookInfo, thread: &str) {
    let mut message = info.payload_as_str().unwrap_or("a value that is no text").to_owned();
    let asked = std::env::var_os("RUST_BACKTRACE").filter(|asked| asked != "0");
    if let Some(asked) = asked {
        let all = Backtrace::force_capture().to_string();
        message += &format!("{BACKTRACE}{}", if asked == "full" { all } else { trimmed(&all) });
    }
    let (file, line, column) = info.location().map_or(("", 0, 0), |at| (at.file(), at.line(), at.column()));
    let text = format!("{MARK}panic {line} {column} {} {file}\n{thread}\n{message}\n", message.len());
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
