//! `escalator setup`: makes in GitLab what the desk needs, after it has shown what.

use std::io::{BufRead, IsTerminal};

use anyhow::{Context, anyhow};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use clap::Args;

use super::{CommandError, output, runtime};
use crate::clock;
use crate::config::sources::Sources;
use crate::config::values::Secret;
use crate::config::{Credential, Loaded, SettingUp, StoreUrl, keep_credential, load};
use crate::gitlab::{Client, Instance};
use crate::service::watched_places;
use crate::setup::apply::Hand;
use crate::setup::plan::{HookRule, Proof, Step, plan};
use crate::setup::removal::plan_removal;
use crate::setup::there;
use crate::store::{OpenError, Store};

/// The first GitLab with signing tokens.
const SIGNING_SINCE: (u32, u32) = (19, 0);
/// As many random bytes as GitLab's own tokens have.
const SECRET_BYTES: usize = 32;

/// Whether to ask, and which way.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Do it without asking.
    #[arg(long)]
    yes: bool,
    /// Take away what setup made, and nothing else. Labels that issues bear stay, and so does what a person renamed.
    #[arg(long)]
    remove: bool,
}

pub(super) fn run(arguments: &Arguments, sources: &Sources) -> Result<(), CommandError> {
    let loaded = load(sources)?;
    let setting_up = loaded.setting_up()?;
    let gitlab = Client::new(&setting_up.gitlab).map_err(anyhow::Error::from)?;
    runtime()?.block_on(async {
        let store = open(&setting_up.store).await?;
        if arguments.remove {
            let made = store.made().await.map_err(anyhow::Error::from)?;
            let steps = plan_removal(&gitlab, &made).await.context("cannot see what is there")?;
            if !agreed(&steps, arguments)? {
                return Ok(());
            }
            let hand = Hand { gitlab: &gitlab, store: &store, url: &setting_up.webhook_url, proof: None };
            return apply(&hand, &steps).await;
        }
        set_up(arguments, &loaded, &setting_up, &gitlab, &store).await
    })
}

/// Beside a service, if one runs; made where nothing is there yet.
async fn open(url: &StoreUrl) -> Result<Store, CommandError> {
    let store = match url {
        StoreUrl::Sqlite(path) if path.exists() => Store::open_beside(path),
        StoreUrl::Sqlite(path) => Store::open(path, clock::now()),
        StoreUrl::Postgres(url) => match Store::connect_beside(url.expose()).await {
            Err(OpenError::Older { found: 0, .. }) => Store::connect(url.expose()).await,
            there => there,
        },
    };
    Ok(store.map_err(anyhow::Error::from)?)
}

async fn set_up(
    arguments: &Arguments,
    loaded: &Loaded,
    setting_up: &SettingUp,
    gitlab: &Client,
    store: &Store,
) -> Result<(), CommandError> {
    let instance = gitlab.instance().await.context("cannot ask GitLab for its version")?;
    let (proof, credential) = proof(&instance, setting_up)?;
    let url = setting_up.webhook_url.as_str();
    let rule = HookRule { url, proof, new_credential: matches!(credential, Credential::Missing(_)) };
    let made = store.made().await.map_err(anyhow::Error::from)?;
    let there = there::read(gitlab, &watched_places(&loaded.settings.gitlab)).await;
    let there =
        there.map_err(|(place, error)| anyhow::Error::from(error).context(format!("cannot see {place}")))?;
    let steps: Vec<Step> = there.iter().flat_map(|there| plan(&loaded.policy, &rule, there, &made)).collect();
    if !agreed(&steps, arguments)? {
        return Ok(());
    }
    let secret = secret(proof, credential)?;
    apply(&Hand { gitlab, store, url, proof: Some((proof, secret)) }, &steps).await
}

/// By what webhooks can prove themselves to us in this GitLab.
fn proof<'a>(
    instance: &Instance,
    setting_up: &'a SettingUp,
) -> Result<(Proof, &'a Credential), CommandError> {
    let can_sign = instance.major_and_minor().is_some_and(|version| version >= SIGNING_SINCE);
    match (can_sign, &setting_up.signing, &setting_up.plain) {
        (true, signing @ (Credential::There(_) | Credential::Missing(_)), _) => {
            Ok((Proof::Signature, signing))
        }
        (_, _, plain @ (Credential::There(_) | Credential::Missing(_))) => Ok((Proof::Token, plain)),
        (_, _, Credential::NotConfigured) => Err(CommandError::Usage(format!(
            "GitLab {} knows no signing tokens, which came with 19.0: name webhook.secret_tokens_file instead of \
             webhook.signing_tokens_file",
            instance.version
        ))),
    }
}

/// The credential; one that has to be made is on disk before any webhook has it.
fn secret(proof: Proof, credential: &Credential) -> Result<Secret, CommandError> {
    match credential {
        Credential::There(secret) => Ok(secret.clone()),
        Credential::NotConfigured => {
            Err(CommandError::Usage("no file for the webhooks' token is named".to_owned()))
        }
        Credential::Missing(path) => {
            let mut bytes = [0; SECRET_BYTES];
            getrandom::fill(&mut bytes)
                .map_err(|error| anyhow!("the system gives no random bytes: {error}"))?;
            let secret = Secret::new(&match proof {
                Proof::Signature => format!("whsec_{}", STANDARD.encode(bytes)),
                Proof::Token => URL_SAFE_NO_PAD.encode(bytes),
            });
            keep_credential(path, &secret).with_context(|| format!("cannot write {}", path.display()))?;
            output::print(&format!("wrote a new token to {}\n", path.display()))?;
            Ok(secret)
        }
    }
}

/// Shows the plan and asks. `false`: nothing is to be done, or not now.
fn agreed(steps: &[Step], arguments: &Arguments) -> Result<bool, CommandError> {
    for step in steps {
        output::print(&format!("{step}\n"))?;
    }
    let count = steps.iter().filter(|step| step.writes()).count();
    if count == 0 {
        output::print("Nothing to do.\n")?;
        return Ok(false);
    }
    if arguments.yes {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        return Err(CommandError::Usage(
            "this is the plan, and nobody to ask is at a terminal: repeat with --yes to do it".to_owned(),
        ));
    }
    output::print(&format!("Do these {count}? Only \"yes\" does: "))?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    let agreed = answer.trim() == "yes";
    if !agreed {
        output::print("Nothing was done.\n")?;
    }
    Ok(agreed)
}

async fn apply(hand: &Hand<'_>, steps: &[Step]) -> Result<(), CommandError> {
    let to_do: Vec<&Step> = steps.iter().filter(|step| step.writes()).collect();
    for (done, step) in to_do.iter().enumerate() {
        hand.apply(step).await.with_context(|| {
            format!(
                "{done} of {} done; stopped at \"{step}\", which and what follows is not; mend the cause and repeat",
                to_do.len()
            )
        })?;
    }
    output::print(&format!("Done: {}.\n", to_do.len()))?;
    Ok(())
}
