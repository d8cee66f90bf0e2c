//! Mock exams: the draw, the clock, the grade.

use std::collections::BTreeMap;
use std::time::Duration;

use candlelight::check::exam::bank::{CHAPTERS, questions};
use candlelight::check::exam::{Answer, Exam, ExamConfig, Kind};
use candlelight::prelude::*;

fn counts<K: Ord>(keys: impl Iterator<Item = K>) -> BTreeMap<K, usize> {
    keys.fold(BTreeMap::new(), |mut counts, key| {
        *counts.entry(key).or_default() += 1;
        counts
    })
}

fn ids(exam: &Exam) -> Vec<&'static str> {
    exam.questions().iter().map(|asked| asked.question().id()).collect()
}

fn likelihood(questions: usize, minutes: f64) -> ExamConfig {
    ExamConfig { questions, minutes, chapters: vec!["01-likelihood".into()] }
}

/// The number in the exam of the question with this id.
fn place(exam: &Exam, id: &str) -> usize {
    ids(exam).iter().position(|own| *own == id).expect("the question") + 1
}

#[test]
fn a_draw_is_balanced() {
    for seed in 0..100 {
        let exam = Exam::draw(seed).unwrap();
        assert_eq!(exam.len(), 20);
        let of = |asked: &candlelight::check::exam::Asked| asked.question().clone();
        let chapters = counts(exam.questions().iter().map(|asked| of(asked).notebook()));
        assert_eq!(chapters.len(), 20, "seed {seed}: {chapters:?}");
        let kinds = counts(exam.questions().iter().map(|asked| of(asked).kind()));
        assert!(Kind::ALL.iter().all(|kind| (2..=7).contains(&kinds[kind])), "seed {seed}: {kinds:?}");
        let levels = counts(exam.questions().iter().map(|asked| of(asked).level()));
        assert!([(1, 6), (2, 8), (3, 6)].iter().all(|(level, n)| levels[level].abs_diff(*n) <= 2), "{levels:?}");
    }
}

#[test]
fn more_questions_than_chapters_come_from_all_of_them_alike() {
    let config = ExamConfig { questions: 60, ..ExamConfig::default() };
    let exam = Exam::new(&config, 1).unwrap();
    let chapters = counts(exam.questions().iter().map(|asked| asked.question().notebook()));
    assert_eq!(chapters.len(), CHAPTERS.len());
    let (least, most) = (chapters.values().min().unwrap(), chapters.values().max().unwrap());
    assert!(most - least <= 1, "{chapters:?}");
    assert_eq!(counts(ids(&exam).into_iter()).len(), 60, "a question twice");
}

#[test]
fn the_same_seed_is_the_same_exam() {
    let (first, again, other) = (Exam::draw(5).unwrap(), Exam::draw(5).unwrap(), Exam::draw(6).unwrap());
    assert_eq!(first.to_string(), again.to_string());
    assert_ne!(ids(&first), ids(&other));
    // Questions that two exams share have other numbers or another order, but for expressions, which have neither.
    let (mut shared, mut differ) = (0, 0);
    for seed in 0..20 {
        let (one, next) = (Exam::draw(seed).unwrap(), Exam::draw(seed + 1).unwrap());
        for id in ids(&one).into_iter().filter(|id| ids(&next).contains(id)) {
            let [a, b] = [&one, &next].map(|exam| exam.question(id).unwrap());
            if a.question().kind() != Kind::Derivation {
                shared += 1;
                differ += usize::from(a.to_string() != b.to_string());
            }
        }
    }
    assert!(shared >= 20 && differ * 10 >= shared * 9, "{differ} of {shared}");
    // In a hundred exams nearly every question is asked.
    let asked = counts((0..100).flat_map(|seed| ids(&Exam::draw(seed).unwrap())));
    assert!(asked.len() * 10 >= questions().len() * 9, "{} of {}", asked.len(), questions().len());
}

#[test]
fn all_right_is_all_points_and_none_to_read_again() {
    let mut exam = Exam::draw(2).unwrap();
    for number in 1..=exam.len() {
        let solution = exam.question(number).unwrap().solution();
        exam.answer(number, solution).unwrap();
    }
    let grade = exam.grade().unwrap();
    assert_eq!((grade.points(), grade.most(), grade.answered()), (20.0, 20.0, 20));
    assert!(grade.read_again().is_empty());
    assert_eq!(grade.full().unwrap().share(), 1.0);
    assert!(grade.to_string().contains("20 of 20 points, 20 answered."), "{grade}");
    assert!(!grade.to_string().contains("read again"));
}

#[test]
fn usual_mistakes_are_no_points_and_everything_to_read_again() {
    let mut exam = Exam::draw(2).unwrap();
    for number in 1..=exam.len() {
        let (mistake, _) = exam.question(number).unwrap().mistakes()[0].clone();
        exam.answer(number, mistake).unwrap();
    }
    let grade = exam.grade().unwrap();
    // A part is left where several options are right, or an expression is wrong by a factor.
    assert!(grade.points() < 5.0, "{grade}");
    assert_eq!(grade.full().unwrap().share(), 0.0);
    assert_eq!(grade.read_again().len(), 20);
}

#[test]
fn a_part_is_graded_and_what_is_missing_is_named() {
    let mut exam = Exam::new(&likelihood(8, 60.0), 1).unwrap();
    let (choice, several, number) = (place(&exam, "01-1"), place(&exam, "01-2"), place(&exam, "01-3"));
    let empty = exam.grade().unwrap();
    assert_eq!((empty.points(), empty.answered()), (0.0, 0));
    let Answer::Letters(right) = exam.question(several).unwrap().solution() else { panic!("no letters") };
    exam.answer(several, &right[..2]).unwrap();
    let solution = exam.question(number).unwrap().solution();
    exam.answer("01-3", solution).unwrap();
    let grade = exam.grade().unwrap();
    assert!((grade.points() - 5.0 / 3.0).abs() < 1e-12);
    assert_eq!(grade.answered(), 2);
    assert!((grade.full().unwrap().share() - 1.0 / 8.0).abs() < 1e-12);
    let again = grade.read_again();
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].0, "Likelihood");
    assert!((again[0].2 - 19.0 / 3.0).abs() < 1e-12, "{again:?}");
    let text = grade.to_string();
    assert!(text.contains("1.6667 of 8 points, 2 answered.") && text.contains("no answer"), "{text}");
    assert!(text.contains("Likelihood, 6.3333 lost: 01-likelihood.ipynb#"), "{text}");
    // No answer is told, until it is asked for.
    let unanswered = exam.review(choice).unwrap();
    assert_eq!((unanswered.credit(), unanswered.findings()[0].as_str()), (0.0, "No answer."));
    assert!(!text.contains("No:") && !text.contains("Right"), "{text}");
    assert_eq!(exam.review("01-3").unwrap().credit(), 1.0);
}

#[test]
fn the_last_answer_in_time_counts() {
    let mut exam = Exam::new(&likelihood(8, 60.0), 1).unwrap();
    let right = exam.question("01-1").unwrap().solution();
    let (wrong, _) = exam.question("01-1").unwrap().mistakes()[0].clone();
    exam.answer("01-1", wrong.clone()).unwrap();
    assert_eq!(exam.grade().unwrap().points(), 0.0);
    exam.answer("01-1", right).unwrap();
    assert_eq!(exam.grade().unwrap().points(), 1.0);
    exam.answer("01-1", wrong).unwrap();
    assert_eq!(exam.grade().unwrap().points(), 0.0);
}

#[test]
fn late_answers_are_kept_and_do_not_count() {
    // A tenth of a second.
    let mut exam = Exam::new(&likelihood(8, 1.0 / 600.0), 1).unwrap();
    assert!(exam.left() > Duration::ZERO);
    let solution = |exam: &Exam, id: &str| exam.question(id).unwrap().solution();
    let in_time = solution(&exam, "01-1");
    exam.answer("01-1", in_time).unwrap();
    std::thread::sleep(Duration::from_millis(120));
    assert_eq!(exam.left(), Duration::ZERO);
    let late = solution(&exam, "01-3");
    exam.answer("01-3", late).unwrap();
    // What came in time stays.
    let (wrong, _) = exam.question("01-1").unwrap().mistakes()[0].clone();
    exam.answer("01-1", wrong).unwrap();
    let grade = exam.grade().unwrap();
    assert_eq!((grade.points(), grade.late_points(), grade.answered()), (1.0, 1.0, 2));
    let text = grade.to_string();
    assert!(text.contains("1 came late, and would have been worth 1.") && text.contains("late (1)"), "{text}");
}

#[test]
fn questions_and_settings_outside_are_typed_errors_and_lose_nothing() {
    let mut exam = Exam::new(&likelihood(8, 60.0), 1).unwrap();
    let right = exam.question("01-1").unwrap().solution();
    exam.answer("01-1", right).unwrap();
    let wanted = "question must be the number, from 1, or the id of a question of this exam, got";
    for number in [0, 9] {
        assert_eq!(exam.answer(number, 'a').unwrap_err().to_string(), format!("{wanted} {number}"));
    }
    assert_eq!(exam.answer("02-1", 'a').unwrap_err().to_string(), format!("{wanted} 02-1"));
    assert!(exam.question(9).is_err() && exam.review("x").is_err());
    assert!(matches!(exam.answer("01-1", 0.25), Err(Error::Setting { name: "answer", .. })));
    assert_eq!(exam.grade().unwrap().points(), 1.0);

    let refused = |config: &ExamConfig| Exam::new(config, 0).unwrap_err().to_string();
    assert_eq!(refused(&likelihood(0, 60.0)), "questions must be 1 to 60, got 0");
    assert_eq!(refused(&likelihood(61, 60.0)), "questions must be 1 to 60, got 61");
    assert!(refused(&likelihood(60, 60.0)).starts_with("questions must be at most as many as the bank has"));
    for minutes in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(refused(&likelihood(5, minutes)).starts_with("minutes must be above 0 and finite"), "{minutes}");
    }
    let unknown = ExamConfig { chapters: vec!["99-nothing".into()], ..ExamConfig::default() };
    assert_eq!(refused(&unknown), "chapter must be the file of a chapter, such as 01-likelihood, got 99-nothing");
}

#[test]
fn an_exam_says_how_to_answer_and_not_what() {
    let exam = Exam::draw(4).unwrap();
    let (text, html) = (exam.to_string(), exam.html());
    for (number, asked) in (1..).zip(exam.questions()) {
        assert!(text.contains(&format!("exam.answer({number}, ")), "{number}");
        assert!(html.contains(&format!("exam.answer({number}, ")), "{number}");
        for shown in [&text, &html] {
            assert!(!shown.contains(asked.question().explanation()), "{}", asked.question().id());
        }
    }
    assert!(text.starts_with("Mock exam, seed 4: 20 questions, 60 minutes, 0 answered\n"), "{text}");
}
