//! An endpoint: the path that requests are sent to, and what makes them authentic there.
//!
//! A program declares endpoints; the server serves them. A program that declares none has one, which the settings and
//! `STRIPE_WEBHOOK_SECRET` describe.

mod configured;
mod served;

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use webhook_core::{Tolerance, catalog};

pub(crate) use self::configured::configure;
pub(crate) use self::served::{Endpoints, Keys, ServedEndpoint};
use crate::problems::Problems;
use crate::secrets::Source;
use crate::settings::{Origin, OutOfRange, Settings, Sourced, plain_path, tolerable};

/// The maximum length of a name, in bytes.
const LONGEST_NAME: usize = 64;

/// Where Stripe sends events: a path of the server, the secrets that sign what arrives there, and what is accepted.
///
/// Each webhook endpoint in Stripe has a signing secret of its own, so a program that serves several, such as one for
/// its own account and one for connected accounts, declares each:
///
/// ```no_run
/// # use webhook_server::{App, Endpoint};
/// let app = App::new()
///     .endpoint(Endpoint::at("/stripe").secret_env("STRIPE_WEBHOOK_SECRET"))
///     .endpoint(
///         Endpoint::at("/stripe/connect").named("connect").secret_env("STRIPE_CONNECT_SECRET").live_only(),
///     );
/// ```
///
/// A handler takes events of every endpoint, unless its attribute names one: `#[on_event("payout.paid", endpoint =
/// "connect")]`. An event that is sent to two endpoints is one event, and each of its handlers runs once.
///
/// Everything that is wrong with an endpoint stops the start: a path or name that is used twice, a missing secret, a
/// tolerance out of range.
#[derive(Clone, Debug)]
#[must_use]
pub struct Endpoint {
    path: String,
    name: Option<String>,
    sources: Vec<Sourced<Source>>,
    mode: Sourced<Mode>,
    /// How far a signature's time may be in the past.
    past: Option<Sourced<Duration>>,
    /// How far it may be in the future.
    future: Option<Sourced<Duration>>,
}

/// Whose events an endpoint accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Those of live mode and of test mode.
    Any,
    Live,
    Test,
}

impl Endpoint {
    /// Declares an endpoint at a path, such as `/webhook`.
    pub fn at(path: impl Into<String>) -> Self {
        let mode = Sourced { value: Mode::Any, origin: Origin::Default };
        Self { path: path.into(), name: None, sources: Vec::new(), mode, past: None, future: None }
    }

    /// Names the endpoint, for handlers, the log, the inbox and `Context::endpoint`. Without a name, its path is its name.
    ///
    /// The inbox keeps the name with each event. After a change, old events are not replayed to the handlers of this
    /// endpoint.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Reads signing secrets from an environment variable: one, or several that are separated by commas.
    ///
    /// A request may be signed with any of an endpoint's secrets, of which there are at most 8. The log and the inbox name a
    /// secret by its fingerprint, which is the first 8 hexadecimal digits of its SHA-256, and by its label, a word before
    /// it, as in `new whsec_…,old whsec_…`.
    pub fn secret_env(mut self, variable: impl Into<String>) -> Self {
        self.sources.push(Source::Variable(variable.into()).by(Origin::Program));
        self
    }

    /// Reads signing secrets from a file: one per line. Otherwise as [`secret_env`](Self::secret_env).
    ///
    /// The file is read at the start, and again when it changes: see
    /// [`Webhooks::reload_secrets`](crate::Webhooks::reload_secrets).
    pub fn secret_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.sources.push(Source::File(file.into()).by(Origin::Program));
        self
    }

    /// Runs no handler on test events.
    ///
    /// They are answered with 200 and logged: Stripe would otherwise send them for days, and disable the endpoint. A live
    /// endpoint of a Connect platform receives the test events of its connected accounts.
    pub fn live_only(mut self) -> Self {
        self.mode = Sourced { value: Mode::Live, origin: Origin::Program };
        self
    }

    /// Runs no handler on live events. They are answered with 200 and logged.
    pub fn test_only(mut self) -> Self {
        self.mode = Sourced { value: Mode::Test, origin: Origin::Program };
        self
    }

    /// Sets how far a signature's time may be from now: in the past, and in the future. Each from one second to one hour;
    /// the settings' `tolerance` and `future_tolerance` unless this is called.
    pub fn tolerance(mut self, past: Duration, future: Duration) -> Self {
        self.past = Some(Sourced { value: past, origin: Origin::Program });
        self.future = Some(Sourced { value: future, origin: Origin::Program });
        self
    }

    /// The declared endpoints, or the one that the settings describe.
    pub(crate) fn all(declared: Vec<Self>, settings: &Settings, keys: &Keys) -> Vec<Self> {
        if !declared.is_empty() {
            return declared;
        }
        let file = keys.secret_file();
        let mut source = Source::undeclared(file.map(|file| &*file.value));
        if let Some(file) = file {
            source.origin = file.origin.clone();
        }
        vec![Self { sources: vec![source], ..Self::at(&*settings.path) }]
    }

    /// The name, or the path of an endpoint without one.
    pub(crate) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.path)
    }

    /// Finds the declared endpoint with a name.
    ///
    /// # Errors
    ///
    /// Fails if there is none, with a sentence that says which there are.
    #[cfg(feature = "cli")]
    pub(crate) fn find<'e>(declared: &'e [Self], name: &str) -> Result<&'e Self, String> {
        let found = declared.iter().find(|endpoint| endpoint.name() == name);
        found.ok_or_else(|| not_an_endpoint(name, &Self::names_and_paths(declared)))
    }

    /// The name and the path of each endpoint.
    fn names_and_paths(endpoints: &[Self]) -> Vec<(&str, &str)> {
        endpoints.iter().map(|endpoint| (endpoint.name(), endpoint.path())).collect()
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Where its secrets are read.
    pub(crate) fn sources(&self) -> &[Sourced<Source>] {
        &self.sources
    }

    /// Whose events it accepts.
    pub(crate) fn mode(&self) -> &Sourced<Mode> {
        &self.mode
    }

    /// How far a signature's time may be in the past, if that is its own.
    pub(crate) fn past(&self) -> Option<&Sourced<Duration>> {
        self.past.as_ref()
    }

    /// How far a signature's time may be in the future, if that is its own.
    pub(crate) fn future(&self) -> Option<&Sourced<Duration>> {
        self.future.as_ref()
    }

    /// The first environment variable that its secrets are read from.
    #[cfg(feature = "cli")]
    pub(crate) fn variable(&self) -> Option<&str> {
        self.sources.iter().find_map(|source| match &source.value {
            Source::Variable(name) => Some(&**name),
            Source::File(_) => None,
        })
    }

    /// Notes what is wrong with this endpoint, by itself.
    fn check(&self, problems: &mut Problems) {
        if let Err(allowed) = plain_path(&self.path) {
            problems.add(format!("the endpoint's path is {:?}: it must be {allowed}", self.path));
        }
        if let Some(name) = &self.name
            && !is_name(name)
        {
            problems.add(format!(
                "the endpoint at `{}` is named {name:?}: a name has only letters, digits and `-._`, at most {LONGEST_NAME}",
                self.path
            ));
        }
        for (what, tolerance) in [("past", &self.past), ("future", &self.future)] {
            let Some(Sourced { value, origin }) = tolerance else { continue };
            if let Err(OutOfRange { allowed, .. }) = tolerable(*value) {
                let (name, value) = (self.name(), humantime::format_duration(*value));
                let place = origin.place();
                problems.add(format!(
                    "{place}endpoint `{name}`: its tolerance for the {what} is {value}: it must be {allowed}"
                ));
            }
        }
    }

    /// How far a signature's time may be from now.
    fn tolerance_or(&self, settings: &Settings) -> Tolerance {
        let seconds = |own: &Option<Sourced<Duration>>, otherwise: Duration| {
            let seconds = own.as_ref().map_or(otherwise, |own| own.value).as_secs();
            NonZeroU64::new(seconds).unwrap_or(NonZeroU64::MIN)
        };
        let past = seconds(&self.past, settings.tolerance);
        Tolerance::seconds(past, seconds(&self.future, settings.future_tolerance))
    }
}

impl Mode {
    /// Finds the mode that has this name in a configuration file.
    fn named(name: &str) -> Option<Self> {
        [Self::Any, Self::Live, Self::Test].into_iter().find(|mode| mode.name() == name)
    }

    /// The name in a configuration file.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Live => "live",
            Self::Test => "test",
        }
    }

    /// Whether an event of live mode, or else of test mode, is accepted.
    pub(crate) fn accepts(self, livemode: bool) -> bool {
        match self {
            Self::Any => true,
            Self::Live => livemode,
            Self::Test => !livemode,
        }
    }
}

fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(fits)
}

/// Says that there is no endpoint with a name, and which one was probably meant, or which there are. Of each, the name and
/// the path are given.
pub(crate) fn not_an_endpoint(name: &str, endpoints: &[(&str, &str)]) -> String {
    let names: Vec<&str> = endpoints.iter().map(|(name, _)| *name).collect();
    if let Some((named, _)) = endpoints.iter().find(|(_, path)| *path == name) {
        return format!("the endpoint at the path `{name}` is named `{named}`: use its name");
    }
    let instead = match (catalog::nearest(name, names.iter().copied()).first(), &*names) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, []) => "it declares none".to_owned(),
        (None, all) => format!("it has `{}`", all.join("`, `")),
    };
    format!("the application has no endpoint `{name}`: {instead}")
}
