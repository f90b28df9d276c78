//! The application.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use webhook_core::{Registry, Secret, StateValue, States};

use crate::problems::Problems;
use crate::receive::clock_skew::Untimely;
use crate::receive::connections::Connections;
use crate::receive::record::Inbox;
use crate::receive::{Clock, Intake, Service};
use crate::report::Journal;
use crate::report::refusals::Refusals;
use crate::run::attempt::Runner;
use crate::run::inline::{InProgress, Inline};
use crate::settings::Settings;
use crate::store;

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
    pub(crate) inline: bool,
    /// The text of a lock file of handlers.
    pub(crate) lock: Option<&'static str>,
    /// Whether the answer is that of a program with an inbox, though there is none.
    pub(crate) answers_as_stored: bool,
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

    /// Goes without an inbox: handlers run before the answer, and the answer tells how they ended.
    ///
    /// Nothing is stored: an event whose handler fails is answered with 500, and what tries again is Stripe, for up to
    /// three days. All handlers of the event then run again. For programs that have a durable queue of their own.
    #[must_use]
    pub fn inline(mut self) -> Self {
        self.inline = true;
        self
    }

    /// Refuses to start unless the program has exactly the handlers, with exactly the event types, that a lock file names:
    /// the text that `handlers --lock FILE` wrote.
    ///
    /// A crate of handlers that the program does not name is not linked, and nothing else can tell of it at run time.
    ///
    /// ```no_run
    /// # use webhook_server::App;
    /// // As a rule: `include_str!("../handlers.lock")`.
    /// let app = App::new().handlers_lock("shop::orders::paid payment_intent.succeeded");
    /// ```
    #[must_use]
    pub fn handlers_lock(mut self, lock: &'static str) -> Self {
        self.lock = Some(lock);
        self
    }

    /// Leaves the inbox away and runs handlers at once, so that what became of an event is known with the answer; the
    /// answer itself is the program's own.
    pub(crate) fn at_once(mut self) -> Self {
        self.answers_as_stored = !self.inline;
        self.inline = true;
        self
    }

    /// Puts the service together, or reports everything that is wrong with the application. Handlers will run on
    /// `runtime`; without one, where they are started.
    pub(crate) fn into_service(
        self,
        secrets: Vec<Secret>,
        journal: Journal,
        clock: Clock,
        runtime: Option<Handle>,
        mut problems: Problems,
    ) -> Result<Service, Problems> {
        let registry = Arc::new(Registry::linked());
        for problem in registry.problems(&self.states) {
            problems.add(problem);
        }
        for state in self.ambiguous {
            problems.add(format!(
                "the application has two states of type `{state}`: give one of them a type of its own"
            ));
        }
        self.settings.check(&mut problems);
        let endpoint: Arc<str> = self.settings.path.as_str().into();
        let runner =
            Runner { states: Arc::new(self.states), timeout: self.settings.handler_timeout, runtime };
        // Last of all, since it makes files, and may have to wait: an application that cannot start only looks.
        let (inbox, opening) = (&self.settings.inbox, self.settings.opening());
        let opened = match (self.inline, problems.is_empty()) {
            (true, _) => Ok(None),
            (false, true) => store::open(inbox, &opening).map(Some),
            (false, false) => store::check(inbox, &opening).map(|()| None),
        };
        let store = match opened {
            Ok(store) => store,
            Err(problem) => {
                problems.add(format!("the inbox {problem}"));
                None
            }
        };
        let concurrency = self.settings.concurrency;
        let intake = match store {
            Some(store) => {
                Intake::Inbox(Arc::new(Inbox::new(store, registry, runner, endpoint, journal, concurrency)))
            }
            None => Intake::Inline(Inline {
                registry,
                runner,
                endpoint,
                in_progress: InProgress::default(),
                answers_as_stored: self.answers_as_stored,
                unsuccessful: AtomicUsize::new(0),
            }),
        };
        let service = Service {
            secrets: secrets.into(),
            tolerance: self.settings.tolerance(),
            body_limit: self.settings.body_limit,
            body_timeout: self.settings.body_timeout,
            accept_undecodable: self.settings.accept_undecodable,
            now: clock,
            connections: Connections::of_a_server(self.settings.body_limit),
            large: Semaphore::new(1),
            untimely: Untimely::default(),
            refusals: Refusals::default(),
            intake,
            path: self.settings.path,
            journal,
        };
        problems.none_or(service)
    }
}
