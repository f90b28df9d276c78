//! `serve` of an application that is mounted in a server of its own.
//!
//! The order of a start is that of [`serve`](super::serve), with the application's own server in place of ours. At a
//! signal, that server and the runs in progress share `drain-timeout`.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use super::serve::{self, Serve};
use super::{Command, Failure, check, exit_code};
use crate::app::App;
use crate::future::BoxFuture;
use crate::mount::Webhooks;
use crate::problems::Problems;
use crate::report::console::complain;
use crate::report::stderr;
use crate::server::systemd;
use crate::settings::Settings;
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
        let result = match Command::named(std::env::args_os().collect()) {
            Command::Serve(serve) if !serve.check => run(self, serve, application).await,
            Command::Serve(serve) => check(self, serve).await,
            other => other.run(self).await,
        };
        exit_code(result)
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
    let begun = begin(app, arguments).await?;
    let result = tokio::select! {
        result = application(begun.webhooks.clone()) => result.map_err(|error| {
            super::failed("the application ended", &*error.into())
        }),
        failure = begun.overdue() => Err(failure),
    };
    begun.end(result).await
}

/// `serve --check`.
fn check(app: App, arguments: Serve) -> BoxFuture<'static, Result<(), Failure>> {
    Box::pin(async move {
        let (sources, output) = (&arguments.flags.sources, arguments.output());
        check::run(app, sources, Front::Mounted, output).await
    })
}

/// Starts the webhooks.
fn begin(app: App, arguments: Serve) -> BoxFuture<'static, Result<Begun, Failure>> {
    Box::pin(async move {
        stderr::write_aside("info");
        let sources = &arguments.flags.sources;
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
        Ok(Begun { webhooks, settings, is_inline })
    })
}

/// Webhooks that were started.
struct Begun {
    webhooks: Webhooks,
    settings: Settings,
    is_inline: bool,
}

impl Begun {
    /// Waits until the application has had `drain-timeout` to return, and returns the failure to report.
    fn overdue(&self) -> BoxFuture<'_, Failure> {
        let limit = self.settings.drain_timeout;
        Box::pin(async move {
            self.webhooks.overdue(limit).await;
            still_serving(limit)
        })
    }

    /// Ends the webhooks after the application, which had this result.
    fn end(self, result: Result<(), Failure>) -> BoxFuture<'static, Result<(), Failure>> {
        Box::pin(async move {
            let Self { webhooks, settings, is_inline } = self;
            let ended = webhooks.end().await;
            let stopped = match ended {
                Some(Ok(stopped)) => stopped,
                Some(Err(error)) => return result.and(Err(serve::no_inbox(error))),
                None => return result.and(Err(Failure::Failed("the server panicked".to_owned()))),
            };
            match result {
                Err(Failure::Failed(reason)) if stopped.is_blocked() => {
                    complain(&reason);
                    // What blocks its thread would keep the process alive.
                    stderr::exit(1)
                }
                Err(failure) => Err(failure),
                Ok(()) => serve::ended(&settings, is_inline, stopped),
            }
        })
    }
}

/// The application did not return in time.
fn still_serving(limit: Duration) -> Failure {
    Failure::Failed(format!(
        "the application was still serving {} after it was asked to stop: its connections are closed",
        humantime::format_duration(limit)
    ))
}
