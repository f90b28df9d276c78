//! Why a sample cannot be made.

use thiserror::Error;
use webhook_catalog::{Move, Version};

/// Why a sample cannot be made as requested.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SampleError {
    /// The object has the field, but this event sends it without.
    #[error("`{event_type}` carries `{object}` without `{field}`")]
    Lacking {
        /// The event type.
        event_type: String,
        /// The object.
        object: String,
        /// The field.
        field: String,
    },
    /// Metadata cannot have such a key.
    #[error(
        "`{key}` cannot be a key of `metadata`: a key has 1 to 40 characters and contains neither `[` nor `]`"
    )]
    MetadataKey {
        /// The key.
        key: String,
    },
    /// The field cannot hold the value.
    #[error("`{path}` cannot be `{value}`: expected {expected}")]
    Mismatch {
        /// The path.
        path: String,
        /// What the field holds.
        expected: String,
        /// The value.
        value: String,
    },
    /// The object had the field in an earlier API version.
    #[error("there is no `{path}`: {}", moved.to_string().replace("[]", ".0"))]
    Moved {
        /// The whole path.
        path: String,
        /// Where the field went.
        moved: &'static Move,
    },
    /// The object has no such field.
    #[error("`{object}` has no field `{field}` (in `{path}`){}", near.as_ref().map_or(String::new(), |near| format!(": did you mean `{near}`?")))]
    UnknownField {
        /// The object.
        object: String,
        /// The whole path.
        path: String,
        /// The step of the path that does not exist.
        field: String,
        /// The nearest name.
        near: Option<String>,
    },
    /// No story has this name.
    #[error("there is no story `{name}`: the stories are {}", known.join(", "))]
    UnknownStory {
        /// The name.
        name: String,
        /// The names of all stories.
        known: Vec<&'static str>,
    },
    /// No event type has this name.
    #[error("there is no event type `{event_type}` in API version {version}")]
    UnknownType {
        /// The name.
        event_type: String,
        /// The version.
        version: Version,
    },
    /// The program was not made for this API version.
    #[error("{}", version.not_enabled())]
    VersionNotEnabled {
        /// The version.
        version: Version,
    },
}
