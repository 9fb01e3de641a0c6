//! One view of every kind, for trying a template before it is needed.

use super::view::{HistoryEntry, View};
use crate::calculator::assess::assess;
use crate::calculator::issue::{Issue, Moment, State, WorkItemType};
use crate::calculator::label::{Label, LabelPattern};
use crate::calculator::plan::{Author, Gesture, Hand};
use crate::calculator::policy::Policy;
use crate::calculator::standing::{LabelDifference, Standing};

/// No source; in force with everything open; in force with everything answered, accepted, a person's hand and a
/// history; conflicting and not understood; disambiguated; declined.
pub(super) fn all(policy: &Policy) -> Vec<View> {
    let source: Vec<Label> =
        policy.sources.iter().flat_map(|source| source.labels.first()).map(example).collect();
    let yes: Vec<Label> = policy.questions.iter().map(|question| question.yes()).collect();
    let no: Vec<Label> = policy.questions.iter().map(|question| question.no()).collect();
    let odd = policy.questions.iter().map(|question| Label::new(&format!("{}::?", question.key))).collect();
    let other: Vec<Label> =
        policy.disambiguations.iter().flat_map(|other| other.labels.first()).map(example).collect();

    let mixes = [
        vec![source.clone()],
        vec![source.clone(), yes.clone(), vec![policy.accepted.clone()]],
        vec![source.clone(), yes, no, odd],
        vec![source.clone(), other],
        vec![source, vec![policy.declined.clone()]],
    ];
    let incidents = mixes.into_iter().map(|labels| view(WorkItemType::Incident, labels.concat(), policy));
    incidents.chain([view(WorkItemType::Other, vec![], policy)]).collect()
}

fn view(work_item_type: WorkItemType, labels: Vec<Label>, policy: &Policy) -> View {
    let issue = Issue { state: State::Opened, work_item_type, labels };
    let assessment = assess(&issue, policy);
    let standing = Standing::of(&assessment);
    let hands: Vec<Hand> = policy
        .owned_labels()
        .map(|label| Hand {
            label: label.clone(),
            gesture: Gesture::Removed,
            author: Author::Person,
            user_id: Some(1),
            at: Some(Moment(0)),
            band: assessment.band.id.clone(),
        })
        .collect();
    let difference = LabelDifference { added: issue.labels.clone(), removed: issue.labels.clone() };
    let entry = HistoryEntry { at: Moment(0), before: None, after: &standing, labels: &difference };
    View::new(&assessment, policy, &hands, &[entry])
}

fn example(pattern: &LabelPattern) -> Label {
    match pattern {
        LabelPattern::Title(title) => title.clone(),
        LabelPattern::Scope(scope) => Label::new(&format!("{scope}::example")),
    }
}
