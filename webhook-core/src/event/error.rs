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
}

impl EnvelopeError {
    /// Reports the byte at a position, which does not fit.
    pub(super) fn syntax(text: &str, at: usize) -> Self {
        let (line, column) = place(text, at + 1);
        Self::Syntax { line, column }
    }

    /// Reports a part of the text.
    pub(super) fn structure(text: &str, part: &str) -> Self {
        let (line, column) = place(text, part.as_ptr().addr() - text.as_ptr().addr() + part.len());
        Self::Structure { line, column }
    }
}

/// The line, and the column in bytes, of the last of the first `end` bytes.
fn place(text: &str, end: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..end.min(text.len())];
    let line_begins = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    (1 + before.iter().filter(|byte| **byte == b'\n').count(), before.len() - line_begins)
}
