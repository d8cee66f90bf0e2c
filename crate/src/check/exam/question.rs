//! A question, as it stands in the bank: before a seed has drawn its numbers and shuffled its options.

use std::fmt;

use super::draw::Drawn;
use super::snippet::{Evidence, Snippet};
use crate::Result;
use crate::rng::Rng;

/// One question of the bank. [`Question::ask`] draws its numbers and the order of its options.
#[derive(Clone)]
pub struct Question {
    id: &'static str,
    claims: &'static [&'static str],
    level: u8,
    kind: Kind,
    explanation: &'static str,
    section: &'static str,
    cell: Option<&'static str>,
    pub(super) notebook: &'static str,
    pub(super) chapter: &'static str,
    pub(super) body: Body,
}

/// In which way a question asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Which of some statements is right, or which are.
    Choice,
    /// A number, computed from numbers that the seed has drawn.
    Number,
    /// Which line of a program is wrong, and why.
    Code,
    /// The next line of a derivation.
    Derivation,
    /// A number that is predicted, and then measured.
    Prediction,
}

impl Kind {
    /// All five.
    pub const ALL: [Self; 5] = [Self::Choice, Self::Number, Self::Code, Self::Derivation, Self::Prediction];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Choice => "choice",
            Self::Number => "number",
            Self::Code => "code",
            Self::Derivation => "derivation",
            Self::Prediction => "prediction",
        })
    }
}

/// What a kind of question needs, besides what all have.
#[derive(Clone)]
pub(super) enum Body {
    /// Statements to choose from.
    Options { text: &'static str, options: Vec<Statement>, several: bool, program: Option<Program> },
    /// A number, and how it is drawn.
    Number { draw: fn(&mut Rng) -> Result<Drawn> },
    /// An expression in some variables.
    Formula { text: &'static str, variables: Vec<Variable>, right: Formula, mistakes: Vec<Mistake> },
}

/// A program with a fault, and the calls that show it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Program {
    pub snippet: Snippet,
    pub evidence: fn() -> Result<Evidence>,
}

/// A function of the variables of a derivation, in their order.
pub(super) type Formula = fn(&[f64]) -> f64;

/// A statement that can be chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// The statement, in Markdown.
    pub text: &'static str,
    /// Why it is wrong; `None` if it is right.
    pub wrong: Option<&'static str>,
    /// The line of the program that it speaks of, from 1.
    pub line: Option<usize>,
}

/// A variable of a derivation, and from where its values are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Variable {
    /// Its name, as a reader types it in Rust.
    pub name: &'static str,
    /// Least and largest value.
    pub range: (f64, f64),
    /// Whether it takes whole numbers only.
    pub whole: bool,
}

/// A wrong expression that people arrive at, and its name.
#[derive(Debug, Clone, Copy)]
pub struct Mistake {
    pub(super) formula: Formula,
    pub(super) name: &'static str,
}

/// A statement that is right.
pub fn right(text: &'static str) -> Statement {
    Statement { text, wrong: None, line: None }
}

/// A statement that is wrong, a usual misconception, and one sentence on why it is wrong.
pub fn wrong(text: &'static str, why: &'static str) -> Statement {
    Statement { text, wrong: Some(why), line: None }
}

/// What is wrong with this line of the program, counted from 1.
pub fn fault(line: usize, text: &'static str) -> Statement {
    Statement { text, wrong: None, line: Some(line) }
}

/// What somebody might hold against this line of the program, and why it is no fault.
pub fn sound(line: usize, text: &'static str, why: &'static str) -> Statement {
    Statement { text, wrong: Some(why), line: Some(line) }
}

/// A variable with values in [low, high].
pub fn real(name: &'static str, low: f64, high: f64) -> Variable {
    Variable { name, range: (low, high), whole: false }
}

/// A variable with whole values from `low` to `high`.
pub fn count(name: &'static str, low: u32, high: u32) -> Variable {
    Variable { name, range: (f64::from(low), f64::from(high)), whole: true }
}

/// A wrong expression in the variables of a derivation, and the name of the mistake, as in "that is the derivative with respect to
/// θ".
pub fn mistake(formula: fn(&[f64]) -> f64, name: &'static str) -> Mistake {
    Mistake { formula, name }
}

/// A question with exactly one [`right`] statement, among three or more.
///
/// Level 1: to know; 2: to explain or compute; 3: to combine. The text is Markdown with `$…$`, as is all that follows.
pub fn choice<const N: usize>(
    id: &'static str,
    claims: &'static [&'static str],
    level: u8,
    text: &'static str,
    options: [Statement; N],
) -> Question {
    let body = Body::Options { text, options: options.into(), several: false, program: None };
    Question::new(id, claims, level, Kind::Choice, body)
}

/// A question that asks for every [`right`] statement: at least one, and at least one is wrong.
pub fn select<const N: usize>(
    id: &'static str,
    claims: &'static [&'static str],
    level: u8,
    text: &'static str,
    options: [Statement; N],
) -> Question {
    let body = Body::Options { text, options: options.into(), several: true, program: None };
    Question::new(id, claims, level, Kind::Choice, body)
}

/// A question for a number. `draw` takes the generator of the seed, and returns [`drawn`](super::draw::drawn) text and value.
pub fn number(
    id: &'static str,
    claims: &'static [&'static str],
    level: u8,
    draw: fn(&mut Rng) -> Result<Drawn>,
) -> Question {
    Question::new(id, claims, level, Kind::Number, Body::Number { draw })
}

/// A question for a number that is measured once the reader has committed to a prediction: [`drawn`](super::draw::drawn) text and the value by theory,
/// and [`Drawn::measure`] for the experiment.
pub fn predict(
    id: &'static str,
    claims: &'static [&'static str],
    level: u8,
    draw: fn(&mut Rng) -> Result<Drawn>,
) -> Question {
    Question::new(id, claims, level, Kind::Prediction, Body::Number { draw })
}

/// What is wrong with this program? Exactly one [`fault`] among [`sound`] lines; `evidence` runs the program and the mended one.
pub fn code<const N: usize>(
    id: &'static str,
    claims: &'static [&'static str],
    level: u8,
    text: &'static str,
    snippet: Snippet,
    options: [Statement; N],
    evidence: fn() -> Result<Evidence>,
) -> Question {
    let program = Some(Program { snippet, evidence });
    let body = Body::Options { text, options: options.into(), several: false, program };
    Question::new(id, claims, level, Kind::Code, body)
}

/// A derivation up to some line; which of these is the next? Exactly one is [`right`].
pub fn next_line<const N: usize>(
    id: &'static str,
    claims: &'static [&'static str],
    level: u8,
    text: &'static str,
    options: [Statement; N],
) -> Question {
    let body = Body::Options { text, options: options.into(), several: false, program: None };
    Question::new(id, claims, level, Kind::Derivation, body)
}

/// A derivation whose next line is an expression in one to four variables: the reader gives a closure, which is compared with
/// `right` at random points.
pub fn derive<const N: usize, const M: usize>(
    id: &'static str,
    claims: &'static [&'static str],
    level: u8,
    text: &'static str,
    variables: [Variable; N],
    right: fn(&[f64]) -> f64,
    mistakes: [Mistake; M],
) -> Question {
    let body = Body::Formula { text, variables: variables.into(), right, mistakes: mistakes.into() };
    Question::new(id, claims, level, Kind::Derivation, body)
}

/// Its id, kind, level and claims: what a notebook shows of it tells no answer.
impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, kind, level, claims, .. } = self;
        write!(f, "question {id}, {kind}, level {level}, on {}", claims.join(", "))
    }
}

impl Question {
    fn new(id: &'static str, claims: &'static [&'static str], level: u8, kind: Kind, body: Body) -> Self {
        let (explanation, section, cell, notebook, chapter) = ("", "", None, "", "");
        Self { id, claims, level, kind, explanation, section, cell, notebook, chapter, body }
    }

    /// Why the right answer is right, and what in the chapter shows it: the anchor of the section, as JupyterLab makes it of a heading
    /// (`One-function,-two-readings--B2`), and a text that one code cell of that section has and no other (`fn integral`); `None`
    /// where only the text of the section shows it.
    pub fn because(
        mut self,
        explanation: &'static str,
        section: &'static str,
        cell: impl Into<Option<&'static str>>,
    ) -> Self {
        (self.explanation, self.section, self.cell) = (explanation, section, cell.into());
        self
    }

    /// Its id, such as `01-3`.
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// The claims of the syllabus that it is about.
    pub fn claims(&self) -> &'static [&'static str] {
        self.claims
    }

    /// 1: to know; 2: to explain or compute; 3: to combine.
    pub fn level(&self) -> u8 {
        self.level
    }

    /// In which way it asks.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Why the right answer is right, in Markdown.
    pub fn explanation(&self) -> &'static str {
        self.explanation
    }

    /// The file of its chapter, such as `01-likelihood`.
    pub fn notebook(&self) -> &'static str {
        self.notebook
    }

    /// The title of its chapter.
    pub fn chapter(&self) -> &'static str {
        self.chapter
    }

    /// The section that shows why, as a link from a notebook of the course: `01-likelihood.ipynb#The-most-likely-coin--B3`.
    pub fn link(&self) -> String {
        format!("{}.ipynb#{}", self.notebook, self.section)
    }

    /// A text by which the cell that shows why is found in that section, such as `fn integral`; `None` if the section shows it in
    /// words.
    pub fn cell(&self) -> Option<&'static str> {
        self.cell
    }

    /// The program that it shows, if it is about one.
    pub fn snippet(&self) -> Option<Snippet> {
        self.program().map(|program| program.snippet)
    }

    /// Runs the program that it is about, and the mended one.
    ///
    /// # Errors
    /// Those of the programs.
    pub fn evidence(&self) -> Result<Option<Evidence>> {
        self.program().map(|program| (program.evidence)()).transpose()
    }

    /// The statements to choose from, right ones first as the bank has them; none where a number or an expression is asked for.
    pub fn statements(&self) -> &[Statement] {
        if let Body::Options { options, .. } = &self.body { options } else { &[] }
    }

    pub(super) fn program(&self) -> Option<&Program> {
        if let Body::Options { program, .. } = &self.body { program.as_ref() } else { None }
    }
}
