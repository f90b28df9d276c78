//! What a handler returns.

use std::error::Error;

use crate::__private::Returning;
use crate::{HandlerError, Reply};

/// How one run of a handler ended.
pub type Outcome = Result<(), HandlerError>;

/// What one run of a handler returned: an [`Outcome`], and a reply if it has one.
pub type HandlerResult = Result<Option<Reply>, HandlerError>;

pub(super) type BoxError = Box<dyn Error + Send + Sync>;

/// A type that a handler can return: `()`, or a `Result<(), E>` with any error. A handler that replies returns a [`Reply`]
/// instead of the `()`.
#[diagnostic::on_unimplemented(
    message = "a handler cannot return `{Self}`",
    label = "not a valid return type",
    note = "a handler returns `()` or `Result<(), E>`, where `E` is any error type; an error means \"try again\""
)]
pub trait IntoOutcome: Sized {
    /// Converts what was returned.
    ///
    /// # Errors
    ///
    /// Fails if the handler did.
    fn into_outcome(self) -> HandlerResult;

    /// Whether the handler replies, which its attribute must say.
    #[doc(hidden)]
    const REPLIES: bool = false;

    /// What the expansion needs to know about this type. A type that is not an outcome lacks it, so the error is reported
    /// for this name alone.
    #[doc(hidden)]
    const RETURNING: Returning<Self> = Returning { replies: Self::REPLIES, into_outcome: Self::into_outcome };
}

impl IntoOutcome for () {
    fn into_outcome(self) -> HandlerResult {
        Ok(None)
    }
}

impl<E: HandlerFailure> IntoOutcome for Result<(), E> {
    fn into_outcome(self) -> HandlerResult {
        self.map(|()| None).map_err(|error| HandlerError::of(error.into_error()))
    }
}

impl IntoOutcome for Reply {
    fn into_outcome(self) -> HandlerResult {
        Ok(Some(self))
    }

    const REPLIES: bool = true;
}

impl<E: HandlerFailure> IntoOutcome for Result<Reply, E> {
    fn into_outcome(self) -> HandlerResult {
        self.map(Some).map_err(|error| HandlerError::of(error.into_error()))
    }

    const REPLIES: bool = true;
}

/// An error that a handler can return: anything that converts into a boxed error, which includes every error type,
/// `anyhow::Error` and text.
#[diagnostic::on_unimplemented(
    message = "a handler cannot fail with `{Self}`",
    label = "not an error that a handler can return",
    note = "the `E` of `Result<(), E>` is a type that implements `std::error::Error + Send + Sync`, a `HandlerError` or `Box<dyn Error + Send + Sync>`"
)]
pub trait HandlerFailure {
    /// Converts into a boxed error.
    fn into_error(self) -> BoxError;
}

#[diagnostic::do_not_recommend]
impl<E: Into<BoxError>> HandlerFailure for E {
    fn into_error(self) -> BoxError {
        self.into()
    }
}
