//! Axes: from data to pixels, and where the ticks stand.

use super::text::{number, trim_zeros, width};

/// What the caller said about an axis.
#[derive(Debug, Clone, Default)]
pub(super) struct AxisSpec {
    pub label: String,
    pub log: bool,
    pub limits: Option<(f64, f64)>,
}

/// The smallest and the largest finite value.
pub(super) fn extent(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values.into_iter().filter(|v| v.is_finite()).fold(None, |range, v| match range {
        None => Some((v, v)),
        Some((low, high)) => Some((low.min(v), high.max(v))),
    })
}

/// Where `value` stands between `low`, at 0, and `high`, at 1; neither the widest span of doubles nor the narrowest makes
/// it NaN.
pub(super) fn share(value: f64, low: f64, high: f64) -> f64 {
    let span = high - low;
    // Halves, because the span of two huge values may overflow; not always, because those of the tiniest vanish.
    if span.is_finite() { (value - low) / span } else { (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0) }
}

/// What stands at a share of the way from `low` to `high`.
pub(super) fn between(low: f64, high: f64, share: f64) -> f64 {
    let span = high - low;
    if span.is_finite() { low + span * share } else { low * (1.0 - share) + high * share }
}

/// The least double above 0.
const LEAST: f64 = f64::from_bits(1);

/// 10^`exponent`, or the nearest double that has a logarithm.
pub(super) fn power(exponent: f64) -> f64 {
    10_f64.powf(exponent).clamp(LEAST, f64::MAX)
}

/// The limits of an axis whose data span `low..=high`: some air at both ends, and 0 where the data come close to it. They
/// are finite, the lower below the upper, and above 0 on a logarithmic axis.
pub(super) fn padded(low: f64, high: f64, log: bool, air: f64, near_zero: bool) -> (f64, f64) {
    if log {
        let (a, b) = (low.log10(), high.log10());
        let pad = if b > a { (b - a) * air } else { 0.5 };
        return (power(a - pad).min(low), power(b + pad).max(high));
    }
    if low == high {
        let pad = if low == 0.0 { 1.0 } else { (low.abs() * 0.5).max(LEAST) };
        return ((low - pad).max(-f64::MAX), (high + pad).min(f64::MAX));
    }
    // Halves, because the whole span of two huge values may overflow.
    let pad = (high / 2.0 - low / 2.0) * 2.0 * air;
    // Data of one sign get no room for values of the other.
    let reaches_zero = |near: f64, far: f64| near.abs() < pad || near_zero && near.abs() < 0.35 * far.abs();
    let bottom = if low >= 0.0 && reaches_zero(low, high) { 0.0 } else { low - pad };
    let top = if high <= 0.0 && reaches_zero(high, low) { 0.0 } else { high + pad };
    (bottom.max(-f64::MAX), top.min(f64::MAX))
}

/// A linear or logarithmic map from data to pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    pub low: f64,
    pub high: f64,
    pub log: bool,
    /// Ticks at whole numbers only: there are no half epochs.
    pub whole: bool,
    from: f64,
    to: f64,
}

impl Scale {
    /// `low` falls on the pixel `from`, `high` on `to`.
    pub fn new((low, high): (f64, f64), log: bool, from: f64, to: f64) -> Self {
        Self { low, high, log, whole: false, from, to }
    }

    /// The same map, with its ends on other pixels.
    pub fn over(self, from: f64, to: f64) -> Self {
        Self { from, to, ..self }
    }

    /// The pixel of `value`; NaN where the value is not finite, or is not above 0 on a logarithmic axis.
    pub fn px(&self, value: f64) -> f64 {
        if !value.is_finite() || self.log && value <= 0.0 {
            return f64::NAN;
        }
        let share = if self.log {
            log_ratio(value, self.low) / log_ratio(self.high, self.low)
        } else {
            share(value, self.low, self.high)
        };
        // However far outside the limits a value is, its pixel is a number.
        self.from + share.clamp(-FARTHEST, FARTHEST) * (self.to - self.from)
    }

    /// Whether a value lies within the limits, up to rounding.
    pub fn contains(&self, value: f64) -> bool {
        let slack = 1e-6 * (self.to - self.from).abs();
        let px = self.px(value);
        px >= self.from.min(self.to) - slack && px <= self.from.max(self.to) + slack
    }
}

/// How many lengths of an axis a pixel may be away from it.
const FARTHEST: f64 = 1e6;

/// ln(`value` / `base`): neither does the quotient overflow, nor do close values lose their difference.
fn log_ratio(value: f64, base: f64) -> f64 {
    if value > base / 2.0 && value < base * 2.0 { ((value - base) / base).ln_1p() } else { value.ln() - base.ln() }
}

/// Where an axis has ticks with numbers, and where it has small ones between.
#[derive(Debug, Clone, Default)]
pub(super) struct Ticks {
    pub major: Vec<(f64, String)>,
    pub minor: Vec<f64>,
}

/// The ticks of `scale`, at most about `most`, and so few that `fits` accepts them.
pub(super) fn ticks(scale: &Scale, most: usize, fits: impl Fn(&[(f64, String)]) -> bool) -> Ticks {
    let mut last = Ticks::default();
    for candidate in if scale.log { log_candidates(scale, most) } else { linear_candidates(scale, most) } {
        if candidate.major.len() >= 2 && fits(&candidate.major) {
            return candidate;
        }
        if last.major.is_empty() || candidate.major.len() >= 2 {
            last = candidate;
        }
    }
    last
}

/// Whether labels side by side keep a gap between them.
pub(super) fn side_by_side(scale: &Scale, labels: &[(f64, String)], size: f64) -> bool {
    labels.windows(2).all(|pair| {
        let room = (scale.px(pair[1].0) - scale.px(pair[0].0)).abs();
        room >= (width(&pair[0].1, size) + width(&pair[1].1, size)) / 2.0 + 12.0
    })
}

fn linear_candidates(scale: &Scale, most: usize) -> Vec<Ticks> {
    (2..=most.max(2)).rev().map(|count| linear(scale, count)).collect()
}

/// At most `count` multiples of 1, 2 or 5 times a power of ten; two if fewer would be left.
fn linear(scale: &Scale, count: usize) -> Ticks {
    let (low, high) = (scale.low, scale.high);
    let span = high - low;
    let raw = if span.is_finite() { span / count as f64 } else { high / count as f64 - low / count as f64 };
    let exponent = raw.max(LEAST).log10().floor() as i32;
    let steps = [exponent - 1, exponent, exponent + 1].into_iter().flat_map(|e| [(1.0, e), (2.0, e), (5.0, e)]);
    let mut values = Vec::new();
    for (factor, exponent) in steps.filter(|(_, exponent)| !scale.whole || *exponent >= 0) {
        let coarser = multiples(low, high, factor, exponent);
        if values.len() >= 2 && (values.len() <= count || coarser.len() < 2) {
            break;
        }
        values = coarser;
    }
    let labels = linear_labels(&values);
    Ticks { major: values.into_iter().zip(labels).collect(), minor: Vec::new() }
}

/// The multiples of `factor` · 10^`exponent` between `low` and `high`, each the nearest double to its decimal; none if there
/// are more than a chart could show.
fn multiples(low: f64, high: f64, factor: f64, exponent: i32) -> Vec<f64> {
    const MOST: f64 = 200.0;
    let step = decimal(factor, exponent);
    let slack = 1e-9;
    let (first, last) = ((low / step - slack).ceil(), (high / step + slack).floor());
    if !(first.is_finite() && last.is_finite()) || last - first > MOST || last < first {
        return Vec::new();
    }
    let all = (0..=(last - first) as usize).map(|i| decimal((first + i as f64) * factor, exponent));
    // Near the end of a double's digits a multiple may round to a value outside.
    let within = |v: &f64| *v >= low - slack * step && *v <= high + slack * step;
    let mut values: Vec<f64> = all.filter(within).map(|v| if v == 0.0 { 0.0 } else { v }).collect();
    // Between neighbouring doubles several decimals have the same nearest one.
    values.dedup();
    values
}

/// Labels with one unit and as many decimals as tell the ticks apart: `0.5`, `20k`, `2e-5`.
fn linear_labels(values: &[f64]) -> Vec<String> {
    let largest = values.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    let step = values.windows(2).map(|w| w[1] - w[0]).fold(f64::INFINITY, f64::min);
    let (unit, suffix) = match largest {
        m if m == 0.0 || !(1e-3..1e9).contains(&m) => return values.iter().map(|v| scientific(*v, step)).collect(),
        m if m >= 1e6 => (1e6, "M"),
        m if m >= 1e4 => (1e3, "k"),
        _ => (1.0, ""),
    };
    let (unit, suffix) = if step < unit / 100.0 { (1.0, "") } else { (unit, suffix) };
    let exact = |decimals: &usize| {
        values.iter().all(|v| {
            let text = format!("{:.decimals$}", v / unit, decimals = *decimals);
            text.parse::<f64>().is_ok_and(|read| (read * unit - v).abs() < step * 1e-3)
        })
    };
    let decimals = (0..18).find(exact).unwrap_or(18);
    let label = |v: &f64| if *v == 0.0 { "0".into() } else { format!("{:.decimals$}{suffix}", v / unit) };
    values.iter().map(label).map(|text: String| minus(&text)).collect()
}

fn scientific(value: f64, step: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let close = |text: &String| text.parse::<f64>().is_ok_and(|read| (read - value).abs() <= step.abs() * 1e-3);
    let text = (0..15).map(|digits| format!("{value:.digits$e}")).find(close).unwrap_or_else(|| format!("{value:e}"));
    minus(&text)
}

/// The candidates of a logarithmic axis, densest first.
fn log_candidates(scale: &Scale, most: usize) -> Vec<Ticks> {
    let (low, high) = (scale.low.log10(), scale.high.log10());
    let decades: Vec<i32> = ((low - 1e-9).ceil() as i32..=(high + 1e-9).floor() as i32).collect();
    let within = |v: &f64| scale.contains(*v);
    let steps = |digits: &[i32]| -> Vec<f64> {
        let all = (low.floor() as i32..=high.ceil() as i32)
            .flat_map(|e| digits.iter().map(move |d| decimal(f64::from(*d), e)));
        all.filter(within).collect()
    };
    let fine = steps(&[1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let labelled = |values: Vec<f64>| -> Vec<(f64, String)> {
        let plain = values.iter().all(|v| (0.01..1e6).contains(v));
        values.into_iter().map(|v| (v, log_label(v, plain))).collect()
    };
    let mut candidates = Vec::new();
    if high - low < 2.2 {
        for digits in [&[1, 2, 5][..], &[1, 3]] {
            candidates.push(Ticks { major: labelled(steps(digits)), minor: fine.clone() });
        }
    }
    for stride in [1, 2, 3, 5, 10, 20, 50, 100, 300] {
        let values: Vec<f64> = decades.iter().filter(|e| *e % stride == 0).map(|e| decimal(1.0, *e)).collect();
        let minor = match stride {
            1 if decades.len() <= 6 => fine.clone(),
            1 => Vec::new(),
            _ if decades.len() <= 60 => decades.iter().map(|e| decimal(1.0, *e)).collect(),
            _ => Vec::new(),
        };
        candidates.push(Ticks { major: labelled(values), minor });
    }
    candidates.retain(|ticks| ticks.major.len() <= most.max(3));
    if high - low < 1.0 && candidates.iter().all(|ticks| ticks.major.len() < 2) {
        // Less than a factor of two: round numbers at even steps say more.
        return linear_candidates(scale, most);
    }
    candidates
}

/// `whole` · 10^`exponent`, the nearest double to it.
fn decimal(whole: f64, exponent: i32) -> f64 {
    format!("{whole:.0}e{exponent}").parse().unwrap_or(f64::NAN)
}

fn log_label(value: f64, plain: bool) -> String {
    if plain && value >= 1e4 {
        format!("{}k", number(value / 1e3, 3))
    } else if (0.01..1e4).contains(&value) {
        number(value, 3)
    } else {
        let text = format!("{value:.1e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        format!("{}e{}", trim_zeros(mantissa), minus(exponent))
    }
}

/// The typographic minus sign, as wide as the digits.
fn minus(text: &str) -> String {
    text.replace('-', "−")
}
