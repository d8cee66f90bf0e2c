//! Q-learning with a table, beside SARSA: along the cliff or around it.
//!
//! ```text
//! cargo run -p candlelight --example q_learning
//! ```

use candlelight::prelude::*;
use candlelight::rl::{
    Environment, TabularConfig, TabularEnv, TabularPolicy, TabularRun, cliff_walking, evaluate_within,
    policy_iteration, q_learning, sarsa,
};

const ARROWS: [char; 4] = ['↑', '→', '↓', '←'];

type Learn = fn(&mut dyn Environment<Observation = usize>, &TabularConfig, &mut Rng) -> Result<TabularRun>;

fn main() -> Result<()> {
    let mdp = cliff_walking(false)?;
    let best = mdp.start_value(&policy_iteration(&mdp, 1.0)?.values);
    println!(
        "4 × 12 cells, a reward of −1 a step, −100 and back to the start for the cliff; the best return is {best}"
    );
    let config = TabularConfig { gamma: 1.0, episodes: 2000, ..TabularConfig::default() };
    let mut while_learning = Vec::new();
    for (name, learn) in [("Q-learning", q_learning as Learn), ("SARSA", sarsa)] {
        let run = learn(&mut TabularEnv::new(mdp.clone()), &config, &mut seeded(0))?;
        let late = Summary::new(&run.returns[1000..])?;
        let greedy = evaluate_within(&mdp, &TabularPolicy::greedy(&run.q), 200, 1.0)?;
        println!("{name}: {late:.1} while it explores, {:.0} without", mdp.start_value(&greedy));
        for row in 0..4 {
            let cell = |column: usize| match (row, column) {
                (3, 1..=10) => '#',
                (3, 11) => 'G',
                _ => ARROWS[run.q.greedy(12 * row + column)],
            };
            println!("  {}", (0..12).map(cell).collect::<String>());
        }
        while_learning.push(late.mean);
    }
    assert!(while_learning[1] > while_learning[0] + 5.0, "SARSA should fall off the cliff less often");
    Ok(())
}
