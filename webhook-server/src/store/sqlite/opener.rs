//! Opens the inbox's file and begins the session: at the start, or later if the disk is full by then.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rusqlite::Connection;

use super::disk_space::DiskSpace;
use super::file::InboxFile;
use super::problem::Problem;
use super::session::{Session, Stamp};
use crate::store::StoreError;
use crate::store::clock::StoreClock;

/// Opens the file, as often as that is needed.
#[derive(Debug)]
pub(super) struct Opener {
    file: Arc<InboxFile>,
    disk_space: Arc<DiskSpace>,
    /// A clock to use instead of the system's.
    clock: Option<StoreClock>,
    session: OnceLock<Session>,
    /// Held while the file is opened, so that the session begins once.
    opening: Mutex<()>,
}

impl Opener {
    /// `clock` replaces the system's clock, for tests.
    pub(super) fn new(file: Arc<InboxFile>, disk_space: Arc<DiskSpace>, clock: Option<StoreClock>) -> Self {
        Self { file, disk_space, clock, session: OnceLock::new(), opening: Mutex::default() }
    }

    /// An opener for a store that only reads.
    pub(super) fn of_reader(file: Arc<InboxFile>, disk_space: Arc<DiskSpace>) -> Self {
        let opener = Self::new(file, disk_space, None);
        let _ = opener.session.set(Session::of_reader());
        opener
    }

    /// The present time by the store's clock.
    pub(super) fn now(&self) -> i64 {
        self.stamp().map_or_else(|| StoreClock::system(0).now(), |stamp| stamp.now)
    }

    /// The session and the present time. `None` if the file has not been opened.
    pub(super) fn stamp(&self) -> Option<Stamp<'_>> {
        self.session.get().map(Session::stamp)
    }

    /// Opens the file for writing, and begins the session the first time. If the disk is full, frees the reserve and tries
    /// once more. Blocks its thread.
    pub(super) fn open(&self) -> Result<Connection, Problem> {
        let _one = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        match self.try_open() {
            Err(Problem::Full) if self.file.is_locked() && self.disk_space.has_reserve() => {
                self.disk_space.free_reserve();
                self.try_open()
            }
            opened => opened,
        }
    }

    /// Opens the file, and begins the session if there is none.
    fn try_open(&self) -> Result<Connection, Problem> {
        let db = self.file.open()?;
        if self.session.get().is_none() {
            let session =
                Session::begin(&db, self.clock.clone()).map_err(|error| self.file.classify(error.into()))?;
            let _ = self.session.set(session);
            self.disk_space.watch();
        }
        Ok(db)
    }

    /// Begins the session before the first write, if a full disk put that off.
    pub(super) async fn begin_late(self: &Arc<Self>) -> Result<(), StoreError> {
        if self.session.get().is_some() {
            return Ok(());
        }
        let opener = Arc::clone(self);
        let opening = tokio::task::spawn_blocking(move || match opener.open() {
            // The writer has a connection of its own.
            Ok(_) => Ok(()),
            Err(Problem::Full) => Err(StoreError::DiskFull),
            Err(problem) => Err(StoreError::broken(opener.file.refused(problem))),
        });
        opening.await.unwrap_or_else(|panic| Err(StoreError::broken(panic)))
    }
}
