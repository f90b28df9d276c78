//! A bare loop on SQLite that stores what the inbox stores of an event that is recorded, run and done: the same rows in the
//! same tables with the same indexes, each event in one commit and its end in the next, 64 events a commit, synced.
//!
//! - `rows FILE run SECONDS` prints how many events a second a new file takes.
//! - `rows FILE fill COUNT` fills an inbox with events that are done, as fast as possible.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, Result, params};
use sha2::{Digest, Sha256};

/// The inbox's own tables.
const SCHEMA: &str = include_str!("../../../../../../webhook-server/src/store/sqlite/migrations/1.sql");

const PAYMENT_INTENT: &str = include_str!("../../../../../../webhook-core/benches/payment_intent.json");

const A_COMMIT: u64 = 64;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, what, number] = &arguments[..] else {
        panic!("rows FILE run SECONDS, or rows FILE fill COUNT")
    };
    let number: u64 = number.parse().expect("it is a number");
    let db = Connection::open(file)?;
    match &**what {
        "run" => {
            db.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")?;
            db.execute_batch(SCHEMA)?;
            println!("{:.0}", run(&db, Duration::from_secs(number))?);
        }
        "fill" => {
            db.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -262144;")?;
            fill(&db, number)?;
            db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE);")?;
        }
        _ => panic!("there is no {what}"),
    }
    Ok(())
}

/// Stores and ends events for some time. Returns how many in a second.
fn run(db: &Connection, span: Duration) -> Result<f64> {
    let (began, mut count) = (Instant::now(), 0);
    let mut running = Vec::new();
    while began.elapsed() < span {
        db.execute_batch("BEGIN IMMEDIATE")?;
        for task in running.drain(..) {
            db.prepare_cached(
                "UPDATE inbox_task SET state = 3, owner = NULL, finished_ms = ?2, why = NULL, error = NULL, suspect = 0, \
                                       crashes = 0 \
                 WHERE id = ?1",
            )?
            .execute(params![task, now_ms()])?;
        }
        for _ in 0..A_COMMIT {
            running.push(store(db, count, State::Running)?);
            count += 1;
        }
        db.execute_batch("COMMIT")?;
    }
    Ok(count as f64 / began.elapsed().as_secs_f64())
}

/// Stores events that are done.
fn fill(db: &Connection, count: u64) -> Result<()> {
    for first in (0..count).step_by(10_000) {
        db.execute_batch("BEGIN IMMEDIATE")?;
        for number in first..count.min(first + 10_000) {
            store(db, number, State::Done)?;
        }
        db.execute_batch("COMMIT")?;
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Running = 1,
    Done = 3,
}

/// Stores an event and its task, and returns the task's number.
fn store(db: &Connection, number: u64, state: State) -> Result<i64> {
    let (event, object) = (format!("evt_rows{number:020}"), format!("pi_rows{number:020}"));
    let body = format!(
        "{{\"id\":\"{event}\",\"object\":\"event\",\"api_version\":\"2026-10-28.endive\",\"created\":1680800505,\
          \"livemode\":false,\"pending_webhooks\":1,\"type\":\"payment_intent.succeeded\",\"request\":{{\"id\":\
          \"req_Gx2mZ6vJqF7dWk\",\"idempotency_key\":\"2f1c7b0e-5f0e-4f0e-9a53-6a0f2c3d4e5f\"}},\"data\":{{\"object\":\
          {PAYMENT_INTENT}}}}}"
    );
    let digest: [u8; 32] = Sha256::digest(&body).into();
    let now = now_ms();
    db.prepare_cached(
        "INSERT INTO inbox_event (event_id, type, endpoint, secret_label, account, object_id, created_s, api_version, \
                                  livemode, signed_s, received_ms, body_sha256, body) \
         VALUES (?1, 'payment_intent.succeeded', '/webhook', 'STRIPE_WEBHOOK_SECRET', NULL, ?2, 1680800505, \
                 '2026-10-28.endive', 0, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![event, object, now / 1000, now, digest, body.as_bytes()])?;
    let lane = format!("/{object}");
    db.prepare_cached(
        "INSERT INTO inbox_task (event_seq, handler, scope, object, lane, strict, moment, state, replay, due_ms, \
                                 started_ms, owner, attempt, fence, finished_ms) \
         VALUES (?1, 'ours::paid', 'ours::paid', ?2, ?2, 0, 1680800505, ?3, 0, ?4, ?4, ?5, 1, 1, ?6)",
    )?
    .execute(params![
        db.last_insert_rowid(),
        lane,
        state as i64,
        now,
        (state == State::Running).then_some(1),
        (state == State::Done).then_some(now),
    ])?;
    Ok(db.last_insert_rowid())
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis());
    i64::try_from(now).unwrap_or(i64::MAX)
}
