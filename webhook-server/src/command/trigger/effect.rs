//! What happens to an event at the server, as far as this program knows: which of its handlers run. The answer is 200 even
//! if none runs.

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use hyper::StatusCode;
use serde::Serialize;
use webhook_core::{
    Envelope, Registration, Registry, Secret, SignatureHeader, Subscription, Tolerance, sign, verify,
};

use super::target::Target;
use crate::endpoint::{Endpoint, Mode};
use crate::receive::reply;

/// Which handlers run on an event, and what else is said about it.
#[derive(Debug, Default, Serialize)]
pub(super) struct Effect {
    handlers: Vec<&'static str>,
    /// Why none runs, or which handlers run at another endpoint only.
    note: Option<String>,
    /// Why the body is not an event that handlers take.
    #[serde(skip)]
    pub(super) mistake: Option<String>,
    /// Whether the body is a file's, so that no flag changes its mode, and the inbox may have its event already.
    #[serde(skip)]
    is_recorded: bool,
}

/// Parses the event of a body as the server does, which verifies it first.
pub(super) fn parsed(body: Bytes, secrets: &[Secret], now: u64) -> Result<Envelope, String> {
    let signature = sign(secrets, now, &body);
    let header = SignatureHeader::parse(signature.as_bytes()).map_err(|error| error.to_string())?;
    let at = UNIX_EPOCH + Duration::from_secs(now);
    let verified =
        verify(secrets, &header, body, at, Tolerance::default()).map_err(|error| error.to_string())?;
    Envelope::parse(&verified).map_err(|error| error.to_string())
}

/// The note about an answer of another program.
pub(super) const NOT_OURS: &str =
    "the answer does not come from webhook-server: is another program or a proxy at this address?";

impl Effect {
    /// Finds the handlers that run on an event.
    pub(super) fn of(
        event: &Result<Envelope, String>,
        target: &Target,
        registry: &Registry,
        is_recorded: bool,
    ) -> Self {
        let Envelope { event_type, livemode, .. } = match event {
            Ok(envelope) => envelope,
            Err(mistake) => {
                let nothing = Self::nothing(format!("the body is not a snapshot event: {mistake}"));
                return Self { mistake: Some(mistake.clone()), ..nothing };
            }
        };
        let endpoint = target.endpoint();
        let change = |there: &Endpoint| mode_change(there, *livemode, is_recorded);
        let here = registry.handlers_at(event_type, [endpoint.name()]);
        if let (Some(change), false) = (change(endpoint), here.is_empty()) {
            let (name, accepted) = (endpoint.name(), accepted(endpoint));
            return Self::nothing(format!(
                "endpoint `{name}` takes {accepted} events only. To run {}, {change}",
                ids(&here)
            ));
        }
        // Those that take the type elsewhere, by endpoint.
        let others = target.endpoints.iter().filter(|other| other.path() != endpoint.path());
        let elsewhere = others.filter_map(|other| {
            let mut found = registry.handlers_at(event_type, [other.name()]);
            found.retain(|handler| !here.iter().any(|run| run.id == handler.id));
            // A handler for the rest is of interest only where nothing runs.
            found
                .retain(|handler| here.is_empty() || registry.names(event_type) && !is_for_the_rest(handler));
            let mut steps = vec![format!("use {}", target.flag_for(other))];
            steps.extend(change(other).map(str::to_owned));
            let (name, handlers) = (other.name(), ids(&found));
            (!found.is_empty()).then(|| format!("Endpoint `{name}` runs {handlers}: {}", steps.join(" and ")))
        });
        let elsewhere: Vec<String> = elsewhere.collect();
        match (here.is_empty(), elsewhere.is_empty()) {
            (true, true) => Self::nothing(format!("this program has no handler for {event_type}")),
            (true, false) => Self::nothing(format!(
                "none takes {event_type} at `{}`. {}",
                endpoint.name(),
                elsewhere.join(". ")
            )),
            (false, _) => Self {
                handlers: here.iter().map(|handler| handler.id).collect(),
                note: (!elsewhere.is_empty()).then(|| elsewhere.join(". ")),
                mistake: None,
                is_recorded,
            },
        }
    }

    /// The same after the server's answer: nothing runs after a refusal, and nothing is known of another kind of server.
    pub(super) fn after(mut self, status: StatusCode, answer: &str, registry: &Registry) -> Self {
        // A handler that replies chooses the answer's body.
        let replies = |id: &&str| registry.get(id).is_some_and(|handler| handler.policy.replies);
        if !status.is_success() {
            (self.handlers, self.note) = (Vec::new(), None);
        } else if !reply::is_own(answer.as_bytes()) && !self.handlers.iter().any(replies) {
            self.handlers = Vec::new();
            self.note = Some(NOT_OURS.to_owned());
        }
        self
    }

    fn nothing(reason: String) -> Self {
        Self { note: Some(format!("no handler runs: {reason}")), ..Self::default() }
    }

    /// The lines beneath an answer.
    pub(super) fn lines(&self, target: &Target) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.handlers.is_empty() {
            let at = match &*target.endpoints {
                [_] => String::new(),
                _ => format!(" at endpoint `{}`", target.endpoint().name()),
            };
            let unless = if self.is_recorded { ", unless the inbox has this event already" } else { "" };
            lines.push(format!("runs {}{at}{unless}", self.handlers.join(", ")));
        }
        lines.extend(self.note.clone());
        lines
    }
}

/// What to do so that an endpoint accepts the event; `None` if it does.
fn mode_change(endpoint: &Endpoint, livemode: bool, is_recorded: bool) -> Option<&'static str> {
    let accepts = endpoint.mode().value.accepts(livemode);
    let change = match (is_recorded, livemode) {
        (true, false) => "set `livemode` to true in the file",
        (true, true) => "set `livemode` to false in the file",
        (false, false) => "add --livemode",
        (false, true) => "leave out --livemode",
    };
    (!accepts).then_some(change)
}

/// Whose events an endpoint accepts, in words.
fn accepted(endpoint: &Endpoint) -> &'static str {
    match endpoint.mode().value {
        Mode::Any => "all",
        Mode::Live => "live",
        Mode::Test => "test",
    }
}

fn ids(handlers: &[&Registration]) -> String {
    handlers.iter().map(|handler| handler.id).collect::<Vec<_>>().join(", ")
}

fn is_for_the_rest(handler: &Registration) -> bool {
    handler.takes == Subscription::Unhandled
}
