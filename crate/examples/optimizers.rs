//! Optimizers in a narrow valley: what a memory of gradients does where one direction is a hundred times as steep.
//!
//! ```text
//! cargo run -p candlelight --example optimizers
//! ```

use candlelight::optim::TestFunction;
use candlelight::params::Param;
use candlelight::prelude::*;

type Build = fn(Vec<Param>) -> Result<Box<dyn Optimizer>>;

/// Each with the best rate of 0.001, 0.002, 0.005, 0.01 … on this function.
const OPTIMIZERS: [(&str, Build); 5] = [
    ("gradient descent", |p| Ok(Box::new(Sgd::new(p, SgdConfig { lr: 0.01, ..SgdConfig::default() })?))),
    ("momentum 0.9", |p| Ok(Box::new(Sgd::new(p, SgdConfig { lr: 0.01, momentum: 0.9, ..SgdConfig::default() })?))),
    ("RMSprop", |p| Ok(Box::new(RmsProp::new(p, RmsPropConfig { lr: 0.05, ..RmsPropConfig::default() })?))),
    ("Adam", |p| Ok(Box::new(Adam::new(p, AdamConfig { lr: 0.2, ..AdamConfig::default() })?))),
    ("AdamW", |p| Ok(Box::new(AdamW::new(p, AdamWConfig { lr: 0.2, ..AdamWConfig::default() })?))),
];

fn main() -> Result<()> {
    let valley = TestFunction::Quadratic { condition: 100.0, angle: 0.0 };
    println!("f(x, y) = (x² + 100 y²)/2 from (5, 1): value after");
    println!("{:18} {:>9} {:>9} {:>9}", "", "20", "100", "200 steps");
    let mut last = Vec::new();
    for (name, build) in OPTIMIZERS {
        let path = valley.path([5.0, 1.0], 200, build)?;
        let [a, b, c] = [20, 100, 200].map(|step| valley.value(path[step]));
        println!("{name:18} {a:9.2e} {b:9.2e} {c:9.2e}");
        last.push(c);
    }
    assert!(last[1] < last[0] / 10.0, "momentum should be far ahead of gradient descent");
    Ok(())
}
