//! Diagrams.

use candlelight::prelude::*;
use proptest::prelude::*;

use crate::loss;
use crate::ranges::extreme;
use crate::svg::{Element, assert_sane, find_text, parse, span};

/// The corners of the heads of all arrows: the tip first.
fn heads(svg: &[Element]) -> Vec<Vec<(f64, f64)>> {
    let corners = |e: &Element| -> Vec<(f64, f64)> {
        let pair = |text: &str| text.split_once(',').map(|(x, y)| (x.parse().expect("x"), y.parse().expect("y")));
        e.get("points").split(' ').filter_map(pair).collect()
    };
    svg.iter().filter(|e| e.name == "polygon").map(corners).filter(|points| points.len() == 3).collect()
}

#[test]
fn arrows_end_at_the_border_of_what_they_point_to() {
    let pair = Diagram::new("").node("a", (0, 0), "a").node("b", (2, 1), "b");
    for bend in [0.0, 0.4, -1.0] {
        let svg = parse(&pair.clone().arrow("a", "b", "").bend(bend).svg().expect("a figure"));
        let circles: Vec<&Element> = svg.iter().filter(|e| e.name == "circle").collect();
        let [a, _, b, _] = circles[..] else { panic!("{circles:?}") };
        assert!(a.number("cx") < b.number("cx") && a.number("cy") > b.number("cy"), "y points upwards");
        let [head] = &heads(&svg)[..] else { panic!("one head") };
        let distance = (head[0].0 - b.number("cx")).hypot(head[0].1 - b.number("cy"));
        assert!((distance - b.number("r")).abs() < 1.0, "bend {bend}: {distance} from the middle of {b:?}");
    }
    let svg = parse(
        &Diagram::new("")
            .cell("a", (0, 0), (1, 1), "")
            .cell("b", (0, 4), (3, 1), "")
            .arrow("a", "b", "up")
            .svg()
            .expect("a figure"),
    );
    let [head] = &heads(&svg)[..] else { panic!("one head") };
    let boxes: Vec<&Element> =
        svg.iter().filter(|e| e.name == "polygon" && e.get("points").matches(' ').count() > 3).collect();
    let rows =
        |e: &Element| span(e.get("points").split(' ').map(|p| p.split_once(',').expect("x,y").1.parse().expect("y")));
    assert!((head[0].1 - rows(boxes[2]).1).abs() < 1.0, "the lower border of the upper cell");
    find_text(&svg, "up");
}

#[test]
fn a_diagram_draws_what_it_was_told() {
    let net = Diagram::new("Dropout")
        .node("x", (0, 0), "x")
        .node("h", (1, 0), "h₁")
        .node("k", (1, 1), "h₂")
        .faded()
        .block("f", (3, 0), "two\nlines")
        .connect(["x"], ["h", "k"])
        .arrow("h", "f", "w")
        .color(1)
        .group(["h", "k"], "hidden")
        .text((2, 2), "a note");
    let svg = net.svg().expect("a figure");
    assert!(svg.contains("stroke=\"#c4c4c0\"") && svg.contains("stroke=\"#d55e00\""), "a faded and a coloured edge");
    let elements = parse(&svg);
    for text in ["Dropout", "x", "h₁", "h₂", "two", "lines", "w", "hidden", "a note"] {
        find_text(&elements, text);
    }
    let words = "4 shapes: x, h₁, h₂ (faded), two lines; 3 edges: x — h₁, x — h₂ (faded), h₁ → two \"w\"; \
                 2 shapes in a group \"hidden\"; \"a note\"";
    assert!(net.describe().contains(words), "{}", net.describe());
    assert_eq!(&net.png().expect("a bitmap")[1..4], b"PNG");
    let figure = Figure::new().panel(net.clone()).panel(loss()).svg().expect("a figure");
    find_text(&parse(&figure), "hidden");
    let folder = tempfile::tempdir().expect("a folder");
    net.save(folder.path().join("net.svg")).expect("a file");
    assert_eq!(std::fs::read_to_string(folder.path().join("net.svg")).expect("text"), svg);
}

#[test]
fn what_is_wrong_with_a_diagram_is_named() {
    let two = || Diagram::new("").node("a", (0, 0), "").node("b", (1, 0), "");
    for (diagram, expected) in [
        (Diagram::new("D"), "panel 1 \"D\": diagram: has nothing to draw"),
        (two().block("a", (2, 0), ""), "two shapes are called \"a\""),
        (two().node("c", (f64::NAN, 0), ""), "shape \"c\": its position must be finite and within ±1e6, got (NaN, 0)"),
        (two().text((0, 1e7), "t"), "text \"t\": its position must be finite and within ±1e6, got (0, 1e7)"),
        (two().cell("c", (2, 0), (1, 0), ""), "shape \"c\": its size must be above 0 and at most 1e6, got 1 by 0"),
        (two().arrow("a", "c", ""), "edge from \"a\" to \"c\": nothing is called \"c\""),
        (two().connect(["z"], ["a", "b"]), "edge from \"z\" to \"b\": nothing is called \"z\""),
        (two().edge("a", "a", ""), "edge from \"a\" to \"a\": both ends stand at one place"),
        (two().group(["a", "z"], "g"), "group \"g\": nothing is called \"z\""),
        (two().group([""; 0], "g"), "group \"g\": has no members"),
        (two().color(8), "color must be 0 to 7, got 8"),
        (two().bend(0.5), "bend comes after an edge"),
        (two().edge("a", "b", "").bend(f64::NAN), "bend must be -2 to 2, got NaN"),
        (Diagram::new("").faded(), "faded comes after what it changes"),
    ] {
        let message = diagram.svg().expect_err("an error").to_string();
        assert!(message.contains(expected), "`{message}` should contain `{expected}`");
    }
    let wide = (0..100).fold(Diagram::new(""), |d, i| d.node(format!("{i}"), (i, 0), "a label"));
    let message = wide.svg().expect_err("too wide").to_string();
    assert!(message.contains("panel size must be large enough for the diagram, got 620 by 300"), "{message}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_positions_are_a_diagram_or_an_error(
        places in prop::collection::vec((-3.0..3.0, -2.0..2.0), 4), odd in extreme(), bend in -2.0..2.0,
        size in (0.01..2.0, 0.01..2.0),
    ) {
        let diagram = Diagram::new("")
            .node("a", places[0], "a")
            .block("b", places[1], "a block")
            .cell("c", places[2], size, "c")
            .node("d", (places[3].0, odd), "d")
            .arrow("a", "b", "ab").bend(bend).arrow("b", "c", "bc").edge("c", "a", "").bend(-bend).dashed()
            .arrow("a", "d", "").group(["a", "b"], "one").group(["a", "b", "c"], "two");
        match diagram.svg() {
            Ok(svg) => {
                for element in assert_sane(&svg, "a diagram") {
                    for corner in element.get("points").split(' ').filter_map(|pair| pair.split_once(',')) {
                        let (x, y): (f64, f64) = (corner.0.parse().expect("x"), corner.1.parse().expect("y"));
                        prop_assert!((0.0..=652.0).contains(&x) && (0.0..=340.0).contains(&y), "{element:?}");
                    }
                }
            }
            Err(error) => prop_assert!(matches!(error, Error::Figure(_) | Error::Setting { .. }), "{error}"),
        }
    }
}

#[test]
fn a_path_goes_through_its_points() {
    let road = Diagram::new("").path([(0, 0), (1, 1), (3, 0)]).color(2);
    let svg = parse(&road.svg().expect("a figure"));
    let line = svg.iter().find(|e| e.name == "polyline").expect("a path");
    let points: Vec<(f64, f64)> = (line.get("points").split(' '))
        .map(|pair| pair.split_once(',').map(|(x, y)| (x.parse().expect("x"), y.parse().expect("y"))).expect("x,y"))
        .collect();
    let [a, b, c] = points[..] else { panic!("{points:?}") };
    // Coordinates are rounded to a tenth of a pixel.
    assert!((c.0 - a.0 - 3.0 * (b.0 - a.0)).abs() < 0.5 && (a.1 - b.1 - (b.0 - a.0)).abs() < 0.5 && a.1 == c.1);
    assert!(road.describe().ends_with(": 1 path"), "{}", road.describe());
    let two = road.path([(0, 0), (1, 0)]).node("a", (0, 2), "").group(["a"], "alone").describe();
    assert!(two.contains("1 shape: a; 1 shape in a group \"alone\"; 2 paths"), "{two}");
    for (points, problem) in
        [(vec![(0.0, 0.0)], "needs at least two points"), (vec![(0.0, 0.0), (f64::NAN, 0.0)], "finite")]
    {
        let error = Diagram::new("").path(points).svg().unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
    }
}
