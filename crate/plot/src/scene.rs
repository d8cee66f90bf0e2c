//! What a figure consists of, in pixels, before it becomes SVG or a bitmap: both are replayed from the same shapes.

use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontFamily, FontStyle, FontTransform, RGBAColor, ShapeStyle, TextStyle};
use plotters_backend::{DrawingBackend, DrawingErrorKind};

use super::style::Rgb;

/// A position in pixels, from the top left corner.
pub(super) type Point = (f64, f64);

/// The fonts a viewer may have, best first.
pub(super) const FONTS: &str = "Helvetica Neue,Arial,Liberation Sans,DejaVu Sans,sans-serif";

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
        self.shapes.push(Shape::Text(Text {
            at,
            text: text.into(),
            size,
            bold: false,
            anchor,
            color,
            vertical: false,
        }));
    }
}

/// A plotters backend that a scene can be replayed on.
pub(super) trait Surface: DrawingBackend {
    /// Units of the backend in a pixel of the scene.
    const SCALE: f64;
    /// What plotters calls the font size, over the size of the em square.
    const EM: f64;

    /// Draws a raster.
    fn raster(&mut self, raster: &Raster) -> Result<(), DrawingErrorKind<Self::ErrorType>>;
}

/// Draws every shape of `scene` on `surface`.
pub(super) fn replay<S: Surface>(scene: &Scene, surface: &mut S) -> Result<(), DrawingErrorKind<S::ErrorType>> {
    let unit = |v: f64| (v * S::SCALE).round() as i32;
    let at = |p: &Point| (unit(p.0), unit(p.1));
    let filled =
        |color: &Rgb, opacity: &f64| ShapeStyle { color: rgba(*color, *opacity), filled: true, stroke_width: 0 };
    surface.ensure_prepared()?;
    for shape in &scene.shapes {
        match shape {
            Shape::Path { points, color, opacity, width } => {
                let style = ShapeStyle {
                    color: rgba(*color, *opacity),
                    filled: false,
                    stroke_width: (width * S::SCALE).round().max(1.0) as u32,
                };
                surface.draw_path(points.iter().map(at), &style)?;
            }
            Shape::Polygon { points, color, opacity } => {
                surface.fill_polygon(points.iter().map(at), &filled(color, opacity))?;
            }
            Shape::Rect { from, to, color, opacity } => {
                surface.draw_rect(at(from), at(to), &filled(color, opacity), true)?;
            }
            Shape::Circle { center, radius, color, opacity } => {
                surface.draw_circle(at(center), unit(*radius) as u32, &filled(color, opacity), true)?;
            }
            Shape::Text(text) => draw_text(text, surface)?,
            Shape::Raster(raster) => surface.raster(raster)?,
        }
    }
    surface.present()
}

fn rgba((r, g, b): Rgb, opacity: f64) -> RGBAColor {
    RGBAColor(r, g, b, opacity)
}

fn draw_text<S: Surface>(text: &Text, surface: &mut S) -> Result<(), DrawingErrorKind<S::ErrorType>> {
    let size = text.size * S::SCALE * S::EM;
    let weight = if text.bold { FontStyle::Bold } else { FontStyle::Normal };
    let turn = if text.vertical { FontTransform::Rotate270 } else { FontTransform::None };
    let side = match text.anchor {
        Anchor::Start => HPos::Left,
        Anchor::Middle => HPos::Center,
        Anchor::End => HPos::Right,
    };
    // plotters places text by the top of its box; its fonts have the baseline half a size below.
    let (mut x, mut y) = (text.at.0 * S::SCALE, text.at.1 * S::SCALE);
    if text.vertical {
        x -= size / 2.0;
    } else {
        y -= size / 2.0;
    }
    let color = rgba(text.color, 1.0);
    let style = TextStyle::from((FontFamily::Name(FONTS), size, weight))
        .transform(turn)
        .pos(Pos::new(side, VPos::Top))
        .color(&color);
    surface.draw_text(&text.text, &style, (x.round() as i32, y.round() as i32))
}
