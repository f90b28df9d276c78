//! A section `[endpoint.NAME]`: what an operator changes about an endpoint that the program declares.

use toml::de::DeValue;

use super::{ENDPOINT, Key, Kind, Reader, Value, in_order, unknown};
use crate::endpoint::Endpoint;
use crate::problems::Problems;
use crate::report::format::masked;
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
    endpoint: Sourced<String>,
    /// In the order of the file.
    entries: Vec<(&'static str, Sourced<String>)>,
}

impl Reader<'_> {
    /// Reads all sections of endpoints.
    pub(super) fn endpoints(&mut self, key: &Key<'_>, value: &Value<'_>) {
        let DeValue::Table(endpoints) = value.get_ref() else {
            return self
                .unknown(key, format!("`{ENDPOINT}` is not a setting: write a section `[{ENDPOINT}.NAME]`"));
        };
        for (name, section) in in_order(endpoints) {
            let DeValue::Table(entries) = section.get_ref() else {
                let problem = format!(
                    "`{}` is not a section: write `[{ENDPOINT}.NAME]`, then its keys",
                    name.get_ref()
                );
                self.unknown(name, problem);
                continue;
            };
            let endpoint = Sourced { value: name.get_ref().to_string(), origin: self.origin(name) };
            let entries =
                in_order(entries).into_iter().filter_map(|(key, value)| self.entry(key, value)).collect();
            self.file.sections.push(Section { endpoint, entries });
        }
    }

    /// Reads one key of a section.
    fn entry(&mut self, key: &Key<'_>, value: &Value<'_>) -> Option<(&'static str, Sourced<String>)> {
        if self.is_refused(key) {
            return None;
        }
        let name: &str = key.get_ref();
        let Some((name, expected)) = KEYS.into_iter().find(|(known, _)| *known == name) else {
            self.unknown(key, unknown::in_section(name));
            return None;
        };
        let value = self.text_of(key, value, Kind::Text, expected)?;
        Some((name, Sourced { value, origin: self.origin(key) }))
    }
}

impl Section {
    /// Changes the endpoint of this name, or notes why that cannot be done.
    pub(crate) fn apply(&self, endpoints: &mut [Endpoint], problems: &mut Problems) {
        let Sourced { value: name, origin } = &self.endpoint;
        let Some(at) = endpoints.iter().position(|endpoint| endpoint.name() == name) else {
            let names: Vec<&str> = endpoints.iter().map(Endpoint::name).collect();
            return problems.add(format!("{origin}: {}", unknown::endpoint(name, &names)));
        };
        let endpoint = &mut endpoints[at];
        if self.entries.iter().any(|(key, _)| key.starts_with("secret")) {
            endpoint.forget_sources();
        }
        for (key, Sourced { value, origin }) in &self.entries {
            if endpoint.set(key, value, origin).is_none() {
                let expected =
                    KEYS.iter().find(|(known, _)| known == key).map_or("", |(_, expected)| expected);
                let shown = masked(value);
                problems.add(format!("{origin}: `{key}` is {shown:?}: it must be {expected}"));
            }
        }
    }
}
