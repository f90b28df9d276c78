//! The event types and objects of one API version, or of the enabled ones together.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{LazyLock, OnceLock};

use crate::difference::{self, indent};
use crate::objects::Lines;
use crate::{EventType, Kind, Object, Version, enabled, merge, newest, versions};

/// The event types and objects of one API version, or of the enabled ones together.
pub struct Catalog {
    /// The oldest first.
    versions: Vec<Version>,
    snapshot: Vec<EventType>,
    thin: Vec<EventType>,
    /// Also the data of thin events, by the events' types.
    objects: BTreeMap<Cow<'static, str>, Entry>,
}

/// An object, which is made at its first use.
struct Entry {
    source: Source,
    object: OnceLock<Object>,
}

#[derive(Clone)]
enum Source {
    /// The lines of one version, and what older ones changed in them, the newest first.
    Text(&'static str, Vec<&'static str>),
    /// What the versions of the catalog have, together.
    Together,
}

impl Version {
    /// Returns the version's events and objects. `None` if its texts are not compiled in: those of enabled versions are.
    pub fn catalog(self) -> Option<&'static Catalog> {
        static CATALOGS: LazyLock<Vec<OnceLock<Option<Catalog>>>> =
            LazyLock::new(|| versions().map(|_| OnceLock::new()).collect());
        CATALOGS[self.index()]
            .get_or_init(|| match self.next() {
                None => Some(Catalog::newest(self)),
                Some(next) => Some(next.catalog()?.with(self, &[self.difference()?])),
            })
            .as_ref()
    }
}

impl Catalog {
    /// Returns the events and objects of the enabled versions together.
    pub fn enabled() -> &'static Self {
        static ENABLED: LazyLock<Option<Catalog>> =
            LazyLock::new(|| (enabled().len() > 1).then(|| Catalog::together(enabled())));
        let only = || newest().catalog().expect("the texts of enabled versions are compiled in");
        ENABLED.as_ref().unwrap_or_else(only)
    }

    /// Returns the events and objects of several versions as one: with all events, objects and fields that one of them has. A
    /// field may be absent or null if it may be in one of them, or if one of them lacks it.
    pub fn together(versions: &[Version]) -> Self {
        let catalogs: Vec<_> = versions.iter().filter_map(|version| version.catalog()).collect();
        let types =
            |types: fn(&Self) -> &[EventType]| merge::event_types(catalogs.iter().copied().map(types));
        let names = catalogs.iter().flat_map(|catalog| catalog.objects.keys().cloned());
        Self {
            versions: versions.to_vec(),
            snapshot: types(Self::snapshot_types),
            thin: types(Self::thin_types),
            objects: names.map(|name| (name, Entry::of(Source::Together))).collect(),
        }
    }

    /// Returns the versions that it describes, the oldest first.
    pub fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// Returns the snapshot event types, sorted by name.
    pub fn snapshot_types(&self) -> &[EventType] {
        &self.snapshot
    }

    /// Returns the thin event types, sorted by name.
    pub fn thin_types(&self) -> &[EventType] {
        &self.thin
    }

    /// Returns the event types of a kind, sorted by name.
    pub fn types(&self, kind: Kind) -> &[EventType] {
        match kind {
            Kind::Snapshot => &self.snapshot,
            Kind::Thin => &self.thin,
        }
    }

    /// Finds an event type of either kind by its exact name.
    pub fn find(&self, name: &str) -> Option<&EventType> {
        [&self.snapshot, &self.thin].into_iter().find_map(|types| {
            let at = types.binary_search_by(|known| known.name.cmp(name)).ok()?;
            Some(&types[at])
        })
    }

    /// Finds an object by its name, or the data of a thin event by the event's type.
    pub fn object(&'static self, name: &str) -> Option<&'static Object> {
        let (name, entry) = self.objects.get_key_value(name)?;
        Some(entry.object.get_or_init(|| entry.source.make(name, &self.versions)))
    }

    /// Returns the names of all objects, sorted; not of the data of thin events.
    pub fn objects(&self) -> impl Iterator<Item = &str> {
        // No object is named like an event type.
        self.described().filter(|name| self.find(name).is_none())
    }

    /// Returns the names of all that has fields: the objects, and the data of thin events.
    pub(crate) fn described(&self) -> impl Iterator<Item = &str> {
        self.objects.keys().map(|name| &**name)
    }

    fn newest(version: Version) -> Self {
        let empty =
            Self { versions: Vec::new(), snapshot: Vec::new(), thin: Vec::new(), objects: BTreeMap::new() };
        empty.with(version, &[include_str!("events.txt"), include_str!("objects.txt")])
    }

    /// Applies what a version has otherwise.
    fn with(&self, version: Version, texts: &[&'static str]) -> Self {
        let sources = self.objects.iter().map(|(name, entry)| (name.clone(), entry.source.clone()));
        let mut sources: BTreeMap<_, _> = sources.collect();
        let types = |types: &[EventType]| types.iter().map(|known| (known.name, known.clone())).collect();
        let [mut snapshot, mut thin]: [BTreeMap<&str, EventType>; 2] =
            [types(&self.snapshot), types(&self.thin)];
        for (head, body) in texts.iter().copied().flat_map(sections) {
            let (is_gone, line) = head.strip_prefix("- ").map_or((false, head), |line| (true, line));
            let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
            let event = |kind, types: &mut BTreeMap<&'static str, EventType>| {
                let known = EventType::parse(kind, rest);
                if is_gone { types.remove(known.name) } else { types.insert(known.name, known) }
            };
            let name: Cow<'static, str> = match kind {
                "snapshot" => {
                    event(Kind::Snapshot, &mut snapshot);
                    continue;
                }
                "thin" => {
                    event(Kind::Thin, &mut thin);
                    continue;
                }
                "object" | "data" => rest.into(),
                "deleted" => format!("deleted_{rest}").into(),
                "api_version" | "#" => continue,
                _ => unreachable!("the catalog contains a line that its generator does not write: {head}"),
            };
            if is_gone {
                sources.remove(&name);
            } else if let Some(Source::Text(_, changes)) = sources.get_mut(&name) {
                changes.push(body);
            } else {
                sources.insert(name, Source::Text(body, Vec::new()));
            }
        }
        Self {
            versions: vec![version],
            snapshot: snapshot.into_values().collect(),
            thin: thin.into_values().collect(),
            objects: sources.into_iter().map(|(name, source)| (name, Entry::of(source))).collect(),
        }
    }
}

impl Entry {
    fn of(source: Source) -> Self {
        Self { source, object: OnceLock::new() }
    }
}

impl Source {
    fn make(&self, name: &'static str, versions: &[Version]) -> Object {
        match self {
            Self::Together => {
                let catalogs = versions.iter().filter_map(|version| version.catalog());
                let of_each =
                    catalogs.filter_map(|catalog| catalog.object(name)).map(|object| &*object.fields);
                Object { name, fields: merge::fields(of_each) }
            }
            Self::Text(text, changes) => {
                let mut lines: Vec<_> = text.lines().collect();
                for changes in changes {
                    lines = difference::apply(&lines, &changes.lines().collect::<Vec<_>>(), 1);
                }
                Object { name, fields: Lines(&lines).fields(1) }
            }
        }
    }
}

/// Shows only how much there is.
impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalog")
            .field("snapshot_types", &self.snapshot.len())
            .field("thin_types", &self.thin.len())
            .field("objects", &self.objects.len())
            .finish()
    }
}

/// Splits a text at the lines that are not indented: each such line, and what is below it.
fn sections(text: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (head, body) = rest.split_once('\n').filter(|_| !rest.is_empty())?;
        let ends = std::iter::once(0).chain(body.match_indices('\n').map(|(at, _)| at + 1));
        let end = ends.into_iter().find(|end| indent(&body[*end..]) == 0).unwrap_or(body.len());
        let (inner, after) = body.split_at(end);
        rest = after;
        Some((head, inner))
    })
}
