//! Where single events differ from the type of the object that they carry. `deviations.txt` lists them.

use std::borrow::Cow;
use std::sync::LazyLock;

use crate::{Catalog, EventType, Object};

/// A field that an event sends differently than its object's type says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deviation {
    /// The event type.
    pub event: &'static str,
    /// Whether the field always has a value in this event. Otherwise the event never has the field.
    pub is_sent: bool,
    /// The field, at the top of the object.
    pub field: &'static str,
    /// The source.
    pub source: &'static str,
}

static DEVIATIONS: LazyLock<Vec<Deviation>> = LazyLock::new(|| parse(include_str!("deviations.txt")));

/// Returns where single events differ from the type of their object.
pub fn deviations() -> &'static [Deviation] {
    &DEVIATIONS
}

impl EventType {
    /// Returns the fields of the object's type that this event's object lacks.
    pub fn lacks(&self) -> impl Iterator<Item = &'static str> {
        self.deviations().filter(|deviation| !deviation.is_sent).map(|deviation| deviation.field)
    }

    /// Finds an object of the enabled API versions by name, with the fields that it has in this event.
    pub fn object(&self, name: &str) -> Option<Cow<'static, Object>> {
        Catalog::enabled().object_of(self, name)
    }

    fn deviations(&self) -> impl Iterator<Item = &'static Deviation> {
        let name = self.name;
        DEVIATIONS.iter().filter(move |deviation| deviation.event == name)
    }
}

impl Catalog {
    /// Finds an object by name, with the fields that it has in an event.
    pub fn object_of(&'static self, event: &EventType, name: &str) -> Option<Cow<'static, Object>> {
        let object = self.object(name)?;
        if !event.objects.contains(&name) || event.deviations().next().is_none() {
            return Some(Cow::Borrowed(object));
        }
        let mut here = object.clone();
        for deviation in event.deviations() {
            let of_it = |field: &str| field == deviation.field;
            if deviation.is_sent {
                for field in here.fields.iter_mut().filter(|field| of_it(field.name)) {
                    (field.optional, field.nullable) = (false, false);
                }
            } else {
                here.fields.retain(|field| !of_it(field.name));
            }
        }
        Some(Cow::Owned(here))
    }
}

fn parse(text: &'static str) -> Vec<Deviation> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| match line.split(' ').collect::<Vec<_>>()[..] {
            [event, verb @ ("lacks" | "sends"), field, source] => {
                Deviation { event, is_sent: verb == "sends", field, source }
            }
            _ => unreachable!("deviations.txt contains a line that is not a deviation: {line}"),
        })
        .collect()
}
