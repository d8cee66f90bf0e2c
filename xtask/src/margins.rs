//! `cargo xtask run --margins`: how far each assertion of a notebook was from failing.
//!
//! The comparisons in the assertions of a cell are written anew before the cell is sent: they compute the same, and add their two
//! sides to a file ([`candlelight::margin`]). Lines keep their numbers.
//!
//! [`candlelight::margin`]: ../../crate/src/margin.rs

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::json;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{BinOp, Block, Expr, ExprBinary, ExprMethodCall, Macro, RangeLimits};

use crate::notebook::{Notebook, joined};

/// The environment variable that names the file to which cells add their comparisons.
pub const FILE: &str = "CANDLELIGHT_MARGINS";

/// Above this share of its larger side, the distance between the two sides of a comparison is called loose.
const LOOSE: f64 = 0.5;
/// A bound below this is one on errors of rounding, of which any distance is right.
const ROUNDING: f64 = 1e-5;

/// The notebook with comparisons that are measured; a cell that is not Rust alone stays as it is.
pub fn measured(notebook: &Notebook) -> Notebook {
    let mut measured = notebook.0.clone();
    for (index, cell) in measured["cells"].as_array_mut().into_iter().flatten().enumerate() {
        if cell["cell_type"] == "code" {
            cell["source"] = json!(with_margins(&joined(&cell["source"]), index + 1));
        }
    }
    Notebook(measured)
}

fn with_margins(source: &str, cell: usize) -> String {
    // On one line, so that lines keep their numbers.
    let Ok(block) = syn::parse_str::<Block>(&format!("{{{source}\n}}")) else { return source.to_owned() };
    let mut comparisons = Comparisons { cell, edits: Vec::new() };
    comparisons.visit_block(&block);
    comparisons.applied(source)
}

/// A part of the source that is replaced.
struct Edit {
    range: Range<usize>,
    text: String,
    /// Where two edits stand at one place: what ends an inner expression before what ends an outer one, and both before what begins.
    order: (bool, isize),
}

struct Comparisons {
    cell: usize,
    edits: Vec<Edit>,
}

impl Comparisons {
    fn applied(mut self, source: &str) -> String {
        self.edits.sort_by_key(|edit| (edit.range.start, edit.order));
        let (mut text, mut at) = (String::new(), 0);
        for edit in self.edits {
            text += &source[at..edit.range.start];
            text += &edit.text;
            at = edit.range.end;
        }
        text + &source[at..]
    }

    /// Byte positions in the source of the cell, before which stands one brace.
    fn range(spanned: &impl Spanned) -> Range<usize> {
        let range = spanned.span().byte_range();
        range.start - 1..range.end - 1
    }

    fn begin(&mut self, at: usize, text: String) {
        let order = (true, self.edits.len() as isize);
        self.edits.push(Edit { range: at..at, text, order });
    }

    fn end(&mut self, at: usize, text: String) {
        let order = (false, -(self.edits.len() as isize));
        self.edits.push(Edit { range: at..at, text, order });
    }

    fn replace(&mut self, range: Range<usize>, text: String) {
        let order = (true, self.edits.len() as isize);
        self.edits.push(Edit { range, text, order });
    }

    /// What compares two references and records them.
    fn recorded(&self, left: &str, operation: &str, right: &str, at: proc_macro2::LineColumn) -> String {
        let place = format!("{}:{}:{}", self.cell, at.line, at.column);
        format!(
            "{{ let holds = *{left} {operation} *{right}; {{ use ::candlelight::margin::{{Measured as _, Unmeasured as _}}; \
             (&::candlelight::margin::Sides({left}, {right})).record(\"{place}\", \"{operation}\", holds); }} holds }}"
        )
    }
}

impl<'ast> Visit<'ast> for Comparisons {
    fn visit_macro(&mut self, found: &'ast Macro) {
        if found.path.is_ident("assert") {
            let condition = found.parse_body_with(|input: syn::parse::ParseStream| {
                let condition: Expr = input.parse()?;
                // The message stays as it is.
                let _: proc_macro2::TokenStream = input.parse()?;
                Ok(condition)
            });
            if let Ok(condition) = condition {
                Condition(self).visit_expr(&condition);
            }
        }
    }
}

/// Visits the condition of an assertion.
struct Condition<'a>(&'a mut Comparisons);

impl<'ast> Visit<'ast> for Condition<'_> {
    fn visit_expr_binary(&mut self, found: &'ast ExprBinary) {
        let operation = match found.op {
            BinOp::Lt(_) => "<",
            BinOp::Le(_) => "<=",
            BinOp::Gt(_) => ">",
            BinOp::Ge(_) => ">=",
            _ => return visit::visit_expr_binary(self, found),
        };
        let (all, sign) = (Comparisons::range(found), Comparisons::range(&found.op));
        let recorded = self.0.recorded("left", operation, "right", found.span().start());
        self.0.begin(all.start, "(match (&(".into());
        self.0.replace(sign, ")".to_owned() + ", &(");
        self.0.end(all.end, format!(")) {{ (left, right) => {recorded} }})"));
        visit::visit_expr_binary(self, found);
    }

    /// `(low..high).contains(&x)`.
    fn visit_expr_method_call(&mut self, found: &'ast ExprMethodCall) {
        if let Some((low, limits, high, x)) = bounds(found) {
            let (at, at_high) = (found.span().start(), x.span().start());
            let upper = if matches!(limits, RangeLimits::Closed(_)) { "<=" } else { "<" };
            let (first, second) = (self.0.recorded("low", "<=", "x", at), self.0.recorded("x", upper, "high", at_high));
            let [all, low, high, x] =
                [Comparisons::range(found), Comparisons::range(low), Comparisons::range(high), Comparisons::range(x)];
            self.0.replace(all.start..low.start, "(match (&(".into());
            self.0.replace(low.end..high.start, "), &(".into());
            self.0.replace(high.end..x.start, "), ".into());
            self.0.end(x.end, format!(") {{ (low, high, x) => ({first} && {second}) }}"));
        }
        visit::visit_expr_method_call(self, found);
    }
}

/// The ends of a range in brackets, and the reference that is looked for in it.
fn bounds(call: &ExprMethodCall) -> Option<(&Expr, RangeLimits, &Expr, &Expr)> {
    let (Expr::Paren(receiver), true, Some(x @ Expr::Reference(_))) =
        (&*call.receiver, call.method == "contains" && call.args.len() == 1, call.args.first())
    else {
        return None;
    };
    let Expr::Range(range) = &*receiver.expr else { return None };
    Some((range.start.as_deref()?, range.limits, range.end.as_deref()?, x))
}

/// The closest comparison of each place: those that could not be measured, the others loosest first, and bounds on errors of
/// rounding.
pub fn table(written: &str, notebook: &Notebook) -> Vec<String> {
    let mut closest: BTreeMap<&str, (f64, &str, &str, &str)> = BTreeMap::new();
    for line in written.lines() {
        let [place, left, operation, right] = line.split('\t').collect::<Vec<_>>()[..] else { continue };
        let distance = match (left.parse::<f64>(), right.parse::<f64>()) {
            (Ok(l), Ok(r)) if l != r => (l - r).abs() / l.abs().max(r.abs()),
            (Ok(_), Ok(_)) => 0.0,
            // Of words, or of numbers whose type was not known.
            _ => f64::NAN,
        };
        let margin = closest.entry(place).or_insert((f64::INFINITY, left, operation, right));
        if distance.is_nan() || distance < margin.0 {
            *margin = (distance, left, operation, right);
        }
    }
    let mut rows: Vec<_> = closest.into_iter().collect();
    let is_rounding = |bound: &str| bound.parse::<f64>().is_ok_and(|bound| bound != 0.0 && bound.abs() < ROUNDING);
    rows.sort_by(|(_, a), (_, b)| is_rounding(a.3).cmp(&is_rounding(b.3)).then(b.0.total_cmp(&a.0)));
    let sources: Vec<String> = notebook.cells().map(|cell| cell.source()).collect();
    let row = |(place, (distance, left, operation, right)): (&str, (f64, &str, &str, &str))| {
        let mut place = place.split(':').filter_map(|part| part.parse::<usize>().ok());
        let (cell, line) = (place.next()?, place.next()?);
        let source = sources.get(cell - 1).and_then(|source| source.lines().nth(line - 1)).unwrap_or_default();
        let kind = if is_rounding(right) {
            "rounding"
        } else if right == "0" {
            "sign"
        } else if distance > LOOSE {
            "loose"
        } else {
            ""
        };
        let apart = if distance.is_nan() { "?".into() } else { format!("{:.1}", 100.0 * distance) };
        let (left, right) = (short(left), short(right));
        Some(format!(
            "{cell:4} {line:4}  {left:>10} {operation:2} {right:<10} {apart:>5} %  {kind:8}  {}",
            source.trim()
        ))
    };
    rows.into_iter().filter_map(row).collect()
}

/// Four digits.
fn short(number: &str) -> String {
    match number.parse::<f64>() {
        Ok(value) if value != 0.0 && !(1e-3..1e6).contains(&value.abs()) => format!("{value:.3e}"),
        Ok(value) if value.fract() == 0.0 => format!("{value}"),
        Ok(value) => format!("{value:.4}"),
        Err(_) => number.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{table, with_margins};
    use crate::notebook::Notebook;

    /// The assertion at the end of the text too, whose condition the compiler reads later.
    fn parses(text: &str) {
        syn::parse_str::<syn::Block>(&format!("{{{text}}}")).unwrap();
        let condition = &text[text.find("assert!").unwrap() + 7..];
        syn::parse_str::<syn::ExprCall>(&format!("f{}", condition.trim_end_matches(';'))).unwrap();
    }

    #[test]
    fn comparisons_in_assertions_are_measured_and_lines_keep_their_numbers() {
        let source = "let x = 1.0; // ≈ π\nlet y = x < 2.0;\nassert!(x < 2.0 && xs.iter().all(|&v| v >= 0.0),\n    \"{x} < 2\");";
        let new = with_margins(source, 7);
        assert_eq!(new.matches(").record(").count(), 2);
        assert!(new.contains("record(\"7:3:8\", \"<\", holds)") && new.contains("\", \">=\", holds)"), "{new}");
        assert!(new.contains("let y = x < 2.0;\n") && new.ends_with(",\n    \"{x} < 2\");"));
        assert_eq!(new.lines().count(), source.lines().count());
        for text in [new, with_margins("assert!((0.1..=f(3)).contains(&g(a < b)))", 1)] {
            parses(&text);
        }
    }

    #[test]
    fn a_comparison_within_another_and_a_range_are_measured() {
        let new = with_margins("assert!(xs.iter().filter(|x| **x < 3).count()>=n&&(1..9).contains(&n));", 1);
        parses(&new);
        assert_eq!(new.matches(").record(").count(), 4);
        assert!(new.contains("filter(|x| (match (&(**x ), &( 3)) {"), "{new}");
    }

    #[test]
    fn what_is_no_rust_stays() {
        for source in [":dep rand", "let x = ;", "", "assert!(a == b); assert!(is_small(x));"] {
            assert_eq!(with_margins(source, 1), source);
        }
    }

    #[test]
    fn the_loosest_assertion_comes_first() {
        let notebook =
            Notebook(json!({ "cells": [{ "cell_type": "code", "source": ["let a = 1;\n", "assert!(a < b);\n"] }] }));
        let written =
            "1:1:4\t1e-17\t<\t1e-12\n1:1:2\t?\t<\t?\n1:1:9\t98\t<\t100\n1:2:9\t1\t<\t100\n1:2:9\t3\t<\t100\nbroken\n";
        let rows = table(written, &notebook);
        assert_eq!(rows.len(), 4);
        assert!(rows[3].contains("100.0 %  rounding"), "{rows:?}");
        assert!(rows[0].contains("? <  ?") && rows[0].contains("     ? %"), "{rows:?}");
        assert!(
            rows[1].contains("loose") && rows[1].contains(" 97.0 %") && rows[1].ends_with("assert!(a < b);"),
            "{rows:?}"
        );
        assert!(rows[2].contains("  2.0 %") && !rows[2].contains("loose"), "{rows:?}");
    }
}
