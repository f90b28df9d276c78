//! Where the programs run: the server on one core, and this program, which sends, on another.

use std::fs;

use product_tests::keep_to;

/// The server's core and the sender's.
#[derive(Clone, Debug)]
pub(crate) struct Cores {
    pub(crate) server: String,
    pub(crate) sender: String,
}

impl Cores {
    /// Takes the first two that this program may use, and keeps this program to the second.
    pub(crate) fn share_out() -> Self {
        let allowed = allowed();
        let server = allowed[0].to_string();
        let sender = allowed.get(1).unwrap_or(&allowed[0]).to_string();
        keep_to(&sender);
        Self { server, sender }
    }
}

/// The cores that this program may use.
fn allowed() -> Vec<usize> {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells it");
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).expect("it is told");
    let ranges = list.trim().split(',').map(|range| range.split_once('-').unwrap_or((range, range)));
    let number = |text: &str| text.parse::<usize>().expect("it is a number");
    ranges.flat_map(|(first, last)| number(first)..=number(last)).collect()
}
