//! What can be answered, and what it is worth.

use candlelight::check::exam::{Answer, Asked, Evidence, Kind, Snippet, Tolerance, question};
use candlelight::prelude::*;

fn asked(id: &str) -> Asked {
    question(id).and_then(|question| question.ask(3)).unwrap()
}

/// The letters of the options that are right, and of those that are not.
fn options(asked: &Asked) -> (Vec<char>, Vec<char>) {
    let Answer::Letters(right) = asked.solution() else { panic!("no letters") };
    ('a'..).take(asked.question().statements().len()).partition(|letter| right.contains(*letter))
}

fn setting(result: Result<impl std::fmt::Debug>) -> String {
    match result {
        Err(error @ Error::Setting { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_choice_is_right_or_wrong_and_says_why() {
    let asked = asked("01-1");
    let (right, wrong) = options(&asked);
    assert_eq!((right.len(), wrong.len()), (1, 3));
    let mark = asked.answer(right[0]).unwrap();
    assert_eq!((mark.credit(), mark.findings().len()), (1.0, 0));
    assert!(mark.to_string().contains(asked.question().explanation()));
    assert!(
        mark.to_string().contains("01-likelihood.ipynb#One-function,-two-readings--B2, cell `fn integral`.\n"),
        "{mark}"
    );
    assert!(mark.html().contains("\">Likelihood</a>, cell <code>fn integral</code>.</p>"), "{}", mark.html());
    let mark = asked.answer(wrong[0]).unwrap();
    assert_eq!(mark.credit(), 0.0);
    assert!(mark.findings()[1].contains(&format!("Right: {}.", right[0])), "{mark}");
    // Capitals and texts do as well.
    assert_eq!(asked.answer(right[0].to_ascii_uppercase().to_string()).unwrap().credit(), 1.0);
}

#[test]
fn of_several_right_options_each_has_its_share() {
    let asked = asked("01-2");
    let (right, wrong) = options(&asked);
    assert_eq!((right.len(), wrong.len()), (3, 1));
    let credit = |letters: &[char]| asked.answer(letters.iter().collect::<String>()).unwrap().credit();
    assert_eq!(credit(&right), 1.0);
    assert!((credit(&right[..2]) - 2.0 / 3.0).abs() < 1e-12);
    assert!((credit(&[right[0], right[1], wrong[0]]) - 1.0 / 3.0).abs() < 1e-12);
    assert!((credit(&['a', 'b', 'c', 'd']) - 2.0 / 3.0).abs() < 1e-12);
    assert_eq!(credit(&wrong), 0.0);
    // The same letter twice is one letter.
    assert!((credit(&[right[0], right[0]]) - 1.0 / 3.0).abs() < 1e-12);
    assert_eq!(asked.answer(format!("{}, {}, {}", right[0], right[1], right[2])).unwrap().credit(), 1.0);
}

#[test]
fn a_number_is_right_within_its_tolerance_and_a_usual_mistake_has_a_name() {
    let asked = asked("01-3");
    let Answer::Number(right) = asked.solution() else { panic!("no number") };
    for (factor, credit) in [(1.0, 1.0), (1.019, 1.0), (0.981, 1.0), (1.021, 0.0), (0.979, 0.0), (-1.0, 0.0)] {
        assert_eq!(asked.answer(factor * right).unwrap().credit(), credit, "{factor}");
    }
    let mark = asked.answer(right * right).unwrap();
    assert!(mark.findings()[0].contains("its root is missing"), "{mark}");
    assert_eq!(asked.answer(7).unwrap().credit(), 0.0);
}

#[test]
fn tolerances_are_absolute_or_relative() {
    let absolute = Tolerance::Absolute(0.5);
    assert!(absolute.allows(2.5, 2.0, 1.0) && absolute.allows(1.5, 2.0, 1.0));
    assert!(!absolute.allows(2.51, 2.0, 1.0) && absolute.allows(2.51, 2.0, 2.0));
    let relative = Tolerance::Relative(0.1);
    assert!(relative.allows(-1.1, -1.0, 1.0) && !relative.allows(-1.11, -1.0, 1.0));
    assert!(relative.allows(0.0, 0.0, 1.0) && !relative.allows(1e-9, 0.0, 1.0));
    let exact = Tolerance::Absolute(0.0);
    assert!(exact.allows(7850.0, 7850.0, 1.0) && !exact.allows(7851.0, 7850.0, 1.0));
    let texts = [absolute, relative, exact].map(|tolerance| tolerance.to_string());
    assert_eq!(texts, ["to within 0.5", "to within 10 %", "exactly"]);
}

#[test]
fn an_expression_is_compared_at_points() {
    let asked = asked("01-5");
    let right = |x: f64, n: f64, theta: f64| x / theta - (n - x) / (1.0 - theta);
    assert_eq!(asked.answer(right).unwrap().credit(), 1.0);
    // The same, written otherwise.
    let other = |x: f64, n: f64, theta: f64| (x - n * theta) / (theta * (1.0 - theta));
    assert_eq!(asked.answer(other).unwrap().credit(), 1.0);
    let negative = asked.answer(move |x: f64, n: f64, theta: f64| -right(x, n, theta)).unwrap();
    assert_eq!(negative.credit(), 0.5);
    assert!(negative.findings()[0].contains("It is -1 times the right one"), "{negative}");
    // Off by a rounding error of single precision: not the same.
    let near = asked.answer(move |x: f64, n: f64, theta: f64| right(x, n, theta) + 1e-2).unwrap();
    assert_eq!(near.credit(), 0.0);
    assert!(near.findings()[0].starts_with("At ("), "{near}");
    let sign = asked.answer(|x: f64, n: f64, theta: f64| x / theta + (n - x) / (1.0 - theta)).unwrap();
    assert_eq!(sign.credit(), 0.0);
    assert!(sign.findings()[0].contains("the inner derivative"), "{sign}");
    let empty = asked.answer(|_: f64, _: f64, _: f64| todo!("two terms")).unwrap();
    assert_eq!(empty.credit(), 0.0);
    assert!(empty.findings()[0].contains("not yet implemented: two terms"), "{empty}");
    let infinite = asked.answer(|_: f64, _: f64, _: f64| f64::INFINITY).unwrap();
    assert_eq!(infinite.credit(), 0.0);
    assert_eq!(asked.answer(|_: f64, _: f64, _: f64| 0.0).unwrap().credit(), 0.0);
}

#[test]
fn a_prediction_is_compared_with_what_is_measured() {
    let asked = asked("01-7");
    let Answer::Number(theory) = asked.solution() else { panic!("no number") };
    let mark = asked.answer(theory).unwrap();
    assert_eq!(mark.credit(), 1.0);
    let said = mark.findings()[0].clone();
    let number = said.strip_prefix("Measured: ").and_then(|rest| rest.split(';').next()).unwrap();
    let measured: f64 = number.parse().unwrap();
    assert!(measured != theory, "{said}");
    // The tolerance is 15 %, and half of the point is for twice as much.
    for (factor, credit) in [(1.0, 1.0), (1.14, 1.0), (1.16, 0.5), (0.75, 0.5), (1.31, 0.0), (0.69, 0.0)] {
        assert_eq!(asked.answer(factor * measured).unwrap().credit(), credit, "{factor}");
    }
    assert!(asked.answer(1.0).unwrap().findings()[0].contains("holds for independent draws"));
    // Another seed measures something else.
    let other = question("01-7").unwrap().ask(4).unwrap();
    assert_ne!(other.answer(other.solution()).unwrap().findings()[0], said);
}

#[test]
fn the_fault_of_a_program_is_run_and_mended() {
    let asked = asked("01-4");
    assert!(asked.to_string().contains("   7      variance.sqrt() / n\n"), "{asked}");
    let mark = asked.answer(asked.solution()).unwrap();
    assert!(mark.findings()[0].contains("right is 1.2909"), "{mark}");
    assert_eq!(mark.findings()[1], "Mended: `(variance / n).sqrt()`");
    assert!(!asked.to_string().contains("(variance / n)"), "the question shows the answer");
}

#[test]
fn evidence_shows_a_fault_or_does_not() {
    let shows = |given, mended| Evidence::new("x", given, mended, 2.0).shows();
    assert!(shows(1.0, 2.0) && shows(f64::NAN, 2.0 + 1e-10));
    assert!(!shows(2.0, 2.0) && !shows(1.0, 3.0) && !shows(1.0, f64::NAN));
}

#[test]
fn changed_lines_are_found() {
    let changed = |given, mended| Snippet::new(given, mended).changed();
    assert_eq!(changed("a\nb\nc", "a\nx\nc"), (2, 2));
    assert_eq!(changed("a\nb\nc", "a\nx\ny\nc"), (2, 2));
    assert_eq!(changed("a\nb\nc\nd", "a\nd"), (2, 3));
    // A line is missing after the first.
    assert_eq!(changed("a\nc", "a\nb\nc"), (1, 2));
    assert_eq!(changed("a\na", "a\na\na"), (2, 3));
    assert_eq!(Snippet::new("use crate::x;\n", "").given(), "use candlelight::x;");
}

#[test]
fn what_cannot_be_an_answer_is_a_typed_error() {
    let wanted = [
        (Kind::Choice, "01-1", "answer must be the letter of an option, such as 'b', got 0.25"),
        (Kind::Choice, "01-2", "answer must be letters of the options, such as \"ac\", got 0.25"),
        (Kind::Code, "01-4", "answer must be the letter of an option, such as 'b', got 0.25"),
        (Kind::Derivation, "01-5", "answer must be a closure of as many f64 as the question names, got 0.25"),
    ];
    for (kind, id, expected) in wanted {
        assert_eq!(asked(id).question().kind(), kind);
        assert_eq!(setting(asked(id).answer(0.25)), expected, "{id}");
    }
    assert_eq!(setting(asked("01-3").answer('b')), "answer must be a finite number, got \"b\"");
    assert_eq!(setting(asked("01-7").answer(f64::NAN)), "answer must be a finite number, got NaN");
    assert_eq!(setting(asked("01-1").answer('e')), "answer must be the letter of one option, such as 'b', got \"e\"");
    for letters in ["", "ab", "1", "ä"] {
        assert!(setting(asked("01-1").answer(letters)).contains("the letter of one option"), "{letters:?}");
    }
    assert!(setting(asked("01-2").answer("ax")).contains("letters of the options"));
    assert!(setting(asked("01-2").answer("")).contains("letters of the options"));
    let two = |x: f64, n: f64| x / n;
    assert!(setting(asked("01-5").answer(two)).ends_with("got a closure of 2 numbers"));
    let unknown = setting(question("99-1"));
    assert_eq!(unknown, "question must be the id of a question of the bank, such as 01-3, got 99-1");
}

/// Shown as text, as HTML, and by `{:?}`, a question keeps its answer to itself.
#[test]
fn a_question_does_not_tell_its_answer() {
    for id in ["01-1", "01-2", "01-3", "01-4", "01-5", "01-7"] {
        let asked = asked(id);
        for shown in [asked.to_string(), asked.html(), format!("{asked:?}")] {
            assert!(!shown.contains(asked.question().explanation()), "{shown}");
            for (_, reason) in asked.mistakes() {
                assert!(!shown.contains(reason), "{id}: {shown}");
            }
            if let Answer::Number(value) = asked.solution() {
                assert!(!shown.contains(&format!("{value:.3}")), "{id}: {shown}");
            }
        }
    }
}

#[test]
fn html_has_formulas_for_mathjax_and_escapes_the_rest() {
    let html = asked("01-4").html();
    assert!(html.contains("pub fn standard_error(draws: &amp;[f64]) -&gt; f64 {"), "{html}");
    assert!(html.contains("<code>asked.answer('…')?</code>"), "{html}");
    assert!(('a'..='d').all(|letter| html.contains(&format!("<p><b>{letter})</b> Line "))), "{html}");
    assert!(html.contains("<span class=\"math\">\\(n\\)</span>"), "{html}");
    let mark = asked("01-1").answer('a').unwrap().html();
    assert!(mark.contains("href=\"01-likelihood.ipynb#One-function,-two-readings--B2\""), "{mark}");
}
