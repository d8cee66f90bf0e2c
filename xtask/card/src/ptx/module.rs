//! What a module holds: kernels, functions, and variables of the module.

use std::collections::HashMap;

use super::token::{comment, tokens};
use super::variable::{Variable, parameters};

/// A kernel or a function of the device, not yet decoded.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    /// What it returns, for `.func`.
    pub(crate) returns: Vec<Variable>,
    pub(crate) parameters: Vec<Variable>,
    /// What stands between its braces.
    pub(crate) body: String,
}

/// A module that was read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Module {
    pub(crate) entries: HashMap<String, Function>,
    pub(crate) functions: HashMap<String, Function>,
    /// `.global` and `.const`, then `.shared` by the space of each.
    pub(crate) variables: Vec<Variable>,
}

impl Module {
    /// Reads what stands at the outermost level.
    ///
    /// # Errors
    ///
    /// Braces that do not match, or a declaration that is not understood.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let mut module = Self::default();
        let bytes = text.as_bytes();
        let (mut at, mut head) = (0, String::new());
        while at < bytes.len() {
            if let Some(length) = comment(&bytes[at..]) {
                at += length;
                continue;
            }
            match bytes[at] {
                b'{' if !head.contains('=') => {
                    let end =
                        closing(&bytes[at..]).ok_or_else(|| format!("no end of the braces after `{}`", head.trim()))?;
                    module.function(&head, Some(&text[at + 1..at + end]))?;
                    head.clear();
                    at += end;
                }
                b';' => {
                    module.declaration(&head)?;
                    head.clear();
                }
                // `.version 9.0` and its like end with the line.
                b'\n'
                    if [".version", ".target", ".address_size", ".file"]
                        .iter()
                        .any(|word| head.trim_start().starts_with(word)) =>
                {
                    head.clear();
                }
                byte => head.push(char::from(byte)),
            }
            at += 1;
        }
        Ok(module)
    }

    fn declaration(&mut self, head: &str) -> Result<(), String> {
        let words: Vec<&str> = head.split_whitespace().collect();
        if words.iter().any(|word| word.starts_with(".func") || word.starts_with(".entry")) {
            return Ok(());
        }
        if words
            .iter()
            .any(|word| word.starts_with(".global") || word.starts_with(".const") || word.starts_with(".shared"))
        {
            self.variables.push(Variable::read(&tokens(head))?);
        }
        Ok(())
    }

    fn function(&mut self, head: &str, body: Option<&str>) -> Result<(), String> {
        let body = body.unwrap_or_default().to_string();
        let entry = head.contains(".entry");
        let Some((_, head)) = head.split_once(if entry { ".entry" } else { ".func" }) else {
            return Ok(());
        };
        let (mut returns, mut head) = (Vec::new(), head.trim_start());
        if let (false, Some((inner, after))) = (entry, head.strip_prefix('(').and_then(|rest| rest.split_once(')'))) {
            (returns, head) = (parameters(inner)?, after.trim_start());
        }
        let (name, rest) = head.split_at(head.find(|c: char| c.is_whitespace() || c == '(').unwrap_or(head.len()));
        let taken = match rest.trim_start().strip_prefix('(').and_then(|rest| rest.split_once(')')) {
            Some((inner, _)) => parameters(inner)?,
            None => Vec::new(),
        };
        let function = Function { returns, parameters: taken, body };
        if entry { &mut self.entries } else { &mut self.functions }.insert(name.to_string(), function);
        Ok(())
    }
}

/// Where the braces that begin `rest` end.
fn closing(rest: &[u8]) -> Option<usize> {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match rest[at] {
            b'/' => {
                if let Some(length) = comment(&rest[at..]) {
                    at += length;
                    continue;
                }
            }
            b'"' => at += 1 + rest[at + 1..].iter().position(|&byte| byte == b'"')?,
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}
