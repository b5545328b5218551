//! Signals. Only `main` and the commands that run until stopped know them.

use tokio::signal::unix::{SignalKind, signal};

/// Ends at SIGTERM (Kubernetes) or SIGINT (a terminal).
pub async fn signalled() -> std::io::Result<&'static str> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    })
}
