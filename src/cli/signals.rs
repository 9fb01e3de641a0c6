//! Waiting for the signal to stop.

use tokio::signal::unix::{SignalKind, signal};

/// Waits for SIGTERM or for Ctrl-C.
pub(super) async fn stop_requested() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
