//! What a figure consists of, in pixels, before it becomes SVG or a bitmap: both are drawn from the same shapes.

use super::style::{INK, Rgb};

/// A position in pixels, from the top left corner.
pub(super) type Point = (f64, f64);

/// Which end of a text stands at its position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A line of text; `at` is on its baseline.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub at: Point,
    pub text: String,
    pub size: f64,
    pub bold: bool,
    pub anchor: Anchor,
    pub color: Rgb,
    /// Reads upwards.
    pub vertical: bool,
}

/// A raster of `columns` × `rows` pixels of three bytes, stretched over a rectangle.
#[derive(Debug, Clone)]
pub(super) struct Raster {
    pub at: Point,
    pub size: Point,
    pub columns: usize,
    pub rows: usize,
    pub rgb: Vec<u8>,
    /// Blend between pixels, for a sampled function; otherwise keep them square, for an image.
    pub smooth: bool,
}

/// One thing to draw.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    Path { points: Vec<Point>, color: Rgb, opacity: f64, width: f64 },
    Polygon { points: Vec<Point>, color: Rgb, opacity: f64 },
    Rect { from: Point, to: Point, color: Rgb, opacity: f64 },
    Circle { center: Point, radius: f64, color: Rgb, opacity: f64 },
    Text(Text),
    Raster(Raster),
}

impl Shape {
    /// Moves the shape to the right and down.
    pub fn shift(&mut self, (dx, dy): Point) {
        let shift = |p: &mut Point| *p = (p.0 + dx, p.1 + dy);
        match self {
            Self::Path { points, .. } | Self::Polygon { points, .. } => points.iter_mut().for_each(shift),
            Self::Rect { from, to, .. } => [from, to].into_iter().for_each(shift),
            Self::Circle { center: at, .. } | Self::Text(Text { at, .. }) | Self::Raster(Raster { at, .. }) => {
                shift(at)
            }
        }
    }
}

/// The shapes of a figure, in drawing order.
#[derive(Debug, Clone, Default)]
pub(super) struct Scene {
    pub width: f64,
    pub height: f64,
    pub shapes: Vec<Shape>,
}

impl Scene {
    pub fn line(&mut self, from: Point, to: Point, color: Rgb, width: f64) {
        self.path(vec![from, to], color, width);
    }

    pub fn path(&mut self, points: Vec<Point>, color: Rgb, width: f64) {
        self.shapes.push(Shape::Path { points, color, opacity: 1.0, width });
    }

    /// A path in dashes of `on` pixels with gaps of `off`.
    pub fn dashed(&mut self, points: &[Point], color: Rgb, width: f64, (on, off): (f64, f64)) {
        let (mut drawing, mut left) = (true, on);
        let mut dash: Vec<Point> = points.first().copied().into_iter().collect();
        for pair in points.windows(2) {
            let (dx, dy) = (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1);
            let length = dx.hypot(dy);
            let mut done = 0.0;
            while length - done > left {
                done += left;
                let point = (pair[0].0 + dx * done / length, pair[0].1 + dy * done / length);
                if drawing {
                    dash.push(point);
                    self.path(std::mem::take(&mut dash), color, width);
                } else {
                    dash = vec![point];
                }
                drawing = !drawing;
                left = if drawing { on } else { off };
            }
            left -= length - done;
            if drawing {
                dash.push(pair[1]);
            }
        }
        if drawing && dash.len() > 1 {
            self.path(dash, color, width);
        }
    }

    pub fn rect(&mut self, from: Point, to: Point, color: Rgb) {
        self.shapes.push(Shape::Rect { from, to, color, opacity: 1.0 });
    }

    pub fn text(&mut self, at: Point, text: impl Into<String>, size: f64, anchor: Anchor, color: Rgb) {
        let text = text.into();
        self.shapes.push(Shape::Text(Text { at, text, size, bold: false, anchor, color, vertical: false }));
    }

    /// Text that reads upwards.
    pub fn text_upwards(&mut self, at: Point, text: impl Into<String>, size: f64, anchor: Anchor, color: Rgb) {
        let text = text.into();
        self.shapes.push(Shape::Text(Text { at, text, size, bold: false, anchor, color, vertical: true }));
    }

    /// A line of a title, which begins at `at`.
    pub fn title(&mut self, at: Point, text: impl Into<String>, size: f64) {
        let text = text.into();
        let (anchor, color) = (Anchor::Start, INK);
        self.shapes.push(Shape::Text(Text { at, text, size, bold: true, anchor, color, vertical: false }));
    }
}
