//! The application's own function for alerts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::alert::Alert;
use crate::app::App;
use crate::future::BoxFuture;
use crate::run::in_flight::{InFlight, InFlightGuard};
use crate::run::panics::PanicLocation;

/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The function that an application gives to [`App::on_alert`].
#[derive(Clone)]
pub(crate) struct Hook(Arc<dyn Fn(Alert) -> BoxFuture<'static, ()> + Send + Sync>);

impl App {
    /// Calls a function when something needs a person: a task was parked, a body is in quarantine, tasks are late, a secret
    /// is another endpoint's. It is called for each kind of thing ([`AlertKind`](crate::AlertKind)): a program that cares
    /// about some of them looks at the kind, and gets those that later versions add without having to ask for them.
    ///
    /// What happens often is counted. The first of a kind is told at once, what follows after a minute, then after two, four
    /// and at last ten minutes, until it is quiet for that long. Ten thousand tasks that are parked at once are two calls, if
    /// they are of one handler and for one reason. So a call can send a message to a person. The setting `alert-url` posts the
    /// same alerts to a URL: see `docs/alerts.md`.
    ///
    /// ```no_run
    /// # use webhook_server::{Alert, App};
    /// # async fn page_somebody(text: String) {}
    /// let app = App::new().on_alert(|alert: Alert| async move {
    ///     page_somebody(alert.to_string()).await;
    /// });
    /// ```
    ///
    /// The function is called on the application's runtime, like a handler, for one alert after another. A call that panics,
    /// or takes longer than ten seconds, is logged as an error, and its alert is not told again. It should not block its thread:
    /// it could not be cancelled. A shutdown calls the function
    /// with what waits, and waits for two seconds at most. Under test ([`TestApp`](crate::testing::TestApp)), it is called
    /// at once, before a delivery returns.
    ///
    /// There is one such function: a second call of this method replaces it.
    #[must_use]
    pub fn on_alert<Call>(mut self, hook: impl Fn(Alert) -> Call + Send + Sync + 'static) -> Self
    where
        Call: Future<Output = ()> + Send + 'static,
    {
        self.alert_hook = Some(Hook(Arc::new(move |alert| Box::pin(hook(alert)))));
        self
    }
}

impl Hook {
    /// Calls the function for some alerts, one after another. Fails if a call does; then the first problem is returned.
    ///
    /// Cancel safety: the call in progress is cancelled.
    pub(super) async fn tell(
        &self,
        alerts: &[Alert],
        runtime: &Handle,
        in_flight: &InFlight,
    ) -> Result<(), String> {
        let mut told = Ok(());
        for alert in alerts {
            let called = self.call(alert.clone(), runtime, in_flight.one()).await;
            told = told.and(called);
        }
        told
    }

    /// Calls the function. Its own part that is not asynchronous is called on the runtime, too.
    async fn call(&self, alert: Alert, runtime: &Handle, in_flight: InFlightGuard) -> Result<(), String> {
        let (hook, location) = (self.clone(), PanicLocation::default());
        // What is left in the set is cancelled when it is dropped.
        let mut calls = JoinSet::new();
        let call = async move {
            let _in_flight = in_flight;
            (hook.0)(alert).await;
        };
        calls.spawn_on(location.clone().watch(call), runtime);
        match timeout(TIMEOUT, calls.join_next()).await {
            Ok(Some(Err(error))) if error.is_panic() => {
                Err(format!("the hook panicked at {}", location.get().unwrap_or("a place that is not known")))
            }
            Ok(Some(Err(_))) => Err("the application's runtime has ended".to_owned()),
            Ok(_) => Ok(()),
            Err(_) => Err(format!("the hook did not return within {} s", TIMEOUT.as_secs())),
        }
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hook").finish_non_exhaustive()
    }
}
