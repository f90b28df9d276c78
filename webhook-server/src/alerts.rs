//! Alerts: what needs a person, told to the application's hook and to a URL.
//!
//! [`Alerts`] is a sink: `facts` says which facts need a person, and `groups` counts them by what they have in common, in a
//! bounded number of groups. `rhythm` says when they are told: the first of a kind at once, what follows in digests. `work`
//! gives them to the outlets, beside everything else: nothing waits for an outlet, but the end of the server for two seconds.
//!
//! There is nothing of this in a server that has neither a hook nor a URL.

mod alert;
mod facts;
mod groups;
mod hook;
mod lasting;
mod message;
mod outlets;
mod refusals;
mod rhythm;
mod signatures;
#[cfg(test)]
mod tests;
mod url;
mod work;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::Instant;

pub use self::alert::{Alert, AlertKind};
use self::groups::Groups;
pub(crate) use self::hook::Hook;
use self::lasting::Lasting;
use self::outlets::{HookOutlet, UrlOutlet};
use self::refusals::Refusals;
use self::rhythm::Rhythm;
use self::signatures::Signatures;
pub use self::url::AlertUrl;
pub(crate) use self::work::Alerting;
use crate::receive::WallClock;
use crate::run::in_flight::InFlight;
use crate::settings::Settings;

/// What needs a person, and who is told.
pub(crate) struct Alerts {
    now: WallClock,
    /// How long a task may be late, and the inbox away.
    pub(crate) after: Duration,
    /// The URL of the dashboard, for links.
    admin_url: Option<String>,
    collected: Mutex<Collected>,
    /// Notified when there may be something to tell.
    noted: Notify,
    hook: Option<HookOutlet>,
    url: Option<UrlOutlet>,
}

/// What is known so far.
#[derive(Debug, Default)]
struct Collected {
    groups: Groups,
    rhythm: Rhythm,
    signatures: Signatures,
    refusals: Refusals,
    behind: Lasting,
    away: Lasting,
}

impl Alerts {
    /// Alerts for a hook, which is called on `runtime`, or on the caller's if there is none; and for the URL that the
    /// settings name, if it `is_posted_to`. `None` if there is neither.
    pub(crate) fn of(
        (hook, runtime): (Option<Hook>, Option<Handle>),
        settings: &Settings,
        is_posted_to: bool,
        now: WallClock,
    ) -> Option<Arc<Self>> {
        let url = settings.alert_url.as_ref().filter(|_| is_posted_to).and_then(UrlOutlet::new);
        let hook = hook.map(|hook| HookOutlet { hook, runtime, in_flight: InFlight::default() });
        let is_needed = hook.is_some() || url.is_some();
        let (after, admin_url) = (settings.alert_after, settings.admin_url.clone());
        let (collected, noted) = Default::default();
        is_needed.then(|| Arc::new(Self { now, after, admin_url, collected, noted, hook, url }))
    }

    /// Calls the hook with everything that waits, at once.
    pub(crate) async fn tell_hook(&self) {
        let alerts = self.take_all();
        if let Some(hook) = &self.hook
            && let Err(problem) = hook.tell(&alerts).await
        {
            tracing::error!(problem, "alerts were not delivered");
        }
    }

    /// Counts what happened.
    fn add(&self, alert: Alert) {
        if self.collected().groups.add(alert) {
            self.noted.notify_one();
        }
    }

    /// Takes everything that waits if it is time to tell it. Returns when to look again, too.
    fn take_due(&self, now: Instant) -> (Vec<Alert>, Option<Instant>) {
        let mut collected = self.collected();
        let Collected { groups, rhythm, .. } = &mut *collected;
        let kinds = groups.kinds();
        let mut due = Vec::new();
        if rhythm.is_due(&kinds, now) {
            rhythm.told(&kinds, now);
            due = groups.take();
        }
        let next = rhythm.next();
        drop(collected);
        (self.linked(due), next)
    }

    /// Takes everything that waits.
    fn take_all(&self) -> Vec<Alert> {
        let alerts = self.collected().groups.take();
        self.linked(alerts)
    }

    fn linked(&self, mut alerts: Vec<Alert>) -> Vec<Alert> {
        if let Some(url) = &self.admin_url {
            alerts.iter_mut().for_each(|alert| alert.link(url));
        }
        alerts
    }

    fn collected(&self) -> MutexGuard<'_, Collected> {
        self.collected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Alerts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alerts").field("hook", &self.hook).field("url", &self.url).finish_non_exhaustive()
    }
}
