//! The smallest program of several ranks: each says who it is, and all add up their numbers.
//!
//! `cargo xtask mpi -n 4 hello`

use std::process::ExitCode;

fn main() -> ExitCode {
    candlelight_mpi::run(|comm| {
        let mut sum = vec![comm.rank() as f64];
        comm.all_reduce(&mut sum)?;
        println!("rank {} of {}: the ranks add up to {}", comm.rank(), comm.size(), sum[0]);
        Ok(())
    })
}
