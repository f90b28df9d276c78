//! `serve`: listens for events from Stripe.
//!
//! The order of a start: settings, address, secrets, signals, inbox, recovery, listening. Checks that leave nothing behind
//! come first; files are created when everything else is known to be right.

use std::pin::Pin;

use tokio::net::TcpListener;
use tracing::{info, warn};

use super::Failure;
use super::flags::Flags;
use crate::app::App;
use crate::endpoint::Keys;
use crate::handlers_lock;
use crate::mount;
use crate::problems::Problems;
use crate::report::console::complain;
use crate::report::stderr;
use crate::run::panics::{self, Texts};
use crate::server::address::Reserved;
use crate::server::signals::shutdown_signal;
use crate::server::{Server, Stopped, thread};
use crate::settings::{Settings, environment};
use crate::store::{InboxLocation, StoreError};

/// Builds the server, and runs it on a thread of its own until a signal stops it.
pub(super) async fn run(mut app: App, flags: Flags) -> Result<(), Failure> {
    stderr::write_aside("info");
    panics::install(Texts::Kept);
    let mut problems = Problems::default();
    environment::check(&mut problems);
    mount::refuse_unused_inbox(&app, |field| flags.inbox.gives(field), &mut problems);
    flags.apply(&mut app.settings, &mut problems);
    handlers_lock::hold(&app, &mut problems);
    // Before the inbox is opened, because opening it creates files. An unreadable address has been reported already.
    let reserved = if problems.is_empty() { reserve(&app, &mut problems) } else { None };
    let keys = Keys::Read { secret_file: flags.secret.secret_file.clone() };
    // Before the inbox is opened, because that may wait for another server: a signal can stop the wait.
    let mut signal = signalled()?;
    let server = open(app, keys, problems, &mut signal).await?;
    // On a separate thread, so that a handler that blocks the application's runtime does not block any reply.
    let serving = thread::run(serve(server, reserved, signal));
    serving.await.map_err(|error| super::failed("could not start the thread that receives events", &error))?
}

/// Completes when the process is asked to stop.
pub(super) type Signal = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Builds the server, which opens the inbox. A signal ends the process: nothing has begun.
pub(super) async fn open(
    app: App,
    keys: Keys,
    problems: Problems,
    signal: &mut Signal,
) -> Result<Server, Failure> {
    tokio::select! {
        opened = mount::open(app, keys, problems) => Ok(opened?),
        () = signal => {
            info!("stopping: the inbox was not opened yet");
            stderr::exit(0)
        }
    }
}

/// Recovers, listens, and works until the signal.
async fn serve(server: Server, reserved: Option<Reserved>, signal: Signal) -> Result<(), Failure> {
    let is_recovered = server.recover().await.map_err(no_inbox)?;
    let listener = listen(reserved, &server.parts.settings)?;
    announce(&server, &listener);
    let stopped = server.run(listener, is_recovered, signal).await;
    ended(&server.parts.settings, server.inbox.is_none(), stopped.map_err(no_inbox)?)
}

/// Reports what was left undone. Exits at once if a handler blocks its thread, which would keep the process alive.
pub(super) fn ended(settings: &Settings, is_inline: bool, stopped: Stopped) -> Result<(), Failure> {
    if is_inline && !stopped.all_answered {
        complain(&format!(
            "some deliveries were still in progress after {}: they were not acknowledged, and Stripe will send them \
             again",
            humantime::format_duration(settings.drain_timeout)
        ));
        stderr::exit(1)
    }
    if !stopped.all_answered {
        warn!("some requests were still in progress: Stripe will send them again");
    }
    if !stopped.all_ended {
        match settings.inbox {
            InboxLocation::Memory => warn!("a handler is blocking its thread: it ends with the process"),
            _ => warn!(
                "a handler is blocking its thread: it ends with the process, and its task will run again"
            ),
        }
        // The inbox is still locked here, so the next server cannot run the task at the same time.
        stderr::exit(0);
    }
    Ok(())
}

/// Reserves the address, or reports why it is not available.
fn reserve(app: &App, problems: &mut Problems) -> Option<Reserved> {
    match Reserved::new(app.settings.listen) {
        Ok(reserved) => Some(reserved),
        // A server that is stopping may hold the address. If so, it also holds the inbox, and opening the inbox waits
        // for that server.
        Err(unavailable) if unavailable.is_in_use() && !app.inline && app.settings.inbox.exists() => None,
        Err(unavailable) => {
            problems.add(unavailable);
            None
        }
    }
}

/// Listens on the reserved address, or reserves it first.
pub(super) fn listen(reserved: Option<Reserved>, settings: &Settings) -> Result<TcpListener, Failure> {
    let reserved = reserved.map_or_else(|| Reserved::new(settings.listen), Ok);
    reserved.and_then(Reserved::listen).map_err(|unavailable| {
        let mut problems = Problems::default();
        problems.add(unavailable);
        problems.into()
    })
}

/// Completes at the first SIGTERM or Ctrl-C.
pub(super) fn signalled() -> Result<Signal, Failure> {
    match shutdown_signal() {
        Ok(signal) => Ok(Box::pin(signal)),
        Err(error) => Err(super::failed("cannot wait for signals", &error)),
    }
}

/// Logs the handlers.
pub(super) fn announce_handlers(server: &Server) {
    for handler in server.parts.registry.registrations() {
        let (file, line) = (handler.file, handler.line);
        info!(
            handler = handler.id,
            takes = super::handlers::takes(handler),
            at = format!("{file}:{line}"),
            "handler"
        );
    }
}

/// Logs the handlers and the endpoints, then the line `listening`: from now on the server is ready.
fn announce(server: &Server, listener: &TcpListener) {
    announce_handlers(server);
    let address = listener.local_addr().map(|address| address.to_string()).unwrap_or_default();
    let endpoints = &server.parts.endpoints;
    if endpoints.iter().count() > 1 {
        for endpoint in endpoints.iter() {
            let url = format!("http://{address}{}", endpoint.path);
            info!(endpoint = &*endpoint.name, url, secrets = endpoint.secrets.labels().join(","), "endpoint");
        }
    }
    info!(
        url = format!("http://{address}{}", endpoints.first().path),
        handlers = server.parts.registry.registrations().len(),
        crates = super::handlers::by_crate(&server.parts.registry),
        secrets = endpoints.first().secrets.labels().join(","),
        api_version = webhook_core::catalog::api_version(),
        "listening"
    );
}

/// The inbox could not be used, or no longer.
pub(super) fn no_inbox(error: StoreError) -> Failure {
    super::failed("the server cannot go on without its inbox", &error)
}
