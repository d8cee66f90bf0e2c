//! Transfers under way, and waiting for them.

use std::ffi::c_void;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use candlelight::candle_core::DType;
use candlelight::distributed::{Buffer, Done, Pending, Source, Values};
use candlelight::{CommunicationError, Error, Result, interrupt};

use crate::ffi::{self, Channel, Found, Request};
use crate::liveness::Wait;
use crate::orphan::Orphan;
use crate::world::World;

/// Between two looks at what other ranks ask, while this one waits.
const ATTENTION: Duration = Duration::from_millis(1);
/// After so long a wait is no matter of microseconds any more, and the core is left to others.
const PATIENCE: Duration = Duration::from_millis(20);
/// How long it is left.
const NAP: Duration = Duration::from_micros(50);

/// A message that is to be received.
struct Receive {
    from: Source,
    range: Range<usize>,
    aside: bool,
    state: State,
}

enum State {
    /// It has not come yet.
    Awaited,
    /// Its numbers come in.
    Coming(Request, usize),
    Done(usize),
}

/// Transfers of this rank that began together.
///
/// MPI reads and writes the buffer while a request is open. So nobody else does, and the vectors are neither changed nor freed;
/// that they move as a whole leaves their numbers where they are.
pub struct Transfers {
    world: Arc<World>,
    operation: &'static str,
    tag: u32,
    buffer: Buffer,
    sends: Vec<(Request, usize)>,
    receives: Vec<Receive>,
    /// When this has last looked at what others ask, or was made.
    attended: Instant,
    /// Whether it has.
    attentive: bool,
}

impl Transfers {
    pub fn new(world: Arc<World>, operation: &'static str, tag: u32, buffer: Buffer) -> Self {
        let (sends, receives) = (Vec::with_capacity(1), Vec::with_capacity(1));
        Self { world, operation, tag, buffer, sends, receives, attended: Instant::now(), attentive: false }
    }

    pub fn dtype(&self) -> DType {
        self.buffer.values.dtype()
    }

    /// Starts to send a part of the values, which the caller has checked to lie inside of them.
    pub fn send(&mut self, to: usize, range: Range<usize>) -> Result<()> {
        let data = address(&mut self.buffer.values, range.start);
        let channel = Channel::of(self.dtype());
        // SAFETY: the range lies inside of the values, which stay as they are: see `Transfers`.
        let request = unsafe { ffi::mpi().send(channel, data, range.len(), to, self.tag) };
        self.sends.push((request.map_err(|code| self.world.transport(self.operation, code))?, to));
        Ok(())
    }

    /// Will receive a part of the values, or of the scratch, which the caller has checked to lie inside of them.
    pub fn receive(&mut self, from: Source, range: Range<usize>, aside: bool) {
        self.receives.push(Receive { from, range, aside, state: State::Awaited });
    }

    /// Looks at each transfer that is open; whether none is left.
    fn poll(&mut self) -> Result<bool> {
        let (world, operation, tag, dtype) = (&self.world, self.operation, self.tag, self.dtype());
        let failed = |code| world.transport(operation, code);
        let mut mpi = ffi::mpi();
        for receive in &mut self.receives {
            if let State::Awaited = receive.state {
                let found = mpi.probe(Channel::of(dtype), rank_of(receive.from), tag).map_err(failed)?;
                let Some(found) = found else { continue };
                if found.len != receive.range.len() {
                    world.discard(&mut mpi, found, dtype);
                    return Err(message(world, operation, &found, dtype, (receive.range.len(), dtype)));
                }
                let into = if receive.aside { &mut self.buffer.scratch } else { &mut self.buffer.values };
                let data = address(into, receive.range.start);
                // SAFETY: the range lies inside of the vector, which stays as it is: see `Transfers`. The message is as long.
                let request = unsafe { mpi.receive(found, data) }.map_err(failed)?;
                receive.state = State::Coming(request, found.source);
            }
            if let State::Coming(request, source) = &mut receive.state {
                let source = *source;
                match mpi.test(request) {
                    Ok(false) => {}
                    Ok(true) => {
                        receive.state = State::Done(source);
                        world.count_received(receive.range.len() * dtype.size_in_bytes());
                    }
                    Err(code) => {
                        receive.state = State::Done(source);
                        return Err(failed(code));
                    }
                }
            }
        }
        let mut error = None;
        self.sends.retain_mut(|(request, _)| match mpi.test(request) {
            Ok(done) => !done,
            Err(code) => {
                error = Some(failed(code));
                false
            }
        });
        match error {
            Some(error) => Err(error),
            None => Ok(self.sends.is_empty() && self.open().next().is_none()),
        }
    }

    /// The receives that are not done.
    fn open(&self) -> impl Iterator<Item = &Receive> {
        self.receives.iter().filter(|receive| !matches!(receive.state, State::Done(_)))
    }

    /// Answers other ranks, and looks for messages of the other dtype and for an interrupt, every so often.
    fn attend(&mut self) -> Result<()> {
        let since = self.attended.elapsed();
        if since < ATTENTION {
            return Ok(());
        }
        interrupt::check()?;
        self.attended = Instant::now();
        let was_attentive = std::mem::replace(&mut self.attentive, true);
        self.world.liveness.answer(&self.wait_for(), was_attentive && since < 50 * ATTENTION);
        let dtype = self.dtype();
        let other = if dtype == DType::F32 { DType::F64 } else { DType::F32 };
        let mut mpi = ffi::mpi();
        for receive in self.receives.iter().filter(|receive| matches!(receive.state, State::Awaited)) {
            let found = mpi.probe(Channel::of(other), rank_of(receive.from), self.tag);
            if let Some(found) = found.map_err(|code| self.world.transport(self.operation, code))? {
                self.world.discard(&mut mpi, found, other);
                let expected = (receive.range.len(), dtype);
                return Err(message(&self.world, self.operation, &found, other, expected));
            }
        }
        Ok(())
    }

    /// What is still open, for those who ask.
    fn wait_for(&self) -> Wait {
        let to = self.sends.first().map(|(_, to)| *to);
        let peer = self.open().next().map_or(to, |receive| rank_of(receive.from));
        Wait { operation: self.operation.to_owned(), peer }
    }

    /// After the deadline: asks all ranks who is alive. `Ok`: the transfers are done after all.
    fn investigate(&mut self, started: Instant) -> Result<()> {
        let result = self.ask_all(started);
        self.world.liveness.close();
        result
    }

    fn ask_all(&mut self, started: Instant) -> Result<()> {
        let world = self.world.clone();
        let inquiry = world.liveness.ask(world.rank, &self.wait_for());
        loop {
            if self.poll()? {
                return Ok(());
            }
            if inquiry.is_over() || world.liveness.silent(world.rank, &inquiry).is_empty() {
                break;
            }
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
        let source = |receive: &Receive| match receive.state {
            State::Done(source) => Some(source),
            _ => None,
        };
        let sources = self.receives.iter().filter_map(source).collect();
        Done { buffer: self.take(), sources }
    }

    fn take(&mut self) -> Buffer {
        let nothing = Buffer { values: Values::F32(Vec::new()), scratch: Values::F32(Vec::new()) };
        std::mem::replace(&mut self.buffer, nothing)
    }
}

/// The rank that is named, if one is.
fn rank_of(source: Source) -> Option<usize> {
    match source {
        Source::Rank(rank) => Some(rank),
        Source::Any => None,
    }
}

/// Where the number at `place` is.
fn address(values: &mut Values, place: usize) -> *mut c_void {
    match values {
        Values::F32(numbers) => numbers.as_mut_ptr().wrapping_add(place).cast(),
        Values::F64(numbers) => numbers.as_mut_ptr().wrapping_add(place).cast(),
    }
}

fn message(
    world: &World,
    operation: &'static str,
    found: &Found,
    actual_dtype: DType,
    (expected, expected_dtype): (usize, DType),
) -> Error {
    let (rank, peer, actual) = (world.rank, found.source, found.len);
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
        let coming = std::mem::take(&mut self.receives).into_iter().filter_map(|receive| match receive.state {
            State::Coming(request, _) => Some(request),
            State::Awaited | State::Done(_) => None,
        });
        let sends = std::mem::take(&mut self.sends).into_iter().map(|(request, _)| request);
        let requests: Vec<Request> = sends.chain(coming).collect();
        if !requests.is_empty() {
            let buffer = self.take();
            self.world.adopt(Orphan::new(requests, buffer));
        }
    }
}
