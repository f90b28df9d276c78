//! The form of a request: what an HTTP library accepts and an endpoint must not.
//!
//! These checks are functions of the request's head, so they hold for every way in: our own listener, and a server of
//! which we are a part. They read no byte of the body. Framing and the size of the head are up to the listener.

use hyper::header::{CONTENT_ENCODING, EXPECT, HOST, HeaderMap, HeaderName, TRANSFER_ENCODING};
use hyper::http::request::Parts;
use hyper::http::uri::Authority;
use hyper::{Method, Version};

use super::outcome::Refusal;

/// Checks what the request is addressed to, before its path means anything.
///
/// A whole URL names a server of its own, which nothing here compares with anything, and a tunnel has no path at all.
///
/// # Errors
///
/// Fails unless the target is a path, as in `POST /webhook`. (In HTTP/2, a target always has an authority.)
pub(super) fn target(head: &Parts) -> Result<(), Refusal> {
    if head.method == Method::CONNECT || head.uri.path() == "*" {
        return Err(Refusal::method(&head.method));
    }
    if head.version <= Version::HTTP_11 && (head.uri.scheme().is_some() || head.uri.authority().is_some()) {
        return Err(Refusal::target(&head.uri));
    }
    Ok(())
}

/// Checks the headers that decide what the bytes of the body are, and how the sender waits.
///
/// # Errors
///
/// Fails unless there is one `Host`, and the body is sent as it was signed: in no transfer coding but `chunked`, and in
/// no content coding. Fails if the sender expects something other than `100-continue`.
pub(super) fn headers(head: &Parts) -> Result<(), Refusal> {
    host(head)?;
    transfer_encoding(&head.headers)?;
    expect(head)?;
    content_encoding(&head.headers)
}

/// Without a host, or with several, a proxy in front may have sent the request where it should not go.
fn host(head: &Parts) -> Result<(), Refusal> {
    let mut hosts = head.headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if head.version == Version::HTTP_11 => Err(Refusal::Host("is missing")),
        (Some(_), Some(_)) => Err(Refusal::Host("is there more than once")),
        (Some(host), None) if !is_host(host.as_bytes()) => Err(Refusal::Host("is not a host")),
        _ => Ok(()),
    }
}

/// Whether this is a host with or without a port. It may be empty.
fn is_host(value: &[u8]) -> bool {
    value.is_empty() || (!value.contains(&b'@') && Authority::try_from(value).is_ok())
}

/// The bytes of another coding are not those that were signed. `chunked` twice is a body within a body, which parsers
/// read differently.
fn transfer_encoding(headers: &HeaderMap) -> Result<(), Refusal> {
    let is_chunked = |coding: &&[u8]| coding.eq_ignore_ascii_case(b"chunked");
    if let Some(other) = items(headers, &TRANSFER_ENCODING).find(|coding| !is_chunked(coding)) {
        return Err(Refusal::transfer_encoding(other));
    }
    if items(headers, &TRANSFER_ENCODING).count() > 1 {
        return Err(Refusal::ChunkedTwice);
    }
    Ok(())
}

/// In HTTP/1.0, there is nothing to expect.
fn expect(head: &Parts) -> Result<(), Refusal> {
    let is_continue = |expected: &&[u8]| expected.eq_ignore_ascii_case(b"100-continue");
    let other = items(&head.headers, &EXPECT).find(|expected| !is_continue(expected));
    match other.filter(|_| head.version >= Version::HTTP_11) {
        Some(other) => Err(Refusal::expect(other)),
        None => Ok(()),
    }
}

/// A compressed body is not unpacked: it may be a bomb, and what was signed is what Stripe sent.
fn content_encoding(headers: &HeaderMap) -> Result<(), Refusal> {
    match items(headers, &CONTENT_ENCODING).find(|coding| !coding.eq_ignore_ascii_case(b"identity")) {
        Some(other) => Err(Refusal::content_encoding(other)),
        None => Ok(()),
    }
}

/// The items of a header that is a list, in all its lines. Empty ones do not count.
fn items<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> {
    let lines = headers.get_all(name).into_iter();
    let items = lines.flat_map(|line| line.as_bytes().split(|&byte| byte == b','));
    items.map(<[u8]>::trim_ascii).filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    /// The kind of the refusal, or nothing.
    fn checked(method: &str, target: &str, version: Version, lines: &[(&str, &[u8])]) -> &'static str {
        let mut request = Request::builder().method(method).uri(target).version(version);
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).expect("it is a request").into_parts();
        super::target(&head).and_then(|()| headers(&head)).err().map_or("", |refusal| refusal.kind())
    }

    #[test]
    fn the_target_is_a_path() {
        for (method, target, version, expected) in [
            ("POST", "/webhook?x=1", Version::HTTP_11, ""),
            ("POST", "http://evil/webhook", Version::HTTP_11, "target"),
            ("POST", "http://evil/webhook", Version::HTTP_10, "target"),
            ("POST", "evil:443", Version::HTTP_11, "target"),
            ("POST", "https://shop.example/webhook", Version::HTTP_2, ""),
            ("CONNECT", "evil:443", Version::HTTP_11, "method"),
            ("OPTIONS", "*", Version::HTTP_11, "method"),
        ] {
            assert_eq!(checked(method, target, version, &[("host", b"a")]), expected, "{method} {target}");
        }
    }

    #[test]
    fn there_is_one_host() {
        for (version, hosts, expected) in [
            (Version::HTTP_11, &["shop.example:8443"][..], ""),
            (Version::HTTP_11, &["[::1]:80"], ""),
            (Version::HTTP_11, &["my_service"], ""),
            (Version::HTTP_11, &[""], ""),
            (Version::HTTP_11, &[], "host"),
            (Version::HTTP_10, &[], ""),
            (Version::HTTP_2, &[], ""),
            (Version::HTTP_11, &["a", "a"], "host"),
            (Version::HTTP_10, &["a", "b"], "host"),
            (Version::HTTP_11, &["a b"], "host"),
            (Version::HTTP_11, &["a/b"], "host"),
            (Version::HTTP_11, &["user@a"], "host"),
        ] {
            let lines: Vec<_> = hosts.iter().map(|host| ("host", host.as_bytes())).collect();
            assert_eq!(checked("POST", "/webhook", version, &lines), expected, "{hosts:?}");
        }
    }

    #[test]
    fn the_body_comes_as_it_was_signed() {
        for (name, values, expected) in [
            ("transfer-encoding", &["chunked"][..], ""),
            ("transfer-encoding", &["Chunked,"], ""),
            ("transfer-encoding", &["gzip, chunked"], "transfer-encoding"),
            ("transfer-encoding", &["gzip", "chunked"], "transfer-encoding"),
            ("transfer-encoding", &["chunked, chunked"], "transfer-encoding"),
            ("transfer-encoding", &["chunked", "chunked"], "transfer-encoding"),
            ("content-encoding", &["identity"], ""),
            ("content-encoding", &[""], ""),
            ("content-encoding", &["gzip"], "content-encoding"),
            ("content-encoding", &["identity, br"], "content-encoding"),
            ("expect", &["100-Continue"], ""),
            ("expect", &["100-continue", "x"], "expect"),
            ("expect", &["200-ok"], "expect"),
        ] {
            let mut lines = vec![("host", &b"a"[..])];
            lines.extend(values.iter().map(|value| (name, value.as_bytes())));
            assert_eq!(checked("POST", "/webhook", Version::HTTP_11, &lines), expected, "{name}: {values:?}");
        }
    }
}
