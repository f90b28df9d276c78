//! Where the fields of earlier API versions went. `moves.txt` lists them.

use std::cmp::Reverse;
use std::fmt;
use std::sync::LazyLock;

use crate::{Catalog, Field, Object, Shape, Version, object};

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

/// Finds the move of a field that does not exist at this path of an object in any enabled API version.
///
/// The path can lead through nested objects, references, lists and arrays: `items.data[0].price`, `items.data.0.price`
/// and `lines.price` all lead into an element.
pub fn moved_at(name: &str, path: &str) -> Option<&'static Move> {
    Catalog::enabled().moved_at(name, path)
}

impl Catalog {
    /// Finds the move of a field that does not exist at this path of an object, as [`moved_at`] does.
    pub fn moved_at(&'static self, name: &str, path: &str) -> Option<&'static Move> {
        let mut owner = self.object(name)?;
        let mut inside = String::new();
        let mut fields = &*owner.fields;
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
            match within(&field.shape, self)? {
                Within::Fields(nested) => (inside, fields) = (key, nested),
                Within::Object(other) => (owner, inside, fields) = (other, String::new(), &other.fields),
            }
        }
        None
    }

    /// Finds where a field of an object was before it came to this path, in this version. If several fields went there, it is
    /// the one of the same name, or else the first.
    pub fn before(&'static self, name: &str, path: &str) -> Option<&'static str> {
        let to: Vec<_> = steps(path).collect();
        let led_here = |known: &&Move| {
            known.object == name && known.to.iter().any(|it| steps(it).eq(to.iter().copied()))
        };
        let has = |field: &&str| self.object(name).is_some_and(|object| object.has(field));
        let mut all = MOVES.iter().filter(led_here).map(|known| known.field).filter(has).peekable();
        let first = all.peek().copied();
        all.find(|field| steps(field).last() == to.last().copied()).or(first)
    }
}

impl Object {
    /// Whether there is a field at a path through nested objects.
    fn has(&self, path: &str) -> bool {
        let mut fields = &*self.fields;
        path.split('.').all(|step| {
            let Some(field) = fields.iter().find(|field| field.name == step) else { return false };
            fields = if let Shape::Nested(nested) = &field.shape { nested } else { &[] };
            true
        })
    }
}

/// Finds the newest move that brought a field, or what contains it, to a path of an object.
pub fn moved_to(name: &str, path: &str) -> Option<&'static Move> {
    let mut ways = Ways::from(object(name)?);
    let mut found: Option<&'static Move> = None;
    for step in steps(path) {
        ways.push(step);
        found = found.into_iter().chain(ways.moves()).max_by_key(|known| known.version);
        if ways.enter(Catalog::enabled()).is_none() {
            break;
        }
    }
    found
}

impl Version {
    /// Finds the move by which this version brought a field to a path of an object, or to what came with it. `None` if what
    /// is there took no other field's place, or was there before.
    pub fn brought(self, name: &str, path: &str) -> Option<&'static Move> {
        let (catalog, older) = (self.catalog()?, self.previous()?.catalog()?);
        let mut ways = Ways::from(older.object(name)?);
        let mut left = steps(path);
        let is_of_the_name = |known: &Move| steps(known.field).last() == steps(path).last();
        let was_there = |known: &Move| older.object(known.object).is_some_and(|it| it.has(known.field));
        let fits = |known: &Move| (was_there(known), is_of_the_name(known));
        let came_with = |ways: &Ways<'_>, rest: &[&str]| {
            let of_this = MOVES.iter().filter(|known| Self::of(known.version) == Some(self));
            let shared = |known: &Move| known.shared(catalog, &ways.ways, rest);
            // Of several, one that was there, then one of the same name, then the first.
            let all = of_this.rev().filter_map(|known| Some(((shared(known)?, fits(known)), known)));
            all.max_by_key(|(key, _)| *key)
        };
        while let Some(step) = left.next() {
            ways.push(step);
            if ways.enter(older).is_none() {
                return came_with(&ways, &left.collect::<Vec<_>>()).map(|(_, known)| known);
            }
        }
        None
    }
}

impl Move {
    /// Whether it leads to one of these places, or into it: then how well that fits a path that goes on from there: the number
    /// of steps that they share, and the less, the deeper the move leads.
    fn shared(
        &self,
        catalog: &'static Catalog,
        ways: &[(&'static str, Vec<&str>)],
        rest: &[&str],
    ) -> Option<(usize, Reverse<usize>)> {
        let leads = self.to.iter().flat_map(|to| Ways::along(catalog, self.object, to));
        let shared = leads.filter_map(|(owner, to)| {
            let (_, way) = ways.iter().find(|(object, way)| *object == owner && to.starts_with(way))?;
            let further = to[way.len()..].iter().zip(rest).take_while(|(a, b)| a == b);
            Some((way.len() + further.count(), Reverse(to.len())))
        });
        shared.max()
    }
}

/// A place on the way along a path: in each object on the way, the path inside it without elements, as in the moves.
struct Ways<'p> {
    ways: Vec<(&'static str, Vec<&'p str>)>,
    fields: &'static [Field],
}

impl<'p> Ways<'p> {
    fn from(object: &'static Object) -> Self {
        Self { ways: vec![(object.name, Vec::new())], fields: &object.fields }
    }

    /// The whole of a path from its object, and what is left of it from each further object on the way.
    fn along(catalog: &'static Catalog, object: &str, path: &'p str) -> Vec<(&'static str, Vec<&'p str>)> {
        let Some(object) = catalog.object(object) else { return Vec::new() };
        let mut ways = Self::from(object);
        for step in steps(path) {
            ways.push(step);
            if ways.enter(catalog).is_none() {
                break;
            }
        }
        // What the last field refers to is not on the way.
        ways.ways.retain(|(_, way)| !way.is_empty());
        ways.ways
    }

    fn push(&mut self, step: &'p str) {
        for (_, way) in &mut self.ways {
            way.push(step);
        }
    }

    /// Goes on inside the field of the last step. `None` if there is no such field; there are no fields in a plain value.
    fn enter(&mut self, catalog: &'static Catalog) -> Option<()> {
        let step = *self.ways[0].1.last()?;
        let field = self.fields.iter().find(|field| field.name == step)?;
        self.fields = match within(&field.shape, catalog) {
            Some(Within::Fields(nested)) => nested,
            Some(Within::Object(other)) => {
                self.ways.push((other.name, Vec::new()));
                &other.fields
            }
            None => &[],
        };
        Some(())
    }

    /// The moves that lead here.
    fn moves(&self) -> impl Iterator<Item = &'static Move> {
        MOVES.iter().filter(move |known| {
            let ways = self.ways.iter().filter(|(owner, _)| *owner == known.object);
            ways.into_iter().any(|(_, way)| known.to.iter().any(|to| steps(to).eq(way.iter().copied())))
        })
    }
}

/// The steps of a path that name fields of objects.
fn steps(path: &str) -> impl Iterator<Item = &str> {
    let names = path.split('.').map(|step| step.split('[').next().unwrap_or(step));
    names.filter(|step| *step != "data" && step.parse::<usize>().is_err())
}

/// The shape in which a path continues.
enum Within<'a> {
    Fields(&'a [Field]),
    Object(&'static Object),
}

fn within<'a>(shape: &'a Shape, catalog: &'static Catalog) -> Option<Within<'a>> {
    match shape {
        Shape::Array(inner) | Shape::Expandable(inner) | Shape::List(inner) => within(inner, catalog),
        Shape::Nested(fields) => Some(Within::Fields(fields)),
        Shape::Object(names) => catalog.object(names[0]).map(Within::Object),
        _ => None,
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
