//! Callers and helpers.

use std::array;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::lock;

/// How long a helper watches before it sleeps.
pub(super) const WATCH: Duration = Duration::from_micros(50);

/// How long a caller counts as at work after its region: between two regions of a training step it computes too.
const BETWEEN: Duration = Duration::from_micros(200);

/// How often a helper looks whether there is room for it, while callers take all of it.
const LOOK: Duration = Duration::from_millis(5);

/// How long a caller watches for its helpers to come to an end before it sleeps.
pub(super) const PATIENCE: Duration = Duration::from_millis(1);

/// Into how many shares the tasks of a region are parted at most.
const SHARES: usize = 8;

thread_local! {
    /// Whether this thread is in a task.
    pub(super) static IN_TASK: Cell<bool> = const { Cell::new(false) };
}

pub(super) struct Pool {
    /// How many are to be at work, callers and helpers together.
    threads: usize,
    /// Counts the regions; helpers watch it.
    regions: AtomicUsize,
    /// Helpers that are at work.
    busy: AtomicUsize,
    /// Callers that sleep until their helpers have come to an end.
    waiting: AtomicUsize,
    state: Mutex<State>,
    wake: Condvar,
    done: Condvar,
}

#[derive(Default)]
struct State {
    /// Threads that have a region, or had one lately.
    callers: Vec<Caller>,
    sleeping: usize,
    /// Whether one of the sleeping wakes by itself to look for room.
    looking: bool,
}

struct Caller {
    thread: usize,
    region: Option<Region>,
    /// The end of its last region.
    end: Instant,
}

/// A region that helpers may join while it stands in [`State`].
#[derive(Clone, Copy, PartialEq)]
struct Region(*const Shared<'static>);

// SAFETY: the pointer is followed only under the lock of the state, where the caller has not yet taken the region back, and
// by helpers that joined before; the caller waits for those.
unsafe impl Send for Region {}

struct Shared<'a> {
    task: &'a (dyn Fn(usize) + Sync),
    /// The tasks, in as many shares as threads are to be at work.
    shares: [Share; SHARES],
    /// Helpers that are at work in it.
    inside: AtomicUsize,
    panic: Mutex<Option<Box<dyn std::any::Any + Send>>>,
}

/// Tasks one after another, some of them not begun yet. On a cache line of its own: as a rule one thread counts here.
#[repr(align(64))]
struct Share {
    next: AtomicUsize,
    end: usize,
}

impl Share {
    fn is_left(&self) -> bool {
        self.next.load(Ordering::Relaxed) < self.end
    }
}

impl<'a> Shared<'a> {
    fn new(task: &'a (dyn Fn(usize) + Sync), tasks: usize, threads: usize) -> Self {
        let count = threads.min(SHARES);
        let start = |share: usize| share.min(count) * tasks / count;
        let shares = array::from_fn(|i| Share { next: AtomicUsize::new(start(i)), end: start(i + 1) });
        Self { task, shares, inside: AtomicUsize::new(0), panic: Mutex::new(None) }
    }

    /// Does the tasks of share `own` in their order, then what the others have left.
    fn work(&self, own: usize) {
        for share in (0..SHARES).map(|i| &self.shares[(own + i) % SHARES]) {
            while share.is_left() {
                let i = share.next.fetch_add(1, Ordering::Relaxed);
                if i < share.end
                    && let Err(panic) = catch_unwind(AssertUnwindSafe(|| (self.task)(i)))
                {
                    *lock(&self.panic) = Some(panic);
                }
            }
        }
    }

    fn is_left(&self) -> bool {
        self.shares.iter().any(Share::is_left)
    }
}

impl State {
    fn open(&mut self, thread: usize, region: Region) {
        if self.callers.len() > 1 {
            let now = Instant::now();
            self.callers.retain(|caller| caller.thread == thread || caller.is_at_work(now));
        }
        match self.callers.iter_mut().find(|caller| caller.thread == thread) {
            Some(caller) => caller.region = Some(region),
            None => self.callers.push(Caller { thread, region: Some(region), end: Instant::now() }),
        }
    }

    fn close(&mut self, thread: usize, end: Instant) {
        if let Some(caller) = self.callers.iter_mut().find(|caller| caller.thread == thread) {
            (caller.region, caller.end) = (None, end);
        }
    }

    /// How many callers are at work.
    fn at_work(&self) -> usize {
        let open = self.callers.iter().filter(|caller| caller.region.is_some()).count();
        if open == self.callers.len() {
            return open; // without a look at the clock
        }
        let now = Instant::now();
        self.callers.iter().filter(|caller| caller.is_at_work(now)).count()
    }

    /// The region with the fewest helpers of those that have tasks left.
    fn unclaimed(&self) -> Option<&Shared<'static>> {
        let regions = self.callers.iter().filter_map(|caller| caller.region);
        // SAFETY: a region that stands in the state, whose lock is held, has not been taken back by its caller.
        let open = regions.map(|region| unsafe { &*region.0 });
        let left = open.filter(|region| region.is_left());
        left.min_by_key(|region| region.inside.load(Ordering::Relaxed))
    }
}

impl Caller {
    fn is_at_work(&self, now: Instant) -> bool {
        self.region.is_some() || now.saturating_duration_since(self.end) < BETWEEN
    }
}

/// The pool, started at the first call; none where there is one thread.
pub(super) fn pool() -> Option<&'static Pool> {
    static POOL: OnceLock<Option<&'static Pool>> = OnceLock::new();
    *POOL.get_or_init(|| match candle_core::utils::get_num_threads() {
        0 | 1 => None,
        threads => Some(Pool::start(threads)),
    })
}

impl Pool {
    /// It lives as long as the program.
    pub(super) fn start(threads: usize) -> &'static Self {
        let pool: &Self = Box::leak(Box::new(Self {
            threads,
            regions: AtomicUsize::new(0),
            busy: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            state: Mutex::default(),
            wake: Condvar::new(),
            done: Condvar::new(),
        }));
        for i in 1..threads {
            // Without a thread the caller does the work alone.
            let _ = std::thread::Builder::new().name(format!("kernel {}", i - 1)).spawn(move || pool.help(i));
        }
        pool
    }

    /// Runs the tasks, of a thread that is not in one.
    pub(super) fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        let shared = Shared::new(task, tasks, self.threads);
        // No two threads have this at the same place.
        let thread = IN_TASK.with(|place| std::ptr::from_ref(place).addr());
        let mut state = lock(&self.state);
        state.open(thread, Region((&raw const shared).cast()));
        // Where there is no room, one helper must look for it from time to time: this region may be long.
        let wake = state.sleeping > 0 && (self.has_room(&state) || !state.looking);
        // Under the lock, so that a helper that sees it finds the region; last, so that it finds the lock free.
        self.regions.fetch_add(1, Ordering::Release);
        drop(state);
        if wake {
            self.wake.notify_all();
        }
        IN_TASK.set(true);
        shared.work(0);
        IN_TASK.set(false);
        // From here on nobody joins; whoever has joined is waited for, because `shared` lies on this stack.
        let end = Instant::now();
        lock(&self.state).close(thread, end);
        self.wait(&shared.inside);
        if let Some(panic) = lock(&shared.panic).take() {
            resume_unwind(panic);
        }
    }

    pub(super) fn threads(&self) -> usize {
        self.threads
    }

    fn has_room(&self, state: &State) -> bool {
        state.at_work() + self.busy.load(Ordering::Relaxed) < self.threads
    }

    /// Returns when no helper is `inside` any more.
    fn wait(&self, inside: &AtomicUsize) {
        let done = || inside.load(Ordering::SeqCst) == 0;
        if done() {
            return;
        }
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if watch(WATCH, done) {
                return;
            }
            // The helper may need this core.
            std::thread::yield_now();
        }
        let mut state = lock(&self.state);
        // Before it looks once more: a helper that ends looks at `waiting` afterwards.
        self.waiting.fetch_add(1, Ordering::SeqCst);
        while !done() {
            state = self.done.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        self.waiting.fetch_sub(1, Ordering::SeqCst);
    }

    /// What a helper does all its life; it begins with the tasks of share `own`.
    fn help(&self, own: usize) {
        IN_TASK.set(true);
        let mut may_sleep = false;
        loop {
            let mut state = lock(&self.state);
            let seen = self.regions.load(Ordering::Acquire);
            let room = self.has_room(&state);
            if room && let Some(shared) = state.unclaimed() {
                shared.inside.fetch_add(1, Ordering::Relaxed);
                self.busy.fetch_add(1, Ordering::Relaxed);
                let inside: *const Shared = shared;
                drop(state);
                // SAFETY: `inside` counted this helper while the region stood in the state; its caller goes on, and ends it,
                // only when the count is 0 again, after which it is not touched.
                let shared = unsafe { &*inside };
                shared.work(own);
                // Before the caller goes on, which then finds room.
                self.busy.fetch_sub(1, Ordering::Relaxed);
                shared.inside.fetch_sub(1, Ordering::SeqCst);
                if self.waiting.load(Ordering::SeqCst) > 0 {
                    drop(lock(&self.state));
                    self.done.notify_all();
                }
            } else if may_sleep || !room {
                state.sleeping += 1;
                if room || state.looking {
                    state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
                } else {
                    state.looking = true;
                    let woken = self.wake.wait_timeout(state, LOOK).unwrap_or_else(PoisonError::into_inner);
                    state = woken.0;
                    state.looking = false;
                    if woken.1.timed_out() && self.has_room(&state) {
                        self.wake.notify_all();
                    }
                }
                state.sleeping -= 1;
                may_sleep = false;
                continue;
            } else {
                drop(state);
            }
            may_sleep = !watch(WATCH, || self.regions.load(Ordering::Acquire) != seen);
        }
    }
}

/// Whether it happens within `time`.
fn watch(time: Duration, happens: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < time {
        for _ in 0..64 {
            if happens() {
                return true;
            }
            std::hint::spin_loop();
        }
    }
    false
}
