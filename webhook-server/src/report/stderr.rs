//! The log: lines on standard error, unless the program has a `tracing` subscriber of its own.
//!
//! A server writes them on a thread of its own: if standard error is a pipe that is not read, writing would block the
//! thread that logs, and with it every event.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tracing::warn;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The most lines that wait to be written. Further lines are dropped and counted.
const WAITING: usize = 8_192;

/// How long the program waits at its end for lines to be written.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Writes each line when it is logged, filtered by `RUST_LOG`, or by `filter` without it.
pub(crate) fn write_at_once(filter: &str) {
    install(filter, io::stderr);
}

/// Writes lines on a thread of its own, so a stalled reader of standard error blocks only that thread. The program must
/// [`flush`] at its end.
pub(crate) fn write_aside(filter: &str) {
    let (sender, received) = sync_channel(WAITING);
    let lines = Lines { sender, left_out: Arc::default() };
    let left_out = Arc::clone(&lines.left_out);
    let thread = std::thread::Builder::new().name("webhook-log".to_owned());
    if thread.spawn(move || write_all(&received, &left_out)).is_err() {
        return write_at_once(filter);
    }
    let _ = ASIDE.set(lines.sender.clone());
    install(filter, lines);
}

/// The channel to the thread that writes, if there is one.
static ASIDE: OnceLock<SyncSender<Message>> = OnceLock::new();

/// Waits for the queued lines to be written, for a second at most.
pub(crate) fn flush() {
    let Some(sender) = ASIDE.get() else { return };
    let deadline = Instant::now() + FLUSH_TIMEOUT;
    let (written, all_written) = sync_channel(1);
    let mut flush = Message::Flush(written);
    while let Err(TrySendError::Full(unsent)) = sender.try_send(flush) {
        if Instant::now() >= deadline {
            return;
        }
        flush = unsent;
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = all_written.recv_timeout(deadline.saturating_duration_since(Instant::now()));
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
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_target(false)
        .with_ansi(io::stderr().is_terminal());
    let _ = tracing_subscriber::registry().with(lines).with(filter).try_init();
}

/// A message to the thread that writes.
enum Message {
    Line(Vec<u8>),
    /// Answered when everything before it is written.
    Flush(SyncSender<()>),
}

/// Sends lines to the thread that writes them.
#[derive(Clone)]
struct Lines {
    sender: SyncSender<Message>,
    /// Lines that were dropped since the last warning about it.
    left_out: Arc<AtomicU64>,
}

impl<'w> MakeWriter<'w> for Lines {
    type Writer = &'w Self;

    fn make_writer(&'w self) -> Self::Writer {
        self
    }
}

impl Write for &Lines {
    /// Takes a whole line, which is what the subscriber writes at a time.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Err(TrySendError::Full(_)) = self.sender.try_send(Message::Line(line.to_vec())) {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes until all senders are gone.
fn write_all(received: &Receiver<Message>, left_out: &AtomicU64) {
    for message in received {
        match message {
            Message::Line(line) => {
                // With standard error closed, there is nowhere left to report this.
                let _ = io::stderr().write_all(&line);
            }
            Message::Flush(written) => {
                let _ = written.try_send(());
            }
        }
        match left_out.swap(0, Ordering::Relaxed) {
            0 => {}
            lines => warn!(lines, "standard error was not read fast enough: lines are missing here"),
        }
    }
}
