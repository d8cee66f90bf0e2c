//! Colours and sizes: one quiet style.
//!
//! The figure is an opaque light card. No single grey reaches a contrast of 4.5:1 on white and on `#111` at once (the
//! best possible is √(1.05 / 0.056) = 4.3), and a figure cannot know the theme of the page that shows it, so it brings
//! its own paper.

use super::axis::{extent, share};

/// Red, green and blue, 0 to 255.
pub(super) type Rgb = (u8, u8, u8);

pub(super) const CARD: Rgb = (0xfb, 0xfb, 0xf9);
pub(super) const INK: Rgb = (0x22, 0x22, 0x22);
pub(super) const MUTED: Rgb = (0x55, 0x55, 0x55);
pub(super) const AXIS: Rgb = (0x88, 0x88, 0x88);
pub(super) const GRID: Rgb = (0xe4, 0xe4, 0xe0);

/// For what is faded.
pub(super) const PALE: Rgb = (0xc4, 0xc4, 0xc0);

/// Font sizes in pixels.
pub(super) const FIGURE_TITLE: f64 = 16.0;
pub(super) const TITLE: f64 = 13.5;
pub(super) const LABEL: f64 = 12.0;
pub(super) const TICK: f64 = 11.0;

/// Hues of Okabe and Ito (2008), which colour-blind readers tell apart, darkened where they fall below 3:1 on the card.
const SERIES: [Rgb; 8] = [
    (0x00, 0x72, 0xb2), // blue
    (0xd5, 0x5e, 0x00), // vermillion
    (0x00, 0x90, 0x6a), // bluish green
    (0xb8, 0x5c, 0x94), // reddish purple
    (0x9a, 0x6a, 0x00), // orange
    (0x35, 0x8f, 0xcb), // sky blue
    (0x33, 0x33, 0x33), // black
    (0x82, 0x82, 0x82), // grey
];

/// The colour of the series with this index.
pub(super) fn series(index: usize) -> Rgb {
    SERIES[index % SERIES.len()]
}

/// The colour of the decision region of this class.
pub(super) fn region(class: usize) -> Rgb {
    tint(series(class), 0.25)
}

/// `color` laid over the card with this opacity.
pub(super) fn tint(color: Rgb, opacity: f64) -> Rgb {
    mix(CARD, color, opacity)
}

fn mix(from: Rgb, to: Rgb, share: f64) -> Rgb {
    let blend = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * share).round() as u8;
    (blend(from.0, to.0), blend(from.1, to.1), blend(from.2, to.2))
}

/// Ink or white, whichever reads better on `background`.
pub(super) fn text_on(background: Rgb) -> Rgb {
    if luminance(background) > 0.22 { INK } else { (255, 255, 255) }
}

/// Relative luminance, WCAG 2.
fn luminance(color: Rgb) -> f64 {
    let linear = |channel: u8| {
        let c = f64::from(channel) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(color.0) + 0.7152 * linear(color.1) + 0.0722 * linear(color.2)
}

/// Values to colours: light to dark blue, or orange to blue through white where the values have both signs.
#[derive(Debug, Clone, Copy)]
pub(super) struct ColorMap {
    pub low: f64,
    pub high: f64,
    diverging: bool,
}

impl ColorMap {
    const SEQUENTIAL: [Rgb; 5] =
        [(0xf4, 0xf8, 0xfb), (0xc3, 0xda, 0xec), (0x6f, 0xad, 0xd4), (0x22, 0x70, 0xb1), (0x08, 0x30, 0x6b)];
    const DIVERGING: [Rgb; 5] =
        [(0xa3, 0x43, 0x00), (0xec, 0xa3, 0x6c), (0xf7, 0xf6, 0xf3), (0x7f, 0xb4, 0xd8), (0x05, 0x4f, 0x87)];

    /// A map that spans the finite values; symmetric about 0 where they have both signs. `None` if none is finite.
    pub fn spanning(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let (low, high) = extent(values)?;
        if low < 0.0 && high > 0.0 {
            let bound = high.max(-low);
            return Some(Self { low: -bound, high: bound, diverging: true });
        }
        if high > low {
            return Some(Self { low, high, diverging: false });
        }
        // One value alone gets a span of its own, so that its colour is defined.
        let low = low.min(f64::MAX / 2.0);
        Some(Self { low, high: low + low.abs().max(1.0), diverging: false })
    }

    /// A map from orange through white, which is 0, to blue; white alone where no value is finite and other than 0.
    pub fn around_zero(values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = extent(values).unwrap_or((0.0, 0.0));
        let bound = if low == 0.0 && high == 0.0 { 1.0 } else { high.max(-low) };
        Self { low: -bound, high: bound, diverging: true }
    }

    /// The colour of a value; outside the span the nearest end.
    pub fn color(&self, value: f64) -> Rgb {
        let stops = if self.diverging { Self::DIVERGING } else { Self::SEQUENTIAL };
        let position = share(value, self.low, self.high).clamp(0.0, 1.0) * (stops.len() - 1) as f64;
        let index = (position as usize).min(stops.len() - 2);
        mix(stops[index], stops[index + 1], position - index as f64)
    }
}
