//! Questions on `10-layer-normalization`.

mod backward;
mod backward_mended;
mod prepare;
mod prepare_mended;

use super::super::{
    Evidence, Question, choice, code, decimal, drawn, fault, number, pick, predict, right, sound, whole, wrong,
};
use super::snippet;
use crate::autograd::vjp;
use crate::nn::{LayerNorm, LayerNormConfig};
use crate::prelude::*;
use crate::rng::normal;

pub(super) fn questions() -> Vec<Question> {
    vec![
        number("10-1", &["N5"], 2, |rng| {
            let (samples, units) = (f64::from(pick(rng, [4, 6, 8])), f64::from(pick(rng, [10, 12, 20])));
            Ok(drawn(
                format!(
                    "{samples} samples of {units} units go through layer norm. Of all derivatives of an output number with respect to an input number, how \
                     many are not 0, for inputs without any coincidence?"
                ),
                samples * units * units,
            )
            .within(0.0)
            .mistake(samples * samples * units, "that is batch norm: one unit across the samples")
            .mistake(samples * units, "within a sample every output depends on every input")
            .mistake((samples * units).powi(2), "samples do not meet: derivatives between them are 0")
            .worked(format!("{samples} blocks of ${units} \\times {units}$.")))
        })
        .because(
            "Layer norm has blocks of $H \\times H$ on the diagonal, one for each of $N$ samples: $NH^2$. Batch norm has, for each unit, all pairs of \
             samples: $N^2H$. So with layer norm a sample gives the same output alone and in any company.",
            "What-depends-on-what?--N5",
            "let counts",
        ),
        number("10-2", &["N5"], 2, |rng| {
            let (gamma, beta) = (pick(rng, [1.5, 2.0, 3.0]), pick(rng, [0.5, 1.0, 1.5]));
            let (bias, mean) = (decimal(rng, 0.2, 1.0, 1), decimal(rng, 2.0, 5.0, 1));
            let variance = pick(rng, [4.0, 9.0, 16.0]);
            let s = f64::sqrt(variance);
            let folded = gamma / s * (bias - mean) + beta;
            Ok(drawn(
                format!(
                    "A linear unit with the bias {bias} is followed by batch norm with $\\gamma = {gamma}$, $\\beta = {beta}$, a running mean of {mean} and a \
                     running variance of {variance} ($\\varepsilon$ left out). For use the two are folded into one linear unit. What is its bias?"
                ),
                folded,
            )
            .within(0.01)
            .mistake(gamma / s * bias + beta, "the running mean is missing")
            .mistake(gamma / variance * (bias - mean) + beta, "it is divided by the deviation, not by the variance")
            .mistake(gamma / s * (bias - mean), "the shift $\\beta$ is missing")
            .worked(format!("$\\frac{{{gamma}}}{{{s}}}({bias} - {mean}) + {beta} = {folded:.3}$.")))
        })
        .because(
            "In evaluation batch norm is a fixed line for each unit, and a line after a linear layer is a linear layer: $b' = \\frac{\\gamma}{s}(b - \\mu) + \
             \\beta$. So it costs nothing in use. Layer norm cannot be folded: its $\\mu$ and $\\sigma$ are others for each input.",
            "What-do-they-cost?--N5",
            "fn fold",
        ),
        choice(
            "10-3",
            &["N5"],
            2,
            "Each mini-batch holds images of one class. The gradients of one batch from each of ten classes are added up before a step. What did the \
             chapter see?",
            [
                right("Batch norm failed when it met the classes together, in evaluation and in training mode; layer norm did not notice."),
                wrong(
                    "Batch norm failed in evaluation, where the running statistics mix the classes; in training mode it did well on all of them.",
                    "With all classes in one batch it failed in training mode just so, which excludes the running statistics.",
                ),
                wrong(
                    "Both did well, since each step has seen the gradients of all ten classes in equal shares.",
                    "The gradients were mixed, but the statistics of each batch norm were those of one class.",
                ),
                wrong(
                    "Both failed: within a batch of one class the units are alike, and so are their mean and deviation.",
                    "Layer norm looks at each image by itself: it had 85 % in either kind of batch.",
                ),
            ],
        )
        .because(
            "In training batch norm makes the mean of every class the same, and so takes away what tells them apart: 33 % in batches of one class, 13 % \
             on all classes together. Batch norm assumes that a mini-batch looks like the data.",
            "Do-they-perform-the-same?--N5",
            "fn from_batches",
        ),
        code(
            "10-4",
            &["N5"],
            3,
            "What is wrong?",
            snippet!("layer_norm/backward"),
            [
                fault(5, "The mean must be that of $\\gamma \\odot g$: units differ in their scale."),
                sound(
                    4,
                    "The scale must stand before the whole result, as it does in batch norm.",
                    "In batch norm the sums run over samples, which share $\\gamma$; here it differs along the sum.",
                ),
                sound(
                    6,
                    "The sum is to be divided by the number of samples, and not of units.",
                    "Layer norm takes its statistics over the units of one sample.",
                ),
                sound(
                    7,
                    "The result is to be divided by $s$ for each unit by itself.",
                    "A sample has one $s$, which all its units share.",
                ),
            ],
            || {
                let (z, gamma, g) = ([1.0, 2.0, 4.0, 9.0], [2.0, 0.5, 1.0, -1.0], [1.0, -1.0, -2.0, 0.5]);
                let params = Params::with_dtype(0, DType::F64, &Device::Cpu)?;
                let layer = LayerNorm::new(4, LayerNormConfig { eps: 0.0, ..LayerNormConfig::default() }, params.pp("ln"))?;
                params.set("ln.weight", &Tensor::new(&gamma, &Device::Cpu)?)?;
                let input = Var::from_tensor(&Tensor::new(&[z], &Device::Cpu)?)?;
                let (_, gradients) = vjp(|| layer.forward(&input, Mode::Train), &Tensor::new(&[g], &Device::Cpu)?)?;
                let right = gradients.get(&input).map_or(Ok(f64::NAN), |dz| dz.get(0)?.get(0)?.to_scalar())?;
                let s = 9.5f64.sqrt(); // the mean is 4
                let z_hat = z.map(|z| (z - 4.0) / s);
                let given = backward::backward(&g, &gamma, &z_hat, s)[0];
                let mended = backward_mended::backward(&g, &gamma, &z_hat, s)[0];
                Ok(Evidence::new("∂L/∂z of the first of four units", given, mended, right))
            },
        )
        .because(
            "$\\frac{\\partial L}{\\partial z_i} = \\frac1s\\big(\\gamma_i g_i - \\frac1H\\sum_k \\gamma_k g_k - \\hat z_i \\frac1H\\sum_k \\gamma_k g_k \\hat z_k\\big)$: \
             the same as batch norm with rows and columns exchanged, but for $\\gamma$, which goes inside. The row must sum to 0.",
            "One-sample,-all-units--N5",
            "let [sums, along]",
        ),
        predict("10-5", &["N5"], 2, |rng| {
            let (small, times) = (pick(rng, [30usize, 40, 50]), pick(rng, [4usize, 6]));
            let seed = u64::from(whole(rng, 0, 1 << 30));
            let large = small * times;
            let factor = (times as f64).sqrt();
            Ok(drawn(
                format!(
                    "One sample is sent through batch norm in training, each time among other random samples: 100 batches of {small}, and 100 of {large}. Its \
                     output scatters. How many times as much does it scatter in the small batches?"
                ),
                factor,
            )
            .within_share(0.15)
            .mistake(times as f64, "the error of a mean and of a deviation falls with the root of the number of samples")
            .mistake(1.0, "that is layer norm, which does not see the others")
            .mistake(1.0 / factor, "the larger batch estimates better")
            .measure(move || {
                let layer = batch_norm1d(12, Params::new(seed, &Device::Cpu)?)?;
                let mut rng = seeded(seed);
                let one = Tensor::full(0.5f32, (1, 12), &Device::Cpu)?;
                let mut spread = |samples: usize| -> Result<f64> {
                    let mut outputs = Vec::new();
                    for _ in 0..100 {
                        let others = normal(&mut rng, 0.0, 1.0, (samples - 1, 12), DType::F32, &Device::Cpu)?;
                        let y = layer.forward(&Tensor::cat(&[&one, &others], 0)?, Mode::Train)?;
                        outputs.push(y.narrow(0, 0, 1)?);
                    }
                    let outputs = Tensor::cat(&outputs, 0)?;
                    let apart = outputs.broadcast_sub(&outputs.mean_keepdim(0)?)?;
                    Ok(f64::from(apart.sqr()?.mean_all()?.to_scalar::<f32>()?).sqrt())
                };
                Ok(spread(small)? / spread(large)?)
            })
            .worked(format!("$\\sqrt{{{large}/{small}}} = {factor:.3}$.")))
        })
        .because(
            "Batch norm estimates mean and variance of the data set from $M$ samples, with an error of order $1/\\sqrt M$: the chapter fitted a slope of \
             $-0.50$ from 16 samples on. Layer norm takes those of the units of this sample, and has them all.",
            "Exact-or-approximate?--N5",
            "fn spread",
        ),
        number("10-6", &["N6"], 3, |rng| {
            let (kappa, power) = (f64::from(whole(rng, 20, 200)), whole(rng, 2, 4));
            let part = 10f64.powi(-(power as i32));
            let steps = part.ln() / (2.0 * (1.0 - 1.0 / kappa).ln());
            Ok(drawn(
                format!(
                    "Gradient descent with $\\eta = 1/\\lambda_{{\\max}}$ on a quadratic of condition number {kappa}, with all of the error along the flattest \
                     direction. About how many steps until the loss has fallen to $10^{{-{power}}}$ of what it was?"
                ),
                steps,
            )
            .within_share(0.03)
            .mistake(2.0 * steps, "the loss is the square of the distance, and falls twice as fast in orders of magnitude")
            .mistake(part.ln() / (2.0 * (1.0 - 1.0 / kappa.sqrt()).ln()), "in proportion to the root of $\\kappa$ it is with momentum")
            .mistake(steps / f64::ln(10.0), "the logarithm is the natural one")
            .worked(format!("$\\frac{{{kappa}}}{{2}} \\ln 10^{{{power}}} \\approx {steps:.0}$.")))
        })
        .because(
            "A step multiplies the distance along the flattest direction by $1 - 1/\\kappa$, and the loss by its square, so \
             $t = \\ln r/(2\\ln(1 - 1/\\kappa)) \\approx \\frac{\\kappa}{2}\\ln\\frac1r$. The chapter measured steps in proportion to $\\kappa^{1.01}$.",
            "Normalize-the-inputs--N6",
            "fn steps_to",
        ),
        number("10-7", &["N6"], 1, |rng| {
            let s = f64::from(whole(rng, 5, 40));
            Ok(drawn(
                format!(
                    "Least squares with two independent inputs of mean 0. Both would have deviation 1, but the second is given in a unit that makes its numbers \
                     {s} times smaller. What is the condition number of the Hessian?"
                ),
                s * s,
            )
            .within(0.0)
            .mistake(s, "the Hessian holds the inputs squared")
            .mistake(1.0, "that is with standardised inputs")
            .mistake(2.0 * s * s, "the factor 2 of the Hessian stands in both eigenvalues, and cancels")
            .worked(format!("$H = 2\\,\\mathrm{{diag}}(1, 1/{s}^2)$.")))
        })
        .because(
            "$H = \\frac2N X^\\top X$ has the mean squares of the inputs on its diagonal, so a unit enters squared, and the steps of gradient descent grow with \
             it. On images standardising won a factor of 344 in $\\kappa$ and 17 in steps.",
            "Normalize-the-inputs--N6",
            "kappas.push",
        ),
        code(
            "10-8",
            &["N6", "F4"],
            2,
            "The background of all images is 0. What is wrong?",
            snippet!("layer_norm/prepare"),
            [
                fault(8, "`shift` fills the gap with 0, which is the mean by now, a grey, and not the background."),
                sound(
                    6,
                    "The offsets must be the same for training and test images, or the statistics no longer fit.",
                    "Test images are not shifted at all; the statistics belong to the model either way.",
                ),
                sound(
                    5,
                    "Mean and deviation must be taken from the images that are passed in, and not from others.",
                    "They are part of the model, measured once on the training images, for whatever it meets.",
                ),
                sound(
                    9,
                    "What comes out must be normalized once more, since a shift has changed mean and deviation.",
                    "Each image may differ from the mean of the training set: that is what tells them apart.",
                ),
            ],
            || {
                let images = Tensor::new(&[[[[0.0, 0.5], [1.0, 0.25]]]], &Device::Cpu)?;
                let first = |images: Tensor| Ok::<f64, crate::Error>(images.flatten_all()?.get(0)?.to_scalar()?);
                let given = first(prepare::prepare(&images, 1, 0.25, 0.5)?)?;
                let mended = first(prepare_mended::prepare(&images, 1, 0.25, 0.5)?)?;
                Ok(Evidence::new("a pixel of the gap; background is (0 − 0.25)/0.5", given, mended, (0.0 - 0.25) / 0.5))
            },
        )
        .because(
            "Augment first, then normalize, by the statistics of the training set. In the chapter the background was $-0.81$ behind the normalization, and the \
             gap 0.00 where the order was the other way round.",
            "Test-data-and-augmentation--N6",
            "let boot",
        ),
        choice(
            "10-9",
            &["N6"],
            1,
            "A net was trained on images standardised by the mean and deviation of the training images. By which numbers are test images standardised?",
            [
                right("By those of the training images, which are a part of the model like its weights."),
                wrong(
                    "By those of all test images, so that they too have mean 0 and deviation 1.",
                    "That uses the test set to choose the model; it does little harm only if the set is large and drawn alike.",
                ),
                wrong(
                    "By those of the test images at hand, so that each batch is treated alike.",
                    "It takes away what distinguishes the images at hand: class by class it cost 5 points.",
                ),
                wrong(
                    "By those of training and test images together, since more images estimate better.",
                    "The net was trained with other numbers, and the test set is not there to be measured.",
                ),
            ],
        )
        .because(
            "Mean and deviation are measured once, on the training images, and applied to whatever the model meets. Statistics of 150 images of one class cost \
             5.3 points of accuracy, no normalization at all 15.7.",
            "Test-data-and-augmentation--N6",
            "fn four_ways",
        ),
    ]
}
