//! Handlers with transactions are refused at the start where they could not hold what they promise.

use test_transactions::{Pools, app, prepared, start};
use webhook_core::{Event, on_event};
use webhook_server::InboxLocation;

#[on_event("payment_intent.succeeded", id = "sqlx")]
async fn by_sqlx(_event: Event, _tx: &mut webhook_sqlx::Tx) {}

#[on_event("charge.succeeded", id = "tokio")]
async fn by_tokio_postgres(_event: Event, _tx: &mut webhook_postgres::Tx) {}

#[on_event("charge.succeeded", id = "without")]
async fn without_a_transaction(_event: Event) {}

/// Pools of the server's usual database, for its usual user.
fn pools() -> Pools {
    Pools::new(prepared().folder(), "shop", "postgres")
}

/// Starts on a new schema, and returns what is wrong.
async fn refused(pools: &Pools) -> String {
    match start(prepared(), &test_postgres::schema(), pools).await {
        Ok(_) => panic!("it starts"),
        Err(error) => error.to_string(),
    }
}

#[track_caller]
fn contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[tokio::test]
async fn the_inbox_must_be_in_postgresql() {
    let folder = tempfile::tempdir().expect("there is a place for it");
    let file = folder.path().join("inbox.db");
    let elsewhere =
        "the inbox is not in PostgreSQL: put it into the application's database with `--inbox postgres://…`";
    let none = "this program is `.inline()` and has no inbox: remove `.inline()`, and put the inbox";
    for (inbox, is_inline, remedy) in [
        (InboxLocation::Memory, false, elsewhere),
        (InboxLocation::File(file.clone()), false, elsewhere),
        (InboxLocation::Memory, true, none),
    ] {
        let pools = pools();
        let (mut app, _secret) = app(inbox, "webhook");
        app = app.state(pools.sqlx.clone()).state(pools.tokio.clone());
        if is_inline {
            app = app.inline();
        }
        let error = app.start().await.expect_err("it is refused").to_string();
        contains(
            &error,
            &["1 problem\n", "`sqlx` (", "`tokio` (", "starts.rs:", "take one", remedy, "`idempotency`"],
        );
        assert!(!error.contains("without"), "{error}");
    }
    assert!(!file.exists(), "a start that is refused creates no file");
}

#[tokio::test]
async fn each_handler_needs_its_pool() {
    let (app, _secret) = app(InboxLocation::Postgres(prepared().url()), &test_postgres::schema());
    let error = app.state(pools().sqlx).start().await.expect_err("it is refused").to_string();
    contains(
        &error,
        &[
            "1 problem\n",
            "`tokio` (",
            "takes `&mut webhook_postgres::Tx`",
            "::Pool<deadpool_postgres::Manager>` to begin it on",
            "`.state(pool)`",
        ],
    );
}

#[tokio::test]
async fn a_pool_must_lead_to_the_inbox() {
    let _ = prepared().query("CREATE DATABASE other");
    let error = refused(&Pools::new(prepared().folder(), "shop", "other")).await;
    contains(
        &error,
        &[
            "2 problems\n",
            "sqlx",
            "deadpool",
            "cannot complete runs",
            "does not exist",
            "give the `App` a pool of",
        ],
    );

    // It may even have an inbox, if that is another one.
    let schema = test_postgres::schema();
    let _ = prepared().query(&format!("CREATE SCHEMA {schema}"));
    let copy =
        format!("CREATE SCHEMA {schema}; CREATE TABLE {schema}.meta AS SELECT gen_random_uuid() AS inbox");
    let mut psql = prepared().client();
    assert!(psql.args(["-d", "other", "-c", &copy]).status().expect("psql is there").success());
    let mixed = Pools { sqlx: Pools::new(prepared().folder(), "shop", "other").sqlx, ..pools() };
    let Err(error) = start(prepared(), &schema, &mixed).await else { panic!("it starts") };
    contains(&error.to_string(), &["1 problem\n", "sqlx", "is not the one that has the inbox"]);
}

#[tokio::test]
async fn a_pools_role_must_have_the_rights() {
    let schema = test_postgres::schema();
    let shop = start(prepared(), &schema, &pools()).await.unwrap_or_else(|error| panic!("{error}"));
    shop.stop().await;
    let _ = prepared().query("CREATE ROLE clerk LOGIN");
    let clerk = Pools::new(prepared().folder(), "clerk", "postgres");
    let refused = async |grants: &str| {
        let _ = prepared().query(&grants.replace("webhook", &schema));
        match start(prepared(), &schema, &clerk).await {
            Ok(shop) => {
                shop.stop().await;
                String::new()
            }
            Err(error) => error.to_string(),
        }
    };
    contains(
        &refused("SELECT 1").await,
        &["2 problems\n", "permission denied for schema", "grant the role USAGE"],
    );
    let error =
        refused("GRANT USAGE ON SCHEMA webhook TO clerk; GRANT SELECT ON webhook.meta TO clerk").await;
    contains(&error, &["2 problems\n", "its role may not end runs: grant it SELECT and DELETE"]);
    let all = "GRANT SELECT, DELETE ON webhook.task TO clerk; GRANT INSERT ON webhook.ended TO clerk";
    assert_eq!(refused(all).await, "");
    let nobody = Pools::new(prepared().folder(), "nobody_at_all", "postgres");
    let Err(error) = start(prepared(), &schema, &nobody).await else { panic!("it starts") };
    contains(&error.to_string(), &["2 problems\n", "cannot connect", "nobody_at_all"]);
}

/// As an inbox whose database is away does not prevent a start, either.
#[tokio::test]
async fn a_pool_whose_database_is_away_is_not_a_problem() {
    let folder = tempfile::tempdir().expect("there is a place for it");
    let away = Pools::new(folder.path(), "shop", "postgres");
    let shop =
        start(prepared(), &test_postgres::schema(), &away).await.unwrap_or_else(|error| panic!("{error}"));
    shop.stop().await;
}
