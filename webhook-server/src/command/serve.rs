//! `serve`: listens for events from Stripe.
//!
//! The start is that of `start.rs`; then come recovery and listening.

use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;
use tracing::{info, warn};

use super::flags::{Serving, SettingFlags};
use super::{Failure, Format, FormatFlags, Output, check};
use crate::app::App;
use crate::future::{BoxFuture, spawn};
use crate::problems::Problems;
use crate::receive::listener::Listener;
use crate::reload::Reload;
use crate::report::console::complain;
use crate::report::stderr;
use crate::server::address::{Reserved, Unavailable};
use crate::server::signals::shutdown_signal;
use crate::server::{Server, Stopped, systemd, thread};
use crate::settings::Settings;
use crate::start::{Front, Start};
use crate::store::{InboxLocation, StoreError};

#[derive(Args, Debug)]
pub(super) struct Serve {
    #[command(flatten)]
    pub(super) flags: SettingFlags<Serving>,
    /// Print each setting with what gave it, and everything that is wrong, without starting
    #[arg(long)]
    pub(super) check: bool,
    /// Output format of --check
    #[arg(long, value_enum, default_value_t, requires = "check")]
    format: Format,
    /// Short for `--format json`
    #[arg(long, requires = "check", conflicts_with = "format")]
    json: bool,
    /// Print each row of --check in one line, even if the terminal is narrower
    #[arg(long, requires = "check")]
    wide: bool,
}

impl Serve {
    /// How `--check` writes.
    pub(super) fn output(&self) -> Output {
        Output { format: FormatFlags { format: self.format, json: self.json }, wide: self.wide }
    }
}

/// Builds the server, and runs it on a thread of its own until a signal stops it.
pub(super) async fn run(app: App, arguments: Serve) -> Result<(), Failure> {
    let sources = &arguments.flags.sources;
    if arguments.check {
        return check::run(app, sources, Front::Listener, arguments.output()).await;
    }
    stderr::write_aside("info");
    let mut start = Start::new(app, sources, Front::Listener, Problems::of_command());
    let reserved = (start.reserve(), start.reserve_admin());
    // Before the inbox is opened, because that may wait for another server: a signal can stop the wait.
    let reload = reload();
    let mut signal = signalled(&reload)?;
    let mut server = open(start, &mut signal).await?;
    server.reload = reload;
    // On a separate thread, so that a handler that blocks the application's runtime does not block any reply.
    let serving = thread::run(serve(server, reserved, signal));
    serving.await.map_err(|error| super::failed("could not start the thread that receives events", &error))?
}

/// Completes when the process is asked to stop.
pub(super) type Signal = BoxFuture<'static, ()>;

/// Opens the inbox and builds the server. A signal ends the process: nothing has begun.
pub(super) async fn open(start: Start, signal: &mut Signal) -> Result<Server, Failure> {
    tokio::select! {
        opened = start.open() => Ok(opened?),
        () = signal => {
            info!("stopping: the inbox was not opened yet");
            stderr::exit(0)
        }
    }
}

/// Recovers, listens, and works until the signal.
async fn serve(
    server: Server,
    (reserved, admin): (Option<Reserved>, Option<Reserved>),
    signal: Signal,
) -> Result<(), Failure> {
    let admin = server.start_admin(admin, None).map_err(unavailable)?;
    let is_recovered = server.recover().await.map_err(no_inbox)?;
    let listener = listen(reserved, &server.parts.settings)?;
    announce(&server, &listener, admin);
    spawn(systemd::keep_alive());
    systemd::ready();
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
    if !stopped.hook_ended {
        warn!("the hook for alerts is blocking its thread: it ends with the process");
    }
    if !stopped.all_ended {
        match settings.inbox {
            InboxLocation::Memory => warn!("a handler is blocking its thread: it ends with the process"),
            _ => warn!(
                "a handler is blocking its thread: it ends with the process, and its task will run again"
            ),
        }
    }
    if stopped.is_blocked() {
        // If a run goes on, the inbox is still locked here, so the next server cannot run the task at the same time.
        stderr::exit(0);
    }
    Ok(())
}

/// Listens on the reserved address, or reserves it first.
pub(super) fn listen(reserved: Option<Reserved>, settings: &Settings) -> Result<Listener, Failure> {
    let reserved = reserved.map_or_else(|| Reserved::new(settings.listen, "listen"), Ok);
    reserved.and_then(Reserved::listen).map_err(unavailable)
}

/// An address is not available.
pub(super) fn unavailable(unavailable: Unavailable) -> Failure {
    let mut problems = Problems::default();
    problems.add(unavailable);
    problems.into()
}

/// What SIGHUP asks for, in a service of systemd.
pub(super) fn reload() -> Arc<Reload> {
    Arc::new(Reload::between([systemd::reloading, systemd::ready]))
}

/// Completes at the first SIGTERM or Ctrl-C. From now on, SIGHUP asks for a reload.
pub(super) fn signalled(reload: &Arc<Reload>) -> Result<Signal, Failure> {
    match shutdown_signal(Some(Arc::clone(reload))) {
        Ok(signal) => Ok(Box::pin(async {
            signal.await;
            systemd::stopping();
        })),
        Err(error) => Err(super::failed("cannot wait for signals", &error)),
    }
}

/// Logs the handlers.
pub(super) fn announce_handlers(server: &Server) {
    for handler in server.parts.registry.registrations() {
        let (file, line) = (handler.file, handler.line);
        info!(
            handler = handler.id,
            takes = crate::report::attribute::takes(handler),
            endpoint = handler.endpoint,
            at = format!("{file}:{line}"),
            "handler"
        );
    }
}

/// Logs the endpoints, with the labels of their secrets. `origin` is the beginning of their URLs, if it is known.
pub(super) fn announce_endpoints(server: &Server, origin: Option<&str>) {
    for endpoint in server.parts.endpoints.iter() {
        info!(
            endpoint = &*endpoint.name,
            url = origin.map(|origin| format!("{origin}{}", endpoint.path)),
            secrets = endpoint.secrets.current().listed(),
            "endpoint"
        );
    }
}

/// Logs the handlers and several endpoints, then the line `listening`: from now on the server is ready.
fn announce(server: &Server, listener: &Listener, admin: Option<SocketAddr>) {
    announce_handlers(server);
    let address = listener.socket.local_addr().map(|address| address.to_string()).unwrap_or_default();
    let scheme = if server.parts.tls.is_some() { "https" } else { "http" };
    let origin = format!("{scheme}://{address}");
    let only = server.parts.endpoints.only();
    if only.is_none() {
        announce_endpoints(server, Some(&origin));
    }
    info!(
        // Several endpoints have only the origin in common, and each has a line of its own.
        url = only.map_or_else(|| origin.clone(), |only| format!("{origin}{}", only.path)),
        endpoints = only.is_none().then(|| server.parts.endpoints.iter().count()),
        handlers = server.parts.registry.registrations().len(),
        crates = super::handlers::by_crate(&server.parts.registry),
        secrets = only.map(|only| only.secrets.current().listed()),
        admin = admin.map(|address| format!("http://{address}")),
        api_version = webhook_core::catalog::enabled_names(),
        "listening"
    );
}

/// The inbox could not be used, or no longer.
pub(super) fn no_inbox(error: StoreError) -> Failure {
    super::failed("the server cannot go on without its inbox", &error)
}
