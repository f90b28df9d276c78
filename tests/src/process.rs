//! Running programs, and waiting for what they write.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::{PATIENCE, scratch};

/// A command for one of our programs. Settings in the environment of the person who runs the tests do not reach it, and its
/// inbox is a new one. It listens where nothing else does: somebody may be using the address that is usual.
pub fn program(path: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(path);
    for (name, _) in std::env::vars_os() {
        let ours = |text: &str| text.starts_with("WEBHOOK_") || text.starts_with("STRIPE_");
        if name.to_str().is_some_and(|name| ours(name) || name.starts_with("RUST_")) {
            command.env_remove(name);
        }
    }
    command.env("WEBHOOK_INBOX", new_inbox()).env("WEBHOOK_LISTEN", "127.0.0.1:0");
    // Its usual port would be the same in all of them.
    command.env("WEBHOOK_ADMIN", "off");
    command
}

/// The path of an inbox that is not there yet.
pub fn new_inbox() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);

    let this = std::env::current_exe().expect("the system knows this program");
    let name = this.file_stem().expect("it has a name").to_string_lossy();
    let folder = scratch("inboxes").join(format!("{name}-{}", COUNT.fetch_add(1, Ordering::Relaxed)));
    // What an earlier run of the tests left.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("the target folder can be written to");
    folder.join("inbox.db")
}

/// A command for a tool that a test needs: with it missing, the test fails and says what to install.
pub fn tool(name: &str, how_to_get_it: &str) -> Command {
    let found = Command::new(name).arg("--version").output();
    assert!(
        found.is_ok_and(|output| output.status.success()),
        "this test needs `{name}`, and `{name} --version` does not run: install {how_to_get_it}"
    );
    Command::new(name)
}

/// How a program ended, and all it wrote.
#[derive(Debug)]
pub struct Ended {
    /// `None` if a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// Asserts the exit code, showing everything if it is another one.
    #[track_caller]
    pub fn with_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }
}

/// Runs a program to its end.
#[track_caller]
pub fn run(command: &mut Command) -> Ended {
    let mut running = Process::start(command);
    running.close_stdin();
    running.wait()
}

/// A program at work; killed when dropped.
pub struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    written: Arc<Shared>,
    patience: Duration,
    what: String,
}

/// What a program wrote so far, for the threads that read it and the one that waits for it.
#[derive(Default)]
struct Shared {
    written: Mutex<Written>,
    changed: Condvar,
}

#[derive(Default)]
struct Written {
    text: [String; 2],
    ended: [bool; 2],
}

impl Shared {
    /// A test that failed while it held the lock has broken nothing.
    fn lock(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Written)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}

/// Which of a program's two streams.
#[derive(Clone, Copy, Debug)]
pub enum Stream {
    Stdout,
    Stderr,
}

impl Process {
    /// Starts a program and collects what it writes.
    #[track_caller]
    pub fn start(command: &mut Command) -> Self {
        Self::start_writing(command, [None, None])
    }

    /// Starts a program whose standard output or error goes elsewhere.
    #[track_caller]
    pub fn start_writing(command: &mut Command, outputs: [Option<Stdio>; 2]) -> Self {
        Self::start_with(command, Stdio::piped(), outputs)
    }

    /// Starts a program whose standard input comes from elsewhere.
    #[track_caller]
    pub fn start_reading(command: &mut Command, stdin: impl Into<Stdio>) -> Self {
        Self::start_with(command, stdin.into(), [None, None])
    }

    #[track_caller]
    fn start_with(command: &mut Command, stdin: Stdio, [stdout, stderr]: [Option<Stdio>; 2]) -> Self {
        let what = format!("{command:?}");
        command.stdin(stdin);
        command.stdout(stdout.unwrap_or_else(Stdio::piped)).stderr(stderr.unwrap_or_else(Stdio::piped));
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{what} does not start: {error}"));
        let written = Arc::<Shared>::default();
        collect(child.stdout.take(), Stream::Stdout, &written);
        collect(child.stderr.take(), Stream::Stderr, &written);
        let stdin = child.stdin.take();
        Self { child, stdin, written, patience: PATIENCE, what }
    }

    /// Waits for it longer than for others.
    #[must_use]
    pub fn patiently(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Waits for a line of which `wanted` makes something.
    #[track_caller]
    pub fn line<T>(&self, stream: Stream, wanted: impl Fn(&str) -> Option<T>) -> T {
        self.until(|written| written.text[stream as usize].lines().find_map(&wanted))
    }

    /// Waits for a line of which `wanted` makes something, or for the end of the program.
    #[track_caller]
    pub fn line_or_end<T>(&self, stream: Stream, wanted: impl Fn(&str) -> Option<T>) -> Option<T> {
        self.until(|written| {
            let found = written.text[stream as usize].lines().find_map(&wanted);
            (found.is_some() || written.ended == [true, true]).then_some(found)
        })
    }

    /// Waits until there are this many lines.
    #[track_caller]
    pub fn lines(&self, stream: Stream, count: usize) {
        self.until(|written| (written.text[stream as usize].lines().count() >= count).then_some(()));
    }

    /// Waits for a line that contains a text.
    #[track_caller]
    pub fn line_with(&self, stream: Stream, text: &str) -> String {
        self.line(stream, |line| line.contains(text).then(|| line.to_owned()))
    }

    /// What it has written so far.
    #[must_use]
    pub fn seen(&self, stream: Stream) -> String {
        self.written.lock().text[stream as usize].clone()
    }

    /// Waits for a line that contains a text, and returns what was written before it.
    #[track_caller]
    pub fn seen_until(&self, stream: Stream, text: &str) -> String {
        self.until(|written| {
            let all = &written.text[stream as usize];
            all.find(text).map(|at| all[..at].to_owned())
        })
    }

    /// Writes a line to its standard input.
    pub fn tell(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("standard input is open");
        writeln!(stdin, "{line}").expect("the program reads");
    }

    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// The id by which the system knows it.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        // The shell's own `kill`: there is none in the standard library, and a crate for it would be one more.
        let kill = format!("kill -{name} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &kill]).status().expect("a shell is there");
        assert!(sent.success(), "`{kill}` failed");
    }

    /// Waits for the end.
    #[track_caller]
    pub fn wait(mut self) -> Ended {
        self.until(|written| (written.ended == [true, true]).then_some(()));
        let code = self.child.wait().expect("it is our child").code();
        let [stdout, stderr] = std::mem::take(&mut self.written.lock().text);
        Ended { code, stdout, stderr }
    }

    #[track_caller]
    fn until<T>(&self, ready: impl Fn(&Written) -> Option<T>) -> T {
        let deadline = Instant::now() + self.patience;
        let mut written = self.written.lock();
        loop {
            if let Some(value) = ready(&written) {
                return value;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || written.ended == [true, true] {
                let [stdout, stderr] = &written.text;
                panic!("{}: waited in vain; written so far:\n{stdout}\n{stderr}", self.what);
            }
            let waited = self.written.changed.wait_timeout(written, left);
            written = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if it has ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(from: Option<impl Read + Send + 'static>, stream: Stream, into: &Arc<Shared>) {
    let (into, at) = (Arc::clone(into), stream as usize);
    let Some(from) = from else {
        return into.change(|written| written.ended[at] = true);
    };
    std::thread::spawn(move || {
        let (mut from, mut line) = (BufReader::new(from), Vec::new());
        while from.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            into.change(|written| written.text[at].push_str(&String::from_utf8_lossy(&line)));
            line.clear();
        }
        into.change(|written| written.ended[at] = true);
    });
}
