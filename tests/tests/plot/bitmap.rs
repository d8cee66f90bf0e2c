//! Figures as PNG.

use candlelight::prelude::*;

use crate::loss;
use crate::svg::parse;

#[test]
fn png_has_twice_the_pixels_of_the_svg() {
    let figure = Figure::new().panel(loss());
    let svg = parse(&figure.svg().expect("a figure"));
    let png = figure.png().expect("a bitmap");
    let number = |at: usize| f64::from(u32::from_be_bytes([png[at], png[at + 1], png[at + 2], png[at + 3]]));
    assert_eq!((number(16), number(20)), (2.0 * svg[0].number("width"), 2.0 * svg[0].number("height")));
    assert_eq!(png, figure.png().expect("a bitmap"));
}

/// The pixels of a title, as a file.
fn png_title(title: &str) -> Vec<u8> {
    Figure::new()
        .title(title)
        .panel(Panel::new("").line("", [0, 1], [0, 1]))
        .panel_size(240.0, 80.0)
        .png()
        .expect("a bitmap")
}

#[test]
fn a_bitmap_shows_every_character() {
    // A private character is in no font: it shows as a box.
    let (blank, missing) = (png_title("\u{a0}"), png_title("\u{e000}"));
    assert_ne!(blank, missing, "a character that the font lacks is seen");
    let signs = "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩαβγδεζηθικλμνξοπρστυφχψωϕϵ∂∇∏∑∫∮√∞∝≈≠≡≤≥≪≫±∓×÷·∘⊙⊕⊗∈∉⊂∪∩∀∃∅⌈⌉⌊⌋⟨⟩‖←↑→↓↔↦⇐⇒ℓℝ𝔼½⅓⅔\
                 ⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿⁱ₀₁₂₃₄₅₆₇₈₉₊₋ᵀᵏᵖᵗᵢⱼₖₗₘₙₓₜˣŷẑńąü─○●✓✗…–—";
    for sign in signs.chars() {
        let drawn = png_title(&sign.to_string());
        assert!(drawn != blank && drawn != missing, "{sign} is missing");
    }
}

/// The columns and the rows that a title of one line covers on a bitmap.
fn ink(title: &str) -> ((usize, usize), (usize, usize)) {
    use std::io::Read as _;
    let png = png_title(title);
    let number = |at: usize| u32::from_be_bytes([png[at], png[at + 1], png[at + 2], png[at + 3]]) as usize;
    // After the signature and the header comes one chunk with all lines, each with a byte for its filter, 0.
    let (width, data) = (number(16), &png[41..41 + number(33)]);
    let mut lines = Vec::new();
    flate2::read::ZlibDecoder::new(data).read_to_end(&mut lines).expect("deflated lines");
    let dark = |line: &[u8], x: usize| line[1 + 3 * x..][..3] != [0xfb, 0xfb, 0xf9];
    let rows: Vec<&[u8]> = lines.chunks(1 + 3 * width).take(2 * 37).collect();
    let inked: Vec<(usize, usize)> =
        (0..width).flat_map(|x| (0..rows.len()).map(move |y| (x, y))).filter(|(x, y)| dark(rows[*y], *x)).collect();
    let ends = |pick: fn(&(usize, usize)) -> usize| {
        (inked.iter().map(pick).min().expect("ink"), inked.iter().map(pick).max().expect("ink"))
    };
    (ends(|p| p.0), ends(|p| p.1))
}

#[test]
fn accents_stand_over_their_letters() {
    for letter in ["x", "y", "M"] {
        let (columns, (top, bottom)) = ink(letter);
        let (both, (high, low)) = ink(&format!("{letter}\u{302}"));
        assert_eq!(both, columns, "{letter}: the accent is no wider than the letter and over its middle");
        assert!(high + 4 < top && low == bottom, "{letter}: from {top} the accent reaches up to {high}");
    }
}
