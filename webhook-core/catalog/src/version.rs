//! Stripe's API versions, and those that the application must be able to read.

use std::fmt;
use std::sync::LazyLock;

use crate::Catalog;

/// One of the API versions that the catalog describes. An older version is less than a newer one.
///
/// Stripe adds to a named release each month without breaking it, so one version stands for the whole release: the last one
/// that was described. (<https://docs.stripe.com/api/versioning>)
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(u8);

struct Known {
    name: &'static str,
    feature: &'static str,
    is_enabled: bool,
    /// What the version has otherwise than the next newer one. `None` if the text is not compiled in.
    difference: Option<&'static str>,
}

macro_rules! known {
    ($($name:literal: $feature:tt, $since:tt;)*) => {
        &[$(Known {
            name: $name,
            feature: $feature,
            is_enabled: cfg!(feature = $feature),
            difference: {
                #[cfg(feature = $since)]
                const TEXT: Option<&str> = Some(include_str!(concat!("versions/", $name, ".txt")));
                #[cfg(not(feature = $since))]
                const TEXT: Option<&str> = None;
                TEXT
            },
        }),*]
    };
}

/// All versions before the newest one, the oldest first.
const OLDER: &[Known] = known! {
    "2023-08-16": "api-2023-08-16", "since-2023-08-16";
    "2023-10-16": "api-2023-10-16", "since-2023-10-16";
    "2024-04-10": "api-2024-04-10", "since-2024-04-10";
    "2024-06-20": "api-2024-06-20", "since-2024-06-20";
    "2025-02-24.acacia": "api-acacia", "since-acacia";
    "2025-08-27.basil": "api-basil", "since-basil";
    "2026-02-25.clover": "api-clover", "since-clover";
    "2026-08-26.dahlia": "api-dahlia", "since-dahlia";
};

/// The newest version, whose whole text is compiled in.
const NEWEST: Known = Known {
    name: "2026-10-28.endive",
    feature: "api-endive",
    is_enabled: cfg!(feature = "api-endive"),
    difference: None,
};

static ENABLED: LazyLock<Vec<Version>> =
    LazyLock::new(|| versions().filter(|version| version.known().is_enabled).collect());

/// Returns all versions that the catalog knows, the oldest first.
pub fn versions() -> impl DoubleEndedIterator<Item = Version> {
    (0..=Version::last().0).map(Version)
}

/// Returns the versions of whose catalogs a test holds, the oldest first: of those whose texts are compiled in.
pub fn versions_with(holds: impl Fn(&'static Catalog) -> bool) -> Vec<Version> {
    versions().filter(|version| version.catalog().is_some_and(&holds)).collect()
}

/// Returns the versions that the application must be able to read, the oldest first: those whose Cargo features are enabled.
pub fn enabled() -> &'static [Version] {
    &ENABLED
}

/// Tells whether an enabled version describes an event with this `api_version`.
pub fn is_enabled(api_version: &str) -> bool {
    enabled().iter().any(|version| version.describes(api_version))
}

/// Returns the names of the enabled versions, such as `2025-02-24.acacia, 2026-10-28.endive`.
pub fn enabled_names() -> &'static str {
    static NAMES: LazyLock<String> = LazyLock::new(|| names(enabled()));
    &NAMES
}

/// Returns the newest enabled version, which samples have if they are not told otherwise.
///
/// # Panics
///
/// Panics if no version is enabled. `webhook-server` does not compile without one, and no macro expands.
pub fn newest() -> Version {
    *enabled().last().expect(
        "no API version is enabled: enable a feature `api-…` of `webhook-core` for each version that your endpoints have",
    )
}

impl Version {
    /// Finds the version that describes an event with this `api_version`.
    ///
    /// A version with a release name is found by that name, so `2025-05-28.basil` is described by `2025-08-27.basil`; one
    /// without a name must be equal.
    pub fn of(api_version: &str) -> Option<Self> {
        versions().find(|version| version.describes(api_version))
    }

    /// Tells whether the version describes an event with this `api_version`, as [`of`](Self::of) does.
    pub fn describes(self, api_version: &str) -> bool {
        self.release() == release_of(api_version)
    }

    /// Finds a version by what people call it: `2025-08-27.basil`, `basil`, `api-basil`.
    pub fn named(name: &str) -> Option<Self> {
        let name = name.strip_prefix("api-").unwrap_or(name);
        versions()
            .find(|version| [version.name(), version.release()].contains(&name))
            .or_else(|| Self::of(name))
    }

    /// Returns the text that Stripe sends, such as `2025-08-27.basil`.
    pub fn name(self) -> &'static str {
        self.known().name
    }

    /// Returns the release's name, such as `basil`; the whole text of a version without one.
    pub fn release(self) -> &'static str {
        release_of(self.name())
    }

    /// Returns the Cargo feature that enables the version, such as `api-basil`.
    pub fn feature(self) -> &'static str {
        self.known().feature
    }

    /// Says that the version is not enabled, and how to enable it.
    pub fn not_enabled(self) -> String {
        format!("API version {self} is not enabled: enable the feature `{}`", self.feature())
    }

    /// Tells whether the application must be able to read the version.
    pub fn is_enabled(self) -> bool {
        self.known().is_enabled
    }

    /// Returns the position among all versions.
    pub(crate) fn index(self) -> usize {
        self.0.into()
    }

    /// Returns the next older version.
    pub fn previous(self) -> Option<Self> {
        Some(Self(self.0.checked_sub(1)?))
    }

    /// Returns the next newer version.
    pub fn next(self) -> Option<Self> {
        (self < Self::last()).then_some(Self(self.0 + 1))
    }

    /// Returns what the version has otherwise than the next newer one.
    pub(crate) fn difference(self) -> Option<&'static str> {
        self.known().difference
    }

    fn last() -> Self {
        // There are nine.
        Self(OLDER.len() as u8)
    }

    fn known(self) -> &'static Known {
        OLDER.get(self.index()).unwrap_or(&NEWEST)
    }
}

/// The name behind the date, or else the date.
fn release_of(api_version: &str) -> &str {
    api_version.split_once('.').map_or(api_version, |(_, release)| release)
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Version({self})")
    }
}

/// Lists the names of versions, such as `2025-02-24.acacia, 2026-10-28.endive`.
pub fn names(versions: &[Version]) -> String {
    versions.iter().map(|version| version.name()).collect::<Vec<_>>().join(", ")
}

/// Names several versions, the oldest first: `2025-08-27.basil and later`, `2023-08-16 to 2024-06-20`.
pub fn span(versions: &[Version]) -> String {
    let runs = versions.chunk_by(|a, b| a.next() == Some(*b));
    let names = runs.map(|run| match *run {
        [first, .., last] if last == Version::last() => format!("{first} and later"),
        [first, second] => format!("{first} and {second}"),
        [first, .., last] => format!("{first} to {last}"),
        [one] => one.to_string(),
        [] => String::new(),
    });
    names.collect::<Vec<_>>().join(", ")
}
