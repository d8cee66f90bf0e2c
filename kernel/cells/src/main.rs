//! The process in which the cells of a notebook run.
//!
//! The kernel compiles a cell to a library and names it on standard input; this program loads it, calls its function, and says
//! so on standard output. It is linked to the standard library that the cells are linked to, so that what they print passes
//! through the buffer here, and their panics through the hook here.
//!
//! Lines that are meant for the kernel, and not for the reader, begin with [`candlelight_protocol::MARK`].

mod output;
mod panics;
mod trace;

use std::error::Error;
use std::ffi::c_void;
use std::os::unix::process::parent_id;
use std::process::{ExitCode, exit};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use libloading::Library;
use signal_hook::consts::SIGINT;
use signal_hook::low_level::raise;

/// How often this looks whether the kernel still lives.
const LOOK: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot run cells: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    end_with_parent();
    // An interrupt is a request, which the crate looks at between two steps; it must not end the process, and the variables.
    let interrupted = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGINT, interrupted.clone())?;
    panics::report();
    output::keep_flushing();
    let mut cells = Cells::default();
    let mut line = String::new();
    // The lock of standard input is not held while a cell runs, which may ask the reader for a line.
    while std::io::stdin().read_line(&mut line)? > 0 {
        if line == "\n" {
            // For a cell that waited for a line when it was interrupted; this one did not.
            line.clear();
            continue;
        }
        let call = line.trim_end().strip_prefix("LOAD_AND_RUN ").and_then(|rest| rest.rsplit_once(' '));
        let (library, function) = call.ok_or_else(|| format!("the kernel said {line:?}"))?;
        interrupted.store(false, Ordering::SeqCst);
        cells.run(library, function, &interrupted)?;
        output::complete();
        line.clear();
    }
    Ok(())
}

/// Nobody else would end this process if the kernel were killed while a cell runs.
fn end_with_parent() {
    let parent = parent_id();
    std::thread::spawn(move || {
        while parent_id() == parent {
            std::thread::sleep(LOOK);
        }
        exit(1)
    });
}

/// The cells that were loaded, and their variables.
struct Cells {
    /// Never unloaded: functions, types and destructors of a cell serve those after it.
    libraries: Vec<Library>,
    /// The store of the variables, made by the first cell that has one.
    store: *mut c_void,
}

impl Default for Cells {
    fn default() -> Self {
        Self { libraries: Vec::new(), store: std::ptr::null_mut() }
    }
}

impl Cells {
    /// Runs a cell; `interrupted` tells of an interrupt since the kernel named it.
    fn run(&mut self, library: &str, function: &str, interrupted: &AtomicBool) -> Result<(), Box<dyn Error>> {
        type Cell = unsafe extern "C" fn(*mut c_void) -> *mut c_void;
        type Start = unsafe extern "C" fn();
        // SAFETY: the kernel has just compiled this library from a cell; its initialisers are those of the reader's program.
        let library = unsafe { Library::new(library) }?;
        // SAFETY: evcxr gives the function of a cell this type, and hands from one to the next the store that this returns. The
        // other one is the crate's, and found where the cell is linked to the crate.
        unsafe {
            let cell = library.get::<Cell>(function.as_bytes())?;
            if let Ok(start) = library.get::<Start>(b"candlelight_cell_starts") {
                start();
                // The crate forgets requests for the cell before, and this one came while the library was loaded.
                if interrupted.load(Ordering::SeqCst) {
                    raise(SIGINT)?;
                }
            }
            self.store = cell(self.store);
        }
        self.libraries.push(library);
        Ok(())
    }
}

impl Drop for Cells {
    fn drop(&mut self) {
        self.libraries.drain(..).for_each(std::mem::forget);
    }
}
