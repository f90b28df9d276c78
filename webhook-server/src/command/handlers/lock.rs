//! Writing and comparing the lock file.

use std::fs;
use std::path::Path;

use webhook_core::Registry;

use super::{count, none};
use crate::command::{Failure, failed};
use crate::handlers_lock::{difference, entries};
use crate::report::console::print;
use crate::report::format::program;
use crate::settings::Interface;

/// Writes the lock file of the linked handlers.
pub(super) fn write(registry: &Registry, file: &Path) -> Result<(), Failure> {
    if registry.registrations().is_empty() {
        return Err(none());
    }
    let mut text = "# The handlers that this program must have, and their event types.\n\
                    # Written by `handlers --lock`, compared by `handlers --check` and `App::handlers_lock`.\n"
        .to_owned();
    for (id, event_type) in entries(registry) {
        text.push_str(&format!("{id} {event_type}\n"));
    }
    fs::write(file, text)
        .map_err(|error| failed(&format!("{} cannot be written", file.display()), &error))?;
    print(&format!("{}: {}\n", file.display(), count(registry)));
    Ok(())
}

/// Fails if the linked handlers differ from a lock file, and says how.
pub(super) fn check(registry: &Registry, file: &Path) -> Result<(), Failure> {
    let text = fs::read_to_string(file).map_err(|error| {
        let write = format!("to create it, run `{} handlers --lock {}`", program(), file.display());
        failed(&format!("{} cannot be read ({write})", file.display()), &error)
    })?;
    let name = file.display().to_string();
    match difference(registry, &text) {
        None => print(&format!("{}, as in {name}\n", count(registry))),
        Some(difference) => return Err(Failure::Failed(difference.told(&name, Interface::CommandLine))),
    }
    Ok(())
}
