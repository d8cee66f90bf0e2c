//! Grids of images with captions.

use super::images::ImageStack;
use super::scene::{Anchor, Raster, Scene, Shape};
use super::style::{INK, TICK};
use super::text::{width, wrap};

const SMALLEST: f64 = 56.0;
const LARGEST: f64 = 96.0;
const GAP: f64 = 10.0;
const LINE: f64 = 13.0;

/// A grid of images measured for a panel of a given width.
#[derive(Debug, Clone)]
pub(super) struct Thumbnails {
    columns: usize,
    /// Width and height of an image.
    size: (f64, f64),
    captions: Vec<Vec<String>>,
    /// The height of the captions of each row.
    caption_heights: Vec<f64>,
}

impl Thumbnails {
    pub fn new(stack: &ImageStack, panel_width: f64) -> Self {
        let count = stack.images.len();
        let fitting = (((panel_width + GAP) / (SMALLEST + GAP)) as usize).clamp(1, count);
        // As few rows as fit, filled evenly.
        let columns = count.div_ceil(count.div_ceil(fitting));
        let wide = ((panel_width + GAP) / columns as f64 - GAP).min(LARGEST);
        let size = (wide, wide * stack.height as f64 / stack.width as f64);
        let captions: Vec<Vec<String>> =
            stack.captions.iter().map(|caption| wrap(caption, wide + GAP - 4.0, |t| width(t, TICK))).collect();
        let tallest = |row: &[Vec<String>]| row.iter().map(Vec::len).max().unwrap_or(0) as f64 * LINE;
        let caption_heights = if captions.is_empty() {
            vec![0.0; count.div_ceil(columns)]
        } else {
            captions.chunks(columns).map(tallest).collect()
        };
        Self { columns, size, captions, caption_heights }
    }

    pub fn height(&self) -> f64 {
        self.caption_heights.iter().map(|captions| self.size.1 + captions + GAP).sum::<f64>() - GAP + 4.0
    }

    pub fn draw(&self, scene: &mut Scene, stack: &ImageStack, left: f64, top: f64) {
        let mut y = top;
        for (row, images) in stack.images.chunks(self.columns).enumerate() {
            for (column, image) in images.iter().enumerate() {
                let x = left + column as f64 * (self.size.0 + GAP);
                scene.shapes.push(Shape::Raster(Raster {
                    at: (x, y),
                    size: self.size,
                    columns: stack.width,
                    rows: stack.height,
                    rgb: image.iter().flat_map(|&(r, g, b)| [r, g, b]).collect(),
                    smooth: false,
                }));
                let caption = self.captions.get(row * self.columns + column);
                for (i, line) in caption.into_iter().flatten().enumerate() {
                    let at = (x + self.size.0 / 2.0, y + self.size.1 + 13.0 + i as f64 * LINE);
                    scene.text(at, line, TICK, Anchor::Middle, INK);
                }
            }
            y += self.size.1 + self.caption_heights[row] + GAP;
        }
    }
}
