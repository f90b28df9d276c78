//! What went wrong when a value was read, and where.

use std::fmt;

use serde_path_to_error::{Path, Segment};
use thiserror::Error;
use webhook_catalog::{Move, enabled_names, moved_to};

use crate::Envelope;

/// An event's object does not fit the type that reads it. The error names the place and what was expected, never a value
/// of the object.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecodeError(
    /// In a box, so that a `Result` with it is small: a view moves one for each of its fields.
    Box<Failure>,
);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Failure {
    /// The path, innermost step first: each level adds its own step as the error passes.
    steps: Vec<Step>,
    problem: Problem,
    /// The event's API version, if it explains the problem.
    version: Option<EventVersion>,
}

/// What an event's API version has to do with a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
struct EventVersion {
    name: String,
    /// Where the field was in that version, if it has moved since.
    moved: Option<&'static Move>,
    /// Whether the program was not made for that version.
    is_other: bool,
}

/// The maximum length of an API version in a message; Stripe's have up to 20 characters.
const LONGEST_VERSION: usize = 64;

/// The maximum length of a path in a message, in characters.
const MOST_OF_A_PATH: usize = 200;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Element(usize),
    /// An entry of a map; its key is the user's data.
    Entry,
    Field(&'static str),
    /// A path that another library found.
    Path(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Problem {
    Doubled,
    Expected(&'static str),
    Missing,
    NoObject,
    TooDeep,
    OtherVersion,
    OtherObject { found: String, expected: &'static [&'static str] },
    Unfit { target: &'static str, line: usize, column: usize },
}

impl DecodeError {
    /// Reports a value that is not `expected`, such as "an integer".
    pub fn expected(expected: &'static str) -> Self {
        Self::of(Problem::Expected(expected))
    }

    pub(crate) fn missing() -> Self {
        Self::of(Problem::Missing)
    }

    pub(crate) fn doubled() -> Self {
        Self::of(Problem::Doubled)
    }

    /// Reports a thin event, which carries no object.
    pub(crate) fn no_object() -> Self {
        Self::of(Problem::NoObject)
    }

    /// Reports an event whose API version is not enabled, to a server that does not decode such events.
    pub fn other_version(envelope: &Envelope) -> Self {
        Self::of(Problem::OtherVersion).in_event(envelope)
    }

    pub(crate) fn too_deep() -> Self {
        Self::of(Problem::TooDeep)
    }

    /// Recognises serde_json's error for a value that is nested too deeply, by its message; it gives no other sign.
    pub(crate) fn of_depth(error: &serde_json::Error) -> Option<Self> {
        error.to_string().starts_with("recursion limit exceeded").then(Self::too_deep)
    }

    /// Reports an object of a type that this payload cannot read. `found` is the object's type name, never its content.
    pub(crate) fn other_object(found: Option<String>, expected: &'static [&'static str]) -> Self {
        Self::of(Problem::OtherObject {
            found: found.unwrap_or_else(|| "an object without a known type".to_owned()),
            expected,
        })
    }

    /// Keeps the place and drops serde_json's text, which can quote the value.
    pub(crate) fn unfit<T>(error: &serde_path_to_error::Error<serde_json::Error>) -> Self {
        if let Some(too_deep) = Self::of_depth(error.inner()) {
            return too_deep;
        }
        let (line, column) = (error.inner().line(), error.inner().column());
        let unfit = Self::of(Problem::Unfit { target: std::any::type_name::<T>(), line, column });
        unfit.at(Step::Path(shown(error.path())))
    }

    /// Adds the field that contains the value.
    #[must_use]
    pub fn in_field(self, name: &'static str) -> Self {
        self.at(Step::Field(name))
    }

    pub(crate) fn in_element(self, at: usize) -> Self {
        self.at(Step::Element(at))
    }

    pub(crate) fn in_entry(self) -> Self {
        self.at(Step::Entry)
    }

    /// Returns the place in the object, such as `items.data[0].price`; `.` is the object itself.
    pub fn path(&self) -> String {
        let mut path = String::new();
        for step in self.0.steps.iter().rev() {
            match step {
                Step::Element(at) => path.push_str(&format!("[{at}]")),
                Step::Entry => path.push_str(".*"),
                Step::Field(name) => path.push_str(&format!(".{name}")),
                Step::Path(inner) if inner == "." => {}
                Step::Path(inner) => path.push_str(&format!(".{inner}")),
            }
        }
        match path.strip_prefix('.') {
            Some(path) => path.to_owned(),
            None if path.is_empty() => ".".to_owned(),
            None => path,
        }
    }

    /// Adds the event's API version, if the field has moved since, or if the program was not made for it.
    pub(crate) fn in_event(mut self, envelope: &Envelope) -> Self {
        let is_version = |text: &&str| {
            (1..=LONGEST_VERSION).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
        };
        let Some(name) = envelope.api_version.as_deref().filter(is_version) else { return self };
        let is_absent = matches!(self.0.problem, Problem::Missing | Problem::Expected(_));
        let object = is_absent.then(|| envelope.text_at("object").unwrap_or_default());
        let moved =
            object.and_then(|object| moved_to(&object, &self.path())).filter(|moved| name < moved.version);
        let is_other =
            envelope.has_other_version() && !matches!(self.0.problem, Problem::Doubled | Problem::NoObject);
        if moved.is_some() || is_other {
            self.0.version = Some(EventVersion { name: name.to_owned(), moved, is_other });
        }
        self
    }

    /// Tells whether the object is of a type that the payload does not read, which can happen if an event carries one of
    /// several.
    pub fn is_other_object(&self) -> bool {
        matches!(self.0.problem, Problem::OtherObject { .. })
    }

    pub(crate) fn is_missing(&self) -> bool {
        self.0.problem == Problem::Missing
    }

    fn of(problem: Problem) -> Self {
        Self(Box::new(Failure { steps: Vec::new(), problem, version: None }))
    }

    fn at(mut self, step: Step) -> Self {
        self.0.steps.push(step);
        self
    }
}

/// Writes a path that another library found. A key is written as `*` unless it is the name of one of Stripe's fields,
/// because it may be personal data.
fn shown(path: &Path) -> String {
    let (mut shown, mut in_map) = (String::new(), false);
    for segment in path.iter() {
        let key = match segment {
            Segment::Seq { index } => {
                shown.push_str(&format!("[{index}]"));
                continue;
            }
            Segment::Map { key } | Segment::Enum { variant: key } => Some(&**key),
            Segment::Unknown => None,
        };
        let field = key.filter(|_| !in_map).and_then(webhook_catalog::field_named);
        in_map = field.is_some_and(|field| field.is_a_map);
        let separator = if shown.is_empty() { "" } else { "." };
        shown.push_str(&format!("{separator}{}", field.map_or("*", |field| field.name)));
    }
    if shown.is_empty() { ".".to_owned() } else { shown }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path();
        let path = match path.char_indices().nth(MOST_OF_A_PATH) {
            Some((end, _)) => format!("{}…", &path[..end]),
            None => path,
        };
        match &self.0.problem {
            Problem::Expected(expected) => write!(f, "`{path}` is not {expected}"),
            Problem::TooDeep => {
                f.write_str("the object is nested too deeply for the types that read it")?;
                if path == "." { Ok(()) } else { write!(f, ", at `{path}`") }
            }
            Problem::Doubled => write!(f, "`{path}` occurs twice"),
            Problem::OtherVersion if self.0.version.is_none() => write!(
                f,
                "the event was not decoded: its API version does not have the form of Stripe's; this program reads {}",
                enabled_names()
            ),
            Problem::OtherVersion => f.write_str("the event was not decoded"),
            Problem::NoObject => f.write_str("the event is a thin event, which carries no object"),
            Problem::Missing => write!(f, "`{path}` is missing"),
            Problem::OtherObject { found, expected } => {
                write!(f, "the object is `{found}`, but the handler reads `{}`", expected.join("` or `"))
            }
            Problem::Unfit { target, line, column } => {
                write!(
                    f,
                    "the object does not fit `{target}` at `{path}` (line {line}, column {column} of the object)"
                )
            }
        }?;
        let Some(EventVersion { name, moved, is_other }) = &self.0.version else { return Ok(()) };
        write!(f, ": the event has API version {name}")?;
        if let Some(moved) = moved {
            write!(f, ", and {moved}")?;
        }
        if *is_other { write!(f, "; this program reads {}", enabled_names()) } else { Ok(()) }
    }
}
