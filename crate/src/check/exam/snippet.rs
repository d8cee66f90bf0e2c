//! Programs with a fault: compiled, run, and shown.

/// The text of a program with one fault, and of the same program without it. Both are compiled; see `snippet!` in `bank`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Snippet {
    given: &'static str,
    mended: &'static str,
}

impl Snippet {
    /// The two texts.
    pub const fn new(given: &'static str, mended: &'static str) -> Self {
        Self { given, mended }
    }

    /// The program that the question shows, as a reader would write it.
    pub fn given(&self) -> String {
        shown(self.given)
    }

    /// The program without the fault.
    pub fn mended(&self) -> String {
        shown(self.mended)
    }

    /// The lines of the given program that the mended one lacks, from and to, counted from 1; where it only lacks some, the lines
    /// before and after the gap.
    pub fn changed(&self) -> (usize, usize) {
        let (given, mended): (Vec<_>, Vec<_>) = (self.given.lines().collect(), self.mended.lines().collect());
        let before = given.iter().zip(&mended).take_while(|(a, b)| a == b).count();
        let rest = given.len().min(mended.len()) - before;
        let after = given.iter().rev().zip(mended.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
        let (first, last) = (before + 1, given.len() - after);
        if first <= last { (first, last) } else { (last, first) }
    }
}

/// Within the crate a snippet imports from `crate`, a reader from `candlelight`.
fn shown(text: &str) -> String {
    text.trim_end().replace("crate::", "candlelight::")
}

/// What the program with the fault computes, and what it should.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// What is computed: "variance of [1, 3]".
    pub what: &'static str,
    /// The value of the given program.
    pub given: f64,
    /// That of the mended one.
    pub mended: f64,
    /// The right one, from somewhere else: a closed form, a value of the crate.
    pub right: f64,
}

impl Evidence {
    /// The given program computes a wrong value, the mended one the right one, to a relative 1e-9.
    pub fn new(what: &'static str, given: f64, mended: f64, right: f64) -> Self {
        Self { what, given, mended, right }
    }

    /// Whether it shows the fault: the mended program is right, and the given one is not (NaN is not).
    pub fn shows(&self) -> bool {
        let near = |value: f64| (value - self.right).abs() <= 1e-9 * self.right.abs().max(1.0);
        near(self.mended) && !near(self.given)
    }
}

impl std::fmt::Display for Evidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { what, given, mended, right } = self;
        write!(f, "{what}: this program gives {given}, the mended one {mended}; right is {right}")
    }
}
