//! Questions on `04-activations-and-losses`.

mod sigmoid;
mod sigmoid_mended;

use super::super::{
    Evidence, Question, choice, code, decimal, derive, drawn, fault, mistake, number, pick, predict, real, right,
    sound, whole, wrong,
};
use super::snippet;
use crate::loss::binary_cross_entropy_with_logits;
use crate::prelude::*;
use crate::probability::Binomial;

pub(super) fn questions() -> Vec<Question> {
    vec![
        number("04-1", &["B9"], 1, |rng| {
            let (y, g) = (decimal(rng, 0.5, 0.9, 1), decimal(rng, 0.5, 3.0, 1));
            Ok(drawn(
                format!(
                    "A tanh unit has put out $y = {y}$. The gradient of the loss with respect to this output is {g}. What is the gradient with \
                     respect to the unit's input?"
                ),
                g * (1.0 - y * y),
            )
            .mistake(g * y * (1.0 - y), "$y(1 - y)$ is the slope of the sigmoid")
            .mistake(g * (1.0 - y.tanh().powi(2)), "$y$ is the output already: tanh is not to be taken again")
            .mistake(g * (1.0 - y), "the square is missing: the slope is $1 - y^2$")
            .worked(format!("${g} \\cdot (1 - {y}^2) = {:.3}$.", g * (1.0 - y * y))))
        })
        .because(
            "The slopes of sigmoid, tanh and ReLU can all be written with the output alone, $y(1 - y)$, $1 - y^2$, and 1 or 0, so that a layer \
             need only remember that. The chain rule multiplies by it what comes from above.",
            "Three-functions-and-their-slopes--B9",
            "const SLOPES",
        ),
        code(
            "04-2",
            &["B9"],
            1,
            "What is wrong, for some logits?",
            snippet!("activations/sigmoid"),
            [
                fault(3, "For a large logit both parts of the quotient overflow, and it is not a number."),
                sound(
                    4,
                    "The slope cannot be had from the output: it needs the logit itself.",
                    "$\\sigma' = p(1 - p)$ holds with the output alone.",
                ),
                sound(
                    4,
                    "For logits far from 0 it is nearly 0, and the gradient with it: nothing is learned.",
                    "The gradient of the next line has no such factor: far on the wrong side $p - y$ is nearly 1 or $-1$.",
                ),
                sound(
                    5,
                    "By the chain rule the difference is still to be multiplied by the slope.",
                    "The slope has cancelled against the derivative of the logarithm in the loss.",
                ),
            ],
            || {
                let right = crate::activation::sigmoid(&Tensor::new(800f64, &Device::Cpu)?)?.to_scalar::<f64>()?;
                let (given, mended) = (sigmoid::sigmoid(800.0, 1.0).0, sigmoid_mended::sigmoid(800.0, 1.0).0);
                Ok(Evidence::new("sigmoid of 800", given, mended, right))
            },
        )
        .because(
            "$e^z/(e^z + 1)$ is right on paper. In f64 $e^{710}$ is infinite, and infinity over infinity is not a number; the chapter saw this \
             from 710 on. In $1/(1 + e^{-z})$ at worst the sum is infinite, and the quotient rounds to 0.",
            "Three-functions-and-their-slopes--B9",
            "fn as_written",
        ),
        derive(
            "04-3",
            &["B9"],
            1,
            "A linear layer $a = w_1 x + b_1$ is followed by another, $z = w_2 a + b_2$, without an activation between them. Together they are \
             one layer $z = w x + b$. Multiply out; the next line is its bias $b$.",
            [real("w2", 0.5, 2.0), real("b1", -1.0, 1.0), real("b2", -1.0, 1.0)],
            |v| v[0] * v[1] + v[2],
            [
                mistake(|v| v[1] + v[2], "the first bias goes through the second layer, and is multiplied by $w_2$"),
                mistake(|v| v[0] * (v[1] + v[2]), "the second bias is added behind $w_2$"),
            ],
        )
        .because(
            "$W_2(W_1 x + b_1) + b_2 = (W_2 W_1)x + (W_2 b_1 + b_2)$. A stack of a hundred linear layers draws the same straight borders as a \
             single one: on two spirals such a net got 68 % right, one with tanh 100 %, rounded.",
            "Why-an-activation-at-all?--B9",
            "let stacked",
        ),
        choice(
            "04-4",
            &["B9"],
            3,
            "After equally many steps a net of sigmoids got 76 % of two spirals right, one of tanh 99.8 %. Sigmoid differs from tanh by a small \
             slope, a wider bend, and outputs around one half. What did the runs with one change at a time show?",
            [
                right("The small slope alone is not the reason: $\\tanh(x)/4$ got 93 %, far ahead of the sigmoids."),
                wrong(
                    "The small slope alone is the reason: with $\\tanh(x)/4$ the net was as slow as with sigmoids.",
                    "It got 92.6 %, against 76.2 % with sigmoids.",
                ),
                wrong(
                    "Sigmoids cannot represent the arms with two hidden layers, however long they are trained.",
                    "At three times the rate they got 96.5 % in the same number of steps: it is a matter of speed.",
                ),
                wrong(
                    "What counts is the centre: $1 + \\tanh x$ fell as far behind as the sigmoids did.",
                    "Moved off centre, tanh lost 0.7 points only.",
                ),
            ],
        )
        .because(
            "Each of the three differences costs something: the small slope 7 points, the wide bend 12.5, the centre 0.7, all together 24. At three \
             times the rate the sigmoids come close to tanh.",
            "Three-functions-and-their-slopes--B9",
            "let variants",
        ),
        choice(
            "04-5",
            &["B10"],
            1,
            "A photo may show a dog, a cat, both, or neither. Which output and which loss fit?",
            [
                right("A sigmoid for each of the two labels, and the mean of two binary cross-entropies."),
                wrong(
                    "A softmax over the two labels, and cross-entropy with the target $(\\tfrac12, \\tfrac12)$ for both.",
                    "Its outputs sum to 1: two cannot exceed one half, and no target says \"neither\".",
                ),
                wrong(
                    "A softmax over the two labels, and a threshold below one half, chosen in validation.",
                    "The chapter tried 19 thresholds on three labels: the best left a fifth of the samples wrong.",
                ),
                wrong(
                    "A sigmoid for each of the two labels, and $-\\sum_k y_k \\ln p_k$, as for classes.",
                    "Labels that are absent have no term in it: a net that always says yes has a loss of 0.",
                ),
            ],
        )
        .because(
            "Multi-label: any subset of the labels can be true, so each is a yes/no question of its own. Softmax belongs to multi-class, where \
             exactly one is true. On overlapping disks sigmoids got 98 % of the samples right, softmax at its best threshold 81 %.",
            "One-label,-or-several?--B10",
            "fn all_right",
        ),
        number("04-6", &["B10"], 2, |rng| {
            let (z, y) = (decimal(rng, 0.5, 2.0, 1), f64::from(whole(rng, 0, 1)));
            let labels = f64::from(whole(rng, 3, 8));
            let p = 1.0 / (1.0 + (-z).exp());
            let gradient = (p - y) / labels;
            Ok(drawn(
                format!(
                    "A sample has {labels} labels, and the loss is the mean of their binary cross-entropies. One of its logits is $z = {z}$, and \
                     its label is {y}. What is the derivative of the loss with respect to this logit?"
                ),
                gradient,
            )
            .within_share(0.02)
            .mistake(p - y, "the mean over the labels is missing")
            .mistake(gradient * p * (1.0 - p), "the slope of the sigmoid has cancelled against the derivative of the logarithm")
            .mistake(-gradient, "the sign is the other way round: the loss falls as $p$ comes near $y$")
            .worked(format!("$\\sigma({z}) = {p:.4}$, and $({p:.4} - {y})/{labels} = {gradient:.4}$.")))
        })
        .because(
            "$\\partial L/\\partial z_k = (\\sigma(z_k) - y_k)/K$: as with softmax and cross-entropy the slope of the output function cancels.",
            "One-label,-or-several?--B10",
            "let formula",
        ),
        predict("04-7", &["B10"], 2, |rng| {
            let z = f64::from(whole(rng, 60, 600));
            Ok(drawn(
                format!(
                    "The crate's binary cross-entropy from logits gets a logit of {z} whose label is 0. Which loss does it return?"
                ),
                z,
            )
            .mistake(0.0, "that is the loss if the label is 1")
            .mistake(-f64::EPSILON.ln(), "that would be $-\\ln(1 - p)$ with $1 - p$ held at the machine epsilon of f64; no probability is rounded here")
            .mistake(std::f64::consts::LN_2, "that is the loss at a logit of 0")
            .measure(move || {
                let loss = binary_cross_entropy_with_logits(
                    &Tensor::new(&[z], &Device::Cpu)?,
                    &Tensor::new(&[0f64], &Device::Cpu)?,
                )?;
                Ok(loss.to_scalar()?)
            })
            .worked(format!("$\\ln(1 + e^{{{z}}}) = {z} + \\ln(1 + e^{{-{z}}})$.")))
        })
        .because(
            "By the formula with probabilities it is $-\\ln(1 - 1)$, infinite. The crate starts from the logit, $\\ln(1 + e^z) - yz$, and takes \
             the larger of $z$ and 0 out of the logarithm. Of a logit of 100 the chapter saw 100.",
            "One-label,-or-several?--B10",
            "let naive",
        ),
        number("04-8", &["B12"], 2, |rng| {
            let (n1, n2) = (pick(rng, [80.0, 100.0]), pick(rng, [20.0, 30.0]));
            let (r1, r2): (f64, f64) = (pick(rng, [2.0, 3.0]), pick(rng, [8.0, 9.0]));
            let n = n1 + n2;
            let whole_set = ((n1 * r1 * r1 + n2 * r2 * r2) / n).sqrt();
            Ok(drawn(
                format!(
                    "On a batch of {n1} samples a model has an RMSE of {r1} m, on the remaining {n2} samples one of {r2} m. What is the RMSE over all \
                     samples?"
                ),
                whole_set,
            )
            .within_share(0.005)
            .unit("m")
            .mistake((r1 + r2) / 2.0, "that is the mean of the roots, which is not the root of the mean, and weighs both batches alike")
            .mistake((n1 * r1 + n2 * r2) / n, "weights are right, but squares may be averaged, roots may not")
            .mistake(((r1 * r1 + r2 * r2) / 2.0).sqrt(), "the squares are averaged, but each batch must count by its size")
            .worked(format!("$\\sqrt{{({n1} \\cdot {r1}^2 + {n2} \\cdot {r2}^2)/{n}}} = {whole_set:.3}$ m.")))
        })
        .because(
            "What adds up over samples is the squared error, so each batch gives its MSE times its size. The mean of the roots is too small over \
             batches of one size, as a root bends down, and depends on that size.",
            "Quantities:-MSE-and-RMSE--B12",
            "fn drives",
        ),
        choice(
            "04-9",
            &["B12"],
            3,
            "A linear model of stopping distances was trained by gradient descent, with a learning rate tuned for targets in metres. Now the \
             targets are in centimetres, the inputs as before. What becomes of the best rate, with the MSE and with the RMSE as the loss?",
            [
                right("With MSE it stays; with RMSE it must be 100 times larger."),
                wrong(
                    "With MSE it must be 100 times smaller; with RMSE it stays.",
                    "The gradient of the MSE is 100 times larger, but so are the weights that are to be found.",
                ),
                wrong(
                    "With MSE it must be $10^4$ times smaller; with RMSE 100 times.",
                    "The loss is $10^4$ times larger; what a step needs is the gradient beside the weights.",
                ),
                wrong(
                    "It stays with both, since a unit does not move the minimum.",
                    "The gradient of the RMSE has no unit, while the weights are 100 times larger.",
                ),
            ],
        )
        .because(
            "In centimetres the gradient of the MSE, $2(\\hat y - y)/M$, and the weights of this model are both 100 times larger. The gradient of the \
             RMSE stays the same, so its steps are 100 times too short: the chapter needed a rate of 30 in place of 0.3.",
            "Judging-a-model--B13",
            "fn regress",
        ),
        number("04-10", &["B12"], 1, |rng| {
            let (samples, components) = (f64::from(whole(rng, 8, 20)), f64::from(whole(rng, 3, 6)));
            let value = f64::from(whole(rng, 12, 60));
            Ok(drawn(
                format!(
                    "Targets have {components} components. Over {samples} samples the mean of $\\lVert \\hat y_i - y_i \\rVert^2$ is {value}. What does \
                     `mse` of the crate, or of PyTorch, return?"
                ),
                value / components,
            )
            .mistake(value, "that divides by the samples only; both divide by all numbers")
            .mistake(value / samples, "the mean over the samples has been taken already")
            .mistake(value * components, "dividing by more numbers makes the mean smaller")
            .worked(format!("${value}/{components} = {:.3}$.", value / components)))
        })
        .because(
            "$\\frac1M\\sum_i \\lVert \\hat y_i - y_i\\rVert^2$ divides by the samples only. `mse` divides by all $M \\cdot D$ numbers, so it is smaller \
             by the number of components.",
            "Quantities:-MSE-and-RMSE--B12",
            "let norms",
        ),
        number("04-11", &["B13"], 2, |rng| {
            let ill = pick(rng, [40, 50, 60]);
            let (missed, alarms) = (whole(rng, 4, 9), whole(rng, 80, 150));
            let found = f64::from(ill - missed);
            let (ill, alarms) = (f64::from(ill), f64::from(alarms));
            Ok(drawn(
                format!(
                    "Of 1 000 people {ill} are ill. A test finds {found} of them, and calls {alarms} ill who are well. What is its *precision* for the \
                     ill?"
                ),
                found / (found + alarms),
            )
            .mistake(found / ill, "that is the recall: the share of the ill who are found")
            .mistake(alarms / (1000.0 - ill), "that is the share of the well who are called ill")
            .worked(format!("${found}/({found} + {alarms}) = {:.3}$.", found / (found + alarms))))
        })
        .because(
            "With true classes in rows, precision is the share on the diagonal of a column: of those called ill, how many are. Recall is that of \
             a row. Where classes are unequal accuracy hides both: who always says \"well\" is right in about 95 % of the cases and finds nobody.",
            "Judging-a-model--B13",
            "let tests",
        ),
        number("04-12", &["B13"], 3, |rng| {
            let n = f64::from(pick(rng, [1000, 1500, 2000]));
            let (b, c) = (f64::from(whole(rng, 50, 70)), f64::from(whole(rng, 15, 25)));
            let errors = (b - c) / (b + c - (b - c).powi(2) / n).sqrt();
            Ok(drawn(
                format!(
                    "Two classifiers see the same {n} images. Only the first is right on {b} of them, only the second on {c}. How many standard errors \
                     is the difference of their accuracies away from 0?"
                ),
                errors,
            )
            .within_share(0.02)
            .mistake((b - c) / n.sqrt(), "images on which both are right, or both wrong, add nothing to the variance of the difference")
            .mistake((b - c) / (b + c), "the root is missing: the standard error grows as the root of the images on which they differ")
            .mistake(errors * errors, "that is the square, the statistic of a chi-squared test")
            .worked(format!("$({b} - {c})/\\sqrt{{{b} + {c} - ({b} - {c})^2/{n}}} = {errors:.2}$.")))
        })
        .because(
            "Compared image by image the accuracies differ by $(b - c)/n$, with a standard error of $\\sqrt{b + c - (b - c)^2/n}\\,/n$. In the \
             chapter the two intervals overlapped, side by side, while that of the difference did not hold 0.",
            "Judging-a-model--B13",
            "let paired",
        ),
        predict("04-13", &["B13"], 3, |rng| {
            let (guessers, samples) = (pick(rng, [50, 100]), pick(rng, [150, 200, 250, 300]));
            let seed = u64::from(whole(rng, 0, 1 << 30));
            let one = Binomial::new(samples, 0.1)?;
            // The mean of the largest: the chance that it is above k, for each k.
            let mut below = 0.0;
            let mut largest = 0.0;
            for k in 0..samples {
                below += one.probability(k);
                largest += 1.0 - f64::min(below, 1.0).powi(guessers);
            }
            Ok(drawn(
                format!(
                    "{guessers} classifiers guess one of ten classes at random. The one with the best accuracy on {samples} validation samples is kept. \
                     Which validation accuracy does it have, on average over 30 repetitions?"
                ),
                largest / samples as f64,
            )
            .within(0.015)
            .mistake(0.1, "that is what it has on new data; the best of many was chosen because it was lucky on these")
            .measure(move || {
                let mut rng = seeded(seed);
                let mut guess = || (0..samples).filter(|_| rng.random_bool(0.1)).count();
                let mut best = || (0..guessers).map(|_| guess()).max().unwrap_or(0) as f64;
                Ok((0..30).map(|_| best()).sum::<f64>() / (30.0 * samples as f64))
            }))
        })
        .because(
            "On 200 samples one guesser has a standard error of $\\sqrt{0.1 \\cdot 0.9/200} = 0.021$; the best of a hundred is some two and a half to three of \
             them above 0.1. What was chosen on data looks better there than it is: the chapter saw 0.162 in validation and 0.101 on new data. \
             That is why a third set, the test set, is kept.",
            "Judging-a-model--B13",
            "let guess",
        ),
    ]
}
