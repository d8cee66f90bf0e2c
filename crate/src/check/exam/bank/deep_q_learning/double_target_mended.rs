/// The target of double DQN, from the values of the next state by the network and by its target.
pub fn double_target(reward: f64, gamma: f64, online: &[f64], by_target: &[f64]) -> f64 {
    let mut best = 0;
    for a in 1..online.len() {
        if online[a] > online[best] {
            best = a;
        }
    }
    reward + gamma * by_target[best]
}
