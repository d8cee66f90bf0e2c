//! Transfers under way, and waiting for them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use candlelight::candle_core::DType;
use candlelight::distributed::{Buffer, Done, Pending, Values};
use candlelight::{CommunicationError, Result};

use crate::ffi::{self, Channel, Mpi, Outcome, Request};
use crate::liveness::Wait;
use crate::world::World;

/// Between two looks at what other ranks ask, while this one waits.
const ATTENTION: Duration = Duration::from_millis(1);
/// After so long a wait is no matter of microseconds any more, and the core is left to others.
const PATIENCE: Duration = Duration::from_millis(20);
/// How long it is left.
const NAP: Duration = Duration::from_micros(50);

/// One transfer.
struct Part {
    request: Request,
    /// At the other end, if that is known.
    peer: Option<usize>,
    /// How many numbers are received; `None` for a send.
    expected: Option<usize>,
    open: bool,
}

/// Transfers of this rank that began together.
pub struct Transfers {
    world: Arc<World>,
    operation: &'static str,
    tag: u32,
    pub buffer: Buffer,
    parts: Vec<Part>,
    attended: Instant,
}

impl Transfers {
    pub fn new(world: Arc<World>, operation: &'static str, tag: u32, buffer: Buffer, parts: usize) -> Self {
        Self { world, operation, tag, buffer, parts: Vec::with_capacity(parts), attended: Instant::now() }
    }

    pub fn push(&mut self, request: Request, peer: Option<usize>, expected: Option<usize>) {
        self.parts.push(Part { request, peer, expected, open: true });
    }

    /// Looks at each transfer that is open; whether none is left.
    fn poll(&mut self) -> Result<bool> {
        let dtype = self.buffer.values.dtype();
        let mut mpi = ffi::mpi();
        let mut all = true;
        for part in self.parts.iter_mut().filter(|part| part.open) {
            let outcome = mpi.test(&mut part.request);
            part.open = matches!(outcome, Outcome::Open);
            let (source, count) = match outcome {
                Outcome::Open => {
                    all = false;
                    continue;
                }
                Outcome::Done { source, count } => (source, Some(count)),
                Outcome::TooLong { source, count } => (source, count),
                Outcome::Failed(code) => return Err(self.world.transport(self.operation, code)),
            };
            let Some(expected) = part.expected else { continue };
            part.peer = Some(source);
            match count {
                Some(count) if count == expected => self.world.count_received(count * dtype.size_in_bytes()),
                Some(actual) => {
                    return Err(message(&self.world, self.operation, source, (expected, dtype), (actual, dtype)));
                }
                None => {
                    let problem = format!("a message of rank {source} is longer than {expected} numbers");
                    let (rank, operation) = (self.world.rank, self.operation);
                    return Err(CommunicationError::Transport { rank, operation, problem }.into());
                }
            }
        }
        Ok(all)
    }

    /// Answers other ranks, and looks for messages of the other dtype, every so often.
    fn attend(&mut self) -> Result<()> {
        if self.attended.elapsed() < ATTENTION {
            return Ok(());
        }
        self.attended = Instant::now();
        self.world.liveness.answer(&self.wait_for());
        let dtype = self.buffer.values.dtype();
        let other = if dtype == DType::F32 { DType::F64 } else { DType::F32 };
        for part in self.parts.iter().filter(|part| part.open) {
            let Some(expected) = part.expected else { continue };
            let found = ffi::mpi().probe(Channel::of(other), part.peer, self.tag);
            if let Some((source, actual)) = found {
                return Err(message(&self.world, self.operation, source, (expected, dtype), (actual, other)));
            }
        }
        Ok(())
    }

    /// What is still open, for those who ask.
    fn wait_for(&self) -> Wait {
        let open = self.parts.iter().find(|part| part.open);
        Wait { operation: self.operation.to_owned(), peer: open.and_then(|part| part.peer) }
    }

    /// After the deadline: asks all ranks who is alive. `Ok`: the transfers are done after all.
    fn investigate(&mut self, started: Instant) -> Result<()> {
        let world = self.world.clone();
        let inquiry = world.liveness.ask(world.rank, &self.wait_for());
        loop {
            if self.poll()? {
                return Ok(());
            }
            if inquiry.is_over() || world.liveness.silent(world.rank, &inquiry).is_empty() {
                break;
            }
            self.attended -= ATTENTION;
            self.attend()?;
            std::thread::sleep(NAP);
        }
        let (rank, operation) = (world.rank, self.operation);
        let error = match world.liveness.silent(rank, &inquiry) {
            peers if peers.is_empty() => {
                let waits = world.liveness.waits(rank, &self.wait_for());
                CommunicationError::Deadlock { rank, operation, waits }
            }
            peers => CommunicationError::Silent { rank, operation, peers, seconds: started.elapsed().as_secs_f64() },
        };
        Err(error.into())
    }

    fn finish(&mut self) -> Done {
        let receives = self.parts.iter().filter(|part| part.expected.is_some());
        let sources = receives.filter_map(|part| part.peer).collect();
        let nothing = Buffer { values: Values::F32(Vec::new()), scratch: Values::F32(Vec::new()) };
        Done { buffer: std::mem::replace(&mut self.buffer, nothing), sources }
    }
}

fn message(
    world: &World,
    operation: &'static str,
    peer: usize,
    (expected, expected_dtype): (usize, DType),
    (actual, actual_dtype): (usize, DType),
) -> candlelight::Error {
    let rank = world.rank;
    CommunicationError::Message { rank, operation, peer, expected, expected_dtype, actual, actual_dtype }.into()
}

impl Pending for Transfers {
    fn test(&mut self) -> Result<bool> {
        if self.poll()? {
            return Ok(true);
        }
        self.attend().map(|()| false)
    }

    fn wait(mut self: Box<Self>, deadline: Duration) -> Result<Done> {
        for _ in 0..self.world.spins {
            if self.poll()? {
                return Ok(self.finish());
            }
            std::hint::spin_loop();
        }
        let started = Instant::now();
        while !self.poll()? {
            let waited = started.elapsed();
            if waited >= deadline {
                self.investigate(started)?;
                break;
            }
            self.attend()?;
            if waited < PATIENCE { std::thread::yield_now() } else { std::thread::sleep(NAP) }
        }
        Ok(self.finish())
    }
}

impl Drop for Transfers {
    /// MPI still reads or writes the numbers of what is open: they must outlive it.
    fn drop(&mut self) {
        if self.parts.iter().any(|part| part.open) {
            let buffer = self.finish().buffer;
            let parts = std::mem::take(&mut self.parts);
            let requests =
                parts.into_iter().filter(|part| part.open).map(|part| (part.request, part.expected.is_some()));
            self.world.adopt(Orphan { requests: requests.collect(), _loan: Box::new(buffer) });
        }
    }
}

/// Transfers that nobody waits for any more, with what MPI uses of them.
pub struct Orphan {
    /// Each with whether it is a receive.
    requests: Vec<(Request, bool)>,
    _loan: Box<dyn std::any::Any + Send>,
}

impl Orphan {
    /// Of a control message.
    pub fn of_message(request: Request, bytes: Vec<u8>) -> Self {
        Self { requests: vec![(request, false)], _loan: Box::new(bytes) }
    }

    pub fn is_done(&mut self, mpi: &mut Mpi) -> bool {
        self.requests.retain_mut(|(request, _)| matches!(mpi.test(request), Outcome::Open));
        self.requests.is_empty()
    }

    /// Ends its receives.
    pub fn cancel(&mut self, mpi: &mut Mpi) {
        self.requests.retain_mut(|(request, receives)| !*receives || mpi.cancel(request).is_err());
    }
}
