//! Agreement: what people decided about an issue, and whether its score says the same.
//!
//! Decisions are read off the issue itself. On an issue that Escalator never wrote on, people alone set the labels of
//! bands, so that they too tell a decision, and so does closing it without one.

use super::assess::{Assessment, Decision};
use super::issue::{Issue, Moment, State};
use super::policy::Policy;
use super::standing::Standing;

/// Whether Escalator ever wrote on an issue that it follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Involvement {
    /// Never: it only looked.
    Watched,
    /// It did: label or comment, or both.
    Written,
}

impl Involvement {
    /// One word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Watched => "watched",
            Self::Written => "written",
        }
    }
}

/// What people decided about an issue, by how it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ruling {
    /// The label of acceptance.
    Accepted,
    /// The label of the highest band, which people set although nobody told them to.
    Escalated,
    /// The label of declining.
    Declined,
    /// Closed with none of these: a decision by silence.
    Closed,
}

impl Ruling {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Accepted, Self::Escalated, Self::Declined, Self::Closed];

    /// One word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Escalated => "escalated",
            Self::Declined => "declined",
            Self::Closed => "closed",
        }
    }
}

/// A decision of people's, and since when it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decided {
    /// What.
    pub ruling: Ruling,
    /// When the issue had last changed when it first showed, by GitLab's clock.
    pub at: Moment,
}

/// What people have decided about an issue by now; `None` as long as they have not, or have taken it back.
#[must_use]
pub fn ruling(
    assessment: &Assessment<'_>,
    issue: &Issue,
    involvement: Involvement,
    before: Option<Ruling>,
    policy: &Policy,
) -> Option<Ruling> {
    match (assessment.decision, involvement) {
        (Decision::Accepted, _) => Some(Ruling::Accepted),
        (Decision::Declined, _) => Some(Ruling::Declined),
        (Decision::Conflicting, _) => None,
        (Decision::Undecided, Involvement::Watched) => by_hand(issue, policy),
        // Whose label it is does not show any more. That people set it by themselves stays true.
        (Decision::Undecided, Involvement::Written) => before.filter(|before| *before == Ruling::Escalated),
    }
}

/// What people decided by themselves.
fn by_hand(issue: &Issue, policy: &Policy) -> Option<Ruling> {
    let highest = policy.bands.first().and_then(|band| band.label.as_ref());
    let escalated = highest.is_some_and(|label| issue.bears(label).is_some());
    match (escalated, issue.state) {
        (true, State::Opened | State::Closed) => Some(Ruling::Escalated),
        (false, State::Closed) => Some(Ruling::Closed),
        (false, State::Opened) => None,
    }
}

/// How a decision of people's and an issue's score are to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Both say that it is a Platform Escalation, or both that it is not.
    Same,
    /// One says that it is, and the other that it is not.
    Otherwise,
    /// The score leaves it to people.
    Open,
}

impl Comparison {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Same, Self::Otherwise, Self::Open];

    /// One word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Otherwise => "otherwise",
            Self::Open => "open",
        }
    }
}

/// Compares a decision with where the issue stands.
///
/// The highest band says that it is one; a band without label, another process or no source that it is not; a band in
/// between, and one that the policy no longer has, leave it to people. An unanswered question counts as in the score.
#[must_use]
pub fn compare(ruling: Ruling, standing: &Standing, policy: &Policy) -> Comparison {
    let people_say_so = match ruling {
        Ruling::Accepted | Ruling::Escalated => true,
        Ruling::Declined | Ruling::Closed => false,
    };
    match score_says_so(standing, policy) {
        Some(score_says_so) if score_says_so == people_say_so => Comparison::Same,
        Some(_) => Comparison::Otherwise,
        None => Comparison::Open,
    }
}

fn score_says_so(standing: &Standing, policy: &Policy) -> Option<bool> {
    if standing.sources.is_empty() || !standing.disambiguations.is_empty() {
        return Some(false);
    }
    let place = policy.bands.iter().position(|band| band.id == standing.band)?;
    match (place, &policy.bands[place].label) {
        (_, None) => Some(false),
        (0, Some(_)) => Some(true),
        (_, Some(_)) => None,
    }
}

/// How many decisions are to the score in which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Agreement {
    /// [`Comparison::Same`].
    pub same: u32,
    /// [`Comparison::Otherwise`].
    pub otherwise: u32,
    /// [`Comparison::Open`].
    pub open: u32,
}

impl Agreement {
    /// Counts them.
    #[must_use]
    pub fn of(comparisons: impl IntoIterator<Item = Comparison>) -> Self {
        let mut agreement = Self::default();
        for comparison in comparisons {
            match comparison {
                Comparison::Same => agreement.same += 1,
                Comparison::Otherwise => agreement.otherwise += 1,
                Comparison::Open => agreement.open += 1,
            }
        }
        agreement
    }

    /// Of one kind.
    #[must_use]
    pub fn count(&self, comparison: Comparison) -> u32 {
        match comparison {
            Comparison::Same => self.same,
            Comparison::Otherwise => self.otherwise,
            Comparison::Open => self.open,
        }
    }

    /// Which part of the decisions about which the score says something is the same; `None` if there are none.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        let compared = f64::from(self.same) + f64::from(self.otherwise);
        (compared > 0.0).then(|| f64::from(self.same) / compared)
    }
}
