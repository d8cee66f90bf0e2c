//! The functions of `shim.c`, and safe forms of those that cannot be called wrongly.

use std::ffi::{c_char, c_int, c_void};
use std::sync::{Mutex, MutexGuard, PoisonError};

use candlelight::candle_core::DType;

unsafe extern "C" {
    fn cl_mpi_start(rank: *mut c_int, size: *mut c_int, here: *mut c_int, level: *mut c_int) -> c_int;
    fn cl_mpi_serialized(level: c_int) -> c_int;
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
    fn cl_mpi_test(channel: c_int, slot: *mut u64, done: *mut c_int, source: *mut c_int, count: *mut c_int) -> c_int;
    fn cl_mpi_probe(
        channel: c_int,
        from: c_int,
        tag: c_int,
        found: *mut c_int,
        source: *mut c_int,
        count: *mut c_int,
    ) -> c_int;
    fn cl_mpi_cancel(slot: *mut u64) -> c_int;
    fn cl_mpi_all_reduce(channel: c_int, data: *mut c_void, count: c_int, op: c_int) -> c_int;
    fn cl_mpi_is_truncated(code: c_int) -> c_int;
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
pub struct Request {
    channel: Channel,
    slot: u64,
}

/// What has become of a transfer.
pub enum Outcome {
    Open,
    Done {
        source: usize,
        count: usize,
    },
    /// The message was longer than the room for it; how long, if that is known.
    TooLong {
        source: usize,
        count: Option<usize>,
    },
    Failed(Code),
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
        let mut request = Request { channel, slot: 0 };
        let Some(len) = count(len) else { return Err(Code::COUNT) };
        // SAFETY: the caller's promise.
        check(unsafe { cl_mpi_send(channel.number(), data, len, to as c_int, tag as c_int, &mut request.slot) })?;
        Ok(request)
    }

    /// Starts to receive numbers.
    ///
    /// # Safety
    /// `data` points to room for `len` numbers of the channel, which stays where it is, and which nobody else uses, until the
    /// request is done.
    pub unsafe fn receive(
        &mut self,
        channel: Channel,
        data: *mut c_void,
        len: usize,
        from: Option<usize>,
        tag: u32,
    ) -> Result<Request, Code> {
        let mut request = Request { channel, slot: 0 };
        let Some(len) = count(len) else { return Err(Code::COUNT) };
        let from = from.map_or(-1, |from| from as c_int);
        // SAFETY: the caller's promise.
        check(unsafe { cl_mpi_receive(channel.number(), data, len, from, tag as c_int, &mut request.slot) })?;
        Ok(request)
    }

    /// Looks at a transfer; not again after it was done or failed.
    pub fn test(&mut self, request: &mut Request) -> Outcome {
        let (mut done, mut source, mut count) = (0, 0, -1);
        // SAFETY: the slot is of a request that was started; the pointers are to integers that live through the call.
        let code =
            unsafe { cl_mpi_test(request.channel.number(), &mut request.slot, &mut done, &mut source, &mut count) };
        let source = usize::try_from(source).unwrap_or_default();
        match code {
            0 if done == 0 => Outcome::Open,
            0 => Outcome::Done { source, count: usize::try_from(count).unwrap_or_default() },
            // SAFETY: any code may be asked about.
            code if unsafe { cl_mpi_is_truncated(code) } != 0 => {
                Outcome::TooLong { source, count: usize::try_from(count).ok() }
            }
            code => Outcome::Failed(Code(code)),
        }
    }

    /// From whom a message is there, and of how many numbers; it stays there.
    pub fn probe(&mut self, channel: Channel, from: Option<usize>, tag: u32) -> Option<(usize, usize)> {
        let (mut found, mut source, mut count) = (0, 0, 0);
        let from = from.map_or(-1, |from| from as c_int);
        // SAFETY: the pointers are to integers that live through the call.
        let code = unsafe { cl_mpi_probe(channel.number(), from, tag as c_int, &mut found, &mut source, &mut count) };
        let is_there = code == 0 && found != 0;
        is_there.then(|| (source as usize, usize::try_from(count).unwrap_or_default()))
    }

    /// Ends a receive for which nothing has come.
    pub fn cancel(&mut self, request: &mut Request) -> Result<(), Code> {
        // SAFETY: the slot is of a receive that was started and is not done.
        check(unsafe { cl_mpi_cancel(&mut request.slot) })
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
