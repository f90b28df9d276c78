//! Why a body is not an event.

use thiserror::Error;

/// Why a verified body is not an event that can be dispatched. Never holds any of the body.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// The body is empty, or white space only.
    #[error("the body is empty")]
    Empty,
    /// A field is missing, null or of the wrong kind.
    #[error("`{name}` is missing, or is not {expected}")]
    Field {
        /// The field.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// The body is JSON, but not an object.
    #[error("the body is JSON, but not an object")]
    NotAnObject,
    /// The body is not UTF-8, which JSON always is (RFC 8259, section 8.1).
    #[error("the body is not UTF-8 from byte {at} on")]
    NotUtf8 {
        /// The first byte that is not.
        at: usize,
    },
    /// A field of the envelope occurs twice, or `data` is not an object.
    #[error("a field occurs twice, or `data` is not an object (line {line}, column {column})")]
    Structure {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// The body is not JSON.
    #[error("the body is not JSON (line {line}, column {column})")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// The event is a thin one: it refers to an object and does not carry it.
    #[error(
        "this is a thin event, and handlers take snapshot events: \
         choose the payload style \"snapshot\" for this event destination in Stripe"
    )]
    ThinEvent,
}

impl EnvelopeError {
    /// Keeps the place and drops serde_json's text, which can quote the body.
    pub(super) fn of(error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        if error.is_data() { Self::Structure { line, column } } else { Self::Syntax { line, column } }
    }
}
