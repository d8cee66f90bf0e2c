//! Questions on `19-resnet`.

mod add_way;
mod add_way_mended;
mod places;
mod places_mended;

use candle_core::{DType, Device, Tensor, Var};

use super::super::{
    Evidence, Question, choice, code, count, decimal, derive, drawn, fault, mistake, number, pick, predict, real,
    right, sound, whole, wrong,
};
use super::snippet;
use crate::Result;
use crate::autograd::vjp;
use crate::nn::{BasicBlock, BasicBlockConfig, Conv2d, Conv2dConfig, Mode, Module as _, Shortcut};
use crate::params::Params;
use crate::rng::{normal, seeded};

pub(super) fn questions() -> Vec<Question> {
    vec![
        choice(
            "19-1",
            &["C4"],
            1,
            "Where a stage doubles its channels, the shortcut is a convolution of 1×1. What does it compute?",
            [
                right("At each place a product of the channels with one learned matrix, the same everywhere"),
                wrong("At each place a copy of the channels, so that there are twice as many of them", "That is one matrix of many; which one is learned."),
                wrong("At each place a mean over its neighbours, for each of the new channels anew", "A kernel of 1×1 sees one place only."),
                wrong("At each place the channels as they are, and zeros for the new channels", "That is zero-padding, option A, which has no weights."),
            ],
        )
        .because(
            "$y_{o,i,j} = \\sum_c W_{o,c}\\, x_{c,i,j}$: a projection. Trained projections did not end as copies, and putting copies in their \
             place cost accuracy.",
            "The-channels-do-not-match--C4",
            "let by_hand",
        ),
        number("19-2", &["C4"], 2, |rng| {
            let (from, to) = (4 * whole(rng, 2, 10), 4 * whole(rng, 12, 24));
            let count = |shortcut| {
                let params = Params::new(0, &Device::Cpu)?;
                let config = BasicBlockConfig { stride: 2, shortcut, ..BasicBlockConfig::default() };
                BasicBlock::new(from as usize, to as usize, config, params.clone())?;
                Ok::<_, crate::Error>(params.count() as f64)
            };
            let more = count(Shortcut::Projection)? - count(Shortcut::ZeroPadding)?;
            let (c, m) = (f64::from(from), f64::from(to));
            Ok(drawn(
                format!(
                    "A residual block goes from {from} to {to} channels with stride 2; its convolutions have no biases, and a batch normalization \
                     follows each. How many numbers more are there to train if its shortcut is a projection (B) and not zero-padding (A)?"
                ),
                more,
            )
            .within(0.0)
            .mistake(c * m, "a batch normalization with scale and shift follows the projection, too")
            .mistake(9.0 * c * m + 2.0 * m, "a projection is a convolution of 1×1")
            .mistake(0.0, "it is option A that has no weights")
            .worked(format!("${from} \\cdot {to} + 2 \\cdot {to} = {}$.", c * m + 2.0 * m)))
        })
        .because(
            "The matrix of the projection has $C C'$ entries, its batch normalization $2C'$. In the comparison of the chapter A, B and \
             copies were not told apart; what counts is that there is a shortcut.",
            "Three-shortcuts",
            "let minus_b",
        ),
        code(
            "19-3",
            &["C4"],
            2,
            "The end of a residual block. What is wrong?",
            snippet!("resnet/add_way"),
            [
                fault(5, "An input of one channel is accepted and copied."),
                sound(6, "The activation comes after the sum and not before it.", "Before it, the block could only add to its input, never take away."),
                sound(4, "The number of channels is not an argument.", "Tensors know their shapes."),
                sound(6, "The sum goes through an activation at all.", "So it does in this block; the shortcut itself has none."),
            ],
            || {
                let inner = Tensor::ones((1, 4, 2, 2), DType::F64, &Device::Cpu)?;
                let grey = Tensor::ones((1, 1, 2, 2), DType::F64, &Device::Cpu)?;
                // 1 for a refusal.
                let refuses = |add: fn(&Tensor, &Tensor) -> Result<Tensor>| f64::from(u8::from(add(&inner, &grey).is_err()));
                Ok(Evidence::new("1 if shapes of 4 and of 1 channel are refused", refuses(add_way::add_way), refuses(add_way_mended::add_way), 1.0))
            },
        )
        .because(
            "An error is the good case. *Broadcasting* is the bad one: four channels plus one are silently a sum of four, each with a copy \
             of the one. That would be replication, and nobody asked for it.",
            "The-channels-do-not-match--C4",
            "broadcast_add(&grey)",
        ),
        number("19-4", &["C5"], 1, |rng| {
            let (kernel, padding, stride) = pick(rng, [(5, 2, 2), (7, 3, 2), (7, 2, 2), (9, 3, 2), (7, 3, 3)]);
            let side = whole(rng, 15, 60) as usize;
            let config = Conv2dConfig { padding: (padding, padding), stride: (stride, stride), ..Conv2dConfig::default() };
            let layer = Conv2d::new(1, 1, kernel, config, Params::new(0, &Device::Cpu)?)?;
            let places = layer.forward(&Tensor::zeros((1, 1, side, side), DType::F32, &Device::Cpu)?, Mode::Eval)?.dim(2)?;
            Ok(drawn(
                format!(
                    "A convolution of {kernel}×{kernel} with {padding} zeros on each side and stride {stride} looks at an image of {side}×{side}. How many \
                     places has a side of its output?"
                ),
                places as f64,
            )
            .within(0.0)
            .mistake((places - 1) as f64, "the first kernel sits at place 0; the others come on top of it")
            .mistake(((side - kernel) / stride + 1) as f64, "the zeros are places as well")
            .worked(format!("$\\lfloor ({side} + 2 \\cdot {padding} - {kernel})/{stride} \\rfloor + 1 = {places}$.")))
        })
        .because(
            "$H' = \\lfloor (H + 2p - k)/s \\rfloor + 1$: the first kernel sits at place 0, each further one needs $s$ more of the places that \
             are left.",
            "The-places-do-not-match--C5",
            "fn places",
        ),
        choice(
            "19-5",
            &["C5"],
            2,
            "The deep way through a block begins with a convolution of 3×3, padding 1, stride 2. Which shortcut leaves the same number of \
             places for *every* image?",
            [
                right("A convolution of 1×1 with stride 2"),
                wrong("A pooling of 2×2 with stride 2", "For odd sides it leaves one place less: 7 becomes 3, not 4."),
                wrong("A convolution of 1×1 with stride 1", "It leaves all places, about twice as many a side."),
                wrong("A convolution of 3×3 without padding, with stride 2", "It leaves one place less: 28 becomes 13, not 14."),
            ],
        )
        .because(
            "The number of places depends on $k - 2p$ and $s$ alone: $3 - 2 = 1 - 0$. The same stride is not enough; a 5×5 fits with padding \
             2.",
            "The-places-do-not-match--C5",
            "let mut fit",
        ),
        choice(
            "19-6",
            &["C5"],
            1,
            "A plain net of 44 layers is worse than one of 8, on its own *training* data and with batch normalization. What is the reason?",
            [
                right("Optimization fails: it could do what the shallow net does, but does not find it."),
                wrong(
                    "It overfits: with more layers it learns the training data by heart and knows nothing else.",
                    "Then its training error would be small; it is the training error that is large.",
                ),
                wrong(
                    "Its capacity is too small: each further layer leaves less of what the image showed.",
                    "Layers that pass on what they get would leave everything as it was.",
                ),
                wrong(
                    "Its gradient vanishes: after so many layers nothing is left of it in the first one.",
                    "With batch normalization it did not vanish; in the plain net it grew a hundredfold on its way back.",
                ),
            ],
        )
        .because(
            "A residual block passes its input on with $F = 0$; a plain one must learn the identity with two convolutions. The residual net \
             of 44 layers, with as many weights, was no worse than that of 8.",
            "Deeper,-and-worse-on-its-own-training-data--C5",
            "let gap",
        ),
        predict("19-7", &["C5", "C4"], 2, |rng| {
            let (side, stride) = (whole(rng, 6, 12), pick(rng, [2, 3]));
            let seed = u64::from(whole(rng, 0, 1 << 30));
            let read = f64::from(side.div_ceil(stride).pow(2));
            let all = f64::from(side * side);
            Ok(drawn(
                format!(
                    "A shortcut is a convolution of 1×1 with stride {stride}, on images of {side}×{side}. At how many of the {all} places is the gradient \
                     with respect to the image exactly 0, in all channels?"
                ),
                all - read,
            )
            .within(0.0)
            .mistake(read, "those are the places that it reads")
            .mistake(0.0, "a kernel of 1×1 sees no neighbours, so it reads only where it is laid")
            .measure(move || unread(side as usize, stride as usize, seed))
            .worked(format!("${all} - \\lceil {side}/{stride} \\rceil^2 = {}$.", all - read)))
        })
        .because(
            "With stride 2 three quarters of the places are never read, on the very way on which things should pass unchanged. Averaging over \
             2×2 places first reads all of them.",
            "Three-quarters-that-nobody-reads",
            "fn dependence",
        ),
        number("19-8", &["C5"], 2, |rng| {
            let (blocks, share) = (whole(rng, 5, 20), pick(rng, [0.5, 1.0]));
            let growth = f64::powi(1.0 + share, blocks as i32);
            Ok(drawn(
                format!(
                    "At the start of training the inner way of a residual block makes of its input something with {share} times its mean square, \
                     of mean 0 and independent of it. There is no normalization, and no activation after the sum. By which factor does the mean square grow over \
                     {blocks} blocks?"
                ),
                growth,
            )
            .within_share(0.01)
            .mistake(1.0 + share * f64::from(blocks), "so it grows where a batch normalization keeps the inner way at one size")
            .mistake(growth.sqrt(), "that is the factor of the root of the mean square")
            .worked(format!("${}^{{{blocks}}} = {growth:.1}$.", 1.0 + share)))
        })
        .because(
            "$\\mathbb{E}[(x + F(x))^2] \\approx \\mathbb{E}[x^2] + \\mathbb{E}[F(x)^2]$: with He's weights the signal about doubles in each block. With a \
             batch normalization at the end of $F$ it grows by a constant *term*; with last weights of 0 it does not grow at all.",
            "Without-batch-normalization--C5",
            "fn sizes",
        ),
        derive(
            "19-9",
            &["C5"],
            2,
            "Somebody scales the shortcut: $z_l = s\\, z_{l-1} + F_l(z_{l-1})$, over $n$ blocks, with $F_l' = f$ in each. The next line is \
             $\\partial z_n/\\partial z_0$.",
            [real("s", 0.8, 1.2), real("f", -0.2, 0.2), count("n", 2, 30)],
            |v| (v[0] + v[1]).powf(v[2]),
            [
                mistake(|v| v[0].powf(v[2]) + v[1].powf(v[2]), "ways that take some shortcuts and some blocks are missing"),
                mistake(|v| (1.0 + v[1]).powf(v[2]), "the shortcut is not 1 any more"),
            ],
        )
        .because(
            "$(s + f)^n$. The way past all blocks has the factor $s^n$: over 54 blocks 0.9 leaves three thousandths, and 1.1 makes 170 of it. \
             Scale the inner way instead.",
            "Is-it-the-gradient?",
            "fn growth",
        ),
        number("19-10", &["C4"], 1, |rng| {
            let w = [decimal(rng, 0.8, 1.2, 1), -decimal(rng, 0.3, 0.6, 1), decimal(rng, 0.2, 0.5, 1)];
            let squares = w.iter().map(|w| w * w).sum::<f64>();
            let share = w[0] * w[0] / squares;
            Ok(drawn(
                format!(
                    "A row of a learned projection is ({}, {}, {}). How near is it to a scaled copy of one channel, measured by the share of its square \
                     that lies in one entry?",
                    w[0], w[1], w[2]
                ),
                share,
            )
            .within(0.005)
            .mistake(w[0] / w.iter().map(|w| w.abs()).sum::<f64>(), "that is the share of the absolute values")
            .mistake(w[0] / squares.sqrt(), "a square is missing")
            .mistake(1.0, "that would be a copy: all other entries 0")
            .worked(format!("${}^2/{squares:.3} = {share:.3}$.", w[0])))
        })
        .because(
            "It is 1 for a scaled copy and less for every mixture. Neither projections that began at random nor those that began as copies \
             ended as copies.",
            "What-did-it-learn?",
            "fn nearest_copies",
        ),
        code(
            "19-11",
            &["C5"],
            1,
            "What is wrong?",
            snippet!("resnet/places"),
            [
                fault(3, "Zeros are counted on one side of the image only."),
                sound(4, "The whole kernel is subtracted, where half would do.", "The last kernel must fit in whole."),
                sound(5, "The number of steps is rounded down and not up.", "A kernel that does not fit in whole is not laid."),
                sound(5, "One place is added that no step leads to.", "It stands for the first kernel, at place 0."),
            ],
            || {
                let (given, mended) = (places::places(27, 3, 1, 2), places_mended::places(27, 3, 1, 2));
                let config = Conv2dConfig { padding: (1, 1), stride: (2, 2), ..Conv2dConfig::default() };
                let layer = Conv2d::new(1, 1, 3, config, Params::new(0, &Device::Cpu)?)?;
                let by_crate = layer.forward(&Tensor::zeros((1, 1, 27, 27), DType::F32, &Device::Cpu)?, Mode::Eval)?.dim(2)?;
                Ok(Evidence::new("places of 27 with a 3×3, padding 1, stride 2", given as f64, mended as f64, by_crate as f64))
            },
        )
        .because(
            "$\\lfloor (H + 2p - k)/s \\rfloor + 1$. With one side forgotten some sizes come out right and others do not, which is how one \
             finds such a fault late.",
            "The-places-do-not-match--C5",
            "fn places",
        ),
        choice(
            "19-12",
            &["C5"],
            2,
            "A block is to start as the identity, $y = \\mathrm{relu}(F(x) + x)$ with $F(x) = \\mathrm{BN}_2(W_2 * \\mathrm{relu}(\\mathrm{BN}_1(W_1 * x)))$ and $x \\ge 0$. How \
             is that set, so that it can still learn?",
            [
                right("The scale of $\\mathrm{BN}_2$ starts at 0"),
                wrong("The scale of $\\mathrm{BN}_1$ starts at 0", "The ReLU behind it is then at 0 everywhere and passes no gradient."),
                wrong("All weights of the block start at 0", "Then neither convolution would ever get a gradient."),
                wrong("The scale of $\\mathrm{BN}_2$ starts at 1 and its shift at $x$", "A shift is one number for each channel and knows no input."),
            ],
        )
        .because(
            "$F = 0$ then, while the gradient of the scale itself is not 0, so that the block wakes up in the first step. Without batch \
             normalization the last weights start at 0 instead.",
            "Without-batch-normalization--C5",
            "fn silence",
        ),
        choice(
            "19-13",
            &["C4"],
            2,
            "Of shortcuts where the shape changes, which difference did five seeds of a net of 14 layers show in training error?",
            [
                right("That between none at all and any of them; the others could not be told apart."),
                wrong(
                    "That between zero-padding and projection: learned weights made the error clearly smaller.",
                    "The interval of that difference holds 0; the paper finds projections slightly better, after longer training.",
                ),
                wrong(
                    "That between copies and projection: copies were as bad as no shortcut at all.",
                    "A net with frozen copies could not be told apart from one with projections.",
                ),
                wrong(
                    "None: with batch normalization even a net without any shortcut was as good.",
                    "Without any shortcut the net was worse than with each of them.",
                ),
            ],
        )
        .because(
            "\"Projection shortcuts are not essential\", says the paper. Replication would not even make a bad net, as far as could be seen; \
             it is only not what a convolution of 1×1 does.",
            "Three-shortcuts",
            "let minus_b",
        ),
    ]
}

/// At how many places of an image a convolution of 1×1 with this stride has a gradient of exactly 0.
fn unread(side: usize, stride: usize, seed: u64) -> Result<f64> {
    let config = Conv2dConfig { stride: (stride, stride), ..Conv2dConfig::default() };
    let layer = Conv2d::new(2, 3, 1, config, Params::with_dtype(seed, DType::F64, &Device::Cpu)?)?;
    let x = Var::from_tensor(&normal(&mut seeded(seed), 0.0, 1.0, (1, 2, side, side), DType::F64, &Device::Cpu)?)?;
    let y = layer.forward(&x, Mode::Train)?;
    let (_, gradients) = vjp(|| layer.forward(&x, Mode::Train), &y.ones_like()?)?;
    let Some(gradient) = gradients.get(&x) else { return Ok((side * side) as f64) };
    let sizes: Vec<f64> = gradient.abs()?.sum(1)?.flatten_all()?.to_vec1()?;
    Ok(sizes.iter().filter(|size| **size == 0.0).count() as f64)
}
