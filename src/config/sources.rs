//! Where settings come from: one TOML file and the environment, each remembering where every key was written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Problem, Problems};

/// What names a setting in the environment: `ESCALATOR__GITLAB__TOKEN` is `gitlab.token`.
const PREFIX: &str = "ESCALATOR__";
/// What separates tables from keys there.
const SEPARATOR: &str = "__";
/// The configuration file, where `--config` does not name it.
const FILE_VARIABLE: &str = "ESCALATOR_CONFIG";

/// The file and the variables, unread and unchecked.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The configuration file, if any.
    pub file: Option<PathBuf>,
    /// Variables of the environment that begin with [`PREFIX`].
    pub variables: BTreeMap<String, String>,
}

impl Sources {
    /// Reads the environment; `--config` wins over `ESCALATOR_CONFIG`.
    ///
    /// # Errors
    /// Variables of ours that are no text, which nobody can have meant.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn from_environment(file: Option<&Path>) -> Result<Self, Problems> {
        let named = std::env::var_os(FILE_VARIABLE).filter(|name| !name.is_empty());
        let file = file.map(Path::to_owned).or_else(|| named.map(PathBuf::from));
        let (mut variables, mut problems) = (BTreeMap::new(), Vec::new());
        for (name, value) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if !name.starts_with(PREFIX) {
                continue;
            }
            match value.into_string() {
                Ok(value) => drop(variables.insert(name, value)),
                Err(_) => problems.push(
                    Problem::new(key_of(&name), "is not valid UTF-8")
                        .at(format!("environment variable {name}")),
                ),
            }
        }
        if problems.is_empty() { Ok(Self { file, variables }) } else { Err(Problems(problems)) }
    }
}

/// The setting that a variable stands for.
pub(super) fn key_of(variable: &str) -> String {
    let name = variable.strip_prefix(PREFIX).unwrap_or(variable);
    name.split(SEPARATOR).map(str::to_lowercase).collect::<Vec<_>>().join(".")
}

/// A dotted path with list positions left out: `questions[0].text` is `questions.text`.
pub(super) fn without_positions(path: &str) -> String {
    path.split('.').map(|step| step.split('[').next().unwrap_or(step)).collect::<Vec<_>>().join(".")
}

/// The text of the file, and the line on which each of its keys stands.
#[derive(Debug, Clone)]
pub(super) struct SettingsFile {
    pub name: String,
    pub text: String,
    /// Dotted path → line, counted from 1.
    pub lines: BTreeMap<String, usize>,
}

impl SettingsFile {
    /// Reads a file and finds its keys.
    pub fn read(path: &Path) -> Result<Self, Problem> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            Problem::new("", &format!("cannot be read ({error}); check the path and its permissions"))
                .at(name.clone())
        })?;
        let mut lines = BTreeMap::new();
        let table = DeTable::parse(&text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(&text, span.start));
            Problem::new("", &format!("is not valid TOML: {}", error.message())).at(format!("{name}:{line}"))
        })?;
        collect_lines(table.get_ref(), "", &text, &mut lines);
        Ok(Self { name, text, lines })
    }

    /// `file:line` of a key, or of the nearest table above it that the file has.
    pub fn place(&self, key: &str) -> Option<String> {
        let mut key = key;
        loop {
            if let Some(line) = self.lines.get(key) {
                return Some(format!("{}:{line}", self.name));
            }
            key = &key[..key.rfind(['.', '['])?];
        }
    }
}

fn collect_lines(table: &DeTable<'_>, prefix: &str, text: &str, lines: &mut BTreeMap<String, usize>) {
    for (key, value) in table {
        let name = plain_or_quoted(key.get_ref());
        let path = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        lines.insert(path.clone(), line_of(text, key.span().start));
        collect_value(value, &path, text, lines);
    }
}

/// A name that looks like a path of several stays in quotes, so that it cannot be taken for one.
fn plain_or_quoted(name: &str) -> String {
    if name.is_empty() || name.contains(['.', '[', ']', '"']) { format!("{name:?}") } else { name.to_owned() }
}

fn collect_value(value: &Spanned<DeValue<'_>>, path: &str, text: &str, lines: &mut BTreeMap<String, usize>) {
    if let Some(table) = value.get_ref().as_table() {
        collect_lines(table, path, text, lines);
    } else if let Some(array) = value.get_ref().as_array() {
        for (index, entry) in array.iter().enumerate() {
            let path = format!("{path}[{index}]");
            lines.insert(path.clone(), line_of(text, entry.span().start));
            collect_value(entry, &path, text, lines);
        }
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
