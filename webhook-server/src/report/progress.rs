//! How far a command has come, on standard error, while it works on many tasks.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// The shortest time between two updates, so that writing them does not slow the work down.
const PAUSE: Duration = Duration::from_millis(100);

/// Goes back to the beginning of the line and clears it.
const CLEAR: &str = "\r\x1b[K";

/// A count that is updated in place if standard error is a terminal. It disappears when it is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    total: usize,
    done: usize,
    is_visible: bool,
    shown_at: Option<Instant>,
}

impl Progress {
    /// Counts up to `total`.
    pub(crate) fn of(total: usize) -> Self {
        Self { total, done: 0, is_visible: io::stderr().is_terminal(), shown_at: None }
    }

    /// Shows nothing.
    pub(crate) fn hidden() -> Self {
        Self { total: 0, done: 0, is_visible: false, shown_at: None }
    }

    /// Counts what has been done since the last call.
    pub(crate) fn advance(&mut self, by: usize) {
        self.done += by;
        if self.is_visible && self.shown_at.is_none_or(|shown_at| shown_at.elapsed() >= PAUSE) {
            self.shown_at = Some(Instant::now());
            show(&format!("{CLEAR}{} of {}", self.done, self.total));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown_at.is_some() {
            show(CLEAR);
        }
    }
}

/// Writes to standard error as it is: without colours, a terminal still has lines to clear.
fn show(text: &str) {
    // If standard error is closed, nothing is seen.
    let _ = io::stderr().write_all(text.as_bytes());
}
