//! Questions on `23-deep-q-learning`.

mod double_target;
mod double_target_mended;
mod semi_gradient;
mod semi_gradient_mended;
mod target;
mod target_mended;

use candle_core::{DType, Device, Tensor, Var};

use super::super::{
    Evidence, Question, choice, code, count, decimal, derive, drawn, fault, mistake, number, pick, predict, real,
    right, select, sound, whole, wrong,
};
use super::snippet;
use crate::Result;
use crate::autograd::value_and_grad;
use crate::nn::{Mode, Module as _};
use crate::optim::{Adam, AdamConfig, Optimizer as _};
use crate::params::Params;
use crate::rl::{Step, q_network};
use crate::rng::{normal, seeded};

pub(super) fn questions() -> Vec<Question> {
    vec![
        number("23-1", &["Q5"], 1, |rng| {
            let r = [(); 3].map(|()| f64::from(whole(rng, 1, 4)));
            let (gamma, best) = (pick(rng, [0.8, 0.9]), f64::from(whole(rng, 8, 20)));
            let sum = r[0] + gamma * r[1] + gamma * gamma * r[2];
            let y = sum + gamma.powi(3) * best;
            Ok(drawn(
                format!(
                    "The next three rewards are {}, {} and {}; the largest value of the state after them is {best} by the target network. What is the \
                     target of three steps, with $\\gamma = {gamma}$?",
                    r[0], r[1], r[2]
                ),
                y,
            )
            .within(0.01)
            .mistake(sum + gamma * best, "the value stands behind three steps, and is discounted three times")
            .mistake(r.iter().sum::<f64>() + gamma.powi(3) * best, "the second and the third reward are discounted, too")
            .mistake(sum, "the episode has not ended: what comes after counts")
            .worked(format!("${} + {gamma} \\cdot {} + {gamma}^2 \\cdot {} + {gamma}^3 \\cdot {best} = {y:.3}$.", r[0], r[1], r[2])))
        })
        .because(
            "$y = r_1 + \\gamma r_2 + \\dots + \\gamma^{n-1} r_n + \\gamma^n \\max_a Q_{\\theta^-}(s_n, a)$. The price of large $n$: the rewards in between come from \
             what the agent *did*, random actions included.",
            "The-whole-algorithm",
            None,
        ),
        number("23-2", &["Q5"], 2, |rng| {
            let (reward, gamma) = (decimal(rng, -1.0, 1.0, 1), pick(rng, [0.9, 0.95, 0.99]));
            let online = [decimal(rng, 7.0, 9.0, 1), decimal(rng, 5.0, 6.5, 1)];
            let target = [decimal(rng, 3.0, 4.5, 1), decimal(rng, 5.5, 6.4, 1)];
            Ok(drawn(
                format!(
                    "In the next state the network gives its two actions the values {} and {}, its target network {} and {}. The reward is {reward}, \
                     $\\gamma = {gamma}$. What is the target of *double* DQN?",
                    online[0], online[1], target[0], target[1]
                ),
                reward + gamma * target[0],
            )
            .within(0.01)
            .mistake(reward + gamma * target[1], "that is plain DQN: the target network chooses and values")
            .mistake(reward + gamma * online[0], "that is without a target network: the network chooses and values")
            .worked(format!("The network chooses the first action: ${reward} + {gamma} \\cdot {} = {:.3}$.", target[0], reward + gamma * target[0])))
        })
        .because(
            "$y = r + \\gamma\\, Q_{\\theta^-}(s', \\arg\\max_a Q_\\theta(s', a))$: one chooses, the other values. The two are no independent estimates, so part \
             of the bias of the maximum stays.",
            "The-maximum-of-estimates-is-too-high",
            "fn went_left",
        ),
        choice(
            "23-3",
            &["Q5"],
            2,
            "One update is made with one transition, on a network that has learned to balance a pole. Which values change?",
            [
                right("All: near states more than far ones, and the other action almost as much."),
                wrong("Those of the action that was taken, in all states; the other one has its own output.", "Outputs share the hidden layers, so that the other action moves as well."),
                wrong("That of one state and one action, as in a table, up to rounding.", "A weight takes part in the values of every state."),
                wrong("All by the same amount, since the same weights serve all states and actions.", "A *new* network moves one action alike in nearly all states; one that has learned tells states apart."),
            ],
        )
        .because(
            "Far states moved by about a quarter of what near ones did. What is learned here changes what was learned there: that is the \
             strength of the network, and the reason for its crutches.",
            "How-far-does-one-update-reach?",
            "let fresh",
        ),
        choice(
            "23-4",
            &["Q5"],
            3,
            "On CartPole with $\\gamma = 0.99$ and $n = 1$ the target network is left out. What was seen?",
            [
                right("Values of more than 100, which no policy can earn, yet no difference in the score."),
                wrong("Values of more than 100, which no policy can earn, and no agent learned anything.", "Whoever acts needs only to know which action is better, not by how much."),
                wrong("Values below 100, as with a target network, but a lower score.", "Each update moves the target of the next, and values run away upwards."),
                wrong("Values that oscillate about 0, so that both actions looked alike.", "They ran away to one side, for all five seeds."),
            ],
        )
        .because(
            "$1 + \\gamma + \\gamma^2 + \\dots = 100$ bounds every value. Values that run away are a warning, and not yet a failure. With $n = 20$, where the \
             value counts for 82 % and not for 99 %, no difference was seen at all.",
            "What-is-each-part-for?",
            "fn at_rest",
        ),
        code(
            "23-5",
            &["Q5"],
            1,
            "What is wrong?",
            snippet!("deep_q_learning/target"),
            [
                fault(6, "An episode that was cut off counts as ended."),
                sound(5, "The largest of the next values is taken, not their mean.", "So does Q-learning."),
                sound(7, "The reward counts although the episode is over.", "The last reward is earned; it is the future that is 0."),
                sound(4, "The action that is taken next is not asked for.", "That would be SARSA."),
            ],
            || {
                let step = Step { observation: 0, reward: 1.0, terminated: false, truncated: true };
                let (given, mended) = (target::target(&step, &[50.0, 80.0], 0.99), target_mended::target(&step, &[50.0, 80.0], 0.99));
                Ok(Evidence::new("target where the time limit was reached", given, mended, 1.0 + 0.99 * 80.0))
            },
        )
        .because(
            "A time limit is no end: nothing has happened to the pole. Whoever stores both as `done` learns that at any moment of perfect balance \
             all may be over.",
            "Four-mistakes-that-give-a-number-all-the-same",
            "fn value_of_policy",
        ),
        number("23-6", &["Q5"], 3, |rng| {
            let (gamma, limit) = (pick(rng, [0.95, 0.98, 0.99]), 50 * whole(rng, 3, 12));
            let value = 1.0 / (1.0 - gamma * (1.0 - 1.0 / f64::from(limit)));
            Ok(drawn(
                format!(
                    "A policy never fails and earns 1 at each step; episodes are cut off after {limit} steps, and all states look alike. The cut is \
                     taken for an end: then the next value counts 0. To which value do temporal differences lead, on average, with $\\gamma = \
                     {gamma}$?"
                ),
                value,
            )
            .within_share(0.005)
            .mistake(1.0 / (1.0 - gamma), "that is the true value, which one gets if the cut is no end")
            .mistake(f64::from(limit), "that is the return without a discount")
            .mistake(1.0, "that is the value before the last step, of one who sees the clock")
            .worked(format!("$1/(1 - {gamma}\\,(1 - 1/{limit})) = {value:.2}$.")))
        })
        .because(
            "One step in so many ends with no future: $V = 1 + \\gamma(1 - 1/L) V$. States that look the same have values between the horizon and 1, \
             and the estimate lies in between.",
            "Four-mistakes-that-give-a-number-all-the-same",
            "fn value_of_policy",
        ),
        predict("23-7", &["Q5"], 2, |rng| {
            let (states, seed) = (10 * whole(rng, 5, 20), u64::from(whole(rng, 0, 1 << 30)));
            let all = f64::from(2 * states);
            Ok(drawn(
                format!(
                    "A new Q-network has two hidden layers of 32 units with ReLU and two actions. It makes one update with *one* transition. Of the {all} \
                     values of {states} other states, how many change?"
                ),
                all,
            )
            .within_share(0.02)
            .mistake(1.0, "that would be a table")
            .mistake(f64::from(states), "the output of the other action shares the hidden layers")
            .mistake(0.0, "no other state is the one that was updated, but weights serve all states")
            .measure(move || moved_values(states as usize, seed))
            .worked(format!("All {all}.")))
        })
        .because(
            "A table changes one entry at a step, a network all values. So moving all values does not make it fast by itself; it must move them \
             rightly.",
            "How-far-does-one-update-reach?",
            "fn reach",
        ),
        choice(
            "23-8",
            &["Q4", "Q5"],
            2,
            "Is deep Q-learning more efficient than a table? On CartPole, what was measured until the pole was balanced?",
            [
                right("Half the steps of middle-sized tables, no fewer than with 36 good boxes, far more computing."),
                wrong("Far fewer steps than every table, and less computing too, since each update serves all states.", "An update of the network takes millions of products, one of a table two."),
                wrong("More steps than every table, since moving all values destroys what was learned before.", "Against the finest table it was far ahead: most of those runs were not done at all."),
                wrong("As many steps as tables of middle size; what it saves is the memory of the table.", "It needed half of their steps, though not in every pair of runs."),
            ],
        )
        .because(
            "What the network spares us is to know which numbers matter, and how finely. Where a step is cheap, as in a simulation, its computing \
             counts; where it is a robot's, it does not.",
            "Is-it-more-efficient-than-a-table?--Q4",
            "let faster",
        ),
        number("23-9", &["Q4"], 1, |rng| {
            let (hidden, second) = (20 * whole(rng, 2, 8), 12 * whole(rng, 3, 8));
            let params = Params::new(0, &Device::Cpu)?;
            q_network(&[4, hidden as usize, second as usize, 2], params.clone())?;
            let (h, s) = (f64::from(hidden), f64::from(second));
            Ok(drawn(
                format!(
                    "A Q-network maps four numbers by hidden layers of {hidden} and {second} units to the values of two actions. How many weights and biases has \
                     it, in place of the entries of a table?"
                ),
                params.count() as f64,
            )
            .within(0.0)
            .mistake(4.0 * h + h * s + 2.0 * s, "each unit has a bias")
            .mistake(5.0 * h + (h + 1.0) * s + s + 1.0, "each action has an output of its own")
            .mistake(4.0 * h * s * 2.0, "layers are added up, not multiplied")
            .worked(format!("$5 \\cdot {hidden} + {} \\cdot {second} + {} \\cdot 2 = {}$.", hidden + 1, second + 1, 5.0 * h + (h + 1.0) * s + 2.0 * (s + 1.0))))
        })
        .because(
            "Their number does not grow with how finely the state is measured. A table of $m$ bins a number has $2m^4$ entries, most of which are \
             never met.",
            "Is-it-more-efficient-than-a-table?--Q4",
            "let weights",
        ),
        predict("23-10", &["Q5"], 3, |rng| {
            let (sigma, seed) = (decimal(rng, 0.5, 3.0, 1), u64::from(whole(rng, 0, 1 << 30)));
            let bias = sigma / std::f64::consts::PI.sqrt();
            Ok(drawn(
                format!(
                    "Two actions are both worth 0. Their estimates are off by independent normal errors of standard deviation {sigma}. What is the mean of the \
                     larger of the two estimates, over 40 000 draws?"
                ),
                bias,
            )
            .within_share(0.05)
            .mistake(0.0, "the maximum picks the action that was overestimated")
            .mistake(sigma, "that is the error of one estimate")
            .measure(move || {
                let draws: Vec<f64> = normal(&mut seeded(seed), 0.0, sigma, 80_000, DType::F64, &Device::Cpu)?.to_vec1()?;
                Ok(draws.chunks_exact(2).map(|pair| pair[0].max(pair[1])).sum::<f64>() / 40_000.0)
            })
            .worked(format!("${sigma}/\\sqrt\\pi = {bias:.3}$.")))
        })
        .because(
            "Half of the mean distance of the two, $2\\sigma/\\sqrt\\pi$. If a second, independent estimate values the action that was picked, the mean is 0: \
             that is what *double* is for.",
            "The-maximum-of-estimates-is-too-high",
            "fn share_left",
        ),
        derive(
            "23-11",
            &["Q5"],
            2,
            "The loss is $\\big(q - (r + g m)\\big)^2$, where $q = Q_\\theta(s, a)$ and $m = \\max_{a'} Q_\\theta(s', a')$ is held constant. `r` is the reward, `g` the \
             discount. The next line is the factor of $\\partial q/\\partial\\theta$ in the gradient.",
            [real("q", 0.0, 3.0), real("r", -1.0, 1.0), real("g", 0.5, 0.99), real("m", 0.0, 3.0)],
            |v| 2.0 * (v[0] - v[1] - v[2] * v[3]),
            [
                mistake(|v| 2.0 * (v[0] - v[1] - v[2] * v[3]) * (1.0 - v[2]), "the target is held constant: a semi-gradient"),
                mistake(|v| 2.0 * (v[0] + v[1] + v[2] * v[3]), "the target is subtracted"),
            ],
        )
        .because(
            "$2(q - y)$. If $\\theta$ is a table, this is the gradient at one entry, and with the rate $\\alpha/2$ a step of descent is the update of chapter \
             22.",
            "A-network-in-the-place-of-the-table--Q5",
            "let by_descent",
        ),
        code(
            "23-12",
            &["Q5"],
            2,
            "What is wrong?",
            snippet!("deep_q_learning/semi_gradient"),
            [
                fault(5, "The values of the next state are not detached."),
                sound(6, "The reward is added without a discount.", "It is earned at this step; the discount belongs to what follows."),
                sound(7, "Only the action that was taken is compared.", "Nothing is known about the others."),
                sound(7, "The difference is squared before it is added up.", "Its square is the loss."),
            ],
            || {
                let (given, mended) = (into_next(semi_gradient::loss)?, into_next(semi_gradient_mended::loss)?);
                Ok(Evidence::new("gradient with respect to the best value of the next state", given, mended, 0.0))
            },
        )
        .because(
            "Q-learning moves $Q(s, a)$ towards $y$, and not $y$ towards $Q(s, a)$. With the whole gradient the next state would be made worse so that \
             it fits the present one.",
            "A-network-in-the-place-of-the-table--Q5",
            "fn update_by_hand",
        ),
        code(
            "23-13",
            &["Q5"],
            2,
            "What is wrong?",
            snippet!("deep_q_learning/double_target"),
            [
                fault(5, "The best action is chosen by the target network."),
                sound(9, "The action is valued by the target network.", "One chooses, the other values; the target network does the latter."),
                sound(4, "The loop begins with action 1 and not with 0.", "Action 0 is the best so far when it begins."),
                sound(3, "The first action is the best until another is found.", "Any start does, as all others are compared with it."),
            ],
            || {
                let (online, by_target) = ([3.0, 1.0], [2.0, 5.0]);
                let (given, mended) = (
                    double_target::double_target(1.0, 0.5, &online, &by_target),
                    double_target_mended::double_target(1.0, 0.5, &online, &by_target),
                );
                Ok(Evidence::new("reward 1, γ = 0.5, network 3 and 1, target 2 and 5", given, mended, 1.0 + 0.5 * 2.0))
            },
        )
        .because(
            "With one set of values for both, the action that is picked is the one that was overestimated. That is plain DQN with a target network, \
             and its maximum is too high.",
            "The-maximum-of-estimates-is-too-high",
            "fn went_left",
        ),
        select(
            "23-14",
            &["Q5"],
            3,
            "A deep Q-agent on CartPole is judged. Which of these make its number worthless or misleading?",
            [
                right("Every test episode begins with `reset(seed)` of the same seed."),
                right("The returns are those of the training, with ε = 0.5."),
                right("Of the looks during training the best one is reported as the score."),
                wrong("Each of five training seeds is shown, with an interval.", "So it should be: the ways differ far more than the ends."),
                wrong("Beside it stands the score of a weighted sum of four numbers.", "So it should be: on CartPole that is as good as the network."),
            ],
        )
        .because(
            "A hundred episodes of one seed are one episode. What has chosen the moment no longer measures, so the score is taken on further \
             episodes from starts of their own.",
            "Four-mistakes-that-give-a-number-all-the-same",
            "let mut half",
        ),
        derive(
            "23-15",
            &["Q5"],
            1,
            "A state is worth the same $v$ at every step, and each step earns 1. A target of $n$ steps is $1 + g + \\dots + g^{n-1} + g^n v$ with the discount \
             $g$. The next line is the same with the sum in closed form.",
            [real("g", 0.5, 0.99), count("n", 1, 20), real("v", 1.0, 10.0)],
            |v| (1.0 - v[0].powf(v[1])) / (1.0 - v[0]) + v[0].powf(v[1]) * v[2],
            [
                mistake(|v| 1.0 / (1.0 - v[0]) + v[0].powf(v[1]) * v[2], "that is the sum without end"),
                mistake(|v| (1.0 - v[0].powf(v[1] + 1.0)) / (1.0 - v[0]) + v[0].powf(v[1]) * v[2], "that sum has one term more"),
            ],
        )
        .because(
            "$\\frac{1 - g^n}{1 - g} + g^n v$. For $n = 1$ and $g = 0.99$ the estimate $v$ counts for 99 %, for $n = 20$ for 82 %: so an error in it runs \
             away less.",
            "What-is-each-part-for?",
            "fn at_rest",
        ),
    ]
}

/// How many of the values of other states change by one update with one transition.
fn moved_values(states: usize, seed: u64) -> Result<f64> {
    let params = Params::with_dtype(seed, DType::F64, &Device::Cpu)?;
    let q = q_network(&[4, 32, 32, 2], params.clone())?;
    let draw = |seed, n: usize| normal(&mut seeded(seed), 0.0, 1.0, (n, 4), DType::F64, &Device::Cpu);
    let (one, others) = (draw(seed, 1)?, draw(seed + 1, states)?);
    let before = q.forward(&others, Mode::Eval)?;
    let (_, gradients) = value_and_grad(|| {
        let value = q.forward(&one, Mode::Train)?.narrow(1, 0, 1)?;
        Ok((value - 10.0)?.sqr()?.sum_all()?)
    })?;
    Adam::new(params.trainable(), AdamConfig::default())?.step(&gradients)?;
    let change: Vec<f64> = (q.forward(&others, Mode::Eval)? - before)?.flatten_all()?.to_vec1()?;
    Ok(change.iter().filter(|change| **change != 0.0).count() as f64)
}

/// How strongly a loss pulls at the best value of the next state.
fn into_next(loss: fn(&Tensor, &Tensor, usize, f64, f64) -> Result<Tensor>) -> Result<f64> {
    let now = Tensor::new(&[[1.0, 2.0]], &Device::Cpu)?;
    let next = Var::new(&[[3.0, 5.0]], &Device::Cpu)?;
    let (_, gradients) = value_and_grad(|| loss(&now, &next, 0, 1.0, 0.9))?;
    Ok(gradients.get(&next).map_or(Ok(0.0), |g| g.abs()?.sum_all()?.to_scalar::<f64>())?)
}
