//! How failures are told.

use candlelight_answers::compiler::{CompilerError, Note, Span};
use candlelight_answers::failure::{Failure, Sources, of_compiler, of_run};
use candlelight_answers::run::Run;
use candlelight_protocol::BACKTRACE;
use candlelight_protocol::stream::Place;

/// The lines that are shown, without colours.
fn shown(failure: &Failure) -> Vec<String> {
    let plain = |line: &String| {
        let mut parts = line.split("\u{1b}[");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |line, part| line + part.split_once('m').expect("the end of a colour").1)
    };
    failure.traceback.iter().map(plain).collect()
}

#[test]
fn each_end_of_a_run_has_its_name() {
    let sources = Sources::default();
    let of = |run: Run, lost: &[String]| of_run(&run, lost, "", &sources).map(|failure| (failure.name, failure.value));
    let named = |name: &str, value: &str| Some((name.to_owned(), value.to_owned()));
    assert_eq!(of(Run::default(), &[]), None);
    // Asked to end, a cell that ends as if nothing had been has not failed.
    assert_eq!(of(Run { interrupts: 1, ..Run::default() }, &[]), None);
    let refused = Run { refused: true, interrupts: 1, ..Run::default() };
    assert_eq!(of(refused, &[]), named("Interrupted", "the cell was interrupted before it ran"));
    let ended = Run { ended: Some("it exited with code 3".into()), panicked: true, ..Run::default() };
    let there_were_none = "the process of the cells ended: it exited with code 3; there were no variables";
    assert_eq!(of(ended.clone(), &[]), named("ProcessEnded", there_were_none));
    let twice = Run { interrupts: 2, ..ended };
    let lost = ["a".to_owned(), "b".to_owned()];
    let both = "the cell was ended by a second interrupt; the variables are lost: a, b";
    assert_eq!(of(twice, &lost), named("Interrupted", both));
    let early = Some(Place { message: "no such file\n".into(), ..Place::default() });
    let returned = Run { returned: true, early, ..Run::default() };
    assert_eq!(of(returned.clone(), &[]), named("Error", "no such file"));
    assert_eq!(of(Run { interrupts: 1, ..returned }, &[]), named("Interrupted", "no such file"));
}

#[test]
fn a_panic_shows_its_line_and_then_its_backtrace() {
    let mut sources = Sources::default();
    sources.push(3, "let a = 1;\n  assert!(a > 1);  ");
    let compiled = "fn run() {\nlet a = 1;\n  assert!(a > 1);  \n}";
    let place = Place {
        line: 3,
        column: 3,
        file: "src/lib.rs".into(),
        message: format!("assertion failed: a > 1\n{BACKTRACE}   0: run\n   1: main"),
        ..Place::default()
    };
    let panicked = |place: Place| {
        let run = Run { panicked: true, panic: Some(place), ..Run::default() };
        of_run(&run, &[], compiled, &sources).map(|failure| (failure.value.clone(), shown(&failure)))
    };
    let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    let said = "Panic: assertion failed: a > 1";
    let in_cell = [said, "cell [3], line 2", "   2 |   assert!(a > 1);", "   0: run", "   1: main"];
    assert_eq!(panicked(place.clone()), Some(("assertion failed: a > 1".to_owned(), lines(&in_cell))));
    // A library has no lines of the cell, be it called as a cell is.
    let elsewhere = Place { file: "/home/me/crate/src/lib.rs".into(), message: "no".into(), ..place };
    let in_library = lines(&["Panic: no", "/home/me/crate/src/lib.rs:3:3"]);
    assert_eq!(panicked(elsewhere), Some(("no".to_owned(), in_library)));
}

#[test]
fn an_error_of_the_compiler_is_marked_in_the_cell() {
    let code = "let größe: i32 = \"a\";\nlet ß = (1,\n 2);";
    let span =
        |start_line, start_column, end_line, end_column| Some(Span { start_line, start_column, end_line, end_column });
    let note = |span, label: &str| Note { span, label: label.into() };
    let around =
        CompilerError { level: "error".into(), message: "about what evcxr wrote".into(), ..Default::default() };
    let wrong = CompilerError {
        level: "error".into(),
        code: Some("E0308".into()),
        message: "mismatched types".into(),
        of_cell: true,
        notes: vec![
            note(span(1, 18, 1, 21), "expected `i32`"),
            note(span(1, 12, 1, 15), ""),
            note(None, "elsewhere"),
            note(span(2, 9, 3, 3), "over two lines"),
        ],
        help: vec!["parse it".into()],
        hint: Some("evcxr knows".into()),
    };
    let failure = of_compiler(&[around, wrong], 7, code);
    assert_eq!((&*failure.name, &*failure.value), ("CompileError", "mismatched types"));
    let wanted = [
        "error: about what evcxr wrote",
        "error[E0308]: mismatched types",
        "cell [7], line 1",
        "   1 | let größe: i32 = \"a\";",
        "     |                  ^^^ expected `i32`",
        "elsewhere",
        "cell [7], line 2",
        "   2 | let ß = (1,",
        "     |         ^^^ over two lines",
        "help: parse it",
        "note: evcxr knows",
    ];
    assert_eq!(shown(&failure), wanted);
    assert_eq!(of_compiler(&[], 7, code).value, "the cell does not compile");
}
