//! Headers.

use product_tests::{Connection, Server, unix_now};

use super::{Good, HEADERS, POST, Row, check, request, with};

#[test]
fn there_is_one_host() {
    check(vec![
        Row::closed("no host", 400, request(POST, "SIGNED\r\nFRAMED")),
        Row::closed("two hosts", 400, with("Host: b")),
        Row::closed("the same host twice", 400, with("Host: a")),
        Row::closed("a host with a path", 400, request(POST, "Host: a/b\r\nSIGNED\r\nFRAMED")),
        Row::goes_on("a host with a port", 200, request(POST, "Host: [::1]:80\r\nSIGNED\r\nFRAMED")),
    ]);
}

#[test]
fn headers_have_limits() {
    let some = |count: usize| Vec::from_iter((0..count).map(|n| format!("X-{n}: 1"))).join("\r\n");
    let long = format!("X: {}", "x".repeat(20_000));
    check(vec![
        Row::goes_on("64 headers", 200, with(some(61))),
        Row::closed("65 headers", 431, with(some(62))),
        Row::closed("101 headers", 431, with(some(98))),
        Row::closed("a header of 20 KB", 431, with(long)),
        Row::closed("5,000 headers", 431, with(some(5_000))),
    ]);
}

#[test]
fn headers_have_a_grammar() {
    let log = check(vec![
        Row::closed("no colon", 400, with("X")),
        Row::closed("no name", 400, with(": x")),
        Row::closed("a space in the name", 400, with("X Y: z")),
        Row::closed("a space before the colon", 400, with("X : y")),
        Row::closed("a folded line", 400, with("X: y\r\n z")),
        Row::closed("a carriage return alone", 400, with("X: y\rz")),
        Row::closed("NUL", 400, with("X: y\0z")),
        Row::goes_on("line feeds alone", 200, {
            let good = String::from_utf8(request(POST, HEADERS)).expect("it is text");
            let (head, body) = good.split_once("\r\n\r\n").expect("it has a head");
            format!("{}\n\n{body}", head.replace('\r', ""))
        }),
        Row::goes_on("bytes above ASCII", 200, with(b"X: \x80\xff")),
        Row::closed("an escape sequence", 400, with("User-Agent: \x1b[2J")),
        Row::goes_on("what looks like a line of the log", 200, with("User-Agent: \\r\\nERROR \\x1b[31m")),
        Row::closed("an escape sequence in the method", 400, request("PO\x1b[2JST / HTTP/1.1", HEADERS)),
        Row::closed("an escaped escape in the path", 404, request("POST /%1b[2J HTTP/1.1", HEADERS)),
    ]);
    assert!(!log.contains('\x1b'), "{log}");
}

#[test]
fn what_the_headers_ask_for_is_not_done() {
    check(vec![
        Row::goes_on("an upgrade to HTTP/2", 200, {
            with("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA")
        }),
        Row::goes_on("a websocket", 200, with("Connection: Upgrade\r\nUpgrade: websocket")),
        Row::goes_on("text", 200, with("Content-Type: text/plain")),
        Row::goes_on("JSON in UTF-16", 200, with("Content-Type: application/json; charset=utf-16")),
        Row::goes_on("another sender", 200, with("X-Forwarded-For: 127.0.0.1")),
        Row::goes_on("another method", 200, with("X-HTTP-Method-Override: DELETE")),
        Row::goes_on("another path", 200, with("X-Original-URL: /admin")),
        Row::closed("to close", 200, with("Connection: close")),
    ]);
}

#[test]
fn a_body_in_another_coding_is_refused() {
    check(vec![
        Row::closed("gzip", 415, with("Content-Encoding: gzip")),
        Row::closed("gzip after identity", 415, with("Content-Encoding: identity\r\nContent-Encoding: gzip")),
        Row::closed("an unknown coding", 415, with("Content-Encoding: xx")),
        Row::goes_on("identity", 200, with("Content-Encoding: identity")),
        Row::closed("an expectation that is not known", 417, with("Expect: 200-ok")),
    ]);
}

#[test]
fn a_sender_that_waits_to_send_its_body_is_told_after_the_cheap_checks() {
    let server = Server::start(env!("CARGO_BIN_EXE_durable"), &[]);
    let expecting = |headers: &str| {
        let good = Good::new();
        let head = good.request(POST, &format!("Host: a\r\nExpect: 100-continue\r\n{headers}"));
        (good.body.clone(), head[..head.len() - good.body.len()].to_vec())
    };
    let old = format!("Stripe-Signature: t={},v1={}\r\nFRAMED", unix_now() - 9_000, "0".repeat(64));
    for (name, headers, status) in [
        ("no signature", "FRAMED", 400),
        ("a signature that is not one", "Stripe-Signature: t=1\r\nFRAMED", 400),
        ("too much", "SIGNED\r\nContent-Length: 1000000000000", 413),
        ("compressed", "SIGNED\r\nFRAMED\r\nContent-Encoding: gzip", 415),
    ] {
        let mut connection = Connection::open(server.address);
        connection.send(expecting(headers).1);
        // The first answer is the last: there is no 100 before it.
        let answer = connection.answer();
        assert_eq!((answer.status(), answer.header("connection")), (status, Some("close")), "{name}");
        assert!(connection.is_closed(), "{name}");
    }
    // A few of those whose time is wrong are read; the others are not.
    let untimely = (0..20).map(|_| {
        let mut connection = Connection::open(server.address);
        connection.send(expecting(&old).1);
        connection.answer_without_body().status()
    });
    let untimely: Vec<_> = untimely.collect();
    assert!(untimely.contains(&400), "{untimely:?}");

    let (body, head) = expecting("SIGNED\r\nFRAMED");
    let mut connection = Connection::open(server.address);
    connection.send(head);
    assert_eq!(connection.answer_without_body().status(), 100);
    connection.send(body);
    assert_eq!(connection.answer().status(), 200);
    connection.send(Good::new().request(POST, HEADERS));
    assert_eq!(connection.answer().status(), 200, "the connection goes on");
    server.stop();
}
