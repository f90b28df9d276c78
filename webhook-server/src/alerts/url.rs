//! The URL that alerts are posted to. It usually holds a token, so that only its scheme and its host are ever shown.

use std::fmt;

use hyper::Uri;

use crate::http_client::has_usable_port;
use crate::loopback::is_loopback;

/// The URL of a hook, such as one of a chat. `Debug` shows its scheme and its host.
#[derive(Clone, PartialEq, Eq)]
pub struct AlertUrl(String);

impl From<&str> for AlertUrl {
    fn from(url: &str) -> Self {
        Self(url.to_owned())
    }
}

impl From<String> for AlertUrl {
    fn from(url: String) -> Self {
        Self(url)
    }
}

impl fmt::Debug for AlertUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AlertUrl").field(&self.shown()).finish()
    }
}

impl AlertUrl {
    /// The URL as text, but for its fragment. `None` if it is not one, or not of a host.
    pub(crate) fn uri(&self) -> Option<Uri> {
        let uri: Uri = self.0.parse().ok()?;
        uri.host().filter(|host| !host.is_empty())?;
        has_usable_port(&uri).then_some(())?;
        matches!(uri.scheme_str(), Some("http" | "https")).then_some(uri)
    }

    /// What a message shows of it.
    pub(crate) fn shown(&self) -> String {
        let Some(uri) = self.uri() else { return "…".to_owned() };
        let (scheme, host) = (uri.scheme_str().unwrap_or_default(), uri.host().unwrap_or_default());
        let port = uri.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{scheme}://{host}{port}{}", if self.has_secret() { "/…" } else { "" })
    }

    /// Whether there is more than what is shown, which may be a token.
    pub(crate) fn has_secret(&self) -> bool {
        let is_plain = |uri: Uri| {
            uri.path_and_query().is_none_or(|path| path == "/")
                && uri.authority().is_none_or(|authority| !authority.as_str().contains('@'))
        };
        !self.uri().is_some_and(is_plain)
    }

    /// Checks that what is posted there can be read by nobody on the way.
    ///
    /// # Errors
    ///
    /// Says what it must be instead.
    pub(crate) fn check(&self) -> Result<(), String> {
        let uri = self.uri().filter(|uri| uri.authority().is_some_and(|it| !it.as_str().contains('@')));
        let is_https = uri.as_ref().is_some_and(|uri| uri.scheme_str() == Some("https"));
        if is_https && !cfg!(feature = "tls") {
            return Err(
                "left out or begin with http://, because this program was built without the feature `tls` of \
                 `webhook-server`"
                    .to_owned(),
            );
        }
        match uri {
            Some(uri) if is_https || uri.host().is_some_and(is_loopback) => Ok(()),
            _ => Err("a URL that begins with https://, without a login; or with http:// and an address of this machine, \
                      such as http://127.0.0.1:9000/alerts"
                .to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_scheme_and_host_are_shown_and_only_what_is_safe_is_taken() {
        for (url, shown, is_safe) in [
            ("https://hooks.example.com/services/T0/B0/geheim", "https://hooks.example.com/…", true),
            ("https://hooks.example.com?geheim", "https://hooks.example.com/…", true),
            ("https://hooks.example.com:8443", "https://hooks.example.com:8443", true),
            ("https://hooks.example.com/", "https://hooks.example.com", true),
            ("https://geheim@hooks.example.com/", "https://hooks.example.com/…", false),
            ("https://shop:geheim@hooks.example.com/", "https://hooks.example.com/…", false),
            ("http://127.0.0.1:9000/geheim", "http://127.0.0.1:9000/…", true),
            ("http://127.0.0.1:99000/geheim", "…", false),
            ("http://127.0.0.1:0/geheim", "…", false),
            ("http://127.0.0.1:/geheim", "…", false),
            ("http://[::1]:99000/geheim", "…", false),
            ("http://[::1]:9000/geheim", "http://[::1]:9000/…", true),
            ("http://localhost/geheim", "http://localhost/…", true),
            ("http://localhost.example.com/geheim", "http://localhost.example.com/…", false),
            ("http://10.0.0.1/geheim", "http://10.0.0.1/…", false),
            ("ftp://127.0.0.1/geheim", "…", false),
            ("hooks.example.com/geheim", "…", false),
            ("/geheim", "…", false),
            ("https://", "…", false),
            ("https:///geheim", "…", false),
            ("whsec_geheim", "…", false),
            ("https://hooks.example.com/ge heim", "…", false),
            ("", "…", false),
        ] {
            let url = AlertUrl::from(url);
            assert_eq!(url.shown(), shown);
            assert_eq!(format!("{url:?}"), format!("AlertUrl({shown:?})"));
            assert_eq!(url.has_secret(), shown.ends_with('…'));
            let is_safe = is_safe && (cfg!(feature = "tls") || shown.starts_with("http://"));
            assert_eq!(url.check().is_ok(), is_safe, "{shown}");
        }
    }
}
