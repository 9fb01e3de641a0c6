//! The escalation calculator: the whole rule against a table worked out independently, its laws as properties, the
//! plan with a person's hand in it, what of all that an undo takes back, and how its verdicts are to what people decide.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod agreement;
mod laws;
mod plan;
mod rule;
mod table;
mod undo;

use std::sync::LazyLock;

use escalator::calculator::issue::{Issue, State, WorkItemType};
use escalator::calculator::label::Label;
use escalator::calculator::policy::Policy;
use escalator::config::load;
use escalator::config::sources::Sources;

/// The default policy, as everybody gets it.
fn policy() -> &'static Policy {
    static POLICY: LazyLock<Policy> = LazyLock::new(|| load(&Sources::default()).unwrap().policy);
    &POLICY
}

/// An open plain issue with these labels.
fn issue(titles: &[&str]) -> Issue {
    Issue {
        state: State::Opened,
        work_item_type: WorkItemType::Issue,
        labels: titles.iter().map(|title| Label::new(title)).collect(),
    }
}

/// An open incident with these labels.
fn incident(titles: &[&str]) -> Issue {
    Issue { work_item_type: WorkItemType::Incident, ..issue(titles) }
}

/// Labels that make these points by a yes each: 0 to 7.
fn score_labels(score: u32) -> Vec<&'static str> {
    let (two, one) = (
        ["cross-functionality::yes", "complexity::yes"],
        ["financial-impact::yes", "operational-impact::yes", "customer-impact::yes"],
    );
    let twos = (score / 2).min(2);
    let ones = score - 2 * twos;
    two.into_iter().take(twos as usize).chain(one.into_iter().take(ones as usize)).collect()
}
