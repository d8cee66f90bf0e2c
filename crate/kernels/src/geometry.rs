//! The sizes of a convolution: what the layers, the composed form and the kernels share.

use std::ops::Range;

/// A convolution along one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Axis {
    /// Places of the input.
    pub input: usize,
    /// Places of the output.
    pub output: usize,
    /// Places of the kernel.
    pub kernel: usize,
    /// Places of the input from one output to the next.
    pub stride: usize,
    /// Zeros before and after the input.
    pub padding: usize,
    /// Places of the input from one place of the kernel to the next.
    pub dilation: usize,
}

impl Axis {
    /// The axis that is not there.
    pub const FLAT: Self = Self { input: 1, output: 1, kernel: 1, stride: 1, padding: 0, dilation: 1 };

    /// The outputs that see an input under place `k` of the kernel, and the input that the first of them sees.
    pub(crate) fn seen(&self, k: usize) -> (Range<usize>, usize) {
        let place = k * self.dilation;
        let first = self.padding.saturating_sub(place).div_ceil(self.stride);
        let end = (self.input + self.padding).saturating_sub(place).div_ceil(self.stride).min(self.output);
        (first..end, (first * self.stride + place).saturating_sub(self.padding))
    }
}

/// The sizes of a convolution; those of a transposed one are of the convolution whose gradient it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Geometry {
    /// Images.
    pub batch: usize,
    /// Channels of the input, of all groups.
    pub in_channels: usize,
    /// Channels of the output, of all groups.
    pub out_channels: usize,
    /// Groups of channels that know nothing of one another.
    pub groups: usize,
    /// Rows and columns.
    pub axes: [Axis; 2],
}

impl Geometry {
    /// Input channels of a group.
    pub(crate) fn channels(&self) -> usize {
        self.in_channels / self.groups
    }

    /// Output channels of a group.
    pub(crate) fn maps(&self) -> usize {
        self.out_channels / self.groups
    }

    /// Places in the kernel.
    pub(crate) fn taps(&self) -> usize {
        self.axes[0].kernel * self.axes[1].kernel
    }

    /// Numbers under the kernel, for all outputs of all images.
    pub(crate) fn columns(&self) -> usize {
        self.in_channels * self.taps() * self.batch * self.axes[0].output * self.axes[1].output
    }

    /// Numbers of one input, of all its channels.
    pub(crate) fn input(&self) -> usize {
        self.in_channels * self.axes[0].input * self.axes[1].input
    }

    /// Numbers of one output.
    pub(crate) fn output(&self) -> usize {
        self.out_channels * self.axes[0].output * self.axes[1].output
    }
}
