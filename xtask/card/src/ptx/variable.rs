//! Declarations of variables and parameters.

use super::operand::number;
use super::token::{Token, tokens};
use super::types::Type;

/// Where a variable lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Space {
    Generic,
    Global,
    Shared,
    Local,
    Param,
}

impl Space {
    /// The space with this name, without its point. Constants lie with what is global.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "global" | "const" => Self::Global,
            "shared" | "shared::cta" => Self::Shared,
            "local" => Self::Local,
            "param" | "param::entry" | "param::func" => Self::Param,
            _ => return None,
        })
    }
}

/// A variable: `.shared .align 4 .b8 sums[128]`.
#[derive(Clone, Debug)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) space: Space,
    pub(crate) align: usize,
    /// In bytes; 0 for an array whose length the launch gives.
    pub(crate) size: usize,
    /// What it begins with, in bytes; zeros after that.
    pub(crate) begins: Vec<u8>,
}

impl Variable {
    /// Reads one declaration, without its semicolon.
    pub(crate) fn read(tokens: &[Token<'_>]) -> Result<Self, String> {
        let (mut space, mut align, mut kind, mut name) = (None, None, None, None);
        let (mut count, mut vector, mut begins) = (1, 1, Vec::new());
        let mut at = 0;
        while at < tokens.len() {
            match tokens[at] {
                Token::Word(".align") => {
                    at += 1;
                    align = tokens.get(at).and_then(|token| token.word()).and_then(|word| word.parse().ok());
                }
                Token::Word(".v2") => vector = 2,
                Token::Word(".v4") => vector = 4,
                Token::Word(word) if word.starts_with('.') => {
                    let word = &word[1..];
                    kind = kind.or(Type::parse(word));
                    space = space.or(Space::parse(word));
                }
                Token::Word(word) => name = name.or(Some(word.to_string())),
                Token::Mark('[') => {
                    let length =
                        tokens.get(at + 1).and_then(|token| token.word()).map_or(Some(0), |word| word.parse().ok());
                    count *= length.ok_or("a length that is no number")?;
                }
                Token::Mark('=') => {
                    let kind = kind.ok_or("a variable without a type")?;
                    begins = values(&tokens[at + 1..], kind)?;
                    break;
                }
                _ => {}
            }
            at += 1;
        }
        let (kind, name) = (kind.ok_or("a variable without a type")?, name.ok_or("a variable without a name")?);
        let unit = kind.size() * vector;
        Ok(Self {
            name,
            space: space.unwrap_or(Space::Param),
            align: align.unwrap_or(unit),
            size: unit * count,
            begins,
        })
    }
}

/// What a variable begins with: numbers, in braces or not.
fn values(tokens: &[Token<'_>], kind: Type) -> Result<Vec<u8>, String> {
    let (mut bytes, mut minus) = (Vec::new(), false);
    for token in tokens {
        match token {
            Token::Mark('-') => minus = true,
            Token::Word(word) => {
                let value = number(word, minus).ok_or_else(|| format!("a variable that begins with `{word}`"))?;
                bytes.extend_from_slice(&value.bits(kind).to_le_bytes()[..kind.size()]);
                minus = false;
            }
            _ => {}
        }
    }
    Ok(bytes)
}

/// The parameters between the parentheses of a kernel or function.
pub(crate) fn parameters(text: &str) -> Result<Vec<Variable>, String> {
    let all = tokens(text);
    all.split(|&token| token == Token::Mark(',')).filter(|part| !part.is_empty()).map(Variable::read).collect()
}
