//! SVG documents, read back.

use candlelight::prelude::*;

/// An element of an XML document.
#[derive(Debug)]
pub struct Element {
    pub name: String,
    attributes: Vec<(String, String)>,
    pub text: String,
}

impl Element {
    pub fn get(&self, name: &str) -> &str {
        self.attributes.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    pub fn number(&self, name: &str) -> f64 {
        self.get(name).parse().unwrap_or_else(|_| panic!("{name} of {self:?}"))
    }
}

/// The elements of a document, in order of their start tags. Panics unless the document is well-formed.
pub fn parse(xml: &str) -> Vec<Element> {
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

pub fn draw(panel: Panel) -> Vec<Element> {
    parse(&Figure::new().panel(panel).svg().expect("a figure"))
}

pub fn texts(elements: &[Element]) -> Vec<&str> {
    elements.iter().filter(|e| e.name == "text").map(|e| e.text.as_str()).collect()
}

pub fn count(elements: &[Element], name: &str) -> usize {
    elements.iter().filter(|e| e.name == name).count()
}

pub fn find_text<'a>(elements: &'a [Element], text: &str) -> &'a Element {
    let found = elements.iter().find(|e| e.name == "text" && e.text == text);
    found.unwrap_or_else(|| panic!("{text}: {:?}", texts(elements)))
}

/// The points of all polylines.
pub fn points(elements: &[Element]) -> Vec<(f64, f64)> {
    let pair = |text: &str| {
        let (x, y) = text.split_once(',').expect("x,y");
        (x.parse().expect("x"), y.parse().expect("y"))
    };
    elements.iter().filter(|e| e.name == "polyline").flat_map(|e| e.get("points").split(' ').map(pair)).collect()
}

pub fn span(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)))
}

/// The bytes of base 64.
pub fn decode(text: &str) -> Vec<u8> {
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

/// Panics unless every coordinate is a number, and the dots, the numbers and the bytes are few.
pub fn assert_sane(svg: &str, case: &str) -> Vec<Element> {
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
