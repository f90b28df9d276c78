//! Why an application could not start, or did not end in good order.

use std::error::Error;
use std::fmt;

use thiserror::Error;

use super::Ended;
use crate::problems::Problems;
use crate::report::format::chain;
use crate::server::Stopped;
use crate::store::StoreError;

/// Why an application could not start. It is written as a list of everything that is wrong, on several lines; so is its
/// `Debug`, which `main` writes if it returns this.
#[derive(Error)]
#[error("{0}")]
pub struct StartError(pub(crate) Reason);

/// What kept an application from starting.
#[derive(Debug, Error)]
pub(crate) enum Reason {
    /// It cannot start as it is configured.
    #[error("{}", .0.to_string().trim_end())]
    Misconfigured(Problems),
    /// Anything else, as a sentence.
    #[error("{0}")]
    Failed(String),
}

impl StartError {
    /// Makes the error of a start that failed although the configuration is right.
    pub(crate) fn failed(what: &str, error: &(dyn Error + 'static)) -> Self {
        Self(Reason::Failed(format!("{what}: {}", chain(error))))
    }
}

impl From<Problems> for StartError {
    fn from(problems: Problems) -> Self {
        Self(Reason::Misconfigured(problems))
    }
}

impl fmt::Debug for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What had not ended when an application stopped. No acknowledged event is lost.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct ShutdownError(Left);

/// What was left when an application stopped.
#[derive(Debug, Error)]
enum Left {
    #[error("some requests were still in progress: Stripe will send them again")]
    Requests,
    #[error("a handler is blocking its thread: end the process, and its task will run again")]
    Run,
    #[error("the hook for alerts is blocking its thread: end the process")]
    Hook,
    #[error("the inbox cannot be used: {}", chain(.0))]
    Inbox(StoreError),
    #[error("the server panicked")]
    Panicked,
}

impl ShutdownError {
    /// Says what was left; `Ok` if nothing was.
    pub(super) fn or_ok(ended: Option<Ended>) -> Result<(), Self> {
        Err(Self(match ended {
            Some(Ok(Stopped { all_answered: true, all_ended: true, hook_ended: true })) => return Ok(()),
            Some(Ok(Stopped { all_answered: false, .. })) => Left::Requests,
            Some(Ok(Stopped { all_ended: false, .. })) => Left::Run,
            Some(Ok(Stopped { .. })) => Left::Hook,
            Some(Err(error)) => Left::Inbox(error),
            None => Left::Panicked,
        }))
    }
}
