//! A scene as a compact SVG document: tenths of a pixel, shapes of one style gathered in a group, rasters embedded as PNG.

use std::fmt::Write as _;

use super::png;
use super::scene::{Anchor, Point, Raster, Scene, Shape, Text};
use super::style::{CARD, Rgb};
use super::text::escape;

/// The widest that a figure is shown. JupyterLab shows an SVG at the size that it names, however narrow the page is;
/// this fits beside the file list on a screen of 1280 pixels.
const WIDEST: f64 = 800.0;

/// The fonts a viewer may have, best first.
const FONTS: &str = "Helvetica Neue,Arial,Liberation Sans,DejaVu Sans,sans-serif";

/// A scene as an SVG document; `label` and `description` are for readers who cannot see it.
pub(super) fn render(scene: &Scene, label: &str, description: &str) -> String {
    let (width, height) = (scene.width.ceil(), scene.height.ceil());
    let shrink = (WIDEST / width).min(1.0);
    let (shown_width, shown_height) = ((width * shrink).round(), (height * shrink).round());
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{shown_width}\" height=\"{shown_height}\" \
         style=\"max-width:100%;height:auto\" role=\"img\" aria-label=\"{}\" font-family=\"{FONTS}\">\n<desc>{}</desc>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"{}\"/>\n",
        escape(label),
        escape(description),
        hex(CARD),
    );
    let styled: Vec<(String, String)> = scene.shapes.iter().map(|shape| (style(shape), element(shape))).collect();
    for shapes in styled.chunk_by(|a, b| a.0 == b.0) {
        let style = &shapes[0].0;
        if !style.is_empty() {
            let _ = writeln!(svg, "<g {style}>");
        }
        for (_, element) in shapes {
            let _ = writeln!(svg, "{element}");
        }
        if !style.is_empty() {
            svg.push_str("</g>\n");
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// The attributes that a shape shares with others of its style.
fn style(shape: &Shape) -> String {
    match shape {
        Shape::Path { color, opacity, width, .. } => format!(
            "fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\"{}",
            hex(*color),
            tenths(*width).max(0.1),
            see_through("stroke", *opacity)
        ),
        Shape::Polygon { color, opacity, .. }
        | Shape::Rect { color, opacity, .. }
        | Shape::Circle { color, opacity, .. } => {
            format!("fill=\"{}\"{}", hex(*color), see_through("fill", *opacity))
        }
        Shape::Text(text) => {
            let anchor = match text.anchor {
                Anchor::Start => "",
                Anchor::Middle => " text-anchor=\"middle\"",
                Anchor::End => " text-anchor=\"end\"",
            };
            let weight = if text.bold { " font-weight=\"600\"" } else { "" };
            format!("font-size=\"{}\" fill=\"{}\"{anchor}{weight}", tenths(text.size), hex(text.color))
        }
        Shape::Raster(_) => String::new(),
    }
}

fn element(shape: &Shape) -> String {
    match shape {
        Shape::Path { points, .. } => path(points),
        Shape::Polygon { points, .. } => format!("<polygon points=\"{}\"/>", coordinates(points)),
        Shape::Rect { from, to, .. } => {
            let (from, to) = (rounded(*from), rounded(*to));
            let (x, y) = (from.0.min(to.0), from.1.min(to.1));
            let (wide, tall) = (tenths((to.0 - from.0).abs()), tenths((to.1 - from.1).abs()));
            format!("<rect x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{tall}\"/>")
        }
        Shape::Circle { center, radius, .. } => {
            let (x, y) = rounded(*center);
            format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{}\"/>", tenths(*radius))
        }
        Shape::Text(Text { at, text, vertical, .. }) => {
            let (x, y) = rounded(*at);
            let place = if *vertical {
                format!("transform=\"translate({x} {y}) rotate(-90)\"")
            } else {
                format!("x=\"{x}\" y=\"{y}\"")
            };
            format!("<text {place}>{}</text>", escape(text))
        }
        Shape::Raster(raster) => image(raster),
    }
}

fn path(points: &[Point]) -> String {
    if let [from, to] = points {
        let ((x1, y1), (x2, y2)) = (rounded(*from), rounded(*to));
        if y1 == y2 {
            return format!("<path d=\"M{x1} {y1}H{x2}\"/>");
        }
        if x1 == x2 {
            return format!("<path d=\"M{x1} {y1}V{y2}\"/>");
        }
    }
    format!("<polyline points=\"{}\"/>", coordinates(points))
}

fn image(raster: &Raster) -> String {
    let ((x, y), (wide, tall)) = (rounded(raster.at), rounded(raster.size));
    let pixels = if raster.smooth { "" } else { " style=\"image-rendering:pixelated\"" };
    let png = png::base64(&png::encode(raster.columns, raster.rows, &raster.rgb));
    format!(
        "<image x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{tall}\" preserveAspectRatio=\"none\"{pixels} \
         href=\"data:image/png;base64,{png}\"/>"
    )
}

/// The nearest tenth of a pixel; zero has no sign.
fn tenths(v: f64) -> f64 {
    (v * 10.0).round() / 10.0 + 0.0
}

fn rounded((x, y): Point) -> Point {
    (tenths(x), tenths(y))
}

fn coordinates(points: &[Point]) -> String {
    let pairs = points.iter().map(|point| rounded(*point)).map(|(x, y)| format!("{x},{y}"));
    pairs.collect::<Vec<_>>().join(" ")
}

fn hex((r, g, b): Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn see_through(what: &str, opacity: f64) -> String {
    if opacity < 1.0 { format!(" {what}-opacity=\"{opacity}\"") } else { String::new() }
}
