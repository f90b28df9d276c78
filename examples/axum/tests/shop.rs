//! The shop as its customers, Stripe and its operators see it: the real process, with a real PostgreSQL server.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use product_tests::{
    Answer, Client, Connection, Ended, Postgres, Process, SECRET, Stream, exchange, new_inbox, program, run,
    send, signed, unix_now, until,
};
use serde_json::{Value, json};
use webhook_core::Sample;

/// What the shop keeps: it outlives the process.
struct Kept {
    database: Postgres,
    inbox: PathBuf,
}

impl Kept {
    fn new() -> Self {
        Self { database: Postgres::start(), inbox: new_inbox() }
    }

    fn command(&self) -> Command {
        let mut command = program(env!("CARGO_BIN_EXE_axum-shop"));
        command.env_remove("WEBHOOK_LISTEN").env("WEBHOOK_INBOX", &self.inbox);
        command.env("DATABASE_URL", self.database.url()).env("SHOP_LISTEN", "127.0.0.1:0");
        command.env("STRIPE_WEBHOOK_SECRET", SECRET).env("RUST_LOG", "info,tower_http=debug");
        command
    }

    #[track_caller]
    fn open(&self) -> Shop {
        let process = Process::start(&mut self.command());
        let address = process.line(Stream::Stderr, |line| {
            line.contains("the shop is open").then(|| line.split("address=").nth(1)?.parse().ok())?
        });
        Shop { process, address }
    }

    /// Runs one of the program's commands, and returns the JSON that it prints.
    #[track_caller]
    fn ask(&self, arguments: &[&str]) -> Vec<Value> {
        let Ended { stdout, .. } =
            run(self.command().args(arguments).args(["--format", "json"])).with_code(0);
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"))
    }

    /// The ids of all events in the inbox.
    #[track_caller]
    fn stored(&self) -> BTreeSet<String> {
        let tasks = self.ask(&["inbox", "list", "--limit", "100000"]);
        tasks.iter().map(|task| task["event_id"].as_str().expect("a text").to_owned()).collect()
    }

    /// Number and sum of the payments that were booked.
    fn booked(&self) -> String {
        self.database.query("SELECT count(*), coalesce(sum(amount), 0) FROM payments")
    }

    /// Creates orders of 4200 in the database.
    fn orders(&self, count: usize) -> Vec<String> {
        let insert = format!(
            "INSERT INTO orders (item, amount, currency) SELECT 'kettle', 4200, 'eur' FROM generate_series(1, {count}) \
             RETURNING id"
        );
        self.database.query(&insert).lines().map(str::to_owned).collect()
    }
}

/// The shop at work.
struct Shop {
    process: Process,
    address: SocketAddr,
}

impl Shop {
    #[track_caller]
    fn get(&self, path: &str) -> Value {
        let answer = exchange(self.address, "GET", path, &[], b"");
        assert_eq!(answer.status(), 200, "{path}: {answer:?}");
        serde_json::from_str(&answer.body).expect("it is JSON")
    }

    #[track_caller]
    fn order(&self, body: &Value) -> Answer {
        let json = [("Content-Type", &b"application/json"[..])];
        exchange(self.address, "POST", "/orders", &json, body.to_string().as_bytes())
    }

    /// Creates an order of 4200 and returns its id.
    #[track_caller]
    fn ordered(&self) -> String {
        let created = self.order(&kettle());
        assert_eq!(created.status(), 201, "{created:?}");
        let order: Value = serde_json::from_str(&created.body).expect("it is JSON");
        assert_eq!(order["status"], "pending");
        order["id"].as_str().expect("a text").to_owned()
    }

    #[track_caller]
    fn deliver(&self, body: &str) -> u16 {
        let body = body.as_bytes();
        send(self.address, &signed(&[SECRET], unix_now(), body), body).status()
    }

    #[track_caller]
    fn close(self) -> Ended {
        self.process.signal("TERM");
        self.process.wait().with_code(0)
    }
}

fn kettle() -> Value {
    json!({ "item": "kettle", "amount": 4200, "currency": "eur" })
}

/// An event of a Checkout session that is paid with 4200, or with another amount.
fn session(event_type: &str, seed: u64, order: &str, amount: i64) -> String {
    let mut sample = Sample::new(event_type, seed).expect("there is such a type");
    for (field, value) in [
        ("id", &*format!("cs_test_{order}")),
        ("client_reference_id", order),
        ("amount_total", &amount.to_string()),
        ("currency", "eur"),
    ] {
        sample.set(field, value).expect("there is such a field");
    }
    String::from_utf8(sample.body(1_700_000_000)).expect("JSON is UTF-8")
}

fn completed(seed: u64, order: &str) -> String {
    session("checkout.session.completed", seed, order, 4200)
}

fn id(event: &str) -> String {
    let event: Value = serde_json::from_str(event).expect("it is JSON");
    event["id"].as_str().expect("an event has an id").to_owned()
}

#[test]
fn an_order_is_paid_once_however_often_stripe_says_so() {
    let kept = Kept::new();
    let shop = kept.open();
    let (order, other) = (shop.ordered(), shop.ordered());
    assert_eq!(shop.get("/orders").as_array().map(Vec::len), Some(2));

    let paid = completed(1, &order);
    assert_eq!(shop.deliver(&paid), 200);
    assert_eq!(shop.deliver(&paid), 200, "a duplicate");
    // Another event of the same session.
    assert_eq!(shop.deliver(&session("checkout.session.async_payment_succeeded", 2, &order, 4200)), 200);
    assert_eq!(shop.deliver(&session("checkout.session.expired", 3, &other, 4200)), 200);
    until("all handlers are done", || {
        kept.ask(&["inbox", "list"]).iter().filter(|task| task["state"] == "done").count() == 3
    });
    assert_eq!(shop.get(&format!("/orders/{order}"))["status"], "paid");
    assert_eq!(shop.get(&format!("/orders/{other}"))["status"], "canceled");
    assert_eq!(kept.booked(), "1|4200");

    // Not even a replay books it again.
    run(kept.command().args(["replay", &id(&paid)])).with_code(0);
    until("it ran again", || shop.process.seen(Stream::Stderr).matches("handler done").count() == 4);
    assert_eq!(kept.booked(), "1|4200");
    shop.close();
}

#[test]
fn money_that_the_shop_did_not_expect_is_kept_for_a_person() {
    let kept = Kept::new();
    let shop = kept.open();
    let order = shop.ordered();
    for (seed, order, amount) in [(1, &*order, 1), (2, "order_unknown", 4200)] {
        assert_eq!(shop.deliver(&session("checkout.session.completed", seed, order, amount)), 200);
    }
    until("both are parked", || {
        kept.ask(&["inbox", "list"]).iter().filter(|task| task["state"] == "parked").count() == 2
    });
    let listed = run(kept.command().args(["inbox", "list"])).with_code(0).stdout;
    for why in ["the amount paid is not the amount of the order", "there is no such order"] {
        assert!(listed.split_whitespace().collect::<Vec<_>>().join(" ").contains(why), "{listed}");
    }
    assert_eq!(kept.booked(), "0|0");
    shop.close();
    // Neither needs the database or the server.
    let handlers = kept.ask(&["handlers"]);
    assert_eq!(handlers.len(), 2, "{handlers:?}");
}

#[test]
fn each_route_refuses_what_is_wrong() {
    let kept = Kept::new();
    let shop = kept.open();
    for (body, status) in [
        (json!({ "item": "kettle", "amount": 0, "currency": "eur" }), 422),
        (json!({ "item": "kettle", "amount": 1, "currency": "EUR" }), 422),
        (json!({ "item": "kettle" }), 422),
    ] {
        assert_eq!(shop.order(&body).status(), status, "{body}");
    }
    assert_eq!(exchange(shop.address, "GET", "/orders/order_unknown", &[], b"").status(), 404);
    assert_eq!(exchange(shop.address, "GET", "/webhook", &[], b"").status(), 405);
    assert_eq!(send(shop.address, "t=1,v1=00", b"{}").status(), 400);

    // tower-http's limit is in front of all routes; what it refuses on the way is refused by the endpoint.
    let order = shop.ordered();
    let mut body = completed(1, &order);
    body.push_str(&" ".repeat(256 * 1024 - body.len()));
    assert_eq!(shop.deliver(&body), 200, "at the limit");
    body.push(' ');
    assert_eq!(shop.deliver(&body), 413, "announced");
    let signature = signed(&[SECRET], unix_now(), body.as_bytes());
    let mut connection = Connection::open(shop.address);
    connection.send(format!(
        "POST /webhook HTTP/1.1\r\nHost: a\r\nStripe-Signature: {signature}\r\nTransfer-Encoding: chunked\r\n\r\n"
    ));
    // The server may refuse it before it has read everything.
    let _ = connection.try_send(format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()));
    assert_eq!(connection.answer().status(), 413, "in chunks");
    shop.close();
}

#[test]
fn events_are_accepted_while_the_database_is_down() {
    let mut kept = Kept::new();
    let shop = kept.open();
    let order = shop.ordered();
    kept.database.stop();
    let paid = completed(1, &order);
    assert_eq!(shop.deliver(&paid), 200);
    shop.process.line_with(Stream::Stderr, "handler failed");
    let refused = shop.order(&kettle());
    assert_eq!(refused.status(), 503, "{refused:?}");
    kept.database.restart();
    until("the order is paid", || shop.get(&format!("/orders/{order}"))["status"] == "paid");
    assert_eq!(kept.booked(), "1|4200");
    shop.close();
}

/// Requests and runs that wait for the database when the signal comes.
#[test]
fn what_was_accepted_before_the_signal_is_answered_and_done() {
    let kept = Kept::new();
    let shop = kept.open();
    let orders = kept.orders(5);
    let mut lock = Process::start(&mut kept.database.client());
    lock.tell("BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE; SELECT 'locked';");
    lock.line_with(Stream::Stdout, "locked");

    assert_eq!(shop.deliver(&completed(0, &orders[0])), 200, "it is stored, and its handler waits");
    let body = kettle().to_string();
    let head = format!("Host: a\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
    let waiting = (0..8).map(|_| {
        let mut connection = Connection::open(shop.address);
        connection.send(format!("POST /orders HTTP/1.1\r\n{head}{body}"));
        connection
    });
    let mut waiting: Vec<_> = waiting.collect();
    // Half of an event has arrived.
    let mut halves: Vec<_> = orders[1..]
        .iter()
        .zip(1..)
        .map(|(order, seed)| {
            let event = completed(seed, order);
            let signature = signed(&[SECRET], unix_now(), event.as_bytes());
            let (first, rest) = event.split_at(event.len() / 2);
            let mut connection = Connection::open(shop.address);
            connection.send(format!(
                "POST /webhook HTTP/1.1\r\nHost: a\r\nStripe-Signature: {signature}\r\nContent-Length: {}\r\n\r\n{first}",
                event.len()
            ));
            (connection, rest.to_owned())
        })
        .collect();
    let blocked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    until("everything waits for the database", || kept.database.query(blocked) == "9");
    until("all requests have begun", || {
        let seen = shop.process.seen(Stream::Stderr);
        seen.matches("started processing request").count() == 1 + waiting.len() + halves.len()
    });

    shop.process.signal("TERM");
    until("nothing listens", || TcpStream::connect(shop.address).is_err());
    for (connection, rest) in &mut halves {
        connection.send(rest);
        assert_eq!(connection.answer().status(), 200);
    }
    lock.tell("COMMIT;");
    for connection in &mut waiting {
        assert_eq!(connection.answer().status(), 201);
    }
    shop.process.wait().with_code(0);
    assert_eq!(kept.database.query("SELECT count(*) FROM orders"), "13");
    assert_eq!(kept.stored().len(), 5);

    let shop = kept.open();
    until("all are paid", || kept.booked() == "5|21000");
    shop.close();
}

#[test]
fn a_shutdown_under_load_loses_nothing_that_was_acknowledged() {
    let kept = Kept::new();
    let shop = kept.open();
    let (address, orders) = (shop.address, Arc::new(kept.orders(5_000)));
    let numbers = Arc::<AtomicUsize>::default();
    let senders: Vec<_> = (0..4)
        .map(|_| {
            let (orders, numbers) = (Arc::clone(&orders), Arc::clone(&numbers));
            std::thread::spawn(move || send_until_refused(address, &orders, &numbers))
        })
        .collect();
    until("there is load", || numbers.load(Ordering::Relaxed) >= 200);
    shop.process.signal("TERM");
    let acknowledged: Vec<_> =
        senders.into_iter().flat_map(|sender| sender.join().expect("no panic")).collect();
    shop.process.wait().with_code(0);
    assert!(acknowledged.len() >= 100, "{}", acknowledged.len());
    let stored = kept.stored();
    for id in &acknowledged {
        assert!(stored.contains(id), "{id} was acknowledged");
    }

    let shop = kept.open();
    until("all are paid", || kept.booked() == format!("{}|{}", stored.len(), 4200 * stored.len()));
    shop.close();
}

/// A sender that goes on until nothing listens, and what was acknowledged.
fn send_until_refused(to: SocketAddr, orders: &[String], numbers: &AtomicUsize) -> Vec<String> {
    let (mut client, mut acknowledged) = (Client::default(), Vec::new());
    let mut was_answered = true;
    loop {
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        let event = completed(number as u64, &orders[number]);
        match client.post(to, event.as_bytes()) {
            Ok(told) => {
                was_answered = true;
                acknowledged.extend((told.status == 200).then(|| id(&event)));
            }
            // The first error may be the end of a kept connection.
            Err(_) if was_answered => was_answered = false,
            Err(_) => return acknowledged,
        }
    }
}
