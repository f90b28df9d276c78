//! One round of a claim: the statement.

use super::claim::{is_stale, may_work};

/// One round. `$1` is this instance, `$2` the handlers with capacity, `$3` how many tasks of each, `$6` from when to look for
/// due ones of each, `$4` how many in all, and `$5` whether the handlers' own capacities may run out first: then tasks of a
/// group are looked at one by one, since the turn in a lane may be another handler's.
///
/// Returns what it did with each task, in this order: 0 made ready, 1 started, 2 blocked.
///
/// The tasks exist, and are locked by then: so nothing is inserted, but each is found by its id and changed, in the order of
/// lanes, as everything that starts tasks in lanes does. A plan that joins them would have an order of its own, and two
/// instances could wait for each other.
pub(super) const ROUND: &str = concat!(
    "WITH due AS MATERIALIZED (
         SELECT c.* FROM unnest($2, $3, $6) AS h (handler, capacity, low) CROSS JOIN LATERAL (
             SELECT id, handler, scope, lane, strict, due_ms FROM webhook.task
             WHERE handler = h.handler AND state = 0 AND suspect = 0 AND due_ms <= now_ms
               AND due_ms >= least(h.low, now_ms - 2000)
             ORDER BY due_ms, id LIMIT h.capacity FOR UPDATE SKIP LOCKED) c),
     ranked AS MATERIALIZED (SELECT due.*, row_number() OVER (ORDER BY due_ms, id) AS rank FROM due),
     candidate AS MATERIALIZED (
         SELECT * FROM ranked
         WHERE rank <= CASE WHEN $5 AND EXISTS (SELECT 1 FROM ranked WHERE scope <> handler) THEN 1 ELSE $4 END),
     wanted AS MATERIALIZED (
         SELECT DISTINCT ON (scope, lane) scope, lane, strict, rank FROM candidate WHERE lane IS NOT NULL
         ORDER BY scope, lane, rank),
     turn AS MATERIALIZED (
         SELECT w.scope, w.lane, w.rank, f.id, f.is_due FROM wanted w CROSS JOIN LATERAL (
             SELECT o.id, o.suspect, o.state = 2 OR o.due_ms <= now_ms AS is_due FROM webhook.task o
             WHERE o.scope = w.scope AND o.lane = w.lane AND o.lane IS NOT NULL AND o.state IN (0, 2)
               AND (w.strict OR o.state = 2 OR o.due_ms <= now_ms)
             ORDER BY o.moment, o.event_seq, o.id LIMIT 1) f
         WHERE (SELECT 1 FROM webhook.task r
                WHERE r.scope = w.scope AND r.lane = w.lane AND r.state = 1 LIMIT 1) IS NULL),
     first AS MATERIALIZED (
         SELECT turn.scope, turn.lane, turn.rank, o.* FROM turn CROSS JOIN LATERAL (
             SELECT id, handler, state FROM webhook.task
             WHERE id = turn.id AND suspect = 0 AND (state = 2 OR state = 0 AND due_ms <= now_ms)
             FOR UPDATE SKIP LOCKED) o
         WHERE turn.is_due),
     action AS MATERIALIZED (
         SELECT scope, lane, id, rank, 1 AS act FROM candidate WHERE lane IS NULL
         UNION ALL
         SELECT scope, lane, id, rank, CASE WHEN handler = ANY ($2) THEN 1 ELSE 0 END FROM first
         WHERE handler = ANY ($2) OR state = 2
         UNION ALL
         SELECT c.scope, c.lane, c.id, c.rank, 2 FROM candidate c
         WHERE c.lane IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM turn WHERE turn.id = c.id AND turn.is_due)
           AND NOT EXISTS (SELECT 1 FROM first WHERE first.id = c.id)),
     changed AS (
         INSERT INTO webhook.task AS t (id, event_seq, handler, scope, lane, moment, strict, state, owner, due_ms)
         SELECT id, 0, '', scope, lane, 0, false, act, CASE act WHEN 1 THEN $1 END, now_ms FROM action
         WHERE ",
    may_work!(),
    "    ORDER BY scope, lane
         ON CONFLICT (id) DO UPDATE
         SET state = excluded.state, owner = excluded.owner, fence = t.fence + (excluded.state = 1)::int,
             attempt = t.attempt + (excluded.state = 1)::int,
             started_ms = CASE excluded.state WHEN 1 THEN now_ms ELSE t.started_ms END,
             due_ms = CASE excluded.state WHEN 0 THEN now_ms ELSE t.due_ms END
         WHERE t.state IN (0, 2)
         RETURNING t.id, t.fence, t.handler, t.attempt, t.replay, t.event_seq, t.crashes, ",
    is_stale!(),
    " AS is_stale, now_ms - t.due_ms AS overdue, t.scope, t.lane, t.strict)
     SELECT t.id, t.fence, t.handler, t.attempt, t.replay, t.event_seq, t.crashes, t.is_stale, t.overdue, a.act, a.rank,
            t.scope, t.lane, t.strict
     FROM changed t JOIN action a ON a.id = t.id"
);
