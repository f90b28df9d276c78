//! Stories: events that belong together, in the order in which Stripe sends them. `stories.txt` lists them.

use std::collections::HashMap;
use std::sync::LazyLock;

use webhook_catalog::{Version, find, newest};

use super::state::{self, State, seconds};
use super::{Sample, SampleError};

/// Events that belong together: a checkout and its payment, a subscription's life, a dispute.
///
/// They name the same customer, payment and invoice. Each has the state of its moment, and they are in an order in which
/// Stripe has been seen to send them. (Stripe promises no order; a test may deliver them in another.)
///
/// ```
/// use webhook_core::Story;
///
/// let story = Story::named("dispute-lost").unwrap();
/// let types: Vec<_> = story.events(7).iter().map(|event| event.event_type()).collect();
/// assert_eq!(types.last(), Some(&"charge.dispute.closed"));
/// ```
#[derive(Debug)]
pub struct Story {
    name: &'static str,
    about: &'static str,
    told: Vec<Told>,
}

/// One event of a story.
#[derive(Debug)]
pub(super) struct Told {
    event_type: &'static str,
    /// Seconds since the story began.
    at: i64,
    /// Seconds before the story's end.
    pub(super) ago: i64,
    /// The age of its object in seconds, if an earlier event created it.
    pub(super) age: Option<i64>,
    /// The number of events of its type before it.
    pub(super) ordinal: usize,
    pub(super) state: State,
}

static STORIES: LazyLock<Vec<Story>> = LazyLock::new(|| parse(include_str!("stories.txt")));

impl Story {
    /// Returns all stories.
    pub fn all() -> &'static [Self] {
        &STORIES
    }

    /// Finds a story by its name.
    ///
    /// # Errors
    ///
    /// Fails if there is none. The error names all stories.
    pub fn named(name: &str) -> Result<&'static Self, SampleError> {
        STORIES.iter().find(|story| story.name == name).ok_or_else(|| SampleError::UnknownStory {
            name: name.to_owned(),
            known: STORIES.iter().map(|story| story.name).collect(),
        })
    }

    /// Returns its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns a short description.
    pub fn about(&self) -> &'static str {
        self.about
    }

    /// Returns the types of its events, in order.
    pub fn event_types(&self) -> impl Iterator<Item = &'static str> {
        self.told.iter().map(|told| told.event_type)
    }

    /// Makes its events, in the newest enabled API version. The ids are derived from the seed, as in a [`Sample`]. The last
    /// event happens when it is delivered, the others earlier, as the story says.
    pub fn events(&'static self, seed: u64) -> Vec<Sample> {
        self.events_in(newest(), seed)
    }

    /// Makes its events in an API version, without those that the version lacks. None if the version is not enabled.
    pub fn events_in(&'static self, version: Version, seed: u64) -> Vec<Sample> {
        let made = |told: &'static Told| Sample::in_version(version, told.event_type, seed).ok();
        let told = self.told.iter().filter_map(|told| Some(Sample { told: Some(told), ..made(told)? }));
        told.collect()
    }
}

/// Reads `story NAME: ABOUT`, below it `EVENT_TYPE [+TIME]` for each event, and below that the event's state.
fn parse(text: &'static str) -> Vec<Story> {
    let mut stories: Vec<Story> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.trim_start().starts_with('#')) {
        if let Some((name, about)) = line.strip_prefix("story ").and_then(|line| line.split_once(": ")) {
            stories.push(Story { name, about, told: Vec::new() });
            continue;
        }
        let Some(story) = stories.last_mut() else { unreachable!("stories.txt begins with: {line}") };
        if let Some(state) = line.strip_prefix("    ") {
            let Some(told) = story.told.last_mut() else { unreachable!("a state before any event: {line}") };
            told.state.read(state);
            continue;
        }
        let (name, later) = line.trim_start().split_once(' ').unwrap_or((line.trim_start(), "now"));
        let at = story.told.last().map_or(0, |told| told.at) + seconds(later);
        let ordinal = story.told.iter().filter(|told| told.event_type == name).count();
        story.told.push(Told { event_type: name, at, ago: 0, age: None, ordinal, state: State::default() });
    }
    stories.iter_mut().for_each(Story::reckon);
    stories
}

impl Story {
    /// Computes when each event happens, and the age of its object at that time.
    fn reckon(&mut self) {
        let end = self.told.last().map_or(0, |told| told.at);
        // An object is identified by its type, and by its id if that is not the usual one.
        let mut births = HashMap::new();
        for told in &mut self.told {
            told.ago = end - told.at;
            let object = (object_of(told.event_type), told.state.line("id"));
            match births.get(&object) {
                Some(birth) => told.age = Some(told.at - birth),
                None => {
                    let usual = state::of_event(told.event_type).and_then(|state| state.line("created"));
                    let created = told.state.line("created").or(usual);
                    let since = created.map_or(0, |created| seconds(created.trim_start_matches('@')));
                    births.insert(object, told.at + since);
                }
            }
        }
    }
}

/// The type of the object that an event is about.
fn object_of(event_type: &'static str) -> &'static str {
    find(event_type).and_then(|known| known.objects.first().copied()).unwrap_or(event_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_of_a_story_is_one_of_stripes() {
        for told in STORIES.iter().flat_map(|story| &story.told) {
            assert!(find(told.event_type).is_some(), "there is no event type {}", told.event_type);
        }
    }
}
