//! The handlers of Stripe's events. They take the shop's database as their state, as its routes do.

use sqlx::PgPool;
use webhook_server::{Event, HandlerError, ResultExt, State, StripeEnum, StripeObject, on_event};

use crate::orders::{self, NotBooked, Payment};

/// The fields of a Checkout session that the shop reads.
#[derive(StripeObject)]
#[stripe(object = "checkout.session")]
struct Session {
    id: String,
    /// The order's id: the shop set it when it created the session.
    #[stripe(path = "client_reference_id")]
    order: Option<String>,
    payment_status: PaymentStatus,
    amount_total: Option<i64>,
    currency: Option<String>,
}

#[derive(PartialEq, StripeEnum)]
#[stripe(object = "checkout.session", at = "payment_status")]
enum PaymentStatus {
    Unpaid,
    Other(String),
}

/// Marks an order as paid: at once for a card, or some days later for a bank debit.
///
/// What a person must look at is parked: `inbox list` shows it.
#[on_event("checkout.session.completed", "checkout.session.async_payment_succeeded")]
async fn paid(event: Event<Session>, State(database): State<PgPool>) -> Result<(), HandlerError> {
    let session = event.object;
    if session.payment_status == PaymentStatus::Unpaid {
        return Ok(()); // The bank has not finished.
    }
    let payment = Payment {
        session: session.id,
        order: session.order.ok_or("the session has no client_reference_id").park()?,
        amount: session.amount_total.ok_or("the session has no amount").park()?,
        currency: session.currency.ok_or("the session has no currency").park()?,
    };
    match orders::book(&database, &payment).await {
        Err(NotBooked::Unexpected(why)) => Err(why).park(),
        // If the database fails, the handler is retried.
        booked => Ok(booked?),
    }
}

/// Cancels an order whose payment failed, or whose customer did not pay in time.
#[on_event("checkout.session.async_payment_failed", "checkout.session.expired")]
async fn not_paid(event: Event<Session>, State(database): State<PgPool>) -> Result<(), HandlerError> {
    let session = event.object;
    let order = session.order.ok_or("the session has no client_reference_id").park()?;
    orders::cancel(&database, &order, &session.id).await?;
    Ok(())
}
