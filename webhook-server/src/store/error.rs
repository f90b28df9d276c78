//! Why a store cannot be opened, or cannot do what it was asked.

use std::time::Duration;

use thiserror::Error;

/// Why a store could not do what it was asked.
#[derive(Clone, Debug, Error)]
pub(crate) enum StoreError {
    #[error("the disk is full")]
    DiskFull,
    #[error("only {free} bytes are free on the inbox's disk, below the floor")]
    DiskLow { free: u64 },
    #[error("the inbox has more to write than it accepts at once")]
    Busy,
    #[error("the inbox did not confirm the write within {}", humantime::format_duration(*.0))]
    Slow(Duration),
    #[error("the inbox cannot be used: {0}")]
    Broken(String),
}

/// Why an inbox cannot be opened: a sentence about its file, and what to do.
#[derive(Debug, Error)]
pub(crate) enum OpenError {
    /// Another process has it.
    #[error("{0}")]
    Taken(String),
    #[error("{0}")]
    Unusable(String),
}

impl From<String> for OpenError {
    fn from(sentence: String) -> Self {
        Self::Unusable(sentence)
    }
}
