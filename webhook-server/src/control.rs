//! How the commands of an operator reach the inbox: directly if no server has it, else through the server.
//!
//! An inbox has one writer. A server therefore listens on a socket beside the file, on which the commands send it what
//! they would otherwise do themselves: one JSON request a line, one JSON answer a line.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing::{debug, warn};
use webhook_core::Envelope;

use crate::inbox::store::{
    EventRow, Filter, Pruned, QuarantineRow, Replayed, Retention, Stats, StoreError, StoredEvent, TaskRow,
};
use crate::inbox::{Inbox, beside, new_task};

/// What an operator asks for.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    Tasks(Filter),
    Events(Filter),
    Event { id: String },
    Quarantined { limit: usize },
    Stats,
    Retry { tasks: Vec<i64> },
    Discard { tasks: Vec<i64>, reason: String },
    Replay { event_ids: Vec<String>, handler: Option<String> },
    Prune,
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    Tasks(Vec<TaskRow>),
    Events(Vec<EventRow>),
    Event(Option<Box<StoredEvent>>),
    Quarantined(Vec<QuarantineRow>),
    Stats(Stats),
    /// So many tasks were changed.
    Changed(u64),
    /// For each event what became of it.
    Replayed(Vec<Replayed>),
    Pruned(Pruned),
    Failed(String),
}

/// Does what is asked.
pub(crate) async fn answer(inbox: &Inbox, keep: &Retention, request: Request) -> Answer {
    let answer = match request {
        Request::Tasks(filter) => inbox.store.tasks(filter).await.map(Answer::Tasks),
        Request::Events(filter) => inbox.store.events(filter).await.map(Answer::Events),
        Request::Event { id } => inbox.store.event(id).await.map(|event| Answer::Event(event.map(Box::new))),
        Request::Quarantined { limit } => inbox.store.quarantined(limit).await.map(Answer::Quarantined),
        Request::Stats => inbox.store.stats().await.map(Answer::Stats),
        Request::Retry { tasks } => {
            changed(tasks.into_iter().map(|task| inbox.store.retry(task))).await.map(Answer::Changed)
        }
        Request::Discard { tasks, reason } => {
            let discard = |task| inbox.store.discard(task, reason.clone());
            changed(tasks.into_iter().map(discard)).await.map(Answer::Changed)
        }
        Request::Replay { event_ids, handler } => replay(inbox, event_ids, handler.as_deref()).await,
        Request::Prune => inbox.prune(keep, Duration::ZERO).await.map(Answer::Pruned),
    };
    inbox.look();
    answer.unwrap_or_else(|error| Answer::Failed(error.to_string()))
}

async fn changed<F>(changes: impl Iterator<Item = F>) -> Result<u64, StoreError>
where
    F: Future<Output = Result<bool, StoreError>>,
{
    let mut count = 0;
    for change in changes {
        count += u64::from(change.await?);
    }
    Ok(count)
}

async fn replay(inbox: &Inbox, event_ids: Vec<String>, only: Option<&str>) -> Result<Answer, StoreError> {
    let mut all = Vec::with_capacity(event_ids.len());
    for id in event_ids {
        let event = inbox.store.event(id.clone()).await?;
        let Some(event) = event else {
            all.push(Replayed::Unknown);
            continue;
        };
        let body = event.body.map(bytes::Bytes::from);
        let Some(envelope) = body.and_then(|body| Envelope::parse_stored(&body).ok()) else {
            all.push(Replayed::NoBody);
            continue;
        };
        let handlers = inbox.registry.handlers_of(&envelope.event_type).iter();
        let wanted = handlers.filter(|handler| only.is_none_or(|only| handler.id == only));
        let tasks = wanted.map(|handler| new_task(handler, &envelope)).collect();
        all.push(inbox.store.replay(id, tasks).await?);
    }
    Ok(Answer::Replayed(all))
}

#[cfg(unix)]
pub(crate) use unix::{Server, listen};

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::PermissionsExt;

    use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
    use tokio::net::{UnixListener, UnixStream};

    use super::*;

    /// The longest request, in bytes: a few hundred ids.
    const MAX_REQUEST: u64 = 1024 * 1024;

    /// Answers the commands of this user, as long as the server runs.
    pub(crate) fn listen(path: &Path, inbox: Arc<Inbox>, keep: Retention) {
        let socket = beside(path, "-control");
        // One that lies there is of a server that is gone: this one has the lock.
        let _ = std::fs::remove_file(&socket);
        let bound = UnixListener::bind(&socket).and_then(|listener| {
            std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o600))?;
            Ok(listener)
        });
        match bound {
            Ok(listener) => {
                tokio::spawn(accept(listener, inbox, keep));
            }
            Err(error) => warn!(
                %error,
                socket = %socket.display(),
                "no control socket: the commands `inbox` and `replay` work only while the server is stopped"
            ),
        }
    }

    async fn accept(listener: UnixListener, inbox: Arc<Inbox>, keep: Retention) {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let inbox = Arc::clone(&inbox);
                    tokio::spawn(async move {
                        if let Err(error) = converse(stream, &inbox, &keep).await {
                            debug!(%error, "a command hung up");
                        }
                    });
                }
                Err(error) => {
                    warn!(%error, "command not accepted");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }

    async fn converse(stream: UnixStream, inbox: &Inbox, keep: &Retention) -> io::Result<()> {
        let own = rustix::process::geteuid().as_raw();
        if ![own, 0].contains(&stream.peer_cred()?.uid()) {
            return Err(io::Error::other("it is another user's"));
        }
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read);
        loop {
            let mut line = Vec::new();
            if (&mut lines).take(MAX_REQUEST).read_until(b'\n', &mut line).await? == 0 {
                return Ok(());
            }
            let answer = match serde_json::from_slice(&line) {
                Ok(request) => answer(inbox, keep, request).await,
                Err(error) => Answer::Failed(format!("the server does not understand the command: {error}")),
            };
            let mut text = serde_json::to_vec(&answer).map_err(io::Error::other)?;
            text.push(b'\n');
            write.write_all(&text).await?;
        }
    }

    /// A server that has an inbox.
    pub(crate) struct Server {
        read: BufReader<tokio::net::unix::OwnedReadHalf>,
        write: tokio::net::unix::OwnedWriteHalf,
    }

    impl Server {
        /// Finds the server that has the inbox in a file, if there is one.
        pub(crate) async fn of(path: &Path) -> Option<Self> {
            let (read, write) = UnixStream::connect(beside(path, "-control")).await.ok()?.into_split();
            Some(Self { read: BufReader::new(read), write })
        }

        pub(crate) async fn ask(&mut self, request: &Request) -> io::Result<Answer> {
            let mut text = serde_json::to_vec(request).map_err(io::Error::other)?;
            text.push(b'\n');
            self.write.write_all(&text).await?;
            let mut line = Vec::new();
            self.read.read_until(b'\n', &mut line).await?;
            if line.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            serde_json::from_slice(&line).map_err(io::Error::other)
        }
    }
}
