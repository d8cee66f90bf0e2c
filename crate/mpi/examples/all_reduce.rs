//! How fast the all-reduces are, beside MPI's own: each in turn, on the same ranks, in one run.
//!
//! `cargo xtask mpi -n 4 all_reduce`

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use candlelight::Result;
use candlelight::distributed::{Algorithm, AllReduce, Communicator, Reduction};
use candlelight_mpi::native_all_reduce;

/// In bytes, each with how often it is measured.
const SIZES: [(usize, usize); 4] = [(1_000, 3000), (64_000, 1000), (4_000_000, 60), (25_000_000, 15)];

fn main() -> ExitCode {
    candlelight_mpi::run(|comm| {
        let first = comm.rank() == 0;
        if first {
            let version = candlelight_mpi::version();
            println!(
                "{version}, {} ranks; medians in microseconds, and how much of MPI's speed that is\n",
                comm.size()
            );
            print!("{:>10} {:>10} {:>10}", "bytes", "floor", "MPI");
            Algorithm::ALL.iter().for_each(|algorithm| print!(" {:>18}", algorithm.name()));
            println!(" {:>18}", "usual");
        }
        for (bytes, times) in SIZES {
            let row = measure(comm, bytes / 4, times)?;
            if first {
                let [native, ours @ ..] = &row[..] else { continue };
                print!("{bytes:>10} {:>10.1} {:>10.1}", 1e6 * floor(comm.size(), bytes), 1e6 * native);
                ours.iter().for_each(|&ours| print!(" {:>10.1} ({:>5.2})", 1e6 * ours, native / ours));
                println!();
            }
        }
        let (whole, parts) = in_buckets(comm)?;
        if first {
            println!("\n25 MB in buckets of 1 and 24 MB take {:.2} times as long as at once", parts / whole);
        }
        Ok(())
    })
}

/// Seconds of 25 MB at once, and in buckets as those of `DataParallel`, which are under way together: medians of rounds in turn.
fn in_buckets(comm: &Arc<dyn Communicator>) -> Result<(f64, f64)> {
    let mut buffers = [vec![1f32; 6_250_000], vec![1f32; 250_000], vec![1f32; 6_000_000]];
    let mut seconds = [Vec::new(), Vec::new()];
    for round in 0..33 {
        for (way, seconds) in seconds.iter_mut().enumerate() {
            comm.barrier()?;
            let start = Instant::now();
            let range = if way == 0 { 0..1 } else { 1..3 };
            let begin = |values: &mut Vec<f32>| {
                let algorithm = Algorithm::usual(comm.size(), 4 * values.len());
                AllReduce::start(comm, std::mem::take(values), Reduction::Sum, algorithm)
            };
            let under_way: Vec<_> = buffers[range.clone()].iter_mut().map(begin).collect::<Result<_>>()?;
            for (buffer, sum) in buffers[range].iter_mut().zip(under_way) {
                *buffer = sum.wait()?;
            }
            if round > 2 {
                seconds.push(start.elapsed().as_secs_f64());
            }
        }
        buffers.iter_mut().for_each(|buffer| buffer.fill(1.0));
    }
    let [whole, parts] = seconds.map(median);
    Ok((whole, parts))
}

/// Seconds of MPI's own, of each algorithm, and of the one that is usual: medians over rounds in which all have their turn.
fn measure(comm: &Arc<dyn Communicator>, len: usize, times: usize) -> Result<Vec<f64>> {
    let usual = Algorithm::usual(comm.size(), 4 * len);
    let mut seconds = vec![Vec::new(); Algorithm::ALL.len() + 2];
    let mut values = vec![1f32; len];
    for round in 0..times + times / 10 + 1 {
        for (way, seconds) in seconds.iter_mut().enumerate() {
            values.fill(1.0);
            comm.barrier()?;
            let start = Instant::now();
            match way {
                0 => native_all_reduce(&mut values, Reduction::Sum)?,
                way => {
                    let algorithm = Algorithm::ALL.get(way - 1).copied().unwrap_or(usual);
                    comm.all_reduce_with(&mut values, Reduction::Sum, algorithm)?;
                }
            }
            let taken = start.elapsed().as_secs_f64();
            assert!(values.first() == Some(&(comm.size() as f32)) && values.last() == values.first());
            if round > times / 10 {
                seconds.push(taken);
            }
        }
    }
    Ok(seconds.into_iter().map(median).collect())
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

/// Seconds below which no way can come on one machine: 2 (N - 1)/N of the bytes are copied by each rank from another's memory, and
/// half of them added up, which reads two numbers and writes one; all ranks share the bandwidth of a copy of that size, which for
/// small ones is that of a cache.
fn floor(size: usize, bytes: usize) -> f64 {
    let (from, mut to) = (vec![1u8; bytes], vec![0u8; bytes]);
    let copy = |to: &mut Vec<u8>| {
        let start = Instant::now();
        to.copy_from_slice(std::hint::black_box(&from));
        std::hint::black_box(to);
        start.elapsed().as_secs_f64()
    };
    let copied = (0..20).map(|_| copy(&mut to)).fold(f64::INFINITY, f64::min) / from.len() as f64;
    let part = (size - 1) as f64 / size as f64 * bytes as f64;
    // A copy moves two bytes for each; an addition three for each four of a number.
    let cores = std::thread::available_parallelism().map_or(1, usize::from).min(size) as f64;
    copied * size as f64 / cores * (2.0 * part + 1.5 * part)
}
