/// The mean loss over all samples of an epoch, from the losses of its samples.
pub fn epoch_loss(losses: &[f64], batch_size: usize) -> f64 {
    let mut sum = 0.0;
    let mut count = 0.0;
    for batch in losses.chunks(batch_size) {
        let size = batch.len() as f64;
        let mean = batch.iter().sum::<f64>() / size;
        sum += mean;
        count += 1.0;
    }
    sum / count
}
