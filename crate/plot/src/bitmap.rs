//! A scene as a bitmap, by plotters' bitmap backend.

use candlelight_base::{Error, Result};
use plotters::backend::{BitMapBackend, RGBPixel};
use plotters::style::{RGBAColor, ShapeStyle};
use plotters_backend::{BackendColor, DrawingBackend, DrawingErrorKind};

use super::glyphs::Fonts;
use super::png;
use super::scene::{Point, Raster, Scene, Shape};
use super::style::{CARD, Rgb};

/// Pixels of the file for each of the scene, a side.
const DENSITY: usize = 2;
/// Pixels that are drawn for each of the file, a side, and averaged: the backend's own edges are jagged.
const SAMPLES: usize = 2;
/// A canvas of more pixels of the scene would take hundreds of megabytes.
const LARGEST: f64 = 4e6;

/// Pixels that are drawn for each of the scene, a side.
const SCALE: f64 = (DENSITY * SAMPLES) as f64;

type Canvas<'a> = BitMapBackend<'a, RGBPixel>;
type Drawn = std::result::Result<(), DrawingErrorKind<<Canvas<'static> as DrawingBackend>::ErrorType>>;

/// The bytes of a PNG file.
pub(super) fn render(scene: &Scene) -> Result<Vec<u8>> {
    if scene.width * scene.height > LARGEST {
        let size = format!("{} by {}", scene.width.ceil(), scene.height.ceil());
        return Err(Error::setting("size of a PNG figure", "at most 4 million pixels", size));
    }
    let fonts = Fonts::new()?;
    let (width, height) = (scene.width.ceil() as usize * DENSITY, scene.height.ceil() as usize * DENSITY);
    let fine = (width * SAMPLES, height * SAMPLES);
    let mut canvas = [CARD.0, CARD.1, CARD.2].repeat(fine.0 * fine.1);
    {
        let mut surface = Canvas::with_buffer(&mut canvas, (fine.0 as u32, fine.1 as u32));
        let drawn = scene.shapes.iter().try_for_each(|shape| draw(shape, &fonts, &mut surface));
        drawn.and_then(|()| surface.present()).map_err(|error| Error::Figure(error.to_string()))?;
    }
    let mut rgb = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            for channel in 0..3 {
                let sample = |i: usize| {
                    let (column, row) = (x * SAMPLES + i % SAMPLES, y * SAMPLES + i / SAMPLES);
                    usize::from(canvas[(row * fine.0 + column) * 3 + channel])
                };
                rgb.push(((0..SAMPLES * SAMPLES).map(sample).sum::<usize>() / (SAMPLES * SAMPLES)) as u8);
            }
        }
    }
    Ok(png::encode(width, height, &rgb))
}

fn draw(shape: &Shape, fonts: &Fonts, canvas: &mut Canvas) -> Drawn {
    let unit = |v: f64| (v * SCALE).round() as i32;
    let at = |p: &Point| (unit(p.0), unit(p.1));
    let ink = |(r, g, b): Rgb, alpha: f64| RGBAColor(r, g, b, alpha);
    match shape {
        Shape::Path { points, color, opacity, width } => {
            let stroke_width = unit(*width).max(1) as u32;
            let style = ShapeStyle { color: ink(*color, *opacity), filled: false, stroke_width };
            canvas.draw_path(points.iter().map(at), &style)
        }
        Shape::Polygon { points, color, opacity } => canvas.fill_polygon(points.iter().map(at), &ink(*color, *opacity)),
        Shape::Rect { from, to, color, opacity } => canvas.draw_rect(at(from), at(to), &ink(*color, *opacity), true),
        Shape::Circle { center, radius, color, opacity } => {
            canvas.draw_circle(at(center), unit(*radius) as u32, &ink(*color, *opacity), true)
        }
        Shape::Text(text) => fonts.pixels(text, SCALE).into_iter().try_for_each(|(place, cover)| {
            canvas.draw_pixel(place, BackendColor { alpha: f64::from(cover), rgb: text.color })
        }),
        Shape::Raster(raster) => draw_raster(raster, canvas),
    }
}

fn draw_raster(raster: &Raster, canvas: &mut Canvas) -> Drawn {
    let (left, top) = (raster.at.0 * SCALE, raster.at.1 * SCALE);
    let (wide, tall) = (raster.size.0 * SCALE, raster.size.1 * SCALE);
    for y in 0..tall.round() as usize {
        for x in 0..wide.round() as usize {
            let at = ((x as f64 + 0.5) / wide * raster.columns as f64, (y as f64 + 0.5) / tall * raster.rows as f64);
            let rgb = if raster.smooth { blended(raster, at) } else { pixel(raster, at.0 as usize, at.1 as usize) };
            let place = (left.round() as i32 + x as i32, top.round() as i32 + y as i32);
            canvas.draw_pixel(place, BackendColor { alpha: 1.0, rgb })?;
        }
    }
    Ok(())
}

fn pixel(raster: &Raster, column: usize, row: usize) -> Rgb {
    let i = (row.min(raster.rows - 1) * raster.columns + column.min(raster.columns - 1)) * 3;
    (raster.rgb[i], raster.rgb[i + 1], raster.rgb[i + 2])
}

/// The colour at a position counted in pixels of the raster, blended from the four nearest.
fn blended(raster: &Raster, (x, y): (f64, f64)) -> Rgb {
    let (x, y) = ((x - 0.5).max(0.0), (y - 0.5).max(0.0));
    let (column, row) = (x as usize, y as usize);
    let (fx, fy) = (x.fract(), y.fract());
    let corners = [
        (pixel(raster, column, row), (1.0 - fx) * (1.0 - fy)),
        (pixel(raster, column + 1, row), fx * (1.0 - fy)),
        (pixel(raster, column, row + 1), (1.0 - fx) * fy),
        (pixel(raster, column + 1, row + 1), fx * fy),
    ];
    let sum = |pick: fn(Rgb) -> u8| corners.iter().map(|(c, w)| f64::from(pick(*c)) * w).sum::<f64>() as u8;
    (sum(|c| c.0), sum(|c| c.1), sum(|c| c.2))
}
