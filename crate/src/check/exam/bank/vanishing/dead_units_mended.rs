/// How many ReLU units are dead on these samples; `z[sample][unit]` are the sums before the ReLU.
pub fn dead_units(z: &[Vec<f64>]) -> usize {
    let mut dead = 0;
    for unit in 0..z[0].len() {
        if z.iter().all(|sample| sample[unit] <= 0.0) {
            dead += 1;
        }
    }
    dead
}
