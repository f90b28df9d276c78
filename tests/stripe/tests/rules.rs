//! The fake's rules: tests of the product rely on them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, UNIX_EPOCH};

use fake_stripe::{Fake, Fault, Listening, What};
use serde_json::{Value, json};
use webhook_core::{Secret, SignatureHeader, Tolerance, verify};

const KEY: &str = "rk_test_madeUpMadeUp";

/// Asks, and returns the status and the body. A form is `a=b`, JSON begins with a brace.
fn ask(url: &str, line: &str, body: &str, headers: &[(&str, &str)]) -> (u16, Value) {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).expect("it listens");
    let mut request =
        format!("{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    let has_key = headers.iter().any(|(name, _)| *name == "authorization");
    if !has_key {
        request += &format!("authorization: Bearer {KEY}\r\n");
    }
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    write!(stream, "{request}\r\n{body}").expect("it reads");
    let mut answer = String::new();
    // A connection that is cut is an answer, too.
    let _ = stream.read_to_string(&mut answer);
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { return (0, Value::Null) };
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("it has a status");
    (status, serde_json::from_str(body).unwrap_or_default())
}

/// A fake that listens.
fn started() -> (Fake, Listening) {
    let fake = Fake::new();
    let listening = fake.listen();
    (fake, listening)
}

const CREATE: &str = "POST /v1/webhook_endpoints";
const FIELDS: &str = "url=https://x.example/&enabled_events[]=payout.paid";

#[test]
fn an_endpoint_is_created_changed_and_deleted() {
    let (_, listening) = started();
    let url = listening.url();
    let (status, made) = ask(
        &url,
        CREATE,
        &format!(
            "{FIELDS}&enabled_events[]=charge.failed&api_version=2026-10-28.endive&connect=true&metadata[a]=1&metadata[b]=2"
        ),
        &[],
    );
    assert_eq!(status, 200, "{made}");
    let id = made["id"].as_str().expect("it has one");
    assert!(made["secret"].as_str().is_some_and(|secret| secret.starts_with("whsec_")), "{made}");
    assert!(made["connect"].is_null(), "{made}");
    let path = format!("/v1/webhook_endpoints/{id}");
    let (_, got) = ask(&url, &format!("GET {path}"), "", &[]);
    assert!(got["secret"].is_null() && got["metadata"] == json!({ "a": "1", "b": "2" }), "{got}");
    let (_, changed) = ask(
        &url,
        &format!("POST {path}"),
        "enabled_events[0]=payout.failed&disabled=true&metadata[a]=&metadata[c]=3&description=x",
        &[],
    );
    assert_eq!(changed["enabled_events"], json!(["payout.failed"]));
    assert_eq!(changed["metadata"], json!({ "b": "2", "c": "3" }));
    assert_eq!((&changed["status"], &changed["description"]), (&json!("disabled"), &json!("x")));
    let (_, unset) = ask(&url, &format!("POST {path}"), "metadata=&description=", &[]);
    assert_eq!((&unset["metadata"], &unset["description"]), (&json!({}), &Value::Null));
    let (_, listed) = ask(&url, "GET /v1/webhook_endpoints?limit=1", "", &[]);
    assert_eq!((&listed["has_more"], &listed["data"][0]["id"]), (&json!(false), &json!(id)));
    let (_, gone) = ask(&url, &format!("DELETE {path}"), "", &[]);
    assert_eq!(gone, json!({ "id": id, "object": "webhook_endpoint", "deleted": true }));
    assert_eq!(ask(&url, &format!("GET {path}"), "", &[]).0, 404);
}

#[test]
fn what_stripe_refuses_is_refused() {
    let (_, listening) = started();
    let url = listening.url();
    let (_, made) = ask(&url, CREATE, FIELDS, &[]);
    let update = format!("POST /v1/webhook_endpoints/{}", made["id"].as_str().expect("it has one"));
    for (line, body, param) in [
        (CREATE, "enabled_events[]=payout.paid", "url"),
        (CREATE, "url=https://x.example/", "enabled_events"),
        (CREATE, "url=x&enabled_events[]=payout.paid", "url"),
        (
            CREATE,
            "url=https://x.example/&enabled_events[]=payout.paid&enabled_events[]=payout.payd",
            "enabled_events[1]",
        ),
        (CREATE, "url=https://x.example/&enabled_events[]=v1.payout.paid", "enabled_events[0]"),
        (CREATE, "url=https://x.example/&enabled_events[]=payout.paid&colour=red", "colour"),
        (&*update, "api_version=2026-10-28.endive", "api_version"),
        (&*update, "connect=true", "connect"),
        (&*update, "enabled_events[]=payout.payd", "enabled_events[0]"),
        ("GET /v1/events?limit=0", "", "limit"),
        ("GET /v1/events?type=payout.paid&types[]=payout.paid", "", "type"),
        ("GET /v1/events?ending_before=evt_gone", "", "ending_before"),
        ("GET /v1/events?colour=red", "", "colour"),
    ] {
        let (status, answer) = ask(&url, line, body, &[]);
        assert_eq!(
            (status, answer["error"]["param"].as_str()),
            (400, Some(param)),
            "{line} {body}: {answer}"
        );
    }
    for _ in 1..16 {
        assert_eq!(ask(&url, CREATE, FIELDS, &[]).0, 200);
    }
    let (status, answer) = ask(&url, CREATE, FIELDS, &[]);
    assert!(status == 400 && answer.to_string().contains("maximum of 16"), "{answer}");
    // Each account has its own.
    for header in [("stripe-account", "acct_1"), ("stripe-context", "acct_0/acct_1")] {
        assert_eq!(ask(&url, CREATE, FIELDS, &[header]).0, 200);
    }
    let (_, listed) = ask(&url, "GET /v1/webhook_endpoints", "", &[("stripe-account", "acct_1")]);
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(2));
    assert_eq!(ask(&url, "GET /v1/events", "", &[("authorization", "Bearer x")]).0, 401);
    assert_eq!(ask(&url, "GET /v1/charges/ch_1", "", &[]).1["error"]["code"], "resource_missing");
    assert_eq!(ask(&url, "GET /v1/nothing", "", &[]).1["error"]["code"], Value::Null);
}

#[test]
fn a_key_does_a_thing_once() {
    let (fake, listening) = started();
    let url = listening.url();
    let key = [("idempotency-key", "one")];
    fake.fail(Fault::next(What::CutAfter).times(2));
    for _ in 0..2 {
        assert_eq!(ask(&url, CREATE, FIELDS, &key).0, 0, "it is cut");
    }
    let (_, first) = ask(&url, CREATE, FIELDS, &key);
    let (_, second) = ask(&url, CREATE, FIELDS, &key);
    assert_eq!(first, second);
    assert_eq!(fake.state("")["endpoints"].as_array().map(Vec::len), Some(1));
    let (status, other) = ask(&url, CREATE, &format!("{FIELDS}&description=x"), &key);
    assert_eq!((status, &other["error"]["type"]), (400, &json!("idempotency_error")));
    let statuses: Vec<_> = fake.requests().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [None, None, Some(200), Some(200), Some(400)]);
}

/// A server that answers one request with a status, and returns the request.
fn receiver(status: u16) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let url = format!("http://{}/webhook", listener.local_addr().expect("it is bound"));
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("it is asked");
        let mut reader = BufReader::new(stream.try_clone().expect("the system can"));
        let mut request = String::new();
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("it is text");
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("it is a number");
            }
            request += &line;
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("it is whole");
        write!(stream, "HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n").expect("it is read");
        request + &String::from_utf8(body).expect("it is text")
    });
    (url, thread)
}

fn assert_signed(request: &str, secret: &Value, now: u64) -> Value {
    let (head, body) = request.split_once("\r\n\r\n").expect("it has a body");
    let header = head.lines().find_map(|line| line.strip_prefix("stripe-signature: ")).expect("it is signed");
    let secret = Secret::new(secret.as_str().expect("it is a text")).expect("it is one");
    let header = SignatureHeader::parse(header.as_bytes()).expect("it has the form of one");
    let now = UNIX_EPOCH + Duration::from_secs(now);
    verify(&[secret], &header, body.as_bytes().to_vec(), now, Tolerance::default()).expect("it is signed");
    serde_json::from_str(body).expect("it is JSON")
}

#[test]
fn an_event_is_delivered_again_on_request_and_in_the_endpoints_version() {
    let (fake, listening) = started();
    fake.set_now(1_790_000_000);
    fake.add_event(
        "",
        json!({ "id": "evt_1", "type": "payout.paid", "api_version": "2020-08-27", "created": 1 }),
        false,
    );
    for (status, undelivered) in [(500, json!(["evt_1"])), (200, json!([]))] {
        let (to, received) = receiver(status);
        let fields = format!("url={to}&enabled_events[]=payout.paid&api_version=2026-10-28.endive");
        let (_, made) = ask(&listening.url(), CREATE, &fields, &[]);
        let id = made["id"].as_str().expect("it has one");
        let (retried, _) =
            ask(&listening.url(), "POST /v1/events/evt_1/retry", &format!("webhook_endpoint={id}"), &[]);
        assert_eq!(retried, 200);
        let sent = assert_signed(&received.join().expect("it is asked"), &made["secret"], 1_790_000_000);
        assert_eq!((&sent["id"], &sent["api_version"]), (&json!("evt_1"), &json!("2026-10-28.endive")));
        assert_eq!(fake.state("")["undelivered"], undelivered);
    }
    let (_, listed) = ask(&listening.url(), "GET /v1/events?delivery_success=false", "", &[]);
    assert_eq!(listed["data"], json!([]));
    assert_eq!(ask(&listening.url(), "POST /v1/events/evt_1/retry", "webhook_endpoint=we_gone", &[]).0, 400);
}

#[test]
fn a_destination_is_created_pinged_switched_off_and_deleted() {
    let (_, listening) = started();
    let url = listening.url();
    let (to, received) = receiver(200);
    let create = "POST /v2/core/event_destinations";
    let fields = json!({
        "name": "orders", "type": "webhook_endpoint", "event_payload": "thin",
        "enabled_events": ["v1.payout.paid"], "webhook_endpoint": { "url": to }, "metadata": { "a": "1" },
        "include": ["webhook_endpoint.signing_secret", "webhook_endpoint.url"],
    });
    let (status, made) = ask(&url, create, &fields.to_string(), &[]);
    assert_eq!(status, 200, "{made}");
    let secret = &made["webhook_endpoint"]["signing_secret"];
    let path = format!("/v2/core/event_destinations/{}", made["id"].as_str().expect("it has one"));
    let get = |query: &str| ask(&url, &format!("GET {path}{query}"), "", &[]).1;
    assert_eq!(get("")["webhook_endpoint"], Value::Null);
    let included = get("?include[0]=webhook_endpoint.url&include[1]=webhook_endpoint.signing_secret");
    assert_eq!(included["webhook_endpoint"], json!({ "url": to }), "the secret is shown once");
    let (_, ping) = ask(&url, &format!("POST {path}/ping"), "{}", &[]);
    let now = ping["created"].as_str().expect("it is a text");
    assert!(now.ends_with(".000Z"), "{now}");
    let request = received.join().expect("it is asked");
    let time = request
        .split("signature: t=")
        .nth(1)
        .and_then(|rest| rest.split(',').next())
        .and_then(|time| time.parse().ok());
    assert_eq!(assert_signed(&request, secret, time.expect("it has one")), ping);
    assert_eq!(
        ask(&url, &format!("GET /v2/core/events/{}", ping["id"].as_str().expect("it has one")), "", &[]).1,
        ping
    );
    ask(&url, &format!("POST {path}/disable"), "{}", &[]);
    assert_eq!(
        (&get("")["status"], &get("")["status_details"]["disabled"]["reason"]),
        (&json!("disabled"), &json!("user"))
    );
    ask(&url, &format!("POST {path}/enable"), "{}", &[]);
    assert_eq!(get("")["status"], "enabled");
    let changed = json!({ "name": "other", "metadata": { "a": null, "b": "2" }, "enabled_events": ["v1.payout.failed"] });
    let (_, changed) = ask(&url, &format!("POST {path}"), &changed.to_string(), &[]);
    assert_eq!((&changed["name"], &changed["metadata"]), (&json!("other"), &json!({ "b": "2" })));
    let refused = |changes: Value| {
        let mut fields = fields.clone();
        fields.as_object_mut().expect("it is one").extend(changes.as_object().expect("it is one").clone());
        let (status, answer) = ask(&url, create, &fields.to_string(), &[]);
        assert_eq!(
            (status, &answer["error"]["code"]),
            (400, &json!("invalid_fields")),
            "{changes}: {answer}"
        );
    };
    refused(json!({ "enabled_events": ["payout.paid"] }));
    refused(json!({ "event_payload": "snapshot" }));
    refused(json!({ "snapshot_api_version": "2026-10-28.endive" }));
    refused(json!({ "name": "" }));
    refused(json!({ "colour": "red" }));
    refused(json!({ "include": ["colour"] }));
    assert_eq!(ask(&url, &format!("POST {path}"), r#"{"event_payload":"thin"}"#, &[]).0, 400);
    ask(&url, CREATE, FIELDS, &[]);
    let (_, listed) = ask(&url, "GET /v2/core/event_destinations?limit=1", "", &[]);
    let next = listed["next_page_url"].as_str().expect("there is more");
    let (_, rest) = ask(&url, &format!("GET {next}"), "", &[]);
    let kinds = [&listed, &rest].map(|page| page["data"][0]["event_payload"].clone());
    assert_eq!(kinds, [json!("snapshot"), json!("thin")], "those of /v1/ are there, too");
    assert_eq!(rest["next_page_url"], Value::Null);
    assert_eq!(ask(&url, &format!("DELETE {path}"), "", &[]).0, 200);
    assert_eq!(ask(&url, &format!("GET {path}"), "", &[]).0, 404);
}

#[test]
fn events_are_filtered_and_the_newest_come_first() {
    let (fake, listening) = started();
    for number in 0..6 {
        let name = if number % 2 == 0 { "payout.paid" } else { "charge.failed" };
        fake.add_event(
            "",
            json!({ "id": format!("evt_{number}"), "type": name, "created": 100 + number }),
            number < 3,
        );
    }
    for (query, expected) in [
        ("", "543210"),
        ("delivery_success=false", "543"),
        ("delivery_success=true&type=payout.*", "20"),
        ("types[]=charge.failed", "531"),
        ("created[gte]=102&created[lt]=104", "32"),
        ("created[gt]=102&created[lte]=104", "43"),
        ("created=101", "1"),
        ("limit=2", "54"),
        ("limit=2&starting_after=evt_4", "32"),
        ("limit=2&ending_before=evt_1", "32"),
        ("limit=2&ending_before=evt_4", "5"),
    ] {
        let (status, page) = ask(&listening.url(), &format!("GET /v1/events?{query}"), "", &[]);
        assert_eq!(status, 200, "{page}");
        let ids = page["data"].as_array().into_iter().flatten().filter_map(|event| event["id"].as_str());
        let ids: String = ids.filter_map(|id| id.strip_prefix("evt_")).collect();
        assert_eq!(ids, expected, "{query}");
        let has_more = query.contains("limit") && ids.len() == 2;
        assert_eq!(page["has_more"], has_more, "{query}");
    }
}

/// The process, which is ended with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn it_is_a_process_of_its_own() {
    let process = Command::new(env!("CARGO_BIN_EXE_fake-stripe")).stdout(Stdio::piped()).spawn();
    let mut process = Process(process.expect("it is built"));
    let mut url = String::new();
    let out = process.0.stdout.take().expect("it is piped");
    BufReader::new(out).read_line(&mut url).expect("it prints its URL");
    let url = url.trim();
    let given = json!({
        "undelivered": [{ "id": "evt_1", "type": "payout.paid", "created": 1 }],
        "objects": { "/v1/payouts/po_1": { "id": "po_1", "object": "payout" } },
        "faults": [{ "what": "server_error", "path": "/v1/payouts" }, { "what": { "slow": 1 } }],
        "permissions": ["rak_event_read", "rak_payout_read"],
    });
    assert_eq!(ask(url, "POST /_fake/state", &given.to_string(), &[]).0, 200);
    assert_eq!(ask(url, "GET /v1/events?delivery_success=false", "", &[]).1["data"][0]["id"], "evt_1");
    assert_eq!(ask(url, "GET /v1/payouts/po_1", "", &[]).0, 500);
    assert_eq!(ask(url, "GET /v1/payouts/po_1", "", &[]).1["object"], "payout");
    let (status, answer) = ask(url, CREATE, FIELDS, &[]);
    assert!(status == 403 && answer.to_string().contains("rak_webhook_write"), "{answer}");
    let (_, requests) = ask(url, "GET /_fake/requests", "", &[]);
    assert_eq!(requests.as_array().map(Vec::len), Some(4));
    assert_eq!(ask(url, "GET /_fake/state", "", &[]).1["undelivered"], json!(["evt_1"]));
    assert_eq!(ask(url, "POST /_fake/state", r#"{"colour":1}"#, &[]).0, 400);
}
