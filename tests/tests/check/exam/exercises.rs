//! The checks of the exercises of `24-exam`: right answers pass, stubs and usual mistakes do not.

use candlelight::check::exam::*;
use candlelight_tests::{accepts, rejects};

#[test]
fn questions_for_a_standard_error() {
    let right = |theta: f64, error: f64| (theta * (1.0 - theta) / error.powi(2)).ceil() as u64;
    accepts(questions_for(right));
    // Another right way: count up.
    accepts(questions_for(|theta, error| {
        (1..).find(|n| (theta * (1.0 - theta) / *n as f64).sqrt() <= error).unwrap_or(0)
    }));
    rejects(questions_for(|_, _| todo!("solve for n")), "not written yet. solve for n");
    rejects(
        questions_for(|theta, error| (theta * (1.0 - theta) / error.powi(2)) as u64),
        "θ = 0.75, error 0.1: expected 19, got 18",
    );
    rejects(questions_for(|theta, error| (theta / error.powi(2)).ceil() as u64), "error 0.125: expected 16, got 32");
    rejects(
        questions_for(|_, error| (0.25 / error.powi(2)).ceil() as u64),
        "θ = 0.75, error 0.0625: expected 48, got 64",
    );
}

#[test]
fn credit_of_several_options() {
    let right = |right: u32, wrong: u32, all: u32| ((f64::from(right) - f64::from(wrong)) / f64::from(all)).max(0.0);
    accepts(credit(right));
    rejects(credit(|_, _, _| todo!("a floor")), "not written yet");
    rejects(credit(|right, _, all| f64::from(right) / f64::from(all)), "2 right and 1 wrong of 2 right ones");
    rejects(credit(|right, wrong, all| (f64::from(right) - f64::from(wrong)) / f64::from(all)), "0 right and 2 wrong");
    rejects(
        credit(|right, wrong, all| f64::from(right.saturating_sub(wrong)) / f64::from(all + wrong)),
        "2 right and 1",
    );
}

#[test]
fn a_question_of_ones_own() {
    let standard_error = number("x-1", &["B5"], 1, |rng| {
        let n = f64::from(whole(rng, 2, 30));
        Ok(drawn(format!("Standard error of the mean of {n} draws of variance 1?"), 1.0 / n.sqrt())
            .mistake(1.0 / n, "the variance"))
    });
    accepts(own_question(standard_error));
    let stub = number("x-1", &["B5"], 1, |_| todo!("Ok(drawn(..))"));
    rejects(own_question(stub), "not written yet. Ok(drawn(..))");
    let right_by_chance = number("x-1", &["B5"], 1, |rng| {
        let n = f64::from(whole(rng, 1, 30));
        Ok(drawn(format!("Variance of the mean of {n} draws of variance 1?"), 1.0 / n).mistake(1.0, "not divided"))
    });
    rejects(own_question(right_by_chance), "\"not divided\", 1, is taken for right");
    let always_the_same =
        number("x-1", &["B5"], 1, |_| Ok(drawn("Variance of the mean of 4 draws?", 0.25).mistake(0.5, "the root")));
    rejects(own_question(always_the_same), "at least 10 different texts, got 1");
    let without_mistakes = number("x-1", &["B5"], 1, |rng| Ok(drawn(format!("{}?", whole(rng, 1, 99)), 1.0)));
    rejects(own_question(without_mistakes), "expected a usual mistake, got none");
    let not_finite = number("x-1", &["B5"], 1, |rng| {
        let n = f64::from(whole(rng, 1, 99));
        Ok(drawn(format!("{n}?"), f64::NAN).mistake(1.0, "one"))
    });
    rejects(own_question(not_finite), "its own value is not taken: answer must be a finite number, got NaN");
    let failing = number("x-1", &["B5"], 1, |_| Err(candlelight::Error::setting("n", "at least 1", 0)));
    rejects(own_question(failing), "the draw fails: n must be at least 1, got 0");
    let options = [right("One"), wrong("Two", "That is one more."), wrong("Three", "That is two more.")];
    rejects(own_question(choice("x-1", &["B5"], 1, "How many?", options)), "expected a number, got a choice");
}
