/// How many places a convolution leaves of `input`: kernel `k`, `p` zeros on each side, stride `s`.
pub fn places(input: usize, k: usize, p: usize, s: usize) -> usize {
    let padded = input + p;
    let room = padded - k;
    room / s + 1
}
