//! The server that is attacked, and what it costs.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use product_tests::{Process, SECRET, Server, new_inbox, program, tool};

/// Keeps what this program starts from now on to these cores.
pub(crate) fn keep_to(cores: &str) {
    let pid = std::process::id().to_string();
    let kept = tool("taskset", "the package util-linux")
        .args(["--all-tasks", "--pid", "--cpu-list", cores, &pid])
        .output();
    assert!(kept.is_ok_and(|output| output.status.success()), "`taskset` failed");
}

pub(crate) struct Front {
    pub(crate) address: SocketAddr,
    process: Process,
    inbox: PathBuf,
    pid: u32,
}

impl Front {
    /// Starts it, on the cores that are named, or on all.
    pub(crate) fn start(cores: Option<&str>) -> Self {
        let executable = env!("CARGO_BIN_EXE_outcomes");
        let inbox = new_inbox();
        let mut command = match cores {
            Some(cores) => {
                drop(tool("taskset", "the package util-linux"));
                let mut command = program("taskset");
                command.args(["--cpu-list", cores, executable]);
                command
            }
            None => program(executable),
        };
        command.env("STRIPE_WEBHOOK_SECRET", SECRET).env("WEBHOOK_INBOX", &inbox);
        // What the log costs depends on where it goes.
        command.env("RUST_LOG", "error,webhook_server::command::serve=info");
        let Server { process, address, .. } = Server::from_command(&mut command, &[]);
        let pid = process.id();
        Self { address, process, inbox, pid }
    }

    /// Its resident memory, in KiB.
    pub(crate) fn memory(&self) -> u64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the system tells it");
        line.trim().trim_end_matches(" kB").parse().expect("it is a number")
    }

    /// How many file descriptors it has open.
    pub(crate) fn descriptors(&self) -> u64 {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid)).map_or(0, |entries| entries.count() as u64)
    }

    /// The CPU time that it has used.
    pub(crate) fn cpu(&self) -> Duration {
        let stat = self.proc("stat");
        let (_, fields) = stat.rsplit_once(") ").expect("the name stands in parentheses");
        let ticks =
            fields.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("it is a number"));
        // Linux counts in hundredths of a second here, on every architecture that we know of.
        Duration::from_millis(ticks.sum::<u64>() * 10)
    }

    /// Waits until all tasks are done.
    pub(crate) async fn idle(&self) {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let db = rusqlite::Connection::open_with_flags(&self.inbox, flags).expect("it is there");
        let waiting = || {
            let query = "SELECT count(*) FROM inbox_task WHERE state <= 2";
            db.query_row(query, [], |row| row.get::<_, u64>(0)).expect("it can be read")
        };
        while waiting() > 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub(crate) fn stop(self) {
        // What waits need not be handled for the figures.
        self.process.signal("KILL");
        self.process.wait();
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.pid)).expect("the server is running")
    }
}
