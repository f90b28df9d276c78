//! The secrets of a run of `dev`: those that are given, and a generated one for the endpoints without any.

use std::path::PathBuf;

use webhook_core::Secret;

use crate::command::signing::{Signing, missing};
use crate::command::{Failure, failed, random};
use crate::endpoint::{Endpoint, Keys};
use crate::problems::Problems;
use crate::secrets::{SigningSecrets, VARIABLE};

/// The secrets of each endpoint, in the order of the endpoints.
pub(super) struct RunKeys {
    endpoints: Vec<Endpoint>,
    /// Whether the program declares them.
    are_declared: bool,
    /// The file that the user gave for all of them.
    secret_file: Option<PathBuf>,
    /// The given secrets of each. They must not be shown.
    given: Vec<Option<Signing>>,
    /// Generated for the endpoints without a given one. It may be shown.
    generated: Option<(String, SigningSecrets)>,
}

impl RunKeys {
    /// Reads what is given, and generates a secret if an endpoint has none.
    pub(super) fn new(
        endpoints: Vec<Endpoint>,
        are_declared: bool,
        secret_file: Option<PathBuf>,
        problems: &mut Problems,
    ) -> Result<Self, Failure> {
        let whose = (are_declared, "`dev` was told to use one");
        let given = Signing::of_all(&endpoints, secret_file.as_deref(), whose, problems);
        let generated = if given.iter().all(Option::is_some) { None } else { Some(generate()?) };
        Ok(Self { endpoints, are_declared, secret_file, given, generated })
    }

    /// Returns the secrets as the server takes them.
    pub(super) fn for_server(&self) -> Keys {
        let generated = || self.generated.as_ref().map(|(_, secrets)| secrets.clone()).unwrap_or_default();
        let secrets = |given: &Option<Signing>| match given {
            Some(given) => given.secrets.clone(),
            None => generated(),
        };
        Keys::Given(self.given.iter().map(secrets).collect())
    }

    /// Says which endpoint has which secrets, by their labels.
    pub(super) fn text(&self) -> String {
        let own = self.generated.as_ref();
        let own =
            own.map(|(secret, _)| format!("Signing secret of this run: {secret}\n")).unwrap_or_default();
        let places: Vec<Option<String>> =
            self.given.iter().map(|given| given.as_ref().map(Signing::place_and_labels)).collect();
        match &*places {
            [Some(place)] => format!("Signing secret: from {place}{}\n", self.because(0)),
            [Some(place), others @ ..] if others.iter().all(|other| other.as_ref() == Some(place)) => {
                format!("Signing secret of all endpoints: from {place}\n")
            }
            places if places.iter().all(Option::is_none) => own,
            places => {
                let width = self.endpoints.iter().map(|endpoint| endpoint.name().len()).max().unwrap_or(0);
                let lines = self.endpoints.iter().zip(places).enumerate().map(|(at, (endpoint, place))| {
                    let from = place.as_ref().map(|place| format!("from {place}"));
                    let from = from.unwrap_or_else(|| "the secret of this run".to_owned());
                    format!("  {:width$}  {from}{}\n", endpoint.name(), self.because(at))
                });
                format!("Signing secrets:\n{}{own}", lines.collect::<String>())
            }
        }
    }

    /// Says why an endpoint does not have its own secret.
    fn because(&self, at: usize) -> String {
        let missing = match &self.given[at] {
            Some(given) => given.instead_of(),
            None => Some(missing(self.endpoints[at].sources())),
        };
        missing
            .filter(|_| self.are_declared)
            .map(|missing| format!(", because {missing}"))
            .unwrap_or_default()
    }

    /// Returns what `trigger` needs in a second terminal to sign for the endpoint at a path: words about the terminal, what
    /// comes before the command, and a flag.
    pub(super) fn for_trigger(&self, path: &str) -> (String, String, String) {
        let at = self.endpoints.iter().position(|endpoint| endpoint.path() == path).unwrap_or(0);
        let (mut terminal, mut before, mut flag) = (String::new(), String::new(), String::new());
        match (&self.secret_file, &self.given[at], &self.generated) {
            (Some(file), ..) => flag = format!(" --secret-file {}", file.display()),
            (None, Some(given), _) => {
                let variables = given.variables().join(" and ");
                if !variables.is_empty() {
                    terminal = format!(" with the same {variables}");
                }
            }
            (None, None, Some((secret, _))) => {
                before = format!("{}={secret} ", self.endpoints[at].variable().unwrap_or(VARIABLE));
            }
            (None, None, None) => {}
        }
        (terminal, before, flag)
    }

    /// The flag that names the endpoint at a path; `None` if `trigger` sends to it without one.
    pub(super) fn flag_for(&self, path: &str) -> Option<String> {
        let endpoint = self.endpoints.iter().skip(1).find(|endpoint| endpoint.path() == path)?;
        Some(format!(" --endpoint {}", endpoint.name()))
    }
}

/// Generates a secret of 192 random bits.
fn generate() -> Result<(String, SigningSecrets), Failure> {
    let word = || random().map_err(|error| failed("could not generate a random secret", &error));
    let text = format!("whsec_{:016x}{:016x}{:016x}", word()?, word()?, word()?);
    let secret = Secret::new(&text).map_err(|error| failed("could not make a secret", &error))?;
    Ok((text, SigningSecrets::only(secret, "dev")))
}
