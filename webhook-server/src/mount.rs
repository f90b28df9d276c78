//! An application mounted in another server, such as an axum or hyper application.
//!
//! [`App::start`](crate::App::start) opens the inbox and starts the worker on the server's own thread. Requests come from
//! the application's own server through [`WebhookService`]; they are received on that thread, too, so only accepting
//! connections and reading bytes is left to the application's runtime.
//!
//! All handles share a [`Mount`]. It holds the receiver until the server is to stop: a request that finds it there is
//! counted before anything can wait for the requests in progress. When the last handle is dropped, the server stops
//! without waiting for anything.

#[cfg(feature = "admin")]
mod admin;
mod error;
mod request;
mod service;
mod start;
#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests;

use std::fmt;
use std::sync::{Arc, Once};
#[cfg(feature = "cli")]
use std::time::Duration;
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tracing::{info, warn};

#[cfg(feature = "admin")]
pub use self::admin::AdminService;
#[cfg(feature = "cli")]
pub(crate) use self::error::Reason;
pub use self::error::{ShutdownError, StartError};
pub use self::service::WebhookService;
#[cfg(feature = "admin")]
use crate::admin::Subject;
use crate::receive::Receiver;
use crate::reload::Reload;
use crate::report::Report;
use crate::run::in_flight::InFlightGuard;
use crate::server::signals::shutdown_signal;
use crate::server::{Server, Stopped, thread};
use crate::store::StoreError;

/// A started application: it stores events that arrive through its [`service`](Self::service), and runs the handlers.
///
/// ```no_run
/// # async fn application() -> Result<(), Box<dyn std::error::Error>> {
/// use axum::Router;
/// use tokio::net::TcpListener;
/// use webhook_server::App;
///
/// let webhooks = App::new().start().await?;
/// let router = Router::new().route_service("/webhook", webhooks.service());
/// let listener = TcpListener::bind("127.0.0.1:3000").await?;
/// axum::serve(listener, router).with_graceful_shutdown(webhooks.stopping()).await?;
/// webhooks.shutdown().await?;
/// # Ok(())
/// # }
/// ```
///
/// Clones are handles of the same application. It works until [`shutdown`](Self::shutdown) is called, or until the last
/// handle and the last service are dropped. Dropping them waits for nothing: runs in progress are cancelled, and run
/// again at the next start. No acknowledged event is lost, not even if the process is killed.
#[derive(Clone)]
#[must_use = "the application stops when its last handle is dropped"]
pub struct Webhooks {
    mount: Arc<Mount>,
}

/// What all handles of an application share.
struct Mount {
    state: watch::Sender<State>,
    /// The runtime on which requests are received.
    runtime: Handle,
    /// How the server ended, once it has. If the sender is gone without that, the server panicked.
    ended: watch::Receiver<Option<Ended>>,
    report: Report,
    reload: Arc<Reload>,
    signals: Once,
}

/// How far an application is in its life.
struct State {
    /// `None` once nothing may be received any more.
    receiver: Option<Arc<Receiver>>,
    /// What the admin pages show; `None` once nothing may be received any more, since it holds the inbox open.
    #[cfg(feature = "admin")]
    subject: Option<Subject>,
    /// When the application was asked to stop.
    asked_at: Option<Instant>,
}

/// How a server ended.
type Ended = Result<Stopped, StoreError>;

impl Webhooks {
    /// Returns the service that receives events, for a router or a server. Call it as often as you need one.
    pub fn service(&self) -> WebhookService {
        WebhookService::new(Arc::clone(&self.mount))
    }

    /// Returns a future that is ready when the application is to stop: at SIGTERM or Ctrl-C, when
    /// [`shutdown`](Self::shutdown) is called, or if the inbox fails for good. Until `shutdown`, events are still
    /// received.
    ///
    /// The first call installs a handler for these signals, which replaces the system's default for the rest of the
    /// process: from then on only this future tells of the first signal. The second one ends the process at once, with
    /// code 1; nothing that is stored is lost.
    ///
    /// Cancel safety: the future may be dropped and made anew.
    pub fn stopping(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.mount.signals.call_once(|| match shutdown_signal(None) {
            Ok(signal) => self.ask_at(signal),
            Err(error) => warn!(%error, "cannot wait for signals: only `shutdown` stops this application"),
        });
        let (mut state, mut ended) = (self.mount.state.subscribe(), self.mount.ended.clone());
        async move {
            tokio::select! {
                _ = state.wait_for(|state| state.asked_at.is_some()) => {}
                _ = ended.wait_for(Option::is_some) => {}
            }
        }
    }

    /// Reads all secret files again at once, as `serve` does at SIGHUP. Without this call, a file that changed is read
    /// within two seconds.
    ///
    /// Does not wait. The log says what changed, by the names of the secrets, or why a file is not valid; then its old
    /// secrets stay in use.
    pub fn reload_secrets(&self) {
        self.mount.reload.ask();
    }

    /// Stops the application: answers the requests in progress, starts no more runs, and waits for the runs in progress.
    ///
    /// All of this takes `drain-timeout` at most, counted from the signal if there was one. Runs that have not ended then
    /// are cancelled, and their tasks are returned without counting the attempt. From this call on, the service answers 503.
    /// Call it when your server has stopped. Further calls wait for the same end.
    ///
    /// # Errors
    ///
    /// Fails if requests were not answered, or if a handler blocks its thread so that it cannot be cancelled. Then the
    /// process must end first: until it does, the inbox stays locked.
    ///
    /// Cancel safety: the application stops all the same.
    pub async fn shutdown(&self) -> Result<(), ShutdownError> {
        ShutdownError::or_ok(self.end().await)
    }

    /// Starts a server that was built.
    ///
    /// # Errors
    ///
    /// Fails if the inbox cannot be used, or if the system cannot start a thread.
    pub(crate) async fn of(server: Server) -> Result<Self, StartError> {
        let failed = |what, error: &(dyn std::error::Error + 'static)| StartError::failed(what, error);
        let is_recovered = server.recover().await.map_err(|error| failed("no inbox", &error))?;
        let (report, reload) = (server.parts.report.clone(), Arc::clone(&server.reload));
        info!(
            endpoints = server.parts.endpoints.iter().count(),
            handlers = server.parts.registry.registrations().len(),
            api_version = webhook_core::catalog::enabled_names(),
            "ready for events"
        );
        let receiver = Some(Arc::clone(&server.receiver));
        let (state, states) = watch::channel(State {
            receiver,
            #[cfg(feature = "admin")]
            subject: Some(server.subject()),
            asked_at: None,
        });
        let (end, ended) = watch::channel(None);
        let runtime = thread::start(serve(server, is_recovered, states), move |result| {
            end.send_replace(Some(result));
        });
        let runtime =
            runtime.map_err(|error| failed("cannot start the thread that receives events", &error))?;
        let signals = Once::new();
        Ok(Self { mount: Arc::new(Mount { state, runtime, ended, report, reload, signals }) })
    }

    /// Runs a future on the server's own thread, until the server ends.
    #[cfg(feature = "cli")]
    pub(crate) fn beside(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.mount.runtime.spawn(future);
    }

    /// Takes a signal of the process that was waited for before the start.
    #[cfg(feature = "cli")]
    pub(crate) fn stop_at(&self, signal: impl Future<Output = ()> + Send + 'static) {
        self.mount.signals.call_once(|| self.ask_at(signal));
    }

    /// Waits until the application was asked to stop, and for `limit` from then on. The time is kept on the server's own
    /// runtime: handlers may block all threads of the caller's.
    #[cfg(feature = "cli")]
    pub(crate) async fn overdue(&self, limit: Duration) {
        let stopping = self.stopping();
        let waiting = self.mount.runtime.spawn(async move {
            stopping.await;
            tokio::time::sleep(limit).await;
        });
        if waiting.await.is_err() {
            // The server has ended, and its runtime with it.
            tokio::time::sleep(limit).await;
        }
    }

    /// Asks the application to stop when `signal` is ready.
    fn ask_at(&self, signal: impl Future<Output = ()> + Send + 'static) {
        let mount = Arc::downgrade(&self.mount);
        self.mount.runtime.spawn(async move {
            signal.await;
            mount.upgrade().iter().for_each(|mount| mount.ask());
        });
    }

    /// Stops the application as [`shutdown`](Self::shutdown) does. `None` if it panicked.
    pub(crate) async fn end(&self) -> Option<Ended> {
        self.mount.ask();
        self.mount.close();
        let mut ended = self.mount.ended.clone();
        ended.wait_for(Option::is_some).await.ok()?.clone()
    }
}

impl Mount {
    /// Notes that the application is to stop.
    fn ask(&self) {
        self.state.send_if_modified(|state| {
            let is_first = state.asked_at.is_none();
            state.asked_at.get_or_insert_with(Instant::now);
            is_first
        });
    }

    /// Lets no more requests in.
    fn close(&self) {
        let mut receiver = None;
        self.state.send_modify(|state| {
            receiver = state.receiver.take();
            #[cfg(feature = "admin")]
            drop(state.subject.take());
        });
    }

    /// Lets a request in, which is counted until the guard is dropped. `None` once nothing may be received.
    fn enter(&self) -> Option<(Arc<Receiver>, InFlightGuard)> {
        let state = self.state.borrow();
        let receiver = state.receiver.as_ref()?;
        Some((Arc::clone(receiver), receiver.in_flight.one()))
    }
}

/// Works until nothing may be received any more, or until no handle is left.
async fn serve(server: Server, is_recovered: bool, mut states: watch::Receiver<State>) -> Ended {
    let shutdown = async {
        // An error means that no handle is left.
        states.wait_for(|state| state.receiver.is_none()).await.ok().and_then(|state| state.asked_at)
    };
    let ended = server.run_mounted(is_recovered, shutdown).await;
    if let (Ok(Stopped { all_ended: false, .. }), Some(inbox)) = (&ended, &server.inbox) {
        // A handler still runs, and must not be run by another server at the same time: the inbox stays locked.
        std::mem::forget(Arc::clone(&inbox.worker.store));
    }
    ended
}

impl fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhooks")
            .field("is_stopping", &self.mount.state.borrow().asked_at.is_some())
            .finish()
    }
}
