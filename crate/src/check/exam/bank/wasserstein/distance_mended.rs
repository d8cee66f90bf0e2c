/// The Wasserstein-1 distance of two distributions with the masses p and q at places of increasing order.
pub fn distance(places: &[f64], p: &[f64], q: &[f64]) -> f64 {
    let mut work = 0.0;
    for k in 0..places.len() - 1 {
        let left_over = p[..=k].iter().sum::<f64>() - q[..=k].iter().sum::<f64>();
        work += f64::abs(left_over) * (places[k + 1] - places[k]);
    }
    work
}
