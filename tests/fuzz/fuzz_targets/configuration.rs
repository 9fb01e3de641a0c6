//! Arbitrary TOML as a configuration file: never a panic, and what is accepted is accepted again as `config show`
//! prints it.
#![no_main]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::LazyLock;

use escalator::config::sources::Sources;
use escalator::config::{self, Loaded};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a temporary folder"));

fuzz_target!(|text: &str| {
    let Some(loaded) = load(text) else { return };
    let shown = toml::to_string(&loaded.settings).expect("settings can be shown");
    assert!(load(&shown).is_some(), "accepted, but not as it is shown:\n{shown}");
});

fn load(text: &str) -> Option<Loaded> {
    let file: PathBuf = FOLDER.path().join("escalator.toml");
    std::fs::write(&file, text).expect("a temporary file");
    match config::load(&Sources { file: Some(file), variables: BTreeMap::new() }) {
        Ok(loaded) => Some(loaded),
        Err(problems) => {
            assert!(!problems.to_string().is_empty());
            None
        }
    }
}
