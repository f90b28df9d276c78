//! The public API of `webhook-core`: tables of inputs with the promised result of each, and properties against models that
//! are written independently of the crate.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed, in a helper as in a test")]

mod context;
mod decode;
mod envelope;
mod envelope_bad_json;
mod envelope_model;
mod envelope_raw;
mod envelope_stored;
mod envelope_thin;
mod extract;
mod handler;
mod linked;
mod model;
mod policy;
mod purity;
mod redaction;
mod registry;
mod reply;
mod sample;
mod sample_envelope;
mod sample_set;
mod sample_states;
mod secret;
mod sign_model;
mod signature;
mod signature_model;
mod story;
mod support;
mod thin;
mod timestamp;
mod vectors;
mod verify;
mod verify_time;
