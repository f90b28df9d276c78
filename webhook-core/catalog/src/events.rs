//! The event types, which `events.txt` lists.

use crate::{Catalog, Version, nearest, versions};

/// One of Stripe's two kinds of event.
///
/// Source: <https://docs.stripe.com/event-destinations#thin-events>. One event destination sends one kind only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Carries the object as it was when the event happened.
    Snapshot,
    /// Refers to the object, which can be fetched from Stripe. The type's name begins with `v1.` or `v2.`.
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
    /// The types of the objects that it carries (snapshot) or refers to (thin): usually one, several if Stripe sends one of
    /// several, none for a thin type without a related object.
    pub objects: Vec<&'static str>,
    /// Whether the related object of a thin type is a singleton, which has no id.
    pub singleton: bool,
    /// Whether a thin event contains data of its own when it is fetched.
    pub data: bool,
}

/// Returns all snapshot event types of the enabled API versions, sorted by name.
pub fn snapshot_types() -> &'static [EventType] {
    Catalog::enabled().snapshot_types()
}

/// Returns all thin event types of the enabled API versions, sorted by name.
pub fn thin_types() -> &'static [EventType] {
    Catalog::enabled().thin_types()
}

/// Finds an event type of the enabled API versions, of either kind, by its exact name.
pub fn find(name: &str) -> Option<&'static EventType> {
    Catalog::enabled().find(name)
}

/// Why a name or pattern does not stand for a snapshot event type, with the names that may have been meant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mismatch {
    /// A pattern of another form than `group.*`.
    MalformedPattern,
    /// A valid pattern that no type of any version matches, and the groups with the nearest names.
    NoMatch(Vec<String>),
    /// A thin type, and the snapshot type that reports the same occurrence.
    ThinTwin(&'static str),
    /// A thin type for which there is no snapshot type.
    ThinOnly,
    /// Not a snapshot type; with `v1.` before it, it is this thin type.
    SnapshotMissing(&'static str),
    /// A snapshot type, or a pattern for types, that only these versions have, none of which is enabled.
    OnlyIn(Vec<Version>),
    /// A group of types, for which a pattern is needed.
    Group,
    /// Unknown, with a name that begins like that of a thin type.
    UnknownThin,
    /// Unknown; the nearest names.
    Unknown(Vec<&'static str>),
}

/// Returns the snapshot types that a name or a `group.*` pattern stands for, sorted by name.
///
/// A pattern covers every type below its group: `customer.*` covers `customer.subscription.created` too.
///
/// # Errors
///
/// Fails if there is none. The error says why, and what was probably meant.
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
    let is_covered =
        |known: &&EventType| known.name.strip_prefix(group).is_some_and(|rest| rest.starts_with('.'));
    let covered: Vec<_> = snapshot_types().iter().filter(is_covered).collect();
    if !covered.is_empty() {
        return Ok(covered);
    }
    let others = versions_with(|catalog| catalog.snapshot_types().iter().any(|known| is_covered(&known)));
    Err(if others.is_empty() { no_match(group) } else { Mismatch::OnlyIn(others) })
}

/// The versions of which a test holds, the oldest first.
fn versions_with(holds: impl Fn(&'static Catalog) -> bool) -> Vec<Version> {
    versions().filter(|version| version.catalog().is_some_and(&holds)).collect()
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
    let others = versions_with(|catalog| catalog.snapshot(name).is_some());
    if !others.is_empty() {
        return Mismatch::OnlyIn(others);
    }
    if let Some(thin) = thin_types().iter().find(|thin| thin.name.strip_prefix("v1.") == Some(name)) {
        return Mismatch::SnapshotMissing(thin.name);
    }
    // `v1.source.canceled` is not a thin type, but there is such a snapshot type without the `v1.`.
    if let Some(snapshot) = name.strip_prefix("v1.").and_then(snapshot) {
        return Mismatch::Unknown(vec![snapshot.name]);
    }
    // A group without the `.*`.
    if let Ok(_) | Err(Mismatch::OnlyIn(_)) = expand_pattern(&format!("{name}.*")) {
        return Mismatch::Group;
    }
    if name.starts_with("v2.") {
        return Mismatch::UnknownThin;
    }
    // Equal trailing segments are a better hint than similar letters: `subscription.created` lacks only `customer.`.
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
    Catalog::enabled().snapshot(name)
}

impl EventType {
    /// Reads the words behind `snapshot` or `thin`.
    pub(crate) fn parse(kind: Kind, text: &'static str) -> Self {
        let mut words = text.split(' ');
        let name = words.next().unwrap_or_default();
        let objects = words.next().unwrap_or("-");
        let mut known = Self {
            name,
            kind,
            objects: if objects == "-" { Vec::new() } else { objects.split('|').collect() },
            singleton: false,
            data: false,
        };
        for flag in words {
            match flag {
                "singleton" => known.singleton = true,
                "data" => known.data = true,
                _ => unreachable!("{name} has a flag that its generator does not write: {flag}"),
            }
        }
        known
    }
}
