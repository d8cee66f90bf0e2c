//! Asynchronous SGD: workers that do not wait for each other, and how old their gradients are when the server uses them.
//!
//! ```text
//! cargo run -p candlelight --example parameter_server
//! ```

use candlelight::distributed::{Consistency, ServerConfig, Worker, cluster, delay_limit, serve};
use candlelight::prelude::*;

const GRADIENTS: usize = 400;

/// The loss x²/2 in the end, and the mean staleness; all workers take 1 ms for a gradient.
fn train(workers: usize, lr: f64, consistency: Consistency) -> Result<(f64, f64)> {
    let run = cluster(1 + workers, |comm| {
        let params = Params::with_dtype(0, DType::F64, &Device::Cpu)?;
        let x = params.var("x", (), Init::Constant(1.0))?;
        if comm.rank() > 0 {
            let mut worker = Worker::join(comm, &params)?;
            loop {
                comm.compute(1e-3);
                if !worker.exchange(&(x.sqr()? * 0.5)?.backward()?)? {
                    return Ok((0.0, 0.0));
                }
            }
        }
        let mut sgd = Sgd::new(params.trainable(), SgdConfig { lr, ..SgdConfig::default() })?;
        let config = ServerConfig { gradients: Some(GRADIENTS), consistency, ..ServerConfig::default() };
        let served = serve(comm, &params, &mut sgd, &config, |_, _| Ok(()))?;
        let stale: usize = served.updates.iter().map(|update| update.staleness).sum();
        Ok((x.to_scalar::<f64>()?.powi(2) / 2.0, stale as f64 / served.updates.len() as f64))
    })?;
    Ok(run.results[0])
}

fn main() -> Result<()> {
    println!("{GRADIENTS} gradients of x²/2; a gradient that is τ updates old bears a rate up to 2 sin(π/(4τ + 2))");
    println!("workers   rate    limit   mean staleness   loss");
    let mut losses = Vec::new();
    for (workers, lr) in [(1, 0.3), (8, 0.1), (8, 0.3)] {
        let (loss, staleness) = train(workers, lr, Consistency::Asynchronous)?;
        println!("{workers:7}   {lr:4}   {:6.3}   {staleness:14.2}   {loss:.1e}", delay_limit(workers - 1));
        losses.push(loss);
    }
    let (loss, staleness) = train(8, 0.3, Consistency::Synchronous { gradients: 8 })?;
    println!("      8    0.3   in step  {staleness:14.2}   {loss:.1e}");
    assert!(losses[0] < 1e-9 && losses[1] < 1e-9 && loss < 1e-3, "rates below the limit should descend");
    assert!(losses[2] > 1.0, "and one above it should not");
    Ok(())
}
