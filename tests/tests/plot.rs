//! Figures and tables: what is drawn, what is refused, and that the same data give the same bytes.

use candlelight::prelude::*;
use proptest::prelude::*;

/// An element of an XML document.
#[derive(Debug)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
}

impl Element {
    fn get(&self, name: &str) -> &str {
        self.attributes.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    fn number(&self, name: &str) -> f64 {
        self.get(name).parse().unwrap_or_else(|_| panic!("{name} of {self:?}"))
    }
}

/// The elements of a document, in order of their start tags. Panics unless the document is well-formed.
fn parse(xml: &str) -> Vec<Element> {
    let mut elements: Vec<Element> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut rest = xml;
    while let Some(start) = rest.find('<') {
        let text = unescape(&rest[..start]);
        match open.last() {
            Some(parent) => elements[*parent].text.push_str(text.trim()),
            None => assert!(text.trim().is_empty(), "text outside the root: {text}"),
        }
        let end = start + rest[start..].find('>').expect("a tag that ends");
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            let index = open.pop().expect("an open element");
            assert_eq!(elements[index].name, name);
            continue;
        }
        elements.push(parse_tag(tag.trim_end_matches('/')));
        if !tag.ends_with('/') {
            open.push(elements.len() - 1);
        }
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "unclosed elements, or text after the root");
    elements
}

fn parse_tag(tag: &str) -> Element {
    let (name, mut rest) = tag.split_once(' ').unwrap_or((tag, ""));
    let mut attributes: Vec<(String, String)> = Vec::new();
    while !rest.trim().is_empty() {
        let (key, tail) = rest.trim_start().split_once("=\"").expect("an attribute in quotes");
        let (value, tail) = tail.split_once('"').expect("a closing quote");
        assert!(attributes.iter().all(|(other, _)| other != key), "attribute {key} twice");
        attributes.push((key.to_owned(), unescape(value)));
        rest = tail;
    }
    Element { name: name.to_owned(), attributes, text: String::new() }
}

fn unescape(text: &str) -> String {
    assert!(text.chars().all(|c| c >= ' ' || c == '\n'), "a control character in {text:?}");
    let mut parts = text.split('&');
    let mut plain = parts.next().unwrap_or("").to_owned();
    for part in parts {
        let (entity, tail) = part.split_once(';').expect("an entity");
        plain.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "#39" => '\'',
            other => panic!("entity {other}"),
        });
        plain.push_str(tail);
    }
    plain
}

fn draw(panel: Panel) -> Vec<Element> {
    parse(&Figure::new().panel(panel).svg().expect("a figure"))
}

fn texts(elements: &[Element]) -> Vec<&str> {
    elements.iter().filter(|e| e.name == "text").map(|e| e.text.as_str()).collect()
}

fn count(elements: &[Element], name: &str) -> usize {
    elements.iter().filter(|e| e.name == name).count()
}

fn find_text<'a>(elements: &'a [Element], text: &str) -> &'a Element {
    let found = elements.iter().find(|e| e.name == "text" && e.text == text);
    found.unwrap_or_else(|| panic!("{text}: {:?}", texts(elements)))
}

/// The points of all polylines.
fn points(elements: &[Element]) -> Vec<(f64, f64)> {
    let pair = |text: &str| {
        let (x, y) = text.split_once(',').expect("x,y");
        (x.parse().expect("x"), y.parse().expect("y"))
    };
    elements.iter().filter(|e| e.name == "polyline").flat_map(|e| e.get("points").split(' ').map(pair)).collect()
}

fn span(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)))
}

/// The bytes of base 64.
fn decode(text: &str) -> Vec<u8> {
    assert_eq!(text.len() % 4, 0);
    let digit = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        other => panic!("digit {other}"),
    };
    let digits = text.trim_end_matches('=').as_bytes();
    let group = |four: &[u8]| {
        let bits = four.iter().fold(0_u32, |bits, c| bits << 6 | u32::from(digit(*c))) << (6 * (4 - four.len()));
        bits.to_be_bytes()[1..four.len()].to_vec()
    };
    digits.chunks(4).flat_map(group).collect()
}

fn message(panel: Panel) -> String {
    Figure::new().panel(panel).svg().expect_err("an error").to_string()
}

fn loss() -> Panel {
    Panel::new("Loss <over> \"training\" & more")
        .x("step")
        .y("cross-entropy [nat]")
        .line("train", [0, 1, 2, 3], [2.0, 1.0, 0.5, 0.25])
        .line("test", [0, 1, 2, 3], [2.1, 1.2, 0.8, 0.7])
        .hline(1.5, "target")
}

#[test]
fn a_line_chart_holds_its_lines_labels_and_legend() {
    let svg = draw(loss());
    for text in [
        "Loss <over> \"training\" & more",
        "step",
        "cross-entropy [nat]",
        "train",
        "test",
        "target",
        "0",
        "1",
        "2",
        "3",
    ] {
        find_text(&svg, text);
    }
    assert_eq!(count(&svg, "polyline"), 2);
    assert_eq!(count(&svg, "circle"), 8, "few points show as dots");
    assert_eq!(svg[0].name, "svg");
    assert_eq!(svg[0].get("role"), "img");
    assert_eq!(svg[0].get("aria-label"), "Loss <over> \"training\" & more");
    assert!(svg[1].name == "desc" && svg[1].text.contains("line \"test\": 4 points, x 0 to 3, y 0.7 to 2.1"));
}

#[test]
fn lines_pass_through_their_points() {
    let panel = Panel::new("").line("", [0.0, 1.0, 2.0], [0.0, 2.0, 1.0]);
    let line = points(&draw(panel.x_limits(0.0, 2.0).y_limits(0.0, 2.0)));
    let [a, b, c] = line[..] else { panic!("{line:?}") };
    assert!((b.0 - (a.0 + c.0) / 2.0).abs() <= 0.1, "x is linear: {line:?}");
    assert!((c.1 - (a.1 + b.1) / 2.0).abs() <= 0.1, "y is linear: {line:?}");
    assert!((a.1 - b.1 - 300.0).abs() <= 0.1, "the chart is 300 pixels high: {line:?}");
}

#[test]
fn every_text_stands_inside_the_figure() {
    let long = "words and more words that go on for longer than there is room beside or below the chart";
    let panel = Panel::new(long).x(long).y(long).line(long, 0.., [1e6, 1e6 + 0.002]).hline(1e6 + 1e-3, long);
    let bars = Panel::new(long).categories([long, "b", long]).bars("", [1, -2, 3]).hline(2.0, "a line with a label");
    let map = Panel::new(long).heatmap(long, [[1, 2], [3, 4]]).row_labels([long, long]).column_labels([long, long]);
    let svg = parse(&Figure::new().title(long).panel(panel).panel(bars).panel(map).svg().expect("a figure"));
    let view_box: Vec<f64> = svg[0].get("viewBox").split(' ').map(|number| number.parse().expect("a number")).collect();
    let (width, height) = (view_box[2], view_box[3]);
    let shown = (svg[0].number("width"), svg[0].number("height"));
    assert!(width > 800.0 && shown.0 <= 800.0, "a wide figure is shown smaller: {width} as {}", shown.0);
    assert!((shown.0 / shown.1 - width / height).abs() < 0.01, "and keeps its form");
    let (mut size, mut anchor) = (0.0, "");
    for element in &svg {
        if element.name == "g" && !element.get("font-size").is_empty() {
            (size, anchor) = (element.number("font-size"), element.get("text-anchor"));
        }
        if element.name != "text" {
            continue;
        }
        let upright = element.get("transform").is_empty();
        let (x, y) = if upright {
            (element.number("x"), element.number("y"))
        } else {
            let inside = element.get("transform").split(['(', ')']).nth(1).expect("a translation");
            let (x, y) = inside.split_once(' ').expect("x y");
            (x.parse().expect("x"), y.parse().expect("y"))
        };
        // Half the font size is the width of an average character of a sans-serif font.
        let length = element.text.chars().count() as f64 * size * 0.5;
        let before = match anchor {
            "middle" => length / 2.0,
            "end" => length,
            _ => 0.0,
        };
        let (low, high, limit) =
            if upright { (x - before, x - before + length, width) } else { (y + before - length, y + before, height) };
        assert!(low >= 0.0 && high <= limit, "{element:?} spans {low} to {high} of {limit}");
        assert!((0.0..=width).contains(&x) && (0.0..=height).contains(&y), "{element:?}");
    }
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

/// Panics unless every coordinate is a number, and the dots, the numbers and the bytes are few.
fn assert_sane(svg: &str, case: &str) -> Vec<Element> {
    assert!(svg.len() < 200_000, "{case}: {} bytes", svg.len());
    let elements = parse(svg);
    let numbers = ["x", "y", "width", "height", "cx", "cy", "r", "d", "points", "transform"];
    for element in &elements {
        for name in numbers {
            let value = element.get(name);
            assert!(!value.contains("NaN") && !value.contains("inf"), "{case}: {element:?}");
        }
        if element.name == "circle" {
            let inside = (0.0..700.0).contains(&element.number("cx")) && (0.0..420.0).contains(&element.number("cy"));
            assert!(inside, "{case}: {element:?}");
        }
        if element.name == "text" && element.get("transform").is_empty() {
            assert!((0.0..elements[0].number("height")).contains(&element.number("y")), "{case}: {element:?}");
        }
    }
    let ticks = texts(&elements).len();
    assert!((2..40).contains(&ticks), "{case}: {:?}", texts(&elements));
    elements
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

/// The doubles where arithmetic ends, and any others.
fn extreme() -> impl Strategy<Value = f64> {
    let ends = [0.0, 5e-324, 1e-310, f64::MIN_POSITIVE, 1.0, 1.0 + f64::EPSILON, 1e16, 1e16 + 2.0, 1e300, f64::MAX];
    let ends: Vec<f64> = ends.into_iter().flat_map(|v| [v, -v]).chain([f64::NAN, f64::INFINITY]).collect();
    prop_oneof![proptest::sample::select(ends), any::<f64>()]
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

#[test]
fn values_that_are_not_finite_leave_a_gap() {
    let svg = draw(Panel::new("").line("", 0.., [1.0, 2.0, 1.5, f64::NAN, 3.0, 2.0, 4.0, f64::INFINITY, 4.0]));
    assert_eq!(count(&svg, "polyline"), 2, "two runs of three points");
    assert_eq!(count(&svg, "circle"), 7, "and a point alone");
    let figure = Figure::new().panel(Panel::new("").scatter("s", 0.., [1.0, f64::NAN]));
    assert!(figure.describe().contains("(1 not finite, left out)"));
}

#[test]
fn lines_are_cut_at_the_limits() {
    let svg = draw(Panel::new("").curve("", 0.0..=2.0, |x| 10.0 - 20.0 * (x - 1.0).abs()).y_limits(-1.0, 1.0));
    let line = points(&svg);
    let (top, bottom) = span(line.iter().map(|p| p.1));
    assert!((bottom - top - 300.0).abs() < 0.2, "from the lower limit to the upper: {top} to {bottom}");
    assert_eq!(count(&svg, "polyline"), 2, "up, and down again");
}

#[test]
fn thinning_keeps_extremes_and_size() {
    let n = 200_000;
    let mut y: Vec<f64> = (0..n).map(|i| (f64::from(i) * 0.01).sin()).collect();
    (y[77_777], y[123_456]) = (9.0, -7.0);
    let figure = |y: &[f64]| Figure::new().panel(Panel::new("").line("", 0.., y).y_limits(-10.0, 10.0));
    let svg = figure(&y).svg().expect("a figure");
    assert!(svg.len() < 60_000, "{} bytes", svg.len());
    let few = figure(&[0.0, 9.0, -7.0]).svg().expect("a figure");
    assert_eq!(span(points(&parse(&svg)).iter().map(|p| p.1)), span(points(&parse(&few)).iter().map(|p| p.1)));

    let spiral = |f: fn(f64) -> f64| (0..n).map(move |i| f64::from(i) * 1e-4).map(move |t| t * f(t));
    let svg = Figure::new().panel(Panel::new("").line("", spiral(f64::cos), spiral(f64::sin))).svg().expect("a figure");
    assert!(svg.len() < 120_000, "{} bytes", svg.len());
}

#[test]
fn bars_stand_on_zero_with_their_values() {
    let svg = draw(Panel::new("").categories(["a", "b"]).bars("one", [1.0, -2.5]).bars("two", [2.0, 0.5]));
    for text in ["a", "b", "one", "two", "1.0", "−2.5", "2.0", "0.5"] {
        find_text(&svg, text);
    }
    let is_bar = |e: &&Element| e.name == "rect" && e.number("width") > 30.0 && e.get("rx").is_empty();
    let bars: Vec<&Element> = svg.iter().filter(is_bar).collect();
    assert_eq!(bars.len(), 4);
    let (up, down) = (bars[0], bars[1]);
    assert!((up.number("y") + up.number("height") - down.number("y")).abs() < 0.15, "both on 0: {up:?} {down:?}");
    assert!((down.number("height") / up.number("height") - 2.5).abs() < 0.01);
}

#[test]
fn histogram_counts_every_value() {
    // Bins of width 1 over 0 to 4 with 3, 1, 0 and 2 values; the last holds its upper end.
    let svg = draw(Panel::new("").histogram("", [0.0, 0.5, 0.9, 1.5, 3.5, 4.0], 4).y_limits(0.0, 3.0));
    let outline = points(&svg);
    let heights: Vec<f64> = outline[1..9].chunks(2).map(|top| ((outline[0].1 - top[0].1) / 100.0).round()).collect();
    assert_eq!(heights, [3.0, 1.0, 0.0, 2.0], "{outline:?}");
}

#[test]
fn heat_map_shows_values_labels_and_bar() {
    let map = Panel::new("").x("predicted").y("true").heatmap("count", [[50, 2], [7, 41]]);
    let svg = draw(map.row_labels(["cat", "dog"]).column_labels(["c", "d"]));
    for text in ["50", "2", "7", "41", "cat", "dog", "c", "d", "predicted", "true", "count"] {
        find_text(&svg, text);
    }
    assert_eq!(count(&svg, "image"), 2, "the cells and the colour bar");
    assert!(find_text(&svg, "50").number("y") < find_text(&svg, "7").number("y"), "the first row is on top");
}

#[test]
fn images_are_png_of_their_size() {
    let pixels = Tensor::arange(0_f32, 2.0 * 784.0, &Device::Cpu).and_then(|t| t.reshape((2, 784))).expect("a tensor");
    let svg = draw(Panel::new("").images(&pixels, ["seven", "a <nine>"]));
    find_text(&svg, "a <nine>");
    let images: Vec<&Element> = svg.iter().filter(|e| e.name == "image").collect();
    assert_eq!(images.len(), 2);
    for image in images {
        let png = image.get("href").strip_prefix("data:image/png;base64,").expect("a data URL");
        // The signature, then IHDR: width 28, height 28, 8 bits, greyscale.
        assert!(png.starts_with("iVBORw0KGgoAAAANSUhEUgAAABwAAAAcCAAAAA"), "{png}");
        // IEND with its checksum, as the PNG specification prints it.
        assert!(decode(png).ends_with(b"\0\0\0\0IEND\xae\x42\x60\x82"), "{png}");
    }
}

#[test]
fn level_curves_lie_on_the_level() {
    let mesh = Mesh::new(-2.0..=2.0, -2.0..=2.0, 80);
    let svg = draw(Panel::new("").contours(&mesh, mesh.map(f64::hypot), [1.0]));
    let circle = points(&svg);
    let ((left, right), (top, bottom)) = (span(circle.iter().map(|p| p.0)), span(circle.iter().map(|p| p.1)));
    assert!((bottom - top - 150.0).abs() < 0.5, "2 of the 4 that the chart is high");
    let (x, y) = ((left + right) / 2.0, (top + bottom) / 2.0);
    assert!(circle.len() > 100);
    for point in &circle {
        let r = ((point.0 - x) / (right - left)).hypot((point.1 - y) / (bottom - top)) * 2.0;
        assert!((r - 1.0).abs() < 0.01, "{r}");
    }
    assert_eq!(count(&svg, "polyline"), 1, "one closed curve");
    assert_eq!(circle.first(), circle.last());
}

#[test]
fn equal_axes_draw_a_circle_round() {
    let turn = || (0..=200).map(|i| f64::from(i) * std::f64::consts::TAU / 200.0);
    for (wide, tall) in [(1.0, 1.0), (4.0, 1.0), (1.0, 3.0), (1e300, 1e300)] {
        let panel = Panel::new("").line("", turn().map(|t| wide * t.cos()), turn().map(|t| tall * t.sin()));
        let line = points(&draw(panel.equal_axes()));
        let ((left, right), (top, bottom)) = (span(line.iter().map(|p| p.0)), span(line.iter().map(|p| p.1)));
        let ratio = (right - left) / (bottom - top);
        assert!((ratio / (wide / tall) - 1.0).abs() < 0.01, "{wide} by {tall}: {ratio}");
    }
    let flat = Panel::new("").line("", [0.0, 1e300], [0.0, 1e-300]).equal_axes();
    assert_sane(&Figure::new().panel(flat).svg().expect("a figure"), "a flat line");
}

#[test]
fn regions_have_a_legend_of_their_names() {
    let mesh = Mesh::new(0.0..=1.0, 0.0..=1.0, 2);
    let svg = draw(Panel::new("").regions(&mesh, [0, 1, 1, 0]).class_names(["cat", "dog"]));
    let marks: Vec<&str> = svg.iter().filter(|e| e.name == "g").map(|e| e.get("fill")).collect();
    // A quarter of blue and of vermillion over the card.
    assert!(marks.contains(&"#bcd9e7") && marks.contains(&"#f2d4bb"), "{marks:?}");
    find_text(&svg, "cat");
    find_text(&svg, "dog");
}

#[test]
fn panels_make_rows() {
    let panel = |i: usize| Panel::new(format!("p{i}")).line("", 0.., [1, 2]);
    let figure = |n: usize| (0..n).fold(Figure::new(), |figure, i| figure.panel(panel(i)));
    let place = |svg: &[Element], i: usize| {
        let title = find_text(svg, &format!("p{i}"));
        (title.number("x"), title.number("y"))
    };
    let svg = parse(&figure(4).svg().expect("a figure"));
    assert_eq!(place(&svg, 0).0, place(&svg, 2).0);
    assert_eq!(place(&svg, 0).1, place(&svg, 1).1);
    assert!(place(&svg, 2).1 > place(&svg, 0).1 + 250.0);
    let svg = parse(&figure(4).columns(4).svg().expect("a figure"));
    assert_eq!(place(&svg, 0).1, place(&svg, 3).1);
}

#[test]
fn series_take_the_first_free_colour() {
    let svg = Figure::new()
        .panel(Panel::new("").line("", 0.., [1, 2]).color(1).line("", 0.., [2, 3]).line("", 0.., [3, 4]))
        .svg()
        .expect("a figure");
    for color in ["#0072b2", "#d55e00", "#00906a"] {
        assert!(svg.contains(color), "{color}");
    }
}

#[test]
fn bad_data_are_named_when_drawn() {
    let mesh = Mesh::new(0.0..=1.0, 0.0..=1.0, 3);
    let none: [f64; 0] = [];
    let image = |dims: &[usize]| Tensor::zeros(dims, DType::F32, &Device::Cpu).expect("zeros");
    let panel = |title: &str| Panel::new(title);
    for (panel, expected) in [
        (panel("T"), "panel 1 \"T\": has nothing to draw"),
        (panel("T").line("a", [1, 2, 3], [1, 2]), "panel 1 \"T\": line \"a\": x has 3 values and y has 2"),
        (panel("").line("a", none, none), "panel 1: line \"a\": has no points"),
        (panel("").scatter("", [1.0], [f64::NAN]), "scatter: has no finite point"),
        (panel("").line("a", 0.., [1.0, 0.0]).log_y(), "line \"a\": y[1] is 0, but the y axis is logarithmic"),
        (panel("").line("a", 0.., [1.0, 2.0]).log_x(), "x[0] is 0, but the x axis is logarithmic"),
        (panel("").line("", 0.., [1, 2]).log_y().hline(-1.0, "low"), "line \"low\" must be finite and above 0"),
        (panel("").line("", 0.., [1, 2]).x_limits(2.0, 1.0), "x limits must be finite with low < high, got 2 and 1"),
        (panel("").line("", 0.., [1, 2]).y_limits(0.0, 1.0).log_y(), "y limits must be finite above 0"),
        (panel("").band("b", 0.., [1, 2], [1]), "mean has 2 values and spread has 1"),
        (panel("").band("b", 0.., [1, 2], [1, -1]), "spread[1] must be finite and at least 0, got -1"),
        (panel("").bars("b", [1, 2]), "2 values for 0 categories"),
        (panel("").categories(["a"]).bars("b", [f64::NAN]), "bars \"b\": value 0 is NaN"),
        (panel("").categories(["a"]).bars("b", [-1]).log_y(), "y[0] is -1, but the y axis is logarithmic"),
        (panel("").categories(["a"]).bars("b", [1]).line("", 0.., [1]), "bars and line cannot share a panel"),
        (panel("").categories(["a"]).bars("b", [1]).vline(1.0, ""), "the x axis has no numbers"),
        (panel("").histogram("h", [1.0], 0), "bins must be 1 to 1000, got 0"),
        (panel("").histogram("h", [f64::INFINITY], 3), "value 0 is inf"),
        (panel("").histogram("h", none, 3), "has no values"),
        (panel("").histogram("h", [1.0], 3).log_x(), "linear x axis only"),
        (panel("").heatmap("m", [vec![1, 2], vec![3]]), "row 1 has 1 values and row 0 has 2"),
        (panel("").heatmap("m", [[f64::NAN]]), "has no finite value"),
        (panel("").heatmap("m", [[1]]).row_labels(["a", "b"]), "1 rows have 2 labels"),
        (panel("").heatmap("m", [[1]]).heatmap("n", [[1]]), "a panel holds one heat map"),
        (panel("").field("f", &mesh, [1.0]), "1 values for a mesh of 3 by 3 points"),
        (panel("").field("f", &mesh, [1.0; 9]).log_y(), "linear axes only"),
        (panel("").regions(&Mesh::new(1.0..=0.0, 0.0..=1.0, 3), [0]), "finite ranges that are not empty"),
        (panel("").regions(&Mesh::new(0.0..=1.0, 0.0..=1.0, 1), [0]), "2 to 1000 cells a side, got 1"),
        (panel("").regions(&mesh, [0, 1, 2, 0, 0, 0, 0, 0, 0]).class_names(["a", "b"]), "3 classes have 2 names"),
        (panel("").line("", 0.., [1, 2]).class_names(["a"]), "class names need `regions`"),
        (panel("").line("", 0.., [1, 2]).log_y().equal_axes(), "equal axes must both be linear"),
        (panel("").heatmap("m", [[1]]).equal_axes(), "equal axes must both be linear"),
        (panel("").contours(&mesh, mesh.map(|x, _| x), none), "has no levels"),
        (panel("").images(&image(&[2, 3]), [""; 0]), "images: expected shape [n, height, width]"),
        (panel("").images(&image(&[2, 4, 4]), ["one"]), "2 images have 1 captions"),
        (panel("").color(0), "color comes after the series"),
        (panel("").line("", 0.., [1, 2]).color(8), "color must be 0 to 7, got 8"),
    ] {
        let message = message(panel);
        assert!(message.contains(expected), "`{message}` should contain `{expected}`");
    }
    let message = message(panel("").line("a", [1], [1, 2]).line("b", 0.., none));
    assert!(message.contains("\"a\"") && message.contains("\"b\""), "all problems are named: {message}");
    assert!(Figure::new().svg().expect_err("no panels").to_string().contains("no panels"));
    assert!(matches!(Figure::new().panel(loss()).columns(0).svg(), Err(Error::Setting { name: "columns", .. })));
    assert!(matches!(Figure::new().panel(loss()).panel_size(1.0, f64::NAN).svg(), Err(Error::Setting { .. })));
}

#[test]
fn same_data_same_bytes() {
    let figure = || {
        let mesh = Mesh::new(-1.0..=1.0, -1.0..=1.0, 30);
        let product = mesh.map(|x, y| x * y);
        let field = Panel::new("f").field("z", &mesh, &product).contours(&mesh, &product, [0.1, 0.2]);
        let histogram = Panel::new("h").histogram("", (0..99).map(|i| i * i % 37), 9);
        Figure::new().panel(loss()).panel(field).panel(histogram).svg().expect("a figure")
    };
    assert_eq!(figure(), figure());
}

#[test]
fn control_characters_do_not_break_the_document() {
    let svg = draw(Panel::new("bell\u{7} and\nline").line("]]> & 'x'", 0.., [1, 2]));
    find_text(&svg, "]]> & 'x'");
    find_text(&svg, "bell and line");
}

#[test]
fn save_is_whole_or_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("loss.SVG");
    let figure = Figure::new().panel(loss());
    figure.save(&path).expect("a file");
    let first = std::fs::read_to_string(&path).expect("text");
    assert_eq!(first, figure.svg().expect("a figure"));
    // A figure with an error leaves the file as it was, and no draft beside it.
    Figure::new().panel(Panel::new("")).save(&path).expect_err("nothing to draw");
    assert_eq!(std::fs::read_to_string(&path).expect("text"), first);
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
    // So does a place that cannot be written to: the draft is whole, but the rename fails.
    let blocked = folder.path().join("folder.svg");
    std::fs::create_dir(&blocked).expect("a folder");
    assert!(matches!(figure.save(&blocked), Err(Error::Io { path, .. }) if path == blocked));
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 2, "no draft is left");

    let refused = figure.save(folder.path().join("loss.pdf")).expect_err("an unknown extension").to_string();
    assert_eq!(refused, "extension must be .svg or .png, got `.pdf`");
    assert!(figure.save(folder.path().join("loss")).is_err());
    assert!(!folder.path().join("loss.pdf").exists());
}

#[test]
fn png_has_twice_the_pixels_of_the_svg() {
    let figure = Figure::new().panel(loss());
    let svg = parse(&figure.svg().expect("a figure"));
    let png = figure.png().expect("a bitmap");
    let number = |at: usize| f64::from(u32::from_be_bytes([png[at], png[at + 1], png[at + 2], png[at + 3]]));
    assert_eq!((number(16), number(20)), (2.0 * svg[0].number("width"), 2.0 * svg[0].number("height")));
    assert_eq!(png, figure.png().expect("a bitmap"));
}

/// The pixels of a title, as a file.
fn png_title(title: &str) -> Vec<u8> {
    Figure::new()
        .title(title)
        .panel(Panel::new("").line("", [0, 1], [0, 1]))
        .panel_size(240.0, 80.0)
        .png()
        .expect("a bitmap")
}

#[test]
fn a_bitmap_shows_every_character() {
    // A private character is in no font: it shows as a box.
    let (blank, missing) = (png_title("\u{a0}"), png_title("\u{e000}"));
    assert_ne!(blank, missing, "a character that the font lacks is seen");
    let signs = "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩαβγδεζηθικλμνξοπρστυφχψωϕϵ∂∇∏∑∫∮√∞∝≈≠≡≤≥≪≫±∓×÷·∘⊙⊕⊗∈∉⊂∪∩∀∃∅⌈⌉⌊⌋⟨⟩‖←↑→↓↔↦⇐⇒ℓℝ𝔼½⅓⅔\
                 ⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿⁱ₀₁₂₃₄₅₆₇₈₉₊₋ᵀᵏᵖᵗᵢⱼₖₗₘₙₓₜˣŷẑńąü─○●✓✗…–—";
    for sign in signs.chars() {
        let drawn = png_title(&sign.to_string());
        assert!(drawn != blank && drawn != missing, "{sign} is missing");
    }
}

/// The columns and the rows that a title of one line covers on a bitmap.
fn ink(title: &str) -> ((usize, usize), (usize, usize)) {
    use std::io::Read as _;
    let png = png_title(title);
    let number = |at: usize| u32::from_be_bytes([png[at], png[at + 1], png[at + 2], png[at + 3]]) as usize;
    // After the signature and the header comes one chunk with all lines, each with a byte for its filter, 0.
    let (width, data) = (number(16), &png[41..41 + number(33)]);
    let mut lines = Vec::new();
    flate2::read::ZlibDecoder::new(data).read_to_end(&mut lines).expect("deflated lines");
    let dark = |line: &[u8], x: usize| line[1 + 3 * x..][..3] != [0xfb, 0xfb, 0xf9];
    let rows: Vec<&[u8]> = lines.chunks(1 + 3 * width).take(2 * 37).collect();
    let inked: Vec<(usize, usize)> =
        (0..width).flat_map(|x| (0..rows.len()).map(move |y| (x, y))).filter(|(x, y)| dark(rows[*y], *x)).collect();
    let ends = |pick: fn(&(usize, usize)) -> usize| {
        (inked.iter().map(pick).min().expect("ink"), inked.iter().map(pick).max().expect("ink"))
    };
    (ends(|p| p.0), ends(|p| p.1))
}

#[test]
fn accents_stand_over_their_letters() {
    for letter in ["x", "y", "M"] {
        let (columns, (top, bottom)) = ink(letter);
        let (both, (high, low)) = ink(&format!("{letter}\u{302}"));
        assert_eq!(both, columns, "{letter}: the accent is no wider than the letter and over its middle");
        assert!(high + 4 < top && low == bottom, "{letter}: from {top} the accent reaches up to {high}");
    }
}

/// What a notebook would receive: this test runs itself once more, with its output captured.
#[test]
fn notebooks_receive_text_and_pictures_or_an_error() {
    const CHILD: &str = "CANDLELIGHT_TEST_SHOW";
    if std::env::var_os(CHILD).is_some() {
        Figure::new().panel(loss()).evcxr_display();
        table().evcxr_display();
        Diagram::new("").node("x", (0, 0), "x").evcxr_display();
        Figure::new().panel(Panel::new("empty")).evcxr_display();
        return;
    }
    let output = std::process::Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "notebooks_receive_text_and_pictures_or_an_error", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .expect("a child");
    let (shown, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    for start in [
        "text/plain\nFigure with 1 panel",
        "image/svg+xml\n<svg",
        "text/plain\n   λ",
        "text/html\n<table",
        "text/plain\nFigure with 1 panel\n1. untitled\n   diagram",
    ] {
        assert!(shown.contains(&format!("EVCXR_BEGIN_CONTENT {start}")), "{start}: {shown}");
    }
    assert_eq!(shown.matches("\nEVCXR_END_CONTENT\n").count(), 6, "{shown}");
    assert!(errors.contains("figure: panel 1 \"empty\": has nothing to draw"), "{errors}");
}

fn table() -> Table {
    Table::new(["λ", "optimizer", "error [%]"]).row((0.0, "SGD <plain> & 'co'", 12.5)).row((0.01, "Adam", 9.25))
}

#[test]
fn tables_align_numbers_right_and_words_left() {
    let text = table().text().expect("a table");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "   λ  optimizer           error [%]");
    assert_eq!(lines[2], "   0  SGD <plain> & 'co'      12.50");
    assert_eq!(lines[3], "0.01  Adam                     9.25");
    let mixed = Table::new(["p"]).row([1e-6]).row([0.25]).text().expect("a table");
    assert_eq!(mixed, "   p\n────\n1e-6\n0.25\n");
    let fixed = table().decimals(1).text().expect("a table");
    assert!(fixed.contains("0.0") && fixed.contains("12.5\n"), "{fixed}");
}

#[test]
fn html_tables_are_escaped_and_well_formed() {
    let html = table().title("<b>").html().expect("a table");
    let elements = parse(&html);
    assert_eq!(count(&elements, "tr"), 3);
    let cells: Vec<&Element> = elements.iter().filter(|e| e.name == "td").collect();
    assert_eq!(cells[1].text, "SGD <plain> & 'co'");
    assert!(cells[1].get("style").contains("left") && cells[2].get("style").contains("right"));
    assert!(!html.contains("<plain>") && !html.contains("<b>"));
    assert!(!html.contains("color:#") && !html.contains("background"), "colours are those of the page");
}

#[test]
fn bad_tables_are_refused() {
    let short = table().row((1.0, "x")).text().expect_err("a short row").to_string();
    assert!(short.contains("row 2 of a table has 2 cells for 3 headers"), "{short}");
    assert!(Table::new([""; 0]).html().is_err());
    assert!(matches!(table().decimals(16).html(), Err(Error::Setting { .. })));
    let folder = tempfile::tempdir().expect("a folder");
    assert!(table().save(folder.path().join("t.xls")).is_err());
    table().save(folder.path().join("t.html")).expect("a file");
    table().save(folder.path().join("t.txt")).expect("a file");
}

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
