//! What is wrong with a configuration, and where.

use std::fmt;

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting, as a dotted path; empty if the whole file is unreadable.
    pub key: String,
    /// What is wrong and what to do about it. Never repeats a secret.
    pub message: String,
    /// File and line, or the environment variable; filled in once it is known.
    pub place: Option<String>,
}

impl Problem {
    /// A mistake at this setting.
    #[must_use]
    pub fn new(key: impl Into<String>, message: &str) -> Self {
        Self { key: key.into(), message: message.to_owned(), place: None }
    }

    /// The same mistake, with the place where it was made.
    #[must_use]
    pub fn at(mut self, place: String) -> Self {
        self.place = Some(place);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(formatter, "{place}: ")?;
        }
        if !self.key.is_empty() {
            write!(formatter, "{} ", self.key)?;
        }
        formatter.write_str(&self.message)
    }
}

/// Everything that is wrong with a configuration: reported together, so that one round of mending is enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str("\n")?;
            }
            write!(formatter, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
