//! The event types, which `events.txt` lists.

use crate::{Catalog, Version, enabled, nearest, versions_with};

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

impl Kind {
    /// Tells which kind of event a type is: the names of thin types, and of no others, begin with `v1.` or `v2.`.
    pub fn of(event_type: &str) -> Self {
        let is_thin = ["v1.", "v2."].into_iter().any(|prefix| event_type.starts_with(prefix));
        if is_thin { Self::Thin } else { Self::Snapshot }
    }
}

/// Returns the name of the snapshot type that reports the same occurrence as a thin type, if there is one: without the `v1.`.
/// `None` for a type of another form.
pub fn snapshot_twin(event_type: &str) -> Option<&str> {
    event_type.strip_prefix("v1.")
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

/// Why a name or pattern does not stand for an event type, with the names that may have been meant.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mismatch {
    /// A pattern of another form than `group.*`.
    MalformedPattern,
    /// A valid pattern that no type of any version matches, and the groups with the nearest names.
    NoMatch(Vec<String>),
    /// Not a snapshot type; with `v1.` before it, it is this thin type.
    SnapshotMissing(&'static str),
    /// Not a thin type; without the `v1.`, it is this snapshot type.
    ThinMissing(&'static str),
    /// A snapshot type, or a pattern for types, that only these versions have, none of which is enabled.
    OnlyIn(Vec<Version>),
    /// A group of types, for which a pattern is needed.
    Group,
    /// Unknown; the nearest names.
    Unknown(Vec<&'static str>),
}

/// Returns the types that a name or a `group.*` pattern stands for, sorted by name.
///
/// A pattern covers every type of its kind below its group: `customer.*` covers `customer.subscription.created` too, and
/// `v1.customer.*` covers thin types.
///
/// # Errors
///
/// Fails if there is none. The error says why, and what was probably meant.
pub fn expand(name: &str) -> Result<Vec<&'static EventType>, Mismatch> {
    if name.contains('*') {
        return expand_pattern(name);
    }
    find(name).map(|known| vec![known]).ok_or_else(|| unknown(name))
}

fn expand_pattern(pattern: &str) -> Result<Vec<&'static EventType>, Mismatch> {
    let group = match pattern.strip_suffix(".*") {
        Some(group) if !group.is_empty() && !group.contains('*') => group,
        _ => return Err(Mismatch::MalformedPattern),
    };
    let is_covered =
        |known: &&EventType| known.name.strip_prefix(group).is_some_and(|rest| rest.starts_with('.'));
    let kind = Kind::of(pattern);
    let covered: Vec<_> = types(kind).iter().filter(is_covered).collect();
    if !covered.is_empty() {
        return Ok(covered);
    }
    let others = versions_with(|catalog| catalog.types(kind).iter().any(|known| is_covered(&known)));
    Err(if others.is_empty() { no_match(kind, group) } else { Mismatch::OnlyIn(others) })
}

/// The types of a kind.
fn types(kind: Kind) -> &'static [EventType] {
    Catalog::enabled().types(kind)
}

fn no_match(kind: Kind, group: &str) -> Mismatch {
    let mut groups: Vec<&str> = types(kind).iter().flat_map(|known| groups_of(known.name)).collect();
    groups.sort_unstable();
    groups.dedup();
    Mismatch::NoMatch(nearest(group, groups).into_iter().map(|group| format!("{group}.*")).collect())
}

/// The groups that a name belongs to: `charge` and `charge.dispute` for `charge.dispute.created`.
fn groups_of(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('.').map(|(dot, _)| &name[..dot])
}

fn unknown(name: &str) -> Mismatch {
    let others = versions_with(|catalog| catalog.find(name).is_some());
    if !others.is_empty() {
        return Mismatch::OnlyIn(others);
    }
    let exact = |name: &str| find(name).map(|known| known.name);
    if let Some(thin) = exact(&format!("v1.{name}")) {
        return Mismatch::SnapshotMissing(thin);
    }
    if let Some(snapshot) = snapshot_twin(name).and_then(exact) {
        return Mismatch::ThinMissing(snapshot);
    }
    // A group without the `.*`.
    if let Ok(_) | Err(Mismatch::OnlyIn(_)) = expand_pattern(&format!("{name}.*")) {
        return Mismatch::Group;
    }
    let names = || types(Kind::of(name)).iter().map(|known| known.name);
    // Equal trailing segments are a better hint than similar letters: `subscription.created` lacks only `customer.`.
    let completed: Vec<_> =
        names().filter(|known| known.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'))).collect();
    if !completed.is_empty() && completed.len() <= 3 {
        return Mismatch::Unknown(completed);
    }
    let lower = name.trim().to_ascii_lowercase();
    Mismatch::Unknown(nearest(&lower, names()))
}

impl EventType {
    /// Returns the enabled API versions that have this type, if others of them lack it.
    pub fn only_in(&self) -> Option<Vec<Version>> {
        let has = |version: &Version| version.catalog().is_some_and(|it| it.find(self.name).is_some());
        let having: Vec<_> = enabled().iter().copied().filter(has).collect();
        (having.len() < enabled().len()).then_some(having)
    }

    /// Returns the objects of this type in each enabled API version in which they are others than in all of them together.
    pub fn objects_by_version(&self) -> impl Iterator<Item = (Version, &'static [&'static str])> {
        enabled().iter().filter_map(|version| {
            let objects = &*version.catalog()?.find(self.name)?.objects;
            (objects != self.objects).then_some((*version, objects))
        })
    }

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
