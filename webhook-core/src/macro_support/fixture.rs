//! What `fixture!` calls.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;
use webhook_catalog::{Version, newest};

use crate::shape::{self, Shape};
use crate::{Sample, Timestamp};

/// A value to which a fixture's field can be set.
#[diagnostic::on_unimplemented(
    message = "a field that holds `{S}` cannot be set to `{Self}`",
    label = "not what the field holds",
    note = "use `&str` or `String` for texts, ids and enums, and `i64` for integers; `serde_json::Value` fits every field, and is checked when the test runs"
)]
pub trait Writes<S: Shape> {
    /// Converts into JSON.
    fn write(self) -> Value;
}

impl<S: Shape> Writes<S> for Value {
    fn write(self) -> Value {
        self
    }
}

macro_rules! writes {
    ($($($source:ty)*: $($shape:ident)*;)*) => {$(writes! { @ [$($source)*] [$($shape)*] })*};
    (@ [$($source:ty)*] $shapes:tt) => {$(writes! { # $source $shapes })*};
    (# $source:ty [$($shape:ident)*]) => {$(
        impl Writes<shape::$shape> for $source {
            fn write(self) -> Value {
                self.into()
            }
        }
    )*};
}

writes! {
    &str String: Text Enum Decimal DateTime Expandable IntegerText;
    bool: Boolean;
    f64: Float;
    i64 i32 i16 i8 u32 u16 u8: Integer Timestamp Float;
}

impl Writes<shape::Timestamp> for Timestamp {
    fn write(self) -> Value {
        self.unix_seconds().into()
    }
}

/// Converts a value for a field of a shape.
pub fn write<S: Shape, T: Writes<S>>(value: T) -> Value {
    value.write()
}

/// Makes a fixture. Each call makes different ids.
///
/// # Panics
///
/// Panics if a value that is known only at run time does not fit its field.
#[track_caller]
pub fn fixture<const N: usize>(version: &str, event_type: &str, fields: [(&str, Value); N]) -> Sample {
    static SEED: AtomicU64 = AtomicU64::new(0);
    let version = Version::named(version).unwrap_or_else(newest);
    let seed = SEED.fetch_add(1, Ordering::Relaxed);
    let made = Sample::in_version(version, event_type, seed).and_then(|mut sample| {
        for (path, value) in fields {
            match path.strip_prefix("previous.") {
                Some(former) => sample.set_previous_json(former, value)?,
                None => sample.set_json(path, value)?,
            }
        }
        Ok(sample)
    });
    match made {
        Ok(sample) => sample,
        Err(error) => panic!("cannot make the fixture: {error}"),
    }
}
