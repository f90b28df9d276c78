//! SIGTERM and Ctrl-C, which stop the server, and SIGHUP, at which it reads its secrets again.
//!
//! They are handled on a thread of their own, so that the second signal ends the process even while a handler blocks every
//! other thread.

use std::io;
use std::sync::Arc;

use tokio::sync::oneshot;
use tracing::warn;

use crate::reload::Reload;
use crate::report::stderr;

/// Ends at the first SIGTERM or Ctrl-C. The second one ends the process immediately; nothing that is stored is lost.
///
/// With `reload`, SIGHUP asks for it from now on, and no longer ends the process. If it tells that the terminal was closed,
/// it stops the server as Ctrl-C does.
///
/// # Errors
///
/// Fails if the system does not deliver signals to this process, or cannot start a thread.
pub(crate) fn shutdown_signal(reload: Option<Arc<Reload>>) -> io::Result<impl Future<Output = ()>> {
    // A thread that lives as long as the process: the second signal may come when no other thread of the server is left.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut signals = {
        let _context = runtime.enter();
        Signals::new(reload)?
    };
    let (first, received) = oneshot::channel();
    std::thread::Builder::new().name("webhook-signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            signals.first().await;
            let _ = first.send(());
            signals.second().await;
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
struct Signals {
    stopping: [tokio::signal::unix::Signal; 2],
    hangup: Option<Hangup>,
}

/// SIGHUP, and what it asks for.
#[cfg(unix)]
struct Hangup {
    signal: tokio::signal::unix::Signal,
    reload: Arc<Reload>,
    /// How many of the standard streams were a terminal at the start.
    terminals: usize,
}

#[cfg(unix)]
impl Signals {
    fn new(reload: Option<Arc<Reload>>) -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        let stopping = [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?];
        let hangup = reload.map(|reload| {
            Ok::<_, io::Error>(Hangup {
                signal: signal(SignalKind::hangup())?,
                reload,
                terminals: terminals(),
            })
        });
        Ok(Self { stopping, hangup: hangup.transpose()? })
    }

    /// Waits for the signal that stops the server.
    async fn first(&mut self) {
        let Self { stopping, hangup } = self;
        tokio::select! {
            () = either(stopping) => {}
            () = terminal_closed(hangup.as_mut()) => {}
        }
    }

    /// Waits for the next SIGTERM or Ctrl-C.
    async fn second(&mut self) {
        either(&mut self.stopping).await;
    }
}

#[cfg(unix)]
async fn either([terminate, interrupt]: &mut [tokio::signal::unix::Signal; 2]) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// Asks for a reload at every SIGHUP. Returns at one that tells that the terminal was closed.
#[cfg(unix)]
async fn terminal_closed(hangup: Option<&mut Hangup>) {
    let Some(Hangup { signal, reload, terminals: before }) = hangup else {
        return std::future::pending().await;
    };
    while signal.recv().await.is_some() && terminals() == *before {
        reload.ask();
    }
}

/// How many of the standard streams are a terminal. A terminal that was closed is none.
#[cfg(unix)]
fn terminals() -> usize {
    use std::io::IsTerminal;

    let streams = [io::stdin().is_terminal(), io::stdout().is_terminal(), io::stderr().is_terminal()];
    streams.into_iter().filter(|is_terminal| *is_terminal).count()
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new(_: Option<Arc<Reload>>) -> io::Result<Self> {
        Ok(Self)
    }

    async fn first(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }

    async fn second(&mut self) {
        self.first().await;
    }
}
