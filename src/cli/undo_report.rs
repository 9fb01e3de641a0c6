//! What an undo says: what it takes back and what it leaves, a line each in a dry run, and a table at the end.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::calculator::issue::IssueRef;
use crate::undo::hand::Run;
use crate::undo::plan::{Left, Plan, Thing, Why};
use crate::worker::Failure;

/// So many are named for each reason.
const NAMED: usize = 5;

/// What became of all of them.
pub(super) struct Tally {
    run: Run,
    issues: usize,
    labels_off: usize,
    labels_back: usize,
    comments: usize,
    gone: usize,
    left: BTreeMap<Why, Named>,
    failed: BTreeMap<String, Named>,
}

/// How many, and the first of them.
#[derive(Default)]
struct Named {
    count: usize,
    first: Vec<String>,
}

impl Named {
    fn add(&mut self, name: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push(name());
        }
    }

    fn line(&self, reason: &str) -> String {
        let more = if self.count > self.first.len() { ", …" } else { "" };
        format!("  {} of these ({}{more}): {reason}", self.count, self.first.join(", "))
    }
}

impl Tally {
    pub fn new(run: Run) -> Self {
        Self {
            run,
            issues: 0,
            labels_off: 0,
            labels_back: 0,
            comments: 0,
            gone: 0,
            left: BTreeMap::new(),
            failed: BTreeMap::new(),
        }
    }

    /// Counts what was taken back on an issue. Gives the lines to print of it, if this is a dry run.
    pub fn taken_back(&mut self, issue: IssueRef, plan: &Plan) -> Vec<String> {
        self.issues += usize::from(!plan.changes_nothing());
        self.labels_off += plan.take_off.len();
        self.labels_back += plan.put_back.len();
        self.comments += plan.delete.len();
        for Left { what, why } in &plan.left {
            self.left.entry(*why).or_default().add(|| format!("{what} on {issue}"));
        }
        match self.run {
            Run::Live => Vec::new(),
            Run::Dry => lines(issue, plan),
        }
    }

    /// Counts an issue that is gone from GitLab.
    pub fn gone(&mut self) {
        self.gone += 1;
    }

    /// Counts an issue on which something could not be taken back.
    pub fn failed(&mut self, issue: IssueRef, failure: &Failure) {
        self.failed.entry(failure.to_string()).or_default().add(|| issue.to_string());
    }

    pub fn failures(&self) -> usize {
        self.failed.values().map(|named| named.count).sum()
    }

    /// The summary.
    pub fn table(&self) -> String {
        let issues = match self.run {
            Run::Live => "issues changed",
            Run::Dry => "issues to change",
        };
        let left = self.left.values().map(|named| named.count).sum();
        let rows = [
            (issues, self.issues),
            ("  labels taken off", self.labels_off),
            ("  labels put back", self.labels_back),
            ("  comments deleted", self.comments),
            ("issues gone", self.gone),
            ("left as it is", left),
        ];
        let mut out = String::from("\n");
        // Writing into a String cannot fail.
        for (name, count) in rows {
            let _ = writeln!(out, "{name:20} {count:>8}");
        }
        for (why, named) in &self.left {
            let _ = writeln!(out, "{}", named.line(&why.to_string()));
        }
        let _ = writeln!(out, "{:20} {:>8}", "failed", self.failures());
        for (reason, named) in &self.failed {
            let _ = writeln!(out, "{}", named.line(reason));
        }
        out
    }
}

fn lines(issue: IssueRef, plan: &Plan) -> Vec<String> {
    let line = |sign: char, what: Thing| format!("{sign} {issue}: {what}");
    let off = plan.take_off.iter().map(|label| line('-', Thing::Label(label.clone())));
    let back = plan.put_back.iter().map(|label| line('+', Thing::Label(label.clone())));
    let deleted = plan.delete.iter().map(|note_id| line('-', Thing::Comment(*note_id)));
    let left = plan.left.iter().map(|left| format!("= {issue}: {}, left: {}", left.what, left.why));
    off.chain(back).chain(deleted).chain(left).collect()
}
