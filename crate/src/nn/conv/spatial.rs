/// A number for each dimension that a convolution goes along: `usize` for sequences, (height, width) for images.
pub trait Spatial: sealed::Sizes {}

impl Spatial for usize {}
impl Spatial for (usize, usize) {}

pub(super) mod sealed {
    use std::fmt::Debug;

    use crate::nn::kind::{Kind, kind};

    pub trait Sizes: Copy + Debug + PartialEq + Send + Sync + 'static {
        /// What a convolution is called, and a transposed one.
        const KIND: Kind;
        const TRANSPOSED: Kind;
        /// A convolution without weight sharing.
        const LOCAL: Kind;

        /// The same number for each dimension.
        fn all(size: usize) -> Self;

        /// The numbers, rows first.
        fn list(self) -> Vec<usize>;
    }

    impl Sizes for usize {
        const KIND: Kind = kind!("conv1d");
        const TRANSPOSED: Kind = kind!("conv_transpose1d");
        const LOCAL: Kind = kind!("locally_connected1d");

        fn all(size: usize) -> Self {
            size
        }

        fn list(self) -> Vec<usize> {
            vec![self]
        }
    }

    impl Sizes for (usize, usize) {
        const KIND: Kind = kind!("conv2d");
        const TRANSPOSED: Kind = kind!("conv_transpose2d");
        const LOCAL: Kind = kind!("locally_connected2d");

        fn all(size: usize) -> Self {
            (size, size)
        }

        fn list(self) -> Vec<usize> {
            vec![self.0, self.1]
        }
    }
}
