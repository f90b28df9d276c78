//! The endpoints of this program, and the secrets that are or were configured for them.

use askama::Template;
use webhook_core::catalog::is_enabled;

use super::text::{When, visible};
use super::{Backend, Frame, Rendered, render};
use crate::endpoint::ServedEndpoint;
use crate::report::metrics::VersionFigures;
use crate::store::SecretRow;

#[derive(Template)]
#[template(path = "endpoints.html")]
struct EndpointsPage {
    frame: Frame,
    endpoints: Vec<Endpoint>,
}

struct Endpoint {
    name: String,
    path: String,
    /// The modes whose events it takes.
    takes: &'static str,
    secrets: Vec<Secret>,
    versions: Vec<Version>,
}

/// An API version that has arrived at this instance.
struct Version {
    name: String,
    is_enabled: bool,
    mode: &'static str,
    events: u64,
}

struct Secret {
    label: String,
    fingerprint: String,
    /// Whether this instance has it now.
    is_configured: bool,
    last_used: Option<When>,
}

pub(super) async fn page(backend: &Backend) -> Rendered {
    let secrets = backend.backlog().await?.secrets;
    let versions = backend.subject.numbers.metrics.versions();
    let endpoints = &backend.subject.endpoints;
    let endpoints = endpoints.iter().map(|endpoint| of(endpoint, &secrets, &versions)).collect();
    render(EndpointsPage { frame: backend.frame("/endpoints"), endpoints }).await
}

fn of(endpoint: &ServedEndpoint, noted: &[SecretRow], versions: &[VersionFigures]) -> Endpoint {
    let versions =
        versions.iter().filter(|figures| *figures.endpoint == *endpoint.name).map(|figures| Version {
            name: visible(if figures.api_version.is_empty() { "none" } else { &figures.api_version }),
            is_enabled: figures.api_version.is_empty() || is_enabled(&figures.api_version),
            mode: if figures.is_live { "live" } else { "test" },
            events: figures.events,
        });
    let current = endpoint.secrets.current();
    let is_noted = |label: &str, fingerprint: &str| {
        noted.iter().find(|row| {
            *row.endpoint == *endpoint.name && row.secret == label && row.fingerprint == fingerprint
        })
    };
    let configured = current.names().iter().map(|name| Secret {
        label: name.label.to_string(),
        fingerprint: name.fingerprint.to_string(),
        is_configured: true,
        last_used: is_noted(&name.label, &name.fingerprint).and_then(|row| row.last_used_ms).map(When::of),
    });
    let is_current = |row: &SecretRow| {
        current.names().iter().any(|name| *name.label == *row.secret && *name.fingerprint == *row.fingerprint)
    };
    let former =
        noted.iter().filter(|row| *row.endpoint == *endpoint.name && !is_current(row)).map(|row| Secret {
            label: row.secret.clone(),
            fingerprint: row.fingerprint.clone(),
            is_configured: false,
            last_used: row.last_used_ms.map(When::of),
        });
    Endpoint {
        name: endpoint.name.to_string(),
        path: endpoint.path.to_string(),
        takes: match (endpoint.accepts(true), endpoint.accepts(false)) {
            (true, true) => "live and test events",
            (true, false) => "live events only",
            _ => "test events only",
        },
        secrets: configured.chain(former).collect(),
        versions: versions.collect(),
    }
}
