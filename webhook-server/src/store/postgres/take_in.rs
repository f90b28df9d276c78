//! Taking in everything that another store had, in one transaction: see `store/moving.rs`.

use std::time::Duration;

use tokio_postgres::Row as SqlRow;

use super::connection::{Connection, READ_LIMIT};
use super::open;
use super::problem::Problem;
use super::values::Value;
use crate::store::moving::tables::{Cell, Kind, Row, TABLES, Table};
use crate::store::{OpenError, Opening};

/// Keeps instances from joining, and other moves from beginning, until the transaction ends.
const LOCK: &str = "LOCK TABLE webhook.instance IN SHARE ROW EXCLUSIVE MODE";

/// The instances whose leases have not ended.
const INSTANCES: &str = "SELECT name FROM webhook.instance WHERE lease_until_ms > now_ms ORDER BY joined_ms";

/// Whether nothing was ever stored, or everything of it was deleted.
const IS_EMPTY: &str = "
    SELECT NOT EXISTS (SELECT 1 FROM webhook.event) AND NOT EXISTS (SELECT 1 FROM webhook.event_endpoint)
       AND NOT EXISTS (SELECT 1 FROM webhook.task) AND NOT EXISTS (SELECT 1 FROM webhook.ended)
       AND NOT EXISTS (SELECT 1 FROM webhook.attempt) AND NOT EXISTS (SELECT 1 FROM webhook.quarantine)";

/// Forgets the secrets of instances that ran on the empty inbox: they have signed nothing that is stored, and are noted again
/// when an instance has them.
const FORGET_SECRETS: &str = "DELETE FROM webhook.secret";

/// How long waiting for the end of another move, or for an instance that is joining, may take.
const LOCK_LIMIT: Duration = Duration::from_secs(30);

/// An inbox in a database that no instance uses.
#[derive(Debug)]
pub(crate) struct Target {
    db: Connection,
}

impl Target {
    /// Connects, and brings the schema up to date if that is allowed.
    ///
    /// # Errors
    ///
    /// Fails if the database cannot be reached or used.
    pub(crate) async fn connect(url: &str, opening: &Opening) -> Result<Self, OpenError> {
        Ok(Self { db: open::connect(url, opening).await? })
    }

    /// Begins the transaction that takes everything in. From then on, no instance can join.
    pub(crate) async fn begin(&self) -> Result<(), Problem> {
        self.call("BEGIN", &[]).await?;
        Connection::within(LOCK_LIMIT, self.db.query(LOCK, &[])).await.map(drop)
    }

    /// Ends the transaction.
    pub(crate) async fn commit(&self) -> Result<(), Problem> {
        self.call("COMMIT", &[]).await.map(drop)
    }

    /// The names of the instances that use the database.
    pub(crate) async fn instances(&self) -> Result<Vec<String>, Problem> {
        let rows = self.call(INSTANCES, &[]).await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// Whether the inbox is empty. If so, forgets secrets that instances had noted in it.
    pub(crate) async fn is_empty(&self) -> Result<bool, Problem> {
        let rows = self.call(IS_EMPTY, &[]).await?;
        let is_empty = rows.first().map(|row| row.try_get(0)).transpose()?.unwrap_or(false);
        if is_empty {
            self.call(FORGET_SECRETS, &[]).await?;
        }
        Ok(is_empty)
    }

    /// Adds rows to a table.
    pub(crate) async fn insert(&self, table: &Table, rows: &[Row]) -> Result<(), Problem> {
        let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
        let values: Vec<String> = table.columns.iter().map(|column| cast(column.name, column.kind)).collect();
        let parameters: Vec<String> = (1..=names.len()).map(|number| format!("${number}")).collect();
        let (names, values, parameters) = (names.join(", "), values.join(", "), parameters.join(", "));
        let name = table.name;
        let insert = format!(
            "INSERT INTO webhook.{name} ({names}) SELECT {values} FROM unnest({parameters}) AS r ({names})"
        );
        let by_columns: Vec<Values<'_>> = (0..table.columns.len())
            .map(|at| Values::of(table.columns[at].kind, rows.iter().filter_map(move |row| row.get(at))))
            .collect();
        let by_columns: Vec<Value<'_>> = by_columns.iter().map(Values::value).collect();
        self.call(&insert, &by_columns).await.map(drop)
    }

    /// Reads the rows whose number is greater than `after` and not greater than `last`, or all rows of a table that is small:
    /// at most `most` and one.
    pub(crate) async fn rows(
        &self,
        table: &Table,
        (after, last): (i64, i64),
        most: usize,
    ) -> Result<Vec<Row>, Problem> {
        let values: Vec<String> = table.columns.iter().map(|column| read(column.name, column.kind)).collect();
        let names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
        let (key, order) =
            if table.is_small { ("0::bigint", names.join(", ")) } else { (names[0], names[0].to_owned()) };
        let (name, values) = (table.name, values.join(", "));
        let select = format!(
            "SELECT {values} FROM webhook.{name} WHERE {key} > $1 AND {key} <= $2 ORDER BY {order} LIMIT $3"
        );
        let most = i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1);
        let rows = self.call(&select, &[&after, &last, &most]).await?;
        rows.iter().map(|row| cells(row, table)).collect()
    }

    /// Gives new rows numbers that no row has, nor had: `highest` are the highest ones of tables whose rows may be deleted.
    pub(crate) async fn count_on(&self, highest: &[(&'static str, i64)]) -> Result<(), Problem> {
        for (table, column) in TABLES.iter().filter_map(|table| Some((table.name, table.counts?))) {
            let known = highest.iter().find(|(name, _)| *name == table).map_or(0, |(_, number)| *number);
            // A closed task has a number of the open ones'.
            let ended = if table == "task" { "(SELECT max(id) FROM webhook.ended)" } else { "0" };
            let set = format!(
                "SELECT setval('webhook.{table}_{column}_seq', number) FROM (
                     SELECT greatest($1, (SELECT max({column}) FROM webhook.{table}), {ended},
                                     (SELECT last_value FROM webhook.{table}_{column}_seq)) AS number) highest
                 WHERE number > 0"
            );
            self.call(&set, &[&known]).await?;
        }
        Ok(())
    }

    /// Lets the server count what the tables have now, so that it plans well from the beginning. Otherwise, it does so within
    /// minutes by itself.
    pub(crate) async fn analyze(&self) {
        for Table { name, .. } in &TABLES {
            let _ = self.db.batch(&format!("ANALYZE webhook.{name}")).await;
        }
    }

    async fn call(&self, text: &str, values: &[Value<'_>]) -> Result<Vec<SqlRow>, Problem> {
        Connection::within(READ_LIMIT, self.db.query(text, values)).await
    }
}

/// A column's value in the type that its table has.
fn cast(name: &str, kind: Kind) -> String {
    match kind {
        Kind::Number(sql) => format!("{name}::{sql}"),
        Kind::Text | Kind::Key | Kind::Bytes => name.to_owned(),
    }
}

/// A column's value in the type that it has in the file.
fn read(name: &str, kind: Kind) -> String {
    match kind {
        Kind::Number("integer::boolean") => format!("{name}::integer::bigint"),
        Kind::Number(_) => format!("{name}::bigint"),
        Kind::Text | Kind::Key | Kind::Bytes => name.to_owned(),
    }
}

fn cells(row: &SqlRow, table: &Table) -> Result<Row, Problem> {
    let read = |(at, kind)| {
        Ok(match kind {
            Kind::Number(_) => row.try_get::<_, Option<i64>>(at)?.map(Cell::Number),
            Kind::Text | Kind::Key => row.try_get::<_, Option<String>>(at)?.map(Cell::Text),
            Kind::Bytes => row.try_get::<_, Option<Vec<u8>>>(at)?.map(Cell::Bytes),
        }
        .unwrap_or(Cell::Null))
    };
    table.columns.iter().map(|column| column.kind).enumerate().map(read).collect()
}

/// The values of one column.
enum Values<'r> {
    Numbers(Vec<Option<i64>>),
    Texts(Vec<Option<&'r str>>),
    Bytes(Vec<Option<&'r [u8]>>),
}

impl<'r> Values<'r> {
    fn of(kind: Kind, cells: impl Iterator<Item = &'r Cell>) -> Self {
        match kind {
            Kind::Number(_) => Self::Numbers(
                cells
                    .map(|cell| if let Cell::Number(number) = cell { Some(*number) } else { None })
                    .collect(),
            ),
            Kind::Text | Kind::Key => Self::Texts(
                cells.map(|cell| if let Cell::Text(text) = cell { Some(&**text) } else { None }).collect(),
            ),
            Kind::Bytes => Self::Bytes(
                cells.map(|cell| if let Cell::Bytes(bytes) = cell { Some(&**bytes) } else { None }).collect(),
            ),
        }
    }

    fn value(&self) -> Value<'_> {
        match self {
            Self::Numbers(numbers) => numbers,
            Self::Texts(texts) => texts,
            Self::Bytes(bytes) => bytes,
        }
    }
}
