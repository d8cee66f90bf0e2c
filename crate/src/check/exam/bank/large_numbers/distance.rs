/// The largest gap between the shares of a sample and a cumulative distribution function.
pub fn distance(mut values: Vec<f64>, cumulative: impl Fn(f64) -> f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len() as f64;
    let mut largest: f64 = 0.0;
    for (i, x) in values.iter().enumerate() {
        let gap = ((i + 1) as f64 / n - cumulative(*x)).abs();
        largest = largest.max(gap);
    }
    largest
}
