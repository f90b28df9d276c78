//! Why a store cannot be opened, or cannot do what it was asked: causes, without advice.
//!
//! What a person should do about a cause is in `report/unusable.rs`; what a sender is told is in `receive/reply.rs`.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

#[cfg(feature = "postgres")]
use super::postgres::DatabaseError;
#[cfg(feature = "sqlite")]
use super::sqlite::FileError;

/// Why a store could not do what it was asked. The operation may have taken place all the same.
#[derive(Clone, Debug, Error)]
pub(crate) enum StoreError {
    #[error("the disk is full")]
    DiskFull,
    #[error("only {free} bytes are free on the inbox's disk, below the floor")]
    DiskLow { free: u64 },
    /// Too many arrivals wait for the writer. Other operations are never refused for this.
    #[error("the inbox has more to write than it accepts at once")]
    Busy,
    /// The write goes on: the event may still be stored.
    #[error("the inbox did not confirm the write within {}", humantime::format_duration(*.0))]
    Slow(Duration),
    /// The database cannot be reached, or does not accept writes at present.
    #[error("the inbox's database is not available")]
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "a file is always available"))]
    Away(#[source] Arc<dyn Error + Send + Sync>),
    /// The database lacks a table or a right, or does not let this program in: a person has to do something.
    #[error("the inbox's database cannot be used")]
    #[cfg_attr(
        not(feature = "postgres"),
        allow(dead_code, reason = "a file that cannot be used is not opened")
    )]
    Unusable(#[source] Arc<dyn Error + Send + Sync>),
    /// A constraint, trigger or policy that somebody added to the inbox's database refuses the event, or a change: a person
    /// has to do something.
    #[error(
        "a constraint, trigger or policy in the inbox's database, which is not the inbox's own, refuses this"
    )]
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "nobody adds any to a file"))]
    Vetoed(#[source] Arc<dyn Error + Send + Sync>),
    /// The event contains something that no store keeps, or that this one does not.
    #[error("the inbox does not accept the event")]
    Refused(#[source] Arc<dyn Error + Send + Sync>),
    /// Anything else.
    #[error("the inbox cannot be used")]
    Broken(#[source] Arc<dyn Error + Send + Sync>),
}

impl StoreError {
    /// Whether a start that failed with this may succeed later. If so, the server listens, answers 503 and tries again.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::DiskFull | Self::Away(_) | Self::Slow(_) | Self::Busy)
    }

    /// Makes an error of any other cause.
    pub(crate) fn broken(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Broken(Arc::from(cause.into()))
    }
}

/// Why an inbox cannot be opened.
#[derive(Debug, Error)]
pub(crate) enum OpenError {
    #[cfg(feature = "sqlite")]
    #[error(transparent)]
    File(#[from] FileError),
    #[cfg(feature = "sqlite")]
    #[error("cannot be created in memory")]
    Memory(#[source] rusqlite::Error),
    #[cfg(feature = "postgres")]
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[cfg(not(all(feature = "sqlite", feature = "postgres")))]
    #[error("cannot be opened: this program was built without the feature `{feature}` of webhook-server")]
    NotBuilt { feature: &'static str },
}

impl OpenError {
    /// Whether another process has it, which may end soon.
    pub(crate) fn is_in_use(&self) -> bool {
        match self {
            #[cfg(feature = "sqlite")]
            Self::File(error) => error.is_in_use(),
            _ => false,
        }
    }
}
