//! Ctrl-C between two steps: training ends with an error and keeps what it has.
//!
//! A library does not take signals from a program unasked. One that wants it holds an [`on_ctrl_c`] while it trains; then the
//! first Ctrl-C (SIGINT) is a request, which the long loops of this crate see between two batches, and the second ends the
//! process as it would without. In a notebook the kernel holds one, and each cell begins without a request.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use signal_hook::consts::SIGINT;
use signal_hook::flag;

use crate::{Error, Result};

/// What the handler of the signal reads and sets.
#[derive(Clone)]
struct Flags {
    /// Ctrl-C was pressed while somebody would look.
    requested: Arc<AtomicBool>,
    /// The next Ctrl-C ends the process.
    fatal: Arc<AtomicBool>,
    /// A loop has ended because of the request.
    answered: Arc<AtomicBool>,
}

static FLAGS: OnceLock<Flags> = OnceLock::new();

/// How many [`OnCtrlC`] there are. It is locked while flags change.
static HOLDERS: Mutex<usize> = Mutex::new(0);

/// While this lives, Ctrl-C is a request.
///
/// When the last one goes, and a request has come that no loop of this crate has answered, the process ends as by Ctrl-C.
#[derive(Debug)]
#[must_use = "Ctrl-C is a request for as long as this is held"]
pub struct OnCtrlC(());

/// Makes Ctrl-C a request from now on, for as long as what it returns is held.
///
/// ```no_run
/// use candlelight::interrupt;
/// # fn train() -> candlelight::Result<()> { Ok(()) }
/// # fn main() -> candlelight::Result<()> {
/// let _held = interrupt::on_ctrl_c()?;
/// train()?; // after Ctrl-C: Error::Interrupted
/// # Ok(()) }
/// ```
///
/// # Errors
/// If the operating system refuses the handler.
pub fn on_ctrl_c() -> Result<OnCtrlC> {
    let mut holders = HOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
    let flags = match FLAGS.get() {
        Some(flags) => flags,
        None => {
            let flags = installed().map_err(|source| Error::Io { path: "SIGINT".into(), source })?;
            FLAGS.get_or_init(|| flags)
        }
    };
    if *holders == 0 {
        flags.requested.store(false, Ordering::SeqCst);
        flags.answered.store(false, Ordering::SeqCst);
        flags.fatal.store(false, Ordering::SeqCst);
    }
    *holders += 1;
    Ok(OnCtrlC(()))
}

/// Actions of a signal run in the order in which they were registered.
fn installed() -> std::io::Result<Flags> {
    let flag = |set| Arc::new(AtomicBool::new(set));
    let flags = Flags { requested: flag(false), fatal: flag(true), answered: flag(false) };
    flag::register_conditional_default(SIGINT, flags.fatal.clone())?;
    flag::register(SIGINT, flags.requested.clone())?;
    flag::register(SIGINT, flags.fatal.clone())?;
    Ok(flags)
}

/// Called by the kernel before each cell: a request is for the cell that ran when it came.
///
/// It is found by its name, so the kernel needs no type of this crate, and a cell that does not use the crate costs nothing.
#[allow(unsafe_code)]
// SAFETY: no other library of the process has a function of this name.
#[unsafe(no_mangle)]
extern "C" fn candlelight_cell_starts() {
    static HELD: OnceLock<Option<OnCtrlC>> = OnceLock::new();
    HELD.get_or_init(|| on_ctrl_c().ok());
    if let Some(flags) = FLAGS.get() {
        for flag in [&flags.requested, &flags.answered, &flags.fatal] {
            flag.store(false, Ordering::SeqCst);
        }
    }
}

impl Drop for OnCtrlC {
    fn drop(&mut self) {
        let mut holders = HOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
        *holders -= 1;
        let Some(flags) = FLAGS.get().filter(|_| *holders == 0) else { return };
        flags.fatal.store(true, Ordering::SeqCst);
        let unanswered = flags.requested.swap(false, Ordering::SeqCst) && !flags.answered.load(Ordering::SeqCst);
        if unanswered {
            // Fails for signals that there are not.
            let _ = signal_hook::low_level::emulate_default_handler(SIGINT);
        }
    }
}

/// Whether Ctrl-C was pressed: free to ask in every turn of a loop.
pub fn requested() -> bool {
    FLAGS.get().is_some_and(|flags| flags.requested.load(Ordering::Relaxed))
}

/// For a loop of one's own: ends it if Ctrl-C was pressed.
///
/// ```
/// use candlelight::interrupt;
/// # fn main() -> candlelight::Result<()> {
/// for _step in 0..100 {
///     interrupt::check()?;
///     // one step
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`Error::Interrupted`] if it was.
pub fn check() -> Result<()> {
    match FLAGS.get() {
        Some(flags) if flags.requested.load(Ordering::Relaxed) => {
            flags.answered.store(true, Ordering::SeqCst);
            Err(Error::Interrupted)
        }
        _ => Ok(()),
    }
}
