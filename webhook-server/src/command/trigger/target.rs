//! Where `trigger` sends: to which endpoint, and to which URL.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hyper::Uri;

use crate::command::{Failure, failed};
use crate::endpoint::{Endpoint, Keys};
use crate::settings::Settings;

/// An endpoint of this program, at a server.
#[derive(Debug)]
pub(super) struct Target {
    /// All endpoints of the program: those that it declares, or the one that the settings describe.
    pub(super) endpoints: Vec<Endpoint>,
    /// Whether the program declares them.
    pub(super) are_declared: bool,
    /// Which of them is sent to.
    at: usize,
    pub(super) url: Uri,
    /// Whether the user has written the URL's path.
    pub(super) has_own_path: bool,
}

impl Target {
    /// Finds the endpoint: the one that is named, or that has the path of the URL, or the first. The URL is the given one,
    /// with the endpoint's path unless it has a path; or that of a server with the same settings.
    ///
    /// # Errors
    ///
    /// Fails if there is no such endpoint, if the path belongs to another, and if it is unclear whose secret to sign with.
    pub(super) fn new(
        declared: &[Endpoint],
        settings: &Settings,
        to: Option<&Uri>,
        name: Option<&str>,
    ) -> Result<Self, Failure> {
        let are_declared = !declared.is_empty();
        let endpoints = Endpoint::all(declared.to_vec(), settings, &Keys::Read { secret_file: None });
        let is_at = |path: &str| endpoints.iter().position(|endpoint| endpoint.path() == path);
        let path = to.map(Uri::path).filter(|path| *path != "/" || (name.is_none() && is_at("/").is_some()));
        let at = match (name, path) {
            (Some(name), _) => {
                let named = Endpoint::find(&endpoints, name).map_err(Failure::Failed)?;
                if let Some(other) = path.and_then(is_at).filter(|at| endpoints[*at].path() != named.path()) {
                    return Err(other_path(named, &endpoints[other]));
                }
                is_at(named.path()).unwrap_or(0)
            }
            (None, Some(path)) => match is_at(path) {
                Some(at) => at,
                None if endpoints.len() == 1 => 0,
                None => return Err(no_endpoint_at(path, &endpoints)),
            },
            (None, None) => 0,
        };
        let path_of_endpoint = endpoints[at].path();
        let url = match to {
            Some(to) if path.is_some() => to.clone(),
            Some(to) => with_path(to, path_of_endpoint)?,
            None => of_settings(settings, path_of_endpoint)?,
        };
        Ok(Self { at, url, has_own_path: path.is_some(), endpoints, are_declared })
    }

    /// The endpoint that is sent to.
    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoints[self.at]
    }

    /// The flag that sends to another endpoint in place of this one.
    pub(super) fn flag_for(&self, other: &Endpoint) -> String {
        match with_path(&self.url, other.path()) {
            Ok(url) if self.has_own_path => format!("--to {url}"),
            _ => format!("--endpoint {}", other.name()),
        }
    }
}

/// The URL of a server with these settings.
fn of_settings(settings: &Settings, path: &str) -> Result<Uri, Failure> {
    let mut address = settings.listen;
    // A server listens on "any address", but a client connects to one.
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
    }
    let scheme = if settings.tls_certificate.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{address}{path}").parse();
    url.map_err(|error| failed("could not build the URL to send to", &error))
}

/// The same URL with another path.
fn with_path(url: &Uri, path: &str) -> Result<Uri, Failure> {
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = url.clone().into_parts();
    parts.path_and_query = format!("{path}{query}").parse().ok();
    Uri::from_parts(parts).map_err(|error| failed("could not build the URL to send to", &error))
}

/// Parses the URL of a server. The error suggests what was probably meant.
pub(super) fn url(text: &str) -> Result<Uri, String> {
    let url = text.parse::<Uri>().ok();
    if let Some(url) =
        url.filter(|url| matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some())
    {
        return Ok(url);
    }
    let meant = format!("http://{text}");
    let is_near = !text.contains("://") && !text.starts_with('/') && meant.parse::<Uri>().is_ok();
    let meant = if is_near { format!(", such as {meant}") } else { String::new() };
    Err(format!("the URL must begin with `http://` or `https://` and name a host{meant}"))
}

fn other_path(named: &Endpoint, other: &Endpoint) -> Failure {
    let (path, other, name, at) = (other.path(), other.name(), named.name(), named.path());
    Failure::Failed(format!(
        "not sent: --to has the path `{path}`, which is that of endpoint `{other}`.\n\
         Endpoint `{name}` is at `{at}`: leave the path out of --to, or remove --endpoint."
    ))
}

fn no_endpoint_at(path: &str, endpoints: &[Endpoint]) -> Failure {
    let paths = paths(endpoints);
    Failure::Failed(format!(
        "not sent: this program has no endpoint at `{path}`; it has {paths}.\n\
         If a proxy changes the path, name the endpoint with --endpoint: each has its own secret."
    ))
}

/// The paths of endpoints: `` `/a` and `/b` ``.
pub(super) fn paths(endpoints: &[Endpoint]) -> String {
    let paths: Vec<String> = endpoints.iter().map(|endpoint| format!("`{}`", endpoint.path())).collect();
    paths.join(" and ")
}
