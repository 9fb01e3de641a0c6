//! The spans of a trace, which follows one delivery from its receipt through the queue to the last write in GitLab.
//!
//! Nobody records them unless `telemetry.otlp_endpoint` says where to; then asking for one costs a look at a flag. Their
//! attributes are ids, counts and words of ours: never a title, a name, a body or a token.

use std::fmt::Display;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{
    Span as _, SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
};
use opentelemetry::{Context, global};
use tracing::field::Empty;
use tracing::{Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::clock::Millis;
use crate::trace_parent::TraceParent;

/// What marks our spans, so that logs do not show them and traces show nothing else.
pub const TARGET: &str = "trace";
/// Who made the spans.
pub const SCOPE: &str = "escalator";

/// A delivery, from its headers to the answer. Begins a trace.
#[must_use]
pub fn delivery() -> Span {
    info_span!(target: TARGET, parent: None, "delivery", otel.kind = "server", issue = Empty, outcome = Empty)
}

/// Making durable which issue a delivery is about.
#[must_use]
pub fn keep() -> Span {
    info_span!(target: TARGET, "keep")
}

/// A look at an issue, from its claim until it is done or given back. Goes on with the trace of the delivery that marked
/// the issue, if there is one.
#[must_use]
pub fn look(issue: impl Display, attempts: u32, trace: Option<TraceParent>) -> Span {
    let span = info_span!(
        target: TARGET,
        parent: None,
        "look",
        otel.kind = "consumer",
        otel.status_code = Empty,
        issue = display(issue),
        attempts = i64::from(attempts),
        outcome = Empty,
    );
    if let Some(trace) = trace {
        // Fails where nobody records spans.
        let _unrecorded = span.set_parent(context(trace));
    }
    span
}

/// Shows in a trace how long an issue waited in the queue, once it is claimed.
pub fn waited(trace: TraceParent, marked_at: Millis, claimed_at: Millis) {
    let tracer = global::tracer(SCOPE);
    tracer
        .span_builder("queue")
        .with_start_time(system_time(marked_at))
        .start_with_context(&tracer, &context(trace))
        .end_with_timestamp(system_time(claimed_at));
}

/// Recording in the store how a look ended.
#[must_use]
pub fn record() -> Span {
    info_span!(target: TARGET, "record")
}

/// A call to GitLab.
#[must_use]
pub fn call(operation: &'static str) -> Span {
    info_span!(
        target: TARGET,
        "gitlab",
        otel.name = operation,
        otel.kind = "client",
        otel.status_code = Empty,
        operation,
        status = Empty,
    )
}

/// A sweep of all places. Begins a trace.
#[must_use]
pub fn sweep() -> Span {
    info_span!(target: TARGET, parent: None, "sweep")
}

/// Asking who changed the labels of an issue. Begins a trace: it is asked about several changes at once.
#[must_use]
pub fn causes(issue: impl Display) -> Span {
    info_span!(target: TARGET, parent: None, "causes", issue = display(issue))
}

/// Marks a span as one of something that went wrong.
pub fn failed(span: &Span) {
    span.record("otel.status_code", "ERROR");
}

/// What goes with the work that a span causes; nothing where nobody records it.
#[must_use]
pub fn trace_parent(span: &Span) -> Option<TraceParent> {
    if span.is_disabled() {
        return None;
    }
    let context = span.context();
    let here = context.span().span_context().clone();
    here.is_valid().then(|| TraceParent {
        trace_id: u128::from_be_bytes(here.trace_id().to_bytes()),
        span_id: u64::from_be_bytes(here.span_id().to_bytes()),
        flags: here.trace_flags().to_u8(),
    })
}

/// The trace that this task works in now, for the lines of its log.
#[must_use]
pub fn current_trace_id() -> Option<impl Display> {
    let context = Context::current();
    let here = context.span().span_context().clone();
    here.is_valid().then(|| here.trace_id())
}

fn context(parent: TraceParent) -> Context {
    Context::new().with_remote_span_context(SpanContext::new(
        TraceId::from(parent.trace_id),
        SpanId::from(parent.span_id),
        TraceFlags::new(parent.flags),
        true,
        TraceState::NONE,
    ))
}

fn system_time(millis: Millis) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(millis.0).unwrap_or(0))
}
