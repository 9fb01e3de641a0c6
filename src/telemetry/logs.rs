//! Logs, on standard error: one line per event, for people or for machines.

use std::fmt;
use std::io::IsTerminal;

use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, layer};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, registry};

use super::traces::Traces;
use crate::config::settings::LogFormat;
use crate::spans;

/// Ours in full, what libraries say only when it is a warning.
const FILTER: &str = "warn,escalator=info";

/// Starts logging, and recording traces. A second start changes nothing.
pub fn start_logging(format: LogFormat, traces: &Traces) {
    let subscriber = registry().with(traces.layer());
    let lines = layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    // Fails only where logging was started before, as in tests.
    let _already_started = match format {
        LogFormat::Text => subscriber.with(lines.with_filter(EnvFilter::new(FILTER))).try_init(),
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).map_event_format(WithTraceId);
            subscriber.with(lines.with_filter(EnvFilter::new(FILTER))).try_init()
        }
    };
}

/// Lines of JSON, with the `trace_id` of the trace that they belong to, if there is one.
struct WithTraceId<F>(F);

impl<S, N, F> FormatEvent<S, N> for WithTraceId<F>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(trace_id) = spans::current_trace_id() else {
            return self.0.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        match line.trim_end().strip_suffix('}') {
            Some(fields) => writeln!(writer, r#"{fields},"trace_id":"{trace_id}"}}"#),
            None => writer.write_str(&line),
        }
    }
}
