//! What the fake knows: accounts, what they have, and what was asked.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fault::Faults;
use crate::reply::Reply;

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Request {
    /// The method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The query, as it was sent.
    pub query: String,
    /// The headers, with their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body, as it was sent.
    pub body: String,
    /// The status of the answer; `None` if the connection was cut in its place.
    pub status: Option<u16>,
}

impl Request {
    /// A header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The parameters of the query.
    #[must_use]
    pub fn parameters(&self) -> Value {
        crate::form::parameters(&self.query)
    }

    /// The fields of the body: JSON in `/v2/`, otherwise a form.
    #[must_use]
    pub fn fields(&self) -> Value {
        if self.path.starts_with("/v2/") {
            return serde_json::from_str(&self.body).unwrap_or_default();
        }
        crate::form::parameters(&self.body)
    }

    /// The account that it is about. The last of a context is the innermost one.
    pub(crate) fn account(&self) -> String {
        let context = self.header("stripe-context").and_then(|context| context.rsplit('/').next());
        self.header("stripe-account").or(context).unwrap_or_default().to_owned()
    }
}

/// An event, and whether it was delivered to all endpoints.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) event: Value,
    pub(crate) is_delivered: bool,
}

impl Recorded {
    pub(crate) fn text(&self, field: &str) -> &str {
        self.event[field].as_str().unwrap_or_default()
    }
}

/// What an account has. All lists have the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// With their secrets, and with what Stripe does not show.
    pub(crate) endpoints: Vec<Value>,
    pub(crate) destinations: Vec<Value>,
    pub(crate) events: Vec<Recorded>,
    pub(crate) thin_events: Vec<Value>,
    /// By their paths.
    pub(crate) objects: BTreeMap<String, Value>,
}

/// A call that was made with an idempotency key, and its answer.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: String,
    pub(crate) reply: Reply,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    /// By their ids; the own account has the empty one.
    pub(crate) accounts: BTreeMap<String, Account>,
    /// By account and idempotency key.
    pub(crate) done: BTreeMap<(String, String), Done>,
    pub(crate) faults: Faults,
    pub(crate) requests: Vec<Request>,
    /// How many connections were made.
    pub(crate) connections: usize,
    /// The only key that is known; otherwise all of the right form are.
    pub(crate) key: Option<String>,
    /// What the key may do; otherwise everything.
    pub(crate) permissions: Option<BTreeSet<String>>,
    /// Seconds since the Unix epoch, if the clock stands still.
    pub(crate) now: Option<u64>,
    made: u64,
}

impl State {
    pub(crate) fn account(&mut self, id: &str) -> &mut Account {
        self.accounts.entry(id.to_owned()).or_default()
    }

    pub(crate) fn now(&self) -> u64 {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.now.unwrap_or(since_epoch.as_secs())
    }

    /// The time as texts of Stripe's `/v2/` have it.
    pub(crate) fn now_text(&self) -> String {
        let seconds = self.now();
        let (days, second) = (seconds / 86_400, seconds % 86_400);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let (year, month, day) = date(days);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.000Z")
    }

    /// The time as the header `Date` has it.
    pub(crate) fn date_header(&self) -> String {
        httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(self.now()))
    }

    /// An id that was not there before.
    pub(crate) fn id(&mut self, prefix: &str) -> String {
        self.made += 1;
        format!("{prefix}_1Fake{:010}", self.made)
    }

    /// A signing secret that was not there before.
    pub(crate) fn secret(&mut self) -> String {
        self.made += 1;
        format!("whsec_fake{:022}", self.made)
    }
}

/// The date of a day since the Unix epoch.
fn date(mut days: u64) -> (u64, u64, u64) {
    let is_leap = |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}
