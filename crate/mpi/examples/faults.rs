//! Training in which a rank fails at a step, to see what becomes of the job; the suite `faults` starts it.
//!
//! `cargo xtask mpi -n 4 --restarts 1 faults -- FOLDER KIND RANK STEP`
//!
//! FOLDER: of the checkpoints. KIND: `none`, `panic`, `exit`, `error`, `short`, `long`, `dtype`, `kill`, `stop`, `loop`, or `save` (a rank
//! is killed when the others have saved STEP steps and it has not). Only the first start of a job fails.

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

use candlelight::distributed::{Algorithm, Reduction};
use candlelight::{CommunicationError, Error, Result};

#[path = "shared/train.rs"]
mod train;
use train::{Moment, Training, train};

const STEPS: usize = 12;

fn main() -> ExitCode {
    candlelight_mpi::run(|comm| {
        let words: Vec<String> = std::env::args().skip(1).collect();
        let usage = || Error::setting("arguments", "FOLDER KIND RANK STEP", words.join(" "));
        let [folder, kind, rank, step] = &words[..] else { return Err(usage()) };
        let (rank, step): (usize, usize) = (rank.parse().map_err(|_| usage())?, step.parse().map_err(|_| usage())?);
        let is_first = std::env::var("CANDLELIGHT_MPI_ATTEMPT").is_ok_and(|attempt| attempt == "0");
        let at = if kind == "save" { Moment::Save(step) } else { Moment::Step(step) };
        let fault = |now: Moment| {
            if !is_first || comm.rank() != rank || now != at {
                return Ok(());
            }
            println!("rank {rank} fails now");
            match &**kind {
                "none" => Ok(()),
                "panic" => panic!("a fault at step {step}"),
                "exit" => std::process::exit(0),
                "error" => Err(failed(rank, step)),
                // For the rank to the right the first message of the ring is too short, too long, or of the wrong numbers.
                "short" => comm.all_reduce_with(&mut vec![1f32; 400], Reduction::Sum, Algorithm::Ring),
                "long" => comm.all_reduce_with(&mut vec![1f32; 400_000], Reduction::Sum, Algorithm::Ring),
                "dtype" => comm.all_reduce_with(&mut vec![1f64; 400], Reduction::Sum, Algorithm::Ring),
                "kill" => signal("KILL"),
                "stop" => signal("STOP"),
                "loop" => loop {
                    std::thread::sleep(Duration::from_secs(1));
                },
                "save" => {
                    // By then the others have written.
                    std::thread::sleep(Duration::from_millis(500));
                    signal("KILL")
                }
                _ => Err(usage()),
            }
        };
        let training = Training { steps: STEPS, batch: 64, checkpoints: Some((PathBuf::from(folder), 4)) };
        let trained = train(comm, &training, fault)?;
        if comm.rank() == 0 {
            println!("began with step {}", trained.first);
            // FNV-1a over the bits of all parameters.
            let bytes = trained.parameters.iter().flat_map(|value| value.to_bits().to_le_bytes());
            let digest =
                bytes.fold(0xcbf29ce484222325u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x100000001b3));
            println!("parameters {digest:016x}");
        }
        Ok(())
    })
}

fn failed(rank: usize, step: usize) -> Error {
    let problem = format!("a fault at step {step}");
    CommunicationError::Transport { rank, operation: "train", problem }.into()
}

/// Sends one to this process.
fn signal(name: &str) -> Result<()> {
    let status = Command::new("sh").args(["-c", &format!("kill -s {name} {}", std::process::id())]).status();
    // It takes a moment until it comes.
    std::thread::sleep(Duration::from_secs(if name == "KILL" { 60 } else { 1 }));
    Err(Error::setting("kill", "a program that sends signals", format!("{status:?}")))
}
