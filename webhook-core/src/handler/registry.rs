//! The handlers that are linked into the program.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use thiserror::Error;

use crate::{HandlerResult, Invocation, Policy, Requirements, States};

/// A handler at work.
pub type HandlerFuture = Pin<Box<dyn Future<Output = HandlerResult> + Send>>;

/// A handler's entry in the inventory, which `#[on_event]` and `#[on_unhandled]` make.
#[expect(clippy::exhaustive_structs, reason = "the macros make it, and must state every field")]
pub struct Registration {
    /// The handler's id: unique in the program, by default the function's path.
    pub id: &'static str,
    /// Which events it takes.
    pub takes: Subscription,
    /// The path of the module that the attribute stands in; it begins with the crate.
    pub module: &'static str,
    /// The name of the binary that the attribute is compiled into; `None` in a library.
    pub binary: Option<&'static str>,
    /// The file that the attribute stands in.
    pub file: &'static str,
    /// The line that the attribute stands on.
    pub line: u32,
    /// The function's doc comment.
    pub doc: &'static str,
    /// How its runs are made.
    pub policy: Policy,
    /// Collects what the arguments need.
    pub needs: fn(&mut Requirements),
    /// Starts the handler.
    pub run: fn(Invocation) -> HandlerFuture,
}

inventory::collect!(Registration);

/// Which events a handler takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "whoever dispatches must know every case")]
pub enum Subscription {
    /// These snapshot types, sorted.
    Types(&'static [&'static str]),
    /// Every type that no other handler takes.
    Unhandled,
}

impl Registration {
    /// Returns what the handler's arguments need.
    pub fn needs(&self) -> Requirements {
        let mut needs = Requirements::default();
        (self.needs)(&mut needs);
        needs
    }

    /// Returns the name of the crate that the handler stands in.
    pub fn crate_name(&self) -> &'static str {
        self.module.split("::").next().unwrap_or(self.module)
    }

    fn place(&self) -> SourceLocation {
        SourceLocation { id: self.id, file: self.file, line: self.line }
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration")
            .field("id", &self.id)
            .field("takes", &self.takes)
            .field("file", &self.file)
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

/// The handlers of a program, sorted by id, and which of them take an event.
#[derive(Debug, Default)]
pub struct Registry {
    registrations: Vec<&'static Registration>,
    by_type: HashMap<&'static str, Vec<&'static Registration>>,
    unhandled: Vec<&'static Registration>,
}

impl Registry {
    /// Collects all handlers that are linked into this program.
    ///
    /// A library crate that nothing names is not linked, also the library half of the program's own package, and its
    /// handlers are missing without a word: `use my_handlers as _;` in the program names it.
    pub fn linked() -> Self {
        Self::new(inventory::iter::<Registration>)
    }

    /// Collects the given handlers.
    pub fn new(registrations: impl IntoIterator<Item = &'static Registration>) -> Self {
        let mut registry = Self { registrations: registrations.into_iter().collect(), ..Self::default() };
        // The inventory promises no order; file and line make the order of clashing ids stable as well.
        registry
            .registrations
            .sort_by_key(|registration| (registration.id, registration.file, registration.line));
        for registration in &registry.registrations {
            match registration.takes {
                Subscription::Types(types) => {
                    for event_type in types {
                        registry.by_type.entry(event_type).or_default().push(registration);
                    }
                }
                Subscription::Unhandled => registry.unhandled.push(registration),
            }
        }
        registry
    }

    /// Returns all handlers, sorted by id.
    pub fn registrations(&self) -> &[&'static Registration] {
        &self.registrations
    }

    /// Finds a handler by its id.
    pub fn get(&self, id: &str) -> Option<&'static Registration> {
        let at = self.registrations.binary_search_by(|registration| registration.id.cmp(id)).ok()?;
        Some(self.registrations[at])
    }

    /// Returns the handlers that run on an event of a type, sorted by id: those that name it, else the
    /// `#[on_unhandled]` one.
    pub fn handlers_of(&self, event_type: &str) -> &[&'static Registration] {
        self.by_type.get(event_type).unwrap_or(&self.unhandled)
    }

    /// Returns the types that handlers name and the catalog does not list, sorted: those in `unlisted(…)`.
    pub fn unlisted(&self) -> Vec<&'static str> {
        let is_unlisted = |name: &&'static str| crate::catalog::find(name).is_none();
        let mut names: Vec<_> = self.by_type.keys().copied().filter(is_unlisted).collect();
        names.sort_unstable();
        names
    }

    /// Tells whether a handler names this type.
    pub fn names(&self, event_type: &str) -> bool {
        self.by_type.contains_key(event_type)
    }

    /// Finds everything that must stop an application with these handlers and this state from starting.
    pub fn problems(&self, states: &States) -> Vec<RegistryProblem> {
        if self.registrations.is_empty() {
            return vec![RegistryProblem::Empty];
        }
        let mut problems = Vec::new();
        for pair in self.registrations.windows(2) {
            if pair[0].id == pair[1].id {
                problems
                    .push(RegistryProblem::DuplicateId { first: pair[0].place(), second: pair[1].place() });
            }
        }
        for pair in self.unhandled.windows(2) {
            problems
                .push(RegistryProblem::SecondUnhandled { first: pair[0].place(), second: pair[1].place() });
        }
        for registration in &self.registrations {
            for state in registration.needs().states {
                if !states.holds(state) {
                    problems.push(RegistryProblem::MissingState {
                        handler: registration.place(),
                        state: state.name(),
                    });
                }
            }
        }
        self.check_groups(&mut problems);
        problems
    }

    /// Finds handlers whose lanes are not shared as their attributes say.
    fn check_groups(&self, problems: &mut Vec<RegistryProblem>) {
        let mut groups: BTreeMap<&str, Vec<&Registration>> = BTreeMap::new();
        for registration in &self.registrations {
            if let Some(group) = registration.policy.order.group {
                groups.entry(group).or_default().push(registration);
            }
        }
        for (&group, members) in &groups {
            let [first, others @ ..] = &members[..] else { continue };
            if others.is_empty() {
                let others = groups.keys().copied().filter(|other| *other != group);
                let meant = webhook_catalog::nearest(group, others).first().map(|near| (*near).to_owned());
                problems.push(RegistryProblem::LonelyGroup { handler: first.place(), group, meant });
            }
            let is_otherwise = |other: &&&Registration| other.policy.order.mode != first.policy.order.mode;
            if let Some(second) = others.iter().find(is_otherwise) {
                let (first, second) = (first.place(), second.place());
                problems.push(RegistryProblem::MixedGroup { first, second, group });
            }
        }
    }
}

/// A handler and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceLocation {
    /// The handler's id.
    pub id: &'static str,
    /// The file that its attribute stands in.
    pub file: &'static str,
    /// The line that its attribute stands on.
    pub line: u32,
}

impl fmt::Display for SourceLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({}:{})", self.id, self.file, self.line)
    }
}

/// Something about the handlers that must stop the start.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegistryProblem {
    /// Two handlers have the same id.
    #[error(
        "two handlers have the id `{}`: {}:{} and {}:{}; give one of them `id = \"…\"` in its attribute",
        first.id, first.file, first.line, second.file, second.line
    )]
    DuplicateId {
        /// The first in file and line.
        first: SourceLocation,
        /// The other.
        second: SourceLocation,
    },
    /// No handler at all.
    #[error(
        "no handler is linked into this program; if they stand in a library (of this package, too), the linker \
         leaves it out until the program names it: add `use my_handlers as _;` (with the name of your crate) to main.rs"
    )]
    Empty,
    /// A group of handlers that share their lanes has one member.
    #[error(
        "handler {handler} is alone in its group: no other has `order(group = \"{group}\")`{}",
        meant.as_ref().map_or_else(
            || "; give another handler the same group, or remove it".to_owned(),
            |near| format!("; did you mean `{near}`?"),
        )
    )]
    LonelyGroup {
        /// The only member.
        handler: SourceLocation,
        /// The group's name.
        group: &'static str,
        /// The nearest name of another group.
        meant: Option<String>,
    },
    /// A handler asks for state that the application was not given.
    #[error(
        "handler {handler} takes `State<{state}>`, and the application has none: add `.state(…)` to the `App`"
    )]
    MissingState {
        /// The handler.
        handler: SourceLocation,
        /// The type.
        state: &'static str,
    },
    /// Two handlers that share their lanes differ in `order`.
    #[error(
        "handlers {first} and {second} share the lanes of `order(group = \"{group}\")`, and only one of them is \
         `strict`: make both `strict` or neither"
    )]
    MixedGroup {
        /// The first by id.
        first: SourceLocation,
        /// The first that differs from it.
        second: SourceLocation,
        /// The group's name.
        group: &'static str,
    },
    /// More than one `#[on_unhandled]`.
    #[error("two handlers are `#[on_unhandled]`: {first} and {second}; keep one")]
    SecondUnhandled {
        /// The first by id.
        first: SourceLocation,
        /// The other.
        second: SourceLocation,
    },
}
