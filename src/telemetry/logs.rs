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
    // Fails only where logging was started before, as in tests.
    let _already_started = subscriber(format, traces).try_init();
}

/// A list, because an `Option` of a layer that is not there would let every span through, and each would cost.
fn subscriber(format: LogFormat, traces: &Traces) -> impl Subscriber + Send + Sync + use<> {
    let lines = layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    let filter = EnvFilter::new(FILTER);
    let lines = match format {
        LogFormat::Text => lines.with_filter(filter).boxed(),
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).map_event_format(WithTraceId);
            lines.with_filter(filter).boxed()
        }
    };
    let layers: Vec<_> = traces.layer().map(Layer::boxed).into_iter().chain([lines]).collect();
    registry().with(layers)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_that_nobody_records_costs_a_look_at_a_flag() {
        for format in [LogFormat::Text, LogFormat::Json] {
            tracing::subscriber::with_default(subscriber(format, &Traces::off()), || {
                assert!(spans::delivery().is_disabled());
                assert!(spans::keep().is_disabled());
            });
        }
    }
}
