/// The size of the receptive field behind layers of these kernel sizes and strides.
pub fn field(layers: &[(usize, usize)]) -> usize {
    let (mut size, mut jump) = (1, 1);
    for &(kernel, stride) in layers {
        jump *= stride;
        size += (kernel - 1) * jump;
    }
    size
}
