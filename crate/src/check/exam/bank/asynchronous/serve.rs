/// The parameters of a server after it has taken each of the gradients that came.
pub fn serve(mut w: Vec<f64>, came: &[Vec<f64>], rate: f64) -> Vec<f64> {
    let gradient = vec![0.0; w.len()];
    for message in came {
        let mut buffer = gradient.clone();
        buffer.copy_from_slice(message);
        for (w, g) in w.iter_mut().zip(&gradient) {
            *w -= rate * g;
        }
    }
    w
}
