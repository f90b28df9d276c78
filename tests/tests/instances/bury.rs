//! `inbox bury`: a supervisor that knows of a death need not wait for the end of the lease.

use product_tests::{Client, Delivery, Postgres, Server, Stream, run, until};

use crate::fleet::durable;

/// Longer than any test waits.
const LONG: &str = "1h";

fn instance(database: &Postgres, lease: &str) -> Server {
    Server::from_command(durable(&database.url()).env("WEBHOOK_INBOX_LEASE", lease), &[])
}

/// The name of an instance, of which there is only this one with its process.
fn name(database: &Postgres, server: &Server) -> String {
    let of_process = format!("SELECT name FROM webhook.instance WHERE name LIKE '%:{}'", server.process.id());
    database.query(&of_process)
}

#[test]
fn tasks_of_an_instance_that_is_buried_are_taken_over_at_once() {
    let database = Postgres::start();
    let fleet = [(); 2].map(|()| instance(&database, LONG));
    let [dead, alive] = &fleet;
    let [dead_name, alive_name] = [dead, alive].map(|server| name(&database, server));
    // It keeps its thread until the test ends.
    let delivery = Delivery::new("charge.succeeded", 1, 1, 0);
    let told = Client::default().post(dead.address, delivery.body.as_bytes()).expect("it lives");
    assert_eq!(told.status, 200);
    let runner = || {
        database.query(
            "SELECT i.name FROM webhook.task t JOIN webhook.instance i ON i.id = t.owner WHERE t.state = 1",
        )
    };
    until("it runs", || runner() == dead_name);
    dead.process.signal("KILL");
    let unknown = run(durable(&database.url()).args(["inbox", "bury", "web-9:1"])).with_code(1);
    for known in [&dead_name, &alive_name] {
        assert!(unknown.stderr.contains(&**known), "{unknown:#?}");
    }
    assert_eq!(runner(), dead_name, "nobody else may run it while its lease is valid");
    let may_live = run(durable(&database.url()).args(["inbox", "bury", &dead_name])).with_code(1);
    assert!(
        may_live.stderr.contains("runs until 20") && may_live.stderr.contains("--force"),
        "{may_live:#?}"
    );
    assert_eq!(runner(), dead_name);
    let buried = run(durable(&database.url()).args(["inbox", "bury", "--force", &dead_name])).with_code(0);
    assert_eq!(buried.stdout, format!("{dead_name} is buried; tasks that are ready again: 1\n"));
    assert!(buried.stderr.contains("if it is alive after all"), "{buried:#?}");
    until("the other one runs it", || runner() == alive_name);
    assert_eq!(database.query("SELECT count(*) FROM webhook.attempt WHERE outcome = 3"), "1");
    let again = run(durable(&database.url()).args(["inbox", "bury", &dead_name])).with_code(1);
    assert!(again.stderr.contains(&format!("only {alive_name}")), "{again:#?}");
}

/// It loses its runs, and nothing else.
#[test]
fn an_instance_that_is_buried_alive_joins_again() {
    let database = Postgres::start();
    let server = instance(&database, "3s");
    let own = name(&database, &server);
    let id = || database.query("SELECT id FROM webhook.instance");
    let before = id();
    run(durable(&database.url()).args(["inbox", "bury", &own, "--force"])).with_code(0);
    server.process.line_with(Stream::Stderr, "considered this one dead: joining again");
    until("it has joined again", || !id().is_empty() && id() != before);
    let delivery = Delivery::new("payment_intent.succeeded", 1, 1, 0);
    let told = Client::default().post(server.address, delivery.body.as_bytes()).expect("it lives");
    assert_eq!(told.status, 200);
    until("it works", || database.query("SELECT count(*) FROM webhook.ended WHERE state = 3") == "2");
    server.stop();
}

/// After the restart of a container, the name of the dead process is that of the living one.
#[test]
fn of_two_instances_with_one_name_the_older_is_buried() {
    let database = Postgres::start();
    let server = instance(&database, LONG);
    let own = name(&database, &server);
    let older = format!(
        "INSERT INTO webhook.instance SELECT 1, name, version, slots, handlers, joined_ms - 1, lease_until_ms
         FROM webhook.instance WHERE name = '{own}'"
    );
    assert_eq!(database.query(&older), "");
    run(durable(&database.url()).args(["inbox", "bury", &own])).with_code(1);
    // That the one that stays is alive does not matter.
    assert_eq!(database.query("UPDATE webhook.instance SET lease_until_ms = 0 WHERE id = 1"), "");
    let buried = run(durable(&database.url()).args(["inbox", "bury", &own])).with_code(0);
    assert!(buried.stderr.contains("another instance with this name joined later: it stays"), "{buried:#?}");
    assert_eq!(
        database.query("SELECT count(*) FILTER (WHERE id = 1), count(*) FROM webhook.instance"),
        "0|1"
    );
    server.stop();
}
