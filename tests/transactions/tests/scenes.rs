//! Every way in which a run in a transaction can end, with both drivers: how often its effect is there, and its task.

use std::collections::HashMap;
use std::sync::Mutex;

use test_postgres::Proxy;
use test_transactions::{Pools, Run, Shop, losses, prepared, start};
use webhook_core::{Context, Event, HandlerError, State, on_event};

/// How often the handler was called for each object.
static CALLS: Mutex<Option<HashMap<String, u32>>> = Mutex::new(None);

/// Counts a call.
fn called(object: &str) -> u32 {
    let mut calls = CALLS.lock().expect("no test panics here");
    let calls = calls.get_or_insert_default().entry(object.to_owned()).or_default();
    *calls += 1;
    *calls
}

fn calls(object: &str) -> u32 {
    let calls = CALLS.lock().expect("no test panics here");
    calls.as_ref().and_then(|calls| calls.get(object).copied()).unwrap_or(0)
}

#[on_event("payment_intent.succeeded", id = "sqlx", timeout = "2s", retry(attempts = 3, first_delay = "1s"))]
async fn by_sqlx(
    event: Event,
    context: Context,
    State(pool): State<sqlx::PgPool>,
    tx: &mut webhook_sqlx::Tx,
) -> Result<(), HandlerError> {
    act(&event, &context, &pool, tx).await
}

#[on_event("charge.succeeded", id = "tokio", timeout = "2s", retry(attempts = 3, first_delay = "1s"))]
async fn by_tokio_postgres(
    event: Event,
    context: Context,
    tx: &mut webhook_postgres::Tx,
    State(pool): State<sqlx::PgPool>,
) -> Result<(), HandlerError> {
    act(&event, &context, &pool, tx).await
}

/// Has an effect, and then does what stands in the object's id, before the `-`. Most of it only at first.
async fn act(
    event: &Event,
    context: &Context,
    pool: &sqlx::PgPool,
    tx: &mut impl Run,
) -> Result<(), HandlerError> {
    let object = event.object["id"].as_str().expect("it has an id");
    let what = object.split('-').next().unwrap_or_default();
    let (call, is_first) = (called(object), context.attempt() == 1);
    tx.run(&format!("INSERT INTO effect (object) VALUES ('{object}')")).await?;
    let at_commit = |what: &str| format!("INSERT INTO at_commit (what) VALUES ('{what}')");
    match what {
        "skips" => return Err(HandlerError::skip("as it was told")),
        "parks" => return Err(HandlerError::park("as it was told")),
        "collides" if call <= 3 => tx.run(COLLIDE).await?,
        "always_collides" => tx.run(COLLIDE).await?,
        "collides_in_commit" if call <= 3 => tx.run(&at_commit("collide")).await?,
        "steals" if is_first => {
            let steal = format!(
                "UPDATE {}.task SET fence = fence + 1, owner = 1 WHERE state = 1 AND object LIKE '%{object}'",
                event.object["schema"].as_str().expect("it names the schema")
            );
            sqlx::raw_sql(sqlx::AssertSqlSafe(steal)).execute(pool).await?;
        }
        "cut" => tx.run("SELECT 1 /* cut */").await?,
        "hang" => tx.run("SELECT 1 /* hang */").await?,
        "sleeps_in_commit" => tx.run(&at_commit("sleep")).await?,
        "done" | "collides" | "collides_in_commit" => {}
        _ if !is_first => {}
        "fails" => return Err(HandlerError::retry("as it was told")),
        "panics" => panic!("as it was told"),
        "sleeps" => tx.run("SELECT pg_sleep(4)").await?,
        "idles" => std::future::pending().await,
        "commits" => tx.run("COMMIT").await?,
        "commits_and_begins" => tx.run("COMMIT; BEGIN").await?,
        "rolls_back" => tx.run("ROLLBACK").await?,
        "swallows" => drop(tx.run("SELECT 1 / 0").await),
        "refused_in_commit" => tx.run(&at_commit("refuse")).await?,
        "terminated_in_commit" => tx.run(&at_commit("terminate")).await?,
        "terminated" => tx.run("SELECT pg_terminate_backend(pg_backend_pid())").await?,
        "stall" => tx.run("SELECT 1 /* stall */").await?,
        other => panic!("{other}?"),
    }
    Ok(())
}

const COLLIDE: &str = "DO $$ BEGIN RAISE EXCEPTION 'collided' USING ERRCODE = '40P01'; END $$";

/// What is done, the task's state (3 done, 4 skipped, 5 parked) and attempts, how often its effect is there, and how often
/// the handler was called.
const SCENES: [(&str, u8, u32, u32, u32); 21] = [
    ("done", 3, 1, 1, 1),
    ("fails", 3, 2, 1, 2),
    ("skips", 4, 1, 0, 1),
    ("parks", 5, 1, 0, 1),
    ("panics", 3, 2, 1, 2),
    // Past the run's deadline.
    ("sleeps", 3, 2, 1, 2),
    ("idles", 3, 2, 1, 2),
    // What the handler has committed itself stays, and a person has to look at it.
    ("commits", 5, 1, 1, 1),
    ("commits_and_begins", 5, 1, 1, 1),
    ("rolls_back", 5, 1, 0, 1),
    ("swallows", 3, 2, 1, 2),
    // At once, and not counted.
    ("collides", 3, 1, 1, 4),
    ("collides_in_commit", 3, 1, 1, 4),
    ("always_collides", 5, 3, 0, 18),
    ("refused_in_commit", 3, 2, 1, 2),
    ("terminated_in_commit", 3, 2, 1, 2),
    ("terminated", 3, 2, 1, 2),
    // The commit goes on past the deadline, and counts.
    ("sleeps_in_commit", 3, 1, 1, 1),
    // The commit took place, and its answer was lost.
    ("cut", 3, 1, 1, 1),
    ("hang", 3, 1, 1, 1),
    // The commit never reached the server, and its connection stayed open for long.
    ("stall", 3, 2, 1, 2),
];

/// Sends an event for each scene, all at once.
async fn play(shop: &Shop, driver: &str, event_type: &str) {
    for (what, ..) in SCENES {
        let object = format!("{what}-{driver}");
        shop.send(event_type, &format!("evt_{driver}_{what}"), &object).await;
    }
    for (what, state, attempts, effects, called) in SCENES {
        let object = format!("{what}-{driver}");
        let task = format!("SELECT state, attempt FROM webhook.ended WHERE object LIKE '%{object}'");
        shop.until(&task, &format!("{state}|{attempts}")).await;
        let effect = format!("SELECT count(*) FROM effect WHERE object = '{object}'");
        assert_eq!(shop.query(&effect).await, effects.to_string(), "{object}");
        assert_eq!(calls(&object), called, "{object}");
    }
    steal(shop, driver, event_type).await;
    let parked = "SELECT count(*), min(why), max(why) FROM webhook.ended WHERE state = 5 AND error LIKE '%ended its transaction itself%'";
    assert_eq!(shop.query(parked).await, "3|0|0");
    // No connection went back to a pool inside a transaction.
    let idle = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'";
    shop.until(idle, "0").await;
}

/// A run whose task was taken over meanwhile changes nothing, neither in the application's tables nor in the inbox.
async fn steal(shop: &Shop, driver: &str, event_type: &str) {
    let object = format!("steals-{driver}");
    shop.send(event_type, &format!("evt_{driver}_steals"), &object).await;
    // The next event of the object waits for the lane.
    shop.send(event_type, &format!("evt_{driver}_waits"), &object).await;
    shop.until(
        &format!(
            "SELECT fence, owner, attempt FROM webhook.task WHERE object LIKE '%{object}' AND state = 1"
        ),
        "2|1|1",
    )
    .await;
    let effect = format!("SELECT count(*) FROM effect WHERE object = '{object}'");
    assert_eq!(shop.query(&effect).await, "0");
    let tasks = format!("SELECT state FROM webhook.task WHERE object LIKE '%{object}' ORDER BY id");
    assert_eq!(shop.query(&tasks).await.lines().next(), Some("1"), "it is the thief's");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_end_of_a_run_with_sqlx() {
    let server = prepared();
    let proxy = Proxy::start(server, losses);
    let pools = Pools::new(proxy.folder(), "shop", "postgres");
    let shop =
        start(server, &test_postgres::schema(), &pools).await.unwrap_or_else(|error| panic!("{error}"));
    play(&shop, "sqlx", "payment_intent.succeeded").await;
    shop.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_end_of_a_run_with_tokio_postgres() {
    let server = prepared();
    let proxy = Proxy::start(server, losses);
    let pools = Pools::new(proxy.folder(), "shop", "postgres");
    let shop =
        start(server, &test_postgres::schema(), &pools).await.unwrap_or_else(|error| panic!("{error}"));
    play(&shop, "tokio", "charge.succeeded").await;
    shop.stop().await;
}
