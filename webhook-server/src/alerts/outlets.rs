//! Where alerts go: to the application's hook, and to a URL.

use std::fmt;
use std::time::Duration;

use hyper::Uri;
use hyper::header::HeaderMap;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tracing::debug;

use super::alert::Alert;
use super::hook::Hook;
use super::message::Sender;
use super::url::AlertUrl;
use crate::http_client::{Limits, Server, Trust};
use crate::jitter::jittered;
use crate::report::format::chain;
use crate::run::in_flight::InFlight;

/// How long a post may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How long to wait before each further attempt to post.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(120)];

/// A hook, and the runtime that it is called on.
#[derive(Clone, Debug)]
pub(super) struct HookOutlet {
    pub(super) hook: Hook,
    /// `None` is that of the caller.
    pub(super) runtime: Option<Handle>,
    /// Counts the calls that have not ended: one that is cancelled goes on while it blocks its thread.
    pub(super) in_flight: InFlight,
}

impl HookOutlet {
    /// Calls the hook for each alert.
    pub(super) async fn tell(&self, alerts: &[Alert]) -> Result<(), String> {
        let runtime = self.runtime.clone().unwrap_or_else(Handle::current);
        self.hook.tell(alerts, &runtime, &self.in_flight).await
    }
}

/// A URL that alerts are posted to.
pub(super) struct UrlOutlet {
    to: Uri,
    /// What stands for it in messages.
    shown: String,
    sender: Sender,
}

impl UrlOutlet {
    /// `None` if it is not a URL, which the check of the settings has reported.
    pub(super) fn new(url: &AlertUrl) -> Option<Self> {
        Some(Self { to: url.uri()?, shown: url.shown(), sender: Sender::this() })
    }

    /// Posts alerts, and tries it again for a few minutes. When the server stops, it is tried once more.
    pub(super) async fn tell(
        &self,
        alerts: &[Alert],
        stopping: &mut watch::Receiver<bool>,
    ) -> Result<(), String> {
        let mut pauses = PAUSES.iter();
        loop {
            let Err(problem) = self.post(alerts).await else { return Ok(()) };
            let Some(pause) = pauses.next().filter(|_| !*stopping.borrow()) else { return Err(problem) };
            debug!(problem, "alerts are not posted yet");
            tokio::select! {
                () = tokio::time::sleep(jittered(*pause)) => {}
                _ = stopping.wait_for(|is_stopping| *is_stopping) => {}
            }
        }
    }

    async fn post(&self, alerts: &[Alert]) -> Result<(), String> {
        let (body, shown) = (self.sender.body(alerts), &*self.shown);
        // Those that the system trusts may be others in the meantime.
        let trust = Trust::of_system();
        let server = Server { url: &self.to, shown, trust: &trust };
        // The status says enough.
        let limits = Limits { timeout: TIMEOUT, answer: 0 };
        let answer = server.post(HeaderMap::new(), body, limits).await;
        let status = answer.map_err(|error| chain(&error))?.status();
        match status {
            _ if status.is_success() => Ok(()),
            _ if status.is_redirection() => {
                Err(format!("{shown} answered {}, and a redirect is not followed", status.as_u16()))
            }
            _ => Err(format!("{shown} answered {}", status.as_u16())),
        }
    }
}

/// Shows what messages show.
impl fmt::Debug for UrlOutlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UrlOutlet").field(&self.shown).finish()
    }
}
