//! What the macros' output calls. Not public API: it changes with the macros, to which it is pinned.

use std::future::Future;

pub use inventory;

pub use crate::extract::{Extract, Invocation, Needs};
pub use crate::registry::{Registration, Running, Takes};
use crate::{HandlerError, IntoOutcome, Outcome};

// The names that expanded code needs from the prelude, which a user's module may shadow.
pub use std::option::Option;
pub use std::time::Duration;

/// What the expansion needs of one argument. Made once for each, so that a type that is no argument is reported
/// once.
#[expect(missing_debug_implementations, reason = "only expanded code has one")]
pub struct Argument<T> {
    /// Whether it is the event.
    pub is_event: bool,
    /// Adds what the argument needs.
    pub needs: fn(&mut Needs),
    /// Takes the argument.
    pub extract: fn(&Invocation) -> Result<T, HandlerError>,
}

/// Describes one argument. The bound is what a type that is no argument violates.
pub const fn argument<T: Extract>() -> Argument<T> {
    Argument { is_event: T::IS_EVENT, needs: T::needs, extract: T::extract }
}

/// Stops the compilation at a second event.
///
/// # Panics
///
/// Panics at compile time if this argument is an event and so is one before it.
pub const fn assert_first_event(this: bool, before: &[bool]) {
    let mut at = 0;
    while at < before.len() {
        assert!(!(this && before[at]), "a handler takes one `Event`: this is its second");
        at += 1;
    }
}

/// Converts what the handler returned.
///
/// # Errors
///
/// Fails where the handler did.
pub fn finish<R: IntoOutcome>(returned: R) -> Outcome {
    returned.into_outcome()
}

/// Boxes a handler's future, which moves between threads. The name is for the compiler's note when one cannot.
pub fn a_handlers_future_must_be_send<F: Future<Output = Outcome> + Send + 'static>(future: F) -> Running {
    Box::pin(future)
}
