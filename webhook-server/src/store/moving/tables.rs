//! The tables that an inbox consists of, as both stores have them.
//!
//! The columns have the same names and values in both; where the file has one table of tasks, the database has two. Not
//! moved are the instances, chores and sessions, which belong to running programs, and the migrations, which each store has
//! of its own.

/// A value in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Null,
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// A row, by the columns of its table.
pub(crate) type Row = Vec<Cell>;

/// A table that is moved.
#[derive(Debug)]
pub(crate) struct Table {
    /// Its name in the database.
    pub(crate) name: &'static str,
    /// Its name in the file, with a condition if it is only a part of the file's table.
    pub(crate) in_file: (&'static str, Option<&'static str>),
    /// The first one is the number by which the rows are ordered; a table that [is small](Self::is_small) has none.
    pub(crate) columns: &'static [Column],
    /// Whether the table is copied at once, because it has few rows, ordered by all its columns.
    pub(crate) is_small: bool,
    /// The column whose numbers the database gives.
    pub(crate) counts: Option<&'static str>,
}

impl Table {
    /// The number of the last row; `None` if there is no row.
    pub(crate) fn last_of(&self, rows: &[Row]) -> Option<i64> {
        match rows.last()?.first()? {
            Cell::Number(number) if !self.is_small => Some(*number),
            _ => Some(i64::MAX),
        }
    }
}

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    /// Its name in the database.
    pub(crate) name: &'static str,
    /// What it is in the file.
    pub(crate) in_file: &'static str,
    pub(crate) kind: Kind,
}

/// What a column contains.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// A number in the file; this type in the database.
    Number(&'static str),
    Text,
    /// A text of any length, by which the database's indexes find rows.
    Key,
    Bytes,
}

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, in_file: name, kind }
}

const fn big(name: &'static str) -> Column {
    column(name, Kind::Number("bigint"))
}

const fn int(name: &'static str) -> Column {
    column(name, Kind::Number("integer"))
}

const fn small(name: &'static str) -> Column {
    column(name, Kind::Number("smallint"))
}

const fn truth(name: &'static str) -> Column {
    column(name, Kind::Number("integer::boolean"))
}

const fn text(name: &'static str) -> Column {
    column(name, Kind::Text)
}

/// No transaction of an instance has stored these events: their number of one is 0.
const BATCH: Column = Column { name: "batch", in_file: "0", kind: Kind::Number("bigint") };

/// In the order in which they are copied.
pub(crate) const TABLES: [Table; 8] = [
    Table {
        name: "event",
        in_file: ("inbox_event", None),
        columns: &[
            big("seq"),
            text("event_id"),
            text("type"),
            text("endpoint"),
            text("secret_label"),
            text("account"),
            text("object_id"),
            big("created_s"),
            text("api_version"),
            truth("livemode"),
            big("signed_s"),
            big("received_ms"),
            BATCH,
            big("deliveries"),
            big("changed_bodies"),
            column("body_sha256", Kind::Bytes),
            column("body", Kind::Bytes),
        ],
        is_small: false,
        counts: Some("seq"),
    },
    Table {
        name: "event_endpoint",
        in_file: ("inbox_event_endpoint", None),
        columns: &[big("id"), big("event_seq"), text("endpoint"), text("secret_label"), big("received_ms")],
        is_small: false,
        counts: Some("id"),
    },
    Table {
        name: "occurrence",
        in_file: ("inbox_occurrence", None),
        columns: &[big("id"), big("event_seq"), text("handler"), text("occurrence")],
        is_small: false,
        counts: Some("id"),
    },
    Table {
        name: "task",
        in_file: ("inbox_task", Some("state <= 2")),
        columns: &[
            big("id"),
            big("event_seq"),
            text("handler"),
            text("scope"),
            column("object", Kind::Key),
            column("lane", Kind::Key),
            big("moment"),
            truth("strict"),
            small("state"),
            int("attempt"),
            int("crashes"),
            small("suspect"),
            truth("replay"),
            big("fence"),
            big("due_ms"),
            big("started_ms"),
            text("error"),
        ],
        is_small: false,
        counts: Some("id"),
    },
    Table {
        name: "ended",
        in_file: ("inbox_task", Some("state >= 3")),
        columns: &[
            big("id"),
            big("event_seq"),
            text("handler"),
            text("scope"),
            column("object", Kind::Key),
            column("lane", Kind::Key),
            big("moment"),
            truth("strict"),
            small("state"),
            small("why"),
            int("attempt"),
            int("crashes"),
            truth("replay"),
            big("fence"),
            big("started_ms"),
            big("finished_ms"),
            text("error"),
        ],
        is_small: false,
        counts: None,
    },
    Table {
        name: "attempt",
        in_file: ("inbox_attempt", None),
        columns: &[
            big("id"),
            big("task"),
            int("attempt"),
            big("started_ms"),
            big("ended_ms"),
            small("outcome"),
            text("error"),
        ],
        is_small: false,
        counts: Some("id"),
    },
    Table {
        name: "secret",
        in_file: ("inbox_secret", None),
        columns: &[
            text("endpoint"),
            text("label"),
            text("fingerprint"),
            big("last_configured_ms"),
            big("last_used_ms"),
        ],
        is_small: true,
        counts: None,
    },
    Table {
        name: "quarantine",
        in_file: ("inbox_quarantine", None),
        columns: &[
            big("id"),
            column("sha256", Kind::Bytes),
            big("received_ms"),
            big("deliveries"),
            text("reason"),
            column("body", Kind::Bytes),
        ],
        is_small: false,
        counts: Some("id"),
    },
];
