use crate::distributed::Algorithm;

/// Settings of [`DataParallel`](super::DataParallel).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DataParallelConfig {
    /// How many bytes of gradients travel together; at least 1, default 25 MiB, as in PyTorch. The first bucket takes
    /// at most 1 MiB, so that communication begins early. A bucket is full when it has at least so many: it ends with a
    /// parameter.
    pub bucket_bytes: usize,
    /// Whether a bucket is sent as soon as the backward pass has made its gradients; default true, as in PyTorch. Else
    /// all are sent at its end. The sums are the same bits if the buckets are.
    pub overlap: bool,
    /// How the ranks add up; default `None`, for [`Algorithm::usual`], which looks at the bytes of a bucket.
    pub algorithm: Option<Algorithm>,
}

impl Default for DataParallelConfig {
    fn default() -> Self {
        Self { bucket_bytes: 25 << 20, overlap: true, algorithm: None }
    }
}
