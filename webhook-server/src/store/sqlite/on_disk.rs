//! The database in a file: one thread writes, readers have a connection of their own.
//!
//! Arrivals are refused while the disk is low; ends of runs and operations are not, so that stored events can be finished.
//! Reads use one connection of their own, on tokio's blocking threads, and never wait for the writer.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;

use super::disk_space::DiskSpace;
use super::file::InboxFile;
use super::opener::Opener;
use super::problem::{Problem, store_error};
use super::recover::Live;
use super::session::Stamp;
use super::writer::{Urgency, Writer};
use super::{Database, Sqlite};
use crate::store::clock::StoreClock;
use crate::store::{Arriving, CommitWatcher, OpenError, Opening, StoreError, StoreFuture};

/// A database in a file.
#[derive(Debug)]
pub(crate) struct OnDisk {
    writer: Writer,
    /// Opened by the first read, and used by one read at a time.
    reader: Arc<Mutex<Option<Connection>>>,
    disk_space: Arc<DiskSpace>,
    file: Arc<InboxFile>,
    opener: Arc<Opener>,
}

impl Sqlite<OnDisk> {
    /// Opens the inbox in a file, and creates it if there is none. If the disk is full, that is put off until there is
    /// space: until then, everything that writes fails.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be used.
    pub(crate) fn open(path: &Path, opening: &Opening) -> Result<Self, OpenError> {
        Self::open_with(path, opening, None)
    }

    /// Checks whether an inbox may lie at a path.
    pub(crate) fn check(path: &Path, opening: &Opening) -> Result<(), OpenError> {
        InboxFile::at(path, opening)?;
        Ok(())
    }

    /// Opens the inbox with a clock other than the system's.
    pub(crate) fn open_with(
        path: &Path,
        opening: &Opening,
        clock: Option<StoreClock>,
    ) -> Result<Self, OpenError> {
        let file = Arc::new(InboxFile::at(path, opening)?);
        let disk_space = Arc::new(DiskSpace::new(&file.path, opening.disk_floor));
        let opener = Arc::new(Opener::new(Arc::clone(&file), Arc::clone(&disk_space), clock));
        let db = match opener.open() {
            Ok(db) => {
                disk_space.check();
                Some(db)
            }
            Err(Problem::Full) => {
                disk_space.note_full();
                None
            }
            Err(problem) => return Err(file.refused(problem).into()),
        };
        let writer = Writer::start(Arc::clone(&file), db, Arc::clone(&disk_space))
            .map_err(|error| file.refused(Problem::NoThread(error)))?;
        Ok(Self::new(OnDisk { writer, reader: Arc::default(), disk_space, file, opener }))
    }

    /// Opens the inbox in a file that another process may have. Everything but reading fails.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be used.
    pub(crate) fn open_to_read(path: &Path) -> Result<Self, OpenError> {
        let file = Arc::new(InboxFile::to_read(path)?);
        let disk_space = Arc::new(DiskSpace::new(&file.path, 0));
        let opener = Arc::new(Opener::of_reader(Arc::clone(&file), Arc::clone(&disk_space)));
        let writer = Writer::none();
        Ok(Self::new(OnDisk { writer, reader: Arc::default(), disk_space, file, opener }))
    }
}

impl Database for OnDisk {
    /// Refuses an arrival at once while the disk is low. If a full disk put off the opening, opens the file first.
    fn write<T: Send + 'static>(
        &self,
        urgency: Urgency,
        work: impl Fn(&Connection, Stamp<'_>) -> rusqlite::Result<T> + Send + 'static,
        note: impl FnOnce(&T, &mut Live) + Send + 'static,
    ) -> StoreFuture<'_, T> {
        if let Urgency::Arrival { .. } = urgency
            && let Some(obstacle) = self.obstacle()
        {
            return Box::pin(std::future::ready(Err(obstacle)));
        }
        let opener = Arc::clone(&self.opener);
        Box::pin(async move {
            opener.begin_late().await?;
            let work = move |db: &Connection| work(db, opener.stamp().ok_or(rusqlite::Error::InvalidQuery)?);
            self.writer.write(urgency, work, note).await
        })
    }

    fn arriving(&self) -> Arriving {
        self.writer.arriving()
    }

    fn watch_commits(&self, watcher: CommitWatcher) {
        self.writer.watch_commits(watcher);
    }

    fn obstacle(&self) -> Option<StoreError> {
        self.disk_space.shortage().map(|free| StoreError::DiskLow { free })
    }

    fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, i64) -> rusqlite::Result<T> + Send + 'static,
    ) -> StoreFuture<'_, T> {
        let (reader, file) = (Arc::clone(&self.reader), Arc::clone(&self.file));
        let now = self.opener.now();
        Box::pin(async move {
            let reading = tokio::task::spawn_blocking(move || {
                let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
                let db = match &mut *reader {
                    Some(db) => db,
                    closed => closed.insert(file.open_reader()?),
                };
                work(db, now)
            });
            match reading.await {
                Ok(result) => result.map_err(store_error),
                Err(_) => Err(StoreError::broken("reading panicked")),
            }
        })
    }
}
