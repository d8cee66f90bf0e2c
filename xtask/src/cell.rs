//! The source of a cell, as evcxr writes it and as it is compiled: less of it, and its `?` tell where they returned.
//!
//! evcxr writes the store of the variables into each cell, takes every variable out and puts it back, and tries a value without
//! a display of its own a second time. The crate holds the same compiled ([`candlelight::cells`]), and a variable that a cell does
//! not name can stay where it is. Lines keep their numbers, so that the compiler's messages do.
//!
//! [`candlelight::cells`]: ../../crate/src/cells.rs

/// The first line of what evcxr compiles into each cell.
const RUNTIME: &str = "mod evcxr_internal_runtime {";
/// The line behind it.
const FUNCTION: &str = "#[unsafe(no_mangle)]";
/// What takes its place.
const COMPILED: &str = "use ::candlelight::cells as evcxr_internal_runtime;";
/// Shows a value that has no display of its own, as evcxr would in a second attempt: methods of a type hide those of a trait.
const SHOWN: &str = "trait EvcxrShown { fn evcxr_display(&self); } impl<T: std::fmt::Debug> EvcxrShown for T \
                     { fn evcxr_display(&self) { ::candlelight::cells::show(self) } }";

/// The body of the `From` by which evcxr takes any error of a `?`, and what takes its place.
const ERROR: [(&str, &str); 3] = [
    ("fn from(error: T) -> Self {", "#[track_caller] fn from(error: T) -> Self {"),
    ("eprintln!(\"{}\", error);", "::candlelight::cells::returned(&error);"),
    ("println!(\"{}\", evcxr_internal_runtime::USER_ERROR_OCCURRED);", ""),
];

/// The source with the runtime of the crate; unchanged where evcxr wrote something else. With `shown`, values show themselves.
pub fn with_runtime(source: &str, shown: bool) -> String {
    let found = source.find(RUNTIME).and_then(|from| {
        let length = source[from..].find(&format!("\n{FUNCTION}"))?;
        Some(from..from + length)
    });
    let Some(range) = found else { return source.to_owned() };
    if !["pub struct VariableStore", "pub fn create_variable_store()"]
        .iter()
        .all(|part| source[range.clone()].contains(part))
    {
        return source.to_owned();
    }
    let lines = "\n".repeat(source[range.clone()].matches('\n').count());
    let shown = if shown { SHOWN } else { "" };
    let (before, after) = (&source[..range.start], &source[range.end..]);
    with_error(&format!("{before}{COMPILED} {shown}{lines}{after}"))
}

fn with_error(source: &str) -> String {
    let Some(start) = source.find("struct EvcxrUserCodeError {}") else { return source.to_owned() };
    let (before, rest) = source.split_at(start);
    let end = rest.find(COMPILED).unwrap_or(0);
    let (own, after) = rest.split_at(end);
    if ERROR.iter().any(|(text, _)| own.matches(text).count() != 1) {
        return source.to_owned();
    }
    let own = ERROR.iter().fold(own.to_owned(), |own, (text, new)| own.replacen(text, new, 1));
    format!("{before}{own}{after}")
}

/// The source without the lines that take out and put back a variable that nothing else of the cell names; `None` if there are
/// none.
pub fn without_unnamed(source: &str) -> Option<String> {
    let (items, function) = source.split_at(source.find(FUNCTION)?);
    let rest: Vec<&str> = function.lines().filter(|line| moved(line).is_none() && !is_check(line)).collect();
    let named = |name: &str| rest.iter().any(|line| has_word(line, name));
    let mut left_out = false;
    let mut lines = Vec::new();
    for line in function.split('\n') {
        let unnamed = moved(line).is_some_and(|name| !named(name));
        left_out |= unnamed;
        lines.push(if unnamed { "" } else { line });
    }
    left_out.then(|| format!("{items}{}", lines.join("\n")))
}

/// The variable that evcxr takes out or puts back in this line.
fn moved(line: &str) -> Option<&str> {
    let call = line.strip_prefix("let ").map_or(Some(line), |rest| rest.split_once(" = ").map(|(_, call)| call))?;
    let call = call.strip_prefix("evcxr_variable_store.")?;
    if !call.starts_with("take_variable::<") && !call.starts_with("put_variable::<") {
        return None;
    }
    let (_, name) = call.rsplit_once("(stringify!(")?;
    name.split_once(')').map(|(name, _)| name)
}

fn is_check(line: &str) -> bool {
    line.starts_with("vars_ok &= evcxr_variable_store.check_variable::<")
}

/// Whether `word` stands in `text` and is not a part of a longer one; within a literal too, which may be a format.
fn has_word(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| !text[..at].ends_with(part) && !text[at + word.len()..].starts_with(part))
}

#[cfg(test)]
mod tests {
    use super::{with_runtime, without_unnamed};

    const CELL: &str = "fn one() { eprintln!(\"{}\", error); }\nstruct EvcxrUserCodeError {}\nimpl<T: std::fmt::Display> From<T> for \
        EvcxrUserCodeError {\n    fn from(error: T) -> Self {\n        eprintln!(\"{}\", error);\n        \
        println!(\"{}\", evcxr_internal_runtime::USER_ERROR_OCCURRED);\n    }\n}\nmod evcxr_internal_runtime {\n\
        pub struct VariableStore {\n}\n\npub fn create_variable_store() {\n}\n}\n#[unsafe(no_mangle)]\n\
        pub extern \"C\" fn run_user_code_3(\n{let mut vars_ok = true;\n\
        vars_ok &= evcxr_variable_store.check_variable::<u8>(stringify!(x));\n\
        let x = evcxr_variable_store.take_variable::<u8>(stringify!(x));\n\
        let mut y = evcxr_variable_store.take_variable::<Vec<u8>>(stringify!(y));\n\
        let z = evcxr_variable_store.take_variable::<u8>(stringify!(z));\n\
        let w = println!(\"{z} {}\", fax);\nevcxr_variable_store.put_variable::<u8>(stringify!(w), w);\n\
        evcxr_variable_store.put_variable::<u8>(stringify!(x), x);\n\
        evcxr_variable_store.put_variable::<Vec<u8>>(stringify!(y), y);\n\
        evcxr_variable_store.put_variable::<u8>(stringify!(z), z);\nevcxr_variable_store\n}";

    #[test]
    fn the_runtime_is_that_of_the_crate_and_no_line_moves() {
        let new = with_runtime(CELL, true);
        assert_eq!(new.lines().count(), CELL.lines().count());
        assert!(new.starts_with("fn one() { eprintln!(\"{}\", error); }\n"), "a reader's own text stays");
        assert!(!new.contains("USER_ERROR_OCCURRED") && !new.contains("pub struct VariableStore"));
        assert!(
            new.contains("#[track_caller] fn from")
                && new.contains("cells::returned(&error);")
                && new.contains("EvcxrShown")
        );
        assert!(!with_runtime(CELL, false).contains("EvcxrShown"));
        assert_eq!(with_runtime("let x = 1;", true), "let x = 1;");
        let other = CELL.replace("pub struct VariableStore", "pub struct Variables");
        assert_eq!(with_runtime(&other, true), other);
    }

    #[test]
    fn variables_that_a_cell_does_not_name_stay_in_the_store() {
        let new = without_unnamed(CELL).unwrap();
        assert_eq!(new.split('\n').count(), CELL.split('\n').count());
        for (part, times) in [("stringify!(x)", 1), ("stringify!(y)", 0), ("stringify!(z)", 2), ("stringify!(w)", 1)] {
            assert_eq!(new.matches(part).count(), times, "{part}");
        }
        assert_eq!(without_unnamed(&new), None);
        assert_eq!(without_unnamed("let x = 1;"), None);
    }
}
