//! Mock exams: a balanced draw from the bank, a clock, and the answers.

use std::fmt;
use std::time::{Duration, Instant};

use rand::seq::SliceRandom;

use super::answer::{Answer, Reply, Which};
use super::asked::Asked;
use super::bank;
use super::grade::{Grade, Row};
use super::mark::Mark;
use super::markdown::escape;
use super::question::{Kind, Question};
use crate::rng::stream;
use crate::{Error, Result};

/// How long a mock exam is.
#[derive(Debug, Clone, PartialEq)]
pub struct ExamConfig {
    /// How many questions, 1 to 60. Default: 20.
    pub questions: usize,
    /// Minutes until answers are late, above 0. Default: 60.
    pub minutes: f64,
    /// The chapters to ask about, by their files, such as `"01-likelihood"`; none for all. Default: all.
    pub chapters: Vec<String>,
}

impl Default for ExamConfig {
    fn default() -> Self {
        Self { questions: 20, minutes: 60.0, chapters: Vec::new() }
    }
}

/// A mock exam. The same seed draws the same questions, with the same numbers; the clock runs from the draw.
///
/// An answer may be given again while there is time: the last one counts. What comes after the deadline is kept, is marked as late,
/// and takes the place of no answer that came in time.
#[derive(Debug, Clone)]
pub struct Exam {
    seed: u64,
    start: Instant,
    length: Duration,
    questions: Vec<Asked>,
    /// In the order of the questions.
    in_time: Vec<Option<Answer>>,
    late: Vec<Option<Answer>>,
}

/// Of how many in ten questions each level has its share.
const LEVELS: [f64; 3] = [3.0, 4.0, 3.0];

impl Exam {
    /// Twenty questions, for an hour.
    ///
    /// # Errors
    /// Those of computing the numbers of questions.
    pub fn draw(seed: u64) -> Result<Self> {
        Self::new(&ExamConfig::default(), seed)
    }

    /// A balanced draw: chapters are drawn at random, none again before all have had their turn; of each, one of the questions whose
    /// kind and level are most wanting so far, where kinds have equal shares, and levels 1, 2 and 3 shares of 3, 4 and 3 in ten.
    ///
    /// # Errors
    /// [`Error::Setting`] if the bank has fewer questions on these chapters, or there is no such chapter, or a setting is outside its
    /// range; those of computing the numbers of questions.
    pub fn new(config: &ExamConfig, seed: u64) -> Result<Self> {
        if !(1..=60).contains(&config.questions) {
            return Err(Error::setting("questions", "1 to 60", config.questions));
        }
        if !(config.minutes > 0.0 && config.minutes.is_finite()) {
            return Err(Error::setting("minutes", "above 0 and finite", config.minutes));
        }
        for name in &config.chapters {
            if !bank::CHAPTERS.iter().any(|chapter| chapter.notebook == name) {
                return Err(Error::setting("chapter", "the file of a chapter, such as 01-likelihood", name));
            }
        }
        let asked = |question: &Question| {
            config.chapters.is_empty() || config.chapters.iter().any(|c| c == question.notebook())
        };
        let questions: Vec<Question> = bank::questions().into_iter().filter(asked).collect();
        let chosen = balanced(questions, config.questions, seed)?;
        let questions = chosen.iter().map(|question| question.ask(seed)).collect::<Result<Vec<Asked>>>()?;
        let none = vec![None; questions.len()];
        let length = Duration::from_secs_f64(config.minutes * 60.0);
        Ok(Self { seed, start: Instant::now(), length, questions, in_time: none.clone(), late: none })
    }

    /// How many questions it has.
    pub fn len(&self) -> usize {
        self.questions.len()
    }

    /// Whether it has no questions, which no exam has.
    pub fn is_empty(&self) -> bool {
        self.questions.is_empty()
    }

    /// The questions, in their order.
    pub fn questions(&self) -> &[Asked] {
        &self.questions
    }

    /// A question, by its number from 1 or by its id.
    ///
    /// # Errors
    /// [`Error::Setting`] if the exam does not have it.
    pub fn question(&self, which: impl Into<Which>) -> Result<&Asked> {
        Ok(&self.questions[self.index(&which.into())?])
    }

    /// The time until answers are late.
    pub fn left(&self) -> Duration {
        self.length.saturating_sub(self.start.elapsed())
    }

    /// Answers a question, by its number from 1 or by its id: `exam.answer(7, 0.25)?`, `exam.answer("01-1", 'b')?`.
    ///
    /// # Errors
    /// [`Error::Setting`] if the exam does not have the question, or this cannot be an answer to it. All earlier answers stay.
    pub fn answer<Arity>(&mut self, which: impl Into<Which>, answer: impl Reply<Arity>) -> Result<()> {
        let late = self.left().is_zero();
        let (index, answer) = (self.index(&which.into())?, answer.answer());
        self.questions[index].check(&answer)?;
        let answers = if late { &mut self.late } else { &mut self.in_time };
        answers[index] = Some(answer);
        Ok(())
    }

    /// Grades all answers. Predictions are measured now.
    ///
    /// # Errors
    /// Those of the experiments.
    pub fn grade(&self) -> Result<Grade> {
        let row = |(index, asked): (usize, &Asked)| {
            let (answer, late) = self.counting(index);
            let credit = answer.map(|answer| asked.answer(answer.clone())).transpose()?.map(|mark| mark.credit());
            let (label, question) = (asked.label(), asked.question());
            Ok(Row { label, chapter: question.chapter(), link: question.link(), credit, late })
        };
        let rows = self.questions.iter().enumerate().map(row).collect::<Result<Vec<Row>>>()?;
        Ok(Grade { rows, title: format!("Mock exam, seed {}", self.seed) })
    }

    /// The mark of one answer, with what is right and why. Without an answer that is what is right.
    ///
    /// # Errors
    /// [`Error::Setting`] if the exam does not have the question; those of the experiment.
    pub fn review(&self, which: impl Into<Which>) -> Result<Mark> {
        let index = self.index(&which.into())?;
        let asked = &self.questions[index];
        match self.counting(index).0 {
            Some(answer) => asked.answer(answer.clone()),
            None => Ok(asked.answer(asked.solution())?.unanswered()),
        }
    }

    /// The answer that counts, and whether it came late.
    fn counting(&self, index: usize) -> (Option<&Answer>, bool) {
        match (&self.in_time[index], &self.late[index]) {
            (Some(answer), _) => (Some(answer), false),
            (None, late) => (late.as_ref(), late.is_some()),
        }
    }

    fn index(&self, which: &Which) -> Result<usize> {
        let found = match which {
            Which::Number(number) => number.checked_sub(1).filter(|index| *index < self.len()),
            Which::Id(id) => self.questions.iter().position(|asked| asked.question().id() == id),
        };
        found.ok_or_else(|| {
            Error::setting("question", "the number, from 1, or the id of a question of this exam", which)
        })
    }

    fn title(&self) -> String {
        let minutes = self.length.as_secs_f64() / 60.0;
        let answered = (0..self.len()).filter(|index| self.counting(*index).0.is_some()).count();
        format!("Mock exam, seed {}: {} questions, {minutes} minutes, {answered} answered", self.seed, self.len())
    }

    /// All questions as HTML.
    pub fn html(&self) -> String {
        let question = |(number, asked): (usize, &Asked)| {
            let label = escape(&asked.label());
            format!("<p><b>{number}</b> ({label})</p>\n{}", asked.body_html(&format!("exam.answer({number}, ")))
        };
        let questions: String = (1..).zip(&self.questions).map(question).collect();
        format!("<p><b>{}</b></p>\n{questions}", escape(&self.title()))
    }

    /// Shows all questions in a notebook.
    #[cfg(feature = "notebook")]
    pub fn evcxr_display(&self) {
        let list = (1..)
            .zip(&self.questions)
            .map(|(number, asked): (usize, &Asked)| format!("\n{number:>4}  {}", asked.label()));
        evcxr_runtime::mime_type("text/html").text(self.html());
        evcxr_runtime::mime_type("text/plain").text(format!("{}{}", self.title(), list.collect::<String>()));
    }
}

impl fmt::Display for Exam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.title())?;
        (1..).zip(&self.questions).try_for_each(|(number, asked)| {
            write!(f, "\n{number} ({})\n{}", asked.label(), asked.plain(&format!("exam.answer({number}, ")))
        })
    }
}

/// `count` questions, in the order of their chapters.
fn balanced(mut questions: Vec<Question>, count: usize, seed: u64) -> Result<Vec<Question>> {
    if questions.len() < count {
        return Err(Error::setting("questions", "at most as many as the bank has on these chapters", count));
    }
    let order: Vec<&str> = questions.iter().map(Question::id).collect();
    let mut chapters: Vec<&str> = questions.iter().map(Question::notebook).collect();
    chapters.dedup();
    let mut rng = stream(seed, "exam");
    // Among equals the last is taken, so this decides.
    questions.shuffle(&mut rng);
    let mut chosen: Vec<Question> = Vec::new();
    while chosen.len() < count {
        chapters.shuffle(&mut rng);
        for chapter in chapters.iter().take(count - chosen.len()) {
            let of_chapter = questions.iter().enumerate().filter(|(_, question)| question.notebook() == *chapter);
            let best = of_chapter.max_by(|(_, a), (_, b)| wanting(a, &chosen).total_cmp(&wanting(b, &chosen)));
            // A chapter may have no further question; then others have.
            let Some((index, _)) = best else { continue };
            let question = questions.remove(index);
            chosen.push(question);
        }
    }
    let place = |question: &Question| order.iter().position(|id| *id == question.id());
    chosen.sort_by_key(place);
    Ok(chosen)
}

/// How much less than their share the kind and the level of this question have among those that were chosen.
fn wanting(question: &Question, chosen: &[Question]) -> f64 {
    let count = |same: &dyn Fn(&Question) -> bool| chosen.iter().filter(|other| same(other)).count() as f64;
    let so_far = chosen.len() as f64 + 1.0;
    let share = LEVELS.get(usize::from(question.level()).wrapping_sub(1)).map_or(0.0, |tenths| tenths / 10.0);
    let level = so_far * share - count(&|other| other.level() == question.level());
    let kind = so_far / Kind::ALL.len() as f64 - count(&|other| other.kind() == question.kind());
    level + kind
}
