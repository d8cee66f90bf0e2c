//! Outputs of a new run beside the committed ones: words must agree, numbers may differ by rounding.

use crate::notebook::{Cell, Notebook, VOLATILE, shortened};

/// How far two numbers may be apart.
#[derive(Clone, Copy)]
struct Tolerance {
    /// Relative to the larger of them: results of training differ between processors, whose sums round differently. A cell
    /// may ask for more with the tag `tolerance=0.05`.
    relative: f64,
    /// What is not larger than this is an error of rounding, and its digits say nothing: the tag `rounding=1e-12`.
    rounding: f64,
}

impl Tolerance {
    const USUAL: Self = Self { relative: 0.01, rounding: 0.0 };

    fn of(cell: &Cell) -> Self {
        let tags = || cell.value["metadata"]["tags"].as_array().into_iter().flatten().filter_map(|tag| tag.as_str());
        let asked = |name: &str| tags().find_map(|tag| tag.strip_prefix(name)?.parse().ok());
        Self {
            relative: asked("tolerance=").unwrap_or(Self::USUAL.relative),
            rounding: asked("rounding=").unwrap_or(Self::USUAL.rounding),
        }
    }

    /// Whether two printed numbers may stand for the same result. One of a pair that is nearly equal may be rounded up and
    /// the other down, which is one unit of the last printed place, however large that is beside them.
    fn allows(self, a: Number, b: Number) -> bool {
        let (apart, larger) = ((a.value - b.value).abs(), a.value.abs().max(b.value.abs()));
        // Slack for the binary form of decimals.
        let place = a.place.min(b.place) * (1.0 + 1e-6);
        apart == 0.0 || larger <= self.rounding || apart <= (self.relative * larger).max(place)
    }
}

/// Every difference between the committed notebook and the new run of it, each naming the cell.
pub fn differences(committed: &Notebook, executed: &Notebook) -> Vec<String> {
    let mut differences = Vec::new();
    for (old, new) in committed.code().zip(executed.code()) {
        if new.value["execution_count"].is_null() {
            continue; // It never ran, which is a fault already.
        }
        if let Some(difference) = cell_difference(&old, &new) {
            differences.push(new.says(&difference));
        }
    }
    differences
}

fn cell_difference(old: &Cell, new: &Cell) -> Option<String> {
    let (old_text, new_text) = (old.stream("stdout"), new.stream("stdout"));
    let (old_shown, new_shown) = (old.shown(), new.shown());
    let kinds = |shown: &[(String, String)]| shown.iter().map(|(mime, _)| mime.clone()).collect::<Vec<_>>();
    if old_text.is_empty() != new_text.is_empty() || kinds(&old_shown) != kinds(&new_shown) {
        let describe = |text: &str, shown: &[(String, String)]| {
            let text = if text.is_empty() { Vec::new() } else { vec!["text".to_owned()] };
            format!("[{}]", [text, kinds(shown)].concat().join(", "))
        };
        return Some(format!(
            "showed {} where {} is committed",
            describe(&new_text, &new_shown),
            describe(&old_text, &old_shown)
        ));
    }
    if new.is_tagged(VOLATILE) {
        return None;
    }
    let tolerance = Tolerance::of(new);
    if let Some(difference) = text_difference(&old_text, &new_text, tolerance) {
        return Some(difference);
    }
    old_shown.iter().zip(&new_shown).find_map(|((mime, old), (_, new))| {
        let structure = mime == "image/svg+xml";
        let difference = if structure {
            text_difference(&skeleton(old), &skeleton(new), tolerance)
        } else {
            text_difference(old, new, tolerance)
        };
        difference.map(|difference| format!("{mime}: {difference}"))
    })
}

/// A figure without its coordinates: the sequence of its elements, each kind once for a run of it, and the words in it.
/// Tick labels follow the data, so numbers are left out.
fn skeleton(svg: &str) -> String {
    let mut skeleton: Vec<String> = Vec::new();
    for part in svg.split('<').skip(1) {
        let (tag, text) = part.split_once('>').unwrap_or((part, ""));
        let name = tag.split([' ', '\n', '/']).next().unwrap_or_default();
        if !name.is_empty() && skeleton.last().is_none_or(|last| last != name) {
            skeleton.push(name.to_owned());
        }
        let text = text.trim();
        if !text.is_empty() && tokens(text).iter().any(|token| matches!(token, Token::Word(_))) {
            skeleton.push(text.to_owned());
        }
    }
    // Two runs of the same kind can be parted by a tick label alone.
    skeleton.dedup();
    skeleton.join("\n")
}

fn text_difference(old: &str, new: &str, tolerance: Tolerance) -> Option<String> {
    let (old_lines, new_lines): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
    for (old, new) in old_lines.iter().zip(&new_lines) {
        if !lines_agree(old, new, tolerance) {
            return Some(format!(
                "gave `{}` where `{}` is committed",
                shortened(new.trim(), 120),
                shortened(old.trim(), 120)
            ));
        }
    }
    (old_lines.len() != new_lines.len())
        .then(|| format!("gave {} lines where {} are committed", new_lines.len(), old_lines.len()))
}

fn lines_agree(old: &str, new: &str, tolerance: Tolerance) -> bool {
    let (old, new) = (tokens(old), tokens(new));
    old.len() == new.len()
        && old.iter().zip(&new).all(|pair| match pair {
            (Token::Number(a), Token::Number(b)) => tolerance.allows(*a, *b),
            (Token::Word(a), Token::Word(b)) => a == b,
            _ => false,
        })
}

#[derive(Debug, PartialEq)]
enum Token<'a> {
    Number(Number),
    Word(&'a str),
}

/// A number as it was printed.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Number {
    value: f64,
    /// One unit of its last place: 0.01 of `0.50`, 1e-9 of `5e-9`. Zero where none was rounded: of a whole number, which is
    /// a count, and of a zero in scientific notation, which would show the first digit of anything else.
    place: f64,
}

impl Number {
    fn parse(text: &str) -> Option<Self> {
        let value: f64 = text.parse().ok()?;
        let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(m, e)| (m, Some(e)));
        let decimals = mantissa.split_once('.').map_or(0, |(_, decimals)| decimals.len()) as i32;
        let place = match exponent {
            None if decimals == 0 => 0.0,
            Some(_) if value == 0.0 => 0.0,
            _ => 10f64.powi(exponent.unwrap_or("0").parse::<i32>().ok()? - decimals),
        };
        Some(Self { value, place })
    }
}

/// Splits into numbers and what stands between them, without white space.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let number = number_length(rest);
        if number > 0
            && let Some(value) = Number::parse(&rest[..number])
        {
            tokens.push(Token::Number(value));
            rest = rest[number..].trim_start();
            continue;
        }
        let first = rest.chars().next().map_or(1, char::len_utf8);
        let letters = rest.chars().take_while(|c| c.is_alphabetic() || *c == '_').map(char::len_utf8).sum::<usize>();
        // `x2` and `conv1` are names: digits that follow a letter belong to it.
        let digits =
            if letters == 0 { 0 } else { rest[letters..].bytes().take_while(u8::is_ascii_alphanumeric).count() };
        let (word, after) = rest.split_at((letters + digits).max(first));
        tokens.push(Token::Word(word));
        rest = after.trim_start();
    }
    tokens
}

/// The length of the number at the start of `text`, or 0.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let sign = usize::from(matches!(bytes.first(), Some(b'-' | b'+')));
    let whole = digits(sign);
    let mut end = sign + whole;
    let mut fraction = 0;
    if bytes.get(end) == Some(&b'.') {
        fraction = digits(end + 1);
        if fraction > 0 {
            end += 1 + fraction;
        }
    }
    if whole + fraction == 0 {
        return 0;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'-' | b'+')));
        let exponent = digits((end + 1 + sign).min(bytes.len()));
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_numbers_from_words() {
        use Token::Word;
        let number = |value: f64, place: f64| Token::Number(Number { value, place });
        assert_eq!(tokens("loss = -1.5e-3,"), [Word("loss"), Word("="), number(-0.0015, 1e-4), Word(",")]);
        assert_eq!(tokens("conv1 3x3"), [Word("conv1"), number(3.0, 0.0), Word("x3")]);
        assert_eq!(tokens("λ≈0.5 %"), [Word("λ"), Word("≈"), number(0.5, 0.1), Word("%")]);
        assert_eq!(tokens("- ."), [Word("-"), Word(".")]);
    }

    #[test]
    fn rounding_agrees_and_a_changed_number_does_not() {
        assert!(lines_agree("accuracy 0.8301", "accuracy  0.8298", Tolerance::USUAL));
        assert!(!lines_agree("accuracy 0.83", "accuracy 0.85", Tolerance::USUAL));
        assert!(lines_agree("accuracy 0.83", "accuracy 0.85", Tolerance { relative: 0.05, ..Tolerance::USUAL }));
        assert!(!lines_agree("accuracy 0.83", "loss 0.83", Tolerance::USUAL));
        assert!(!lines_agree("accuracy 0.83", "accuracy", Tolerance::USUAL));
        assert!(!lines_agree("nan", "0", Tolerance::USUAL));
    }

    #[test]
    fn numbers_near_zero_are_compared_by_what_is_printed_of_them() {
        let agree = |old: &str, new: &str| lines_agree(old, new, Tolerance::USUAL);
        for (old, new) in [
            ("1.000e-30", "9.000e-7"),
            ("1.000e-30", "1.100e-30"),
            ("0e0", "1e-30"),
            ("3e-17", "5e-17"),
            ("0.0000001", "0.0000009"),
            ("0.000", "0.002"),
            ("1.2e-7", "-1.2e-7"),
            ("0", "1"),
            ("19", "20"),
        ] {
            assert!(!agree(old, new) && !agree(new, old), "{old} and {new}");
        }
        for (old, new) in [
            ("0.000", "-0.000"),
            ("0.000", "0.001"),
            ("0.004", "0.005"),
            ("1.000e-30", "1.005e-30"),
            ("9e-31", "1e-30"),
            ("7e-11", "8e-11"),
            ("1000", "1001"),
        ] {
            assert!(agree(old, new) && agree(new, old), "{old} and {new}");
        }
    }

    #[test]
    fn errors_of_rounding_are_compared_by_their_size_where_a_tag_says_so() {
        use serde_json::json;
        let cell = |text: &str, tags: &[&str]| {
            Notebook(json!({ "cells": [{
                "cell_type": "code", "source": "x", "execution_count": 1, "metadata": { "tags": tags },
                "outputs": [{ "output_type": "stream", "name": "stdout", "text": text }],
            }] }))
        };
        let agree = |old: &str, new: &str, tags: &[&str]| differences(&cell(old, tags), &cell(new, tags)).is_empty();
        assert!(!agree("apart by 4e-16", "apart by 9e-17", &[]));
        assert!(agree("apart by 4e-16", "apart by 9e-17", &["rounding=1e-12"]));
        assert!(agree("apart by 4e-16", "apart by 0e0", &["rounding=1e-12"]));
        assert!(!agree("apart by 4e-16", "apart by 2e-12", &["rounding=1e-12"]));
        assert!(!agree("loss 0.63", "loss 0.65", &["rounding=1e-12"]));
        assert!(agree("loss 0.63", "loss 0.65", &["rounding=1e-12", "tolerance=0.05"]));
    }

    #[test]
    fn figures_agree_by_structure() {
        let figure = |y: f64, label: &str| {
            format!("<svg><path d=\"M0 {y}\"/><path d=\"M1 2\"/><text>{y}</text><text>{label}</text></svg>")
        };
        assert_eq!(skeleton(&figure(1.0, "loss")), skeleton(&figure(7.25, "loss")));
        assert_ne!(skeleton(&figure(1.0, "loss")), skeleton(&figure(1.0, "accuracy")));
        assert_ne!(skeleton("<svg><path/></svg>"), skeleton("<svg><circle/></svg>"));
    }

    #[test]
    fn kinds_of_output_are_compared_even_where_volatile() {
        use serde_json::json;
        let cell = |outputs: serde_json::Value| {
            Notebook(json!({ "cells": [{
                "cell_type": "code", "source": "x", "execution_count": 1,
                "metadata": { "tags": ["volatile"] }, "outputs": outputs,
            }] }))
        };
        let text = |text: &str| cell(json!([{ "output_type": "stream", "name": "stdout", "text": text }]));
        assert!(differences(&text("took 1 s"), &text("took 9 s")).is_empty());
        assert_eq!(
            differences(&text("took 1 s"), &cell(json!([]))),
            ["cell 1 (`x`) showed [] where [text] is committed"]
        );
    }
}
