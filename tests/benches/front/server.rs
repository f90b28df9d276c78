//! The server that is attacked, and what it costs.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use product_tests::{Process, SECRET, Server, Usage, new_inbox, program, tool};

pub(crate) struct Front {
    pub(crate) address: SocketAddr,
    process: Process,
    inbox: PathBuf,
    pub(crate) usage: Usage,
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
        let usage = Usage(process.id());
        Self { address, process, inbox, usage }
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
}
