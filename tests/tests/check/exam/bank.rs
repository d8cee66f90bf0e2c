//! Every question of the bank.

use std::collections::{BTreeMap, BTreeSet};

use candlelight::check::exam::bank::{CHAPTERS, questions};
use candlelight::check::exam::{Asked, Kind, Question};

use candlelight_tests::documents::{anchor, read};

use super::{none_of, unless};

/// How many draws each question must stand.
const SEEDS: u64 = 200;

/// The claims of the syllabus, from the table that has a row for each.
fn claims() -> Vec<String> {
    let table = read("docs/traceability.md");
    let rows = table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ID"));
    rows.filter_map(|row| row.split('|').nth(1)).map(|id| id.trim().to_owned()).collect()
}

#[test]
fn every_claim_has_two_questions() {
    let (claims, questions) = (claims(), questions());
    assert_eq!(claims.len(), 65);
    let about = |claim: &String| questions.iter().filter(|q| q.claims().contains(&claim.as_str())).count();
    let few: Vec<String> = claims.iter().filter(|id| about(id) < 2).map(|id| format!("{id}: {}", about(id))).collect();
    assert!(few.is_empty(), "{few:?}");
    assert!(questions.len() >= 120, "{} questions", questions.len());
}

#[test]
fn every_chapter_has_five_questions_of_three_kinds() {
    let mut problems = Vec::new();
    for chapter in CHAPTERS {
        let questions = chapter.questions();
        let kinds: BTreeSet<Kind> = questions.iter().map(Question::kind).collect();
        let enough = questions.len() >= 5 && kinds.len() >= 3;
        problems.extend(unless(enough, format!("{}: {}, {kinds:?}", chapter.notebook, questions.len())));
    }
    assert!(problems.is_empty(), "{problems:#?}");
    let order: Vec<&str> = CHAPTERS.iter().map(|chapter| chapter.notebook).collect();
    assert!(order.is_sorted(), "{order:?}");
    assert!(order.len() >= 26, "{} chapters", order.len());
}

#[test]
fn ids_are_unique_and_name_their_chapter() {
    let mut seen = BTreeSet::new();
    for question in questions() {
        assert!(seen.insert(question.id()), "{} twice", question.id());
        let number = question.notebook().split('-').next().unwrap_or_default();
        let rest = question.id().strip_prefix(number).and_then(|rest| rest.strip_prefix('-'));
        assert!(rest.is_some_and(|rest| rest.parse::<u32>().is_ok()), "{} in {}", question.id(), question.notebook());
    }
}

#[test]
fn links_lead_to_a_section_that_is_there() {
    let mut headings: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for chapter in CHAPTERS {
        let text = read(&format!("notebooks/text/{}.md", chapter.notebook));
        let anchors = text.lines().filter(|line| line.starts_with('#')).map(anchor).collect();
        headings.insert(chapter.notebook, anchors);
        let title = text.lines().find_map(|line| line.strip_prefix("# ")).expect("a title");
        assert!(title.contains(chapter.title), "{}: {title}", chapter.title);
    }
    none_of(|question| {
        let link = question.link();
        let (file, section) = link.split_once('#').expect("a section");
        assert_eq!(file, format!("{}.ipynb", question.notebook()));
        let there = headings[question.notebook()].iter().any(|heading| heading == section);
        unless(there, format!("no section {section}")).into_iter().collect()
    });
}

#[test]
fn questions_are_whole() {
    let known = claims();
    none_of(|question| {
        let statements = question.statements();
        let right = statements.iter().filter(|statement| statement.wrong.is_none()).count();
        let wrong = statements.len() - right;
        let several = question.kind() == Kind::Choice;
        let texts: BTreeSet<&str> = statements.iter().map(|statement| statement.text).collect();
        let reasons = statements.iter().all(|statement| statement.wrong.is_none_or(|why| why.len() > 10));
        // About the order of options, which is shuffled.
        let ordered = ["above", "both of", "all of these", "none of these"];
        let shuffled = !statements.iter().any(|s| ordered.iter().any(|word| s.text.to_lowercase().contains(word)));
        [
            unless(!question.claims().is_empty(), "no claim"),
            unless(question.claims().iter().all(|id| known.iter().any(|own| own == id)), "an unknown claim"),
            unless((1..=3).contains(&question.level()), "no such level"),
            unless(question.explanation().len() >= 40, "no explanation"),
            unless(statements.is_empty() || (3..=6).contains(&statements.len()), "not 3 to 6 options"),
            unless(statements.is_empty() || right == 1 || several && right >= 1, format!("{right} right options")),
            unless(statements.is_empty() || wrong >= 1, "no wrong option"),
            unless(texts.len() == statements.len(), "two options are the same"),
            unless(reasons, "a wrong option without a reason"),
            unless(shuffled, "an option that speaks of others"),
        ]
        .into_iter()
        .flatten()
        .collect()
    });
}

/// Formulas and code that begin also end, and nothing of Markdown is used that is not shown.
#[test]
fn texts_are_well_formed() {
    let faults = |text: &str| {
        // Without code, in which a dollar is one.
        let prose: Vec<&str> = text.split('`').step_by(2).collect();
        let dollars = prose.concat().matches('$').count();
        [
            unless(text.matches('`').count().is_multiple_of(2), format!("an open `: {text}")),
            unless(dollars.is_multiple_of(2), format!("an open $: {text}")),
            unless(!text.contains("**") && !text.contains("\n- ") && !text.contains("]("), format!("markup: {text}")),
            unless(!text.contains("  ") && !text.trim().is_empty(), format!("blanks: {text}")),
        ]
        .into_iter()
        .flatten()
        .collect::<Vec<String>>()
    };
    none_of(|question| {
        let mut texts = vec![question.explanation().to_owned()];
        texts.extend(question.statements().iter().flat_map(|s| [Some(s.text), s.wrong]).flatten().map(str::to_owned));
        let asked = question.ask(0).expect("a draw");
        texts.push(asked.text());
        texts.extend(asked.mistakes().into_iter().map(|(_, name)| name.to_owned()));
        texts.iter().flat_map(|text| faults(text)).collect()
    });
}

/// Options stand elsewhere for other seeds, numbers are others.
#[test]
fn another_seed_asks_otherwise() {
    none_of(|question| {
        let shown = |seed: u64| question.ask(seed).expect("a draw").to_string();
        let texts: BTreeSet<String> = (0..20).map(shown).collect();
        // An expression is asked for in variables, which have no numbers in the text.
        let fixed = question.kind() == Kind::Derivation && question.statements().is_empty();
        let again = shown(3) == shown(3);
        [
            unless(again, "the same seed asks otherwise"),
            unless(fixed || texts.len() >= 5, format!("{} texts for 20 seeds", texts.len())),
        ]
        .into_iter()
        .flatten()
        .collect()
    });
}

/// What is wrong with how one draw of a question is graded.
fn grading(asked: &Asked) -> Vec<String> {
    let mut problems = Vec::new();
    match asked.answer(asked.solution()) {
        Ok(mark) if mark.credit() == 1.0 => {}
        other => problems.push(format!("{:?} is not right: {other:?}", asked.solution())),
    }
    let mistakes = asked.mistakes();
    problems.extend(unless(!mistakes.is_empty(), "no usual mistake"));
    // An expression that is wrong by a constant factor has its half.
    let most = match asked.question().kind() {
        Kind::Choice | Kind::Derivation => 0.9,
        Kind::Number | Kind::Code | Kind::Prediction => 0.0,
    };
    for (answer, name) in mistakes {
        match asked.answer(answer.clone()) {
            Ok(mark) if mark.credit() <= most => {
                let said = mark.findings().iter().any(|text| text.contains(name));
                problems.extend(unless(said, format!("{answer:?}: {name} is not said: {mark:?}")));
            }
            other => problems.push(format!("{answer:?}, {name}, passes: {other:?}")),
        }
    }
    problems
}

#[test]
fn right_answers_are_accepted_and_usual_mistakes_are_not() {
    none_of(|question| {
        let mut draws = (0..SEEDS).map(|seed| (seed, question.ask(seed)));
        let found = draws.find_map(|(seed, asked)| {
            let problems = asked.map_or_else(|error| vec![error.to_string()], |asked| grading(&asked));
            (!problems.is_empty()).then(|| format!("seed {seed}: {problems:?}"))
        });
        found.into_iter().collect()
    });
}

#[test]
fn only_predictions_are_measured_and_all_of_them() {
    none_of(|question| {
        let asked = question.ask(0).expect("a draw");
        let measured = asked.is_measured() == (question.kind() == Kind::Prediction);
        unless(measured, "a prediction is measured, a number is computed").into_iter().collect()
    });
}

#[test]
fn programs_have_their_fault_where_the_question_says_and_compute_something_wrong() {
    let mut programs = 0;
    for question in questions().iter().filter(|question| question.kind() == Kind::Code) {
        let id = question.id();
        let evidence = question.evidence().unwrap_or_else(|error| panic!("{id}: {error}")).expect("a program");
        assert!(evidence.shows(), "{id}: {evidence}");
        let snippet = question.snippet().expect("a program");
        let lines = snippet.given().lines().count();
        assert!((3..=16).contains(&lines), "{id}: {lines} lines");
        let (first, last) = snippet.changed();
        for statement in question.statements() {
            let line = statement.line.unwrap_or_else(|| panic!("{id}: {} names no line", statement.text));
            assert!((1..=lines).contains(&line), "{id}: no line {line}");
            let is_there = (first..=last).contains(&line);
            assert_eq!(
                is_there,
                statement.wrong.is_none(),
                "{id}, line {line}: the programs differ in {first} to {last}"
            );
        }
        programs += 1;
    }
    assert!(programs >= 1);
}
