//! What the sender is told without an inbox, row by row of the status policy; and what the operator is told, which is
//! more.

use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use product_tests::{
    Answer, Connection, OTHER_SECRET, PATIENCE, SECRET, Server, Stream, exchange, program, send, signed,
    unix_now,
};
use webhook_core::Sample;

/// Stands in every event that is sent here, and must not stand in the log.
const CONFIDENTIAL: &str = "the customer's own words";

/// Starts the server with all there is in the log: what must not be in it is not there at any level.
fn start(flags: &[&str]) -> Server {
    let mut command = program(env!("CARGO_BIN_EXE_outcomes"));
    command.env_remove("WEBHOOK_INBOX").env("OUTCOMES_INLINE", "1");
    // What is held is let go by a test, however long that takes.
    command.env("WEBHOOK_HANDLER_TIMEOUT", "10m");
    Server::from_command(command.env("STRIPE_WEBHOOK_SECRET", SECRET).env("RUST_LOG", "trace"), flags)
}

/// A sample event with something confidential in its object. The seed decides its id.
fn event(event_type: &str, seed: u64) -> String {
    let body = Sample::new(event_type, seed).expect("there is such a type").body(1_700_000_000);
    let body = String::from_utf8(body).expect("JSON is UTF-8");
    body.replacen("\"object\": {", &format!("\"object\": {{\n      \"note\": \"{CONFIDENTIAL}\","), 1)
}

/// Stops the server and returns its log, in which there is nothing that the sender sent and nothing secret.
#[track_caller]
fn log_of(server: Server) -> String {
    let log = server.stop().stderr;
    let hex = |word: &str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(!log.contains(CONFIDENTIAL), "a body: {log}");
    assert!(!log.contains(&SECRET[6..]) && !log.contains(&OTHER_SECRET[6..]), "a secret: {log}");
    assert!(!log.split(|char: char| !char.is_alphanumeric()).any(hex), "a signature: {log}");
    log
}

#[test]
fn the_handlers_outcomes_decide_the_status() {
    let server = start(&[]);
    let customer = event("customer.created", 1);
    let newer = customer.replace("customer.created", "customer.teleported");
    let (live, duplicate) = (customer.replace("\"livemode\": false", "\"livemode\": true"), customer.clone());
    for (name, body, status, logged) in [
        ("success", event("payment_intent.succeeded", 1), 200, ""),
        ("failure", event("payment_intent.payment_failed", 1), 500, "the warehouse is closed"),
        ("panic", event("payment_intent.canceled", 1), 500, "panicked at tests/src/bin/outcomes.rs:"),
        ("timeout", event("payment_intent.processing", 1), 500, "had not ended after 200ms"),
        ("retry after", event("charge.captured", 1), 500, "the stock is being counted"),
        ("skip", event("charge.failed", 1), 200, "outcome=\"skipped\" cause=\"sold by another shop\""),
        ("park", event("charge.refunded", 1), 500, "outcome=\"parked\" cause=\"who refunds this?\""),
        ("undecodable", event("customer.updated", 1), 500, "the object does not fit"),
        ("failure beside success", event("invoice.paid", 1), 500, "outcomes::bad_beside_good"),
        ("no handler", customer, 200, ""),
        ("no handler, again", duplicate, 200, ""),
        ("no handler, live mode", live, 200, ""),
        ("type that we do not know", newer, 200, ""),
        ("success after all those failures", event("payment_intent.succeeded", 2), 200, ""),
    ] {
        let answer = server.post(body.as_bytes());
        assert_eq!(answer.status(), status, "{name}");
        assert_eq!(answer.body, format!("{{\"received\":{}}}", status == 200), "{name}");
        server.process.line_with(Stream::Stderr, logged);
    }
    server.process.line_with(Stream::Stdout, "good_beside_bad: ran");
    let log = log_of(server);
    assert!(!log.contains("outcomes::good_beside_bad outcome"), "it succeeded: {log}");
    assert!(log.contains("event skipped"), "a skip is not a failure: {log}");
    // Each line says what an operator looks for.
    let failures: Vec<_> = log.lines().filter(|line| line.contains("handler did not succeed")).collect();
    assert_eq!(failures.len(), 7, "{failures:#?}");
    for failure in failures {
        for field in ["event_id=\"evt_", "event_type=\"", "api_version=", "handler=\"outcomes::", "took_us="]
        {
            assert!(failure.contains(field), "{field}: {failure}");
        }
    }
}

#[test]
fn what_does_not_decode_is_given_up_on_request_only() {
    let server = start(&["--accept-undecodable"]);
    for (event_type, status) in [("customer.updated", 200), ("charge.refunded", 500)] {
        assert_eq!(server.post(event(event_type, 1).as_bytes()).status(), status, "{event_type}");
    }
    let log = log_of(server);
    assert!(log.contains("the object does not fit"), "{log}");
}

#[test]
fn the_sender_cannot_tell_why_a_request_is_refused() {
    let server = start(&[]);
    let body = event("payment_intent.succeeded", 1);
    let (body, now) = (body.as_bytes(), unix_now());
    let good = signed(&[SECRET], now, body);
    let digits = &good[good.len() - 64..];
    let changed = [body, b" "].concat();
    let signature = |text: &str| vec![text.as_bytes().to_vec()];
    let cases = [
        ("no `Stripe-Signature` header", vec![], body),
        ("2 `Stripe-Signature` headers", [signature(&good), signature(&good)].concat(), body),
        ("the signature header is empty", signature(""), body),
        ("something other than visible ASCII", vec![[good.as_bytes(), b",\xff=1"].concat()], body),
        ("has no `t`", signature(&good[good.find("v1").expect("a v1")..]), body),
        ("more than one `t`", signature(&format!("t={now},{good}")), body),
        ("`t` in the signature header is not a number", signature(&good.replace("t=1", "t=+1")), body),
        ("has no `v1`", signature(&good.replace("v1=", "v0=")), body),
        ("no `v1` in the signature header has 64", signature(&good[..good.len() - 1]), body),
        ("more than 16 `v1`", signature(&format!("{good}{}", format!(",v1={digits}").repeat(16))), body),
        ("none of the 1 signature(s) matches", signature(&good), &changed),
        ("none of the 1 signature(s) matches", signature(&signed(&[OTHER_SECRET], now, body)), body),
        ("none of the 1 signature(s) matches", signature(&format!("t={now},v1={}", "0".repeat(64))), body),
        ("under any of the 1 secret(s)", signature(&signed(&[OTHER_SECRET], now - 9000, body)), body),
        ("s old, and 300 s are allowed", signature(&signed(&[SECRET], now - 400, body)), body),
        ("ahead of this machine's clock", signature(&signed(&[SECRET], now + 400, body)), body),
    ];
    let mut answers = Vec::new();
    for (reason, signatures, body) in &cases {
        let headers: Vec<_> = signatures.iter().map(|value| ("Stripe-Signature", &**value)).collect();
        answers.push((*reason, exchange(server.address, "POST", "/webhook", &headers, body)));
    }
    let fits_nothing = [
        ("the body is empty", String::new()),
        ("the body is JSON, but not an object", format!("[\"{CONFIDENTIAL}\"]")),
        ("the body is not JSON (line 1, column", format!("{{ {CONFIDENTIAL}")),
        ("`object` is missing", "{}".to_owned()),
        ("`type` is missing", event("payment_intent.succeeded", 1).replace("\"type\"", "\"typ\"")),
        ("`id` is missing", event("payment_intent.succeeded", 1).replace("evt_", "evt\\n")),
        (
            "`related_object` is missing, or is not an object with a `type` and a `url`",
            r#"{"id": "evt_1", "object": "v2.core.event", "type": "v1.charge.succeeded", "livemode": false,
                "related_object": {"id": "ch_1"}}"#
                .to_owned(),
        ),
    ];
    for (reason, body) in &fits_nothing {
        answers.push((reason, server.post(body.as_bytes())));
    }

    // All answers are the same, and no connection ends.
    let first = answers[0].1.timeless();
    for (reason, answer) in &answers {
        assert_eq!((answer.status(), answer.header("connection")), (400, None), "{reason}");
        assert_eq!(answer.timeless(), first, "{reason}");
    }
    let log = log_of(server);
    let refused: Vec<_> = log.lines().filter(|line| line.contains("request refused")).collect();
    assert_eq!(refused.len(), answers.len(), "{refused:#?}");
    for (line, (reason, _)) in refused.iter().zip(&answers) {
        assert!(line.contains(reason) && line.contains("status=400"), "{reason}: {line}");
        assert!(line.contains("peer=127.0.0.1:"), "{line}");
    }
    // One of a kind is enough for those who look at warnings only.
    assert_eq!(refused.iter().filter(|line| line.contains("WARN")).count(), 5, "{refused:#?}");
}

/// Starts the server as an operator does, with the log at its usual level.
fn start_quietly(flags: &[&str]) -> Server {
    let mut command = program(env!("CARGO_BIN_EXE_outcomes"));
    command.env_remove("WEBHOOK_INBOX").env("OUTCOMES_INLINE", "1").env("STRIPE_WEBHOOK_SECRET", SECRET);
    Server::from_command(&mut command, flags)
}

#[test]
fn many_scans_make_two_lines_in_the_log_and_the_first_says_which_path_there_is() {
    let server = start_quietly(&[]);
    let long = format!("/{}", "x".repeat(200));
    for number in 0..300 {
        let path = if number == 0 { &*long } else { "/wp-login.php" };
        assert_eq!(exchange(server.address, "POST", path, &[], b"").status(), 404);
    }
    let log = log_of(server);
    let lines: Vec<_> = log.lines().filter(|line| line.contains("refused")).collect();
    let [first, others] = &*lines else { panic!("{lines:#?}") };
    let shown = format!("there is no endpoint at `/{}…`, only at `/webhook`", "x".repeat(99));
    assert!(first.contains(&shown), "{first}");
    assert!(first.contains("status=404") && first.contains("peer=127.0.0.1:"), "{first}");
    assert!(others.contains("kind=\"path\" count=299") && others.contains("/wp-login.php"), "{others}");
}

#[test]
fn a_body_that_was_changed_on_its_way_is_named_in_the_log_and_not_to_the_sender() {
    let body = event("payment_intent.succeeded", 1);
    let signature = signed(&[SECRET], unix_now(), body.as_bytes());
    let compact = serde_json::from_str::<serde_json::Value>(&body).expect("it is JSON").to_string();
    let mut answers = Vec::new();
    for (changed, told) in [
        (body.replace("usd", "eur"), None),
        (compact.clone(), Some("without line breaks")),
        (serde_json::to_string(&compact).expect("a text is JSON"), Some("JSON in a JSON text")),
        (format!("{body}\n"), Some("white space, such as a line break, was added")),
        (String::new(), Some("it is empty")),
    ] {
        let server = start(&[]);
        answers.push(send(server.address, &signature, changed.as_bytes()).timeless());
        let log = log_of(server);
        let refused = log.lines().find(|line| line.contains("request refused")).expect("it is refused");
        let hint = "the body is not formatted as Stripe formats it: ";
        assert_eq!(refused.contains(hint), told.is_some(), "{refused}");
        assert!(refused.contains(told.unwrap_or_default()), "{told:?}: {refused}");
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
}

#[test]
fn a_panics_text_is_in_no_line_but_one_for_developers() {
    for (level, hook, is_told) in [
        ("info", false, false),
        ("info,outcomes=debug,webhook_server=debug", false, true),
        ("info", true, true),
    ] {
        let mut command = program(env!("CARGO_BIN_EXE_outcomes"));
        command.env("STRIPE_WEBHOOK_SECRET", SECRET).env("RUST_LOG", level);
        if hook {
            command.env("OUTCOMES_HOOK", "1");
        }
        let server = Server::from_command(&mut command, &[]);
        assert_eq!(server.post(event("charge.expired", 1).as_bytes()).status(), 200);
        let failed = server.process.line_with(Stream::Stderr, "handler failed");
        assert!(failed.contains("panicked at tests/src/bin/outcomes.rs:"), "{failed}");
        let log = server.stop().stderr;
        assert_eq!(log.contains(CONFIDENTIAL), is_told, "{level}: {log}");
        assert_eq!(log.contains("the program's own hook"), hook, "{log}");
    }
}

#[test]
fn many_signatures_whose_time_is_wrong_are_refused_unread() {
    let server = start(&[]);
    let body = event("payment_intent.succeeded", 1);
    let old = signed(&[SECRET], unix_now() - 400, body.as_bytes());
    for _ in 0..50 {
        assert_eq!(send(server.address, &old, body.as_bytes()).status(), 400);
    }
    let log = log_of(server);
    assert!(log.contains("the signature is authentic but 40"), "some are verified: {log}");
    assert!(log.contains("the signature is 40"), "others are not: {log}");
}

#[test]
fn there_is_one_path_and_one_method() {
    let server = start(&[]);
    let body = event("payment_intent.succeeded", 1);
    let signature = signed(&[SECRET], unix_now(), body.as_bytes());
    let ask = |method: &str, path: &str| -> Answer {
        let headers = [("Stripe-Signature", signature.as_bytes())];
        exchange(server.address, method, path, &headers, body.as_bytes())
    };
    for path in
        ["/", "/webhook/", "//webhook", "/Webhook", "/webhooks", "/webhook%2f", "/x/../webhook", "/%77ebhook"]
    {
        for method in ["POST", "GET"] {
            let answer = ask(method, path);
            assert_eq!((answer.status(), answer.header("location")), (404, None), "{method} {path}");
        }
    }
    for method in ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "PUT", "post"] {
        let answer = ask(method, "/webhook");
        assert_eq!((answer.status(), answer.header("allow")), (405, Some("POST")), "{method}");
    }
    // Stripe's recipe for moving to another API version is a second endpoint on the same path, told by its query.
    for path in ["/webhook", "/webhook?version=2", "/webhook?"] {
        assert_eq!(ask("POST", path).status(), 200, "{path}");
    }
    log_of(server);
}

#[test]
fn a_body_has_a_limit_and_a_deadline() {
    const LIMIT: usize = 16 * 1024;
    let server = start(&["--body-limit", &LIMIT.to_string(), "--body-timeout", "5s"]);
    let mut body = event("payment_intent.succeeded", 1);
    body.push_str(&" ".repeat(LIMIT - body.len()));
    assert_eq!(server.post(body.as_bytes()).status(), 200, "at the limit");
    let chunked = [b"4000\r\n", body.as_bytes(), b"\r\n0\r\n\r\n"].concat();
    for (name, framing, sent, status) in [
        ("announced", format!("Content-Length: {}", LIMIT + 1), vec![], 413),
        ("announced, and much more", "Content-Length: 1000000000000".to_owned(), vec![], 413),
        ("in chunks, at the limit", "Transfer-Encoding: chunked".to_owned(), chunked, 200),
        (
            "in chunks",
            "Transfer-Encoding: chunked".to_owned(),
            [b"4001\r\n", body.as_bytes(), b" "].concat(),
            413,
        ),
        ("not all of it", format!("Content-Length: {LIMIT}"), body.as_bytes()[1..].to_vec(), 408),
    ] {
        let mut connection = Connection::open(server.address);
        let signature = signed(&[SECRET], unix_now(), body.as_bytes());
        let head = format!(
            "POST /webhook HTTP/1.1\r\nHost: a\r\nStripe-Signature: {signature}\r\n{framing}\r\n\r\n"
        );
        connection.send([head.as_bytes(), &sent].concat());
        assert_eq!(connection.answer().status(), status, "{name}");
        // What is left of the body must not be taken for the next request.
        assert!(status == 200 || connection.is_closed(), "{name}");
    }
    let log = log_of(server);
    for told in [
        "the body is longer than 16384 bytes, which is `body-limit`: set WEBHOOK_BODY_LIMIT or ",
        "the body had not arrived after 5s, which is `body-timeout`: set WEBHOOK_BODY_TIMEOUT or ",
    ] {
        assert!(log.contains(told), "{told}: {log}");
    }
}

#[test]
fn an_event_that_is_being_handled_is_not_handled_twice_at_once() {
    let mut server = start(&[]);
    let body = event("payout.paid", 1);
    let [first, other] = [&body, &event("payout.paid", 2)].map(|body| {
        let mut connection = Connection::open(server.address);
        let signature = signed(&[SECRET], unix_now(), body.as_bytes());
        let head = format!("POST /webhook HTTP/1.1\r\nHost: a\r\nStripe-Signature: {signature}\r\n");
        connection.send(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()));
        let id = server.process.line(Stream::Stdout, |line| {
            let id = line.strip_prefix("held: ")?;
            body.contains(id).then(|| id.to_owned())
        });
        (connection, id)
    });
    // A 200 would lose the event if the first run failed.
    assert_eq!(server.post(body.as_bytes()).status(), 409);
    // The sender of the other event hangs up: its run goes on all the same.
    drop(other.0);
    let (mut connection, _) = first;
    server.process.tell("open");
    server.process.tell("open");
    assert_eq!(connection.answer().status(), 200);
    server.process.line_with(Stream::Stdout, &format!("released: {}", other.1));
    server.process.tell("open");
    assert_eq!(server.post(body.as_bytes()).status(), 200, "when it is done, it may come again");
    assert!(log_of(server).contains("is being handled right now"));
}

#[test]
fn a_shutdown_finishes_what_is_in_progress_and_takes_nothing_new() {
    for (drain_timeout, code) in [("10m", 0), ("0s", 1)] {
        let mut server = start(&["--drain-timeout", drain_timeout]);
        let body = event("payout.paid", 1);
        let address = server.address;
        let signature = signed(&[SECRET], unix_now(), body.as_bytes());
        let sender = std::thread::spawn(move || {
            std::panic::catch_unwind(|| send(address, &signature, body.as_bytes()))
        });
        server.process.line_with(Stream::Stdout, "held: ");
        server.process.signal("TERM");
        server.process.line_with(Stream::Stderr, "stopping");
        if code == 0 {
            until_nobody_accepts(address);
            server.process.tell("open");
        }
        let ended = server.process.wait().with_code(code);
        let answer = sender.join().expect("its panic is caught");
        assert_eq!(answer.is_ok_and(|answer| answer.status() == 200), code == 0, "{drain_timeout}");
        assert_eq!(
            ended.stderr.contains("still in progress after 0s"),
            code == 1,
            "{drain_timeout}: {ended:#?}"
        );
    }
}

/// The signal has been noted when "stopping" is logged; the socket is closed a moment later.
fn until_nobody_accepts(address: SocketAddr) {
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(address).is_ok() {
        assert!(Instant::now() < deadline, "new connections are still accepted");
        std::thread::yield_now();
    }
}
