//! How wide text is, where it breaks, and how numbers are written.

/// Advance widths of the characters from space to `~` in thousandths of the font size: those of DejaVu Sans, the widest of
/// the common sans-serif fonts. A viewer's font is unknown, so text is given the room of the widest.
const WIDTHS: [u16; 95] = [
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636, 636, 636, 636, 636,
    636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632, 575, 775, 752, 295, 295, 656, 557, 863,
    748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635,
    615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636,
    337, 636, 838,
];

/// "1 path", "2 paths".
pub(super) fn counted(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// The width of `text` in pixels.
pub(super) fn width(text: &str, size: f64) -> f64 {
    let thousandths: u32 = text
        .chars()
        .map(|c| match c {
            ' '..='~' => u32::from(WIDTHS[c as usize - 32]),
            '\u{300}'..='\u{36f}' => 0, // accents over the letter before
            '\u{2000}'..='\u{2bff}' => 850,
            c if (c as u32) < 0x2000 => 680,
            _ => 1000,
        })
        .sum();
    f64::from(thousandths) * size / 1000.0
}

/// The width of bold `text` in pixels.
pub(super) fn bold_width(text: &str, size: f64) -> f64 {
    width(text, size) * 1.12
}

/// Breaks `text` into lines of at most `limit` pixels: between words where it can, within a word where it must.
pub(super) fn wrap(text: &str, limit: f64, measure: impl Fn(&str) -> f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
        if measure(&longer) <= limit {
            line = longer;
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for c in word.chars() {
            line.push(c);
            if measure(&line) > limit && line.chars().count() > 1 {
                line.pop();
                lines.push(std::mem::replace(&mut line, c.to_string()));
            }
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// A number in at most `digits` significant digits, without trailing zeros: `0.5`, `12`, `1.5e-7`.
pub(super) fn number(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return if value.is_nan() {
            "NaN".into()
        } else if value > 0.0 {
            "inf".into()
        } else {
            "-inf".into()
        };
    }
    if value == 0.0 {
        return "0".into();
    }
    let digits = digits.max(1);
    let scientific = format!("{value:.*e}", digits - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        let decimals = (digits as i32 - 1 - exponent).max(0) as usize;
        trim_zeros(&format!("{value:.decimals$}")).to_owned()
    } else {
        format!("{}e{exponent}", trim_zeros(mantissa))
    }
}

/// How many decimals give the largest of `numbers` at most `digits` significant digits, and no more than any of them needs;
/// `None` if they are too far apart to share a number of decimals.
pub(super) fn common_decimals(numbers: &[f64], digits: i32) -> Option<usize> {
    let sizes = || numbers.iter().filter(|v| v.is_finite() && **v != 0.0).map(|v| v.abs());
    let (least, largest) = (sizes().fold(f64::INFINITY, f64::min), sizes().fold(0.0, f64::max));
    if sizes().all(|v| v.fract() == 0.0 && v < 1e15) {
        return Some(0);
    }
    if largest >= least * 1e3 || !(1e-4..1e6).contains(&largest) {
        return None;
    }
    let most = (digits - 1 - largest.log10().floor() as i32).max(0) as usize;
    sizes().map(|v| trim_zeros(&format!("{v:.most$}")).split_once('.').map_or(0, |(_, digits)| digits.len())).max()
}

/// `text` without the zeros that end its fraction.
pub(super) fn trim_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// `text` for XML and HTML: markup escaped, characters that XML does not allow left out.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\t' | '\n' | '\r' => escaped.push(c),
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => escaped.push(c),
        }
    }
    escaped
}
