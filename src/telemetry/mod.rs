//! What operators see: logs, metrics, traces, health.
//!
//! Never shows a secret, a title, a description or a body.

mod admin;
mod agreement;
mod logs;
mod metrics;
mod panics;
mod traces;

pub use admin::{Admin, livez, metrics as metrics_page, readyz};
pub use agreement::count_agreement;
pub use logs::start_logging;
pub use metrics::Metrics;
pub use panics::{log_panics, print_panics};
pub use traces::Traces;
