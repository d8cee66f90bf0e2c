//! Questions on transfer, ensembles and early stopping.

use candle_core::{DType, Device, Tensor};

use super::super::super::{
    Evidence, Question, choice, code, count, decimal, derive, drawn, fault, mistake, number, real, right, sound, whole,
    wrong,
};
use super::super::snippet;
use super::{ensemble, ensemble_mended, fine_tune, fine_tune_mended};
use crate::Result;
use crate::nn::{Activation, Module, Sequential, linear};
use crate::params::Params;
use crate::rng::{normal, seeded};
use crate::train::{Decision, EarlyStopping, StoppingRule};

pub(super) fn questions() -> Vec<Question> {
    vec![
        choice(
            "15-13",
            &["F5"],
            2,
            "There are ten images of each of five kinds of clothes, and thousands of five other kinds. When does starting from a net that \
             was trained on the others help?",
            [
                right("Where the others teach what the few images cannot, such as that the place does not matter."),
                wrong(
                    "Whenever there are far more images of the others, since features of clothes serve all clothes.",
                    "On neatly centred images fine-tuning won nothing, although the others were as many.",
                ),
                wrong(
                    "Only if the body is frozen, since the few images would spoil what it has learned.",
                    "A frozen body did harm on centred images: it cannot see what its own task did not need.",
                ),
                wrong(
                    "In every case, since the images of both tasks together are simply a larger data set.",
                    "The few images stay few; what changes is where training starts.",
                ),
            ],
        )
        .because(
            "On images that were moved by up to six pixels fine-tuning won some four per cent over ten splits of the kinds, though not on \
             every one. On centred images the pixels themselves are good features.",
            "Cure-6:-transfer-learning,-which-changes-the-start--F5",
            "by_freezing",
        ),
        number("15-14", &["F5"], 1, |rng| {
            let (inputs, hidden, classes) = (50 * whole(rng, 2, 8), 8 * whole(rng, 3, 12), whole(rng, 3, 9));
            let params = Params::new(0, &Device::Cpu)?;
            linear(inputs as usize, hidden as usize, params.pp("body"))?;
            linear(hidden as usize, classes as usize, params.pp("head"))?;
            let all = params.count() as f64;
            params.freeze("body")?;
            Ok(drawn(
                format!(
                    "The body of a net is a linear layer from {inputs} numbers to {hidden}, its head one from {hidden} to {classes}; both have \
                     biases. The body is frozen. How many numbers are trained?"
                ),
                params.count() as f64,
            )
            .within(0.0)
            .mistake(f64::from(hidden * classes), "the biases of the head are trained as well")
            .mistake(all, "those are all; the body is frozen")
            .worked(format!("$({hidden} + 1) \\cdot {classes} = {}$.", (hidden + 1) * classes)))
        })
        .because(
            "Only the new last layer $Wh + b$ is left to the optimizer. With so few numbers little can be learned by heart, and little \
             can be adapted.",
            "Cure-6:-transfer-learning,-which-changes-the-start--F5",
            "fn transfer",
        ),
        code(
            "15-15",
            &["F5"],
            2,
            "What is wrong?",
            snippet!("fine_tune"),
            [
                fault(5, "The optimizer is made while the body can be trained."),
                sound(7, "The body runs in training mode, although it is frozen.", "The mode matters for dropout and batch norm; what is frozen are its weights."),
                sound(7, "A gradient is computed for the body as well.", "That costs time; a parameter that nobody changes stays as it is."),
                sound(8, "The step is handed the gradients of the body, too.", "An optimizer takes those of its own parameters."),
            ],
            || Ok(Evidence::new("how far a weight of the body moves", moved(fine_tune::fine_tune)?, moved(fine_tune_mended::fine_tune)?, 0.0)),
        )
        .because(
            "`trainable` lists the parameters that may be changed *at that moment*, and the optimizer keeps the list. Freeze first, then \
             make the optimizer; the same holds for `requires_grad` in PyTorch with a filtered list.",
            "Cure-6:-transfer-learning,-which-changes-the-start--F5",
            "fn transfer",
        ),
        choice(
            "15-16",
            &["F6"],
            2,
            "The probabilities of five nets are averaged. What holds on *every* image, whatever the nets say?",
            [
                right("The cross-entropy of the mean is at most the mean of the members' cross-entropies."),
                wrong(
                    "The cross-entropy of the mean is at most that of the best of the five members.",
                    "The best member may well be better than the mean.",
                ),
                wrong(
                    "The mean is right on the image if most of the five members are right on it.",
                    "Members that give the right one of two classes .51, .51 and 0 are right twice; their mean, .34, is wrong.",
                ),
                wrong(
                    "The cross-entropy of the mean is the mean of the members' cross-entropies.",
                    "$-\\ln$ is strictly convex: wherever the members disagree, the mean of the losses is larger.",
                ),
            ],
        )
        .because(
            "By Jensen's inequality a convex loss of the mean is at most the mean of the losses. The error rate is not convex, so it has no \
             such guarantee.",
            "Cure-5:-an-ensemble,-which-averages-models--F6",
            "let mean_loss",
        ),
        number("15-17", &["F6"], 2, |rng| {
            let p = [decimal(rng, 0.05, 0.2, 2), decimal(rng, 0.4, 0.6, 2), decimal(rng, 0.8, 0.95, 2)];
            let mean = p.iter().sum::<f64>() / 3.0;
            let of_members = -p.iter().map(|p| p.ln()).sum::<f64>() / 3.0;
            let gain = of_members + mean.ln();
            Ok(drawn(
                format!(
                    "Three members give the true class of an image the probabilities {}, {} and {}. By how much is the cross-entropy of their \
                     mean below the mean of their cross-entropies?",
                    p[0], p[1], p[2]
                ),
                gain,
            )
            .within(0.003)
            .unit("nat")
            .mistake(0.0, "the logarithm of a mean is not the mean of the logarithms")
            .mistake(-mean.ln(), "that is the cross-entropy of the mean itself")
            .mistake(of_members, "that is the mean of the members' cross-entropies itself")
            .worked(format!("The mean is {mean:.4}, and ${of_members:.4} - {:.4} = {gain:.4}$.", -mean.ln())))
        })
        .because(
            "The gain is never negative, by Jensen's inequality, and it is large where the members disagree: the sure error of one of \
             them is made up for by the others.",
            "Cure-5:-an-ensemble,-which-averages-models--F6",
            "let mean_loss",
        ),
        derive(
            "15-18",
            &["F6"],
            2,
            "Two members predict $p$ and $q$ for a target $y$. The squared error of their mean is $\\big(\\frac{p + q}{2} - y\\big)^2$, that of the mean \
             member $\\frac12 (p - y)^2 + \\frac12 (q - y)^2$. The next line is the second minus the first, simplified.",
            [real("p", 0.0, 0.5), real("q", 0.5, 1.0), real("y", 0.0, 1.0)],
            |v| (v[0] - v[1]).powi(2) / 4.0,
            [
                mistake(|v| (v[0] - v[1]).powi(2) / 2.0, "the two distances from the mean are half of $p - q$ each"),
                mistake(|v| (v[0] - v[2]) * (v[1] - v[2]), "the target drops out"),
            ],
        )
        .because(
            "$\\frac14 (p - q)^2$: the mean squared distance of the members from their mean, and the target plays no part. Ensemble = mean \
             member minus disagreement, exactly.",
            "Cure-5:-an-ensemble,-which-averages-models--F6",
            "let difference",
        ),
        code(
            "15-19",
            &["F6"],
            2,
            "What is wrong?",
            snippet!("ensemble"),
            [
                fault(5, "Logits are added up in the place of probabilities."),
                sound(2, "Members count alike, however accurate they are.", "The plain mean is asked for."),
                sound(3, "The sums begin at 0 and not at the prior of a class.", "A mean has no prior."),
                sound(4, "The loop takes all members, the worst one included.", "All members take part in the mean."),
            ],
            || {
                let logits = [[0.0, 4.0], [0.0, -1.0]];
                let sigmoid = |z: f64| 1.0 / (1.0 + (-z).exp());
                let (given, mended) = (ensemble::ensemble(&logits)[1], ensemble_mended::ensemble(&logits)[1]);
                let right = (sigmoid(4.0) + sigmoid(-1.0)) / 2.0;
                Ok(Evidence::new("probability of class 1 by the logits (0, 4) and (0, -1)", given, mended, right))
            },
        )
        .because(
            "The mean of logits gives the normalized geometric mean of the probabilities. One member with a huge logit decides it, while in \
             the mean of probabilities no member counts more than its share.",
            "Cure-5:-an-ensemble,-which-averages-models--F6",
            "fn answers",
        ),
        number("15-20", &["F7"], 1, |rng| {
            let (best, patience) = (whole(rng, 4, 6) as usize, whole(rng, 2, 3) as usize);
            let mut losses = vec![0.9, 0.8, 0.8 + decimal(rng, 0.01, 0.04, 2)];
            for epoch in 4..=10 {
                let step = decimal(rng, 0.02, 0.05, 2);
                let last = losses[losses.len() - 1];
                losses.push(if epoch == 4 { 0.75 } else if epoch <= best { last - step } else { last + step });
            }
            let mut stopping = EarlyStopping::new(StoppingRule::Patience { patience, min_delta: 0.0 })?;
            for loss in &losses {
                if stopping.observe(*loss, *loss)? == Decision::Stop {
                    break;
                }
            }
            let shown: Vec<String> = losses.iter().map(|loss| format!("{loss:.2}")).collect();
            Ok(drawn(
                format!(
                    "The validation losses of epochs 1 to 10 would be {}. After which epoch does training stop with patience {patience}?",
                    shown.join(", ")
                ),
                stopping.epochs() as f64,
            )
            .within(0.0)
            .mistake(best as f64, "that is the best epoch, whose weights are kept; training goes on to see that it was")
            .mistake(3.0, "that is the first rise, the rule with patience 1")
            .mistake((best + patience + 1) as f64, "the epochs without a new minimum are counted from the one after the best")
            .worked(format!("The minimum is at epoch {best}; {patience} epochs later it stops.")))
        })
        .because(
            "Patience $s$ stops after $s$ epochs in a row without a new minimum, and the weights of the best epoch are kept. Patience 1, \
             which is to stop at the first rise, left behind more than a third of what could be won.",
            "Cure-4:-early-stopping,-which-changes-the-training--F7",
            "fn stops",
        ),
        number("15-21", &["F7"], 2, |rng| {
            let (least, rise, last) = (decimal(rng, 0.4, 0.6, 2), decimal(rng, 0.1, 0.15, 2), decimal(rng, 0.02, 0.05, 2));
            let losses = [0.9, least, least + rise, least + rise + last];
            let mut stopping = EarlyStopping::new(StoppingRule::GeneralizationLoss { alpha: 1e6 })?;
            for loss in losses {
                stopping.observe(loss, loss)?;
            }
            let now = losses[3];
            Ok(drawn(
                format!(
                    "After four epochs the validation loss was 0.9, {least}, {:.2} and {now:.2}. What is Prechelt's generalization loss $GL$ now?",
                    losses[2]
                ),
                stopping.generalization_loss().unwrap_or(f64::NAN),
            )
            .within(0.1)
            .unit("per cent")
            .mistake(100.0 * (now / losses[2] - 1.0), "it is compared with the minimum so far, not with the epoch before")
            .mistake(100.0 * (now - least), "it is relative to the minimum")
            .mistake(100.0 * (now / 0.9 - 1.0), "it is compared with the minimum so far, not with the first epoch")
            .worked(format!("$100 \\cdot ({now:.2}/{least} - 1) = {:.2}$.", 100.0 * (now / least - 1.0))))
        })
        .because(
            "$GL(t) = 100\\,(E_{\\text{va}}(t)/E_{\\text{opt}}(t) - 1)$; the rule $GL_\\alpha$ stops when it exceeds $\\alpha$. With a small $\\alpha$ the jitter of \
             the curve misleads it, as it misleads patience 1.",
            "Cure-4:-early-stopping,-which-changes-the-training--F7",
            "let rules",
        ),
        choice(
            "15-22",
            &["F7"],
            2,
            "A run is evaluated on the test images after every epoch; the epoch with the lowest test loss is kept, and that loss is \
             reported. What is wrong?",
            [
                right("The number is too good: the test images have chosen the epoch, and so became training data."),
                wrong(
                    "Nothing: the weights were trained on other images, so that the test images are still unseen.",
                    "The gradient has not seen them, but the choice has; it picks the luck of the sample too.",
                ),
                wrong(
                    "The number is too bad: the lowest test loss comes before the net has learned all it can.",
                    "A minimum over epochs can only be at or below the loss of any fixed epoch.",
                ),
                wrong(
                    "The epoch should be chosen by the test accuracy, which jitters less than the test loss.",
                    "Whatever is chosen by test images makes them part of the training.",
                ),
            ],
        )
        .because(
            "Choose $\\lambda$, $p$ and the epoch on validation data, and touch the test data once. The chapter's rules were charged with the test \
             loss at the epoch that the *validation* loss had chosen.",
            "Cure-4:-early-stopping,-which-changes-the-training--F7",
            "fn stops",
        ),
        derive(
            "15-23",
            &["F3", "F4"],
            2,
            "A training loop sees each image once an epoch, each time changed by one of $k$ augmentations, drawn with equal \
             probability. The next line is the expected number of different ones of the $k$ versions of one image that it has seen after \
             $t$ epochs.",
            [count("k", 2, 20), count("t", 1, 30)],
            |v| v[0] * (1.0 - (1.0 - 1.0 / v[0]).powf(v[1])),
            [
                mistake(|v| v[1].min(v[0]), "versions are drawn anew each time, and some come twice"),
                mistake(|v| v[0] * (1.0 - 1.0 / v[0]).powf(v[1]), "that is how many it has not seen"),
            ],
        )
        .because(
            "A version is missed $t$ times with the probability $(1 - 1/k)^t$. As long as $t$ is far below $k$ hardly a version comes twice, \
             and learning by heart is slow.",
            "Cure-3:-data-augmentation,-which-changes-the-data--F4",
            "let slower",
        ),
    ]
}

/// How far the first weight of the body moves.
fn moved(tune: fn(&dyn Module, &Params, &Tensor, &Tensor) -> Result<()>) -> Result<f64> {
    let params = Params::with_dtype(0, DType::F64, &Device::Cpu)?;
    let model = Sequential::new().push(linear(3, 4, params.pp("body"))?).push(Activation::Tanh).push(linear(
        4,
        1,
        params.pp("head"),
    )?);
    let draw = |seed, n| normal(&mut seeded(seed), 0.0, 1.0, (5, n), DType::F64, &Device::Cpu);
    let first = || Ok::<_, crate::Error>(params.get("body.weight")?.flatten_all()?.to_vec1::<f64>()?[0]);
    let before = first()?;
    tune(&model, &params, &draw(1, 3)?, &draw(2, 1)?)?;
    Ok((first()? - before).abs())
}
