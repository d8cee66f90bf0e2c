//! Where the crate would train here. `cargo run --package candlelight --example device`

use candlelight::prelude::*;

fn main() -> Result<()> {
    let device = best_device()?;
    let x = Tensor::arange(0f32, 4., &device)?;
    println!("{}: 0 + 1 + 2 + 3 = {}", describe(&device), x.sum_all()?.to_scalar::<f32>()?);
    Ok(())
}
