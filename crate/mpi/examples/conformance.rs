//! Checks, on every rank, that messages and collective operations do what they should; the suite `conformance` starts it.
//!
//! `cargo xtask mpi -n 4 conformance`

use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::{Duration, Instant};

use candlelight::candle_core::DType;
use candlelight::distributed::{
    Algorithm, AllReduce, Buffer, Communicator, Element, Reduction, Source, Transfer, Values, schedule::chunk,
};
use candlelight::{CommunicationError, Error, Result, interrupt};
use candlelight_mpi::native_all_reduce;

/// Empty, short, and beyond what MPI sends at once.
const LENGTHS: [usize; 6] = [0, 1, 3, 1000, 5003, 300_001];

fn main() -> ExitCode {
    candlelight_mpi::run(|comm| {
        collectives::<f32>(comm)?;
        collectives::<f64>(comm)?;
        if comm.size() > 1 {
            messages(comm)?;
            wrong_messages(comm)?;
            dropped(comm)?;
            deadlines(comm)?;
            interrupts(comm)?;
        }
        refusals(comm)?;
        comm.barrier()?;
        if comm.rank() == 0 {
            println!("conformance: {} ranks agree", comm.size());
        }
        Ok(())
    })
}

/// Whole numbers, whose sums are exact in any order.
fn numbers<T: Element>(rank: usize, len: usize) -> Vec<T> {
    (0..len).map(|i| T::from_f64(((i * 7 + rank * 13) % 101) as f64)).collect()
}

fn sum<T: Element>(size: usize, len: usize) -> Vec<T> {
    let mut sum = vec![T::zero(); len];
    for rank in 0..size {
        sum.iter_mut().zip(numbers::<T>(rank, len)).for_each(|(a, b)| *a += b);
    }
    sum
}

fn collectives<T: Element + PartialEq + std::fmt::Debug>(comm: &Arc<dyn Communicator>) -> Result<()> {
    let (rank, size) = (comm.rank(), comm.size());
    for len in LENGTHS {
        let mine = || numbers::<T>(rank, len);
        for algorithm in Algorithm::ALL {
            let mut values = mine();
            comm.all_reduce_with(&mut values, Reduction::Sum, algorithm)?;
            assert!(values == sum::<T>(size, len), "{algorithm:?} of {len}");

            // While it goes on, another one.
            let mut first = AllReduce::start(comm, mine(), Reduction::Sum, algorithm)?;
            let second = AllReduce::start(comm, mine(), Reduction::Max, algorithm)?;
            while !first.test()? {
                std::hint::spin_loop();
            }
            let largest = second.wait()?;
            assert!(first.wait()? == sum::<T>(size, len));
            let expected = |i: usize| (0..size).map(|rank| ((i * 7 + rank * 13) % 101) as f64).fold(0., f64::max);
            assert!(largest.iter().enumerate().all(|(i, value)| value.to_f64() == expected(i)));
        }
        let mut values = mine();
        native_all_reduce(&mut values, Reduction::Sum)?;
        assert!(values == sum::<T>(size, len), "MPI's own, of {len}");
        let root = size - 1;
        let mut values = mine();
        comm.broadcast(&mut values, root)?;
        assert!(values == numbers::<T>(root, len));
        let reduced = comm.reduce(mine(), Reduction::Sum, root)?;
        assert!(reduced == (rank == root).then(|| sum::<T>(size, len)));
        assert!(comm.reduce_scatter(mine(), Reduction::Sum)? == sum::<T>(size, len)[chunk(rank, size, len)]);
        let all: Vec<T> = (0..size).flat_map(|rank| numbers::<T>(rank, len)).collect();
        assert!(comm.all_gather(&mine())? == all);
    }
    Ok(())
}

fn messages(comm: &Arc<dyn Communicator>) -> Result<()> {
    let (rank, size) = (comm.rank(), comm.size());
    let before = comm.counts();
    let (right, left) = ((rank + 1) % size, (rank + size - 1) % size);
    let received = comm.send_recv(&numbers::<f32>(rank, 200_000), right, 200_000, left, 3)?;
    assert!(received.from == left && received.values == numbers::<f32>(left, 200_000));
    let counts = comm.counts() - before;
    assert_eq!((counts.sent, counts.sent_bytes, counts.received, counts.received_bytes), (1, 800_000, 1, 800_000));
    // Tags are apart, and messages of one tag in order; from any rank, each once.
    if rank > 0 {
        comm.send(&[rank as f64, 1.], 0, 1)?;
        comm.send(&[rank as f64, 2.], 0, 2)?;
        comm.send(&[rank as f64, 3.], 0, 1)?;
    } else {
        let mut seen = vec![0.; size];
        for _ in 0..2 * (size - 1) {
            let message = comm.recv::<f64>(2, Source::Any, 1)?;
            assert_eq!(message.values[0] as usize, message.from);
            assert!(message.values[1] > seen[message.from]);
            seen[message.from] = message.values[1];
        }
        for from in 1..size {
            assert_eq!(comm.recv::<f64>(2, from, 2)?.values, [from as f64, 2.]);
        }
    }
    comm.barrier()
}

/// Rank 1 sends to rank 0 what it does not expect.
fn wrong_messages(comm: &Arc<dyn Communicator>) -> Result<()> {
    for (actual, actual_dtype) in [(5, DType::F32), (11, DType::F32), (20_000, DType::F32), (5, DType::F64)] {
        if comm.rank() == 1 {
            match actual_dtype {
                DType::F64 => comm.isend(vec![1f64; actual], 0, 4)?.wait()?.values.clear(),
                _ => comm.isend(vec![1f32; actual], 0, 4)?.wait()?.values.clear(),
            }
        }
        if comm.rank() == 0 {
            let error = comm.recv::<f32>(10, 1, 4).unwrap_err();
            let expected = CommunicationError::Message {
                rank: 0,
                operation: "recv",
                peer: 1,
                expected: 10,
                expected_dtype: DType::F32,
                actual,
                actual_dtype,
            };
            assert!(matches!(&error, Error::Communication(error) if *error == expected), "{error}");
        }
        comm.barrier()?;
    }
    Ok(())
}

/// Requests that nobody waits for: their numbers are not freed under the hands of MPI.
fn dropped(comm: &Arc<dyn Communicator>) -> Result<()> {
    let (rank, size) = (comm.rank(), comm.size());
    let (right, left) = ((rank + 1) % size, (rank + size - 1) % size);
    for round in 0..20 {
        drop(comm.isend(vec![round as f32; 100_000], right, 5)?);
        let mut coming = comm.irecv::<f32>(100_000, left, 5)?;
        // Of the same size, so that the allocator would give the freed memory out again.
        let own = vec![-1f32; 100_000];
        // Half of the time it is thrown away while its numbers come in.
        if round % 2 == 0 {
            assert!(coming.wait()?.values.iter().all(|&value| value == round as f32));
        } else {
            while !coming.test()? {}
            drop(coming);
        }
        comm.barrier()?;
        assert!(own.iter().all(|&value| value == -1.));
    }
    // One for which nothing comes.
    drop(comm.irecv::<f64>(10, left, 6)?);
    comm.barrier()
}

fn deadlines(comm: &Arc<dyn Communicator>) -> Result<()> {
    // All are alive, and nobody sends.
    let started = Instant::now();
    let waiting = comm.irecv::<f32>(1, (comm.rank() + 1) % comm.size(), 7)?;
    let error = waiting.wait_for(Duration::from_millis(300)).unwrap_err();
    let taken = started.elapsed();
    assert!(taken < Duration::from_secs(2), "{taken:?}");
    let is_named = matches!(&error, Error::Communication(CommunicationError::Deadlock { waits, .. })
        if waits.contains(&format!("rank {} for rank {} in irecv", comm.rank(), (comm.rank() + 1) % comm.size())));
    assert!(is_named, "{error}");
    comm.barrier()?;
    // The last one is asleep, for longer than what it asked above is a sign of life.
    let asleep = comm.size() - 1;
    std::thread::sleep(Duration::from_millis(if comm.rank() == asleep { 2800 } else { 1200 }));
    if comm.rank() != asleep {
        let error = comm.irecv::<f32>(1, asleep, 8)?.wait_for(Duration::from_millis(300)).unwrap_err();
        let is_named =
            matches!(&error, Error::Communication(CommunicationError::Silent { peers, .. }) if *peers == [asleep]);
        assert!(is_named, "{error}");
    }
    comm.barrier()
}

/// Ctrl-C ends a wait, at once, and whoever has answered it can go on.
fn interrupts(comm: &Arc<dyn Communicator>) -> Result<()> {
    let last = comm.size() - 1;
    let (left, away) = ((comm.rank() + 1) % comm.size(), comm.rank() == last);
    let interrupted = |wait: &dyn Fn() -> Result<()>| {
        let held = interrupt::on_ctrl_c()?;
        let started = Instant::now();
        let signal = std::thread::spawn(|| {
            std::thread::sleep(Duration::from_millis(200));
            Command::new("sh").args(["-c", &format!("kill -s INT {}", std::process::id())]).status()
        });
        let result = wait();
        let taken = started.elapsed();
        let status = signal.join().expect("no panic");
        assert!(status.as_ref().is_ok_and(|status| status.success()), "{status:?}");
        // Where the wait was over before, the request is answered here: else it would end the process.
        while interrupt::check().is_ok() {
            std::thread::sleep(Duration::from_millis(1));
        }
        drop(held);
        Ok::<_, Error>((result, taken))
    };
    // Nobody sends.
    let waits: [&dyn Fn() -> Result<()>; 2] = [&|| comm.recv::<f32>(1, left, 9).map(drop), &|| {
        let mut coming = comm.irecv::<f32>(1, left, 9)?;
        while !coming.test()? {}
        Ok(())
    }];
    for wait in waits {
        let (result, taken) = interrupted(wait)?;
        assert!(matches!(result, Err(Error::Interrupted)), "{result:?}");
        assert!(taken < Duration::from_secs(1), "{taken:?}");
        comm.barrier()?;
    }
    // The last one comes when the others have given up.
    std::thread::sleep(Duration::from_millis(if away { 1200 } else { 0 }));
    let (result, taken) = interrupted(&|| comm.all_reduce(&mut vec![1f32; 1000]))?;
    assert!(matches!(result, Err(Error::Interrupted)) || (away && result.is_ok()), "{result:?}");
    assert!(taken < Duration::from_secs(1), "{taken:?}");
    comm.barrier()
}

fn refusals(comm: &Arc<dyn Communicator>) -> Result<()> {
    let (rank, size) = (comm.rank(), comm.size());
    for peer in [rank, size] {
        let error = comm.send(&[1f32], peer, 0).unwrap_err();
        assert!(matches!(error, Error::Communication(CommunicationError::NoRank { peer: named, .. }) if named == peer));
    }
    if size > 1 {
        let buffer = Buffer { values: Values::F32(vec![0.; 10]), scratch: Values::F32(vec![]) };
        let outside = Transfer::Send { to: (rank + 1) % size, range: 5..11 };
        let error = comm.start("send", buffer, &[outside], 0).err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some("range of a transfer must be inside of its buffer, got 5..11 of 10"));
    }
    Ok(())
}
