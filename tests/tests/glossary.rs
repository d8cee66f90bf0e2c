//! The glossary: one sentence and one link a term, and no term that a chapter uses before its section without a link.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use candlelight_tests::documents::{anchor, read, root};

/// A term, what the chapters write besides, what it means, and the section that defines it.
struct Entry {
    term: String,
    also: Vec<String>,
    meaning: String,
    chapter: String,
    section: String,
}

/// A heading's text below it, with the anchors of the headings that it lies under, its own last.
struct Section {
    anchors: Vec<String>,
    text: String,
}

/// A notebook's name, and its sections in order.
type Chapter = (String, Vec<Section>);

/// Every way to write a term, the longest first, with the number of its entry; by first letter.
type Forms = BTreeMap<char, Vec<(String, usize)>>;

const EVERYDAY: &str = "Everyday words until their section defines them: ";

fn glossary() -> String {
    read("docs/glossary.md")
}

fn entries(glossary: &str) -> Vec<Entry> {
    glossary.split("\n## ").skip(1).map(entry).collect()
}

fn entry(text: &str) -> Entry {
    let parts = || {
        let (term, rest) = text.trim().split_once("\n\n")?;
        let (meaning, link) = rest.rsplit_once("\n[")?;
        let (_, target) = link.strip_suffix(')')?.split_once("](../notebooks/")?;
        let (chapter, section) = target.split_once('#')?;
        let (also, meaning) = match meaning.strip_prefix("*Also ") {
            Some(rest) => rest.split_once(":* ")?,
            None => ("", meaning),
        };
        let also = also.split(", ").filter(|form| !form.is_empty()).map(str::to_owned).collect();
        let [term, meaning, chapter, section] = [term, meaning, chapter, section].map(str::to_owned);
        Some(Entry { term, also, meaning, chapter, section })
    };
    parts().unwrap_or_else(|| panic!("a heading, a sentence, and a link to a section in a line of its own: {text}"))
}

/// The terms that the glossary says are used in their everyday sense before.
fn everyday(glossary: &str) -> BTreeSet<&str> {
    let line = glossary.lines().find_map(|line| line.strip_prefix(EVERYDAY)).expect("the everyday words");
    line.trim_end_matches('.').split(", ").collect()
}

/// The chapters in the order of reading.
fn chapters() -> Vec<Chapter> {
    let folder = std::fs::read_dir(root().join("notebooks/text")).expect("the chapters");
    let files = folder.map(|entry| entry.expect("an entry").path());
    let files: BTreeSet<PathBuf> = files.filter(|file| file.extension().is_some_and(|own| own == "md")).collect();
    let chapter = |file: PathBuf| {
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned() + ".ipynb";
        (name, sections(&std::fs::read_to_string(&file).expect("a chapter")))
    };
    files.into_iter().map(chapter).collect()
}

/// The sections of a text twin, without its header, its cells of code and the titles of further reading.
fn sections(twin: &str) -> Vec<Section> {
    let (mut sections, mut under, mut code) = (Vec::new(), Vec::<(usize, String)>::new(), false);
    for line in twin.lines() {
        let level = line.chars().take_while(|c| *c == '#').count();
        if line.starts_with("```") {
            code = !code;
        } else if !code && level > 0 {
            under.retain(|(above, _)| *above < level);
            under.push((level, anchor(line)));
            let anchors = under.iter().map(|(_, anchor)| anchor.clone()).collect();
            sections.push(Section { anchors, text: String::new() });
        } else if let Some(section) = sections.last_mut().filter(|_| !code) {
            section.text += line.trim_start_matches(['>', ' ']);
            section.text.push('\n');
        }
    }
    sections.retain(|section| section.anchors.iter().all(|anchor| anchor != "Further-reading"));
    sections
}

/// What stands between two of these marks becomes one character that is part of no word.
fn without(text: &str, mark: &str) -> String {
    let parts: Vec<&str> = text.split(mark).collect();
    assert!(parts.len() % 2 == 1, "`{mark}` is not closed: {text}");
    parts.into_iter().step_by(2).collect::<Vec<_>>().join("\0")
}

/// The words of a text without formulas, code and emphasis; those of a link with its target.
fn words(text: &str) -> Vec<(String, Option<String>)> {
    let text = ["`", "$$", "$"].iter().fold(text.to_owned(), |text, mark| without(&text, mark));
    let text = text.replace('*', "").split_whitespace().collect::<Vec<_>>().join(" ");
    let (mut rest, mut found) = (&text[..], Vec::new());
    while let Some(middle) = rest.find("](") {
        let start = rest[..middle].rfind('[').expect("the start of a link");
        let mut open = 1;
        let target = &rest[middle + 2..];
        let end = target.find(|c| {
            open += i32::from(c == '(') - i32::from(c == ')');
            open == 0
        });
        let end = end.expect("the end of a link");
        found.push((rest[..start].to_owned(), None));
        found.push((rest[start + 1..middle].to_owned(), Some(target[..end].to_owned())));
        rest = &target[end + 1..];
    }
    found.push((rest.to_owned(), None));
    found
}

/// A term's spellings in singular and plural, with dashes for spaces, and with a capital at the start of a sentence.
fn forms(entries: &[Entry]) -> Forms {
    let mut forms = Forms::new();
    for (number, entry) in entries.iter().enumerate() {
        for spelling in entry.also.iter().chain([&entry.term]) {
            let plural = match spelling.strip_suffix('y') {
                Some(stem) => [spelling.clone() + "s", stem.to_owned() + "ies"],
                None => [spelling.clone() + "s", spelling.clone() + "es"],
            };
            for form in plural.iter().chain([spelling]).flat_map(|form| [form.clone(), form.replace(' ', "-")]) {
                let first = form.chars().next().expect("a spelling");
                let capital = first.to_uppercase().chain(form.chars().skip(1)).collect();
                for form in BTreeSet::from([form, capital]) {
                    forms.entry(form.chars().next().expect("a letter")).or_default().push((form, number));
                }
            }
        }
    }
    for forms in forms.values_mut() {
        forms.sort_by_key(|(form, _)| std::cmp::Reverse(form.len()));
    }
    forms
}

/// The entries that a text uses, as whole words, the longer of two terms that begin alike.
fn used(text: &str, forms: &Forms) -> Vec<usize> {
    let in_word = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    let (mut found, mut before, mut next) = (Vec::new(), ' ', 0);
    for (at, c) in text.char_indices() {
        if at >= next && !in_word(before) {
            let ends = |form: &str| text[at..].starts_with(form) && !text[at + form.len()..].starts_with(in_word);
            if let Some((form, entry)) = forms.get(&c).and_then(|forms| forms.iter().find(|(form, _)| ends(form))) {
                found.push(*entry);
                next = at + form.len();
            }
        }
        before = c;
    }
    found
}

/// The entries whose first use is neither in their section nor a link to it, to its chapter or to the glossary.
fn used_before(entries: &[Entry], chapters: &[Chapter]) -> BTreeMap<String, String> {
    let forms = forms(entries);
    let (mut seen, mut early) = (BTreeSet::new(), BTreeMap::new());
    for (chapter, section) in chapters.iter().flat_map(|(name, sections)| sections.iter().map(move |s| (name, s))) {
        for (text, link) in words(&section.text) {
            for number in used(&text, &forms).into_iter().filter(|number| seen.insert(*number)) {
                let entry = &entries[number];
                let at_home = *chapter == entry.chapter && section.anchors.contains(&entry.section);
                let leads_there = |link: &String| {
                    let (file, heading) = link.split_once('#').unwrap_or((link, ""));
                    let file = if file.is_empty() { chapter } else { file };
                    file == entry.chapter && (heading.is_empty() || heading == entry.section)
                        || *link == format!("../docs/glossary.md#{}", anchor(&entry.term).to_lowercase())
                };
                if !at_home && !link.as_ref().is_some_and(leads_there) {
                    early.insert(entry.term.clone(), format!("{chapter}, {}: {text}", section.anchors.join(" / ")));
                }
            }
        }
    }
    early
}

/// The entries that each entry's sentence uses.
fn uses(entries: &[Entry]) -> Vec<BTreeSet<usize>> {
    let forms = forms(entries);
    let of = |entry: &Entry| words(&entry.meaning).iter().flat_map(|(text, _)| used(text, &forms)).collect();
    entries.iter().map(of).collect()
}

/// The entries from whose sentence a way leads back to them.
fn circular(entries: &[Entry]) -> Vec<&str> {
    let uses = uses(entries);
    let returns = |start: usize| {
        let (mut open, mut seen) = (vec![start], BTreeSet::new());
        while let Some(entry) = open.pop() {
            open.extend(uses[entry].iter().filter(|next| seen.insert(**next)));
        }
        seen.contains(&start)
    };
    (0..entries.len()).filter(|entry| returns(*entry)).map(|entry| &entries[entry].term[..]).collect()
}

/// The sections that an entry's link names: one, unless it leads nowhere.
fn named<'a>(entry: &Entry, chapters: &'a [Chapter]) -> Vec<&'a Section> {
    let sections = chapters.iter().filter(|(name, _)| *name == entry.chapter).flat_map(|(_, sections)| sections);
    sections.filter(|section| section.anchors.last() == Some(&entry.section)).collect()
}

#[test]
fn a_term_has_one_sentence_and_one_place() {
    let glossary = glossary();
    let entries = entries(&glossary);
    assert!((140..=180).contains(&entries.len()), "{} terms", entries.len());
    let terms: Vec<String> = entries.iter().map(|entry| entry.term.to_lowercase()).collect();
    for pair in terms.windows(2) {
        assert!(pair[0] < pair[1], "{} stands before {}", pair[0], pair[1]);
    }
    let mut spellings = BTreeSet::new();
    for entry in &entries {
        for spelling in entry.also.iter().chain([&entry.term]) {
            assert!(spellings.insert(spelling), "{}: {spelling} is another entry's", entry.term);
        }
        let sentence: String = words(&entry.meaning).into_iter().map(|(text, _)| text).collect();
        let ends = sentence.match_indices(['.', '!', '?']).filter(|(at, _)| {
            let after = &sentence[at + 1..];
            after.is_empty() || after.trim_start() != after && after.trim_start().starts_with(char::is_uppercase)
        });
        assert!(sentence.ends_with('.') && ends.count() == 1, "{} has not one sentence: {sentence}", entry.term);
    }
}

#[test]
fn a_link_names_a_section_that_writes_of_the_term() {
    let (entries, chapters) = (entries(&glossary()), chapters());
    let forms = forms(&entries);
    let mut astray = Vec::new();
    for (number, entry) in entries.iter().enumerate() {
        let sections = chapters.iter().filter(|(name, _)| *name == entry.chapter).flat_map(|(_, sections)| sections);
        let below = sections.filter(|section| section.anchors.contains(&entry.section));
        let writes = |text: &str| words(text).iter().any(|(text, _)| used(text, &forms).contains(&number));
        let headed = |section: &Section| section.anchors.join(" / ").replace('-', " ");
        let mut texts = below.map(|section| headed(section) + " / " + &section.text);
        if named(entry, &chapters).len() != 1 || !texts.any(|text| writes(&text)) {
            astray.push(format!("{}: {}#{}", entry.term, entry.chapter, entry.section));
        }
    }
    assert!(astray.is_empty(), "no such section, two of them, or the term is not in it: {astray:#?}");
}

#[test]
fn no_sentence_leads_back_to_its_term() {
    assert_eq!(circular(&entries(&glossary())), [""; 0]);
}

#[test]
fn no_term_is_used_before_its_section_without_a_link() {
    let glossary = glossary();
    let everyday = everyday(&glossary);
    assert!(everyday.len() <= 10, "{} everyday words", everyday.len());
    let mut early = used_before(&entries(&glossary), &chapters());
    for word in everyday {
        assert!(early.remove(word).is_some(), "{word}: no chapter uses it before, or it is no term");
    }
    assert!(early.is_empty(), "link to the section, or to the glossary, where a term stands first: {early:#?}");
}

#[test]
fn faults_are_seen() {
    let glossary = "# Glossary\n\n## cat\n\n*Also puss:* An animal, $a = 1$, that is no dog.\n[Chapter 2](../notebooks/2.ipynb#Cats-and-more--A1)\n
## dog\n\nWhat a cat sees.\n[Chapter 2](../notebooks/2.ipynb#Dogs)\n";
    let entries = entries(glossary);
    assert_eq!(circular(&entries), ["cat", "dog"]);
    let early = |one: &str, two: &str| {
        let chapters = [("1.ipynb", one), ("2.ipynb", two)].map(|(name, text)| (name.to_owned(), sections(text)));
        used_before(&entries, &chapters).into_keys().collect::<Vec<_>>()
    };
    let two = "# Two\n## Cats *and* more  <small>A1</small>\nA cat.\n### Below\nCats.\n## Dogs\nDogs\n";
    assert_eq!(early("# One\nNothing", two), [""; 0]);
    assert_eq!(
        early("# One\n`cat` $cat$ wildcat cat-like catalogue\n```\ndog\n```\n## Further reading\nDogs", two),
        [""; 0]
    );
    assert_eq!(early("# One\nThe puss.", two), ["cat"]);
    assert_eq!(early("# One\nSay *cats* and\n> dogs!", two), ["cat", "dog"]);
    assert_eq!(early("# One\n[Cat](2.ipynb#Cats-and-more--A1), cat, [dog](2.ipynb)", two), [""; 0]);
    assert_eq!(early("# One\n[cat](../docs/glossary.md#cat) [dog](2.ipynb#Cats-and-more--A1)", two), ["dog"]);
    assert_eq!(early("# One", "# Two\n## Dogs\nA cat. Dogs. [c](#x)\n## Cats and more  <small>A1</small>\n"), ["cat"]);
    let chapters = [("2.ipynb".to_owned(), sections(two))];
    assert_eq!(entries.iter().map(|entry| named(entry, &chapters).len()).collect::<Vec<_>>(), [1, 1]);
    let gone = [("2.ipynb".to_owned(), sections("# Two\n## Cats\n## Dogs"))];
    assert_eq!(entries.iter().map(|entry| named(entry, &gone).len()).collect::<Vec<_>>(), [0, 1]);
}
