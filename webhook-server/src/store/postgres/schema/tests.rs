//! Migrations, on a real server: racing instances, newer and older programs, what is not ours.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::*;
use crate::store::postgres::cluster::{new_schema, opener};

/// As `sha256sum` writes them.
const RECORDED: &str = include_str!("../migrations/SHA256SUMS");

#[test]
fn no_migration_that_was_released_is_edited() {
    let made: BTreeSet<String> = (1..)
        .zip(MIGRATIONS)
        .map(|(number, migration)| {
            let digest = Bytes::copy_from_slice(&digest(migration.text));
            format!("{digest:x}  {number}.sql")
        })
        .collect();
    assert_eq!(
        made,
        RECORDED.lines().map(str::to_owned).collect(),
        "inboxes that were made with the old text would be refused. Leave it as it was and add a migration, for which \
         `sha256sum *.sql > SHA256SUMS` in its folder adds a line; the others stay the same once they are released"
    );
}

/// One more migration, for tests of updates.
const NEXT: &str =
    "ALTER TABLE webhook.meta ADD COLUMN colour text;\nCREATE INDEX meta_colour ON webhook.meta (colour);\n";

/// The number of the migrations with the next one.
const NEWER: usize = MIGRATIONS.len() + 1;

/// The migrations and the next one, which programs with this many can use.
fn with_next(readable_from: usize) -> Vec<Migration> {
    let next = Migration { text: NEXT, readable_from: readable_from as i32 };
    MIGRATIONS.into_iter().chain([next]).collect()
}

#[test]
fn the_parts_of_a_migration_are_found() {
    let parts: Vec<_> = parts(MIGRATIONS[0].text).collect();
    for part in
        [("table", "task"), ("table", "meta"), ("index", "event_identity"), ("index", "task_running_lane")]
    {
        assert!(parts.contains(&part), "{part:?} is not in {parts:?}");
    }
}

#[tokio::test]
async fn instances_that_start_at_once_make_one_schema() {
    for _ in 0..5 {
        let schema = new_schema();
        let starts: Vec<_> = (0..8).map(|_| opener(&schema, None)).collect();
        let starts =
            starts.into_iter().map(|opener| tokio::spawn(async move { opener.connect().await.map(drop) }));
        for start in starts.collect::<Vec<_>>() {
            start.await.expect("it does not panic").expect("it starts");
        }
        let inboxes =
            test_postgres::shared().query(&format!("SELECT count(*), max(version) FROM \"{schema}\".meta"));
        assert_eq!(inboxes, format!("1|{}", MIGRATIONS.len()));
    }
}

#[tokio::test]
async fn instances_that_update_at_once_do_it_once() {
    for _ in 0..5 {
        let schema = new_schema();
        let opener = opener(&schema, None);
        drop(opener.connect().await.expect("it is made"));
        let migrations = with_next(1);
        let migrations = Migrations { of: &migrations, schema: &schema };
        let update = || async {
            let db = opener.connect().await.expect("it is there");
            // Some look while others migrate.
            for _ in 0..5 {
                migrations.ensure(&db, true).await?;
            }
            Ok::<_, Problem>(())
        };
        let (a, b, c, d) = tokio::join!(update(), update(), update(), update());
        for updated in [a, b, c, d] {
            updated.expect("it is updated");
        }
        let db = opener.connect().await.expect("an earlier program may use it");
        assert_eq!(migrations.look(&db).await.expect("it is an inbox"), Schema::Version(NEWER));
    }
}

#[tokio::test]
async fn an_inbox_of_an_earlier_version_gets_what_it_lacks() {
    let schema = new_schema();
    let db = opener(&schema, None).connect_unprepared().await.expect("the server is running");
    let first = Migrations { of: &MIGRATIONS[..1], schema: &schema };
    first.ensure(&db, true).await.expect("it is made");
    let add = "INSERT INTO webhook.missing_handler VALUES ('a', 0)";
    db.execute(add, &[]).await.expect("it can be written");
    drop(opener(&schema, None).connect().await.expect("it is updated"));
    let all = Migrations { of: &MIGRATIONS, schema: &schema };
    assert_eq!(all.look(&db).await.expect("it is an inbox"), Schema::Version(MIGRATIONS.len()));
    all.ensure(&db, false).await.expect("nothing is missing");
    first.ensure(&db, false).await.expect("an earlier program may use it");
    assert_eq!(db.execute("DELETE FROM webhook.missing_handler", &[]).await.expect("it can be written"), 1);
}

#[tokio::test]
async fn a_schema_that_only_newer_programs_can_use_is_refused() {
    let schema = new_schema();
    let db = opener(&schema, None).connect().await.expect("it is made");
    let migrations = with_next(NEWER);
    Migrations { of: &migrations, schema: &schema }.ensure(&db, true).await.expect("it is updated");
    let refused = opener(&schema, None).connect().await.expect_err("it is too new");
    assert_eq!(
        refused.to_string(),
        format!(
            "was made by a newer version of this program (schema {NEWER}, and this one knows {})",
            MIGRATIONS.len()
        )
    );
}

#[tokio::test]
async fn without_leave_to_migrate_nothing_is_changed() {
    let schema = new_schema();
    let db = opener(&schema, None).connect_unprepared().await.expect("the server is running");
    let migrations = Migrations { of: &MIGRATIONS, schema: &schema };
    let refused = migrations.ensure(&db, false).await.expect_err("there is no inbox");
    assert!(matches!(refused, Problem::Schema(SchemaProblem::NotYet)), "{refused}");
    assert_eq!(migrations.look(&db).await.expect("it can be asked"), Schema::None { exists: false });
}

#[tokio::test]
async fn a_persons_script_makes_the_same_schema() {
    let schema = new_schema();
    let opener = opener(&schema, None);
    let db = opener.connect_unprepared().await.expect("the server is running");
    let migrations = with_next(1);
    let migrations = Migrations { of: &migrations, schema: &schema };
    let nothing = migrations.look(&db).await.expect("it can be asked");
    db.batch(&migrations.script(nothing)).await.expect("the script runs");
    assert_eq!(migrations.look(&db).await.expect("it is an inbox"), Schema::Version(NEWER));
    migrations.ensure(&db, false).await.expect("nothing is missing");
    assert_eq!(migrations.script(Schema::Version(NEWER)), "");
}

#[tokio::test]
async fn what_is_not_this_programs_is_refused() {
    for (change, told) in [
        (
            "DROP INDEX SCHEMA.task_running_lane",
            "was changed by another program, and lacks index task_running_lane",
        ),
        ("DROP TABLE SCHEMA.quarantine", "was changed by another program, and lacks table quarantine"),
        (
            "UPDATE SCHEMA.migration SET sha256 = ''",
            "was made by another build of this program, and has a schema that",
        ),
        ("DROP TABLE SCHEMA.meta", "has a schema of this name that is not an inbox"),
        ("ALTER TABLE SCHEMA.meta DROP COLUMN version", "has a schema of this name that is not an inbox"),
    ] {
        let schema = new_schema();
        drop(opener(&schema, None).connect().await.expect("it is made"));
        let _ = test_postgres::shared().query(&change.replace("SCHEMA", &format!("\"{schema}\"")));
        let refused = opener(&schema, None).connect().await.expect_err(change);
        assert!(refused.to_string().starts_with(told), "{change}: {refused}");
    }
}
