//! Books each payment in its own database exactly once, however often Stripe sends the event, however often the handler
//! fails, and whenever the process ends.
//!
//! The handler may run more than once on an event. Its effect happens once, because the transaction that books the
//! payment also records that the event was handled (`webhook_server::idempotency`).

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use webhook_server::{App, Context, Event, HandlerError, State, StripeObject, idempotency, on_event};

/// The fields of a payment that are booked.
#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
struct Payment {
    id: String,
    amount_received: i64,
    currency: String,
}

/// Books a payment. If that fails, it is retried for some hours and then kept for a person.
#[on_event("payment_intent.succeeded", retry(attempts = 12, first_delay = "5s", max_delay = "1h"))]
async fn book(
    event: Event<Payment>,
    State(books): State<Books>,
    context: Context,
) -> Result<(), HandlerError> {
    // This database blocks its thread, so it must not run on the threads that run handlers.
    let booking = tokio::task::spawn_blocking(move || books.book(&event.object, &context));
    Ok(booking.await??)
}

/// The application's database.
#[derive(Clone)]
struct Books(Arc<Mutex<Connection>>);

impl Books {
    fn open(path: &str) -> rusqlite::Result<Self> {
        let database = Connection::open(path)?;
        database.execute_batch(idempotency::TABLE)?;
        database.execute_batch(
            "CREATE TABLE IF NOT EXISTS booking (payment TEXT NOT NULL, amount INTEGER NOT NULL, currency TEXT NOT NULL)",
        )?;
        Ok(Self(Arc::new(Mutex::new(database))))
    }

    fn book(&self, payment: &Payment, context: &Context) -> rusqlite::Result<()> {
        let mut database = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = database.transaction()?;
        if transaction.execute(idempotency::INSERT, (context.event_key(), context.handler()))? == 1 {
            transaction.execute(
                "INSERT INTO booking (payment, amount, currency) VALUES (?1, ?2, ?3)",
                (&payment.id, payment.amount_received, &payment.currency),
            )?;
        }
        transaction.commit()
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match Books::open("books.db") {
        Ok(books) => App::new().state(books).main().await,
        Err(error) => {
            eprintln!("cannot open books.db: {error}");
            ExitCode::FAILURE
        }
    }
}
