//! Writes views of Stripe's objects as Rust code that the derive macro accepts: a field that may be missing is an `Option`.

use std::fmt;

use webhook_core::catalog::{self, EventType, Shape};

use super::place::{Place, pascal_case};
use crate::command::Failure;

/// The printed handler only formats the view with `Debug`, which the compiler does not count as reading the fields.
const UNREAD: &str = "#[allow(dead_code, reason = \"until the handler reads it\")]\n";

/// The structs and enums written so far.
#[derive(Default)]
pub(super) struct Views {
    /// In the order of writing, so that a view comes after those that it contains.
    written: Vec<View>,
    reads_lists: bool,
    reads_maps: bool,
    reads_references: bool,
    reads_times: bool,
}

struct View {
    name: String,
    text: String,
}

/// One field of a view that is being written.
struct Line {
    name: String,
    /// The path that it reads, from the view's place.
    path: String,
    /// Its type, as code.
    ty: String,
}

impl Views {
    /// Writes the payload type for the event's object, and returns its name.
    pub(super) fn payload(&mut self, event: &'static EventType, paths: &[String]) -> Result<String, Failure> {
        let objects = event.objects.iter().filter_map(|name| catalog::object(name));
        let places = objects.map(|object| Place::carried(event, object));
        let mut views = Vec::new();
        let mut refused = None;
        for place in places {
            let (object, before) = (place.object, self.written.len());
            match self.view(&place, paths) {
                Ok(name) => views.push((object, name)),
                Err(failure) => {
                    self.written.truncate(before);
                    refused = refused.or(Some(failure));
                }
            }
        }
        match (&views[..], refused) {
            ([], Some(refused)) => Err(refused),
            // The handler skips events with objects that have no such field.
            ([(_, one)], _) => Ok(one.clone()),
            _ => Ok(self.either(event, &views)),
        }
    }

    /// Writes an enum over the views of the objects that an event may carry.
    fn either(&mut self, event: &EventType, views: &[(&str, String)]) -> String {
        let name = self.unused(&pascal_case(event.name));
        let variants = views.iter().map(|(object, view)| format!("    {}({view}),\n", pascal_case(object)));
        let variants = variants.collect::<String>();
        let text = format!(
            "/// The object that `{}` carries: one of several types.\n\
             #[derive(Debug, StripeObject)]\n{UNREAD}enum {name} {{\n{variants}}}\n",
            event.name
        );
        self.written.push(View { name: name.clone(), text });
        name
    }

    /// Writes a view with the fields at these paths, or with a default choice, and returns its name.
    fn view(&mut self, place: &Place, paths: &[String]) -> Result<String, Failure> {
        let chosen = if paths.is_empty() { place.some_fields() } else { paths.to_vec() };
        let mut lines: Vec<Line> = Vec::new();
        // All paths inside one list or reference form one view.
        let mut within: Vec<(String, Vec<String>)> = Vec::new();
        for path in &chosen {
            let (outer, inner) = place.split(path)?;
            match within.iter_mut().find(|(known, _)| *known == outer) {
                Some((_, inners)) => inners.extend(inner),
                None => within.push((outer, inner.into_iter().collect())),
            }
        }
        for (path, inner) in within {
            let ty = self.ty(place, &path, &inner)?;
            lines.push(Line { name: field_name(&path, &lines), path, ty });
        }
        let name = self.unused(&place.view_name());
        let lines = lines.iter().map(Line::text).collect::<String>();
        let at = if place.at.is_empty() { String::new() } else { format!(", at = \"{}\"", place.at) };
        let what = if place.at.is_empty() {
            place.object.to_owned()
        } else {
            format!("{}.{}", place.object, place.at)
        };
        let text = format!(
            "/// The fields of `{what}` that this program reads.\n\
             #[derive(Debug, StripeObject)]\n#[stripe(object = \"{}\"{at})]\n{UNREAD}struct {name} {{\n{lines}}}\n",
            place.object
        );
        self.written.push(View { name: name.clone(), text });
        Ok(name)
    }

    /// The type that reads the value at a path of a place, and these paths inside the value.
    fn ty(&mut self, place: &Place, path: &str, inner: &[String]) -> Result<String, Failure> {
        let found = place.find(path)?;
        let ty = self.reader(&found.shape, &place.inner(path, &found.shape), inner)?;
        Ok(if found.may_be_missing { format!("Option<{ty}>") } else { ty })
    }

    /// The type that reads a shape. Notes what must be imported.
    fn reader(&mut self, shape: &Shape, inside: &Option<Place>, paths: &[String]) -> Result<String, Failure> {
        Ok(match shape {
            Shape::Array(inner) => format!("Vec<{}>", self.reader(inner, inside, paths)?),
            Shape::List(inner) => {
                self.reads_lists = true;
                format!("List<{}>", self.reader(inner, inside, paths)?)
            }
            Shape::Map(inner) => {
                self.reads_maps = true;
                format!("HashMap<String, {}>", self.reader(inner, inside, paths)?)
            }
            // In an event it is nearly always an id.
            Shape::Expandable(_) if paths.is_empty() => "String".to_owned(),
            Shape::Expandable(inner) => {
                self.reads_references = true;
                format!("Expandable<{}>", self.reader(inner, inside, paths)?)
            }
            Shape::Boolean | Shape::Literal("true" | "false") => "bool".to_owned(),
            Shape::Float => "f64".to_owned(),
            Shape::Integer | Shape::IntegerText => "i64".to_owned(),
            Shape::Timestamp => {
                self.reads_times = true;
                "Timestamp".to_owned()
            }
            Shape::Nested(_) | Shape::Object(_) => match inside {
                Some(inside) => self.view(inside, paths)?,
                None => "serde_json::Value".to_owned(),
            },
            Shape::Any => "serde_json::Value".to_owned(),
            _ => "String".to_owned(),
        })
    }

    /// A name that no view has taken yet.
    fn unused(&self, wanted: &str) -> String {
        let is_taken = |name: &str| self.written.iter().any(|view| view.name == name);
        let numbered = (2..).map(|number| format!("{wanted}{number}"));
        let mut names = std::iter::once(wanted.to_owned()).chain(numbered);
        names.find(|name| !is_taken(name)).unwrap_or_default()
    }

    /// The `use` lines that the views and the handler need.
    pub(super) fn imports(&self, argument: &'static str) -> String {
        let maps = if self.reads_maps { "use std::collections::HashMap;\n\n" } else { "" };
        let mut names = vec![argument, "on_event"];
        let others = [
            (!self.written.is_empty(), "StripeObject"),
            (self.reads_lists, "List"),
            (self.reads_references, "Expandable"),
            (self.reads_times, "Timestamp"),
        ];
        names.extend(others.into_iter().filter(|(is_read, _)| *is_read).map(|(_, name)| name));
        names.sort_by_key(|name| (name.starts_with(char::is_lowercase), *name));
        format!("{maps}use webhook_server::{{{}}};\n", names.join(", "))
    }
}

/// The views, the payload first.
impl fmt::Display for Views {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.written.iter().rev().try_for_each(|view| writeln!(f, "{}", view.text))
    }
}

impl Line {
    fn text(&self) -> String {
        let Self { name, path, ty } = self;
        let plain = name.strip_prefix("r#").unwrap_or(name);
        let path = if plain == path { String::new() } else { format!("    #[stripe(path = {path:?})]\n") };
        format!("{path}    {name}: {ty},\n")
    }
}

/// A Rust name for the last step of a path, different from those of the other lines.
fn field_name(path: &str, lines: &[Line]) -> String {
    const KEYWORDS: [&str; 8] = ["abstract", "final", "in", "move", "ref", "type", "use", "where"];
    let snake = |text: &str| {
        let letters = text
            .chars()
            .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '_' });
        letters.collect::<String>().trim_matches('_').to_owned()
    };
    let last = snake(
        path.rsplit_once("metadata.").map_or_else(|| path.rsplit('.').next().unwrap_or(path), |(_, key)| key),
    );
    let is_taken = |name: &str| lines.iter().any(|line| line.name == name);
    let name = if is_taken(&last) { snake(path) } else { last };
    match name.as_str() {
        name if KEYWORDS.contains(&name) => format!("r#{name}"),
        name if name.starts_with(|letter: char| letter.is_ascii_digit()) || name.is_empty() => {
            format!("field_{name}")
        }
        _ => name,
    }
}
