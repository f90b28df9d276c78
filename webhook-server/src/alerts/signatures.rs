//! Whether an endpoint's secret is another one's: requests are refused for their signatures, and none is accepted.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How many requests must be refused.
const ENOUGH: usize = 5;

/// Once an endpoint has accepted a signature: the time without another that is accepted, and the time in which the refusals
/// must come.
const WITHIN: Duration = Duration::from_secs(5 * 60);

/// What is known of each endpoint. A sender without the secret can cause an alert only where no right signature comes.
#[derive(Debug, Default)]
pub(super) struct Signatures(HashMap<Arc<str>, Seen>);

#[derive(Debug, Default)]
struct Seen {
    /// When one was accepted last.
    accepted: Option<SystemTime>,
    /// When the last ones were refused.
    refused: VecDeque<SystemTime>,
    /// How many were refused since the last alert.
    count: u64,
}

impl Signatures {
    /// Notes a right signature.
    pub(super) fn accepted(&mut self, endpoint: &Arc<str>, now: SystemTime) {
        let seen = self.seen(endpoint);
        *seen = Seen { accepted: Some(now), ..Seen::default() };
    }

    /// Notes a wrong one. Returns since when, and how many, if there is an alert to give.
    pub(super) fn refused(&mut self, endpoint: &Arc<str>, now: SystemTime) -> Option<(SystemTime, u64)> {
        let seen = self.seen(endpoint);
        seen.refused.push_back(now);
        seen.count += 1;
        if seen.refused.len() > ENOUGH {
            seen.refused.pop_front();
        }
        let first = *seen.refused.front().filter(|_| seen.refused.len() == ENOUGH)?;
        let is_long_ago = |time| now.duration_since(time).is_ok_and(|ago| ago > WITHIN);
        let is_wrong = seen.accepted.is_none_or(|accepted| is_long_ago(accepted) && !is_long_ago(first));
        is_wrong.then(|| (if seen.count == 1 { now } else { first }, std::mem::take(&mut seen.count)))
    }

    fn seen(&mut self, endpoint: &Arc<str>) -> &mut Seen {
        self.0.entry(Arc::clone(endpoint)).or_default()
    }
}
