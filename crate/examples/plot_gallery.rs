//! Draws one figure of each kind, and some hard cases, into a folder:
//! `cargo run -p candlelight --example plot_gallery -- FOLDER`.

use std::path::{Path, PathBuf};

use candlelight::ndarray::Array2;
use candlelight::plot::{Diagram, Figure, Mesh, Panel, Table};
use candlelight::prelude::*;
use candlelight::rng::normal;

fn main() -> Result<()> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "gallery".into()));
    std::fs::create_dir_all(&folder).map_err(|source| Error::Io { path: folder.clone(), source })?;
    for (name, figure) in [
        ("lines", lines()),
        ("activations", activations()),
        ("bands", bands()),
        ("scatter", scatter()?),
        ("bars", bars()),
        ("histogram", histogram()?),
        ("heatmap", heatmap()),
        ("field", field()),
        ("images", images()?),
        ("labels", labels()),
        ("ranges", ranges()),
        ("limits", limits()),
        ("diagrams", diagrams()),
        ("axes", axes()),
    ] {
        save(&figure, &folder, name)?;
    }
    tables()?.save(folder.join("table.html"))
}

fn save(figure: &Figure, folder: &Path, name: &str) -> Result<()> {
    figure.save(folder.join(format!("{name}.svg")))?;
    figure.save(folder.join(format!("{name}.png")))?;
    println!("{}\n", figure.describe());
    Ok(())
}

fn lines() -> Figure {
    let steps: Vec<f64> = (0..=10_000).map(f64::from).collect();
    let noise = |i: f64| ((i * 12.9898).sin() * 43_758.547).fract() * 0.25;
    let train: Vec<f64> = steps.iter().map(|i| 2.3 * (-i / 1500.0).exp() * (1.0 + noise(*i)) + 0.02).collect();
    let test: Vec<f64> = steps.iter().map(|i| 2.2 * (-i / 1500.0).exp() + 0.09 + i / 2e5).collect();
    Figure::new().panel(
        Panel::new("Loss over training")
            .x("step")
            .y("cross-entropy [nat]")
            .line("train", &steps, &train)
            .line("test", &steps, &test)
            .log_y()
            .hline(10_f64.ln(), "ln 10: a guess")
            .vline(6000.0, "early stop"),
    )
}

fn activations() -> Figure {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    Figure::new()
        .title("Activation functions and their derivatives")
        .panel(
            Panel::new("Functions")
                .x("x")
                .y("f(x)")
                .curve("sigmoid", -4.0..=4.0, sigmoid)
                .curve("tanh", -4.0..=4.0, f64::tanh)
                .curve("ReLU", -4.0..=4.0, |x| x.max(0.0))
                .y_limits(-1.2, 2.2),
        )
        .panel(
            Panel::new("Derivatives")
                .x("x")
                .y("f′(x)")
                .curve("sigmoid", -4.0..=4.0, |x| sigmoid(x) * (1.0 - sigmoid(x)))
                .curve("tanh", -4.0..=4.0, |x| 1.0 - x.tanh().powi(2))
                .curve("ReLU", -4.0..=4.0, |x| if x > 0.0 { 1.0 } else { 0.0 })
                .hline(0.25, "1/4: the most a sigmoid passes on"),
        )
}

fn bands() -> Figure {
    let nodes = [1, 2, 4, 8, 16, 32, 64];
    let mean = [100.0, 52.0, 28.0, 16.0, 10.5, 8.6, 9.1];
    let spread = [4.0, 3.0, 2.5, 2.0, 1.8, 1.9, 2.2];
    let epochs: Vec<f64> = (1..=60).map(f64::from).collect();
    let accuracy = |ceiling: f64| epochs.iter().map(move |e| ceiling - 0.3 * (-e / 12.0).exp());
    Figure::new()
        .panel(
            Panel::new("Time of an epoch")
                .x("workers")
                .y("time [s]")
                .band("measured, mean ± standard deviation", nodes, mean, spread)
                .dashed("ideal: 1/N", nodes, nodes.map(|n| 100.0 / f64::from(n)))
                .log_x()
                .log_y(),
        )
        .panel(
            Panel::new("Accuracy of five seeds")
                .x("epoch")
                .y("test accuracy")
                .band("Adam", &epochs, accuracy(0.91), epochs.iter().map(|e| 0.04 / e.sqrt()))
                .band("SGD", &epochs, accuracy(0.88), epochs.iter().map(|e| 0.06 / e.sqrt())),
        )
}

fn scatter() -> Result<Figure> {
    let mut rng = seeded(1);
    let mut cloud = |n: usize, x: f64, y: f64| -> Result<(Vec<f64>, Vec<f64>)> {
        let draw = |rng: &mut Rng, mean| -> Result<Vec<f64>> {
            Ok(normal(rng, mean, 0.8, n, DType::F64, &Device::Cpu)?.to_vec1::<f64>()?)
        };
        Ok((draw(&mut rng, x)?, draw(&mut rng, y)?))
    };
    let (a, b, many) = (cloud(120, -1.0, 0.5)?, cloud(120, 1.2, -0.4)?, cloud(20_000, 0.0, 0.0)?);
    let mesh = Mesh::new(-4.0..=4.0, -3.0..=3.0, 120);
    let classes = mesh.map(|x, y| usize::from(x - 0.6 * y + 0.3 * (2.0 * y).sin() > 0.1));
    Ok(Figure::new()
        .panel(
            Panel::new("Decision regions")
                .x("x₁")
                .y("x₂")
                .regions(&mesh, classes)
                .class_names(["predicted 0", "predicted 1"])
                .equal_axes()
                .scatter("class 0", &a.0, &a.1)
                .scatter("class 1", &b.0, &b.1),
        )
        .panel(Panel::new("Two classes").x("x₁").y("x₂").scatter("0", a.0, a.1).scatter("1", b.0, b.1))
        .panel(Panel::new("20 000 points").x("x₁").y("x₂").scatter("", many.0, many.1)))
}

fn bars() -> Figure {
    Figure::new()
        .panel(
            Panel::new("Unit mean, training ÷ inference")
                .categories(["no scaling", "standard", "inverted"])
                .y("ratio")
                .bars("", [0.7, 1.0, 1.0])
                .hline(1.0, "1"),
        )
        .panel(
            Panel::new("Error by optimizer")
                .categories(["SGD", "momentum", "RMSprop", "Adam"])
                .y("error [%]")
                .bars("train", [8.1, 6.4, 5.2, 4.9])
                .bars("test", [12.2, 11.0, 10.8, 10.3]),
        )
        .panel(
            Panel::new("Bytes sent per worker, with names too long to stand level")
                .categories(["parameter server", "flat all-reduce", "ring all-reduce", "tree reduce and broadcast"])
                .y("bytes")
                .bars("", [3.2e6, 4.8e7, 1.6e6, 2.4e6])
                .log_y(),
        )
        .panel(
            Panel::new("Change after the update")
                .categories(["w₁", "w₂", "w₃", "w₄", "b"])
                .y("Δ")
                .bars("L1", [-0.3, 0.12, -0.05, 0.4, 0.0])
                .bars("L2", [-0.2, 0.22, -0.15, 0.3, -0.02])
                .bars("none", [-0.1, 0.02, -0.25, 0.1, 0.33]),
        )
        .columns(2)
}

fn histogram() -> Result<Figure> {
    let mut rng = seeded(2);
    let mut draw = |mean, std| -> Result<Vec<f64>> {
        Ok(normal(&mut rng, mean, std, 5000, DType::F64, &Device::Cpu)?.to_vec1::<f64>()?)
    };
    let (a, b, c) = (draw(0.0, 1.0)?, draw(0.0, 0.35)?, draw(2.0, 0.5)?);
    Ok(Figure::new()
        .panel(Panel::new("Pre-activations").x("value").y("count").histogram("", &a, 40).vline(0.0, "mean"))
        .panel(
            Panel::new("Before and after normalisation")
                .x("value")
                .y("count")
                .histogram("Xavier", b, 50)
                .histogram("shifted", c, 50)
                .log_y(),
        ))
}

fn heatmap() -> Figure {
    let confusion = Array2::from_shape_fn((10, 10), |(i, j)| match i.abs_diff(j) {
        0 => 812 + 17 * i as i32,
        d if d % 4 == 2 => 31,
        d => 9 - d as i32,
    });
    let classes = ["T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"];
    let corr = [[1.0, -0.62, f64::NAN], [-0.62, 1.0, 0.25], [0.04, 0.25, 1.0]];
    Figure::new()
        .panel(
            Panel::new("Confusion matrix")
                .x("predicted")
                .y("true")
                .heatmap("images", confusion.rows())
                .row_labels(classes)
                .column_labels(classes),
        )
        .panel(
            Panel::new("Correlation")
                .heatmap("r", corr)
                .row_labels(["width", "depth", "a rather long name of a row"])
                .column_labels(["width", "depth", "rate"]),
        )
}

fn field() -> Figure {
    let rosenbrock = |x: f64, y: f64| (1.0 - x).powi(2) + 100.0 * (y - x * x).powi(2);
    let mesh = Mesh::new(-2.0..=2.0, -1.0..=3.0, 120);
    let (mut x, mut y) = (vec![-1.5], vec![2.5]);
    for i in 0..4000 {
        let (a, b) = (x[i], y[i]);
        x.push(a - 5e-4 * (-2.0 * (1.0 - a) - 400.0 * a * (b - a * a)));
        y.push(b - 5e-4 * 200.0 * (b - a * a));
    }
    let wide = Mesh::new(-3.0..=3.0, -3.0..=3.0, 100);
    Figure::new()
        .panel(
            Panel::new("Gradient descent on Rosenbrock's function")
                .x("x")
                .y("y")
                .field("log₁₀(1 + f)", &mesh, mesh.map(|x, y| (1.0 + rosenbrock(x, y)).log10()))
                .contours(&mesh, mesh.map(rosenbrock), [1, 10, 100, 500])
                .line("4000 steps", x, y)
                .color(1)
                .scatter("minimum", [1.0], [1.0]),
        )
        .panel(Panel::new("A saddle").x("x").y("y").field("x² − y²", &wide, wide.map(|x, y| x * x - y * y)).contours(
            &wide,
            wide.map(|x, y| x * x - y * y),
            [-4, -1, 0, 1, 4],
        ))
}

fn images() -> Result<Figure> {
    let disc = |k: usize| {
        (0..784).map(move |i| {
            let (x, y) = ((i % 28) as f32 - 13.5, (i / 28) as f32 - 13.5);
            let r = (x * x + y * y).sqrt();
            (1.0 - (r - 4.0 - k as f32).abs() / 3.0).max(0.0)
        })
    };
    let pixels: Vec<f32> = (0..10).flat_map(disc).collect();
    let stack = Tensor::from_vec(pixels, (10, 1, 28, 28), &Device::Cpu)?;
    let captions = (0..10).map(|k| if k == 7 { "shirt, taken for a T-shirt".into() } else { format!("ring {k}") });
    Ok(Figure::new()
        .panel(Panel::new("Ten rings, brightness 0 to 1").images(&stack, captions))
        .panel(Panel::new("Four of them, without captions").images(&stack.narrow(0, 0, 4)?, [""; 0])))
}

fn labels() -> Figure {
    let long = "A title that goes on for longer than anyone would like, because the claim it states needs every word";
    let panel = || {
        Panel::new(long)
            .x("an x label that is so long that it does not fit below the chart in a single line [km · s⁻¹]")
            .y("a y label that is far too long for its height as well [µmol · m⁻² · s⁻¹]")
            .line("the first series, whose name is a sentence", [0, 1, 2, 3], [1.0, 3.0, 2.0, 5.0])
            .line("second", [0, 1, 2, 3], [2.0, 2.5, 3.5, 4.0])
            .line("<third & \"last\">", [0, 1, 2, 3], [4.0, 3.5, 3.0, 2.5])
            .hline(4.5, "a reference whose label is too long for any chart of this width")
    };
    Figure::new().title("Long labels wrap").panel(panel()).panel(panel()).panel(Panel::new("Short").line(
        "",
        0..,
        [1, 2],
    ))
}

fn ranges() -> Figure {
    let panel = |title: &str, y: [f64; 5]| Panel::new(title).x("x").y("y").line("", 0.., y);
    Figure::new()
        .panel(panel("tiny", [1e-9, 3e-9, 2e-9, 5e-9, 4e-9]))
        .panel(panel("huge", [1e12, 3.5e12, 2e12, 5e12, 4e12]))
        .panel(panel("thousands", [12_000.0, 35_000.0, 20_000.0, 51_000.0, 40_000.0]))
        .panel(panel("negative", [-5.0, -3.0, -4.0, -1.0, -2.0]))
        .panel(panel("constant", [7.0; 5]))
        .panel(panel("far from zero", [1e6, 1e6 + 0.002, 1e6 + 0.001, 1e6 + 0.003, 1e6]))
        .panel(panel("a gap", [1.0, 2.0, f64::NAN, 3.0, 2.5]))
        .panel(panel("30 decades", [1e-15, 1e-8, 1e-2, 1e6, 1e15]).log_y())
        .panel(Panel::new("one decade").line("", 1.., [2.0, 3.0, 5.0, 9.0, 14.0]).log_y().log_x())
}

fn limits() -> Figure {
    let all = |panel: Panel| {
        (1..=8).fold(panel, |p, k| {
            p.curve(format!("series {k}"), 0.0..=10.0, move |x| (x * 0.5 + 0.4 * f64::from(k)).sin())
        })
    };
    Figure::new().panel(all(Panel::new("The palette")).x("x")).panel(
        Panel::new("Cut off at the limits")
            .curve("tan", -5.0..=5.0, f64::tan)
            .band("band", [-5.0, 0.0, 5.0], [-4.0, 0.0, 6.0], [1.0, 0.5, 2.0])
            .y_limits(-3.0, 3.0)
            .hline(0.0, "zero")
            .vline(-4.9, "at the left")
            .vline(4.9, "at the right"),
    )
}

fn tables() -> Result<Table> {
    Ok(Table::new(["λ", "optimizer", "train", "test", "parameters", "time"])
        .title("Accuracy by penalty & optimizer")
        .row((0.0, "SGD <plain>", 0.991, 0.88, 203_530_usize, "12.1 s"))
        .row((1e-4, "Adam", 0.9875, 0.893, 203_530_usize, "9.8 s"))
        .row((0.01, "AdamW", 0.95, 0.912, 203_530_usize, "10.4 s")))
}

fn diagrams() -> Figure {
    let layer = |name: char, n: usize| (0..n).map(move |i| format!("{name}{i}")).collect::<Vec<String>>();
    let (x, h, k, y) = (layer('x', 3), layer('h', 4), layer('k', 4), layer('y', 2));
    let mut net = Diagram::new("A net with dropped units");
    for (column, (ids, label)) in [(&x, "x"), (&h, "h"), (&k, "k"), (&y, "y")].into_iter().enumerate() {
        for (i, id) in ids.iter().enumerate() {
            let height = (ids.len() as f64 - 1.0) / 2.0 - i as f64;
            net = net.node(id, (1.6 * column as f64, height), format!("{label}{}", ['₁', '₂', '₃', '₄'][i]));
            if ["h1", "h3", "k0"].contains(&id.as_str()) {
                net = net.faded();
            }
        }
    }
    let net = net.connect(&x, &h).connect(&h, &k).connect(&k, &y);

    let residual = Diagram::new("A residual block")
        .node("x", (0, 0), "x")
        .block("a", (1.5, 0), "conv 3×3\nReLU")
        .block("b", (3.1, 0), "conv 3×3")
        .node("+", (4.9, 0), "+")
        .block("r", (6.1, 0), "ReLU")
        .color(2)
        .arrow("x", "a", "")
        .arrow("a", "b", "")
        .arrow("b", "+", "f(x)")
        .arrow("x", "+", "x, unchanged")
        .bend(0.3)
        .color(1)
        .arrow("+", "r", "")
        .group(["a", "b"], "f");

    let graph = Diagram::new("The graph of L = (w·x + b − y)²")
        .node("w", (0, 2), "w")
        .node("x", (0, 1), "x")
        .color(7)
        .node("b", (1.3, 0.4), "b")
        .node("y", (2.3, 0.4), "y")
        .color(7)
        .node("·", (1, 1.5), "·")
        .color(2)
        .node("+", (2, 1.5), "+")
        .color(2)
        .node("−", (3, 1.5), "−")
        .color(2)
        .node("²", (4, 1.5), "( )²")
        .color(2)
        .node("L", (5, 1.5), "L")
        .arrow("w", "·", "")
        .arrow("x", "·", "")
        .arrow("·", "+", "wx")
        .arrow("b", "+", "")
        .arrow("+", "−", "ŷ")
        .arrow("y", "−", "")
        .arrow("−", "²", "e")
        .arrow("²", "L", "")
        .arrow("L", "²", "1")
        .bend(0.35)
        .color(1)
        .dashed()
        .arrow("²", "−", "∂L/∂e = 2e")
        .bend(0.35)
        .color(1)
        .dashed();

    let ring = [(1, 1), (3, 1), (3, -1), (1, -1)];
    let mut ranks = Diagram::new("A ring of four ranks, first step");
    for (rank, at) in ring.into_iter().enumerate() {
        ranks = ranks.block(format!("rank {rank}"), at, format!("rank {rank}\ng = [{rank}, …]"));
    }
    for rank in 0..4 {
        ranks =
            ranks.arrow(format!("rank {rank}"), format!("rank {}", (rank + 1) % 4), format!("chunk {rank}")).color(1);
    }
    Figure::new().panel(net).panel(residual).panel(graph).panel(ranks)
}

fn axes() -> Figure {
    let grid = |title: &str, chosen: fn(usize, usize) -> bool, words: &str| {
        let mut diagram =
            Diagram::new(title).text((-1.2, 1.5), "batch").text((2, 3.8), "features").text((2, -0.9), words).color(1);
        for (row, column) in (0..4).flat_map(|row| (0..5).map(move |column| (row, column))) {
            diagram = diagram.cell(format!("{row} {column}"), (column, 3 - row), (1, 1), "");
            diagram = diagram.color(if chosen(row, column) { 1 } else { 7 });
        }
        diagram
    };
    Figure::new()
        .title("Which values share a mean")
        .panel(grid("Batch norm", |_, column| column == 1, "one feature, all examples"))
        .panel(grid("Layer norm", |row, _| row == 1, "one example, all features"))
}
