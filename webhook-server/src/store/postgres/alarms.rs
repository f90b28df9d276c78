//! What an operator should know before the database becomes slow: alarms in the log, with what to do.
//!
//! PostgreSQL removes the rows of tasks that have moved on only when no transaction may still look at them. One that stays
//! open keeps them all. No claim reads past them, but the table grows, and what looks at all of it takes long. The server tells any role which transactions those are, but not for
//! how long they have been open if they are another role's (that takes `pg_read_all_stats`). So each instance remembers
//! since when it has seen them.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_postgres::Row;
use tracing::{debug, warn};

use super::connection::Connection;
use super::problem::Problem;
use super::turns::take_turn;
use crate::report::format::chain;

/// How often each instance looks.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// How often all instances together repeat an alarm.
const REPEAT_EVERY: Duration = Duration::from_secs(60 * 60);

/// How many dead rows of open tasks are too many. The table is vacuumed after 2,000.
const DEAD_ROWS: i64 = 200_000;

/// How long a transaction may keep dead rows.
const HELD: Duration = Duration::from_secs(10 * 60);

const DEAD: &str = "SELECT pg_stat_get_dead_tuples('webhook.task'::regclass)";

/// What keeps dead rows: what it is, its name or number, the transaction's number by which it holds them, its user and
/// application, and for how many seconds it has held them, as far as this role may know.
const HOLDERS: &str = "
    SELECT 'transaction', pid::text, coalesce(backend_xid, backend_xmin)::text, usename::text, application_name,
           extract(epoch FROM now() - CASE WHEN backend_xid IS NOT NULL THEN xact_start
                                           WHEN state = 'active' THEN query_start END)::bigint
    FROM pg_stat_activity
    WHERE (backend_xid IS NOT NULL OR backend_xmin IS NOT NULL) AND pid <> pg_backend_pid()
      AND coalesce(datname = current_database(), true) AND backend_type IS DISTINCT FROM 'autovacuum worker'
    UNION ALL
    SELECT 'slot', slot_name::text, xmin::text, NULL, NULL, NULL
    FROM pg_replication_slots WHERE xmin IS NOT NULL
    UNION ALL
    SELECT 'prepared', gid, transaction::text, owner::text, NULL, extract(epoch FROM now() - prepared)::bigint
    FROM pg_prepared_xacts WHERE database = current_database()";

/// What an operator is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Alarm {
    /// There are this many dead rows of open tasks.
    DeadRows(i64),
    /// Something has kept dead rows for so long.
    Held { by: Holder, since: Duration },
    /// This many tasks were blocked in lanes that were free.
    Forgotten(u64),
}

/// What keeps dead rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    Transaction { pid: String, user: String, application: String },
    Slot { name: String },
    Prepared { gid: String, owner: String },
}

impl Alarm {
    /// Tells the operator, unless an instance has done so lately.
    pub(super) async fn raise(&self, db: &Connection) -> Result<(), Problem> {
        if take_turn(db, self.name(), REPEAT_EVERY).await? {
            warn!("{self}");
        }
        Ok(())
    }

    /// The name under which it is raised once in a while.
    fn name(&self) -> &'static str {
        match self {
            Self::DeadRows(_) => "alarm dead rows",
            Self::Held { .. } => "alarm held rows",
            Self::Forgotten(_) => "alarm forgotten tasks",
        }
    }
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DeadRows(rows) => write!(
                f,
                "the inbox's table of open tasks has {rows} dead rows, which makes claims slow: see whether autovacuum is \
                 on, and whether a transaction, a replication slot or a prepared transaction keeps them"
            ),
            Self::Held { by, since } => {
                let since = humantime::format_duration(Duration::from_secs(since.as_secs()));
                write!(f, "{by} has kept the inbox's database from removing dead rows for {since}: ")?;
                f.write_str(by.remedy())
            }
            Self::Forgotten(tasks) => write!(
                f,
                "{tasks} tasks were blocked in lanes that were free, and are ready now: an instance was killed between two \
                 steps, or this is a fault of webhook-server"
            ),
        }
    }
}

impl Holder {
    fn remedy(&self) -> &'static str {
        match self {
            Self::Transaction { .. } => {
                "end it (SELECT pg_terminate_backend(pid)), and set idle_in_transaction_session_timeout for its role"
            }
            Self::Slot { .. } => {
                "start what reads it, or drop it if nothing does any more (SELECT pg_drop_replication_slot(name))"
            }
            Self::Prepared { .. } => "end it with COMMIT PREPARED or ROLLBACK PREPARED",
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transaction { pid, user, application } => {
                write!(f, "a transaction (pid {pid}, user {user:?}, application {application:?})")
            }
            Self::Slot { name } => write!(f, "the replication slot {name:?}"),
            Self::Prepared { gid, owner } => write!(f, "the prepared transaction {gid:?} of {owner:?}"),
        }
    }
}

/// Looks for what is wrong, and remembers what it has seen.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    seen: Mutex<Seen>,
}

/// What the last look has found.
#[derive(Debug, Default)]
struct Seen {
    looked_at: Option<Instant>,
    /// What keeps dead rows, by what it is, its name, and the transaction's number by which it holds them; and since when it
    /// has been seen.
    holders: HashMap<[String; 3], Instant>,
}

impl Alarms {
    /// Looks, if it is time, and raises the alarms for which there is a reason. An engine that only speaks PostgreSQL's
    /// protocol may not have what is looked at.
    pub(super) async fn look_around(&self, db: &Connection) {
        if !self.is_time_to_look() {
            return;
        }
        let looking = async {
            for alarm in self.look(db, DEAD_ROWS, HELD).await? {
                alarm.raise(db).await?;
            }
            Ok::<_, Problem>(())
        };
        if let Err(problem) = looking.await {
            debug!(problem = chain(&problem), "the inbox's database cannot be looked at");
        }
    }

    fn is_time_to_look(&self) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = seen.looked_at.is_none_or(|looked_at| looked_at.elapsed() >= LOOK_EVERY);
        if is_time {
            seen.looked_at = Some(Instant::now());
        }
        is_time
    }

    /// Looks for more dead rows than `most`, and for what has kept them for longer than `held`: the worst of these.
    async fn look(&self, db: &Connection, most: i64, held: Duration) -> Result<Vec<Alarm>, Problem> {
        let mut alarms = Vec::new();
        let dead = db.query(DEAD, &[]).await?;
        let dead: i64 = dead.first().map(|row| row.try_get(0)).transpose()?.unwrap_or_default();
        if dead > most {
            alarms.push(Alarm::DeadRows(dead));
        }
        let found = db.query(HOLDERS, &[]).await?;
        let found = self.remember(&found)?;
        let longest = found.into_iter().filter(|(_, since)| *since > held).max_by_key(|(_, since)| *since);
        alarms.extend(longest.map(|(by, since)| Alarm::Held { by, since }));
        Ok(alarms)
    }

    /// Tells of each row of [`HOLDERS`] for how long it has held, and forgets those that do not hold any more.
    fn remember(&self, rows: &[Row]) -> Result<Vec<(Holder, Duration)>, Problem> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::take(&mut seen.holders);
        let mut found = Vec::new();
        for row in rows {
            let [kind, name, by]: [String; 3] = [row.try_get(0)?, row.try_get(1)?, row.try_get(2)?];
            let [user, application]: [Option<String>; 2] = [row.try_get(3)?, row.try_get(4)?];
            let (user, application) = (user.unwrap_or_default(), application.unwrap_or_default());
            let open = row.try_get::<_, Option<i64>>(5)?.and_then(|seconds| u64::try_from(seconds).ok());
            let key = [kind, name.clone(), by];
            let since = before.get(&key).copied().unwrap_or_else(Instant::now);
            let open = since.elapsed().max(Duration::from_secs(open.unwrap_or_default()));
            let holder = match &*key[0] {
                "slot" => Holder::Slot { name },
                "prepared" => Holder::Prepared { gid: name, owner: user },
                _ => Holder::Transaction { pid: name, user, application },
            };
            found.push((holder, open));
            seen.holders.insert(key, since);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests;
