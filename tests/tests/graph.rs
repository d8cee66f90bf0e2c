//! The static graph: gradients against Candle's and differences, the optimiser, the memory plan, text.

use candlelight::graph::{Graph, NodeId, Optimized, Program};
use candlelight::ndarray::{Array2, array};
use candlelight::optim::newton::{Exact, Function, Objective, Scalar};
use candlelight::prelude::*;
use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};

/// Numbers between -1 and 1.
fn matrix(seed: u64, shape: [usize; 2]) -> Array2<f64> {
    let mut rng = seeded(seed);
    Array2::from_shape_simple_fn(shape, || rng.random_range(-1.0..1.0))
}

fn tensor(matrix: &Array2<f64>) -> Tensor {
    Tensor::from_vec(matrix.iter().copied().collect(), matrix.dim(), &Device::Cpu).unwrap()
}

fn variable(matrix: &Array2<f64>) -> Var {
    Var::from_tensor(&tensor(matrix)).unwrap()
}

#[track_caller]
fn assert_near(what: &str, actual: &Array2<f64>, expected: &Array2<f64>, tolerance: f64) {
    assert_eq!(actual.dim(), expected.dim(), "{what}");
    let worst = (actual - expected).iter().fold(0.0, |worst: f64, error| worst.max(error.abs()));
    assert!(worst <= tolerance, "{what}: off by {worst}\n{actual}\n{expected}");
}

#[track_caller]
fn assert_as_candle(what: &str, actual: &Array2<f64>, expected: &Tensor) {
    let expected: Vec<f64> = expected.flatten_all().unwrap().to_vec1().unwrap();
    assert_near(what, actual, &Array2::from_shape_vec(actual.dim(), expected).unwrap(), 1e-14);
}

/// The outputs of a graph, by name.
fn run(graph: &Graph, inputs: &[(&str, &Array2<f64>)], names: &[&str]) -> Vec<Array2<f64>> {
    let mut program = Program::new(graph).unwrap();
    program.run(inputs).unwrap();
    names.iter().map(|name| program.output(name).unwrap().to_owned()).collect()
}

#[test]
fn gradients_of_a_network_equal_candles() {
    let (x, y) = (matrix(1, [8, 3]), matrix(2, [8, 2]));
    let (w1, b1, w2, b2) = (matrix(3, [3, 5]), matrix(4, [1, 5]), matrix(5, [5, 2]), matrix(6, [1, 2]));
    for activation in ["tanh", "sigmoid", "relu"] {
        let mut graph = Graph::new();
        let (xs, ys) = (graph.input("x", [8, 3]).unwrap(), graph.input("y", [8, 2]).unwrap());
        let names = ["w1", "b1", "w2", "b2"];
        let params: Vec<NodeId> =
            names.iter().zip([&w1, &b1, &w2, &b2]).map(|(name, value)| graph.parameter(name, value).unwrap()).collect();
        let product = graph.matmul(xs, params[0]).unwrap();
        let sum = graph.add(product, params[1]).unwrap();
        let hidden = match activation {
            "tanh" => graph.tanh(sum),
            "sigmoid" => graph.sigmoid(sum),
            _ => graph.relu(sum),
        };
        let product = graph.matmul(hidden.unwrap(), params[2]).unwrap();
        let prediction = graph.add(product, params[3]).unwrap();
        let loss = graph.mse(prediction, ys).unwrap();
        let gradients = graph.gradients(loss, &params).unwrap();
        graph.output("loss", loss).unwrap();
        for (name, gradient) in names.iter().zip(&gradients) {
            graph.output(name, *gradient).unwrap();
        }

        let vars = [&w1, &b1, &w2, &b2].map(variable);
        let sum = tensor(&x).matmul(&vars[0]).unwrap().broadcast_add(&vars[1]).unwrap();
        let hidden = match activation {
            "tanh" => sum.tanh().unwrap(),
            "sigmoid" => sigmoid(&sum).unwrap(),
            _ => relu(&sum).unwrap(),
        };
        let prediction = hidden.matmul(&vars[2]).unwrap().broadcast_add(&vars[3]).unwrap();
        let loss = mse(&prediction, &tensor(&y)).unwrap();
        let traced = loss.backward().unwrap();
        for graph in [&graph, &graph.optimized().unwrap().0] {
            let all = run(graph, &[("x", &x), ("y", &y)], &["loss", "w1", "b1", "w2", "b2"]);
            assert_as_candle(activation, &all[0], &loss);
            for (name, (actual, var)) in names.iter().zip(all[1..].iter().zip(&vars)) {
                assert_as_candle(name, actual, traced.get(var).unwrap());
                assert!(actual.iter().any(|gradient| *gradient != 0.0));
            }
        }
    }
}

#[test]
fn a_recurrent_network_equals_candles_with_and_without_a_cut() {
    let (w, u, start) = (matrix(1, [4, 4]), matrix(2, [2, 4]), matrix(3, [3, 4]));
    let inputs: Vec<Array2<f64>> = (0..5).map(|t| matrix(10 + t, [3, 2])).collect();
    for cut in [None, Some(2)] {
        let mut graph = Graph::new();
        let (wn, un) = (graph.parameter("w", &w).unwrap(), graph.parameter("u", &u).unwrap());
        let mut state = graph.constant(&start).unwrap();
        let (wv, uv) = (variable(&w), variable(&u));
        let mut traced = tensor(&start);
        for (t, input) in inputs.iter().enumerate() {
            if cut == Some(t) {
                state = graph.detach(state).unwrap();
                traced = traced.detach();
            }
            let x = graph.input(&format!("x{t}"), [3, 2]).unwrap();
            let (from_state, from_input) = (graph.matmul(state, wn).unwrap(), graph.matmul(x, un).unwrap());
            let sum = graph.add(from_state, from_input).unwrap();
            state = graph.tanh(sum).unwrap();
            traced = (traced.matmul(&wv).unwrap() + tensor(input).matmul(&uv).unwrap()).unwrap().tanh().unwrap();
        }
        let loss = graph.mean(state).unwrap();
        let gradients = graph.gradients(loss, &[wn, un]).unwrap();
        graph.output("w", gradients[0]).unwrap();
        graph.output("u", gradients[1]).unwrap();
        let names: Vec<String> = (0..5).map(|t| format!("x{t}")).collect();
        let fed: Vec<(&str, &Array2<f64>)> = names.iter().map(String::as_str).zip(&inputs).collect();
        let all = run(&graph, &fed, &["w", "u"]);
        let expected = traced.mean_all().unwrap().backward().unwrap();
        assert_as_candle("w", &all[0], expected.get(&wv).unwrap());
        assert_as_candle("u", &all[1], expected.get(&uv).unwrap());

        // Every value on the way there is read on the way back; the gradients need not be kept.
        let program = Program::new(&graph).unwrap();
        assert!(program.bytes() < program.bytes_without_reuse());
    }
}

/// One operation on x [2, 3] and y, as the loss sum(op(x, y) · weights).
type Build = fn(&mut Graph, NodeId, NodeId) -> candlelight::Result<NodeId>;

#[test]
fn gradients_of_each_operation_equal_differences() {
    let cases: [(&str, [usize; 2], Build); 17] = [
        ("add", [2, 3], |g, x, y| g.add(x, y)),
        ("add row", [1, 3], |g, x, y| g.add(x, y)),
        ("add column to row", [2, 1], |g, x, y| g.add(y, x)),
        ("sub scalar", [1, 1], |g, x, y| g.sub(x, y)),
        ("sub from row", [1, 3], |g, x, y| g.sub(y, x)),
        ("mul", [2, 3], |g, x, y| g.mul(x, y)),
        ("mul row by column", [2, 1], |g, x, y| {
            let row = g.sum_to(x, [1, 3])?;
            g.mul(row, y)
        }),
        ("square", [1, 1], |g, x, y| {
            let squared = g.mul(x, x)?;
            g.mul(squared, y)
        }),
        ("matmul", [3, 4], |g, x, y| g.matmul(x, y)),
        ("tanh, sigmoid", [2, 3], |g, x, y| {
            let (t, s) = (g.tanh(x)?, g.sigmoid(y)?);
            g.mul(t, s)
        }),
        ("relu", [2, 3], |g, x, y| {
            let r = g.relu(x)?;
            g.mul(r, y)
        }),
        ("select", [2, 3], |g, x, y| {
            let (squared, condition) = (g.mul(x, x)?, g.sub(x, y)?);
            g.select(condition, squared, y)
        }),
        ("select of scalars by rows", [2, 1], |g, x, y| {
            let (sum, zero) = (g.sum(x)?, g.scalar(0.0));
            let tripled = g.add(sum, y)?;
            g.select(y, tripled, zero)
        }),
        ("sum over rows", [1, 3], |g, x, y| {
            let sum = g.sum_to(x, [1, 3])?;
            g.mul(sum, y)
        }),
        ("sum over columns, expand", [1, 1], |g, x, y| {
            let sum = g.sum_to(x, [2, 1])?;
            let (wide, y) = (g.expand(sum, [2, 4])?, g.expand(y, [2, 4])?);
            g.mul(wide, y)
        }),
        ("mean, mse", [2, 3], |g, x, y| {
            let (mean, mse) = (g.mean(x)?, g.mse(x, y)?);
            g.mul(mean, mse)
        }),
        ("gradients of gradients", [3, 4], |g, x, y| {
            let product = g.matmul(x, y)?;
            let curved = g.tanh(product)?;
            let loss = g.mse(curved, product)?;
            let [in_x, in_y] = g.gradients(loss, &[x, y])?[..] else { unreachable!() };
            let (a, b) = (g.mul(in_x, in_x)?, g.mul(in_y, in_y)?);
            let (a, b) = (g.sum(a)?, g.sum(b)?);
            g.add(a, b)
        }),
    ];
    for (name, shape, build) in cases {
        let mut graph = Graph::new();
        let (x, y) = (graph.input("x", [2, 3]).unwrap(), graph.input("y", shape).unwrap());
        let result = build(&mut graph, x, y).unwrap();
        let weights = graph.constant(&matrix(7, graph.shape(result).unwrap())).unwrap();
        let weighted = graph.mul(result, weights).unwrap();
        let loss = graph.sum(weighted).unwrap();
        let gradients = graph.gradients(loss, &[x, y]).unwrap();
        for (name, node) in [("loss", loss), ("in x", gradients[0]), ("in y", gradients[1])] {
            graph.output(name.replace(' ', "_").as_str(), node).unwrap();
        }
        let (at_x, at_y) = (matrix(8, [2, 3]), matrix(9, shape));
        for graph in [graph.optimized().unwrap().0, graph] {
            let all = run(&graph, &[("x", &at_x), ("y", &at_y)], &["in_x", "in_y"]);
            let loss = |x: &Array2<f64>, y: &Array2<f64>| run(&graph, &[("x", x), ("y", y)], &["loss"])[0][[0, 0]];
            for (which, at, actual) in [("x", &at_x, &all[0]), ("y", &at_y, &all[1])] {
                let expected = Array2::from_shape_fn(at.dim(), |index| {
                    let moved = |h: f64| {
                        let mut moved = at.clone();
                        moved[index] += h;
                        if which == "x" { loss(&moved, &at_y) } else { loss(&at_x, &moved) }
                    };
                    (moved(1e-6) - moved(-1e-6)) / 2e-6
                });
                assert_near(&format!("{name}, in {which}"), actual, &expected, 1e-7);
            }
        }
    }
}

#[test]
fn second_derivatives_are_exact() {
    /// tanh(x₀ x₁)² + x₁
    struct Curved;
    impl Function for Curved {
        fn dim(&self) -> usize {
            2
        }
        fn value<S: Scalar>(&self, x: &[S]) -> S {
            (x[0] * x[1]).tanh().powi(2) + x[1]
        }
    }
    let mut graph = Graph::new();
    let (x0, x1) = (graph.input("x0", [1, 1]).unwrap(), graph.input("x1", [1, 1]).unwrap());
    let product = graph.mul(x0, x1).unwrap();
    let curved = graph.tanh(product).unwrap();
    let squared = graph.mul(curved, curved).unwrap();
    let loss = graph.add(squared, x1).unwrap();
    let first = graph.gradients(loss, &[x0, x1]).unwrap();
    for (i, gradient) in first.into_iter().enumerate() {
        for (j, second) in graph.gradients(gradient, &[x0, x1]).unwrap().into_iter().enumerate() {
            graph.output(&format!("{i}{j}"), second).unwrap();
        }
    }
    let (a, b) = (array![[0.7]], array![[-0.4]]);
    let all = run(&graph, &[("x0", &a), ("x1", &b)], &["00", "01", "10", "11"]);
    let hessian = Exact(Curved).hessian(&array![0.7, -0.4]).unwrap();
    for (actual, expected) in all.iter().zip(&hessian) {
        assert!((actual[[0, 0]] - expected).abs() < 1e-14, "{all:?} {hessian}");
    }
}

#[test]
fn gradients_end_at_detach_and_at_conditions() {
    let mut graph = Graph::new();
    let x = graph.input("x", [2, 2]).unwrap();
    let (still, steps) = (graph.detach(x).unwrap(), graph.positive(x).unwrap());
    let product = graph.mul(still, steps).unwrap();
    let loss = graph.sum(product).unwrap();
    let gradient = graph.gradients(loss, &[x]).unwrap()[0];
    graph.output("gradient", gradient).unwrap();
    assert_eq!(graph.optimized().unwrap().0.operations(), 0);
    assert_eq!(run(&graph, &[], &["gradient"])[0], Array2::<f64>::zeros((2, 2)));
    // A node that the loss does not come from.
    let other = graph.input("other", [1, 3]).unwrap();
    let gradient = graph.gradients(loss, &[other]).unwrap()[0];
    assert_eq!(graph.shape(gradient).unwrap(), [1, 3]);
}

#[test]
fn the_optimiser_does_what_it_counts() {
    let mut graph = Graph::new();
    let x = graph.input("x", [2, 2]).unwrap();
    let unused = graph.input("unused", [1, 1]).unwrap(); // dead
    graph.tanh(unused).unwrap(); // dead
    let (two, half, zero) = (graph.scalar(2.0), graph.scalar(0.5), graph.scalar(0.0));
    let one = graph.mul(two, half).unwrap(); // folded
    let same = graph.mul(x, one).unwrap(); // simplified
    let still_same = graph.add(zero, same).unwrap(); // simplified
    let (a, b) = (graph.tanh(x).unwrap(), graph.tanh(still_same).unwrap()); // b merged into a
    let wide = graph.expand(two, [2, 2]).unwrap();
    let scaled = graph.mul(b, wide).unwrap(); // simplified: repeats by itself
    let y = graph.sub(a, scaled).unwrap();
    graph.output("y", y).unwrap();

    let (smaller, report) = graph.optimized().unwrap();
    assert_eq!(report, Optimized { dead: 2, folded: 1, simplified: 3, merged: 1 });
    assert_eq!(smaller.operations(), 3); // tanh, mul, sub
    assert_eq!(smaller.len(), 5); // and x, 2
    let at = matrix(1, [2, 2]);
    let before = run(&graph, &[("x", &at), ("unused", &array![[1.0]])][..1], &["y"]);
    assert_eq!(run(&smaller, &[("x", &at)], &["y"]), before);
    // A second time it finds nothing.
    assert_eq!(smaller.optimized().unwrap().1, Optimized::default());
}

#[test]
fn neutral_elements_stay_where_they_repeat() {
    // 1 [1, 3] · x [1, 1] has three entries, x has one.
    let mut graph = Graph::new();
    let (x, ones) = (graph.input("x", [1, 1]).unwrap(), graph.constant(&array![[1.0, 1.0, 1.0]]).unwrap());
    let y = graph.mul(ones, x).unwrap();
    graph.output("y", y).unwrap();
    let smaller = graph.optimized().unwrap().0;
    assert_eq!(run(&smaller, &[("x", &array![[4.0]])], &["y"])[0], array![[4.0, 4.0, 4.0]]);
}

#[test]
fn a_frozen_graph_folds_its_parameters() {
    // A low-rank correction of the weights, merged for deployment: x (W + A B).
    let mut graph = Graph::new();
    let x = graph.input("x", [4, 3]).unwrap();
    let [w, a, b] = [("w", [3, 5]), ("a", [3, 1]), ("b", [1, 5])]
        .map(|(name, shape)| graph.parameter(name, &matrix(shape[1] as u64, shape)).unwrap());
    let correction = graph.matmul(a, b).unwrap();
    let weights = graph.add(w, correction).unwrap();
    let y = graph.matmul(x, weights).unwrap();
    graph.output("y", y).unwrap();
    let deployed = graph.frozen().optimized().unwrap().0;
    assert_eq!((graph.optimized().unwrap().0.operations(), deployed.operations()), (3, 1));
    let at = matrix(1, [4, 3]);
    assert_eq!(run(&deployed, &[("x", &at)], &["y"]), run(&graph, &[("x", &at)], &["y"]));
    assert!(Program::new(&deployed).unwrap().parameter("w").is_err());
}

#[test]
fn shapes_nodes_and_names_are_checked_when_the_graph_is_built() {
    let mut graph = Graph::new();
    let (x, y) = (graph.input("x", [2, 3]).unwrap(), graph.input("y", [2, 4]).unwrap());
    let stranger = {
        let mut other = Graph::new();
        (0..9).map(|_| other.scalar(0.0)).last().unwrap()
    };
    let before = graph.len();
    let fails = |result: candlelight::Result<NodeId>, words: &str| {
        let error = result.unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    fails(graph.matmul(x, y), "right factor: expected shape [3, n] for a left one of [2, 3], got [2, 4]");
    fails(graph.add(x, y), "operand: expected shape [2, 4], or 1 in place of a size, got [2, 3]");
    fails(graph.mse(x, y), "targets: expected shape [2, 3], as the predictions, got [2, 4]");
    fails(graph.sum_to(x, [2, 2]), "sum: expected shape [2, 3] with 1 in some dimensions, got [2, 2]");
    fails(graph.expand(x, [4, 3]), "expanded: expected shape [2, 3] with other sizes");
    fails(graph.tanh(stranger), "node must be one of this graph, got 8");
    fails(graph.input("x", [1, 1]), "parameter `x`: the graph has one of that name");
    fails(graph.input("a b", [1, 1]), "letters and no spaces");
    fails(graph.parameter("", &array![[1.0]]), "letters and no spaces");
    fails(graph.input("empty", [0, 1]), "at least one row and one column");
    fails(graph.constant(&Array2::zeros((1, 0))), "at least one row and one column");
    fails(graph.gradients(x, &[y]).map(|gradients| gradients[0]), "loss: expected shape [1, 1], got [2, 3]");
    assert_eq!(graph.len(), before, "a refused node should leave nothing behind");
    assert!(graph.output("x y", x).is_err() && graph.output("out", stranger).is_err());
    graph.output("out", x).unwrap();
    assert!(matches!(graph.output("out", y), Err(Error::Parameter { .. })));
    assert!(matches!(Program::new(&Graph::new()), Err(Error::Setting { name: "outputs", .. })));
}

#[test]
fn a_run_takes_exactly_its_inputs() {
    let mut graph = Graph::new();
    let (x, y) = (graph.input("x", [1, 2]).unwrap(), graph.input("y", [1, 2]).unwrap());
    let w = graph.parameter("w", &array![[2.0, 3.0]]).unwrap();
    let sum = graph.add(x, y).unwrap();
    let product = graph.mul(sum, w).unwrap();
    graph.output("z", product).unwrap();
    let mut program = Program::new(&graph).unwrap();
    let (row, column) = (array![[1.0, 2.0]], array![[1.0], [2.0]]);
    let names = |error: candlelight::Result<()>| match error {
        Err(Error::Names { missing, unexpected }) => (missing.join(" "), unexpected.join(" ")),
        other => panic!("{other:?}"),
    };
    assert_eq!(names(program.run(&[("x", &row)])), ("y".into(), String::new()));
    assert_eq!(names(program.run(&[("x", &row), ("y", &row), ("q", &row)])), (String::new(), "q".into()));
    assert_eq!(names(program.run(&[("x", &row), ("x", &row), ("y", &row)])), ("x".into(), String::new()));
    let error = program.run(&[("x", &row), ("y", &column)]).unwrap_err().to_string();
    assert_eq!(error, "input: expected shape [1, 2] for `y`, got [2, 1]");
    // Any order, any layout.
    program.run(&[("y", &row), ("x", &column.t().to_owned())]).unwrap();
    assert_eq!(program.output("z").unwrap(), array![[4.0, 12.0]]);
    program.set("w", &array![[1.0, -1.0]]).unwrap();
    program.run(&[("y", &row), ("x", &row)]).unwrap();
    assert_eq!(program.output("z").unwrap(), array![[2.0, -4.0]]);
    assert_eq!(program.parameter("w").unwrap(), array![[1.0, -1.0]]);
    assert!(program.set("w", &column).is_err() && program.set("x", &row).is_err() && program.output("w").is_err());
}

#[test]
fn damaged_text_is_refused_with_its_line() {
    let fails = |lines: &[&str], words: &str| {
        let text = std::iter::once("candlelight graph 1").chain(lines.iter().copied()).collect::<Vec<_>>().join("\n");
        let error = Graph::from_text(&text).unwrap_err();
        assert!(matches!(error, Error::Graph { .. }) && error.to_string().contains(words), "{error}");
    };
    fails(&[], "there are no nodes");
    fails(&["input x [2, 3]", "tanh 1 [2, 3]"], "line 3 of the graph: node must be one of this graph, got 1");
    fails(&["input x [2, 3]", "tanh 0 [3, 3]"], "line 3 of the graph: tanh does not give the shape [3, 3]");
    fails(&["input x [2, 3]", "sum_to 0 [2, 3]"], "sum_to does not give the shape [2, 3]");
    fails(&["input x [2, 3] 1"], "an input with numbers");
    fails(&["parameter w [1, 2] 1"], "1 numbers for [1, 2]");
    fails(&["parameter w [1, 2] 1 one"], "\"one\" is no number");
    fails(&["input x"], "no rows");
    fails(&["tanh"], "no shape");
    fails(&["cosh 0 [1, 1]"], "no operation \"cosh\" of 1 operands");
    fails(&["input x [1, 1]", "input x [1, 1]"], "line 3 of the graph: parameter `x`: the graph has one");
    fails(&["input x [1, 1]", "output y 3"], "node must be one of this graph, got 3");
    fails(&["parameter w [9999999999, 9999999999] 1"], "1 numbers for");
    assert!(Graph::from_text("something else").unwrap_err().to_string().contains("line 1 of the graph: expected"));
    assert!(Graph::from_text("").is_err());
}

/// A graph of random operations on x [2, 3], with the gradient of a loss.
fn random_graph(seed: u64, size: usize) -> Graph {
    let (mut rng, mut graph) = (seeded(seed), Graph::new());
    let x = graph.input("x", [2, 3]).unwrap();
    let mut nodes = vec![x, graph.parameter("w", &matrix(seed, [3, 3])).unwrap(), graph.scalar(1.0), graph.scalar(0.0)];
    nodes.push(graph.constant(&matrix(seed + 1, [1, 3])).unwrap());
    while nodes.len() < size {
        let mut pick = || nodes[rng.random_range(0..nodes.len())];
        let (a, b, c) = (pick(), pick(), pick());
        let shape = graph.shape(a).unwrap();
        let made = match rng.random_range(0..11) {
            0 => graph.add(a, b),
            1 => graph.sub(a, b),
            2 => graph.mul(a, b),
            3 => graph.matmul(a, b),
            4 => graph.tanh(a),
            5 => graph.relu(a),
            6 => graph.sigmoid(a),
            7 => graph.select(a, b, c),
            8 => graph.sum_to(a, [1, shape[1]]),
            9 => graph.expand(a, [if shape[0] == 1 { 2 } else { shape[0] }, shape[1]]),
            _ => graph.detach(a),
        };
        nodes.extend(made.ok());
    }
    let loss = graph.mean(nodes[size - 1]).unwrap();
    let gradient = graph.gradients(loss, &[x]).unwrap()[0];
    graph.output("result", nodes[size - 1]).unwrap();
    graph.output("loss", loss).unwrap();
    graph.output("gradient", gradient).unwrap();
    graph
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn optimising_planning_and_writing_change_no_result(seed in any::<u32>(), size in 6..60_usize) {
        let graph = random_graph(u64::from(seed), size);
        let x = matrix(3, [2, 3]);
        let names = ["result", "loss", "gradient"];
        let results = |graph: &Graph| {
            let mut program = Program::new(graph).unwrap();
            let inputs = [("x", &x)];
            // The gradient may not need x.
            let inputs = if program.run(&[]).is_ok() { &inputs[..0] } else { &inputs[..] };
            program.run(inputs).unwrap();
            program.run(inputs).unwrap();
            prop_assert!(program.bytes() <= program.bytes_without_reuse());
            Ok(names.map(|name| program.output(name).unwrap().to_owned()))
        };
        // All values as outputs: no memory serves twice.
        let text = graph.to_text();
        let mut kept = Graph::from_text(&text).unwrap();
        prop_assert_eq!(kept.to_text(), text);
        let expected = results(&kept)?;
        let lines = kept.to_text();
        let count = lines.lines().count() - 1 - names.len();
        let more: String = (0..count).map(|node| format!("output all{node} {node}\n")).collect();
        kept = Graph::from_text(&(lines + &more)).unwrap();
        let all = results(&kept)?;
        prop_assert!(expected == all || expected.iter().flatten().any(|x| x.is_nan()));
        let (smaller, _) = graph.optimized().unwrap();
        prop_assert!(smaller.operations() <= graph.operations());
        prop_assert!(results(&smaller)? == expected || expected.iter().flatten().any(|x| x.is_nan()));
    }
}
