use candlelight::Error;
use candlelight::train::{Choice, Goal};

const GRID: [f64; 4] = [1.0, 2.0, 3.0, 4.0];

#[test]
fn the_best_score_wins_and_of_equal_ones_the_first() {
    let lowest = Choice::new(&GRID, &[3.0, 1.0, 1.0, 2.0], Goal::Lowest).expect("a choice");
    assert_eq!((lowest.index, *lowest.setting(), lowest.score), (1, 2.0, 1.0));
    let highest = Choice::new(&GRID, &[0.0, 1.0, 7.0, 7.0], Goal::Highest).expect("a choice");
    assert_eq!((highest.index, *highest.inside().expect("inside"), highest.score), (2, 3.0, 7.0));
}

#[test]
fn what_is_no_number_never_wins() {
    for goal in [Goal::Lowest, Goal::Highest] {
        let choice = Choice::new(&GRID, &[f64::NAN, -f64::NAN, 1.0, f64::NAN], goal).expect("a choice");
        assert_eq!(choice.index, 2, "{goal:?}");
        let none = Choice::new(&GRID, &[f64::NAN; 4], goal);
        assert!(matches!(none, Err(Error::Setting { name: "scores", .. })), "{none:?}");
    }
    // A loss that has diverged is infinite, and loses.
    let choice = Choice::new(&GRID, &[f64::INFINITY, 5.0, 6.0, f64::NAN], Goal::Lowest).expect("a choice");
    assert_eq!(choice.index, 1);
    assert!(Choice::new(&[] as &[f64], &[], Goal::Lowest).is_err());
    let short = Choice::new(&GRID, &[1.0; 3], Goal::Lowest).expect_err("a score is missing").to_string();
    assert!(short.contains("3 for 4"), "{short}");
}

#[test]
fn the_edge_of_a_grid_is_refused() {
    for (values, place) in [([1.0, 2.0, 3.0, 4.0], "1, the first of 4"), ([4.0, 3.0, 2.0, 1.0], "4, the last of 4")] {
        let choice = Choice::new(&GRID, &values, Goal::Lowest).expect("a choice");
        assert!(choice.is_at_edge());
        let error = choice.inside().expect_err("the edge").to_string();
        assert!(error.contains(place) && error.contains("the best setting"), "{error}");
    }
}
