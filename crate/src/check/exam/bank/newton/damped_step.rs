/// A step of damped Newton in one dimension: the curvature is raised to at least `floor`, above 0.
pub fn damped_step(x: f64, slope: f64, curvature: f64, floor: f64) -> f64 {
    let damping = if curvature < floor { floor } else { 0.0 };
    let step = slope / (curvature + damping);
    x - step
}
