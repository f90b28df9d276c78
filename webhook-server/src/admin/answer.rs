//! Answers, with the headers that every one of them has.
//!
//! A page holds customers' data: no cache keeps it, no other site frames, reads or learns the address of it, and a browser
//! runs nothing in it but the script that its hash names.

use std::sync::LazyLock;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::{Response, StatusCode};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc::Receiver;

use super::body::AdminBody;

/// The one stylesheet, and the one script, which every page contains.
pub(super) const STYLE: &str = include_str!("pages/style.css");
pub(super) const SCRIPT: &str = concat!(include_str!("pages/script.js"), include_str!("pages/live.js"));

/// What a browser may do with a page.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = |text: &str| format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text)));
    format!(
        "default-src 'none'; style-src {}; script-src {}; img-src data:; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
});

/// A page.
pub(super) fn html(status: StatusCode, page: String) -> Response<AdminBody> {
    answer(status, "text/html; charset=utf-8", AdminBody::whole(page))
}

/// A page that may listen to a stream of ours.
pub(super) fn live(page: String) -> Response<AdminBody> {
    let policy = format!("{}; connect-src 'self'", *POLICY);
    with_header(html(StatusCode::OK, page), CONTENT_SECURITY_POLICY, &policy)
}

/// A stream of server-sent events.
pub(super) fn stream(pieces: Receiver<Bytes>) -> Response<AdminBody> {
    answer(StatusCode::OK, "text/event-stream", AdminBody::stream(pieces))
}

/// A line of text.
pub(super) fn plain(status: u16, text: &str) -> Response<AdminBody> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer(status, "text/plain; charset=utf-8", AdminBody::whole(text.to_owned()))
}

/// A text of its own type.
pub(super) fn text(content_type: &'static str, text: String) -> Response<AdminBody> {
    answer(StatusCode::OK, content_type, AdminBody::whole(text))
}

/// Sends the browser to another page.
pub(super) fn see_other(location: &str) -> Response<AdminBody> {
    with_header(plain(303, ""), LOCATION, location)
}

/// What is wrong with a request.
pub(super) fn failed(status: u16, sentence: &str) -> Response<AdminBody> {
    plain(status, &format!("{sentence}\n"))
}

/// A request that is understood, and not carried out.
pub(super) fn refused(sentence: &str) -> Response<AdminBody> {
    failed(403, sentence)
}

fn answer(status: StatusCode, content_type: &'static str, body: AdminBody) -> Response<AdminBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        // With `no-referrer`, a browser would hide the origin from our own forms, too.
        (REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    with_header(response, CONTENT_SECURITY_POLICY, &POLICY)
}

/// The same answer with one more header. A value that no header can have is left out.
pub(super) fn with_header(
    mut response: Response<AdminBody>,
    name: HeaderName,
    value: &str,
) -> Response<AdminBody> {
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(name, value);
    }
    response
}
