//! The file: opening it, or saying in one sentence why not.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::failpoint::failpoint;
use crate::inbox::store::OpenError;

/// What marks a database as an inbox, in its header: "whbx".
const APPLICATION_ID: i32 = 0x7768_6278;

/// The steps that lead to the present schema. What stands here was released: it is added to, never changed.
const MIGRATIONS: [&str; 1] = [include_str!("migrations/1.sql")];

/// How long to wait for another program that has the database locked.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The first version without the bug that could corrupt a database when its log was reset.
/// (<https://www.sqlite.org/wal.html#walresetbug>)
const SQLITE_AT_LEAST: (i32, &str) = (3_051_003, "3.51.3");

/// An inbox's file.
#[derive(Debug)]
pub(super) struct InboxFile {
    pub(super) path: PathBuf,
    /// Locked for as long as it lives: the proof that no other process writes the file. Whoever only reads needs none.
    _lock: Option<File>,
}

/// `name` with another ending: what belongs to the file lies beside it.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// The file that a path leads to, whether it is there or not, however the working directory may change.
pub(crate) fn real(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    // The system follows no more links than that.
    for _ in 0..40 {
        let Ok(target) = std::fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (directory.canonicalize(), path.file_name()) {
        (Ok(directory), Some(name)) => directory.join(name),
        _ => path,
    }
}

impl InboxFile {
    /// Locks the file, and makes it if there is none.
    pub(super) fn claim(path: &Path) -> Result<Self, OpenError> {
        let shown = path.display();
        if rusqlite::version_number() < SQLITE_AT_LEAST.0 {
            return Err(OpenError::Unusable(format!(
                "SQLite {} can corrupt an inbox: {} or newer is needed",
                rusqlite::version(),
                SQLITE_AT_LEAST.1
            )));
        }
        if path.is_dir() {
            return Err(OpenError::Unusable(format!("{shown} is a directory: name a file in it")));
        }
        if let Some(parent) =
            path.parent().filter(|parent| !parent.as_os_str().is_empty() && !parent.is_dir())
        {
            return Err(OpenError::Unusable(format!(
                "{shown} cannot be made: there is no directory {}, create it",
                parent.display()
            )));
        }
        // Two names of one file have one lock.
        let path = &real(path);
        let lock = lock(path)?;
        network(path)?;
        let orphan = beside(path, "-wal");
        if !path.exists() && std::fs::metadata(&orphan).is_ok_and(|log| log.len() > 0) {
            return Err(OpenError::Unusable(format!(
                "{} holds events, but {shown}, to which it belongs, is gone: put both back, or move it away",
                orphan.display()
            )));
        }
        private().create(true).open(path).map_err(|error| format!("{shown} cannot be written: {error}"))?;
        Ok(Self { path: path.to_owned(), _lock: Some(lock) })
    }

    /// Checks that there is an inbox to be read.
    pub(super) fn to_read(path: &Path) -> Result<Self, OpenError> {
        let file = Self { path: real(path), _lock: None };
        let is_inbox = file.open_reader().map_err(Problem::Sqlite).and_then(|db| match schema(&db)? {
            Schema::Version(version) if version == MIGRATIONS.len() => Ok(()),
            _ => Err(Problem::Ours(
                "is no inbox yet: `serve` makes it one, or brings it up to date".to_owned(),
            )),
        });
        is_inbox.map_err(|problem| file.worded(problem))?;
        Ok(file)
    }

    /// Opens the one connection that writes, and brings the schema up to date.
    pub(super) fn open(&self) -> Result<Connection, String> {
        open_writer(&self.path).map_err(|problem| self.worded(problem))
    }

    fn worded(&self, problem: Problem) -> String {
        match problem {
            Problem::Ours(sentence) => format!("{} {sentence}", self.path.display()),
            Problem::Sqlite(error) => format!("{} {}", self.path.display(), explain(&error)),
        }
    }

    /// Opens it again after an error.
    pub(super) fn reopen(&self) -> rusqlite::Result<Connection> {
        open_writer(&self.path).map_err(|problem| match problem {
            Problem::Sqlite(error) => error,
            Problem::Ours(_) => rusqlite::Error::InvalidQuery,
        })
    }

    /// Opens a connection that only reads.
    pub(super) fn open_reader(&self) -> rusqlite::Result<Connection> {
        let reader = Connection::open_with_flags(&self.path, flags(OpenFlags::SQLITE_OPEN_READ_ONLY))?;
        reader.busy_timeout(BUSY_TIMEOUT)?;
        Ok(reader)
    }
}

enum Problem {
    Ours(String),
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// SQLite's own mutexes and shared caches are not needed: each connection has one thread at a time.
fn flags(access: OpenFlags) -> OpenFlags {
    access | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

/// What a database is made for.
#[derive(PartialEq)]
enum Schema {
    /// Nothing yet.
    None,
    /// An inbox, by so many of the migrations.
    Version(usize),
}

fn schema(db: &Connection) -> Result<Schema, Problem> {
    let number = |pragma| db.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
    let (marked, version) = (number("application_id")?, number("user_version")?);
    if marked == APPLICATION_ID {
        let newest = MIGRATIONS.len();
        let applied = usize::try_from(version).unwrap_or(usize::MAX);
        if applied > newest {
            return Err(Problem::Ours(format!(
                "was written by a newer version of this program (schema {version}, and this one knows {newest}): \
                 run the newer one"
            )));
        }
        return Ok(Schema::Version(applied));
    }
    // A first start that was cut short may have left a header, and nothing in it.
    let tables: i32 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if marked == 0 && version == 0 && tables == 0 {
        return Ok(Schema::None);
    }
    Err(Problem::Ours("is a database of something else: name another file".to_owned()))
}

fn open_writer(path: &Path) -> Result<Connection, Problem> {
    let mut db = Connection::open_with_flags(path, flags(OpenFlags::SQLITE_OPEN_READ_WRITE))?;
    db.set_prepared_statement_cache_capacity(64);
    db.busy_timeout(BUSY_TIMEOUT)?;
    let schema = schema(&db)?;
    if schema == Schema::None {
        // These two can be chosen before the first page is written only.
        db.pragma_update(None, "page_size", 8192)?;
        db.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    let mode: String = db.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(Problem::Ours(format!(
            "cannot use a write-ahead log here (SQLite stays in mode {mode})"
        )));
    }
    // A commit is on the disk when it returns.
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "foreign_keys", true)?;
    db.pragma_update(None, "mmap_size", 0)?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    db.pragma_update(None, "trusted_schema", false)?;
    // The writer makes the checkpoints itself, between its batches.
    db.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    db.pragma_update_and_check(None, "journal_size_limit", 64 * 1024 * 1024, |_| Ok(()))?;

    let transaction = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let applied = match schema {
        Schema::None => 0,
        Schema::Version(version) => version,
    };
    for migration in MIGRATIONS.iter().skip(applied) {
        transaction.execute_batch(migration)?;
        failpoint!("mid-migration");
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX))?;
    transaction.commit()?;
    Ok(db)
}

/// What went wrong, and what to do about it.
fn explain(error: &rusqlite::Error) -> String {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => "is no SQLite database, or its header is damaged: \
             restore it from a backup, or move it away to begin an empty inbox"
            .to_owned(),
        Some(ErrorCode::DatabaseCorrupt) => {
            "is damaged, or cannot be read from its disk: restore it from a backup, or recover what is left with \
             `sqlite3 … .recover`"
                .to_owned()
        }
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            format!("cannot be written ({error}): give this user the right to write it and its directory")
        }
        Some(ErrorCode::DiskFull) => "cannot be written: the disk is full".to_owned(),
        Some(ErrorCode::DatabaseBusy) => {
            "is in use by another program, such as a shell that has a transaction open: end that".to_owned()
        }
        _ => format!("cannot be used: {error}"),
    }
}

/// How long to wait for another process to let go: a command that works on the file is soon done, and so is a server
/// that ends.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// Takes the lock that this process holds for life, or names the one that has it.
fn lock(path: &Path) -> Result<File, OpenError> {
    let lock_path = beside(path, "-lock");
    let mut lock = private().read(true).create(true).open(&lock_path).map_err(|error| {
        format!(
            "{} cannot be written ({error}): give this user the right to write there",
            lock_path.display()
        )
    })?;
    let since = Instant::now();
    loop {
        match lock.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if since.elapsed() < LOCK_PATIENCE => {
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(TryLockError::WouldBlock) => return Err(OpenError::Taken(taken(path, &mut lock))),
            Err(TryLockError::Error(error)) => {
                return Err(format!("{} cannot be locked: {error}", lock_path.display()).into());
            }
        }
    }
    // Who holds it is for people only; the lock is what counts.
    let _ = lock.set_len(0).and_then(|()| lock.rewind());
    let _ = write!(lock, "{}", std::process::id());
    Ok(lock)
}

fn taken(path: &Path, lock: &mut File) -> String {
    let mut holder = String::new();
    let _ = lock.read_to_string(&mut holder);
    let holder = match holder.trim() {
        "" => "another process".to_owned(),
        pid => format!("process {pid}"),
    };
    format!(
        "{} is in use by {holder}: an inbox has one server; stop that one, or name another file with --inbox",
        path.display()
    )
}

/// Opens for writing; what is made is for this user alone.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Refuses file systems on which several machines could write one log, and none would know of the others.
#[cfg(target_os = "linux")]
fn network(path: &Path) -> Result<(), String> {
    const NETWORK: [(u32, &str); 4] =
        [(0x6969, "NFS"), (0x517b, "SMB"), (0xff53_4d42, "CIFS"), (0xfe53_4d42, "SMB2")];
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(found) = rustix::fs::statfs(directory) else { return Ok(()) };
    // The field's type differs between machines, its low 32 bits do not.
    #[expect(clippy::cast_possible_truncation, reason = "the magic numbers have 32 bits")]
    let kind = found.f_type as u32;
    match NETWORK.iter().find(|(magic, _)| *magic == kind) {
        Some((_, name)) => Err(format!(
            "{} is on a network file system ({name}), where SQLite's log is not safe: choose a local disk",
            path.display()
        )),
        None => Ok(()),
    }
}

#[cfg(not(target_os = "linux"))]
fn network(_path: &Path) -> Result<(), String> {
    Ok(())
}
