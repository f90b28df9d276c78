//! What is read from files again while the server runs, such as signing secrets.
//!
//! Each file is read every second, because that works on every file system and however a file is replaced: written
//! anew, renamed over, or behind a symbolic link that is moved, as in Kubernetes. A new content is taken when it was
//! read twice, so that a file that is being written is not taken by half. When the server is asked to, as at SIGHUP,
//! everything is read at once, and 100 ms later.
//!
//! A file whose file system hangs holds up only what it belongs to: see [`reader`].
//!
//! New content replaces the old one only if all of it is valid. Otherwise the old one stays, and an error says why,
//! once.

pub(crate) mod file;
mod reader;
#[cfg(test)]
mod tests;

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{error, info};

use self::file::Content;
use self::reader::{Found, Readers};
use crate::problems::{Problems, in_one_line};
use crate::report::{Fact, Report};

/// How often files are read.
const INTERVAL: Duration = Duration::from_secs(1);

/// How long after the first time files are read again when it was asked for.
const SETTLING: Duration = Duration::from_millis(100);

/// Something that is read from files, and replaced when they change.
pub(crate) trait Reloadable: Debug + Send + Sync + 'static {
    /// What it is, for the log: a plural.
    fn what(&self) -> &'static str;

    /// The endpoint that it belongs to, if it belongs to one.
    fn of(&self) -> Option<&str> {
        None
    }

    /// The files, in the order in which [`replace`](Self::replace) takes their contents.
    fn files(&self) -> Vec<&Path>;

    /// The environment variables that it is read from as well. They never change.
    fn variables(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Takes the contents of all files if they are valid, and logs what changed.
    ///
    /// # Errors
    ///
    /// Says everything that is wrong with them. Then nothing was changed.
    fn replace(&self, contents: Vec<Content>) -> Result<Change, Problems>;
}

/// What became of what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It was the same as before.
    None,
    Replaced,
}

/// The request to read everything at once, and the news of what was replaced.
#[derive(Debug, Default)]
pub(crate) struct Reload {
    asked: Notify,
    replaced: Notify,
    /// What is called before and after.
    around: Option<[fn(); 2]>,
}

impl Reload {
    /// Calls these functions before and after.
    #[cfg(feature = "cli")]
    pub(crate) fn between(around: [fn(); 2]) -> Self {
        Self { around: Some(around), ..Self::default() }
    }

    /// Asks for it. Requests that come before it begins count as one.
    pub(crate) fn ask(&self) {
        self.asked.notify_one();
    }

    /// Waits until anything is replaced. What was replaced since the last call counts.
    pub(crate) async fn replaced(&self) {
        self.replaced.notified().await;
    }

    /// Reads the files every second, and when asked to. Never returns.
    pub(crate) async fn watch(&self, all: Vec<Arc<dyn Reloadable>>, report: &Report) {
        let mut readers = Readers::new();
        let mut watched: Vec<Watched> = all.into_iter().map(|what| Watched::new(what, report)).collect();
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_asked = tokio::select! {
                _ = ticks.tick() => false,
                () = self.asked.notified() => true,
            };
            // At once, so that all of those that hang take no longer than one of them.
            readers.begin(watched.iter().flat_map(|watched| watched.what.files()));
            self.around.iter().filter(|_| is_asked).for_each(|[before, _]| before());
            for watched in &mut watched {
                let change = match is_asked {
                    false => watched.poll(&mut readers).await,
                    true => watched.read_now(&mut readers).await,
                };
                if change == Some(Change::Replaced) {
                    self.replaced.notify_one();
                }
            }
            if is_asked {
                note_variables(&watched);
                self.around.iter().for_each(|[_, after]| after());
            }
        }
    }
}

/// Says what cannot be read again.
fn note_variables(watched: &[Watched]) {
    let variables: Vec<&str> = watched.iter().flat_map(|watched| watched.what.variables()).collect();
    if !variables.is_empty() {
        let variables = variables.join(", ");
        info!(variables, "the environment of a running program cannot change: restart to change these");
    }
}

/// Something reloadable, and what is known of its files.
#[derive(Debug)]
struct Watched {
    what: Arc<dyn Reloadable>,
    /// The digest of the contents that were taken or refused last.
    tried: Option<[u8; 32]>,
    /// The digest of the contents that were read last.
    seen: Option<[u8; 32]>,
    report: Report,
}

impl Watched {
    fn new(what: Arc<dyn Reloadable>, report: &Report) -> Self {
        Self { what, tried: None, seen: None, report: report.clone() }
    }

    /// Reads the files, and takes contents that were read twice and are new.
    async fn poll(&mut self, readers: &mut Readers) -> Option<Change> {
        let Found::Read(contents, digest) = readers.read(&self.what.files()).await else { return None };
        let is_settled = self.seen.replace(digest) == Some(digest);
        if is_settled && self.tried != Some(digest) { self.replace(contents, digest) } else { None }
    }

    /// Reads the files and takes their contents, and says so even if nothing changed.
    async fn read_now(&mut self, readers: &mut Readers) -> Option<Change> {
        let reloadable = Arc::clone(&self.what);
        let (what, endpoint, files) = (reloadable.what(), reloadable.of(), reloadable.files());
        let before = readers.read(&files).await;
        if let Found::Read(..) = before {
            tokio::time::sleep(SETTLING).await;
        }
        let change = match (before, readers.read(&files).await) {
            (Found::Read(_, before), Found::Read(contents, digest)) if before == digest => {
                self.replace(contents, digest)?
            }
            (_, Found::Nothing) => return None,
            (_, Found::Read(..)) => {
                info!(endpoint, "{what}: not reloaded yet, because they are still being written");
                return None;
            }
            (_, Found::ReadOnce) => {
                info!(endpoint, "{what}: not reloaded, because only regular files can be read again");
                return None;
            }
            (_, Found::Hangs(file)) => {
                error!(endpoint, file = %file.display(), "{what}: not reloaded, because reading the file hangs");
                return None;
            }
        };
        if change == Change::None {
            info!(endpoint, "{what}: nothing has changed");
        }
        Some(change)
    }

    /// Returns `None` if the contents were refused.
    fn replace(&mut self, contents: Vec<Content>, digest: [u8; 32]) -> Option<Change> {
        self.tried = Some(digest);
        match self.what.replace(contents) {
            Ok(change) => Some(change),
            Err(problems) => {
                let (what, endpoint) = (self.what.what(), self.what.of());
                for reason in problems.list() {
                    let reason = in_one_line(reason);
                    self.report.note(&Fact::NotReloaded { what, endpoint, reason: &reason });
                }
                None
            }
        }
    }
}
