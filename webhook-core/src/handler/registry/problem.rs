//! What is wrong with the handlers of a program.

use std::collections::BTreeMap;
use std::fmt;

use thiserror::Error;

use super::{Registration, Registry};
use crate::States;

impl Registry {
    /// Finds every reason why an application with these handlers, this state and these endpoints must not start. Of each
    /// endpoint, the name and the path are given.
    pub fn problems(&self, states: &States, endpoints: &[(&str, &str)]) -> Vec<RegistryProblem> {
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
        for unhandled in &self.unhandled {
            let mut unhandled = unhandled.clone();
            unhandled.sort_by_key(|registration| registration.endpoint);
            for pair in unhandled.windows(2).filter(|pair| pair[0].endpoint == pair[1].endpoint) {
                let (first, second, endpoint) = (pair[0].place(), pair[1].place(), pair[0].endpoint);
                let problem = RegistryProblem::SecondUnhandled { first, second, endpoint };
                // Two that take both kinds are noticed twice.
                if !problems.contains(&problem) {
                    problems.push(problem);
                }
            }
        }
        for registration in &self.registrations {
            let needs = registration.needs();
            for state in needs.states.into_iter().filter(|state| !states.holds(*state)) {
                let handler = registration.place();
                problems.push(RegistryProblem::MissingState { handler, state: state.name() });
            }
            if let Some(transaction) = needs.transaction.filter(|of| !states.holds(of.pool())) {
                problems.push(RegistryProblem::MissingPool {
                    handler: registration.place(),
                    transaction: transaction.name(),
                    pool: transaction.pool().name(),
                });
            }
        }
        self.check_groups(&mut problems);
        self.check_endpoints(endpoints, &mut problems);
        problems
    }

    /// Checks that the application has the endpoint that a handler names.
    fn check_endpoints(&self, endpoints: &[(&str, &str)], problems: &mut Vec<RegistryProblem>) {
        let names: Vec<&str> = endpoints.iter().map(|(name, _)| *name).collect();
        for registration in &self.registrations {
            let Some(endpoint) = registration.endpoint.filter(|name| !names.contains(name)) else {
                continue;
            };
            let handler = registration.place();
            if let Some((name, path)) = endpoints.iter().find(|(_, path)| *path == endpoint) {
                let (name, path) = ((*name).to_owned(), (*path).to_owned());
                problems.push(RegistryProblem::EndpointByPath { handler, path, name });
                continue;
            }
            let near = webhook_catalog::nearest(endpoint, names.iter().copied());
            problems.push(RegistryProblem::UnknownEndpoint {
                handler,
                endpoint,
                meant: near.first().map(|near| (*near).to_owned()),
                known: names.iter().map(|name| (*name).to_owned()).collect(),
            });
        }
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
    /// A handler takes a transaction, and the application was not given the pool for it.
    #[error(
        "handler {handler} takes `&mut {transaction}`, but the application has no `{pool}` to begin it on: add the pool as a \
         state, `.state(pool)`, to the `App`"
    )]
    MissingPool {
        /// The handler.
        handler: SourceLocation,
        /// The type of its transaction.
        transaction: &'static str,
        /// The type of the pool.
        pool: &'static str,
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
    /// There is more than one `#[on_unhandled]` of one endpoint, or without an endpoint.
    #[error(
        "two handlers are `#[on_unhandled{}]`: {first} and {second}; keep one",
        endpoint.map(|name| format!("(endpoint = \"{name}\")")).unwrap_or_default()
    )]
    SecondUnhandled {
        /// The first by id.
        first: SourceLocation,
        /// The other.
        second: SourceLocation,
        /// The endpoint that both name.
        endpoint: Option<&'static str>,
    },
    /// A handler names an endpoint that the application does not have.
    #[error(
        "handler {handler} takes events of the endpoint `{endpoint}`, but the application has no such endpoint{}",
        match meant {
            Some(near) => format!(": did you mean `{near}`?"),
            None => format!(", only {}; add it to the `App`, or correct the name", list(known)),
        }
    )]
    UnknownEndpoint {
        /// The handler.
        handler: SourceLocation,
        /// The name that it gives.
        endpoint: &'static str,
        /// The nearest name of an endpoint.
        meant: Option<String>,
        /// The names of all endpoints.
        known: Vec<String>,
    },
    /// A handler names an endpoint by its path, although the endpoint has a name.
    #[error(
        "handler {handler} takes events of the endpoint `{path}`, but the endpoint at that path is named `{name}`: write \
         `endpoint = \"{name}\"`"
    )]
    EndpointByPath {
        /// The handler.
        handler: SourceLocation,
        /// The path that it gives.
        path: String,
        /// The name of the endpoint at that path.
        name: String,
    },
}

/// Names in a sentence: `` `/stripe`, `connect` ``.
fn list(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
