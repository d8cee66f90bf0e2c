//! Questions on the size of the weights, and cures.

use candle_core::{DType, Device, Tensor};

use super::super::super::mark::short;
use super::super::super::{
    Evidence, Question, choice, code, decimal, derive, drawn, fault, mistake, next_line, number, pick, predict, real,
    right, sound, whole, wrong,
};
use super::super::snippet;
use super::{clip, clip_mended};
use crate::Result;
use crate::autograd::value_and_grad;
use crate::init::spectral_radius;
use crate::nn::{Activation, Mode, Module as _, Sequential, batch_norm1d, linear};
use crate::params::Params;
use crate::rng::{normal, seeded};

pub(super) fn questions() -> Vec<Question> {
    vec![
        number("13-12", &["V4"], 1, |rng| {
            let (s, layers) = (pick(rng, [0.7f64, 0.8, 0.9, 1.1, 1.25, 1.5]), whole(rng, 10, 30));
            let factor = s.powi(layers as i32);
            Ok(drawn(
                format!(
                    "The weights of a wide net without activations are drawn from $N(0, s^2/n)$ with $s = {s}$. By which factor does the norm \
                     of a gradient change over {layers} layers?"
                ),
                factor,
            )
            .within_share(0.02)
            .mistake(s.powi(2 * layers as i32), "that is the factor of the square of the norm")
            .mistake(s.powf(f64::from(layers) / 2.0), "$s^2$ is the factor of the square, so that $s$ is that of the norm")
            .worked(format!("${s}^{{{layers}}} = {}$.", short(factor))))
        })
        .because(
            "Each entry of $W^\\top\\delta$ has the variance $s^2\\lVert\\delta\\rVert^2/n$, and there are $n$ of them: a layer multiplies the norm by $s$. \
             A quarter too much makes a factor of about 650 over 29 layers.",
            "What-do-the-weights-contribute?--V4",
            "fn linear_deltas",
        ),
        number("13-13", &["V4"], 2, |rng| {
            let (a, b) = (decimal(rng, 0.3, 0.5, 2), decimal(rng, 0.55, 0.75, 2));
            let w = Tensor::new(&[[a, -b], [b, a]], &Device::Cpu)?;
            let radius = spectral_radius(&w)?;
            Ok(drawn(
                format!(
                    "A gradient goes back through many steps of a linear recurrent net with $W = \\begin{{pmatrix}} {a} & -{b} \\\\ {b} & {a} \
                     \\end{{pmatrix}}$. By which factor a step does its norm change in the long run?"
                ),
                radius,
            )
            .within_share(0.01)
            .mistake(a, "that is the real part of an eigenvalue; what counts is its absolute value")
            .mistake(a + b, "that is the largest sum of a row, only a bound of the factor")
            .mistake(a * a + b * b, "that is the determinant, the product of both eigenvalues")
            .worked(format!("The eigenvalues are ${a} \\pm {b}i$, of absolute value $\\sqrt{{{a}^2 + {b}^2}} = {:.4}$.", a.hypot(b))))
        })
        .because(
            "With the same matrix at every step the rate is its spectral radius, the largest absolute value of an eigenvalue: \
             $\\lVert W^k\\rVert^{1/k} \\to \\rho(W)$.",
            "The-same-matrix-at-every-step",
            "let matrices",
        ),
        predict("13-14", &["V4", "V5"], 2, |rng| {
            let (alpha, seed) = (pick(rng, [0.2, 0.5, 2.0, 4.0, 5.0, 10.0]), u64::from(whole(rng, 0, 1 << 30)));
            Ok(drawn(
                format!(
                    "The weights $W$ of a layer with batch normalization behind it are multiplied by {alpha}. By which factor does the norm \
                     of the gradient with respect to these weights change, in training mode?"
                ),
                1.0 / alpha,
            )
            .within_share(0.05)
            .mistake(1.0, "the output does not change, but how it depends on these weights does")
            .mistake(alpha, "the gradient becomes smaller where the weights become larger")
            .mistake(1.0 / (alpha * alpha), "one factor is the inner derivative; the normalization adds no second one")
            .measure(move || Ok(gradient_behind(alpha, seed)? / gradient_behind(1.0, seed)?))
            .worked(format!("$1/{alpha} = {}$.", 1.0 / alpha)))
        })
        .because(
            "$\\mathrm{BN}(\\alpha W x) = \\mathrm{BN}(W x)$, so $\\partial L/\\partial(\\alpha W) = \\frac1\\alpha\\, \\partial L/\\partial W$. Batch normalization rescales no weight; \
             the net does not depend on their scale, and large weights move less.",
            "Does-batch-normalization-rescale-the-weights?",
            "fn response",
        ),
        choice(
            "13-15",
            &["V4"],
            3,
            "The recurrent matrix of $h_t = W h_{t-1}$ is scaled to the spectral radius 1.5, and the gradient explodes. With \
             $h_t = \\tanh(W h_{t-1})$ and the same $W$, its factor a step was near 1. Why?",
            [
                right("The state grows until tanh saturates, whose small derivatives are a brake."),
                wrong(
                    "The derivative of tanh is at most 1, so that a gradient cannot grow through it.",
                    "It caps one part of the factor; at a radius of 3 the gradient exploded all the same.",
                ),
                wrong(
                    "The tanh changes the matrix, so that its spectral radius becomes 1.",
                    "The matrix stays what it is; what changes are the derivatives beside it.",
                ),
                wrong(
                    "The state dies out, so that tanh stays in its linear part.",
                    "That is so for a radius below 1, where the factor is the radius.",
                ),
            ],
        )
        .because(
            "Below 1 the state dies out, tanh is linear there, and the factor is $\\rho$. Above it saturation brakes the explosion: up to \
             1.5 the factor stays near 1, at 3 it was 1.2 to 1.4.",
            "The-same-matrix-at-every-step",
            "let matrices",
        ),
        choice(
            "13-16",
            &["V5"],
            1,
            "The gradient of layer 1 is $10^{12}$ times smaller than that of layer 30. The norm of the whole gradient is clipped to 1. What \
             does that do for layer 1?",
            [
                right("Nothing: one number multiplies the gradients of all layers."),
                wrong("It lifts it: layers below the limit are scaled up to it.", "Clipping only ever makes a gradient smaller."),
                wrong("It makes all layers equal: each is scaled to norm 1.", "That would be a clipping of each layer by itself."),
                wrong("It helps later: the last layers wait until the first have caught up.", "They go on at the limit, and the first stand still."),
            ],
        )
        .because(
            "Clipping keeps the direction and shortens the step: $g \\leftarrow g \\cdot \\min(1, c/\\lVert g\\rVert)$. It cures explosion, not \
             vanishing.",
            "Explosion:-clip-the-gradient",
            "clip_grad_norm",
        ),
        number("13-17", &["V5"], 1, |rng| {
            let f = [(); 3].map(|()| decimal(rng, 0.2, 0.6, 1));
            let product: f64 = f.iter().map(|f| 1.0 + f).product();
            let [a, b, c] = f;
            Ok(drawn(
                format!(
                    "Three residual blocks $z_l = z_{{l-1}} + F_l(z_{{l-1}})$ have the derivatives $F_1' = {a}$, $F_2' = {b}$ and $F_3' = {c}$. What is \
                     $\\partial z_3/\\partial z_0$?"
                ),
                product,
            )
            .within_share(0.01)
            .mistake(a * b * c, "that is the product of the plain net: each block has a \"1 +\"")
            .mistake(1.0 + a + b + c, "that leaves out the ways through more than one block")
            .mistake(1.0, "that is the way around all blocks alone")
            .worked(format!("$(1 + {a})(1 + {b})(1 + {c}) = {product:.3}$.")))
        })
        .because(
            "The derivative of $z + F(z)$ is $1 + F'(z)$. Multiplied out, the product contains the way that takes every shortcut, with \
             the factor 1, whatever the blocks do.",
            "The-cures--V5",
            "let mut net: Diagram",
        ),
        code(
            "13-18",
            &["V5"],
            2,
            "The gradient of all layers together should be clipped, and keep its direction. What is wrong?",
            snippet!("clip"),
            [
                fault(4, "The norm is that of one layer and not of all together."),
                sound(6, "Small numbers are made smaller along with the large ones.", "That is what keeps the direction."),
                sound(6, "Numbers that exceed the limit are not set to the limit.", "One by one, that would change the direction."),
                sound(2, "The limit belongs to a norm and not to its square.", "A norm is what is limited."),
            ],
            || {
                let first = |clip: fn(&mut [Vec<f64>], f64)| {
                    let mut layers = [vec![0.5], vec![12.0]];
                    clip(&mut layers, 1.0);
                    layers[0][0]
                };
                let right = 0.5 / f64::hypot(0.5, 12.0);
                Ok(Evidence::new("the 0.5 of the gradient (0.5, 12), clipped to 1", first(clip::clip), first(clip_mended::clip), right))
            },
        )
        .because(
            "With one factor for all the direction stays and only the step is shorter. Clipped layer by layer, the ratio between layers \
             changes, and with it the direction.",
            "Explosion:-clip-the-gradient",
            "clip_grad_norm",
        ),
        derive(
            "13-19",
            &["V5"],
            2,
            "A highway layer carries a share of its input past its weights: $y = (1 - t)\\, z + t \\tanh(w z)$. The gate $t$ is held constant. \
             The next line is $\\partial y/\\partial z$.",
            [real("t", 0.05, 0.9), real("w", 0.5, 2.0), real("z", -1.0, 1.0)],
            |v| 1.0 - v[0] + v[0] * v[1] * (1.0 - (v[1] * v[2]).tanh().powi(2)),
            [
                mistake(|v| 1.0 - v[0] + v[0] * (1.0 - (v[1] * v[2]).tanh().powi(2)), "the inner derivative $w$ is missing"),
                mistake(|v| v[0] * v[1] * (1.0 - (v[1] * v[2]).tanh().powi(2)), "the way past the weights is missing"),
            ],
        )
        .because(
            "$(1 - t) + t\\, w\\, (1 - \\tanh^2(wz))$: with a gate that is nearly shut the factor is about $1 - t$. At the start of the \
             chapter's net $t = \\sigma(-4) \\approx 0.02$, so a layer keeps about 0.98.",
            "The-cures--V5",
            "HighwayConfig",
        ),
        next_line(
            "13-20",
            &["V1"],
            2,
            "A layer computes $z_l = W_l\\, \\varphi(z_{l-1})$, and $\\delta_l = \\partial L/\\partial z_l$ is known, as a column. What is $\\delta_{l-1}$?",
            [
                right("$\\left(W_l^\\top \\delta_l\\right) \\odot \\varphi'(z_{l-1})$"),
                wrong("$\\left(W_l\\, \\delta_l\\right) \\odot \\varphi'(z_{l-1})$", "On the way back the matrix is transposed; else the shapes do not even fit."),
                wrong("$W_l^\\top \\left(\\delta_l \\odot \\varphi'(z_l)\\right)$", "The derivative belongs to the activation of $z_{l-1}$, before the matrix."),
                wrong("$\\left(W_l^\\top \\delta_l\\right) \\odot \\varphi(z_{l-1})$", "That has the value of the activation in the place of its derivative."),
            ],
        )
        .because(
            "An entry $z_{l-1,j}$ reaches the loss through all $z_{l,i}$, each with the weight $W_{ij}$: a sum over $i$, which is a product \
             with the transpose. Then comes the derivative of its own activation.",
            "What-does-an-activation-contribute?--V2",
            "fn delta_norms",
        ),
    ]
}

/// The norm of the gradient of weights that were multiplied by `alpha`, in front of a batch normalization.
fn gradient_behind(alpha: f64, seed: u64) -> Result<f64> {
    let params = Params::with_dtype(seed, DType::F64, &Device::Cpu)?;
    let model = Sequential::new()
        .push(linear(6, 5, params.pp("fc"))?)
        .push(batch_norm1d(5, params.pp("bn"))?)
        .push(Activation::Tanh);
    let weight = params.get("fc.weight")?;
    weight.set(&(weight.as_detached_tensor() * alpha)?)?;
    let x = normal(&mut seeded(seed), 0.0, 1.0, (16, 6), DType::F64, &Device::Cpu)?;
    let t = normal(&mut seeded(seed + 1), 0.0, 1.0, (16, 5), DType::F64, &Device::Cpu)?;
    let loss = || crate::loss::mse(&model.forward(&x, Mode::Train)?, &t);
    Ok(crate::optim::grad_norms(&value_and_grad(loss)?.1, &params.pp("fc").trainable())?[0])
}
