//! Verified events that an inbox cannot keep as they are: each has a clear result, in a file as in a database, and none is
//! lost.

use std::process::Command;

use product_tests::{Postgres, SECRET, Server, new_inbox, program, run, until};
use serde_json::{Value, json};

const DURABLE: &str = env!("CARGO_BIN_EXE_durable");

/// An event that `durable` handles.
fn event(number: usize, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut event = json!({
        "id": format!("evt_Odd{number}"), "object": "event", "type": "payment_intent.succeeded", "created": 1_700_000_000,
        "livemode": false, "api_version": "2026-10-28.endive", "pending_webhooks": 1,
        "data": { "object": { "id": format!("pi_{number}"), "object": "payment_intent", "amount": 1 } },
    });
    change(&mut event);
    event.to_string().into_bytes()
}

/// A text that no compression makes short enough for an index.
fn long(bytes: usize) -> String {
    let mut state = 1_u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'!' + u8::try_from(state >> 24).unwrap_or_default() % 90)
    };
    (0..bytes).map(next).filter(|char| !['"', '\\'].contains(char)).collect()
}

const NUL: &str = "contains U+0000";
const LONG: &str = "longer than 1024 bytes";

/// What is sent, and why it is quarantined; `None` if it is handled.
fn rows() -> Vec<(&'static str, Vec<u8>, Option<&'static str>)> {
    let set = |number, pointer: &'static str, value: Value| {
        event(number, |event| match event.pointer_mut(pointer) {
            Some(place) => *place = value,
            None => event[&pointer[1..]] = value,
        })
    };
    let lone_surrogate = String::from_utf8(event(13, |_| {})).expect("it is JSON");
    vec![
        ("a NUL in the object's id", set(1, "/data/object/id", json!("pi_\0")), Some(NUL)),
        ("a NUL in the account", set(2, "/account", json!("acct_\0")), Some(NUL)),
        ("a NUL in the version", set(3, "/api_version", json!("\0")), Some(NUL)),
        ("a NUL elsewhere", event(4, |event| event["data"]["object"]["description"] = json!("\0")), None),
        ("a NUL in a key", event(5, |event| event["data"]["object"]["\0"] = json!(1)), None),
        ("a long id of the object", set(6, "/data/object/id", json!(long(10_000))), Some(LONG)),
        ("a long account", set(7, "/account", json!(long(10_000))), None),
        ("a long version", set(8, "/api_version", json!(long(10_000))), None),
        ("the longest id", set(9, "/id", json!(format!("evt_{}", "x".repeat(251)))), None),
        ("the longest id of an object", set(10, "/data/object/id", json!(long(1_000))), None),
        ("before the epoch", set(11, "/created", json!(i64::MIN)), None),
        ("after everything", set(12, "/created", json!(i64::MAX)), None),
        ("half a character", lone_surrogate.replace("pi_13", "pi_\\ud800").into_bytes(), None),
        ("odd characters", set(14, "/data/object/id", json!("'; --\u{85}\u{1F600}\u{FFFF}")), None),
        ("no time", set(15, "/created", json!(1e300)), None),
    ]
}

/// Sends all events twice to a server on an inbox, which the operator then looks at.
fn check(server: Server, command: &dyn Fn() -> Command) {
    let rows = rows();
    for _ in 0..2 {
        for (what, body, _) in &rows {
            assert_eq!(server.post(body).status(), 200, "{what}");
        }
    }
    let listed = |arguments: &[&str]| {
        let listed = run(command().args(["inbox", "list", "--format", "json"]).args(arguments)).with_code(0);
        serde_json::from_str::<Vec<Value>>(&listed.stdout).expect("it is JSON")
    };
    let kept = listed(&["--quarantine"]);
    let mut expected: Vec<(&str, u64)> =
        rows.iter().filter_map(|(_, body, why)| Some(((*why)?, body.len() as u64))).collect();
    expected.reverse();
    assert_eq!(kept.len(), expected.len(), "{kept:#?}");
    for (row, (why, bytes)) in kept.iter().zip(expected) {
        assert!(row["reason"].as_str().is_some_and(|reason| reason.contains(why)), "{row:#?}");
        assert_eq!((&row["bytes"], &row["deliveries"]), (&json!(bytes), &json!(2)), "{row:#?}");
    }
    let newest =
        run(command().args(["inbox", "show", &kept[0]["id"].to_string(), "--body"])).with_code(0).stdout;
    assert_eq!(
        newest.as_bytes(),
        rows.iter().rfind(|(_, _, why)| why.is_some()).map_or(&[][..], |(_, body, _)| body)
    );
    // `durable` has two handlers for each of the others. Half a character fits no text of theirs.
    let handled = 2 * rows.iter().filter(|(_, _, why)| why.is_none()).count();
    let parked = |why: &'static str| listed(&["--state", "parked", "--why", why]).len();
    until("all others are done", || listed(&["--state", "done"]).len() + parked("undecodable") == handled);
    assert_eq!(parked("undecodable"), 2);
    // They are events, and nobody is told otherwise.
    let log = server.stop().stderr;
    let kept: Vec<&str> = log.lines().filter(|line| line.contains("kept in quarantine")).collect();
    assert_eq!(kept.len(), 8, "{log}");
    let table = run(command().args(["inbox", "list", "--quarantine"])).with_code(0).stdout;
    for told in kept.into_iter().chain([&*table]) {
        assert!(told.contains(NUL) || told.contains(LONG), "{told}");
        assert!(!told.to_lowercase().contains("not an event"), "{told}");
    }
}

#[test]
fn in_a_file() {
    let inbox = new_inbox();
    let durable = || {
        let mut command = program(DURABLE);
        command.env("STRIPE_WEBHOOK_SECRET", SECRET).env("WEBHOOK_INBOX", &inbox);
        command
    };
    let server = Server::from_command(&mut durable(), &[]);
    check(server, &durable);
}

#[test]
fn in_a_database() {
    let database = Postgres::start();
    let durable = || {
        let mut command = program(DURABLE);
        command.env("STRIPE_WEBHOOK_SECRET", SECRET).env("WEBHOOK_INBOX", database.url());
        command
    };
    let server = Server::from_command(&mut durable(), &[]);
    check(server, &durable);
}

/// A rule that somebody else adds to the inbox's tables, how it is dropped, and what the log says of it.
struct Rule {
    name: &'static str,
    add: &'static str,
    drop: &'static str,
    told: &'static str,
}

/// Says what was in the event.
macro_rules! trigger {
    ($raise:literal) => {
        concat!(
            "CREATE FUNCTION odd() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ",
            $raise,
            "; END $$; CREATE TRIGGER odd BEFORE INSERT ON webhook.event FOR EACH ROW
             WHEN (NEW.type = 'customer.created') EXECUTE FUNCTION odd()"
        )
    };
}

const RULES: [Rule; 7] = [
    Rule {
        name: "a constraint",
        add: "ALTER TABLE webhook.event ADD CONSTRAINT odd CHECK (type <> 'customer.created')",
        drop: "ALTER TABLE webhook.event DROP CONSTRAINT odd",
        told: "violates check constraint \"odd\" (SQLSTATE 23514, constraint odd)",
    },
    Rule {
        name: "a trigger",
        add: trigger!("RAISE 'not here: %', NEW.event_id"),
        drop: "DROP FUNCTION odd CASCADE",
        told: "refuses this: SQLSTATE P0001, function odd()\"",
    },
    Rule {
        name: "a trigger with the SQLSTATE of a constraint",
        add: trigger!("RAISE check_violation USING MESSAGE = 'not here: ' || NEW.event_id"),
        drop: "DROP FUNCTION odd CASCADE",
        told: "refuses this: SQLSTATE 23514, function odd()\"",
    },
    Rule {
        name: "a trigger with the SQLSTATE of a right that is missing",
        add: trigger!("RAISE insufficient_privilege USING MESSAGE = 'not here: ' || NEW.event_id"),
        drop: "DROP FUNCTION odd CASCADE",
        told: "refuses this: SQLSTATE 42501, function odd()\"",
    },
    Rule {
        name: "a unique index",
        add: "CREATE UNIQUE INDEX odd ON webhook.event (type)
              WHERE type = 'customer.created' AND event_id ~ '^evt_(0|Odd5)';
              INSERT INTO webhook.event SELECT (jsonb_populate_record(e, '{\"seq\": 0, \"event_id\": \"evt_0\",
              \"type\": \"customer.created\"}')).* FROM webhook.event e LIMIT 1",
        drop: "DROP INDEX webhook.odd; DELETE FROM webhook.event WHERE seq = 0",
        told: "violates unique constraint \"odd\" (SQLSTATE 23505, constraint odd)",
    },
    Rule {
        name: "a foreign key",
        add: "CREATE TABLE known (type text PRIMARY KEY);
              INSERT INTO known VALUES ('payment_intent.succeeded');
              ALTER TABLE webhook.event ADD CONSTRAINT odd FOREIGN KEY (type) REFERENCES known NOT VALID",
        drop: "DROP TABLE known CASCADE",
        told: "violates foreign key constraint \"odd\" (SQLSTATE 23503, constraint odd)",
    },
    Rule {
        name: "a policy for rows",
        add: "ALTER TABLE webhook.event ENABLE ROW LEVEL SECURITY;
              CREATE POLICY odd ON webhook.event USING (true) WITH CHECK (type <> 'customer.created')",
        drop: "DROP POLICY odd ON webhook.event; ALTER TABLE webhook.event DISABLE ROW LEVEL SECURITY",
        told: "new row violates row-level security policy for table \"event\" (SQLSTATE 42501)\"",
    },
];

/// A person can mend it, and Stripe sends the event again.
#[test]
fn what_a_rule_of_somebody_else_refuses_is_not_taken_for_received() {
    let database = Postgres::start();
    let durable = || {
        let mut durable = program(DURABLE);
        durable.env("STRIPE_WEBHOOK_SECRET", SECRET).env("WEBHOOK_INBOX", database.url());
        durable
    };
    run(durable().args(["inbox", "migrate"])).with_code(0);
    // No policy holds for the owner of a table.
    let grants = run(durable().args(["inbox", "migrate", "--print"])).with_code(0).stdout;
    assert_eq!(database.query("CREATE ROLE narrow LOGIN"), "");
    for grant in grants.lines().filter_map(|line| line.strip_prefix("-- GRANT ")) {
        assert_eq!(database.query(&format!("GRANT {}", grant.replace('…', "narrow"))), "");
    }
    let count = |sql: &str| database.query(&format!("SELECT count(*) FROM webhook.{sql}"));
    for (round, rule) in (1..).zip(&RULES) {
        let what = rule.name;
        // Of each kind of refusal, the log has the first.
        let mut durable = durable();
        durable.env("WEBHOOK_INBOX", format!("{}&user=narrow", database.url()));
        let server = Server::from_command(&mut durable, &[]);
        assert_eq!(server.post(&event(round, |_| {})).status(), 200);
        let _ = database.query(rule.add);
        // They are some of a batch, of which the others are stored.
        let is_refused = |number: usize| number.is_multiple_of(10);
        let events: Vec<(usize, Vec<u8>)> = (round * 100..round * 100 + 40)
            .map(|number| {
                let change = |event: &mut Value| {
                    if is_refused(number) {
                        event["type"] = json!("customer.created");
                    }
                };
                (number, event(number, change))
            })
            .collect();
        std::thread::scope(|scope| {
            for (number, body) in &events {
                let expected = if is_refused(*number) { 503 } else { 200 };
                let server = &server;
                scope.spawn(move || assert_eq!(server.post(body).status(), expected, "{what}: {number}"));
            }
        });
        assert_eq!(count(&format!("event WHERE event_id LIKE 'evt_Odd{round}__'")), "36", "{what}");
        let _ = database.query(rule.drop);
        for (number, body) in &events {
            assert_eq!(server.post(body).status(), 200, "{what}, dropped: {number}");
        }
        assert_eq!(count(&format!("event WHERE event_id LIKE 'evt_Odd{round}__'")), "40", "{what}");
        let log = server.stop().stderr;
        let refused: Vec<_> =
            log.lines().filter(|line| line.contains("ERROR request refused: drop the")).collect();
        // It is in quotes.
        assert!(
            matches!(refused[..], [line] if line.replace("\\\"", "\"").contains(rule.told)),
            "{what}: {log}"
        );
        assert!(!log.contains("not here"), "what a trigger says may be about a customer: {log}");
    }
    assert_eq!(count("quarantine"), "0");
}
