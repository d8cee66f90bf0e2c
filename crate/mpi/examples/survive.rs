//! A rank is killed, and the others go on without it.
//!
//! `cargo xtask mpi -n 4 --survive survive -- RANK`

use std::process::ExitCode;
use std::time::{Duration, Instant};

use candlelight::Error;
use candlelight::distributed::{Algorithm, Reduction};

const ROUNDS: usize = 10;

fn main() -> ExitCode {
    candlelight_mpi::run(|comm| {
        let word = std::env::args().nth(1).unwrap_or_default();
        let victim: usize = word.parse().map_err(|_| Error::setting("RANK", "the number of a rank", word))?;
        let (mut comm, rank, all) = (comm.clone(), comm.rank(), comm.size());
        let mut round = 0;
        while round < ROUNDS {
            if rank == victim && round == ROUNDS / 2 {
                let _ = std::process::Command::new("sh")
                    .args(["-c", &format!("kill -s KILL {}", std::process::id())])
                    .status();
                std::thread::sleep(Duration::from_secs(60));
            }
            let mut sum = vec![1f32; 1000];
            let start = Instant::now();
            match comm.all_reduce(&mut sum) {
                // Who died in the midst of a round has helped some of the others, and not all: all do it again.
                Err(error) if comm.size() == all => {
                    println!("rank {rank} after {:.0} ms: {error}", 1e3 * start.elapsed().as_secs_f64());
                    let start = Instant::now();
                    comm = candlelight_mpi::shrink()?;
                    let mut least = vec![round as f32];
                    comm.all_reduce_with(&mut least, Reduction::Min, Algorithm::Tree)?;
                    round = least[0] as usize;
                    let taken = 1e3 * start.elapsed().as_secs_f64();
                    println!("rank {rank} goes on as rank {} of {} after {taken:.0} ms", comm.rank(), comm.size());
                }
                result => {
                    result?;
                    assert!(sum.iter().all(|&value| value == comm.size() as f32));
                    round += 1;
                }
            }
        }
        println!("rank {rank} has done {round} rounds, the last with {} ranks", comm.size());
        Ok(())
    })
}
