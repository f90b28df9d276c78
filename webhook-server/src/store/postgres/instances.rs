//! The instances that share the inbox, for an operator.

use tokio_postgres::Row;

use super::connection::Connection;
use super::problem::Problem;
use super::show::count;
use crate::store::InstanceRow;

/// Lists the instances, and how many tasks each is running.
pub(super) const INSTANCES: &str = "
    SELECT i.name, i.version, i.slots, i.handlers, i.joined_ms, i.lease_until_ms, i.lease_until_ms > now_ms,
           (SELECT count(*) FROM webhook.task t WHERE t.owner = i.id AND t.state = 1)
    FROM webhook.instance i ORDER BY i.joined_ms, i.name, i.id";

/// Lists the instances that share the inbox, the oldest first.
pub(super) async fn list(db: &Connection) -> Result<Vec<InstanceRow>, Problem> {
    let read = |row: &Row| {
        Ok(InstanceRow {
            name: row.try_get(0)?,
            version: row.try_get(1)?,
            slots: row.try_get::<_, i32>(2)?.try_into().unwrap_or_default(),
            handlers: row.try_get(3)?,
            joined_ms: row.try_get(4)?,
            lease_until_ms: row.try_get(5)?,
            is_alive: row.try_get(6)?,
            running: count(row, 7)?,
        })
    };
    db.query(INSTANCES, &[]).await?.iter().map(read).collect()
}
