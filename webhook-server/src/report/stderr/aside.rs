//! Lines that a thread of its own writes, several at a time.
//!
//! What waits is written at once if nothing was written for [`PAUSE`], and otherwise after it. A warning or an error does
//! not wait. So a line that goes as planned may be lost if the process is killed within that time of it.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::{Level, Metadata, warn};
use tracing_subscriber::fmt::MakeWriter;

/// The most that waits to be written, in bytes. Further lines are dropped and counted.
const WAITING: usize = 1024 * 1024;

/// The time from one write to the next.
const PAUSE: Duration = Duration::from_millis(20);

/// The most that is written at a time, in bytes: a pipe takes no more in one piece. So no other process that writes into
/// it can come between.
const AT_A_TIME: usize = 4_096;

/// Lines on their way to standard error.
#[derive(Clone, Debug)]
pub(super) struct Aside(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    /// Notified when the thread has something to write.
    to_write: Condvar,
    /// Notified when the thread has written.
    written: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    /// Whole lines.
    text: Vec<u8>,
    /// Whether the lines are to be written now.
    is_urgent: bool,
    /// Whether the thread waits for the first line.
    is_idle: bool,
    /// Whether the thread is writing.
    is_writing: bool,
    /// Lines that were dropped since the last warning about it.
    left_out: u64,
}

impl Aside {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// Fails if the system cannot start one.
    pub(super) fn start() -> io::Result<Self> {
        let aside = Self(Arc::new(Shared {
            queue: Mutex::default(),
            to_write: Condvar::new(),
            written: Condvar::new(),
        }));
        let written = aside.clone();
        std::thread::Builder::new().name("webhook-log".to_owned()).spawn(move || written.write_all())?;
        Ok(aside)
    }

    /// Waits until everything is written, for this long at most.
    pub(super) fn flush(&self, at_most: Duration) {
        let deadline = Instant::now() + at_most;
        let mut queue = self.queue();
        while !queue.text.is_empty() || queue.is_writing {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            queue.is_urgent = true;
            self.0.to_write.notify_one();
            queue = self.0.written.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a line.
    fn add(&self, line: &[u8], is_urgent: bool) {
        let mut queue = self.queue();
        if queue.text.len() + line.len() > WAITING {
            queue.left_out += 1;
            return;
        }
        queue.text.extend_from_slice(line);
        queue.is_urgent |= is_urgent;
        let wake = queue.is_idle || is_urgent;
        drop(queue);
        if wake {
            self.0.to_write.notify_one();
        }
    }

    /// Writes what is added. Never returns.
    fn write_all(&self) {
        let mut lines = Vec::new();
        loop {
            let left_out = self.take(&mut lines);
            for lines in pieces(&lines) {
                // With standard error closed, there is nowhere left to report this.
                let _ = io::stderr().write_all(lines);
            }
            lines.clear();
            if left_out > 0 {
                warn!(lines = left_out, "standard error was not read fast enough: lines are missing here");
            }
            let mut queue = self.queue();
            queue.is_writing = false;
            self.0.written.notify_all();
            let waits = |queue: &mut Queue| !queue.is_urgent;
            drop(self.0.to_write.wait_timeout_while(queue, PAUSE, waits));
        }
    }

    /// Waits for lines and takes them. Returns how many were dropped behind them.
    fn take(&self, lines: &mut Vec<u8>) -> u64 {
        let mut queue = self.queue();
        queue.is_idle = true;
        let waits = |queue: &mut Queue| queue.text.is_empty();
        queue = self.0.to_write.wait_while(queue, waits).unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut queue.text, lines);
        queue.is_writing = true;
        (queue.is_idle, queue.is_urgent) = (false, false);
        std::mem::take(&mut queue.left_out)
    }
}

/// Lines in pieces of at most [`AT_A_TIME`], none of which breaks a line that fits into one.
fn pieces(mut lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let fits = &lines[..lines.len().min(AT_A_TIME)];
        let end = fits.iter().rposition(|byte| *byte == b'\n');
        // A longer line is a piece of its own.
        let end = end.or_else(|| lines.iter().position(|byte| *byte == b'\n')).map(|end| end + 1);
        let (piece, rest) = lines.split_at(end.unwrap_or(lines.len()));
        lines = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

impl<'w> MakeWriter<'w> for Aside {
    type Writer = OneLine<'w>;

    fn make_writer(&'w self) -> OneLine<'w> {
        OneLine { aside: self, is_urgent: false }
    }

    fn make_writer_for(&'w self, metadata: &Metadata<'_>) -> OneLine<'w> {
        OneLine { aside: self, is_urgent: *metadata.level() <= Level::WARN }
    }
}

/// Takes one line.
#[derive(Debug)]
pub(super) struct OneLine<'w> {
    aside: &'w Aside,
    is_urgent: bool,
}

impl Write for OneLine<'_> {
    /// Takes a whole line, which is what the subscriber writes at a time.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.aside.add(line, self.is_urgent);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_hold_whole_lines() {
        let long = "x".repeat(AT_A_TIME) + "\n";
        let many = format!("{}\n", "y".repeat(999)).repeat(9);
        for (lines, expected) in [
            (String::new(), vec![]),
            ("a\nb\n".to_owned(), vec![4]),
            (format!("a\n{long}b\n"), vec![2, AT_A_TIME + 1, 2]),
            (many, vec![4_000, 4_000, 1_000]),
            ("no end".to_owned(), vec![6]),
        ] {
            let pieces: Vec<&[u8]> = pieces(lines.as_bytes()).collect();
            assert_eq!(pieces.iter().map(|piece| piece.len()).collect::<Vec<_>>(), expected);
            assert_eq!(pieces.concat(), lines.as_bytes());
        }
    }
}
