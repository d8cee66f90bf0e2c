//! Questions on exploration.

use super::super::super::{
    Evidence, Question, choice, code, decimal, drawn, fault, number, pick, predict, right, sound, whole, wrong,
};
use super::super::snippet;
use super::{mean, mean_mended};
use crate::rl::{BanditConfig, Exploration, TestbedConfig, bandit};

pub(super) fn questions() -> Vec<Question> {
    vec![
        number("22-17", &["Q6"], 1, |rng| {
            let (epsilon, actions) = (pick(rng, [0.1, 0.2, 0.3, 0.4]), whole(rng, 2, 6) as usize);
            let mut values = vec![0.0; actions];
            values[0] = 1.0;
            let p = Exploration::epsilon_greedy(epsilon).probabilities(&values, &[], 0)[0];
            let k = actions as f64;
            Ok(drawn(
                format!("An ε-greedy agent with ε = {epsilon} has {actions} actions, of which one is best. With which probability does it take that one?"),
                p,
            )
            .within(0.002)
            .mistake(1.0 - epsilon, "a random action may be the best one as well")
            .mistake(epsilon / k, "that is the probability of one of the others")
            .worked(format!("$1 - {epsilon} + {epsilon}/{actions} = {:.4}$.", 1.0 - epsilon + epsilon / k)))
        })
        .because(
            "With probability ε *any* action is taken, with equal probability; else the one with the largest entry.",
            "How-to-select-the-action?--Q6",
            "let families",
        ),
        number("22-18", &["Q6"], 1, |rng| {
            let (mean, pulls) = (decimal(rng, -0.5, 1.5, 1), whole(rng, 4, 30));
            let (t, c) = (50 * whole(rng, 2, 10), pick(rng, [0.5, 1.0, 2.0]));
            let doubt = c * (f64::from(t).ln() / f64::from(pulls)).sqrt();
            Ok(drawn(
                format!(
                    "An arm was pulled {pulls} times in {t} pulls and has the mean reward {mean}. Which number does UCB with $c = {c}$ compare with those of the \
                     other arms?"
                ),
                mean + doubt,
            )
            .within(0.005)
            .mistake(mean, "that is what a greedy agent compares; doubt counts as value")
            .mistake(mean - doubt, "the bound is the *upper* one: what is not known may be good")
            .mistake(mean + c / f64::from(pulls).sqrt(), "the logarithm of all pulls is missing, by which doubt about the others grows")
            .worked(format!("${mean} + {c} \\sqrt{{\\ln {t} / {pulls}}} = {:.4}$.", mean + doubt)))
        })
        .because(
            "$Q_a + c\\sqrt{\\ln t/N_a}$: it asks about arms of which it knows little *and* which could still be the best. On the testbed it lost \
             least.",
            "How-to-select-the-action?--Q6",
            "let mut late",
        ),
        number("22-19", &["Q6"], 2, |rng| {
            let values = [decimal(rng, 1.0, 1.5, 1), decimal(rng, 0.5, 0.8, 1), decimal(rng, 0.1, 0.3, 1)];
            let temperature = pick(rng, [0.2, 0.3, 0.4]);
            let p = Exploration::boltzmann(temperature).probabilities(&values, &[], 0)[0];
            let with = |tau: f64| 1.0 / values.iter().map(|v| ((v - values[0]) / tau).exp()).sum::<f64>();
            Ok(drawn(
                format!(
                    "A Boltzmann agent of temperature {temperature} has the estimates {}, {} and {}. With which probability does it take the first action?",
                    values[0], values[1], values[2]
                ),
                p,
            )
            .within(0.003)
            .mistake(with(1.0 / temperature), "the temperature divides: high, all actions are alike")
            .mistake(values[0] / values.iter().sum::<f64>(), "the probabilities go with the exponentials of the estimates")
            .mistake(1.0, "that is a greedy agent, the limit of a temperature of 0")
            .worked(format!("$1/\\sum_b \\exp((Q_b - {})/{temperature}) = {:.4}$.", values[0], with(temperature))))
        })
        .because(
            "Action $a$ has a probability in proportion to $\\exp(Q_a/\\tau)$: a softmax of the estimates. What is much worse is hardly ever tried, \
             other than with ε.",
            "How-to-select-the-action?--Q6",
            "let families",
        ),
        choice(
            "22-20",
            &["Q6"],
            1,
            "An agent on ten arms that do not change keeps ε = 0.1 for ever, and has found the best arm. How does its regret grow?",
            [
                right("In proportion to the number of pulls: a tenth of them goes to arms at random."),
                wrong("As the logarithm of the number of pulls: worse arms are tried less and less.", "That is what UCB reaches; dice do not look at what is known."),
                wrong("As the root of the number of pulls: its errors are random and add up so.", "Each random pull loses something on average; losses add up, they do not cancel."),
                wrong("Not any more: what it has found it keeps, and regret counts errors of knowledge.", "Regret counts what is lost against the best arm, whatever the reason."),
            ],
        )
        .because(
            "Each random pull loses 1.54 on average on the testbed. What must be explored for ever costs for ever; let it fade, unless the world \
             changes.",
            "How-to-select-the-action?--Q6",
            "let mut late",
        ),
        choice(
            "22-21",
            &["Q6"],
            2,
            "All estimates start at 5, rewards are about 0 to 2, and the agent is greedy. With a step of $\\alpha = 0.1$ the best arm was pulled \
             in 86 % of late pulls, with means in 70 %. Why?",
            [
                right("A mean forgets its start at the first reward, so that each arm is tried only once."),
                wrong("A mean never forgets its start, so that it takes all arms for equally good.", "With $\\alpha_1 = 1$ the first reward replaces the start."),
                wrong("A mean is noisier than a constant step, so that it changes its favourite too often.", "It is less noisy: it averages over all rewards."),
                wrong("A mean cannot follow the arms, whose values change while they are pulled.", "In this experiment the arms do not change."),
            ],
        )
        .because(
            "With a constant step the optimism lasts: an arm is disappointing again and again before it is believed. The means paid less at first, \
             and each late pull lost about three times as much.",
            "How-to-select-the-action?--Q6",
            "let start_5",
        ),
        predict("22-22", &["Q6"], 2, |rng| {
            let (pulls, seed) = (whole(rng, 5, 20), u64::from(whole(rng, 0, 1 << 30)));
            Ok(drawn(
                format!(
                    "Ten arms have values drawn from $N(0, 1)$. An agent pulls {pulls} times, each time an arm at random. What is its regret *a pull*, \
                     averaged over 1 500 such testbeds?"
                ),
                1.5388,
            )
            .within_share(0.08)
            .mistake(0.0, "arms are worth 0 on average, but the best of ten is worth more")
            .mistake(1.0, "that is the standard deviation of one arm")
            .mistake(1.5388 * f64::from(pulls), "that is the regret of all pulls")
            .measure(move || {
                let agent = BanditConfig { exploration: Exploration::epsilon_greedy(1.0), ..BanditConfig::default() };
                let steps = pulls as usize;
                let curves = bandit(&TestbedConfig::default(), &agent, 1500, steps, seed)?;
                Ok(curves.regret[steps - 1] / f64::from(pulls))
            })
            .worked("The largest of ten draws from $N(0, 1)$ is 1.54 on average, an arm at random 0.".to_owned()))
        })
        .because(
            "Regret is what was lost against one who knows the best arm, $\\sum_t (\\max_a q_a - q_{A_t})$. An agent with a constant ε pays this price \
             for a share ε of its pulls.",
            "How-to-select-the-action?--Q6",
            "let mut late",
        ),
        choice(
            "22-23",
            &["Q6", "Q3"],
            3,
            "The values of ten arms walk at random. Estimates by means and by a constant step of 0.1 are compared, for four ways to explore. What \
             came out, and does it contradict the theorem of convergence?",
            [
                right("The constant step earned more each time; there is nothing to converge to."),
                wrong("Means earned more each time, as the theorem says: only they let the noise die out.", "A mean over everything is one over times that are past."),
                wrong("The constant step earned more each time, so that the theorem is refuted for bandits.", "The theorem is about values that stay."),
                wrong("Means earned more with UCB and less with dice, of which the theorem does not speak.", "A gain of the constant step was shown for each of the four."),
            ],
        )
        .because(
            "The conditions of Robbins and Monro are for a fixed target: steps that die out stop following. Where the world changes the constant \
             step, which the theorem forbids, is the right one.",
            "When-the-arms-change",
            "let walking",
        ),
        code(
            "22-24",
            &["Q6"],
            1,
            "What is wrong?",
            snippet!("mean"),
            [
                fault(5, "It counts the pulls of all arms together."),
                sound(8, "The means are not divided by the number of arms.", "Each is the mean of the rewards of its own arm."),
                sound(7, "The loop ends before the last of the pulls.", "It runs over all of them."),
                sound(2, "The number of arms is not taken from the pulls.", "An arm may not have been pulled yet."),
            ],
            || {
                let pulls = [(0, 1.0), (1, 4.0), (1, 2.0)];
                Ok(Evidence::new("mean of the second arm, which paid 4 and 2", mean::means(2, &pulls)[1], mean_mended::means(2, &pulls)[1], 3.0))
            },
        )
        .because(
            "$Q_a \\leftarrow Q_a + (R - Q_a)/N_a$ with the pulls $N_a$ of the arm itself. Divided by all pulls, an arm that is tried late is hardly \
             believed.",
            "How-to-select-the-action?--Q6",
            "let walking",
        ),
    ]
}
