/// Standard deviation of the weights of a convolution by He's rule, for the signal forward; shape: [out, in, height, width].
pub fn he(shape: [usize; 4]) -> f64 {
    let gain: f64 = 2.0;
    let fan = shape[1] as f64;
    let variance = gain / fan;
    variance.sqrt()
}
