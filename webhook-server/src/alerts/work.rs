//! Telling alerts: when it is time, to each outlet, until the server stops.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::error;

use super::Alerts;
use super::alert::Alert;
use crate::report::{Fact, Report};

/// How many bundles may wait for an outlet.
const WAITING: usize = 4;

/// How long the end of a server waits for the last alerts.
const LAST: Duration = Duration::from_millis(1_500);

/// How long it then waits for a call of the hook that is cancelled.
const CANCELLED: Duration = Duration::from_millis(500);

/// What the outlets are told together.
type Bundle = Arc<[Alert]>;

/// The alerts of a server at work.
#[derive(Debug)]
pub(crate) struct Alerting {
    alerts: Arc<Alerts>,
    stopping: watch::Sender<bool>,
    work: JoinHandle<()>,
}

impl Alerting {
    /// Tells alerts until [`finish`](Self::finish) is called, and reports what became of them.
    pub(crate) fn start(alerts: Arc<Alerts>, report: Report) -> Self {
        let (stopping, is_stopping) = watch::channel(false);
        let working = Arc::clone(&alerts);
        let work = tokio::spawn(async move { working.work(&report, is_stopping).await });
        Self { alerts, stopping, work }
    }

    /// Tells what waits, and waits for that for a short time only. Returns `false` if the hook blocks its thread.
    pub(crate) async fn finish(mut self) -> bool {
        self.stopping.send_replace(true);
        if timeout(LAST, &mut self.work).await.is_err() {
            self.work.abort();
            error!("the server stopped before its last alerts were delivered");
        }
        let Some(hook) = &self.alerts.hook else { return true };
        timeout(CANCELLED, hook.in_flight.none()).await.is_ok()
    }
}

impl Alerts {
    async fn work(&self, report: &Report, stopping: watch::Receiver<bool>) {
        let (mut to, mut hooks, mut posts) = (Vec::new(), None, None);
        for (name, queue, is_there) in
            [("hook", &mut hooks, self.hook.is_some()), ("url", &mut posts, self.url.is_some())]
        {
            if is_there {
                let (sender, receiver) = mpsc::channel(WAITING);
                to.push((name, sender));
                *queue = Some(receiver);
            }
        }
        let posting = self.post(posts, report, stopping.clone());
        tokio::join!(self.bundle(to, report, stopping), self.call(hooks, report), posting);
    }

    /// Gives the outlets what is to be told, whenever it is time, and all that is left when the server stops.
    async fn bundle(
        &self,
        to: Vec<(&'static str, mpsc::Sender<Bundle>)>,
        report: &Report,
        mut stopping: watch::Receiver<bool>,
    ) {
        let tell = |alerts: Vec<Alert>| {
            let bundle: Bundle = alerts.into();
            for (name, outlet) in to.iter().filter(|_| !bundle.is_empty()) {
                if outlet.try_send(Arc::clone(&bundle)).is_err() {
                    let error = "earlier ones are still being delivered";
                    report.note(&Fact::Alerted { to: name, alerts: bundle.len(), error: Some(error) });
                }
            }
        };
        loop {
            let (due, next) = self.take_due(Instant::now());
            tell(due);
            let until_next = async {
                match next {
                    Some(next) => sleep_until(next).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.noted.notified() => {}
                () = until_next => {}
                _ = stopping.wait_for(|is_stopping| *is_stopping) => break,
            }
        }
        tell(self.take_all());
    }

    /// Calls the hook with each bundle.
    async fn call(&self, bundles: Option<mpsc::Receiver<Bundle>>, report: &Report) {
        let (Some(hook), Some(mut bundles)) = (&self.hook, bundles) else { return };
        while let Some(bundle) = bundles.recv().await {
            let told = hook.tell(&bundle).await;
            report.note(&Fact::Alerted { to: "hook", alerts: bundle.len(), error: told.err().as_deref() });
        }
    }

    /// Posts each bundle.
    async fn post(
        &self,
        bundles: Option<mpsc::Receiver<Bundle>>,
        report: &Report,
        mut stopping: watch::Receiver<bool>,
    ) {
        let (Some(url), Some(mut bundles)) = (&self.url, bundles) else { return };
        while let Some(bundle) = bundles.recv().await {
            let told = url.tell(&bundle, &mut stopping).await;
            report.note(&Fact::Alerted { to: "url", alerts: bundle.len(), error: told.err().as_deref() });
        }
    }
}
