//! What there is at one moment: in the server, and in its inbox.
//!
//! Counting a large backlog takes a while, so all who ask within a second get one answer; if it takes long, within longer.

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests;

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, interval_at};

use super::Server;
use crate::receive::Receiver;
use crate::report::format::chain;
use crate::report::metrics::{Gauges, InboxGauges};
use crate::report::{Fact, Report};
use crate::store::{Backlog, Store};

/// How often sinks are asked for their summary, and the application's recorder of metrics is told what there is.
const SUMMARY: Duration = Duration::from_secs(60);

/// How long an answer counts at least, and how much longer than what it took.
const FRESH: Duration = Duration::from_secs(1);
const TIMES: u32 = 20;

/// How often the backlog is looked at for alerts, at least.
const OLDEST_LOOK: Duration = Duration::from_secs(30);

/// How long somebody who asks waits for the inbox. Prometheus gives up after ten seconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// What waits in the inbox, or why that is not known.
pub(crate) type ReadBacklog = Result<Backlog, String>;

/// The backlog as it was last read, and until when that counts.
#[derive(Debug, Default)]
pub(super) struct KnownBacklog(Mutex<Option<(Instant, ReadBacklog)>>);

impl KnownBacklog {
    /// Reads the backlog, unless it is known.
    async fn read(self: Arc<Self>, store: Arc<dyn Store>) -> ReadBacklog {
        let mut known = self.0.lock().await;
        let began = Instant::now();
        if let Some((until, backlog)) = &*known
            && began < *until
        {
            return backlog.clone();
        }
        let backlog = store.backlog().await.map_err(|error| chain(&error));
        *known = Some((Instant::now() + FRESH.max(began.elapsed() * TIMES), backlog.clone()));
        backlog
    }
}

/// What looks at a server and its inbox.
#[derive(Clone, Debug)]
pub(crate) struct Gauging {
    receiver: Arc<Receiver>,
    store: Option<Arc<dyn Store>>,
    backlog: Arc<KnownBacklog>,
}

impl Gauging {
    /// Looks at what there is.
    pub(crate) async fn gauges(&self) -> Gauges {
        let connections = &self.receiver.connections;
        let inbox = match &self.store {
            Some(store) => {
                Some(InboxGauges { arriving: store.arriving(), backlog: self.backlog_of(store).await.ok() })
            }
            None => None,
        };
        Gauges {
            connections: connections.open(),
            requests: self.receiver.in_flight.count(),
            body_memory: connections.common_memory(),
            inbox,
        }
    }

    /// Looks at what waits in the inbox: nothing, if there is none.
    pub(crate) async fn backlog(&self) -> ReadBacklog {
        match &self.store {
            Some(store) => self.backlog_of(store).await,
            None => Ok(Backlog::default()),
        }
    }

    async fn backlog_of(&self, store: &Arc<dyn Store>) -> ReadBacklog {
        // If it takes too long, it continues, so that the next caller may have the answer.
        let reading = tokio::spawn(Arc::clone(&self.backlog).read(Arc::clone(store)));
        match tokio::time::timeout(PATIENCE, reading).await {
            Ok(read) => read.unwrap_or_else(|error| Err(error.to_string())),
            Err(_) => Err(format!("the inbox was not read within {} s", PATIENCE.as_secs())),
        }
    }
}

impl Server {
    /// What looks at this server.
    pub(crate) fn gauging(&self) -> Gauging {
        Gauging {
            receiver: Arc::clone(&self.receiver),
            store: self.inbox.as_ref().map(|inbox| Arc::clone(&inbox.worker.store)),
            backlog: Arc::clone(&self.backlog),
        }
    }

    /// Asks the sinks for their summaries, every minute, and passes on what there is. Never returns.
    pub(super) async fn summarise(&self) {
        let gauging = self.gauging();
        let mut minutes = interval_at(Instant::now() + SUMMARY, SUMMARY);
        loop {
            minutes.tick().await;
            self.parts.report.summarise();
            gauging.gauges().await.pass_on();
        }
    }
}

impl Server {
    /// Looks from time to time whether tasks are late, if anyone is told. Never returns.
    pub(super) async fn watch_backlog(&self) {
        let (Some(alerts), Some(_)) = (&self.parts.alerts, &self.inbox) else { return pending().await };
        let gauging = self.gauging();
        let pause = (alerts.after / 4).min(OLDEST_LOOK);
        loop {
            tokio::time::sleep(pause).await;
            alerts.note_backlog(gauging.backlog().await.ok().as_ref());
        }
    }
}

/// Has each commit of a store reported.
pub(super) fn report_commits(store: &dyn Store, report: &Report) {
    let report = report.clone();
    store.watch_commits(Box::new(move |commit| report.note(&Fact::Committed(commit))));
}
