//! `escalator serve`: the service, until it is told to stop.
//!
//! Once it is known how to log, all that it says goes that way: where the log is JSON, why it does not start is a line of
//! JSON too.

use std::time::Instant;

use anyhow::anyhow;

use super::signals::StopSignals;
use super::{CommandError, runtime};
use crate::comment::Renderer;
use crate::config::settings::{LogFormat, Mode};
use crate::config::sources::Sources;
use crate::config::{self, Loaded};
use crate::service::Service;
use crate::telemetry::{Traces, log_panics, start_logging};

pub(super) fn run(sources: &Sources) -> Result<(), CommandError> {
    let loaded = config::load(sources)?;
    let format = loaded.settings.log.format;
    let traces = Traces::start(loaded.settings.telemetry.otlp_endpoint.as_deref());
    start_logging(format, traces.as_ref().unwrap_or(&Traces::off()));
    log_panics();
    let served = traces.map_err(|error| anyhow!(error).into()).and_then(|traces| serve(loaded, traces));
    served.map_err(|error| match format {
        LogFormat::Text => error,
        LogFormat::Json => {
            let exit_code = error.exit_code();
            tracing::error!(%error, exit_code, "cannot serve");
            CommandError::Logged { exit_code }
        }
    })
}

fn serve(loaded: Loaded, traces: Traces) -> Result<(), CommandError> {
    let config = loaded.serving()?;
    Renderer::new(config.settings.comment.templates.as_deref())?.check(&config.policy)?;
    let shutdown_timeout = config.settings.server.shutdown_timeout.0;
    let mode = config.settings.mode;
    let gitlab = config.gitlab.url.clone();

    runtime()?.block_on(async {
        let mut signals = StopSignals::listen()?;
        let mut service = Service::start(config).await?;
        tracing::info!(
            webhooks = %format_args!("http://{}/webhooks/gitlab", service.webhook_address),
            admin = %format_args!("http://{}", service.admin_address),
            %gitlab,
            writes = mode == Mode::Live,
            "serving"
        );
        tokio::select! {
            () = signals.requested() => {}
            ended = service.until_a_part_ends() => return Err(anyhow!("{ended}; stopping").into()),
        }
        let stopping = Instant::now();
        tracing::info!("stopping: finishing what is in hand; a second signal stops at once");
        tokio::select! {
            () = async {
                service.stop().await;
                traces.stop(shutdown_timeout.saturating_sub(stopping.elapsed())).await;
            } => tracing::info!("stopped"),
            () = signals.requested() => {
                tracing::warn!("stopped at once; what was in hand goes on at the next start");
            }
        }
        Ok(())
    })
}
