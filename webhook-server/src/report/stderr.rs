//! The log: lines on standard error, unless the program has a `tracing` subscriber of its own.
//!
//! A server writes them on a thread of its own ([`aside`]): if standard error is a pipe that is not read, writing would
//! block the thread that logs, and with it every event.

mod aside;
mod fields;
#[cfg(test)]
mod tests;

use std::io::{self, IsTerminal};
use std::sync::OnceLock;
use std::time::Duration;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use self::aside::Aside;
use self::fields::{Fields, Time};
use super::spans;

/// How long the program waits at its end for lines to be written.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Writes each line when it is logged, filtered by `RUST_LOG`, or by `filter` without it.
pub(crate) fn write_at_once(filter: &str) {
    install(filter, io::stderr);
}

/// Writes lines on a thread of its own, so a stalled reader of standard error blocks only that thread. The program must
/// [`flush`] at its end.
pub(crate) fn write_aside(filter: &str) {
    let Ok(aside) = Aside::start() else { return write_at_once(filter) };
    let _ = ASIDE.set(aside.clone());
    install(filter, aside);
}

/// The lines that wait for the thread that writes, if there is one.
static ASIDE: OnceLock<Aside> = OnceLock::new();

/// Waits for the queued lines to be written, for a second at most.
pub(crate) fn flush() {
    if let Some(aside) = ASIDE.get() {
        aside.flush(FLUSH_TIMEOUT);
    }
}

/// Ends the process at once, as a kill would.
pub(crate) fn exit(code: i32) -> ! {
    flush();
    std::process::exit(code)
}

/// Installs the subscriber, unless the program has one. `RUST_LOG` replaces `filter` if it can be parsed.
fn install(filter: &str, writer: impl for<'w> MakeWriter<'w> + Send + Sync + 'static) {
    let wanted = std::env::var("RUST_LOG").ok().and_then(|wanted| wanted.parse::<Targets>().ok());
    let filter = wanted.or_else(|| filter.parse().ok()).unwrap_or_default();
    // Lines have fields enough.
    let filter = filter.with_target(spans::TARGET, LevelFilter::OFF);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_target(false)
        .with_timer(Time)
        .fmt_fields(Fields::default())
        .with_ansi(io::stderr().is_terminal());
    let _ = tracing_subscriber::registry().with(lines).with(filter).try_init();
}
