//! Connections to one host that let this process in, and then did not answer.
//!
//! The server keeps a process for each, even if it is closed. So there is one, and another is tried only when that has ended, or
//! after a while, since the host's name may lead to another server by then.

use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::connection::Connection;

/// How long the first one may take before another is tried. Each further one may take twice as long.
const PATIENCE: Duration = Duration::from_secs(60);

/// The one connection to a host that owes its first answer.
#[derive(Debug, Default)]
pub(super) struct Unanswered {
    last: Option<Waiting>,
}

/// It is open until it is answered, or leads to a former primary.
#[derive(Debug)]
struct Waiting {
    open: JoinHandle<()>,
    until: Instant,
    patience: Duration,
}

impl Unanswered {
    /// Whether another connection may be tried.
    pub(super) fn may_try(&self) -> bool {
        self.last.as_ref().is_none_or(|last| last.open.is_finished() || last.until <= Instant::now())
    }

    /// Keeps a connection that owes an answer.
    pub(super) fn keep(&mut self, connection: Connection) {
        let last = self.last.take().filter(|last| !last.open.is_finished());
        let patience = last.map_or(PATIENCE, |last| {
            last.open.abort();
            last.patience * 2
        });
        let open = tokio::spawn(async move { connection.settled().await });
        self.last = Some(Waiting { open, until: Instant::now() + patience, patience });
    }
}

#[cfg(test)]
impl Unanswered {
    /// Lets the time pass for which no other connection is tried.
    pub(super) fn end_patience(&mut self) {
        if let Some(last) = &mut self.last {
            last.until = Instant::now();
        }
    }
}
