//! What a handler returns, and what follows from it.

use std::error::Error;

use crate::__private::Returning;
use crate::{HandlerError, Reply};

/// How one run of a handler ended.
pub type Outcome = Result<(), HandlerError>;

/// What one run of a handler returned: an [`Outcome`], and a reply if it has one.
pub type HandlerResult = Result<Option<Reply>, HandlerError>;

pub(super) type BoxError = Box<dyn Error + Send + Sync>;

/// What a handler may return: `()`, or a `Result<(), E>` with any error; one that replies, a [`Reply`] in place of
/// the `()`.
#[diagnostic::on_unimplemented(
    message = "a handler cannot return `{Self}`",
    label = "no handler outcome",
    note = "a handler returns `()` or `Result<(), E>`, where `E` is any error: it means \"try again\""
)]
pub trait IntoOutcome: Sized {
    /// Converts what was returned.
    ///
    /// # Errors
    ///
    /// Fails where the handler did.
    fn into_outcome(self) -> HandlerResult;

    /// Whether the handler replies, which its attribute must say.
    #[doc(hidden)]
    const REPLIES: bool = false;

    /// What the expansion needs of a return type. A type that is not an outcome has none, and is reported on this name alone.
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

/// What a handler may fail with: anything that converts into a boxed error, so every error type, `anyhow::Error`
/// and text.
#[diagnostic::on_unimplemented(
    message = "a handler cannot fail with `{Self}`",
    label = "no error that a handler may return",
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
