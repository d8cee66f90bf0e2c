//! Positions in the source of a cell, and whether it is complete. Jupyter counts characters, Rust bytes.

use ra_ap_parser::{Edition, LexedStr, SyntaxKind};

/// The byte at which a character begins; the end, if there are fewer.
pub fn byte(text: &str, character: usize) -> usize {
    text.char_indices().nth(character).map_or(text.len(), |(byte, _)| byte)
}

/// The number of characters before a byte.
pub fn character(text: &str, byte: usize) -> usize {
    text.char_indices().take_while(|(at, _)| *at < byte).count()
}

/// The end of the name that a byte lies in, or before which it lies.
pub fn end_of_word(text: &str, byte: usize) -> usize {
    let rest = &text[byte..];
    byte + rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
}

/// Whether a cell can be run, has an end still to come, or cannot be right.
#[derive(Debug, PartialEq)]
pub enum Completeness {
    /// It can be run.
    Complete,
    /// A bracket, a string or a comment is open.
    Incomplete,
    /// A bracket is closed that was not open.
    Invalid,
}

/// Looks at brackets, strings and comments only.
pub fn completeness(code: &str) -> Completeness {
    let lexed = LexedStr::new(Edition::Edition2024, code);
    let mut open = Vec::new();
    for i in 0..lexed.len() {
        match lexed.kind(i) {
            opening @ (SyntaxKind::L_CURLY | SyntaxKind::L_BRACK | SyntaxKind::L_PAREN) => open.push(opening),
            SyntaxKind::R_CURLY if open.pop() != Some(SyntaxKind::L_CURLY) => return Completeness::Invalid,
            SyntaxKind::R_BRACK if open.pop() != Some(SyntaxKind::L_BRACK) => return Completeness::Invalid,
            SyntaxKind::R_PAREN if open.pop() != Some(SyntaxKind::L_PAREN) => return Completeness::Invalid,
            _ => {}
        }
    }
    let unterminated = lexed.errors().any(|(_, error)| error.contains("terminat"));
    if open.is_empty() && !unterminated { Completeness::Complete } else { Completeness::Incomplete }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters() {
        let text = "let größe = 𝛼;";
        assert_eq!((byte(text, 6), character(text, 6)), (6, 6));
        assert_eq!((byte(text, 7), character(text, 8)), (8, 7), "behind a character of two bytes");
        assert_eq!((byte(text, 13), character(text, text.len() - 1)), (text.len() - 1, 13));
        assert_eq!(byte(text, 99), text.len());
        assert_eq!(&text[..end_of_word(text, 5)], "let größe");
    }

    #[test]
    fn open_ends_are_seen() {
        let all =
            |codes: &[&str], wanted| codes.iter().for_each(|code| assert_eq!(completeness(code), wanted, "{code}"));
        all(&["", "let x = 1", "fn f() { \"}\" }", "// {", "'('", ":dep a = { path = \"b\" }"], Completeness::Complete);
        all(&["fn f() {", "vec![1,", "\"half", "/* half", "f(|x| {"], Completeness::Incomplete);
        all(&["}", "(]", "f())"], Completeness::Invalid);
    }
}
