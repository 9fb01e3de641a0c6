//! Labels, scoped labels, and the patterns by which a policy names them.

use std::fmt;

/// What separates the scope of a label from its value.
const SCOPE_SEPARATOR: &str = "::";

/// A label's title, spelled as GitLab spells it.
///
/// Two titles that differ only in case are two labels to GitLab, so equality is exact; the policy *reads* labels
/// ignoring case, which is what [`Label::is`] is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label(String);

impl Label {
    /// The label that GitLab gives this title. GitLab strips ASCII whitespace only: a title with a no-break space at its
    /// beginning is another one, and could not be removed by a trimmed name.
    #[must_use]
    pub fn new(title: &str) -> Self {
        Self(title.to_owned())
    }

    /// The label that a person means by this text, in a policy or on a command line.
    #[must_use]
    pub fn meant_by(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    /// The title.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.0
    }

    /// Whether both name the same label when case does not count.
    #[must_use]
    pub fn is(&self, other: &Label) -> bool {
        same(&self.0, &other.0)
    }

    /// The scope and the value of a scoped label: everything before the last `::`, and what follows it.
    #[must_use]
    pub fn scope_and_value(&self) -> Option<(&str, &str)> {
        self.0.rsplit_once(SCOPE_SEPARATOR).filter(|(scope, value)| !scope.is_empty() && !value.is_empty())
    }

    /// The value of this label in the given scope, if it is a label of that scope.
    #[must_use]
    pub fn value_in(&self, scope: &str) -> Option<&str> {
        self.scope_and_value().filter(|(own_scope, _)| same(own_scope, scope)).map(|(_, value)| value)
    }
}

impl fmt::Display for Label {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// How a policy names labels: one title, or with `key::*` every label of a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelPattern {
    /// One title.
    Title(Label),
    /// Every value of this scope.
    Scope(String),
}

impl LabelPattern {
    /// Reads `title` or `key::*`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let text = text.trim();
        match text.strip_suffix("::*") {
            Some(scope) if !scope.is_empty() => Self::Scope(scope.to_owned()),
            Some(_) | None => Self::Title(Label::new(text)),
        }
    }

    /// Whether the label is one that this pattern names, ignoring case.
    #[must_use]
    pub fn matches(&self, label: &Label) -> bool {
        match self {
            Self::Title(title) => title.is(label),
            Self::Scope(scope) => label.value_in(scope).is_some(),
        }
    }
}

/// Whether two texts are the same when case does not count, beyond ASCII too. Every label of every delivery comes here,
/// and nearly all are ASCII, which needs no copies.
pub(super) fn same(left: &str, right: &str) -> bool {
    let ascii = left.is_ascii() && right.is_ascii();
    left.eq_ignore_ascii_case(right) || (!ascii && left.to_lowercase() == right.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_everything_before_the_last_separator() {
        let label = Label::new("team::backend::yes");
        assert_eq!(label.scope_and_value(), Some(("team::backend", "yes")));
        assert_eq!(label.value_in("TEAM::backend"), Some("yes"));
        assert_eq!(label.value_in("team"), None);
    }

    #[test]
    fn a_label_without_scope_or_value_is_a_plain_one() {
        for title in ["plain", "::yes", "key::", "::"] {
            assert_eq!(Label::new(title).scope_and_value(), None, "{title}");
        }
    }

    #[test]
    fn a_title_of_gitlabs_is_left_as_it_is_and_a_persons_text_is_trimmed() {
        for space in ["\u{a0}", "\u{3000}"] {
            let title = format!("{space}SIRT{space}");
            assert_eq!(Label::new(&title).title(), title);
            assert!(!LabelPattern::new("SIRT").matches(&Label::new(&title)));
            assert_eq!(Label::meant_by(&format!(" {title}\n")).title(), "SIRT");
        }
    }

    #[test]
    fn patterns_ignore_case() {
        assert!(LabelPattern::new("STAR").matches(&Label::new("star")));
        assert!(LabelPattern::new("área").matches(&Label::new("ÁREA")));
        assert!(!LabelPattern::new("STAR").matches(&Label::new("STARS")));
    }

    #[test]
    fn a_star_matches_every_value_of_the_scope_and_nothing_else() {
        let pattern = LabelPattern::new("severity::*");
        assert!(pattern.matches(&Label::new("Severity::1")));
        assert!(!pattern.matches(&Label::new("severity")));
        assert!(!pattern.matches(&Label::new("severity::a::1")));
    }
}
