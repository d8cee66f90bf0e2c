//! Questions on values and the table.

use super::super::super::{
    Evidence, Question, choice, code, decimal, derive, drawn, fault, mistake, number, pick, predict, real, right,
    select, sound, whole, wrong,
};
use super::super::snippet;
use super::{update, update_mended};
use crate::rl::{Exploration, GridMap, GridWorldConfig, QTable, Step, grid_world, policy_iteration, q_learning_update};

pub(super) fn questions() -> Vec<Question> {
    vec![
        number("22-1", &["Q1"], 1, |rng| {
            let (steps, gamma) = (whole(rng, 3, 9), pick(rng, [0.8, 0.9, 0.95]));
            let map = format!("S{}G", ".".repeat(steps as usize - 1));
            let rewards = GridWorldConfig { step: 0.0, goal: 1.0, ..GridWorldConfig::default() };
            let world = grid_world(&GridMap::new(&[&map])?, &rewards)?;
            let value = policy_iteration(&world, gamma)?.values[0];
            Ok(drawn(
                format!(
                    "In a corridor the goal is {steps} steps away. Reaching it earns 1 and ends the episode; all else earns nothing. What is the value \
                     of the start, with the discount $\\gamma = {gamma}$?"
                ),
                value,
            )
            .within_share(0.01)
            .mistake(f64::powi(gamma, steps as i32), "the reward of the first step is not discounted")
            .mistake(1.0, "a reward that comes later counts less")
            .mistake((1.0 - f64::powi(gamma, steps as i32)) / (1.0 - gamma), "that is the value of a reward at every step")
            .worked(format!("${gamma}^{{{steps} - 1}} = {:.4}$.", f64::powi(gamma, steps as i32 - 1))))
        })
        .because(
            "$G_t = R_{t+1} + \\gamma R_{t+2} + \\dots$: a reward that comes $k$ steps later counts $\\gamma^k$. Value iteration carries the news of it one \
             cell a sweep, and loses a factor $\\gamma$ on the way.",
            "What-is-a-state-worth?--Q1",
            "fn sweep",
        ),
        number("22-2", &["Q1"], 2, |rng| {
            let (gamma, share) = (pick(rng, [0.9, 0.95, 0.99]), pick(rng, [0.1, 0.05, 0.01, 0.001]));
            let sweeps = (f64::ln(share) / f64::ln(gamma)).ceil();
            Ok(drawn(
                format!(
                    "Value iteration with $\\gamma = {gamma}$ begins anywhere. After how many sweeps is it *certain* that the largest error is at most {share} \
                     of what it was?"
                ),
                sweeps,
            )
            .within(1.0)
            .unit("sweeps")
            .mistake((1.0 - share) / (1.0 - gamma), "each sweep takes a share of what is left of the error, not of the start")
            .worked(format!("${gamma}^k \\le {share}$ from $k = \\ln {share}/\\ln {gamma} = {:.1}$ on.", f64::ln(share) / f64::ln(gamma))))
        })
        .because(
            "A sweep is a contraction: it multiplies the largest error by $\\gamma$ or less. Where episodes end it is faster in the end; the bound \
             leaves that out.",
            "Why-one-solution,-and-how-fast?",
            "let bound",
        ),
        select(
            "22-3",
            &["Q1"],
            2,
            "Bellman's optimality equation, a finite number of states and actions. What may *not* be unique?",
            [
                right("The optimal policy, with $\\gamma = 0.9$"),
                right("The solution of the equation, with $\\gamma = 1$"),
                wrong("The solution of the equation, with $\\gamma = 0.9$", "The right side is a contraction, so there is exactly one solution."),
                wrong("The limit of value iteration from any start, with $\\gamma = 0.9$", "From any start the sweeps have the one solution as their limit."),
            ],
        )
        .because(
            "With $\\gamma = 1$ each start led to another solution on the frozen lake: an agent that believes in 5 walks against a wall for ever \
             and never has to redeem it. And the taxi has $10^{48}$ optimal policies, all with the same values.",
            "When-it-is-not-unique",
            "fn limit_from",
        ),
        derive(
            "22-4",
            &["Q1"],
            2,
            "One state, one action. Each step earns $r$, and with probability $q$ the episode then ends; the discount is $g$. The next line is the \
             solution $V$ of $V = r + g\\,(1 - q)\\, V$.",
            [real("r", 0.5, 2.0), real("q", 0.05, 0.5), real("g", 0.5, 0.95)],
            |v| v[0] / (1.0 - v[2] * (1.0 - v[1])),
            [
                mistake(|v| v[0] / (1.0 - v[2]), "that is the value if the episode never ends"),
                mistake(|v| v[0] * (1.0 - v[1]) / (1.0 - v[2] * (1.0 - v[1])), "the reward of the step comes also where the episode ends"),
                mistake(|v| v[0] / v[1], "that is the expected sum without a discount"),
            ],
        )
        .because(
            "$V = r/(1 - g(1 - q))$. An end acts like a further discount, which is why sweeps contract faster than $\\gamma$ where episodes end.",
            "Why-one-solution,-and-how-fast?",
            "let bound",
        ),
        number("22-5", &["Q2"], 1, |rng| {
            let (old, reward) = (decimal(rng, 1.0, 3.0, 1), decimal(rng, -1.0, 1.0, 1));
            let (best, other) = (decimal(rng, 4.0, 6.0, 1), decimal(rng, 0.0, 2.0, 1));
            let (alpha, gamma) = (pick(rng, [0.1, 0.2, 0.5]), pick(rng, [0.8, 0.9]));
            let mut q = QTable::new(2, 2)?;
            q.row_mut(0)[1] = old;
            q.row_mut(1).copy_from_slice(&[other, best]);
            let step = Step { observation: 1, reward, terminated: false, truncated: false };
            q_learning_update(&mut q, 0, 1, &step, alpha, gamma)?;
            let value = old + alpha * (reward + gamma * best - old);
            Ok(drawn(
                format!(
                    "$Q(S, A) = {old}$. The action earns {reward} and leads to $S'$, where $Q(S', \\cdot)$ is {other} and {best}; the next action is the first \
                     of these, at random. What does Q-learning make of $Q(S, A)$, with $\\alpha = {alpha}$ and $\\gamma = {gamma}$?"
                ),
                q.row(0)[1],
            )
            .within(0.002)
            .mistake(old + alpha * (reward + gamma * other - old), "that is SARSA, with the action that is taken next")
            .mistake(reward + gamma * best, "that is the target; the entry moves towards it by $\\alpha$")
            .mistake(old + alpha * (reward + gamma * best), "the old value is to be subtracted from the target")
            .worked(format!("${old} + {alpha}\\,({reward} + {gamma} \\cdot {best} - {old}) = {value:.4}$.")))
        })
        .because(
            "The target is $R + \\gamma \\max_a Q(S', a)$, whatever the agent does next: Q-learning is off-policy. One entry changes at a step.",
            "One-entry-at-a-step--Q2",
            "fn by_hand",
        ),
        number("22-6", &["Q2", "Q6"], 2, |rng| {
            let (reward, gamma) = (decimal(rng, -1.0, 1.0, 1), pick(rng, [0.8, 0.9]));
            let epsilon = pick(rng, [0.2, 0.4]);
            let next = [decimal(rng, 0.0, 1.0, 1), decimal(rng, 4.0, 6.0, 1), decimal(rng, 1.0, 2.0, 1), decimal(rng, 0.0, 1.0, 1)];
            let p = Exploration::epsilon_greedy(epsilon).probabilities(&next, &[], 0);
            let mean: f64 = p.iter().zip(&next).map(|(p, q)| p * q).sum();
            let (all, best) = (next.iter().sum::<f64>() / 4.0, next[1]);
            let others = (next[0] + next[2] + next[3]) / 3.0;
            Ok(drawn(
                format!(
                    "The action earns {reward}, and the entries of the next state are {}, {}, {} and {}. What is the target of expected SARSA, which takes the mean over \
                     the next action, for an ε-greedy policy with ε = {epsilon} and $\\gamma = {gamma}$?",
                    next[0], next[1], next[2], next[3]
                ),
                reward + gamma * mean,
            )
            .within(0.01)
            .mistake(reward + gamma * best, "that is the target of Q-learning, which assumes that it will act greedily")
            .mistake(reward + gamma * all, "that would be for actions at random")
            .mistake(reward + gamma * ((1.0 - epsilon) * best + epsilon * others), "a random action may be the greedy one as well")
            .worked(format!(
                "${reward} + {gamma}\\,({:.1} \\cdot {best} + {epsilon} \\cdot {all:.3}) = {:.4}$.",
                1.0 - epsilon,
                reward + gamma * ((1.0 - epsilon) * best + epsilon * all)
            )))
        })
        .because(
            "With probability ε any action is taken, the greedy one included: the mean of the entries has the weight ε, the largest entry the \
             rest. Ties do not matter, since tied entries are equal.",
            "Q-learning-against-SARSA",
            "let stumbling",
        ),
        choice(
            "22-7",
            &["Q2"],
            2,
            "On the cliff, with ε = 0.1 for ever: which of Q-learning and SARSA earns more while it explores, and whose greedy policy is \
             better afterwards?",
            [
                right("SARSA earns more while exploring; the greedy policy of Q-learning is better."),
                wrong("SARSA earns more while exploring, and its greedy policy is better as well.", "Q-learning's greedy policy was the shortest path in each of 50 runs."),
                wrong("Q-learning earns more while exploring, and its greedy policy is better as well.", "Along the edge it stumbles into the cliff again and again."),
                wrong("Q-learning earns more while exploring; the greedy policy of SARSA is better.", "It is the other way round in both halves."),
            ],
        )
        .because(
            "Q-learning learns $Q^*$, and stumbles along the edge; SARSA learns what its own behaviour is worth, stumbles included. Say which of \
             the two numbers you report.",
            "Pitfall:-judging-with-the-exploration-left-on",
            "fn greedy",
        ),
        code(
            "22-8",
            &["Q2", "Q1"],
            1,
            "What is wrong?",
            snippet!("update"),
            [
                fault(6, "The next state counts where the episode has ended."),
                sound(5, "The old value is that of the action, not the largest.", "The entry of the action that was taken is moved."),
                sound(7, "The old value is subtracted and not only scaled down.", "$Q + \\alpha(y - Q)$ is $(1 - \\alpha)Q + \\alpha y$."),
                sound(4, "The action that is taken next plays no part.", "That is SARSA; Q-learning takes the best one."),
            ],
            || {
                let step = Step { observation: 1, reward: -1.0, terminated: true, truncated: false };
                let start = || {
                    let mut q = QTable::new(2, 2)?;
                    q.row_mut(1).copy_from_slice(&[3.0, 5.0]);
                    Ok::<_, crate::Error>(q)
                };
                let (mut given, mut mended, mut by_crate) = (start()?, start()?, start()?);
                update::update(&mut given, 0, 0, &step, 0.5, 1.0);
                update_mended::update(&mut mended, 0, 0, &step, 0.5, 1.0);
                q_learning_update(&mut by_crate, 0, 0, &step, 0.5, 1.0)?;
                Ok(Evidence::new("entry after a last step that earned -1", given.row(0)[0], mended.row(0)[0], by_crate.row(0)[0]))
            },
        )
        .because(
            "On the frozen lake nothing shows it, since its holes lead to themselves for nothing; a plan for the cliff without this mask walks for \
             ever. A test on one environment does not find every fault.",
            "Pitfall:-planning-without-the-end-of-the-episode",
            "fn without_mask",
        ),
        predict("22-9", &["Q2"], 3, |rng| {
            let (r, gamma) = (f64::from(whole(rng, 1, 3)), pick(rng, [0.5, 0.6, 0.8, 0.9, 0.95]));
            Ok(drawn(
                format!(
                    "One state, one action, a reward of {r} at each step for ever, $\\gamma = {gamma}$. Somebody writes the update as $Q \\leftarrow (1 - \\alpha) Q \
                     - \\alpha\\,[R + \\gamma \\max Q]$. Where does $Q$ settle?"
                ),
                -r / (1.0 + gamma),
            )
            .within_share(0.02)
            .mistake(r / (1.0 - gamma), "that is the true value, which the right sign would find")
            .mistake(-r / (1.0 - gamma), "the wrong sign stands before $\\gamma Q$ too")
            .mistake(0.0, "the reward keeps pulling, in the wrong direction")
            .measure(move || {
                let mut q = QTable::new(1, 1)?;
                for _ in 0..2000 {
                    let best = q.max(0);
                    q.nudge(0, 0, 0.1, -(r + gamma * best))?;
                }
                Ok(q.max(0))
            })
            .worked(format!("$-{r}/(1 + {gamma}) = {:.4}$.", -r / (1.0 + gamma))))
        })
        .because(
            "It settles where $Q = -(R + \\gamma Q)$. A curve that becomes flat proves nothing; a value that is known by hand does.",
            "Pitfall:-a-wrong-sign",
            "let (r, gamma, alpha, mut q)",
        ),
    ]
}
