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

use hyper::header::{AUTHORIZATION, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN, SET_COOKIE};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode, Uri};

use super::Reached;
use super::answer::{AdminBody, failed, html, refused, see_other};
use super::pages;
use super::query::Query;
use super::token::Token;

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
    /// The URL contains the token: the browser is sent on with a session.
    Link,
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
            if site != Some("same-origin") || !self.is_our_page(origin, host) {
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
        let bearer = only(&head.headers, &AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        let session = cookies(&head.headers).find(|(name, _)| *name == token.cookie());
        if bearer.is_some_and(|bearer| token.is(bearer))
            || session.is_some_and(|(_, session)| token.has_session(session, SystemTime::now()))
        {
            return Ok(());
        }
        let given = Query::of(&head.uri);
        match given.get(TOKEN) {
            Some(given) if !changes && token.is(given) => Err(Denied::Link),
            _ => Err(Denied::Token),
        }
    }

    /// Answers a request that was not let in. The operator may read why.
    pub(super) fn deny(&self, denied: Denied, head: &Parts) -> Response<AdminBody> {
        match denied {
            Denied::Method => failed(405, "the admin pages take GET and POST"),
            Denied::Host => refused(
                "these pages are reached under an IP address or as localhost; for another name, set `admin-url`",
            ),
            Denied::Site => refused("another site may not load this"),
            Denied::Origin => refused("changes are accepted from these pages only"),
            Denied::Token => html(StatusCode::UNAUTHORIZED, pages::login(self.base(), false)),
            Denied::Link => self.with_session(head, self.path(head.uri.path())),
        }
    }

    /// Answers the form that asks for the token.
    pub(super) fn log_in(&self, form: &Query, head: &Parts) -> Response<AdminBody> {
        match (&self.token, form.get(TOKEN)) {
            (Some(token), Some(given)) if token.is(given) => self.with_session(head, "/"),
            (None, _) => see_other(&format!("{}/", self.base())),
            _ => html(StatusCode::UNAUTHORIZED, pages::login(self.base(), true)),
        }
    }

    /// Starts a session, and sends the browser to a page.
    fn with_session(&self, head: &Parts, page: &str) -> Response<AdminBody> {
        let base = self.base();
        let mut response = see_other(&format!("{base}{page}"));
        let Some(token) = &self.token else { return response };
        let is_secure = self.url.as_ref().is_some_and(|url| url.scheme_str() == Some("https"));
        let cookie = format!(
            "{}={}; HttpOnly; SameSite=Strict; Path={base}/{}",
            token.cookie(),
            token.session(SystemTime::now()),
            if is_secure { "; Secure" } else { "" }
        );
        if let Ok(cookie) = HeaderValue::try_from(cookie) {
            response.headers_mut().insert(SET_COOKIE, cookie);
        }
        tracing::info!(
            host = only(&head.headers, &HOST),
            "an operator opened the admin pages with their token"
        );
        response
    }

    /// Whether a `Host` header names this machine in a way that no other site can.
    fn is_ours(&self, host: &str) -> bool {
        let Ok(authority) = host.parse::<hyper::http::uri::Authority>() else { return false };
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
        let is_own = |scheme: &str| origin.strip_prefix(scheme) == Some(host);
        is_own("http://")
            || self.is_mounted && is_own("https://")
            || public.is_some_and(|(scheme, authority)| origin == format!("{scheme}://{authority}"))
    }
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
