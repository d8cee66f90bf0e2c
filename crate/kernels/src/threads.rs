//! The threads that kernels share their work between.
//!
//! rayon's threads are woken through its queues, which takes about 10 µs from outside its pool; a training step of a
//! small net has ten such regions and lasts 400 µs. Here the caller works too, and a helper that has just been busy
//! watches for the next region a little while before it sleeps. A caller never takes up other work while it waits, so
//! what a thread holds in thread-locals stays its own.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// How long a helper watches before it sleeps.
const WATCH: Duration = Duration::from_micros(50);

/// Runs `task(0)`, …, `task(tasks - 1)`, each once, on the threads there are.
///
/// Results must not depend on which thread runs which task, nor on the order. Inside a task, or while another thread is
/// in here, tasks run one after another.
pub fn run(tasks: usize, task: impl Fn(usize) + Sync) {
    match pool() {
        Some(pool) if tasks > 1 => pool.run(tasks, &task),
        _ => (0..tasks).for_each(task),
    }
}

/// [`run`] over pieces of `data`, each of `length` but the last; the first argument is where the piece starts.
pub fn run_chunks<T: Send>(data: &mut [T], length: usize, task: impl Fn(usize, &mut [T]) + Sync) {
    struct Start<T>(*mut T);
    // SAFETY: only the pieces made from it are used, which do not overlap.
    unsafe impl<T: Send> Sync for Start<T> {}

    let (total, start) = (data.len(), Start(data.as_mut_ptr()));
    let start = &start;
    run(total.div_ceil(length.max(1)), |i| {
        let from = i * length;
        // SAFETY: `from` is below `total`, the piece ends at `total` at most, and no other task has the same `i`.
        let piece = unsafe { std::slice::from_raw_parts_mut(start.0.add(from), length.min(total - from)) };
        task(from, piece);
    });
}

/// [`run`] over a task's own data, such as pieces of several vectors.
pub fn run_each<I: Send>(items: impl Iterator<Item = I>, task: impl Fn(usize, I) + Sync) {
    let items: Vec<Mutex<Option<I>>> = items.map(|item| Mutex::new(Some(item))).collect();
    run(items.len(), |i| {
        if let Some(item) = lock(&items[i]).take() {
            task(i, item);
        }
    });
}

struct Pool {
    helpers: usize,
    /// Counts the regions; helpers watch it.
    region: AtomicUsize,
    state: Mutex<State>,
    wake: Condvar,
    /// Held by the caller whose region is running.
    turn: Mutex<()>,
}

#[derive(Default)]
struct State {
    work: Option<Work>,
    sleeping: usize,
}

/// A region that helpers may join while it stands in [`State`].
#[derive(Clone, Copy)]
struct Work {
    region: usize,
    shared: *const Shared<'static>,
}

// SAFETY: the pointer is followed only by helpers that joined before the caller took the region back; it waits for those.
unsafe impl Send for Work {}

struct Shared<'a> {
    task: &'a (dyn Fn(usize) + Sync),
    tasks: usize,
    next: AtomicUsize,
    /// Helpers that are at work in it.
    inside: AtomicUsize,
    panic: Mutex<Option<Box<dyn std::any::Any + Send>>>,
}

impl Shared<'_> {
    fn work(&self) {
        loop {
            let i = self.next.fetch_add(1, Ordering::Relaxed);
            if i >= self.tasks {
                return;
            }
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (self.task)(i))) {
                *lock(&self.panic) = Some(panic);
            }
        }
    }
}

/// The pool, started at the first call; none where there is one thread.
fn pool() -> Option<&'static Pool> {
    static POOL: OnceLock<Option<Pool>> = OnceLock::new();
    static STARTED: OnceLock<()> = OnceLock::new();
    let threads = || candle_core::utils::get_num_threads();
    let make = || match threads() {
        0 | 1 => None,
        threads => Some(Pool {
            helpers: threads - 1,
            region: AtomicUsize::new(0),
            state: Mutex::default(),
            wake: Condvar::new(),
            turn: Mutex::new(()),
        }),
    };
    let pool = POOL.get_or_init(make).as_ref()?;
    STARTED.get_or_init(|| {
        for i in 0..pool.helpers {
            // Without a thread the caller does the work alone.
            let _ = std::thread::Builder::new().name(format!("kernel {i}")).spawn(|| pool.help());
        }
    });
    Some(pool)
}

impl Pool {
    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        let Ok(_turn) = self.turn.try_lock() else {
            return (0..tasks).for_each(task);
        };
        let shared =
            Shared { task, tasks, next: AtomicUsize::new(0), inside: AtomicUsize::new(0), panic: Mutex::new(None) };
        let region = self.region.load(Ordering::Relaxed) + 1;
        let mut state = lock(&self.state);
        state.work = Some(Work { region, shared: (&raw const shared).cast() });
        // Under the lock: a helper that is about to sleep looks at it once more under the same lock.
        self.region.store(region, Ordering::Release);
        let sleeping = state.sleeping > 0;
        drop(state);
        if sleeping {
            self.wake.notify_all();
        }
        shared.work();
        // From here on nobody joins; whoever has joined is waited for, because `shared` lies on this stack.
        lock(&self.state).work = None;
        let mut spins = 0_u32;
        while shared.inside.load(Ordering::Acquire) > 0 {
            spins += 1;
            if spins.is_multiple_of(1 << 12) { std::thread::yield_now() } else { std::hint::spin_loop() }
        }
        let panic = lock(&shared.panic).take();
        drop(_turn);
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }

    /// What a helper does all its life.
    fn help(&self) {
        let mut seen = 0;
        loop {
            self.wait(seen);
            let state = lock(&self.state);
            let Some(work) = state.work.filter(|work| work.region != seen) else {
                seen = self.region.load(Ordering::Acquire);
                continue;
            };
            seen = work.region;
            // SAFETY: the region still stands in the state, whose lock is held, so its caller has not gone on; once
            // `inside` counts this helper, it waits.
            let shared = unsafe { &*work.shared };
            shared.inside.fetch_add(1, Ordering::Relaxed);
            drop(state);
            shared.work();
            shared.inside.fetch_sub(1, Ordering::Release);
        }
    }

    /// Returns when there is a region other than `seen`.
    fn wait(&self, seen: usize) {
        let start = Instant::now();
        while start.elapsed() < WATCH {
            for _ in 0..64 {
                if self.region.load(Ordering::Acquire) != seen {
                    return;
                }
                std::hint::spin_loop();
            }
        }
        let mut state = lock(&self.state);
        state.sleeping += 1;
        while self.region.load(Ordering::Acquire) == seen {
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.sleeping -= 1;
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(tasks: usize) {
        let times: Vec<AtomicUsize> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
        run(tasks, |i| {
            times[i].fetch_add(1, Ordering::Relaxed);
        });
        assert!(times.iter().all(|times| times.load(Ordering::Relaxed) == 1));
    }

    #[test]
    fn each_task_runs_once_from_any_number_of_callers_and_levels() {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..2000).for_each(|i| count(i % 37)));
            }
        });
        run(8, |_| count(8));
    }

    #[test]
    fn a_region_after_a_pause_is_shared_again() {
        for _ in 0..20 {
            std::thread::sleep(WATCH * 4);
            count(16);
        }
    }

    #[test]
    fn pieces_tile_the_data() {
        for (n, length) in [(0, 3), (1, 3), (10, 3), (9, 3), (5, 100)] {
            let mut data = vec![0; n];
            run_chunks(&mut data, length, |start, piece| {
                assert!(start % length == 0 && (piece.len() == length || start + piece.len() == n));
                piece.iter_mut().enumerate().for_each(|(i, x)| *x += start + i + 1);
            });
            assert!(data.iter().enumerate().all(|(i, &x)| x == i + 1));
        }
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_goes_on() {
        let panic = catch_unwind(|| run(16, |i| assert!(i != 7, "task {i}"))).unwrap_err();
        assert_eq!(panic.downcast_ref::<String>().unwrap(), "task 7");
        count(16);
    }
}
