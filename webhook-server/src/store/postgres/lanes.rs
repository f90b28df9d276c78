//! Lanes: which task is next when a lane becomes free.
//!
//! In a lane, tasks are ordered by when their events happened (`moment`), then by arrival (`event_seq`). The unique index
//! `task_running_lane` makes PostgreSQL itself refuse a second running task. A blocked task is never forgotten because both
//! sides write, commit, and then look: an instance that ends a run promotes the next task of the lane after its commit; one
//! that blocks a task looks again after its commit whether the lane has become free. Commits become visible one after
//! the other, so the later of the two sees both.

use super::connection::Connection;
use super::flush::{Statement, despite_collisions};
use super::problem::Problem;

/// A lane: its scope and its key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LaneKey {
    /// Whose lane it is: a handler's id, or `*` and the name of a group.
    pub(super) scope: String,
    /// The account and the value of the ordering key.
    pub(super) lane: String,
}

/// Makes the first blocked task of some lanes ready. It waits for locked rows instead of skipping them: a claim may hold a
/// row that it then leaves as it is. The rows are locked in one order, so that two of these never wait for each other.
macro_rules! promote {
    ($($lanes:tt)*) => {
        concat!(
            "WITH freed (scope, lane, strict) AS MATERIALIZED (",
            $($lanes)*,
            "), next AS MATERIALIZED (
                SELECT id FROM webhook.task
                WHERE state = 2 AND id = ANY (ARRAY(
                    SELECT (SELECT b.id FROM webhook.task b
                            WHERE b.scope = f.scope AND b.lane = f.lane AND b.lane IS NOT NULL AND b.state IN (0, 2)
                              AND b.state = 2
                            ORDER BY b.moment, b.event_seq, b.id LIMIT 1)
                    FROM freed f))
                ORDER BY id FOR UPDATE)
            UPDATE webhook.task t SET state = 0, due_ms = now_ms FROM next
             WHERE t.id = ANY (ARRAY[next.id]) AND t.state = 2"
        )
    };
}
pub(super) use promote as promote_in;

/// Whether no task runs in the lane `x`, or is about to.
macro_rules! is_free {
    () => {
        "(SELECT 1 FROM webhook.task r WHERE r.scope = x.scope AND r.lane = x.lane AND r.state = 1 LIMIT 1) IS NULL
         AND (SELECT 1 FROM webhook.task r
              WHERE r.scope = x.scope AND r.lane = x.lane AND r.lane IS NOT NULL AND r.state IN (0, 2)
                AND r.state = 0 AND (x.strict OR r.due_ms <= now_ms)
              ORDER BY r.moment LIMIT 1) IS NULL"
    };
}
pub(super) use is_free;

/// Promotes in the lanes of the tasks with these ids (`$1`), which have left their lanes or stopped.
pub(super) const PROMOTE_AFTER: &str = promote!(
    "SELECT DISTINCT scope, lane, false FROM (
         SELECT scope, lane FROM webhook.task WHERE id = ANY ($1)
         UNION ALL
         SELECT scope, lane FROM webhook.ended WHERE id = ANY ($1)) left_or_stopped"
);

/// Promotes in the lanes with these scopes (`$1`) and keys (`$2`).
const PROMOTE: &str =
    promote!("SELECT DISTINCT x.scope, x.lane, false FROM unnest($1, $2) AS x (scope, lane)");

/// Promotes in those lanes (`$1`, `$2`; `$3` is whether a task that waits for its retry holds the lane) in which no task
/// runs or is about to. Returns a row for each task that is ready now.
const PROMOTE_IF_FREE: &str = concat!(
    promote!(concat!(
        "SELECT DISTINCT x.scope, x.lane, x.strict FROM unnest($1, $2, $3) AS x (scope, lane, strict)
         WHERE ",
        is_free!()
    )),
    " RETURNING t.id"
);

/// Makes the first blocked task of each lane ready, because tasks have left these lanes. The change that freed them is
/// committed.
pub(super) async fn promote(db: &Connection, lanes: &[LaneKey]) -> Result<(), Problem> {
    if lanes.is_empty() {
        return Ok(());
    }
    let scopes: Vec<&str> = lanes.iter().map(|key| &*key.scope).collect();
    let keys: Vec<&str> = lanes.iter().map(|key| &*key.lane).collect();
    db.execute(PROMOTE, &[&scopes, &keys]).await?;
    Ok(())
}

/// Looks again at lanes in which a task was blocked, and whether they are strict: what held them may have ended meanwhile.
/// Returns whether a task is ready because of that. Nothing else will tell any instance of it.
pub(super) async fn promote_if_free(db: &Connection, blocked: &[(LaneKey, bool)]) -> Result<bool, Problem> {
    if blocked.is_empty() {
        return Ok(false);
    }
    let scopes: Vec<&str> = blocked.iter().map(|(key, _)| &*key.scope).collect();
    let keys: Vec<&str> = blocked.iter().map(|(key, _)| &*key.lane).collect();
    let strict: Vec<bool> = blocked.iter().map(|(_, strict)| *strict).collect();
    let promoting = [Statement::new(PROMOTE_IF_FREE, &[&scopes, &keys, &strict])];
    let promoted = despite_collisions(db, &promoting).await?;
    Ok(promoted.first().is_some_and(|rows| !rows.is_empty()))
}
