//! Initialization: what is left of a signal, and of a gradient, behind thirty layers of ReLU.
//!
//! ```text
//! cargo run -p candlelight --example initialization
//! ```

use candlelight::init::propagate;
use candlelight::prelude::*;
use candlelight::rng::normal;

const LAYERS: usize = 30;
const WIDTH: usize = 256;

fn main() -> Result<()> {
    let x = normal(&mut seeded(0), 0.0, 1.0, (64, WIDTH), DType::F32, &Device::Cpu)?;
    let gradient = normal(&mut seeded(1), 0.0, 1.0, (64, WIDTH), DType::F32, &Device::Cpu)?;
    println!("mean square of the last signal over the first, and of the first gradient over the last:");
    let he = (2.0 / WIDTH as f64).sqrt();
    let mut kept = Vec::new();
    for (name, std) in [("half of He's", 0.5 * he), ("Glorot", he / 2f64.sqrt()), ("He", he), ("twice He's", 2.0 * he)]
    {
        let init = Init::Normal { mean: 0.0, std };
        let mut rng = seeded(2);
        let weights = (0..LAYERS)
            .map(|_| init.tensor(&mut rng, (WIDTH, WIDTH), DType::F32, &Device::Cpu))
            .collect::<Result<Vec<_>>>()?;
        let through = propagate(&weights, relu, &x, &gradient)?;
        let forward = through.forward[LAYERS - 1] / through.forward[0];
        let backward = through.backward[0] / through.backward[LAYERS - 1];
        println!("  {name:12} std {std:.4}: {forward:9.2e} {backward:9.2e}");
        kept.push(forward);
    }
    assert!(kept[0] < 1e-12 && kept[1] < 1e-6 && kept[3] > 1e12, "too small should vanish, too large explode");
    assert!(kept[2] > 0.05 && kept[2] < 20.0, "He's values should keep the signal");
    Ok(())
}
