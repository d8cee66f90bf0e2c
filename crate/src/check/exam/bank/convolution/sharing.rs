//! Questions on shared weights, and the fields that they see.

use candle_core::Device;

use super::super::super::{
    Evidence, Question, choice, code, count, derive, drawn, fault, mistake, number, pick, right, select, sound, whole,
    wrong,
};
use super::super::snippet;
use super::{field, field_mended, weight_gradient, weight_gradient_mended};
use crate::nn::{Sequential, conv2d, locally_connected2d, summary};
use crate::params::Params;

pub(super) fn questions() -> Vec<Question> {
    vec![
        number("18-8", &["C3"], 1, |rng| {
            let (inputs, outputs, kernel) = (pick(rng, [2, 3, 6, 16]), pick(rng, [6, 16, 32]), pick(rng, [3, 5]));
            let params = Params::new(0, &Device::Cpu)?;
            conv2d(inputs, outputs, kernel, params.clone())?;
            let (c, m, k) = (inputs as f64, outputs as f64, (kernel * kernel) as f64);
            Ok(drawn(
                format!(
                    "A convolution of {kernel}×{kernel} makes {outputs} channels out of {inputs}, from images of 28×28 without padding. How many parameters \
                     has it, with biases?"
                ),
                params.count() as f64,
            )
            .within(0.0)
            .mistake(m * c * k, "each output channel has a bias")
            .mistake(m * (k + 1.0), "a kernel has weights for each channel of the input")
            .mistake(m * (c * k + 1.0) * (29.0 - kernel as f64).powi(2), "all places share the same weights; that is locally connected")
            .worked(format!("${outputs} \\cdot ({inputs} \\cdot {kernel}^2 + 1) = {}$.", m * (c * k + 1.0))))
        })
        .because(
            "$M(Ck^2 + 1)$, whatever the size of the image. A locally connected layer has as many for each place of the output, a linear one \
             a weight for each pair of numbers.",
            "What-sharing-brings--C3",
            "let of_layer",
        ),
        number("18-9", &["C3"], 2, |rng| {
            let (channels, side, maps) = (pick(rng, [1, 3]), whole(rng, 12, 28) as usize, pick(rng, [4, 6, 8]));
            let params = Params::new(0, &Device::Cpu)?;
            let net = Sequential::new().push(locally_connected2d(channels, maps, side, 5, params.clone())?);
            let flops = summary(&net, &params, (1, channels, side, side))?.flops() as f64;
            let (places, c, m) = (((side - 4) * (side - 4)) as f64, channels as f64, maps as f64);
            Ok(drawn(
                format!(
                    "A convolution of 5×5 without padding makes {maps} channels out of {channels}, from images of {side}×{side}. How many operations does it \
                     take for one image, if a product and a sum count as two, and the bias for nothing?"
                ),
                flops,
            )
            .within_share(0.01)
            .mistake(2.0 * m * c * 25.0, "each weight is used at every place of the output")
            .mistake(m * c * 25.0 * places, "products and sums are two operations each")
            .mistake(2.0 * m * places * c * (side * side) as f64, "those are the operations of a linear layer of this size")
            .worked(format!("$2 \\cdot {maps} \\cdot {}^2 \\cdot {channels} \\cdot 25 = {}$.", side - 4, 2.0 * m * places * c * 25.0)))
        })
        .because(
            "A locally connected layer of the same sizes takes exactly as many: locality saves parameters *and* operations, sharing only \
             parameters.",
            "What-sharing-brings--C3",
            "fn operations",
        ),
        choice(
            "18-10",
            &["C3"],
            2,
            "The places of all sequences of a data set are put into one other order. A CNN, an MLP and a locally connected net are trained \
             anew. What happens to their accuracies?",
            [
                right("That of the CNN falls most, that of the locally connected net too, that of the MLP not."),
                wrong(
                    "That of the CNN stays, since its kernels adapt to the order; the others fall.",
                    "A kernel sees neighbours, and what were neighbours lies anywhere now.",
                ),
                wrong(
                    "All fall alike, since each of them had learned from neighbouring places.",
                    "An MLP cannot notice: with the columns of its first weights permuted it computes the same.",
                ),
                wrong(
                    "That of the MLP falls most, since it has no weights that are shared between places.",
                    "It has weights of its own for each place, so that an order means nothing to it.",
                ),
            ],
        )
        .because(
            "Locality and sharing are knowledge about the data. Permuted, less than 0.05 was left of the CNN's edge over an MLP of equally \
             many parameters, and against one of equally many operations it turned into a loss.",
            "What-sharing-brings--C3",
            "cnn_falls",
        ),
        code(
            "18-11",
            &["C3"],
            2,
            "What is wrong?",
            snippet!("weight_gradient"),
            [
                fault(7, "Each place overwrites what earlier places have left."),
                sound(3, "The kernel gets one weight more than it has.", "There are $n + 1 - k$ outputs, and $n + 1$ less these is $k$."),
                sound(5, "The loop runs over the outputs and not over the inputs.", "Each output is a place where the kernel was laid."),
                sound(6, "The kernel runs forwards, where it should run backwards.", "The weight $w_u$ met $x_{i+u}$, forwards as backwards."),
            ],
            || {
                let (x, g) = ([1.0, 2.0, 3.0, 4.0], [1.0, 0.5, 2.0]);
                let (given, mended) =
                    (weight_gradient::weight_gradient(&x, &g)[0], weight_gradient_mended::weight_gradient(&x, &g)[0]);
                Ok(Evidence::new("gradient of the first weight, x = 1 2 3 4, g = 1 0.5 2", given, mended, 1.0 + 1.0 + 6.0))
            },
        )
        .because(
            "One weight meets every place, so its gradient is a sum over places: $\\partial L/\\partial w_u = \\sum_i g_i\\, x_{i+u}$. The price of sharing \
             is paid backward.",
            "Exercise-1",
            "fn weight_gradient",
        ),
        code(
            "18-12",
            &["C2"],
            2,
            "What is wrong?",
            snippet!("field"),
            [
                fault(5, "The stride counts for the layer's own kernel already."),
                sound(4, "The last layer is counted like all the others.", "Its kernel reaches over places as well."),
                sound(3, "The field begins with a size of 1 and not of 0.", "A place of the input sees itself."),
                sound(4, "The layers are taken from the first to the last.", "In this order the product of the strides *before* a layer is known."),
            ],
            || {
                let layers = [(5, 1), (2, 2), (5, 1), (2, 2)];
                // What chapter 18 finds for these layers.
                Ok(Evidence::new("field of 5×5, pool 2, 5×5, pool 2", field::field(&layers) as f64, field_mended::field(&layers) as f64, 16.0))
            },
        )
        .because(
            "Neighbours in the *input* of a layer lie $j$ places apart, with $j$ the product of the strides before it. Its own stride moves \
             its outputs apart, and so counts from the next layer on.",
            "How-much-of-the-image-does-one-number-see?",
            "let mut by_hand",
        ),
        derive(
            "18-13",
            &["C3"],
            2,
            "A convolution of $k \\times k$ from $c$ channels, without padding and without biases, is beside a linear layer with as many inputs \
             and outputs, also without biases. The image has $n \\times n$ places. The next line is the number of weights of the linear layer \
             over that of the convolution.",
            [count("k", 2, 5), count("c", 1, 8), count("n", 8, 30)],
            |v| ((v[2] - v[0] + 1.0) * v[2] / v[0]).powi(2),
            [
                mistake(|v| (v[2] / v[0]).powi(2), "that is what locality saves; sharing saves a factor for the places of the output"),
                mistake(|v| (v[2] - v[0] + 1.0).powi(2), "that is what sharing saves; a linear layer also sees all places of the input"),
                mistake(|v| v[1] * ((v[2] - v[0] + 1.0) * v[2] / v[0]).powi(2), "the channels of the input stand on both sides"),
            ],
        )
        .because(
            "With $o = n - k + 1$ it is $M o^2 \\cdot C n^2$ over $M \\cdot C k^2$: $o^2$ by sharing, $n^2/k^2$ by locality.",
            "What-sharing-brings--C3",
            "let of_layer",
        ),
        select(
            "18-14",
            &["C1"],
            3,
            "Which of these make the outputs of an untrained net independent of *cyclic* shifts, exactly, if all convolutions are padded \
             circularly and the last layer before the linear one is a maximum over all places?",
            [
                right("Steps down by polyphase sampling, which keeps the grid of larger norm"),
                right("No steps down: a stride of 1 in all layers"),
                wrong("Steps down by max-pooling of 2×2", "The windows lie elsewhere on the moved image; logits changed less, but they did."),
                wrong("Steps down by a blur and then a stride of 2", "A blur suppresses what the smaller image cannot hold, not to zero."),
                wrong("Steps down by a stride of 2, with twice as many channels", "More channels see the same wrong grid."),
            ],
        )
        .because(
            "A shift only renames the two grids, so the same numbers are kept where the grid follows the image. In a real image what leaves \
             on one side does not come back on the other, so there it holds only away from borders.",
            "A-stride-of-two-sees-something-that-is-not-there",
            "let multiple_of_4",
        ),
    ]
}
