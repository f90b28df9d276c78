//! `serve`: listens for events from Stripe.

use std::sync::Arc;
use std::time::SystemTime;

use tokio::net::TcpListener;
use tracing::info;

use super::Failure;
use crate::app::App;
use crate::journal::Journal;
use crate::serve::{Drained, serve, shutdown_signal};
use crate::settings::{Flags, Settings};
use crate::startup::Problems;
use crate::{secrets, service::Service};

pub(super) async fn run(mut app: App, flags: &Flags) -> Result<(), Failure> {
    super::log("info");
    let mut problems = Problems::default();
    flags.apply(&mut app.settings, &mut problems);
    let secrets = secrets::read(
        flags.secret.secret_file.as_deref(),
        "without one, anyone could send events",
        &mut problems,
    );
    let settings = app.settings.clone();
    let service = app.into_service(secrets, Journal::Log, Arc::new(SystemTime::now), problems)?;
    let listener = bind(&settings).await?;
    // Before it says that it listens: who reads that may stop it.
    let signal = signalled()?;
    announce(&service, &listener);
    until_signalled(signal, listener, service, &settings).await
}

/// Binds the address, or says what to do about it.
pub(super) async fn bind(settings: &Settings) -> Result<TcpListener, Failure> {
    TcpListener::bind(settings.listen).await.map_err(|error| {
        let mut problems = Problems::default();
        problems.add(format!(
            "cannot listen on {}: {error}; stop what listens there, or choose another address with --listen",
            settings.listen
        ));
        problems.into()
    })
}

/// Serves until SIGTERM or Ctrl-C, then drains.
pub(super) async fn until_signalled(
    signal: impl Future<Output = ()>,
    listener: TcpListener,
    service: Service,
    settings: &Settings,
) -> Result<(), Failure> {
    let shutdown = async {
        signal.await;
        info!("stopping: no new connections, finishing what is in progress");
    };
    match serve(listener, Arc::new(service), shutdown, settings.drain_timeout).await {
        Drained::Wholly => Ok(()),
        Drained::CutShort => Err(Failure::Failed(format!(
            "some deliveries were still in progress after {}: Stripe was not told that they succeeded, and will send \
             them again",
            humantime::format_duration(settings.drain_timeout)
        ))),
    }
}

pub(super) fn signalled() -> Result<impl Future<Output = ()>, Failure> {
    shutdown_signal().map_err(|error| super::failed("cannot wait for signals", &error))
}

fn announce(service: &Service, listener: &TcpListener) {
    let registry = &service.dispatcher.registry;
    for handler in registry.registrations() {
        let (file, line) = (handler.file, handler.line);
        info!(
            handler = handler.id,
            takes = super::handlers::takes(handler),
            at = format!("{file}:{line}"),
            "handler"
        );
    }
    let address = listener.local_addr().map(|address| address.to_string()).unwrap_or_default();
    info!(
        url = format!("http://{address}{}", service.path),
        handlers = registry.registrations().len(),
        secrets = service.secrets.len(),
        api_version = webhook_core::catalog::api_version(),
        "listening"
    );
}
