//! `serve`: listens for events from Stripe.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tracing::{error, info, warn};

use super::Failure;
use crate::app::App;
use crate::operate::{Operations, socket};
use crate::problems::Problems;
use crate::receive::address::Reserved;
use crate::receive::listener::{Drained, serve};
use crate::receive::record::Inbox;
use crate::receive::signals::shutdown_signal;
use crate::receive::thread as ingest;
use crate::receive::{Intake, Service};
use crate::report::Journal;
use crate::report::console::complain;
use crate::report::stderr as log;
use crate::run::panics::{self, Texts};
use crate::secrets;
use crate::settings::{Flags, Settings};
use crate::store::retention::retain;
use crate::store::{self, InboxLocation};
use crate::store::{ParkReason, Recovered, StoreError};

/// How often it is tried to begin on a full disk.
const FULL_DISK_PAUSE: Duration = Duration::from_secs(1);

pub(super) async fn run(mut app: App, flags: &Flags) -> Result<(), Failure> {
    log::write_aside("info");
    panics::watch(Texts::Kept);
    let mut problems = Problems::default();
    super::environment::check(&mut problems);
    if app.inline && flags.keeping.inbox.inbox.is_some() {
        problems.add("--inbox (or WEBHOOK_INBOX) is given, and this program is `.inline()`: it has no inbox");
    }
    flags.apply(&mut app.settings, &mut problems);
    super::handlers::lock::hold(&app, &mut problems);
    // Before the inbox is opened, which makes files; an address that cannot be read is told of already.
    let reserved = if problems.is_empty() { reserve(&app, &mut problems) } else { None };
    let secrets = secrets::read(
        flags.secret.secret_file.as_deref(),
        "without one, anyone could send events",
        &mut problems,
    );
    let settings = app.settings.clone();
    // Before the inbox is opened, which may mean to wait for another server: whoever stops this one need not.
    let mut signal: Signal = Box::pin(signalled()?);
    let handle = Handle::current();
    let opening = tokio::task::spawn_blocking(move || {
        app.into_service(secrets, Journal::Log, Arc::new(SystemTime::now), Some(handle), problems)
    });
    let service = tokio::select! {
        opened = opening => opened.map_err(|error| super::failed("the application cannot be put together", &error))??,
        () = &mut signal => {
            info!("stopping: the inbox was not opened yet");
            log::exit(0)
        }
    };
    // On a thread of its own: what a handler does to the application's runtime stops no answer.
    let serving = ingest::run(async move {
        match &service.intake {
            Intake::Inbox(inbox) => {
                let inbox = Arc::clone(inbox);
                with_inbox(service, inbox, &settings, reserved, signal).await
            }
            Intake::Inline(_) => without_inbox(service, &settings, reserved, signal).await,
        }
    });
    serving.await.map_err(|error| super::failed("no thread to receive events on", &error))?
}

/// Ends when the process is asked to end.
type Signal = Pin<Box<dyn Future<Output = ()> + Send>>;

async fn without_inbox(
    service: Service,
    settings: &Settings,
    reserved: Option<Reserved>,
    signal: Signal,
) -> Result<(), Failure> {
    let listener = listen(reserved, settings)?;
    announce(&service, &listener);
    until_signalled(signal, listener, service, settings).await
}

async fn with_inbox(
    service: Service,
    inbox: Arc<Inbox>,
    settings: &Settings,
    reserved: Option<Reserved>,
    signal: Signal,
) -> Result<(), Failure> {
    let began = match inbox.begin().await {
        Ok(began) => Some(began),
        Err(StoreError::DiskFull) => None,
        Err(error) => return Err(super::failed("no inbox", &error)),
    };
    let listener = listen(reserved, settings)?;
    if let InboxLocation::File(path) = &settings.inbox {
        for caution in store::cautions(path) {
            warn!("{caution}");
        }
    }
    let mut cannot_begin: BeginLate = Box::pin(std::future::pending());
    match began {
        Some(began) => start(&inbox, began, settings).await,
        None => cannot_begin = Box::pin(begin_late(Arc::clone(&inbox), settings.clone())),
    }
    announce(&service, &listener);
    let stopped_at = Arc::new(std::sync::OnceLock::new());
    let noted = Arc::clone(&stopped_at);
    let shutdown = async move {
        signal.await;
        info!("stopping: no new connections, finishing what is in progress");
        let _ = noted.set(Instant::now());
    };
    let serving = serve(listener, Arc::new(service), shutdown, settings.drain_timeout);
    let drained = tokio::select! {
        drained = serving => drained,
        error = &mut cannot_begin => return Err(super::failed("no inbox", &error)),
    };
    let spent = stopped_at.get().map_or(Duration::ZERO, Instant::elapsed);
    let settled = inbox.settle(settings.drain_timeout.saturating_sub(spent)).await;
    if drained == Drained::CutShort {
        warn!("some requests were still in progress: Stripe will send them again");
    }
    if !settled {
        warn!("a handler does not let go of its thread: it ends with the process, and its task runs again");
        // At once, and with the inbox locked: the next server must not run the task beside this one.
        log::exit(0);
    }
    Ok(())
}

type BeginLate = Pin<Box<dyn Future<Output = StoreError> + Send>>;

/// Takes the inbox up when its disk has room. Returns only why that can never be.
async fn begin_late(inbox: Arc<Inbox>, settings: Settings) -> StoreError {
    let began = loop {
        tokio::time::sleep(FULL_DISK_PAUSE).await;
        match inbox.begin().await {
            Ok(began) => break began,
            Err(StoreError::DiskFull) => {}
            Err(error) => return error,
        }
    };
    start(&inbox, began, &settings).await;
    std::future::pending().await
}

/// Works on what is in the inbox, and tells what of it was left by a former process.
async fn start(inbox: &Arc<Inbox>, began: Recovered, settings: &Settings) {
    let keep = settings.retention();
    match &settings.inbox {
        InboxLocation::Memory => {
            warn!("the inbox is kept in memory: what is in it is lost with this process");
        }
        InboxLocation::File(path) => {
            let shown = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            info!(path = %shown.display(), unfinished = began.suspects, resumed = began.resumed, "inbox");
            // The path as it was given: a socket's may not be longer than about 100 bytes.
            let worker = Some(Arc::clone(&inbox.due));
            let operations =
                Operations::new(Arc::clone(&inbox.store), Arc::clone(&inbox.registry), keep, worker);
            socket::listen(path, operations);
        }
    }
    if began.poisoned > 0 {
        error!(
            tasks = began.poisoned,
            "tasks parked: they ended the process (see `inbox list --why poison`)"
        );
    }
    if began.without_handler > 0 {
        tell_of_missing_handlers(inbox).await;
    }
    tokio::spawn(retain(Arc::clone(&inbox.store), keep, inbox.clock_is_right.subscribe()));
    tokio::spawn(Arc::clone(inbox).work());
}

/// Names the handlers that this program has not, and for which tasks are parked.
async fn tell_of_missing_handlers(inbox: &Inbox) {
    let stats = inbox.store.stats().await.unwrap_or_default();
    for missing in stats.handlers.iter().filter(|row| row.why == Some(ParkReason::NoHandler)) {
        error!(
            handler = missing.handler,
            tasks = missing.tasks,
            "tasks parked: this program has no such handler; if it was renamed, give the new one this id \
             (`id = \"…\"`), and they go on with the next start"
        );
    }
}

/// Takes the address, or notes why it cannot be had.
fn reserve(app: &App, problems: &mut Problems) -> Option<Reserved> {
    match Reserved::new(app.settings.listen) {
        Ok(reserved) => Some(reserved),
        // Perhaps by a server that ends. Where there is an inbox, that server has it as well and is waited for there.
        Err(unavailable) if unavailable.is_in_use() && !app.inline && app.settings.inbox.exists() => None,
        Err(unavailable) => {
            problems.add(unavailable);
            None
        }
    }
}

/// Listens on the address, which is taken now if it was not before.
pub(super) fn listen(reserved: Option<Reserved>, settings: &Settings) -> Result<TcpListener, Failure> {
    let reserved = reserved.map_or_else(|| Reserved::new(settings.listen), Ok);
    reserved.and_then(Reserved::listen).map_err(|unavailable| {
        let mut problems = Problems::default();
        problems.add(unavailable);
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
        Drained::CutShort => {
            complain(&format!(
                "some deliveries were still in progress after {}: Stripe was not told that they succeeded, and will \
                 send them again",
                humantime::format_duration(settings.drain_timeout)
            ));
            // A handler that does not let go of its thread would keep the process.
            log::exit(1)
        }
    }
}

pub(super) fn signalled() -> Result<impl Future<Output = ()>, Failure> {
    shutdown_signal().map_err(|error| super::failed("cannot wait for signals", &error))
}

fn announce(service: &Service, listener: &TcpListener) {
    let registry = service.registry();
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
        crates = super::handlers::by_crate(registry),
        secrets = service.secrets.len(),
        api_version = webhook_core::catalog::api_version(),
        "listening"
    );
}
