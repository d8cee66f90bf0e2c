use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use super::pool::{PATIENCE, Pool, WATCH};
use super::*;

fn count_on(run: impl FnOnce(usize, &(dyn Fn(usize) + Sync)), tasks: usize) {
    let times: Vec<AtomicUsize> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
    run(tasks, &|i| {
        times[i].fetch_add(1, Ordering::Relaxed);
    });
    assert!(times.iter().all(|times| times.load(Ordering::Relaxed) == 1));
}

fn count(tasks: usize) {
    count_on(|tasks, task| run(tasks, task), tasks);
}

/// Whether it becomes true soon.
fn soon(condition: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    while !condition() {
        if start.elapsed() > Duration::from_secs(10) {
            return false;
        }
        thread::yield_now();
    }
    true
}

/// A region of two tasks that run at the same time: `first` and `second`, by the order in which they begin.
fn pair(pool: &Pool, first: impl Fn() + Sync, second: impl Fn() + Sync) {
    let begun = AtomicUsize::new(0);
    let together = AtomicUsize::new(0);
    pool.run(2, &|_| {
        let order = begun.fetch_add(1, Ordering::SeqCst);
        if soon(|| begun.load(Ordering::SeqCst) == 2) {
            together.fetch_add(1, Ordering::SeqCst);
        }
        if order == 0 { first() } else { second() }
    });
    assert_eq!(together.into_inner(), 2, "no helper came");
}

#[test]
fn each_task_runs_once_from_any_number_of_callers_and_levels() {
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..2000).for_each(|i| count(i % 37)));
        }
    });
    run(8, |_| count(8));
}

#[test]
fn short_regions_of_many_callers_at_any_number_of_threads() {
    for threads in [2, 3, 4, 5, 11] {
        let pool = Pool::start(threads);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..2000).for_each(|i| count_on(|tasks, task| pool.run(tasks, task), i % 9)));
            }
        });
    }
}

#[test]
fn each_thread_begins_with_its_own_share() {
    for (threads, tasks, starts) in [(2, 9, vec![4]), (3, 7, vec![2, 4]), (6, 16, vec![2, 5, 8, 10, 13])] {
        let pool = Pool::start(threads);
        let caller = thread::current().id();
        let begun = Mutex::new(Vec::<(ThreadId, usize)>::new());
        pool.run(tasks, &|i| {
            lock(&begun).push((thread::current().id(), i));
            assert!(soon(|| lock(&begun).iter().any(|&(thread, _)| thread != caller)), "no helper came");
        });
        let begun = begun.into_inner().unwrap();
        let of_caller = begun.iter().find(|&&(thread, _)| thread == caller);
        assert!(of_caller.is_none_or(|&(_, i)| i == 0), "the caller began with {of_caller:?}");
        let &(_, first) = begun.iter().find(|&&(thread, _)| thread != caller).unwrap();
        assert!(starts.contains(&first), "of {tasks} tasks, the first helper of {threads} threads began with {first}");
    }
}

#[test]
fn what_a_slow_thread_leaves_of_its_share_others_do() {
    let pool = Pool::start(2);
    for slow in [0, 4] {
        let done = AtomicUsize::new(0);
        pool.run(8, &|i| {
            if i == slow {
                assert!(soon(|| done.load(Ordering::SeqCst) == 7), "the rest of the share of task {slow} was left");
            }
            done.fetch_add(1, Ordering::SeqCst);
        });
    }
}

#[test]
fn a_region_after_a_pause_is_shared_again() {
    let pool = Pool::start(2);
    for _ in 0..20 {
        thread::sleep(WATCH * 4);
        pair(pool, || (), || ());
    }
}

#[test]
fn a_second_region_has_helpers_too() {
    let pool = Pool::start(4);
    pair(pool, || thread::scope(|scope| scope.spawn(|| pair(pool, || (), || ())).join().unwrap()), || ());
}

#[test]
fn where_there_is_no_room_a_caller_works_alone() {
    // Two callers and a helper are at work; the other helper stays away.
    let pool = Pool::start(3);
    let threads = Mutex::new(Vec::<ThreadId>::new());
    let other = || {
        pool.run(8, &|_| {
            thread::sleep(Duration::from_millis(1));
            lock(&threads).push(thread::current().id());
        });
        thread::current().id()
    };
    let over = AtomicBool::new(false);
    let first = || {
        let other = thread::scope(|scope| scope.spawn(other).join().unwrap());
        over.store(true, Ordering::SeqCst);
        assert_eq!(*lock(&threads), [other; 8]);
    };
    pair(pool, first, || assert!(soon(|| over.load(Ordering::SeqCst))));
}

#[test]
fn a_region_that_began_without_room_has_a_helper_later() {
    let pool = Pool::start(2);
    let (works, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::SeqCst) {
                pool.run(2, &|_| ());
                works.fetch_add(1, Ordering::SeqCst);
            }
        });
        assert!(soon(|| works.load(Ordering::SeqCst) > 100));
        let first = AtomicBool::new(true);
        let helped = AtomicBool::new(false);
        pool.run(2, &|_| {
            if first.swap(false, Ordering::SeqCst) {
                // The other caller has nothing to do from here on.
                stop.store(true, Ordering::SeqCst);
                assert!(soon(|| helped.load(Ordering::SeqCst)), "no helper came");
            } else {
                helped.store(true, Ordering::SeqCst);
            }
        });
    });
}

#[test]
fn a_helper_that_sleeps_wakes_for_a_region_without_room() {
    let pool = Pool::start(2);
    for _ in 0..20 {
        let now = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                assert!(soon(|| now.load(Ordering::SeqCst)));
                pair(pool, || (), || ());
            });
            // This caller counts as at work for a while, when the helper sleeps already.
            pool.run(2, &|_| ());
            let start = Instant::now();
            assert!(soon(|| start.elapsed() > WATCH * 2));
            now.store(true, Ordering::SeqCst);
        });
    }
}

#[test]
fn a_caller_waits_for_a_slow_helper() {
    let pool = Pool::start(2);
    for pause in [PATIENCE / 4, PATIENCE, PATIENCE * 4] {
        let (caller, done) = (thread::current().id(), AtomicUsize::new(0));
        let work = || {
            if thread::current().id() != caller {
                thread::sleep(pause);
            }
            done.fetch_add(1, Ordering::SeqCst);
        };
        pair(pool, work, work);
        assert_eq!(done.into_inner(), 2);
    }
}

#[test]
fn tasks_inside_a_task_run_on_its_thread() {
    let pool = Pool::start(3);
    for _ in 0..5 {
        pool.run(6, &|_| {
            let here = thread::current().id();
            run(6, |_| {
                thread::sleep(Duration::from_micros(200));
                assert_eq!(thread::current().id(), here);
            });
        });
    }
}

#[test]
fn a_panic_reaches_its_caller_alone_and_the_pool_goes_on() {
    let pool = Pool::start(3);
    thread::scope(|scope| {
        for caller in 0..4 {
            scope.spawn(move || {
                for _ in 0..100 {
                    let outcome = catch_unwind(AssertUnwindSafe(|| {
                        count_on(|tasks, task| pool.run(tasks, task), 16);
                        pool.run(16, &|i| assert!(i != 7 || caller > 1, "task {i} of {caller}"));
                    }));
                    match outcome {
                        Ok(()) => assert!(caller > 1),
                        Err(panic) => {
                            assert_eq!(*panic.downcast_ref::<String>().unwrap(), format!("task 7 of {caller}"))
                        }
                    }
                }
            });
        }
    });
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
