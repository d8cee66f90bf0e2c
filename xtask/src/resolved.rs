//! What candlelight is compiled from: the packages that it reaches, and their features.
//!
//! A kernel has loaded the crate as it was compiled. A dependency that changes one of these packages, in version or features,
//! makes cargo compile all of Candle anew, and what a notebook has computed is lost with the old copy.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::{About, Result};

/// The file in the kernels' directory that holds what set-up compiled.
pub const FILE: &str = "resolved.json";

/// The name and version of each package, and its features, by cargo's identifier.
#[derive(Default)]
pub struct Resolved(BTreeMap<String, (String, Vec<String>)>);

impl Resolved {
    /// What `cargo metadata` says; empty where candlelight is no dependency, `None` where it has another form.
    pub fn read(metadata: &Value) -> Option<Self> {
        let packages = metadata["packages"].as_array()?;
        let label = |id: &str| {
            let package = packages.iter().find(|package| package["id"] == id)?;
            Some(format!("{} {}", package["name"].as_str()?, package["version"].as_str()?))
        };
        let nodes: BTreeMap<&str, &Value> = metadata["resolve"]["nodes"]
            .as_array()?
            .iter()
            .filter_map(|node| Some((node["id"].as_str()?, node)))
            .collect();
        let crates = packages.iter().filter(|package| package["name"] == "candlelight");
        let mut open: Vec<&str> = crates.filter_map(|package| package["id"].as_str()).collect();
        let mut reached = Self::default();
        while let Some(id) = open.pop() {
            if reached.0.contains_key(id) {
                continue;
            }
            let texts = |list: &Value| -> Option<Vec<String>> {
                list.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
            };
            let node = nodes.get(id)?;
            open.extend(node["dependencies"].as_array()?.iter().filter_map(Value::as_str));
            let mut features = texts(&node["features"])?;
            features.sort();
            reached.0.insert(id.to_owned(), (label(id)?, features));
        }
        Some(reached)
    }

    /// What [`Resolved::text`] wrote.
    pub fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text).map(Self).about(FILE)
    }

    /// As JSON.
    pub fn text(&self) -> Result<String> {
        serde_json::to_string(&self.0).about(FILE)
    }

    /// The first package of `self` that would be another one in `new`, and in what; `None` where candlelight is not part of
    /// `new` at all.
    pub fn change(&self, new: &Self) -> Option<String> {
        if new.0.is_empty() {
            return None;
        }
        let name = |label: &str| label.split(' ').next().unwrap_or_default().to_owned();
        for (id, (label, features)) in &self.0 {
            let Some((_, asked)) = new.0.get(id) else {
                let other =
                    new.0.iter().find(|(id, (other, _))| !self.0.contains_key(*id) && name(other) == name(label));
                return Some(match other {
                    Some((place, (other, _))) if other == label => format!("{label}, which would be that of {place}"),
                    Some((_, (other, _))) => format!("{label}, which would be {other}"),
                    None => format!("{label}, which would be left out"),
                });
            };
            if asked != features {
                let more: Vec<&str> =
                    asked.iter().filter(|feature| !features.contains(feature)).map(String::as_str).collect();
                return Some(format!("{label}, which would get the features [{}]", more.join(", ")));
            }
        }
        new.0
            .iter()
            .find(|(id, _)| !self.0.contains_key(*id))
            .map(|(_, (label, _))| format!("{label}, which would be added"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Resolved;

    fn resolved(libc: (&str, &[&str]), more: &[&str]) -> Resolved {
        let package = |id: &str| {
            let (name, version) = id.split_once('@').unwrap();
            json!({ "id": id, "name": name, "version": version })
        };
        let libc_id = format!("libc@{}", libc.0);
        let direct: Vec<&str> = ["candlelight@0.1.0"].into_iter().chain(more.iter().copied()).collect();
        let all: Vec<&str> = ["ctx@1.0.0", &libc_id].into_iter().chain(direct.iter().copied()).collect();
        let node =
            |id: &str, to: &[&str], features: &[&str]| json!({ "id": id, "dependencies": to, "features": features });
        let mut nodes = vec![
            node("ctx@1.0.0", &direct, &[]),
            node("candlelight@0.1.0", &[&libc_id], &[]),
            node(&libc_id, &[], libc.1),
        ];
        nodes.extend(more.iter().map(|id| node(id, &[&libc_id], &[])));
        let packages: Vec<_> = all.into_iter().map(package).collect();
        Resolved::read(&json!({ "packages": packages, "resolve": { "nodes": nodes } })).unwrap()
    }

    #[test]
    fn a_new_package_beside_the_crate_changes_nothing() {
        let before = resolved(("0.2.1", &["std"]), &[]);
        assert_eq!(before.change(&resolved(("0.2.1", &["std"]), &["itoa@1.0.0"])), None);
    }

    #[test]
    fn another_version_and_other_features_are_told() {
        let before = resolved(("0.2.1", &["std"]), &[]);
        let change = |libc| before.change(&resolved(libc, &["tokio@1.0.0"]));
        assert_eq!(change(("0.2.2", &["std"])).unwrap(), "libc 0.2.1, which would be libc 0.2.2");
        let features = change(("0.2.1", &["std", "extra_traits"]));
        assert_eq!(features.unwrap(), "libc 0.2.1, which would get the features [extra_traits]");
    }
}
