//! What a handler returns, and what follows from it.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::Reply;

/// How one run of a handler ended.
pub type Outcome = Result<(), HandlerError>;

/// What one run of a handler returned: an [`Outcome`], and a reply if it has one.
pub type Returned = Result<Option<Reply>, HandlerError>;

type BoxError = Box<dyn Error + Send + Sync>;

/// A failed run of a handler: the cause, and what is to be done next.
///
/// Any error that a handler returns means *try again*. A `HandlerError` says otherwise, also from inside: the first
/// one in an error's chain of sources decides.
///
/// ```
/// use webhook_core::HandlerError;
///
/// fn ship(stock: u32) -> Result<(), HandlerError> {
///     if stock == 0 {
///         return Err(HandlerError::park("nothing in stock: a person must decide"));
///     }
///     Ok(())
/// }
/// # assert!(ship(0).is_err());
/// ```
#[derive(Debug)]
pub struct HandlerError {
    verdict: Verdict,
    cause: BoxError,
}

/// What is to be done after a failed run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Nothing: the event does not concern the handler after all.
    Discard,
    /// Set the event aside for a person: trying again would not help.
    Park,
    /// Try again.
    Retry {
        /// Not before this has passed; `None` leaves it to the retry policy.
        after: Option<Duration>,
    },
}

impl HandlerError {
    /// Asks for another try, when the retry policy says. What every other error type means as well.
    pub fn retry(cause: impl Into<BoxError>) -> Self {
        Self { verdict: Verdict::Retry { after: None }, cause: cause.into() }
    }

    /// Asks for another try, not before `delay` has passed.
    pub fn retry_after(delay: Duration, cause: impl Into<BoxError>) -> Self {
        Self { verdict: Verdict::Retry { after: Some(delay) }, cause: cause.into() }
    }

    /// Gives the event up as settled: it is recorded with the reason, and not tried again.
    pub fn discard(reason: impl Into<BoxError>) -> Self {
        Self { verdict: Verdict::Discard, cause: reason.into() }
    }

    /// Sets the event aside for a person, with the reason.
    pub fn park(reason: impl Into<BoxError>) -> Self {
        Self { verdict: Verdict::Park, cause: reason.into() }
    }

    /// Returns what is to be done next.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Returns the cause, to look at its type.
    pub fn cause(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.cause
    }

    /// Finds the verdict in an error that a handler returned.
    fn from_returned(error: BoxError) -> Self {
        let error = match error.downcast::<Self>() {
            Ok(own) => return *own,
            Err(other) => other,
        };
        let verdict = chain(&*error).find_map(Self::within).map(Self::verdict);
        Self { verdict: verdict.unwrap_or(Verdict::Retry { after: None }), cause: error }
    }
}

/// An error and its sources, outermost first.
fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'e (dyn Error + 'static)| (**error).source())
}

impl HandlerError {
    /// The error that this is, also in a box or behind an `Arc`, which are errors in their own right.
    fn within<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e Self> {
        let boxed = || error.downcast_ref::<Box<Self>>().map(|boxed| &**boxed);
        let shared = || error.downcast_ref::<Arc<Self>>().map(|shared| &**shared);
        error.downcast_ref::<Self>().or_else(boxed).or_else(shared)
    }
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.verdict {
            Verdict::Discard => "discarded",
            Verdict::Park => "parked",
            Verdict::Retry { .. } => "failed",
        })
    }
}

impl Error for HandlerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.cause)
    }
}

/// Verdicts as methods on any `Result`, for use before `?`.
///
/// ```
/// use webhook_core::{HandlerError, ResultExt};
///
/// fn order_number(text: &str) -> Result<u64, HandlerError> {
///     text.parse().or_park()
/// }
/// # assert!(order_number("seven").is_err());
/// ```
pub trait ResultExt<T> {
    /// Turns an error into [`HandlerError::discard`].
    ///
    /// # Errors
    ///
    /// Fails where `self` does.
    fn or_discard(self) -> Result<T, HandlerError>;

    /// Turns an error into [`HandlerError::park`].
    ///
    /// # Errors
    ///
    /// Fails where `self` does.
    fn or_park(self) -> Result<T, HandlerError>;

    /// Turns an error into [`HandlerError::retry_after`].
    ///
    /// # Errors
    ///
    /// Fails where `self` does.
    fn or_retry_after(self, delay: Duration) -> Result<T, HandlerError>;
}

impl<T, E: Into<BoxError>> ResultExt<T> for Result<T, E> {
    fn or_discard(self) -> Result<T, HandlerError> {
        self.map_err(HandlerError::discard)
    }

    fn or_park(self) -> Result<T, HandlerError> {
        self.map_err(HandlerError::park)
    }

    fn or_retry_after(self, delay: Duration) -> Result<T, HandlerError> {
        self.map_err(|error| HandlerError::retry_after(delay, error))
    }
}

/// What a handler may return: `()`, or a `Result<(), E>` with any error; one that replies, a [`Reply`] in place of
/// the `()`.
#[diagnostic::on_unimplemented(
    message = "a handler cannot return `{Self}`",
    label = "no handler outcome",
    note = "a handler returns `()` or `Result<(), E>`, where `E` is any error: it means \"try again\""
)]
pub trait IntoOutcome {
    /// Converts what was returned.
    ///
    /// # Errors
    ///
    /// Fails where the handler did.
    fn into_outcome(self) -> Returned;

    /// Whether the handler replies, which its attribute must say.
    #[doc(hidden)]
    const REPLIES: bool = false;
}

impl IntoOutcome for () {
    fn into_outcome(self) -> Returned {
        Ok(None)
    }
}

impl<E: HandlerFailure> IntoOutcome for Result<(), E> {
    fn into_outcome(self) -> Returned {
        self.map(|()| None).map_err(|error| HandlerError::from_returned(error.into_error()))
    }
}

impl IntoOutcome for Reply {
    fn into_outcome(self) -> Returned {
        Ok(Some(self))
    }

    const REPLIES: bool = true;
}

impl<E: HandlerFailure> IntoOutcome for Result<Reply, E> {
    fn into_outcome(self) -> Returned {
        self.map(Some).map_err(|error| HandlerError::from_returned(error.into_error()))
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
