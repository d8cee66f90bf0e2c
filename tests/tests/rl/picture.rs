//! Pictures.

use candlelight::plot::Figure;
use candlelight::rl::{GridMap, picture};

#[test]
fn a_grid_shows_letters_arrows_and_values() {
    let map = GridMap::new(&["SH", ".G"]).unwrap();
    let actions = [vec![1], vec![], vec![0, 2], vec![]];
    let values = [-0.5, f64::NAN, 0.25, 0.0];
    let panel = picture::grid(&map, "value", &values, &actions, picture::LEFT_DOWN_RIGHT_UP).unwrap();
    let svg = Figure::new().panel(panel).svg().unwrap();
    for text in [">S↓<", ">−0.50<", ">H<", ">←→<", ">0.25<", ">G<", ">0.00<"] {
        assert!(svg.contains(text), "{text}");
    }
    let refused = |values: &[f64], actions: &[Vec<usize>]| {
        picture::grid(&map, "", values, actions, picture::LEFT_DOWN_RIGHT_UP).unwrap_err().to_string()
    };
    assert!(refused(&values[1..], &actions).contains("3 for 4 cells"));
    assert!(refused(&values, &actions[1..]).contains("3 for 4 cells"));
    assert!(refused(&values, &[vec![4], vec![], vec![], vec![]]).contains("got 4"));
}

/// 24 columns have no room for "−12.34", and 200 not even for an arrow.
#[test]
fn a_wide_grid_shows_its_arrows_alone() {
    let shown = |columns: usize, action: usize| {
        let row = format!("S{}G", ".".repeat(columns - 2));
        let map = GridMap::new(&[&row, &row]).unwrap();
        let actions: Vec<_> =
            (0..map.states()).map(|i| if i % columns == columns - 1 { vec![] } else { vec![action] }).collect();
        // A cell whose only line is too wide stays empty; its neighbours do not.
        let actions = [&[vec![]], &actions[1..]].concat();
        let panel =
            picture::grid(&map, "", &vec![-12.34; map.states()], &actions, picture::LEFT_DOWN_RIGHT_UP).unwrap();
        Figure::new().panel(panel).svg().unwrap()
    };
    assert_eq!(shown(8, 2).matches(">−12.34<").count(), 16);
    let wide = shown(24, 2);
    assert_eq!([">→<", ">S→<", ">G<", ">−12.34<"].map(|text| wide.matches(text).count()), [44, 1, 2, 0]);
    assert!(!shown(200, 2).contains('→'));
}

#[test]
fn a_path_shows_when_each_cell_was_left() {
    let map = GridMap::cliff();
    let svg = Figure::new().panel(picture::path(&map, &[36, 24, 36, 24, 25]).unwrap()).svg().unwrap();
    for text in [">S<", ">2<", ">3<", ">4<", ">C<", ">·<"] {
        assert!(svg.contains(text), "{text}");
    }
    assert!(picture::path(&map, &[]).is_err() && picture::path(&map, &[48]).is_err());
}

#[test]
fn a_pole_leans_to_its_side() {
    let strip = |angle: f64| picture::cart_pole("", [([0.0, 0.0, angle, 0.0], "now")]).unwrap().svg().unwrap();
    // The orange outline: the tip is to the right of the foot for a positive angle.
    let tip = |svg: &str| {
        let (_, orange) = svg.split_once("#d55e00").expect("the pole");
        let points = orange.split("points=\"").nth(1).and_then(|text| text.split('"').next()).expect("points");
        let x: Vec<f64> = points.split(' ').map(|pair| pair.split(',').next().unwrap().parse().unwrap()).collect();
        x[1] + x[2] - x[0] - x[3]
    };
    assert!(tip(&strip(0.2)) > 0.0 && tip(&strip(-0.2)) < 0.0);
    let none: [([f64; 4], &str); 0] = [];
    assert!(picture::cart_pole("", none).is_err() && picture::acrobot("", [([0.0; 4], ""); 25]).is_err());
    let hung = picture::acrobot("", [([0.0; 4], "0 s")]).unwrap();
    let car = picture::mountain_car("", [([-0.5, 0.0], "0 s")]).unwrap();
    assert!(hung.svg().unwrap().contains("0 s") && car.svg().unwrap().contains("0 s"));
}
