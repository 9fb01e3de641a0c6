//! Traces, sent over OTLP to a collector where `telemetry.otlp_endpoint` asks for them.
//!
//! A thread of the SDK's own sends them in batches. A collector that is slow or away costs spans, never work: at most 2,048
//! wait, and more are thrown away.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry::global;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

use crate::spans::{SCOPE, TARGET};

/// How long the collector may take for one batch.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);
/// A collector that is away is said to be so this often.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(60);
/// A stop waits no longer than this for the last spans.
const LONGEST_FLUSH: Duration = Duration::from_secs(5);

/// The way to the collector, if there is one.
pub struct Traces {
    provider: Option<SdkTracerProvider>,
}

impl Traces {
    /// Records nothing.
    #[must_use]
    pub fn off() -> Self {
        Self { provider: None }
    }

    /// Records every delivery's trace and sends it to this address, to its path `/v1/traces`. Without an address, nothing.
    ///
    /// # Errors
    /// If the client cannot be set up. The collector need not be there yet.
    pub fn start(endpoint: Option<&str>) -> Result<Self, String> {
        let Some(endpoint) = endpoint else { return Ok(Self::off()) };
        let otlp = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .with_timeout(EXPORT_TIMEOUT)
            .build()
            .map_err(|error| format!("traces cannot be sent: {error}"))?;
        let version = opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder().with_service_name(SCOPE).with_attribute(version).build();
        let exporter = Exporter { otlp, complained_at: Mutex::new(None) };
        let provider =
            SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(exporter).build();
        global::set_tracer_provider(provider.clone());
        Ok(Self { provider: Some(provider) })
    }

    /// Takes our spans, and nothing else, out of what the program tells of itself.
    pub(super) fn layer<S>(&self) -> Option<impl Layer<S> + use<S>>
    where
        S: tracing::Subscriber + for<'span> LookupSpan<'span>,
    {
        let tracer = self.provider.as_ref()?.tracer(SCOPE);
        let layer = tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_location(false)
            .with_target(false)
            .with_threads(false)
            .with_tracked_inactivity(false);
        Some(layer.with_filter(Targets::new().with_target(TARGET, tracing::Level::INFO)))
    }

    /// Sends what was not sent yet, for so long at most.
    pub async fn stop(self, within: Duration) {
        let Some(provider) = self.provider else { return };
        let within = within.min(LONGEST_FLUSH);
        let stopped = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(within)).await;
        if !matches!(stopped, Ok(Ok(()))) {
            tracing::warn!("the last traces could not be sent");
        }
    }
}

/// Sends spans, and says now and then that nobody takes them.
#[derive(Debug)]
struct Exporter {
    otlp: opentelemetry_otlp::SpanExporter,
    complained_at: Mutex<Option<Instant>>,
}

impl Exporter {
    fn complain(&self, reason: &str, spans: usize) {
        let mut complained_at = self.complained_at.lock().unwrap_or_else(PoisonError::into_inner);
        if complained_at.is_none_or(|at| at.elapsed() >= COMPLAINT_INTERVAL) {
            *complained_at = Some(Instant::now());
            tracing::warn!(reason, spans, "traces are lost; check telemetry.otlp_endpoint and the collector");
        }
    }
}

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let sent = self.otlp.export(batch).await;
        if let Err(error) = &sent {
            self.complain(&error.to_string(), spans);
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.otlp.shutdown_with_timeout(timeout)
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.otlp.shutdown()
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.otlp.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.otlp.set_resource(resource);
    }
}
