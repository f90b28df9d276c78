//! Who may see the admin pages, and what may change something.
//!
//! - *Host*: a page of another site can point its own name at this machine, and would then be the same site to the browser
//!   (DNS rebinding). So the name must be an IP address, `localhost`, or that of `admin-url`.
//! - *Token*, if there is one: as a bearer token, as a session in a cookie, or once in the URL, which starts a session.
//! - *Origin*: a change must come from a page of ours. The browser says so in two headers, which no page can set.
//! - Nothing is loaded by a page of another site; it may only link here.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use hyper::header::{
    ALLOW, AUTHORIZATION, COOKIE, HOST, HeaderMap, HeaderName, ORIGIN, SET_COOKIE, WWW_AUTHENTICATE,
};
use hyper::http::request::Parts;
use hyper::http::uri::Authority;
use hyper::{Method, Response, StatusCode, Uri};
use tracing::{info, warn};

use super::Reached;
use super::answer::{failed, html, refused, see_other, with_header};
use super::body::AdminBody;
use super::pages;
use super::query::Query;
use super::token::Token;
use crate::loopback::is_loopback;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// The parameter of a URL, and the field of a form, that contains the token.
const TOKEN: &str = "token";

/// Lets requests in, or not.
pub(super) struct Guard {
    token: Option<Arc<Token>>,
    /// `admin-url`, if it is set.
    url: Option<Uri>,
    /// What every link begins with.
    base: String,
    /// Whether the host may have any name, because the application's own server checks it.
    is_mounted: bool,
}

/// Why a request is not let in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Denied {
    Method,
    Host,
    /// Another site tries to load something.
    Site,
    /// A change does not come from one of our pages.
    Origin,
    /// There is no session and no token.
    Token,
    /// The URL contains the token: the browser goes on with a session.
    Link,
    /// A link on another site leads here. The browser sends its session when it comes from a page of ours.
    Hop,
}

impl Guard {
    /// `url` is `admin-url`, which was checked at the start.
    pub(super) fn new(url: Option<&str>, reached: Reached<'_>, token: Option<Arc<Token>>) -> Self {
        let url: Option<Uri> = url.and_then(|url| url.parse().ok());
        let base = match reached {
            Reached::Directly => url.as_ref().map_or("", Uri::path),
            Reached::Mounted(path) => path,
        };
        let base = base.trim_end_matches('/').to_owned();
        Self { token, base, is_mounted: matches!(reached, Reached::Mounted(_)), url }
    }

    /// What every link of a page begins with, without a slash at its end.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// The path of a request, without what every link begins with: a proxy or a router may pass it on or remove it.
    pub(super) fn path<'p>(&self, path: &'p str) -> &'p str {
        match path.strip_prefix(self.base()) {
            Some("") => "/",
            Some(rest) if rest.starts_with('/') => rest,
            _ => path,
        }
    }

    /// Checks everything but the content.
    pub(super) fn check(&self, head: &Parts, path: &str) -> Result<(), Denied> {
        let changes = match head.method {
            Method::GET | Method::HEAD => false,
            Method::POST => true,
            _ => return Err(Denied::Method),
        };
        // HTTP/2 has the host in the target.
        let target = head.uri.authority().map(|authority| authority.as_str()).filter(|_| self.is_mounted);
        let host = only(&head.headers, &HOST).or(target).ok_or(Denied::Host)?;
        if !self.is_ours(host) {
            return Err(Denied::Host);
        }
        let site = only(&head.headers, &FETCH_SITE);
        if changes {
            let origin = only(&head.headers, &ORIGIN).ok_or(Denied::Origin)?;
            // A browser says so only where the connection is safe: over TLS, or within this machine.
            let says_site = origin.starts_with("https://") || is_local(host);
            let is_same = site == Some("same-origin") || site.is_none() && !says_site;
            if !is_same || !self.is_our_page(origin, host) {
                return Err(Denied::Origin);
            }
        } else if !matches!(site, None | Some("same-origin" | "none"))
            && only(&head.headers, &FETCH_MODE) != Some("navigate")
        {
            return Err(Denied::Site);
        }
        if path == "/login" && changes {
            return Ok(());
        }
        self.check_token(head, changes)
    }

    fn check_token(&self, head: &Parts, changes: bool) -> Result<(), Denied> {
        let Some(token) = &self.token else { return Ok(()) };
        let given = Query::of(&head.uri);
        if !changes && given.get(TOKEN).is_some_and(|given| token.is(given)) {
            return Err(Denied::Link);
        }
        let bearer = only(&head.headers, &AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        let (name, now) = (token.cookie(), SystemTime::now());
        let mut sessions = cookies(&head.headers).filter(|(given, _)| *given == name);
        if bearer.is_some_and(|bearer| token.is(bearer))
            || sessions.any(|(_, session)| token.has_session(session, now))
        {
            return Ok(());
        }
        let came_from_elsewhere =
            only(&head.headers, &FETCH_SITE).is_some_and(|site| site.starts_with("cross"));
        Err(if came_from_elsewhere && !changes { Denied::Hop } else { Denied::Token })
    }

    /// Answers a request that was not let in. The operator may read why.
    pub(super) fn deny(&self, denied: Denied, head: &Parts) -> Response<AdminBody> {
        match denied {
            Denied::Method => {
                with_header(failed(405, "the admin pages take GET and POST"), ALLOW, "GET, HEAD, POST")
            }
            Denied::Host => refused(
                "these pages are reached under an IP address or as localhost; for another name, set `admin-url`",
            ),
            Denied::Site => refused("another site may not load this"),
            Denied::Origin => refused("changes are accepted from these pages only"),
            Denied::Token => self.ask(false),
            Denied::Link => {
                self.with_session(head, html(StatusCode::OK, pages::go_on(self.base(), &self.here(head))))
            }
            Denied::Hop => html(StatusCode::OK, pages::go_on(self.base(), &self.here(head))),
        }
    }

    /// The page that was asked for, without the token.
    fn here(&self, head: &Parts) -> String {
        let path = self.path(head.uri.path()).trim_start_matches('/');
        format!("{}/{path}?{}", self.base, Query::of(&head.uri).without(TOKEN))
    }

    /// Answers the form that asks for the token.
    pub(super) fn log_in(&self, form: &Query, head: &Parts) -> Response<AdminBody> {
        let overview = see_other(&format!("{}/", self.base()));
        match (&self.token, form.get(TOKEN)) {
            (Some(token), Some(given)) if token.is(given) => self.with_session(head, overview),
            (None, _) => overview,
            _ => {
                warn!(host = only(&head.headers, &HOST), "a wrong token was given for the admin pages");
                self.ask(true)
            }
        }
    }

    /// Asks for the token.
    fn ask(&self, was_wrong: bool) -> Response<AdminBody> {
        let form = html(StatusCode::UNAUTHORIZED, pages::login(self.base(), was_wrong));
        with_header(form, WWW_AUTHENTICATE, "Bearer")
    }

    /// Has the browser forget its session.
    pub(super) fn log_out(&self) -> Response<AdminBody> {
        let overview = see_other(&format!("{}/", self.base()));
        match &self.token {
            Some(token) => {
                with_header(overview, SET_COOKIE, &format!("{}; Max-Age=0", self.cookie(token, "")))
            }
            None => overview,
        }
    }

    /// The session's cookie.
    fn cookie(&self, token: &Token, session: &str) -> String {
        let is_secure = self.url.as_ref().is_some_and(|url| url.scheme_str() == Some("https"));
        let path = if self.base.is_empty() { "/" } else { &self.base };
        let secure = if is_secure { "; Secure" } else { "" };
        format!("{}={session}; HttpOnly; SameSite=Strict; Path={path}{secure}", token.cookie())
    }

    /// Starts a session.
    fn with_session(&self, head: &Parts, response: Response<AdminBody>) -> Response<AdminBody> {
        let Some(token) = &self.token else { return response };
        info!(host = only(&head.headers, &HOST), "an operator opened the admin pages with the token");
        with_header(response, SET_COOKIE, &self.cookie(token, &token.session(SystemTime::now())))
    }

    /// Whether a `Host` header names this machine in a way that no other site can.
    fn is_ours(&self, host: &str) -> bool {
        let Ok(authority) = host.parse::<Authority>() else { return false };
        let name = authority.host();
        let is_named =
            self.url.as_ref().and_then(Uri::host).is_some_and(|own| own.eq_ignore_ascii_case(name));
        self.is_mounted
            || is_named
            || name.eq_ignore_ascii_case("localhost")
            || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
    }

    /// Whether a page is one of ours, which was reached under this host: through the proxy, or past it.
    fn is_our_page(&self, origin: &str, host: &str) -> bool {
        let public = self.url.as_ref().and_then(|url| Some((url.scheme_str()?, url.authority()?)));
        let (origin, own) = (normal(origin), |scheme: &str| normal(&format!("{scheme}://{host}")));
        origin == own("http")
            || self.is_mounted && origin == own("https")
            || public.is_some_and(|(scheme, authority)| origin == normal(&format!("{scheme}://{authority}")))
    }
}

/// An origin as browsers write it: in lower case, without the usual port.
fn normal(origin: &str) -> String {
    let origin = origin.to_ascii_lowercase();
    let usual = if origin.starts_with("https:") { ":443" } else { ":80" };
    origin.strip_suffix(usual).map_or(origin.clone(), str::to_owned)
}

/// Whether a host, which may have a port, is this machine itself.
fn is_local(host: &str) -> bool {
    host.parse().is_ok_and(|authority: Authority| is_loopback(authority.host()))
}

/// The value of a header that may be there once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    if values.next().is_some() { None } else { value.to_str().ok() }
}

/// The names and values of all cookies.
fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let texts = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='))
}
