//! The secrets that `dev` and `trigger` use for an endpoint.
//!
//! On a developer's machine, an endpoint's own secret is often not set. The Stripe CLI signs everything that it forwards
//! with one secret, whatever the endpoint, so that secret can replace each endpoint's own.

use std::path::Path;

use crate::endpoint::Endpoint;
use crate::problems::Problems;
use crate::secrets::{self, Declared, SigningSecrets, Source};
use crate::settings::Sourced;

/// The secrets of an endpoint, and where they were read.
#[derive(Debug)]
pub(super) struct Signing {
    pub(super) secrets: SigningSecrets,
    sources: Vec<Sourced<Source>>,
    /// The endpoint's own sources, if others were read in their place.
    unset: Vec<Sourced<Source>>,
}

impl Signing {
    /// Reads the secrets of each endpoint: from the file that was given for all of them; or from its own sources, as far as
    /// they are set; or else from `STRIPE_WEBHOOK_SECRET`. `None` for an endpoint that has none of these.
    pub(super) fn of_all(
        endpoints: &[Endpoint],
        secret_file: Option<&Path>,
        (are_declared, needed): (bool, &str),
        problems: &mut Problems,
    ) -> Vec<Option<Self>> {
        let mut all: Vec<Option<Self>> = Vec::with_capacity(endpoints.len());
        for endpoint in endpoints {
            let sources = sources(endpoint, secret_file);
            let values =
                |sources: &[Sourced<Source>]| sources.iter().map(|it| it.value.clone()).collect::<Vec<_>>();
            let same = |other: &&Self| values(&other.sources) == values(&sources) && !sources.is_empty();
            let secrets = match all.iter().flatten().find(same) {
                // What is wrong with them is reported once.
                Some(earlier) => earlier.secrets.clone(),
                None if sources.is_empty() => {
                    all.push(None);
                    continue;
                }
                None => {
                    let declared = Declared { name: endpoint.name(), variables: &[] };
                    secrets::read(&sources, are_declared.then_some(declared), needed, problems)
                }
            };
            let is_own = secret_file.is_none() && endpoint.sources().iter().any(|own| sources.contains(own));
            let unset = if is_own || secret_file.is_some() { &[] } else { endpoint.sources() };
            all.push(Some(Self { secrets, sources, unset: unset.to_vec() }));
        }
        all
    }

    /// Reads all of an endpoint's own sources, and notes that they are not set. `all` are the endpoints of the program.
    pub(super) fn own(
        endpoint: &Endpoint,
        all: &[Endpoint],
        (is_declared, needed): (bool, &str),
        problems: &mut Problems,
    ) -> Self {
        let variables = secrets::variables(all.iter().flat_map(Endpoint::sources));
        let declared = Declared { name: endpoint.name(), variables: &variables };
        let sources = endpoint.sources().to_vec();
        let secrets = secrets::read(&sources, is_declared.then_some(declared), needed, problems);
        Self { secrets, sources, unset: Vec::new() }
    }

    /// Where they were read: `STRIPE_WEBHOOK_SECRET`.
    pub(super) fn place(&self) -> String {
        listed(&self.sources)
    }

    /// Where they were read, and the label of each: `STRIPE_WEBHOOK_SECRET (47f0b1f8)`.
    pub(super) fn place_and_labels(&self) -> String {
        let labels: Vec<&str> = self.secrets.names().iter().map(|name| &*name.label).collect();
        format!("{} ({})", self.place(), labels.join(", "))
    }

    /// Says which of the endpoint's own sources are missing, if others were read in their place.
    pub(super) fn instead_of(&self) -> Option<String> {
        Some(&self.unset).filter(|unset| !unset.is_empty()).map(|unset| missing(unset))
    }

    /// The environment variables among the sources.
    pub(super) fn variables(&self) -> Vec<&str> {
        secrets::variables(self.sources.iter())
    }
}

/// Says that none of these sources is there.
pub(super) fn missing(sources: &[Sourced<Source>]) -> String {
    let missing = sources.iter().map(|source| match &source.value {
        Source::Variable(name) => format!("{name} is not set"),
        Source::File(file) => format!("{} does not exist", file.display()),
    });
    missing.collect::<Vec<_>>().join(" and ")
}

/// The sources in one line.
fn listed(sources: &[Sourced<Source>]) -> String {
    sources.iter().map(|source| source.value.to_string()).collect::<Vec<_>>().join(" and ")
}

/// Where the secrets of an endpoint are read on this machine; empty if nothing is set.
fn sources(endpoint: &Endpoint, secret_file: Option<&Path>) -> Vec<Sourced<Source>> {
    if let Some(file) = secret_file {
        return vec![Source::undeclared(Some(file))];
    }
    let own: Vec<Sourced<Source>> =
        endpoint.sources().iter().filter(|source| source.value.is_set()).cloned().collect();
    let shared = Source::undeclared(None);
    if own.is_empty() && shared.value.is_set() { vec![shared] } else { own }
}
