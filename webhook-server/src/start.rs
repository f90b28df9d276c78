//! A start: from an application and the sources of its settings to a server.
//!
//! `App::main`, `App::main_with` and `App::start` all start here. They differ in what receives the requests, and in where
//! settings come from. The order: sources, address, secrets, inbox. Checks that leave nothing behind come first; files are
//! created when everything else is known to be right. Recovery and listening come after it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::runtime::Handle;

use crate::app::App;
use crate::endpoint::Keys;
use crate::handlers_lock;
use crate::mount::StartError;
use crate::problems::Problems;
use crate::receive::connections::few_descriptors;
use crate::report::Report;
use crate::report::log::Log;
use crate::run::panics::{self, Texts};
use crate::server::Server;
use crate::server::address::Reserved;
#[cfg(feature = "cli")]
use crate::server::systemd;
use crate::settings::{Sourced, Sources};

/// What receives the requests of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Front {
    /// Our own listener.
    Listener,
    /// The application's own server.
    Mounted,
}

/// An application whose sources of settings were read.
#[derive(Debug)]
pub(crate) struct Start {
    app: App,
    /// The file of the secrets, in a program that declares no endpoints.
    secret_file: Option<Sourced<PathBuf>>,
    problems: Problems,
    pub(crate) front: Front,
}

impl Start {
    /// Applies the sources to the program's settings, and notes everything that is wrong so far.
    pub(crate) fn new(mut app: App, sources: &Sources, front: Front, mut problems: Problems) -> Self {
        panics::install(Texts::Kept);
        let secret_file = app.configure(sources, &mut problems);
        refuse_unused(&app, front, &mut problems);
        handlers_lock::hold(&app, &mut problems);
        if front == Front::Listener
            && let Some(caution) = few_descriptors()
        {
            problems.caution(caution);
        }
        Self { app, secret_file, problems, front }
    }

    /// Reserves the address to listen on, unless systemd passes a socket. `None` if there is a problem already, or if a
    /// server that is stopping has both the address and the inbox: then opening the inbox waits for that server.
    pub(crate) fn reserve(&mut self) -> Option<Reserved> {
        if !self.problems.is_empty() {
            return None;
        }
        let settings = &self.app.settings;
        #[cfg(feature = "cli")]
        match systemd::passed_listener() {
            Ok(None) => {}
            Ok(Some(listener)) => {
                if let Some(origin) = self.app.origins.outside("listen") {
                    let given = origin.subject("listen");
                    self.problems
                        .add(format!("{given} is set, but systemd passes a socket to listen on: remove it"));
                }
                return Some(Reserved::passed(listener, settings.listen));
            }
            Err(problem) => {
                self.problems.add(problem);
                return None;
            }
        }
        match Reserved::new(settings.listen, "listen") {
            Ok(reserved) => Some(reserved),
            Err(unavailable) if unavailable.is_in_use() && !self.app.inline && settings.inbox.exists() => {
                None
            }
            Err(unavailable) => {
                self.problems.add(unavailable);
                None
            }
        }
    }

    /// Reserves the address of the admin pages, as [`reserve`](Self::reserve) does. The usual address need not be free.
    #[cfg(feature = "cli")]
    pub(crate) fn reserve_admin(&mut self) -> Option<Reserved> {
        let address =
            self.app.settings.admin.filter(|_| self.problems.is_empty() && cfg!(feature = "admin"))?;
        match Reserved::new(address, "admin") {
            Ok(reserved) => Some(reserved),
            // The server that has it may be stopping.
            Err(unavailable) if unavailable.is_in_use() => None,
            Err(unavailable) => {
                self.problems.add(unavailable);
                None
            }
        }
    }

    /// The application with its settings, and where its secrets are read.
    pub(crate) fn into_app(self) -> (App, Keys, Problems) {
        (self.app, Keys::Read { secret_file: self.secret_file }, self.problems)
    }

    /// Builds the server. Opening the inbox may block, so it has a thread of its own.
    ///
    /// # Errors
    ///
    /// Fails with everything that is wrong with the application.
    pub(crate) async fn open(self) -> Result<Server, StartError> {
        let (app, keys, problems) = self.into_app();
        let parts = (Report::to(Log::default()), Arc::new(SystemTime::now) as _, Some(Handle::current()));
        let opening = tokio::task::spawn_blocking(move || app.into_server(keys, None, parts, problems));
        match opening.await {
            Ok(opened) => Ok(opened?),
            Err(error) => Err(StartError::failed("the application could not be built", &error)),
        }
    }
}

/// Reports settings that were given from outside of the program and decide nothing in it.
fn refuse_unused(app: &App, front: Front, problems: &mut Problems) {
    let mut refuse = |field: &str, why: &str| {
        if let Some(origin) = app.origins.outside(field) {
            problems.add(format!("{} is set, but {why}", origin.subject(&field.replace('_', "-"))));
        }
    };
    if front == Front::Mounted {
        for (field, what) in [("listen", "decides the address"), ("path", "decides the path")] {
            // The path is refused where endpoints are declared, whatever receives.
            if field != "path" || app.endpoints.is_empty() {
                refuse(
                    field,
                    &format!("this program receives events through its own server, which {what}: remove it"),
                );
            }
        }
        if app.settings.admin.is_some() {
            refuse(
                "admin",
                "this program receives events through its own server, which mounts the admin pages: remove it",
            );
        }
        for field in ["tls_certificate", "tls_key"] {
            refuse(
                field,
                "this program receives events through its own server, which may have TLS: remove it",
            );
        }
    }
    if app.inline {
        refuse("inbox", "this program is `.inline()` and has no inbox");
    }
}
