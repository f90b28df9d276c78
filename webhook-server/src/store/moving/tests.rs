use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::types::Value;
use tokio_postgres::NoTls;

use super::*;
use crate::store::postgres::cluster;
use crate::store::{Filter, InboxLocation, Opening, Store, location};

/// Events with a task in every state, of every kind, and whatever else a file may have. More than one batch of each.
const FILL: &str = "
    WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1203)
    INSERT INTO inbox_event
    SELECT 2 * n, 'evt_' || (n / 2), n % 2, 'type.' || n, '/stripe', 'new', CASE n % 3 WHEN 0 THEN 'acct_ü' || char(0) END,
           CASE WHEN n % 4 THEN 'ob_' || (n % 50) END, CASE WHEN n % 5 THEN 1700000000 + n END,
           CASE WHEN n % 6 THEN '2025-01-27.acacia' END, n % 2, n, 1700000000000 + n, 1 + n % 3, n % 2,
           randomblob(32), CASE WHEN n % 7 THEN randomblob(n) END FROM n;
    INSERT INTO inbox_event_endpoint
    SELECT seq + 5, seq, 'connect', 'old', 1700000000001 FROM inbox_event WHERE seq % 10 = 0;
    INSERT INTO inbox_task
    SELECT 3 * seq, seq, 'a::b', CASE seq % 4 WHEN 0 THEN '*group' ELSE 'a::b' END,
           CASE WHEN seq % 8 THEN '|ob_' || (seq % 50) END,
           CASE WHEN seq / 2 % 6 = 2 OR seq % 3 THEN CASE seq % 9 WHEN 0 THEN hex(zeroblob(2000)) || seq ELSE '|' || seq END END,
           seq * 4, seq / 2 % 2, seq / 2 % 6, CASE WHEN seq / 2 % 6 = 5 THEN seq % 5 END, seq % 12, seq % 3, seq / 2 % 3,
           seq / 4 % 2, seq % 12 + 1, CASE WHEN seq / 2 % 6 = 1 THEN 7 END, 1700000000000 + seq, 1700000000000,
           CASE WHEN seq / 2 % 6 > 2 THEN 1700000000000 + seq END,
           CASE WHEN seq % 3 THEN 'it failed: ' || char(128512, 10) END FROM inbox_event;
    INSERT INTO inbox_occurrence
    SELECT seq + 3, seq, 'a::b', 'evt_' || (seq / 2) || '/type.' || seq || '/öb_' || seq FROM inbox_event;
    INSERT INTO inbox_attempt (id, task, attempt, started_ms, ended_ms, outcome, error)
    SELECT id + 1, id, 1, 1, 2, id % 4, CASE WHEN id % 4 THEN 'why' || char(0) || 'not' END FROM inbox_task;
    INSERT INTO inbox_secret VALUES ('/stripe', 'new', 'abcd', 5, 6), ('/stripe', 'Ä', 'abcd', 5, NULL), ('/a', 'z', 'f', 1, 2);
    INSERT INTO inbox_quarantine SELECT seq, randomblob(32), seq, 1 + seq % 2, 'no JSON' || char(0), randomblob(3)
    FROM inbox_event WHERE seq % 2 = 0;
    UPDATE inbox_number SET event = 5000, task = 9000;";

/// An inbox in a file, and a place for it in a database.
struct Scene {
    _folder: tempfile::TempDir,
    path: PathBuf,
    schema: String,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("there is room");
        let path = folder.path().join("inbox.db");
        drop(location::open(&InboxLocation::File(path.clone()), &opening("")).expect("it can be made"));
        Connection::open(&path).and_then(|db| db.execute_batch(FILL)).expect("it is an inbox");
        Self { _folder: folder, path, schema: cluster::new_schema() }
    }

    async fn target(&self) -> Target {
        Target::connect(cluster::url(), &opening(&self.schema)).await.expect("the server runs")
    }

    /// Moves it; `advance` may end the move by a panic.
    async fn run(&self, advance: impl FnMut(usize) + Send + 'static) -> Result<Moved, MoveError> {
        let (path, target) = (self.path.clone(), self.target().await);
        let moving = tokio::spawn(async move {
            let mut source = Source::open(&path, &opening("")).expect("nobody has it");
            move_all(&mut source, &target, advance).await
        });
        moving.await.unwrap_or(Err(MoveError::NotEmpty))
    }

    async fn sql(&self) -> tokio_postgres::Client {
        let (client, driver) = tokio_postgres::connect(cluster::url(), NoTls).await.expect("it runs");
        tokio::spawn(driver);
        client.batch_execute(&format!("SET search_path = \"{}\"", self.schema)).await.expect("it may");
        client
    }

    fn store(&self, location: InboxLocation) -> Arc<dyn Store> {
        location::open(&location, &opening(&self.schema)).expect("it can be opened")
    }
}

fn opening(schema: &str) -> Opening {
    Opening {
        on_network_disk: true,
        schema: schema.to_owned(),
        migrates: true,
        connections: 4,
        lease: Duration::from_secs(60),
        slots: 1,
        ..Opening::default()
    }
}

/// All rows of the file's tables, with the columns that the database's table has.
fn in_file(path: &Path, table: &str, columns: &[String]) -> Vec<Vec<String>> {
    let db = Connection::open(path).expect("it is there");
    let of = match table {
        "task" => "inbox_task WHERE state <= 2".to_owned(),
        "ended" => "inbox_task WHERE state > 2".to_owned(),
        table => format!("inbox_{table}"),
    };
    let select = format!("SELECT {} FROM {of} ORDER BY 1, 2, 3", columns.join(", "));
    let mut rows = db.prepare(&select).expect("the columns have the same names");
    let shown = |value| match value {
        Value::Null => String::new(),
        Value::Integer(number) => number.to_string(),
        Value::Text(text) => text.replace('\0', ""),
        Value::Blob(bytes) => bytes.iter().fold("\\x".to_owned(), |hex, byte| hex + &format!("{byte:02x}")),
        Value::Real(_) => unreachable!("the tables are strict"),
    };
    let row = |row: &rusqlite::Row<'_>| (0..columns.len()).map(|at| row.get(at).map(shown)).collect();
    rows.query_map([], row).expect("it can be read").collect::<Result<_, _>>().expect("it can be read")
}

/// Every row and every column is what it was in the file, as the databases themselves show it.
#[tokio::test]
async fn everything_is_moved() {
    let scene = Scene::new();
    let moved = scene.run(|_| {}).await.expect("both are there");
    assert!(!moved.was_there);
    let sql = scene.sql().await;
    let columns = sql
        .query(
            "SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns
             WHERE table_schema = $1 AND column_name NOT IN ('batch', 'owner') ORDER BY ordinal_position",
            &[&scene.schema],
        )
        .await
        .expect("it may");
    let mut tables: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for row in columns {
        tables.entry(row.get(0)).or_default().push((row.get(1), row.get(2)));
    }
    for of_programs in ["chore", "instance", "meta", "migration", "missing_handler"] {
        tables.remove(of_programs);
    }
    let mut rows = 0;
    for (table, columns) in &tables {
        let names: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
        let shown: Vec<String> = columns
            .iter()
            .map(|(name, kind)| match &**kind {
                "boolean" => format!("coalesce({name}::integer::text, '')"),
                _ => format!("coalesce({name}::text, '')"),
            })
            .collect();
        let select = format!("SELECT {} FROM {table} ORDER BY {}", shown.join(", "), names[..3].join(", "));
        let found: Vec<Vec<String>> = sql
            .query(&select, &[])
            .await
            .expect("it may")
            .iter()
            .map(|row| (0..names.len()).map(|at| row.get(at)).collect())
            .collect();
        let mut expected = in_file(&scene.path, table, &names);
        for (at, _) in names.iter().enumerate().filter(|(_, name)| ["lane", "object"].contains(&&***name)) {
            for row in &mut expected {
                row[at] = crate::store::keys::stored_key(std::mem::take(&mut row[at]));
            }
        }
        let counted = moved.rows.iter().find(|(name, _)| name == table).expect("it is moved");
        assert_eq!(counted.1, expected.len() as u64, "{table}");
        assert!(expected == found, "{table}: {:#?}", expected.iter().zip(&found).find(|(a, b)| a != b));
        assert!(!found.is_empty(), "{table}");
        rows += found.len();
    }
    assert_eq!(rows as u64, moved.rows.iter().map(|(_, rows)| rows).sum::<u64>());
    // None runs any more: each that ran is ready, and suspect.
    let running = sql.query_one("SELECT count(*) FILTER (WHERE state = 1), count(*) FROM task", &[]).await;
    let running = running.expect("it may");
    assert_eq!(running.get::<_, i64>(0), 0);
    assert!(running.get::<_, i64>(1) > 400);
    for (table, next) in [("event_seq", 5001_i64), ("task_id", 9001)] {
        let given = sql.query_one(&format!("SELECT nextval('{table}_seq')"), &[]).await.expect("it may");
        assert_eq!(given.get::<_, i64>(0), next, "{table}");
    }
}

/// What an operator sees is what was there.
#[tokio::test]
async fn an_operator_sees_the_same_inbox() {
    let scene = Scene::new();
    scene.run(|_| {}).await.expect("both are there");
    let file = scene.store(InboxLocation::File(scene.path.clone()));
    let database = scene.store(InboxLocation::Postgres(cluster::url().to_owned()));
    let everything = || Filter { limit: 10_000, ..Filter::default() };
    let without_nul = |text: &mut Option<String>| {
        *text = text.take().map(|text| text.replace('\0', ""));
    };
    let mut expected = file.events(everything()).await.expect("it can be read");
    expected.iter_mut().for_each(|row| without_nul(&mut row.account));
    assert!(expected == database.events(everything()).await.expect("it can be read"));
    assert!(
        file.tasks(everything()).await.expect("it can be read")
            == database.tasks(everything()).await.expect("it can be read")
    );
    let [mut expected, found] =
        [file.stats().await.expect("it can be read"), database.stats().await.expect("it can be read")];
    // How long ago depends on the moment.
    expected.oldest_due_ms = found.oldest_due_ms;
    assert_eq!(expected, found);
}

/// A move that ends anywhere leaves nothing behind, and the next one does everything.
#[tokio::test]
async fn a_move_that_ends_early_is_run_again() {
    let scene = Scene::new();
    let complete = {
        let other = Scene {
            schema: cluster::new_schema(),
            path: scene.path.clone(),
            _folder: tempfile::tempdir().expect("there is room"),
        };
        other.run(|_| {}).await.expect("both are there")
    };
    let mut ends = 0;
    let moved = loop {
        let mut left = ends;
        let ending = move |_| {
            assert!(left > 0, "it ends here");
            left -= 1;
        };
        match scene.run(ending).await {
            Ok(moved) => break moved,
            Err(_) => ends += 1,
        }
        let sql = scene.sql().await;
        for Table { name, .. } in &TABLES {
            let rows = sql.query_one(&format!("SELECT count(*) FROM {name}"), &[]).await.expect("it may");
            assert_eq!(rows.get::<_, i64>(0), 0, "{name}");
        }
    };
    assert!(ends > 20, "{ends}");
    assert_eq!(moved, complete);
    // And once more, as after a commit whose answer was lost.
    let again = scene.run(|_| {}).await.expect("both are there");
    assert_eq!(again, Moved { was_there: true, ..complete });
}

#[tokio::test]
async fn a_database_that_is_used_is_refused() {
    let scene = Scene::new();
    scene.target().await;
    let sql = scene.sql().await;
    let join = "INSERT INTO instance VALUES (1, 'web-1:7', '1', 1, '{}', 0, 9000000000000)";
    sql.batch_execute(join).await.expect("it may");
    let refused = scene.run(|_| {}).await.expect_err("an instance is there");
    assert!(matches!(&refused, MoveError::InUse(names) if *names == ["web-1:7"]), "{refused}");
    // One that is dead is nobody.
    let add = "UPDATE instance SET lease_until_ms = 0; INSERT INTO quarantine (sha256, received_ms, reason, body) VALUES ('', 0, '', '')";
    sql.batch_execute(add).await.expect("it may");
    assert!(matches!(scene.run(|_| {}).await, Err(MoveError::NotEmpty)));
    let kept = sql.query_one("SELECT count(*) FROM quarantine", &[]).await.expect("it may");
    assert_eq!(kept.get::<_, i64>(0), 1);
    // The secrets that an instance has noted do not make the target another inbox.
    let empty = "DELETE FROM quarantine; INSERT INTO secret VALUES ('/stripe', 'other', 'f', 0, NULL)";
    sql.batch_execute(empty).await.expect("it may");
    scene.run(|_| {}).await.expect("it is empty");
}

/// An instance that starts meanwhile waits, and then finds everything.
#[tokio::test]
async fn no_instance_joins_while_rows_are_moved() {
    let scene = Scene::new();
    let target = scene.target().await;
    target.begin().await.expect("nobody has it");
    let sql = scene.sql().await;
    sql.batch_execute("SET lock_timeout = 100").await.expect("it may");
    let join = "INSERT INTO instance VALUES (1, 'web-1:7', '1', 1, '{}', 0, 9000000000000)";
    let waits = sql.batch_execute(join).await.expect_err("it waits");
    assert_eq!(waits.code().map(|code| code.code().to_owned()), Some("55P03".to_owned()));
    drop(target);
    sql.batch_execute("SET lock_timeout = 0").await.expect("it may");
    sql.batch_execute(join).await.expect("the move has ended");
}
