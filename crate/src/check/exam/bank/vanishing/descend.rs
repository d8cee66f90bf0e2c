/// A step of gradient descent on a chain h_l = tanh(w_l h_(l-1)) with the loss ½ (h_L - y)².
pub fn descend(w: &mut [f64], x: f64, y: f64, rate: f64) {
    let mut h = vec![x];
    for w in w.iter() {
        h.push((w * h[h.len() - 1]).tanh());
    }
    let mut from_above = h[w.len()] - y;
    for l in (0..w.len()).rev() {
        let delta = from_above * (1.0 - h[l + 1].powi(2));
        w[l] -= rate * delta * h[l];
        from_above = delta * w[l];
    }
}
