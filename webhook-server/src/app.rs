//! The application: what a program configures, and the server that is built from it.
//!
//! A start (`start.rs`) applies the sources of settings and then calls `App::into_server`. An application under test does the
//! same with a clock, a store and a secret of its own.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::runtime::Handle;
use webhook_core::{Registry, StateValue, States, StripeReader};

#[cfg(feature = "admin")]
use crate::admin::Token;
use crate::alerts::{Alerts, Hook};
use crate::endpoint::{self, Endpoint, Endpoints, Keys};
use crate::problems::Problems;
use crate::receive::WallClock;
use crate::receive::tls::Tls;
use crate::report::Report;
use crate::report::metrics::Metrics;
use crate::report::unusable::unusable;
use crate::run::attempt::Runner;
use crate::run::hand_over::HandlerRuntime;
use crate::run::transaction;
use crate::server::{Parts, Server};
use crate::settings::{OfEndpoints, Origins, Settings, Sourced, Sources};
use crate::store::{self, InboxLocation, Store};
use crate::stripe;

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
    /// One value of each type that handlers take as `State<T>`.
    pub(crate) states: States,
    /// Types that two values were given for.
    pub(crate) ambiguous: Vec<&'static str>,
    pub(crate) settings: Settings,
    /// What gave the settings their values.
    pub(crate) origins: Origins,
    /// Those that the program declares. Without any there is one, which the settings describe.
    pub(crate) endpoints: Vec<Endpoint>,
    /// Whether handlers run before the answer, without an inbox.
    pub(crate) inline: bool,
    /// The text of a handlers' lock file.
    pub(crate) lock: Option<&'static str>,
    /// What is called with alerts.
    pub(crate) alert_hook: Option<Hook>,
    /// What reads from Stripe's API, in place of the client.
    pub(crate) reader: Option<Arc<dyn StripeReader>>,
}

/// Who is told, what time it is, and where handlers run; on the server's own runtime if there is none.
pub(crate) type Surroundings = (Report, WallClock, Option<Handle>);

impl App {
    /// Makes an application with the default settings and no state.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value that handlers take as `State<T>`. There is at most one of each type.
    #[must_use]
    pub fn state<T: StateValue>(mut self, value: T) -> Self {
        if !self.states.insert(value) {
            self.ambiguous.push(std::any::type_name::<T>());
        }
        self
    }

    /// Replaces the default settings. A configuration file, the environment and flags still override them.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Adds an endpoint: a path with its own secrets.
    ///
    /// A program that declares none has one endpoint, at the settings' `path`, with the secrets in
    /// `STRIPE_WEBHOOK_SECRET`, or in the file that `--secret-file` names.
    #[must_use]
    pub fn endpoint(mut self, endpoint: Endpoint) -> Self {
        self.endpoints.push(endpoint);
        self
    }

    /// Runs handlers before the answer, without an inbox; the answer depends on how they ended.
    ///
    /// Nothing is stored: an event whose handler fails is answered with 500, and Stripe sends it again for up to three
    /// days. Each time, all handlers of the event run again. For programs that have a durable queue of their own.
    #[must_use]
    pub fn inline(mut self) -> Self {
        self.inline = true;
        self
    }

    /// Refuses to start unless the program has exactly the handlers and event types of a lock file, which
    /// `handlers --lock FILE` writes.
    ///
    /// A crate of handlers that the program does not name is not linked, and nothing else can detect that at run time.
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

    /// Applies the sources of settings, and notes everything that is wrong with them. Returns the file of the secrets, if
    /// one is named.
    pub(crate) fn configure(
        &mut self,
        sources: &Sources,
        problems: &mut Problems,
    ) -> Option<Sourced<PathBuf>> {
        let OfEndpoints { secret_file, sections } =
            sources.apply(&mut self.settings, &mut self.origins, problems);
        for section in &sections {
            endpoint::configure(&mut self.endpoints, section, problems);
        }
        secret_file
    }

    /// Builds the server, or reports everything that is wrong with the application. Handlers will run on `runtime`, or on
    /// the server's own runtime if there is none.
    ///
    /// `store` replaces the inbox that the settings name. Blocks its thread while another process has the inbox, for at most
    /// `drain-timeout` and a few seconds.
    ///
    /// # Errors
    ///
    /// Returns `problems` and what was found here. If anything else is wrong, the inbox is only checked, and no file is
    /// created.
    pub(crate) fn into_server(
        self,
        keys: Keys,
        store: Option<Arc<dyn Store>>,
        surroundings: Surroundings,
        mut problems: Problems,
    ) -> Result<Server, Problems> {
        // What was meant for the inbox is not known then: only that is a problem, and nothing about the default.
        let has_no_inbox = self.inline || self.origins.is_unread("inbox");
        let runtime = surroundings.2.clone();
        let parts = self.into_parts(keys, surroundings, &mut problems);
        problems.settle_cautions(parts.settings.strict);
        let store = match store {
            _ if has_no_inbox => None,
            None => open_inbox(&parts.settings, &mut problems),
            given => given,
        };
        if let (Some(store), Some(runtime)) = (&store, runtime)
            && store.transactions().is_some()
        {
            let (registry, states) = (Arc::clone(&parts.registry), Arc::clone(&parts.runner.states));
            let checking = transaction::check_pools(registry, states, Arc::clone(store));
            runtime.block_on(checking).into_iter().for_each(|problem| problems.add(problem));
        }
        problems.none_or(Server::new(parts, store))
    }

    /// Checks everything but the inbox, and notes what is wrong. Returns what a server is built from.
    pub(crate) fn into_parts(
        mut self,
        keys: Keys,
        (report, now, runtime): Surroundings,
        problems: &mut Problems,
    ) -> Parts {
        // `dev` and applications under test have no certificate, post no alerts, and record the end of a run after its
        // transaction.
        let is_served = matches!(keys, Keys::Read { .. });
        let declared = std::mem::take(&mut self.endpoints);
        let endpoints = Endpoints::new(declared, (&self.settings, &self.origins), keys, problems);
        #[cfg(feature = "admin")]
        let token = token(&self.settings, problems);
        let tls = if is_served { Tls::of(&self.settings, problems).map(Arc::new) } else { None };
        let registry = Arc::new(Registry::linked());
        for problem in registry.problems(&self.states, &endpoints.names_and_paths()) {
            problems.add(problem);
        }
        let of_server = || stripe::reader(&registry, (&self.settings, &self.origins), problems);
        let reader = self.reader.or_else(of_server);
        for state in &self.ambiguous {
            problems.add(format!(
                "the application has two states of type `{state}`: give one of them a type of its own"
            ));
        }
        self.settings.check(&self.origins, problems);
        let knows_inbox = !self.origins.is_unread("inbox");
        if !self.inline && knows_inbox {
            store::cautions(&self.settings.inbox).into_iter().for_each(|caution| problems.caution(caution));
        }
        let is_elsewhere = || !matches!(self.settings.inbox, InboxLocation::Postgres(_));
        if self.inline || (is_served && knows_inbox && is_elsewhere()) {
            transaction::refuse(&registry, self.inline, problems);
        }
        let settings = self.settings;
        let hook = (self.alert_hook, runtime.clone());
        let alerts = Alerts::of(hook, &settings, is_served, Arc::clone(&now));
        let runtime = runtime.map(HandlerRuntime::of).unwrap_or_default();
        let runner = Runner {
            states: Arc::new(self.states),
            timeout: settings.handler_timeout,
            unknown_version: settings.unknown_version,
            reader,
            runtime,
        };
        let metrics = Arc::new(Metrics::new(Arc::clone(&now)));
        let mut report = report.and_to(Arc::clone(&metrics) as _);
        if let Some(alerts) = &alerts {
            report = report.and_to(Arc::clone(alerts) as _);
        }
        Parts {
            registry,
            runner,
            endpoints,
            settings,
            report,
            metrics,
            alerts,
            tls,
            #[cfg(feature = "admin")]
            token,
            now,
        }
    }
}

/// Reads the token of the admin pages, if there is a file for it.
#[cfg(feature = "admin")]
fn token(settings: &Settings, problems: &mut Problems) -> Option<Arc<Token>> {
    let file = settings.admin_token_file.as_deref()?;
    Token::read(file).map_err(|problem| problems.add(problem)).ok().map(Arc::new)
}

/// Opens the inbox that the settings name, after everything else was checked, since it creates files and may have to wait:
/// an application that cannot start only looks.
fn open_inbox(settings: &Settings, problems: &mut Problems) -> Option<Arc<dyn Store>> {
    let (location, opening) = (&settings.inbox, settings.opening());
    if location.check().is_err() {
        return None;
    }
    let opened = if problems.is_empty() {
        store::open(location, &opening).map(Some)
    } else {
        store::check(location, &opening).map(|()| None)
    };
    opened.unwrap_or_else(|problem| {
        problems.add(unusable(&problem, problems.interface()));
        None
    })
}
