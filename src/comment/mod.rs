//! The comment: an assessment as Markdown, through a template that operators may replace.
//!
//! Never reads an issue's title or description. What a person typed gets in only as inline code, and whatever the
//! template makes of it, a line that GitLab would run as a quick action is refused.

mod markdown;
mod reply;
mod samples;
mod view;

use std::path::Path;

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use sha2::{Digest, Sha256};

use crate::calculator::policy::Policy;
pub use reply::{Answer, Occasion, ReplyRenderer};
pub use view::{HistoryEntry, View};

/// The first line of every comment of ours. Alone it proves nothing: anybody can write it.
pub const MARKER: &str = "<!-- escalator:comment -->";

/// The file name of the template, built in and in `comment.templates`.
const TEMPLATE: &str = "comment.md.j2";
const BUILT_IN: &str = include_str!("../../templates/comment.md.j2");
/// Enough for any sensible template; stops one that loops.
const FUEL: u64 = 200_000;
/// GitLab's limit is 1,000,000 characters.
const LONGEST_BODY_BYTES: usize = 900_000;
const RUNS_QUICK_ACTION: &str =
    "makes a line that begins with \"/\" outside a code block, which GitLab would run as a quick action";

/// Why a comment could not be rendered: always the template's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The template folder cannot be read.
    #[error("comment.templates: {0}")]
    Unreadable(String),
    /// The template does not parse or does not run.
    #[error("the template {0} fails: {1}")]
    Template(&'static str, String),
    /// The result would be dangerous or useless.
    #[error("the template {0} {1}")]
    Unusable(&'static str, &'static str),
}

/// A comment, ready to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The Markdown.
    pub body: String,
    /// A digest of it, by which an unchanged comment is recognised.
    pub digest: String,
}

/// Renders comments.
pub struct Renderer {
    environment: Environment<'static>,
    /// Tells the template from others.
    pub template_digest: String,
}

impl Renderer {
    /// Loads the template: the operator's where the folder has one, else the built-in one.
    ///
    /// # Errors
    /// If the operator's template cannot be read or does not parse.
    pub fn new(folder: Option<&Path>) -> Result<Self, Error> {
        let source = source(folder, TEMPLATE, BUILT_IN)?;
        let template_digest = digest(&source);
        Ok(Self { environment: environment(TEMPLATE, source)?, template_digest })
    }

    /// Renders a comment of every kind, so that a template that fails is found at start.
    ///
    /// # Errors
    /// The first failure.
    pub fn check(&self, policy: &Policy) -> Result<(), Error> {
        samples::all(policy).iter().try_for_each(|view| self.render(view).map(drop))
    }

    /// Renders the comment.
    ///
    /// # Errors
    /// If the template fails, or if GitLab would run a line of the result as a quick action.
    pub fn render(&self, view: &View) -> Result<Rendered, Error> {
        let body = self
            .environment
            .get_template(TEMPLATE)
            .and_then(|template| template.render(Serde(view)))
            .map_err(|error| Error::Template(TEMPLATE, error.to_string()))?;
        let body = body.trim().to_owned();
        if !body.starts_with(MARKER) {
            return Err(Error::Unusable(TEMPLATE, "must begin with the line <!-- escalator:comment -->"));
        }
        if body.len() > LONGEST_BODY_BYTES {
            return Err(Error::Unusable(TEMPLATE, "makes a comment longer than GitLab takes"));
        }
        if markdown::has_quick_action(&body) {
            return Err(Error::Unusable(TEMPLATE, RUNS_QUICK_ACTION));
        }
        let digest = digest(&body);
        Ok(Rendered { body, digest })
    }
}

/// A template: the operator's where the folder has one, else the built-in one.
fn source(folder: Option<&Path>, name: &str, built_in: &str) -> Result<String, Error> {
    match folder.map(|folder| folder.join(name)) {
        Some(path) if path.exists() => std::fs::read_to_string(&path)
            .map_err(|error| Error::Unreadable(format!("{} cannot be read: {error}", path.display()))),
        Some(path) if !path.parent().is_some_and(Path::is_dir) => {
            Err(Error::Unreadable("is not a folder".to_owned()))
        }
        Some(_) | None => Ok(built_in.to_owned()),
    }
}

/// An environment with one template.
fn environment(name: &'static str, source: String) -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    environment.add_filter("cell", markdown::table_cell);
    environment.add_template_owned(name, source).map_err(|error| Error::Template(name, error.to_string()))?;
    Ok(environment)
}

/// A digest of a body, whether rendered here or told by GitLab.
#[must_use]
pub fn digest(body: &str) -> String {
    let body = body.trim().replace("\r\n", "\n");
    Sha256::digest(body.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
