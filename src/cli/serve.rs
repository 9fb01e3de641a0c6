//! `escalator serve`: the service, until it is told to stop.

use std::time::Instant;

use anyhow::anyhow;

use super::signals::StopSignals;
use super::{CommandError, runtime};
use crate::comment::Renderer;
use crate::config;
use crate::config::settings::Mode;
use crate::config::sources::Sources;
use crate::service::Service;
use crate::telemetry::{Traces, start_logging};

pub(super) fn run(sources: &Sources) -> Result<(), CommandError> {
    let config = config::load(sources)?.serving()?;
    Renderer::new(config.settings.comment.templates.as_deref())?.check(&config.policy)?;
    let traces =
        Traces::start(config.settings.telemetry.otlp_endpoint.as_deref()).map_err(|error| anyhow!(error))?;
    start_logging(config.settings.log.format, &traces);
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
