//! Where the fields of earlier API versions went. `moves.txt` lists them.

use std::fmt;
use std::sync::LazyLock;

use crate::{Field, Object, Shape, object};

/// A field that an object had in an earlier API version, and where it is now.
///
/// Its `Display` is a sentence without its end: "`charges` of `payment_intent` moved to `latest_charge` in 2022-11-15".
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Move {
    /// The object that had the field.
    pub object: &'static str,
    /// Where the field was, without any `data[]`: `current_period_end`, `phases.coupon`.
    pub field: &'static str,
    /// Where it is now, in the same object, with `[]` for any element of a list or array:
    /// `items.data[].current_period_end`. Several paths if the field became several; none if it was removed.
    pub to: Vec<&'static str>,
    /// A remark, or what to do instead of reading the field.
    pub note: Option<&'static str>,
    /// The first API version without the field.
    pub version: &'static str,
    /// The source.
    pub source: &'static str,
}

static MOVES: LazyLock<Vec<Move>> = LazyLock::new(|| parse(include_str!("moves.txt")));

/// Returns all moves, the oldest first.
pub fn moves() -> &'static [Move] {
    &MOVES
}

/// Finds the move of an object's field by its path without elements: `phases.coupon`.
pub fn moved(object: &str, field: &str) -> Option<&'static Move> {
    MOVES.iter().find(|known| known.object == object && known.field == field)
}

/// Finds the move of a field that does not exist at this path of an object.
///
/// The path can lead through nested objects, references, lists and arrays: `items.data[0].price`, `items.data.0.price`
/// and `lines.price` all lead into an element.
pub fn moved_at(name: &str, path: &str) -> Option<&'static Move> {
    let mut owner = object(name)?;
    let mut inside = String::new();
    let mut fields = &owner.fields;
    let mut is_list = false;
    for step in path.split('.') {
        let step = step.split('[').next().unwrap_or(step);
        if std::mem::take(&mut is_list) && step == "data" || step.parse::<usize>().is_ok() {
            continue;
        }
        let key = if inside.is_empty() { step.to_owned() } else { format!("{inside}.{step}") };
        let Some(field) = fields.iter().find(|field| field.name == step) else {
            return moved(owner.name, &key);
        };
        is_list = matches!(field.shape, Shape::List(_));
        match within(&field.shape)? {
            Within::Fields(nested) => (inside, fields) = (key, nested),
            Within::Object(other) => (owner, inside, fields) = (other, String::new(), &other.fields),
        }
    }
    None
}

/// Finds the newest move that brought a field, or what contains it, to a path of an object.
pub fn moved_to(name: &str, path: &str) -> Option<&'static Move> {
    // Each object on the way, and the path inside it, without elements, as in the moves.
    let mut ways: Vec<(&'static str, Vec<&str>)> = vec![(object(name)?.name, Vec::new())];
    let mut fields = &object(name)?.fields;
    let mut found: Option<&'static Move> = None;
    for step in path.split('.').map(|step| step.split('[').next().unwrap_or(step)) {
        if step == "data" || step.parse::<usize>().is_ok() {
            continue;
        }
        for (owner, way) in &mut ways {
            way.push(step);
            let here = MOVES.iter().filter(|known| known.object == *owner && known.leads_to(way));
            found = found.into_iter().chain(here).max_by_key(|known| known.version);
        }
        match fields.iter().find(|field| field.name == step).and_then(|field| within(&field.shape)) {
            Some(Within::Fields(nested)) => fields = nested,
            Some(Within::Object(other)) => {
                ways.push((other.name, Vec::new()));
                fields = &other.fields;
            }
            None => break,
        }
    }
    found
}

/// The shape in which a path continues.
enum Within<'a> {
    Fields(&'a Vec<Field>),
    Object(&'static Object),
}

fn within(shape: &Shape) -> Option<Within<'_>> {
    match shape {
        Shape::Array(inner) | Shape::Expandable(inner) | Shape::List(inner) => within(inner),
        Shape::Nested(fields) => Some(Within::Fields(fields)),
        Shape::Object(names) => object(names[0]).map(Within::Object),
        _ => None,
    }
}

impl Move {
    fn leads_to(&self, way: &[&str]) -> bool {
        let steps = |path: &'static str| path.split('.').map(|step| step.trim_end_matches("[]"));
        self.to.iter().any(|to| steps(to).filter(|step| *step != "data").eq(way.iter().copied()))
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { object, field, to, note, version, .. } = self;
        if to.is_empty() {
            write!(f, "`{field}` of `{object}` was removed in {version}")?;
        } else {
            write!(f, "`{field}` of `{object}` moved to `{}` in {version}", to.join("` or `"))?;
        }
        note.map_or(Ok(()), |note| write!(f, ": {note}"))
    }
}

fn parse(text: &'static str) -> Vec<Move> {
    let mut moves = Vec::new();
    let mut page = ("", "");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        match line.strip_prefix("  ") {
            Some(row) => moves.push(row_of(row, page)),
            None => page = line.split_once(' ').unwrap_or((line, "")),
        }
    }
    moves
}

fn row_of(row: &'static str, (version, source): (&'static str, &'static str)) -> Move {
    let (row, note) = match row.split_once("; ") {
        Some((row, note)) => (row, Some(note)),
        None => (row, None),
    };
    let mut words = row.splitn(4, ' ');
    let (object, field, verb, to) = (words.next(), words.next(), words.next(), words.next());
    let (Some(object), Some(field), Some("->" | "gone")) = (object, field, verb) else {
        unreachable!("moves.txt contains a line that is not a move: {row}")
    };
    let to = to.map_or_else(Vec::new, |to| to.split(" | ").collect());
    Move { object, field, to, note, version, source }
}
