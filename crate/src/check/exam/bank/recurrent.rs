//! Questions on `14-rnn-and-lstm`.

mod last_output;
mod last_output_mended;
mod lstm_gates;
mod lstm_gates_mended;

use candle_core::{DType, Device, Tensor, Var};

use super::super::{
    Evidence, Question, choice, code, decimal, derive, drawn, fault, mistake, number, pick, predict, real, right,
    sound, whole, wrong,
};
use super::snippet;
use crate::Result;
use crate::autograd::value_and_grad;
use crate::nn::{Lstm, LstmGate, LstmState, Mode, lstm};
use crate::params::Params;
use crate::rng::{normal, seeded};

pub(super) fn questions() -> Vec<Question> {
    vec![
        number("14-1", &["V5"], 2, |rng| {
            let (lag, keep) = (10 * whole(rng, 1, 12), pick(rng, [0.1, 0.5, 0.9]));
            let gate = f64::powf(keep, 1.0 / f64::from(lag));
            Ok(drawn(
                format!(
                    "Along its cell an LSTM should keep a share of {keep} over {lag} steps. To which bias $b_f$ must the forget gate be set, if \
                     nothing else moves it?"
                ),
                (gate / (1.0 - gate)).ln(),
            )
            .within(0.02)
            .mistake((keep / (1.0 - keep)).ln(), "that keeps the share for one step; the gate multiplies at each of them")
            .mistake(gate, "that is the gate, not the bias with $\\sigma(b_f) = f$")
            .worked(format!(
                "$f = {keep}^{{1/{lag}}} = {gate:.5}$, and $b_f = \\ln\\frac{{f}}{{1 - f}} = {:.3}$.",
                (gate / (1.0 - gate)).ln()
            )))
        })
        .because(
            "Along the cell the factor of a step is the forget gate, so $\\sigma(b_f)^T$ is to be the share. A bias of 1 keeps a tenth for \
             7 steps only (with all paths, as measured, for some 12); for a memory of $T$ steps the bias is about $\\ln T$.",
            "How-far-back-does-the-gradient-reach?--V5",
            "let gate",
        ),
        number("14-2", &["V5", "V4"], 2, |rng| {
            let (a, units) = (decimal(rng, 0.8, 3.0, 1), 16 * whole(rng, 4, 16));
            let radius = a / 3f64.sqrt();
            Ok(drawn(
                format!(
                    "The recurrent matrix of a tanh RNN with {units} units has independent entries, uniform on $\\pm {a}/\\sqrt{{{units}}}$. While \
                     the states are small: by which factor a step does a gradient change on its way back?"
                ),
                radius,
            )
            .within_share(0.02)
            .mistake(a, "that would need entries of variance $a^2/n$; uniform ones have a third of it")
            .mistake(a / 3.0, "a root is missing: the radius goes with the standard deviation of the entries")
            .mistake(a / 12f64.sqrt(), "the interval is $2a/\\sqrt n$ wide, and its variance a twelfth of the square of that")
            .worked(format!("${a}/\\sqrt 3 = {radius:.3}$.")))
        })
        .because(
            "Uniform on $\\pm b$ has the variance $b^2/3$, so the eigenvalues of the matrix fill a disc of radius $\\sqrt{n \\cdot a^2/(3n)} = \
             a/\\sqrt 3$. PyTorch starts with $a = 1$, and 0.58 a step leaves next to nothing after 100.",
            "How-far-back-does-the-gradient-reach?--V5",
            "let of_rnn",
        ),
        code(
            "14-3",
            &["V5"],
            1,
            "What is wrong?",
            snippet!("recurrent/lstm_gates"),
            [
                fault(5, "Candidate and output gate have changed places."),
                sound(4, "Both gates go through the sigmoid and not through tanh.", "Gates are shares between 0 and 1, which the sigmoid gives."),
                sound(6, "The forget gate stands beside the old cell.", "It says how much of the old cell is kept."),
                sound(7, "The cell is squashed once more before it is shown.", "$h_t = o_t \\tanh c_t$: so it should be."),
            ],
            || {
                let (sums, c) = ([0.3, 1.2, -0.7, 0.4], 0.8);
                let sigmoid = |z: f64| 1.0 / (1.0 + (-z).exp());
                let cell: f64 = sigmoid(1.2) * c + sigmoid(0.3) * f64::tanh(-0.7);
                let (given, mended) = (lstm_gates::lstm_gates(sums, c), lstm_gates_mended::lstm_gates(sums, c));
                Ok(Evidence::new("h from the sums 0.3, 1.2, -0.7, 0.4 and the cell 0.8", given.0, mended.0, sigmoid(0.4) * cell.tanh()))
            },
        )
        .because(
            "PyTorch stacks the blocks as i, f, g, o; other libraries have other orders. The candidate $g$ goes through tanh, the three \
             gates through the sigmoid: $c_t = f_t c_{t-1} + i_t g_t$ and $h_t = o_t \\tanh c_t$.",
            "The-LSTM:-a-cell-with-gates--V5",
            "fn lstm_step",
        ),
        choice(
            "14-4",
            &["V5"],
            2,
            "An LSTM with PyTorch's start is to remember numbers for 100 steps. What does its cell do for it at the start of training?",
            [
                right("Little: the forget gate starts half shut, and forgets nearly like a plain RNN."),
                wrong(
                    "Much: whatever its biases are, the cell has no matrix on its path and keeps the gradient.",
                    "There is no matrix, but a gate of about 0.5, and $0.5^{100}$ is nothing.",
                ),
                wrong(
                    "Much: the forget gate starts open, and training shuts it where something is to be forgotten.",
                    "With biases near 0 the gate starts at $\\sigma(0) = 0.5$.",
                ),
                wrong(
                    "Little: the tanh between cell and output squashes the gradient once in every step.",
                    "That tanh stands between the cell and what is shown, not on the path from cell to cell.",
                ),
            ],
        )
        .because(
            "Measured, the factor of an LSTM as it comes was 0.65 a step, that of a plain RNN 0.58. With $b_f = \\ln T$ and $b_i = -\\ln T$ it solved the adding \
             problem at a lag of 100 in the 500 steps that it needed at lag 0.",
            "How-far-back-does-the-gradient-reach?--V5",
            "lstm_reach(b, false",
        ),
        predict("14-5", &["B1", "V5"], 1, |rng| {
            let (steps, cut) = (whole(rng, 9, 16), whole(rng, 2, 4));
            let seed = u64::from(whole(rng, 0, 1 << 30));
            Ok(drawn(
                format!(
                    "An LSTM reads {steps} numbers. Its state is detached {cut} steps before the end. For how many of the {steps} numbers is the \
                     gradient of a loss at the end exactly 0?"
                ),
                f64::from(steps - cut),
            )
            .within(0.0)
            .mistake(f64::from(cut), "those are the steps that the gradient still reaches")
            .mistake(f64::from(steps), "up to the cut the gradient is the same as without one")
            .mistake(0.0, "beyond the cut no gradient flows at all, not even a small one")
            .measure(move || zeros_beyond(steps as usize, cut as usize, seed))
            .worked(format!("${steps} - {cut} = {}$.", steps - cut)))
        })
        .because(
            "Detaching lets the numbers of the state go on as constants. Beyond the cut the gradient is exactly 0, up to the cut it is \
             whole.",
            "Cut-the-graph:-truncated-backpropagation-through-time--B1",
            "let zeros",
        ),
        choice(
            "14-6",
            &["B1"],
            3,
            "Two numbers of a long sequence are marked, and their sum is asked for at the end. The gradient is cut so that it reaches the \
             second mark but never the first. Yet the trained LSTM adds both. How can that be?",
            [
                right("It learned at the second mark, with weights that serve every step."),
                wrong(
                    "The state carries the gradient of the first mark across the cut in its numbers.",
                    "A detached state is a constant, through which no gradient flows.",
                ),
                wrong(
                    "A cut gradient is small but not 0, and many training steps add it up.",
                    "Beyond the cut it is exactly 0 in every step.",
                ),
                wrong(
                    "The forward pass is cut as well, so that the first mark moves behind the cut.",
                    "The forward pass is the same for every cut; only the gradient ends earlier.",
                ),
            ],
        )
        .because(
            "A cut limits from what the net can *learn*, not how long it can *remember*. With the cut behind both marks it learned \
             nothing; with one of them in reach the other was added too.",
            "What-can-be-learned-with-a-cut?",
            "fn train_truncated",
        ),
        derive(
            "14-7",
            &["B1"],
            2,
            "The smallest recurrent net is $h_t = a\\, h_{t-1} + x_t$. The state $u$ two steps before the end is detached, so that the last \
             state is $a(a u + x) + y$ with the last two inputs $x$ and $y$. The next line is its derivative with respect to $a$ as \
             truncated backpropagation gives it.",
            [real("a", 0.2, 1.5), real("u", 0.5, 2.0), real("x", 0.5, 2.0)],
            |v| 2.0 * v[0] * v[1] + v[2],
            [
                mistake(|v| v[0] * v[1] + v[2], "that leaves out the use of $a$ one step earlier"),
                mistake(|v| v[0] * v[0], "that is the derivative with respect to the detached state"),
            ],
        )
        .because(
            "$a^2 u + a x + y$ has the derivative $2 a u + x$ if $u$ is a constant. Without the cut $2 a u + x + a^2\\, \\partial u/\\partial a$ would \
             stand there: what is cut is only the last term.",
            "Cut-the-graph:-truncated-backpropagation-through-time--B1",
            "let (before, after)",
        ),
        choice(
            "14-8",
            &["V5"],
            3,
            "A ReLU RNN that starts with the identity as recurrent matrix is trained by Adam with $\\beta_2 = 0.999$. At a rate of 0.003 it \
             learns with clipping to norm 1, and not at all without. Adam divides by the size of the gradient anyway; why does clipping \
             matter?",
            [
                right("A few huge first gradients fill Adam's $\\hat v$, so that its steps stay tiny for long."),
                wrong(
                    "Adam's steps are as long as the gradient, so that the first of them throw the weights far away.",
                    "Adam divides by the size, so huge gradients alone make no long steps.",
                ),
                wrong(
                    "Clipping lifts the gradients of early steps in time, which have vanished, up to the norm of 1.",
                    "Clipping multiplies the whole gradient by one number of at most 1.",
                ),
                wrong(
                    "Clipping bounds the weights, so that the recurrent matrix stays near the identity.",
                    "It bounds the gradient; weights may go anywhere.",
                ),
            ],
        )
        .because(
            "$\\hat v$ forgets within some $1/(1 - \\beta_2)$ steps. The test of this explanation: with $\\beta_2 = 0.9$ and no clipping the net \
             learned as well.",
            "Explosion,-and-clipping--V5",
            "let ways",
        ),
        choice(
            "14-9",
            &["V5"],
            1,
            "An LSTM's cell is $c_t = f_t \\odot c_{t-1} + i_t \\odot g_t$. Along the cell alone, what is $\\partial c_t/\\partial c_{t-1}$?",
            [
                right("$f_t$, for each unit its own"),
                wrong("$1$, for each unit the same", "That was the LSTM of 1997, before it had a forget gate."),
                wrong("$W_{hh}^\\top \\operatorname{diag}(1 - c_t^2)$", "That is the way through a state with tanh, as in a plain RNN."),
                wrong("$o_t \\odot (1 - \\tanh^2 c_t)$", "That is $\\partial h_t/\\partial c_t$, how the cell is shown."),
            ],
        )
        .because(
            "No matrix and no squashing function lie on this path: over many steps $\\partial c_T/\\partial c_t = \\prod_s f_s$. The net *chooses* \
             the factor, for each unit and each moment.",
            "The-LSTM:-a-cell-with-gates--V5",
            "fn lstm_step",
        ),
        code(
            "14-10",
            &["B1"],
            2,
            "The gradient should end where `present` begins. What is wrong?",
            snippet!("recurrent/last_output"),
            [
                fault(7, "One of the two states is handed on with its graph."),
                sound(6, "The past is read in training mode, so that its graph is kept.", "The mode decides about dropout; what is detached has no graph."),
                sound(6, "The past is read without a state to start from.", "`None` stands for zeros."),
                sound(8, "The present is read with its graph, which should be cut as well.", "Then no gradient would be left."),
            ],
            || {
                let (given, mended) = (reaches(last_output::last_output)?, reaches(last_output_mended::last_output)?);
                Ok(Evidence::new("norm of the gradient that reaches the past", given, mended, 0.0))
            },
        )
        .because(
            "An LSTM hands on two vectors. It is the cell, with its forget gate, that carries a gradient farthest; so this cut hardly cuts \
             at all. `LstmState::detach` detaches both.",
            "Cut-the-graph:-truncated-backpropagation-through-time--B1",
            "fn last_steps",
        ),
    ]
}

/// Of how many steps the input has a gradient of exactly 0.
fn zeros_beyond(steps: usize, cut: usize, seed: u64) -> Result<f64> {
    let layer = lstm(1, 3, Params::with_dtype(seed, DType::F64, &Device::Cpu)?)?;
    let x = Var::from_tensor(&normal(&mut seeded(seed), 0.0, 1.0, (steps, 1, 1), DType::F64, &Device::Cpu)?)?;
    let (_, gradients) = value_and_grad(|| {
        let (_, state) = layer.forward_with_state(&x.narrow(0, 0, steps - cut)?, None, Mode::Train)?;
        let present = x.narrow(0, steps - cut, cut)?;
        let (_, LstmState { h, .. }) = layer.forward_with_state(&present, Some(&state.detach()), Mode::Train)?;
        Ok(h.sqr()?.sum_all()?)
    })?;
    let gradient: Vec<f64> = match gradients.get(&x) {
        Some(gradient) => gradient.flatten_all()?.to_vec1()?,
        None => vec![0.0; steps],
    };
    Ok(gradient.iter().filter(|g| **g == 0.0).count() as f64)
}

/// The norm of the gradient that reaches the past.
fn reaches(last: fn(&Lstm, &Tensor, &Tensor) -> Result<Tensor>) -> Result<f64> {
    let layer = lstm(1, 3, Params::with_dtype(1, DType::F64, &Device::Cpu)?)?;
    layer.set_gate_bias(LstmGate::Forget, 2.0)?;
    let draw = |seed| normal(&mut seeded(seed), 0.0, 1.0, (4, 1, 1), DType::F64, &Device::Cpu);
    let (past, present) = (Var::from_tensor(&draw(1)?)?, draw(2)?);
    let (_, gradients) = value_and_grad(|| Ok(last(&layer, &past, &present)?.sqr()?.sum_all()?))?;
    Ok(gradients.get(&past).map_or(Ok(0.0), |g| g.sqr()?.sum_all()?.to_scalar::<f64>())?.sqrt())
}
