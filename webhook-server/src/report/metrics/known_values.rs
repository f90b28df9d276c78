//! A limit on the values of a label that a sender can choose.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

use rapidhash::fast::RandomState;

/// How many values of a label are told apart. Each is a series, which stays until the process ends.
const MOST: usize = 100;

/// The longest value, in bytes.
const LONGEST: usize = 64;

/// What stands for all further values.
pub(super) const OTHER: &str = "other";

/// The values of a label that are told apart: the first that occur.
#[derive(Debug, Default)]
pub(super) struct KnownValues(RwLock<HashSet<Box<str>, RandomState>>);

impl KnownValues {
    /// Returns the value itself if it is one of the first and not too long, and otherwise [`OTHER`].
    pub(super) fn or_other<'v>(&self, value: &'v str) -> &'v str {
        if value.len() > LONGEST {
            return OTHER;
        }
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if known.contains(value) {
            return value;
        }
        if known.len() >= MOST {
            return OTHER;
        }
        drop(known);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST && !known.contains(value) {
            return OTHER;
        }
        known.insert(value.into());
        value
    }
}
