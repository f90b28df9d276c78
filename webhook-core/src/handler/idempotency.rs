//! A table in the application's own database that records which events a handler has handled.
//!
//! A handler runs at least once. If its effect is a change in a database, it happens exactly once when the same
//! transaction also records it: run [`INSERT`] first; if it adds no row, the change was already made.
//!
//! ```
//! use rusqlite::Connection;
//! use webhook_core::{Context, idempotency};
//!
//! /// Marks an order as paid, at most once for each event.
//! fn mark_paid(database: &mut Connection, context: &Context, order: &str) -> rusqlite::Result<()> {
//!     let transaction = database.transaction()?;
//!     if transaction.execute(idempotency::INSERT, (context.event_key(), context.handler()))? == 1 {
//!         transaction.execute("UPDATE orders SET paid = paid + 1 WHERE id = ?1", [order])?;
//!     }
//!     transaction.commit()
//! }
//! # use std::sync::Arc;
//! # use webhook_core::{Envelope, Attempt, Sample, Secret, SignatureHeader, Tolerance, sign, verify};
//! # let secret = [Secret::new("whsec_0123456789abcdef").unwrap()];
//! # let body = Sample::new("payment_intent.succeeded", 1).unwrap().body(0);
//! # let signature = sign(&secret, 1_000, &body);
//! # let now = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000);
//! # let header = SignatureHeader::parse(signature.as_bytes()).unwrap();
//! # let verified = verify(&secret, &header, body, now, Tolerance::default()).unwrap();
//! # let envelope = Arc::new(Envelope::parse(&verified).unwrap());
//! # let run = Attempt { handler: "shop::paid", endpoint: "/".into(), attempt: 1, is_replay: false, is_stale: false, deadline: None };
//! # let context = Context::new(envelope, run);
//! # let mut database = Connection::open_in_memory().unwrap();
//! # database.execute_batch("CREATE TABLE orders (id TEXT, paid INTEGER); INSERT INTO orders VALUES ('o_1', 0)").unwrap();
//! # database.execute_batch(idempotency::TABLE).unwrap();
//! # mark_paid(&mut database, &context, "o_1").unwrap();
//! # mark_paid(&mut database, &context, "o_1").unwrap();
//! # let paid: i64 = database.query_row("SELECT paid FROM orders", [], |row| row.get(0)).unwrap();
//! # assert_eq!(paid, 1);
//! ```
//!
//! A replay finds the row, too, and changes nothing. Delete the row to repeat the effect. Effects outside the database
//! need [`Context::idempotency_key`](crate::Context::idempotency_key) instead.

/// Creates the table if it does not exist, in SQLite and PostgreSQL.
pub const TABLE: &str = "CREATE TABLE IF NOT EXISTS webhook_handled (\
                             event TEXT NOT NULL, \
                             handler TEXT NOT NULL, \
                             PRIMARY KEY (event, handler))";

/// Records that a handler (`$2`) has handled an event (`$1`, its [`event_key`](crate::Context::event_key)), in SQLite and
/// PostgreSQL. Adds one row, or none if there is one already.
pub const INSERT: &str =
    "INSERT INTO webhook_handled (event, handler) VALUES ($1, $2) ON CONFLICT DO NOTHING";
