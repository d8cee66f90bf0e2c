//! What the process of the cells writes, taken apart: text of the reader's, content to display, marks for the kernel.
//!
//! Text is handed on as it comes, whole lines or not. Only the beginning of what may become a mark is kept back until more has
//! come, or until nothing more comes ([`Parser::flush`]).

use crate::MARK;

/// One thing that was written.
#[derive(Debug, PartialEq)]
pub enum Item {
    /// Any bytes.
    Text(Vec<u8>),
    /// Something to display.
    Content(Content),
    /// A cell has run.
    Complete,
    /// The cell panicked: evcxr's own line.
    Panicked,
    /// A `?` of the cell returned: evcxr's own line.
    Returned,
    /// Another line of evcxr's protocol.
    Evcxr(String),
    /// Where the panic was.
    Panic(Place),
    /// Where the `?` was.
    Return(Place),
}

/// A block between `EVCXR_BEGIN_CONTENT` and `EVCXR_END_CONTENT`.
#[derive(Debug, PartialEq)]
pub struct Content {
    /// The type of the data.
    pub mime: String,
    /// The display that it belongs to, and replaces if that is there.
    pub display: Option<String>,
    /// The data.
    pub data: String,
}

/// A place in the code of a cell, and what happened there.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Place {
    /// The line in the file, from 1.
    pub line: usize,
    /// The column in the line, from 1.
    pub column: usize,
    /// The file; cells are compiled as `src/lib.rs`.
    pub file: String,
    /// The name of the thread, empty for that of the cell.
    pub thread: String,
    /// What happened.
    pub message: String,
}

/// How a mark begins, and what it is.
const MARKS: [(&str, Mark); 8] = [
    ("\u{1e}candlelight complete\n", Mark::Complete),
    ("\u{1e}candlelight panic ", Mark::Panic),
    ("\u{1e}candlelight return ", Mark::Return),
    ("EVCXR_PANIC_NOTIFICATION\n", Mark::Panicked),
    ("EVCXR_ERROR_OCCURRED\n", Mark::Returned),
    ("EVCXR_BEGIN_CONTENT ", Mark::Content),
    ("EVCXR_INPUT_REQUEST", Mark::Line),
    ("EVCXR_VARIABLE_CHANGED_TYPE:", Mark::Line),
];

const END: &[u8] = b"EVCXR_END_CONTENT\n";

#[derive(Debug, Clone, Copy, PartialEq)]
enum Mark {
    Complete,
    Panic,
    Return,
    Panicked,
    Returned,
    Content,
    Line,
}

/// What the next bytes belong to.
#[derive(Debug, Default)]
enum State {
    #[default]
    Text,
    /// Content, whose end is not before this many bytes of the buffer.
    Content { mime: String, display: Option<String>, seen: usize },
}

/// Takes one stream apart.
#[derive(Debug, Default)]
pub struct Parser {
    buffer: Vec<u8>,
    state: State,
}

impl Parser {
    /// What has become complete with these bytes.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Item> {
        self.buffer.extend_from_slice(bytes);
        let mut items = Vec::new();
        while self.next(&mut items) {}
        items
    }

    /// The text that was kept back, where nothing has followed it.
    pub fn flush(&mut self) -> Option<Item> {
        let whole = MARKS.iter().any(|(start, _)| self.buffer.starts_with(start.as_bytes()));
        let waits = matches!(self.state, State::Text) && !self.buffer.is_empty() && !whole;
        waits.then(|| Item::Text(std::mem::take(&mut self.buffer)))
    }

    /// All that is left, at the end of the stream.
    pub fn finish(&mut self) -> Option<Item> {
        self.state = State::Text;
        (!self.buffer.is_empty()).then(|| Item::Text(std::mem::take(&mut self.buffer)))
    }

    /// Whether something is kept back.
    pub fn waits(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Takes one thing from the buffer; whether there may be another.
    fn next(&mut self, items: &mut Vec<Item>) -> bool {
        match &mut self.state {
            State::Content { mime, display, seen } => {
                let Some((length, rest)) = end_of_content(&self.buffer, *seen) else {
                    // The end may have come in part.
                    *seen = self.buffer.len().saturating_sub(END.len());
                    return false;
                };
                let data = self.buffer.drain(..rest).take(length).collect::<Vec<u8>>();
                let data = String::from_utf8_lossy(data.strip_suffix(b"\n").unwrap_or(&data)).into_owned();
                items.push(Item::Content(Content { mime: std::mem::take(mime), display: display.take(), data }));
                self.state = State::Text;
                true
            }
            State::Text => self.text(items),
        }
    }

    fn text(&mut self, items: &mut Vec<Item>) -> bool {
        let (start, mark) = find_mark(&self.buffer);
        if start > 0 {
            items.push(Item::Text(self.buffer.drain(..start).collect()));
        }
        let Some(mark) = mark else { return false };
        match mark {
            Mark::Complete => self.take_line().map(|_| items.push(Item::Complete)),
            Mark::Panicked => self.take_line().map(|_| items.push(Item::Panicked)),
            Mark::Returned => self.take_line().map(|_| items.push(Item::Returned)),
            Mark::Line => self.take_line().map(|line| items.push(Item::Evcxr(line))),
            Mark::Content => self.take_line().map(|line| self.state = content(&line)),
            Mark::Panic => self.take_place(true).map(|place| items.push(Item::Panic(place))),
            Mark::Return => self.take_place(false).map(|place| items.push(Item::Return(place))),
        }
        .is_some()
    }

    fn take_line(&mut self) -> Option<String> {
        let end = self.buffer.iter().position(|&byte| byte == b'\n')?;
        let line = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
        self.buffer.drain(..=end);
        Some(line)
    }

    /// `LINE COLUMN BYTES FILE`, perhaps a line with the name of a thread, and a message of so many bytes.
    fn take_place(&mut self, named: bool) -> Option<Place> {
        let first = self.buffer.iter().position(|&byte| byte == b'\n')?;
        let head = String::from_utf8_lossy(&self.buffer[..first]).into_owned();
        let mut words = head.strip_prefix(MARK)?.splitn(5, ' ').skip(1);
        let mut number = || words.next().and_then(|word| word.parse::<usize>().ok()).unwrap_or(0);
        let (line, column, bytes) = (number(), number(), number());
        let file = words.next().unwrap_or_default().to_owned();
        let mut from = first + 1;
        let mut thread = String::new();
        if named {
            let end = from + self.buffer[from..].iter().position(|&byte| byte == b'\n')?;
            thread = String::from_utf8_lossy(&self.buffer[from..end]).into_owned();
            from = end + 1;
        }
        // With the line's end, which may come later.
        let message = self.buffer.get(from..from + bytes + 1)?;
        let message = String::from_utf8_lossy(&message[..bytes]).into_owned();
        self.buffer.drain(..from + bytes + 1);
        Some(Place { line, column, file, thread, message })
    }
}

/// The position of the first mark, or of what may become one; which one, if it is whole.
fn find_mark(buffer: &[u8]) -> (usize, Option<Mark>) {
    for (start, _) in buffer.iter().enumerate().filter(|(_, byte)| matches!(byte, b'E' | 0x1e)) {
        let rest = &buffer[start..];
        for (text, mark) in MARKS {
            if rest.starts_with(text.as_bytes()) {
                return (start, Some(mark));
            }
            if text.as_bytes().starts_with(rest) {
                return (start, None);
            }
        }
    }
    (buffer.len(), None)
}

/// `EVCXR_BEGIN_CONTENT MIME` or `EVCXR_BEGIN_CONTENT MIME;display=ID`.
fn content(line: &str) -> State {
    let kind = line.trim_start_matches("EVCXR_BEGIN_CONTENT ").trim();
    let (mime, display) = match kind.split_once(";display=") {
        Some((mime, display)) => (mime, Some(display.to_owned())),
        None => (kind, None),
    };
    State::Content { mime: mime.to_owned(), display, seen: 0 }
}

/// How long the content is, and how much of the buffer it ends with. A panic while it was sent ends it, too.
fn end_of_content(buffer: &[u8], seen: usize) -> Option<(usize, usize)> {
    const PANIC: &[u8] = b"EVCXR_PANIC_NOTIFICATION\n";
    let from = seen.saturating_sub(PANIC.len());
    let starts = (from..buffer.len()).filter(|&at| buffer[at] == b'E' && (at == 0 || buffer[at - 1] == b'\n'));
    for at in starts {
        if buffer[at..].starts_with(END) {
            return Some((at, at + END.len()));
        }
        if buffer[at..].starts_with(PANIC) {
            return Some((at, at));
        }
    }
    None
}

/// Bytes as text: what is no UTF-8 becomes the replacement character, and the beginning of a character waits for its end.
#[derive(Debug, Default)]
pub struct Decoder(Vec<u8>);

impl Decoder {
    /// The text of these bytes and of those that waited.
    pub fn push(&mut self, bytes: &[u8]) -> String {
        self.0.extend_from_slice(bytes);
        let mut text = String::new();
        let mut rest = &self.0[..];
        loop {
            match std::str::from_utf8(rest) {
                Ok(valid) => {
                    text.push_str(valid);
                    rest = &[];
                    break;
                }
                Err(error) => {
                    let (valid, after) = rest.split_at(error.valid_up_to());
                    text.push_str(&String::from_utf8_lossy(valid));
                    rest = after;
                    let Some(wrong) = error.error_len() else { break };
                    text.push(char::REPLACEMENT_CHARACTER);
                    rest = &rest[wrong..];
                }
            }
        }
        self.0 = rest.to_vec();
        text
    }

    /// What waited for the end of its character, which will not come.
    pub fn finish(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.0)).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Item {
        Item::Text(text.as_bytes().to_vec())
    }

    /// Neighbouring texts as one, so that results do not depend on where the bytes were cut.
    fn joined(items: Vec<Item>) -> Vec<Item> {
        let mut out: Vec<Item> = Vec::new();
        for item in items {
            match (out.last_mut(), item) {
                (Some(Item::Text(last)), Item::Text(more)) => last.extend(more),
                (_, item) => out.push(item),
            }
        }
        out
    }

    const ALL: &str = "one\nhalfEVCXR_BEGIN_CONTENT text/plain\nin\n\nside\nEVCXR_END_CONTENT\nEVCXR_BEGIN_CONTENT text/html;display=p1\n\
                       EVCXR_END_CONTENT\nEVCXR_ERROR_OCCURRED\nEVCXR_PANIC_NOTIFICATION\nEVCXR_INPUT_REQUEST:name?\nEVCXR \
                       is no mark, nor is \u{1e}candle\n\u{1e}candlelight panic 12 5 7 src/lib.rs\n\nno\nmore\nafter\n\u{1e}candlelight \
                       complete\n";

    fn expected() -> Vec<Item> {
        let content = |mime: &str, display: Option<&str>, data: &str| {
            Item::Content(Content { mime: mime.into(), display: display.map(str::to_owned), data: data.into() })
        };
        let place =
            Place { line: 12, column: 5, file: "src/lib.rs".into(), message: "no\nmore".into(), ..Place::default() };
        vec![
            text("one\nhalf"),
            content("text/plain", None, "in\n\nside"),
            content("text/html", Some("p1"), ""),
            Item::Returned,
            Item::Panicked,
            Item::Evcxr("EVCXR_INPUT_REQUEST:name?".into()),
            text("EVCXR is no mark, nor is \u{1e}candle\n"),
            Item::Panic(place),
            text("after\n"),
            Item::Complete,
        ]
    }

    #[test]
    fn marks_are_found_wherever_the_bytes_are_cut() {
        for size in [1, 2, 3, 7, 64, 10_000] {
            let mut parser = Parser::default();
            let items = ALL.as_bytes().chunks(size).flat_map(|chunk| parser.push(chunk)).collect();
            assert_eq!(joined(items), expected(), "{size} at a time");
            assert!(!parser.waits());
        }
    }

    #[test]
    fn what_may_become_a_mark_waits_until_nothing_follows() {
        let mut parser = Parser::default();
        assert_eq!(parser.push(b"half a line E"), [text("half a line ")]);
        assert_eq!(parser.flush(), Some(text("E")));
        assert_eq!(parser.push(b"EVCXR_BEGIN_CONTENT text/pl"), []);
        assert_eq!(parser.flush(), None, "this is one");
    }

    #[test]
    fn a_panic_ends_the_content_that_it_interrupts() {
        let mut parser = Parser::default();
        let items = parser.push(b"EVCXR_BEGIN_CONTENT text/plain\nhalf\nEVCXR_PANIC_NOTIFICATION\n");
        let half = Content { mime: "text/plain".into(), display: None, data: "half".into() };
        assert_eq!(items, [Item::Content(half), Item::Panicked]);
    }

    #[test]
    fn the_end_of_a_message_may_come_later() {
        let mut parser = Parser::default();
        assert_eq!(parser.push(b"\x1ecandlelight return 1 2 2 src/lib.rs\nno"), []);
        assert_eq!(parser.flush(), None);
        let place = Place { line: 1, column: 2, file: "src/lib.rs".into(), message: "no".into(), ..Place::default() };
        assert_eq!(parser.push(b"\n"), [Item::Return(place)]);
    }

    #[test]
    fn large_content_is_read_once() {
        let mut parser = Parser::default();
        parser.push(b"EVCXR_BEGIN_CONTENT image/svg+xml\n");
        let start = std::time::Instant::now();
        for _ in 0..5_000 {
            assert_eq!(parser.push(&[b'E'; 1000]), []);
        }
        let Some(Item::Content(content)) = parser.push(b"\nEVCXR_END_CONTENT\n").pop() else { panic!("no content") };
        assert_eq!(content.data.len(), 5_000_000);
        assert!(start.elapsed().as_secs() < 5, "the time grew with the square of the length");
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced_and_characters_are_not_cut() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.push(&[b'a', 0xe2, 0x82]), "a");
        assert_eq!(decoder.push(&[0xac, 0xff, b'b']), "€\u{fffd}b");
        assert_eq!(decoder.push(&[0xc3]) + &decoder.finish(), "\u{fffd}");
    }
}
