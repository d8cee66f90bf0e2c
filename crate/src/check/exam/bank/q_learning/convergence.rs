//! Questions on convergence, and tables too large.

use super::super::super::{Question, choice, drawn, next_line, number, pick, predict, right, select, whole, wrong};
use crate::rl::{QTable, StepSize};

pub(super) fn questions() -> Vec<Question> {
    vec![
        select(
            "22-10",
            &["Q3"],
            1,
            "Every pair of state and action is updated for ever. With which step sizes for its $n$th update does the table converge to $Q^*$, \
             by the theorem?",
            [
                right("$\\alpha_n = 1/n$"),
                right("$\\alpha_n = n^{-0.6}$"),
                wrong("$\\alpha_n = 0.01$", "A constant step keeps its noise: the sum of the squares is infinite."),
                wrong("$\\alpha_n = n^{-0.5}$", "The sum of the squares is $\\sum 1/n$, which is infinite."),
                wrong("$\\alpha_n = n^{-2}$", "The sum of the steps is finite, so that the table stops wherever it is."),
            ],
        )
        .because(
            "$\\sum \\alpha_n = \\infty$, so that one can get anywhere, and $\\sum \\alpha_n^2 < \\infty$, so that the noise dies out: $n^{-\\omega}$ with \
             $\\frac12 < \\omega \\le 1$.",
            "It-converges,-but-when?--Q3",
            "fn errors",
        ),
        number("22-11", &["Q3"], 2, |rng| {
            let (alpha, gamma, n) = (pick(rng, [0.15, 0.25, 0.5]), pick(rng, [0.8, 0.9, 0.95]), 10 * whole(rng, 2, 10));
            let left = f64::powi(1.0 - alpha * (1.0 - gamma), n as i32);
            Ok(drawn(
                format!(
                    "One state, one action, the same reward at each step for ever, $\\gamma = {gamma}$. The entry begins at 0 and is updated with the constant \
                     step $\\alpha = {alpha}$. Which share of its error is left after {n} updates?"
                ),
                left,
            )
            .within_share(0.02)
            .mistake(f64::powi(1.0 - alpha, n as i32), "the target moves with the entry, so that less than $\\alpha$ of the error goes at a step")
            .mistake(f64::powi(gamma, n as i32), "that would be for a step of $\\alpha = 1$")
            .worked(format!("$(1 - {alpha} \\cdot (1 - {gamma}))^{{{n}}} = {left:.7}$.")))
        })
        .because(
            "$Q^* - Q$ is multiplied by $1 - \\alpha(1 - \\gamma)$: the horizon $1/(1 - \\gamma)$ slows down what the step alone would do. Without noise a \
             constant step converges; with it, it does not.",
            "Why-is-1/n-so-slow?",
            "fn one_state",
        ),
        predict("22-12", &["Q3"], 3, |rng| {
            let (gamma, thousands) = (pick(rng, [0.9, 0.92, 0.95]), pick(rng, [20, 50, 100, 200]));
            let n = 1000 * thousands;
            let left = f64::powf(f64::from(n), gamma - 1.0);
            Ok(drawn(
                format!(
                    "One state, one action, the same reward at each step for ever, nothing random, $\\gamma = {gamma}$. The entry begins at 0 and is updated with \
                     $\\alpha_n = 1/n$. Which share of its error is left after {thousands} 000 updates?"
                ),
                left,
            )
            .within_share(0.1)
            .mistake(1.0 / f64::from(n), "the target moves with the entry: it is no mean of $n$ fixed numbers")
            .mistake(1.0 / f64::from(n).sqrt(), "there is no noise to be averaged; it is the horizon that makes it slow")
            .mistake(0.0, "far from it: the steps become small before the entry has arrived")
            .measure(move || {
                let (value, mut q) = (1.0 / (1.0 - gamma), 0.0);
                for k in 1..=n {
                    q += StepSize::SampleAverage.at(k as u64) * (1.0 + gamma * q - q);
                }
                Ok((value - q) / value)
            })
            .worked(format!("${n}^{{-(1 - {gamma})}} = {left:.3}$, and a little less.")))
        })
        .because(
            "After $n$ updates about $n^{-(1-\\gamma)}$ of the error is left. To leave a share $\\delta$ takes $\\delta^{-1/(1-\\gamma)}$ updates, exponential in the \
             horizon; with $n^{-\\omega}$, $\\omega < 1$, a polynomial number is enough.",
            "Why-is-1/n-so-slow?",
            "fn one_state",
        ),
        number("22-13", &["Q3"], 2, |rng| {
            let (alpha, later) = (pick(rng, [0.1, 0.2, 0.3]), whole(rng, 3, 12));
            let weight = alpha * f64::powi(1.0 - alpha, later as i32);
            Ok(drawn(
                format!(
                    "An entry is updated towards one target after another with the constant step $\\alpha = {alpha}$. Which weight has a target in the entry after \
                     {later} further updates?"
                ),
                weight,
            )
            .within_share(0.01)
            .mistake(f64::powi(1.0 - alpha, later as i32), "at its own update a target gets the weight $\\alpha$ only")
            .mistake(alpha, "each later update leaves a share $1 - \\alpha$ of it")
            .mistake(f64::powi(alpha, later as i32), "what is left at each update is $1 - \\alpha$, not $\\alpha$")
            .worked(format!("${alpha} \\cdot (1 - {alpha})^{{{later}}} = {weight:.5}$.")))
        })
        .because(
            "$Q \\leftarrow (1 - \\alpha) Q + \\alpha y$. A constant step remembers the last $1/\\alpha$ targets or so, dice and all: it keeps its noise, and \
             follows a world that changes.",
            "It-converges,-but-when?--Q3",
            "fn errors",
        ),
        next_line(
            "22-14",
            &["Q1", "Q3"],
            3,
            "$(TV)(s) = \\max_a [\\dots]$ with averages over next states inside. For two guesses, $|(TV)(s) - (TW)(s)|$ is at most the largest \
             difference over the actions, which is $\\gamma$ times an average of $V(s') - W(s')$. What follows?",
            [
                right("$\\lVert TV - TW\\rVert_\\infty \\le \\gamma\\, \\lVert V - W\\rVert_\\infty$, so there is at most one fixed point if $\\gamma < 1$."),
                wrong("$\\lVert TV - TW\\rVert_\\infty = \\gamma\\, \\lVert V - W\\rVert_\\infty$, so each sweep leaves exactly $\\gamma$ of the error.", "An average differs by no more than the largest difference, and often by less."),
                wrong("$\\lVert TV - TW\\rVert_2 \\le \\gamma\\, \\lVert V - W\\rVert_2$, so there is at most one fixed point if $\\gamma < 1$.", "The steps of the proof hold in the maximum norm."),
                wrong("$\\lVert TV - TW\\rVert_\\infty \\le \\lVert V - W\\rVert_\\infty$, so there is at most one fixed point for any $\\gamma$.", "Two fixed points could stay where they are then."),
            ],
        )
        .because(
            "Two fixed points would stay where they are and yet come closer. That there *is* one is Banach's theorem, which also says that sweeps \
             from any start lead there.",
            "Why-one-solution,-and-how-fast?",
            "let bound",
        ),
        number("22-15", &["Q4"], 1, |rng| {
            let (bins, actions) = (whole(rng, 6, 20), whole(rng, 2, 4));
            let q = QTable::new(bins.pow(4) as usize, actions as usize)?;
            let (m, a) = (f64::from(bins), f64::from(actions));
            Ok(drawn(
                format!(
                    "A state is four real numbers, each cut into {bins} bins, and there are {actions} actions. How many bytes does a table of 64-bit numbers \
                     take?"
                ),
                q.bytes() as f64,
            )
            .within_share(0.01)
            .unit("bytes")
            .mistake(8.0 * 4.0 * m * a, "every *combination* of bins has a row of its own")
            .mistake(8.0 * m.powi(4), "each action has an entry of its own")
            .mistake(m.powi(4) * a, "those are the entries; each takes eight bytes")
            .worked(format!("$8 \\cdot {actions} \\cdot {bins}^4 = {}$.", 8.0 * a * m.powi(4))))
        })
        .because(
            "$m^d$ boxes: twice the bins take $2^d$ times the table. And it is not only memory: each box has to be met.",
            "Too-large-for-a-table--Q4",
            "fn in_boxes",
        ),
        choice(
            "22-16",
            &["Q4"],
            2,
            "CartPole by a table: with 50 000 steps of experience more than 4 bins a number brought no gain, and 40 bins (41 MB) earned less. What \
             ran out?",
            [
                right("Experience: with 40 bins 0.2 % of the boxes was ever met, and none learns from another."),
                wrong("Memory: 41 MB are more than the fast memory of a processor, so that updates came too late.", "41 MB are nothing, and the number of steps was the same for all tables."),
                wrong("Precision: with fine bins the differences between neighbouring entries were lost to rounding.", "An entry is a 64-bit number, whatever the size of its box."),
                wrong("Exploration: with fine bins the agent found the best action at once and tried no others.", "How often it acts at random does not depend on the bins."),
            ],
        )
        .because(
            "With 400 000 steps more than 12 bins brought no gain, and all tables from 12 bins on gained from more experience. A net in the place of the table \
             does know neighbours.",
            "Too-large-for-a-table--Q4",
            "let less",
        ),
    ]
}
