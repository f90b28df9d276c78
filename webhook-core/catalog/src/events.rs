//! The event types, as `events.txt` lists them.

use std::sync::LazyLock;

use crate::nearest;

/// Which of Stripe's two kinds of event a type is.
///
/// Source: <https://docs.stripe.com/event-destinations#thin-events>. One event destination sends one kind only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Carries the object as it was when the event happened.
    Snapshot,
    /// Names the object, which is then fetched from Stripe; begins with `v1.` or `v2.`.
    Thin,
}

/// One event type and what it carries.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EventType {
    /// The name, such as `payment_intent.succeeded`.
    pub name: &'static str,
    /// Snapshot or thin.
    pub kind: Kind,
    /// The `object` strings of what it carries (snapshot) or is about (thin): usually one, several where Stripe
    /// sends a union, none for the thin types without a related object.
    pub objects: Vec<&'static str>,
    /// Whether the related object of a thin type is a singleton, which has no id.
    pub singleton: bool,
    /// Whether the event that is fetched for a thin type holds data of its own.
    pub data: bool,
}

struct Events {
    api_version: &'static str,
    snapshot: Vec<EventType>,
    thin: Vec<EventType>,
}

static EVENTS: LazyLock<Events> = LazyLock::new(|| parse(include_str!("events.txt")));

/// Returns the API version that the catalog describes, such as `2026-10-28.endive`.
pub fn api_version() -> &'static str {
    EVENTS.api_version
}

/// Returns all snapshot event types, sorted by name.
pub fn snapshot_types() -> &'static [EventType] {
    &EVENTS.snapshot
}

/// Returns all thin event types, sorted by name.
pub fn thin_types() -> &'static [EventType] {
    &EVENTS.thin
}

/// Finds an event type of either kind by its exact name.
pub fn find(name: &str) -> Option<&'static EventType> {
    [snapshot_types(), thin_types()].into_iter().find_map(|types| {
        let at = types.binary_search_by(|known| known.name.cmp(name)).ok()?;
        Some(&types[at])
    })
}

/// Why a name or pattern stands for no snapshot event type, with the names that may have been meant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mismatch {
    /// A pattern of a shape other than `group.*`.
    MalformedPattern,
    /// A well-formed pattern that no type matches; the groups whose names are nearest.
    NoMatch(Vec<String>),
    /// A thin type that has a snapshot twin, which is given.
    ThinTwin(&'static str),
    /// A thin type without a snapshot twin.
    ThinOnly,
    /// No snapshot type, but `v1.` before it names this thin type.
    SnapshotMissing(&'static str),
    /// A group of types, which a pattern names.
    Group,
    /// No thin type either, though the name begins like one.
    UnknownThin,
    /// No type at all; the nearest names.
    Unknown(Vec<&'static str>),
}

/// Returns the snapshot types that a name or a `group.*` pattern stands for, sorted by name.
///
/// A pattern covers every type below its group: `customer.*` covers `customer.subscription.created` too.
///
/// # Errors
///
/// Returns why there is none, and what was probably meant.
pub fn expand(name: &str) -> Result<Vec<&'static EventType>, Mismatch> {
    if name.contains('*') {
        return expand_pattern(name);
    }
    match find(name) {
        Some(known) if known.kind == Kind::Snapshot => Ok(vec![known]),
        Some(thin) => Err(thin
            .name
            .strip_prefix("v1.")
            .and_then(snapshot)
            .map_or(Mismatch::ThinOnly, |twin| Mismatch::ThinTwin(twin.name))),
        None => Err(unknown(name)),
    }
}

fn expand_pattern(pattern: &str) -> Result<Vec<&'static EventType>, Mismatch> {
    let group = match pattern.strip_suffix(".*") {
        Some(group) if !group.is_empty() && !group.contains('*') => group,
        _ => return Err(Mismatch::MalformedPattern),
    };
    let covered: Vec<_> = snapshot_types()
        .iter()
        .filter(|known| known.name.strip_prefix(group).is_some_and(|rest| rest.starts_with('.')))
        .collect();
    if covered.is_empty() { Err(no_match(group)) } else { Ok(covered) }
}

fn no_match(group: &str) -> Mismatch {
    let mut groups: Vec<&str> = snapshot_types().iter().flat_map(|known| groups_of(known.name)).collect();
    groups.sort_unstable();
    groups.dedup();
    Mismatch::NoMatch(nearest(group, groups).into_iter().map(|group| format!("{group}.*")).collect())
}

/// The groups that a name belongs to: `charge` and `charge.dispute` for `charge.dispute.created`.
fn groups_of(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('.').map(|(dot, _)| &name[..dot])
}

fn unknown(name: &str) -> Mismatch {
    let names = |types: &'static [EventType]| types.iter().map(|known| known.name);
    if let Some(thin) = thin_types().iter().find(|thin| thin.name.strip_prefix("v1.") == Some(name)) {
        return Mismatch::SnapshotMissing(thin.name);
    }
    // `v1.source.canceled` is no thin type, but a snapshot type of that name exists.
    if let Some(snapshot) = name.strip_prefix("v1.").and_then(snapshot) {
        return Mismatch::Unknown(vec![snapshot.name]);
    }
    // A group: what is missing is the star.
    if expand_pattern(&format!("{name}.*")).is_ok() {
        return Mismatch::Group;
    }
    if name.starts_with("v2.") {
        return Mismatch::UnknownThin;
    }
    // Whole trailing segments are a better hint than letters: `subscription.created` lacks only its `customer.`.
    let completed: Vec<_> = names(snapshot_types())
        .filter(|known| known.strip_suffix(name).is_some_and(|rest| rest.ends_with('.')))
        .collect();
    if !completed.is_empty() && completed.len() <= 3 {
        return Mismatch::Unknown(completed);
    }
    let lower = name.trim().to_ascii_lowercase();
    Mismatch::Unknown(nearest(&lower, names(snapshot_types())))
}

fn snapshot(name: &str) -> Option<&'static EventType> {
    find(name).filter(|known| known.kind == Kind::Snapshot)
}

fn parse(text: &'static str) -> Events {
    let mut events = Events { api_version: "", snapshot: Vec::new(), thin: Vec::new() };
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        match (words.next(), words.next()) {
            (Some("api_version"), Some(version)) => events.api_version = version,
            (Some("snapshot"), Some(name)) => events.snapshot.push(event_type(Kind::Snapshot, name, words)),
            (Some("thin"), Some(name)) => events.thin.push(event_type(Kind::Thin, name, words)),
            _ => unreachable!("events.txt holds a line that its generator does not write: {line}"),
        }
    }
    events
}

fn event_type(kind: Kind, name: &'static str, mut rest: std::str::Split<'static, char>) -> EventType {
    let objects = rest.next().unwrap_or("-");
    let mut known = EventType {
        name,
        kind,
        objects: if objects == "-" { Vec::new() } else { objects.split('|').collect() },
        singleton: false,
        data: false,
    };
    for flag in rest {
        match flag {
            "singleton" => known.singleton = true,
            "data" => known.data = true,
            _ => unreachable!("events.txt gives {name} a flag that its generator does not write: {flag}"),
        }
    }
    known
}
