//! Several ways to get what a machine may lack, tried in turn.

use std::fs;

use crate::error::{About, Result};
use crate::{paths, process};

/// A way, and what it does, as a sentence goes on: `downloading it (31 MB, once)`.
pub type Way<'a, T> = (&'a str, &'a dyn Fn() -> Result<T>);

/// The result of the first way that has one. Why one failed, and what is done next, is said; why all failed is the error.
pub fn first<T>(what: &str, ways: &[Way<T>]) -> Result<T> {
    let mut failures: Vec<String> = Vec::new();
    for (does, way) in ways {
        if let Some(failure) = failures.last() {
            println!("{what}: {failure}; {does}");
        }
        match way() {
            Ok(found) => return Ok(found),
            Err(error) => failures.push(error.to_string()),
        }
    }
    Err(format!("{what} cannot be had: {}", failures.join("; ")).into())
}

/// Installs a package of Debian, where that is allowed.
pub fn debian_package(name: &str) -> Result<()> {
    if !process::is_on_path("apt-get") || !process::is_root() {
        return Err(format!("Debian's package `{name}` can be installed by root alone, and with apt-get").into());
    }
    let log = paths::lab().join(format!("log/apt-{name}.log"));
    fs::create_dir_all(paths::lab().join("log")).about(log.display())?;
    for words in [&["update"][..], &["install", "--yes", "--no-install-recommends", name]] {
        let mut apt = process::command("apt-get");
        // Another one may be at work.
        process::run_logged(
            apt.args(["-o", "DPkg::Lock::Timeout=120"]).args(words).env("DEBIAN_FRONTEND", "noninteractive"),
            &log,
        )
        .map_err(|_| format!("`apt-get {}` failed, see {}", words.join(" "), paths::shown(&log)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::first;

    #[test]
    fn each_way_is_tried_in_order_until_one_has_a_result() {
        let tried = RefCell::new(Vec::new());
        let way = |name: &'static str, found: bool| {
            let tried = &tried;
            move || {
                tried.borrow_mut().push(name);
                if found { Ok(name) } else { Err(format!("{name} failed").into()) }
            }
        };
        let (a, b, c, d) = (way("a", false), way("b", false), way("c", true), way("d", true));
        let all: [(&str, &dyn Fn() -> crate::error::Result<&'static str>); 4] =
            [("asking a", &a), ("asking b", &b), ("asking c", &c), ("asking d", &d)];
        assert_eq!(first("it", &all).unwrap(), "c");
        assert_eq!(*tried.borrow(), ["a", "b", "c"]);
        assert_eq!(first("it", &all[..2]).unwrap_err().to_string(), "it cannot be had: a failed; b failed");
    }
}
