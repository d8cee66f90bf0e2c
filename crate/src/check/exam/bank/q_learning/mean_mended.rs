/// The mean reward of each arm after these pulls, each an arm and its reward.
pub fn means(arms: usize, pulls: &[(usize, f64)]) -> Vec<f64> {
    let (mut q, mut total) = (vec![0.0; arms], vec![0.0; arms]);
    for &(arm, reward) in pulls {
        total[arm] += 1.0;
        q[arm] += (reward - q[arm]) / total[arm];
    }
    q
}
