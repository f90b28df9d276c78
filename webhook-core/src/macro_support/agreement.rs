//! The check that what an argument needs of its events is what they carry. It stops the compilation as `compat_checks` says.

use super::ArgumentKind;
use super::compat_checks::shares_a_name;
use super::const_str::ConstText;

/// What the catalog says of an event that a handler takes.
#[derive(Clone, Copy, Debug)]
pub struct Carried {
    event: &'static str,
    /// The objects that it carries, or refers to: one of these.
    objects: &'static [&'static str],
    /// Those of them that no call of Stripe's API reads by their id.
    unreadable: &'static [&'static str],
    /// Whether it is a thin event with data of its own.
    has_data: bool,
    /// Whether the catalog lists the event. Of another one, only its kind is known.
    is_listed: bool,
}

impl Carried {
    /// Describes an event by its type and objects.
    pub const fn new(event: &'static str, objects: &'static [&'static str]) -> Self {
        Self { event, objects, unreadable: &[], has_data: false, is_listed: true }
    }

    /// Names an event that the catalog does not list.
    pub const fn unlisted(event: &'static str) -> Self {
        Self { is_listed: false, ..Self::new(event, &[]) }
    }

    /// Names those of its objects that Stripe's API cannot read.
    #[must_use]
    pub const fn without_reads(self, unreadable: &'static [&'static str]) -> Self {
        Self { unreadable, ..self }
    }

    /// Says that it has data of its own.
    #[must_use]
    pub const fn with_data(self) -> Self {
        Self { has_data: true, ..self }
    }

    const fn is_thin(&self) -> bool {
        matches!(self.event.as_bytes(), [b'v', b'1' | b'2', b'.', ..])
    }

    /// Whether one of its objects can be read, and is read by the payload.
    const fn is_readable(&self, reads: &[&str]) -> bool {
        let mut at = 0;
        while at < self.objects.len() {
            let object = &[self.objects[at]];
            let is_meant = reads.is_empty() || shares_a_name(reads, object);
            if is_meant && !shares_a_name(self.unreadable, object) {
                return true;
            }
            at += 1;
        }
        false
    }
}

/// Stops the compilation if an argument needs something else of an event than the event has.
///
/// # Panics
///
/// Panics at compile time, naming the event, what it has, and the argument's payload.
#[track_caller]
pub const fn assert_agrees(kind: ArgumentKind, payload: (&str, &[&str]), events: &[Carried]) {
    let mut at = 0;
    while at < events.len() {
        match kind {
            ArgumentKind::Event => check_event(payload, &events[at]),
            ArgumentKind::Notification => check_thin(&events[at]),
            ArgumentKind::NotificationWithData => check_data(payload, &events[at]),
            ArgumentKind::Fresh => check_fresh(payload, &events[at]),
            ArgumentKind::Other => {}
        }
        at += 1;
    }
}

#[track_caller]
const fn check_event((name, reads): (&str, &[&str]), carried: &Carried) {
    let text = ConstText::new().add("`").add(carried.event).add("` ");
    if carried.is_thin() {
        let text = text.add("is a thin event, which carries no object: use `Fresh<");
        let text = if reads.is_empty() { text.add("…") } else { text.add(name) };
        text.add(">`, which reads the object from Stripe, or `Notification`").panic();
    }
    if carried.is_listed && !reads.is_empty() && !shares_a_name(reads, carried.objects) {
        let text = text.add("carries `").join(carried.objects);
        text.add("`, and `").add(name).add("` reads `").join(reads).add("`").panic();
    }
}

#[track_caller]
const fn check_thin(carried: &Carried) {
    if !carried.is_thin() {
        let text = ConstText::new()
            .add("`")
            .add(carried.event)
            .add("` is a snapshot event, which carries its object");
        text.add(": use `Event<…>`; the types of thin events begin with `v1.` or `v2.`").panic();
    }
}

#[track_caller]
const fn check_data((name, reads): (&str, &[&str]), carried: &Carried) {
    check_thin(carried);
    check_feature("the data of a notification is");
    let text = ConstText::new().add("`").add(carried.event).add("` ");
    if carried.is_listed && !carried.has_data {
        text.add("has no data besides its object: use `Notification` alone").panic();
    }
    if !reads.is_empty() && !shares_a_name(reads, &[carried.event]) {
        text.add("has its own data, and `").add(name).add("` reads that of `").join(reads).add("`").panic();
    }
}

#[track_caller]
const fn check_fresh((name, reads): (&str, &[&str]), carried: &Carried) {
    check_feature("`Fresh` is");
    if !carried.is_listed {
        return;
    }
    let text = ConstText::new().add("`").add(carried.event).add("` ");
    if carried.objects.is_empty() {
        text.add("is not about an object that could be read: use `Notification`").panic();
    }
    if !reads.is_empty() && !shares_a_name(reads, carried.objects) {
        let text = text.add("is about `").join(carried.objects);
        text.add("`, and `").add(name).add("` reads `").join(reads).add("`").panic();
    }
    if !carried.is_readable(reads) {
        let text = text.add("is about `").join(carried.objects);
        text.add("`, which no call of Stripe's API reads by its id: use `Event<…>`").panic();
    }
}

/// Checks that the program can read from Stripe's API.
#[track_caller]
const fn check_feature(what: &str) {
    if !cfg!(feature = "stripe-api") {
        let text =
            ConstText::new().add(what).add(" read from Stripe's API: enable the feature `stripe-api` of ");
        text.add("`webhook-server`, and in a library that of `webhook-core`").panic();
    }
}
