//! What the whole-product tests share. Each file in `tests/` is one theme; they run real programs and talk to them
//! through real sockets.
//!
//! Nothing here sleeps: whoever waits reads what a program writes, up to [`PATIENCE`]. A tool that is missing fails
//! the test that needs it.

mod cargo;
mod exchange;
mod process;
mod server;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use cargo::{Built, Profile, build_fixtures, build_workspace, fixture_errors, repository, scratch};
pub use exchange::{Answer, Connection, exchange};
pub use process::{Ended, Running, Stream, new_inbox, program, run, tool};
pub use server::{OTHER_SECRET, SECRET, Server, send, signed, url_in};

/// How long a program may keep a test waiting. Far more than any of them needs, on the slowest machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The time in seconds since the Unix epoch.
pub fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970").as_secs()
}
