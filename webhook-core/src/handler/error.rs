//! The error of a handler: what went wrong, and what to do next.

use std::error::Error;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::outcome::BoxError;
use crate::DecodeError;

/// A failed run of a handler: the cause, and what to do next.
///
/// `?` converts any error type, a text and an `anyhow::Error` into one that means *try again*. [`ResultExt`] and the
/// constructors here set another verdict. A [`DecodeError`] means *park*, because another run would read the same object.
///
/// The cause is logged and stored with the task: a text should not contain a customer's data.
///
/// ```
/// use webhook_core::{HandlerError, ResultExt};
///
/// fn ship(order: &str, stock: u32) -> Result<(), HandlerError> {
///     let order: u64 = order.parse().park()?; // another run would fail, too
///     std::fs::write("/tmp/shipped", order.to_string())?; // another run may succeed
///     if stock == 0 {
///         return Err(HandlerError::park("nothing in stock: a person must decide"));
///     }
///     Ok(())
/// }
/// # assert!(ship("7", 0).is_err());
/// ```
///
/// That is why it is not an [`Error`] itself. It dereferences to one, whose source is the cause. An application error that
/// has a `HandlerError` as a source keeps the verdict; the first one in the chain of sources decides. Where an error type
/// is required, [`into_error`](Self::into_error) makes one.
///
/// `Display` writes the verdict and the cause; `{:#}` adds the cause's own sources.
pub struct HandlerError(Box<Failed>);

/// The error inside a [`HandlerError`], which can be part of a chain of sources.
#[derive(Debug, Error)]
#[error("{verdict}")]
struct Failed {
    verdict: Verdict,
    #[source]
    cause: BoxError,
}

/// What to do after a failed run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Nothing: the event turned out not to concern the handler.
    Skip,
    /// Keep the event for a person, because another run would not help.
    Park,
    /// Try again.
    Retry {
        /// The delay before the next run; `None` leaves it to the retry policy.
        after: Option<Duration>,
    },
}

/// Writes what happens to the event: `failed` (it is tried again), `skipped` or `parked`.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Skip => "skipped",
            Self::Park => "parked",
            Self::Retry { .. } => "failed",
        })
    }
}

impl HandlerError {
    /// Asks for another run, when the retry policy says. Every other error type means this as well.
    pub fn retry(cause: impl Into<BoxError>) -> Self {
        Self::new(Verdict::Retry { after: None }, cause)
    }

    /// Asks for another run, not before `delay` has passed.
    pub fn retry_after(delay: Duration, cause: impl Into<BoxError>) -> Self {
        Self::new(Verdict::Retry { after: Some(delay) }, cause)
    }

    /// Skips the event: records the reason and does not retry.
    pub fn skip(reason: impl Into<BoxError>) -> Self {
        Self::new(Verdict::Skip, reason)
    }

    /// Keeps the event for a person, with the reason.
    pub fn park(reason: impl Into<BoxError>) -> Self {
        Self::new(Verdict::Park, reason)
    }

    /// Returns what to do next.
    pub fn verdict(&self) -> Verdict {
        self.0.verdict
    }

    /// Returns the cause, for example to downcast it.
    pub fn cause(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0.cause
    }

    /// Converts into an error type that keeps the verdict, for functions that return neither a `HandlerError` nor a
    /// `Box<dyn Error + Send + Sync>`: `.map_err(HandlerError::into_error)?` converts into an `anyhow::Error`.
    pub fn into_error(self) -> impl Error + Send + Sync + 'static {
        *self.0
    }

    fn new(verdict: Verdict, cause: impl Into<BoxError>) -> Self {
        Self(Box::new(Failed { verdict, cause: cause.into() }))
    }

    /// Finds the verdict in an error that a handler returned.
    pub(super) fn of(error: BoxError) -> Self {
        let error = match error.downcast::<Failed>() {
            Ok(own) => return Self(own),
            Err(other) => other,
        };
        let verdict = chain(&*error).find_map(verdict_of);
        Self::new(verdict.unwrap_or(Verdict::Retry { after: None }), error)
    }
}

/// An error and its sources, outermost first.
fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'e (dyn Error + 'static)| (**error).source())
}

/// The verdict of one error in a chain. It may be in a box or behind an `Arc`, which are error types of their own.
fn verdict_of(error: &(dyn Error + 'static)) -> Option<Verdict> {
    let boxed = || error.downcast_ref::<Box<Failed>>().map(|boxed| &**boxed);
    let shared = || error.downcast_ref::<Arc<Failed>>().map(|shared| &**shared);
    let failed = error.downcast_ref::<Failed>().or_else(boxed).or_else(shared);
    failed.map(|failed| failed.verdict).or_else(|| error.is::<DecodeError>().then_some(Verdict::Park))
}

/// Keeps the verdict among the error's sources; without one, it means *try again*.
impl<E: Cause> From<E> for HandlerError {
    fn from(error: E) -> Self {
        Self::of(error.into_cause())
    }
}

/// What `?` converts into a [`HandlerError`]: any error type, a text, and an `anyhow::Error`.
///
/// All of these convert into both kinds of boxed error. A `HandlerError` converts into only one of them, so that it is
/// not a cause itself: `?` on a `HandlerError` must leave it as it is.
#[diagnostic::on_unimplemented(
    label = "not an error that `?` converts: write `.retry()?`, `.park()?` or `.skip()?`"
)]
pub trait Cause {
    /// Converts into a boxed error.
    fn into_cause(self) -> BoxError;
}

#[diagnostic::do_not_recommend]
impl<E: Into<BoxError>> Cause for E
where
    Box<dyn Error>: From<E>,
{
    fn into_cause(self) -> BoxError {
        self.into()
    }
}

impl From<HandlerError> for BoxError {
    fn from(error: HandlerError) -> Self {
        error.0
    }
}

impl Deref for HandlerError {
    type Target = dyn Error + Send + Sync + 'static;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.verdict(), self.cause())?;
        let sources = chain(self.cause()).skip(1).take_while(|_| f.alternate());
        sources.collect::<Vec<_>>().into_iter().try_for_each(|source| write!(f, ": {source}"))
    }
}

impl fmt::Debug for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerError")
            .field("verdict", &self.verdict())
            .field("cause", &self.0.cause)
            .finish()
    }
}

/// Methods on any `Result` that set the verdict, for use before `?`.
///
/// The error can be of any error type, a text, a boxed error or an `anyhow::Error`.
///
/// ```
/// use webhook_core::{HandlerError, ResultExt};
///
/// fn order_number(text: Option<&str>) -> Result<u64, HandlerError> {
///     let text = text.ok_or("the payment has no order").skip()?;
///     text.parse().park()
/// }
/// # assert!(order_number(Some("seven")).is_err());
/// ```
pub trait ResultExt<T> {
    /// Turns an error into [`HandlerError::skip`].
    ///
    /// # Errors
    ///
    /// Fails if `self` is an error.
    fn skip(self) -> Result<T, HandlerError>;

    /// Turns an error into [`HandlerError::park`].
    ///
    /// # Errors
    ///
    /// Fails if `self` is an error.
    fn park(self) -> Result<T, HandlerError>;

    /// Turns an error into [`HandlerError::retry`]. Use it for what `?` does not convert, such as a boxed error.
    ///
    /// # Errors
    ///
    /// Fails if `self` is an error.
    fn retry(self) -> Result<T, HandlerError>;

    /// Turns an error into [`HandlerError::retry_after`].
    ///
    /// # Errors
    ///
    /// Fails if `self` is an error.
    fn retry_after(self, delay: Duration) -> Result<T, HandlerError>;
}

impl<T, E: Into<BoxError>> ResultExt<T> for Result<T, E> {
    fn skip(self) -> Result<T, HandlerError> {
        self.map_err(HandlerError::skip)
    }

    fn park(self) -> Result<T, HandlerError> {
        self.map_err(HandlerError::park)
    }

    fn retry(self) -> Result<T, HandlerError> {
        self.map_err(HandlerError::retry)
    }

    fn retry_after(self, delay: Duration) -> Result<T, HandlerError> {
        self.map_err(|error| HandlerError::retry_after(delay, error))
    }
}
