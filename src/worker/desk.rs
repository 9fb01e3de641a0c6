//! One look at one issue: read it afresh, assess it, and write the difference between what is and what should be.

use std::sync::Arc;
use std::time::Instant;

use super::after_failure::Failure;
use super::lease::Lease;
use super::look::{Changes, Look};
use super::writes::{done, of_labels};
use crate::calculator::agreement::Involvement;
use crate::calculator::assess::{Assessment, Verdict, assess};
use crate::calculator::issue::{Issue, IssueRef, State};
use crate::calculator::label::Label;
use crate::calculator::own_users::OwnUsers;
use crate::calculator::plan::{Author, Hand, Plan, hand, last_event, plan, suspicions};
use crate::calculator::policy::Policy;
use crate::comment::{HistoryEntry, Rendered, Renderer, View};
use crate::config::settings::Mode;
use crate::gitlab::{self, Audience, Client, LabelChange, ProjectRef, Snapshot};
use crate::identity::Identity;
use crate::store::{Entry, Origin, PolicyDigest, Recollection, Record, Store};

/// Looks at issues.
pub struct Desk {
    /// What is remembered.
    pub store: Store,
    /// Where issues are read and changed.
    pub gitlab: Client,
    /// Who we are.
    pub identity: Identity,
    /// The rule.
    pub policy: Arc<Policy>,
    /// The comment.
    pub renderer: Renderer,
    /// Who may read the comment.
    pub audience: Audience,
    /// Whether to write.
    pub mode: Mode,
    /// Whose work it is, for the ledger.
    pub origin: Origin,
}

impl Desk {
    /// Tells by what this desk writes as it does: the policy, the comment's template, and the mode.
    #[must_use]
    pub fn policy_digest(&self) -> PolicyDigest {
        PolicyDigest::of(&(&self.policy, &self.renderer.template_digest, self.mode))
    }

    /// Looks at an issue. Returns what came of it, which the caller has to record.
    ///
    /// Can be broken off anywhere and repeated: it only ever writes the difference to what it reads. Asks the lease right
    /// before each write.
    ///
    /// # Errors
    /// The [`Failure`], for the retry policy to decide about.
    pub async fn look(&self, reference: IssueRef, lease: &Lease) -> Result<Look, Failure> {
        let replacements = self.gitlab.token_replacements();
        let own = self.own_users(replacements).await?;
        match self.look_as(&own, reference, lease).await {
            // Refused to another user than the one we took ourselves for.
            Err(Failure::GitLab(gitlab::Error::Refused { .. }))
                if self.gitlab.token_replacements() != replacements =>
            {
                Err(gitlab::Error::token_replaced().into())
            }
            looked => looked,
        }
    }

    async fn look_as(&self, own: &OwnUsers, reference: IssueRef, lease: &Lease) -> Result<Look, Failure> {
        let started = Instant::now();
        let snapshot = self.gitlab.issue(&ProjectRef::Id(reference.project_id), reference.iid).await?;
        let known = self.store.recall(reference).await?;
        let assessment = assess(&snapshot.issue, &self.policy);
        let closed = snapshot.issue.state == State::Closed;
        let nothing_to_do = closed || assessment.verdict == Verdict::NoSource;
        let leave_alone = self.is_new(known.as_ref(), &snapshot) && nothing_to_do;
        let in_doubt = leave_alone || self.may_have_written(known.as_ref(), &snapshot);
        let found = if in_doubt && self.left_traces(reference, &snapshot, own).await? {
            Involvement::Written
        } else {
            Involvement::Watched
        };
        if leave_alone && found == Involvement::Watched {
            let left = known.map(|known| self.left_as_it_is(&assessment, &snapshot, Some(&known), found));
            return Ok(if closed { Look::Closed(left) } else { Look::NoSource(left) });
        }
        let involvement = self.involvement(known.as_ref(), found, &snapshot);
        if closed {
            return Ok(Look::Closed(Some(self.left_closed(&assessment, &snapshot, known, involvement))));
        }

        let plan = self.plan(reference, &assessment, &snapshot.issue, known.as_ref(), own).await?;
        let after = self.write_labels(reference, &plan, &snapshot, own, lease).await?;
        let entry = self.entry(&assessment, &snapshot, known.as_ref());
        let rendered = self.render(&assessment, &plan.hands, known.as_ref(), entry.as_ref())?;
        let note = known.as_ref().and_then(|known| known.note.clone());
        let (note, written) = self.write_note(note, rendered, &after, own, lease).await?;

        metrics::counter!("escalator_assessments_total", "band" => assessment.band.id.clone()).increment(1);
        tracing::info!(
            issue = %reference,
            band = assessment.band.id,
            score = assessment.score,
            verdict = ?assessment.verdict,
            decision = assessment.decision.name(),
            changed = entry.is_some(),
            labels_added = %titles(&plan.add),
            labels_removed = %titles(&plan.remove),
            comment = ?written,
            hands = plan.hands.len(),
            milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "assessed"
        );
        let writes = match self.mode {
            Mode::Live => done(&plan, note.as_ref(), written, own, self.origin),
            Mode::DryRun | Mode::Shadow => Vec::new(),
        };
        let labels = self.labels_left(&snapshot.issue, &plan, &after.issue);
        let changes = Changes {
            score: assessment.score,
            band: assessment.band.id.clone(),
            added: plan.add,
            removed: plan.remove,
            comment: written,
        };
        let record = Record {
            state: snapshot.issue.state,
            work_item_type: snapshot.issue.work_item_type,
            labels,
            hands: plan.hands,
            note,
            involvement,
            decided: self.decided(&assessment, &snapshot, known.as_ref(), involvement),
            entry,
            writes,
        };
        Ok(Look::Assessed(changes, record))
    }

    /// Whether an issue on which we are not known to have written bears a label or a comment of ours all the same: an
    /// earlier look wrote them and ended before it could be recorded, or the store was lost.
    async fn left_traces(
        &self,
        issue: IssueRef,
        snapshot: &Snapshot,
        own: &OwnUsers,
    ) -> Result<bool, Failure> {
        if !self.own_notes(issue, snapshot, own).await?.is_empty() {
            return Ok(true);
        }
        let present: Vec<&Label> =
            self.policy.owned_labels().filter_map(|label| snapshot.issue.bears(label)).collect();
        if present.is_empty() {
            return Ok(false);
        }
        let events = self.gitlab.label_events(issue).await?;
        Ok(present.iter().any(|label| {
            let of_label = events.iter().filter(|event| event.label.as_ref() == Some(*label));
            of_label.max_by_key(|event| event.id).is_some_and(|last| own.include(last.user_id))
        }))
    }

    /// The plan, after asking GitLab's label events about labels that somebody else may have touched.
    async fn plan(
        &self,
        reference: IssueRef,
        assessment: &Assessment<'_>,
        issue: &Issue,
        known: Option<&Recollection>,
        own: &OwnUsers,
    ) -> Result<Plan, Failure> {
        // On what was only watched, nothing is ours.
        let memory =
            known.filter(|known| known.involvement == Involvement::Written).map(|known| &known.memory);
        let suspicions = suspicions(assessment, issue, memory, &self.policy);
        let mut hands: Vec<Hand> = Vec::new();
        if !suspicions.is_empty() {
            let events = self.gitlab.label_events(reference).await?;
            for suspicion in &suspicions {
                let author = match last_event(suspicion, &events) {
                    Some(event)
                        if !own.include(event.user_id) && self.gitlab.is_bot(event.user_id).await? =>
                    {
                        tracing::warn!(
                            issue = %reference,
                            label = suspicion.label.title(),
                            user_id = event.user_id,
                            gesture = suspicion.gesture.name(),
                            "another bot works against this one; let only one of them keep the label"
                        );
                        Author::Bot
                    }
                    Some(_) | None => Author::Person,
                };
                hands.extend(hand(suspicion, &events, own, author, &assessment.band.id));
            }
        }
        Ok(plan(assessment, issue, memory, hands, &self.policy))
    }

    /// Writes the labels of the plan in one request. Returns the issue as it is afterwards.
    async fn write_labels(
        &self,
        issue: IssueRef,
        plan: &Plan,
        before: &Snapshot,
        own: &OwnUsers,
        lease: &Lease,
    ) -> Result<Snapshot, Failure> {
        if plan.changes_no_label() {
            return Ok(before.clone());
        }
        match self.mode {
            Mode::Live => {
                let change = LabelChange { add: plan.add.clone(), remove: plan.remove.clone() };
                self.intend(issue, of_labels(plan), own, lease).await?;
                Ok(self.gitlab.change_labels(issue, &change).await?)
            }
            Mode::DryRun | Mode::Shadow => {
                let (add, remove) = (titles(&plan.add), titles(&plan.remove));
                tracing::info!(%issue, %add, %remove, "{}: would change labels", self.mode.name());
                Ok(before.clone())
            }
        }
    }

    fn render(
        &self,
        assessment: &Assessment<'_>,
        hands: &[Hand],
        known: Option<&Recollection>,
        new: Option<&Entry>,
    ) -> Result<Rendered, Failure> {
        let history: Vec<_> = known
            .iter()
            .flat_map(|known| &known.history)
            .chain(new)
            .map(|entry| HistoryEntry {
                at: entry.at,
                before: entry.before.as_ref(),
                after: &entry.after,
                labels: &entry.labels,
            })
            .collect();
        Ok(self.renderer.render(&View::new(assessment, &self.policy, hands, &history))?)
    }
}

fn titles(labels: &[Label]) -> String {
    labels.iter().map(Label::title).collect::<Vec<_>>().join(",")
}
