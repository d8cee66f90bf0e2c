//! What an instruction works on.

use super::token::Token;
use super::types::Type;

/// A number in the text.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Number {
    Integer(u64),
    /// `0f3F800000`: the bits of an F32.
    Single(u32),
    /// `0d3FF0000000000000`, or a number with a point.
    Double(f64),
}

impl Number {
    /// As an instruction of type `kind` sees it in a register.
    pub(crate) fn bits(self, kind: Type) -> u64 {
        match (self, kind) {
            (Self::Integer(value), _) => value,
            (Self::Single(bits), Type::F64) => f64::from(f32::from_bits(bits)).to_bits(),
            (Self::Single(bits), _) => u64::from(bits),
            (Self::Double(value), Type::F32) => u64::from((value as f32).to_bits()),
            (Self::Double(value), _) => value.to_bits(),
        }
    }
}

/// Reads a number; `minus` stood before it.
pub(crate) fn number(word: &str, minus: bool) -> Option<Number> {
    let (sign, hexadecimal) = (if minus { -1.0 } else { 1.0 }, |digits: &str| u64::from_str_radix(digits, 16).ok());
    let wrap = |value: u64| Number::Integer(if minus { value.wrapping_neg() } else { value });
    if !word.starts_with(|c: char| c.is_ascii_digit()) {
        return (word == "WARP_SZ").then_some(Number::Integer(32));
    }
    let lower = word.to_ascii_lowercase();
    if let Some(digits) = lower.strip_prefix("0f") {
        return Some(Number::Single(u32::from_str_radix(digits, 16).ok()? ^ (u32::from(minus) << 31)));
    }
    if let Some(digits) = lower.strip_prefix("0d") {
        return Some(Number::Double(f64::from_bits(hexadecimal(digits)? ^ (u64::from(minus) << 63))));
    }
    if let Some(digits) = lower.strip_prefix("0x") {
        return Some(wrap(hexadecimal(digits.trim_end_matches('u'))?));
    }
    match lower.trim_end_matches('u').parse() {
        Ok(value) => Some(wrap(value)),
        Err(_) => Some(Number::Double(sign * lower.parse::<f64>().ok()?)),
    }
}

/// One operand.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Operand {
    /// A register, a variable, a label or a function.
    Name(String),
    /// `!%p1`.
    Not(String),
    Number(Number),
    /// `[%rd1+4]`, or `[4096]` without a name.
    Address(Option<String>, i64),
    /// `{%f1, %f2}`.
    Vector(Vec<Self>),
    /// `(param0, param1)`.
    List(Vec<Self>),
    /// `%p1|%p2`.
    Pair(String, String),
}

/// Reads operands that commas separate.
pub(crate) fn operands(tokens: &[Token<'_>]) -> Result<Vec<Operand>, String> {
    let (mut found, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        let start = at;
        let mut depth = 0;
        while at < tokens.len() && (depth > 0 || tokens[at] != Token::Mark(',')) {
            match tokens[at] {
                Token::Mark('{' | '[' | '(') => depth += 1,
                Token::Mark('}' | ']' | ')') => depth -= 1,
                _ => {}
            }
            at += 1;
        }
        found.push(operand(&tokens[start..at])?);
        at += 1;
    }
    Ok(found)
}

fn operand(tokens: &[Token<'_>]) -> Result<Operand, String> {
    let inner = || &tokens[1..tokens.len() - 1];
    match tokens {
        [Token::Word(word)] => Ok(match number(word, false) {
            Some(number) => Operand::Number(number),
            None => Operand::Name((*word).to_string()),
        }),
        [Token::Mark('-'), Token::Word(word)] => {
            number(word, true).map(Operand::Number).ok_or_else(|| format!("`-{word}` is no number"))
        }
        [Token::Mark('!'), Token::Word(word)] => Ok(Operand::Not((*word).to_string())),
        [Token::Word(first), Token::Mark('|'), Token::Word(second)] => {
            Ok(Operand::Pair((*first).to_string(), (*second).to_string()))
        }
        [Token::Mark('{'), .., Token::Mark('}')] => operands(inner()).map(Operand::Vector),
        [Token::Mark('('), .., Token::Mark(')')] => operands(inner()).map(Operand::List),
        [Token::Mark('['), .., Token::Mark(']')] => address(inner()),
        // `variable+4` as a value.
        [Token::Word(_), Token::Mark('+'), ..] => address(tokens),
        _ => Err(format!("an operand that is not understood: {tokens:?}")),
    }
}

fn address(tokens: &[Token<'_>]) -> Result<Operand, String> {
    let (mut name, mut offset, mut minus) = (None, 0i64, false);
    for token in tokens {
        match token {
            Token::Mark('+') => {}
            Token::Mark('-') => minus = !minus,
            Token::Word(word) => match number(word, minus) {
                Some(Number::Integer(value)) => {
                    offset = offset.wrapping_add(value as i64);
                    minus = false;
                }
                _ => name = Some((*word).to_string()),
            },
            _ => return Err(format!("an address that is not understood: {tokens:?}")),
        }
    }
    Ok(Operand::Address(name, offset))
}
