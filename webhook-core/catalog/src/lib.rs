//! What Stripe sends: every event type, the object it carries, and every field of that object.
//!
//! The facts are in text files, which one command generates from the type declarations of Stripe's own SDKs (see
//! `generate/README.md`): `events.txt` and `objects.txt` describe the newest API version, `paths.txt` lists where the API has
//! its objects, and each file in `versions` what an older version has otherwise than the next newer one. This crate only reads
//! them, and parses each object at its first use, so that a macro expansion parses only what it needs.
//!
//! The features `api-…` enable versions: the application must be able to read events of each of them. [`find`], [`object`]
//! and the other functions see the enabled versions as one, in which a field may be absent if one of them lacks it. The
//! features `since-…` compile in the texts of older versions; the macros have them all, so that a message can tell in which
//! version a field is.
//!
//! Written by hand are `deviations.txt` (where single events differ from their object's type), `moves.txt` (where the
//! fields of earlier API versions went) and `awaited.rs` (the event types whose answer Stripe waits for).

#![cfg_attr(docsrs, feature(doc_cfg))]

mod awaited;
mod catalog;
mod deviations;
mod difference;
mod events;
mod field_names;
mod merge;
mod moves;
mod objects;
mod path;
mod read_path;
pub mod retry;
mod suggest;
mod version;

pub use awaited::{Awaited, awaited, awaited_types};
pub use catalog::Catalog;
pub use deviations::{Deviation, deviations};
pub use events::{EventType, Kind, Mismatch, expand, find, snapshot_twin, snapshot_types, thin_types};
pub use field_names::{FieldName, field_named};
pub use moves::{Move, moved, moved_at, moved_to, moves};
pub use objects::{Field, Object, Shape, object, objects};
pub use path::is_metadata_key;
pub use read_path::{ReadPath, read_path};
pub use suggest::{is_slip, nearest};
pub use version::{
    Version, enabled, enabled_names, is_enabled, names, newest, span, versions, versions_with,
};
