//! Does a plan, step by step, and remembers before and after each what it makes: a repeat goes on where it was stopped.

use super::plan::{Act, Proof, Step};
use super::wanted::{BOARD, EVENTS, WantedLabel};
use crate::calculator::label::Label;
use crate::config::values::Secret;
use crate::gitlab::{self, Client, Hook, HookSecret, HookWish, Place};
use crate::store::{self, Made, MadeKind, Store};

/// Why a step was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// GitLab's side.
    #[error(transparent)]
    GitLab(#[from] gitlab::Error),
    /// Our memory.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A label of the board is not there.
    #[error("the label \"{0}\" is not there")]
    NoLabel(Label),
    /// GitLab took the webhook and not its signing token.
    #[error(
        "GitLab did not keep the webhook's signing token, although its version should know it; name \
         webhook.secret_tokens_file instead of webhook.signing_tokens_file, and repeat"
    )]
    NotSigned,
}

/// Who does it.
pub struct Hand<'a> {
    /// The GitLab.
    pub gitlab: &'a Client,
    /// The memory.
    pub store: &'a Store,
    /// What GitLab is to call.
    pub url: &'a str,
    /// How webhooks are to prove themselves, and by what; not needed for taking away.
    pub proof: Option<(Proof, Secret)>,
}

impl Hand<'_> {
    /// Does one step.
    ///
    /// # Errors
    /// Why it was not done. What was done before stays, and is remembered.
    pub async fn apply(&self, step: &Step) -> Result<(), Error> {
        let place = &step.place;
        match &step.act {
            Act::Keep | Act::Tell => Ok(()),
            Act::MakeLabel(wanted) => self.make_label(place, wanted).await,
            Act::MendLabel(id, wanted) => {
                Ok(self.gitlab.update_label(place, *id, wanted.color, &wanted.description).await?)
            }
            Act::FurnishBoard(board, lists) => self.furnish_board(place, *board, lists).await,
            Act::MakeHook => self.make_hook(place).await,
            Act::MendHook(hook, made) => self.mend_hook(place, hook, made).await,
            Act::AddEvents(hook, events) => Ok(self.gitlab.add_hook_events(place, hook, events).await?),
            Act::Remember(made) => Ok(self.store.keep_made(made).await?),
            Act::Remove(made) => self.remove(place, made).await,
            Act::Forget(made) => Ok(self.store.forget_made(made).await?),
        }
    }

    async fn make_label(&self, place: &Place, wanted: &WantedLabel) -> Result<(), Error> {
        let mut made = about_to_make(MadeKind::Label, place, wanted.label.title());
        self.store.keep_made(&made).await?;
        let id = self.gitlab.create_label(place, &wanted.label, wanted.color, &wanted.description).await?;
        made.id = Some(id);
        Ok(self.store.keep_made(&made).await?)
    }

    async fn furnish_board(&self, place: &Place, board: Option<u64>, lists: &[Label]) -> Result<(), Error> {
        let board = match board {
            Some(board) => board,
            None => {
                let mut made = about_to_make(MadeKind::Board, place, BOARD);
                self.store.keep_made(&made).await?;
                let id = self.gitlab.create_board(place, BOARD).await?;
                made.id = Some(id);
                self.store.keep_made(&made).await?;
                id
            }
        };
        let labels = self.gitlab.label_looks(place).await?;
        for list in lists {
            let label = labels.iter().find(|look| look.label.is(list));
            let label = label.ok_or_else(|| Error::NoLabel(list.clone()))?;
            self.gitlab.create_list(place, board, label.id).await?;
        }
        Ok(())
    }

    async fn make_hook(&self, place: &Place) -> Result<(), Error> {
        let mut made = about_to_make(MadeKind::Webhook, place, self.url);
        self.store.keep_made(&made).await?;
        let hook = self.gitlab.create_hook(place, &self.wish()?).await?;
        made.id = Some(hook.id);
        self.store.keep_made(&made).await?;
        self.check_signed(&hook)
    }

    async fn mend_hook(&self, place: &Place, hook: &Hook, made: &Made) -> Result<(), Error> {
        let hook = self.gitlab.update_hook(place, hook, &self.wish()?).await?;
        let mended = Made { id: Some(hook.id), ..about_to_make(MadeKind::Webhook, place, self.url) };
        self.store.keep_made(&mended).await?;
        if made.name != mended.name {
            self.store.forget_made(made).await?;
        }
        self.check_signed(&hook)
    }

    fn check_signed(&self, hook: &Hook) -> Result<(), Error> {
        let must_sign = matches!(self.proof, Some((Proof::Signature, _)));
        if must_sign && hook.signing_token_present != Some(true) { Err(Error::NotSigned) } else { Ok(()) }
    }

    fn wish(&self) -> Result<HookWish, Error> {
        let (proof, secret) = self.proof.clone().ok_or(Error::NotSigned)?;
        Ok(HookWish {
            url: self.url.to_owned(),
            name: "Escalator".to_owned(),
            description: "Tells Escalator which issues changed".to_owned(),
            events: EVENTS.map(str::to_owned).into(),
            secret: match proof {
                Proof::Signature => HookSecret::SigningToken(secret),
                Proof::Token => HookSecret::Token(secret),
            },
        })
    }

    async fn remove(&self, place: &Place, made: &Made) -> Result<(), Error> {
        if let Some(id) = made.id {
            let removed = match made.kind {
                MadeKind::Label => self.gitlab.delete_label(place, id).await,
                MadeKind::Board => self.gitlab.delete_board(place, id).await,
                MadeKind::Webhook => self.gitlab.delete_hook(place, id).await,
            };
            match removed {
                Ok(()) | Err(gitlab::Error::NotFound) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(self.store.forget_made(made).await?)
    }
}

fn about_to_make(kind: MadeKind, place: &Place, name: &str) -> Made {
    Made { kind, place: place.to_string(), name: name.to_owned(), id: None }
}
