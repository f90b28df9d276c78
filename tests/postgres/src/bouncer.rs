//! PgBouncer between programs and a server: a pool of connections, of which a client has one for each transaction.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use crate::{LIMIT, PORT, Postgres, USER, as_owner, folder, give};

/// Runs a program until there is nothing more to read, and removes the folder then.
const KEEPER: &str = r#"
folder=$1; shift
"$@" >>"$folder/out" 2>&1 &
read -r _
kill -TERM $!
wait
rm -rf "$folder"
"#;

/// The roles that may log in. PgBouncer must know them all; the server asks for no password.
const ROLES: [&str; 2] = [USER, "postgres"];

/// A PgBouncer in transaction mode, on a Unix socket only. It is stopped as the server is.
#[derive(Debug)]
pub struct Bouncer {
    folder: PathBuf,
    keeper: Child,
}

impl Bouncer {
    /// Starts it before a server, to which it has at most `connections`.
    ///
    /// # Panics
    ///
    /// Panics if it is not installed, or does not start.
    #[must_use]
    pub fn start(server: &Postgres, connections: u32) -> Self {
        let program = installed();
        let folder = folder();
        let config = folder.join("config");
        let users = folder.join("users");
        let text = format!(
            "[databases]
* = host={server} port={port}
[pgbouncer]
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 1000
unix_socket_dir = {folder}
listen_addr =
listen_port = {PORT}
auth_type = trust
auth_file = {users}
logfile = {folder}/log
",
            server = server.folder().display(),
            port = server.port,
            folder = folder.display(),
            users = users.display(),
        );
        std::fs::write(&config, text).expect("the folder is ours");
        let roles: String = ROLES.iter().map(|role| format!("\"{role}\" \"\"\n")).collect();
        std::fs::write(&users, roles).expect("the folder is ours");
        for file in [&folder, &config, &users] {
            give(file);
        }
        let bouncer = as_owner(program.as_os_str());
        let mut keeper = Command::new("/bin/sh");
        keeper.args(["-c", KEEPER, "keeper"]).arg(&folder);
        keeper.arg(bouncer.get_program()).args(bouncer.get_args()).arg(&config);
        // Ctrl-C ends the tests, not what cleans up after them.
        keeper.current_dir("/").process_group(0).stdin(Stdio::piped()).stdout(Stdio::null());
        let this = Self { keeper: keeper.spawn().expect("there is a shell"), folder };
        let since = Instant::now();
        while !this.log().contains("process up") {
            assert!(since.elapsed() < LIMIT, "PgBouncer does not start:\n{}", this.log());
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        this
    }

    /// The URL of the server's database by way of the pool.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres:///postgres?user={USER}&host={}&port={PORT}", self.folder.display())
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        ["out", "log"]
            .map(|file| std::fs::read_to_string(self.folder.join(file)).unwrap_or_default())
            .concat()
    }
}

/// Stops it, and waits until its folder is removed.
impl Drop for Bouncer {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// Finds the program, which is not in everybody's path.
fn installed() -> PathBuf {
    let mut folders: Vec<PathBuf> = std::env::var_os("PATH").iter().flat_map(std::env::split_paths).collect();
    folders.push(Path::new("/usr/sbin").to_owned());
    let found = folders.into_iter().map(|folder| folder.join("pgbouncer")).find(|program| program.exists());
    found.unwrap_or_else(|| {
        panic!("this test needs `pgbouncer`: install it (Debian: `apt-get install pgbouncer`)")
    })
}
