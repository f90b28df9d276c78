//! One measured program at work, alone on its core.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use product_tests::{SECRET, Usage, program, tool, until};

/// Says that the product is to have no inbox.
pub(crate) const INLINE: (&str, &str) = ("PEERS_INLINE", "1");

/// How a program is started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    pub(crate) program: &'static str,
    pub(crate) environment: &'static [(&'static str, &'static str)],
    /// The inbox, if it is not a file in its folder.
    pub(crate) inbox: Option<&'static str>,
    /// Whether `strace` counts its syncs, into the file `syncs` in its folder.
    pub(crate) counts_syncs: bool,
}

impl Start {
    pub(crate) const fn of(program: &'static str) -> Self {
        Self { program, environment: &[], inbox: None, counts_syncs: false }
    }

    pub(crate) const fn with(mut self, environment: &'static [(&'static str, &'static str)]) -> Self {
        self.environment = environment;
        self
    }

    pub(crate) const fn with_inbox(mut self, inbox: &'static str) -> Self {
        self.inbox = Some(inbox);
        self
    }

    pub(crate) const fn counting_syncs(mut self) -> Self {
        self.counts_syncs = true;
        self
    }
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) usage: Usage,
    pub(crate) inbox: PathBuf,
    pub(crate) log: PathBuf,
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Server {
    /// Starts a program on this core and waits until it accepts connections. Its log and its inbox are in the folder; an
    /// inbox that is there is kept.
    pub(crate) fn start(path: &Path, start: Start, core: &str, folder: &Path) -> Self {
        fs::create_dir_all(folder).expect("the folder can be written to");
        drop(tool("taskset", "the package util-linux"));
        let (address, log, inbox) = (free_address(), folder.join("log"), folder.join("inbox.db"));
        let mut command = program("taskset");
        command.args(["--cpu-list", core]);
        if start.counts_syncs {
            drop(tool("strace", "the package strace"));
            // Detached, so that the program is our child.
            let arguments =
                ["strace", "-D", "-f", "--seccomp-bpf", "-c", "-e", "trace=fsync,fdatasync", "-o"];
            command.args(arguments).arg(folder.join("syncs"));
        }
        command.arg(path);
        command.env("STRIPE_WEBHOOK_SECRET", SECRET).env("WEBHOOK_LISTEN", address.to_string());
        command.envs(start.environment.iter().copied());
        // A program without an inbox does not start if one is named.
        match start.environment.contains(&INLINE) {
            true => command.env_remove("WEBHOOK_INBOX"),
            false => command.env("WEBHOOK_INBOX", start.inbox.map_or(inbox.as_os_str(), OsStr::new)),
        };
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(File::create(&log).expect("the folder can be written to"));
        let mut child = command.spawn().expect("taskset starts");
        until("the program listens", || {
            let ended = child.try_wait().expect("it is our child");
            assert!(ended.is_none(), "{}", fs::read_to_string(&log).unwrap_or_default());
            TcpStream::connect(address).is_ok()
        });
        let stdin = child.stdin.take().expect("it is a pipe");
        let stdout = BufReader::new(child.stdout.take().expect("it is a pipe"));
        Self { address, usage: Usage(child.id()), inbox, log, child, stdin, stdout }
    }

    /// How many events its handler has counted.
    pub(crate) fn counted(&mut self) -> u64 {
        self.stdin.write_all(b"\n").expect("the program reads");
        loop {
            let mut line = String::new();
            self.stdout.read_line(&mut line).expect("the program answers");
            assert!(!line.is_empty(), "the program has ended");
            let numbers = line.trim().split_once(' ');
            let numbers =
                numbers.and_then(|(good, wrong)| Some((good.parse().ok()?, wrong.parse::<u64>().ok()?)));
            if let Some((good, wrong)) = numbers {
                assert_eq!(wrong, 0, "the handler read other fields than were sent");
                return good;
            }
        }
    }

    /// Stops it as an operator does.
    pub(crate) fn stop(mut self) {
        let kill = format!("kill -TERM {}", self.child.id());
        let sent = std::process::Command::new("sh").args(["-c", &kill]).status().expect("a shell is there");
        assert!(sent.success(), "`{kill}` failed");
        self.child.wait().expect("it is our child");
    }

    /// Ends it at once.
    pub(crate) fn kill(self) {
        drop(self);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if it has ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The size of an inbox's file and its log.
pub(crate) fn file_size(inbox: &Path) -> u64 {
    let size = |ending: &str| {
        fs::metadata(format!("{}{ending}", inbox.display())).map_or(0, |metadata| metadata.len())
    };
    size("") + size("-wal")
}

/// An address on which nothing listens.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener.local_addr().expect("it has an address")
}
