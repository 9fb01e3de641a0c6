//! What to do so that everything is as it should be. Pure.

use std::fmt;

use super::there::There;
use super::unfinished::plan_unfinished;
use super::wanted::{BOARD, EVENTS, WantedLabel, board_lists, labels};
use crate::calculator::label::Label;
use crate::calculator::policy::Policy;
use crate::gitlab::{Board, Hook, LabelLook, Place};
use crate::store::{Made, MadeKind};

/// One line of the plan.
#[derive(Debug)]
pub struct Step {
    /// Where.
    pub place: Place,
    /// What is to be as it should be, for people.
    pub what: String,
    /// What to do about it.
    pub act: Act,
}

/// What to do.
#[derive(Debug)]
pub enum Act {
    /// Nothing: it is fine.
    Keep,
    /// Nothing: it is for a person.
    Tell,
    /// Make a label.
    MakeLabel(WantedLabel),
    /// Give a label of ours its look back.
    MendLabel(u64, WantedLabel),
    /// Make the board if there is none, and add these lists.
    FurnishBoard(Option<u64>, Vec<Label>),
    /// Make a webhook.
    MakeHook,
    /// Mend a webhook of ours.
    MendHook(Hook, Made),
    /// Add these events to a webhook of a person, and leave the rest of it alone.
    AddEvents(Hook, Vec<&'static str>),
    /// Only remember, whole, what we made.
    Remember(Made),
    /// Take away what we made.
    Remove(Made),
    /// Only forget that we made it: it is gone.
    Forget(Made),
}

impl Step {
    /// Whether anything is to be done.
    #[must_use]
    pub fn writes(&self) -> bool {
        !matches!(self.act, Act::Keep | Act::Tell)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.act {
            Act::Keep => '=',
            Act::Tell => '!',
            Act::MakeLabel(_) | Act::MakeHook | Act::FurnishBoard(None, _) => '+',
            Act::MendLabel(..)
            | Act::FurnishBoard(Some(_), _)
            | Act::MendHook(..)
            | Act::AddEvents(..)
            | Act::Remember(_) => '~',
            Act::Remove(_) | Act::Forget(_) => '-',
        };
        write!(formatter, "{sign} {}: {}", self.place, self.what)
    }
}

/// How webhooks are to prove themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// By a signature.
    Signature,
    /// By a secret token.
    Token,
}

/// What webhooks should be like.
#[derive(Debug)]
pub struct HookRule<'a> {
    /// What GitLab is to call.
    pub url: &'a str,
    /// How it is to prove itself.
    pub proof: Proof,
    /// The credential was not there before, so that no webhook can have it.
    pub new_credential: bool,
}

/// The steps for one place.
#[must_use]
pub fn plan(policy: &Policy, rule: &HookRule<'_>, there: &There, made: &[Made]) -> Vec<Step> {
    let step = |what, act| Step { place: there.place.clone(), what, act };
    let mut steps = plan_unfinished(there, made);
    steps.extend(labels(policy).into_iter().map(|wanted| {
        let (what, act) = plan_label(wanted, there, made);
        step(what, act)
    }));
    let (what, act) = plan_board(policy, there);
    steps.push(step(what, act));
    if !there.full {
        steps.push(step(
            "no webhook of the group (that needs Premium and the Owner role): one for each project"
                .to_owned(),
            Act::Tell,
        ));
    }
    for (place, hooks) in &there.hooks {
        let (what, act) = plan_hook(rule, place, hooks, made);
        steps.push(Step { place: place.clone(), what, act });
    }
    steps
}

fn plan_label(wanted: WantedLabel, there: &There, made: &[Made]) -> (String, Act) {
    let what = format!("label \"{}\"", wanted.label);
    let same: Vec<&LabelLook> = there.labels.iter().filter(|look| look.label.is(&wanted.label)).collect();
    let ours = |look: &&&LabelLook| {
        made.iter().any(|made| is_same(made, MadeKind::Label, &there.place, look.label.title(), look.id))
    };
    match same.as_slice() {
        [] => (what, Act::MakeLabel(wanted)),
        [look] => {
            let differs =
                !look.color.eq_ignore_ascii_case(wanted.color) || look.description != wanted.description;
            if Some(look).filter(ours).is_some() && differs {
                (format!("{what}, its colour and description"), Act::MendLabel(look.id, wanted))
            } else if look.label == wanted.label {
                (what, Act::Keep)
            } else {
                (format!("{what} is there as \"{}\"; no twin is made", look.label), Act::Tell)
            }
        }
        [..] => (
            format!("{what} is there {} times, as twins or at several levels; keep one", same.len()),
            Act::Tell,
        ),
    }
}

fn plan_board(policy: &Policy, there: &There) -> (String, Act) {
    let wanted = board_lists(policy);
    let what = |lists: &[Label]| {
        let titles: Vec<_> = lists.iter().map(Label::title).collect();
        format!("board \"{BOARD}\" with the lists {}", titles.join(", "))
    };
    let Some(board) = there.boards.iter().find(|board| board.name == BOARD) else {
        if !there.full && !there.boards.is_empty() {
            let told =
                format!("no board \"{BOARD}\": without Premium a group has one board, and has it already");
            return (told, Act::Tell);
        }
        return (what(&wanted), Act::FurnishBoard(None, wanted));
    };
    let missing: Vec<_> = wanted.iter().filter(|list| !has_list(board, list)).cloned().collect();
    if missing.is_empty() {
        (what(&wanted), Act::Keep)
    } else {
        (what(&missing), Act::FurnishBoard(Some(board.id), missing))
    }
}

fn has_list(board: &Board, label: &Label) -> bool {
    board.lists.iter().any(|list| list.is(label))
}

fn plan_hook(rule: &HookRule<'_>, place: &Place, hooks: &[Hook], made: &[Made]) -> (String, Act) {
    let ours = hooks.iter().find_map(|hook| {
        let mut made = made.iter();
        let made = made.find(|made| is_same(made, MadeKind::Webhook, place, &hook.url, hook.id))?;
        Some((hook, made))
    });
    if let Some((hook, made)) = ours {
        return plan_our_hook(rule, hook, made);
    }
    match hooks.iter().find(|hook| hook.url == rule.url) {
        Some(hook) => plan_their_hook(rule, hook),
        None => (format!("webhook to {}", rule.url), Act::MakeHook),
    }
}

fn plan_our_hook(rule: &HookRule<'_>, hook: &Hook, made: &Made) -> (String, Act) {
    let what = format!("webhook to {}", rule.url);
    let events_differ = hook.events.iter().map(String::as_str).ne(sorted(EVENTS));
    let wrongs = [
        (hook.url != rule.url, "address"),
        (events_differ, "events"),
        (!hook.ssl_verification, "SSL verification"),
        (is_unproven(rule, hook), "token"),
    ];
    let wrongs: Vec<_> = wrongs.into_iter().filter(|(wrong, _)| *wrong).map(|(_, name)| name).collect();
    if wrongs.is_empty() {
        (what, Act::Keep)
    } else {
        (format!("{what}: {}", wrongs.join(", ")), Act::MendHook(hook.clone(), made.clone()))
    }
}

/// A person may have reasons for the rest of it, but without all events issues are missed.
fn plan_their_hook(rule: &HookRule<'_>, hook: &Hook) -> (String, Act) {
    let mut what = format!("webhook to {}, which a person made", rule.url);
    let missing: Vec<_> = EVENTS.into_iter().filter(|event| !hook.events.contains(*event)).collect();
    let is_unproven = is_unproven(rule, hook);
    if is_unproven {
        what.push_str(" and which lacks our token: give it that, or delete it and repeat");
    }
    if !missing.is_empty() {
        (format!("{what}; its missing events: {}", missing.join(", ")), Act::AddEvents(hook.clone(), missing))
    } else if is_unproven {
        (what, Act::Tell)
    } else {
        (what, Act::Keep)
    }
}

fn is_unproven(rule: &HookRule<'_>, hook: &Hook) -> bool {
    rule.new_credential
        || match rule.proof {
            Proof::Signature => hook.signing_token_present != Some(true),
            Proof::Token => hook.token_present == Some(false),
        }
}

fn sorted(mut events: [&'static str; 4]) -> [&'static str; 4] {
    events.sort_unstable();
    events
}

/// Whether a thing is one that we made, or were about to make when we were stopped.
fn is_same(made: &Made, kind: MadeKind, place: &Place, name: &str, id: u64) -> bool {
    let id_fits = made.id.map_or(made.name == name, |known| known == id);
    made.kind == kind && made.place == place.to_string() && id_fits
}
