//! Connections and request lines.

use super::{HEADERS, POST, Row, check, request, with_body};

#[test]
fn what_is_not_http_is_closed() {
    let noise: Vec<u8> = (0_u32..254).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8 | 0x80).collect();
    let tls = [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice(), &noise].concat();
    let log = check(vec![
        Row::unanswered("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        Row::closed("TLS", 400, tls),
        Row::closed("noise", 400, noise),
        Row::closed("a proxy's line before the request", 400, {
            [&b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n"[..], &request(POST, HEADERS)].concat()
        }),
        Row::closed("HTTP/0.9", 400, "GET /\r\n\r\n"),
        Row::closed("HTTP/1.2", 400, request("POST /webhook HTTP/1.2", HEADERS)),
        Row::closed("HTTP/2.0", 400, request("POST /webhook HTTP/2.0", HEADERS)),
        Row::closed("a method that is not a token", 400, request("G@T /webhook HTTP/1.1", HEADERS)),
        Row::closed("a space in the target", 400, request("POST /web hook HTTP/1.1", HEADERS)),
        Row::closed("a target of 70 KB", 431, {
            request(&format!("POST /{} HTTP/1.1", "x".repeat(70_000)), HEADERS)
        }),
        Row::unanswered("nothing", "").half_closing(),
    ]);
    // One line for the first; the summary counts the others.
    assert_eq!(log.matches("what arrived is not a request").count(), 1, "{log}");
    assert!(log.contains("kind=\"malformed\" count=9"), "{log}");
}

#[test]
fn half_a_request_is_not_an_error() {
    let log = check(vec![
        Row::unanswered("half a head, and then nothing more", "POST /webhook HTTP/1.1\r\nHos").half_closing(),
    ]);
    assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");
}

#[test]
fn a_sender_that_sends_nothing_more_still_gets_its_answer() {
    check(vec![
        Row::closed("a whole request", 200, request(POST, HEADERS)).half_closing(),
        Row::closed("a refused one", 404, request("POST /other HTTP/1.1", HEADERS)).half_closing(),
    ]);
}

#[test]
fn a_request_is_for_a_path_of_this_server() {
    let to = |target: &str| request(&format!("POST {target} HTTP/1.1"), HEADERS);
    let by = |method: &str| request(&format!("{method} /webhook HTTP/1.1"), HEADERS);
    let log = check(vec![
        Row::closed("a whole URL", 400, to("http://evil/webhook")),
        Row::closed("a whole URL to another path", 400, to("http://evil/w")),
        Row::closed("a host and a port", 400, to("evil:443")),
        Row::closed("a tunnel", 405, request("CONNECT x:443 HTTP/1.1", HEADERS)),
        Row::closed("the server itself", 405, request("OPTIONS * HTTP/1.1", HEADERS)),
        Row::closed("TRACE", 405, by("TRACE")),
        Row::closed("PUT", 405, by("PUT")),
        Row::closed("GET", 405, by("GET")),
        Row::closed("the method in lower case", 405, by("post")),
        Row::closed("a method of 100 letters", 405, by(&"M".repeat(100))),
        Row::closed("a method of 10,000 letters", 405, by(&"M".repeat(10_000))),
        Row::closed("another path", 404, to("/wp-login.php")),
        Row::closed("a slash at the end", 404, to("/webhook/")),
        Row::closed("two slashes", 404, to("/webhook//x")),
        Row::closed("an escaped letter", 404, to("/%77ebhook")),
        Row::goes_on("a query", 200, to("/webhook?x=1")),
    ]);
    assert!(log.lines().all(|line| line.len() < 1_000), "{log}");
}

#[test]
fn http_1_0_is_answered_and_closed() {
    let old = "POST /webhook HTTP/1.0";
    check(vec![
        Row::closed("HTTP/1.0", 200, request(old, HEADERS)),
        Row::closed("HTTP/1.0 that would go on", 200, {
            request(old, &format!("{HEADERS}\r\nConnection: keep-alive"))
        }),
        Row::closed("HTTP/1.0 without a host", 200, request(old, "SIGNED\r\nFRAMED")),
        Row::closed("HTTP/1.0 with two hosts", 400, request(old, &format!("{HEADERS}\r\nHost: b"))),
        Row::closed(
            "HTTP/1.0 in chunks",
            400,
            request(old, "Host: a\r\nSIGNED\r\nTransfer-Encoding: chunked"),
        ),
        Row::goes_on("HTTP/1.1", 200, with_body(b"{}")),
    ]);
}
