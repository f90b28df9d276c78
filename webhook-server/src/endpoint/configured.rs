//! What a configuration file changes about the endpoints that a program declares.

use super::{Endpoint, Mode, not_an_endpoint};
use crate::problems::Problems;
use crate::report::format::masked;
use crate::secrets::Source;
use crate::settings::{Origin, SECRET_FILE, Section, Sourced};

/// Changes the endpoint that a section names, or notes why that cannot be done.
pub(crate) fn configure(endpoints: &mut [Endpoint], section: &Section, problems: &mut Problems) {
    let Sourced { value: name, origin } = &section.endpoint;
    let Some(at) = endpoints.iter().position(|endpoint| endpoint.name() == name) else {
        return problems.add(format!("{origin}: {}", unknown(name, &Endpoint::names_and_paths(endpoints))));
    };
    let endpoint = &mut endpoints[at];
    if section.entries.iter().any(|entry| entry.name.starts_with("secret")) {
        // The file replaces what the program says.
        endpoint.sources.clear();
    }
    for entry in &section.entries {
        let Sourced { value, origin } = &entry.value;
        if endpoint.set(entry.name, value, origin).is_none() {
            let (name, shown) = (entry.name, masked(value));
            problems.add(format!("{origin}: `{name}` is {shown:?}: it must be {}", entry.expected));
        }
    }
}

impl Endpoint {
    /// Sets what has this name in a file. `None` if the value cannot be read.
    fn set(&mut self, name: &str, value: &str, origin: &Origin) -> Option<()> {
        let time = || {
            let value = humantime::parse_duration(value).ok()?;
            Some(Sourced { value, origin: origin.clone() })
        };
        match name {
            "mode" => self.mode = Sourced { value: Mode::named(value)?, origin: origin.clone() },
            "secret-env" => self.sources.push(Source::Variable(value.to_owned()).by(origin.clone())),
            "secret-file" => self.sources.push(Source::File(value.into()).by(origin.clone())),
            "tolerance" => self.past = Some(time()?),
            "future-tolerance" => self.future = Some(time()?),
            _ => return None,
        }
        Some(())
    }
}

/// What is said of a section of an endpoint that the program does not declare.
fn unknown(name: &str, declared: &[(&str, &str)]) -> String {
    if declared.is_empty() {
        return format!(
            "this program declares no endpoints: set `path`, `{SECRET_FILE}` and `tolerance` above the first section, and \
             remove `[endpoint.{name}]`"
        );
    }
    not_an_endpoint(name, declared)
}
