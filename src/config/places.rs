//! The file and the variables, merged into settings; and for every mistake in them the place where it was made.

use std::collections::BTreeMap;

use config::{ConfigError, File, FileFormat};

use super::DEFAULTS;
use super::known_keys::KnownKeys;
use super::problem::{Problem, Problems};
use super::settings::Settings;
use super::sources::{SettingsFile, key_of, without_positions};

/// Where each key was written.
#[derive(Debug, Clone)]
pub(super) struct Places {
    pub file: Option<SettingsFile>,
    pub variables: BTreeMap<String, String>,
}

impl Places {
    /// Finds keys that no setting has.
    pub fn refuse_unknown(&self, known: &KnownKeys) -> Result<(), Problems> {
        let explain = |key: &str, place: String| {
            Problem::new(key, &format!("is not a known key; {}", known.suggestion(key))).at(place)
        };
        let mut problems = Vec::new();
        if let Some(file) = &self.file {
            let mut unknown: Vec<&String> = Vec::new();
            for key in file.lines.keys().filter(|key| !known.knows(key)) {
                // Of an unknown table only the table is worth a message, not each of its keys.
                if unknown.iter().any(|above| is_inside(key, above)) {
                    continue;
                }
                unknown.push(key);
                // A list where none belongs has a known key, and the wrong form: merging will say so.
                if !key.ends_with(']') {
                    problems.push(explain(key, format!("{}:{}", file.name, file.lines[key])));
                }
            }
        }
        for variable in self.variables.keys() {
            let key = key_of(variable);
            let is_plain = !key.contains('[') && !key.split('.').any(str::is_empty);
            if !is_plain || !known.knows(&key) {
                problems.push(explain(&key, format!("environment variable {variable}")));
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(Problems(problems)) }
    }

    /// Defaults, then the file, then the variables.
    pub fn merged(&self, known: &KnownKeys) -> Result<Settings, Problem> {
        let mut builder = config::Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
        if let Some(file) = &self.file {
            builder = builder.add_source(File::from_str(&file.text, FileFormat::Toml));
        }
        for (variable, value) in &self.variables {
            let key = key_of(variable);
            builder = if known.is_list(&key) {
                let entries: Vec<&str> =
                    value.split(',').map(str::trim).filter(|it| !it.is_empty()).collect();
                builder.set_override(&key, entries)
            } else {
                builder.set_override(&key, value.as_str())
            }
            .map_err(|error| self.explain(&error, known))?;
        }
        builder.build().and_then(config::Config::try_deserialize).map_err(|error| self.explain(&error, known))
    }

    /// Adds to each problem the place of its key.
    pub fn locate(&self, problems: Vec<Problem>) -> Problems {
        let located = problems
            .into_iter()
            .map(|problem| match self.place(&problem.key) {
                Some(place) if problem.place.is_none() => problem.at(place),
                Some(_) | None => problem,
            })
            .collect();
        Problems(located)
    }

    /// Says what the `config` crate found wrong in words of ours. Its own repeat the value, which may be a secret.
    fn explain(&self, error: &ConfigError, known: &KnownKeys) -> Problem {
        let (key, message) = match error {
            ConfigError::Type { key: Some(key), .. } | ConfigError::At { key: Some(key), .. } => {
                let key = dotted(key);
                let form = known.form(&key);
                (key, format!("must be {form}"))
            }
            ConfigError::NotFound(key) => (dotted(key), "is missing".to_owned()),
            ConfigError::Type { .. }
            | ConfigError::At { .. }
            | ConfigError::Frozen
            | ConfigError::PathParse { .. }
            | ConfigError::FileParse { .. }
            | ConfigError::Message(_)
            | ConfigError::Foreign(_)
            | _ => {
                (String::new(), "cannot be understood; compare it with `escalator config show`".to_owned())
            }
        };
        let problem = Problem::new(key.clone(), &message);
        match self.place(&key) {
            Some(place) => problem.at(place),
            None => problem,
        }
    }

    fn place(&self, key: &str) -> Option<String> {
        let plain = without_positions(key);
        self.variables
            .keys()
            .find(|variable| key_of(variable) == plain)
            .map(|variable| format!("environment variable {variable}"))
            .or_else(|| self.file.as_ref().and_then(|file| file.place(key)))
            .or_else(|| self.file.as_ref().map(|file| file.name.clone()))
    }
}

/// The `config` crate leaves out the dot after a position: `questions[0]text`.
fn dotted(key: &str) -> String {
    key.replace(']', "].").replace("..", ".").replace("].[", "][").trim_end_matches('.').to_owned()
}

/// Whether a dotted path lies inside another.
fn is_inside(key: &str, above: &str) -> bool {
    key.strip_prefix(above).is_some_and(|rest| rest.starts_with(['.', '[']))
}
