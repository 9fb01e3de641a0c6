//! The structure keeps its word: imports go one way, and the map in `lib.rs` is complete.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Which module may name which others. `cli` may name everything.
const ALLOWED: &[(&str, &[&str])] = &[
    ("calculator", &[]),
    ("clock", &[]),
    ("identity", &[]),
    ("trace_parent", &[]),
    ("postgres_url", &[]),
    ("spans", &["clock", "trace_parent"]),
    ("config", &["calculator", "postgres_url"]),
    ("store", &["calculator", "clock", "postgres_url", "trace_parent"]),
    ("command", &["calculator"]),
    ("comment", &["calculator", "command"]),
    ("gitlab", &["calculator", "config", "spans"]),
    ("webhook", &["calculator", "clock", "command", "comment", "config", "identity", "spans", "store"]),
    (
        "worker",
        &["calculator", "clock", "command", "comment", "config", "gitlab", "identity", "spans", "store"],
    ),
    ("sweep", &["calculator", "clock", "gitlab", "spans", "store", "worker"]),
    ("watchdog", &["calculator", "clock", "gitlab", "store", "webhook", "worker"]),
    ("telemetry", &["calculator", "clock", "config", "spans", "store", "worker"]),
    (
        "service",
        &[
            "calculator",
            "clock",
            "comment",
            "config",
            "gitlab",
            "identity",
            "store",
            "sweep",
            "telemetry",
            "watchdog",
            "webhook",
            "worker",
        ],
    ),
    ("setup", &["calculator", "config", "gitlab", "store"]),
    ("doctor", &["calculator", "clock", "comment", "config", "gitlab", "store"]),
    ("sandbox", &["clock"]),
];

#[test]
fn imports_go_one_way() {
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    for (module, text, file) in sources() {
        if module == "cli" {
            continue;
        }
        let may =
            allowed.get(module.as_str()).unwrap_or_else(|| panic!("{module} is not in this test's list"));
        for named in named_modules(&text) {
            let fine = named == module || may.contains(&named.as_str());
            assert!(fine, "{} names crate::{named}, which {module} may not", file.display());
        }
    }
}

#[test]
fn the_calculator_names_only_std() {
    let crates: BTreeSet<&str> = include_str!("../Cargo.toml")
        .lines()
        .skip_while(|line| *line != "[dependencies]")
        .filter_map(|line| line.split_once(" = ").map(|(name, _)| name))
        .collect();
    for (module, text, file) in sources() {
        for line in text.lines().filter(|_| module == "calculator") {
            let foreign = crates.iter().find(|name| line.contains(&format!("{}::", name.replace('-', "_"))));
            assert_eq!(foreign, None, "{}: {line}", file.display());
            assert!(!line.contains("async "), "{}: {line}", file.display());
        }
    }
}

#[test]
fn no_two_modules_name_each_other() {
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    for (module, may) in ALLOWED {
        for named in *may {
            assert!(!allowed[named].contains(module), "{module} and {named} may name each other");
        }
    }
}

/// Every source file with its top-level module.
fn sources() -> Vec<(String, String, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let first = path.strip_prefix(&root).unwrap().components().next().unwrap();
                let module = first.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned();
                if module != "lib" && module != "main" {
                    found.push((module, fs::read_to_string(&path).unwrap(), path));
                }
            }
        }
    }
    assert!(found.len() > 30, "the sources were not found");
    found
}

/// Modules named by `crate::name` and by `use crate::{name, …}`.
fn named_modules(text: &str) -> BTreeSet<String> {
    let code: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut named = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        if let Some(list) = rest.strip_prefix('{') {
            let list = list.split("};").next().unwrap();
            named.extend(list.split(',').map(first_word));
        } else {
            named.insert(first_word(rest));
        }
    }
    named.retain(|name| !name.is_empty());
    named
}

fn first_word(text: &str) -> String {
    text.trim_start()
        .chars()
        .take_while(|character| character.is_alphanumeric() || *character == '_')
        .collect()
}
