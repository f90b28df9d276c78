//! A way in for the fuzz target of the HTTP front (`tests/fuzz`). Only builds with `--cfg fuzzing` have it.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use webhook_core::{HandlerFuture, Invocation, Policy, Registration, Registry, Secret, States, Subscription};

use super::WallClock;
use super::http1::Http;
use crate::endpoint::{Endpoint, Endpoints};
use crate::report::Report;
use crate::report::log::Log;
use crate::report::metrics::Metrics;
use crate::run::attempt::Runner;
use crate::run::hand_over::HandlerRuntime;
use crate::run::in_flight::InFlight;
use crate::run::test_handlers::registration;
use crate::secrets::SigningSecrets;
use crate::server::{Parts, Server};
use crate::settings::Settings;

/// The HTTP front of a server with one endpoint, which runs the handlers before the answer.
#[derive(Debug)]
pub struct Front(Server);

/// Makes a handler of every event.
pub const fn handler(id: &'static str, run: fn(Invocation) -> HandlerFuture) -> Registration {
    registration(id, Subscription::Unhandled, Policy::DEFAULT, run)
}

impl Front {
    /// Makes a front with an endpoint at `/webhook`, whose clock stands still at `now`, in seconds since the Unix epoch.
    /// `body_limit` is in bytes.
    pub fn new(handlers: &'static [Registration], secret: Secret, now: u64, body_limit: u64) -> Self {
        let settings = Settings { body_limit, ..Settings::default() };
        let secrets = SigningSecrets::only(secret, "fuzzing");
        let endpoints = Endpoints::of_a_test(vec![Endpoint::at("/webhook")], secrets);
        let (states, timeout) = (Arc::new(States::default()), settings.handler_timeout);
        let now: WallClock = Arc::new(move || UNIX_EPOCH + Duration::from_secs(now));
        let parts = Parts {
            registry: Arc::new(Registry::new(handlers)),
            runner: Runner {
                states,
                timeout,
                unknown_version: settings.unknown_version,
                reader: None,
                runtime: HandlerRuntime::default(),
            },
            endpoints,
            settings,
            report: Report::to(Log::default()),
            metrics: Arc::new(Metrics::new(Arc::clone(&now))),
            alerts: None,
            tls: None,
            now,
        };
        Self(Server::new(parts, None))
    }

    /// Serves one connection until it ends, as the listener does.
    pub async fn serve(&self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let receiver = Arc::clone(&self.0.receiver);
        let Some(connection) = receiver.connections.admit(None) else { return };
        let (_stop, stopping) = watch::channel(false);
        let http = Http::new(receiver, connection, stopping, InFlight::default().one(), None);
        http.serve(stream, Duration::from_secs(1)).await;
    }

    /// Returns the number of open connections.
    pub fn open(&self) -> usize {
        self.0.receiver.connections.open()
    }
}
