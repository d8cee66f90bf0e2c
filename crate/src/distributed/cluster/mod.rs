//! Ranks as threads of one program, with a virtual clock.

pub(super) mod clock;
mod shared;
mod slowdown;
mod state;
mod threads;
mod transfers;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use candlelight_base::range;

use super::{Communicator, CostModel, Counts};
use crate::{CommunicationError, Error, Result};

use shared::Shared;
pub use slowdown::Slowdown;
use threads::ThreadRank;

/// The stack of a rank's thread: that of a program's main thread.
const STACK: usize = 8 << 20;

/// Settings of [`cluster_with`].
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterConfig {
    /// What messages cost on the virtual clock; see [`CostModel`].
    pub model: CostModel,
    /// By how much computations take longer than they say; default [`Slowdown::None`].
    pub slowdown: Slowdown,
    /// The latency of a message is α (1 + jitter · X), with X exponential of mean 1; at least 0, default 0.
    pub jitter: f64,
    /// Of the slowdowns, of the jitter, and of the order in which messages are received that arrive at the same time;
    /// default 0.
    pub seed: u64,
    /// How long a rank waits for another, in seconds of the real clock; default 60 s, since ranks share the cores.
    pub deadline: Duration,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self {
            model: CostModel::default(),
            slowdown: Slowdown::default(),
            jitter: 0.0,
            seed: 0,
            deadline: Duration::from_secs(60),
        }
    }
}

/// What the ranks of a cluster have returned, sent and received.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterRun<T> {
    /// What each rank returned.
    pub results: Vec<T>,
    /// The messages of each rank.
    pub counts: Vec<Counts>,
    /// The virtual clock of each rank at its end, in seconds.
    pub seconds: Vec<f64>,
}

impl<T> ClusterRun<T> {
    /// Messages of all ranks.
    pub fn messages(&self) -> usize {
        self.counts.iter().map(|counts| counts.sent).sum()
    }

    /// Bytes of all ranks.
    pub fn bytes(&self) -> usize {
        self.counts.iter().map(|counts| counts.sent_bytes).sum()
    }

    /// The longest chain of messages; see [`Counts::rounds`].
    pub fn rounds(&self) -> usize {
        self.counts.iter().map(|counts| counts.rounds).max().unwrap_or(0)
    }

    /// When the last rank ended, on the virtual clock.
    pub fn time(&self) -> f64 {
        self.seconds.iter().copied().fold(0.0, f64::max)
    }
}

/// Runs `run` on `size` ranks at the same time, each a thread of this program; `size`: at least 1.
///
/// Messages are counted, and a virtual clock goes beside: it moves by what the [`CostModel`] says of each message, by what
/// [`Communicator::compute`] says of computations, and by nothing else. What a rank receives, also from
/// [`Source::Any`](super::Source::Any), is decided by that clock and not by which thread was faster, so that results, counts
/// and times are the same at each run, on any machine.
///
/// # Errors
/// Of a rank that failed by itself, the lowest if there are several: what it returned, or [`CommunicationError::Gone`] if it
/// panicked. Ranks that waited for it fail too, with [`CommunicationError::Gone`]. Where all ranks wait for each other, all fail
/// at once with [`CommunicationError::Deadlock`]. A rank that waits while a program is interrupted ends with
/// [`Error::Interrupted`](crate::Error::Interrupted), if somebody answers for that ([`interrupt`](crate::interrupt)).
///
/// ```
/// use candlelight::distributed::cluster;
/// # fn main() -> candlelight::Result<()> {
/// let run = cluster(4, |comm| {
///     let mut values = vec![comm.rank() as f32; 10];
///     comm.all_reduce(&mut values)?;
///     Ok(values[0])
/// })?;
/// assert_eq!(run.results, [6., 6., 6., 6.]);
/// # Ok(()) }
/// ```
pub fn cluster<T: Send>(
    size: usize,
    run: impl Fn(&Arc<dyn Communicator>) -> Result<T> + Sync,
) -> Result<ClusterRun<T>> {
    cluster_with(size, &ClusterConfig::default(), run)
}

/// [`cluster`] with settings.
///
/// # Errors
/// As [`cluster`], or a setting outside its range.
pub fn cluster_with<T: Send>(
    size: usize,
    config: &ClusterConfig,
    run: impl Fn(&Arc<dyn Communicator>) -> Result<T> + Sync,
) -> Result<ClusterRun<T>> {
    range::at_least_one("ranks", size)?;
    config.model.check()?;
    config.slowdown.check(size)?;
    range::not_negative("jitter", config.jitter)?;
    let shared = Arc::new(Shared::new(size, config.clone()));
    let of_rank = |rank: usize| {
        let comm: Arc<dyn Communicator> = Arc::new(ThreadRank::new(rank, size, &shared));
        let outcome = catch_unwind(AssertUnwindSafe(|| run(&comm)));
        let (reason, result) = match outcome {
            Ok(Ok(value)) => ("it has returned".to_owned(), Ok(value)),
            Ok(Err(error)) => (error.to_string(), Err(error)),
            Err(panic) => {
                let reason = format!("it panicked: {}", words(&*panic));
                let error = CommunicationError::Gone { rank, operation: "cluster", peer: rank, seconds: 0.0, reason };
                (error.to_string(), Err(error.into()))
            }
        };
        shared.end(rank, reason);
        result
    };
    let results: Vec<Result<T>> = std::thread::scope(|scope| {
        let of_rank = &of_rank;
        let start = |rank| {
            let name = format!("rank {rank}");
            let thread = std::thread::Builder::new().name(name).stack_size(STACK);
            let started = thread.spawn_scoped(scope, move || of_rank(rank));
            if let Err(error) = &started {
                // The others must not wait for it.
                shared.end(rank, format!("no thread: {error}"));
            }
            started
        };
        let threads: Vec<_> = (0..size).map(start).collect();
        let join = |(rank, thread): (usize, std::io::Result<std::thread::ScopedJoinHandle<Result<T>>>)| {
            let failed =
                |problem: String| Err(CommunicationError::Transport { rank, operation: "cluster", problem }.into());
            match thread {
                Ok(thread) => thread.join().unwrap_or_else(|panic| failed(words(&*panic))),
                Err(error) => failed(format!("no thread: {error}")),
            }
        };
        threads.into_iter().enumerate().map(join).collect()
    });
    let counts = (0..size).map(|rank| shared.counts(rank)).collect();
    let seconds = (0..size).map(|rank| shared.seconds(rank)).collect();
    Ok(ClusterRun { results: first_cause(results)?, counts, seconds })
}

/// The results, or the error of the rank that failed first: not of one that waited for it.
fn first_cause<T>(results: Vec<Result<T>>) -> Result<Vec<T>> {
    let follows = |error: &Error, rank: usize| matches!(error, Error::Communication(CommunicationError::Gone { peer, .. }) if *peer != rank);
    let (mut values, mut cause, mut consequence) = (Vec::new(), None, None);
    for (rank, result) in results.into_iter().enumerate() {
        match result {
            Ok(value) => values.push(value),
            Err(error) if follows(&error, rank) => consequence = consequence.or(Some(error)),
            Err(error) => cause = cause.or(Some(error)),
        }
    }
    match cause.or(consequence) {
        None => Ok(values),
        Some(error) => Err(error),
    }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message").to_owned()
}
