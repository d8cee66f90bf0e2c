//! Questions on `09-batch-normalization`.

mod backward;
mod backward_mended;

use super::super::{Evidence, Question, choice, code, drawn, fault, number, pick, predict, right, sound, whole, wrong};
use super::snippet;
use crate::autograd::vjp;
use crate::nn::{BatchNorm1d, BatchNormConfig};
use crate::prelude::*;
use crate::rng::normal;

pub(super) fn questions() -> Vec<Question> {
    vec![
        number("09-1", &["N3"], 2, |rng| {
            let (samples, variance) = (f64::from(whole(rng, 3, 5)), f64::from(whole(rng, 6, 20)));
            let unbiased = variance * samples / (samples - 1.0);
            let running = 0.9 + 0.1 * unbiased;
            Ok(drawn(
                format!(
                    "A batch norm has just been made: its running variance is 1, and its momentum 0.1, by PyTorch's conventions. In the first batch, of \
                     {samples} samples, a unit has the variance {variance} (divided by {samples}). What is the running variance of this unit after it?"
                ),
                running,
            )
            .mistake(0.9 + 0.1 * variance, "the variance that is kept divides by $M - 1$")
            .mistake(0.1 + 0.9 * unbiased, "the momentum is the share of the new value")
            .mistake(unbiased, "that is the batch's own; the running variance goes a tenth of the way to it")
            .worked(format!(
                "${variance} \\cdot {samples}/{} = {unbiased:.2}$, and $0.9 \\cdot 1 + 0.1 \\cdot {unbiased:.2} = {running:.3}$.",
                samples - 1.0
            )))
        })
        .because(
            "The variance that normalizes divides by $M$, the one that is kept for evaluation by $M - 1$, which makes it unbiased. The momentum is the \
             share of the new batch here, unlike in an optimizer.",
            "Training-and-evaluation--N3",
            "let [our_mean, our_var]",
        ),
        number("09-2", &["N3"], 2, |rng| {
            let samples = f64::from(whole(rng, 4, 10));
            let (gamma, beta) = (pick(rng, [2.0, 2.5, 3.0]), pick(rng, [-1.0, -0.5, 0.5, 1.0]));
            let t = whole(rng, 20, 900);
            let y = gamma * (samples - 1.0).sqrt() + beta;
            Ok(drawn(
                format!(
                    "In a batch of {samples} samples a unit has the value {t} in one sample and 0 in all others. What does batch norm put out for that one \
                     sample in training, with $\\gamma = {gamma}$ and $\\beta = {beta}$? ($\\varepsilon$ does not matter here.)"
                ),
                y,
            )
            .mistake(gamma * (samples - 1.0) / samples.sqrt() + beta, "the variance that normalizes divides by $M$, not by $M - 1$")
            .mistake((samples - 1.0).sqrt(), "that is $\\hat z$: scale and shift are missing")
            .worked(format!(
                "$\\mu = t/M$ and $\\sigma^2 = t^2 (M - 1)/M^2$, so $\\hat z = \\sqrt{{M - 1}} = {:.3}$ whatever $t$ is, and $y = {y:.3}$.",
                (samples - 1.0).sqrt()
            )))
        })
        .because(
            "Only the pattern within the batch passes, not the size of the numbers: multiplying all values of a unit by one positive number changes \
             nothing behind batch norm. Size and place are given back by $\\gamma$ and $\\beta$, which are learned.",
            "What-does-it-compute?--N3",
            "fn forward",
        ),
        code(
            "09-3",
            &["N3"],
            3,
            "The backward pass of batch norm for one unit, without scale and shift. What is wrong?",
            snippet!("batch_norm/backward"),
            [
                fault(5, "The mean of $g \\hat z$ is needed here, and this is the sum over the batch."),
                sound(
                    4,
                    "The sum of $g$ is needed here, since every sample moves $\\mu$.",
                    "It moves $\\mu$ by a share of $1/M$ each: that makes the sum a mean.",
                ),
                sound(
                    6,
                    "What comes in is to be divided by $s$ alone, since $\\mu$ and $s$ are numbers.",
                    "In training they depend on every sample; that is right in evaluation, where they are fixed.",
                ),
                sound(
                    6,
                    "The factor of `along` must be $z - \\mu$, and not the normalized value.",
                    "$\\partial s/\\partial z_k = \\hat z_k/M$: the derivation has the normalized value.",
                ),
            ],
            || {
                let z = Tensor::new(&[[1.0], [2.0], [4.0], [9.0]], &Device::Cpu)?;
                let config = BatchNormConfig { eps: 0.0, ..BatchNormConfig::default() };
                let layer = BatchNorm1d::new(1, config, Params::with_dtype(0, DType::F64, &Device::Cpu)?)?;
                let (input, g) = (Var::from_tensor(&z)?, [1.0, 0.0, -2.0, 0.5]);
                let (output, gradients) = vjp(|| layer.forward(&input, Mode::Train), &Tensor::from_slice(&g, (4, 1), &Device::Cpu)?)?;
                let right = gradients.get(&input).map_or(Ok(f64::NAN), |dz| dz.get(0)?.get(0)?.to_scalar())?;
                let z_hat = output.flatten_all()?.to_vec1::<f64>()?;
                let s = 9.5f64.sqrt(); // mean 4
                let (given, mended) = (backward::backward(&g, &z_hat, s)[0], backward_mended::backward(&g, &z_hat, s)[0]);
                Ok(Evidence::new("∂L/∂z of the first of four samples", given, mended, right))
            },
        )
        .because(
            "$\\frac{\\partial L}{\\partial z_k} = \\frac{\\gamma}{s}\\big(g_k - \\frac1M\\sum_j g_j - \\hat z_k \\frac1M\\sum_j g_j \\hat z_j\\big)$. A quick \
             check: the result must be orthogonal to $\\hat z$ and sum to 0, since stretching or moving all samples changes nothing.",
            "The-backward-pass--N3",
            "fn backward",
        ),
        number("09-4", &["N3"], 1, |rng| {
            let (samples, channels) = (pick(rng, [16, 32, 64]), pick(rng, [3, 6, 12, 24]));
            let side = whole(rng, 5, 7);
            let (samples, channels, places) = (f64::from(samples), f64::from(channels), f64::from(side * side));
            Ok(drawn(
                format!(
                    "A batch norm stands behind a convolution: its input has {samples} samples, {channels} channels, and {side} × {side} places. Over how \
                     many numbers is one mean taken?"
                ),
                samples * places,
            )
            .within(0.0)
            .mistake(samples, "a channel is one unit at all places: they count as well")
            .mistake(places, "that is a mean for each image and channel, as in instance norm")
            .mistake(channels * places, "that is a mean for each image, as in layer norm")
            .mistake(samples * channels * places, "each channel has a mean of its own")
            .worked(format!("${samples} \\cdot {places}$ numbers; there are {channels} such means.")))
        })
        .because(
            "All places share the weights of a channel, so it is one unit seen $HW$ times: mean and variance are taken over the batch and all places, \
             and there is one $\\gamma$ and one $\\beta$ for each channel.",
            "In-a-convolution--N3",
            "let by_hand",
        ),
        predict("09-5", &["N3", "N1"], 2, |rng| {
            let times = f64::from(pick(rng, [2, 3, 4, 5, 8, 10]));
            let seed = u64::from(whole(rng, 0, 1 << 30));
            Ok(drawn(
                format!(
                    "A linear layer is followed by batch norm, and more of a net. All its weights are multiplied by {times}, and so is its bias. By which \
                     factor does the gradient of the loss with respect to these weights change?"
                ),
                1.0 / times,
            )
            .within_share(0.02)
            .mistake(1.0, "the output stays the same, but the weights have become larger: as much change takes a longer way")
            .mistake(times, "$s$ grows with the weights, and the gradient is divided by it")
            .mistake(1.0 / (times * times), "that is the factor of a step relative to the length of the weights")
            .measure(move || {
                let params = Params::with_dtype(seed, DType::F64, &Device::Cpu)?;
                let model = Sequential::new().push(linear(6, 4, params.pp("fc"))?).push(batch_norm1d(4, params.pp("bn"))?);
                let model = model.push(Activation::Tanh).push(linear(4, 2, params.pp("out"))?);
                let x = normal(&mut seeded(seed), 0.0, 3.0, (16, 6), DType::F64, &Device::Cpu)?;
                let y = x.narrow(1, 0, 2)?;
                let weight = params.get("fc.weight")?;
                let length = || -> Result<f64> {
                    let (_, gradients) = value_and_grad(|| mse(&model.forward(&x, Mode::Train)?, &y))?;
                    let gradient = gradients.get(&weight);
                    Ok(gradient.map_or(Ok(f64::NAN), |g| g.sqr()?.sum_all()?.to_scalar::<f64>())?.sqrt())
                };
                let before = length()?;
                for name in ["fc.weight", "fc.bias"] {
                    params.set(name, &(params.get(name)?.as_tensor() * times)?)?;
                }
                Ok(length()? / before)
            })
            .worked(format!("$1/{times} = {:.4}$.", 1.0 / times)))
        })
        .because(
            "$z$ becomes $az$, $\\hat z$ stays the same, $s$ becomes $as$, and the gradient with respect to the larger weights is $1/a$ times as large. \
             Weights that grew in a step too long take shorter steps from then on: the net calms down by itself.",
            "The-backward-pass--N3",
            "let [one, ten]",
        ),
        number("09-6", &["N1", "N3"], 3, |rng| {
            let times = f64::from(whole(rng, 2, 9));
            Ok(drawn(
                format!(
                    "Behind a linear layer stands batch norm. After some steps that were too long, the weights of the layer are {times} times as long as \
                     before, in the same direction. By which factor has the length of a step of SGD at the same rate changed, *relative to the length of the weights* (new divided by old)?"
                ),
                1.0 / (times * times),
            )
            .mistake(1.0 / times, "that is the factor of the gradient; the weights to which it is compared have grown as well")
            .mistake(1.0, "the gradient with respect to larger weights is smaller behind them")
            .mistake(times, "the step becomes shorter, not longer")
            .worked(format!("The step is $1/{times}$ times as long, the weights {times} times: $1/{}$.", times * times)))
        })
        .because(
            "The output does not change with the length of the weights, so what counts is how far a step turns them. Both the shorter gradient and the \
             longer weights make it less: a rate that is too high lowers itself. That is one reason why batch norm allows higher rates.",
            "The-backward-pass--N3",
            "let [one, ten]",
        ),
        choice(
            "09-7",
            &["N3"],
            3,
            "After each batch norm the chapter shifted and scaled every unit at random, anew at each step. The layers above then met eleven times the \
             covariate shift that they meet without batch norm. What became of batch norm's gain in the loss, each net at its best rate?",
            [
                right("About half of it stayed: less covariate shift is a part of the reason at most."),
                wrong(
                    "All of it was lost: that batch norm reduces covariate shift is why it helps.",
                    "The jolted net still trained faster than the one without batch norm.",
                ),
                wrong(
                    "None of it was lost: covariate shift does not matter to a net at all.",
                    "That is near what Santurkar and others saw with another noise; here half of it went.",
                ),
                wrong(
                    "It became larger: shift at random acts as noise that regularizes the net.",
                    "It is the training loss that was compared, and it rose.",
                ),
            ],
        )
        .because(
            "Less loss than without: 0.13 with batch norm, 0.07 with the jolts. Batch norm does move the means less, a third as far at the same rate, but \
             the single values that reach the activation move three times farther. Other candidates are unsaturated units and a smoother loss.",
            "Covariate-shift--N3",
            "let gains",
        ),
        choice(
            "09-8",
            &["N3"],
            1,
            "By which mean and variance does batch norm normalize an image in evaluation?",
            [
                right("By those gathered over batches in training, whatever else is in the batch."),
                wrong(
                    "By those of the batch in which the image arrives, as in training.",
                    "Then the answer for an image would depend on its company, and one image alone would have none.",
                ),
                wrong(
                    "By those of all images of the test set, measured once before the evaluation.",
                    "A trained net must answer for one image, and learns nothing from a test set.",
                ),
                wrong(
                    "By none: $\\gamma$ and $\\beta$ have learned to make up for the normalization.",
                    "They stand behind it, and expect numbers of mean 0 and variance 1.",
                ),
            ],
        )
        .because(
            "The running statistics are fixed numbers, so in evaluation the layer is a fixed line for each unit, $\\gamma(z - \\mu_\\text{run})/s_\\text{run} \
             + \\beta$: one sample alone is enough, and company changes nothing.",
            "Training-and-evaluation--N3",
            "let together",
        ),
        choice(
            "09-9",
            &["N1"],
            3,
            "Five benefits are claimed for normalization. Which of them did the chapter *not* see in its net of six layers, batch norm beside He's initial \
             weights without a norm?",
            [
                right("Regularization: at an equal training loss the gap to the test loss was no smaller."),
                wrong(
                    "Higher learning rates: both nets failed to train from the same rate on.",
                    "Batch norm trained at up to 3, He's weights at up to 0.3.",
                ),
                wrong(
                    "Faster convergence: each at its best rate, the first epoch ended at the same loss.",
                    "It ended at 1.19 with batch norm, and at 1.61 with He's weights.",
                ),
                wrong(
                    "Gradients that do not vanish: hardly any of it arrived at the images, with the norm or without.",
                    "That was so with PyTorch's weights; with batch norm, as with He's weights, most of it arrived.",
                ),
            ],
        )
        .because(
            "Where 640 images had been learned to a training loss of 0.6, the test loss lay 0.23 above it with batch norm and 0.20 with He's weights. A gap \
             after equally many epochs would mix regularization with speed of training. The noise of the batch statistics may help elsewhere.",
            "Five-benefits,-five-columns--N1",
            "highest rate that trains",
        ),
        choice(
            "09-10",
            &["N1"],
            2,
            "Without a norm and with PyTorch's initial weights 0.3 % of the gradient came through six ReLU layers, with batch norm none was lost. Why is it too \
             early to praise the norm for that?",
            [
                right("With initial weights that fit ReLU, more than half of it comes through without any norm."),
                wrong(
                    "With a lower learning rate the gradient would have come through without any norm.",
                    "It was measured before the first step, where no rate plays a part.",
                ),
                wrong(
                    "With batch norm each gradient is rescaled, so that what arrives tells nothing.",
                    "It is the gradient that the weights get; batch norm changes the net, not the measurement.",
                ),
                wrong(
                    "With more samples in the batch the gradient would have come through without any norm.",
                    "Without batch norm each sample goes its own way: the size of the batch does not matter.",
                ),
            ],
        )
        .because(
            "PyTorch's weights have a third of the variance $1/n$, and ReLU asks for $2/n$: each layer shrinks the gradient. He's rule let 0.55 of it through, \
             at no cost. A fair comparison gives both sides good weights and their own best rate.",
            "Five-benefits,-five-columns--N1",
            "fn arriving",
        ),
    ]
}
