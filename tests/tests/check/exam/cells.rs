//! The cell that an explanation names.

use candlelight::check::exam::bank::questions;
use candlelight_tests::documents::{anchor, read};

use super::{none_of, unless};

/// How many questions may have no cell, because their section shows it in words.
const IN_WORDS: usize = 5;

/// The code cells of a chapter, from the heading of this anchor to the next one that is as high.
fn cells(chapter: &str, section: &str) -> Vec<String> {
    let (mut cells, mut cell, mut within) = (Vec::new(), None, None);
    for line in chapter.lines() {
        match &mut cell {
            None if line.starts_with("```{code-cell}") => cell = Some(String::new()),
            None if line.starts_with('#') => {
                let level = line.bytes().take_while(|byte| *byte == b'#').count();
                if within.is_none_or(|own| level <= own) {
                    within = (anchor(line) == section).then_some(level);
                }
            }
            None => {}
            Some(_) if line == "```" => cells.extend(cell.take().filter(|_| within.is_some())),
            Some(code) => {
                code.push_str(line);
                code.push('\n');
            }
        }
    }
    cells
}

#[test]
fn cells_belong_to_sections() {
    let chapter = "# T\n## A\n```{code-cell} rust\none\n# no heading\n```\n### B\n```{code-cell} rust\ntwo\n```\n## C\n```{code-cell} rust\n\
                   three\n```\n";
    assert_eq!(cells(chapter, "A"), ["one\n# no heading\n", "two\n"]);
    assert_eq!(cells(chapter, "B"), ["two\n"]);
    assert_eq!(cells(chapter, "C"), ["three\n"]);
    assert_eq!(cells(chapter, "T").len(), 3);
    assert!(cells(chapter, "no-heading").is_empty());
}

#[test]
fn each_explanation_names_one_cell_of_its_section() {
    none_of(|question| {
        let Some(name) = question.cell() else { return Vec::new() };
        let link = question.link();
        let (_, section) = link.split_once('#').expect("a section");
        let cells = cells(&read(&format!("notebooks/text/{}.md", question.notebook())), section);
        let found = cells.iter().filter(|cell| cell.contains(name)).count();
        [
            unless(found == 1, format!("{name} is in {found} of {} cells of {section}", cells.len())),
            unless(name.len() >= 3 && !name.contains('`'), format!("{name} names no cell")),
        ]
        .into_iter()
        .flatten()
        .collect()
    });
}

#[test]
fn few_explanations_name_no_cell() {
    let none: Vec<&str> = questions().iter().filter(|question| question.cell().is_none()).map(|q| q.id()).collect();
    assert!(none.len() <= IN_WORDS, "{} of them: {none:?}", none.len());
}
