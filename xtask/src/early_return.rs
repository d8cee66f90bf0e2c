//! Where a `?` of a cell returned, and with what: evcxr only prints the error.
//!
//! evcxr compiles a cell with `?` as a closure whose error type takes any error, by a `From` that prints it. The text of that
//! `From` is known, so it is replaced, line by line, by one that tells the kernel the place and the message.

/// What evcxr writes, and what takes its place; no line is added, so that the compiler's messages keep their lines.
const REPLACED: [(&str, &str); 2] = [
    ("fn from(error: T) -> Self {", "#[track_caller] fn from(error: T) -> Self {"),
    (
        "eprintln!(\"{}\", error);",
        "let (place, text) = (std::panic::Location::caller(), error.to_string()); \
         eprintln!(\"\\u{1e}candlelight return {} {} {} {}\\n{text}\", place.line(), place.column(), text.len(), place.file());",
    ),
];

/// The source of a cell with the places of its errors; unchanged where evcxr wrote something else.
pub fn with_place(source: &str) -> String {
    let Some(start) = source.find("struct EvcxrUserCodeError {}") else { return source.to_owned() };
    let (before, rest) = source.split_at(start);
    let end = rest.find("USER_ERROR_OCCURRED").unwrap_or(0);
    let (own, after) = rest.split_at(end);
    if REPLACED.iter().any(|(text, _)| own.matches(text).count() != 1) {
        return source.to_owned();
    }
    let own = REPLACED.iter().fold(own.to_owned(), |own, (text, new)| own.replacen(text, new, 1));
    format!("{before}{own}{after}")
}

#[cfg(test)]
mod tests {
    use super::with_place;

    #[test]
    fn the_error_of_evcxr_is_told_and_no_line_moves() {
        let source = "fn one() { eprintln!(\"{}\", error); }\nstruct EvcxrUserCodeError {}\nimpl<T: std::fmt::Display> From<T> for \
                      EvcxrUserCodeError {\n    fn from(error: T) -> Self {\n        eprintln!(\"{}\", error);\n        \
                      println!(\"{}\", evcxr_internal_runtime::USER_ERROR_OCCURRED);\n    }\n}\nfn two() { eprintln!(\"{}\", error); }\n";
        let new = with_place(source);
        assert_eq!(new.lines().count(), source.lines().count());
        assert!(
            new.starts_with("fn one() { eprintln!(\"{}\", error); }")
                && new.ends_with("fn two() { eprintln!(\"{}\", error); }\n")
        );
        assert!(new.contains("#[track_caller] fn from") && new.contains("candlelight return"));
        assert_eq!(with_place("let x = 1;"), "let x = 1;");
    }
}
