//! Checks that only constants can make: which fields an event's object has, and which place a view is made for. What an
//! event carries is in `agreement`.
//!
//! Every function here stops the compilation with a panic. The compiler reports it at the caller, which is the user's own
//! token in the expansion, and puts "evaluation panicked:" before the message. Errors of traits have no such prefix, but
//! their message is a literal, which cannot contain a name that only a constant knows.

use super::const_str::{ConstText, is_same};
use crate::payload::SchemaPath;
use crate::payload::SparseField;

/// Stops the compilation if a handler's payload requires a field that one of its events lacks.
///
/// # Panics
///
/// Panics at compile time, naming the event, the field, the payload and the cure.
#[track_caller]
pub const fn assert_sent(
    payload: &str,
    sparse_fields: &[&[SparseField]],
    event: &str,
    objects: &[&str],
    lacks: &[&str],
) {
    let mut of = 0;
    while of < sparse_fields.len() {
        let mut at = 0;
        while at < sparse_fields[of].len() {
            let SparseField { object, field, is_optional, cure } = sparse_fields[of][at];
            if !is_optional && shares_a_name(&[object], objects) && shares_a_name(&[field], lacks) {
                let text =
                    ConstText::new().add("`").add(event).add("` carries `").add(object).add("` without `");
                let text = text.add(field).add("`, which `").add(payload).add("` requires: ").add(cure);
                text.panic();
            }
            at += 1;
        }
        of += 1;
    }
}

/// Stops the compilation if an `#[on_unhandled]` handler reads objects of one type only.
///
/// # Panics
///
/// Panics at compile time, naming the payload and what it reads.
#[track_caller]
pub const fn assert_any_object(payload: (&str, &[&str])) {
    let (name, reads) = payload;
    if !reads.is_empty() {
        let text = ConstText::new().add("`#[on_unhandled]` takes events with objects of every type, and `");
        let text = text.add(name).add("` reads `").join(reads);
        text.add("` only: take `Event`, or name the event types in `#[on_event]`").panic();
    }
}

/// Stops the compilation if a variant of an enum over views can never be chosen.
///
/// # Panics
///
/// Panics at compile time, with the reason.
#[track_caller]
pub const fn assert_variant(place: SchemaPath, before: &[SchemaPath]) {
    if !place.at.is_empty() {
        let text = ConstText::new().add("a variant must be a view of an object, but `").place(place);
        text.add("` is inside one").panic();
    }
    let mut at = 0;
    while at < before.len() {
        if is_same(before[at].object, place.object) {
            let text = ConstText::new().add("an earlier variant reads `").add(place.object);
            text.add("` already, so this one would never be chosen").panic();
        }
        at += 1;
    }
}

/// Stops the compilation if a handler returns a `Reply` and its attribute does not say so, or the other way round.
///
/// # Panics
///
/// Panics at compile time, with the attribute's message, because the attribute knows the event types.
#[track_caller]
pub const fn assert_reply(returned: bool, expected: bool, otherwise: &str) {
    assert!(returned == expected, "{}", otherwise);
}

/// Stops the compilation if a field's type is a view of something else than the field holds.
///
/// # Panics
///
/// Panics at compile time, naming the field, what it holds, and what the view is of.
#[track_caller]
pub const fn assert_place(field: &str, places: &[SchemaPath], expected: &[SchemaPath]) {
    if places.is_empty() {
        return;
    }
    let mut at = 0;
    while at < places.len() {
        let mut other = 0;
        while other < expected.len() {
            if is_same_place(places[at], expected[other]) {
                return;
            }
            other += 1;
        }
        at += 1;
    }
    let text = ConstText::new().add(field).add(" holds `").place(expected[0]);
    text.add("`, and the type is made for `").place(places[0]).add("`").panic();
}

const fn is_same_place(a: SchemaPath, b: SchemaPath) -> bool {
    match (a.at.is_empty(), b.at.is_empty()) {
        (true, true) => is_same(a.object, b.object),
        (false, false) => a.digest == b.digest,
        _ => false,
    }
}

pub(super) const fn shares_a_name(some: &[&str], others: &[&str]) -> bool {
    let mut at = 0;
    while at < some.len() {
        let mut other = 0;
        while other < others.len() {
            if is_same(some[at], others[other]) {
                return true;
            }
            other += 1;
        }
        at += 1;
    }
    false
}
