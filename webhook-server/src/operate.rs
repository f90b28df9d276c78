//! How the commands of an operator reach the inbox: through the server that has it, else directly.
//!
//! An inbox has one writer. A server therefore listens on a socket beside the file, on which the commands send it what
//! they would otherwise do themselves: one JSON request a line, one JSON answer a line.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracing::info;
use webhook_core::{Envelope, Registry, States};

use crate::receive::new_event::new_task;
use crate::receive::record::Inbox;
use crate::report::Journal;
use crate::run::attempt::Runner;
use crate::settings::Settings;
use crate::store::retention::prune;
use crate::store::{self, InboxLocation, Opening, beside, real};
use crate::store::{Filter, OpenError, Replayed, Retention, Store, StoreError};

/// How long a command waits for an inbox that somebody has who does not answer: another command, which is soon done,
/// or a server that starts or ends at this moment.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long it waits at once, before it looks whether a server has started since: another command is soon done.
const A_COMMAND: Duration = Duration::from_secs(2);

/// What an operator asks for.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    /// `Vec<TaskRow>`
    Tasks(Filter),
    /// `Vec<EventRow>`
    Events(Filter),
    /// `Vec<StoredEvent>`
    Event { id: String },
    /// `Vec<QuarantineRow>`
    Quarantined { limit: usize },
    /// `Stats`
    Stats,
    /// How many tasks were changed: `u64`
    Retry { tasks: Vec<i64> },
    /// How many tasks were changed: `u64`
    Skip { tasks: Vec<i64>, reason: String },
    /// What became of each event: `Vec<Replayed>`
    Replay { events: Vec<EventKey>, handler: Option<String> },
    /// `Pruned`
    Prune,
}

/// An event in the inbox. Its id alone need not tell which one.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct EventKey {
    pub(crate) event_id: String,
    pub(crate) cursor: i64,
}

impl Request {
    fn writes(&self) -> bool {
        matches!(self, Self::Retry { .. } | Self::Skip { .. } | Self::Replay { .. } | Self::Prune)
    }
}

/// What came of it: a value of the type that stands at the request, or why there is none.
type Answer = Result<Value, String>;

/// Does what is asked.
async fn answer(inbox: &Inbox, keep: &Retention, request: Request) -> Answer {
    let store = &inbox.store;
    match request {
        Request::Tasks(filter) => value(store.tasks(filter).await),
        Request::Events(filter) => value(store.events(filter).await),
        Request::Event { id } => value(store.event(id).await),
        Request::Quarantined { limit } => value(store.quarantined(limit).await),
        Request::Stats => value(store.stats().await),
        Request::Retry { tasks } => {
            let handlers = inbox.handlers();
            let retry = |store: Arc<dyn Store>, task| {
                let handlers = Arc::clone(&handlers);
                async move { store.retry(task, handlers).await }
            };
            let retried = changed(inbox, tasks, retry).await;
            info!(tasks = retried.as_ref().ok(), "an operator retried tasks");
            inbox.look();
            value(retried)
        }
        Request::Skip { tasks, reason } => {
            let skip = |store: Arc<dyn Store>, task| {
                let reason = reason.clone();
                async move { store.skip(task, reason).await }
            };
            let skipped = changed(inbox, tasks, skip).await;
            info!(tasks = skipped.as_ref().ok(), reason, "an operator skipped tasks");
            inbox.look();
            value(skipped)
        }
        Request::Replay { events, handler } => {
            info!(events = events.len(), handler, "an operator replays events");
            let replayed = replay(inbox, events, handler.as_deref()).await;
            inbox.look();
            value(replayed)
        }
        Request::Prune => value(prune(&*inbox.store, *keep, Duration::ZERO).await),
    }
}

fn value<T: Serialize>(answer: Result<T, StoreError>) -> Answer {
    serde_json::to_value(answer.map_err(|error| error.to_string())?).map_err(|error| error.to_string())
}

/// Makes all changes at once, so that they go into few commits, and counts those that had an effect.
async fn changed<F>(
    inbox: &Inbox,
    tasks: Vec<i64>,
    change: impl Fn(Arc<dyn Store>, i64) -> F,
) -> Result<u64, StoreError>
where
    F: Future<Output = Result<bool, StoreError>> + Send + 'static,
{
    let changes: Vec<_> =
        tasks.into_iter().map(|task| tokio::spawn(change(Arc::clone(&inbox.store), task))).collect();
    let mut count = 0;
    for change in changes {
        count += u64::from(change.await.map_err(broken)??);
    }
    Ok(count)
}

async fn replay(
    inbox: &Inbox,
    events: Vec<EventKey>,
    only: Option<&str>,
) -> Result<Vec<Replayed>, StoreError> {
    let mut all = Vec::with_capacity(events.len());
    for event in events {
        all.push(begin_replay(inbox, event, only).await?);
    }
    let mut done = Vec::with_capacity(all.len());
    for replayed in all {
        done.push(match replayed {
            Ok(writing) => writing.await.map_err(broken)??,
            Err(settled) => settled,
        });
    }
    Ok(done)
}

/// A write that was begun.
type Writing<T> = tokio::task::JoinHandle<Result<T, StoreError>>;

/// Begins to replay an event; many of these go into one commit. An error is what became of it without.
async fn begin_replay(
    inbox: &Inbox,
    key: EventKey,
    only: Option<&str>,
) -> Result<Result<Writing<Replayed>, Replayed>, StoreError> {
    let EventKey { event_id, cursor } = key;
    let found = inbox.store.event(event_id).await?;
    let Some(found) = found.into_iter().find(|found| found.event.cursor == cursor) else {
        return Ok(Err(Replayed::Unknown));
    };
    let body = found.body.map(bytes::Bytes::from);
    let Some(envelope) = body.and_then(|body| Envelope::parse_stored(&body).ok()) else {
        return Ok(Err(Replayed::NoBody));
    };
    let handlers = inbox.registry.handlers_of(&envelope.event_type).iter();
    let wanted = handlers.filter(|handler| only.is_none_or(|only| handler.id == only));
    let tasks = wanted.map(|handler| new_task(handler, &envelope)).collect();
    let store = Arc::clone(&inbox.store);
    Ok(Ok(tokio::spawn(async move { store.replay(cursor, tasks).await })))
}

fn broken(error: tokio::task::JoinError) -> StoreError {
    StoreError::Broken(error.to_string())
}

/// The longest path that a socket may have on any system, in bytes.
const MAX_SOCKET_PATH: usize = 100;

/// Where the server that has an inbox listens: beside the file, under whichever name it is known; or, if that is too
/// long, beside the name that was given.
fn socket(inbox: &Path) -> PathBuf {
    let beside_file = beside(&real(inbox), "-control");
    if beside_file.as_os_str().len() <= MAX_SOCKET_PATH { beside_file } else { beside(inbox, "-control") }
}

/// The one who does what a command asks.
pub(crate) enum Operator {
    /// The server that has the inbox.
    #[cfg(unix)]
    Server(Server),
    /// This process: no server has it.
    Direct(Box<Direct>),
}

impl Operator {
    /// Finds who does it. Makes no inbox.
    ///
    /// # Errors
    ///
    /// Says in one sentence why nobody can, and what to do.
    pub(crate) async fn of(settings: &Settings, keep: Retention) -> Result<Self, String> {
        let InboxLocation::File(path) = &settings.inbox else {
            return Err("an inbox in memory is reached by nobody but the server that has it: name a file with --inbox"
                .to_owned());
        };
        #[cfg(unix)]
        if let Some(server) = Server::of(path).await? {
            return Ok(Self::Server(server));
        }
        if !path.exists() {
            return Err(format!(
                "there is no inbox {}: `serve` makes it; name another file with --inbox (or WEBHOOK_INBOX)",
                path.display()
            ));
        }
        let store = store::open_to_read(path).map_err(|problem| format!("the inbox {problem}"))?;
        Ok(Self::Direct(Box::new(Direct {
            path: path.clone(),
            opening: Opening { patience: A_COMMAND, ..settings.opening() },
            keep,
            reading: inbox_of(store),
            writing: None,
        })))
    }

    /// Whether what is ready runs now. If not, it does when a server starts.
    pub(crate) fn runs_tasks(&self) -> bool {
        match self {
            #[cfg(unix)]
            Self::Server(_) => true,
            Self::Direct(_) => false,
        }
    }

    /// Has something done.
    ///
    /// # Errors
    ///
    /// Says in one sentence why it was not. What was asked before stays done.
    pub(crate) async fn ask<T: DeserializeOwned>(&mut self, request: Request) -> Result<T, String> {
        if let Self::Direct(direct) = self
            && request.writes()
            && direct.writing.is_none()
            && let Some(started_since) = direct.open().await?
        {
            *self = started_since;
        }
        let answer = match self {
            #[cfg(unix)]
            Self::Server(server) => server.ask(&request).await.map_err(|error| {
                format!("the server did not answer ({error}): what it did before stays done; run the command again")
            })?,
            Self::Direct(direct) => {
                let writing = direct.writing.as_ref().filter(|_| request.writes());
                answer(writing.unwrap_or(&direct.reading), &direct.keep, request).await
            }
        };
        serde_json::from_value(answer?)
            .map_err(|_| "the server is of another version: its answer makes no sense".to_owned())
    }
}

/// The inbox, opened by this process.
pub(crate) struct Direct {
    path: PathBuf,
    opening: Opening,
    keep: Retention,
    reading: Inbox,
    /// Opened when there is something to write: until then, a server may start.
    writing: Option<Inbox>,
}

impl Direct {
    /// Opens it to be written; or finds the server that has been started since.
    async fn open(&mut self) -> Result<Option<Operator>, String> {
        let since = Instant::now();
        loop {
            match store::open(&InboxLocation::File(self.path.clone()), &self.opening) {
                Ok(store) => {
                    self.writing = Some(inbox_of(store));
                    return Ok(None);
                }
                Err(OpenError::Unusable(problem)) => return Err(format!("the inbox {problem}")),
                Err(OpenError::Taken(problem)) if since.elapsed() > PATIENCE => {
                    return Err(format!(
                        "the inbox {problem}\nno server answers on {}: its log says why, unless it is only just \
                         starting, or ending",
                        socket(&self.path).display()
                    ));
                }
                Err(OpenError::Taken(_)) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
            #[cfg(unix)]
            if let Some(server) = Server::of(&self.path).await? {
                return Ok(Some(Operator::Server(server)));
            }
        }
    }
}

fn inbox_of(store: Arc<dyn Store>) -> Inbox {
    // Never used: it is the server that runs handlers.
    let runner = Runner { states: Arc::new(States::default()), timeout: Duration::ZERO, runtime: None };
    Inbox::new(store, Arc::new(Registry::linked()), runner, "".into(), Journal::Log, 1)
}

#[cfg(unix)]
pub(crate) use unix::{Server, listen};

/// Elsewhere there is no such socket.
#[cfg(not(unix))]
pub(crate) fn listen(_path: &Path, _inbox: Arc<Inbox>, _keep: Retention) {
    info!("the commands `inbox` and `replay` work only while the server is stopped");
}

#[cfg(unix)]
mod unix {
    use std::io;
    use std::os::unix::fs::PermissionsExt;

    use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
    use tokio::net::{UnixListener, UnixStream};
    use tracing::{debug, warn};

    use super::*;

    /// The longest request, in bytes: a few hundred ids.
    const MAX_REQUEST: u64 = 1024 * 1024;

    /// Answers the commands of this user, as long as the server runs.
    pub(crate) fn listen(path: &Path, inbox: Arc<Inbox>, keep: Retention) {
        let socket = socket(path);
        // One that lies there is of a server that is gone: this one has the lock. What is no socket is not ours.
        if socket.symlink_metadata().is_ok_and(|found| store::is_socket(found.file_type())) {
            let _ = std::fs::remove_file(&socket);
        }
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
                Err(error) => Err(format!("the server does not understand the command: {error}")),
            };
            let mut text = serde_json::to_vec(&answer).map_err(io::Error::other)?;
            text.push(b'\n');
            write.write_all(&text).await?;
            if !line.ends_with(b"\n") {
                // The rest of a request that is too long is no request.
                return Ok(());
            }
        }
    }

    /// A server that has an inbox.
    pub(crate) struct Server {
        read: BufReader<tokio::net::unix::OwnedReadHalf>,
        write: tokio::net::unix::OwnedWriteHalf,
    }

    impl Server {
        /// Finds the server that has the inbox in a file, if there is one.
        ///
        /// # Errors
        ///
        /// Says in one sentence why it cannot be asked.
        pub(super) async fn of(path: &Path) -> Result<Option<Self>, String> {
            let socket = socket(path);
            match UnixStream::connect(&socket).await {
                Ok(stream) => {
                    let (read, write) = stream.into_split();
                    Ok(Some(Self { read: BufReader::new(read), write }))
                }
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(format!(
                    "{} is not for this user ({error}): run the command as the user that the server runs as",
                    socket.display()
                )),
                // Nothing is there, or nobody listens any more.
                Err(_) => Ok(None),
            }
        }

        pub(super) async fn ask(&mut self, request: &Request) -> io::Result<Answer> {
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
