//! The endpoints of a running server, with their secrets.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use webhook_core::Tolerance;

use super::{Endpoint, Mode, not_an_endpoint};
use crate::problems::Problems;
use crate::secrets::{self, Declared, ReloadedSecrets, SigningSecrets};
use crate::settings::{Origins, SECRET_FILE, Settings, Sourced};

/// Where the secrets of a server's endpoints come from.
pub(crate) enum Keys {
    /// From where each endpoint says. `secret_file` is for the endpoint of a program that declares none.
    Read { secret_file: Option<Sourced<PathBuf>> },
    /// The secrets of each endpoint, in order, as in `dev`. Further endpoints have the last ones: in tests, all endpoints
    /// have the same.
    Given(Vec<SigningSecrets>),
}

impl Keys {
    /// The file of the secrets, in a program that declares no endpoints.
    pub(crate) fn secret_file(&self) -> Option<&Sourced<PathBuf>> {
        if let Self::Read { secret_file } = self { secret_file.as_ref() } else { None }
    }
}

/// The endpoints of a server. There is at least one, unless there are problems.
#[derive(Clone, Debug)]
pub(crate) struct Endpoints(Arc<[Arc<ServedEndpoint>]>);

/// An endpoint of a server. It travels with each request that was sent to it.
pub(crate) struct ServedEndpoint {
    /// By which the inbox, the log and handlers know it.
    pub(crate) name: Arc<str>,
    /// The path of its URL.
    pub(crate) path: Arc<str>,
    /// How far a signature's timestamp may be off.
    pub(crate) tolerance: Tolerance,
    mode: Mode,
    /// A request is authentic if any of these has signed it. There are two while Stripe rolls a secret.
    pub(crate) secrets: Arc<ReloadedSecrets>,
}

impl Endpoints {
    /// Checks the declared endpoints, or makes the one that the settings describe, and reads their secrets. Everything
    /// that is wrong is noted as a problem.
    pub(crate) fn new(
        declared: Vec<Endpoint>,
        (settings, origins): (&Settings, &Origins),
        keys: Keys,
        problems: &mut Problems,
    ) -> Self {
        let is_declared = !declared.is_empty();
        if is_declared {
            refuse_unused(settings, origins, &keys, problems);
        }
        let all = Endpoint::all(declared, settings, &keys);
        for (at, endpoint) in all.iter().enumerate() {
            if is_declared {
                endpoint.check(problems);
            }
            for earlier in &all[..at] {
                if earlier.path == endpoint.path {
                    problems.add(format!(
                        "two endpoints have the path `{}`: give each a path of its own",
                        endpoint.path
                    ));
                } else if earlier.name() == endpoint.name() {
                    problems.add(format!(
                        "the endpoints at `{}` and `{}` have the same name `{}`: name one of them otherwise",
                        earlier.path,
                        endpoint.path,
                        endpoint.name()
                    ));
                }
            }
        }
        let variables = secrets::variables(all.iter().flat_map(Endpoint::sources));
        let mut served = Vec::with_capacity(all.len());
        for (at, endpoint) in all.iter().enumerate() {
            let (read, sources) = match &keys {
                Keys::Given(each) => (each.get(at).or(each.last()).cloned().unwrap_or_default(), Vec::new()),
                Keys::Read { .. } => {
                    let whose =
                        is_declared.then(|| Declared { name: endpoint.name(), variables: &variables });
                    let read = secrets::read(&endpoint.sources, whose, secrets::NEEDED, problems);
                    (read, endpoint.sources.clone())
                }
            };
            let name: Arc<str> = endpoint.name().into();
            let secrets = Arc::new(ReloadedSecrets::new((Arc::clone(&name), is_declared), sources, read));
            served.push(Arc::new(ServedEndpoint {
                name,
                tolerance: endpoint.tolerance_or(settings),
                path: endpoint.path.as_str().into(),
                mode: endpoint.mode.value,
                secrets,
            }));
        }
        let endpoints = Self(served.into());
        if let Keys::Read { .. } = keys {
            endpoints.caution_shared(problems);
        }
        endpoints
    }

    /// Notes endpoints that have a secret in common.
    fn caution_shared(&self, problems: &mut Problems) {
        for (number, endpoint) in self.iter().enumerate() {
            for other in self.iter().skip(number + 1) {
                let (mine, others) = (endpoint.secrets.current(), other.secrets.current());
                let Some(name) = mine.shared_with(&others) else { continue };
                problems.caution(format!(
                    "the endpoints `{}` and `{}` have a signing secret in common ({name}): what is signed for one \
                     of them is accepted at the other, too\n\
                     give each the secret that Stripe shows for it",
                    endpoint.name, other.name
                ));
            }
        }
    }

    /// Makes the endpoints of a test, at these paths, with the secrets of the test.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn of_a_test(declared: Vec<Endpoint>, secrets: SigningSecrets) -> Self {
        let mut problems = Problems::default();
        let settings = (&Settings::default(), &Origins::default());
        let endpoints = Self::new(declared, settings, Keys::Given(vec![secrets]), &mut problems);
        assert!(problems.is_empty(), "{problems}");
        endpoints
    }

    /// Returns all endpoints, in the order in which they were declared.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<ServedEndpoint>> {
        self.0.iter()
    }

    /// Returns the endpoint that was declared first.
    pub(crate) fn first(&self) -> &Arc<ServedEndpoint> {
        &self.0[0]
    }

    /// Returns the endpoint if there is only one.
    pub(crate) fn only(&self) -> Option<&Arc<ServedEndpoint>> {
        if let [only] = &*self.0 { Some(only) } else { None }
    }

    /// Finds the endpoint at a path.
    pub(crate) fn at(&self, path: &str) -> Option<&Arc<ServedEndpoint>> {
        self.0.iter().find(|endpoint| &*endpoint.path == path)
    }

    /// The name and the path of each endpoint.
    pub(crate) fn names_and_paths(&self) -> Vec<(&str, &str)> {
        self.iter().map(|endpoint| (&*endpoint.name, &*endpoint.path)).collect()
    }

    /// Finds the endpoint with a name.
    ///
    /// # Errors
    ///
    /// Fails if there is none, with a sentence that says which there are.
    pub(crate) fn named(&self, name: &str) -> Result<&Arc<ServedEndpoint>, String> {
        let found = self.iter().find(|endpoint| &*endpoint.name == name);
        found.ok_or_else(|| not_an_endpoint(name, &self.names_and_paths()))
    }

    /// The paths as they are shown to an operator: `` `/a`, `/b` ``.
    pub(crate) fn paths(&self) -> String {
        let paths: Vec<String> = self.0.iter().map(|endpoint| format!("`{}`", endpoint.path)).collect();
        paths.join(", ")
    }
}

impl ServedEndpoint {
    /// Whether handlers run on an event of live mode, or else of test mode.
    pub(crate) fn accepts(&self, livemode: bool) -> bool {
        self.mode.accepts(livemode)
    }
}

impl fmt::Debug for ServedEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServedEndpoint")
            .field("name", &self.name)
            .field("path", &self.path)
            .field("secrets", &self.secrets)
            .field("tolerance", &self.tolerance)
            .finish_non_exhaustive()
    }
}

/// Reports settings that describe an endpoint, in a program that declares its own.
fn refuse_unused(settings: &Settings, origins: &Origins, keys: &Keys, problems: &mut Problems) {
    let mut refuse = |what: String, instead: &str| {
        problems.add(format!("{what} is set, but this program declares its endpoints: remove it{instead}"));
    };
    if let Some(path) = origins.unless_default("path", settings) {
        refuse(path.subject("path"), "");
    }
    if let Some(file) = keys.secret_file() {
        let instead =
            ", or name it in the configuration file, in the section `[endpoint.NAME]` of its endpoint";
        refuse(file.origin.subject(SECRET_FILE), instead);
    }
}
