//! Reports where a handler panicked, and not its text: that may hold a customer's data, as the text of `unwrap` does.
//!
//! A panic hook that the program installed is still called. The standard library's own hook would write the text to
//! standard error, so a server does not call it for handlers.
//!
//! [`PanicLocation::watch`] sets a task-local while a run is polled; the hook writes the location there.

use std::any::Any;
use std::future::poll_fn;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Once, OnceLock};
use std::task::Poll;

use crate::report::stderr;

tokio::task_local! {
    /// Where the run that is being polled panicked.
    static LOCATION: PanicLocation;
}

/// Whether the standard library's hook may write the texts of panics to standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Texts {
    /// In development.
    Written,
    /// Where real customers' data is handled.
    Kept,
}

/// Where a run panicked, once it has.
#[derive(Clone, Debug, Default)]
pub(crate) struct PanicLocation(Arc<OnceLock<String>>);

impl PanicLocation {
    /// Polls a run, and notes where it panics if it does.
    pub(crate) async fn watch<F: Future>(self, run: F) -> F::Output {
        LOCATION.scope(self, run).await
    }

    /// Returns file, line and column; `None` if the run did not panic, or [`install`] was not called.
    pub(crate) fn get(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }
}

/// Polls a future to its end. `Err` is what it panicked with; it must not be polled again then.
pub(crate) async fn caught<F: Future + ?Sized>(
    mut future: Pin<&mut F>,
) -> Result<F::Output, Box<dyn Any + Send>> {
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        polled.map_or_else(|panic| Poll::Ready(Err(panic)), |polled| polled.map(Ok))
    })
    .await
}

/// Installs the hook that notes where handlers panic. The first call decides for the whole process.
pub(crate) fn install(texts: Texts) {
    static ONCE: Once = Once::new();

    ONCE.call_once(|| {
        let previous = std::panic::take_hook();
        // With none installed, this returns the standard library's hook. Its vtable distinguishes it from others.
        let standard = std::panic::take_hook();
        let is_standard = std::ptr::eq(&*previous, &*standard);
        let keeps = texts == Texts::Kept && is_standard;
        std::panic::set_hook(Box::new(move |info| {
            let location = info.location().map(ToString::to_string).unwrap_or_default();
            let in_a_run = LOCATION.try_with(|noted| noted.0.set(location.clone())).is_ok();
            match (keeps, in_a_run) {
                (true, true) => {}
                (true, false) if is_ours() => write_location(&location),
                _ => previous(info),
            }
            // The process ends now, and with it the lines that wait to be written.
            if cfg!(panic = "abort") {
                stderr::flush();
            }
        }));
    });
}

/// Whether this is one of the server's own threads, which receive requests and store events.
fn is_ours() -> bool {
    std::thread::current().name().is_some_and(|name| name.starts_with("webhook-"))
}

/// Writes a line for a panic of the server itself, without its text.
fn write_location(location: &str) {
    // With standard error closed, there is nowhere left to report this.
    let _ = writeln!(std::io::stderr(), "the server panicked at {location}");
}
