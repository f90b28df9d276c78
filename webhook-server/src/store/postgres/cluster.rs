//! A PostgreSQL server for the tests of this crate: one for all of them, each of which has a schema of its own.

use std::fs::{File, read_dir};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

/// PostgreSQL refuses to run as root, so this user runs it then.
const NOBODY: u32 = 65534;

/// The server, which ends when its standard input does: with the process of the tests. Then its folder goes, too.
const SERVE: &str = r#"
    "$0/postgres" -D "$1/data" -k "$1" -c listen_addresses= -c max_connections=500 -c autovacuum=off >"$1/log" 2>&1 &
    until "$0/pg_isready" -q -h "$1"; do kill -0 $! || exit 1; sleep 0.05; done
    echo ready
    cat
    kill -QUIT $!
    wait
    rm -r "$1""#;

/// Makes a name for a schema that no other test has.
pub(crate) fn new_schema() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("test {}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The URL of the server's database. Starts the server if no other test has.
pub(crate) fn url() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| {
        let folder = start().keep();
        format!("postgres:///postgres?user=test&host={}", folder.display())
    })
}

fn start() -> TempDir {
    // What is tested here does not depend on the disk.
    let builder = || {
        let mut builder = tempfile::Builder::new();
        builder.prefix("postgres-");
        builder
    };
    let folder = builder().tempdir_in("/dev/shm").or_else(|_| builder().tempdir()).unwrap();
    let programs = programs();
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|this| this.uid() == 0);
    let command = |program: PathBuf| {
        let mut command = Command::new(if is_root { "setpriv".into() } else { program.clone() });
        if is_root {
            chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
            command.args([
                format!("--reuid={NOBODY}"),
                format!("--regid={NOBODY}"),
                "--clear-groups".to_owned(),
            ]);
            command.arg(program);
        }
        command.current_dir("/");
        command
    };
    let mut initdb = command(programs.join("initdb"));
    initdb.args(["--auth=trust", "--username=test", "--encoding=UTF8", "--no-locale", "--no-sync", "-D"]);
    let made = initdb.arg(folder.path().join("data")).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let mut server = command("/bin/sh".into());
    server.args(["-c", SERVE]).arg(&programs).arg(folder.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut server = server.spawn().unwrap();
    let mut ready = [0; 6];
    let read = std::io::Read::read_exact(&mut server.stdout.take().unwrap(), &mut ready);
    assert!(read.is_ok(), "{}", std::fs::read_to_string(folder.path().join("log")).unwrap_or_default());
    // Its standard input stays open as long as this process is there.
    std::mem::forget(server.stdin.take().map(|stdin| File::from(std::os::fd::OwnedFd::from(stdin))));
    folder
}

/// The folder of the server's programs, which Debian keeps out of the path. `POSTGRES_PROGRAMS` names another one.
fn programs() -> PathBuf {
    if let Some(folder) = std::env::var_os("POSTGRES_PROGRAMS") {
        return folder.into();
    }
    let versions = read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    folders.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths));
    let found = folders.into_iter().find(|folder| folder.join("postgres").exists());
    found.expect("this test needs PostgreSQL 13 or newer: on Debian, install the package postgresql")
}
