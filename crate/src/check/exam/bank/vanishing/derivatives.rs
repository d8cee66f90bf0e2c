//! Questions on derivatives and saturation.

use super::super::super::{
    Evidence, Question, choice, code, decimal, derive, drawn, fault, mistake, number, pick, real, right, sound, whole,
    wrong,
};
use super::super::snippet;
use super::{dead_units, dead_units_mended, descend, descend_mended};

pub(super) fn questions() -> Vec<Question> {
    vec![
        number("13-1", &["V1"], 1, |rng| {
            let (delta, w, h) = (decimal(rng, 0.2, 0.9, 1), decimal(rng, 1.5, 3.0, 1), decimal(rng, 0.2, 0.8, 1));
            let value = delta * w * h * (1.0 - h);
            Ok(drawn(
                format!(
                    "In a chain of sigmoid units $z_l = w_l h_{{l-1}}$, $h_l = \\sigma(z_l)$, the last unit has $\\delta_3 = \\partial L/\\partial z_3 = \
                     {delta}$. Further $w_3 = {w}$ and $h_2 = {h}$. What is $\\delta_2 = \\partial L/\\partial z_2$?"
                ),
                value,
            )
            .within(0.0005)
            .mistake(delta * w, "the derivative of the activation is missing")
            .mistake(delta * w * h, "that has the activation's value in the place of its derivative")
            .mistake(delta * w * (1.0 - h * h), "$1 - h^2$ is the derivative of the tanh")
            .worked(format!("${delta} \\cdot {w} \\cdot {h} \\cdot (1 - {h}) = {value:.4}$.")))
        })
        .because(
            "$\\delta_l = \\delta_{l+1}\\, w_{l+1}\\, \\sigma'(z_l)$ with $\\sigma' = \\sigma(1 - \\sigma)$. A layer further from the loss has two more factors, a \
             weight and a derivative.",
            "Why-do-layers-learn-at-different-speeds?--V1",
            "fn backpropagate",
        ),
        choice(
            "13-2",
            &["V1", "V4"],
            2,
            "Is it a property of backpropagation that the layers next to the input learn more slowly than those next to the output?",
            [
                right("No: each layer adds its factor, and factors that exceed 1 make the first layers fast."),
                wrong(
                    "Yes: the error is divided among more and more units on its way back, whatever their weights are.",
                    "Nothing is divided; the error is multiplied by weights and derivatives, which may be large.",
                ),
                wrong(
                    "Yes: a derivative never exceeds 1, so that the gradient can only shrink on its way back.",
                    "The factor contains the weights as well, and these may outweigh the derivative.",
                ),
                wrong(
                    "No: all layers get gradients of one size, and only the learning rate decides how fast they learn.",
                    "In a sigmoid net of 30 layers the first gradient was some $10^{18}$ times smaller than the last.",
                ),
            ],
        )
        .because(
            "A layer multiplies the gradient by about $s\\sqrt{\\mathbb{E}[\\varphi'^2]}$, with weights of variance $s^2/n$. Without an activation \
             and with $s = 1$ the layers learn alike; with $s = 2$ the first are the fast ones.",
            "What-do-the-weights-contribute?--V4",
            "fn linear_deltas",
        ),
        code(
            "13-3",
            &["V1"],
            2,
            "One step of gradient descent on a chain of tanh units. What is wrong?",
            snippet!("descend"),
            [
                fault(10, "The weight changes before the error goes back through it."),
                sound(9, "The derivative is that of another activation.", "$1 - h^2$ is the derivative of the tanh, by its value."),
                sound(8, "The layers are taken from the last to the first, not in order.", "Each $\\delta$ needs that of the layer behind it."),
                sound(7, "The error stands here without its square.", "The derivative of $\\frac12 (h - y)^2$ is $h - y$."),
            ],
            || {
                let (x, y, rate, start) = (0.7, -1.0, 0.5, [1.2, 0.8]);
                let (mut given, mut mended) = (start, start);
                descend::descend(&mut given, x, y, rate);
                descend_mended::descend(&mut mended, x, y, rate);
                let first = f64::tanh(start[0] * x);
                let second = f64::tanh(start[1] * first);
                let delta = (second - y) * (1.0 - second * second) * start[1] * (1.0 - first * first);
                Ok(Evidence::new("the first weight after the step", given[0], mended[0], start[0] - rate * delta * x))
            },
        )
        .because(
            "All gradients are taken at the same weights. Here the error of a lower layer is computed with a weight that has been \
             updated already, so it is the gradient of no function.",
            "Why-do-layers-learn-at-different-speeds?--V1",
            "fn backpropagate",
        ),
        number("13-4", &["V2"], 1, |rng| {
            let (layers, w) = (whole(rng, 4, 10), pick(rng, [1.5f64, 2.0, 3.0]));
            let share = (w / 4.0).powi(layers as i32);
            Ok(drawn(
                format!(
                    "A gradient goes back through {layers} sigmoid units in a chain, each with a weight of size {w}. At most which share of \
                     it arrives?"
                ),
                share,
            )
            .within_share(0.02)
            .mistake(w.powi(layers as i32), "the derivative of the sigmoid is at most 0.25, not 1")
            .mistake(0.25f64.powi(layers as i32), "the weights take part in each factor")
            .mistake((w / 2.0).powi(layers as i32), "0.5 is the value of the sigmoid at 0; its slope there is 0.25")
            .worked(format!("$({w} \\cdot 0.25)^{{{layers}}} = {share:.6}$.")))
        })
        .because(
            "$\\sigma' = \\sigma(1 - \\sigma)$ is largest at $z = 0$, where it is 0.25. The tanh has 1 at 0, the ReLU exactly 1 or 0.",
            "What-does-an-activation-contribute?--V2",
            "let caps",
        ),
        choice(
            "13-5",
            &["V2"],
            1,
            "Weights are drawn from $N(0, 1/n)$. What does a ReLU layer do to the mean square of the gradient on its way back, \
             compared with a layer without an activation?",
            [
                right("It halves it: about half of the units have the derivative 0."),
                wrong("It keeps it: the derivative of a ReLU is exactly 1.", "It is 0 for the units that are not active."),
                wrong(
                    "It takes three quarters of it: the derivative is 0.25 at best.",
                    "That is the cap of the sigmoid, and of the mean square a sixteenth at best would be left.",
                ),
                wrong(
                    "It doubles it: what half of the units do not pass, the others pass twice.",
                    "Nothing makes up for the inactive units, unless the weights have the variance $2/n$.",
                ),
            ],
        )
        .because(
            "$\\mathbb{E}[\\varphi'^2] = \\frac12$, so the norm keeps $\\sqrt{1/2} \\approx 0.71$ a layer. Weights of $N(0, 2/n)$, which are He's, bring \
             the factor back to 1.",
            "What-does-an-activation-contribute?--V2",
            "fn both_ways",
        ),
        number("13-6", &["V2", "V4"], 2, |rng| {
            let (s, active, slope) =
                (pick(rng, [0.7, 0.8, 0.9]), decimal(rng, 0.4, 0.6, 1), pick(rng, [0.3, 0.4, 0.5]));
            let square = active + (1.0 - active) * slope * slope;
            Ok(drawn(
                format!(
                    "Weights have the variance $s^2/n$ with $s = {s}$. In a layer a share of {active} of the units has the derivative 1, the \
                     others {slope} (a leaky ReLU). By which factor does such a layer multiply the norm of a gradient, in a wide net?"
                ),
                s * square.sqrt(),
            )
            .within_share(0.01)
            .mistake(s * (active + (1.0 - active) * slope), "the mean of the derivatives takes the place of the root of their mean square")
            .mistake(s * square, "a root is missing: that is no factor of a norm")
            .mistake(s * active.sqrt(), "the inactive units of a leaky ReLU pass something as well")
            .worked(format!("${s} \\sqrt{{{active} + {:.1} \\cdot {slope}^2}} = {:.3}$.", 1.0 - active, s * square.sqrt())))
        })
        .because(
            "$\\mathbb{E}\\lVert\\delta_{l-1}\\rVert^2 = s^2\\, \\mathbb{E}[\\varphi'^2]\\, \\lVert\\delta_l\\rVert^2$: the squares of the derivatives are averaged. Read off a \
             forward pass, this predicted the measured factor to two per cent.",
            "What-does-an-activation-contribute?--V2",
            "fn both_ways",
        ),
        derive(
            "13-7",
            &["V2"],
            2,
            "With $\\tanh z = 2\\sigma(2z) - 1$ and $\\sigma' = \\sigma(1 - \\sigma)$, the next line is $\\tanh' z$ in terms of $s = \\sigma(2z)$.",
            [real("s", 0.05, 0.95)],
            |v| 4.0 * v[0] * (1.0 - v[0]),
            [
                mistake(|v| 2.0 * v[0] * (1.0 - v[0]), "the inner derivative of $2z$ is missing"),
                mistake(|v| 1.0 - v[0] * v[0], "in $1 - h^2$ stands the value of the tanh, which is $2s - 1$"),
            ],
        )
        .because(
            "$2 \\cdot \\sigma'(2z) \\cdot 2 = 4s(1 - s)$. So the cap of the tanh is four times that of the sigmoid, 1 instead of 0.25, and both \
             are reached at 0 only.",
            "What-does-an-activation-contribute?--V2",
            "let caps",
        ),
        number("13-8", &["V3"], 2, |rng| {
            let share = pick(rng, [0.05, 0.08, 0.1, 0.15, 0.2, 0.25, 0.3]);
            let h = (1.0f64 - share).sqrt();
            Ok(drawn(
                format!(
                    "A tanh unit counts as saturated where its derivative is below {share} of its largest value. From which $\\lvert z\\rvert$ on is \
                     that so?"
                ),
                h.atanh(),
            )
            .within(0.01)
            .mistake(h, "that is the output of the unit there, not its input")
            .mistake(2.0 * h.atanh(), "that is the limit of a sigmoid unit, $\\sigma(z) = \\frac12(1 + \\tanh\\frac z2)$")
            .mistake((1.0 - share).atanh(), "the derivative is $1 - h^2$, not $1 - h$")
            .worked(format!("$1 - h^2 = {share}$ gives $h = {h:.4}$ and $z = \\operatorname{{artanh}} h = {:.3}$.", h.atanh())))
        })
        .because(
            "Far from 0 the tanh is flat. With a tenth of the cap the limits are 1.82 for the tanh and 3.64 for the sigmoid.",
            "What-does-saturation-do?--V3",
            "fn saturation",
        ),
        choice(
            "13-9",
            &["V3"],
            2,
            "A ReLU unit of the *first* layer is at or below 0 for every training image. The net goes on with plain gradient descent on \
             the same images. What becomes of the unit?",
            [
                right("It stays as it is for good: its gradient is exactly 0, and its inputs never change."),
                wrong(
                    "It recovers slowly: its gradient is small, but not quite 0.",
                    "Below 0 the derivative of a ReLU is exactly 0; a leaky ReLU would have a small gradient.",
                ),
                wrong(
                    "It recovers when other units of its layer have changed, since they feed it other inputs.",
                    "Units of the first layer see the images, which stay the same; only deeper units may come back so.",
                ),
                wrong(
                    "It stays as it is until the learning rate is raised, which makes its steps long enough.",
                    "Any rate times a gradient of 0 is 0; too large a rate is what kills units.",
                ),
            ],
        )
        .because(
            "At rates up to 0.1 no unit died, at 0.6 most did, and the gradient of the dead ones was exactly 0. Remedies are a smaller \
             rate, batch normalization, or a leaky ReLU.",
            "ReLU-has-its-own-kind",
            "fn units",
        ),
        choice(
            "13-10",
            &["V3", "V2"],
            3,
            "Started from $N(0, 1)$, more than half of the hidden units of a sigmoid net are saturated; from $N(0, 1/n)$, with $n$ the \
             inputs of a layer, almost none. Yet no gain in accuracy was seen for the sigmoid, while the tanh net gained clearly. What explains it?",
            [
                right("Unsaturated, a layer keeps only about 0.24 of a gradient, which larger weights make up for."),
                wrong(
                    "Saturated sigmoids pass as much gradient as others, since their output is near 1 and not near 0.",
                    "The derivative is $\\sigma(1 - \\sigma)$, which is near 0 at both ends; they passed less than a hundredth of the sum.",
                ),
                wrong(
                    "Units that are saturated at the start leave the flat part within the first epoch of training.",
                    "Measured, more than half were still saturated after ten epochs.",
                ),
                wrong(
                    "The sigmoid net had the same learning rate as the tanh net, which was too large for it.",
                    "Each net had a rate of its own, chosen on other images.",
                ),
            ],
        )
        .because(
            "Saturation is one of two ways to lose the gradient; the cap is the other. For the tanh, whose cap is 1, an unsaturated start \
             costs nothing, so that there it pays.",
            "What-does-saturation-do?--V3",
            "by_sigmoid",
        ),
        code(
            "13-11",
            &["V3"],
            1,
            "What is wrong?",
            snippet!("dead_units"),
            [
                fault(5, "A unit counts if it is at or below 0 for one sample."),
                sound(4, "The loop runs over the units and not over the samples.", "Units are counted; a row holds one number for each."),
                sound(4, "The last of the units is never looked at.", "Counting begins at 0, and the range ends before the length."),
                sound(6, "It counts a unit once, however often it is at or below 0.", "The number of units is asked for."),
            ],
            || {
                let z = [vec![1.0, -1.0, -0.5], vec![-2.0, 0.5, -3.0]];
                let (given, mended) = (dead_units::dead_units(&z), dead_units_mended::dead_units(&z));
                // Of the three units only the last has no positive sum.
                Ok(Evidence::new("dead units of [1, -1, -0.5] and [-2, 0.5, -3]", given as f64, mended as f64, 1.0))
            },
        )
        .because(
            "A unit is dead if its sum is at or below 0 for *every* sample: then its output and the gradient of its weights are always 0. \
             That half of the units are inactive for a given sample is normal.",
            "ReLU-has-its-own-kind",
            "fn units",
        ),
    ]
}
