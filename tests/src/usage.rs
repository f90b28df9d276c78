//! What a running program uses, as Linux counts it.

use std::fs;
use std::time::Duration;

use crate::tool;

/// A process, by its id.
#[derive(Clone, Copy, Debug)]
pub struct Usage(pub u32);

impl Usage {
    /// The CPU time of all its threads, in the system's code and in its own.
    pub fn cpu(self) -> Duration {
        // The process's own counter is in hundredths of a second; the threads' are exact, and lack those that have ended.
        self.cpu_of_process().max(self.cpu_of_threads())
    }

    fn cpu_of_process(self) -> Duration {
        let stat = self.read("stat");
        let (_, fields) = stat.rsplit_once(") ").expect("the name stands in parentheses");
        let ticks = fields.split(' ').skip(11).take(2);
        let ticks = ticks.map(|ticks| ticks.parse::<u64>().expect("it is a number"));
        // Linux counts in hundredths of a second here, on every architecture that we know of.
        Duration::from_millis(ticks.sum::<u64>() * 10)
    }

    fn cpu_of_threads(self) -> Duration {
        let threads = fs::read_dir(format!("/proc/{}/task", self.0)).expect("the program is running");
        let of_thread = |thread: fs::DirEntry| {
            // It may have ended since.
            let text = fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
            text.split(' ').next().and_then(|nanoseconds| nanoseconds.parse::<u64>().ok()).unwrap_or(0)
        };
        Duration::from_nanos(threads.flatten().map(of_thread).sum())
    }

    /// Its resident memory, in KiB.
    pub fn memory(self) -> u64 {
        self.kibibytes("VmRSS:")
    }

    /// How much of that is its own, in KiB: not pages of files, such as the program's, which the system can drop.
    pub fn own_memory(self) -> u64 {
        self.kibibytes("RssAnon:")
    }

    fn kibibytes(self, name: &str) -> u64 {
        let status = self.read("status");
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("the system tells it");
        line.trim().trim_end_matches(" kB").parse().expect("it is a number")
    }

    /// How many file descriptors it has open.
    pub fn descriptors(self) -> u64 {
        fs::read_dir(format!("/proc/{}/fd", self.0)).map_or(0, |entries| entries.count() as u64)
    }

    fn read(self, file: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{file}", self.0)).expect("the program is running")
    }
}

/// Keeps this program, and what it starts from now on, to these cores, such as `0` or `0,2`.
pub fn keep_to(cores: &str) {
    let pid = std::process::id().to_string();
    let kept = tool("taskset", "the package util-linux")
        .args(["--all-tasks", "--pid", "--cpu-list", cores, &pid])
        .output();
    assert!(kept.is_ok_and(|output| output.status.success()), "`taskset` failed");
}
