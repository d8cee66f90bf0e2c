//! Text on a bitmap, in a font of our own: subsets of DejaVu Sans, made by `font/subset.sh`.
//!
//! plotters' own text leaves out the bearings of glyphs, without which accents stand beside their letters.

use ab_glyph::{Font, FontRef, GlyphId, PxScale, Rect, ScaleFont, point};
use candlelight_base::{Error, Result};

use super::scene::{Anchor, Text};

/// The two weights of the font. A character that it lacks is drawn as a box.
pub(super) struct Fonts {
    regular: FontRef<'static>,
    bold: FontRef<'static>,
}

impl Fonts {
    pub fn new() -> Result<Self> {
        let read = |bytes| FontRef::try_from_slice(bytes).map_err(|error| Error::Figure(error.to_string()));
        Ok(Self {
            regular: read(include_bytes!("font/DejaVuSans.ttf"))?,
            bold: read(include_bytes!("font/DejaVuSans-Bold.ttf"))?,
        })
    }

    /// The pixels that `text` covers on a bitmap of `scale` pixels to one of the scene, and how much of each.
    pub fn pixels(&self, text: &Text, scale: f64) -> Vec<((i32, i32), f32)> {
        let font = if text.bold { &self.bold } else { &self.regular };
        let em = font.units_per_em().unwrap_or(1.0);
        let size = PxScale::from((text.size * scale) as f32 * font.height_unscaled() / em);
        let font = font.as_scaled(size);
        let glyphs: Vec<GlyphId> = text.text.chars().map(|c| font.glyph_id(c)).collect();
        let length: f32 = glyphs.iter().map(|glyph| font.h_advance(*glyph)).sum();
        let mut pen = match text.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => -length / 2.0,
            Anchor::End => -length,
        };
        let (left, base) = ((text.at.0 * scale).round() as i32, (text.at.1 * scale).round() as i32);
        let (mut pixels, mut letter) = (Vec::new(), Rect::default());
        for glyph in glyphs {
            let advance = font.h_advance(glyph);
            if let Some(outline) = font.outline_glyph(glyph.with_scale_and_position(size, point(pen, 0.0))) {
                let bounds = outline.px_bounds();
                let (mut dx, mut dy) = (bounds.min.x as i32, bounds.min.y as i32);
                if advance == 0.0 {
                    // An accent takes no room of its own: it stands over the middle of the letter before it.
                    dx = ((letter.min.x + letter.max.x - bounds.width()) / 2.0) as i32;
                    dy = dy.min((letter.min.y - bounds.height() * 1.3) as i32);
                } else {
                    letter = bounds;
                }
                outline.draw(|x, y, cover| {
                    let (x, y) = (dx + x as i32, dy + y as i32);
                    let place = if text.vertical { (left + y, base - x - 1) } else { (left + x, base + y) };
                    pixels.push((place, cover.min(1.0)));
                });
            }
            pen += advance;
        }
        pixels
    }
}
