//! Draws the picture of `docs/architecture.md`:
//! `cargo run -p candlelight --example architecture -- docs/images/architecture.svg`.

use candlelight::plot::{Diagram, Figure};
use candlelight::prelude::*;

fn main() -> Result<()> {
    let file = std::env::args().nth(1).unwrap_or_else(|| "architecture.svg".into());
    let figure = Figure::new().panel(packages()).panel(training_step()).panel(notebook()).columns(1);
    figure.panel_size(860.0, 500.0).save(file)
}

/// The colours of what is Candle's, of gradients, and of what is compiled. Ours is blue.
const CANDLE: usize = 7;
const GRADIENT: usize = 1;
const COMPILED: usize = 2;

fn packages() -> Diagram {
    // From top to bottom: each layer imports from those below it only.
    let layers: [&[&str]; 8] = [
        &["check"],
        &["distributed"],
        &["train", "gan"],
        &["nn", "optim", "regularization", "checkpoint"],
        &["params"],
        &["init", "data", "probability", "metrics"],
        &["rng", "loss"],
        &["activation", "graph", "state", "device"],
    ];
    let (width, height) = (4.3, 0.3);
    let mut diagram =
        Diagram::new("Packages and modules: an arrow is a dependency, a row imports from the rows below it")
            .cell("candlelight", (0, 0.05), (width + 0.2, 2.86), "")
            .text((0, 1.28), "candlelight");
    for (row, names) in layers.into_iter().enumerate() {
        let one = width / names.len() as f64;
        for (column, name) in names.iter().enumerate() {
            let x = (column as f64 + 0.5) * one - width / 2.0;
            diagram = diagram.cell(*name, (x, 1.04 - height * row as f64), (one, height), *name);
        }
    }
    diagram
        .block("users", (0, 2.05), "candlelight-mpi, candlelight-tests,\ncandlelight-peer")
        .block("kernels", (3.6, 0.95), "candlelight-kernels\nfast passes,\ntape, threads")
        .block("plot", (3.6, -0.75), "candlelight-plot\nfigures, tables")
        .block("base", (5.55, 0.13), "candlelight-base\nerrors, whole files")
        .block("candle", (5.55, -0.9), "Candle")
        .color(CANDLE)
        .arrow("users", "candlelight", "")
        .arrow("candlelight", "kernels", "")
        .arrow("candlelight", "plot", "")
        .arrow("candlelight", "base", "")
        .arrow("kernels", "base", "")
        .arrow("plot", "base", "")
        .arrow("base", "candle", "")
}

fn training_step() -> Diagram {
    let mut diagram =
        Diagram::new("A training step: the tape holds layers and losses, Candle's graph what stands between them")
            .node("x", (0, 1), "x")
            .color(CANDLE)
            .block("op", (3.6, 1), "Candle's operations")
            .color(CANDLE)
            .dashed()
            .block("gradients", (0, 0), "gradients")
            .color(GRADIENT);
    for (name, x) in [("layer 1", 1.7), ("layer 2", 5.5), ("loss", 7.3)] {
        let node = format!("node of {name}");
        diagram = diagram.block(name, (x, 1), name).cell(&node, (x, 0), (0.9, 0.34), name).edge(name, node, "");
        diagram = diagram.dashed();
    }
    for (from, to) in [("x", "layer 1"), ("layer 1", "op"), ("op", "layer 2"), ("layer 2", "loss")] {
        diagram = diagram.arrow(from, to, "");
    }
    diagram
        .group(["node of layer 1", "node of layer 2", "node of loss"], "tape")
        .arrow("node of loss", "node of layer 2", "")
        .color(GRADIENT)
        .arrow("node of layer 2", "node of layer 1", "Candle's backward pass")
        .color(GRADIENT)
        .dashed()
        .text((3.6, -0.13), "ends at layer 1's output")
        .arrow("node of layer 1", "gradients", "")
        .color(GRADIENT)
}

fn notebook() -> Diagram {
    Diagram::new("From a notebook to the crate")
        .block("cell", (1.9, 1.15), "notebook cell")
        .block("evcxr", (3.9, 1.15), "evcxr")
        .block("rustc", (5.05, 1.15), "rustc")
        .block("so", (6.05, 1.15), "cell.so")
        .color(COMPILED)
        .block("dylib", (7.9, 1.15), "candlelight's dylib\none copy of the statics")
        .color(COMPILED)
        .block("lab", (0.3, 0), "JupyterLab")
        .block("provisioner", (1.9, 0), "provisioner")
        .block("launcher", (3.9, 0), "launcher,\nwith its copy")
        .block("prepared", (6, 0), "prepared\ndirectory")
        .color(COMPILED)
        .block("setup", (7.9, 0), "cargo xtask setup")
        .group(["evcxr", "launcher"], "a kernel; one more is spare")
        .arrow("cell", "evcxr", "")
        .arrow("evcxr", "rustc", "")
        .arrow("rustc", "so", "")
        .arrow("so", "dylib", "links")
        .arrow("lab", "provisioner", "")
        .arrow("provisioner", "launcher", "starts")
        .arrow("launcher", "evcxr", "starts")
        .arrow("prepared", "launcher", "hard links")
        .arrow("setup", "prepared", "builds")
}
