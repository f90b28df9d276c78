//! Reading files again and again, even if a file system hangs, as a network's or one in user space may.
//!
//! Each read has a thread of its own, and a file has at most one: while it hangs, the file is not read again. The server
//! never waits for such a thread, not even at its end. (Linux may: it does not end a process while a file system in user space
//! is working on its request.)

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::oneshot::{self, Receiver};
use tokio::time::{Instant, timeout_at};
use tracing::{error, info};

use super::file::{self, Content};

/// How long a read may take until an operator is told that it hangs.
const PATIENCE: Duration = Duration::from_secs(5);

/// Reads a file. `None` if it can be read only once.
type ReadFile = fn(&Path) -> Option<Content>;

/// All files that are read again. One that belongs to several things is read by one reader.
pub(super) struct Readers {
    by_file: BTreeMap<PathBuf, Reader>,
    read: ReadFile,
    patience: Duration,
}

/// One file.
#[derive(Default)]
struct Reader {
    /// The read in progress, and when it began.
    running: Option<(Receiver<Option<Content>>, Instant)>,
    /// Whether that read was reported to hang.
    hangs: bool,
}

/// What became of reading several files.
pub(super) enum Found {
    /// There are no files.
    Nothing,
    /// Their contents, and one digest of these.
    Read(Vec<Content>, [u8; 32]),
    /// One of them can be read only once, such as a pipe.
    ReadOnce,
    /// Reading this one hangs.
    Hangs(PathBuf),
}

impl Readers {
    pub(super) fn new() -> Self {
        Self::with(file::read_again, PATIENCE)
    }

    /// Makes readers that read files in this way, and wait this long.
    pub(super) fn with(read: ReadFile, patience: Duration) -> Self {
        Self { by_file: BTreeMap::new(), read, patience }
    }

    /// Begins to read these files. Later calls of [`read`](Self::read) wait for what has begun.
    pub(super) fn begin<'f>(&mut self, files: impl IntoIterator<Item = &'f Path>) {
        for file in files {
            let read = self.read;
            self.by_file.entry(file.to_owned()).or_default().begin(file, read);
        }
    }

    /// Reads these files.
    ///
    /// Waits for one that hangs the first time only. Cancel safety: a read goes on, and the next call waits for it.
    pub(super) async fn read(&mut self, files: &[&Path]) -> Found {
        let (read, patience) = (self.read, self.patience);
        self.begin(files.iter().copied());
        let (mut contents, mut hangs, mut is_read_once) = (Vec::new(), None, false);
        for &file in files {
            let reader = self.by_file.entry(file.to_owned()).or_default();
            match reader.read(file, read, patience).await {
                Ok(Some(content)) => contents.push(content),
                Ok(None) => is_read_once = true,
                Err(Hangs) => hangs = Some(file.to_owned()),
            }
        }
        match hangs {
            Some(file) => Found::Hangs(file),
            None if is_read_once => Found::ReadOnce,
            None if files.is_empty() => Found::Nothing,
            None => {
                let digest = digest_of(&contents);
                Found::Read(contents, digest)
            }
        }
    }
}

/// The read did not end in time.
struct Hangs;

impl Reader {
    /// Begins to read, unless a read is in progress.
    fn begin(&mut self, file: &Path, read: ReadFile) {
        if self.running.is_none() {
            let (answer, running) = oneshot::channel();
            let path = file.to_owned();
            let work = move || drop(answer.send(read(&path)));
            // If no thread can be started, `answer` is dropped, and nothing is read.
            drop(thread::Builder::new().name("reload".to_owned()).spawn(work));
            self.running = Some((running, Instant::now()));
        }
    }

    /// Waits for the read in progress, or for a new one, and reports one that hangs, and its end.
    async fn read(
        &mut self,
        file: &Path,
        read: ReadFile,
        patience: Duration,
    ) -> Result<Option<Content>, Hangs> {
        if self.hangs {
            let late = self.running.as_mut().map(|(running, _)| running.try_recv());
            if let Some(Err(TryRecvError::Empty)) = late {
                return Err(Hangs);
            }
            // What it has read is old by now.
            (self.running, self.hangs) = (None, false);
            info!(file = %file.display(), "the file can be read again");
        }
        self.begin(file, read);
        let Some((running, began)) = &mut self.running else { return Err(Hangs) };
        match timeout_at(*began + patience, running).await {
            Ok(found) => {
                self.running = None;
                Ok(found.unwrap_or_else(|_| Some(Err("no thread could be started to read it".to_owned()))))
            }
            Err(_) => {
                self.hangs = true;
                error!(
                    file = %file.display(),
                    "reading the file hangs: what was read from it stays in use until its file system answers"
                );
                Err(Hangs)
            }
        }
    }
}

fn digest_of(contents: &[Content]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for content in contents {
        let (text, is_read) = match content {
            Ok(text) => (&**text, 1),
            Err(error) => (&**error, 0),
        };
        digest.update([is_read]);
        digest.update(text.len().to_le_bytes());
        digest.update(text);
    }
    digest.finalize().into()
}
