//! Questions on the gap, and on penalties, dropout and augmentation.

use candle_core::{DType, Device, Tensor};

use super::super::super::{
    Evidence, Question, choice, code, decimal, drawn, fault, number, pick, predict, right, select, sound, whole, wrong,
};
use super::super::snippet;
use super::{mirror, mirror_mended};
use crate::init::Init;
use crate::nn::{Mode, Module, dropout};
use crate::params::Params;
use crate::regularization::elastic_net;

pub(super) fn questions() -> Vec<Question> {
    vec![
        choice(
            "15-1",
            &["F1"],
            1,
            "A classifier is right on all of 1 000 different training images. What does that show about new images?",
            [
                right("Nothing: with dice for labels nearest neighbour does as well on its own images."),
                wrong(
                    "That it will be right on most of them, since it has found what tells the classes apart.",
                    "It may have stored the images; a net learned 1 000 dice labels by heart and was at chance on new images.",
                ),
                wrong(
                    "That it will be wrong on most of them, since a perfect result is overfitting.",
                    "A perfect training result goes with good test results as well as with bad ones.",
                ),
                wrong(
                    "That it has more weights than images, since fewer could not do that.",
                    "A few weights are enough where the classes are easily told apart.",
                ),
            ],
        )
        .because(
            "Every stored image is its own nearest neighbour, with true labels and with dice. What tells the two apart is the result on \
             images that nothing was chosen by.",
            "Good-on-training-data,-poor-on-new-data--F1",
            "let of_stored",
        ),
        choice(
            "15-2",
            &["F1"],
            2,
            "In training the validation loss falls and then rises again for many epochs, while the validation accuracy stays level. What \
             has happened to the net?",
            [
                right("It classifies as well as before, but is surer of its errors, which the loss punishes."),
                wrong(
                    "It gets more and more new images wrong, but the accuracy is too coarse a number to show it.",
                    "No fall of the accuracy was found; what rose was the probability of the wrong answers.",
                ),
                wrong(
                    "It is not overfitting yet, since overfitting means that the accuracy on new data falls.",
                    "The validation loss rises while the training loss falls: that is overfitting, seen where it shows.",
                ),
                wrong(
                    "It has become less sure of all its answers, so that even right ones cost more.",
                    "Training makes it surer, of wrong answers too; $-\\ln p$ of a right answer then falls.",
                ),
            ],
        )
        .because(
            "The loss is $-\\ln p$ of the true class, and a sure error costs without bound. Whether overfitting is seen depends on what is \
             plotted: plot the loss.",
            "Good-on-training-data,-poor-on-new-data--F1",
            "fn sure_of_errors",
        ),
        number("15-3", &["F1"], 2, |rng| {
            let (n, before, after) =
                (pick(rng, [50.0, 100.0, 200.0, 500.0]), pick(rng, [0.1f64, 0.2, 0.3]), pick(rng, [0.001, 0.0001]));
            let rise = (before / after).ln() / n;
            Ok(drawn(
                format!(
                    "On {n} validation images a net changes one answer only: to the true class of one image, which it got wrong before, it \
                     now gives the probability {after} instead of {before}. By how much does the mean cross-entropy rise?"
                ),
                rise,
            )
            .within_share(0.01)
            .unit("nat")
            .mistake((before - after) / n, "the loss is the logarithm of the probability, not the probability")
            .mistake(rise * n, "that is the rise of one image; the mean divides it by their number")
            .mistake(rise / 10f64.ln(), "the cross-entropy has the natural logarithm")
            .worked(format!("$\\ln({before}/{after}) / {n} = {rise:.4}$, and the accuracy stays the same.")))
        })
        .because(
            "Where the true class falls to a hundredth of its probability, that costs $\\ln 100 \\approx 4.6$ nat, and the count of errors does not notice. So the \
             loss can rise without the accuracy falling.",
            "Good-on-training-data,-poor-on-new-data--F1",
            "let loss_rises",
        ),
        choice(
            "15-4",
            &["F2"],
            1,
            "A net overfits. The weight $\\lambda$ of an L2 penalty is raised step by step from 0. What do the losses without the penalty do?",
            [
                right("The training loss rises all the way, the gap narrows, the validation loss is least in between."),
                wrong(
                    "The training loss falls all the way, the gap narrows, the validation loss is least in between.",
                    "A penalty pulls the weights away from where the training loss is least.",
                ),
                wrong(
                    "The training loss rises all the way, the gap widens, the validation loss is least at $\\lambda = 0$.",
                    "The gap narrows; a net that overfits gains by some penalty.",
                ),
                wrong(
                    "The training loss rises all the way, the gap narrows, the validation loss falls all the way.",
                    "With a large $\\lambda$ the net learns neither the sample nor the distribution.",
                ),
            ],
        )
        .because(
            "The penalty is a price for using the weights. How large it should be is chosen by the validation loss; the test images are \
             looked at once, with the $\\lambda$ chosen.",
            "Cure-1:-L1-and-L2,-which-change-the-loss--F2",
            "let lambdas",
        ),
        number("15-5", &["F2"], 1, |rng| {
            let w = [decimal(rng, 1.5, 3.0, 1), -decimal(rng, 1.5, 3.0, 1), decimal(rng, 1.5, 3.0, 1)];
            let (first, second) = (0.1, pick(rng, [0.4, 0.5, 0.6]));
            let params = Params::with_dtype(0, DType::F64, &Device::Cpu)?;
            params.var("w", 3, Init::Constant(0.0))?;
            params.set("w", &Tensor::new(&w, &Device::Cpu)?)?;
            let penalty = elastic_net(&params.trainable(), first, second)?.to_scalar::<f64>()?;
            let (sizes, squares) = (w.iter().map(|w| w.abs()).sum::<f64>(), w.iter().map(|w| w * w).sum::<f64>());
            Ok(drawn(
                format!(
                    "The weights are ({}, {}, {}). How large is the penalty $\\lambda_1 \\lVert w\\rVert_1 + \\lambda_2 \\lVert w\\rVert_2^2$ with $\\lambda_1 = {first}$ and \
                     $\\lambda_2 = {second}$?",
                    w[0], w[1], w[2]
                ),
                penalty,
            )
            .within_share(0.01)
            .mistake(first * sizes + second * squares.sqrt(), "the second term is the square of the norm")
            .mistake(first * w.iter().sum::<f64>() + second * squares, "the first term adds up absolute values")
            .mistake(second * sizes + first * squares, "the two weights have changed places")
            .worked(format!("${first} \\cdot {sizes:.1} + {second} \\cdot {squares:.2} = {:.3}$.", first * sizes + second * squares)))
        })
        .because(
            "L1 pulls each weight by the same amount, which makes some of them exactly 0; L2 pulls in proportion to the weight, which \
             makes all of them small.",
            "Cure-1:-L1-and-L2,-which-change-the-loss--F2",
            "let penalties",
        ),
        number("15-6", &["F2"], 2, |rng| {
            let (lambda, steps) = (pick(rng, [0.2, 0.3, 0.5]), whole(rng, 10, 40));
            let factor = f64::powi(1.0 - 0.2 * lambda, steps as i32);
            Ok(drawn(
                format!(
                    "The loss has the penalty $\\lambda \\lVert w\\rVert_2^2$ with $\\lambda = {lambda}$. A weight gets no gradient from the data. Which share of it \
                     do {steps} steps of gradient descent with a rate of 0.1 leave?"
                ),
                factor,
            )
            .within_share(0.02)
            .mistake(f64::powi(1.0 - 0.1 * lambda, steps as i32), "the derivative of $\\lambda w^2$ is $2 \\lambda w$")
            .mistake(1.0 - 0.2 * lambda * f64::from(steps), "each step takes a share of what is left, not of the start")
            .worked(format!("$(1 - 2 \\cdot 0.1 \\cdot {lambda})^{{{steps}}} = {factor:.4}$.")))
        })
        .because(
            "The penalty adds $2\\lambda w$ to the gradient, so a step of plain gradient descent multiplies the weight by $1 - 2\\eta\\lambda$: weight \
             decay.",
            "Cure-1:-L1-and-L2,-which-change-the-loss--F2",
            "let penalties",
        ),
        choice(
            "15-7",
            &["F3"],
            2,
            "A net with dropout is trained. The training loss that the loop prints is *above* the validation loss all the time. What does \
             that say about overfitting?",
            [
                right("Little: it is the loss of thinned nets; dropout has to be off for both losses."),
                wrong(
                    "That there is none: a net that is better on new data than on its own cannot overfit.",
                    "With all its units the same net has a lower training loss, and a gap may well be there.",
                ),
                wrong(
                    "That the validation images are easier than the training images and should be drawn anew.",
                    "The two sets are alike; what differs is whether units are dropped.",
                ),
                wrong(
                    "That dropout is too strong: with the right rate the training loss is always the lower one.",
                    "Its height tells how much the masks take away; the rate is chosen by the validation loss.",
                ),
            ],
        )
        .because(
            "Validation runs with all units, training with masks. A gap taken from the two is too small or negative.",
            "Cure-2:-dropout,-which-changes-the-model--F3",
            "let with_masks",
        ),
        number("15-8", &["F3"], 3, |rng| {
            let (n, a, p) = (whole(rng, 10, 50), f64::from(whole(rng, 1, 3)), pick(rng, [0.2, 0.25, 0.4]));
            let variance = f64::from(n) * a * a * p / (1.0 - p);
            Ok(drawn(
                format!(
                    "A unit adds up the outputs of {n} units, which are all {a}. In training each of them is dropped with probability $p = \
                     {p}$, independently, and those kept are divided by $1 - p$. What is the variance of the sum?"
                ),
                variance,
            )
            .within_share(0.01)
            .mistake(f64::from(n) * a * a * p * (1.0 - p), "that is the variance without the division by $1 - p$")
            .mistake(a * a * p / (1.0 - p), "that is the variance of one term")
            .mistake(variance.sqrt(), "that is the standard deviation")
            .worked(format!("${n} \\cdot {a}^2 \\cdot {p}(1 - {p})/(1 - {p})^2 = {variance:.3}$.")))
        })
        .because(
            "A mask has the variance $p(1 - p)$; dividing by $1 - p$ divides it by $(1 - p)^2$. The mean of the sum stays what it was. \
             The noise is why the loss recorded with masks lay above that of the same net with all its units.",
            "Cure-2:-dropout,-which-changes-the-model--F3",
            "let with_masks",
        ),
        predict("15-9", &["F3"], 2, |rng| {
            let p = pick(rng, [0.2, 0.3, 0.4, 0.5, 0.6]);
            let seed = u64::from(whole(rng, 0, 1 << 30));
            Ok(drawn(
                format!(
                    "A dropout layer with $p = {p}$ (the probability to drop) gets 20 000 ones, in training. What is the mean of the *squares* of \
                     its outputs?"
                ),
                1.0 / (1.0 - p),
            )
            .within_share(0.05)
            .mistake(1.0, "that is the mean of the outputs")
            .mistake(1.0 - p, "that would be so without the division by $1 - p$")
            .mistake((1.0 - p).powi(-2), "that is the square of an output that was kept; not all are")
            .measure(move || {
                let layer = dropout(p, Params::new(seed, &Device::Cpu)?)?;
                let y = layer.forward(&Tensor::ones(20_000, DType::F32, &Device::Cpu)?, Mode::Train)?;
                Ok(f64::from(y.sqr()?.mean_all()?.to_scalar::<f32>()?))
            })
            .worked(format!("$(1 - {p}) \\cdot 1/(1 - {p})^2 = {:.3}$.", 1.0 / (1.0 - p))))
        })
        .because(
            "A share $1 - p$ of the outputs is $1/(1 - p)$, the others are 0. Dropout keeps the mean and raises the mean square: that is \
             the noise by which a net with masks looks worse than with all its units.",
            "Cure-2:-dropout,-which-changes-the-model--F3",
            "let with_masks",
        ),
        select(
            "15-10",
            &["F4"],
            1,
            "A net is to recognize clothes in small photographs, centred and upright, as in Fashion-MNIST. Which changes of training \
             images are sensible augmentations?",
            [
                right("A shift by one pixel to a side"),
                right("A mirror image, left to right"),
                wrong("A mirror image, upside down", "No test image looks like a shoe turned over."),
                wrong("Another label in one of twenty", "An augmentation changes the image and keeps the label."),
                wrong("All pixels in another order, anew each time", "What is left of the image then tells no class."),
            ],
        )
        .because(
            "Augmentation uses changes that keep the label *and* make images that could have been in the set. For digits a mirror image \
             would be wrong too: a mirrored 2 is no 2.",
            "Cure-3:-data-augmentation,-which-changes-the-data--F4",
            "HorizontalFlip",
        ),
        number("15-11", &["F4"], 1, |rng| {
            let (most, images) = (whole(rng, 2, 5), 500 * whole(rng, 1, 6));
            let (m, n) = (f64::from(most), f64::from(images));
            let versions = 2.0 * (2.0 * m + 1.0).powi(2);
            Ok(drawn(
                format!(
                    "Each of {images} images may be moved by up to {most} pixels up or down, by up to {most} pixels left or right, and mirrored \
                     or not. How many different training images can a net see, if no two of them happen to be equal?"
                ),
                versions * n,
            )
            .within(0.0)
            .mistake(n * versions / 2.0, "each moved image comes in two versions, mirrored and not")
            .mistake(n * 2.0 * (m + 1.0).powi(2), "an image can be moved in both directions along each axis")
            .mistake(n * 2.0 * (2.0 * m).powi(2), "not to move an image at all is one of the choices")
            .worked(format!("$2 \\cdot (2 \\cdot {most} + 1)^2 \\cdot {images} = {}$.", versions * n)))
        })
        .because(
            "The net hardly sees the same image twice, so that it learns them by heart more slowly. They are no substitute for as many \
             independent images, which are the surest cure.",
            "Cure-3:-data-augmentation,-which-changes-the-data--F4",
            "let slower",
        ),
        code(
            "15-12",
            &["F4"],
            1,
            "What is wrong?",
            snippet!("mirror"),
            [
                fault(4, "The rows are taken from the last to the first."),
                sound(5, "Each row is taken from its last pixel to its first.", "That is what mirrors it from left to right."),
                sound(3, "The list begins empty, without room for the pixels.", "It grows row by row."),
                sound(2, "The height is not given, so that rows cannot be told apart.", "The width tells where a row ends."),
            ],
            || {
                let image = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
                Ok(Evidence::new("first pixel of the image 1 2 3 / 4 5 6", mirror::mirror(&image, 3)[0], mirror_mended::mirror(&image, 3)[0], 3.0))
            },
        )
        .because(
            "To turn the whole list round is to turn the image by 180 degrees. Such a shoe is nothing that a test image looks like, so \
             this augmentation teaches the wrong thing.",
            "Cure-3:-data-augmentation,-which-changes-the-data--F4",
            "HorizontalFlip",
        ),
    ]
}
