//! Operations directly on the inbox's file, while no server has it open.
//!
//! A command that only reads takes no lock, so it can run beside a server that is starting. A command that writes takes the
//! lock first, and looks again for a server while it waits.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use webhook_core::Registry;

use super::Operations;
use super::client::Client;
use super::operator::OperateError;
use super::socket::path_beside;
use crate::settings::Settings;
use crate::store::{self, InboxLocation, Opening, Retention, Store};

/// How long to wait for an inbox that another process has open while no server answers: that is another command, which
/// ends soon, or a server that is starting or stopping.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long to wait for another command before looking again whether a server has started.
const COMMAND_PATIENCE: Duration = Duration::from_secs(2);

/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(50);

/// An inbox that this process opened. It is opened for writing only when there is something to write: until then, a
/// server may start.
pub(crate) struct Direct {
    path: PathBuf,
    /// How the file is opened for writing.
    opening: Opening,
    retention: Retention,
    reading: Operations,
    /// `None` until something is to be written.
    writing: Option<Operations>,
}

impl Direct {
    /// Opens the file without a lock.
    pub(super) fn open_to_read(path: &Path, settings: &Settings) -> Result<Self, OperateError> {
        let retention = settings.retention();
        Ok(Self {
            path: path.to_owned(),
            opening: Opening { patience: COMMAND_PATIENCE, ..settings.opening() },
            retention,
            reading: operations(store::open_to_read(path)?, retention),
            writing: None,
        })
    }

    /// The operations that read.
    pub(super) fn reading(&self) -> &Operations {
        &self.reading
    }

    /// The operations that may write; before [`open_to_write`](Self::open_to_write), the store refuses every write.
    pub(super) fn writing(&self) -> &Operations {
        self.writing.as_ref().unwrap_or(&self.reading)
    }

    /// Takes the lock and opens the file for writing, unless that is done. Returns the server instead if one has started.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be used, or if another process keeps the lock for several seconds and no server answers.
    pub(super) async fn open_to_write(&mut self) -> Result<Option<Client>, OperateError> {
        if self.writing.is_some() {
            return Ok(None);
        }
        let since = Instant::now();
        loop {
            match store::open(&InboxLocation::File(self.path.clone()), &self.opening) {
                Ok(store) => {
                    self.writing = Some(operations(store, self.retention));
                    return Ok(None);
                }
                Err(why) if why.is_in_use() && since.elapsed() > PATIENCE => {
                    return Err(OperateError::Taken { why, socket: path_beside(&self.path) });
                }
                Err(why) if why.is_in_use() => tokio::time::sleep(PAUSE).await,
                Err(error) => return Err(error.into()),
            }
            if let Some(server) = Client::connect(&self.path).await? {
                return Ok(Some(server));
            }
        }
    }
}

/// Opens an inbox that other instances may have open, too. The schema is left as it is.
pub(super) fn shared(settings: &Settings) -> Result<Operations, OperateError> {
    let opening = Opening { migrates: false, serves: false, ..settings.opening() };
    Ok(operations(store::open(&settings.inbox, &opening)?, settings.retention()))
}

/// No worker is to be woken: only a server runs tasks.
fn operations(store: Arc<dyn Store>, retention: Retention) -> Operations {
    Operations::new(store, Arc::new(Registry::linked()), retention, None)
}
