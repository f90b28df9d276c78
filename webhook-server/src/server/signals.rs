//! SIGTERM and Ctrl-C.
//!
//! They are handled on a thread of their own, so that the second signal ends the process even while a handler blocks every
//! other thread.

use std::io;

use tokio::sync::oneshot;
use tracing::warn;

use crate::report::stderr;

/// Ends at the first SIGTERM or Ctrl-C. The second one ends the process immediately; nothing that is stored is lost.
///
/// # Errors
///
/// Fails if the system does not deliver signals to this process, or cannot start a thread.
pub(crate) fn shutdown_signal() -> io::Result<impl Future<Output = ()>> {
    // A thread that lives as long as the process: the second signal may come when no other thread of the server is left.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut signals = {
        let _context = runtime.enter();
        Signals::new()?
    };
    let (first, received) = oneshot::channel();
    std::thread::Builder::new().name("webhook-signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            signals.next().await;
            let _ = first.send(());
            signals.next().await;
        });
        warn!("stopping at once");
        stderr::exit(1);
    })?;
    Ok(async {
        // The thread does not end without it.
        let _ = received.await;
    })
}

#[cfg(unix)]
struct Signals([tokio::signal::unix::Signal; 2]);

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self([signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?]))
    }

    /// Waits for the next signal of either kind.
    async fn next(&mut self) {
        let [terminate, interrupt] = &mut self.0;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
