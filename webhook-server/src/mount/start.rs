//! The start of an application that is mounted: as `serve` starts, without a command line and without an address.

use tokio::runtime::Handle;

use super::{StartError, Webhooks};
use crate::app::App;
use crate::future::BoxFuture;
use crate::problems::Problems;
use crate::settings::Sources;
use crate::start::{Front, Start};

impl App {
    /// Starts the application, to be mounted in a server of your own. [`main_with`](App::main_with) does the same with
    /// the commands of [`main`](App::main).
    ///
    /// Reads the settings from the environment and from the file that `WEBHOOK_CONFIG` names, reads the secrets, opens the
    /// inbox, recovers the tasks of former processes, and starts the worker on a thread of its own. Handlers run on the
    /// runtime that calls this. The settings `listen` and `path` are not used: your server decides them. If the inbox's
    /// disk is full, the application starts all the same, and answers 503 until there is space.
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
    pub async fn start(self) -> Result<Webhooks, StartError> {
        start(self).await
    }
}

fn start(app: App) -> BoxFuture<'static, Result<Webhooks, StartError>> {
    Box::pin(async {
        let mut problems = Problems::default();
        if Handle::try_current().is_err() {
            problems.add(
                "handlers need a Tokio runtime: call `App::start` in one, such as in a `#[tokio::main]`",
            );
            return Err(problems.into());
        }
        let start = Start::new(app, &Sources::of_environment(), Front::Mounted, problems);
        Webhooks::of(start.open().await?).await
    })
}
