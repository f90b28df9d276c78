//! What the API versions say that are not enabled, and how the enabled ones differ.

use webhook_catalog::{Catalog, Shape, Version, span, versions};

use super::walk::Astray;
use super::{Found, SchemaPath, in_words};

/// The versions of which a test holds, the oldest first.
pub(super) fn with(holds: impl Fn(&'static Catalog) -> bool) -> impl Iterator<Item = Version> {
    versions().filter(move |version| version.catalog().is_some_and(&holds))
}

/// The error for something that only versions have that are not enabled.
pub(crate) fn only_in(what: &str, versions: &[Version], enabled: &Catalog) -> String {
    format!("{what} is only in API version {}{}", span(versions), enable(versions, enabled))
}

/// What to do if the program receives one of these versions, which an error has just named.
fn enable(versions: &[Version], enabled: &Catalog) -> String {
    enable_if("that", versions, enabled)
}

fn enable_if(which: &str, versions: &[Version], enabled: &Catalog) -> String {
    // The one next to the enabled versions.
    let next = match versions {
        [.., last] if enabled.versions().first().is_some_and(|first| last < first) => last,
        [first, ..] => first,
        [] => return String::new(),
    };
    format!("; if your endpoint has {which} version, enable the feature `{}`", next.feature())
}

impl SchemaPath {
    /// The same place in one version. `None` if the version lacks it.
    fn in_version(&self, version: Version) -> Option<Self> {
        let whole = super::object_in(version.catalog()?, self.enabled, self.object)?;
        let whole = Self { event: self.event, ..whole };
        if self.at.is_empty() { Some(whole) } else { whole.inner_here(&self.at).ok() }
    }

    /// The enabled versions that can carry the object, the oldest first. In the others it just never comes.
    fn carriers(&self) -> impl Iterator<Item = Version> {
        let carries = |catalog: &'static Catalog| {
            catalog.object(self.object).is_some()
                && self.event.is_none_or(|event| catalog.find(event.name).is_some())
        };
        let versions = self.enabled.versions().iter().copied();
        versions.filter(move |version| version.catalog().is_some_and(carries))
    }

    /// Whether a version is newer than an enabled one that can carry the object, so that what it added may be sent there, too.
    pub(crate) fn is_newer(&self, version: Version) -> bool {
        self.carriers().next().is_some_and(|oldest| oldest < version)
    }

    /// The versions that have something at a path, the oldest first.
    fn versions_with(&self, path: &str) -> Vec<Version> {
        let has =
            |version: &Version| self.in_version(*version).is_some_and(|place| place.find_here(path).is_ok());
        versions().filter(has).collect()
    }

    /// The texts that can be at this place in a version.
    fn values_in(&self, version: Version) -> Vec<&'static str> {
        match self.in_version(version).map(|place| place.shape) {
            Some(Shape::Enum(values)) => values,
            Some(Shape::Literal(text)) => vec![text.trim_matches('"')],
            _ => Vec::new(),
        }
    }

    /// The versions in which the value at this place can be this text, the oldest first.
    pub(crate) fn versions_with_value(&self, value: &str) -> Vec<Version> {
        versions().filter(|version| self.values_in(*version).contains(&value)).collect()
    }

    /// Whether a text that a newer version added may be sent in an enabled one, too: Stripe adds values without notice. One of
    /// a whole new set of values is not, because the older version has the former ones.
    pub(crate) fn may_be_added(&self, having: &[Version]) -> bool {
        let Some(added_in) = having.iter().find(|version| self.is_newer(**version)) else { return false };
        let (now, before) =
            (self.values_in(*added_in), added_in.previous().map(|older| self.values_in(older)));
        before.is_none_or(|before| before.is_empty() || before.iter().any(|value| now.contains(value)))
    }

    /// The values that came when those of these versions went, to follow an error. Empty if none or many did.
    pub(crate) fn values_instead(&self, having: &[Version]) -> String {
        let Some(last) = having.last() else { return String::new() };
        let Some(next) = last.next() else { return String::new() };
        let before = self.values_in(*last);
        let new: Vec<_> = self.values_in(next).into_iter().filter(|value| !before.contains(value)).collect();
        match new.len() {
            1..=4 => format!("; {next} has `{}`", new.join("`, `")),
            _ => String::new(),
        }
    }

    /// The beginning of a path up to the first field that is not there. `None` if that is the last one.
    fn first_missing<'p>(&self, path: &'p str) -> Option<&'p str> {
        let outer = path.match_indices('.').map(|(at, _)| &path[..at]);
        outer.into_iter().find(|outer| matches!(self.find_here(outer), Err(Astray::NoField { .. })))
    }

    /// Looks in the versions that are not enabled for what the enabled ones lack.
    ///
    /// What a newer version added may be sent in an older version, too. What came in place of something else is not, and
    /// what a newer version removed is not sent in it.
    pub(super) fn in_others<T: Added>(
        &self,
        path: &str,
        astray: Astray,
        find: impl Fn(&Self, &str) -> Result<T, Astray>,
    ) -> Result<T, String> {
        if matches!(astray, Astray::Blocked(_)) {
            return Err(astray.into_message(self, path));
        }
        let having = self.versions_with(path);
        if having.is_empty()
            && let Some(outer) =
                self.first_missing(path).filter(|outer| !self.versions_with(outer).is_empty())
        {
            // What other versions have on the way to it, and how it is read there.
            let inside =
                |found: Found| found.added_in.and_then(|version| self.in_version(version)?.find(path).err());
            return Err(match self.find(outer) {
                Err(message) => message,
                Ok(found) => inside(found).unwrap_or_else(|| astray.into_message(self, path)),
            });
        }
        let newer: Vec<_> = having.iter().copied().filter(|version| self.is_newer(*version)).collect();
        let Some(&added_in) = newer.first() else {
            let is_moved = self.moved(path).is_some();
            let what = || format!("`{path}` of `{}`", self.name());
            return Err(if having.is_empty() || is_moved {
                astray.into_message(self, path)
            } else {
                only_in(&what(), &having, self.enabled)
            });
        };
        let replaced = added_in.brought(self.object, &self.whole(path));
        if let Some(replaced) = replaced {
            let of = if replaced.object == self.object {
                String::new()
            } else {
                format!(" of `{}`", replaced.object)
            };
            return Err(format!(
                "`{path}` of `{}` came with API version {added_in}, in place of `{}`{of}{}",
                self.name(),
                replaced.field,
                enable(&newer, self.enabled)
            ));
        }
        let found = self.in_version(added_in).and_then(|place| find(&place, path).ok());
        found.map(|found| found.added_in(added_in)).ok_or_else(|| astray.into_message(self, path))
    }

    /// The error for a field that a sample's version lacks and others have.
    pub(super) fn only_elsewhere(&self, path: &str) -> Option<String> {
        let having = self.versions_with(path);
        // If this version has it, the event lacks it.
        let is_here = having.iter().any(|version| self.catalog.versions().contains(version));
        let what = || format!("`{path}` of `{}` is only in API version {}", self.name(), span(&having));
        (!having.is_empty() && !is_here).then(what)
    }

    /// The end of the error for a field that has moved, which names the version without it: which versions still have it.
    pub(super) fn if_received(&self, path: &str) -> String {
        enable_if("an earlier", &self.versions_with(path), self.enabled)
    }
}

/// What was found in a version that is not enabled.
pub(super) trait Added {
    /// Notes the version.
    fn added_in(self, version: Version) -> Self;
}

impl Added for Found {
    fn added_in(self, version: Version) -> Self {
        Self { optional: true, added_in: Some(version), ..self }
    }
}

impl Added for SchemaPath {
    fn added_in(self, _: Version) -> Self {
        self
    }
}

/// What is at a path in each enabled version that can carry the object. Empty if only one is enabled, as in most programs.
fn found_in_each(place: &SchemaPath, path: &str) -> Vec<(Version, Option<Found>)> {
    if place.enabled.versions().len() < 2 {
        return Vec::new();
    }
    let found = |version| (version, place.in_version(version).and_then(|place| place.find_here(path).ok()));
    place.carriers().map(found).collect()
}

/// The versions of which a test holds. `None` if it holds of all, or of none.
fn some(of_each: &[(Version, Option<Found>)], holds: impl Fn(Option<&Found>) -> bool) -> Option<String> {
    let some: Vec<_> =
        of_each.iter().filter(|(_, found)| holds(found.as_ref())).map(|(version, _)| *version).collect();
    (!some.is_empty() && some.len() < of_each.len()).then(|| span(&some))
}

/// Says which enabled versions lack what is at a path, to follow its name. `None` if all have it.
pub(super) fn lacking_in_words(place: &SchemaPath, path: &str, found: &Found) -> Option<String> {
    lacking(place, path, found, &found_in_each(place, path))
}

fn lacking(
    place: &SchemaPath,
    path: &str,
    found: &Found,
    of_each: &[(Version, Option<Found>)],
) -> Option<String> {
    if let Some(version) = found.added_in {
        return Some(format!(
            "is not in API version {}, and came with {version}",
            span(&place.carriers().collect::<Vec<_>>())
        ));
    }
    let lacking = some(of_each, |found| found.is_none())?;
    let first = of_each.iter().find(|(_, found)| found.is_none())?.0.catalog()?;
    let there = SchemaPath { catalog: first, ..place.clone() };
    let now = match there.moved(path) {
        Some(moved) => moved.to.join("` or `"),
        None => first.before(place.object, &place.whole(path)).unwrap_or_default().to_owned(),
    };
    let now = if now.is_empty() { now } else { format!(", where it is `{now}`") };
    Some(format!("is not in API version {lacking}{now}"))
}

/// Why what is at a path can be missing, to follow its name, if the reason is a version.
pub(crate) fn missing_in_words(place: &SchemaPath, path: &str, found: &Found) -> Option<String> {
    let of_each = found_in_each(place, path);
    let can_be = |holds: fn(&Found) -> bool| some(&of_each, |found| found.is_some_and(holds));
    let absent = || can_be(|found| found.optional).map(|some| format!("can be absent in API version {some}"));
    let null = || can_be(|found| found.nullable).map(|some| format!("can be null in API version {some}"));
    lacking(place, path, found, &of_each).or_else(absent).or_else(null)
}

/// How the enabled versions differ in the kind of what is at a path, for a note. Empty if they do not.
pub(crate) fn shapes_in_words(place: &SchemaPath, path: &str) -> String {
    if place.enabled.versions().len() < 2 {
        return String::new();
    }
    let of_each = place.enabled.versions().iter().filter_map(|version| {
        let found = place.in_version(*version)?.find_here(path).ok()?;
        Some((in_words(&found.shape), *version))
    });
    let mut kinds: Vec<(String, Vec<Version>)> = Vec::new();
    for (kind, version) in of_each {
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, versions)) => versions.push(version),
            None => kinds.push((kind, vec![version])),
        }
    }
    if kinds.len() < 2 {
        return String::new();
    }
    let kinds: Vec<_> =
        kinds.iter().map(|(kind, versions)| format!("{kind} in {}", span(versions))).collect();
    format!(" ({})", kinds.join(", "))
}

#[cfg(test)]
mod tests;
