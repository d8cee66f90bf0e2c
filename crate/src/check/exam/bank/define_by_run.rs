//! Questions on `05-define-by-run`.

mod backward;
mod backward_mended;

use super::super::{
    Evidence, Question, choice, code, decimal, drawn, fault, number, pick, predict, right, select, sound, whole, wrong,
};
use super::snippet;
use crate::graph::{Graph, Program};
use crate::prelude::*;

pub(super) fn questions() -> Vec<Question> {
    vec![
        choice(
            "05-1",
            &["B1"],
            2,
            "Truncated backpropagation through time cuts the gradient of a recurrent net. What is the difference between a graph that is recorded \
             while the program runs, and one that is built before?",
            [
                right("Both give the same truncated gradients; in the recorded one an `if` on the data may decide where to cut."),
                wrong(
                    "Only the recorded one can be cut: the built one always holds the way back through the whole sequence.",
                    "A `detach` node, or a state that is fed in as an input, ends it there as well.",
                ),
                wrong(
                    "Both can be cut, but in the built one the gradients past the cut come out small, and not exactly zero.",
                    "Past a `detach` no way back is built at all: nothing is there that could be other than zero.",
                ),
                wrong(
                    "Only the recorded one is exact up to the cut: the built one approximates the derivatives of a loop.",
                    "Both apply the same chain rule: the chapter found the same gradients to rounding.",
                ),
            ],
        )
        .because(
            "The kind of graph says *when* things are known, not *what* is computed. In a plan the place of the cut and the length are fixed when \
             it is built; in a trace the cut is an ordinary statement, which may wait for the end of a sentence.",
            "Truncated-backpropagation:-detach--B1",
            "fn rnn_plan",
        ),
        number("05-2", &["B1"], 2, |rng| {
            let w = pick(rng, [0.5, 0.7, 1.4]);
            let mut state = || decimal(rng, 0.4, 0.7, 1);
            let (first, second, last) = (state(), state(), state());
            let slope = |h: f64| 1.0 - h * h;
            let gradient = slope(last) * w * slope(second) * w * slope(first);
            Ok(drawn(
                format!(
                    "A recurrent net $h_t = \\tanh(w h_{{t-1}} + x_t)$ with $w = {w}$ has the states $h_3 = {first}$, $h_4 = {second}$ and \
                     $h_5 = {last}$. What is $\\partial h_5 / \\partial x_3$?"
                ),
                gradient,
            )
            .within_share(0.02)
            .mistake(gradient * w, "$x_3$ enters behind the weight: two steps have two factors $w$")
            .mistake(gradient / (w * w), "each step back multiplies by $w$ as well")
            .mistake(gradient / slope(first), "the slope of the tanh through which $x_3$ enters is missing")
            .worked(format!(
                "$(1 - {last}^2) \\cdot {w} (1 - {second}^2) \\cdot {w} (1 - {first}^2) = {gradient:.4}$."
            )))
        })
        .because(
            "$\\partial h_T/\\partial x_{T-\\tau} = (1 - h_T^2) \\prod_{j=1}^{\\tau} w (1 - h_{T-j}^2)$: a factor for each step back. If $h_3$ were \
             detached, the gradient would be exactly 0.",
            "Truncated-backpropagation:-detach--B1",
            "fn rnn_formula",
        ),
        code(
            "05-3",
            &["B1"],
            2,
            "The way back over a tape. What is wrong?",
            snippet!("define_by_run/backward"),
            [
                fault(8, "A value that is read twice keeps one contribution only: they must be added up."),
                sound(
                    6,
                    "The tape must be walked from the first value to the last, in the order of recording.",
                    "That would hand on derivatives before they are known: the way back starts at the end.",
                ),
                sound(
                    5,
                    "The derivative of the last value must be set to the value itself, not to 1.",
                    "It is the derivative of a value with respect to itself, which is 1.",
                ),
                sound(
                    4,
                    "A gradient for every value is too much: values between input and result need none.",
                    "Those between carry the derivative back: without them none would reach the inputs.",
                ),
            ],
            || {
                // x; x · x; x · x + x, at x = 3.
                let from = [vec![], vec![(0, 3.0), (0, 3.0)], vec![(1, 1.0), (0, 1.0)]];
                let x = Var::new(3f64, &Device::Cpu)?;
                let by_candle = (x.sqr()? + x.as_tensor())?.backward()?;
                let right = by_candle.get(&x).map_or(Ok(f64::NAN), |gradient| gradient.to_scalar())?;
                let (given, mended) = (backward::backward(&from)[0], backward_mended::backward(&from)[0]);
                Ok(Evidence::new("derivative of x · x + x at x = 3", given, mended, right))
            },
        )
        .because(
            "Along a way through the graph the factors are multiplied; the products of all ways are added up. Since a value is recorded after \
             those it came from, its own derivative is complete when its turn comes.",
            "A-graph-that-is-a-trace--B1",
            "fn gradients",
        ),
        predict("05-4", &["B1"], 2, |rng| {
            let (x, most) = (f64::from(whole(rng, 600, 4000)), whole(rng, 3, 8));
            let steps = x.log2().ceil() as i32;
            let right = x * 0.5f64.powi(most as i32);
            Ok(drawn(
                format!(
                    "A loop halves its input until it is at most 1. As a plan (`candlelight::graph`) it is unrolled to {most} steps, each a `select` that \
                     halves where the value is above 1. Which value does the plan give for {x}?"
                ),
                right,
            )
            .mistake(x * 0.5f64.powi(steps), "that is what the loop gives in a recorded graph; the plan has run out of steps")
            .mistake(2.0 * right, "every one of its steps halves, the first too")
            .measure(move || {
                let mut graph = Graph::new();
                let mut y = graph.input("x", [1, 1])?;
                let (half, minus_one) = (graph.scalar(0.5), graph.scalar(-1.0));
                for _ in 0..most {
                    let (halved, above) = (graph.mul(y, half)?, graph.add(y, minus_one)?);
                    y = graph.select(above, halved, y)?;
                }
                graph.output("y", y)?;
                let mut program = Program::new(&graph)?;
                program.run(&[("x", &array![[x]])])?;
                Ok(program.output("y")?[[0, 0]])
            })
            .worked(format!("${x} \\cdot 2^{{-{most}}} = {right:.4}$; to come down to 1 or below takes {steps} halvings.")))
        })
        .because(
            "While a plan is built there is no value to look at: the number of steps is chosen in advance, and where they do not suffice the result \
             is wrong, with no error. A trace runs an ordinary `while`. A node for loops, as TensorFlow has one, lifts the limit.",
            "An-if-that-looks-at-the-data--B1",
            "fn halve_by_plan",
        ),
        predict("05-5", &["B1"], 3, |rng| {
            let (length, cut) = (whole(rng, 20, 40) as usize, whole(rng, 3, 9) as usize);
            let zeros = length - cut;
            Ok(drawn(
                format!(
                    "A recurrent net $h_t = \\tanh(1.1\\, h_{{t-1}} + x_t)$ reads {length} inputs, and the state $h_{{{zeros}}}$ is detached, {cut} steps \
                     before the end. For how many of the {length} inputs is $\\partial h_{{{length}}} / \\partial x_t$ exactly 0?"
                ),
                zeros as f64,
            )
            .within(0.0)
            .mistake(zeros as f64 - 1.0, "the input of the detached state is cut off with it")
            .mistake(0.0, "past the cut the gradients are not small, but exactly zero")
            .mistake(cut as f64, "those are the inputs that still have a gradient")
            .measure(move || {
                let inputs = (1..=length).map(|t| Ok(Var::new(0.3 * (1.7 * t as f64).sin(), &Device::Cpu)?));
                let inputs: Vec<Var> = inputs.collect::<Result<_>>()?;
                let mut h = Tensor::new(0f64, &Device::Cpu)?;
                for (t, x) in (1..).zip(&inputs) {
                    h = ((h * 1.1)? + x.as_tensor())?.tanh()?;
                    h = if t == zeros { h.detach() } else { h };
                }
                let gradients = h.backward()?;
                let reached = inputs.iter().filter(|x| gradients.get(x).is_some()).count();
                Ok((length - reached) as f64)
            })
            .worked(format!("$x_1$ to $x_{{{zeros}}}$ act through the detached state alone.")))
        })
        .because(
            "A detached tensor has the same value and no past. Up to the cut the gradients are those of the whole sequence, to the last bit; what \
             lies $k$ or more steps back gets no signal. With this weight the whole gradient stays above 0.04, so the cut loses something.",
            "Truncated-backpropagation:-detach--B1",
            "fn rnn_trace",
        ),
        select(
            "05-6",
            &["B1"],
            2,
            "Which of these does a graph allow because it is known before it runs?",
            [
                right("What depends on constants alone is computed once, in advance."),
                right("Memory is laid out once, since the last reader of each value is known."),
                right("The computation is written to a file, and runs without the code that built it."),
                wrong(
                    "Gradients are exact, where those of a recorded graph are rounded differences.",
                    "Both apply the chain rule; the chapter found the same numbers to rounding at each of 200 steps.",
                ),
                wrong(
                    "Gradients of several workers are averaged, which a recorded graph cannot offer.",
                    "That needs gradients and nothing else: plan and trace gave the same.",
                ),
            ],
        )
        .because(
            "A plan can be improved like a program: folding, removing dead nodes, sharing memory. Deployed, a correction of low rank $W + AB$ was \
             folded from three operations to one. It can also be placed on several machines by a program.",
            "A-graph-that-is-a-plan--B1",
            "let (smaller, report)",
        ),
        choice(
            "05-7",
            &["B1"],
            2,
            "With 4 hidden units a training step of the recorded graph took several times as long as one of the plan. With 1 024 units the gain was \
             much smaller. Why?",
            [
                right("The trace spends about the same extra time on each operation, small or large."),
                wrong(
                    "The optimiser removes most operations of a small graph, and few of a large one.",
                    "It removed 3 of 22, and the optimised plan was no faster than the plan as built.",
                ),
                wrong(
                    "The trace keeps the graphs of all steps so far, which counts less where a step is long.",
                    "The record is thrown away after each step, and made anew at the next.",
                ),
                wrong(
                    "A plan computes in lower precision, which pays for small products only.",
                    "Both compute in f64, and their losses and gradients agreed to 1e-12.",
                ),
            ],
        )
        .because(
            "On top of the same arithmetic the trace makes a node for each operation, allocates each result, and sorts the record to walk back. That \
             is a cost for each operation, not for each number. The plan is built once, which took a step or two of the trace.",
            "What-does-a-run-cost?--B1",
            "let widths",
        ),
    ]
}
