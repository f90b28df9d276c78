//! The error for a field that does not exist.

use webhook_catalog::{Field, Move, Shape, nearest};

use super::{SchemaPath, in_words};
use crate::diagnostics::did_you_mean;

impl SchemaPath {
    /// Says why a step of a path leads nowhere: the event lacks it, it has moved, or it was misspelt.
    pub(super) fn no_field(&self, known: &[Field], step: &str, path: &str) -> String {
        let is_first = path == step || path.starts_with(&format!("{step}."));
        if let Some(event) = self.event.filter(|event| is_first && event.lacks().any(|field| field == step)) {
            return format!("`{}` carries `{}` without `{step}`", event.name, self.object);
        }
        if let Some(found) = self.moved(path) {
            return format!("{found}{}{}", Self::reading(found), self.if_received(path));
        }
        let owner = self.name();
        let indexed =
            step.split_once('[').and_then(|(name, _)| known.iter().find(|field| field.name == name));
        if let Some(field) = indexed {
            let what = format!("`{}` of `{owner}` is {}", field.name, in_words(&field.shape));
            return match field.shape {
                Shape::Array(_) => format!("{what}: read `{0}` itself, as `Vec<…>` of a view", field.name),
                _ => format!("{what}: it has no positions"),
            };
        }
        let near = nearest(step, known.iter().map(|field| field.name));
        format!(
            "`{owner}` has no field `{step}`{}",
            did_you_mean(&near, "`events --explain TYPE` shows its fields")
        )
    }

    /// Finds where the field at a path has moved.
    pub(super) fn moved(&self, path: &str) -> Option<&'static Move> {
        self.catalog.moved_at(self.object, &self.whole(path))
    }

    /// How to read a field that moved into a list or an array.
    fn reading(found: &Move) -> String {
        let [to] = found.to[..] else { return String::new() };
        let Some((list, inside)) = to.split_once("[]").filter(|_| found.note.is_none()) else {
            return String::new();
        };
        let (list, reader) = match list.strip_suffix(".data") {
            Some(list) => (list, "List"),
            None => (list, "Vec"),
        };
        match inside.strip_prefix('.') {
            Some(field) => format!(": read `{list}` as `{reader}<…>` of a view with `{field}`"),
            None => format!(": read `{list}` as `{reader}<…>`"),
        }
    }
}
