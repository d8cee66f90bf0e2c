//! The life of a rank.

use std::any::Any;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use candlelight::distributed::{Buffer, Communicator, Source, Transfer, Values};
use candlelight::{CommunicationError, Error, Result};

use crate::ffi::{self, Place};
use crate::ranks::Ranks;
use crate::world::World;

/// The variable with the seconds of [`Config::deadline`].
const DEADLINE: &str = "CANDLELIGHT_MPI_DEADLINE";
/// After its work a rank waits so much longer for the others, which may still evaluate, or write a file.
const FAREWELL: Duration = Duration::from_secs(120);

/// Settings of [`run_with`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// How long a rank waits for another before it asks who is alive, and so how long a rank may compute without
    /// communication; above 0. `None`, the default: the seconds in the variable `CANDLELIGHT_MPI_DEADLINE`, or 5 s.
    pub deadline: Option<Duration>,
}

impl Config {
    fn deadline(&self) -> Result<Duration> {
        let from_seconds = |text: String| {
            let seconds = text.parse().ok().filter(|&seconds: &f64| seconds > 0.0);
            let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            duration.ok_or_else(|| Error::setting(DEADLINE, "a number of seconds above 0", text))
        };
        match (self.deadline, std::env::var(DEADLINE)) {
            (Some(Duration::ZERO), _) => Err(Error::setting("deadline", "above 0", "0 s")),
            (Some(deadline), _) => Ok(deadline),
            (None, Ok(text)) => from_seconds(text),
            (None, Err(_)) => Ok(Duration::from_secs(5)),
        }
    }
}

static RUNNING: Mutex<Option<Arc<World>>> = Mutex::new(None);

pub fn running() -> Option<Arc<World>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Runs `work` as one rank of an MPI job, and is called once, by `main`, whose exit code it returns. Started without
/// `mpirun`, the process is rank 0 of 1.
///
/// Where `work` fails or panics, the rank says so in one line on standard error, which begins with `rank R:`, and ends the job.
/// When it is done, it waits for the others, two minutes longer than the deadline.
pub fn run(work: impl FnOnce(&Arc<dyn Communicator>) -> Result<()>) -> ExitCode {
    run_with(&Config::default(), work)
}

/// [`run`] with settings.
pub fn run_with(config: &Config, work: impl FnOnce(&Arc<dyn Communicator>) -> Result<()>) -> ExitCode {
    let world = match start(config) {
        Ok(world) => world,
        Err(error) => {
            say(format!("the rank cannot start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    // Its number at the start, which mpirun's words agree with.
    let rank = world.rank;
    std::panic::set_hook(Box::new(move |panic| say(format!("rank {rank}: {}", words(panic)))));
    let comm: Arc<dyn Communicator> = Arc::new(Ranks(world.clone()));
    // A panic that went on from here would leave MPI open, and the job would hang.
    let outcome = catch_unwind(AssertUnwindSafe(|| work(&comm)));
    let result = match outcome {
        Ok(result) => result.and_then(|()| end()),
        // The hook has said why.
        Err(_) => fail(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(format!("rank {rank}: {error}"));
            fail()
        }
    }
}

/// After a rank has died: a communicator of those that are left, who are numbered anew. All of them call it; whoever still waits
/// for a message of the old one gets an error. The old one is not to be used any more.
///
/// Only with an MPI that has ULFM, started so that the others survive: `cargo xtask mpi --survive`, or Open MPI's
/// `mpirun --with-ft ulfm`. Without it the job has ended by then. Bland, Bouteiller, Herault, Bosilca and Dongarra (2013),
/// "Post-failure recovery of MPI communication capability", section 3.
///
/// # Errors
/// Outside of [`run`], or what MPI reports.
pub fn shrink() -> Result<Arc<dyn Communicator>> {
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(old) = running.as_ref() else {
        return Err(Error::setting("shrink", "called inside of candlelight_mpi::run", "a call outside"));
    };
    let (rank, size) = ffi::mpi().shrink().map_err(|code| old.transport("shrink", code))?;
    let world = Arc::new(World::new(&Place { rank, size, here: old.here }, old.deadline));
    *running = Some(world.clone());
    Ok(Arc::new(Ranks(world)))
}

/// The name and version of the MPI that this is compiled with.
pub fn version() -> String {
    ffi::mpi().version()
}

fn start(config: &Config) -> Result<Arc<World>> {
    let transport = |problem: String| CommunicationError::Transport { rank: 0, operation: "run", problem };
    let deadline = config.deadline()?;
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    if running.is_some() {
        return Err(transport("MPI can be started only once in a process".into()).into());
    }
    let place = ffi::mpi().start().map_err(|code| transport(code.words()))?;
    let place =
        place.ok_or_else(|| transport("this MPI is for programs of one thread (MPI_THREAD_SERIALIZED)".into()))?;
    let world = Arc::new(World::new(&place, deadline));
    *running = Some(world.clone());
    Ok(world)
}

/// The end of a rank that has done its work: MPI ends for all together.
fn end() -> Result<()> {
    let Some(world) = running() else { return Ok(()) };
    let comm: Arc<dyn Communicator> = Arc::new(Ranks(world.clone()));
    farewell(&*comm, world.deadline + FAREWELL)?;
    world.finish()?;
    ffi::mpi().stop().map_err(|code| world.transport("run", code))
}

/// A barrier with a deadline of its own.
fn farewell(comm: &dyn Communicator, deadline: Duration) -> Result<()> {
    let (rank, size) = (comm.rank(), comm.size());
    let distances =
        std::iter::successors(Some(1), |distance| Some(2 * distance)).take_while(|&distance| distance < size);
    for distance in distances {
        let (to, from) = ((rank + distance) % size, Source::Rank((rank + size - distance) % size));
        let both = [Transfer::Send { to, range: 0..0 }, Transfer::Receive { from, range: 0..0 }];
        let nothing = Buffer { values: Values::F32(Vec::new()), scratch: Values::F32(Vec::new()) };
        comm.start("the end of run", nothing, &both, comm.next_tag())?.wait(deadline)?;
    }
    Ok(())
}

/// The end of one that has not.
fn fail() -> ! {
    ffi::abort();
    std::process::abort()
}

/// One line, in one piece, so that those of other ranks do not come in between.
fn say(line: String) {
    let line = line.trim_end().replace('\n', "; ") + "\n";
    // Nobody may be there to read it, and there is no other way to tell.
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}

fn words(panic: &PanicHookInfo) -> String {
    let payload: &dyn Any = panic.payload();
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message");
    let place = panic.location().map(|place| format!(" at {}:{}", place.file(), place.line())).unwrap_or_default();
    format!("panicked{place}: {text}")
}
