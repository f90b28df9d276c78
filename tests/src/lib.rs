//! What the whole-product tests share. Each file in `tests/` is one theme; they run real programs and talk to them
//! through real sockets.
//!
//! Nothing here waits for a fixed time. To wait, read what a program writes, or poll with [`until`], up to
//! [`PATIENCE`]. A tool that is missing fails the test that needs it.

mod cargo;
mod client;
mod disk;
mod exchange;
mod failpoint;
mod history;
mod npm;
mod process;
mod python;
mod server;
mod template;
mod terminal;
mod usage;

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub use cargo::{
    Built, Profile, build_fixtures, build_generated, build_workspace, fixture_errors, fixture_warnings,
    repository, scratch, target,
};
pub use client::{Client, Told};
pub use disk::Disk;
pub use exchange::{Answer, Connection, exchange};
pub use failpoint::die_at;
pub use history::{CANARY, Checked, Delivery, EFFECT_TABLE, EFFECTS_SCHEMA, Files, History, TRANSACTIONAL};
pub use npm::node_with;
pub use process::{Ended, Process, Stream, new_inbox, program, run, tool};
pub use python::python_with;
pub use server::{OTHER_SECRET, SECRET, Server, send, signed, url_in};
pub use template::Template;
pub use terminal::{open_terminal, run_in_terminal};
pub use test_postgres::{Bouncer, Direction, Fate, Pair, Postgres, Proxy, schema, wrong_clock};
pub use usage::{Usage, keep_to};

/// How long a program may keep a test waiting. Far more than any of them needs on the slowest machine at its busiest: it
/// ends what hangs, and judges no speed.
pub const PATIENCE: Duration = Duration::from_secs(5 * 60);

/// The time in seconds since the Unix epoch.
pub fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970").as_secs()
}

/// Asks again and again until the answer is yes.
#[track_caller]
pub fn until(what: &str, is_so: impl FnMut() -> bool) {
    until_within(PATIENCE, what, is_so);
}

/// Asks for longer than most have to.
#[track_caller]
pub fn until_within(patience: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + patience;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Sets a flag when it is dropped, so that those who look at the flag end, also after a failed assertion.
pub struct SetOnDrop<'f>(pub &'f AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A random number below another one.
pub fn random_below(limit: u64) -> u64 {
    RandomState::new().build_hasher().finish() % limit
}
