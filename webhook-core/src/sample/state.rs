//! The states of samples, which `states.txt` lists.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::SampleError;
use super::make::Maker;
use super::previous::Former;
use super::put::Given;

/// The state of an object.
#[derive(Debug, Default)]
pub(super) struct State {
    /// The fields, by path.
    pub(super) values: Vec<Line>,
    /// Fields that only earlier API versions have.
    older: Vec<Line>,
    /// The former values.
    pub(super) former: Vec<Line>,
    /// Whether the event happens on a connected account.
    pub(super) connected: bool,
}

/// A path and a value, as they were written.
#[derive(Debug)]
pub(super) struct Line {
    path: &'static str,
    value: &'static str,
}

struct States {
    states: Vec<State>,
    /// The state of each object and event type.
    of: HashMap<(Kind, &'static str), usize>,
}

#[derive(Clone, Copy, Eq, Hash, PartialEq)]
enum Kind {
    Event,
    Object,
}

static STATES: LazyLock<States> = LazyLock::new(|| parse(include_str!("states.txt")));

/// The state of every object of this type.
pub(super) fn of_object(name: &str) -> Option<&'static State> {
    STATES.of.get(&(Kind::Object, name)).map(|at| &STATES.states[*at])
}

/// What an event's type says about its object.
pub(super) fn of_event(event_type: &str) -> Option<&'static State> {
    STATES.of.get(&(Kind::Event, event_type)).map(|at| &STATES.states[*at])
}

fn parse(text: &'static str) -> States {
    let mut states = States { states: Vec::new(), of: HashMap::new() };
    for line in text.lines().filter(|line| !line.is_empty() && !line.trim_start().starts_with('#')) {
        if let Some(line) = line.strip_prefix("  ") {
            let Some(state) = states.states.last_mut() else {
                unreachable!("states.txt has a line that belongs to nothing: {line}");
            };
            state.read(line);
            continue;
        }
        let (kind, names) = match line.split_once(' ') {
            Some(("object", names)) => (Kind::Object, names),
            Some(("event", names)) => (Kind::Event, names),
            _ => unreachable!("states.txt has a line that is neither an object nor an event: {line}"),
        };
        for name in names.split(' ') {
            let former = states.of.insert((kind, name), states.states.len());
            debug_assert!(former.is_none(), "states.txt has {name} twice");
        }
        states.states.push(State::default());
    }
    states
}

impl State {
    /// What the line of a field contains.
    pub(super) fn line(&self, path: &str) -> Option<&'static str> {
        self.values.iter().find(|line| line.path == path).map(|line| line.value)
    }

    /// Reads a line: `path = value`, `was path = value`, `older path = value`, or `connected`.
    pub(super) fn read(&mut self, line: &'static str) {
        if line == "connected" {
            self.connected = true;
            return;
        }
        let (lines, line) = match (line.strip_prefix("was "), line.strip_prefix("older ")) {
            (Some(line), _) => (&mut self.former, line),
            (_, Some(line)) => (&mut self.older, line),
            _ => (&mut self.values, line),
        };
        let Some((path, value)) = line.split_once(" = ") else {
            unreachable!("a state is a path, ` = ` and a value: {line}");
        };
        lines.push(Line { path, value });
    }
}

impl Maker {
    /// Puts an object into a state.
    pub(super) fn apply(self, state: &State, name: &'static str, object: &mut Value) {
        // If a story knows how old the object is, the type does not decide it.
        let told = |line: &&Line| self.age.is_none() || line.path != "created";
        for line in state.values.iter().filter(told) {
            let value = self.given(line.value, object);
            if let Err(error) = self.put_state(name, line.path, &value, object) {
                unreachable!("a state of {name} does not fit the catalog: {error}");
            }
        }
        for line in state.older.iter().filter(|_| self.is_older()) {
            _ = self.setting(name, line.path, &self.given(line.value, object)).put(object);
        }
    }

    /// Sets a field. The states are those of the newest version: in an older one, the field may be where it was then, or
    /// missing, or unable to hold the value.
    fn put_state(
        self,
        name: &'static str,
        path: &str,
        value: &Given,
        object: &mut Value,
    ) -> Result<(), SampleError> {
        let setting = |path| self.setting(name, path, value);
        if !self.is_older() {
            return setting(path).put_into(object);
        }
        if setting(path).put(object).is_err()
            && let Some(before) = self.catalog.before(name, path)
        {
            _ = setting(before).put(object);
        }
        Ok(())
    }

    /// The former values of a state.
    pub(super) fn former(self, state: &State, name: &'static str, object: &Value) -> Value {
        let mut former = json!({});
        for line in &state.former {
            let (path, value) = (line.path.to_owned(), self.given(line.value, object));
            let put = (Former { maker: self, object: name, path, value }).put(&mut former);
            if let Some(error) = put.err().filter(|_| !self.is_older()) {
                unreachable!("a former state of {name} does not fit the catalog: {error}");
            }
        }
        former
    }

    /// The value of a line: `{customer}` is the customer's id, `@-30d` is thirty days before the event.
    fn given(self, written: &str, object: &Value) -> Given {
        if let Some(time) = written.strip_prefix('@') {
            let (since, distance) = match time.strip_prefix("born") {
                Some(distance) => (object["created"].as_i64().unwrap_or(self.created), distance),
                None => (self.created, time),
            };
            return Given::Json(since.saturating_add(seconds(distance)).into());
        }
        let mut text = String::new();
        let mut rest = written;
        while let Some((before, after)) = rest.split_once('{') {
            let end =
                after.find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || "_./".contains(c)));
            text.push_str(before);
            match end.filter(|end| *end > 0 && after[*end..].starts_with('}')) {
                Some(end) => {
                    text.push_str(&self.id(&after[..end]));
                    rest = &after[end + 1..];
                }
                None => {
                    text.push('{');
                    rest = after;
                }
            }
        }
        text.push_str(rest);
        Given::Text(text)
    }
}

/// Reads a time difference in seconds: `now`, or for example `+30d`, `-2s`, `+1h`, `-5m`.
pub(super) fn seconds(text: &str) -> i64 {
    if matches!(text, "" | "now") {
        return 0;
    }
    let (number, unit) = text.split_at_checked(text.len() - 1).unwrap_or_default();
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => unreachable!("a time is `now`, or for example `+30d`: {text}"),
    };
    let Ok(number) = number.parse::<i64>() else { unreachable!("a time has a number: {text}") };
    number * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_of_something_that_stripe_has() {
        for (kind, name) in STATES.of.keys() {
            match kind {
                Kind::Object => assert!(webhook_catalog::object(name).is_some(), "there is no object {name}"),
                Kind::Event => {
                    let known = webhook_catalog::find(name)
                        .filter(|known| known.kind == webhook_catalog::Kind::Snapshot);
                    assert!(known.is_some(), "there is no snapshot event type {name}");
                }
            }
        }
    }

    #[test]
    fn an_event_can_happen_at_any_time() {
        for created in [i64::MIN, i64::MAX] {
            for known in webhook_catalog::snapshot_types() {
                let sample = crate::Sample::new(known.name, 7).expect("it is a snapshot");
                let body: Value = serde_json::from_slice(&sample.body(created)).expect("it is JSON");
                assert_eq!(body["created"], created, "{}", known.name);
            }
        }
    }
}
