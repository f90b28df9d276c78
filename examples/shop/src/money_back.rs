//! Money that goes back, or may have to: refunds, disputes, fraud warnings.

use webhook_server::{Event, HandlerError, StripeObject, on_event};

use crate::desk::{Desk, Needed, ensure};

#[derive(StripeObject)]
#[stripe(object = "refund")]
struct Refund {
    id: String,
    amount: i64,
    charge: Option<String>,
    status: Option<String>,
    failure_reason: Option<String>,
    #[stripe(path = "destination_details.card.reference")]
    reference: Option<String>,
}

/// Takes the money out of the books.
#[on_event("refund.created")]
async fn refund_begun(event: Event<Refund>, desk: Desk) -> Result<(), HandlerError> {
    let charge = event.object.charge.needed("charge")?;
    desk.pages().balance -= event.object.amount;
    desk.done(format!(
        "{} of {charge} is refunded: {}.",
        event.object.amount,
        event.object.status.needed("status")?
    ));
    Ok(())
}

/// Tells the customer where the bank finds the refund.
#[on_event("refund.updated")]
async fn refund_traced(event: Event<Refund>, desk: Desk) -> Result<(), HandlerError> {
    let reference = event.object.reference.needed("reference")?;
    desk.done(format!("The bank knows the refund as {reference}."));
    Ok(())
}

/// Puts the money back into the books.
#[on_event("refund.failed")]
async fn refund_came_back(event: Event<Refund>, desk: Desk) -> Result<(), HandlerError> {
    let reason = event.object.failure_reason.needed("reason")?;
    desk.pages().balance += event.object.amount;
    desk.done(format!("Refund {} came back: {reason}.", event.object.id));
    Ok(())
}

#[derive(StripeObject)]
#[stripe(object = "dispute")]
struct Dispute {
    amount: i64,
    reason: String,
    status: String,
    charge: String,
    payment_intent: Option<String>,
    #[stripe(path = "evidence_details.due_by")]
    due_by: Option<i64>,
    balance_transactions: Vec<BalanceTransaction>,
}

#[derive(StripeObject)]
#[stripe(object = "balance_transaction")]
struct BalanceTransaction {
    net: i64,
}

/// Gathers evidence.
#[on_event("charge.dispute.created")]
async fn dispute_opened(event: Event<Dispute>, desk: Desk) -> Result<(), HandlerError> {
    let Dispute { charge, reason, payment_intent, .. } = event.object;
    let due_by = event.object.due_by.needed("deadline for evidence")?;
    desk.pages().orders.insert(payment_intent.needed("payment")?, "disputed");
    desk.done(format!("{charge} is disputed ({reason}): evidence by {due_by}."));
    Ok(())
}

/// Books what the dispute costs, including the fee.
#[on_event("charge.dispute.funds_withdrawn")]
async fn dispute_paid(event: Event<Dispute>, desk: Desk) -> Result<(), HandlerError> {
    let net: i64 = event.object.balance_transactions.iter().map(|transaction| transaction.net).sum();
    ensure(net < 0, "nothing was withdrawn")?;
    desk.pages().balance += net;
    desk.done(format!("A dispute costs {}.", -net));
    Ok(())
}

/// Records how the dispute ended.
#[on_event("charge.dispute.closed")]
async fn dispute_closed(event: Event<Dispute>, desk: Desk) -> Result<(), HandlerError> {
    ensure(matches!(&*event.object.status, "lost" | "won" | "warning_closed"), "the dispute is not over")?;
    desk.done(format!("The dispute of {} is {}.", event.object.charge, event.object.status));
    Ok(())
}

/// Books the money that comes back.
#[on_event("charge.dispute.funds_reinstated")]
async fn dispute_won(event: Event<Dispute>, desk: Desk) -> Result<(), HandlerError> {
    ensure(event.object.status == "won", "the dispute is not won")?;
    desk.pages().balance += event.object.amount;
    desk.done(format!("{} was reinstated.", event.object.amount));
    Ok(())
}

#[derive(StripeObject)]
#[stripe(object = "radar.early_fraud_warning")]
struct FraudWarning {
    actionable: bool,
    charge: String,
    fraud_type: String,
}

/// Stops the parcel.
#[on_event("radar.early_fraud_warning.created")]
async fn fraud_suspected(event: Event<FraudWarning>, desk: Desk) -> Result<(), HandlerError> {
    let FraudWarning { actionable, charge, fraud_type } = event.object;
    ensure(actionable, "it is too late to act")?;
    desk.done(format!("The goods that {charge} paid for are not sent: {fraud_type}."));
    Ok(())
}

#[derive(StripeObject)]
#[stripe(object = "review")]
struct Review {
    open: bool,
    closed_reason: Option<String>,
    payment_intent: Option<String>,
}

/// Releases an order that was reviewed.
#[on_event("review.closed")]
async fn review_closed(event: Event<Review>, desk: Desk) -> Result<(), HandlerError> {
    ensure(!event.object.open, "the review is open")?;
    let reason = event.object.closed_reason.needed("reason")?;
    desk.pages().orders.insert(event.object.payment_intent.needed("payment")?, "reviewed");
    desk.done(format!("A payment was reviewed: {reason}."));
    Ok(())
}
