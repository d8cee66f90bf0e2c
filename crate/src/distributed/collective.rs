//! Operations of all ranks together. All call them in the same order.

use std::sync::Arc;
use std::time::Duration;

use super::schedule::{self, Round, Step, chunk};
use super::scratch;
use super::{Algorithm, Buffer, Communicator, Element, Pending, Reduction, Source, Transfer, Values};
use crate::{CommunicationError, Error, Result};

/// A collective operation under way: its rounds, one after another.
struct Execution {
    operation: &'static str,
    op: Reduction,
    tag: u32,
    rounds: std::vec::IntoIter<Round>,
    state: Progress,
}

enum Progress {
    /// The present round, and what it adds up.
    Round(Box<dyn Pending>, Vec<Add>),
    Finished(Buffer),
    /// By an error.
    Failed,
}

/// Numbers that come aside are added to others.
struct Add {
    here: std::ops::Range<usize>,
    aside: std::ops::Range<usize>,
}

impl Execution {
    fn start(
        comm: &dyn Communicator,
        operation: &'static str,
        rounds: Vec<Round>,
        values: Values,
        op: Reduction,
    ) -> Result<Self> {
        let of_round = |round: &Round| -> usize {
            let aside = |step: &Step| if let Step::Add { range, .. } = step { range.len() } else { 0 };
            round.iter().map(aside).sum()
        };
        let aside = rounds.iter().map(of_round).max().unwrap_or(0);
        let buffer = Buffer { scratch: scratch::take(values.dtype(), aside), values };
        let state = Progress::Failed;
        let mut execution = Self { operation, op, tag: comm.next_tag(), rounds: rounds.into_iter(), state };
        execution.next(comm, buffer)?;
        Ok(execution)
    }

    /// Starts the next round, if there is one.
    fn next(&mut self, comm: &dyn Communicator, buffer: Buffer) -> Result<()> {
        let Some(round) = self.rounds.next() else {
            self.state = Progress::Finished(buffer);
            return Ok(());
        };
        let (mut adds, mut end) = (Vec::new(), 0);
        let transfer = |step| match step {
            Step::Send { to, range } => Transfer::Send { to, range },
            Step::Receive { from, range } => Transfer::Receive { from: Source::Rank(from), range },
            Step::Add { from, range } => {
                let aside = end..end + range.len();
                end = aside.end;
                adds.push(Add { here: range, aside: aside.clone() });
                Transfer::ReceiveAside { from: Source::Rank(from), range: aside }
            }
        };
        let transfers: Vec<Transfer> = round.into_iter().map(transfer).collect();
        self.state = Progress::Failed;
        self.state = Progress::Round(comm.start(self.operation, buffer, &transfers, self.tag)?, adds);
        Ok(())
    }

    /// Ends the present round, which takes at most `deadline`.
    fn advance(&mut self, comm: &dyn Communicator, deadline: Duration) -> Result<()> {
        let Progress::Round(pending, adds) = std::mem::replace(&mut self.state, Progress::Failed) else {
            return Err(failed(comm, self.operation));
        };
        let mut buffer = pending.wait(deadline)?.buffer;
        for Add { here, aside } in adds {
            let bytes = here.len() * buffer.values.dtype().size_in_bytes();
            buffer.values.join(here, &buffer.scratch, aside, self.op);
            comm.reduced(bytes);
        }
        self.next(comm, buffer)
    }

    fn test(&mut self, comm: &dyn Communicator) -> Result<bool> {
        loop {
            match &mut self.state {
                Progress::Finished(_) => return Ok(true),
                Progress::Failed => return Err(failed(comm, self.operation)),
                Progress::Round(pending, _) => {
                    if !pending.test()? {
                        return Ok(false);
                    }
                    self.advance(comm, comm.deadline())?;
                }
            }
        }
    }

    fn wait(mut self, comm: &dyn Communicator, deadline: Duration) -> Result<Values> {
        while let Progress::Round(..) = self.state {
            self.advance(comm, deadline)?;
        }
        match self.state {
            Progress::Finished(buffer) => {
                scratch::give(buffer.scratch);
                Ok(buffer.values)
            }
            _ => Err(failed(comm, self.operation)),
        }
    }
}

fn failed(comm: &dyn Communicator, operation: &'static str) -> Error {
    let problem = "it has failed before".into();
    CommunicationError::Transport { rank: comm.rank(), operation, problem }.into()
}

fn run<T: Element>(
    comm: &dyn Communicator,
    operation: &'static str,
    rounds: Vec<Round>,
    values: Vec<T>,
    op: Reduction,
) -> Result<Vec<T>> {
    let execution = Execution::start(comm, operation, rounds, T::wrap(values), op)?;
    Ok(T::unwrap(execution.wait(comm, comm.deadline())?))
}

impl dyn Communicator {
    /// Waits until all ranks have come.
    ///
    /// # Errors
    /// A rank that is gone or silent.
    pub fn barrier(&self) -> Result<()> {
        run(self, "barrier", schedule::barrier(self.rank(), self.size()), Vec::<f32>::new(), Reduction::Sum).map(drop)
    }

    /// Gives all ranks the numbers of `root`; all bring as many. After an error `values` is empty.
    ///
    /// # Errors
    /// As [`all_reduce`](#method.all_reduce), or a root that is not there.
    pub fn broadcast<T: Element>(&self, values: &mut Vec<T>, root: usize) -> Result<()> {
        check_root(self, "broadcast", root)?;
        let rounds = schedule::broadcast(self.rank(), self.size(), values.len(), root);
        *values = run(self, "broadcast", rounds, std::mem::take(values), Reduction::Sum)?;
        Ok(())
    }

    /// Joins the numbers of all ranks, one by one, at `root`, which gets the result; the others get none.
    ///
    /// # Errors
    /// As [`all_reduce`](#method.all_reduce), or a root that is not there.
    pub fn reduce<T: Element>(&self, values: Vec<T>, op: Reduction, root: usize) -> Result<Option<Vec<T>>> {
        check_root(self, "reduce", root)?;
        let rounds = schedule::reduce(self.rank(), self.size(), values.len(), root);
        let result = run(self, "reduce", rounds, values, op)?;
        Ok((self.rank() == root).then_some(result))
    }

    /// Replaces the numbers of all ranks by their sum, by [`Algorithm::usual`]; all bring as many. All get the same bits.
    /// After an error `values` is empty.
    ///
    /// # Errors
    /// A rank that is gone or silent, or that brings other than as many numbers of the same dtype.
    pub fn all_reduce<T: Element>(&self, values: &mut Vec<T>) -> Result<()> {
        let bytes = size_of_val(values.as_slice());
        self.all_reduce_with(values, Reduction::Sum, Algorithm::usual(self.size(), bytes))
    }

    /// Joins the numbers of all ranks, one by one, on all of them.
    ///
    /// # Errors
    /// As [`all_reduce`](#method.all_reduce).
    pub fn all_reduce_with<T: Element>(&self, values: &mut Vec<T>, op: Reduction, algorithm: Algorithm) -> Result<()> {
        let rounds = algorithm.rounds(self.rank(), self.size(), values.len());
        *values = run(self, "all_reduce", rounds, std::mem::take(values), op)?;
        Ok(())
    }

    /// Joins the numbers of all ranks, and gives each rank its [`chunk`] of the result.
    ///
    /// # Errors
    /// As [`all_reduce`](#method.all_reduce).
    pub fn reduce_scatter<T: Element>(&self, values: Vec<T>, op: Reduction) -> Result<Vec<T>> {
        let (rank, size, len) = (self.rank(), self.size(), values.len());
        let result = run(self, "reduce_scatter", schedule::reduce_scatter(rank, size, len), values, op)?;
        Ok(result[chunk(rank, size, len)].to_vec())
    }

    /// Gives all ranks the numbers of all, in the order of the ranks; all bring as many.
    ///
    /// # Errors
    /// As [`all_reduce`](#method.all_reduce).
    pub fn all_gather<T: Element>(&self, values: &[T]) -> Result<Vec<T>> {
        let (rank, size) = (self.rank(), self.size());
        let mut all = vec![T::zero(); values.len() * size];
        all[rank * values.len()..][..values.len()].copy_from_slice(values);
        let rounds = schedule::all_gather(rank, size, all.len());
        run(self, "all_gather", rounds, all, Reduction::Sum)
    }
}

/// An all-reduce under way, while the rank computes: it goes on whenever [`AllReduce::test`] looks at it.
///
/// ```
/// use candlelight::distributed::{Algorithm, AllReduce, Reduction, cluster};
/// # fn main() -> candlelight::Result<()> {
/// let run = cluster(3, |comm| {
///     let mut sum = AllReduce::start(comm, vec![1f32; 100], Reduction::Sum, Algorithm::Ring)?;
///     // … compute a little, look, compute a little …
///     sum.test()?;
///     Ok(sum.wait()?[0])
/// })?;
/// assert_eq!(run.results, [3., 3., 3.]);
/// # Ok(()) }
/// ```
#[must_use = "it is done only after `wait`"]
pub struct AllReduce<T> {
    comm: Arc<dyn Communicator>,
    execution: Execution,
    of: std::marker::PhantomData<T>,
}

impl<T: Element> AllReduce<T> {
    /// Starts it.
    ///
    /// # Errors
    /// What the transport reports.
    pub fn start(comm: &Arc<dyn Communicator>, values: Vec<T>, op: Reduction, algorithm: Algorithm) -> Result<Self> {
        let rounds = algorithm.rounds(comm.rank(), comm.size(), values.len());
        let execution = Execution::start(&**comm, "all_reduce", rounds, T::wrap(values), op)?;
        Ok(Self { comm: comm.clone(), execution, of: std::marker::PhantomData })
    }

    /// Whether it is done; does not wait, but begins the next round where the present one is over.
    ///
    /// # Errors
    /// As [`AllReduce::wait`].
    pub fn test(&mut self) -> Result<bool> {
        self.execution.test(&*self.comm)
    }

    /// Waits for the result.
    ///
    /// # Errors
    /// A rank that is gone or silent, or that brings other than as many numbers of the same dtype.
    pub fn wait(self) -> Result<Vec<T>> {
        let deadline = self.comm.deadline();
        Ok(T::unwrap(self.execution.wait(&*self.comm, deadline)?))
    }
}

fn check_root(comm: &dyn Communicator, operation: &'static str, root: usize) -> Result<()> {
    if root < comm.size() {
        return Ok(());
    }
    Err(CommunicationError::NoRank { rank: comm.rank(), operation, peer: root, size: comm.size() }.into())
}
