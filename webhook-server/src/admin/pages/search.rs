//! What a person types into the search box, as a filter.
//!
//! A word says by its form what it is: `evt_…` an event, `cus_…` a customer, `acct_…` an account, another id an object;
//! `charge.dispute.*` a type, `shop::paid` a handler, `parked` a state. `name:value` says it in full.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::text::visible;
use crate::operate::wire::Named;
use crate::store::{Filter, ParkReason, State};

/// A search: what it means, and what of it means nothing.
#[derive(Debug, Default)]
pub(super) struct Search {
    pub(super) filter: Filter,
    /// A sentence for each word that could not be used, as a page shows it.
    pub(super) hints: Vec<String>,
}

impl Search {
    pub(super) fn of(text: &str, now: SystemTime) -> Self {
        let mut search = Self::default();
        for word in text.split_whitespace() {
            if let Err(hint) = search.add(word, now) {
                search.hints.push(visible(&hint));
            }
        }
        search
    }

    /// Whether it is about tasks, and not only about events.
    pub(super) fn is_of_tasks(&self) -> bool {
        let Filter { handler, state, why, .. } = &self.filter;
        handler.is_some() || state.is_some() || why.is_some()
    }

    fn add(&mut self, word: &str, now: SystemTime) -> Result<(), String> {
        let filter = &mut self.filter;
        // A handler's id contains `::`.
        let named = word.split_once(':').filter(|(_, value)| !value.starts_with(':'));
        match named {
            Some(("event", value)) => filter.event_ids.push(value.to_owned()),
            Some(("type", value)) => filter.event_type = Some(value.to_owned()),
            Some(("object", value)) => filter.object_id = Some(value.to_owned()),
            Some(("customer", value)) => filter.customer = Some(value.to_owned()),
            Some(("account", value)) => filter.account = Some(value.to_owned()),
            Some(("handler", value)) => filter.handler = Some(value.to_owned()),
            Some(("state", value)) => filter.state = Some(named_or_hint::<State>(value)?),
            Some(("why", value)) => filter.why = Some(named_or_hint::<ParkReason>(value)?),
            Some(("since", value)) => filter.since = Some(since(value, now)?),
            _ => return self.guess(word),
        }
        Ok(())
    }

    fn guess(&mut self, word: &str) -> Result<(), String> {
        let filter = &mut self.filter;
        let of = |prefix: &str| word.starts_with(prefix);
        if let Some(state) = State::named(word) {
            filter.state = Some(state);
        } else if word.contains("::") {
            filter.handler = Some(word.to_owned());
        } else if of("evt_") {
            filter.event_ids.push(word.to_owned());
        } else if of("cus_") {
            filter.customer = Some(word.to_owned());
        } else if of("acct_") {
            filter.account = Some(word.to_owned());
        } else if word.contains('.') {
            filter.event_type = Some(word.to_owned());
        } else if word.contains('_') {
            filter.object_id = Some(word.to_owned());
        } else {
            return Err(format!(
                "“{word}” is not an id, a type, a handler or a state. Say what it is: event:, object:, customer:, account:, \
                 type:, handler:, state:, why: or since:."
            ));
        }
        Ok(())
    }
}

fn named_or_hint<T: Named>(value: &str) -> Result<T, String> {
    T::named(value).ok_or_else(|| {
        let all: Vec<&str> = T::ALL.iter().map(|value| value.name()).collect();
        format!("“{value}” is not {}. There are: {}.", T::WHAT, all.join(", "))
    })
}

/// The time from which `since:` counts, in milliseconds since the Unix epoch.
fn since(value: &str, now: SystemTime) -> Result<i64, String> {
    let ago = humantime::parse_duration(value)
        .map_err(|_| format!("“since:{value}” has no duration, such as since:90m or since:2d."))?;
    let since = now.checked_sub(ago).and_then(|since| since.duration_since(UNIX_EPOCH).ok());
    Ok(i64::try_from(since.unwrap_or(Duration::ZERO).as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_says_what_it_is() {
        let now = UNIX_EPOCH + Duration::from_secs(10_000);
        let search = Search::of(
            "evt_1 in_2 acct_3 cus_4 charge.dispute.* shop::orders::paid parked why:exhausted since:1h",
            now,
        );
        assert_eq!(search.hints, [""; 0]);
        assert!(search.is_of_tasks());
        let Filter {
            event_ids, event_type, object_id, customer, account, handler, state, why, since, ..
        } = search.filter;
        assert_eq!(event_ids, ["evt_1"]);
        assert_eq!(event_type.as_deref(), Some("charge.dispute.*"));
        assert_eq!(object_id.as_deref(), Some("in_2"));
        assert_eq!(customer.as_deref(), Some("cus_4"));
        assert_eq!(account.as_deref(), Some("acct_3"));
        assert_eq!(handler.as_deref(), Some("shop::orders::paid"));
        assert_eq!((state, why), (Some(State::Parked), Some(ParkReason::Exhausted)));
        assert_eq!(since, Some(6_400_000));
    }

    #[test]
    fn what_means_nothing_is_said() {
        for (word, hint) in [
            ("hello", "“hello” is not an id"),
            ("state:lost", "“lost” is not a state. There are: ready, "),
            ("why:because", "“because” is not a reason. There are: asked, "),
            ("since:yesterday", "“since:yesterday” has no duration"),
        ] {
            let search = Search::of(word, UNIX_EPOCH);
            assert!(search.hints.len() == 1 && search.hints[0].starts_with(hint), "{:?}", search.hints);
            assert!(!search.is_of_tasks());
        }
    }
}
