//! What Stripe sends: every event type, the object it carries, and every field of that object.
//!
//! The facts are in two text files, `events.txt` and `objects.txt`, which one command generates from the type
//! declarations of Stripe's own SDKs (see `generate/README.md`). This crate only reads them, and parses each object at its
//! first use, so that a macro expansion parses only what it needs.
//!
//! Written by hand are `deviations.txt` (where single events differ from their object's type), `moves.txt` (where the
//! fields of earlier API versions went) and `awaited.rs` (the event types whose answer Stripe waits for).

#![cfg_attr(docsrs, feature(doc_cfg))]

mod awaited;
mod deviations;
mod events;
mod field_names;
mod moves;
mod objects;
mod path;
pub mod retry;
mod suggest;

pub use awaited::{Awaited, awaited, awaited_types};
pub use deviations::{Deviation, deviations};
pub use events::{EventType, Kind, Mismatch, api_version, expand, find, snapshot_types, thin_types};
pub use field_names::{FieldName, field_named};
pub use moves::{Move, moved, moved_at, moved_to, moves};
pub use objects::{Field, Object, Shape, object, objects};
pub use path::is_metadata_key;
pub use suggest::{is_slip, nearest};
