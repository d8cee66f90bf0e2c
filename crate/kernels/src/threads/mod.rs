//! The threads that kernels share their work between.
//!
//! rayon's threads are woken through its queues, which takes about 10 µs from outside its pool; a training step of a
//! small net has ten such regions and lasts 400 µs. Here the caller works too, and a helper that has just been busy
//! watches for the next region a little while before it sleeps. A caller never takes up other work while it waits, so
//! what a thread holds in thread-locals stays its own.
//!
//! Each thread begins with the same share of a region's tasks and then takes what others have left. So a thread mostly finds
//! what it wrote itself an operation or a step ago, in its own cache, and goes through memory in long runs.
//!
//! Several threads of a program may call at the same time, such as the ranks of a cluster. Each works on its own region;
//! helpers join while fewer threads are at work than there are to be. So two callers on two cores work alone, and when
//! one of them has nothing to do, the other has the helper.

mod pool;
#[cfg(test)]
mod tests;

use std::sync::{Mutex, MutexGuard, PoisonError};

use pool::{IN_TASK, pool};

/// Runs `task(0)`, …, `task(tasks - 1)`, each once, on the threads there are.
///
/// Results must not depend on which thread runs which task, nor on the order. Inside a task, tasks run one after another.
/// A task must not wait for another one.
pub fn run(tasks: usize, task: impl Fn(usize) + Sync) {
    match pool() {
        Some(pool) if tasks > 1 && !IN_TASK.get() => pool.run(tasks, &task),
        _ => (0..tasks).for_each(task),
    }
}

/// How many threads tasks are run on from here.
pub(crate) fn count() -> usize {
    match pool() {
        Some(pool) if !IN_TASK.get() => pool.threads(),
        _ => 1,
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

pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
