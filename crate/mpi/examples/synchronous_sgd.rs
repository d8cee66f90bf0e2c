//! Synchronous SGD on several processes: the training function of chapter 16, which the notebook runs on threads.
//!
//! `cargo xtask mpi -n 4 synchronous_sgd -- 6`, where 6 is the number of epochs

use std::process::ExitCode;

use candlelight::Error;

#[path = "shared/chapter.rs"]
mod chapter;
use chapter::{samples, train_by_crate};

fn main() -> ExitCode {
    candlelight_mpi::run(|comm| {
        let epochs = std::env::args().nth(1).unwrap_or_else(|| "6".into());
        let epochs = epochs.parse().map_err(|_| Error::setting("epochs", "a whole number", epochs))?;
        let (losses, _) = train_by_crate(comm, &samples()?, epochs)?;
        if comm.rank() == 0 {
            for (epoch, loss) in losses.iter().enumerate() {
                println!("epoch {epoch} loss {loss:.4} bits {:016x}", loss.to_bits());
            }
        }
        Ok(())
    })
}
