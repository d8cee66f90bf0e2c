//! Questions on `00-start-here`.

mod epoch_loss;
mod epoch_loss_mended;

use super::super::{
    Evidence, Question, choice, code, decimal, derive, drawn, fault, mistake, number, pick, predict, real, right,
    select, sound, whole, wrong,
};
use super::snippet;

pub(super) fn questions() -> Vec<Question> {
    vec![
        choice(
            "00-1",
            &["B13"],
            1,
            "A colleague trains with eight learning rates, keeps the one that is best on the test images, and reports its test accuracy. \
             What is wrong?",
            [
                right("The test images chose the rate, so their accuracy is too high on average."),
                wrong(
                    "Nothing: the test images were never trained on.",
                    "Choosing the best of eight is a way of fitting, if a weak one.",
                ),
                wrong(
                    "The accuracy should be that of the training images, of which there are more.",
                    "The weights were fitted to these: their accuracy says little about new ones.",
                ),
                wrong(
                    "Eight rates are too few to compare.",
                    "More rates make it worse: the best of many is the luckiest of many.",
                ),
            ],
        )
        .because(
            "Whatever is chosen by looking is chosen on validation data. Test data are for one number at the end.",
            "A-first-training-run",
            "split_at(5000)",
        ),
        number("00-2", &["B10"], 1, |rng| {
            let (side, classes) = (whole(rng, 20, 40), whole(rng, 3, 20));
            let (pixels, k) = (f64::from(side * side), f64::from(classes));
            Ok(drawn(
                format!(
                    "A linear classifier with bias tells {classes} classes apart on grey images of {side} × {side} pixels. How many parameters \
                     has it?"
                ),
                pixels * k + k,
            )
            .within(0.0)
            .mistake(pixels * k, "the biases are missing")
            .mistake(pixels * k + pixels, "there is one bias for each output, not for each input")
            .mistake(pixels * k + 1.0, "there is one bias for each output")
            .worked(format!("{pixels} · {k} weights and {k} biases.")))
        })
        .because(
            "Each class has a score, a weighted sum of all pixels plus one number: $W \\in \\mathbb{R}^{K \\times n}$, $b \\in \\mathbb{R}^K$.",
            "A-first-training-run",
            "params.count()",
        ),
        derive(
            "00-3",
            &["B1"],
            2,
            "For $f(x) = x^3 - 2x$ the derivative is checked by the central difference $\\frac{f(x + h) - f(x - h)}{2h}$. Write it without any \
             fraction, in $x$ and $h$.",
            [real("x", -2.0, 2.0), real("h", 0.2, 1.0)],
            |v| 3.0 * v[0] * v[0] - 2.0 + v[1] * v[1],
            [
                mistake(|v| 3.0 * v[0] * v[0] - 2.0, "that is the derivative, the limit for small $h$"),
                mistake(
                    |v| 3.0 * v[0] * v[0] - 2.0 + 3.0 * v[0] * v[1] + v[1] * v[1],
                    "that is the one-sided difference, whose error is of first order in $h$",
                ),
            ],
        )
        .because(
            "The even powers of $h$ cancel between the two sides: $3x^2 - 2 + h^2$. The error is of second order, here exactly $h^2$.",
            "A-derivative,-and-its-check",
            "fn cubic",
        ),
        code(
            "00-4",
            &["B12", "B13"],
            2,
            "A thousand samples, batches of 64. The reported loss of an epoch is not the mean over its samples. Why?",
            snippet!("start/epoch_loss"),
            [
                fault(8, "The last batch is smaller, and counts as much as a whole one."),
                sound(5, "`chunks` leaves out the samples that fill no batch.", "`chunks` gives them as a last, shorter batch; `chunks_exact` would not."),
                sound(7, "The sum should be divided by the batch size that was asked for.", "The last batch has fewer samples; its mean divides by their number."),
                sound(11, "The sum should be divided by the number of samples.", "It is a sum of means, so as it stands it has to be divided by their number."),
            ],
            || {
                let losses = [1.0, 1.0, 1.0, 1.0, 6.0];
                let (given, mended) = (epoch_loss::epoch_loss(&losses, 4), epoch_loss_mended::epoch_loss(&losses, 4));
                Ok(Evidence::new("mean of the losses [1, 1, 1, 1, 6], in batches of 4", given, mended, 2.0))
            },
        )
        .because(
            "A mean of means is the mean of all only if each mean is weighted by its number of samples, as the crate's `fit` does.",
            "A-first-training-run",
            "let history",
        ),
        predict("00-5", &["B1"], 2, |rng| {
            let factor = f64::from(whole(rng, 3, 9));
            let (x, h) = (decimal(rng, 0.2, 1.2, 2), pick(rng, [0.1, 0.05, 0.02]));
            Ok(drawn(
                format!(
                    "The derivative of $e^x$ at $x = {x}$ is estimated by the central difference, once with $h = {h}$ and once with a step \
                     {factor} times smaller. By which factor does the error fall?"
                ),
                factor * factor,
            )
            .within_share(0.04)
            .mistake(factor, "that is the one-sided difference, whose error is of first order")
            .mistake(factor.powi(3), "the error is of second order, not of third")
            .mistake(1.0, "a smaller step helps, until rounding takes over far below this one")
            .measure(move || {
                let error = |h: f64| (((x + h).exp() - (x - h).exp()) / (2.0 * h) - x.exp()).abs();
                Ok(error(h) / error(h / factor))
            })
            .worked(format!("${factor}^2 = {}$.", factor * factor)))
        })
        .because(
            "In the central difference the terms of even order cancel; what is left is $\\frac{h^2}{6} f'''(x)$.",
            "A-derivative,-and-its-check",
            "fn cubic",
        ),
        select(
            "00-6",
            &["B13"],
            1,
            "Which of these may be chosen by looking at the validation images?",
            [
                right("The learning rate"),
                right("After which epoch to stop"),
                right("The number of hidden units"),
                wrong("The accuracy that the report states for new images", "That is measured once, on images that nothing was chosen on."),
                wrong("The weights, by gradient descent on these images", "Then they are training images, and choose nothing any more."),
            ],
        )
        .because(
            "Training images fit the weights, validation images choose between trained models, test images judge the chosen one.",
            "A-first-training-run",
            "split_at(5000)",
        ),
    ]
}
