//! What to change so that GitLab says what the assessment says, and what to leave alone because a person decided.
//!
//! Two steps, so that the pure part stays pure: [`suspicions`] names the labels that somebody else may have touched;
//! the worker asks GitLab's label events about those few; [`plan`] takes what came out of it as [`Hand`]s.

use super::assess::{Assessment, Verdict};
use super::issue::{Issue, Moment};
use super::label::Label;
use super::policy::Policy;
use super::standing::Standing;
use crate::calculator::own_users::OwnUsers;

/// What a person did to a label of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gesture {
    /// Took a label off that Escalator had set.
    Removed,
    /// Added a label that Escalator would not set.
    Added,
}

impl Gesture {
    /// One word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::Added => "added",
        }
    }
}

/// Who is at the other end of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// A human, or whoever is not known to be a bot.
    Person,
    /// A bot that is not Escalator.
    Bot,
}

impl Author {
    /// One word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Bot => "bot",
        }
    }
}

/// A bot is put right once. One that insists is let be: two bots that fight over a label never end.
const INSISTS: usize = 2;

/// A person's hand on one of our labels: it wins until the band itself changes. So does a bot that insists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hand {
    /// The label, as the policy spells it.
    pub label: Label,
    /// What was done to it.
    pub gesture: Gesture,
    /// Whose hand it is.
    pub author: Author,
    /// By whom, if GitLab's label events tell.
    pub user_id: Option<u64>,
    /// When, if GitLab's label events tell.
    pub at: Option<Moment>,
    /// The id of the band that held then; the hand counts as long as it holds.
    pub band: String,
}

impl Hand {
    /// Whether we leave the label alone. Where the band does not decide, none of our labels belongs on the issue, and a
    /// person is overruled: the TPM, another process or the lost source is stronger. A bot that insists on a label is
    /// let be there too, for overruling it never ends.
    #[must_use]
    pub fn counts_under(&self, verdict: Verdict) -> bool {
        match (verdict, self.author) {
            (Verdict::InForce, Author::Person | Author::Bot) => true,
            (Verdict::NoSource | Verdict::Disambiguated | Verdict::Declined, Author::Person) => false,
            (Verdict::NoSource | Verdict::Disambiguated | Verdict::Declined, Author::Bot) => {
                self.gesture == Gesture::Added
            }
        }
    }
}

/// A label that is not as we left it although nothing in the rule explains why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspicion {
    /// The label, as the policy spells it.
    pub label: Label,
    /// What seems to have been done to it.
    pub gesture: Gesture,
}

/// What is remembered of an issue since the last time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    /// Where it stood.
    pub standing: Standing,
    /// The labels that the policy reads, as we left them on the issue.
    pub labels: Vec<Label>,
    /// Hands seen so far; some may count no more.
    pub hands: Vec<Hand>,
}

/// One event of GitLab's label history of an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelEvent {
    /// GitLab's id of the event, ascending in time.
    pub id: u64,
    /// Who did it.
    pub user_id: u64,
    /// When, by GitLab's clock.
    pub at: Moment,
    /// Which label; `None` after the label itself was deleted.
    pub label: Option<Label>,
    /// What was done.
    pub gesture: Gesture,
}

/// The changes to make to the labels, and the hands that count from now on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Labels to add, as the policy spells them.
    pub add: Vec<Label>,
    /// Labels to remove, as the issue spells them.
    pub remove: Vec<Label>,
    /// Hands that count.
    pub hands: Vec<Hand>,
}

impl Plan {
    /// Whether GitLab's labels are as they should be.
    #[must_use]
    pub fn changes_no_label(&self) -> bool {
        self.add.is_empty() && self.remove.is_empty()
    }
}

/// Which of our labels somebody else may have touched. Empty in nearly every case.
#[must_use]
pub fn suspicions(
    assessment: &Assessment<'_>,
    issue: &Issue,
    memory: Option<&Memory>,
    policy: &Policy,
) -> Vec<Suspicion> {
    let band_changed = memory.is_some_and(|memory| memory.standing.band != assessment.band.id);
    if band_changed {
        return Vec::new();
    }
    let known = counting_hands(assessment, memory);
    policy
        .owned_labels()
        .filter(|label| !known.iter().any(|hand| hand.label.is(label)))
        .filter_map(|label| {
            let wanted = assessment.wanted.is_some_and(|wanted| wanted.is(label));
            let present = issue.bears(label).is_some();
            let left = memory.is_some_and(|memory| memory.labels.iter().any(|own| own.is(label)));
            let gesture = match (wanted, present, left) {
                (true, false, true) => Gesture::Removed,
                (false, true, false) => Gesture::Added,
                (true, false, false) | (true, true, _) | (false, false, _) | (false, true, true) => {
                    return None;
                }
            };
            Some(Suspicion { label: label.clone(), gesture })
        })
        .collect()
}

/// GitLab's last event of a suspected label, which tells whose hand it was.
#[must_use]
pub fn last_event<'event>(suspicion: &Suspicion, events: &'event [LabelEvent]) -> Option<&'event LabelEvent> {
    of_label(suspicion, events).max_by_key(|event| event.id)
}

/// Decides a suspicion by GitLab's label events: whose hand was last on the label? The author is that of the
/// [`last_event`].
///
/// A removal needs an event that says somebody else did it: without one, the label was deleted or our read was stale,
/// and setting it again harms nobody. An addition is a hand unless the last event says that we did it ourselves. What a
/// bot did is none, unless it insists.
#[must_use]
pub fn hand(
    suspicion: &Suspicion,
    events: &[LabelEvent],
    own: &OwnUsers,
    author: Author,
    band: &str,
) -> Option<Hand> {
    let last = last_event(suspicion, events);
    let ours = last.is_some_and(|event| own.include(event.user_id));
    let seen = last.is_some_and(|event| event.gesture == suspicion.gesture);
    let by_others = match suspicion.gesture {
        Gesture::Removed => seen && !ours,
        Gesture::Added => !ours,
    };
    let counts = match author {
        Author::Person => by_others,
        Author::Bot => by_others && times_undone(suspicion, events, own) >= INSISTS,
    };
    counts.then(|| Hand {
        label: suspicion.label.clone(),
        gesture: suspicion.gesture,
        author,
        user_id: last.filter(|_| seen).map(|event| event.user_id),
        at: last.filter(|_| seen).map(|event| event.at),
        band: band.to_owned(),
    })
}

/// How often others did the same to the label, with nothing in between but our undoing it.
fn times_undone(suspicion: &Suspicion, events: &[LabelEvent], own: &OwnUsers) -> usize {
    let mut newest_first: Vec<_> = of_label(suspicion, events).collect();
    newest_first.sort_unstable_by_key(|event| std::cmp::Reverse(event.id));
    let alternating = newest_first.iter().enumerate().take_while(|(place, event)| {
        let theirs = place % 2 == 0;
        own.include(event.user_id) != theirs && (event.gesture == suspicion.gesture) == theirs
    });
    alternating.count().div_ceil(2)
}

fn of_label<'event>(
    suspicion: &Suspicion,
    events: &'event [LabelEvent],
) -> impl Iterator<Item = &'event LabelEvent> {
    let label = suspicion.label.clone();
    events.iter().filter(move |event| event.label.as_ref().is_some_and(|own| own.is(&label)))
}

/// The changes that make GitLab's labels say what the assessment says.
///
/// Touches only labels that the policy owns, and leaves those alone on which a person's hand counts. Applied twice, it
/// changes nothing the second time.
#[must_use]
pub fn plan(
    assessment: &Assessment<'_>,
    issue: &Issue,
    memory: Option<&Memory>,
    new_hands: Vec<Hand>,
    policy: &Policy,
) -> Plan {
    let mut hands = counting_hands(assessment, memory);
    hands.extend(new_hands);
    hands.retain(|hand| still_stands(hand, assessment, issue));

    let mut plan = Plan::default();
    for label in policy.owned_labels() {
        let left_alone =
            hands.iter().any(|hand| hand.label.is(label) && hand.counts_under(assessment.verdict));
        let wanted = assessment.wanted.is_some_and(|wanted| wanted.is(label));
        let mut present = issue.labels.iter().filter(|own| own.is(label)).peekable();
        match (wanted, present.peek()) {
            _ if left_alone => {}
            (true, None) => plan.add.push(label.clone()),
            (false, Some(_)) => plan.remove.extend(present.cloned()),
            (true, Some(_)) | (false, None) => {}
        }
    }
    plan.hands = hands;
    plan
}

/// The remembered hands that count as long as the band is what it was.
fn counting_hands(assessment: &Assessment<'_>, memory: Option<&Memory>) -> Vec<Hand> {
    memory
        .into_iter()
        .flat_map(|memory| &memory.hands)
        .filter(|hand| hand.band == assessment.band.id)
        .cloned()
        .collect()
}

/// A hand is over once it was taken back (the removed label put on again, or the added one taken off), or overruled.
fn still_stands(hand: &Hand, assessment: &Assessment<'_>, issue: &Issue) -> bool {
    let present = issue.bears(&hand.label).is_some();
    match hand.gesture {
        Gesture::Removed => !present,
        Gesture::Added => present && hand.counts_under(assessment.verdict),
    }
}
