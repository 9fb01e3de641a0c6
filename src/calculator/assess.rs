//! THE RULE: an issue and a policy make an assessment.

use super::issue::Issue;
use super::label::{Label, same};
use super::policy::{Band, Disambiguation, Policy, Question, Source};

/// What the labels say to one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// `<key>::yes`.
    Yes,
    /// `<key>::no`.
    No,
    /// Neither: not the same as no, because it may still become a yes.
    Unanswered,
    /// Both, which GitLab allows where scoped labels are not exclusive: unanswered until someone removes one.
    Conflicting,
}

impl Answer {
    /// One word for it, as the comment, the ledger and `score` say it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unanswered => "unanswered",
            Self::Conflicting => "conflicting",
        }
    }

    /// Whether this answer may still become a yes.
    #[must_use]
    pub fn is_open(self) -> bool {
        match self {
            Self::Unanswered | Self::Conflicting => true,
            Self::Yes | Self::No => false,
        }
    }
}

/// A question with what the labels say to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered<'policy> {
    /// The question.
    pub question: &'policy Question,
    /// The answer.
    pub answer: Answer,
    /// Labels of the question's scope that are neither yes nor no: a person typed these titles.
    pub not_understood: Vec<Label>,
}

impl Answered<'_> {
    /// What this answer adds to the score.
    #[must_use]
    pub fn points(&self) -> u32 {
        match self.answer {
            Answer::Yes => self.question.points,
            Answer::No | Answer::Unanswered | Answer::Conflicting => 0,
        }
    }
}

/// A yes that would move the issue to another band.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mover<'policy> {
    /// The question that is still open.
    pub question: &'policy Question,
    /// The score with that yes.
    pub score: u32,
    /// The band with that yes.
    pub band: &'policy Band,
}

/// What the TPM decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Nothing yet.
    Undecided,
    /// It is a Platform Escalation.
    Accepted,
    /// It is not.
    Declined,
    /// Both labels are set: nothing decided until someone removes one.
    Conflicting,
}

impl Decision {
    /// One word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Undecided => "undecided",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Conflicting => "conflicting",
        }
    }
}

/// Whether the band decides about the labels, or something stronger does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// No source holds: not looked at, or not any more.
    NoSource,
    /// Something that only looks like a Platform Escalation.
    Disambiguated,
    /// The TPM declined.
    Declined,
    /// The band counts.
    InForce,
}

/// Everything the rule says about one issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment<'policy> {
    /// The sources that hold, in the policy's order.
    pub sources: Vec<&'policy Source>,
    /// The disambiguations that hold, in the policy's order.
    pub disambiguations: Vec<&'policy Disambiguation>,
    /// Every question with its answer, in the policy's order.
    pub answers: Vec<Answered<'policy>>,
    /// The sum of the points.
    pub score: u32,
    /// The score if every open question were answered yes.
    pub reachable: u32,
    /// The band of the score.
    pub band: &'policy Band,
    /// The open questions whose yes alone would change the band.
    pub movers: Vec<Mover<'policy>>,
    /// What the TPM decided.
    pub decision: Decision,
    /// Whether the band decides about the labels.
    pub verdict: Verdict,
    /// The one label of ours that the issue should bear.
    pub wanted: Option<&'policy Label>,
}

/// Assesses an issue. The same issue and policy always give the same assessment.
#[must_use]
pub fn assess<'policy>(issue: &Issue, policy: &'policy Policy) -> Assessment<'policy> {
    let sources: Vec<_> =
        policy.sources.iter().filter(|source| source.holds(issue.work_item_type, &issue.labels)).collect();
    let disambiguations: Vec<_> =
        policy.disambiguations.iter().filter(|other| other.holds(&issue.labels)).collect();
    let answers: Vec<_> = policy.questions.iter().map(|question| answer(question, &issue.labels)).collect();

    let score = answers.iter().map(Answered::points).sum();
    let band = policy.band(score);
    let decision = decision(issue, policy);
    let verdict = verdict(&sources, &disambiguations, decision);
    Assessment {
        reachable: score + open(&answers).map(|question| question.points).sum::<u32>(),
        movers: movers(&answers, score, policy),
        wanted: wanted(verdict, decision, band, issue, policy),
        sources,
        disambiguations,
        answers,
        score,
        band,
        decision,
        verdict,
    }
}

fn answer<'policy>(question: &'policy Question, labels: &[Label]) -> Answered<'policy> {
    let (mut yes, mut no, mut not_understood) = (false, false, Vec::new());
    for label in labels {
        match label.value_in(&question.key) {
            Some(value) if same(value, "yes") => yes = true,
            Some(value) if same(value, "no") => no = true,
            Some(_) => not_understood.push(label.clone()),
            None => {}
        }
    }
    let answer = match (yes, no) {
        (true, true) => Answer::Conflicting,
        (true, false) => Answer::Yes,
        (false, true) => Answer::No,
        (false, false) => Answer::Unanswered,
    };
    Answered { question, answer, not_understood }
}

fn open<'policy>(answers: &[Answered<'policy>]) -> impl Iterator<Item = &'policy Question> {
    answers.iter().filter(|answered| answered.answer.is_open()).map(|answered| answered.question)
}

fn movers<'policy>(
    answers: &[Answered<'policy>],
    score: u32,
    policy: &'policy Policy,
) -> Vec<Mover<'policy>> {
    open(answers)
        .map(|question| Mover {
            question,
            score: score + question.points,
            band: policy.band(score + question.points),
        })
        .filter(|mover| mover.band != policy.band(score))
        .collect()
}

fn decision(issue: &Issue, policy: &Policy) -> Decision {
    let accepted = issue.bears(&policy.accepted).is_some();
    let declined = issue.bears(&policy.declined).is_some();
    match (accepted, declined) {
        (true, true) => Decision::Conflicting,
        (true, false) => Decision::Accepted,
        (false, true) => Decision::Declined,
        (false, false) => Decision::Undecided,
    }
}

fn verdict(sources: &[&Source], disambiguations: &[&Disambiguation], decision: Decision) -> Verdict {
    if sources.is_empty() {
        Verdict::NoSource
    } else if !disambiguations.is_empty() {
        Verdict::Disambiguated
    } else {
        match decision {
            Decision::Declined => Verdict::Declined,
            Decision::Undecided | Decision::Accepted | Decision::Conflicting => Verdict::InForce,
        }
    }
}

/// The label the issue should bear. An accepted issue never goes down: it keeps the highest label it bears already,
/// which needs no memory of what it once scored.
fn wanted<'policy>(
    verdict: Verdict,
    decision: Decision,
    band: &'policy Band,
    issue: &Issue,
    policy: &'policy Policy,
) -> Option<&'policy Label> {
    match (verdict, decision) {
        (Verdict::NoSource | Verdict::Disambiguated | Verdict::Declined, _) => None,
        (Verdict::InForce, Decision::Accepted) => policy
            .bands
            .iter()
            .take_while(|higher| higher.from > band.from)
            .filter_map(|higher| higher.label.as_ref())
            .find(|label| issue.bears(label).is_some())
            .or(band.label.as_ref()),
        (Verdict::InForce, Decision::Undecided | Decision::Declined | Decision::Conflicting) => {
            band.label.as_ref()
        }
    }
}
