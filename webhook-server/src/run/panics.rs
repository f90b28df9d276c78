//! What is told of a panic: its place. Its text may be a customer's data, as that of `unwrap` is.
//!
//! A panic hook of the program's own is kept, and called. In a server, the standard library's, which would write the
//! text to standard error, is not called for handlers.

use std::io::Write;
use std::sync::{Arc, Once, OnceLock};

tokio::task_local! {
    /// Where the run that is polled has panicked.
    static PLACE: PanicLocation;
}

/// Whether the standard library may write the texts of panics to standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Texts {
    /// Where someone develops.
    Written,
    /// Where customers' data comes in.
    Kept,
}

/// Where a run panicked, once it has.
#[derive(Clone, Debug, Default)]
pub(crate) struct PanicLocation(Arc<OnceLock<String>>);

impl PanicLocation {
    /// Polls a run, and notes where it panics if it does.
    pub(crate) async fn of<F: Future>(self, run: F) -> F::Output {
        PLACE.scope(self, run).await
    }

    /// Returns the file, line and column. `None` if it did not panic, or nothing [watches](watch).
    pub(crate) fn get(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }
}

/// Has the places of panics noted from now on. The first call decides for the whole process.
pub(crate) fn watch(texts: Texts) {
    static ONCE: Once = Once::new();

    ONCE.call_once(|| {
        let previous = std::panic::take_hook();
        // Now there is none, so this is the standard library's. It captures nothing: its vtable tells it from others.
        let standard = std::panic::take_hook();
        let is_standard = std::ptr::eq(&*previous, &*standard);
        let keeps = texts == Texts::Kept && is_standard;
        std::panic::set_hook(Box::new(move |info| {
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            let in_a_run = PLACE.try_with(|noted| noted.0.set(place.clone())).is_ok();
            match (keeps, in_a_run) {
                (true, true) => {}
                (true, false) if is_ours() => write_place(&place),
                _ => previous(info),
            }
        }));
    });
}

/// Whether this is a thread of the server's, on which requests are received and events stored.
fn is_ours() -> bool {
    std::thread::current().name().is_some_and(|name| name.starts_with("webhook-"))
}

fn write_place(place: &str) {
    // With standard error closed there is nobody left to tell.
    let _ = writeln!(std::io::stderr(), "the server panicked at {place}");
}
