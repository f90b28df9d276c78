//! Starts that are refused, and what is said of them.

use std::time::Duration;

use super::*;
use crate::report::unusable::unusable;
use crate::settings::Interface;
use crate::store::conformance::{arrival, at_once, came_by, free};
use crate::store::postgres::cluster::{new_schema, url};
use crate::store::{Filter, StoreError};

fn opening(schema: &str) -> Opening {
    Opening { schema: schema.to_owned(), migrates: true, connections: 6, ..Opening::default() }
}

/// What is said when an inbox cannot be opened.
#[track_caller]
fn refused(url: &str, opening: &Opening) -> String {
    let told = |error| unusable(&error, Interface::CommandLine);
    let checked = check(url, opening).map_err(told);
    let refused = told(open(url, opening).map(drop).expect_err("it is refused"));
    // A check says the same, unless only an attempt shows it.
    assert!(checked.is_ok() || checked.as_ref() == Err(&refused), "{checked:?} {refused}");
    refused
}

/// Runs SQL as the owner of the server.
#[track_caller]
fn sql(text: &str) {
    let _ = test_postgres::shared().query(text);
}

/// Makes a role, and returns the URL by which it logs in.
fn role(name: &str, settings: &[&str]) -> String {
    sql(&format!("CREATE ROLE {name} LOGIN"));
    for setting in settings {
        sql(&format!("ALTER ROLE {name} SET {setting}"));
    }
    url().replace("user=shop", &format!("user={name}"))
}

#[test]
fn a_role_whose_settings_lose_events_is_refused_for_each_of_them() {
    let url =
        role("careless", &["synchronous_commit = off", "default_transaction_isolation = 'serializable'"]);
    let told = refused(&url, &opening(&new_schema()));
    let (first, rest) = told.split_once('\n').expect("it has several lines");
    assert!(
        first.starts_with("the inbox in PostgreSQL (postgres on /") && first.ends_with(") cannot be used:"),
        "{told}"
    );
    let rest: Vec<_> = rest.lines().map(|line| line.split(':').next().unwrap_or_default()).collect();
    assert_eq!(rest, ["- `synchronous_commit` is off", "- `default_transaction_isolation` is serializable"]);
}

#[test]
fn a_server_that_does_not_sync_is_refused() {
    let server = test_postgres::Postgres::start_with(&["fsync=off", "full_page_writes=off"]);
    let told = refused(&server.url(), &opening("webhook"));
    for line in ["- `fsync` is off: the database is damaged when its", "- `full_page_writes` is off: "] {
        assert!(told.lines().any(|told| told.starts_with(line)), "{told}");
    }
    assert_eq!(server.query("SELECT count(*) FROM pg_namespace WHERE nspname = 'webhook'"), "0");
}

#[test]
fn a_server_that_only_reads_is_refused() {
    let url = role("reader", &["default_transaction_read_only = on"]);
    let told = refused(&url, &opening(&new_schema()));
    assert!(told.ends_with("is a standby, or only reads"), "{told}");
}

#[test]
fn a_login_that_fails_is_told_with_the_servers_words() {
    let told = refused(&url().replace("/postgres?", "/orders?"), &opening("webhook"));
    assert!(
        told.contains("database \"orders\" does not exist (SQLSTATE 3D000): create the database, or"),
        "{told}"
    );
    let told = refused(&url().replace("user=shop", "user=stranger"), &opening("webhook"));
    assert!(
        told.contains("role \"stranger\" does not exist (SQLSTATE 28000): create the role, or"),
        "{told}"
    );
}

#[test]
fn a_role_without_rights_is_refused() {
    let (schema, url) = (new_schema(), role("guest", &[]));
    let told = refused(&url, &opening(&schema));
    let remedy = ": have the owner of the database run what `inbox migrate --print` shows, with the GRANT statements at its end";
    assert!(
        told.ends_with(&format!("permission denied for database postgres (SQLSTATE 42501){remedy}")),
        "{told}"
    );
    drop(open(super::super::cluster::url(), &opening(&schema)).expect("the owner may make it"));
    let told = refused(&url, &opening(&schema));
    assert!(
        told.contains(&format!("permission denied for schema {schema} (SQLSTATE 42501): have")),
        "{told}"
    );
    sql(&format!("GRANT USAGE ON SCHEMA \"{schema}\" TO guest"));
    sql(&format!("GRANT SELECT ON ALL TABLES IN SCHEMA \"{schema}\" TO guest"));
    sql(&format!("GRANT INSERT, UPDATE, DELETE ON \"{schema}\".task TO guest"));
    let told = refused(&url, &opening(&schema));
    assert!(told.contains("- its role may not read and write attempt, chore, ended, event, "), "{told}");
    assert!(!told.contains(" task,") && !told.contains(" task:") && !told.contains(" meta"), "{told}");
    sql(&format!("GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA \"{schema}\" TO guest"));
    sql(&format!("REVOKE INSERT, UPDATE, DELETE ON \"{schema}\".meta FROM guest"));
    let without = Opening { migrates: false, ..opening(&schema) };
    let told = refused(&url, &without);
    assert!(
        told.ends_with(
            "- its role may not use task_id_seq: run GRANT USAGE ON ALL SEQUENCES IN SCHEMA … TO …"
        ),
        "{told}"
    );
    sql(&format!("GRANT USAGE ON ALL SEQUENCES IN SCHEMA \"{schema}\" TO guest"));
    let store = open(&url, &without).expect("it may do everything that it must");
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("there are threads");
    let life = async {
        store.recover(["a"].into()).await?;
        store.heartbeat().await?;
        store.record(arrival("evt_1", &[at_once(free("a"))])).await?;
        store.quarantine("no event".into(), "why".to_owned(), came_by("/stripe", "new")).await?;
        let tasks = store.tasks(Filter { limit: 1, ..Filter::default() }).await?;
        store.leave().await?;
        Ok::<_, StoreError>(tasks.len())
    };
    assert_eq!(runtime.block_on(life).expect("it may do everything that it must"), 1);
}

#[test]
fn without_leave_to_migrate_a_start_says_who_does() {
    let without = Opening { migrates: false, ..opening(&new_schema()) };
    let told = refused(url(), &without);
    assert!(
        told.ends_with(
            "is not an inbox yet: run `inbox migrate`, or let a start do it with --inbox-migrate (or WEBHOOK_INBOX_MIGRATE)"
        ),
        "{told}"
    );
}

#[test]
fn a_database_that_is_away_does_not_stop_a_start() {
    let mut server = test_postgres::Postgres::start();
    server.stop();
    let (url, opening) = (server.url(), Opening { serves: true, ..opening("webhook") });
    let store = open(&url, &opening).expect("it may come back");
    check(&url, &opening).expect("it may come back");
    // A command does not wait for it, and says so itself.
    let told = refused(&url, &Opening { serves: false, ..opening.clone() });
    assert!(told.contains(") is away: ") && told.ends_with("whether this machine can reach it"), "{told}");
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("there are threads");
    let error = runtime.block_on(store.stats()).expect_err("it is away");
    assert!(error.may_pass(), "{error:?}");
    let cause = chain(&error);
    assert!(
        cause.starts_with("the inbox's database is not available: the database cannot be reached: "),
        "{cause}"
    );
    server.restart();
    let counted = runtime.block_on(store.stats());
    assert!(counted.is_ok(), "{counted:?}");
}

#[tokio::test]
async fn connections_that_the_server_lacks_are_told() {
    let db = super::super::cluster::connection().await;
    let told = requirements::too_many_connections(&db, 6).await.expect("it can be asked");
    assert_eq!(told, None);
    let join = "INSERT INTO webhook.instance (id, name, version, slots, handlers, joined_ms, lease_until_ms) \
                SELECT n, 'a', '1', 1, '{}', now_ms, now_ms + 60000 FROM generate_series(1, 99) AS n";
    db.execute(join, &[]).await.expect("it can be written");
    let told = requirements::too_many_connections(&db, 6)
        .await
        .expect("it can be asked")
        .expect("there are too many");
    assert!(told.starts_with("100 instances with 6 connections each need more than the 497 that"), "{told}");
}

/// It may be called on a thread that belongs to a runtime.
#[tokio::test]
async fn opening_blocks_no_runtime_but_its_own() {
    let opening = opening(&new_schema());
    let opened = tokio::time::timeout(Duration::from_secs(60), async { open(url(), &opening) }).await;
    opened.expect("it does not hang").expect("it can be opened");
}

#[tokio::test]
async fn a_person_may_migrate_apart_from_the_start() {
    let without = Opening { migrates: false, ..opening(&new_schema()) };
    let script = migration_script(url(), &without).await.expect("the server is running");
    assert!(
        script.contains(&format!("CREATE TABLE \"{}\".task", without.schema)) && !script.contains("webhook.")
    );
    assert!(migrate(url(), &without).await.expect("it may"));
    assert!(!migrate(url(), &without).await.expect("it is done"));
    assert_eq!(migration_script(url(), &without).await.expect("the server is running"), "");
    drop(open(url(), &without).expect("there is an inbox now"));
}
