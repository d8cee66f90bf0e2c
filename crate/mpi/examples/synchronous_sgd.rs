//! Synchronous SGD on several processes, with the training function that also runs on threads of a notebook.
//!
//! `cargo xtask mpi -n 4 synchronous_sgd -- 20`, where 20 is the number of steps

use std::process::ExitCode;

use candlelight::Error;

#[path = "shared/train.rs"]
mod train;
use train::{Training, train};

fn main() -> ExitCode {
    candlelight_mpi::run(|comm| {
        let steps = std::env::args().nth(1).unwrap_or_else(|| "10".into());
        let steps = steps.parse().map_err(|_| Error::setting("steps", "a whole number", steps))?;
        let trained = train(comm, &Training { steps, batch: 64, checkpoints: None }, |_| Ok(()))?;
        if comm.rank() == 0 {
            for (step, loss) in trained.losses.iter().enumerate() {
                println!("step {step} loss {loss:.6} bits {:08x}", loss.to_bits());
            }
        }
        Ok(())
    })
}
