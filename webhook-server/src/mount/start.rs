//! The start of an application that is mounted: as `serve` starts, without a command line and without an address.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::runtime::Handle;

use super::{StartError, Webhooks};
use crate::app::App;
use crate::endpoint::Keys;
use crate::handlers_lock;
use crate::problems::Problems;
use crate::report::Report;
use crate::report::log::Log;
use crate::run::panics::{self, Texts};
use crate::secrets;
use crate::server::Server;
use crate::settings::{Settings, environment};

impl App {
    /// Starts the application, to be mounted in a server of your own. [`main_with`](App::main_with) does the same with
    /// the commands of [`main`](App::main).
    ///
    /// Reads the settings and the secrets from the environment, opens the inbox, recovers the tasks of former processes,
    /// and starts the worker on a thread of its own. Handlers run on the runtime that calls this. The settings `listen` and
    /// `path` are not used: your server decides them. If the inbox's disk is full, the application starts all the same, and
    /// answers 503 until there is space.
    ///
    /// Installs the panic hook that [`main`](App::main) describes. Logs through `tracing`, and installs no subscriber and
    /// no signal handler.
    ///
    /// # Errors
    ///
    /// Fails with everything that is wrong with the configuration, or if the inbox cannot be used. While another process
    /// has the inbox, waits for at most `drain-timeout` and a few seconds.
    ///
    /// Cancel safety: nothing is started; the inbox is closed again.
    pub async fn start(mut self) -> Result<Webhooks, StartError> {
        let mut problems = Problems::default();
        if Handle::try_current().is_err() {
            problems.add(
                "handlers need a Tokio runtime: call `App::start` in one, such as in a `#[tokio::main]`",
            );
            return Err(problems.into());
        }
        panics::install(Texts::Kept);
        environment::check(&mut problems);
        refuse_unused(&self, environment::gives, &mut problems);
        environment::apply(&mut self.settings, &mut problems);
        handlers_lock::hold(&self, &mut problems);
        let keys = Keys::Read { secret_file: std::env::var_os(secrets::FILE_VARIABLE).map(PathBuf::from) };
        let server = open(self, keys, problems).await?;
        Webhooks::of(server).await
    }
}

/// Builds the server. Opening the inbox may block, so it has a thread of its own.
///
/// # Errors
///
/// Fails with everything that is wrong with the application.
pub(crate) async fn open(app: App, keys: Keys, problems: Problems) -> Result<Server, StartError> {
    let parts = (Report::to(Log::default()), Arc::new(SystemTime::now) as _, Some(Handle::current()));
    let opening = tokio::task::spawn_blocking(move || app.into_server(keys, None, parts, problems));
    match opening.await {
        Ok(opened) => Ok(opened?),
        Err(error) => Err(StartError::failed("the application could not be built", &error)),
    }
}

/// Reports settings that were given and decide nothing in a mounted application. `gives` says whether a setting was given.
pub(crate) fn refuse_unused(app: &App, gives: impl Fn(&str) -> bool, problems: &mut Problems) {
    for (field, what) in [("listen", "address"), ("path", "path")] {
        if gives(field) {
            problems.add(format!(
                "{} is set, but this program receives events through its own server, which decides the {what}: \
                 remove it",
                Settings::given_as(field)
            ));
        }
    }
    refuse_unused_inbox(app, gives, problems);
}

/// Reports that an inbox was given to an application without one.
pub(crate) fn refuse_unused_inbox(app: &App, gives: impl Fn(&str) -> bool, problems: &mut Problems) {
    if app.inline && gives("inbox") {
        problems.add(format!(
            "{} is set, but this program is `.inline()` and has no inbox",
            Settings::given_as("inbox")
        ));
    }
}
