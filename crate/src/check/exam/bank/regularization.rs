//! Questions on `06-l2-regularization`.

mod proximal;
mod proximal_mended;

use super::super::{
    Evidence, Question, choice, code, decimal, derive, drawn, fault, mistake, number, pick, predict, real, right,
    sound, whole, wrong,
};
use super::snippet;
use crate::prelude::*;
use candle_core::backprop::GradStore;

pub(super) fn questions() -> Vec<Question> {
    vec![
        number("06-1", &["R1"], 2, |rng| {
            let (a, lambda) = (-decimal(rng, 2.2, 3.0, 1), decimal(rng, 0.4, 1.0, 1));
            let w = a + lambda / 2.0;
            Ok(drawn(
                format!("For one weight the data's loss is $(w - a)^2$ with $a = {a}$. Which $w$ minimises $(w - a)^2 + {lambda} \\lvert w \\rvert$?"),
                w,
            )
            .within(0.01)
            .mistake(a + lambda, "the derivative of the square has a factor 2: the threshold is $\\lambda/2$")
            .mistake(a / (1.0 + lambda), "that is the minimum with L2, which scales")
            .mistake(a - lambda / 2.0, "the penalty pulls towards 0, not away from it")
            .worked(format!("$\\lvert a \\rvert - \\lambda/2 = {:.2}$, with the sign of $a$: ${w:.2}$.", -w)))
        })
        .because(
            "With $w < 0$ the derivative is $2(w - a) - \\lambda$, which is 0 at $w = a + \\lambda/2$. In general the minimum is \
             $\\mathrm{sign}(a) \\max(\\lvert a\\rvert - \\lambda/2, 0)$: L1 subtracts and stops at zero, where L2 scales by $1/(1 + \\lambda)$.",
            "L1:-exact-zeros--R1",
            "fn l1_shrink",
        ),
        choice(
            "06-2",
            &["R1"],
            3,
            "20 samples, 200 weights drawn from $N(0, 1)$, gradient descent. An L2 penalty divided the test error by thousands, and still it was \
             hardly below that of a constant answer. What did the penalty repair?",
            [
                right("The random start: along the 180 directions that no sample reaches, only a penalty moves the weights."),
                wrong(
                    "The fitted noise: without it the weights follow the noise of the 20 targets.",
                    "The noise is 0.01; from a start at zero the penalty divides the test error by 1.1 only.",
                ),
                wrong(
                    "The learning rate: without it the steps are too long, and the training diverges.",
                    "Without it the training error falls to rounding.",
                ),
                wrong(
                    "The irrelevant inputs: it sets the weights of those to zero with which the target has nothing to do.",
                    "All 200 inputs matter a little here, and L2 makes no weight zero.",
                ),
            ],
        )
        .because(
            "The gradient of the data lies in the span of the 20 samples. Along all other directions an unpenalised weight stays where it was drawn. \
             From $N(0, 1)$ the gain was a factor of 8 800, from $N(0, 0.01^2)$ of 2, from zero of 1.1.",
            "Twenty-samples,-two-hundred-weights--R1",
            "let mut factors",
        ),
        code(
            "06-3",
            &["R1"],
            2,
            "What is wrong?",
            snippet!("regularization/proximal"),
            [
                fault(6, "The threshold must be $\\eta\\lambda$: a step of size $\\eta$ has only so much of the penalty."),
                sound(
                    5,
                    "The gradient of the square has a factor 2, which is missing here.",
                    "Of $\\tfrac12 (w - a)^2$ it is $w - a$.",
                ),
                sound(
                    5,
                    "The derivative of the penalty is missing: $\\lambda\\, \\mathrm{sign}(w)$ belongs into this step.",
                    "The soft threshold of the next line takes its place; with both it would count twice.",
                ),
                sound(
                    3,
                    "From 0 the weight cannot move, since $\\lvert w \\rvert$ has no derivative there.",
                    "A proximal step takes no derivative of the penalty; the data's step moves the weight.",
                ),
            ],
            || {
                let (a, lambda) = (2.0f64, 0.5);
                let right = a.signum() * (a.abs() - lambda).max(0.0);
                let (given, mended) = (proximal::proximal(a, lambda, 0.1, 400), proximal_mended::proximal(a, lambda, 0.1, 400));
                Ok(Evidence::new("weight for a = 2, λ = 0.5 after 400 steps of 0.1", given, mended, right))
            },
        )
        .because(
            "$w \\leftarrow S_{\\eta\\lambda}(w - \\eta\\nabla\\rho)$: first the data's gradient step, then the soft threshold by $\\eta\\lambda$. That \
             makes exact zeros; plain subgradient steps hover within a few $\\eta\\lambda$ of zero.",
            "L1:-exact-zeros--R1",
            "fn proximal",
        ),
        choice(
            "06-4",
            &["R1"],
            2,
            "20 samples have 200 inputs each. Once all inputs matter a little for the target, once only two of them do. With $\\lambda$ chosen in \
             validation, how did L1 and L2 compare?",
            [
                right("L2 was better where all matter, L1 by far where two do."),
                wrong(
                    "L1 was better in both cases: with 20 samples at most 20 weights can be known.",
                    "Where all inputs matter, validation chose a $\\lambda$ so large that L1 gave the constant answer.",
                ),
                wrong(
                    "L2 was better in both cases: L1 drops inputs at random where samples are few.",
                    "Where two matter, L1's error was below 0.05 in eight of ten draws, and L2's 1.8 on average.",
                ),
                wrong(
                    "They were the same in both cases: either leaves as many weights as there are samples.",
                    "L2 zeroes none of the 200, it keeps all of them small.",
                ),
            ],
        )
        .because(
            "Which penalty is better depends on the truth. L1 bets that few weights count: it then found the two in eight of ten draws. L2 spreads \
             them over all 200 weights, and wins where all of these matter.",
            "L1:-exact-zeros--R1",
            "fn penalties",
        ),
        number("06-5", &["R2"], 1, |rng| {
            let (eta, lambda) = (pick(rng, [0.05, 0.1]), decimal(rng, 0.5, 1.5, 1));
            let steps = whole(rng, 5, 10) as i32;
            let kept = 1.0 - 2.0 * eta * lambda;
            Ok(drawn(
                format!(
                    "Plain gradient descent with $\\eta = {eta}$ lowers $\\rho(w) + {lambda} \\lVert w \\rVert^2$. The data say nothing of one weight: its \
                     $\\partial\\rho/\\partial w$ is 0. Which share of its value is left after {steps} steps?"
                ),
                kept.powi(steps),
            )
            .mistake((1.0 - eta * lambda).powi(steps), "the derivative of $\\lambda w^2$ is $2\\lambda w$")
            .mistake(1.0 - 2.0 * eta * lambda * f64::from(steps), "each step takes its share of what is left, not of the start")
            .worked(format!("$(1 - 2 \\cdot {eta} \\cdot {lambda})^{{{steps}}} = {:.4}$.", kept.powi(steps))))
        })
        .because(
            "$w \\leftarrow w - \\eta(\\nabla\\rho + 2\\lambda w) = (1 - 2\\eta\\lambda) w - \\eta\\nabla\\rho$: the weight decays by a share of \
             $2\\eta\\lambda$ at each step, hence \"weight decay\".",
            "What-does-the-penalty-add-to-a-step?--R2",
            "fn penalized",
        ),
        predict("06-6", &["R2"], 3, |rng| {
            let mu = pick(rng, [0.75, 0.8, 0.9]);
            let (lr, weight_decay) = (1e-3, pick(rng, [0.05, 0.1]));
            let times = 1.0 / (1.0 - mu);
            Ok(drawn(
                format!(
                    "SGD with momentum {mu}, a rate of {lr} and `weight_decay: {weight_decay}`, which is added to the gradient, as L2 in the loss \
                     is. A weight has no gradient from the data. Once the velocity has settled, how many times as fast does the weight decay as \
                     without momentum?"
                ),
                times,
            )
            .within_share(0.04)
            .mistake(1.0, "the penalty's gradient goes through the velocity as well, and builds up in it")
            .mistake(1.0 + mu, "the velocity adds up all past gradients, not the last two alone")
            .mistake(times / mu, "the gradient of this step counts in full: the sum is $1 + \\mu + \\mu^2 + \\dots$")
            .measure(move || {
                let params = Params::with_dtype(0, DType::F64, &Device::Cpu)?;
                let w = params.var("w", (), Init::Constant(1.0))?;
                let config = SgdConfig { lr, momentum: mu, weight_decay, ..SgdConfig::default() };
                let mut sgd = Sgd::new(params.trainable(), config)?;
                let mut none = GradStore::default();
                none.insert(&w, Tensor::new(0f64, &Device::Cpu)?);
                let mut path = Vec::new();
                for _ in 0..200 {
                    sgd.step(&none)?;
                    path.push(w.to_scalar::<f64>()?);
                }
                Ok((path[99] / path[199]).ln() / (100.0 * lr * weight_decay))
            })
            .worked(format!("$1/(1 - {mu}) = {times}$.")))
        })
        .because(
            "The velocity is the sum $g + \\mu g + \\mu^2 g + \\dots$ of past gradients, $1/(1 - \\mu)$ times the present one where it changes \
             slowly. So with momentum L2 in the loss is no longer the decay $\\eta\\lambda'$; with 0.9 the chapter measured 10.2 times as much.",
            "Why-the-name-weight-decay?--R2",
            "let decays",
        ),
        choice(
            "06-7",
            &["R2"],
            2,
            "Adam with L2 in the loss: which weights hardly decay?",
            [
                right("Those with large data gradients: the penalty's share is divided by their large root too."),
                wrong(
                    "Those with small data gradients: their running mean square is small, and so are their steps.",
                    "A small root makes the steps of the penalty longer: such weights decay fastest.",
                ),
                wrong(
                    "Those that are large: the penalty is divided by the root of its own square.",
                    "That holds where the penalty is all of the gradient; a weight of any size hardly decays if its data gradient is large.",
                ),
                wrong(
                    "None: the division is a learning rate for each weight, and leaves the decay alone.",
                    "The penalty is part of the gradient, so it is divided as well; in AdamW it is not.",
                ),
            ],
        )
        .because(
            "For a weight whose data gradient has size $s$ the decay is about $\\eta\\lambda'/\\sqrt{s^2 + (\\lambda'\\bar w)^2}$ a step. The chapter \
             measured $1.2 \\cdot 10^{-3}$ for $s = 0.01$ and $10^{-6}$ for $s = 100$, and $10^{-4}$ for both with AdamW.",
            "Which-weights-does-Adam-fail-to-decay?",
            "fn decay_rates",
        ),
        number("06-8", &["R2"], 3, |rng| {
            let s = f64::from(whole(rng, 3, 30));
            let lambda = pick(rng, [0.1, 0.2]);
            let ratio = (s * s + lambda * lambda).sqrt();
            Ok(drawn(
                format!(
                    "A weight near 1 gets data gradients $+{s}, -{s}, +{s}, \\dots$, which cancel. About how many times as fast does it decay under AdamW as \
                     under Adam with L2 in the loss, both with `weight_decay: {lambda}` and the same rate?"
                ),
                ratio,
            )
            .within_share(0.03)
            .mistake(1.0, "Adam divides the penalty's gradient by the root of the mean square, AdamW shrinks the weight apart from it")
            .mistake(1.0 / ratio, "it is the other way round: with large gradients Adam lets go of the weight")
            .mistake(s * s, "it divides by the root of the mean square, not by the mean square")
            .worked(format!("$\\sqrt{{{s}^2 + {lambda}^2}} = {ratio:.2}$.")))
        })
        .because(
            "AdamW takes $\\eta\\lambda'$ of the weight at each step. Under Adam the penalty's share $\\lambda' w$ is divided by \
             $\\sqrt{\\hat v} \\approx \\sqrt{s^2 + (\\lambda' w)^2}$. With AdamW $\\lambda'$ means the same for every weight.",
            "Which-weights-does-Adam-fail-to-decay?",
            "fn decay_rates",
        ),
        derive(
            "06-9",
            &["R2"],
            1,
            "One weight, one sample: $L(w) = (w x - y)^2 + \\lambda w^2$. The next line is $dL/dw$.",
            [real("w", -2.0, 2.0), real("x", 0.5, 2.0), real("y", -1.0, 1.0), real("lambda", 0.1, 0.9)],
            |v| 2.0 * v[1] * (v[0] * v[1] - v[2]) + 2.0 * v[3] * v[0],
            [
                mistake(|v| 2.0 * v[1] * (v[0] * v[1] - v[2]) + 2.0 * v[0], "the $\\lambda$ of the penalty is lost"),
                mistake(|v| 2.0 * v[1] * (v[0] * v[1] - v[2]) + v[3] * v[0], "the factor 2 of the penalty's derivative is lost"),
                mistake(|v| 2.0 * (v[0] * v[1] - v[2]) + 2.0 * v[3] * v[0], "the inner derivative $x$ is missing"),
            ],
        )
        .because(
            "$\\partial L/\\partial w = \\partial\\rho/\\partial w + 2\\lambda w$. Without the $\\lambda$, as some notes have it, the gradient is wrong \
             unless $\\lambda = 1$. It need not become larger: where the data push up and the penalty pulls down, it becomes smaller.",
            "What-does-the-penalty-add-to-a-step?--R2",
            "fn penalized",
        ),
        choice(
            "06-10",
            &["R3"],
            3,
            "\"Small weights mean that a model does not overfit.\" Which measurement of the chapter refutes this sentence?",
            [
                right("With inputs in tenths, the overfitted polynomial has weights of length 0.49 and the same test error."),
                wrong(
                    "With inputs in tens, the best polynomial has weights of length $5 \\cdot 10^{14}$ and the same test error.",
                    "That shows that large weights do not mean overfitting: the other direction.",
                ),
                wrong(
                    "At $\\lambda = 10$ the weights are small, and the test error is 3.4 times that at the best $\\lambda$ or more.",
                    "That model underfits: its training error is large as well.",
                ),
                wrong(
                    "Along a path of falling $\\lambda$ the length of the weights rises, and in the end the test error does.",
                    "That is what the sentence would lead one to expect.",
                ),
            ],
        )
        .because(
            "The size of a weight depends on the unit of its input: for $x' = 10x$ the same curve has weights $w_k/10^k$. For fixed features and data \
             overfitting comes with large weights; in general neither direction holds. So inputs are standardised before weights are penalised.",
            "Large-weights-and-overfitting--R3",
            "fn in_unit",
        ),
        number("06-11", &["R3", "R1"], 2, |rng| {
            let n = f64::from(whole(rng, 10, 20));
            let (xx, xy) = (f64::from(whole(rng, 20, 40)), f64::from(whole(rng, 15, 30)));
            let lambda = decimal(rng, 0.5, 1.5, 1);
            let w = xy / (xx + n * lambda);
            Ok(drawn(
                format!(
                    "Ridge regression with one weight and no bias on {n} samples: $\\frac1n\\sum_i (w x_i - y_i)^2 + {lambda} w^2$ is to be minimised, with \
                     $\\sum_i x_i^2 = {xx}$ and $\\sum_i x_i y_i = {xy}$. What is $w$?"
                ),
                w,
            )
            .mistake(xy / (xx + lambda), "the loss is a mean: multiplied by $n$, the penalty has that factor")
            .mistake(xy / (xx + 2.0 * n * lambda), "the factor 2 stands before both terms, and cancels")
            .mistake(xy / xx, "that is the minimum without a penalty")
            .worked(format!("${xy}/({xx} + {n} \\cdot {lambda}) = {w:.4}$.")))
        })
        .because(
            "Setting $\\frac2n \\sum_i x_i (w x_i - y_i) + 2\\lambda w$ to zero gives $w = \\sum xy/(\\sum x^2 + n\\lambda)$, in general \
             $(\\frac1n\\Phi^\\top\\Phi + \\lambda D) w = \\frac1n\\Phi^\\top y$.",
            "Large-weights-and-overfitting--R3",
            "fn ridge",
        ),
        number("06-12", &["R3"], 1, |rng| {
            let (k, w) = (whole(rng, 2, 4), f64::from(whole(rng, 20, 90)));
            let scale = 10f64.powi(k as i32);
            Ok(drawn(
                format!(
                    "A polynomial in $x$ has the coefficient {w} at $x^{k}$. Now the input is measured in tenths, $x' = 10x$, and the curve is to stay the \
                     same. What is its coefficient at $x'^{k}$?"
                ),
                w / scale,
            )
            .mistake(w / 10.0, "the unit enters with the power of $x$")
            .mistake(w * scale, "larger numbers at the input need smaller coefficients")
            .mistake(w, "the curve would be another one")
            .worked(format!("$w_k x^k = (w_k/10^k)(10x)^k$: {w} is divided by {scale}.")))
        })
        .because(
            "The same function has other weights in other units, so that their length alone tells nothing of overfitting. In the chapter the \
             overfitted curve of length $3.8 \\cdot 10^4$ came down to 0.49 in this way, with the same test error.",
            "Large-weights-and-overfitting--R3",
            "fn in_unit",
        ),
    ]
}
