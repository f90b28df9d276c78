//! `serve` of an application that is mounted in a server of its own.
//!
//! The order of a start is that of [`serve`](super::serve), with the application's own server in place of ours. At a
//! signal, that server and the runs in progress share `drain-timeout`.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use super::serve::{self, Serve};
use super::{Failure, check};
use crate::app::App;
use crate::mount::Webhooks;
use crate::problems::Problems;
use crate::report::console::complain;
use crate::report::stderr;
use crate::server::systemd;
use crate::start::{Front, Start};

impl App {
    /// Does the same as [`main`](Self::main), but `serve` (and no command) runs `application` instead of a listener: a
    /// server of your own, which mounts [`Webhooks::service`].
    ///
    /// ```no_run
    /// # #[derive(Clone)] struct Database;
    /// # impl Database { async fn open() -> Self { Self } }
    /// # mod shop { pub fn routes(_: super::Database) -> axum::Router { axum::Router::new() } }
    /// use std::process::ExitCode;
    ///
    /// use axum::Router;
    /// use tokio::net::TcpListener;
    /// use webhook_server::App;
    ///
    /// #[tokio::main]
    /// async fn main() -> ExitCode {
    ///     let db = Database::open().await;
    ///     App::new().state(db.clone()).main_with(async |webhooks| {
    ///         let router = Router::new().route_service("/webhook", webhooks.service()).merge(shop::routes(db));
    ///         axum::serve(TcpListener::bind("0.0.0.0:3000").await?, router)
    ///             .with_graceful_shutdown(webhooks.stopping())
    ///             .await
    ///     }).await
    /// }
    /// ```
    ///
    /// `application` is called when the inbox is open. When it returns, the webhooks are drained as
    /// [`Webhooks::shutdown`] describes, and the process ends: with code 0, or with 1 if it returned an error, which is
    /// printed. It is to return soon after [`Webhooks::stopping`] is ready; after `drain-timeout`, it is dropped.
    ///
    /// `serve` refuses `--listen` and `--path`, which are for `application` to decide. `dev` does not call `application`:
    /// it tries the handlers with a listener and an inbox of its own, as under `main`. All other commands are those of
    /// `main`. A program whose arguments are not its own, such as a test, calls [`start`](Self::start).
    pub async fn main_with<E>(self, application: impl AsyncFnOnce(Webhooks) -> Result<(), E>) -> ExitCode
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let serve = async |app, arguments| run(app, arguments, application).await;
        super::run(self, std::env::args_os(), serve).await
    }
}

/// Starts the webhooks and the application, and ends both.
async fn run<E>(
    app: App,
    arguments: Serve,
    application: impl AsyncFnOnce(Webhooks) -> Result<(), E>,
) -> Result<(), Failure>
where
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let sources = &arguments.flags.sources;
    if arguments.check {
        return check::run(app, sources, Front::Mounted, arguments.output()).await;
    }
    stderr::write_aside("info");
    let start = Start::new(app, sources, Front::Mounted, Problems::of_command());
    let reload = serve::reload();
    let mut signal = serve::signalled(&reload)?;
    let mut server = serve::open(start, &mut signal).await?;
    server.reload = reload;
    let (settings, is_inline) = (server.parts.settings.clone(), server.inbox.is_none());
    serve::announce_handlers(&server);
    // The application's router decides the URLs.
    serve::announce_endpoints(&server, None);
    let webhooks = Webhooks::of(server).await?;
    webhooks.stop_at(signal);
    webhooks.beside(systemd::keep_alive());
    // The application listens right after this, and no earlier moment is known.
    systemd::ready();
    let result = tokio::select! {
        result = application(webhooks.clone()) => result.map_err(|error| {
            super::failed("the application ended", &*error.into())
        }),
        () = webhooks.overdue(settings.drain_timeout) => Err(still_serving(settings.drain_timeout)),
    };
    let ended = webhooks.end().await;
    let stopped = match ended {
        Some(Ok(stopped)) => stopped,
        Some(Err(error)) => return result.and(Err(serve::no_inbox(error))),
        None => return result.and(Err(Failure::Failed("the server panicked".to_owned()))),
    };
    match result {
        Err(Failure::Failed(reason)) if !stopped.all_ended => {
            complain(&reason);
            // A handler that blocks its thread would keep the process alive.
            stderr::exit(1)
        }
        Err(failure) => Err(failure),
        Ok(()) => serve::ended(&settings, is_inline, stopped),
    }
}

/// The application did not return in time.
fn still_serving(limit: Duration) -> Failure {
    Failure::Failed(format!(
        "the application was still serving {} after it was asked to stop: its connections are closed",
        humantime::format_duration(limit)
    ))
}
