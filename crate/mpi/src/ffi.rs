//! The functions of `shim.c`, and safe forms of those that cannot be called wrongly.

use std::ffi::{c_char, c_int, c_void};
use std::sync::{Mutex, MutexGuard, PoisonError};

use candlelight::candle_core::DType;

unsafe extern "C" {
    fn cl_mpi_start(rank: *mut c_int, size: *mut c_int, here: *mut c_int, level: *mut c_int) -> c_int;
    fn cl_mpi_serialized(level: c_int) -> c_int;
    fn cl_mpi_shrink(rank: *mut c_int, size: *mut c_int) -> c_int;
    fn cl_mpi_stop() -> c_int;
    fn cl_mpi_abort(code: c_int);
    fn cl_mpi_send(channel: c_int, data: *const c_void, count: c_int, to: c_int, tag: c_int, slot: *mut u64) -> c_int;
    fn cl_mpi_receive(
        channel: c_int,
        data: *mut c_void,
        count: c_int,
        from: c_int,
        tag: c_int,
        slot: *mut u64,
    ) -> c_int;
    fn cl_mpi_test(slot: *mut u64, done: *mut c_int) -> c_int;
    fn cl_mpi_probe(
        channel: c_int,
        from: c_int,
        tag: c_int,
        found: *mut c_int,
        source: *mut c_int,
        count: *mut c_int,
    ) -> c_int;
    fn cl_mpi_all_reduce(channel: c_int, data: *mut c_void, count: c_int, op: c_int) -> c_int;
    fn cl_mpi_words(code: c_int, words: *mut c_char);
    fn cl_mpi_words_size() -> c_int;
    fn cl_mpi_version(words: *mut c_char);
}

/// A code of MPI that is not success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code(c_int);

/// Where numbers of one kind travel, or control messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    F32 = 0,
    F64 = 1,
    Control = 2,
}

impl Channel {
    pub fn of(dtype: DType) -> Self {
        if dtype == DType::F64 { Self::F64 } else { Self::F32 }
    }

    fn number(self) -> c_int {
        self as c_int
    }
}

/// MPI, which one thread calls at a time.
pub struct Mpi(());

/// What [`Mpi::start`] found.
pub struct Place {
    pub rank: usize,
    pub size: usize,
    /// Ranks on this machine.
    pub here: usize,
}

/// A transfer that MPI knows of. MPI reads or writes its numbers until it is done.
pub struct Request(u64);

/// A message that has come, and waits to be received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    channel: Channel,
    tag: u32,
    pub source: usize,
    /// How many numbers it has.
    pub len: usize,
}

static MPI: Mutex<Mpi> = Mutex::new(Mpi(()));

/// Takes the turn to call MPI.
pub fn mpi() -> MutexGuard<'static, Mpi> {
    MPI.lock().unwrap_or_else(PoisonError::into_inner)
}

fn check(code: c_int) -> Result<(), Code> {
    if code == 0 { Ok(()) } else { Err(Code(code)) }
}

/// MPI counts in 32 bits.
fn count(len: usize) -> Option<c_int> {
    c_int::try_from(len).ok()
}

impl Mpi {
    /// Starts MPI; once in a process. `None`: it does not let threads take turns.
    pub fn start(&mut self) -> Result<Option<Place>, Code> {
        let (mut rank, mut size, mut here, mut level) = (0, 0, 0, 0);
        // SAFETY: the pointers are to integers that live through the call.
        check(unsafe { cl_mpi_start(&mut rank, &mut size, &mut here, &mut level) })?;
        // SAFETY: a comparison.
        let serialized = unsafe { cl_mpi_serialized(level) } != 0;
        Ok(serialized.then_some(Place { rank: rank as usize, size: size as usize, here: here as usize }))
    }

    /// Goes on with the ranks that are left; all of them call it. The number and count of ranks are new.
    pub fn shrink(&mut self) -> Result<(usize, usize), Code> {
        let (mut rank, mut size) = (0, 0);
        // SAFETY: the pointers are to integers that live through the call.
        check(unsafe { cl_mpi_shrink(&mut rank, &mut size) })?;
        Ok((rank as usize, size as usize))
    }

    /// Ends MPI; all ranks call it.
    pub fn stop(&mut self) -> Result<(), Code> {
        // SAFETY: no transfer is under way, since the communicator ended them all.
        check(unsafe { cl_mpi_stop() })
    }

    /// Starts to send numbers.
    ///
    /// # Safety
    /// `data` points to `len` numbers of the channel, which stay where they are, and unchanged, until the request is done.
    pub unsafe fn send(
        &mut self,
        channel: Channel,
        data: *const c_void,
        len: usize,
        to: usize,
        tag: u32,
    ) -> Result<Request, Code> {
        let mut request = Request(0);
        let Some(len) = count(len) else { return Err(Code::COUNT) };
        // SAFETY: the caller's promise.
        check(unsafe { cl_mpi_send(channel.number(), data, len, to as c_int, tag as c_int, &mut request.0) })?;
        Ok(request)
    }

    /// The next message of a rank, or of any, if one has come; it stays there.
    pub fn probe(&mut self, channel: Channel, from: Option<usize>, tag: u32) -> Result<Option<Found>, Code> {
        let (mut found, mut source, mut count) = (0, 0, 0);
        let from = from.map_or(-1, |from| from as c_int);
        // SAFETY: the pointers are to integers that live through the call.
        check(unsafe { cl_mpi_probe(channel.number(), from, tag as c_int, &mut found, &mut source, &mut count) })?;
        let is_there = found != 0;
        // A message always is of whole numbers: its channel carries no other.
        Ok(is_there.then_some(Found {
            channel,
            tag,
            source: source as usize,
            len: usize::try_from(count).unwrap_or(0),
        }))
    }

    /// Starts to receive a message.
    ///
    /// A receive is started only for a message that is there, so that its length is known: Open MPI 5.0.11 writes past the
    /// end of the room where a message of more than 4 kB is longer.
    ///
    /// # Safety
    /// `data` points to room for the numbers of `found`, which stays where it is, and which nobody else uses, until the request
    /// is done. No other message was received since `found` was.
    pub unsafe fn receive(&mut self, found: Found, data: *mut c_void) -> Result<Request, Code> {
        let mut request = Request(0);
        let Some(len) = count(found.len) else { return Err(Code::COUNT) };
        let (from, tag) = (found.source as c_int, found.tag as c_int);
        // SAFETY: the caller's promise; messages of one rank with one tag are received in order, so it is this one.
        check(unsafe { cl_mpi_receive(found.channel.number(), data, len, from, tag, &mut request.0) })?;
        Ok(request)
    }

    /// Whether a transfer is done; not again after it was, or failed.
    pub fn test(&mut self, request: &mut Request) -> Result<bool, Code> {
        let mut done = 0;
        // SAFETY: the slot is of a request that was started; the pointer is to an integer that lives through the call.
        check(unsafe { cl_mpi_test(&mut request.0, &mut done) })?;
        Ok(done != 0)
    }

    /// MPI's own all-reduce: 0 for the sum, 1 for the largest, 2 for the smallest.
    ///
    /// # Safety
    /// `data` points to `len` numbers of the channel that nobody else uses during the call.
    pub unsafe fn all_reduce(
        &mut self,
        channel: Channel,
        data: *mut c_void,
        len: usize,
        op: usize,
    ) -> Result<(), Code> {
        let Some(len) = count(len) else { return Err(Code::COUNT) };
        // SAFETY: the caller's promise; `op` is below 3.
        check(unsafe { cl_mpi_all_reduce(channel.number(), data, len, (op % 3) as c_int) })
    }

    /// The name of the library, and its version.
    pub fn version(&mut self) -> String {
        let mut words = [0u8; 64];
        // SAFETY: the shim writes at most 64 bytes, the last of them 0.
        unsafe { cl_mpi_version(words.as_mut_ptr().cast()) };
        text(&words).split(',').next().unwrap_or_default().to_owned()
    }
}

/// Ends all ranks. Not in a turn: who holds it may be the one that failed.
pub fn abort() {
    // SAFETY: it ends the process, wherever its threads are.
    unsafe { cl_mpi_abort(1) }
}

impl Code {
    /// More numbers than MPI can count; MPI has no code for it.
    const COUNT: Self = Self(c_int::MIN);

    /// What MPI says it means.
    pub fn words(self) -> String {
        if self == Self::COUNT {
            return "a message of more numbers than MPI can count (2147483647)".into();
        }
        // SAFETY: a constant.
        let mut words = vec![0u8; unsafe { cl_mpi_words_size() }.max(1) as usize];
        // SAFETY: the room is of the size that MPI asks for.
        unsafe { cl_mpi_words(self.0, words.as_mut_ptr().cast()) };
        text(&words)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.split(|&byte| byte == 0).next().unwrap_or_default()).into_owned()
}
