//! What the project says of itself: pins in step, the README's program, the traceability table.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use candlelight_tests::documents::{anchor, read, root};

fn pins(text: &str) -> BTreeSet<&str> {
    text.lines().map(|line| line.trim().trim_start_matches("- ")).filter(|line| line.contains("==")).collect()
}

#[test]
fn conda_and_pip_have_the_same_pins() {
    let wanted = read("xtask/jupyter/requirements.txt");
    assert!(pins(&wanted).len() >= 5);
    let conda = read("environment.yml");
    assert_eq!(pins(&conda), pins(&wanted), "environment.yml and requirements.txt");
    let constraints = read("xtask/jupyter/constraints.txt");
    let resolved = pins(&constraints);
    assert!(pins(&wanted).is_subset(&resolved), "requirements.txt and constraints.txt");
    let (browser, site) = (read("tests/browser/requirements.txt"), read("xtask/site/requirements.txt"));
    assert!(pins(&browser).is_subset(&pins(&site)), "one Playwright");
}

#[test]
fn the_readme_shows_the_program_that_is_tested() {
    let source = read("crate/examples/fashion_mnist_linear.rs");
    let shown = source.split_once("\n\n").expect("a comment before the program").1;
    assert!(read("README.md").contains(shown.trim()), "the README's program differs from the example");
    let code = shown.lines().filter(|line| !line.trim().is_empty() && line.trim() != "}").count();
    assert!(code <= 15, "it has {code} lines of code");
}

#[test]
fn notebooks_name_their_language() {
    let mut seen = 0;
    for folder in ["notebooks", "notebooks/solutions"] {
        for entry in std::fs::read_dir(root().join(folder)).expect("the folder") {
            let file = entry.expect("an entry").path();
            if file.extension().is_some_and(|extension| extension == "ipynb") {
                let text = std::fs::read_to_string(&file).expect("a readable file");
                let notebook: serde_json::Value = serde_json::from_str(&text).expect("a notebook");
                // Without it JupyterLab shows the code in one colour until a kernel has answered.
                let language = &notebook["metadata"]["language_info"]["codemirror_mode"];
                assert_eq!(language, "rust", "{}: `cargo xtask run --update` stores it", file.display());
                seen += 1;
            }
        }
    }
    assert!(seen >= 32, "{seen} notebooks");
}

/// The targets of the links in a text, those of the web left out.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).map(|rest| {
        let mut open = 1;
        let end = rest.find(|c| {
            open += i32::from(c == '(') - i32::from(c == ')');
            open == 0
        });
        &rest[..end.unwrap_or(0)]
    });
    targets.filter(|target| !target.starts_with("http") && !target.contains(char::is_whitespace))
}

/// The text between the code of a notebook.
fn prose(notebook: &Path) -> String {
    let text = std::fs::read_to_string(notebook).unwrap_or_else(|error| panic!("{}: {error}", notebook.display()));
    let notebook: serde_json::Value = serde_json::from_str(&text).expect("a notebook");
    let cells = notebook["cells"].as_array().expect("cells").iter().filter(|cell| cell["cell_type"] == "markdown");
    let text = |cell: &serde_json::Value| match &cell["source"] {
        serde_json::Value::Array(lines) => lines.iter().filter_map(|line| line.as_str()).collect(),
        text => text.as_str().expect("a text").to_owned(),
    };
    cells.map(text).collect::<Vec<String>>().join("\n\n")
}

/// Links are relative to the notebook that a reader opens, not to its text twin.
#[test]
fn links_lead_somewhere() {
    let files = |folder: &str, extension: &str| {
        let entries = std::fs::read_dir(root().join(folder)).expect("the folder");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        paths.filter(|path| path.extension().is_some_and(|own| own == extension)).collect::<Vec<_>>()
    };
    let notebooks = [files("notebooks", "ipynb"), files("notebooks/solutions", "ipynb")].concat();
    let texts = [files(".", "md"), files("docs", "md")].concat();
    let notebooks = notebooks.into_iter().map(|file| (prose(&file), file));
    let texts = texts.into_iter().map(|file| (std::fs::read_to_string(&file).expect("a text"), file));
    let (mut seen, mut astray) = (0, Vec::new());
    for (text, file) in notebooks.chain(texts) {
        for link in links(&text) {
            seen += 1;
            let (target, heading) = link.split_once('#').unwrap_or((link, ""));
            let there = if target.is_empty() { file.clone() } else { file.with_file_name(target) };
            let is_notebook = there.extension().is_some_and(|extension| extension == "ipynb");
            let has_heading = || prose(&there).lines().any(|line| line.starts_with('#') && anchor(line) == heading);
            if !there.exists() || is_notebook && !heading.is_empty() && !has_heading() {
                astray.push(format!("{}: {link}", file.display()));
            }
        }
    }
    assert!(seen >= 300 && astray.is_empty(), "{seen} links, of which these lead nowhere: {astray:#?}");
}

/// The rows of the table: the cells between the bars.
fn traceability() -> Vec<Vec<String>> {
    read("docs/traceability.md")
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| ID") && !line.starts_with("|--"))
        .map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

#[test]
fn every_claim_has_a_row_in_the_traceability_table() {
    let counts = [
        ("E", 3),
        ("B", 13),
        ("R", 6),
        ("N", 6),
        ("O", 2),
        ("V", 5),
        ("F", 7),
        ("D", 10),
        ("C", 5),
        ("G", 2),
        ("Q", 6),
    ];
    let expected: Vec<String> =
        counts.iter().flat_map(|(group, n)| (1..=*n).map(move |i| format!("{group}{i}"))).collect();
    let rows = traceability();
    let ids: Vec<&String> = rows.iter().map(|row| &row[0]).collect();
    assert_eq!(ids, expected.iter().collect::<Vec<_>>());
}

#[test]
fn rows_that_work_point_at_what_is_there() {
    let mut working = 0;
    for row in traceability() {
        let [id, _, state, section, item, test] = &row[..] else { panic!("{row:?}: six cells") };
        if state != "works" {
            assert_eq!(state, "open", "{id}: a row works or is open");
            assert!(
                [section, item, test].iter().all(|cell| cell.as_str() == "–"),
                "{id} is open and points at something"
            );
            continue;
        }
        working += 1;
        let target = |cell: &str| cell.split_once("](../").map(|(_, rest)| rest.trim_end_matches(')').to_owned());
        let link = target(section).unwrap_or_else(|| panic!("{id}: the section is no link"));
        let (notebook, heading) = link.split_once('#').unwrap_or_else(|| panic!("{id}: {link} names no section"));
        let text = read(&notebook.replace("notebooks/", "notebooks/text/").replace(".ipynb", ".md"));
        let found = text.lines().any(|line| line.starts_with('#') && anchor(line) == heading);
        assert!(found, "{id}: {notebook} has no section #{heading}");
        let named = text
            .lines()
            .any(|line| line.contains("<small>") && line.split([' ', '·', '>', '<']).any(|word| word == id));
        assert!(named, "{id}: no section of {notebook} names the claim");

        // `module::item` is public in the file of its module.
        let path = item.trim_matches('`');
        let (module, name) = path.rsplit_once("::").unwrap_or_else(|| panic!("{id}: {path}"));
        let module = module.replace("::", "/");
        let files = ["crate", "crate/kernels"]
            .map(|package| [format!("{package}/src/{module}.rs"), format!("{package}/src/{module}/mod.rs")]);
        let source = files.iter().flatten().find(|file| root().join(file).exists());
        let source = read(source.unwrap_or_else(|| panic!("{id}: no module {module}")));
        let defined =
            ["fn", "struct", "enum", "trait"].iter().any(|kind| source.contains(&format!("pub {kind} {name}")));
        let mut exports = source.split("pub use ").skip(1).filter_map(|rest| rest.split(';').next());
        let word = |c: char| !c.is_alphanumeric() && c != '_';
        let exported = exports.any(|export| export.split(word).any(|item| item == name));
        assert!(defined || exported, "{id}: `{path}` is not defined");

        let test = target(test).unwrap_or_else(|| panic!("{id}: the test is no link"));
        let (file, function) = test.split_once('#').unwrap_or_else(|| panic!("{id}: {test} names no test"));
        assert!(read(file).contains(&format!("fn {function}(")), "{id}: {file} has no test {function}");
    }
    assert!(working >= 65, "{working} rows work");
}

/// Set-up compiles it, minutes with evcxr, and no step compiles it for tests.
#[test]
fn the_program_of_the_kernel_has_no_tests_that_nobody_runs() {
    let mut folders = vec![root().join("kernel/program")];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("a source");
                assert!(!text.contains("#[test]"), "{}: what can be tested belongs to kernel/answers", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen >= 7, "{seen} sources");
}

/// The dylib of the crate has one name in the build directory: a build of the crate alone, for a notebook or an
/// example, would replace the one that the suites are linked with, unless both build the same dependencies.
#[test]
fn the_crate_alone_and_the_workspace_have_the_same_dependencies() {
    let tree = |selection: &[&str]| {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.arg("tree").args(selection).args(["--edges", "normal", "--prefix", "none", "--format", "{p} {f}"]);
        let output = cargo.current_dir(root()).output().expect("cargo starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8_lossy(&output.stdout).replace(" (*)", "");
        text.lines().map(|line| line.trim().to_owned()).collect::<BTreeSet<_>>()
    };
    let (alone, all) = (tree(&["--package", "candlelight"]), tree(&["--workspace"]));
    assert!(alone.len() > 50);
    let other: Vec<_> = alone.difference(&all).collect();
    assert!(other.is_empty(), "features that the workspace adds to: {other:?}");
}
