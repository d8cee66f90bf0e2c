/// How many modes have a sample closer than three standard deviations.
pub fn covered(samples: &[[f64; 2]], modes: &[[f64; 2]], std: f64) -> usize {
    let distance = |a: &[f64; 2], b: &[f64; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
    let mut covered = 0;
    for mode in modes {
        let near = samples.iter().any(|sample| distance(sample, mode) < 3.0 * std);
        covered += usize::from(near);
    }
    covered
}
