//! The time and the fields of a line.
//!
//! The subscriber's own formats pass each value through two escaping writers, a character at a time, which costs more than
//! all else about a line. Most lines contain nothing that needs escaping.

use std::error::Error;
use std::fmt::{self, Debug, Write};
use std::time::SystemTime;

use memchr::memchr2;
use tracing::field::{Field, Visit};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};
use tracing_subscriber::fmt::time::FormatTime;

/// Writes what the subscriber's own format writes: values that are printable ASCII here; others, errors with causes, and
/// coloured ones by that format.
#[derive(Debug, Default)]
pub(super) struct Fields(DefaultFields);

impl<'w> FormatFields<'w> for Fields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        if !writer.has_ansi_escapes() {
            let mut plain = Plain { text: String::with_capacity(256), is_plain: true };
            fields.record(&mut plain);
            if plain.is_plain {
                return writer.write_str(&plain.text);
            }
        }
        self.0.format_fields(writer, fields)
    }
}

/// The fields of a line.
struct Plain {
    text: String,
    /// False when a value needs escaping, or is an error that has a cause.
    is_plain: bool,
}

impl Plain {
    /// Writes what stands before a value, and returns whether it is the message.
    fn begin(&mut self, field: &Field) -> bool {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        let is_message = field.name() == "message";
        if !is_message {
            self.text.push_str(field.name().strip_prefix("r#").unwrap_or(field.name()));
            self.text.push('=');
        }
        is_message
    }
}

impl Visit for Plain {
    fn record_str(&mut self, field: &Field, value: &str) {
        if self.begin(field) {
            self.is_plain &= is_printable(value);
            return self.text.push_str(value);
        }
        self.is_plain &= is_printable(value) && memchr2(b'"', b'\\', value.as_bytes()).is_none();
        self.text.push('"');
        self.text.push_str(value);
        self.text.push('"');
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.begin(field);
        self.text.push_str(if value { "true" } else { "false" });
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        // The subscriber's own format adds the causes.
        self.is_plain &= value.source().is_none();
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.begin(field);
        let start = self.text.len();
        self.is_plain &= write!(self.text, "{value:?}").is_ok() && is_printable(&self.text[start..]);
    }
}

/// Whether all of it is printable ASCII. It looks at every byte, because that takes less time than stopping early.
fn is_printable(text: &str) -> bool {
    text.bytes().fold(true, |all_are, byte| all_are & (b' '..=b'~').contains(&byte))
}

/// Writes the time as the subscriber's own format does, for less.
#[derive(Debug)]
pub(super) struct Time;

impl FormatTime for Time {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write!(writer, "{}", humantime::format_rfc3339_micros(SystemTime::now().max(SystemTime::UNIX_EPOCH)))
    }
}
