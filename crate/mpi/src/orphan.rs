//! Buffers that must outlive whoever lent them.

use crate::ffi::{Mpi, Request};

/// Transfers that nobody waits for any more, with what MPI uses of them.
pub struct Orphan {
    requests: Vec<Request>,
    _loan: Box<dyn std::any::Any + Send>,
}

impl Orphan {
    pub fn new(requests: Vec<Request>, loan: impl Send + 'static) -> Self {
        Self { requests, _loan: Box::new(loan) }
    }

    pub fn is_done(&mut self, mpi: &mut Mpi) -> bool {
        self.requests.retain_mut(|request| matches!(mpi.test(request), Ok(false)));
        self.requests.is_empty()
    }
}
