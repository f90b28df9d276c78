//! The application.

use std::sync::Arc;

use webhook_core::{Registry, Secret, StateValue, States};

use crate::dispatch::{Dispatcher, InProgress};
use crate::journal::Journal;
use crate::service::{Clock, Service};
use crate::settings::Settings;
use crate::startup::Problems;

/// An application: the handlers that are linked into the program, their state, and the settings.
///
/// ```no_run
/// # use std::process::ExitCode;
/// # use webhook_server::App;
/// # #[derive(Clone)] struct Orders;
/// #[tokio::main]
/// async fn main() -> ExitCode {
///     App::new().state(Orders).main().await
/// }
/// ```
#[derive(Debug, Default)]
pub struct App {
    pub(crate) states: States,
    /// Types of which there are two values.
    pub(crate) ambiguous: Vec<&'static str>,
    pub(crate) settings: Settings,
}

impl App {
    /// Makes an application with the default settings and no state.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the handlers a value, which they take as `State<T>`. At most one of each type.
    #[must_use]
    pub fn state<T: StateValue>(mut self, value: T) -> Self {
        if !self.states.insert(value) {
            self.ambiguous.push(std::any::type_name::<T>());
        }
        self
    }

    /// Takes other settings than the default ones. The environment and flags still override them.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Puts the service together, or reports everything that is wrong with the application.
    pub(crate) fn into_service(
        self,
        secrets: Vec<Secret>,
        journal: Journal,
        clock: Clock,
        mut problems: Problems,
    ) -> Result<Service, Problems> {
        let registry = Registry::linked();
        for problem in registry.problems(&self.states) {
            problems.add(problem);
        }
        for state in self.ambiguous {
            problems.add(format!(
                "the application has two states of type `{state}`: give one of them a type of its own"
            ));
        }
        self.settings.check(&mut problems);
        let service = Service {
            secrets,
            tolerance: self.settings.tolerance(),
            body_limit: self.settings.body_limit,
            body_timeout: self.settings.body_timeout,
            accept_undecodable: self.settings.accept_undecodable,
            now: clock,
            dispatcher: Dispatcher {
                registry,
                states: Arc::new(self.states),
                endpoint: self.settings.path.as_str().into(),
                timeout: self.settings.handler_timeout,
                in_progress: InProgress::default(),
            },
            path: self.settings.path,
            journal,
        };
        problems.none_or(service)
    }
}
