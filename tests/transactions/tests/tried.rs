//! Handlers with transactions in an application under test: each run's effect, and what becomes of its task, with both drivers.

use std::panic::{AssertUnwindSafe, catch_unwind};

use test_transactions::{Pools, Run, prepared};
use webhook_core::{Context, Event, HandlerError, on_event};
use webhook_server::testing::{TaskState, TestApp};
use webhook_server::{App, fixture};

#[on_event("payment_intent.succeeded", id = "sqlx", retry(attempts = 3, first_delay = "1s"))]
async fn by_sqlx(event: Event, context: Context, tx: &mut webhook_sqlx::Tx) -> Result<(), HandlerError> {
    act(&event, &context, tx).await
}

#[on_event("charge.succeeded", id = "tokio", retry(attempts = 3, first_delay = "1s"))]
async fn by_tokio_postgres(
    event: Event,
    context: Context,
    tx: &mut webhook_postgres::Tx,
) -> Result<(), HandlerError> {
    act(&event, &context, tx).await
}

/// Its first run takes too long, in the transaction.
#[on_event("charge.refunded", id = "slow", timeout = "1s", retry(attempts = 2, first_delay = "1s"))]
async fn slow(event: Event, tx: &mut webhook_postgres::Tx) -> Result<(), HandlerError> {
    effect(&event, tx).await?;
    std::future::pending().await
}

/// Has an effect.
async fn effect(event: &Event, tx: &mut impl Run) -> Result<(), HandlerError> {
    let object = event.object["id"].as_str().expect("it has an id");
    tx.run(&format!("INSERT INTO effect (object) VALUES ('{object}')")).await
}

/// Has an effect, and then does what stands in the object's id, before the `-`. Most of it only at first.
async fn act(event: &Event, context: &Context, tx: &mut impl Run) -> Result<(), HandlerError> {
    effect(event, tx).await?;
    let object = event.object["id"].as_str().expect("it has an id");
    match object.split('-').next().unwrap_or_default() {
        "skips" => Err(HandlerError::skip("as it was told")),
        "parks" => Err(HandlerError::park("as it was told")),
        _ if context.attempt() > 1 => Ok(()),
        "done" => Ok(()),
        "fails" => Err(HandlerError::retry("as it was told")),
        "panics" => panic!("as it was told"),
        "swallows" => {
            let _ = tx.run("SELECT 1 / 0").await;
            Ok(())
        }
        "refused_in_commit" => tx.run("INSERT INTO at_commit (what) VALUES ('refuse')").await,
        "commits" => tx.run("COMMIT").await,
        "commits_and_begins" => tx.run("COMMIT; BEGIN").await,
        "rolls_back" => tx.run("ROLLBACK").await,
        other => panic!("{other}?"),
    }
}

use TaskState::{Done, Parked, Ready, Skipped};

/// A task's state, and how often the effect is there.
type Left = (TaskState, u32);

/// What is done, and what that leaves: after the delivery, and when retries were made.
const SCENES: [(&str, Left, Left); 10] = [
    ("done", (Done, 1), (Done, 1)),
    ("fails", (Ready, 0), (Done, 1)),
    ("panics", (Ready, 0), (Done, 1)),
    ("swallows", (Ready, 0), (Done, 1)),
    ("refused_in_commit", (Ready, 0), (Done, 1)),
    ("skips", (Skipped, 0), (Skipped, 0)),
    ("parks", (Parked, 0), (Parked, 0)),
    // As in production, a person has to look at it.
    ("commits", (Parked, 1), (Parked, 1)),
    ("commits_and_begins", (Parked, 1), (Parked, 1)),
    ("rolls_back", (Parked, 0), (Parked, 0)),
];

/// An application with both pools. They end with the runtime of the test.
fn app() -> App {
    let pools = Pools::new(prepared().folder(), "shop", "postgres");
    App::new().state(pools.sqlx).state(pools.tokio)
}

/// How often an object's effect was committed, as any other connection sees it.
fn effects(object: &str) -> u32 {
    let count = format!("SELECT count(*) FROM effect WHERE object = '{object}'");
    prepared().query(&count).parse().expect("it is a number")
}

async fn state(app: &TestApp) -> TaskState {
    app.tasks().await.first().expect("the event has a task").state
}

/// Delivers an event for each scene to an application of its own.
async fn play(driver: &str) {
    for (what, delivered, retried) in SCENES {
        let app = TestApp::new(app());
        let object = format!("{what}-tried-{driver}");
        let sample = match driver {
            "sqlx" => fixture!("payment_intent.succeeded", id = &*object),
            _ => fixture!("charge.succeeded", id = &*object),
        };
        assert_eq!(app.deliver(sample).await.status(), 200, "{object}");
        assert_eq!((state(&app).await, effects(&object)), delivered, "{object}");
        app.advance("1 minute").await;
        assert_eq!((state(&app).await, effects(&object)), retried, "{object}, when retries were made");
    }
}

#[tokio::test]
async fn every_end_of_a_run_with_sqlx() {
    play("sqlx").await;
}

#[tokio::test]
async fn every_end_of_a_run_with_tokio_postgres() {
    play("tokio").await;
}

#[tokio::test]
async fn a_run_that_takes_too_long_is_rolled_back() {
    let app = TestApp::new(app());
    let delivered = app.deliver(fixture!("charge.refunded", id = "slow-tried")).await;
    delivered.assert_failed("slow");
    app.advance("1 minute").await.assert_parked("slow");
    assert_eq!(effects("slow-tried"), 0);
}

#[tokio::test]
async fn a_handler_that_ends_its_transaction_is_told_so() {
    let app = TestApp::new(app());
    let delivered = app.deliver(fixture!("charge.succeeded", id = "commits-told")).await;
    let error = delivered.assert_parked("tokio").to_string();
    assert!(error.contains("the handler ended its transaction itself"), "{error}");
}

#[tokio::test]
async fn a_restart_keeps_what_was_done_and_retries_what_was_not() {
    let mut app = TestApp::new(app());
    app.deliver(fixture!("payment_intent.succeeded", id = "fails-restarted")).await.assert_failed("sqlx");
    let done = app.deliver(fixture!("payment_intent.succeeded", id = "done-restarted")).await;
    app.restart().await;
    app.advance("1 minute").await.assert_done("sqlx");
    assert!(app.deliver_again(&done).await.is_duplicate());
    assert_eq!((effects("fails-restarted"), effects("done-restarted")), (1, 1));
}

/// What is wrong with an application under test that cannot start.
fn refused(app: App) -> String {
    let panic = catch_unwind(AssertUnwindSafe(|| TestApp::new(app))).expect_err("it is refused");
    panic.downcast_ref::<String>().expect("it is a text").clone()
}

#[tokio::test]
async fn an_application_without_the_pool_or_the_inbox_is_refused() {
    let without = refused(App::new().state(Pools::new(prepared().folder(), "shop", "postgres").sqlx));
    for part in ["2 problems\n", "`tokio` (", "`slow` (", "`.state(pool)`"] {
        assert!(without.contains(part), "{part:?} is not in:\n{without}");
    }
    let inline = refused(app().inline());
    for part in ["1 problem\n", "`sqlx` (", "`tokio` (", "`slow` (", "remove `.inline()`"] {
        assert!(inline.contains(part), "{part:?} is not in:\n{inline}");
    }
}

/// A pool whose database is away fails the runs, as in production.
#[tokio::test]
async fn a_database_that_is_away_fails_the_run() {
    let folder = tempfile::tempdir().expect("there is a place for it");
    let away = Pools::new(folder.path(), "shop", "postgres");
    let app = TestApp::new(App::new().state(away.sqlx).state(away.tokio));
    app.deliver(fixture!("charge.succeeded", id = "done-away")).await.assert_failed("tokio");
    assert_eq!(effects("done-away"), 0);
}
