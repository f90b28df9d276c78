//! A PostgreSQL server for tests: in a folder of its own, on a Unix socket only.
//!
//! It is stopped, and its folder removed, when its owner is dropped, or when the process ends, in whatever way: a shell waits
//! for the end of the process's pipe. `TEST_POSTGRES_BIN` names the folder of the server's programs; otherwise the newest that
//! Debian has installed is used.

mod bouncer;
mod clock;
mod pgbench;
mod proxy;
mod slow_sync;
mod standby;

use std::ffi::{OsStr, OsString};
use std::fs::Permissions;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

pub use bouncer::Bouncer;
pub use clock::wrong_clock;
pub use proxy::{Direction, Fate, Proxy};
pub use standby::Pair;

/// PostgreSQL refuses to run as root, so this user runs it then.
const NOBODY: u32 = 65534;

/// The port in the name of a socket.
const PORT: u16 = 5432;

/// Names the folder of the server's programs.
const BIN: &str = "TEST_POSTGRES_BIN";

/// The user of the database.
const USER: &str = "shop";

/// How long a server may take to start or to stop. This only stops a test that hangs.
const LIMIT: Duration = Duration::from_secs(120);

/// Starts the server with its arguments, obeys what it reads, and removes the folder when there is nothing more to read.
const KEEPER: &str = r#"
folder=$1; shift
# It may be frozen.
end() { kill -QUIT "$server"; kill -CONT "$server"; } 2>>"$folder/log"
while read -r word; do
    case $word in
        start) "$@" >>"$folder/log" 2>&1 & server=$!; echo "$server" ;;
        stop) end; wait "$server"; echo stopped ;;
        end) break ;;
    esac
done
end
wait
rm -rf "$folder"
"#;

/// Who may log in, and how: the user `guarded` with a password, unless it comes through the socket.
const LOGINS: &str = "\
local all all trust
local replication all trust
host all guarded all scram-sha-256
host all all all trust
";

/// A server with an empty database, and without a password.
#[derive(Debug)]
pub struct Postgres {
    folder: PathBuf,
    port: u16,
    keeper: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    is_running: bool,
}

/// The server of this process, which the first call starts. Each test takes a [`schema`] of it.
#[track_caller]
pub fn shared() -> &'static Postgres {
    static SHARED: OnceLock<Postgres> = OnceLock::new();
    SHARED.get_or_init(Postgres::start)
}

/// The URL of the database of the [`shared`] server; by way of a pool, if `TEST_POSTGRES_BOUNCER` says how many connections it
/// has to the server.
#[track_caller]
#[must_use]
pub fn shared_url() -> String {
    static BOUNCER: OnceLock<Option<Bouncer>> = OnceLock::new();
    let bouncer = BOUNCER.get_or_init(|| {
        let connections = std::env::var("TEST_POSTGRES_BOUNCER").ok()?;
        Some(Bouncer::start(shared(), connections.parse().expect("TEST_POSTGRES_BOUNCER is a number")))
    });
    bouncer.as_ref().map_or_else(|| shared().url(), Bouncer::url)
}

/// A name for a schema that no other test of this process has.
#[must_use]
pub fn schema() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

impl Postgres {
    /// Starts a server.
    #[track_caller]
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with settings of its own, such as `fsync=off`.
    #[track_caller]
    #[must_use]
    pub fn start_with(settings: &[&str]) -> Self {
        Self::start_in(folder(), PORT, settings)
    }

    /// Starts a server that also listens on a port of this machine, where it speaks TLS if it has a certificate and its key
    /// (PEM).
    #[track_caller]
    #[must_use]
    pub fn start_on_port(port: u16, certificate: Option<(&str, &str)>) -> Self {
        let folder = folder();
        let mut settings = vec!["listen_addresses=127.0.0.1".to_owned()];
        if let Some((certificate, key)) = certificate {
            for (name, setting, text) in
                [("cert.pem", "ssl_cert_file", certificate), ("key.pem", "ssl_key_file", key)]
            {
                let file = folder.join(name);
                std::fs::write(&file, text).expect("it can be written");
                std::fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("it is ours");
                give(&file);
                settings.push(format!("{setting}={}", file.display()));
            }
            settings.push("ssl=on".to_owned());
        }
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        Self::start_in(folder, port, &settings)
    }

    #[track_caller]
    fn start_in(folder: PathBuf, port: u16, settings: &[&str]) -> Self {
        let mut postgres = Self::stopped_in(folder, port, settings, &[]);
        postgres.initialise();
        postgres.restart();
        postgres
    }

    /// A server that has no data yet. `environment` is for its processes.
    #[track_caller]
    fn stopped_in(folder: PathBuf, port: u16, settings: &[&str], environment: &[(&str, &OsStr)]) -> Self {
        give(&folder);
        let mut keeper = Command::new("/bin/sh");
        keeper.args(["-c", KEEPER, "keeper"]).arg(&folder);
        let server = server_program("postgres");
        keeper
            .arg(server.get_program())
            .args(server.get_args())
            .arg("-D")
            .arg(data(&folder))
            .arg("-k")
            .arg(&folder)
            .args(["-p", &port.to_string()]);
        // Shared memory that is a file in the folder goes with it.
        let own = [
            "listen_addresses=",
            "autovacuum=off",
            "dynamic_shared_memory_type=mmap",
            "max_connections=500",
            "max_wal_size=256MB",
            "shared_buffers=64MB",
        ];
        for setting in own.iter().chain(settings) {
            keeper.args(["-c", setting]);
        }
        // Ctrl-C ends the tests, not what cleans up after them.
        keeper.current_dir("/").process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        keeper.envs(environment.iter().copied());
        let mut keeper = keeper.spawn().expect("there is a shell");
        let orders = keeper.stdin.take();
        let answers = BufReader::new(keeper.stdout.take().expect("it is piped"));
        Self { folder, port, keeper, orders, answers, is_running: false }
    }

    /// Makes its data.
    #[track_caller]
    fn initialise(&self) {
        let mut initdb = server_program("initdb");
        initdb.args(["--auth=trust", "--username", USER, "--encoding=UTF8", "--no-locale", "--no-sync"]);
        succeed(initdb.arg("-D").arg(data(&self.folder)));
        std::fs::write(data(&self.folder).join("pg_hba.conf"), LOGINS).expect("it can be written");
    }

    /// Starts it again after [`stop`](Self::stop), and waits until it accepts connections.
    #[track_caller]
    pub fn restart(&mut self) {
        // What a server that was killed has left says that it is ready.
        let _ = std::fs::remove_file(self.pid_file());
        let server = self.order("start");
        self.is_running = true;
        let since = Instant::now();
        while !std::fs::read_to_string(self.pid_file()).is_ok_and(|state| state.contains("\nready")) {
            // Its parent is the shell, so it is a zombie if it has ended.
            let state = std::fs::read_to_string(format!("/proc/{}/stat", server.trim())).unwrap_or_default();
            let is_alive = !state.is_empty() && !state.contains(") Z ") && since.elapsed() < LIMIT;
            assert!(is_alive, "PostgreSQL does not start:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Stops it at once, as a crash would. Does nothing if it is stopped.
    #[track_caller]
    pub fn stop(&mut self) {
        if std::mem::take(&mut self.is_running) {
            self.order("stop");
        }
    }

    /// The id of the server's process.
    #[track_caller]
    #[must_use]
    pub fn pid(&self) -> u32 {
        let state = std::fs::read_to_string(self.pid_file()).expect("it is running");
        state.lines().next().and_then(|pid| pid.parse().ok()).expect("its first line is the process")
    }

    /// The URL of its database.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres:///postgres?user={USER}&host={}&port={}", self.folder.display(), self.port)
    }

    /// The folder of its socket.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// A command for PostgreSQL's own client, which shows values alone.
    #[track_caller]
    #[must_use]
    pub fn client(&self) -> Command {
        let mut psql = self.program("psql");
        psql.args(["-XqAt", "-v", "ON_ERROR_STOP=1"]);
        psql
    }

    /// A command for one of PostgreSQL's own programs that connect to a database, such as `pgbench`.
    #[track_caller]
    #[must_use]
    pub fn program(&self, name: &str) -> Command {
        let mut program = Command::new(installed(name));
        program.env("PGHOST", &self.folder).env("PGPORT", self.port.to_string());
        program.env("PGUSER", USER).env("PGDATABASE", "postgres");
        program
    }

    /// Runs SQL and returns its values: a line for each row, with `|` between columns.
    #[track_caller]
    #[must_use]
    pub fn query(&self, sql: &str) -> String {
        succeed(self.client().args(["-c", sql])).trim_end().to_owned()
    }

    fn pid_file(&self) -> PathBuf {
        data(&self.folder).join("postmaster.pid")
    }

    /// Tells the shell what to do, waits until it is done, and returns the answer.
    #[track_caller]
    fn order(&mut self, word: &str) -> String {
        let orders = self.orders.as_mut().expect("it was not dropped");
        writeln!(orders, "{word}").expect("the shell is waiting");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the shell answers");
        assert!(!answer.is_empty(), "the shell that keeps PostgreSQL has ended:\n{}", self.log());
        answer
    }
}

/// Stops the server, and waits until its folder is removed.
impl Drop for Postgres {
    fn drop(&mut self) {
        self.orders = None;
        let _ = self.keeper.wait();
    }
}

/// A folder for a server: in memory if there is much, because a test that waits for a disk takes long. The path of a socket
/// must be short, and `NOBODY` must reach it.
#[track_caller]
fn folder() -> PathBuf {
    let mut builder = tempfile::Builder::new();
    builder.prefix("postgres-");
    let memory = Path::new("/dev/shm");
    let in_memory = if has_space(memory) { builder.tempdir_in(memory).ok() } else { None };
    let folder =
        in_memory.map_or_else(|| builder.tempdir(), Ok).expect("there is a place for temporary files");
    folder.keep()
}

/// Whether a file system has a gigabyte free. A container often has very little in memory.
fn has_space(path: &Path) -> bool {
    let free = Command::new("df").args(["--output=avail", "-BM"]).arg(path).output();
    let free = free.ok().and_then(|out| String::from_utf8(out.stdout).ok()).unwrap_or_default();
    let free = free.lines().last().and_then(|line| line.trim().trim_end_matches('M').parse::<u64>().ok());
    free.is_some_and(|free| free >= 1024)
}

/// Lets the user who runs the server own a file.
fn give(path: &Path) {
    if is_root() {
        chown(path, Some(NOBODY), Some(NOBODY)).expect("root may");
    }
}

fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

/// A command for one of the server's programs.
#[track_caller]
fn server_program(name: &str) -> Command {
    as_owner(installed(name).as_os_str())
}

/// A command for a program, run by the user who runs the server.
fn as_owner(program: &OsStr) -> Command {
    let mut command = if is_root() {
        let mut setpriv = Command::new("setpriv");
        setpriv.args([format!("--reuid={NOBODY}"), format!("--regid={NOBODY}")]);
        setpriv.args(["--clear-groups", "--"]).arg(program);
        setpriv
    } else {
        Command::new(program)
    };
    command.current_dir("/");
    command
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|this| this.uid() == 0)
}

/// Runs a command, and returns what it prints.
#[track_caller]
fn succeed(command: &mut Command) -> String {
    let ended = command.stdin(Stdio::null()).output();
    let ended = ended.unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(ended.status.success(), "{command:?}: {}\n{}", text(&ended.stdout), text(&ended.stderr));
    text(&ended.stdout)
}

/// Finds a program of PostgreSQL, which Debian keeps out of the path.
#[track_caller]
fn installed(name: &str) -> PathBuf {
    let chosen: Option<OsString> = std::env::var_os(BIN);
    let mut folders: Vec<PathBuf> = chosen.into_iter().map(PathBuf::from).collect();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<_> = versions.map(|version| version.path()).collect();
    versions.sort_by_key(|path| {
        let number =
            path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse::<u32>().ok());
        std::cmp::Reverse(number)
    });
    folders.extend(versions.into_iter().map(|version| version.join("bin")));
    folders.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths));
    let found = folders.into_iter().map(|folder| folder.join(name)).find(|program| program.exists());
    found.unwrap_or_else(|| {
        panic!(
            "this test needs `{name}`: install the server of PostgreSQL 13 or newer (Debian: `apt-get install \
             postgresql`), or name the folder of its programs in {BIN}"
        )
    })
}
