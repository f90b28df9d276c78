//! The commands that list and send, run on the README's program.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use product_tests::{
    OTHER_SECRET, Process, Profile, SECRET, Server, Stream, build_workspace, program, run, scratch,
};
use serde_json::{Value, json};

static QUICKSTART: LazyLock<PathBuf> = LazyLock::new(|| {
    build_workspace(&["quickstart"], Profile::Debug).remove("quickstart").expect("it was built")
});

fn quickstart(arguments: &[&str]) -> Command {
    let mut command = program(&*QUICKSTART);
    command.args(arguments).env("STRIPE_WEBHOOK_SECRET", SECRET);
    command
}

/// What a command writes with `--format json`.
#[track_caller]
fn json_of(arguments: &[&str]) -> Value {
    let written = run(quickstart(arguments).args(["--format", "json"])).with_code(0);
    serde_json::from_str(&written.stdout).unwrap_or_else(|error| panic!("{error}: {written:#?}"))
}

fn snapshot_types() -> Vec<String> {
    let events = json_of(&["events"]);
    let types = events.as_array().expect("it is a list").iter().map(|row| row["type"].as_str());
    types.map(|name| name.expect("a type has a name").to_owned()).collect()
}

#[test]
fn a_sample_of_every_type_is_taken() {
    let types = snapshot_types();
    assert_eq!(types.len(), 275);
    let server = Server::start(&*QUICKSTART, &[]);
    let mut arguments = vec!["trigger", "--to"];
    arguments.push(&server.url);
    arguments.extend(types.iter().map(String::as_str));
    let answers = json_of(&arguments);
    let answers = answers.as_array().expect("it is a list");
    assert_eq!(answers.len(), 275);
    for (answer, event_type) in answers.iter().zip(&types) {
        assert_eq!(answer["type"], **event_type, "{answer}");
        assert_eq!(answer["status"], 200, "{answer}");
        assert_eq!(answer["answer"], r#"{"received":true}"#, "{answer}");
    }
    let ids: BTreeSet<_> = answers.iter().map(|answer| answer["event_id"].as_str()).collect();
    assert_eq!(ids.len(), 275, "every event has an id of its own");
    // 273 of them have no handler but the one for the rest. All are stored; they run when there is a slot.
    server.process.lines(Stream::Stdout, 275);
    let printed = server.stop().stdout;
    assert_eq!(printed.lines().filter(|line| line.starts_with("Nothing to do for ")).count(), 273);
    assert_eq!(printed.lines().count(), 275);
}

#[test]
fn trigger_takes_patterns_and_settings() {
    let server = Server::start(&*QUICKSTART, &[]);
    let sent = run(&mut quickstart(&["trigger", "--to", &server.url, "charge.dispute.*", "payout.paid"]));
    let sent = sent.with_code(0).stdout;
    assert_eq!(sent.lines().filter(|line| line.starts_with("200  charge.dispute.")).count(), 5, "{sent}");
    assert_eq!(sent.lines().filter(|line| line.starts_with("200  payout.paid  evt_")).count(), 1, "{sent}");

    let settings = ["--set", "amount=4200", "--set", "metadata.order_id=o_1", "--set", "charges=null"];
    let rejected =
        run(quickstart(&["trigger", "payment_intent.succeeded", "--to", &server.url]).args(settings));
    assert!(rejected.with_code(1).stderr.contains("there is no `charges`"));
    let sent =
        run(quickstart(&["trigger", "payment_intent.succeeded", "--to", &server.url]).args(&settings[..4]));
    sent.with_code(0);
    server.process.line_with(Stream::Stdout, "Payment of 4200 usd succeeded, for order o_1.");
    // The address also comes from the setting that the server itself has.
    let mut by_setting = quickstart(&["trigger", "payout.failed"]);
    run(by_setting.env("WEBHOOK_LISTEN", server.address.to_string())).with_code(0);
    server.process.line_with(Stream::Stdout, "Nothing to do for payout.failed.");
}

#[test]
fn trigger_says_what_went_wrong() {
    let server = Server::start(&*QUICKSTART, &[]);
    let url = server.url.clone();
    let elsewhere = url.replace("/webhook", "/elsewhere");
    let mistakes: &[(&[&str], &str)] = &[
        (&["payment_intent.succeeded", "--set", "amout=5"], "did you mean `amount`?"),
        (&["payment_intent.succeeded", "--set", "amount=five"], "`amount` cannot be `five`"),
        (&["payment_intent.succeeded", "--set", "amount=null"], "`amount` cannot be `null`"),
        (&["payment_intent.succeeded", "--set", "amount"], "--set amount: write a path, `=` and a value"),
        (&["payment_intent.succeeded", "--set", "=5"], "no field ``"),
        (&["payment_intent.succeeded", "--set", "amount=5", "--set", "amount=6"], "`amount` is set already"),
        (&["payment_intent.succeeded", "--set", "amount.x=5"], "`amount"),
        (&["payment_intent.succeeded", "--set", "status=gone"], "`status` cannot be `gone`"),
        (&["payout.paid", "payment_intent.succeded"], "did you mean `payment_intent.succeeded`"),
        (&["payout.paid", "charge.disputes.*"], "charge.dispute.*"),
        (&["payout.paid", "v1.payout.payed"], "did you mean `v1.payout.paid`"),
        (&["v1.payout.paid", "--set", "amout=5"], "did you mean `amount`?"),
        (&["*"], "`charge.dispute.*`"),
    ];
    for (arguments, reason) in mistakes {
        let refused = run(quickstart(&["trigger", "--to", &url]).args(*arguments)).with_code(1);
        assert!(refused.stderr.contains(reason), "{arguments:?}: {refused:#?}");
        assert_eq!(refused.stdout, "", "{arguments:?}: nothing is sent");
        // What is wrong with the command comes before what it would need.
        let mut without_secret = quickstart(&["trigger"]);
        let refused = run(without_secret.args(*arguments).env_remove("STRIPE_WEBHOOK_SECRET")).with_code(1);
        assert!(refused.stderr.contains(reason), "{arguments:?}, without a secret: {refused:#?}");
    }
    let wrong_secret =
        run(quickstart(&["trigger", "payout.paid", "--to", &url]).env("STRIPE_WEBHOOK_SECRET", OTHER_SECRET));
    let wrong_path = run(&mut quickstart(&["trigger", "payout.paid", "--to", &elsewhere]));
    let https = run(&mut quickstart(&["trigger", "payout.paid", "--to", &url.replace("http", "https")]));
    assert_eq!(server.stop().stdout, "", "nothing arrived");
    let nobody = run(&mut quickstart(&["trigger", "payout.paid", "--to", &url]));
    let nowhere = run(quickstart(&["trigger", "payout.paid"]).env("WEBHOOK_LISTEN", "127.0.0.1:1"));
    for (refused, reason) in [
        (
            wrong_secret,
            "answered 400 to payout.paid: signature rejected: is the server using the same secret?",
        ),
        (
            wrong_path,
            "answered 404 to payout.paid: there is no endpoint at this path; this program has `/webhook`",
        ),
        (https, "this program was built without the feature `tls` of `webhook-server`"),
        (nobody, "cannot connect to"),
        (nowhere, "\nIs the server running? If it listens elsewhere, give its URL with --to.\n"),
    ] {
        let refused = refused.with_code(1);
        assert!(refused.stderr.contains(reason), "{reason}: {refused:#?}");
        assert!(!refused.stderr.contains(OTHER_SECRET), "{refused:#?}");
    }
}

/// What other programs and proxies answer: a 200 of theirs does not mean that a handler runs.
#[test]
fn trigger_notices_that_another_program_has_answered() {
    let not_ours =
        "the answer does not come from webhook-server: is another program or a proxy at this address?";
    let redirected = "answered 308 to payout.paid: the server redirects, which Stripe does not follow: use https://a.example/";
    let https = "this port of the server speaks TLS: use https://127.0.0.1:";
    for (answer, code, told) in [
        ("200 OK\r\n\r\n<html>\r\n<p>Welcome</p>", 0, format!("  <html>…\n     {not_ours}\n")),
        ("400 Bad Request\r\n\r\n<html>", 1, not_ours.to_owned()),
        ("400 Bad Request\r\n\r\nThe plain HTTP request was sent to HTTPS port", 1, https.to_owned()),
        ("308 Permanent Redirect\r\nLocation: https://a.example/\r\n\r\n", 1, redirected.to_owned()),
        ("404 Not Found\r\n\r\n", 1, not_ours.to_owned()),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
        let to = format!("http://{}", listener.local_addr().expect("it is bound"));
        let sent = std::thread::scope(|scope| {
            scope.spawn(|| {
                let (mut stream, _) = listener.accept().expect("it connects");
                let mut read = Vec::new();
                // An event's JSON ends with this.
                while !read.ends_with(b"}") {
                    let mut buffer = [0; 4096];
                    let length = stream.read(&mut buffer).expect("it sends");
                    read.extend_from_slice(&buffer[..length]);
                }
                stream.write_all(format!("HTTP/1.1 {answer}").as_bytes()).expect("it reads");
            });
            run(&mut quickstart(&["trigger", "payout.paid", "--to", &to])).with_code(code)
        });
        let written = if code == 0 { &sent.stdout } else { &sent.stderr };
        assert!(written.contains(&told), "{answer}: {sent:#?}");
    }
}

#[test]
fn trigger_checks_a_value_to_its_depth() {
    let server = Server::start(&*QUICKSTART, &[]);
    for (setting, wrong) in [
        ("metadata={\"order_id\": 5}", "metadata"),
        ("payment_method_types=[5]", "payment_method_types"),
        ("amount_details={\"tipp\": {\"amount\": 5}}", "tipp"),
    ] {
        let mut trigger =
            quickstart(&["trigger", "payment_intent.succeeded", "--to", &server.url, "--set", setting]);
        let refused = run(&mut trigger).with_code(1);
        assert!(refused.stderr.contains(wrong), "{setting}: {refused:#?}");
    }
}

#[test]
fn trigger_tells_a_story_in_stripes_order() {
    let server = Server::start(&*QUICKSTART, &[]);
    let answers = json_of(&["trigger", "--story", "payment-failed", "--to", &server.url]);
    let types: Vec<_> =
        answers.as_array().expect("it is a list").iter().map(|answer| &answer["type"]).collect();
    let expected = [
        "payment_intent.created",
        "charge.failed",
        "payment_intent.payment_failed",
        "charge.succeeded",
        "payment_intent.succeeded",
    ];
    assert_eq!(types, expected);
    assert!(
        answers.as_array().expect("it is a list").iter().all(|answer| answer["status"] == 200),
        "{answers}"
    );
    let help = run(&mut quickstart(&["trigger", "--help"])).with_code(0).stdout;
    assert!(
        help.contains("- payment-failed:")
            && help.contains("a card is declined, and another card is accepted"),
        "{help}"
    );
}

#[test]
fn trigger_sends_a_recorded_body_as_it_is() {
    let server = Server::start(&*QUICKSTART, &[]);
    let folder = scratch("recorded");
    let send = |name: &str, body: &str| {
        let file = folder.join(name);
        std::fs::write(&file, body).expect("the target folder can be written to");
        run(quickstart(&["trigger", "--to", &server.url, "--file"]).arg(file)).with_code(0).stdout
    };
    let event = r#"{"id":"evt_recorded","object":"event","type":"payment_intent.succeeded","livemode":false,
"data":{"object":{"id":"pi_1","object":"payment_intent","amount":777,"currency":"eur","metadata":{"order_id":"o_7"}}}}
"#;
    assert_eq!(
        send("event.json", event),
        "200  payment_intent.succeeded  evt_recorded  {\"received\":true}\n     \
         runs quickstart::payment_succeeded, unless the inbox has this event already\n"
    );
    server.process.line_with(Stream::Stdout, "Payment of 777 eur succeeded, for order o_7.");
    // A body that is not an event is sent as well: the server keeps it in quarantine.
    assert!(send("none.json", "[]").starts_with("200  "));
    server.process.line_with(Stream::Stderr, "kept in quarantine");
    let missing =
        run(&mut quickstart(&["trigger", "--to", &server.url, "--file", "/nowhere.json"])).with_code(1);
    assert!(missing.stderr.contains("/nowhere.json cannot be read"), "{missing:#?}");
}

/// Without a secret, without a server, without a word but the events.
#[test]
fn trigger_prints_what_it_would_send() {
    let print = |arguments: &[&str]| {
        let mut command = quickstart(arguments);
        let printed = run(command.env_remove("STRIPE_WEBHOOK_SECRET").arg("--print")).with_code(0);
        assert_eq!(printed.stderr, "");
        let events = serde_json::Deserializer::from_str(&printed.stdout).into_iter::<Value>();
        events.collect::<Result<Vec<_>, _>>().expect("it is one event after the other")
    };
    let settings = [
        "--set",
        "email=new@example.com",
        "--previous",
        "email=old@example.com",
        "--account",
        "acct_1",
        "--livemode",
    ];
    let events = print(&[&["trigger", "customer.updated"][..], &settings].concat());
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["data"]["object"]["email"], "new@example.com");
    assert_eq!(events[0]["data"]["previous_attributes"], json!({ "email": "old@example.com" }));
    assert_eq!((&events[0]["account"], &events[0]["livemode"]), (&json!("acct_1"), &json!(true)));
    // Types that are named together belong together.
    let events = print(&["trigger", "charge.succeeded", "charge.refunded", "charge.refunded"]);
    let ids: Vec<_> = events.iter().map(|event| &event["data"]["object"]["id"]).collect();
    assert!(ids[0] == ids[1] && ids[1] != ids[2], "{ids:?}");
    assert_eq!(print(&["trigger", "--story", "refund"]).len(), 6);
    let wrong = run(&mut quickstart(&["trigger", "customer.updated", "--previous", "emial=x"])).with_code(1);
    assert!(wrong.stderr.contains("did you mean `email`?"), "{wrong:#?}");
}

#[test]
fn handlers_lists_what_is_linked() {
    let listed = json_of(&["handlers"]);
    let row = |name: &str, events: Value, (payload, fields): (&str, &[&str]), line: u32, doc: &str| {
        json!({
            "id": format!("quickstart::{name}"), "events": events, "endpoint": null, "payload": payload, "fields": fields,
            "state": [], "transaction": null, "timeout_ms": null,
                "retry": { "attempts": 20, "first_delay_ms": 5000, "max_delay_ms": 21600000 },
                "order": { "mode": "serial", "per": null, "group": null }, "replies": false, "crate": "quickstart", "binary": "quickstart", "file": "examples/quickstart/src/main.rs", "line": line, "doc": doc,
        })
    };
    let attached = "Reports a payment method that was attached to a customer.";
    let (payment, method) = ("quickstart::Payment", "quickstart::PaymentMethod");
    let expected = [
        row("payment_method_attached", json!(["payment_method.attached"]), (method, &["type"]), 33, attached),
        row(
            "payment_succeeded",
            json!(["payment_intent.succeeded"]),
            (payment, &["amount", "currency", "metadata.order_id"]),
            25,
            "Reports a payment that succeeded.",
        ),
        row(
            "unhandled",
            Value::Null,
            ("serde_json::value::Value", &[]),
            39,
            "Reports every event that no other handler takes.",
        ),
    ];
    assert_eq!(listed, Value::from(expected.to_vec()));

    let table = run(&mut quickstart(&["handlers"])).with_code(0).stdout;
    for cell in [
        "HANDLER",
        "quickstart::unhandled",
        "every other type",
        "main.rs:33",
        "Payment: amount, currency",
        attached,
    ] {
        assert!(table.contains(cell), "{cell}: {table}");
    }

    // How they run, where their attributes say it.
    let table = run(program(env!("CARGO_BIN_EXE_outcomes")).arg("handlers")).with_code(0).stdout;
    for (handler, runs) in [
        ("outcomes::hang", "timeout = \"200ms\"  "),
        ("outcomes::bad_beside_good", "retry(attempts = 2, first_delay = \"1s\", max_delay = \"6h\")  "),
        ("outcomes::redirect", "  reply  "),
    ] {
        let row = table.lines().find(|line| line.starts_with(handler));
        assert!(row.is_some_and(|row| row.contains(runs)), "{handler}: {table}");
    }
}

#[test]
fn events_lists_what_stripe_sends() {
    assert_eq!(json_of(&["events", "--thin"]).as_array().expect("it is a list").len(), 326);
    assert_eq!(
        json_of(&["events", "--enabled"]),
        json!(["payment_intent.succeeded", "payment_method.attached"])
    );
    let enabled = run(&mut quickstart(&["events", "--enabled"])).with_code(0).stdout;
    assert_eq!(enabled, "payment_intent.succeeded\npayment_method.attached\n");
    assert_eq!(
        json_of(&["events", "payment_intent.succeeded"]),
        json!([{
            "type": "payment_intent.succeeded", "kind": "snapshot", "api_versions": ["2026-10-28.endive"],
            "objects": ["payment_intent"], "handlers": ["quickstart::payment_succeeded"],
        }])
    );
    let table = run(&mut quickstart(&["events"])).with_code(0).stdout;
    assert_eq!(table.lines().count(), 1 + 275);
    let union = table.lines().find(|line| line.starts_with("customer.source.created ")).expect("it is there");
    assert!(union.contains(" account or bank_account or card or source "), "{union}");

    let unknown = run(&mut quickstart(&["events", "charge.disputes.*"])).with_code(1);
    assert!(unknown.stderr.contains("did you mean `charge.dispute.*`?"), "{unknown:#?}");
}

#[test]
fn events_explains_what_a_type_carries() {
    let explained = json_of(&["events", "--explain", "payment_intent.succeeded"]);
    assert_eq!(explained["type"], "payment_intent.succeeded");
    assert_eq!(explained["api_version"], "2026-10-28.endive");
    assert_eq!(explained["objects"][0]["object"], "payment_intent");
    let fields = explained["objects"][0]["fields"].as_array().expect("it is a list");
    for (path, optional, nullable, is) in [
        ("amount", false, false, "integer"),
        ("customer", false, true, "id of customer"),
        ("amount_details.tip.amount", true, false, "integer"),
    ] {
        let field =
            fields.iter().find(|field| field["path"] == path).unwrap_or_else(|| panic!("{path} is missing"));
        assert_eq!((&field["optional"], &field["nullable"]), (&json!(optional), &json!(nullable)), "{field}");
        let shape = field["is"].as_str().expect("it is text");
        assert!(shape.contains(is), "{field}");
    }
    let tree = run(&mut quickstart(&["events", "--explain", "payment_intent.succeeded"])).with_code(0).stdout;
    for line in ["payment_intent", "  amount: integer", "  amount_details?: object"] {
        assert!(tree.lines().any(|there| there == line), "{line}: {tree}");
    }
    for (mistake, reason) in
        [("charge.dispute.*", "takes one type"), ("payment_intent.succeded", "did you mean")]
    {
        let refused = run(&mut quickstart(&["events", "--explain", mistake])).with_code(1);
        assert!(refused.stderr.contains(reason), "{refused:#?}");
    }
}

/// As `events | head -1` does once it has its line; here nobody reads from the beginning, so there is no race.
#[test]
fn a_reader_that_has_seen_enough_ends_the_program_quietly() {
    for arguments in [
        &["events"][..],
        &["events", "--format", "json"],
        &["events", "--enabled"],
        &["events", "--explain", "invoice.paid"],
        &["handlers"],
        &["handlers", "--format", "json"],
        &["dev", "--once", "--listen", "127.0.0.1:0"],
        &["--help"],
    ] {
        let (reader, writer) = std::io::pipe().expect("the system has pipes");
        drop(reader);
        let child = Process::start_writing(&mut quickstart(arguments), [Some(writer.into()), None]);
        assert_eq!(child.wait().with_code(0).stderr, "", "{arguments:?}");
    }
}

#[test]
fn a_list_that_cannot_be_written_is_a_failure_with_a_reason() {
    for arguments in [&["events"][..], &["handlers"], &["dev", "--once", "--listen", "127.0.0.1:0"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("this test needs /dev/full");
        let child = Process::start_writing(&mut quickstart(arguments), [Some(full.into()), None]);
        let reason = child.wait().with_code(1).stderr;
        assert!(
            reason.starts_with("error: ") && reason.contains("No space left"),
            "{arguments:?}: {reason:?}"
        );
    }
}

#[test]
fn an_unlisted_type_is_shown_and_has_no_sample() {
    let outcomes = |arguments: &[&str]| {
        let mut command = program(env!("CARGO_BIN_EXE_outcomes"));
        command.args(arguments).env("STRIPE_WEBHOOK_SECRET", SECRET);
        command
    };
    let shown = |arguments| run(&mut outcomes(arguments)).with_code(0).stdout;
    assert!(shown(&["handlers"]).contains("order.created (unlisted)"));
    assert!(shown(&["events", "--enabled"]).lines().any(|line| line == "order.created"));
    let row = json!({
        "type": "order.created", "kind": "unlisted", "api_versions": [], "objects": [], "handlers": ["outcomes::ordered"]
    });
    for (arguments, rows) in
        [(&["events", "order.created", "--format", "json"][..], 1), (&["events", "--format", "json"], 276)]
    {
        let listed: Vec<Value> = serde_json::from_str(&shown(arguments)).expect("it is a list");
        assert_eq!((listed.len(), listed.last()), (rows, Some(&row)));
    }
    let refused = run(&mut outcomes(&["trigger", "order.created"])).with_code(1);
    assert!(refused.stderr.contains("there is no sample of `order.created`"), "{refused:#?}");
}
