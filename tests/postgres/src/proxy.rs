//! A proxy before a server, on a Unix socket of its own, that knows the messages of the protocol and loses what it is told to.

use std::fmt;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tempfile::TempDir;

use crate::{PORT, Postgres, USER};

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there are two ends")]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a rule can choose among these only")]
pub enum Fate {
    /// It arrives.
    Pass,
    /// It is lost, and its sender does not notice.
    Lose,
    /// The connection ends before it.
    Cut,
    /// The connection ends in the middle of it.
    CutWithin,
    /// Nothing passes any more, in either direction, and neither end notices at first: the client's end is closed after this
    /// time, and the server's after it once more.
    Silence(Duration),
}

/// Decides what becomes of the messages of one connection.
type Rule = Box<dyn FnMut(Direction, &[u8]) -> Fate + Send>;

/// A running proxy, for as long as the process runs.
pub struct Proxy {
    folder: TempDir,
}

impl Proxy {
    /// Starts a proxy before a server. `rule` makes the rule of each connection, which is asked about every message, in either
    /// direction, before it is passed on.
    ///
    /// # Panics
    ///
    /// Panics if there is no place for its socket.
    #[must_use]
    pub fn start<R>(server: &Postgres, rule: impl Fn() -> R + Send + 'static) -> Self
    where
        R: FnMut(Direction, &[u8]) -> Fate + Send + 'static,
    {
        let folder = tempfile::Builder::new().prefix("proxy-").tempdir().expect("there is a place for it");
        let listener = UnixListener::bind(socket(folder.path(), PORT)).expect("the path is short");
        let server = socket(server.folder(), server.port);
        std::thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                // A server that is away closes the client's connection.
                if let Ok(server) = UnixStream::connect(&server) {
                    let line = Arc::new(Line { client, server, rule: Mutex::new((false, Box::new(rule()))) });
                    for direction in [Direction::ToServer, Direction::ToClient] {
                        let line = Arc::clone(&line);
                        // It ends as the connection does.
                        std::thread::spawn(move || line.pass(direction));
                    }
                }
            }
        });
        Self { folder }
    }

    /// The URL of the server's database by way of the proxy.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres:///postgres?user={USER}&host={}&port={PORT}", self.folder().display())
    }

    /// The folder of its socket.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("folder", &self.folder).finish()
    }
}

fn socket(folder: &Path, port: u16) -> PathBuf {
    folder.join(format!(".s.PGSQL.{port}"))
}

/// A connection that passes through.
struct Line {
    client: UnixStream,
    server: UnixStream,
    /// Whether it has fallen silent, and the rule.
    rule: Mutex<(bool, Rule)>,
}

impl Line {
    /// Passes on what goes in one direction, until the connection ends.
    fn pass(&self, direction: Direction) {
        let (from, to) = match direction {
            Direction::ToServer => (&self.client, &self.server),
            Direction::ToClient => (&self.server, &self.client),
        };
        let passed = self.pass_on(direction, &mut BufReader::new(from), &mut BufWriter::new(to));
        if passed.is_ok_and(|is_silent| is_silent) {
            return;
        }
        for end in [&self.client, &self.server] {
            // It may be closed already.
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    /// Passes messages on. Returns whether the connection has fallen silent, in which case its other end must not notice
    /// that one has closed it.
    fn pass_on(
        &self,
        direction: Direction,
        from: &mut BufReader<&UnixStream>,
        to: &mut BufWriter<&UnixStream>,
    ) -> io::Result<bool> {
        // The first message of a client has no type.
        let mut has_type = direction == Direction::ToClient;
        let mut message = Vec::new();
        loop {
            let read = read_message(from, &mut message, has_type);
            has_type = true;
            let fate = {
                let mut rule = self.rule.lock().unwrap_or_else(PoisonError::into_inner);
                if rule.0 {
                    if read.is_err() {
                        return Ok(true);
                    }
                    continue;
                }
                read?;
                let fate = (rule.1)(direction, &message);
                rule.0 = matches!(fate, Fate::Silence(_));
                fate
            };
            match fate {
                Fate::Pass => to.write_all(&message)?,
                Fate::Lose => {}
                Fate::Cut => return to.flush().map(|()| false),
                Fate::CutWithin => {
                    to.write_all(&message[..message.len() / 2])?;
                    return to.flush().map(|()| false);
                }
                Fate::Silence(time) => {
                    to.flush()?;
                    for end in [&self.client, &self.server] {
                        std::thread::sleep(time);
                        let _ = end.shutdown(Shutdown::Both);
                    }
                    return Ok(true);
                }
            }
            if from.buffer().is_empty() {
                to.flush()?;
            }
        }
    }
}

/// Reads one message, with its head: its type, and its length, which counts itself and what follows.
fn read_message(from: &mut impl Read, message: &mut Vec<u8>, has_type: bool) -> io::Result<()> {
    let head = usize::from(has_type) + 4;
    message.clear();
    message.resize(head, 0);
    from.read_exact(message)?;
    let length = message.last_chunk().map_or(0, |length: &[u8; 4]| u32::from_be_bytes(*length));
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    message.resize(usize::from(has_type) + length.max(4), 0);
    from.read_exact(&mut message[head..])
}
