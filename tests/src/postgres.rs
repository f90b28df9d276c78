//! A PostgreSQL server of a test's own.

use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{Process, Stream, run};

/// PostgreSQL refuses to run as root, so this user runs it then.
const NOBODY: u32 = 65534;

/// A server with an empty database, on a socket in a folder of its own; stopped when dropped.
pub struct Postgres {
    process: Option<Process>,
    folder: tempfile::TempDir,
}

impl Postgres {
    /// Starts a server.
    #[track_caller]
    pub fn start() -> Self {
        // The path of a socket must be short, and `NOBODY` must reach it: not the target folder.
        let folder = tempfile::Builder::new().prefix("postgres-").tempdir();
        let folder = folder.expect("there is a place for temporary files");
        if is_root() {
            chown(folder.path(), Some(NOBODY), Some(NOBODY)).expect("root may");
        }
        let mut initdb = server_program("initdb");
        initdb.args(["--auth=trust", "--username=shop", "--encoding=UTF8", "--no-locale", "--no-sync"]);
        run(initdb.arg("-D").arg(data(folder.path()))).with_code(0);
        let mut server = Self { process: None, folder };
        server.restart();
        server
    }

    /// Starts it again after [`stop`](Self::stop).
    #[track_caller]
    pub fn restart(&mut self) {
        let mut server = server_program("postgres");
        server.args(["-c", "listen_addresses=", "-c", "fsync=off", "-k"]).arg(self.folder.path());
        let process = Process::start(server.arg("-D").arg(data(self.folder.path())));
        process.line_with(Stream::Stderr, "database system is ready to accept connections");
        self.process = Some(process);
    }

    /// Stops it at once, as a crash would.
    #[track_caller]
    pub fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.signal("QUIT");
            process.wait();
        }
    }

    /// The URL of its database.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres:///postgres?user=shop&host={}", self.folder.path().display())
    }

    /// A command for its own client, which shows values alone.
    #[must_use]
    pub fn client(&self) -> Command {
        let mut psql = Command::new(installed("psql"));
        psql.args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-U", "shop", "-d", "postgres", "-h"]);
        psql.arg(self.folder.path());
        psql
    }

    /// Runs SQL and returns its values: a line for each row, with `|` between columns.
    #[track_caller]
    #[must_use]
    pub fn query(&self, sql: &str) -> String {
        let mut values = run(self.client().args(["-c", sql])).with_code(0).stdout;
        values.truncate(values.trim_end().len());
        values
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

/// A command for one of the server's programs, which ends with the thread that runs the test.
fn server_program(name: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "QUIT"]);
    if is_root() {
        command.args([format!("--reuid={NOBODY}"), format!("--regid={NOBODY}"), "--clear-groups".to_owned()]);
    }
    command.arg("--").arg(installed(name)).current_dir("/");
    command
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|this| this.uid() == 0)
}

/// Finds a program of PostgreSQL, which Debian keeps out of the path.
#[track_caller]
fn installed(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<_> = versions.map(|version| version.path().join("bin")).collect();
    folders.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths));
    let found = folders.into_iter().map(|folder| folder.join(name)).find(|program| program.exists());
    found.unwrap_or_else(|| panic!("this test needs `{name}`: install the server of PostgreSQL 13 or newer"))
}
