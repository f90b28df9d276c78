//! Why a call of Stripe's API failed.

mod told;

use std::error::Error;
use std::fmt::{self, Write};
use std::time::Duration;

use hyper::{Method, StatusCode};

pub(super) use self::told::{Told, without_key};
use super::call::Call;
use super::path::PathError;
use crate::http_client::SendError;
use crate::report::format::{printable, shortened};

/// A call of Stripe's API that failed: which call, why, and what Stripe says of it. No message contains the key, the query,
/// or anything that was sent.
#[derive(Debug)]
pub(crate) struct ApiError(Box<Failure>);

#[derive(Debug)]
struct Failure {
    method: Method,
    path: String,
    reason: Reason,
    /// Stripe's own message.
    message: Option<String>,
    request_id: Option<String>,
}

/// Why a call failed.
#[derive(Debug)]
pub(crate) enum Reason {
    /// Stripe does not know the key: 401.
    UnknownKey,
    /// The key lacks one of these permissions: 403. There are none if Stripe names none.
    Permission { names: Vec<String> },
    /// The object does not exist any more, or never did: 404.
    NotFound,
    /// Too many calls: 429, and what Stripe counts.
    RateLimited { by: Option<String> },
    /// Something else is changing the object: 429 with the code `lock_timeout`.
    Locked,
    /// Another call with the same idempotency key is at work, or had other parameters.
    Conflict,
    /// Stripe does not take the call: which parameter, and which of its codes.
    Invalid { status: u16, param: Option<String>, code: Option<String> },
    /// Stripe failed.
    Server { status: u16 },
    /// No answer came in time.
    Timeout(Duration),
    /// No answer came.
    Connection(SendError),
    /// The connection ended within the answer.
    CutOff,
    /// The answer is longer than this number of bytes.
    TooLong(usize),
    /// An answer that Stripe's API does not give, such as a redirect or a page.
    NotStripe { status: u16 },
    /// The answer is JSON, but not what was expected at this line and column.
    Unexpected { line: usize, column: usize },
    /// A list whose next page cannot be asked for.
    EndlessList,
    /// The path is not one of Stripe's API.
    Path(PathError),
    /// With the key of an organisation, a call must name an account.
    NeedsAccount,
    /// Something cannot be sent in a header.
    Unsendable(&'static str),
}

impl Reason {
    /// Tells why by an answer that is not a success. `by` is what it names in [`RATE_LIMITED`], and `told` what Stripe says in
    /// it, if it is Stripe's.
    pub(super) fn of_answer(status: StatusCode, by: Option<String>, told: Option<&Told>) -> Self {
        let number = status.as_u16();
        let code = told.and_then(|told| told.code.as_deref());
        match (number, told) {
            (500.., _) => Self::Server { status: number },
            (429, _) if by.is_none() && code == Some("lock_timeout") => Self::Locked,
            (429, _) => Self::RateLimited { by },
            (_, None) => Self::NotStripe { status: number },
            (400, _) if code == Some("rate_limit") => Self::RateLimited { by },
            (401, _) => Self::UnknownKey,
            (403, Some(told)) => Self::Permission { names: told.permissions() },
            // A path that does not exist has no code.
            (404, _) if code.is_some() => Self::NotFound,
            (409, _) => Self::Conflict,
            (_, Some(told)) if told.kind.as_deref() == Some("idempotency_error") => Self::Conflict,
            (_, Some(told)) => {
                Self::Invalid { status: number, param: told.param.clone(), code: told.code.clone() }
            }
        }
    }
}

/// The header that names what was exceeded.
pub(super) const RATE_LIMITED: &str = "stripe-rate-limited-reason";

impl ApiError {
    pub(super) fn new(call: &Call, reason: Reason) -> Self {
        let path = shortened(&Some(printable(&call.path))).unwrap_or_default().to_owned();
        let method = call.method.clone();
        Self(Box::new(Failure { method, path, reason, message: None, request_id: None }))
    }

    /// Adds what Stripe says, and the id of the request.
    pub(super) fn told(mut self, message: Option<String>, request_id: Option<String>) -> Self {
        self.0.message = message;
        self.0.request_id = request_id;
        self
    }

    /// Why the call failed.
    pub(crate) fn reason(&self) -> &Reason {
        &self.0.reason
    }

    /// The id of the request, by which Stripe finds it in its logs.
    pub(crate) fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// Whether the same call may succeed later.
    pub(crate) fn is_passing(&self) -> bool {
        match &self.0.reason {
            Reason::Connection(error) => !matches!(
                error,
                SendError::NoTls { .. } | SendError::Url { .. } | SendError::SpeaksTls { .. }
            ),
            reason => matches!(
                reason,
                Reason::RateLimited { .. }
                    | Reason::Locked
                    | Reason::Conflict
                    | Reason::Server { .. }
                    | Reason::Timeout(_)
                    | Reason::CutOff
            ),
        }
    }
}

/// The call and the reason; in lines below it, what to do and what Stripe says.
impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { method, path, reason, message, request_id } = &*self.0;
        write!(f, "{method} {path}: {reason}")?;
        if let Some(id) = request_id {
            write!(f, " ({id})")?;
        }
        if let Reason::Permission { names } = reason
            && !names.is_empty()
        {
            write!(f, "\ncreate a key with it: {}", link(names))?;
        }
        message.as_ref().map_or(Ok(()), |message| write!(f, "\nStripe says: {message}"))
    }
}

impl Error for ApiError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0.reason {
            Reason::Connection(error) => error.source(),
            _ => None,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKey => f.write_str("Stripe does not know the API key"),
            Self::Permission { names } if names.is_empty() => f.write_str("the API key lacks a permission"),
            Self::Permission { names } => write!(f, "the API key lacks a permission: {}", names.join(", ")),
            Self::NotFound => f.write_str("there is no such object"),
            Self::RateLimited { by: Some(by) } => write!(f, "too many calls ({by})"),
            Self::RateLimited { by: None } => f.write_str("too many calls"),
            Self::Locked => f.write_str("the object is being changed by another call (lock_timeout)"),
            Self::Conflict => f.write_str("it conflicts with another call"),
            Self::Invalid { status, param, code } => {
                write!(f, "Stripe refuses it ({status}")?;
                for (name, value) in [("code", code), ("param", param)] {
                    if let Some(value) = value {
                        write!(f, ", {name} {value}")?;
                    }
                }
                f.write_char(')')
            }
            Self::Server { status } => write!(f, "Stripe failed with {status}"),
            Self::Timeout(time) => write!(f, "no answer within {}", humantime::format_duration(*time)),
            Self::Connection(error) => error.fmt(f),
            Self::CutOff => f.write_str("the connection ended within the answer"),
            Self::TooLong(limit) => write!(f, "the answer is longer than {limit} bytes"),
            Self::NotStripe { status } => {
                write!(
                    f,
                    "the answer ({status}) is not one of Stripe's API: does a proxy answer in its place?"
                )
            }
            Self::Unexpected { line, column } => {
                write!(f, "the answer is not what was expected at line {line}, column {column}")
            }
            Self::EndlessList => f.write_str("the list has no next page, but is said to go on"),
            Self::Path(error) => write!(f, "this is not a path of Stripe's API: {error}"),
            Self::NeedsAccount => {
                f.write_str("the key is that of an organisation, so the call must name an account")
            }
            Self::Unsendable(what) => write!(f, "{what} cannot be sent"),
        }
    }
}

/// A page of the Dashboard that creates a key with these permissions. It is widely used, and documented nowhere, so the
/// permissions are always shown beside it.
fn link(names: &[String]) -> String {
    let mut link = "https://dashboard.stripe.com/apikeys/create?name=webhook-server".to_owned();
    for (index, name) in names.iter().enumerate() {
        // Writing to a `String` cannot fail.
        let _ = write!(link, "&permissions[{index}]={name}");
    }
    link
}
