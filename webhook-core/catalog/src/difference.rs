//! What an older API version has otherwise than the next newer one, in the notation of `versions/*.txt`.

use std::borrow::Cow;

/// Applies the changes to the lines of an object, or of what is nested in it: what is at `depth`, and deeper.
///
/// A change is a line that begins with `- ` and names a field that is not there, or a field's own line, below which are the
/// changes inside it.
pub(crate) fn apply(lines: &[&'static str], changes: &[&'static str], depth: usize) -> Vec<&'static str> {
    let mut blocks: Vec<Block<'_>> = Block::split(lines, depth).collect();
    for change in Block::split(changes, depth) {
        let gone = change.name.strip_prefix("- ");
        let name = gone.unwrap_or(change.name);
        let place = blocks.binary_search_by(|block| order(block.name).cmp(&order(name)));
        match (place, gone) {
            (Ok(at), Some(_)) => _ = blocks.remove(at),
            (Err(_), Some(_)) => unreachable!("a difference removes {name}, which is not there"),
            (Ok(at), None) => {
                let known = &blocks[at];
                let inner = apply(&known.inner, &change.inner, depth + 1).into();
                blocks[at] = Block { head: whole(change.head, known.head), inner, ..change };
            }
            (Err(at), None) => blocks.insert(at, change),
        }
    }
    blocks.iter().flat_map(|block| std::iter::once(&block.head).chain(&*block.inner)).copied().collect()
}

/// A line with all values of its enum. A change names only the values that are gone or new: `enum<-gone +new>`.
fn whole(line: &'static str, newer: &'static str) -> &'static str {
    let is_change = |value: &str| value.starts_with(['-', '+']);
    let Some((before, changes, after)) =
        values_in(line).filter(|(_, values, _)| values.iter().all(|it| is_change(it)))
    else {
        return line;
    };
    let Some((_, mut values, _)) = values_in(newer) else {
        unreachable!("a difference changes values that are not there: {line}")
    };
    for change in changes {
        match change.strip_prefix('-') {
            Some(gone) => values.retain(|value| *value != gone),
            None => values.push(&change[1..]),
        }
    }
    values.sort_unstable();
    // An object is read once, so this is kept no longer than the object.
    format!("{before}{}{after}", values.join(" ")).leak()
}

/// The values of the enum in a line, and what is before and after them.
fn values_in(line: &'static str) -> Option<(&'static str, Vec<&'static str>, &'static str)> {
    let at = line.find("enum<")? + "enum<".len();
    let (before, rest) = line.split_at(at);
    let (values, after) = rest.split_at(rest.find('>')?);
    Some((before, values.split(' ').filter(|value| !value.is_empty()).collect(), after))
}

/// The key that fields are sorted by: `id` and `object` first.
pub(crate) fn order(name: &str) -> (u8, &str) {
    let rank = match name {
        "id" => 0,
        "object" => 1,
        _ => 2,
    };
    (rank, name)
}

/// A field's line and the lines below it.
struct Block<'l> {
    head: &'static str,
    /// The name, behind its `- ` if it is not there.
    name: &'static str,
    inner: Cow<'l, [&'static str]>,
}

impl<'l> Block<'l> {
    fn split(lines: &'l [&'static str], depth: usize) -> impl Iterator<Item = Self> {
        let mut rest = lines;
        std::iter::from_fn(move || {
            let (head, after) = rest.split_first()?;
            let inner = after.iter().take_while(|line| indent(line) > 2 * depth).count();
            let (inner, after) = after.split_at(inner);
            rest = after;
            let name = head.trim_start().split(": ").next().unwrap_or_default().trim_end_matches('?');
            Some(Self { head, name, inner: inner.into() })
        })
    }
}

/// The number of spaces before a line's text.
pub(crate) fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_applied_at_every_depth() {
        let newer = [
            "  id: string",
            "  object: \"invoice\"",
            "  parent: {} | null",
            "    type: string",
            "  rendering: {} | null",
            "    pdf: {}",
            "      page_size: string",
            "    template?: string",
            "  total: integer",
        ];
        let changes = [
            "  - parent",
            "  rendering: {}",
            "    options: string",
            "    pdf: {}",
            "      - page_size",
            "      size: enum<a b>",
            "    - template",
            "  subscription: expandable<subscription> | null",
            "  total?: integer",
        ];
        let older = [
            "  id: string",
            "  object: \"invoice\"",
            "  rendering: {}",
            "    options: string",
            "    pdf: {}",
            "      size: enum<a b>",
            "  subscription: expandable<subscription> | null",
            "  total?: integer",
        ];
        assert_eq!(apply(&newer, &changes, 1), older);
        assert_eq!(apply(&newer, &[], 1), newer);
        assert_eq!(apply(&[], &older, 1), older);
    }

    #[test]
    fn the_values_of_an_enum_are_changed() {
        let newer = ["  kind: enum<a b d> | null", "  kinds: array<enum<x y>>", "  other: string"];
        let changes = ["  kind: enum<-b +c>", "  kinds?: array<enum<>>", "  other: enum<m n>"];
        let older = ["  kind: enum<a c d>", "  kinds?: array<enum<x y>>", "  other: enum<m n>"];
        assert_eq!(apply(&newer, &changes, 1), older);
    }

    #[test]
    #[should_panic(expected = "removes b, which is not there")]
    fn what_is_not_there_cannot_be_removed() {
        apply(&["  a: string"], &["  - b"], 1);
    }
}
