//! What one answer is worth, and why.

use std::fmt;

use super::answer::{Answer, Reply};
use super::asked::{Asked, Form, indices, letters, statement};
use super::draw::Drawn;
use super::markdown;
use super::question::{Formula, Mistake, Question, Statement};
use crate::Result;
use crate::check::quietly;

/// The credit of one answer, with what was right and the explanation.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    id: &'static str,
    credit: f64,
    findings: Vec<String>,
    explanation: String,
    chapter: &'static str,
    link: String,
    cell: Option<&'static str>,
}

impl Asked {
    /// Grades an answer. A prediction is measured now.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) if it cannot be an answer to this question, such as a number where a letter
    /// is asked for; those of the experiment.
    pub fn answer<Arity>(&self, answer: impl Reply<Arity>) -> Result<Mark> {
        Mark::of(self, &answer.answer())
    }
}

impl Mark {
    fn of(asked: &Asked, answer: &Answer) -> Result<Self> {
        asked.check(answer)?;
        let question = &asked.question;
        let (credit, findings, worked) = match (&asked.form, answer) {
            (Form::Options { options, .. }, Answer::Letters(given)) => {
                let (credit, mut findings) = choice(options, given);
                findings.extend(shown_fault(question)?);
                (credit, findings, "")
            }
            (Form::Number(drawn), Answer::Number(value)) => {
                let (credit, findings) = number(drawn, *value)?;
                (credit, findings, drawn.worked.as_str())
            }
            (Form::Formula { right, mistakes, points, .. }, Answer::Formula(_, given)) => {
                let (credit, findings) = expression(*right, mistakes, points, &**given);
                (credit, findings, "")
            }
            // `check` has let no other pair through.
            _ => (0.0, Vec::new(), ""),
        };
        let explanation = format!("{worked} {}", question.explanation()).trim().to_owned();
        let (id, chapter, link, cell) = (question.id(), question.chapter(), question.link(), question.cell());
        Ok(Self { id, credit, findings, explanation, chapter, link, cell })
    }

    /// The credit, from 0 to 1.
    pub fn credit(&self) -> f64 {
        self.credit
    }

    /// The same for somebody who has given no answer.
    pub(super) fn unanswered(mut self) -> Self {
        self.credit = 0.0;
        self.findings.insert(0, "No answer.".to_owned());
        self
    }

    /// What is to be said of this answer, in Markdown: the reason why an option is wrong, the name of a mistake, what was expected.
    pub fn findings(&self) -> &[String] {
        &self.findings
    }

    fn verdict(&self) -> String {
        match self.credit {
            1.0 => "right".to_owned(),
            0.0 => "not right".to_owned(),
            part => format!("right in part, {part:.2} of 1"),
        }
    }

    /// Which cell of the section, in Markdown.
    fn place(&self) -> String {
        self.cell.map_or_else(String::new, |cell| format!(", cell `{cell}`"))
    }

    /// The mark as HTML.
    pub fn html(&self) -> String {
        let color = if self.credit == 1.0 { "#2e8b57" } else { "#d2691e" };
        let findings: String = self.findings.iter().map(|text| markdown::paragraphs(text)).collect();
        format!(
            "<div style=\"border-left: 4px solid {color}; padding-left: 0.8em\"><p><b>{}: {}</b></p>\n{findings}{}<p>See <a \
             href=\"{}\">{}</a>{}.</p></div>",
            self.id,
            self.verdict(),
            markdown::paragraphs(&self.explanation),
            markdown::escape(&self.link),
            markdown::escape(self.chapter),
            markdown::inline(&self.place()),
        )
    }

    /// Shows the mark in a notebook.
    #[cfg(feature = "notebook")]
    pub fn evcxr_display(&self) {
        evcxr_runtime::mime_type("text/html").text(self.html());
        evcxr_runtime::mime_type("text/plain").text(self.to_string());
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.id, self.verdict())?;
        self.findings.iter().try_for_each(|text| writeln!(f, "{text}"))?;
        writeln!(f, "{}", self.explanation)?;
        writeln!(f, "See {}{}.", self.link, self.place())
    }
}

/// The share of the right options that were chosen, less as much for each wrong one.
fn choice(options: &[Statement], given: &str) -> (f64, Vec<String>) {
    let chosen = indices(given, options.len()).unwrap_or_default();
    let (right, wrong): (Vec<usize>, Vec<usize>) = chosen.into_iter().partition(|i| options[*i].wrong.is_none());
    let all = options.iter().filter(|option| option.wrong.is_none()).count().max(1) as f64;
    let credit = ((right.len() as f64 - wrong.len() as f64) / all).max(0.0);
    let letter = |index: usize| (b'a' + index as u8) as char;
    let reason =
        |i: usize| format!("{}) {} No: {}", letter(i), statement(&options[i]), options[i].wrong.unwrap_or_default());
    let mut findings: Vec<String> = wrong.into_iter().map(reason).collect();
    if credit < 1.0 {
        findings.push(format!("Right: {}.", letters(options, |option| option.wrong.is_none())));
    }
    (credit, findings)
}

/// What the program of a question computes, and its mended lines.
fn shown_fault(question: &Question) -> Result<Vec<String>> {
    let (Some(evidence), Some(snippet)) = (question.evidence()?, question.snippet()) else { return Ok(Vec::new()) };
    let (given, mended) = (snippet.given(), snippet.mended());
    let added: Vec<&str> =
        mended.lines().filter(|line| !given.lines().any(|other| other == *line)).map(str::trim).collect();
    let mut said = vec![format!("Run, {evidence}.")];
    if !added.is_empty() {
        said.push(format!("Mended: `{}`", added.join(" ")));
    }
    Ok(said)
}

fn number(drawn: &Drawn, given: f64) -> Result<(f64, Vec<String>)> {
    let Drawn { right, tolerance, unit, experiment, .. } = drawn;
    let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
    let target = experiment.as_ref().map_or(Ok(*right), |experiment| experiment.value())?;
    let credit = match () {
        () if tolerance.allows(given, target, 1.0) => 1.0,
        () if experiment.is_some() && tolerance.allows(given, target, 2.0) => 0.5,
        () => 0.0,
    };
    let mut findings = Vec::new();
    let mistake = drawn.mistakes.iter().find(|(value, _)| tolerance.allows(given, *value, 1.0));
    if let Some((_, name)) = mistake.filter(|_| credit < 1.0) {
        findings.push(format!("{}: {name}.", short(given)));
    }
    if experiment.is_some() {
        findings.push(format!("Measured: {}{unit}; theory says {}.", short(target), short(*right)));
    } else if credit < 1.0 {
        findings.push(format!("Right: {}{unit}.", short(target)));
    }
    Ok((credit, findings))
}

fn expression(
    right: Formula,
    mistakes: &[Mistake],
    points: &[Vec<f64>],
    given: &(dyn Fn(&[f64]) -> f64 + Send + Sync),
) -> (f64, Vec<String>) {
    let at = |formula: &dyn Fn(&[f64]) -> f64| points.iter().map(|point| formula(point)).collect::<Vec<f64>>();
    let expected = at(&right);
    let found = match quietly(|| at(&|point| given(point))) {
        Ok(found) => found,
        Err(panic) => return (0.0, vec![format!("The closure panicked: {panic}.")]),
    };
    if same(&found, &expected) {
        return (1.0, Vec::new());
    }
    let mut findings = Vec::new();
    if let Some(mistake) = mistakes.iter().find(|mistake| same(&found, &at(&mistake.formula))) {
        findings.push(format!("Not right: {}.", mistake.name));
    }
    let factor = found[0] / expected[0];
    let scaled: Vec<f64> = expected.iter().map(|value| factor * value).collect();
    if factor.is_finite() && factor != 0.0 && same(&found, &scaled) {
        findings.push(format!("It is {} times the right one, everywhere.", short(factor)));
        return (0.5, findings);
    }
    if let Some(((point, found), expected)) = points.iter().zip(&found).zip(&expected).find(|((_, a), b)| a != b) {
        let point: Vec<String> = point.iter().map(|value| short(*value)).collect();
        let at = point.join(", ");
        findings.push(format!("At ({at}) it is {}; expected was {}.", short(*found), short(*expected)));
    }
    (0.0, findings)
}

/// Whether values agree to a relative 1e-6, or to 1e-9 of the largest where they cancel.
fn same(found: &[f64], expected: &[f64]) -> bool {
    let largest = expected.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
    found.iter().zip(expected).all(|(a, b)| (a - b).abs() <= 1e-6 * b.abs() + 1e-9 * largest)
}

/// Five significant digits, whole numbers in full.
pub(super) fn short(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return format!("{value}");
    }
    let size = value.abs().log10().floor() as i32;
    if !(-5..15).contains(&size) {
        return format!("{value:.4e}");
    }
    let text = format!("{value:.*}", (4 - size).max(0) as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}
