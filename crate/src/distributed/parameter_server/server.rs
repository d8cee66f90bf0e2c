use std::sync::Arc;

use candle_core::DType;
use candle_core::backprop::GradStore;

use super::{Consistency, Served, ServerConfig, ServerUpdate};
use crate::distributed::flat::{FlatParams, flag, from_f64, receive, to_f64, with_flag};
use crate::distributed::{Buffer, Communicator, Counts, Pending, Source, Transfer, Values};
use crate::optim::Optimizer;
use crate::params::Params;
use crate::{Error, Result};

/// Keeps the parameters, on rank 0, until all workers have left or were told to stop.
///
/// ```text
/// a gradient g of w' arrives:     w ← step(w, g + λ g ⊙ g ⊙ (w - w'))         its worker gets w
/// ```
///
/// w: the parameters; w': those that the worker read; λ: [`ServerConfig::compensation`]; step: that of `optimizer`, whose rate is
/// divided by the staleness with [`ServerConfig::divide_rate`]. A gradient is one message, and so is the answer: P numbers and a
/// flag each. At the start all ranks get the parameters of rank 0. Only what is trained travels: running statistics stay
/// those of each rank.
///
/// `after` is called after each update, with the optimizer: to observe, or to change the rate. Dean et al. (2012), "Large
/// Scale Distributed Deep Networks", section 4.1; parameters on several servers, as there, are not supported.
///
/// ```
/// use candlelight::{distributed::{ServerConfig, Worker, cluster, serve}, prelude::*};
/// # fn main() -> candlelight::Result<()> {
/// let run = cluster(4, |comm| {
///     let params = Params::new(0, &Device::Cpu)?;
///     let x = params.var("x", (), Init::Constant(1.))?;
///     if comm.rank() == 0 {
///         let mut sgd = Sgd::new(params.trainable(), SgdConfig { lr: 0.05, ..SgdConfig::default() })?;
///         let served = serve(comm, &params, &mut sgd, &ServerConfig::default(), |_, _| Ok(()))?;
///         assert_eq!(served.updates[10].staleness, 2); // the other two workers come in between
///     } else {
///         let mut worker = Worker::join(comm, &params)?;
///         for _ in 0..20 {
///             comm.compute(1e-3);
///             worker.exchange(&x.sqr()?.backward()?)?;
///         }
///         worker.leave()?;
///     }
///     Ok(x.to_scalar::<f32>()?)
/// })?;
/// assert!(run.results[0].abs() < 0.05);
/// # Ok(()) }
/// ```
///
/// # Errors
/// A setting outside its range; another rank than 0, or no other rank; parameters or gradients that do not fit; a worker that is
/// gone or silent while no other works; what `after` returns.
pub fn serve<O: Optimizer + ?Sized>(
    comm: &Arc<dyn Communicator>,
    params: &Params,
    optimizer: &mut O,
    config: &ServerConfig,
    after: impl FnMut(&ServerUpdate, &mut O) -> Result<()>,
) -> Result<Served> {
    config.check()?;
    if comm.rank() != 0 {
        return Err(Error::setting("rank of the server", "0", comm.rank()));
    }
    if comm.size() < 2 {
        return Err(Error::setting("ranks of a parameter server", "at least 2", comm.size()));
    }
    let flat = FlatParams::new(params)?;
    flat.broadcast(comm)?;
    Server::new(comm, flat, optimizer, config, after)?.run()
}

/// What a worker does, as far as the server knows.
#[derive(Clone, Copy, PartialEq)]
enum State {
    Works,
    /// Waits for its answer.
    Held,
    Left,
}

struct Remote {
    state: State,
    /// How many updates the parameters had seen that it was sent.
    read: usize,
    /// Those parameters, if delays are compensated.
    copy: Option<Vec<f64>>,
    /// How many gradients it has sent.
    clock: usize,
    answer: Option<Box<dyn Pending>>,
}

struct Server<'a, O: ?Sized, F> {
    comm: &'a Arc<dyn Communicator>,
    flat: FlatParams,
    optimizer: &'a mut O,
    config: &'a ServerConfig,
    after: F,
    tag: u32,
    before: Counts,
    /// By rank; that of the server has left.
    workers: Vec<Remote>,
    received: usize,
    /// Of the present round: the sum of its gradients, and how many.
    round: (Vec<f64>, usize),
    updates: Vec<ServerUpdate>,
    dropped: usize,
}

impl<'a, O, F> Server<'a, O, F>
where
    O: Optimizer + ?Sized,
    F: FnMut(&ServerUpdate, &mut O) -> Result<()>,
{
    fn new(
        comm: &'a Arc<dyn Communicator>,
        flat: FlatParams,
        optimizer: &'a mut O,
        config: &'a ServerConfig,
        after: F,
    ) -> Result<Self> {
        let copy = if config.compensation > 0.0 { Some(to_f64(&flat.values()?)) } else { None };
        let remote = |rank| {
            let state = if rank == 0 { State::Left } else { State::Works };
            Remote { state, read: 0, copy: copy.clone(), clock: 0, answer: None }
        };
        let workers = (0..comm.size()).map(remote).collect();
        let round = (vec![0.0; flat.len()], 0);
        let (tag, before) = (comm.next_tag(), comm.counts());
        let (received, updates, dropped) = (0, Vec::new(), 0);
        Ok(Self { comm, flat, optimizer, config, after, tag, before, workers, received, round, updates, dropped })
    }

    fn run(mut self) -> Result<Served> {
        let form = (self.flat.len() + 1, self.flat.dtype());
        while self.active() > 0 {
            let (gradient, from) = receive(self.comm, "serve", form, Source::Any, self.tag)?;
            if flag(&gradient) {
                self.workers[from].state = State::Left;
            } else if self.stops() {
                self.answer(from)?;
            } else {
                self.received += 1;
                self.workers[from].clock += 1;
                self.take(&gradient, from)?;
            }
            self.release(from)?;
        }
        for worker in &mut self.workers {
            if let Some(answer) = worker.answer.take() {
                answer.wait(self.comm.deadline())?;
            }
        }
        let counts = self.comm.counts() - self.before;
        Ok(Served { updates: self.updates, dropped: self.dropped, counts })
    }

    /// Workers that have not left.
    fn active(&self) -> usize {
        self.workers.iter().filter(|worker| worker.state != State::Left).count()
    }

    fn stops(&self) -> bool {
        self.config.gradients.is_some_and(|gradients| self.received >= gradients)
    }

    /// A gradient has come.
    fn take(&mut self, gradient: &Values, from: usize) -> Result<()> {
        match self.config.consistency {
            Consistency::Asynchronous => {
                self.update(self.flat_gradient(gradient, from)?, from, 1)?;
                self.answer(from)
            }
            Consistency::Bounded { .. } => {
                self.update(self.flat_gradient(gradient, from)?, from, 1)?;
                self.workers[from].state = State::Held;
                Ok(())
            }
            Consistency::Synchronous { .. } if self.workers[from].read < self.updates.len() => {
                self.dropped += 1;
                self.answer(from)
            }
            Consistency::Synchronous { .. } => {
                self.round.0.iter_mut().zip(to_f64(gradient)).for_each(|(sum, g)| *sum += g);
                self.round.1 += 1;
                self.workers[from].state = State::Held;
                Ok(())
            }
        }
    }

    /// Answers those who need not wait any longer; `last`: whose message came last.
    fn release(&mut self, last: usize) -> Result<()> {
        let held = |worker: &Remote| worker.state == State::Held;
        let ready: Vec<usize> = match self.config.consistency {
            _ if self.stops() && self.round.1 == 0 => self.ranks(held),
            Consistency::Asynchronous => Vec::new(),
            Consistency::Bounded { clocks } => {
                let active = self.workers.iter().filter(|worker| worker.state != State::Left);
                let slowest = active.map(|worker| worker.clock).min().unwrap_or(0);
                self.ranks(|worker| held(worker) && worker.clock <= slowest + clocks)
            }
            Consistency::Synchronous { gradients } => {
                let full = self.round.1 >= gradients.min(self.active()) || self.stops();
                if self.round.1 == 0 || !full {
                    return Ok(());
                }
                let count = self.round.1;
                let sum = std::mem::replace(&mut self.round, (vec![0.0; self.flat.len()], 0)).0;
                let mean = sum.into_iter().map(|g| g / count as f64).collect();
                self.update(self.flat.store(&from_f64(self.flat.dtype(), mean))?, last, count)?;
                self.ranks(held)
            }
        };
        ready.into_iter().try_for_each(|rank| self.answer(rank))
    }

    fn ranks(&self, which: impl Fn(&Remote) -> bool) -> Vec<usize> {
        (0..self.workers.len()).filter(|&rank| which(&self.workers[rank])).collect()
    }

    /// The gradient of a worker, compensated if that is wanted.
    fn flat_gradient(&self, gradient: &Values, from: usize) -> Result<GradStore> {
        let Some(copy) = &self.workers[from].copy else { return self.flat.store(gradient) };
        let now = to_f64(&self.flat.values()?);
        let compensated = |((g, now), read): ((f64, f64), &f64)| g + self.config.compensation * g * g * (now - read);
        let all = to_f64(gradient).into_iter().zip(now).zip(copy).map(compensated).collect();
        self.flat.store(&from_f64(self.flat.dtype(), all))
    }

    /// One step of the optimizer.
    fn update(&mut self, gradients: GradStore, worker: usize, count: usize) -> Result<()> {
        let staleness = self.updates.len() - self.workers[worker].read.min(self.updates.len());
        if self.config.divide_rate && staleness > 1 {
            let rates = self.optimizer.learning_rates();
            let divided: Vec<f64> = rates.iter().map(|rate| rate / staleness as f64).collect();
            self.optimizer.set_learning_rates(&divided)?;
            let step = self.optimizer.step(&gradients);
            self.optimizer.set_learning_rates(&rates)?;
            step?;
        } else {
            self.optimizer.step(&gradients)?;
        }
        let (number, seconds) = (self.updates.len() + 1, self.comm.seconds());
        let update = ServerUpdate { number, worker, gradients: count, staleness, seconds };
        self.updates.push(update);
        (self.after)(&update, self.optimizer)
    }

    /// Sends a worker the newest parameters, and whether it shall stop.
    fn answer(&mut self, rank: usize) -> Result<()> {
        let (stops, read, tag) = (self.stops(), self.updates.len(), self.tag);
        let values = self.flat.values()?;
        let worker = &mut self.workers[rank];
        // The last one is there, or the worker had not sent another gradient.
        if let Some(last) = worker.answer.take() {
            last.wait(self.comm.deadline())?;
        }
        if worker.copy.is_some() {
            worker.copy = Some(to_f64(&values));
        }
        worker.read = read;
        worker.state = if stops { State::Left } else { State::Works };
        let values = with_flag(values, stops);
        let send = [Transfer::Send { to: rank, range: 0..values.len() }];
        let scratch = Values::zeros(DType::F32, 0);
        worker.answer = Some(self.comm.start("serve", Buffer { values, scratch }, &send, tag)?);
        Ok(())
    }
}
