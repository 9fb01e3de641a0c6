//! Comments as commands: what a person asks of Escalator by a note that begins with a mention of it.
//!
//! PURE: text in, command or misunderstanding out. Reads the first line of a note alone, and only where the mention is its
//! very beginning, so that neither quotes nor code nor a mention in passing command anything. Never gives back a word that
//! a person typed: everything in the answer is a word of ours or of the policy.

use crate::calculator::label::Label;
use crate::calculator::policy::{Policy, Question};

/// Less alike is no typo.
const ALIKE: f64 = 0.6;
/// What may end a word in a sentence.
const PUNCTUATION: [char; 6] = ['.', ',', ';', ':', '!', '?'];

/// What a person asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command<'policy> {
    /// The assessment in words.
    Explain,
    /// Another look at the issue.
    Recheck,
    /// An answer to a question.
    Answer(&'policy Question, Reply),
    /// It is a Platform Escalation.
    Accept,
    /// It is not. The reason stays where it was written.
    Decline,
    /// Which commands there are.
    Help,
}

/// What a question is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// Yes.
    Yes,
    /// No.
    No,
}

/// Why a note is no command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misread<'policy> {
    /// There is no such command; perhaps this one was meant.
    UnknownCommand(Option<&'static str>),
    /// `answer` and no question.
    NoQuestion,
    /// There is no such question; perhaps this one was meant.
    UnknownQuestion(Option<&'policy Question>),
    /// The question is answered with neither yes nor no.
    NotYesOrNo(&'policy Question),
    /// `decline` and no reason.
    NoReason,
    /// More follows than belongs to this command, so it may have been no command at all.
    TooManyWords(&'static str),
}

const VERBS: [&str; 6] = ["explain", "recheck", "answer", "accept", "decline", "help"];

impl Command<'_> {
    /// Its verb.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Explain => "explain",
            Self::Recheck => "recheck",
            Self::Answer(..) => "answer",
            Self::Accept => "accept",
            Self::Decline => "decline",
            Self::Help => "help",
        }
    }
}

impl Reply {
    /// The label that says so.
    #[must_use]
    pub fn label(self, question: &Question) -> Label {
        match self {
            Self::Yes => question.yes(),
            Self::No => question.no(),
        }
    }

    /// The other one.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
        }
    }
}

/// The username that a note begins with a mention of.
#[must_use]
pub fn addressee(note: &str) -> Option<&str> {
    split(note).map(|(name, _)| name)
}

/// What a note asks of the user of this name: the rest of the line that begins with the mention.
#[must_use]
pub fn request<'note>(note: &'note str, username: &str) -> Option<&'note str> {
    let (name, request) = split(note)?;
    name.eq_ignore_ascii_case(username).then_some(request)
}

fn split(note: &str) -> Option<(&str, &str)> {
    let line = note.lines().next()?.strip_prefix('@')?;
    let of_name = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    let end = line.find(|character| !of_name(character)).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    // A group's path goes on with a slash.
    let ends_there =
        rest.chars().next().is_none_or(|next| next.is_whitespace() || PUNCTUATION.contains(&next));
    let name = name.trim_end_matches('.');
    (ends_there && !name.is_empty()).then(|| (name, rest.trim_start_matches(PUNCTUATION).trim()))
}

/// Reads a request. None at all is a call for help.
///
/// # Errors
/// What is not understood.
pub fn parse<'policy>(request: &str, policy: &'policy Policy) -> Result<Command<'policy>, Misread<'policy>> {
    let mut words = request
        .split_whitespace()
        .map(|word| word.trim_end_matches(PUNCTUATION).to_lowercase())
        .filter(|word| !word.is_empty());
    let Some(verb) = words.next() else { return Ok(Command::Help) };
    let rest: Vec<String> = words.collect();
    match (verb.as_str(), rest.as_slice()) {
        ("explain", _) => Ok(Command::Explain),
        ("recheck", _) => Ok(Command::Recheck),
        ("help", _) => Ok(Command::Help),
        ("answer", rest) => answer(rest, policy),
        ("accept", []) => Ok(Command::Accept),
        ("accept", _) => Err(Misread::TooManyWords("accept")),
        ("decline", []) => Err(Misread::NoReason),
        ("decline", _) => Ok(Command::Decline),
        (other, _) => Err(Misread::UnknownCommand(nearest(other, VERBS, |verb| verb))),
    }
}

fn answer<'policy>(words: &[String], policy: &'policy Policy) -> Result<Command<'policy>, Misread<'policy>> {
    let [key, rest @ ..] = words else { return Err(Misread::NoQuestion) };
    let question = policy.questions.iter().find(|question| question.key.to_lowercase() == *key);
    let Some(question) = question else {
        let nearest = nearest(key, &policy.questions, |question| &question.key);
        return Err(Misread::UnknownQuestion(nearest));
    };
    match rest {
        [yes] if yes == "yes" => Ok(Command::Answer(question, Reply::Yes)),
        [no] if no == "no" => Ok(Command::Answer(question, Reply::No)),
        [first, ..] if first == "yes" || first == "no" => Err(Misread::TooManyWords("answer")),
        _ => Err(Misread::NotYesOrNo(question)),
    }
}

/// The one whose name is most like a word, if any is alike.
fn nearest<T>(word: &str, known: impl IntoIterator<Item = T>, name: impl Fn(&T) -> &str) -> Option<T> {
    let likeness = |known: &T| strsim::normalized_damerau_levenshtein(word, &name(known).to_lowercase());
    known
        .into_iter()
        .map(|known| (likeness(&known), known))
        .filter(|(likeness, _)| *likeness > ALIKE)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, known)| known)
}
