//! A question as it is put: its numbers drawn, its options in the order of the seed.

use std::fmt;
use std::sync::Arc;

use rand::Rng as _;
use rand::seq::SliceRandom;

use super::answer::Answer;
use super::draw::Drawn;
use super::markdown;
use super::question::{Body, Formula, Kind, Mistake, Program, Question, Statement, Variable};
use crate::rng::stream;
use crate::{Error, Result};

/// A question with the numbers and the order of options of a seed. Shown, it says how to answer, and not what.
#[derive(Clone)]
pub struct Asked {
    pub(super) question: Question,
    pub(super) form: Form,
}

/// What a seed makes of a [`Body`].
#[derive(Clone)]
pub(super) enum Form {
    /// Options in their order.
    Options { text: &'static str, options: Vec<Statement>, several: bool, program: Option<Program> },
    /// Drawn numbers.
    Number(Box<Drawn>),
    /// An expression, and the points at which it is compared.
    Formula {
        text: &'static str,
        variables: Vec<Variable>,
        right: Formula,
        mistakes: Vec<Mistake>,
        points: Vec<Vec<f64>>,
    },
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.question)
    }
}

/// At how many points an expression is compared.
const POINTS: usize = 20;

impl Question {
    /// The question with the numbers, and the order of options, of this seed.
    ///
    /// # Errors
    /// Those of computing its numbers.
    pub fn ask(&self, seed: u64) -> Result<Asked> {
        let mut rng = stream(seed, self.id());
        let form = match &self.body {
            Body::Options { text, options, several, program } => {
                let mut options = options.clone();
                options.shuffle(&mut rng);
                Form::Options { text, options, several: *several, program: *program }
            }
            Body::Number { draw } => Form::Number(Box::new(draw(&mut rng)?)),
            Body::Formula { text, variables, right, mistakes } => {
                let mut value = |variable: &Variable| {
                    let (low, high) = variable.range;
                    let value = rng.random_range(low..=high);
                    if variable.whole { value.round() } else { value }
                };
                let points = (0..POINTS).map(|_| variables.iter().map(&mut value).collect()).collect();
                let (variables, mistakes) = (variables.clone(), mistakes.clone());
                Form::Formula { text, variables, right: *right, mistakes, points }
            }
        };
        Ok(Asked { question: self.clone(), form })
    }
}

impl Asked {
    /// The question of the bank.
    pub fn question(&self) -> &Question {
        &self.question
    }

    /// What is right; of a prediction, what theory says.
    pub fn solution(&self) -> Answer {
        match &self.form {
            Form::Options { options, .. } => Answer::Letters(letters(options, |option| option.wrong.is_none())),
            Form::Number(drawn) => Answer::Number(drawn.right),
            Form::Formula { variables, right, .. } => Answer::Formula(variables.len(), Arc::new(*right)),
        }
    }

    /// What people answer who are wrong, each with the reason or the name of the mistake. Where several options are right, a wrong
    /// one is chosen besides these.
    pub fn mistakes(&self) -> Vec<(Answer, &'static str)> {
        match &self.form {
            Form::Options { options, several, .. } => {
                let answer = |wrong: &Statement| {
                    let chosen = |option: &Statement| option == wrong || *several && option.wrong.is_none();
                    Some((Answer::Letters(letters(options, chosen)), wrong.wrong?))
                };
                options.iter().filter_map(answer).collect()
            }
            Form::Number(drawn) => drawn.mistakes.iter().map(|(value, name)| (Answer::Number(*value), *name)).collect(),
            Form::Formula { variables, mistakes, .. } => {
                let answer = |wrong: &Mistake| (Answer::Formula(variables.len(), Arc::new(wrong.formula)), wrong.name);
                mistakes.iter().map(answer).collect()
            }
        }
    }

    /// Whether `answer` can be one to this question.
    pub(super) fn check(&self, answer: &Answer) -> Result<()> {
        let refuse = |expected: &'static str| Err(Error::setting("answer", expected, answer));
        match (&self.form, answer) {
            (Form::Options { options, several, .. }, Answer::Letters(given)) => {
                let count = indices(given, options.len()).map(|chosen| chosen.len());
                match (count, several) {
                    (Some(1), false) | (Some(1..), true) => Ok(()),
                    (_, false) => refuse("the letter of one option, such as 'b'"),
                    (_, true) => refuse("letters of the options, such as \"ac\""),
                }
            }
            (Form::Options { several: false, .. }, _) => refuse("the letter of an option, such as 'b'"),
            (Form::Options { several: true, .. }, _) => refuse("letters of the options, such as \"ac\""),
            (Form::Number(_), Answer::Number(value)) if value.is_finite() => Ok(()),
            (Form::Number(_), _) => refuse("a finite number"),
            (Form::Formula { variables, .. }, Answer::Formula(arity, _)) if *arity == variables.len() => Ok(()),
            (Form::Formula { .. }, _) => refuse("a closure of as many f64 as the question names"),
        }
    }

    /// Whether the answer is compared with a measurement.
    pub fn is_measured(&self) -> bool {
        matches!(&self.form, Form::Number(drawn) if drawn.experiment.is_some())
    }

    /// The text of the question, in Markdown, without its options.
    pub fn text(&self) -> String {
        match &self.form {
            Form::Options { text, several: true, .. } => format!("{text} (Every right option is asked for.)"),
            Form::Options { text, .. } | Form::Formula { text, .. } => (*text).to_owned(),
            Form::Number(drawn) => {
                let unit = if drawn.unit.is_empty() { String::new() } else { format!("in {}, ", drawn.unit) };
                let then =
                    if self.question.kind() == Kind::Prediction { "; the experiment runs afterwards" } else { "" };
                format!("{} ({unit}{}{then})", drawn.text, drawn.tolerance)
            }
        }
    }

    /// What a reader types, with `receiver` before it and … in place of the answer: a letter might be taken for a hint.
    fn how(&self, receiver: &str) -> String {
        let answer = match &self.form {
            Form::Options { several: false, .. } => "'…'".to_owned(),
            Form::Options { several: true, .. } => "\"…\"".to_owned(),
            Form::Number(_) => "…".to_owned(),
            Form::Formula { variables, .. } => {
                let names: Vec<String> = variables.iter().map(|variable| format!("{}: f64", variable.name)).collect();
                format!("|{}| …", names.join(", "))
            }
        };
        format!("{receiver}{answer})?")
    }

    /// The question as text without its label; `receiver` is the call up to the answer.
    pub(super) fn plain(&self, receiver: &str) -> String {
        let mut plain = self.text();
        if let Form::Options { options, program, .. } = &self.form {
            for (number, line) in program.iter().flat_map(numbered) {
                plain += &format!("\n{number:>4}  {line}");
            }
            for (letter, option) in ('a'..).zip(options) {
                plain += &format!("\n  {letter}) {}", statement(option));
            }
        }
        format!("{plain}\n  {}\n", self.how(receiver))
    }

    /// The question as HTML without its label.
    pub(super) fn body_html(&self, receiver: &str) -> String {
        let mut html = markdown::paragraphs(&self.text());
        if let Form::Options { options, program, .. } = &self.form {
            if let Some(program) = program {
                let lines: Vec<String> =
                    numbered(program).into_iter().map(|(number, line)| format!("{number:>3}  {line}")).collect();
                html += &format!("<pre>{}</pre>\n", markdown::escape(&lines.join("\n")));
            }
            // No list: front ends number it as they like.
            for (letter, option) in ('a'..).zip(options) {
                html += &format!("<p><b>{letter})</b> {}</p>\n", markdown::inline(&statement(option)));
            }
        }
        format!("{html}<p><code>{}</code></p>\n", markdown::escape(&self.how(receiver)))
    }

    /// Its id, kind and level.
    pub(super) fn label(&self) -> String {
        let question = &self.question;
        format!("{}, {}, level {}", question.id(), question.kind(), question.level())
    }

    /// The question as HTML, with its formulas in the delimiters of MathJax.
    pub fn html(&self) -> String {
        format!("<p><b>{}</b></p>\n{}", markdown::escape(&self.label()), self.body_html("asked.answer("))
    }

    /// Shows the question in a notebook.
    #[cfg(feature = "notebook")]
    pub fn evcxr_display(&self) {
        evcxr_runtime::mime_type("text/html").text(self.html());
        evcxr_runtime::mime_type("text/plain").text(self.to_string());
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.label(), self.plain("asked.answer("))
    }
}

/// The indices of the options that letters name, without repetition; `None` if one names none.
pub(super) fn indices(letters: &str, options: usize) -> Option<Vec<usize>> {
    let named = letters.chars().filter(|c| !c.is_whitespace() && *c != ',');
    let mut chosen = Vec::new();
    for letter in named {
        let index = ('a'..).take(options).position(|own| own == letter.to_ascii_lowercase())?;
        if !chosen.contains(&index) {
            chosen.push(index);
        }
    }
    chosen.sort_unstable();
    Some(chosen)
}

/// The letters of those options that are `chosen`.
pub(super) fn letters(options: &[Statement], chosen: impl Fn(&Statement) -> bool) -> String {
    ('a'..).zip(options).filter(|(_, option)| chosen(option)).map(|(letter, _)| letter).collect()
}

/// An option, with the line that it speaks of.
pub(super) fn statement(option: &Statement) -> String {
    option.line.map_or_else(|| option.text.to_owned(), |line| format!("Line {line}: {}", option.text))
}

fn numbered(program: &Program) -> Vec<(usize, String)> {
    (1..).zip(program.snippet.given().lines().map(str::to_owned)).collect()
}
