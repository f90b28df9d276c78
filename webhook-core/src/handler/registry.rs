//! The handlers that are linked into the program.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use thiserror::Error;

use crate::{HandlerResult, Invocation, Policy, Requirements, States};

/// A run in progress.
pub type HandlerFuture = Pin<Box<dyn Future<Output = HandlerResult> + Send>>;

/// A handler's entry in the inventory, made by `#[on_event]` and `#[on_unhandled]`.
#[expect(clippy::exhaustive_structs, reason = "the macros make it, and must set every field")]
pub struct Registration {
    /// The handler's id: unique in the program, by default the function's path.
    pub id: &'static str,
    /// Which events it takes.
    pub takes: Subscription,
    /// The path of the attribute's module, which begins with the crate.
    pub module: &'static str,
    /// The name of the binary that the attribute is compiled into; `None` in a library.
    pub binary: Option<&'static str>,
    /// The attribute's file.
    pub file: &'static str,
    /// The attribute's line.
    pub line: u32,
    /// The function's doc comment.
    pub doc: &'static str,
    /// How long a run may take, how often it is retried, and in which order runs are made.
    pub policy: Policy,
    /// Collects what the arguments need.
    pub needs: fn(&mut Requirements),
    /// Starts the handler.
    pub run: fn(Invocation) -> HandlerFuture,
}

inventory::collect!(Registration);

/// Which events a handler takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a server must handle every case")]
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

    /// Returns the name of the handler's crate.
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

/// The handlers of a program, by id and by event type.
#[derive(Debug, Default)]
pub struct Registry {
    registrations: Vec<&'static Registration>,
    by_type: HashMap<&'static str, Vec<&'static Registration>>,
    unhandled: Vec<&'static Registration>,
}

impl Registry {
    /// Collects all handlers that are linked into this program.
    ///
    /// The linker leaves out a library crate that the program does not name, including the library of the program's own
    /// package, and its handlers are silently missing. `use my_handlers as _;` in the program names it.
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

    /// Returns the ids of all handlers, sorted.
    pub fn ids(&self) -> impl Iterator<Item = &'static str> {
        self.registrations.iter().map(|registration| registration.id)
    }

    /// Finds a handler by its id. If several have the same id, which is a [problem](Self::problems), it finds one of them.
    pub fn get(&self, id: &str) -> Option<&'static Registration> {
        let at = self.registrations.binary_search_by(|registration| registration.id.cmp(id)).ok()?;
        Some(self.registrations[at])
    }

    /// Returns the handlers that run on an event of this type, sorted by id: those that name the type, or else the
    /// `#[on_unhandled]` handler.
    pub fn handlers_of(&self, event_type: &str) -> &[&'static Registration] {
        self.by_type.get(event_type).unwrap_or(&self.unhandled)
    }

    /// Returns the types in `unlisted(…)`, sorted: handlers name them and the catalog does not list them.
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

    /// Finds every reason why an application with these handlers and this state must not start.
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

    /// Checks the groups: each has at least two members, which agree on the mode.
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

/// A handler and its place in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceLocation {
    /// The handler's id.
    pub id: &'static str,
    /// Its attribute's file.
    pub file: &'static str,
    /// Its attribute's line.
    pub line: u32,
}

impl fmt::Display for SourceLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({}:{})", self.id, self.file, self.line)
    }
}

/// A reason why an application with these handlers must not start.
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
    /// There is no handler at all.
    #[error(
        "no handler is linked into this program: if the handlers are in a library (even of this package), add \
         `use my_handlers as _;` with that crate's name to main.rs, because the linker leaves out a crate that is not named"
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
    /// A handler takes state that the application was not given.
    #[error(
        "handler {handler} takes `State<{state}>`, but the application has no such state: add `.state(…)` to the `App`"
    )]
    MissingState {
        /// The handler.
        handler: SourceLocation,
        /// The type.
        state: &'static str,
    },
    /// Two handlers of one group differ in their mode.
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
    /// There is more than one `#[on_unhandled]`.
    #[error("two handlers are `#[on_unhandled]`: {first} and {second}; keep one")]
    SecondUnhandled {
        /// The first by id.
        first: SourceLocation,
        /// The other.
        second: SourceLocation,
    },
}
