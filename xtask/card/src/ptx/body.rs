//! The statements of a kernel or function.

use super::operand::{Operand, operands};
use super::token::{Token, tokens};
use super::types::Type;
use super::variable::Variable;

/// A predicate before an instruction, and whether it must be false.
pub(crate) type Guard = Option<(String, bool)>;

/// What stands between semicolons.
#[derive(Clone, Debug)]
pub(crate) enum Statement {
    /// Braces: names declared between them end there.
    Open,
    Close,
    Label(String),
    /// Registers: a name, or the beginning of as many names as are counted.
    Registers(Vec<(String, Option<usize>)>),
    Variable(Variable),
    /// The labels that `brx.idx` chooses from.
    Table(Vec<String>),
    Instruction {
        guard: Guard,
        name: String,
        operands: Vec<Operand>,
        text: String,
    },
}

/// Reads a body.
pub(crate) fn statements(body: &str) -> Result<Vec<Statement>, String> {
    let all = tokens(body);
    let (mut found, mut at) = (Vec::new(), 0);
    while at < all.len() {
        match &all[at..] {
            [Token::Mark('{'), ..] => found.push(Statement::Open),
            [Token::Mark('}'), ..] => found.push(Statement::Close),
            [Token::Mark(';'), ..] => {}
            [Token::Word(name), Token::Mark(':'), ..] => {
                found.push(Statement::Label((*name).to_string()));
                at += 1;
            }
            // `.loc 1 20 3, inlined_at 1 9 2` ends with its line, which tokens do not show: what cannot belong to it ends it.
            [Token::Word(".loc"), ..] => {
                while all.get(at + 1).is_some_and(|&token| of_location(token)) {
                    at += 1;
                }
            }
            rest => {
                let length = rest.iter().position(|&token| token == Token::Mark(';')).unwrap_or(rest.len());
                found.extend(statement(&rest[..length])?);
                at += length;
            }
        }
        at += 1;
    }
    Ok(found)
}

/// Whether a token belongs to a line of the source.
fn of_location(token: Token<'_>) -> bool {
    match token {
        Token::Word(word) => {
            word.bytes().all(|byte| byte.is_ascii_digit())
                || matches!(word, "function_name" | "inlined_at")
                || word.contains("info_string")
        }
        Token::Mark(mark) => matches!(mark, ',' | '+'),
        Token::Text(_) => false,
    }
}

fn statement(tokens: &[Token<'_>]) -> Result<Option<Statement>, String> {
    let Some(first) = tokens[0].word() else {
        return instruction(tokens).map(Some);
    };
    if first == ".reg" || first.starts_with(".reg.") {
        return Ok(Some(Statement::Registers(registers(&tokens[1..]))));
    }
    if first == ".branchtargets" {
        let labels = tokens[1..].iter().filter_map(|token| token.word()).map(String::from).collect();
        return Ok(Some(Statement::Table(labels)));
    }
    if [".local", ".shared", ".param", ".global", ".const"].iter().any(|space| first.starts_with(space)) {
        return Variable::read(tokens).map(|variable| Some(Statement::Variable(variable)));
    }
    // `.pragma "nounroll"` and its like say nothing about results.
    if first.starts_with('.') { Ok(None) } else { instruction(tokens).map(Some) }
}

fn registers(tokens: &[Token<'_>]) -> Vec<(String, Option<usize>)> {
    let mut found: Vec<(String, Option<usize>)> = Vec::new();
    let mut counting = false;
    for token in tokens {
        match token {
            Token::Mark(mark) => counting = *mark == '<',
            Token::Word(word) if counting => {
                if let Some(last) = found.last_mut() {
                    last.1 = word.parse().ok();
                }
            }
            Token::Word(word) if Type::parse(word.trim_start_matches('.')).is_some() && word.starts_with('.') => {}
            Token::Word(word) => found.push(((*word).to_string(), None)),
            Token::Text(_) => {}
        }
    }
    found
}

fn instruction(tokens: &[Token<'_>]) -> Result<Statement, String> {
    let (guard, rest) = match tokens {
        [Token::Mark('@'), Token::Mark('!'), Token::Word(name), rest @ ..] => (Some(((*name).to_string(), true)), rest),
        [Token::Mark('@'), Token::Word(name), rest @ ..] => (Some(((*name).to_string(), false)), rest),
        rest => (None, rest),
    };
    let [Token::Word(name), rest @ ..] = rest else {
        return Err(format!("a statement that is not understood: {}", text(tokens)));
    };
    Ok(Statement::Instruction { guard, name: (*name).to_string(), operands: operands(rest)?, text: text(tokens) })
}

/// The statement as one reads it.
fn text(tokens: &[Token<'_>]) -> String {
    let mut text = String::new();
    for token in tokens {
        match token {
            Token::Word(word) => {
                if text.ends_with(|c: char| c.is_ascii_alphanumeric()) {
                    text.push(' ');
                }
                text.push_str(word);
            }
            Token::Mark(',') => text.push_str(", "),
            Token::Mark(mark @ ('[' | '{' | '(')) if text.ends_with(|c: char| c.is_ascii_alphanumeric()) => {
                text.push(' ');
                text.push(*mark);
            }
            Token::Mark(mark) => text.push(*mark),
            Token::Text(quoted) => text.push_str(quoted),
        }
    }
    text
}
