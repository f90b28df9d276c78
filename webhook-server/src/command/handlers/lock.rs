//! The lock file: the handlers that a program must have. Comparing it reveals a handler that was not linked.
//!
//! The file has one line for each handler and event type, sorted, so that a change of either is one line in a review.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::Path;

use webhook_core::{Registry, Subscription};

use super::{count, none};
use crate::app::App;
use crate::command::{Failure, failed};
use crate::problems::Problems;
use crate::report::console::print;
use crate::report::format::program;

/// Stands for the types that no other handler takes.
const UNHANDLED: &str = "*";

/// A handler and one event type that it takes, as a line: `shop::orders::paid payment_intent.succeeded`.
type Entry = (String, String);

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
        Some(difference) => return Err(Failure::Failed(difference.told(&name))),
    }
    Ok(())
}

/// Reports how an application's handlers differ from its lock file.
pub(in crate::command) fn hold(app: &App, problems: &mut Problems) {
    let registry = Registry::linked();
    // A program without handlers gets an error of its own.
    if let Some(lock) = app.lock.filter(|_| !registry.registrations().is_empty())
        && let Some(difference) = difference(&registry, lock)
    {
        problems.add(difference.told("its lock file"));
    }
}

/// Compares a program's handlers with a lock file's text. `None` if they are the same.
fn difference(registry: &Registry, lock: &str) -> Option<Difference> {
    let (expected, unreadable) = parse(lock);
    let linked = entries(registry);
    let crates: BTreeSet<&str> = registry
        .registrations()
        .iter()
        .filter(|handler| handler.binary.is_none())
        .map(|handler| handler.crate_name())
        .collect();
    let missing: Vec<Entry> = expected.difference(&linked).cloned().collect();
    // An id is the handler's path unless the attribute says otherwise.
    let unlinked = missing.iter().filter_map(|(id, _)| id.split_once("::")).map(|(name, _)| name.to_owned());
    let difference = Difference {
        unlinked: unlinked.filter(|name| !crates.contains(&**name)).collect(),
        added: linked.difference(&expected).cloned().collect(),
        missing,
        unreadable,
    };
    let is_none =
        difference.missing.is_empty() && difference.added.is_empty() && difference.unreadable.is_empty();
    (!is_none).then_some(difference)
}

/// The entries of the linked handlers.
fn entries(registry: &Registry) -> BTreeSet<Entry> {
    let registrations = registry.registrations().iter();
    let entries = registrations.flat_map(|handler| {
        let types = match handler.takes {
            Subscription::Types(types) => types,
            Subscription::Unhandled => &[UNHANDLED][..],
        };
        types.iter().map(|event_type| (handler.id.to_owned(), (*event_type).to_owned()))
    });
    entries.collect()
}

/// The entries of a lock file, and the lines that cannot be read.
fn parse(text: &str) -> (BTreeSet<Entry>, Vec<String>) {
    let (mut entries, mut unreadable) = (BTreeSet::new(), Vec::new());
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in lines {
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            [id, event_type] => {
                entries.insert((id.to_owned(), event_type.to_owned()));
            }
            _ => unreadable.push(line.to_owned()),
        }
    }
    (entries, unreadable)
}

/// How a program and its lock file differ.
#[derive(Debug)]
struct Difference {
    /// In the file, but not in the program.
    missing: Vec<Entry>,
    /// In the program, but not in the file.
    added: Vec<Entry>,
    /// Lines that are not an entry.
    unreadable: Vec<String>,
    /// Crates that have missing handlers and none linked from their library.
    unlinked: BTreeSet<String>,
}

impl Difference {
    /// Says in several lines what differs, and what to do.
    fn told(&self, lock: &str) -> String {
        format!("the handlers of this program differ from {lock}:\n{self}")
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (sign, entries) in [("-", &self.missing), ("+", &self.added)] {
            for (id, event_type) in entries {
                writeln!(f, "{sign} {id} {event_type}")?;
            }
        }
        for line in &self.unreadable {
            writeln!(f, "? {line}")?;
        }
        if !self.missing.is_empty() {
            writeln!(f, "`-`: in the file, but not in the program")?;
        }
        for name in &self.unlinked {
            writeln!(
                f,
                "no handlers of the library `{name}` are linked: if they are defined there, add `use {name} as _;` to main.rs"
            )?;
        }
        if !self.added.is_empty() {
            writeln!(f, "`+`: in the program, but not in the file")?;
        }
        if !self.unreadable.is_empty() {
            writeln!(f, "`?`: not a handler's id and an event type")?;
        }
        write!(f, "if this is intended, update the file: `{} handlers --lock FILE`", program())
    }
}
