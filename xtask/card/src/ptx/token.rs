//! Words and marks of PTX.

/// A word, a mark or a text in quotes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Token<'a> {
    /// A name, an instruction with its suffixes, or a number.
    Word(&'a str),
    Mark(char),
    /// What stands between quotes.
    Text(&'a str),
}

impl<'a> Token<'a> {
    pub(crate) fn word(self) -> Option<&'a str> {
        if let Self::Word(word) = self { Some(word) } else { None }
    }
}

fn in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'%' | b'.')
}

/// The tokens of `text`, without comments.
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let start = at;
        if rest[0].is_ascii_whitespace() {
            at += 1;
        } else if let Some(after) = comment(rest) {
            at += after;
        } else if in_word(rest[0]) {
            // `ld.global.L1::no_allocate` is one word; `label:` is a word and a mark.
            while at < bytes.len() {
                if in_word(bytes[at]) {
                    at += 1;
                } else if bytes[at..].starts_with(b"::") {
                    at += 2;
                } else {
                    break;
                }
            }
            found.push(Token::Word(&text[start..at]));
        } else if rest[0] == b'"' {
            let length = rest[1..].iter().position(|&byte| byte == b'"').unwrap_or(rest.len() - 1);
            found.push(Token::Text(&text[start + 1..start + 1 + length]));
            at += length + 2;
        } else {
            let mark = text[at..].chars().next().unwrap_or(' ');
            found.push(Token::Mark(mark));
            at += mark.len_utf8();
        }
    }
    found
}

/// The length of a comment at the beginning of `rest`.
pub(crate) fn comment(rest: &[u8]) -> Option<usize> {
    let end = |mark: &[u8]| rest.windows(mark.len()).skip(2).position(|part| part == mark).map(|at| at + 2);
    if rest.starts_with(b"//") {
        Some(rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len()))
    } else if rest.starts_with(b"/*") {
        Some(end(b"*/").map_or(rest.len(), |at| at + 2))
    } else {
        None
    }
}
