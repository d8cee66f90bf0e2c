/// The new state and cell of one LSTM unit from its four sums in PyTorch's order i, f, g, o.
pub fn lstm_gates(sums: [f64; 4], c: f64) -> (f64, f64) {
    let sigmoid = |z: f64| 1.0 / (1.0 + (-z).exp());
    let (i, f) = (sigmoid(sums[0]), sigmoid(sums[1]));
    let (o, g) = (sigmoid(sums[2]), sums[3].tanh());
    let c = f * c + i * g;
    (o * c.tanh(), c)
}
