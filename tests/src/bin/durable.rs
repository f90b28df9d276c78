//! A server whose handlers leave their effects in a database of their own, for the tests that kill it.
//!
//! `DURABLE_EFFECTS` is that database; without it, the effects go with the process. `DURABLE_ABORT=mid-handler` lets
//! the process die in the middle of the transaction of an effect, and `DURABLE_FAILPOINT=name` at a failpoint of the
//! server, `name:3` when it gets there for the third time. What misbehaves for a while does so until the program
//! reads a line, or the end, of its standard input.

use std::hint::spin_loop;
use std::process::{ExitCode, abort};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use product_tests::{EFFECTS_SCHEMA, die_at, random_below};
use rusqlite::{Connection, params};
use webhook_server::{App, Context, Event, HandlerError, State, StripeObject, on_event};

/// Whether the handlers that misbehave for a while have done so long enough.
static OPEN: AtomicBool = AtomicBool::new(false);

/// What the handlers have done.
#[derive(Clone)]
struct Effects {
    db: Arc<Mutex<Connection>>,
    /// Counts the processes that have used the database.
    boot: i64,
}

impl Effects {
    fn open() -> rusqlite::Result<Self> {
        let db = match std::env::var_os("DURABLE_EFFECTS") {
            Some(path) => Connection::open(path)?,
            None => Connection::open_in_memory()?,
        };
        db.busy_timeout(Duration::from_secs(10))?;
        db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        // Processes die in these tests, not machines: what is written is in the system's hands.
        db.pragma_update(None, "synchronous", "NORMAL")?;
        db.execute_batch(EFFECTS_SCHEMA)?;
        let boot = db.query_row("INSERT INTO boot DEFAULT VALUES RETURNING number", [], |row| row.get(0))?;
        Ok(Self { db: Arc::new(Mutex::new(db)), boot })
    }

    /// Does something with the database, off the threads that run handlers.
    async fn with(
        &self,
        work: impl FnOnce(&mut Connection, i64) -> rusqlite::Result<()> + Send + 'static,
    ) -> Result<(), HandlerError> {
        let this = self.clone();
        let working = tokio::task::spawn_blocking(move || {
            work(&mut this.db.lock().unwrap_or_else(PoisonError::into_inner), this.boot)
        });
        Ok(working.await??)
    }

    /// Notes that a run began, or that it ended. The order of these rows is the order in which it happened.
    async fn note(&self, what: &'static str, event: &Event, context: &Context) -> Result<(), HandlerError> {
        let (event_id, handler, attempt) = (event.id.clone(), context.handler(), context.attempt());
        let lane = event.object["id"].as_str().unwrap_or_default().to_owned();
        self.with(move |db, boot| {
            let note = "INSERT INTO run (boot, event_id, handler, lane, attempt, what) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            db.execute(note, params![boot, event_id, handler, lane, attempt, what]).map(drop)
        })
        .await
    }
}

async fn pause() {
    tokio::time::sleep(Duration::from_millis(random_below(20))).await;
}

/// Has its effect at most once, however often it runs.
#[on_event("payment_intent.succeeded", "payment_intent.created", "payment_intent.processing")]
async fn transactional(
    event: Event,
    State(effects): State<Effects>,
    context: Context,
) -> Result<(), HandlerError> {
    pause().await;
    let (event_id, handler) = (event.id.clone(), context.handler());
    let amount = event.object["amount"].as_i64();
    effects
        .with(move |db, _| {
            let transaction = db.transaction()?;
            let idempotency =
                "INSERT INTO idempotency (event_id, handler) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            if transaction.execute(idempotency, params![event_id, handler])? == 0 {
                return Ok(());
            }
            let effect = "INSERT INTO effect (event_id, handler, amount) VALUES (?1, ?2, ?3)";
            transaction.execute(effect, params![event_id, handler, amount])?;
            if std::env::var("DURABLE_ABORT").is_ok_and(|at| at == "mid-handler") {
                abort();
            }
            transaction.commit()
        })
        .await
}

/// Tells when it runs.
#[on_event("payment_intent.succeeded", "payment_intent.processing")]
async fn plain(event: Event, State(effects): State<Effects>, context: Context) -> Result<(), HandlerError> {
    effects.note("began", &event, &context).await?;
    pause().await;
    effects.note("ended", &event, &context).await
}

/// Fails at first.
#[on_event("payment_intent.created", retry(first_delay = "1s"))]
async fn second_time(
    event: Event,
    State(effects): State<Effects>,
    context: Context,
) -> Result<(), HandlerError> {
    effects.note("began", &event, &context).await?;
    pause().await;
    effects.note("ended", &event, &context).await?;
    if context.attempt() == 1 { Err(HandlerError::retry("not at the first time")) } else { Ok(()) }
}

/// Fails now and then.
#[on_event("payment_intent.processing", retry(first_delay = "1s", max_delay = "1s"))]
async fn at_times(
    event: Event,
    State(effects): State<Effects>,
    context: Context,
) -> Result<(), HandlerError> {
    effects.note("began", &event, &context).await?;
    pause().await;
    effects.note("ended", &event, &context).await?;
    if random_below(10) < 3 { Err(HandlerError::retry("not this time")) } else { Ok(()) }
}

/// Ends at once, and leaves nothing.
#[on_event("payment_intent.canceled")]
async fn prompt() {}

/// Keeps its thread for a while.
#[on_event("charge.succeeded")]
async fn blocks() {
    while !OPEN.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[on_event("charge.failed")]
async fn panics() {
    panic!("the shelf fell over");
}

/// Ends the process, every time.
#[on_event("charge.expired")]
async fn aborts(event: Event, State(effects): State<Effects>, context: Context) -> Result<(), HandlerError> {
    effects.note("began", &event, &context).await?;
    abort();
}

/// Keeps every thread of the runtime for a while.
#[on_event("charge.pending")]
async fn spins() {
    let threads = tokio::runtime::Handle::current().metrics().num_workers();
    let spinning = (0..threads).map(|_| {
        tokio::spawn(async {
            while !OPEN.load(Ordering::Relaxed) {
                spin_loop();
            }
        })
    });
    for thread in Vec::from_iter(spinning) {
        // It ends, and it is not cancelled by anyone.
        let _ = thread.await;
    }
}

#[on_event("charge.refunded", timeout = "1s")]
async fn never_returns() {
    std::future::pending().await
}

/// Keeps its thread, and never gives it back.
#[on_event("charge.updated", timeout = "1s")]
async fn never_lets_go() {
    loop {
        std::thread::park();
    }
}

/// An error whose text cannot be read.
#[derive(Debug)]
struct Unspeakable;

impl std::fmt::Display for Unspeakable {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("no words")
    }
}

impl std::error::Error for Unspeakable {}

#[on_event("charge.dispute.created")]
async fn fails_unspeakably() -> Result<(), Unspeakable> {
    Err(Unspeakable)
}

/// The fields of a refund that its handler reads.
#[derive(StripeObject)]
#[stripe(object = "refund")]
struct Refund {
    amount: i64,
    currency: String,
}

#[on_event("refund.created")]
async fn refunded(event: Event<Refund>) {
    println!("refunded: {} {}", event.object.amount, event.object.currency);
}

#[tokio::main]
async fn main() -> ExitCode {
    std::thread::spawn(|| {
        // A line, the end or an error: each ends the wait.
        let _ = std::io::stdin().read_line(&mut String::new());
        OPEN.store(true, Ordering::Relaxed);
    });
    webhook_server::__on_failpoint(die_at);
    let effects = Effects::open().expect("DURABLE_EFFECTS can be opened");
    App::new().state(effects).main().await
}
