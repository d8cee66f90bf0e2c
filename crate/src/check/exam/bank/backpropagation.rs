//! Questions on `03b-backpropagation`.

mod last_layer;
mod last_layer_mended;

use super::super::{
    Evidence, Question, choice, code, derive, drawn, fault, mistake, number, pick, predict, real, right, sound, whole,
    wrong,
};
use super::snippet;
use crate::autograd::saved_bytes;
use crate::kernels::Instructions;
use crate::prelude::*;

pub(super) fn questions() -> Vec<Question> {
    vec![
        choice(
            "03b-1",
            &["B9"],
            1,
            "XOR is 1 if just one of $x_1, x_2$ is 1. Which argument shows that no linear score $s(x) = w_1 x_1 + w_2 x_2 + b$ is \
             positive for its two inputs of class 1 and negative for the other two?",
            [
                right("$s(0,0) + s(1,1) = s(0,1) + s(1,0)$ for all weights, but one side should be negative, the other positive."),
                wrong(
                    "Gradient descent stops in a local minimum of the loss, which another start or another rate would avoid.",
                    "The loss of a linear model is convex: from any start its least value is reached, which here is $\\ln 2$.",
                ),
                wrong(
                    "Four samples set four conditions, one more than there are parameters, so that one of them must fail.",
                    "OR sets four conditions as well: they are inequalities, and a linear score meets all of them.",
                ),
                wrong(
                    "The inputs are not centred: a linear score would do if they were $-1$ and 1 in the place of 0 and 1.",
                    "Moving and stretching the inputs changes $w$ and $b$, and nothing that a linear score can do.",
                ),
            ],
        )
        .because(
            "Both sums are $w_1 + w_2 + 2b$, whatever the weights. XOR asks for a negative left side and a positive right one. In the \
             chapter none of 20 linear models learned XOR, and none ended below a loss of $\\ln 2$, that of one half for both classes.",
            "What-hidden-units-can-represent",
            "fn learns_xor",
        ),
        number("03b-2", &["V1"], 2, |rng| {
            let (x, y) = (pick(rng, [1.5, 2.5]), f64::from(whole(rng, 1, 3)));
            let (w1, w2) = (pick(rng, [2.0, 3.0, 4.0]), pick(rng, [-2.0, -3.0]));
            let u = w1 * x;
            let g_z = w2 * u - y;
            let gradient = g_z * w2 * x;
            Ok(drawn(
                format!(
                    "A net of one number in each layer: $a = w_1 x$, $u = \\operatorname{{relu}}(a)$, $z = w_2 u$, with the loss \
                     $L = \\tfrac12 (z - y)^2$. For $x = {x}$, $y = {y}$, $w_1 = {w1}$ and $w_2 = {w2}$, what is $\\partial L / \\partial w_1$?"
                ),
                gradient,
            )
            .mistake(g_z * x, "the factor $w_2$ between $z$ and $u$ is missing")
            .mistake(g_z * w2, "that is the gradient at $a$: it is still to be multiplied by the input $x$")
            .mistake(2.0 * gradient, "the factor 2 of the square cancels against the $\\tfrac12$")
            .mistake(g_z * u, "that is $\\partial L / \\partial w_2$")
            .worked(format!(
                "$z = {}$, so $g_z = z - y = {g_z}$, $g_u = w_2 g_z = {}$, $g_a = g_u$ as $a > 0$, and $g_a x = {gradient}$.",
                w2 * u,
                w2 * g_z
            )))
        })
        .because(
            "The chain rule is started at the end and uses what it has already found: $g_z = z - y$, $g_u = w_2 g_z$, $g_a = g_u [a > 0]$, \
             and the gradient of a weight is the gradient at its output times its input.",
            "Backwards-through-the-smallest-net",
            "let g_a",
        ),
        number("03b-3", &["V1"], 2, |rng| {
            let (inputs, hidden, outputs) = (whole(rng, 4, 12), whole(rng, 5, 20), whole(rng, 2, 6));
            let parameters = f64::from((inputs + 1) * hidden + (hidden + 1) * outputs);
            let weights = f64::from(inputs * hidden + hidden * outputs);
            Ok(drawn(
                format!(
                    "A net of {inputs} inputs, {hidden} hidden units and {outputs} outputs, with biases in both layers. Its gradient is checked by \
                     central differences in every parameter. How many forward passes does that take?"
                ),
                2.0 * parameters,
            )
            .within(0.0)
            .mistake(parameters, "a central difference needs the loss on both sides of the parameter")
            .mistake(2.0 * weights, "the biases are parameters too")
            .mistake(parameters + 1.0, "those are the passes of one-sided differences")
            .worked(format!(
                "There are $({inputs} + 1) \\cdot {hidden} + ({hidden} + 1) \\cdot {outputs} = {parameters}$ parameters, with two passes each."
            )))
        })
        .because(
            "Differences cost $2P$ losses. Reverse mode gets all $P$ derivatives for a small multiple of one loss: the chapter measured about \
             two, with 6 370 parameters as with 407 050.",
            "Forward-or-backward,-and-what-it-costs",
            "fn least_time",
        ),
        code(
            "03b-4",
            &["V1"],
            2,
            "The gradients of a last layer, for a batch of samples in rows. What is wrong?",
            snippet!("backpropagation/last_layer"),
            [
                fault(8, "The mean over the batch is already in `g`: this divides by the number of samples twice."),
                sound(
                    6,
                    "$p - y$ is the gradient with respect to the probabilities: the Jacobian of softmax is missing.",
                    "With cross-entropy behind softmax $p - y$ is the gradient with respect to the logits $z$.",
                ),
                sound(
                    7,
                    "The product must be $u^\\top g$, since the input of the layer comes first.",
                    "The weight is [outputs, inputs], and so is $g^\\top u$: each gradient has the shape of its variable.",
                ),
                sound(
                    7,
                    "The product adds up the samples, so that it is still to be divided by their number.",
                    "`g` holds the factor of the mean already.",
                ),
            ],
            || {
                let z = Tensor::new(&[[0.5, -1.0], [2.0, 0.3], [-0.4, 0.1]], &Device::Cpu)?;
                let labels = Tensor::new(&[1u32, 0, 1], &Device::Cpu)?;
                let bias = Var::zeros(2, DType::F64, &Device::Cpu)?;
                let (_, gradients) = value_and_grad(|| cross_entropy(&z.broadcast_add(&bias)?, &labels))?;
                let by_crate = gradients.get(&bias).map_or(Ok(vec![f64::NAN]), |gradient| gradient.to_vec1::<f64>())?[0];
                let rows = softmax(&z, 1)?.to_vec2::<f64>()?;
                let p = Array2::from_shape_fn((3, 2), |(row, class)| rows[row][class]);
                let (y, u) = (array![[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]], array![[1.0], [2.0], [3.0]]);
                let (given, mended) = (last_layer::last_layer(&u, &p, &y).1[0], last_layer_mended::last_layer(&u, &p, &y).1[0]);
                Ok(Evidence::new("gradient of the first bias, 3 samples", given, mended, by_crate))
            },
        )
        .because(
            "The loss is a mean, so $G_Z = (P - Y)/M$. A product such as $G_Z^\\top U$ then adds up the samples by itself, and a bias, which \
             all rows share, gets the sum of the rows. A check of the weights alone would not find this fault.",
            "By-hand,-for-a-batch",
            "fn gradients",
        ),
        derive(
            "03b-5",
            &["V1"],
            2,
            "One hidden tanh unit: $h = \\tanh(w x)$, $z = v h$, $L = \\tfrac12 (z - y)^2$. Backwards, $g_z = v \\tanh(w x) - y$ and \
             $g_h = v\\, g_z$. The next line, with $w$, $v$, $x$ and $y$ alone, is $\\partial L / \\partial w$.",
            [real("w", 0.2, 1.5), real("v", 0.5, 2.0), real("x", 0.5, 1.5), real("y", -1.0, 1.0)],
            |v| {
                let h = (v[0] * v[2]).tanh();
                (v[1] * h - v[3]) * v[1] * (1.0 - h * h) * v[2]
            },
            [
                mistake(
                    |v| (v[1] * (v[0] * v[2]).tanh() - v[3]) * v[1] * v[2],
                    "the slope of tanh, $1 - h^2$, is missing",
                ),
                mistake(
                    |v| {
                        let h = (v[0] * v[2]).tanh();
                        (v[1] * h - v[3]) * v[1] * (1.0 - h * h)
                    },
                    "that is the gradient at $a = wx$: it is still to be multiplied by $x$",
                ),
                mistake(
                    |v| {
                        let h = (v[0] * v[2]).tanh();
                        (v[1] * h - v[3]) * (1.0 - h * h) * v[2]
                    },
                    "the factor $v$ between $z$ and $h$ is missing",
                ),
            ],
        )
        .because(
            "$g_a = g_h \\varphi'(a)$ with $\\varphi' = 1 - h^2$ for tanh, and the gradient of a weight is the gradient at its output times its \
             input: $\\partial L / \\partial w = (v h - y)\\, v\\, (1 - h^2)\\, x$.",
            "The-same-with-vectors",
            "let mut graph",
        ),
        predict("03b-6", &["V1"], 2, |rng| {
            let (samples, units) = (pick(rng, [50, 100, 200]), pick(rng, [32, 64, 128]));
            let layers: usize = pick(rng, [2, 3, 5, 6]);
            let kept = (samples * layers * units * 4) as f64;
            Ok(drawn(
                format!(
                    "{samples} samples of {units} numbers (f32) go through {layers} layers of {units} units, each linear with a ReLU behind it. How \
                     many bytes do the crate's layers keep for the backward pass, the input itself and the parameters not counted?"
                ),
                kept,
            )
            .within(0.0)
            .unit("bytes")
            .mistake(kept / layers as f64, "every layer keeps its output until the way back has used it, not the last one alone")
            .mistake(kept / 4.0, "an f32 has four bytes")
            .mistake((layers * units * (units + 1) * 4) as f64, "those are the parameters, which are there anyway")
            .mistake(2.0 * kept, "what leaves the ReLU tells where it passed: the linear layer's output need not be kept too")
            .measure(move || {
                let params = Params::new(0, &Device::Cpu)?;
                let mut model = Sequential::new();
                for layer in 0..layers {
                    model = model.push(linear(units, units, params.pp(format!("fc{layer}")))?).push(Activation::Relu);
                }
                let x = Tensor::zeros((samples, units), DType::F32, &Device::Cpu)?;
                if Instructions::in_use() == Instructions::Base {
                    // Without kernels Candle's graph keeps them, which nobody counts.
                    return Ok(kept);
                }
                Ok(saved_bytes(|| model.forward(&x, Mode::Train))? as f64)
            })
            .worked(format!("${samples} \\cdot {layers} \\cdot {units}$ numbers of 4 bytes.")))
        })
        .because(
            "The price of going backwards is memory: what each layer put out must be kept for every sample of the batch and every layer. Where \
             $a > 0$ can be read off $u$. A forward pass alone could forget each layer as soon as the next one is computed.",
            "Forward-or-backward,-and-what-it-costs",
            "fn kept",
        ),
        choice(
            "03b-7",
            &["N2", "V1"],
            2,
            "A classifier $z = W_2 \\operatorname{relu}(W_1 x + b_1) + b_2$ with softmax and cross-entropy starts with *all* parameters 0. Which of \
             $W_1, b_1, W_2, b_2$ have a gradient other than 0 at the first step?",
            [
                right("$b_2$ alone: the hidden units are 0, and no gradient passes $W_2 = 0$."),
                wrong(
                    "$W_2$ and $b_2$: their layer gets $p - y$ directly, the other lies behind $W_2 = 0$.",
                    "The gradient of $W_2$ is $g_z u^\\top$, and all hidden units $u$ are 0.",
                ),
                wrong(
                    "All four: $p - y$ is not 0, and the chain rule takes it to every layer.",
                    "On its way back it is multiplied by $W_2 = 0$.",
                ),
                wrong(
                    "None: with all outputs equal the loss is flat in every direction.",
                    "$p - y$ is not 0, and $b_2$ gets the mean of it.",
                ),
            ],
        )
        .because(
            "$\\partial L/\\partial W_2 = g_z u^\\top$ is 0 as $u = 0$, and $g_u = W_2^\\top g_z$ is 0 as $W_2 = 0$. The chapter measured \
             0, 0, 0 and 0.233 as the largest derivatives of $W_1, b_1, W_2, b_2$. Random weights let all of them learn, and break the symmetry.",
            "A-hidden-layer-cannot-start-at-zero",
            "let zeros: Net",
        ),
    ]
}
