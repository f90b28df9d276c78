//! An application at work: recover, listen, work, drain.
//!
//! A server goes through these states:
//!
//! 1. *recovering* ([`Server::recover`]): the tasks of former processes are taken over. If the disk is full or the database
//!    is away, the server listens all the same, answers 503, and tries again every second.
//! 2. *working* ([`Server::run`]): requests are received, and the worker, retention and the operators' socket run
//!    beside them.
//! 3. *draining*, when the shutdown signal comes: the listener answers what it has accepted; then the worker waits for the
//!    runs in progress and cancels those that are left. Both share `drain-timeout`.
//! 4. *stopped*: the instance has left the store, unless a handler blocks its thread. Then the process must end first.

pub(crate) mod address;
#[cfg_attr(not(feature = "admin"), path = "server/no_admin.rs")]
mod admin;
mod background;
pub(crate) mod gauges;
mod noting;
#[cfg_attr(not(feature = "admin"), allow(dead_code, reason = "only the admin pages have a playground"))]
pub(crate) mod playground;
mod recovery;
pub(crate) mod signals;
#[cfg(feature = "cli")]
#[cfg_attr(not(target_os = "linux"), path = "server/no_systemd.rs")]
pub(crate) mod systemd;
pub(crate) mod thread;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tracing::info;
use webhook_core::Registry;

use self::gauges::{KnownBacklog, report_commits};
use self::noting::Noting;
#[cfg(feature = "admin")]
use crate::admin::Token;
use crate::alerts::{Alerting, Alerts};
use crate::endpoint::Endpoints;
use crate::future::BoxFuture;
use crate::phase::{Phase, Stage};
use crate::receive::listener::{Listener, listen};
use crate::receive::record::Recorder;
use crate::receive::tls::Tls;
use crate::receive::{Intake, Receiver, WallClock};
use crate::reload::{Reload, Reloadable};
use crate::report::Report;
use crate::report::metrics::Metrics;
use crate::run::attempt::Runner;
use crate::run::inline::Inline;
use crate::run::worker::Worker;
use crate::settings::Settings;
use crate::store::{Store, StoreError};

/// An application at work.
#[derive(Debug)]
pub(crate) struct Server {
    /// What it was built from; a restart under test builds another server from a copy.
    pub(crate) parts: Parts,
    pub(crate) receiver: Arc<Receiver>,
    /// `None` without an inbox.
    pub(crate) inbox: Option<InboxParts>,
    /// What was last read of the inbox for metrics.
    backlog: Arc<KnownBacklog>,
    /// Asks for the secrets to be read again.
    pub(crate) reload: Arc<Reload>,
    phase: Arc<Phase>,
}

/// What a server is built from.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) registry: Arc<Registry>,
    pub(crate) runner: Runner,
    pub(crate) endpoints: Endpoints,
    pub(crate) settings: Settings,
    pub(crate) report: Report,
    /// One of the report's sinks.
    #[cfg_attr(not(feature = "admin"), allow(dead_code, reason = "only the admin pages show it"))]
    pub(crate) metrics: Arc<Metrics>,
    /// One of the report's sinks, if anyone is told.
    pub(crate) alerts: Option<Arc<Alerts>>,
    /// The certificate of the listener, if it has one.
    pub(crate) tls: Option<Arc<Tls>>,
    /// What the admin pages ask for.
    #[cfg(feature = "admin")]
    pub(crate) token: Option<Arc<Token>>,
    /// What signatures' timestamps are compared with.
    pub(crate) now: WallClock,
}

/// The parts of a server that an inbox needs.
#[derive(Clone, Debug)]
pub(crate) struct InboxParts {
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) worker: Arc<Worker>,
}

/// How a server stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stopped {
    /// Whether all requests in progress were answered.
    pub(crate) all_answered: bool,
    /// Whether all runs have ended. If not, a handler blocks its thread.
    pub(crate) all_ended: bool,
    /// Whether all calls of the application's hook for alerts have ended. If not, it blocks its thread.
    pub(crate) hook_ended: bool,
}

impl Stopped {
    /// Whether the application's code blocks a thread, so that the process does not end by itself.
    #[cfg(feature = "cli")]
    pub(crate) fn is_blocked(&self) -> bool {
        !self.all_ended || !self.hook_ended
    }
}

impl Server {
    /// Builds a server. Without a store, handlers run before the answer.
    pub(crate) fn new(parts: Parts, store: Option<Arc<dyn Store>>) -> Self {
        let Parts { registry, runner, endpoints, settings, report, now, .. } = parts.clone();
        let (intake, inbox) = match store {
            Some(store) => {
                report_commits(&*store, &report);
                let worker = Worker::new(store, registry, runner, report.clone(), settings.concurrency);
                let worker = Arc::new(worker);
                let recorder = Arc::new(Recorder::new(Arc::clone(&worker)));
                (Intake::Inbox(Arc::clone(&recorder)), Some(InboxParts { recorder, worker }))
            }
            None => (Intake::Inline(Inline::new(registry, runner, settings.accept_undecodable)), None),
        };
        let limits = (settings.body_limit, settings.body_timeout);
        let receiver = Arc::new(Receiver::new(endpoints, intake, report, now, limits));
        let (backlog, reload, phase) = Default::default();
        Self { parts, receiver, inbox, backlog, reload, phase }
    }

    /// Recovers the tasks of former processes, before anything is received. If the inbox's disk is full or its database is
    /// away, returns `false`: nothing is accepted until a later call succeeds.
    ///
    /// # Errors
    ///
    /// Fails if the inbox cannot be used.
    pub(crate) async fn recover(&self) -> Result<bool, StoreError> {
        let Some(inbox) = &self.inbox else { return Ok(true) };
        match inbox.worker.recover().await {
            Ok(recovered) => {
                self.report_recovered(inbox, &recovered).await;
                let _ = Noting::of(self, Arc::clone(&inbox.worker.store)).note(false).await;
                Ok(true)
            }
            Err(error) if error.may_pass() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Receives requests until `shutdown` is ready, then drains: answers the requests in progress and waits for the runs
    /// in progress, for at most `drain-timeout` in all. Runs that have not ended then are cancelled, and their tasks are
    /// returned without counting the attempt.
    ///
    /// `is_recovered` is what [`recover`](Self::recover) returned; if it is `false`, that is tried again until it succeeds.
    ///
    /// # Errors
    ///
    /// Fails if a later recovery fails.
    pub(crate) async fn run(
        &self,
        listener: Listener,
        is_recovered: bool,
        shutdown: BoxFuture<'static, ()>,
    ) -> Result<Stopped, StoreError> {
        let stopping_since = OnceLock::new();
        let shutdown = async {
            shutdown.await;
            self.phase.enter(Stage::Draining);
            info!("stopping: no new connections, finishing what is in progress");
            let _ = stopping_since.set(Instant::now());
        };
        let drain_timeout = self.parts.settings.drain_timeout;
        let (receiver, report) = (Arc::clone(&self.receiver), self.parts.report.clone());
        let listening = async {
            let tls = self.parts.tls.clone();
            let all_answered = listen(listener, tls, receiver, report, shutdown, drain_timeout).await;
            let spent = stopping_since.get().map_or(Duration::ZERO, Instant::elapsed);
            (all_answered, drain_timeout.saturating_sub(spent))
        };
        self.work(is_recovered, Box::pin(listening)).await
    }

    /// Works on what arrives through the application's own server until `shutdown` is ready, then drains as
    /// [`run`](Self::run) does. Nothing may be received after that. `shutdown` returns since when the server is to stop;
    /// `None` if nothing waits for it to end, so that nothing in progress is waited for.
    ///
    /// # Errors
    ///
    /// Fails if a later recovery fails.
    pub(crate) async fn run_mounted(
        &self,
        is_recovered: bool,
        shutdown: impl Future<Output = Option<Instant>> + Send,
    ) -> Result<Stopped, StoreError> {
        let receiving = async {
            let since = shutdown.await;
            self.phase.enter(Stage::Draining);
            info!("stopping: no new requests, finishing what is in progress");
            let limit = since.map_or(Duration::ZERO, |since| {
                self.parts.settings.drain_timeout.saturating_sub(since.elapsed())
            });
            let answering_since = Instant::now();
            let answered = tokio::time::timeout(limit, self.receiver.in_flight.none()).await;
            (answered.is_ok(), limit.saturating_sub(answering_since.elapsed()))
        };
        self.work(is_recovered, Box::pin(receiving)).await
    }

    /// Works in the background until nothing is received any more, then drains. `receiving` returns whether all requests
    /// were answered, and how long runs in progress may still take.
    async fn work(
        &self,
        is_recovered: bool,
        receiving: BoxFuture<'_, (bool, Duration)>,
    ) -> Result<Stopped, StoreError> {
        let alerts = self.parts.alerts.clone();
        let alerting = alerts.map(|alerts| Alerting::start(alerts, self.parts.report.clone()));
        let stopped = self.work_and_drain(is_recovered, receiving).await;
        let hook_ended = match alerting {
            Some(alerting) => alerting.finish().await,
            None => true,
        };
        Ok(Stopped { hook_ended, ..stopped? })
    }

    async fn work_and_drain(
        &self,
        is_recovered: bool,
        receiving: BoxFuture<'_, (bool, Duration)>,
    ) -> Result<Stopped, StoreError> {
        if is_recovered {
            self.start_background_work();
        }
        let (all_answered, limit) = tokio::select! {
            received = receiving => received,
            error = self.keep_trying_to_recover(is_recovered) => return Err(error),
            () = self.summarise() => unreachable!("it never ends"),
            () = self.watch_backlog() => unreachable!("it never ends"),
            () = self.reload.watch(self.reloadables(), &self.parts.report) => unreachable!("it never ends"),
        };
        let all_ended = match &self.inbox {
            Some(inbox) => {
                let all_ended = inbox.worker.drain(limit).await;
                if all_ended {
                    inbox.worker.leave().await;
                }
                all_ended
            }
            None => all_answered,
        };
        self.parts.report.summarise();
        Ok(Stopped { all_answered, all_ended, hook_ended: true })
    }

    /// What is read from files again while the server works.
    fn reloadables(&self) -> Vec<Arc<dyn Reloadable>> {
        let secrets = self.parts.endpoints.iter().map(|endpoint| Arc::clone(&endpoint.secrets) as _);
        secrets.chain(self.parts.tls.clone().map(|tls| tls as _)).collect()
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}
