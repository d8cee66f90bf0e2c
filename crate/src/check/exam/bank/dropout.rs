//! Questions on `07-dropout`. In all of them p is the probability to drop, and the text says so.

mod inverted;
mod inverted_mended;

use super::super::{
    Evidence, Question, choice, code, count, derive, drawn, fault, mistake, number, pick, predict, real, right, sound,
    whole, wrong,
};
use super::snippet;
use crate::nn::{DropoutConfig, SubNetworks, dropout};
use crate::prelude::*;

pub(super) fn questions() -> Vec<Question> {
    vec![
        number("07-1", &["R4"], 2, |rng| {
            let (p, units) = (pick(rng, [0.2, 0.3, 0.4]), whole(rng, 3, 8) as i32);
            let same: f64 = p * p + (1.0 - p) * (1.0 - p);
            Ok(drawn(
                format!(
                    "A layer of {units} units has dropout with the probability {p} to drop. With which probability do two samples get the same \
                     sub-network?"
                ),
                same.powi(units),
            )
            .mistake(0.5f64.powi(units), "that holds for $p = \\tfrac12$, where all masks are equally likely")
            .mistake((1.0 - p).powi(2 * units), "two masks also agree in units that both drop")
            .mistake(same, "that is the probability for one unit: all of them must agree")
            .worked(format!("$({p}^2 + {:.1}^2)^{{{units}}} = {:.4}$.", 1.0 - p, same.powi(units))))
        })
        .because(
            "Two coins agree with probability $p^2 + (1 - p)^2$, and the units are independent. At $p = \\tfrac12$ that is $2^{-H}$: with 64 units \
             even 600 000 samples have less than one chance in $10^8$ that any two agree.",
            "How-many-networks-is-that?--R4",
            "let fair",
        ),
        choice(
            "07-2",
            &["R4"],
            1,
            "A batch of images passes a layer with dropout in training. Who shares a mask?",
            [
                right("Nobody: each image draws its own at each pass, and another one in the next epoch."),
                wrong(
                    "The batch: one mask is drawn for all its images, so that their gradients can be averaged.",
                    "Gradients of different sub-networks can be averaged just as well, since these share their weights.",
                ),
                wrong(
                    "The epochs: each image draws its mask once, and keeps it until training ends.",
                    "Then a unit could lean on the partners that its images always leave it.",
                ),
                wrong(
                    "The layers: one mask is drawn for each image, and used in every layer of equal width.",
                    "Each layer has coins of its own: 64 masks each of two layers all differed in the chapter.",
                ),
            ],
        )
        .because(
            "Dropout tosses an independent coin for each unit of each sample at each pass. In the chapter 192 masks of two layers and two passes \
             were 192 different ones. With a mask that the batch shares, the share of kept units would scatter far too much.",
            "One-coin-for-each-unit-of-each-sample--R4",
            "let different",
        ),
        derive(
            "07-3",
            &["R4"],
            3,
            "The same input comes $k$ times, the target is $y = x$, the model $\\sum_i w_i x$. With inverted dropout on the inputs ($p$: probability \
             to drop) the expected loss is $\\big((1 - \\sum_i w_i)^2 + \\tfrac{p}{1-p}\\sum_i w_i^2\\big)\\,\\mathbb{E}[x^2]$. At the minimum all $w_i$ \
             are equal; the next line is their value, in $k$ and $p$.",
            [count("k", 2, 8), real("p", 0.1, 0.7)],
            |v| 1.0 / (v[0] + v[1] / (1.0 - v[1])),
            [
                mistake(|v| 1.0 / v[0], "that is without the penalty, where any weights that sum to 1 would do"),
                mistake(|v| 1.0 / (v[0] + (1.0 - v[1]) / v[1]), "$p$ and $1 - p$ are exchanged"),
                mistake(|v| (1.0 - v[1]) / v[0], "the derivative of the penalty is $2\\tfrac{p}{1-p} w_i$, for each weight by itself"),
            ],
        )
        .because(
            "With $w_i = w$ the derivative of $(1 - kw)^2 + \\tfrac{p}{1-p} k w^2$ is 0 at $w = 1/(k + \\tfrac{p}{1-p})$. Dropout acts as an L2 penalty \
             here, and breaks a co-adapted pair such as 10 and $-9$: in the chapter it came to a third each at $p = \\tfrac12$.",
            "Features-that-lean-on-each-other--R4",
            "fn train_pair",
        ),
        choice(
            "07-4",
            &["R4", "F3"],
            3,
            "The chapter asks whether dropout narrows the gap between training and test loss. Why does it compare nets with and without it at an \
             equal training loss, and not after equally many epochs?",
            [
                right("After equally many epochs the net with dropout has fitted less, and a net that has fitted less has a smaller gap in any case."),
                wrong(
                    "After equally many epochs the training losses cannot be compared, since the loss of a net with dropout is a random number.",
                    "Both are measured with dropout off, after as many epochs as one likes.",
                ),
                wrong(
                    "After equally many epochs the net with dropout has seen fewer images, since each image trains a part of the units only.",
                    "It has seen the same images; what differs is how far it has fitted them.",
                ),
                wrong(
                    "At an equal training loss both have equally large weights, so that the effect of an L2 penalty is taken out.",
                    "They have not: the output weights were larger with dropout.",
                ),
            ],
        )
        .because(
            "At a training loss of 0.25 the gap was narrower by 9 to 17 % with dropout, after 41 epochs in place of 26. So dropout does more than slow \
             the training down. Fewer contributions cancelled, and features were less correlated.",
            "Features-that-lean-on-each-other--R4",
            "fn measure",
        ),
        number("07-5", &["R5"], 1, |rng| {
            let p = pick(rng, [0.15, 0.2, 0.25, 0.3, 0.35, 0.4]);
            Ok(drawn(
                format!(
                    "A net was trained with plain masks of zeros and ones, with the probability {p} to drop a unit. In use nothing is dropped, and \
                     nothing is scaled. By which factor is a linear unit behind that layer larger than its mean in training?"
                ),
                1.0 / (1.0 - p),
            )
            .mistake(1.0 - p, "that factor would make it smaller; it is the remedy")
            .mistake(1.0 / p, "what counts is the probability to keep a unit")
            .mistake(1.0 + p, "the mean in training is $(1 - p)$ of the full sum: divide by that")
            .worked(format!("$1/(1 - {p}) = {:.3}$.", 1.0 / (1.0 - p))))
        })
        .because(
            "$\\mathbb{E}[\\sum_i m_i w_i x_i] = (1 - p)\\sum_i w_i x_i$, so the full sum is $1/(1 - p)$ times as large: 1.43 at $p = 0.3$, as measured. \
             The remedy is the factor $1 - p$ in use, or $1/(1 - p)$ in training.",
            "Too-large-by-p,-or-by-its-inverse?--R5",
            "let y_test",
        ),
        code(
            "07-6",
            &["R5"],
            2,
            "What is wrong?",
            snippet!("dropout/inverted"),
            [
                fault(9, "Training has scaled already: in use the outputs are left as they are."),
                sound(
                    5,
                    "A kept unit must be divided by the probability to drop, and not by that to keep.",
                    "The mean of $m h/(1 - p)$ is $h$, since a unit is kept with probability $1 - p$.",
                ),
                sound(
                    7,
                    "All units of a sample must share one coin, or its output is no longer that of a net.",
                    "One coin each: that is what makes a sub-network.",
                ),
                sound(
                    6,
                    "Masks must be drawn in use as well, or the net is not the one that was trained.",
                    "That would be Monte Carlo dropout, which takes the mean of many such passes.",
                ),
            ],
            || {
                let layer = dropout(0.3, Params::new(0, &Device::Cpu)?)?;
                let right = layer.forward(&Tensor::new(&[[2f64]], &Device::Cpu)?, Mode::Eval)?.sum_all()?.to_scalar::<f64>()?;
                let rng = &mut seeded(0);
                let given = inverted::inverted(&[2.0], 0.3, Mode::Eval, rng)[0];
                let mended = inverted_mended::inverted(&[2.0], 0.3, Mode::Eval, rng)[0];
                Ok(Evidence::new("an output of 2 in use, p = 0.3", given, mended, right))
            },
        )
        .because(
            "There are two places for the remedy, and one is enough. Standard dropout scales by $1 - p$ in use, inverted dropout by $1/(1 - p)$ in \
             training, which leaves the net that is shipped untouched. With both, the next layer hears $1 - p$ of what it was trained for.",
            "Too-large-by-p,-or-by-its-inverse?--R5",
            "fn train_to_use",
        ),
        number("07-7", &["R5"], 2, |rng| {
            let (h, p) = (f64::from(whole(rng, 2, 5)), pick(rng, [0.2, 0.3, 0.4]));
            let variance = h * h * p / (1.0 - p);
            Ok(drawn(
                format!(
                    "A unit puts out {h}. Inverted dropout with the probability {p} to drop makes of it a random number with the mean {h}. What is its \
                     variance?"
                ),
                variance,
            )
            .mistake(h * h * p * (1.0 - p), "that is without the factor $1/(1 - p)$ of a kept unit")
            .mistake(h * p / (1.0 - p), "a variance goes with the square of the output")
            .mistake(h * h * p, "the factor $1/(1 - p)$ is squared in a variance")
            .worked(format!("${h}^2 \\cdot {p}/(1 - {p}) = {variance:.3}$.")))
        })
        .because(
            "It is $h/(1 - p)$ with probability $1 - p$, so its mean square is $h^2/(1 - p)$, and less $h^2$ that is $h^2 p/(1 - p)$. Both remedies make \
             the means of training and use equal, and neither this spread, which a nonlinearity feels.",
            "Too-large-by-p,-or-by-its-inverse?--R5",
            None,
        ),
        number("07-8", &["R6"], 1, |rng| {
            let (times, error) = (whole(rng, 3, 12), pick(rng, [0.01, 0.02, 0.05]));
            let spread = (f64::from(times) * error * 100.0).round() / 100.0;
            let passes = f64::from(times * times);
            Ok(drawn(
                format!(
                    "One pass of Monte Carlo dropout scatters with a standard deviation of {spread} about the mean of all sub-networks. How many passes \
                     must be averaged for a standard error of {error}?"
                ),
                passes,
            )
            .within(0.0)
            .mistake(f64::from(times), "the error falls with the root of the number of passes")
            .mistake(2.0 * passes, "every pass is an independent draw of the whole net: none is lost")
            .worked(format!("$({spread}/{error})^2 = {passes}$.")))
        })
        .because(
            "The mean of $N$ independent passes is right on average, with a standard error of $\\sigma/\\sqrt N$. The chapter fitted a slope of \
             $-0.500$, with $\\sigma$ that of the exact ensemble.",
            "Monte-Carlo:-N-forward-passes--R6",
            "let mut sampled",
        ),
        choice(
            "07-9",
            &["R6"],
            1,
            "What is repeated in Monte Carlo dropout?",
            [
                right("Forward passes of one trained net, each with new masks; no parameter changes."),
                wrong(
                    "The training, each time with other masks; the nets' predictions are averaged.",
                    "That is an ensemble of $N$ nets, at $N$ times the cost of training.",
                ),
                wrong(
                    "The last epoch, each time with other masks; the weights are averaged.",
                    "Nothing is trained, and no weights are averaged: outputs are.",
                ),
                wrong(
                    "One pass for each of the $2^H$ sub-networks, weighted by its probability.",
                    "That is the exact mean which Monte Carlo approximates with a few draws.",
                ),
            ],
        )
        .because(
            "Notes that say \"repeat the training\" mean $N$ stochastic forward passes: the chapter counted 1, 10 and 100 of them, and found the same \
             weights afterwards. The error of the mean falls as $1/\\sqrt N$, at $N$ times the cost of a pass.",
            "Monte-Carlo:-N-forward-passes--R6",
            "struct Counted",
        ),
        predict("07-10", &["R6"], 3, |rng| {
            let (a, b) = (f64::from(whole(rng, 7, 9)), f64::from(whole(rng, 1, 3)));
            Ok(drawn(
                format!(
                    "Two hidden units put out 1 each. Behind inverted dropout with $p = \\tfrac12$ stands one ReLU unit, \
                     $\\operatorname{{relu}}({a}\\, h_1 - {b}\\, h_2)$. What is its mean over the four sub-networks?"
                ),
                a - b / 2.0,
            )
            .within_share(0.02)
            .mistake(a - b, "that is weight scaling: the function of the mean, and not the mean of the function")
            .mistake((a - b) / 2.0, "kept units are doubled in training")
            .mistake(a / 2.0, "the sub-network that keeps both units is missing")
            .measure(move || {
                let all = SubNetworks::new(2, DropoutConfig::default())?;
                let (x, w) = (Tensor::ones((1, 2), DType::F64, &Device::Cpu)?, Tensor::new(&[[a], [-b]], &Device::Cpu)?);
                Ok(all.predict(&x, |h| relu(&h.matmul(&w)?))?.mean.sum_all()?.to_scalar()?)
            })
            .worked(format!(
                "The four are 0, $2 \\cdot {a}$, 0 and $2({a} - {b})$, each with probability $\\tfrac14$: ${}$.",
                a - b / 2.0
            )))
        })
        .because(
            "ReLU is convex, so the mean of the function is at least the function of the mean (Jensen): weight scaling, with all units and nothing \
             scaled, says too little. Behind a linear layer the two would be equal.",
            "When-is-one-pass-with-scaled-weights-exact?--R6",
            "let relu_mean",
        ),
        choice(
            "07-11",
            &["R6"],
            2,
            "After training with dropout one pass with scaled weights is to give the *arithmetic* mean of all sub-networks' outputs. Behind which of \
             these does it do so exactly?",
            [
                right("A linear layer, whose outputs are the prediction."),
                wrong(
                    "A linear layer and softmax, with probabilities as the prediction.",
                    "There it gives the geometric mean, divided by its sum.",
                ),
                wrong(
                    "A linear layer and a ReLU, since $\\operatorname{relu}(ax) = a \\operatorname{relu}(x)$ for $a > 0$.",
                    "Scaling commutes with a ReLU, averaging does not: it is convex, and the mean is larger.",
                ),
                wrong(
                    "Two layers with dropout and a ReLU between them, if both are scaled.",
                    "What enters the second layer is biased through the ReLU.",
                ),
            ],
        )
        .because(
            "Weight scaling exchanges the mean and the function, which is allowed where the function is linear. With softmax the chapter found it off the \
             arithmetic mean by up to 0.39 in a probability, and equal to the normalised geometric mean to rounding.",
            "When-is-one-pass-with-scaled-weights-exact?--R6",
            "let linear_mean",
        ),
    ]
}
