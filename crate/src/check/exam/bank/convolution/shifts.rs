//! Questions on shifts and features.

use candle_core::{D, DType, Device, Tensor};

use super::super::super::{Question, choice, drawn, number, pick, predict, right, whole, wrong};
use crate::Result;
use crate::init::Init;
use crate::nn::features::{cyclic_shifts, effective_field, field_std, receptive_field};
use crate::nn::{Activation, Conv1d, Conv1dConfig, GlobalAvgPool, Mode, Module as _, PaddingMode, Sequential, linear};
use crate::params::Params;
use crate::rng::{normal, seeded};

pub(super) fn questions() -> Vec<Question> {
    vec![
        choice(
            "18-1",
            &["C1"],
            1,
            "An image is moved by three rows, far from its borders. What does a convolution with stride 1 make of it?",
            [
                right("What it made before, moved by three rows: it is equivariant."),
                wrong("What it made before, at the same places: it is invariant.", "The output moves along with the input."),
                wrong(
                    "Something else, unless it was trained on moved images: it is neither.",
                    "The same kernel is laid on every place, whatever its weights are.",
                ),
                wrong(
                    "What it made before, moved by three rows times the size of the kernel.",
                    "The size of the kernel says how far a place sees, not how far it moves.",
                ),
            ],
        )
        .because(
            "Equivariant: $f(Tx) = Tf(x)$. Invariant: $f(Tx) = f(x)$, which has to come from something that throws the place away, such as \
             a maximum over all places.",
            "Shift-in,-shift-out--C1",
            "let shift_first",
        ),
        number("18-2", &["C1"], 2, |rng| {
            let stride = pick(rng, [2, 3]);
            let hundredths = pick(rng, [28, 31, 33, 35, 37, 38, 41, 42, 45, 47]);
            // Hundredths of a cycle between two kept places.
            let between = hundredths * stride;
            let seen = between % 100;
            let seen = f64::from(seen.min(100 - seen)) / 100.0;
            let frequency = f64::from(hundredths) / 100.0;
            Ok(drawn(
                format!(
                    "Of a sine of {frequency} cycles a place only every {} place is kept. Which frequency does one see, from 0 to ½ cycles a *kept* \
                     place?",
                    if stride == 2 { "second" } else { "third" }
                ),
                seen,
            )
            .within(0.005)
            .mistake(f64::from(between) / 100.0, "more than half a cycle between two kept places cannot be told from less")
            .mistake(frequency / f64::from(stride), "kept places lie farther apart, so that *more* of a cycle lies between them")
            .worked(format!("Between two kept places lie {} cycles, which look like {seen}.", f64::from(between) / 100.0)))
        })
        .because(
            "By the sampling theorem every $s$th place holds frequencies below $1/(2s)$ cycles a place; what is faster comes back as \
             something slower, an alias. How it comes back depends on how the image lies on the grid.",
            "A-stride-of-two-sees-something-that-is-not-there",
            "let kept",
        ),
        predict("18-3", &["C1"], 2, |rng| {
            let (steps, places) = (whole(rng, 1, 3), pick(rng, [32, 40, 48]));
            let seed = u64::from(whole(rng, 0, 1 << 30));
            let alike = f64::from(places >> steps);
            Ok(drawn(
                format!(
                    "A sequence of {places} places goes through an untrained net: {steps} circular convolution{} of kernel 3 and stride 2 with tanh, the \
                     mean over all places, a linear layer. Of all {places} cyclic shifts of the sequence, for how many are the outputs those of the \
                     unshifted one?",
                    if steps == 1 { "" } else { "s" }
                ),
                alike,
            )
            .within(0.0)
            .mistake(f64::from(places), "the mean over places takes no notice of shifts, but the strides do")
            .mistake(1.0, "shifts by a multiple of all strides together only rename the places that are kept")
            .measure(move || unchanged(steps as usize, places as usize, seed))
            .worked(format!("${places}/2^{steps} = {alike}$.")))
        })
        .because(
            "Stepping down by two $k$ times, the outputs come back after every $2^k$th place and at no other shift. A blur before each step \
             makes them change less; choosing the grid by the larger norm makes the net invariant, for cyclic shifts.",
            "A-stride-of-two-sees-something-that-is-not-there",
            "let multiple_of_4",
        ),
        choice(
            "18-4",
            &["C1"],
            2,
            "A net consists of convolutions with the usual padding by zeros, and a global maximum at the end. Can it tell whether an object \
             lies near a corner or in the middle?",
            [
                right("Yes: near the edge some weights of the kernel meet zeros and never the object."),
                wrong(
                    "No: a convolution treats all places alike, and the maximum forgets which it was.",
                    "At the edge places are not alike: there the kernel reaches into the padding.",
                ),
                wrong(
                    "No, unless the number of the row and the column are given as further channels.",
                    "The zeros beyond the edge are such a mark already.",
                ),
                wrong(
                    "Yes: the maximum is larger where more places of the output see the object.",
                    "A maximum does not grow with the number of places that reach it.",
                ),
            ],
        )
        .because(
            "With circular padding, or with so many zeros that the kernel is laid on every place that it can touch, the logits were equal \
             to the last bit. With no padding or the usual zeros they differed, and trained nets made use of it.",
            "How-a-net-finds-out-where-it-is--C1",
            "fn border_net",
        ),
        number("18-5", &["C2"], 1, |rng| {
            let (first, second) = (pick(rng, [3, 5, 7]), pick(rng, [3, 5, 7]));
            let third = pick(rng, [3, 5]);
            let params = Params::new(0, &Device::Cpu)?;
            let mut net = Sequential::new();
            for (i, (kernel, stride)) in [(first, 1), (2, 2), (second, 1), (2, 2), (third, 1)].into_iter().enumerate() {
                let config = Conv1dConfig { stride, ..Conv1dConfig::default() };
                net = net.push(Conv1d::new(1, 1, kernel, config, params.pp(i))?);
            }
            let field = receptive_field(&net, &params, (1, 1, 80))?;
            let size = field.layers.last().map_or(f64::NAN, |layer| layer.axes[0].size as f64);
            let (a, b, c) = (first as f64, second as f64, third as f64);
            Ok(drawn(
                format!(
                    "A sequence goes through a convolution of kernel {first}, a pooling of 2 with stride 2, a convolution of kernel {second}, a pooling \
                     of 2 with stride 2 and a convolution of kernel {third}. How many places of the input can one number at the end see?"
                ),
                size,
            )
            .within(0.0)
            .mistake(a + b + c, "behind a stride of 2 a step to the neighbour is a step of two places")
            .mistake(a * b * c * 4.0, "fields are added up, not multiplied")
            .mistake(a + 2.0 + 2.0 * (b - 1.0) + 4.0 + 4.0 * (c - 1.0), "the stride of a layer counts for those behind it")
            .worked(format!(
                "$1 + {} + 1 + 2 \\cdot {} + 2 \\cdot 1 + 4 \\cdot {} = {}$.",
                first - 1,
                second - 1,
                third - 1,
                a + 1.0 + 2.0 * (b - 1.0) + 2.0 + 4.0 * (c - 1.0)
            )))
        })
        .because(
            "$r \\leftarrow r + (k - 1)\\,j$ and then $j \\leftarrow j s$: a layer adds its reach times the product of the strides so far.",
            "How-much-of-the-image-does-one-number-see?",
            "let mut by_hand",
        ),
        predict("18-6", &["C2"], 2, |rng| {
            let (depth, kernel) = (pick(rng, [6, 8, 10, 12, 16, 20, 24]), pick(rng, [3, 7]));
            let (d, k) = (depth as f64, kernel as f64);
            let variance = d * (k * k - 1.0) / 12.0;
            Ok(drawn(
                format!(
                    "{depth} convolutions of kernel {kernel}, with equal weights and without activations, are stacked. The gradient of a number in the \
                     middle of the output with respect to the input is a bell. What is its standard deviation, in places?"
                ),
                variance.sqrt(),
            )
            .within_share(0.02)
            .mistake(d * (k - 1.0) / 2.0, "that is half of the field that it *can* see; most of that has hardly an influence")
            .mistake(variance, "that is the variance")
            .measure(move || tower_width(depth, kernel))
            .worked(format!("$\\sqrt{{{depth} \\cdot ({kernel}^2 - 1)/12}} = {:.3}$.", variance.sqrt())))
        })
        .because(
            "The gradient counts the ways through the layers, which are distributed like the sum of $d$ dice: by the central limit theorem a \
             Gaussian. The field by theory grows as $d$, its effective part as $\\sqrt d$.",
            "How-much-of-the-image-does-one-number-see?",
            "field_std(&ones)",
        ),
        choice(
            "18-7",
            &["C2"],
            2,
            "The features of each layer of a CNN were judged by the plainest classifier, the nearest class mean. What came out?",
            [
                right("In trained nets deeper features tell classes apart better, in untrained ones worse."),
                wrong(
                    "In trained and untrained nets alike deeper features tell classes apart better.",
                    "Behind untrained layers the classes were even harder to tell apart.",
                ),
                wrong(
                    "In trained nets the first layer tells them apart best, and deeper ones lose what it found.",
                    "The first layer gained nothing over plain pixels; the second and the last one did.",
                ),
                wrong(
                    "In trained nets only the last layer tells them apart better than plain pixels do.",
                    "The second layer was better than plain pixels, and than the first layer, as well.",
                ),
            ],
        )
        .because(
            "Depth by itself abstracts nothing. Learning makes deeper features better ones; that the first kernels look like edges is \
             easily seen in dice as well.",
            "Local-features,-and-what-becomes-of-them--C2",
            "fn nearest_mean",
        ),
    ]
}

/// For how many cyclic shifts of a sequence a net with so many steps down answers as for the sequence itself.
fn unchanged(steps: usize, places: usize, seed: u64) -> Result<f64> {
    let params = Params::with_dtype(seed, DType::F64, &Device::Cpu)?;
    let config = Conv1dConfig { stride: 2, padding: 1, padding_mode: PaddingMode::Circular, ..Conv1dConfig::default() };
    let mut net = Sequential::new();
    for i in 0..steps {
        let from = if i == 0 { 1 } else { 4 };
        net = net.push(Conv1d::new(from, 4, 3, config, params.pp(i))?).push(Activation::Tanh);
    }
    let net = net.push(GlobalAvgPool).push(linear(4, 3, params.pp("fc"))?);
    let x = normal(&mut seeded(seed), 0.0, 1.0, (1, 1, places), DType::F64, &Device::Cpu)?;
    let y = net.forward(&cyclic_shifts(&x)?, Mode::Eval)?;
    let changes: Vec<f64> = y.broadcast_sub(&y.narrow(0, 0, 1)?)?.abs()?.max(D::Minus1)?.to_vec1()?;
    Ok(changes.iter().filter(|change| **change < 1e-12).count() as f64)
}

/// The standard deviation of the effective field of a tower of equal weights.
fn tower_width(depth: usize, kernel: usize) -> Result<f64> {
    let params = Params::with_dtype(0, DType::F64, &Device::Cpu)?;
    let weight_init = Some(Init::Constant(1.0 / kernel as f64));
    let config = Conv1dConfig { padding: kernel / 2, bias: false, weight_init, ..Conv1dConfig::default() };
    let mut net = Sequential::new();
    for i in 0..depth {
        net = net.push(Conv1d::new(1, 1, kernel, config, params.pp(i))?);
    }
    let x = Tensor::zeros((1, 1, 2 * depth * kernel + 1), DType::F64, &Device::Cpu)?;
    Ok(field_std(&effective_field(&net, &x)?)?[0])
}
