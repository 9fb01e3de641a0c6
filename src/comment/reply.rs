//! Replies to commands: through a template of their own, and with a marker of their own, so that none is ever taken for
//! the comment.
//!
//! Never sees what a person typed.

use std::path::Path;

use minijinja::Environment;
use minijinja::value::Serde;
use serde::Serialize;

use super::markdown::{has_quick_action, inline_code};
use super::{Error, View, environment, source};
use crate::calculator::policy::Policy;
use crate::command::Misread;

/// The file name of the template, built in and in `comment.templates`.
const TEMPLATE: &str = "reply.md.j2";
const BUILT_IN: &str = include_str!("../../templates/reply.md.j2");
/// So much of the digest of a request tells it from those that the same note made before it was edited.
const DIGEST_CHARS: usize = 16;

/// What a reply says.
#[derive(Debug, Clone)]
pub enum Answer<'policy> {
    /// Which commands there are.
    Help,
    /// How the issue is assessed, and which note is the comment.
    Explain(Box<View>, Option<u64>),
    /// The author is no member.
    Stranger,
    /// The author may not decide.
    NotOnRoster,
    /// The issue is closed.
    Closed,
    /// The issue comes from no source.
    NoSource,
    /// It is no command.
    Misread(Misread<'policy>),
}

impl Answer<'_> {
    /// One word for it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Help => "help",
            Self::Explain(..) => "explain",
            Self::Stranger => "stranger",
            Self::NotOnRoster => "not-on-roster",
            Self::Closed => "closed",
            Self::NoSource => "no-source",
            Self::Misread(Misread::UnknownCommand(_)) => "unknown-command",
            Self::Misread(Misread::NoQuestion) => "no-question",
            Self::Misread(Misread::UnknownQuestion(_)) => "unknown-question",
            Self::Misread(Misread::NotYesOrNo(_)) => "not-yes-or-no",
            Self::Misread(Misread::NoReason) => "no-reason",
            Self::Misread(Misread::TooManyWords(_)) => "too-many-words",
        }
    }

    /// The word of ours that may have been meant, or that the answer is about.
    fn nearest(&self) -> Option<&str> {
        match self {
            Self::Misread(Misread::UnknownCommand(verb)) => *verb,
            Self::Misread(Misread::UnknownQuestion(question)) => {
                question.map(|question| question.key.as_str())
            }
            Self::Misread(Misread::NotYesOrNo(question)) => Some(&question.key),
            Self::Misread(Misread::TooManyWords(verb)) => Some(verb),
            Self::Misread(Misread::NoQuestion | Misread::NoReason)
            | Self::Help
            | Self::Explain(..)
            | Self::Stranger
            | Self::NotOnRoster
            | Self::Closed
            | Self::NoSource => None,
        }
    }
}

/// What a reply answers.
#[derive(Debug, Clone, Copy)]
pub struct Occasion<'occasion> {
    /// The note.
    pub note_id: u64,
    /// A digest of its request.
    pub digest: &'occasion str,
    /// Our own username.
    pub username: &'occasion str,
}

impl Occasion<'_> {
    /// The first line of the reply: by it a reply is found again that GitLab posted without our hearing of it.
    #[must_use]
    pub fn marker(&self) -> String {
        let digest: String = self.digest.chars().take(DIGEST_CHARS).collect();
        format!("<!-- escalator:reply {} {digest} -->", self.note_id)
    }
}

#[derive(Serialize)]
struct ReplyView<'view> {
    kind: &'static str,
    note_id: u64,
    bot: String,
    nearest: Option<&'view str>,
    questions: Vec<String>,
    roster: bool,
    now: Option<&'view View>,
    comment_id: Option<u64>,
}

/// Renders replies.
pub struct ReplyRenderer {
    environment: Environment<'static>,
    roster: bool,
}

impl ReplyRenderer {
    /// Loads the template: the operator's where the folder has one, else the built-in one.
    ///
    /// # Errors
    /// If the operator's template cannot be read or does not parse.
    pub fn new(folder: Option<&Path>, roster: &[String]) -> Result<Self, Error> {
        let source = source(folder, TEMPLATE, BUILT_IN)?;
        Ok(Self { environment: environment(TEMPLATE, source)?, roster: !roster.is_empty() })
    }

    /// Renders a reply of every kind, so that a template that fails is found at start.
    ///
    /// # Errors
    /// The first failure.
    pub fn check(&self, policy: &Policy) -> Result<(), Error> {
        let question = policy.questions.first();
        let misread = [
            Misread::UnknownCommand(Some("help")),
            Misread::UnknownCommand(None),
            Misread::NoQuestion,
            Misread::UnknownQuestion(question),
            Misread::NoReason,
            Misread::TooManyWords("answer"),
        ];
        let fixed = [Answer::Help, Answer::Stranger, Answer::NotOnRoster, Answer::Closed, Answer::NoSource];
        let explained =
            super::samples::all(policy).into_iter().map(|view| Answer::Explain(Box::new(view), Some(1)));
        let asked = misread.into_iter().chain(question.map(Misread::NotYesOrNo)).map(Answer::Misread);
        let occasion = Occasion { note_id: 1, digest: "", username: "escalator" };
        fixed
            .into_iter()
            .chain(asked)
            .chain(explained)
            .try_for_each(|answer| self.render(&answer, occasion, policy).map(drop))
    }

    /// Renders a reply.
    ///
    /// # Errors
    /// If the template fails, or if GitLab would run a line of the result as a quick action.
    pub fn render(
        &self,
        answer: &Answer<'_>,
        occasion: Occasion<'_>,
        policy: &Policy,
    ) -> Result<String, Error> {
        let (now, comment_id) = match answer {
            Answer::Explain(view, comment_id) => (Some(&**view), *comment_id),
            Answer::Help
            | Answer::Stranger
            | Answer::NotOnRoster
            | Answer::Closed
            | Answer::NoSource
            | Answer::Misread(_) => (None, None),
        };
        let view = ReplyView {
            kind: answer.name(),
            note_id: occasion.note_id,
            bot: inline_code(&format!("@{}", occasion.username)),
            nearest: answer.nearest(),
            questions: policy.questions.iter().map(|question| inline_code(&question.key)).collect(),
            roster: self.roster,
            now,
            comment_id,
        };
        let text = self
            .environment
            .get_template(TEMPLATE)
            .and_then(|template| template.render(Serde(view)))
            .map_err(|error| Error::Template(TEMPLATE, error.to_string()))?;
        let body = format!("{}\n{}", occasion.marker(), text.trim());
        if has_quick_action(&body) {
            return Err(Error::Unusable(TEMPLATE, super::RUNS_QUICK_ACTION));
        }
        Ok(body)
    }
}
