//! A server with a standby, and what happens to either.

use std::ffi::OsStr;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::{LIMIT, PORT, Postgres, USER, as_owner, data, folder, succeed, wrong_clock};

/// Two servers, of which one follows the other.
#[derive(Debug)]
pub struct Pair {
    /// The server that accepts writes at first.
    pub primary: Postgres,
    /// The one that follows.
    pub standby: Postgres,
}

impl Pair {
    /// Starts both. A commit waits for the standby.
    #[track_caller]
    #[must_use]
    pub fn synchronous() -> Self {
        Self::start("*", &[])
    }

    /// Starts both. No commit waits for the standby.
    #[track_caller]
    #[must_use]
    pub fn asynchronous() -> Self {
        Self::start("", &[])
    }

    /// Starts both. A commit waits for the standby, whose clock is wrong by this much, such as `+1h`.
    #[track_caller]
    #[must_use]
    pub fn with_wrong_clock(offset: &str) -> Self {
        let environment = wrong_clock(offset);
        let environment: Vec<(&str, &OsStr)> =
            environment.iter().map(|(name, value)| (*name, value.as_os_str())).collect();
        Self::start("*", &environment)
    }

    /// Starts both, and waits until the standby follows. `environment` is the standby's.
    #[track_caller]
    fn start(waits_for: &str, environment: &[(&str, &OsStr)]) -> Self {
        let names = format!("synchronous_standby_names={waits_for}");
        // What the standby has missed while it was stopped must still be there.
        let mut primary = Postgres::stopped_in(folder(), PORT, &[&names, "wal_keep_size=256MB"], &[]);
        primary.initialise();

        let source = format!("primary_conninfo=host={} port={PORT} user={USER}", primary.folder.display());
        let settings = [&*source, "wal_retrieve_retry_interval=100ms"];
        let mut standby = Postgres::stopped_in(folder(), PORT, &settings, environment);
        // A cluster that never ran is its own backup.
        let mut copy = as_owner("cp".as_ref());
        succeed(copy.arg("-a").arg(data(&primary.folder)).arg(data(&standby.folder)));
        succeed(as_owner("touch".as_ref()).arg(data(&standby.folder).join("standby.signal")));

        primary.restart();
        standby.restart();
        let pair = Self { primary, standby };
        pair.wait_until_followed();
        pair
    }

    /// Waits until the standby follows.
    #[track_caller]
    pub fn wait_until_followed(&self) {
        let since = Instant::now();
        while self.primary.query("SELECT state FROM pg_stat_replication") != "streaming" {
            assert!(since.elapsed() < LIMIT, "the standby does not follow:\n{}", self.standby.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The URL that names both.
    #[must_use]
    pub fn url(&self) -> String {
        format!(
            "postgres:///postgres?user={USER}&host={},{}&port={PORT}&target_session_attrs=read-write",
            self.primary.folder.display(),
            self.standby.folder.display()
        )
    }

    /// The same for the driver `tokio-postgres`, whose URLs cannot name two sockets.
    #[must_use]
    pub fn parameters(&self) -> String {
        format!(
            "user={USER} dbname=postgres host={},{} port={PORT} target_session_attrs=read-write",
            self.primary.folder.display(),
            self.standby.folder.display()
        )
    }
}

impl Postgres {
    /// Ends all its processes at once, as the loss of its machine would.
    #[track_caller]
    pub fn kill(&mut self) {
        let processes = self.frozen();
        signal("KILL", &processes);
        self.stop();
    }

    /// Stops all its processes where they are, until [`thaw`](Self::thaw).
    #[track_caller]
    pub fn freeze(&self) {
        self.frozen();
    }

    /// Lets its processes go on.
    #[track_caller]
    pub fn thaw(&self) {
        let server = self.pid();
        let processes: Vec<u32> = children(server).into_iter().chain([server]).collect();
        signal("CONT", &processes);
    }

    /// Stops the process that sends its changes to the standby, so that this one does not get any more.
    #[track_caller]
    pub fn freeze_sender(&self) {
        let sender = self.query("SELECT pid FROM pg_stat_replication");
        signal("STOP", &[sender.parse().expect("there is one")]);
    }

    /// Makes a standby the primary.
    #[track_caller]
    pub fn promote(&self) {
        assert_eq!(self.query("SELECT pg_promote(true, 60)"), "t", "{}", self.log());
    }

    /// Stops its processes, and returns them. The server is the first to stop, so that it starts no others.
    #[track_caller]
    fn frozen(&self) -> Vec<u32> {
        let server = self.pid();
        signal("STOP", &[server]);
        let mut processes = children(server);
        signal("STOP", &processes);
        processes.push(server);
        processes
    }
}

/// The processes that a process has started.
fn children(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let of_parent = |pid: &u32| {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // Its name, which may contain anything, is in parentheses; then come its state and its parent.
        let after_name = state.rsplit_once(") ").map_or("", |(_, rest)| rest);
        after_name.split(' ').nth(1) == Some(&parent.to_string())
    };
    processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(of_parent).collect()
}

/// Sends a signal to processes, of which some may have ended.
#[track_caller]
fn signal(name: &str, processes: &[u32]) {
    let processes: Vec<String> = processes.iter().map(u32::to_string).collect();
    let kill = format!("kill -{name} {} 2>/dev/null; true", processes.join(" "));
    succeed(Command::new("sh").args(["-c", &kill]));
}
