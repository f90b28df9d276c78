//! The handlers that are linked into the program.

mod problem;

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

pub use self::problem::{RegistryProblem, SourceLocation};
use crate::catalog::{Kind, snapshot_twin};
use crate::{HandlerResult, Invocation, Policy, Requirements, TransactionType};

/// A run in progress.
pub type HandlerFuture = Pin<Box<dyn Future<Output = HandlerResult> + Send>>;

/// A handler's entry in the inventory, made by `#[on_event]` and `#[on_unhandled]`.
#[expect(clippy::exhaustive_structs, reason = "the macros make it, and must set every field")]
pub struct Registration {
    /// The handler's id: unique in the program, by default the function's path.
    pub id: &'static str,
    /// Which events it takes.
    pub takes: Subscription,
    /// The name of the only endpoint whose events it takes; `None` if it takes those of every endpoint.
    pub endpoint: Option<&'static str>,
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

/// The kinds of event, in the order in which a [`Registry`] has their handlers of unhandled types.
const KINDS: [Kind; 2] = [Kind::Snapshot, Kind::Thin];

/// Which events a handler takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a server must handle every case")]
pub enum Subscription {
    /// These types, sorted.
    Types(&'static [&'static str]),
    /// What no other handler takes, of the kind that its arguments need.
    Unhandled,
}

impl Registration {
    /// Returns what the handler's arguments need.
    pub fn needs(&self) -> Requirements {
        let mut needs = Requirements::default();
        (self.needs)(&mut needs);
        needs
    }

    /// Tells whether the endpoint decides if the handler runs on an event.
    ///
    /// It also does so for an `#[on_unhandled]` handler without an endpoint: other handlers may take the event at one
    /// endpoint and not at another.
    pub fn depends_on_endpoint(&self) -> bool {
        self.endpoint.is_some() || self.takes == Subscription::Unhandled
    }

    /// Tells whether the handler names both kinds of event that report one occurrence: this type and its twin, such as
    /// `payment_intent.succeeded` and `v1.payment_intent.succeeded`.
    pub fn names_twin_of(&self, event_type: &str) -> bool {
        let Subscription::Types(names) = self.takes else { return false };
        match snapshot_twin(event_type) {
            Some(snapshot) => names.binary_search(&snapshot).is_ok(),
            None => {
                let thin = || "v1.".bytes().chain(event_type.bytes());
                names.binary_search_by(|name| name.bytes().cmp(thin())).is_ok()
            }
        }
    }

    /// Returns the name of the handler's crate.
    pub fn crate_name(&self) -> &'static str {
        self.module.split("::").next().unwrap_or(self.module)
    }

    /// Returns where the handler is in the source.
    pub fn place(&self) -> SourceLocation {
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
    /// Those that take what no other handler takes, of each kind of event.
    unhandled: [Vec<&'static Registration>; 2],
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
                Subscription::Unhandled => {
                    let only = registration.needs().event_kind;
                    for (kind, unhandled) in KINDS.into_iter().zip(&mut registry.unhandled) {
                        if only.is_none_or(|only| only == kind) {
                            unhandled.push(registration);
                        }
                    }
                }
            }
        }
        registry
    }

    /// Returns all handlers, sorted by id.
    pub fn registrations(&self) -> &[&'static Registration] {
        &self.registrations
    }

    /// Returns the handlers that take a transaction, sorted by id, and its type.
    pub fn transactions(&self) -> impl Iterator<Item = (&'static Registration, TransactionType)> {
        self.registrations
            .iter()
            .filter_map(|registration| Some((*registration, registration.needs().transaction?)))
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

    /// Returns the handlers that run on an event of this type that came through these endpoints, sorted by id.
    ///
    /// Those are the handlers of all these endpoints together. An endpoint's handlers are those that name the type and no
    /// other endpoint. If there are none, it is the `#[on_unhandled]` handler that names the endpoint, or else the one
    /// without an endpoint.
    pub fn handlers_at<'e>(
        &self,
        event_type: &str,
        endpoints: impl IntoIterator<Item = &'e str>,
    ) -> Vec<&'static Registration> {
        let named = self.by_type.get(event_type).map_or(&[][..], Vec::as_slice);
        let mut found: Vec<&'static Registration> = Vec::new();
        for endpoint in endpoints {
            let is_here = |handler: &&&Registration| handler.endpoint.is_none_or(|own| own == endpoint);
            let others = found.len();
            found.extend(named.iter().filter(is_here));
            if found.len() == others {
                found.extend(
                    self.unhandled_of(event_type)
                        .iter()
                        .filter(is_here)
                        .max_by_key(|handler| handler.endpoint),
                );
            }
        }
        found.sort_by_key(|handler| handler.id);
        found.dedup_by_key(|handler| handler.id);
        found
    }

    /// Returns the handlers of this type, whatever their endpoint, sorted by id: those that name the type, or else the
    /// `#[on_unhandled]` ones.
    pub fn handlers_of(&self, event_type: &str) -> &[&'static Registration] {
        self.by_type.get(event_type).unwrap_or(self.unhandled_of(event_type))
    }

    fn unhandled_of(&self, event_type: &str) -> &Vec<&'static Registration> {
        let [snapshot, thin] = &self.unhandled;
        if Kind::of(event_type) == Kind::Thin { thin } else { snapshot }
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
}
