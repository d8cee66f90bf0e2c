use std::sync::Arc;

use crate::Result;
use crate::distributed::{Communicator, Source};

/// One gradient of a worker, which sends it as two messages of one number.
pub fn receive(comm: &Arc<dyn Communicator>) -> Result<[f64; 2]> {
    let first = comm.recv::<f64>(1, Source::Any, 0)?;
    let second = comm.recv::<f64>(1, Source::Rank(first.from), 0)?;
    Ok([first.values[0], second.values[0]])
}
