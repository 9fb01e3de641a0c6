//! Logs, on standard error: one line per event, for people or for machines.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::settings::LogFormat;

/// Ours in full, what libraries say only when it is a warning.
const FILTER: &str = "warn,escalator=info";

/// Starts logging. A second start changes nothing.
pub fn start_logging(format: LogFormat) {
    let subscriber = fmt()
        .with_env_filter(EnvFilter::new(FILTER))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // Fails only where logging was started before, as in tests.
    let _already_started = match format {
        LogFormat::Text => subscriber.try_init(),
        LogFormat::Json => subscriber.json().flatten_event(true).try_init(),
    };
}
