//! Several processes that train together (`python/ranks.py` is the twin), with the feature `ranks`, which needs an MPI.

use std::sync::{Arc, OnceLock};

use candlelight::candle_core::{Result, Shape, Tensor};
use candlelight::distributed::Communicator;

use crate::shared;

static COMM: OnceLock<Arc<dyn Communicator>> = OnceLock::new();

/// This process among the others, if there are any.
pub fn comm() -> Option<&'static Arc<dyn Communicator>> {
    COMM.get()
}

/// The shares of a batch that this process computes: its own, or of one that is alone as many as `CANDLELIGHT_SHARES` says.
fn shares() -> Vec<usize> {
    let given = || std::env::var("CANDLELIGHT_SHARES").ok()?.parse().ok();
    comm().map_or_else(|| (0..given().unwrap_or(1)).collect(), |comm| vec![comm.rank()])
}

fn of_all(name: &str, make: impl Fn(&str) -> Result<Tensor>) -> Result<Tensor> {
    let of_share = |share: usize| match share {
        0 => make(name),
        rank => make(&format!("{name} of rank {rank}")),
    };
    Tensor::cat(&shares().into_iter().map(of_share).collect::<Result<Vec<_>>>()?, 0)
}

/// An input of this shape for each share.
pub fn input(name: &str, shape: impl Into<Shape>) -> Result<Tensor> {
    let shape = shape.into();
    of_all(name, |name| shared::input(name, shape.clone()))
}

/// `n` class indices in 0..classes for each share.
pub fn labels(name: &str, n: usize, classes: u64) -> Result<Tensor> {
    of_all(name, |name| shared::labels(name, n, classes))
}

#[cfg(feature = "ranks")]
pub use together::serve;

#[cfg(feature = "ranks")]
mod together {
    use std::io::BufRead;
    use std::process::ExitCode;
    use std::sync::Arc;
    use std::time::Duration;

    use candlelight::distributed::Communicator;

    use super::COMM;

    const TAG: u32 = 0;

    /// Runs `answer` on each line of rank 0's input, on all ranks; an empty line is the last.
    pub fn serve(mut answer: impl FnMut(&str, bool) -> crate::Result<()>) -> ExitCode {
        candlelight_mpi::run(|comm| {
            let _ = COMM.set(comm.clone());
            let failed = |error: Box<dyn std::error::Error>| {
                candlelight::Error::setting("a line", "one that can be done", error)
            };
            if comm.rank() > 0 {
                while let Some(line) = heard(comm)? {
                    answer(&line, false).map_err(failed)?;
                }
                return Ok(());
            }
            for line in std::io::stdin().lock().lines() {
                let line = line.map_err(|error| failed(error.into()))?;
                if line.is_empty() {
                    break;
                }
                tell(comm, &line)?;
                answer(&line, true).map_err(failed)?;
            }
            tell(comm, "")
        })
    }

    /// Sends a line to the others; an empty one is the last.
    fn tell(comm: &Arc<dyn Communicator>, line: &str) -> candlelight::Result<()> {
        let letters: Vec<f32> = line.bytes().map(f32::from).collect();
        for other in 1..comm.size() {
            comm.send(&[letters.len() as f32], other, TAG)?;
            comm.send(&letters, other, TAG)?;
        }
        Ok(())
    }

    /// Waits for a line, for as long as it takes, and without work for the processor: others are measured meanwhile.
    fn heard(comm: &Arc<dyn Communicator>) -> candlelight::Result<Option<String>> {
        let mut length = comm.irecv::<f32>(1, 0, TAG)?;
        while !length.test()? {
            std::thread::sleep(Duration::from_micros(200));
        }
        let length = length.wait()?.values[0] as usize;
        let letters = comm.recv::<f32>(length, 0, TAG)?.values;
        let line = letters.into_iter().map(|letter| char::from(letter as u8)).collect();
        Ok((length > 0).then_some(line))
    }
}
