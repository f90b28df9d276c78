//! The command line's way to an inbox: through the server that has it, else directly.
//!
//! Before each write it checks again which of the two it is, because a server may start while a command runs.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::client::Client;
use super::direct::{self, Direct};
use super::routes::{
    EVENTS, EVENTS_WITH_ID, INSTANCES, PRUNE, QUARANTINED, QUARANTINED_WITH_ID, REPLAY, RETRY, Replay, SKIP,
    STATS, Skip, TASKS,
};
use super::{EventKey, Operations};
use crate::report::format::chain;
use crate::report::unusable::unusable;
use crate::settings::{Interface, Settings};
use crate::store::{
    Buried, EventRow, Filter, InboxLocation, InstanceRow, OpenError, Pruned, QuarantineRow, Quarantined,
    Replayed, Stats, StoreError, StoredEvent, TaskRow,
};

/// Carries out operations for the command line. They are those of [`Operations`].
///
/// What succeeded before an error stays done.
pub(crate) enum Operator {
    /// Through the server that has the inbox.
    Server(Client),
    /// In this process: no server has it.
    Direct(Box<Direct>),
    /// In this process, beside the instances that share it.
    Shared(Operations),
}

type Answer<T> = Result<T, OperateError>;

impl Operator {
    /// Finds the way to the inbox that the settings name. Creates no inbox.
    pub(crate) async fn reach(settings: &Settings) -> Answer<Self> {
        let path = match &settings.inbox {
            InboxLocation::File(path) => path,
            InboxLocation::Memory => return Err(OperateError::InMemory),
            InboxLocation::Postgres(_) => return Ok(Self::Shared(direct::shared(settings)?)),
        };
        if let Some(server) = Client::connect(path).await? {
            return Ok(Self::Server(server));
        }
        // Without SQLite, opening it says what is missing.
        if cfg!(feature = "sqlite") && !path.exists() {
            return Err(OperateError::Missing(path.clone()));
        }
        Ok(Self::Direct(Box::new(Direct::open_to_read(path, settings)?)))
    }

    /// Whether a server has the inbox in a file, also one that this user may not talk to.
    pub(crate) async fn has_server(path: &Path) -> bool {
        matches!(Client::connect(path).await, Ok(Some(_)) | Err(OperateError::OtherUser { .. }))
    }

    /// Whether ready tasks run now, as far as is known. If not, they run when a server starts.
    pub(crate) fn runs_tasks(&self) -> bool {
        matches!(self, Self::Server(_) | Self::Shared(_))
    }

    pub(crate) async fn tasks(&mut self, filter: Filter) -> Answer<Vec<TaskRow>> {
        match self.reader() {
            Reached::Server(server) => server.call(&TASKS, &filter).await,
            Reached::Directly(inbox) => Ok(inbox.tasks(filter).await?),
        }
    }

    pub(crate) async fn events(&mut self, filter: Filter) -> Answer<Vec<EventRow>> {
        match self.reader() {
            Reached::Server(server) => server.call(&EVENTS, &filter).await,
            Reached::Directly(inbox) => Ok(inbox.events(filter).await?),
        }
    }

    pub(crate) async fn events_with_id(&mut self, id: String) -> Answer<Vec<StoredEvent>> {
        match self.reader() {
            Reached::Server(server) => server.call(&EVENTS_WITH_ID, &id).await,
            Reached::Directly(inbox) => Ok(inbox.events_with_id(id).await?),
        }
    }

    pub(crate) async fn quarantined(&mut self, limit: usize) -> Answer<Vec<QuarantineRow>> {
        match self.reader() {
            Reached::Server(server) => server.call(&QUARANTINED, &limit).await,
            Reached::Directly(inbox) => Ok(inbox.quarantined(limit).await?),
        }
    }

    pub(crate) async fn quarantined_with_id(&mut self, id: i64) -> Answer<Option<Quarantined>> {
        match self.reader() {
            Reached::Server(server) => server.call(&QUARANTINED_WITH_ID, &id).await,
            Reached::Directly(inbox) => Ok(inbox.quarantined_with_id(id).await?),
        }
    }

    pub(crate) async fn stats(&mut self) -> Answer<Stats> {
        match self.reader() {
            Reached::Server(server) => server.call(&STATS, &()).await,
            Reached::Directly(inbox) => Ok(inbox.stats().await?),
        }
    }

    pub(crate) async fn instances(&mut self) -> Answer<Vec<InstanceRow>> {
        match self.reader() {
            Reached::Server(server) => server.call(&INSTANCES, &()).await,
            Reached::Directly(inbox) => Ok(inbox.instances().await?),
        }
    }

    /// Only instances that share an inbox can be buried: a file's lock ends with its process.
    pub(crate) async fn bury(&mut self, name: String) -> Answer<Option<Buried>> {
        match self {
            Self::Shared(inbox) => Ok(inbox.bury(name).await?),
            Self::Server(_) | Self::Direct(_) => Ok(None),
        }
    }

    pub(crate) async fn retry(&mut self, tasks: Vec<i64>) -> Answer<u64> {
        match self.writer().await? {
            Reached::Server(server) => server.call(&RETRY, &tasks).await,
            Reached::Directly(inbox) => Ok(inbox.retry(tasks).await?),
        }
    }

    pub(crate) async fn skip(&mut self, tasks: Vec<i64>, reason: String) -> Answer<u64> {
        match self.writer().await? {
            Reached::Server(server) => server.call(&SKIP, &Skip { tasks, reason }).await,
            Reached::Directly(inbox) => Ok(inbox.skip(tasks, reason).await?),
        }
    }

    pub(crate) async fn replay(
        &mut self,
        events: Vec<EventKey>,
        handler: Option<String>,
    ) -> Answer<Vec<Replayed>> {
        match self.writer().await? {
            Reached::Server(server) => server.call(&REPLAY, &Replay { events, handler }).await,
            Reached::Directly(inbox) => Ok(inbox.replay(events, handler).await?),
        }
    }

    pub(crate) async fn prune(&mut self) -> Answer<Pruned> {
        match self.writer().await? {
            Reached::Server(server) => server.call(&PRUNE, &()).await,
            Reached::Directly(inbox) => Ok(inbox.prune().await?),
        }
    }

    /// The way to read: a server that has started since is not looked for, because reading needs no lock.
    fn reader(&mut self) -> Reached<'_> {
        match self {
            Self::Server(server) => Reached::Server(server),
            Self::Direct(direct) => Reached::Directly(direct.reading()),
            Self::Shared(inbox) => Reached::Directly(inbox),
        }
    }

    /// Opens the inbox for writing, unless a server has started since.
    async fn writer(&mut self) -> Answer<Reached<'_>> {
        if let Self::Direct(direct) = self
            && let Some(server) = direct.open_to_write().await?
        {
            *self = Self::Server(server);
        }
        Ok(match self {
            Self::Server(server) => Reached::Server(server),
            Self::Direct(direct) => Reached::Directly(direct.writing()),
            Self::Shared(inbox) => Reached::Directly(inbox),
        })
    }
}

/// What carries out one operation.
enum Reached<'o> {
    Server(&'o mut Client),
    Directly(&'o Operations),
}

/// Why an operation was not carried out, as a sentence for the operator.
#[derive(Debug, Error)]
pub(crate) enum OperateError {
    #[error("only its own server can reach an inbox in memory: name a file with --inbox")]
    InMemory,
    #[error(
        "there is no inbox at {}: `serve` creates it; to use another file, set --inbox (or WEBHOOK_INBOX)",
        .0.display()
    )]
    Missing(PathBuf),
    #[error("{}", unusable(.0, Interface::CommandLine))]
    Unusable(OpenError),
    #[error(
        "{}\nno server answers on {}: unless one is starting or stopping, see the server's log",
        unusable(.why, Interface::CommandLine),
        .socket.display()
    )]
    Taken { why: OpenError, socket: PathBuf },
    #[error(
        "{} belongs to another user ({source}): run the command as the server's user",
        .socket.display()
    )]
    OtherUser { socket: PathBuf, source: std::io::Error },
    #[error("{}", chain(.0))]
    Store(StoreError),
    /// The server's own sentence.
    #[error("{0}")]
    Refused(String),
    #[error("the running server is a different version and its reply could not be decoded")]
    OtherVersion,
    #[error("the server did not answer ({0}); changes that it already made are kept: run the command again")]
    NoAnswer(#[from] hyper::Error),
    #[error("cannot encode the request: {0}")]
    Unsendable(String),
}

impl OperateError {
    pub(super) fn unsendable(error: impl std::error::Error) -> Self {
        Self::Unsendable(error.to_string())
    }
}

impl From<OpenError> for OperateError {
    fn from(error: OpenError) -> Self {
        Self::Unusable(error)
    }
}

impl From<StoreError> for OperateError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
