//! What a reader answers, and which question it is for.

use std::fmt;
use std::sync::Arc;

/// An answer to a question.
#[derive(Clone)]
pub enum Answer {
    /// The letters of the options that were chosen.
    Letters(String),
    /// A number.
    Number(f64),
    /// An expression in this many variables.
    Formula(usize, Expression),
}

/// A function of the variables that a question names, in their order.
pub type Expression = Arc<dyn Fn(&[f64]) -> f64 + Send + Sync>;

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Letters(letters) => write!(f, "{letters:?}"),
            Self::Number(value) => write!(f, "{value}"),
            Self::Formula(1, _) => write!(f, "a closure of one number"),
            Self::Formula(arity, _) => write!(f, "a closure of {arity} numbers"),
        }
    }
}

/// What can be given as an answer: the letter of an option, several letters in a text, a number, or a closure of one to four `f64`,
/// whose types are written out: `|p: f64, y: f64| p - y`.
///
/// `Arity` tells the compiler how many numbers a closure takes; no caller names it.
pub trait Reply<Arity> {
    /// The answer.
    fn answer(self) -> Answer;
}

macro_rules! reply {
    ($($type:ty, $value:ident => $answer:expr);* $(;)?) => {$(
        impl Reply<()> for $type {
            fn answer(self) -> Answer {
                let $value = self;
                $answer
            }
        }
    )*};
}

reply! {
    Answer, given => given;
    char, letter => Answer::Letters(letter.to_string());
    &str, letters => Answer::Letters(letters.to_owned());
    String, letters => Answer::Letters(letters);
    f64, value => Answer::Number(value);
    i32, value => Answer::Number(f64::from(value));
    u32, value => Answer::Number(f64::from(value));
    i64, value => Answer::Number(value as f64);
    u64, value => Answer::Number(value as f64);
    usize, value => Answer::Number(value as f64);
}

impl<F: Fn(f64) -> f64 + Send + Sync + 'static> Reply<[f64; 1]> for F {
    fn answer(self) -> Answer {
        Answer::Formula(1, Arc::new(move |v| self(v[0])))
    }
}

impl<F: Fn(f64, f64) -> f64 + Send + Sync + 'static> Reply<[f64; 2]> for F {
    fn answer(self) -> Answer {
        Answer::Formula(2, Arc::new(move |v| self(v[0], v[1])))
    }
}

impl<F: Fn(f64, f64, f64) -> f64 + Send + Sync + 'static> Reply<[f64; 3]> for F {
    fn answer(self) -> Answer {
        Answer::Formula(3, Arc::new(move |v| self(v[0], v[1], v[2])))
    }
}

impl<F: Fn(f64, f64, f64, f64) -> f64 + Send + Sync + 'static> Reply<[f64; 4]> for F {
    fn answer(self) -> Answer {
        Answer::Formula(4, Arc::new(move |v| self(v[0], v[1], v[2], v[3])))
    }
}

/// A question of an exam: by its number there, from 1, or by its id.
#[derive(Debug, Clone, PartialEq)]
pub enum Which {
    /// The number in the exam, from 1.
    Number(usize),
    /// The id in the bank.
    Id(String),
}

impl From<usize> for Which {
    fn from(number: usize) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Which {
    fn from(id: &str) -> Self {
        Self::Id(id.to_owned())
    }
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Id(id) => write!(f, "{id}"),
        }
    }
}
