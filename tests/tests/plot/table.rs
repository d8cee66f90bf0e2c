//! Tables of numbers and words.

use candlelight::prelude::*;

use crate::svg::{Element, count, parse};

pub fn table() -> Table {
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
