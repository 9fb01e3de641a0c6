//! How a look leaves an issue, for the store to remember.

use super::desk::Desk;
use crate::calculator::agreement::{Decided, Involvement, ruling};
use crate::calculator::assess::Assessment;
use crate::calculator::issue::{Issue, State};
use crate::calculator::label::Label;
use crate::calculator::plan::Plan;
use crate::calculator::standing::{LabelDifference, Standing};
use crate::config::settings::Mode;
use crate::gitlab::Snapshot;
use crate::store::{Entry, Recollection, Record};

impl Desk {
    /// Whether nothing is known by which an issue could bear anything of ours. One that was only watched is new to whoever
    /// writes, unless it is closed: then all that counts is what people decided.
    pub(super) fn is_new(&self, known: Option<&Recollection>, snapshot: &Snapshot) -> bool {
        match (known.map(|known| known.involvement), self.mode) {
            (None, _) => true,
            (Some(Involvement::Watched), Mode::Live) => snapshot.issue.state == State::Opened,
            (Some(Involvement::Watched), Mode::DryRun | Mode::Shadow) | (Some(Involvement::Written), _) => {
                false
            }
        }
    }

    /// Whether we may have written on an issue although nothing remembered says so, and it would be left as only watched: it
    /// bears a label that we set too. A look may have set it and failed before that could be recorded, or the store was lost.
    pub(super) fn may_have_written(&self, known: Option<&Recollection>, snapshot: &Snapshot) -> bool {
        let left_watched = match (self.mode, snapshot.issue.state) {
            (Mode::Live, State::Opened) | (Mode::DryRun, _) => false,
            (Mode::Live, State::Closed) | (Mode::Shadow, _) => true,
        };
        left_watched
            && known.is_none_or(|known| known.involvement == Involvement::Watched)
            && self.policy.owns_any(&snapshot.issue.labels)
    }

    /// Whether we have written on an issue once this look is over: by what is remembered, and by what was found on it.
    pub(super) fn involvement(
        &self,
        known: Option<&Recollection>,
        found: Involvement,
        snapshot: &Snapshot,
    ) -> Involvement {
        let before = known.map_or(found, |known| known.involvement);
        match (self.mode, snapshot.issue.state, before) {
            (Mode::Live, State::Opened, _) | (_, _, Involvement::Written) => Involvement::Written,
            (Mode::Live, State::Closed, Involvement::Watched)
            | (Mode::DryRun | Mode::Shadow, _, Involvement::Watched) => found,
        }
    }

    /// A closed issue is left exactly as it is. Of one that we are known to have written on, only that it is closed is
    /// remembered, and what people decided; when it is reopened, the rest must be looked after. Of another one, the last that
    /// is known counts.
    pub(super) fn left_closed(
        &self,
        assessment: &Assessment<'_>,
        snapshot: &Snapshot,
        known: Option<Recollection>,
        involvement: Involvement,
    ) -> Record {
        match known {
            Some(known) if known.involvement == Involvement::Written => Record {
                decided: self.decided(assessment, snapshot, Some(&known), involvement),
                state: State::Closed,
                work_item_type: known.work_item_type,
                labels: known.memory.labels,
                hands: known.memory.hands,
                note: known.note,
                involvement,
                entry: None,
                writes: Vec::new(),
            },
            known => self.left_as_it_is(assessment, snapshot, known.as_ref(), involvement),
        }
    }

    /// How an issue is, of which nothing is ours as far as is known.
    pub(super) fn left_as_it_is(
        &self,
        assessment: &Assessment<'_>,
        snapshot: &Snapshot,
        known: Option<&Recollection>,
        involvement: Involvement,
    ) -> Record {
        Record {
            state: snapshot.issue.state,
            work_item_type: snapshot.issue.work_item_type,
            labels: self.labels_read(&snapshot.issue),
            hands: Vec::new(),
            note: None,
            involvement,
            decided: self.decided(assessment, snapshot, known, involvement),
            entry: self.entry(assessment, snapshot, known),
            writes: Vec::new(),
        }
    }

    /// What people have decided, and since when.
    pub(super) fn decided(
        &self,
        assessment: &Assessment<'_>,
        snapshot: &Snapshot,
        known: Option<&Recollection>,
        involvement: Involvement,
    ) -> Option<Decided> {
        let before = known.and_then(|known| known.decided);
        let ruled = before.map(|before| before.ruling);
        let now = ruling(assessment, &snapshot.issue, involvement, ruled, &self.policy)?;
        before
            .filter(|before| before.ruling == now)
            .or(Some(Decided { ruling: now, at: snapshot.updated_at }))
    }

    /// What the ledger has to learn, if the assessment changed. Our own labels are never a cause.
    pub(super) fn entry(
        &self,
        assessment: &Assessment<'_>,
        snapshot: &Snapshot,
        known: Option<&Recollection>,
    ) -> Option<Entry> {
        let before = known.map(|known| known.memory.standing.clone());
        let after = Standing::of(assessment);
        if before.as_ref() == Some(&after) {
            return None;
        }
        let without_own = |labels: Vec<Label>| -> Vec<Label> {
            let is_own = |label: &Label| self.policy.owned_labels().any(|own| own.is(label));
            labels.into_iter().filter(|label| !is_own(label)).collect()
        };
        let labels_before = known.map(|known| known.memory.labels.clone()).unwrap_or_default();
        Some(Entry {
            at: snapshot.updated_at,
            policy_version: self.policy.version.clone(),
            before,
            after,
            labels: LabelDifference::between(
                &without_own(labels_before),
                &without_own(self.labels_read(&snapshot.issue)),
            ),
        })
    }

    /// The labels as they were assessed and then changed by us. What somebody else changed between our read and our
    /// write is left out although GitLab has just shown it: it is not assessed yet, and its webhook has to make a
    /// difference.
    pub(super) fn labels_left(&self, before: &Issue, plan: &Plan, after: &Issue) -> Vec<Label> {
        let added = after.labels.iter().filter(|label| plan.add.iter().any(|added| added.is(label)));
        let taken = |label: &Label| plan.remove.contains(label) && !after.labels.contains(label);
        let stayed = before.labels.iter().filter(|label| !taken(label));
        stayed.chain(added).filter(|label| self.policy.reads(label)).cloned().collect()
    }

    fn labels_read(&self, issue: &Issue) -> Vec<Label> {
        issue.labels.iter().filter(|label| self.policy.reads(label)).cloned().collect()
    }
}
