//! Views, enums and ready-made objects: what compiles, and what it reads.

mod agree;
mod depth;
mod metadata;
mod objects;
mod payloads;
mod previous;
mod reads;
mod thin_data;
mod types;

use webhook_core::{DecodeError, FromStripe, Json, Sample, shape};

/// Reads a view from JSON.
fn read<T: FromStripe<shape::Object>>(json: &str) -> Result<T, DecodeError> {
    T::read(Json::new(json))
}

/// A sample of a type with fields set.
fn sample(event_type: &str, fields: &[(&str, &str)]) -> Sample {
    let mut sample = Sample::new(event_type, 1).expect("a snapshot type");
    for (path, value) in fields {
        sample.set(path, value).expect("a field of the object");
    }
    sample
}
