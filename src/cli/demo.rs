//! `escalator demo`: the real service against a GitLab sandbox, all on this machine, with a page to click on.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;

use super::signals::StopSignals;
use super::{CommandError, output, runtime};
use crate::config::settings::LogFormat;
use crate::config::sources::Sources;
use crate::config::{self, Config, Fuse};
use crate::sandbox::{Demo, Hook, Options, Sandbox};
use crate::service::Service;
use crate::telemetry::{Traces, start_logging};

/// The port of the page, if nobody asks for another and it is free.
const USUAL_PORT: u16 = 7077;

/// How to start the demo.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where the page listens: an address of this machine's loopback. Port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT", value_parser = loopback)]
    listen: Option<SocketAddr>,
    /// Start only the GitLab sandbox, and print what `escalator serve` needs to work with it.
    #[arg(long)]
    sandbox_only: bool,
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr =
        text.parse().map_err(|_| "expected an address such as 127.0.0.1:7077".to_owned())?;
    if address.ip() == Ipv4Addr::LOCALHOST {
        Ok(address)
    } else {
        Err("the demo has no log-in, so it listens on 127.0.0.1 only".to_owned())
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<(), CommandError> {
    start_logging(LogFormat::Text, &Traces::off());
    runtime()?.block_on(async {
        let mut signals = StopSignals::listen()?;
        let sandbox = start_sandbox(arguments.listen).await?;
        let demo = sandbox.seed_demo();
        if arguments.sandbox_only {
            run_sandbox(&sandbox, &demo, &mut signals).await?;
        } else {
            run_all(&sandbox, &demo, &mut signals).await?;
        }
        sandbox.stop().await;
        Ok(())
    })
}

/// On the address asked for; else on the usual port, or on any if that one is taken.
async fn start_sandbox(listen: Option<SocketAddr>) -> anyhow::Result<Sandbox> {
    // GitLab would stop calling a service that is not up yet; who only tries it out need not learn that here.
    let start = |port| Sandbox::start(Options { port, auto_disable: false, ..Options::default() });
    match listen {
        Some(address) => start(address.port()).await.with_context(|| {
            format!("cannot listen on {address}; is another program there? Try --listen 127.0.0.1:0")
        }),
        None => match start(USUAL_PORT).await {
            Err(error) if error.kind() == ErrorKind::AddrInUse => Ok(start(0).await?),
            started => Ok(started?),
        },
    }
}

async fn run_all(sandbox: &Sandbox, demo: &Demo, signals: &mut StopSignals) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("the demo needs a temporary folder for its store")?;
    let signing_token = format!("whsec_{}", STANDARD.encode(random_key()));
    let config = demo_config(sandbox, demo, &signing_token, folder.path())?;
    let mut service = Service::start(config).await?;
    let webhook = format!("http://{}/webhooks/gitlab", service.webhook_address);
    sandbox.hook("acme", Hook { signing_token: Some(signing_token), ..Hook::to(&webhook) });
    sandbox.file_demo_issues(demo);

    output::print(&format!(
        "Escalator is running with a GitLab sandbox. Open this page and label an issue:\n\n  {}/\n\n\
         Webhooks come in at {webhook}, health and metrics are at http://{}/metrics.\n\
         Nothing leaves this machine and nothing is kept. Stop it with Ctrl-C.\n",
        sandbox.url(),
        service.admin_address,
    ))?;
    tokio::select! {
        () = signals.requested() => {}
        ended = service.until_a_part_ends() => anyhow::bail!("{ended}"),
    }
    service.stop().await;
    Ok(())
}

async fn run_sandbox(sandbox: &Sandbox, demo: &Demo, signals: &mut StopSignals) -> anyhow::Result<()> {
    let webhook = "http://127.0.0.1:8080/webhooks/gitlab";
    let secret = format!("whsec_{}", STANDARD.encode(random_key()));
    sandbox.file_demo_issues(demo);
    sandbox.hook("acme", Hook { signing_token: Some(secret.clone()), ..Hook::to(webhook) });
    let (url, token) = (sandbox.url(), &demo.bot_token);
    output::print(&format!(
        "A GitLab sandbox is running; its page is {url}/\n\
         It sends webhooks to {webhook}. Serve it with:\n\n  \
         ESCALATOR__GITLAB__URL={url} \\\n  ESCALATOR__GITLAB__TOKEN={token} \\\n  \
         ESCALATOR__WEBHOOK__SIGNING_TOKENS={secret} \\\n  escalator serve\n\n\
         Stop it with Ctrl-C.\n"
    ))?;
    signals.requested().await;
    Ok(())
}

/// The configuration a person would write, by the way a person's would take.
fn demo_config(sandbox: &Sandbox, demo: &Demo, signing_token: &str, folder: &Path) -> anyhow::Result<Config> {
    let store = folder.join("escalator.db");
    let variables = [
        ("GITLAB__URL", sandbox.url()),
        ("GITLAB__TOKEN", demo.bot_token.clone()),
        ("GITLAB__REQUESTS_PER_SECOND", "1000".to_owned()),
        ("GITLAB__NOTES_PER_MINUTE", "10000".to_owned()),
        ("WEBHOOK__SIGNING_TOKENS", signing_token.to_owned()),
        ("SERVER__LISTEN", "127.0.0.1:0".to_owned()),
        ("SERVER__SHUTDOWN_TIMEOUT", "5s".to_owned()),
        ("ADMIN__LISTEN", "127.0.0.1:0".to_owned()),
        ("STORE__URL", format!("sqlite://{}", store.display())),
    ];
    let variables: BTreeMap<_, _> =
        variables.into_iter().map(|(name, value)| (format!("ESCALATOR__{name}"), value)).collect();
    let config = config::load(&Sources { file: None, variables })?.serving()?;
    Ok(Config { fuse: Fuse::Bridged, ..config })
}

/// Guards nothing but a webhook on this machine's loopback, for as long as the demo runs.
fn random_key() -> [u8; 32] {
    std::array::from_fn(|_| fastrand::u8(..))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_plays_with_labels_is_not_stopped() {
        let sandbox = Sandbox::start(Options::default()).await.unwrap();
        let (demo, folder) = (sandbox.seed_demo(), tempfile::tempdir().unwrap());
        let signing_token = format!("whsec_{}", STANDARD.encode(random_key()));
        let config = demo_config(&sandbox, &demo, &signing_token, folder.path()).unwrap();
        assert_eq!(config.fuse, Fuse::Bridged);
        sandbox.stop().await;
    }
}
