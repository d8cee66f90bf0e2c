use std::sync::Arc;

use candle_core::backprop::GradStore;

use crate::distributed::flat::{FlatParams, flag, receive, with_flag};
use crate::distributed::{Buffer, Communicator, Source, Transfer, Values};
use crate::params::Params;
use crate::{Error, Result};

/// A worker of a parameter server: any rank but 0, which calls [`serve`](super::serve).
#[must_use = "the server waits until the worker leaves"]
pub struct Worker {
    comm: Arc<dyn Communicator>,
    flat: FlatParams,
    tag: u32,
    stopped: bool,
}

impl Worker {
    /// Joins the server of rank 0, and gets its parameters. All ranks make the same parameters in the same order.
    ///
    /// # Errors
    /// On rank 0, without a parameter to train, or if the server is gone or silent.
    pub fn join(comm: &Arc<dyn Communicator>, params: &Params) -> Result<Self> {
        if comm.rank() == 0 {
            return Err(Error::setting("rank of a worker", "above 0", 0));
        }
        let flat = FlatParams::new(params)?;
        flat.broadcast(comm)?;
        Ok(Self { comm: comm.clone(), flat, tag: comm.next_tag(), stopped: false })
    }

    /// Sends gradients and waits for the newest parameters, which replace those here; whether to go on.
    ///
    /// # Errors
    /// A missing gradient or one of another shape; a worker that was told to stop; a server that is gone or silent.
    pub fn exchange(&mut self, gradients: &GradStore) -> Result<bool> {
        if self.stopped {
            return Err(Error::setting("exchange", "called until the server says stop", "a call after that"));
        }
        let message = with_flag(self.flat.gradients(gradients)?, false);
        let form = (message.len(), self.flat.dtype());
        self.send(message)?;
        let (values, _) = receive(&self.comm, "exchange", form, Source::Rank(0), self.tag)?;
        self.flat.load(&values)?;
        self.stopped = flag(&values);
        Ok(!self.stopped)
    }

    /// Tells the server not to wait for this worker any longer.
    ///
    /// # Errors
    /// A server that is gone or silent.
    pub fn leave(self) -> Result<()> {
        if self.stopped {
            return Ok(());
        }
        self.send(with_flag(Values::zeros(self.flat.dtype(), self.flat.len()), true))
    }

    fn send(&self, values: Values) -> Result<()> {
        let send = [Transfer::Send { to: 0, range: 0..values.len() }];
        let scratch = Values::zeros(values.dtype(), 0);
        let pending = self.comm.start("exchange", Buffer { values, scratch }, &send, self.tag)?;
        pending.wait(self.comm.deadline()).map(drop)
    }
}
