/// Mirrors an image from left to right; its pixels are given row by row.
pub fn mirror(image: &[f64], width: usize) -> Vec<f64> {
    let mut mirrored = Vec::new();
    for row in image.chunks(width) {
        mirrored.extend(row.iter().rev());
    }
    mirrored
}
