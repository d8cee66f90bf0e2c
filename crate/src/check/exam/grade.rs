//! The grade of a mock exam.

use std::fmt;

use super::mark::short;
use super::markdown::escape;
use crate::Result;
use crate::probability::Proportion;

/// What a mock exam was worth, and which chapters to read again. It tells no answers: [`Exam::review`](super::Exam::review) does.
#[derive(Debug, Clone, PartialEq)]
pub struct Grade {
    pub(super) rows: Vec<Row>,
    pub(super) title: String,
}

/// What became of one question.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub label: String,
    pub chapter: &'static str,
    pub link: String,
    /// `None` if it was not answered.
    pub credit: Option<f64>,
    pub late: bool,
}

impl Row {
    fn in_time(&self) -> f64 {
        if self.late { 0.0 } else { self.credit.unwrap_or(0.0) }
    }

    fn points(&self) -> String {
        match self.credit {
            None => "no answer".to_owned(),
            Some(credit) if self.late => format!("late ({})", short(credit)),
            Some(credit) => short((credit * 100.0).round() / 100.0),
        }
    }
}

impl Grade {
    /// The points of what was answered in time.
    pub fn points(&self) -> f64 {
        self.rows.iter().map(Row::in_time).sum()
    }

    /// The points that late answers would have added.
    pub fn late_points(&self) -> f64 {
        self.rows.iter().filter(|row| row.late).filter_map(|row| row.credit).sum()
    }

    /// The points of a faultless exam: the number of questions.
    pub fn most(&self) -> f64 {
        self.rows.len() as f64
    }

    /// How many questions have an answer, late ones included.
    pub fn answered(&self) -> usize {
        self.rows.iter().filter(|row| row.credit.is_some()).count()
    }

    /// The share of questions with full credit, in time. Its [`interval`](Proportion::interval) says how surely so few questions
    /// measure it.
    ///
    /// # Errors
    /// None: an exam has at least one question.
    pub fn full(&self) -> Result<Proportion> {
        let full = self.rows.iter().filter(|row| row.in_time() == 1.0).count();
        Proportion::new(full as u64, self.rows.len() as u64)
    }

    /// The chapters to read again: title, link to the section of the first question that lost points, and points lost; most lost first.
    pub fn read_again(&self) -> Vec<(&'static str, String, f64)> {
        let mut chapters: Vec<(&'static str, String, f64)> = Vec::new();
        for row in &self.rows {
            let lost = 1.0 - row.in_time();
            match chapters.iter_mut().find(|(title, ..)| *title == row.chapter) {
                _ if lost == 0.0 => {}
                Some((.., sum)) => *sum += lost,
                None => chapters.push((row.chapter, row.link.clone(), lost)),
            }
        }
        // Stable: chapters that lost the same keep the order of the exam.
        chapters.sort_by(|a, b| b.2.total_cmp(&a.2));
        chapters
    }

    fn summary(&self) -> String {
        let late = self.rows.iter().filter(|row| row.late).count();
        let late = match late {
            0 => String::new(),
            n => format!(" {n} came late, and would have been worth {}.", short(self.late_points())),
        };
        let (points, most, answered) = (short(self.points()), self.most(), self.answered());
        format!("{}: {points} of {most} points, {answered} answered.{late}", self.title)
    }

    /// The grade as HTML.
    pub fn html(&self) -> String {
        let row = |(number, row): (usize, &Row)| {
            let cells = [number.to_string(), row.label.clone(), row.chapter.to_owned(), row.points()];
            let cells: String = cells
                .iter()
                .map(|cell| format!("<td style=\"text-align:left; padding:0.1em 0.6em\">{}</td>", escape(cell)))
                .collect();
            format!("<tr>{cells}</tr>\n")
        };
        let rows: String = (1..).zip(&self.rows).map(row).collect();
        let item = |(title, link, lost): &(&str, String, f64)| {
            format!("<li><a href=\"{}\">{}</a>: {} lost</li>\n", escape(link), escape(title), short(*lost))
        };
        let again: String = self.read_again().iter().map(item).collect();
        let again = if again.is_empty() { again } else { format!("<p>To read again:</p>\n<ul>\n{again}</ul>\n") };
        format!("<p><b>{}</b></p>\n<table>\n{rows}</table>\n{again}", escape(&self.summary()))
    }

    /// Shows the grade in a notebook.
    #[cfg(feature = "notebook")]
    pub fn evcxr_display(&self) {
        evcxr_runtime::mime_type("text/html").text(self.html());
        evcxr_runtime::mime_type("text/plain").text(self.to_string());
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.summary())?;
        let widest = self.rows.iter().map(|row| row.label.len()).max().unwrap_or(0);
        for (number, row) in (1..).zip(&self.rows) {
            writeln!(f, "{number:>4}  {:widest$}  {:>11}  {}", row.label, row.points(), row.chapter)?;
        }
        let again = self.read_again();
        if !again.is_empty() {
            writeln!(f, "To read again:")?;
        }
        again.iter().try_for_each(|(title, link, lost)| writeln!(f, "  {title}, {} lost: {link}", short(*lost)))
    }
}
