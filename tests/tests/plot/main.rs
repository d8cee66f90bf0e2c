//! Figures, diagrams and tables: what is drawn, what is refused, and that the same data give the same bytes.

mod bitmap;
mod diagram;
mod ranges;
mod svg;
mod table;

use candlelight::prelude::*;

use crate::svg::{Element, assert_sane, count, decode, draw, find_text, parse, points, span};
use crate::table::table;

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
fn one_of_a_thing_is_described_in_the_singular() {
    let mesh = Mesh::new(0.0..=1.0, 0.0..=1.0, 2);
    for (panel, expected) in [
        (Panel::new("").scatter("a", [3.0], [0.5]), "scatter \"a\": 1 point, x 3 to 3, y 0.5 to 0.5"),
        (Panel::new("").histogram("b", [1.0], 1), "1 value in 1 bin, 1 to 1"),
        (Panel::new("").histogram("b", [1.0, 2.0], 2), "2 values in 2 bins, 1 to 2"),
        (Panel::new("").regions(&mesh, [0; 4]), "2 by 2 points, 1 class"),
        (Panel::new("").regions(&mesh, [0, 1, 0, 1]), "2 by 2 points, 2 classes"),
    ] {
        let words = Figure::new().panel(panel).describe();
        assert!(words.trim_end().ends_with(expected), "{words}");
    }
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
fn signed_images_have_a_colour_for_each_sign_and_white_for_zero() {
    let href = |panel: Panel| draw(panel).iter().find(|e| e.name == "image").expect("an image").get("href").to_owned();
    let signed = |row: &[f64]| {
        let image = Tensor::from_slice(row, (1, 1, row.len()), &Device::Cpu).expect("a tensor");
        href(Panel::new("").signed_images(&image, [""; 0]))
    };
    let heatmap = |row: &[f64]| href(Panel::new("").heatmap("", [row.to_vec()]));
    assert_eq!(signed(&[-2.0, 0.0, 1.0, 2.0]), heatmap(&[-2.0, 0.0, 1.0, 2.0]), "the colours of a heat map");
    assert_eq!(signed(&[-2e-3, 0.0, 1e-3, 2e-3]), signed(&[-2.0, 0.0, 1.0, 2.0]), "the largest decides");
    assert_ne!(signed(&[1.0, 0.0]), signed(&[-1.0, 0.0]));
    // Where all have one sign, 0 is the middle all the same: 1 is half way to 2, as between −2 and 2.
    assert_ne!(signed(&[0.0, 1.0, 2.0]), heatmap(&[0.0, 1.0, 2.0]));
    assert_eq!(signed(&[0.0, 0.0]), signed(&[0.0, -0.0]));
    let half = |row: &[f64]| {
        let image = Tensor::from_slice(row, (row.len(), 1, 1), &Device::Cpu).expect("a tensor");
        let svg = draw(Panel::new("").signed_images(&image, [""; 0]));
        svg.iter().filter(|e| e.name == "image").map(|e| e.get("href").to_owned()).collect::<Vec<_>>()
    };
    let (both, one) = (half(&[-2.0, 0.0, 1.0, 2.0]), half(&[0.0, 1.0, 2.0]));
    assert_eq!(one, both[1..]);
    assert_eq!(half(&[0.0]), both[1..2], "zeros alone are white");
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
        (panel("").heatmap("m", [[1, 2]]).cell_labels([["a"]]), "1 rows of 2 cells have rows of [1] labels"),
        (panel("").line("l", [0], [0]).cell_labels([["a"]]), "cell labels need a heat map"),
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

#[cfg(unix)]
#[test]
fn a_figure_replaces_files_only_and_takes_names_of_any_length() {
    let folder = tempfile::tempdir().unwrap();
    let figure = Figure::new().panel(Panel::new("p").line("a", [0, 1], [0, 1]));
    let long = folder.path().join(format!("{}.svg", "n".repeat(251)));
    figure.save(&long).unwrap();
    assert!(std::fs::read_to_string(&long).unwrap().starts_with("<svg"));
    assert!(
        !std::process::Command::new("mkfifo").arg(folder.path().join("pipe.svg")).status().is_ok_and(|s| !s.success())
    );
    let refused = figure.save(folder.path().join("pipe.svg")).unwrap_err();
    assert!(matches!(&refused, Error::Io { .. }) && refused.to_string().contains("not a regular file"), "{refused}");
}

#[test]
fn labels_stand_in_the_cells_of_a_heat_map() {
    let map = Panel::new("").heatmap("v", [[1.0, f64::NAN]]).cell_labels([["up\n1.0", "H"]]);
    let svg = parse(&Figure::new().panel(map).svg().expect("a figure"));
    let (up, below, hole) = (find_text(&svg, "up"), find_text(&svg, "1.0"), find_text(&svg, "H"));
    assert!(up.number("y") < hole.number("y") && hole.number("y") < below.number("y"), "two lines around the middle");
    assert_eq!(up.number("x"), below.number("x"));
}
