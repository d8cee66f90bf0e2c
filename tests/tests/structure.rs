//! What the modules import: no circles, so that each can be read without those that build on it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A module, as the parts of its path; the root of a package has none.
type Module = Vec<String>;

/// Which modules each module imports from.
type Imports = BTreeMap<Module, BTreeSet<Module>>;

const PACKAGES: [&str; 10] = [
    "crate",
    "crate/base",
    "crate/kernels",
    "crate/mpi",
    "crate/plot",
    "kernel/answers",
    "kernel/cells",
    "kernel/program",
    "kernel/protocol",
    "xtask",
];

fn sources(package: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(package).join("src")
}

fn find(folder: &Path, at: &Module, modules: &mut BTreeMap<Module, String>) {
    for entry in std::fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let below = |name: String| at.iter().cloned().chain([name]).collect::<Module>();
        if path.is_dir() {
            find(&path, &below(name), modules);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let module = if matches!(&*name, "lib" | "main" | "mod") { at.clone() } else { below(name) };
            modules.insert(module, std::fs::read_to_string(&path).expect("a source"));
        }
    }
}

/// The code without comments and without the tests at its end.
fn code(source: &str) -> String {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join(" ")
}

/// `a::{b, c::{d, e}}` as `a::b`, `a::c::d`, `a::c::e`.
fn expanded(path: &str) -> Vec<String> {
    let Some((before, rest)) = path.split_once('{') else { return vec![path.trim().to_owned()] };
    let inner = rest.rsplit_once('}').map_or(rest, |(inner, _)| inner);
    let (mut depth, mut start, mut paths) = (0, 0, Vec::new());
    for (i, c) in inner.char_indices().chain([(inner.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let part = inner[start..i].trim();
                paths.extend(
                    expanded(part)
                        .into_iter()
                        .filter(|_| !part.is_empty())
                        .map(|part| format!("{}{part}", before.trim())),
                );
                start = i + 1;
            }
            _ => {}
        }
    }
    paths
}

/// The paths that a module names: what it imports, and what it calls by a path from `crate` or `super`.
fn paths(code: &str) -> Vec<String> {
    let imported =
        code.split("use ").skip(1).filter_map(|rest| rest.split_once(';')).flat_map(|(path, _)| expanded(path));
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let called = code.split(|c| !is_path(c)).filter(|word| word.starts_with("crate::") || word.starts_with("super::"));
    imported.chain(called.map(str::to_owned)).collect()
}

/// The module that holds what `path` names, seen from `module`; `None` for other packages.
fn target(path: &str, module: &Module, modules: &BTreeMap<Module, String>) -> Option<Module> {
    let mut parts = path.split(" as ").next()?.split("::").map(str::trim).peekable();
    let mut at = module.clone();
    match *parts.peek()? {
        "crate" => at.clear(),
        "self" | "super" => {}
        child if modules.contains_key(&[module.clone(), vec![child.to_owned()]].concat()) => {}
        _ => return None,
    }
    while let Some(first) = parts.next_if(|part| matches!(*part, "crate" | "self" | "super")) {
        if first == "super" {
            at.pop();
        }
    }
    for part in parts {
        let below = [at.clone(), vec![part.to_owned()]].concat();
        if !modules.contains_key(&below) {
            break;
        }
        at = below;
    }
    Some(at)
}

fn imports(package: &str) -> Imports {
    let mut modules = BTreeMap::new();
    find(&sources(package), &Vec::new(), &mut modules);
    let of = |(module, source): (&Module, &String)| {
        let targets = paths(&code(source)).into_iter().filter_map(|path| target(&path, module, &modules));
        (module.clone(), targets.filter(|target| target != module).collect())
    };
    modules.iter().map(of).collect()
}

/// The modules from which a way of imports leads back to them.
fn in_circles(imports: &Imports) -> Vec<String> {
    let returns = |start: &Module| {
        let (mut open, mut seen) = (vec![start], BTreeSet::new());
        while let Some(module) = open.pop() {
            for next in imports.get(module).into_iter().flatten().filter(|next| seen.insert(*next)) {
                if next == start {
                    return true;
                }
                open.push(next);
            }
        }
        false
    };
    imports.keys().filter(|module| returns(module)).map(|module| module.join("::")).collect()
}

/// Between the modules at the top of the package, with all that is below them.
fn at_the_top(imports: &Imports) -> Imports {
    let mut top = Imports::new();
    for (from, to) in imports.iter().flat_map(|(from, to)| to.iter().map(move |to| (from, to))) {
        if let ([from, ..], [to, ..]) = (&from[..], &to[..])
            && from != to
        {
            top.entry(vec![from.clone()]).or_default().insert(vec![to.clone()]);
        }
    }
    top
}

/// Without the ways between a module and the parts that it consists of.
fn between_files(imports: &Imports) -> Imports {
    let apart = |a: &Module, b: &Module| !a.starts_with(b) && !b.starts_with(a);
    imports.iter().map(|(from, to)| (from.clone(), to.iter().filter(|to| apart(from, to)).cloned().collect())).collect()
}

#[test]
fn no_module_imports_what_imports_it() {
    for package in PACKAGES {
        let imports = imports(package);
        assert!(!imports.is_empty(), "{package} has no modules");
        assert_eq!(in_circles(&at_the_top(&imports)), [""; 0], "modules of {package}");
        assert_eq!(in_circles(&between_files(&imports)), [""; 0], "files of {package}");
    }
}

#[test]
fn circles_are_seen() {
    let module = |name: &str| name.split("::").map(str::to_owned).collect::<Module>();
    let modules: BTreeMap<Module, String> = [
        ("a", "use crate::b::{self, c::{D, E}}; mod x;"),
        ("a::x", "fn f() { super::super::b::g() } // use crate::d;"),
        ("b", "pub mod c;"),
        ("b::c", "use crate::d;"),
        ("d", "use std::fmt; use candle_core::Tensor;"),
    ]
    .map(|(name, source)| (module(name), source.to_owned()))
    .into();
    let of = |from: &str| -> BTreeSet<Module> {
        paths(&code(&modules[&module(from)])).iter().filter_map(|path| target(path, &module(from), &modules)).collect()
    };
    assert_eq!(of("a"), [module("b"), module("b::c")].into());
    assert_eq!(of("a::x"), [module("b")].into());
    assert_eq!(of("d"), BTreeSet::new());
    let ring: Imports =
        [("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")].map(|(from, to)| (module(from), [module(to)].into())).into();
    assert_eq!(in_circles(&ring), ["a", "b", "c"]);
}
