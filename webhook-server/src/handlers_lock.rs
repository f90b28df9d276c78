//! The lock file: the handlers that a program must have. Comparing it reveals a handler that was not linked.
//!
//! The file has one line for each handler and event type, sorted, so that a change of either is one line in a review.

use std::collections::BTreeSet;
use std::fmt;

use webhook_core::{Registry, Subscription};

use crate::app::App;
use crate::problems::Problems;
use crate::report::format::program;
use crate::settings::Interface;

/// Stands for the types that no other handler takes.
const UNHANDLED: &str = "*";

/// A handler and one event type that it takes, as a line: `shop::orders::paid payment_intent.succeeded`.
type Entry = (String, String);

/// Reports how an application's handlers differ from its lock file.
pub(crate) fn hold(app: &App, problems: &mut Problems) {
    let registry = Registry::linked();
    // A program without handlers gets an error of its own.
    if let Some(lock) = app.lock.filter(|_| !registry.registrations().is_empty())
        && let Some(difference) = difference(&registry, lock)
    {
        let interface = problems.interface();
        problems.add(difference.told("its lock file", interface));
    }
}

/// Compares a program's handlers with a lock file's text. `None` if they are the same.
pub(crate) fn difference(registry: &Registry, lock: &str) -> Option<Difference> {
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
pub(crate) fn entries(registry: &Registry) -> BTreeSet<Entry> {
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
pub(crate) struct Difference {
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
    pub(crate) fn told(&self, lock: &str, interface: Interface) -> String {
        let update = match interface {
            Interface::CommandLine => format!("update the file: `{} handlers --lock FILE`", program()),
            Interface::Library => "change these lines of the file".to_owned(),
        };
        format!("the handlers of this program differ from {lock}:\n{self}if this is intended, {update}")
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
        Ok(())
    }
}
