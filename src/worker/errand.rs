//! One command: whether its author may give it, what is done about it, and how that is answered.
//!
//! A label set twice is set once, and so is a reaction; a reply is looked for before it is posted. So an errand that was
//! broken off anywhere can be run again.

use super::after_failure::Failure;
use super::clerk::{Asked, Clerk};
use crate::calculator::assess::{Verdict, assess};
use crate::calculator::issue::State;
use crate::calculator::label::Label;
use crate::clock::{self, Millis};
use crate::command::{self, Command};
use crate::comment::{Answer, Occasion, View};
use crate::config::settings::Mode;
use crate::gitlab::{Audience, LabelChange, Snapshot};
use crate::store::Act;

/// GitLab's number for the Guest role. Members give commands, also those whose role does not let them label.
const GUEST: u32 = 10;
/// The reaction that says "done".
const DONE: &str = "white_check_mark";
/// For so long one refusal is enough for a stranger's commands on one issue: everybody may write on a public project, and
/// GitLab allows us only so many comments.
const REFUSED_MILLIS: i64 = 60 * 60 * 1000;

/// What came of a command.
#[derive(Default)]
pub(super) struct Deed {
    pub verb: Option<&'static str>,
    pub outcome: &'static str,
    pub added: Option<Label>,
    pub removed: Option<Label>,
    /// What was written.
    pub done: Vec<Act>,
    /// Whether there is one comment more now.
    pub posted: bool,
}

/// What a command asks to have done.
enum Errand<'policy> {
    /// This is said.
    Say(Answer<'policy>),
    /// Nothing, which is what a stranger gets who has been refused just now.
    Silence,
    /// The issue, and our comment on it, are looked at again.
    Recheck,
    /// This label comes on, and the other one off if the issue bears it.
    Label { add: Label, instead_of: Label },
}

impl Clerk {
    /// Does what a command asks, or says why not.
    pub(super) async fn answer(&self, asked: &Asked<'_>, snapshot: &mut Snapshot) -> Result<Deed, Failure> {
        let command = command::parse(asked.request, &self.policy);
        let verb = command.as_ref().ok().map(Command::verb);
        let errand = match command {
            _ if !self.is_member(asked).await? => self.refusal(asked).await?,
            Ok(command) => self.errand(&command, asked, snapshot).await?,
            Err(misread) => Errand::Say(Answer::Misread(misread)),
        };
        match self.mode {
            // Of what follows, the ledger knows no reactions.
            Mode::Live => self.store.may_write(asked.issue).await?,
            // Recorded all the same: nobody expects an answer any more once the mode is live.
            Mode::DryRun | Mode::Shadow => {
                let (issue, mode) = (asked.issue, self.mode.name());
                tracing::info!(%issue, note_id = asked.note.id, verb, "{mode}: would answer a command");
                return Ok(Deed { verb, outcome: mode, ..Deed::default() });
            }
        }
        match errand {
            Errand::Say(answer) => {
                let (note_id, posted) = self.reply(&answer, asked).await?;
                let done = vec![Act::CommentPosted(Some(note_id))];
                Ok(Deed { verb, outcome: answer.name(), done, posted, ..Deed::default() })
            }
            Errand::Silence => Ok(Deed { verb, outcome: "stranger-again", ..Deed::default() }),
            Errand::Recheck => {
                self.store.doubt_note(asked.issue).await?;
                self.store.recheck(vec![asked.issue], clock::now()).await?;
                asked.lease.check()?;
                self.gitlab.react(asked.issue, asked.note.id, DONE).await?;
                Ok(Deed { verb, outcome: "done", ..Deed::default() })
            }
            Errand::Label { add, instead_of } => {
                let (removed, done) = self.label(&add, &instead_of, asked, snapshot).await?;
                asked.lease.check()?;
                self.gitlab.react(asked.issue, asked.note.id, DONE).await?;
                Ok(Deed { verb, outcome: "done", added: Some(add), removed, done, posted: false })
            }
        }
    }

    async fn is_member(&self, asked: &Asked<'_>) -> Result<bool, Failure> {
        let level = self.gitlab.access_level(asked.issue, asked.note.author_id).await?;
        Ok(level.is_some_and(|level| level >= GUEST))
    }

    async fn refusal(&self, asked: &Asked<'_>) -> Result<Errand<'_>, Failure> {
        let (answer, since) = (Answer::Stranger, Millis(clock::now().0 - REFUSED_MILLIS));
        let author = asked.note.author_id;
        let refused = self.store.was_answered(asked.issue, author, answer.name(), since).await?;
        Ok(if refused { Errand::Silence } else { Errand::Say(answer) })
    }

    async fn errand(
        &self,
        command: &Command<'_>,
        asked: &Asked<'_>,
        snapshot: &Snapshot,
    ) -> Result<Errand<'_>, Failure> {
        let (accepted, declined) = (self.policy.accepted.clone(), self.policy.declined.clone());
        let on_roster = self.tpms.iter().any(|tpm| tpm.eq_ignore_ascii_case(&asked.note.username));
        let closed = snapshot.issue.state == State::Closed;
        let no_source = assess(&snapshot.issue, &self.policy).verdict == Verdict::NoSource;
        Ok(match command {
            Command::Help => Errand::Say(Answer::Help),
            Command::Explain => Errand::Say(self.explanation(asked, snapshot).await?),
            Command::Accept | Command::Decline if !on_roster => Errand::Say(Answer::NotOnRoster),
            _ if closed => Errand::Say(Answer::Closed),
            _ if no_source => Errand::Say(Answer::NoSource),
            Command::Recheck => Errand::Recheck,
            Command::Answer(question, reply) => {
                Errand::Label { add: reply.label(question), instead_of: reply.opposite().label(question) }
            }
            Command::Accept => Errand::Label { add: accepted, instead_of: declined },
            Command::Decline => Errand::Label { add: declined, instead_of: accepted },
        })
    }

    async fn explanation(&self, asked: &Asked<'_>, snapshot: &Snapshot) -> Result<Answer<'_>, Failure> {
        let known = self.store.recall(asked.issue).await?;
        let hands = known.as_ref().map(|known| known.memory.hands.as_slice()).unwrap_or_default();
        let view = View::new(&assess(&snapshot.issue, &self.policy), &self.policy, hands, &[]);
        let comment_id = known.as_ref().and_then(|known| known.note.as_ref()).map(|note| note.id);
        Ok(Answer::Explain(Box::new(view), comment_id))
    }

    /// Changes the labels in one request, and has the issue looked at. Returns the label that was taken off, and what was
    /// written.
    async fn label(
        &self,
        add: &Label,
        instead_of: &Label,
        asked: &Asked<'_>,
        snapshot: &mut Snapshot,
    ) -> Result<(Option<Label>, Vec<Act>), Failure> {
        let removed = snapshot.issue.bears(instead_of).cloned();
        let missing = snapshot.issue.bears(add).is_none().then(|| add.clone());
        let change =
            LabelChange { add: missing.into_iter().collect(), remove: removed.iter().cloned().collect() };
        let added = change.add.iter().cloned().map(Act::LabelAdded);
        let done: Vec<Act> = added.chain(removed.iter().cloned().map(Act::LabelRemoved)).collect();
        if !done.is_empty() {
            self.intend(asked, done.clone()).await?;
            *snapshot = self.gitlab.change_labels(asked.issue, &change).await?;
        }
        self.store.recheck(vec![asked.issue], clock::now()).await?;
        Ok((removed, done))
    }

    /// Posts a reply, unless an earlier attempt did. Returns its id, and whether it is new.
    async fn reply(&self, answer: &Answer<'_>, asked: &Asked<'_>) -> Result<(u64, bool), Failure> {
        let occasion =
            Occasion { note_id: asked.note.id, digest: asked.digest, username: &asked.own.username };
        if let Some(posted) = asked.replies.get(occasion.marker().as_str()) {
            return Ok((*posted, false));
        }
        let body = self.replies.render(answer, occasion, &self.policy)?;
        // Neither an internal note nor an internal comment is answered where everybody can read.
        let audience = match (asked.note.audience, self.audience) {
            (Audience::Everybody, Audience::Everybody) => Audience::Everybody,
            (Audience::Members, _) | (_, Audience::Members) => Audience::Members,
        };
        let turn = self.gitlab.turn_to_post().await;
        self.intend(asked, [Act::CommentPosted(None)]).await?;
        Ok((self.gitlab.create_note(asked.issue, &body, audience, turn).await?, true))
    }

    /// Before each write, so that the ledger knows of it whatever happens. How it ended is kept with the command.
    async fn intend(&self, asked: &Asked<'_>, acts: impl IntoIterator<Item = Act>) -> Result<(), Failure> {
        asked.lease.intend(&self.store, asked.issue, asked.writes(acts)).await
    }
}
