//! A section `[endpoint.NAME]`: what an operator changes about an endpoint that the program declares.

use toml::de::DeValue;

use super::{ENDPOINT, Key, Kind, Reader, Value, in_order, printable, unknown};
use crate::settings::origin::Sourced;

/// The keys of a section, and what each must be.
pub(super) const KEYS: [(&str, &str); 5] = [
    ("future-tolerance", TIME),
    ("mode", "\"live\", \"test\" or \"any\""),
    ("secret-env", "the name of an environment variable"),
    ("secret-file", "a file's name"),
    ("tolerance", TIME),
];

const TIME: &str = "a number and its unit, such as 500ms, 30s or 2m";

/// What a file sets for one endpoint.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) endpoint: Sourced<String>,
    /// In the order of the file.
    pub(crate) entries: Vec<Entry>,
}

/// A key of a section.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    /// What the value must be.
    pub(crate) expected: &'static str,
    pub(crate) value: Sourced<String>,
}

impl Reader<'_> {
    /// Reads all sections of endpoints.
    pub(super) fn endpoints(&mut self, key: &Key<'_>, value: &Value<'_>) {
        let DeValue::Table(endpoints) = value.get_ref() else {
            return self.unknown(key, || {
                format!("`{ENDPOINT}` is not a setting: write a section `[{ENDPOINT}.NAME]`")
            });
        };
        for (name, section) in in_order(endpoints) {
            if self.is_refused(name) {
                continue;
            }
            let DeValue::Table(entries) = section.get_ref() else {
                self.unknown(name, || {
                    let name = printable(name.get_ref());
                    format!("`{name}` is not a section: write `[{ENDPOINT}.NAME]`, then its keys")
                });
                continue;
            };
            let endpoint = Sourced { value: name.get_ref().to_string(), origin: self.origin(name) };
            let entries =
                in_order(entries).into_iter().filter_map(|(key, value)| self.entry(key, value)).collect();
            self.file.sections.push(Section { endpoint, entries });
        }
    }

    /// Reads one key of a section.
    fn entry(&mut self, key: &Key<'_>, value: &Value<'_>) -> Option<Entry> {
        if self.is_refused(key) {
            return None;
        }
        let name: &str = &printable(key.get_ref());
        let Some((name, expected)) = KEYS.into_iter().find(|(known, _)| *known == name) else {
            self.unknown(key, || unknown::in_section(name));
            return None;
        };
        let value = self.text_of(key, value, Kind::Text, expected)?;
        Some(Entry { name, expected, value: Sourced { value, origin: self.origin(key) } })
    }
}
