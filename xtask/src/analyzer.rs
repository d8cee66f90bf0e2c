//! What the analyzer inside the kernel is shown of all packages.
//!
//! The analyzer reads every package that metadata names, of the standard library too, and waits for all of them at the first
//! `let` of a notebook. Cells can name the types of few: without the others a kernel is warm in about half the time, and
//! each cell is answered sooner. The compiler is not concerned: evcxr calls the real cargo.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

/// The dependencies that are followed from a package; from one that is not listed, all are.
const FOLLOWED: &[(&str, &[&str])] = &[
    (
        "candlelight",
        &[
            "candle-core",
            "candle-nn",
            "candlelight-base",
            "candlelight-kernels",
            "candlelight-plot",
            "ndarray",
            "ndarray-rand",
            "plotters",
            "rand",
            "rand_chacha",
            "rand_distr",
        ],
    ),
    ("candlelight-base", &["candle-core"]),
    ("candlelight-kernels", &["candle-core", "candlelight-base"]),
    ("candlelight-plot", &["candle-core", "candlelight-base", "plotters"]),
    ("candle-core", &["half", "num-traits", "safetensors"]),
    ("candle-nn", &["candle-core", "half", "num-traits", "safetensors"]),
    ("half", &[]),
    ("ndarray", &["num-complex", "num-integer", "num-traits", "rawpointer"]),
    ("ndarray-rand", &["ndarray", "rand", "rand_distr"]),
    ("num-traits", &[]),
    ("plotters", &["plotters-backend"]),
    ("rand", &["rand_chacha", "rand_core"]),
    ("rand_chacha", &["rand_core"]),
    ("rand_core", &[]),
    ("rand_distr", &["num-traits", "rand"]),
    ("safetensors", &[]),
    // The standard library.
    ("std", &["alloc", "core", "hashbrown", "rustc-std-workspace-alloc", "rustc-std-workspace-core"]),
    ("hashbrown", &["alloc", "core", "rustc-std-workspace-alloc", "rustc-std-workspace-core"]),
];

/// The members of the standard library's workspace that are kept.
const STANDARD: &[&str] = &[
    "alloc",
    "core",
    "proc_macro",
    "rustc-std-workspace-alloc",
    "rustc-std-workspace-core",
    "rustc-std-workspace-std",
    "std",
];

/// Leaves only the packages that are reached. `None`, and nothing changed, where the metadata has another form.
pub fn trim(metadata: &mut Value) -> Option<()> {
    let names: HashMap<String, String> = metadata["packages"]
        .as_array()?
        .iter()
        .map(|package| Some((package["id"].as_str()?.to_owned(), package["name"].as_str()?.to_owned())))
        .collect::<Option<_>>()?;
    let name = |id: &Value| id.as_str().and_then(|id| names.get(id)).map_or("", String::as_str);
    let nodes: HashMap<&str, &Value> =
        metadata["resolve"]["nodes"].as_array()?.iter().filter_map(|node| Some((node["id"].as_str()?, node))).collect();
    let members = metadata["workspace_members"].as_array()?;
    let standard = members.iter().any(|member| name(member) == "std");
    let is_followed = |from: &str, to: &str| {
        FOLLOWED.iter().find(|(package, _)| *package == from).is_none_or(|(_, followed)| followed.contains(&to))
    };

    let mut open: Vec<&Value> = members.iter().filter(|member| !standard || STANDARD.contains(&name(member))).collect();
    let mut reached = HashSet::new();
    while let Some(id) = open.pop() {
        if reached.insert(id.as_str()?.to_owned()) {
            let dependencies = nodes.get(id.as_str()?)?["dependencies"].as_array()?;
            open.extend(dependencies.iter().filter(|to| is_followed(name(id), name(to))));
        }
    }

    let is_reached = |id: &Value| id.as_str().is_some_and(|id| reached.contains(id));
    metadata["packages"].as_array_mut()?.retain(|package| is_reached(&package["id"]));
    for list in ["workspace_members", "workspace_default_members"] {
        if let Some(members) = metadata[list].as_array_mut() {
            members.retain(is_reached);
        }
    }
    let nodes = metadata["resolve"]["nodes"].as_array_mut()?;
    nodes.retain(|node| is_reached(&node["id"]));
    for node in nodes {
        node["dependencies"].as_array_mut()?.retain(is_reached);
        node["deps"].as_array_mut()?.retain(|dependency| is_reached(&dependency["pkg"]));
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::trim;

    fn metadata(edges: &[(&str, &[&str])]) -> serde_json::Value {
        json!({
            "packages": edges.iter().map(|(name, _)| json!({ "id": name, "name": name })).collect::<Vec<_>>(),
            "workspace_members": [edges[0].0],
            "resolve": { "nodes": edges.iter().map(|(name, to)| json!({
                "id": name, "dependencies": to, "deps": to.iter().map(|to| json!({ "pkg": to })).collect::<Vec<_>>(),
            })).collect::<Vec<_>>() },
        })
    }

    fn names(metadata: &serde_json::Value) -> Vec<&str> {
        metadata["packages"].as_array().unwrap().iter().map(|package| package["name"].as_str().unwrap()).collect()
    }

    #[test]
    fn drops_what_only_candle_needs_and_keeps_what_a_notebook_adds() {
        let mut given = metadata(&[
            ("ctx", &["candlelight", "regex"]),
            ("candlelight", &["candle-core", "candlelight-plot", "ureq"]),
            ("candlelight-plot", &["flate2"]),
            ("flate2", &[]),
            ("candle-core", &["gemm", "half", "regex"]),
            ("gemm", &[]),
            ("half", &[]),
            ("regex", &["memchr"]),
            ("memchr", &[]),
            ("ureq", &[]),
        ]);
        trim(&mut given).unwrap();
        assert_eq!(names(&given), ["ctx", "candlelight", "candlelight-plot", "candle-core", "half", "regex", "memchr"]);
        assert_eq!(given["resolve"]["nodes"][3]["dependencies"], json!(["half", "regex"]));
    }

    #[test]
    fn leaves_another_form_alone() {
        let mut given = json!({ "packages": null });
        assert!(trim(&mut given).is_none());
        assert_eq!(given, json!({ "packages": null }));
    }
}
