//! Axes, from everyday spans to those where doubles end.

use candlelight::prelude::*;
use proptest::prelude::*;

use crate::message;
use crate::svg::{assert_sane, count, draw, find_text, parse, points, span, texts};

/// The doubles where arithmetic ends, and any others.
pub fn extreme() -> impl Strategy<Value = f64> {
    let ends = [0.0, 5e-324, 1e-310, f64::MIN_POSITIVE, 1.0, 1.0 + f64::EPSILON, 1e16, 1e16 + 2.0, 1e300, f64::MAX];
    let ends: Vec<f64> = ends.into_iter().flat_map(|v| [v, -v]).chain([f64::NAN, f64::INFINITY]).collect();
    prop_oneof![proptest::sample::select(ends), any::<f64>()]
}

#[test]
fn decades_of_a_log_axis_are_evenly_spaced() {
    let svg = draw(Panel::new("").line("", [1, 2, 3], [0.001, 1.0, 1000.0]).log_y());
    let decades = ["1e−3", "0.01", "0.1", "1", "10", "100", "1000"];
    // The last text of a name: "1" stands below the x axis too.
    let y = |text: &str| svg.iter().filter(|e| e.text == text).map(|e| e.number("y")).fold(f64::MAX, f64::min);
    let y = decades.map(y);
    for pair in y.windows(2) {
        assert!((pair[0] - pair[1] - (y[0] - y[6]) / 6.0).abs() < 0.25, "{y:?}");
    }
    let svg = draw(Panel::new("").line("", [1, 10, 50], [4, 4, 6]).log_x());
    let x = |text: &str| find_text(&svg, text).number("x");
    assert!((x("20") - x("2") - (x("10") - x("1"))).abs() < 0.25);
}

#[test]
fn tick_labels_are_short_and_round() {
    let labels = |high: f64| -> Vec<String> {
        texts(&draw(Panel::new("").line("", [0.0, 1.0], [0.0, high]))).into_iter().map(str::to_owned).collect()
    };
    for (high, expected) in [(5e4, "20k"), (3e6, "1.0M"), (5e-5, "2e−5"), (1.0, "0.4"), (60.0, "20"), (5e12, "2e12")]
    {
        let labels = labels(high);
        assert!(labels.iter().any(|label| label == expected), "{high}: {labels:?}");
    }
    for high in [1e-300, 1e-9, 7.0, 123.0, 9.99e4, 1e15, 1e300] {
        let labels = labels(high);
        assert!((6..=18).contains(&labels.len()), "{high}: {labels:?}");
    }
}

#[test]
fn whole_numbers_have_no_ticks_between() {
    assert!(!texts(&draw(Panel::new("").line("", [0, 1, 2], [4, 4, 5]))).contains(&"0.5"));
    assert!(texts(&draw(Panel::new("").line("", [0.0, 1.1, 2.0], [4, 4, 5]))).contains(&"0.5"));
}

#[test]
fn extreme_ranges_still_draw() {
    let one = 1.0 + f64::EPSILON;
    for y in [[1.0; 2], [0.0; 2], [-f64::MAX, f64::MAX], [1e-320, 2e-320], [1.0, one], [-1e9, -1e9 + 1.0], [-3.0; 2]] {
        let svg = Figure::new().panel(Panel::new("").line("", 0.., y)).svg().expect("a figure");
        assert_eq!(count(&assert_sane(&svg, &format!("{y:?}")), "circle"), 2, "{y:?}");
    }
}

#[test]
fn a_log_axis_holds_every_positive_double() {
    // The least double, 2⁻¹⁰⁷⁴, is the last of these.
    let halves: Vec<f64> = (0..1075).map(|n| 0.5_f64.powi(n)).collect();
    let svg = Figure::new().panel(Panel::new("").line("p", 0.., &halves).log_y()).svg().expect("a figure");
    let svg = assert_sane(&svg, "0.5ⁿ");
    // Equal factors are equal distances: on a line from corner to corner, 1e−300 stands 300 / 323.3 of the way down.
    let line = points(&svg);
    let (first, last) = (line[0], line[line.len() - 1]);
    let ticks: Vec<&str> = texts(&svg).into_iter().filter(|text| text.contains("1e−")).collect();
    assert!(ticks.contains(&"1e−300") && ticks.len() >= 3, "{ticks:?}");
    let y = find_text(&svg, "1e−300").number("y") - 4.0;
    let expected = first.1 + (last.1 - first.1) * 300.0 / (1074.0 * 2_f64.log10());
    assert!((y - expected).abs() < 0.3, "{y} and {expected}");
    for line in [[1e-300, 1e300], [5e-324, f64::MAX], [f64::MAX; 2], [5e-324; 2], [1.0, 1.0 + f64::EPSILON]] {
        for panel in [Panel::new("").line("", 1.., line), Panel::new("").categories(["a", "b"]).bars("", line)] {
            let svg = Figure::new().panel(panel.log_y()).svg().expect("a figure");
            assert_sane(&svg, &format!("{line:?}"));
        }
    }
}

#[test]
fn the_widest_span_has_colours_bins_and_curves() {
    let huge = [-f64::MAX, 0.0, f64::MAX];
    let map = Figure::new().panel(Panel::new("").heatmap("", [huge])).svg().expect("a figure");
    let same = Figure::new().panel(Panel::new("").heatmap("", [[-1, 0, 1]])).svg().expect("a figure");
    let pixels = |svg: &str| parse(svg).iter().find(|e| e.name == "image").map(|e| e.get("href").to_owned());
    assert_eq!(pixels(&map), pixels(&same), "the colours of −1, 0 and 1");
    for value in [f64::MAX, -f64::MAX, 5e-324] {
        assert_sane(&Figure::new().panel(Panel::new("").heatmap("", [[value]])).svg().expect("a figure"), "one cell");
    }

    let counts = |values: [f64; 3]| points(&draw(Panel::new("").histogram("", values, 2)));
    let heights = |values: [f64; 3]| counts(values).into_iter().map(|p| p.1).collect::<Vec<_>>();
    for values in [huge, [0.0, 5e-324, 1e-323]] {
        assert_eq!(heights(values), heights([-1.0, 0.0, 1.0]), "{values:?}");
    }
    let (left, right) = span(counts([1e300; 3]).iter().map(|p| p.0));
    assert!(right - left > 100.0, "one value alone has bins that show");

    let line = points(&draw(Panel::new("").curve("", -f64::MAX..=f64::MAX, |x| x)));
    assert_eq!(line.len(), 401);
    assert_eq!(span(line.iter().map(|p| p.1)), (21.0, 321.0), "from the upper end of the chart to the lower");
    let mesh = Mesh::new(-f64::MAX..=f64::MAX, 0.0..=5e-324, 2);
    let left = mesh.points()[0];
    assert!((left[0] / (-f64::MAX / 2.0) - 1.0).abs() < 1e-15 && left[1] == 0.0, "{left:?}");
    let stack = Tensor::new(&[[[-f64::MAX, f64::MAX]]], &Device::Cpu).expect("pixels");
    let black_and_white = Tensor::new(&[[[0.0, 1.0]]], &Device::Cpu).expect("pixels");
    let image = |t: &Tensor| Figure::new().panel(Panel::new("").images(t, [""; 0])).svg().expect("a figure");
    assert_eq!(pixels(&image(&stack)), pixels(&image(&black_and_white)));
}

#[test]
fn a_mesh_that_a_figure_refuses_has_no_points() {
    let mesh = Mesh::new(0.0..=1.0, 0.0..=1.0, 3_000_000_000);
    assert_eq!(mesh.points().len(), 0);
    let message = message(Panel::new("").field("", &mesh, mesh.map(|x, _| x)));
    assert!(message.contains("a mesh has 2 to 1000 cells a side, got 3000000000"), "{message}");
}

#[test]
fn lines_leave_limits_that_are_far_from_their_data() {
    let figure =
        |y: [f64; 3]| Figure::new().panel(Panel::new("").line("", [0.0, 1.0, 2.0], y).y_limits(-1e-300, 1e-300));
    for y in [[0.0, f64::MAX, 0.0], [0.0, 1e300, -1e300]] {
        let svg = figure(y).svg().expect("a figure");
        assert!(svg.contains("stroke=\"#0072b2\""), "the line leaves the chart");
        assert_sane(&svg, &format!("{y:?}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_doubles_are_a_figure_or_an_error(
        kind in 0..7, (log_x, log_y, equal) in any::<(bool, bool, bool)>(),
        x in prop::collection::vec(extreme(), 3), y in prop::collection::vec(extreme(), 3),
        limits in prop::option::of((extreme(), extreme())), line in prop::option::of(extreme()),
    ) {
        let panel = Panel::new("");
        let mesh = Mesh::new(x[0]..=x[1], y[0]..=y[1], 4);
        let mut panel = match kind {
            0 => panel.line("", &x, &y),
            1 => panel.scatter("", &x, &y),
            2 => panel.band("", &x, &y, x.iter().map(|v| v.abs())),
            3 => panel.categories(["a", "b", "c"]).bars("", &y),
            4 => panel.histogram("", &y, 3),
            5 => panel.heatmap("", [&x, &y]),
            _ => panel.field("", &mesh, mesh.map(|x, y| x * y)).contours(&mesh, mesh.map(|x, y| x - y), [y[2]]),
        };
        if log_x { panel = panel.log_x(); }
        if log_y { panel = panel.log_y(); }
        if equal { panel = panel.equal_axes(); }
        if let Some((low, high)) = limits { panel = panel.y_limits(low, high); }
        if let Some(value) = line { panel = panel.hline(value, "line"); }
        match Figure::new().panel(panel).svg() {
            Ok(svg) => { assert_sane(&svg, &format!("kind {kind}")); }
            Err(error) => prop_assert!(matches!(error, Error::Figure(_)), "{error}"),
        }
    }
}
