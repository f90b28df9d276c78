//! What the macros' output calls. Not public API: it changes with the macros, to which it is pinned.

mod agree;
mod const_text;
mod field;

use std::future::Future;

pub use inventory;

pub use agree::{assert_carried, assert_first_event, assert_place};
pub use field::{Field, Sendable, field, find, object_of, object_position, place_of, read_field};

pub use crate::decode::DecodeError;
pub use crate::event::{Payload, View};
pub use crate::extract::{Extract, Invocation, Needs};
pub use crate::json::Json;
pub use crate::raw_json::RawJson;
pub use crate::reads::{Place, Reads};
pub use crate::registry::{Registration, Running, Takes};
pub use crate::shape::{self, Shape};
use crate::{HandlerError, IntoOutcome, Outcome};

// The names that expanded code needs from the prelude, which a user's module may shadow.
pub use std::boxed::Box;
pub use std::collections::BTreeMap;
pub use std::fmt::{Display, Formatter, Result as FmtResult};
pub use std::option::Option;
pub use std::result::Result;
pub use std::string::String;
pub use std::time::Duration;
pub use std::unreachable;
pub use std::vec::Vec;

pub use serde_json::Value;

pub use crate::expandable::Expandable;
pub use crate::list::List;
pub use crate::timestamp::Timestamp;

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
    /// The payload of the event: its name and the objects that it reads.
    pub payload: (&'static str, &'static [&'static str]),
}

/// Describes one argument. The bound is what a type that is no argument violates.
pub const fn argument<T: Extract>() -> Argument<T> {
    Argument { is_event: T::IS_EVENT, needs: T::needs, extract: T::extract, payload: T::PAYLOAD }
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
