//! Stripe's own libraries sign what we verify, and verify what we sign.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use product_tests::{OTHER_SECRET, Process, SECRET, node_with, python_with, signed, unix_now};
use serde_json::{Value, json};
use webhook_core::{Data, Envelope, Sample, Secret, SignatureHeader, Tolerance, verify};

#[test]
fn npm_stripe_and_we_agree() {
    let mut command = node_with(&sources(), "npm-stripe");
    command.arg("counterpart.mjs");
    agree(command);
}

#[test]
fn pypi_stripe_and_we_agree() {
    let mut command = Command::new(python_with(&sources().join("requirements.txt")));
    command.arg(sources().join("counterpart.py"));
    agree(command);
}

/// Has the counterpart sign and verify, each body under each secret.
fn agree(mut counterpart: Command) {
    // The last is a secret only by the rule that all its bytes are the key: nothing in it can be decoded.
    let secrets = [SECRET, "whsec_dGhpcyBpcyBiYXNlNjQgYW5kIG5vdCBkZWNvZGVk", "a-secret-without-prefix/+=%!"];
    let now = unix_now();
    let mut cases = Vec::new();
    for (name, body) in bodies() {
        for secret in secrets {
            cases.push((format!("{name} under {secret}"), body.clone(), secret));
        }
    }

    let mut tasks = Vec::new();
    for (_, body, secret) in &cases {
        tasks.push(json!({ "task": "sign", "body": body, "secret": secret, "timestamp": now }));
        for header in good_headers(body, secret, now) {
            tasks.push(json!({ "task": "verify", "body": body, "secret": secret, "header": header }));
        }
        for (body, header) in bad_requests(body, secret, now) {
            tasks.push(json!({ "task": "verify", "body": body, "secret": secret, "header": header }));
        }
    }
    let mut results = ask(&mut counterpart, &tasks).into_iter();

    for (name, body, secret) in &cases {
        let theirs = results.next().expect("a result for each task")["value"].clone();
        let theirs = theirs.as_str().unwrap_or_else(|| panic!("{name}: not signed"));
        assert_eq!(theirs, signed(&[secret], now, body.as_bytes()), "{name}: both sign alike");
        for secrets in [vec![*secret], vec![OTHER_SECRET, secret], vec![secret, OTHER_SECRET]] {
            assert!(verifies_here(&secrets, body, theirs), "{name}: not verified here");
        }
        assert!(!verifies_here(&[OTHER_SECRET], body, theirs), "{name}: verified under another secret");
        for header in good_headers(body, secret, now) {
            let there = results.next().expect("a result for each task");
            assert_eq!(there["value"], "evt_1", "{name}: {header}: {there}");
            assert!(verifies_here(&[secret], body, &header), "{name}: {header}");
        }
        for (body, header) in bad_requests(body, secret, now) {
            let there = results.next().expect("a result for each task");
            assert!(there["refused"].is_string(), "{name}: {header}: {there}");
            assert!(!verifies_here(&[secret], &body, &header), "{name}: {header}");
        }
    }
}

/// Stripe's own library reads our notifications as we do, of every thin type.
#[test]
fn npm_stripe_reads_the_same_of_a_notification() {
    let now = unix_now();
    let types = webhook_core::catalog::thin_types();
    let bodies: Vec<_> = types
        .iter()
        .map(|known| {
            let sample = Sample::new(known.name, 1).expect("there is such a type").context("acct_1/acct_2");
            String::from_utf8(sample.body(1_700_000_000)).expect("JSON is UTF-8")
        })
        .collect();
    let tasks: Vec<_> = bodies
        .iter()
        .map(|body| {
            let header = signed(&[SECRET], now, body.as_bytes());
            json!({ "task": "notification", "body": body, "secret": SECRET, "header": header })
        })
        .collect();
    let mut command = node_with(&sources(), "npm-stripe");
    let results = ask(command.arg("counterpart.mjs"), &tasks);
    assert_eq!(results.len(), types.len());
    for (body, theirs) in bodies.into_iter().zip(results) {
        let ours = Envelope::parse_stored(&body.into()).expect("it is an event");
        let Data::Thin(thin) = &ours.data else { panic!("{} is not thin", ours.event_type) };
        let mut expected = json!({
            "id": ours.id, "type": ours.event_type, "livemode": ours.livemode, "context": ours.context,
        });
        if let Some(related) = &thin.related_object {
            expected["related_object"] = json!({ "type": related.object_type, "url": related.url });
            if let Some(id) = &related.id {
                expected["related_object"]["id"] = json!(id);
            }
        }
        if let Some(twin) = &thin.snapshot_event {
            expected["snapshot_event"] = json!(twin);
        }
        assert_eq!(theirs["value"], expected);
    }
}

fn bodies() -> Vec<(&'static str, String)> {
    let event = |text: &str| {
        let data = json!({ "object": { "id": "pi_1", "object": "payment_intent", "description": text } });
        json!({ "id": "evt_1", "object": "event", "type": "payment_intent.succeeded", "data": data })
    };
    let sample = Sample::new("invoice.paid", 1).expect("there is such a type");
    let id = sample.id();
    let pretty = String::from_utf8(sample.body(1_700_000_000)).expect("JSON is UTF-8").replace(&id, "evt_1");
    vec![
        ("ASCII", event("plain").to_string()),
        ("UTF-8", event("Grüße, 東京 \u{1f980}\u{200d}\u{fe0f} e\u{301}").to_string()),
        ("escapes", event("\u{0}\u{1b}\"\\\u{2028}").to_string().replace("pi_1", "\\u0070i_1\\/")),
        ("as Stripe indents it", pretty),
        ("CRLF and a blank tail", format!("{:#}\r\n\r\n \t", event("line")).replace('\n', "\r\n")),
        ("100 KB", event(&"0123456789abcdef".repeat(6400)).to_string()),
    ]
}

/// Headers as we make them, and as Stripe does while a secret is rolled or in test mode.
fn good_headers(body: &str, secret: &str, now: u64) -> Vec<String> {
    let ours = signed(&[secret], now, body.as_bytes());
    vec![
        signed(&[secret, OTHER_SECRET], now, body.as_bytes()),
        signed(&[OTHER_SECRET, secret], now, body.as_bytes()),
        signed(&[secret], now - 200, body.as_bytes()),
        format!("{ours},v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39"),
        ours,
    ]
}

fn bad_requests(body: &str, secret: &str, now: u64) -> Vec<(String, String)> {
    let header = signed(&[secret], now, body.as_bytes());
    let last = header.chars().last().expect("a header has a signature");
    let other_digit = if last == '0' { '1' } else { '0' };
    let with_body = |body: String| (body, header.clone());
    let with_header = |header: String| (body.to_owned(), header);
    vec![
        with_body(body.replacen("payment_intent", "payment_intenT", 1).replacen("invoice", "invoicE", 1)),
        with_body(format!("{body} ")),
        with_body(body[..body.len() - 1].to_owned()),
        with_header(format!("{}{other_digit}", &header[..header.len() - 1])),
        with_header(header.replace(&now.to_string(), &(now - 1).to_string())),
        with_header(header.replace("v1=", "v0=")),
        with_header(signed(&[OTHER_SECRET], now, body.as_bytes())),
        with_header(signed(&[secret], now - 400, body.as_bytes())),
    ]
}

fn verifies_here(secrets: &[&str], body: &str, header: &str) -> bool {
    let secrets: Vec<_> = secrets.iter().map(|text| Secret::new(text).expect("a good secret")).collect();
    SignatureHeader::parse(header.as_bytes()).is_ok_and(|header| {
        verify(&secrets, &header, body.to_owned(), SystemTime::now(), Tolerance::default()).is_ok()
    })
}

/// Gives the counterpart its tasks, one a line, and reads its results.
fn ask(counterpart: &mut Command, tasks: &[Value]) -> Vec<Value> {
    let mut running = Process::start(counterpart);
    for task in tasks {
        running.tell(&task.to_string());
    }
    running.close_stdin();
    let ended = running.wait().with_code(0);
    let results =
        ended.stdout.lines().map(|line| serde_json::from_str(line).expect("the counterpart writes JSON"));
    results.collect()
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sdk")
}
