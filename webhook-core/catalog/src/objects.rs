//! The objects and their fields.

use std::fmt;

use crate::Catalog;
use crate::difference::indent;

/// One of Stripe's API objects, or the data that a thin event has when it is fetched, with all its fields.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Object {
    /// The value of its `object` field, such as `payment_intent`; `deleted_customer` for the stub that Stripe sends
    /// in place of a deleted customer. Of the data of a thin event, the event's type, which is not the name of an object.
    pub name: &'static str,
    /// Its fields: `id` and `object` first, then by name.
    pub fields: Vec<Field>,
}

/// One field of an object, or of an object nested in it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Field {
    /// The key.
    pub name: &'static str,
    /// Whether the key may be absent.
    pub optional: bool,
    /// Whether the value may be `null`.
    pub nullable: bool,
    /// The shape of a value that is not null.
    pub shape: Shape,
}

impl Field {
    /// The fields of Stripe's list object, whatever its values. (<https://docs.stripe.com/api/pagination>)
    pub fn of_list(element: &Shape) -> Vec<Self> {
        let field = |name, shape| Self { name, optional: false, nullable: false, shape };
        vec![
            field("object", Shape::Literal("\"list\"")),
            field("data", Shape::Array(Box::new(element.clone()))),
            field("has_more", Shape::Boolean),
            field("url", Shape::String),
        ]
    }
}

/// The shape of a value.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Shape {
    /// Any JSON value.
    Any,
    /// An array of values of one shape.
    Array(Box<Shape>),
    /// `true` or `false`.
    Boolean,
    /// A point in time as RFC 3339 text.
    DateTime,
    /// A decimal number as text, which preserves every digit.
    Decimal,
    /// One of a set of texts, which Stripe extends without notice.
    Enum(Vec<&'static str>),
    /// The id of an object, or the object itself.
    Expandable(Box<Shape>),
    /// A number that may have a fraction.
    Float,
    /// A whole number.
    Integer,
    /// A whole number as text, as version 2 of Stripe's API sends it.
    IntegerText,
    /// Stripe's list object: `{"object": "list", "data": [...], "has_more": ..., "url": ...}`.
    List(Box<Shape>),
    /// Always this JSON value.
    Literal(&'static str),
    /// An object whose keys are chosen by the user.
    Map(Box<Shape>),
    /// An unnamed object inside another one.
    Nested(Vec<Field>),
    /// One of these API objects, sent whole.
    Object(Vec<&'static str>),
    /// A text.
    String,
    /// A point in time in whole seconds since the Unix epoch.
    Timestamp,
}

/// Finds an object of the enabled API versions by its name, or the data of a thin event by the event's type. What is not in
/// all of them may be absent.
pub fn object(name: &str) -> Option<&'static Object> {
    Catalog::enabled().object(name)
}

/// Returns the names of all objects of the enabled API versions, sorted; not of the data of thin events.
pub fn objects() -> impl Iterator<Item = &'static str> {
    Catalog::enabled().objects()
}

/// The lines of one object that have not been read yet.
pub(crate) struct Lines<'l>(pub(crate) &'l [&'static str]);

impl Lines<'_> {
    /// Reads the fields at one depth of indentation, with their nested fields.
    pub(crate) fn fields(&mut self, depth: usize) -> Vec<Field> {
        let mut fields = Vec::new();
        while let Some((current, rest)) = self.0.split_first().filter(|(line, _)| indent(line) == 2 * depth) {
            self.0 = rest;
            fields.push(self.field(current.trim_start(), depth));
        }
        fields
    }

    fn field(&mut self, text: &'static str, depth: usize) -> Field {
        let (name, value) = text.split_once(": ").unwrap_or((text, "any"));
        let (value, nullable) = match value.strip_suffix(" | null") {
            Some(value) => (value, true),
            None => (value, false),
        };
        let (name, optional) = match name.strip_suffix('?') {
            Some(name) => (name, true),
            None => (name, false),
        };
        Field { name, optional, nullable, shape: self.shape(value, depth) }
    }

    fn shape(&mut self, text: &'static str, depth: usize) -> Shape {
        if let Some((kind, inner)) = text.strip_suffix('>').and_then(|text| text.split_once('<')) {
            return match kind {
                "array" => Shape::Array(Box::new(self.shape(inner, depth))),
                "map" => Shape::Map(Box::new(self.shape(inner, depth))),
                "list" => Shape::List(Box::new(self.target(inner, depth))),
                "enum" => Shape::Enum(words(inner)),
                "expandable" => Shape::Expandable(Box::new(self.target(inner, depth))),
                "object" => Shape::Object(words(inner)),
                _ => unreachable!("objects.txt contains a shape that its generator does not write: {text}"),
            };
        }
        match text {
            "{}" => Shape::Nested(self.fields(depth + 1)),
            "any" => Shape::Any,
            "boolean" => Shape::Boolean,
            "datetime" => Shape::DateTime,
            "decimal" => Shape::Decimal,
            "float" => Shape::Float,
            "integer" => Shape::Integer,
            "string" => Shape::String,
            "timestamp" => Shape::Timestamp,
            "int64" => Shape::IntegerText,
            "true" | "false" => Shape::Literal(text),
            quoted if quoted.starts_with('"') => Shape::Literal(text),
            _ => unreachable!("objects.txt contains a shape that its generator does not write: {text}"),
        }
    }

    /// What a list or an expandable field contains: named objects, or an unnamed one.
    fn target(&mut self, text: &'static str, depth: usize) -> Shape {
        if text == "{}" { Shape::Nested(self.fields(depth + 1)) } else { Shape::Object(words(text)) }
    }
}

fn words(text: &'static str) -> Vec<&'static str> {
    text.split(' ').collect()
}

/// Describes the value briefly: `integer`, `id of customer, or the object`, `list of subscription_item`. It shows the
/// first few values of an enum, and `object` for an unnamed object.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ENUM_VALUES_SHOWN: usize = 8;
        match self {
            Self::Any => f.write_str("any value"),
            Self::Array(inner) => write!(f, "array of {inner}"),
            Self::Boolean => f.write_str("boolean"),
            Self::DateTime => f.write_str("date and time as text (RFC 3339)"),
            Self::Decimal => f.write_str("decimal number as text"),
            Self::Enum(values) => {
                write!(f, "one of {}", values[..values.len().min(ENUM_VALUES_SHOWN)].join(", "))?;
                match values.len().saturating_sub(ENUM_VALUES_SHOWN) {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
            Self::Expandable(inner) => write!(f, "id of {inner}, or the object"),
            Self::Float => f.write_str("number"),
            Self::Integer => f.write_str("integer"),
            Self::IntegerText => f.write_str("integer as text"),
            Self::List(inner) => write!(f, "list of {inner}"),
            Self::Literal(value) => write!(f, "always {value}"),
            Self::Map(inner) => write!(f, "map of {inner}"),
            Self::Nested(_) => f.write_str("object"),
            Self::Object(names) => {
                let alive: Vec<_> =
                    names.iter().filter(|name| !name.starts_with("deleted_")).copied().collect();
                f.write_str(&alive.join(" or "))
            }
            Self::String => f.write_str("text"),
            Self::Timestamp => f.write_str("timestamp"),
        }
    }
}
