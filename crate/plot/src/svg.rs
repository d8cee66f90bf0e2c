//! A compact SVG backend for plotters.
//!
//! The stock backend repeats every attribute on every element, knows whole pixels only, and needs the `image` crate for
//! rasters. This one writes tenths of a pixel, gathers shapes of one style in a group, and embeds rasters as PNG.

use std::convert::Infallible;
use std::fmt::Write as _;

use candlelight_base::{Error, Result};
use plotters::style::text_anchor::HPos;
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind, FontStyle,
    FontTransform,
};

use super::png;
use super::scene::{FONTS, Raster, Scene, Surface, replay};
use super::style::CARD;
use super::text::escape;

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

/// The widest that a figure is shown. JupyterLab shows an SVG at the size that it names, however narrow the page is;
/// this fits beside the file list on a screen of 1280 pixels.
const WIDEST: f64 = 800.0;

/// A scene as an SVG document; `label` and `description` are for readers who cannot see it.
pub(super) fn render(scene: &Scene, label: &str, description: &str) -> Result<String> {
    let (width, height) = (scene.width.ceil(), scene.height.ceil());
    let shrink = (WIDEST / width).min(1.0);
    let (shown_width, shown_height) = ((width * shrink).round(), (height * shrink).round());
    let mut body = Svg { body: String::new(), group: String::new(), size: (width as u32 * 10, height as u32 * 10) };
    replay(scene, &mut body).map_err(|error| Error::Figure(error.to_string()))?;
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{shown_width}\" height=\"{shown_height}\" \
         style=\"max-width:100%;height:auto\" role=\"img\" aria-label=\"{}\" font-family=\"{FONTS}\">\n<desc>{}</desc>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"{}\"/>\n{}</svg>\n",
        escape(label),
        escape(description),
        hex(BackendColor { alpha: 1.0, rgb: CARD }),
        body.body
    ))
}

struct Svg {
    body: String,
    /// The attributes of the open group; empty if none is open.
    group: String,
    size: (u32, u32),
}

impl Svg {
    /// Writes an element into the group with these attributes, which stays open for the next.
    fn element(&mut self, group: String, element: &str) -> Drawn {
        if group != self.group {
            self.close();
            if !group.is_empty() {
                let _ = writeln!(self.body, "<g {group}>");
            }
            self.group = group;
        }
        self.body.push_str(element);
        self.body.push('\n');
        Ok(())
    }

    fn close(&mut self) {
        if !self.group.is_empty() {
            self.body.push_str("</g>\n");
            self.group.clear();
        }
    }
}

impl DrawingBackend for Svg {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        self.close();
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Drawn {
        self.draw_rect((x, y), (x + 1, y + 1), &color, true)
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_rect<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S, fill: bool) -> Drawn {
        let (x, y) = (from.0.min(to.0), from.1.min(to.1));
        let (w, h) = ((to.0 - from.0).abs(), (to.1 - from.1).abs());
        let element =
            format!("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>", Tenths(x), Tenths(y), Tenths(w), Tenths(h));
        self.element(if fill { filled(style) } else { stroked(style) }, &element)
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        let points: Vec<BackendCoord> = path.into_iter().collect();
        let element = match points[..] {
            [(x1, y1), (x2, y2)] if y1 == y2 => format!("<path d=\"M{} {}H{}\"/>", Tenths(x1), Tenths(y1), Tenths(x2)),
            [(x1, y1), (x2, y2)] if x1 == x2 => format!("<path d=\"M{} {}V{}\"/>", Tenths(x1), Tenths(y1), Tenths(y2)),
            _ => format!("<polyline points=\"{}\"/>", coordinates(&points)),
        };
        self.element(stroked(style), &element)
    }

    fn draw_circle<S: BackendStyle>(&mut self, center: BackendCoord, radius: u32, style: &S, fill: bool) -> Drawn {
        let (cx, cy, r) = (Tenths(center.0), Tenths(center.1), Tenths(radius as i32));
        let element = format!("<circle cx=\"{cx}\" cy=\"{cy}\" r=\"{r}\"/>");
        self.element(if fill { filled(style) } else { stroked(style) }, &element)
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        let points: Vec<BackendCoord> = path.into_iter().collect();
        self.element(filled(style), &format!("<polygon points=\"{}\"/>", coordinates(&points)))
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, (x, y): BackendCoord) -> Drawn {
        let mut group = format!(
            "font-size=\"{}\" fill=\"{}\"",
            Tenths((style.size() / Self::EM).round() as i32),
            hex(style.color())
        );
        match style.anchor().h_pos {
            HPos::Left => {}
            HPos::Center => group.push_str(" text-anchor=\"middle\""),
            HPos::Right => group.push_str(" text-anchor=\"end\""),
        }
        if matches!(style.style(), FontStyle::Bold) {
            group.push_str(" font-weight=\"600\"");
        }
        let drop = (style.size() / 2.0).round() as i32;
        let place = if matches!(style.transform(), FontTransform::Rotate270) {
            format!("transform=\"translate({} {}) rotate(-90)\"", Tenths(x + drop), Tenths(y))
        } else {
            format!("x=\"{}\" y=\"{}\"", Tenths(x), Tenths(y + drop))
        };
        self.element(group, &format!("<text {place}>{}</text>", escape(text)))
    }
}

impl Surface for Svg {
    const SCALE: f64 = 10.0;
    const EM: f64 = 1.24;

    fn raster(&mut self, raster: &Raster) -> Drawn {
        let png = png::encode(raster.columns, raster.rows, &raster.rgb);
        let tenths = |v: f64| Tenths((v * Self::SCALE).round() as i32);
        let pixels = if raster.smooth { "" } else { " style=\"image-rendering:pixelated\"" };
        let element = format!(
            "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\"{pixels} \
             href=\"data:image/png;base64,{}\"/>",
            tenths(raster.at.0),
            tenths(raster.at.1),
            tenths(raster.size.0),
            tenths(raster.size.1),
            png::base64(&png)
        );
        self.element(String::new(), &element)
    }
}

/// A number of tenths, written as a decimal number.
struct Tenths(i32);

impl std::fmt::Display for Tenths {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (sign, n) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        if n.is_multiple_of(10) { write!(f, "{sign}{}", n / 10) } else { write!(f, "{sign}{}.{}", n / 10, n % 10) }
    }
}

fn coordinates(points: &[BackendCoord]) -> String {
    let mut text = String::with_capacity(points.len() * 12);
    for (x, y) in points {
        let _ = write!(text, "{}{},{}", if text.is_empty() { "" } else { " " }, Tenths(*x), Tenths(*y));
    }
    text
}

fn hex(color: BackendColor) -> String {
    let (r, g, b) = color.rgb;
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn filled<S: BackendStyle>(style: &S) -> String {
    let color = style.color();
    let mut group = format!("fill=\"{}\"", hex(color));
    if color.alpha < 1.0 {
        let _ = write!(group, " fill-opacity=\"{}\"", color.alpha);
    }
    group
}

fn stroked<S: BackendStyle>(style: &S) -> String {
    let color = style.color();
    let width = Tenths(style.stroke_width() as i32);
    let mut group =
        format!("fill=\"none\" stroke=\"{}\" stroke-width=\"{width}\" stroke-linejoin=\"round\"", hex(color));
    if color.alpha < 1.0 {
        let _ = write!(group, " stroke-opacity=\"{}\"", color.alpha);
    }
    group
}
