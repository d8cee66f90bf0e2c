//! Define-and-run and define-by-run: a graph that is built, optimized and then run; and a loop whose length the data decide.
//!
//! ```text
//! cargo run -p candlelight --example define_by_run
//! ```

use candlelight::graph::{Graph, Program};
use candlelight::prelude::*;

fn main() -> Result<()> {
    // The plan: shapes are checked, and derivatives added, before there are any numbers.
    let mut graph = Graph::new();
    let (x, y) = (graph.input("x", [4, 2])?, graph.input("y", [4, 1])?);
    let w = graph.parameter("w", &array![[0.5], [-1.0]])?;
    let prediction = graph.matmul(x, w)?;
    let loss = graph.mse(prediction, y)?;
    let gradient = graph.gradients(loss, &[w])?[0];
    graph.output("loss", loss)?;
    graph.output("gradient", gradient)?;
    let (plan, report) = graph.optimized()?;
    println!("{} operations as built, {} optimized ({report:?})", graph.operations(), plan.operations());
    if let Err(error) = graph.matmul(w, x) {
        println!("found before any run: {error}");
    }

    let inputs = array![[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [2.0, -1.0]];
    let targets = array![[1.0], [2.0], [3.0], [0.0]];
    let mut program = Program::new(&plan)?;
    for _ in 0..200 {
        program.run(&[("x", &inputs), ("y", &targets)])?;
        let next = &program.parameter("w")? - &(&program.output("gradient")? * 0.2);
        program.set("w", &next)?;
    }
    let (loss, w) = (program.output("loss")?[[0, 0]], program.parameter("w")?.to_owned());
    println!("after 200 runs of the plan: loss {loss:.1e}, w = {:.3?}", w.as_slice().unwrap_or_default());
    assert!((w - array![[1.0], [2.0]]).iter().all(|error| error.abs() < 1e-6), "expected w = (1, 2)");

    // By run: ordinary code is the graph. Halve until the value is below 1; the derivative knows how often that was.
    for start in [3f64, 50.0] {
        let x = Var::new(start, &Device::Cpu)?;
        let (mut value, mut halvings) = (x.as_tensor().clone(), 0);
        while value.to_scalar::<f64>()? >= 1.0 {
            value = (value * 0.5)?;
            halvings += 1;
        }
        let gradients = value.backward()?;
        let slope = gradients.get(&x).ok_or(Error::MissingGradient { name: "x".into() })?.to_scalar::<f64>()?;
        println!("{start} was halved {halvings} times: derivative {slope}");
        assert_eq!(slope, 0.5_f64.powi(halvings));
    }
    Ok(())
}
