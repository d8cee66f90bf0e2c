//! Where in a padded image the numbers lie that a convolution multiplies.
//!
//! With the rows of a padded image `pitch` apart, the numbers under one tap of the kernel are the image itself, moved
//! by a constant. So each output is a sum of moved images, each times a weight, and the images need not be unfolded.
//! For a stride s the image is first dealt out to s × s images, of which each tap sees one; the transposed convolution
//! is s × s convolutions without stride, each for every s-th pixel of the result.

use super::Geometry;

/// Numbers that may be read beyond an image: the widest tile.
pub(super) const SLACK: usize = 128;

/// How images are laid out, and what is summed over them.
pub(super) struct Plan {
    /// Height and width of a source image.
    pub source: [usize; 2],
    lines: [Lines; 2],
    /// Distance between the rows of a laid out image. Zeros between rows serve as the end of one and the start of the next.
    pub pitch: usize,
    /// Numbers that one laid out image takes up; a source channel has one, or several copies for a stride.
    pub plane: usize,
    /// Numbers that a source channel takes up.
    pub channel: usize,
    /// Length of the buffer for all channels.
    pub buffer: usize,
    /// Height and width of a target image.
    pub target: [usize; 2],
    pub passes: Vec<Pass>,
}

/// A regular part of the target: pixel (i, j) is at (start + step · i, start + step · j) of it.
pub(super) struct Pass {
    pub rows: usize,
    pub columns: usize,
    pub start: [usize; 2],
    pub step: [usize; 2],
    /// The taps of the kernel it sums over, by their place in the kernel.
    pub taps: Vec<usize>,
    /// The line and column of each tap in the laid out image, for the first pixel.
    pub places: Vec<[usize; 2]>,
    /// For each channel and tap, where the number for the first pixel lies.
    pub offsets: Vec<usize>,
}

impl Pass {
    /// From the first pixel to the last, counted along the pitch.
    pub fn pixels(&self, pitch: usize) -> usize {
        (self.rows - 1) * pitch + self.columns
    }
}

/// Along one axis: line r of copy i is line step · r + origins\[i\] of the source.
struct Lines {
    step: usize,
    origins: Vec<isize>,
}

/// Line r of a copy along one axis is line step · r + origin of the source.
#[derive(Clone, Copy)]
pub(super) struct View {
    pub step: usize,
    origin: isize,
}

impl View {
    /// Line `r`, unless it is before the first of the source.
    #[inline(always)]
    pub fn at(self, r: usize) -> Option<usize> {
        (self.step * r).checked_add_signed(self.origin)
    }
}

/// A pass along one axis.
struct Track {
    count: usize,
    start: usize,
    step: usize,
    /// Place in the kernel, copy of the source, line for the first pixel.
    taps: Vec<(usize, usize, usize)>,
}

impl Plan {
    /// Of the convolution itself: from `channels` images per group.
    pub fn correlate(geometry: &Geometry) -> Self {
        let axes = geometry.axes;
        let parts = axes.map(|axis| {
            let residue = |k: usize| k * axis.dilation % axis.stride;
            let mut residues: Vec<usize> = (0..axis.kernel).map(residue).collect();
            residues.sort_unstable();
            residues.dedup();
            let origins = residues.iter().map(|&r| r as isize - axis.padding as isize).collect();
            let copy = |k| residues.binary_search(&residue(k)).unwrap_or_default();
            let taps = (0..axis.kernel).map(|k| (k, copy(k), k * axis.dilation / axis.stride)).collect();
            (Lines { step: axis.stride, origins }, vec![Track { count: axis.output, start: 0, step: 1, taps }])
        });
        Self::new(parts, axes.map(|a| a.input), axes.map(|a| a.output), axes[1].kernel, geometry.channels())
    }

    /// Of the transposed convolution, which is also the convolution's gradient: from `maps` images per group.
    pub fn spread(geometry: &Geometry) -> Self {
        let axes = geometry.axes;
        let parts = axes.map(|axis| {
            // Pixel q = stride · m + residue of the padded image meets output m - t under each tap stride · t + residue.
            let first = |r: usize| axis.padding.saturating_sub(r).div_ceil(axis.stride);
            let taps = |r: usize| {
                (0..axis.kernel)
                    .filter(move |k| k * axis.dilation % axis.stride == r)
                    .map(move |k| (k, (k * axis.dilation - r) / axis.stride))
            };
            let lead =
                (0..axis.stride).flat_map(|r| taps(r).map(move |(_, t)| t.saturating_sub(first(r)))).max().unwrap_or(0);
            let track = |r: usize| {
                let (m, end) = (first(r), (axis.padding + axis.input).saturating_sub(r).div_ceil(axis.stride));
                Track {
                    count: end - m,
                    start: (axis.stride * m + r).saturating_sub(axis.padding),
                    step: axis.stride,
                    taps: taps(r).map(|(k, t)| (k, 0, m + lead - t)).collect(),
                }
            };
            let tracks = (0..axis.stride).map(track).filter(|track| track.count > 0).collect();
            (Lines { step: 1, origins: vec![-(lead as isize)] }, tracks)
        });
        Self::new(parts, axes.map(|a| a.output), axes.map(|a| a.input), axes[1].kernel, geometry.maps())
    }

    fn new(
        parts: [(Lines, Vec<Track>); 2],
        source: [usize; 2],
        target: [usize; 2],
        kernel_width: usize,
        channels: usize,
    ) -> Self {
        let [(down, rows), (across, columns)] = parts;
        let needed = |tracks: &[Track]| {
            let last = |track: &Track| track.count + track.taps.iter().map(|tap| tap.2).max().unwrap_or(0);
            tracks.iter().map(last).max().unwrap_or(1)
        };
        let (height, width) = (needed(&rows), needed(&columns));
        let ends = (0..across.origins.len()).map(|i| across.inside(i, source[1], width).1);
        let leads = (0..across.origins.len()).map(|i| across.inside(i, source[1], width).0);
        // Columns beyond the pitch are the first of the next row, and zero as these are.
        let pitch = ends
            .chain(leads.map(|lead| width - lead))
            .chain(columns.iter().map(|track| track.count))
            .max()
            .unwrap_or(width);
        let plane = height * pitch;
        let copies = across.origins.len();
        let channel = down.origins.len() * copies * plane;
        let mut passes = Vec::with_capacity(rows.len() * columns.len());
        for row in &rows {
            for column in &columns {
                let taps = || row.taps.iter().flat_map(|y| column.taps.iter().map(move |x| (y, x)));
                let offset = |((_, i, y), (_, j, x)): (&(usize, usize, usize), &(usize, usize, usize))| {
                    (i * copies + j) * plane + y * pitch + x
                };
                passes.push(Pass {
                    rows: row.count,
                    columns: column.count,
                    start: [row.start, column.start],
                    step: [row.step, column.step],
                    taps: taps().map(|(y, x)| y.0 * kernel_width + x.0).collect(),
                    places: taps().map(|(y, x)| [y.2, x.2]).collect(),
                    offsets: (0..channels).flat_map(|c| taps().map(move |tap| c * channel + offset(tap))).collect(),
                });
            }
        }
        let buffer = channels * channel + width + SLACK;
        Self { source, lines: [down, across], pitch, plane, channel, buffer, target, passes }
    }

    /// The lines of a copy along both axes.
    pub fn view(&self, copy: usize) -> [View; 2] {
        let [down, across] = &self.lines;
        let (i, j) = (copy / across.origins.len(), copy % across.origins.len());
        [View { step: down.step, origin: down.origins[i] }, View { step: across.step, origin: across.origins[j] }]
    }

    /// The lines of a copy that show the source, from the first to before the last.
    pub fn rows(&self, copy: usize) -> (usize, usize) {
        let [down, across] = &self.lines;
        down.inside(copy / across.origins.len(), self.source[0], self.plane / self.pitch)
    }

    /// The columns of a copy that show the source, from the first to before the last.
    pub fn columns(&self, copy: usize) -> (usize, usize) {
        let across = &self.lines[1];
        across.inside(copy % across.origins.len(), self.source[1], self.pitch)
    }
}

impl Lines {
    /// The first line of copy `i` that shows one of `n` source lines, and the end of those; both at most `limit`.
    fn inside(&self, i: usize, n: usize, limit: usize) -> (usize, usize) {
        let origin = self.origins[i];
        let first = origin.min(0).unsigned_abs().div_ceil(self.step).min(limit);
        let end = n.saturating_add_signed(-origin).div_ceil(self.step).min(limit);
        (first, end.max(first))
    }
}
