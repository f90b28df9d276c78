//! One alert: what happened, how often, and to what.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Serialize, Serializer};

use crate::operate::wire::Named;
use crate::report::format::{parked_because, printable};
use crate::store::ParkReason;

/// The most event ids that an alert names.
const MOST_IDS: usize = 10;

/// Something that needs a person, with everything of the same kind since the last alerts: see
/// [`App::on_alert`](crate::App::on_alert).
///
/// An alert holds no secret and nothing of an event but its id, its type and its API version. [`error`](Self::error) is an
/// error's message without its numbers, ids, e-mail addresses and quoted texts; its other words are the handler's own.
///
/// `Display` writes one sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Alert {
    /// What happened.
    pub kind: AlertKind,
    /// Whether it has ended. Only [`Behind`](AlertKind::Behind) and [`InboxAway`](AlertKind::InboxAway) are told again when
    /// they have.
    pub is_over: bool,
    /// Whether this stands for all others of its kind: the first of a kind are told apart, and then there are too many.
    pub is_rest: bool,
    /// How often it happened since the last alerts.
    pub count: u64,
    /// When it happened first.
    #[serde(serialize_with = "rfc3339")]
    pub first: SystemTime,
    /// When it happened last.
    #[serde(serialize_with = "rfc3339")]
    pub last: SystemTime,
    /// How long it has lasted, if it is something that lasts.
    #[serde(rename = "lasting_seconds", serialize_with = "seconds", skip_serializing_if = "Option::is_none")]
    pub lasting: Option<Duration>,
    /// The handler, by its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handler: Option<String>,
    /// The endpoint, by its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The type of the events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// The version of Stripe's API in which the events were made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// Why tasks were parked, in a word, as in `inbox list --why`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What messages have in common, without what could be a customer's data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The ids of the first events, ten at most.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub event_ids: Vec<String>,
    /// The page of the dashboard that shows it, if the setting `admin-url` is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AlertKind {
    /// Tasks were parked: they wait for a person.
    Parked,
    /// Events do not fit their handler's type; in an inbox, their tasks were parked.
    Undecodable,
    /// Verified bodies were put in quarantine.
    Quarantined,
    /// Verified events were refused because the inbox cannot store them, such as on a full disk. Stripe sends them again. What
    /// may pass by itself is told when it lasts for longer than `alert-after`.
    NotStored,
    /// Handlers block their thread and cannot be cancelled.
    Blocked,
    /// A task has been due for longer than `alert-after`.
    Behind,
    /// The inbox could not be read for longer than `alert-after`.
    InboxAway,
    /// All requests to an endpoint have a wrong signature: its secret is probably another one's.
    WrongSignatures,
    /// Secrets or a certificate were not reloaded from their files.
    NotReloaded,
}

impl AlertKind {
    /// Returns the name in the JSON, such as `parked` or `wrong-signatures`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Parked => "parked",
            Self::Undecodable => "undecodable",
            Self::Quarantined => "quarantined",
            Self::NotStored => "not-stored",
            Self::Blocked => "blocked",
            Self::Behind => "behind",
            Self::InboxAway => "inbox-away",
            Self::WrongSignatures => "wrong-signatures",
            Self::NotReloaded => "not-reloaded",
        }
    }

    /// The page of the dashboard that shows more.
    fn page(self) -> &'static str {
        match self {
            Self::Parked | Self::Undecodable => "/parked",
            Self::Quarantined => "/quarantine",
            Self::Blocked => "/handlers",
            Self::NotStored | Self::Behind | Self::InboxAway => "/",
            Self::WrongSignatures | Self::NotReloaded => "/endpoints",
        }
    }
}

impl Serialize for AlertKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl Alert {
    /// Something that happened `count` times now.
    pub(super) fn new(kind: AlertKind, count: u64, now: SystemTime) -> Self {
        Self {
            kind,
            is_over: false,
            is_rest: false,
            count,
            first: now,
            last: now,
            lasting: None,
            handler: None,
            endpoint: None,
            event_type: None,
            api_version: None,
            reason: None,
            error: None,
            event_ids: Vec::new(),
            url: None,
        }
    }

    /// The same, without what tells it apart from others of its kind.
    pub(super) fn into_rest(self) -> Self {
        let Self { first, last, event_ids, .. } = self;
        Self { first, last, event_ids, is_rest: true, ..Self::new(self.kind, self.count, last) }
    }

    /// Whether both are about the same.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let kinds = |alert: &Self| (alert.kind, alert.is_over, alert.is_rest);
        kinds(self) == kinds(other) && self.texts() == other.texts()
    }

    /// What tells it apart from others of its kind.
    fn texts(&self) -> [Option<&str>; 6] {
        let Self { handler, endpoint, event_type, api_version, reason, error, .. } = self;
        [handler, endpoint, event_type, api_version, reason, error].map(|text| text.as_deref())
    }

    /// Counts a later one that is about the same.
    pub(super) fn merge(&mut self, later: Self) {
        self.count += later.count;
        self.last = self.last.max(later.last);
        self.lasting = later.lasting.or(self.lasting);
        for id in later.event_ids {
            if self.event_ids.len() < MOST_IDS && !self.event_ids.contains(&id) {
                self.event_ids.push(id);
            }
        }
    }

    /// Links to the dashboard.
    pub(super) fn link(&mut self, admin_url: &str) {
        self.url = Some(format!("{}{}", admin_url.trim_end_matches('/'), self.kind.page()));
    }

    /// The sentence, without its details.
    fn sentence(&self) -> String {
        let (count, more) = (self.count, if self.is_rest { " more" } else { "" });
        let of = |one: &'static str, many: &'static str| if count == 1 { one } else { many };
        let named = |before: &str, name: &Option<String>| {
            name.as_deref().map(|name| format!("{before}{name}")).unwrap_or_default()
        };
        let (handler, at) = (named(" of handler ", &self.handler), named(" at endpoint ", &self.endpoint));
        let seconds = Duration::from_secs(self.lasting.map_or(0, |lasting| lasting.as_secs()));
        let for_long = humantime::format_duration(seconds);
        match self.kind {
            AlertKind::Parked => {
                format!("{count}{more} {}{handler} {} parked", of("task", "tasks"), of("was", "were"))
            }
            AlertKind::Undecodable => {
                let (event_type, version) =
                    (named(" of type ", &self.event_type), named(" in API version ", &self.api_version));
                let (events, do_not) = (of("event", "events"), of("does not", "do not"));
                format!("{count}{more} {events}{event_type}{version} {do_not} fit the type{handler}")
            }
            AlertKind::Quarantined => {
                let bodies = of("verified body was", "verified bodies were");
                format!("{count}{more} {bodies} put in quarantine{at}")
            }
            AlertKind::NotStored => {
                format!("{count}{more} {}{at} could not be stored", of("delivery", "deliveries"))
            }
            AlertKind::Blocked => {
                let block = of("blocks its thread", "block their threads");
                format!("{count}{more} {}{handler} {block} and cannot be cancelled", of("run", "runs"))
            }
            AlertKind::Behind if self.is_over => "tasks run on time again".to_owned(),
            AlertKind::Behind => format!("tasks are late: the oldest has been due for {for_long}"),
            AlertKind::InboxAway if self.is_over => "the inbox can be read again".to_owned(),
            AlertKind::InboxAway => format!("the inbox could not be read for {for_long}"),
            AlertKind::WrongSignatures => format!(
                "{count}{more} {}{at} {} refused, because the signature does not match, and none was accepted: does \
                 Stripe have another secret for it?",
                of("request", "requests"),
                of("was", "were")
            ),
            AlertKind::NotReloaded => {
                format!("changed files were not reloaded{}", named(" for endpoint ", &self.endpoint))
            }
        }
    }
}

/// One sentence, in which no text can steer a terminal or mention somebody in a chat.
impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = self.reason.as_deref().filter(|_| self.kind == AlertKind::Parked);
        let reason = reason.and_then(ParkReason::named).map(parked_because);
        let details: Vec<&str> = reason.into_iter().chain(self.error.as_deref()).collect();
        let colon = if details.is_empty() { "" } else { ": " };
        let text = format!("{}{colon}{}", self.sentence(), details.join(": "));
        f.write_str(&printable(&text).replace('<', "‹").replace('>', "›").replace('@', "＠"))
    }
}

fn rfc3339<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_rfc3339_seconds(*time))
}

fn seconds<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(|duration| duration.as_secs()).serialize(serializer)
}
