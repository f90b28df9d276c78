//! Subscriptions and their invoices.

use webhook_server::{Event, HandlerError, List, StripeObject, on_event};

use crate::desk::{Desk, Needed, ensure};

#[derive(StripeObject)]
#[stripe(object = "subscription")]
struct Subscription {
    id: String,
    status: String,
    customer: String,
    cancel_at: Option<i64>,
    ended_at: Option<i64>,
    trial_end: Option<i64>,
    latest_invoice: Option<String>,
    #[stripe(path = "cancellation_details.reason")]
    reason: Option<String>,
    items: List<Item>,
}

#[derive(StripeObject)]
#[stripe(object = "subscription_item")]
struct Item {
    current_period_end: i64,
    quantity: Option<i64>,
    price: Price,
}

#[derive(StripeObject)]
#[stripe(object = "price")]
struct Price {
    id: String,
    unit_amount: Option<i64>,
}

#[derive(StripeObject)]
#[stripe(object = "subscription", previous)]
struct Former {
    status: Option<String>,
    latest_invoice: Option<String>,
}

/// Opens the account.
#[on_event("customer.subscription.created", order = strict)]
async fn subscribed(event: Event<Subscription>, desk: Desk) -> Result<(), HandlerError> {
    let subscription = event.object;
    let item = subscription.items.data.first().needed("item")?;
    let amount = item.price.unit_amount.needed("amount")? * item.quantity.needed("quantity")?;
    desk.pages().subscriptions.insert(subscription.id, subscription.status.clone());
    desk.done(format!(
        "{} takes {} for {amount}: {}.",
        subscription.customer, item.price.id, subscription.status
    ));
    Ok(())
}

/// Changes what the customer may use.
#[on_event("customer.subscription.updated", order = strict)]
async fn subscription_changed(event: Event<Subscription>, desk: Desk) -> Result<(), HandlerError> {
    let former: Former = event.previous().map_err(HandlerError::park)?.needed("former values")?;
    let subscription = event.object;
    let until = subscription.items.data.first().needed("item")?.current_period_end;
    let what = match (former.status, former.latest_invoice, subscription.cancel_at) {
        (Some(status), _, _) => format!("from {status} to {}", subscription.status),
        (None, Some(_), _) => format!("renewed by {}", subscription.latest_invoice.needed("invoice")?),
        (None, None, Some(end)) => format!("ends at {end}"),
        (None, None, None) => return Err(HandlerError::park("the event does not say what changed")),
    };
    desk.pages().subscriptions.insert(subscription.id, subscription.status);
    desk.done(format!("A subscription until {until}: {what}."));
    Ok(())
}

/// Closes the account.
#[on_event("customer.subscription.deleted", order = strict)]
async fn unsubscribed(event: Event<Subscription>, desk: Desk) -> Result<(), HandlerError> {
    ensure(event.object.status == "canceled", "the subscription goes on")?;
    let end = event.object.ended_at.needed("end")?;
    let reason = event.object.reason.needed("reason")?;
    desk.pages().subscriptions.insert(event.object.id, event.object.status);
    desk.done(format!("A subscription ended at {end}: {reason}."));
    Ok(())
}

/// Reminds the customer.
#[on_event("customer.subscription.trial_will_end")]
async fn trial_ends_soon(event: Event<Subscription>, desk: Desk) -> Result<(), HandlerError> {
    let end = event.object.trial_end.needed("end of the trial")?;
    desk.done(format!("{} is told that the trial ends at {end}.", event.object.customer));
    Ok(())
}

/// Asks for a card.
#[on_event("customer.subscription.paused")]
async fn subscription_paused(event: Event<Subscription>, desk: Desk) -> Result<(), HandlerError> {
    ensure(event.object.status == "paused", "the subscription is not paused")?;
    desk.pages().subscriptions.insert(event.object.id, event.object.status);
    desk.done(format!("{} is asked for a card.", event.object.customer));
    Ok(())
}

/// Resumes the service.
#[on_event("customer.subscription.resumed")]
async fn subscription_resumed(event: Event<Subscription>, desk: Desk) -> Result<(), HandlerError> {
    ensure(event.object.status == "active", "the subscription is not active")?;
    desk.pages().subscriptions.insert(event.object.id, event.object.status);
    desk.done(format!("{} is welcome again.", event.object.customer));
    Ok(())
}

#[derive(StripeObject)]
#[stripe(object = "invoice")]
struct Invoice {
    amount_due: i64,
    amount_paid: i64,
    amount_remaining: i64,
    attempt_count: i64,
    billing_reason: Option<String>,
    currency: String,
    customer: Option<String>,
    customer_email: Option<String>,
    hosted_invoice_url: Option<String>,
    number: Option<String>,
    next_payment_attempt: Option<i64>,
    status: Option<String>,
    #[stripe(path = "parent.subscription_details.subscription")]
    subscription: Option<String>,
    #[stripe(path = "status_transitions.voided_at")]
    voided_at: Option<i64>,
    lines: List<Line>,
}

#[derive(StripeObject)]
#[stripe(object = "line_item")]
struct Line {
    description: Option<String>,
    #[stripe(path = "pricing.price_details.product")]
    product: Option<String>,
}

/// Adds the missing lines while the invoice is a draft.
#[on_event("invoice.created")]
async fn invoice_drafted(event: Event<Invoice>, desk: Desk) -> Result<(), HandlerError> {
    ensure(event.object.status.as_deref() == Some("draft"), "the invoice is not a draft")?;
    let line = event.object.lines.data.into_iter().next().needed("line")?;
    let (what, product) = (line.description.needed("description")?, line.product.needed("product")?);
    desk.done(format!("An invoice is drafted: {what} ({product})."));
    Ok(())
}

/// Files the invoice.
#[on_event("invoice.finalized")]
async fn invoice_filed(event: Event<Invoice>, desk: Desk) -> Result<(), HandlerError> {
    let (number, url) =
        (event.object.number.needed("number")?, event.object.hosted_invoice_url.needed("page")?);
    desk.done(format!("Invoice {number} for {} is filed: {url}.", event.object.amount_due));
    Ok(())
}

/// Extends what was paid for.
#[on_event("invoice.paid")]
async fn invoice_paid(event: Event<Invoice>, desk: Desk) -> Result<(), HandlerError> {
    let invoice = event.object;
    ensure(invoice.status.as_deref() == Some("paid") && invoice.amount_remaining == 0, "it is not paid")?;
    let (customer, email) = (invoice.customer.needed("customer")?, invoice.customer_email.needed("address")?);
    let reason = invoice.billing_reason.needed("reason")?;
    if let Some(subscription) = invoice.subscription {
        desk.pages().subscriptions.insert(subscription, "paid".to_owned());
    }
    desk.done(format!("{customer} ({email}) paid {} {}: {reason}.", invoice.amount_paid, invoice.currency));
    Ok(())
}

/// Asks for another card, and says when the next attempt is.
#[on_event("invoice.payment_failed")]
async fn invoice_not_paid(event: Event<Invoice>, desk: Desk) -> Result<(), HandlerError> {
    let next = event.object.next_payment_attempt.needed("next attempt")?;
    let subscription = event.object.subscription.needed("subscription")?;
    let email = event.object.customer_email.needed("address")?;
    desk.pages().subscriptions.insert(subscription, "owing".to_owned());
    desk.done(format!("{email} is told of attempt {}; the next is at {next}.", event.object.attempt_count));
    Ok(())
}

/// Sends the customer to the invoice's page.
#[on_event("invoice.payment_action_required")]
async fn invoice_asks_customer(event: Event<Invoice>, desk: Desk) -> Result<(), HandlerError> {
    let (email, url) =
        (event.object.customer_email.needed("address")?, event.object.hosted_invoice_url.needed("page")?);
    desk.done(format!("{email} is asked to confirm at {url}."));
    Ok(())
}

/// An invoice that does not exist yet. It has no id.
#[derive(StripeObject)]
#[stripe(object = "invoice")]
struct Upcoming {
    id: Option<String>,
    amount_due: i64,
    customer_email: Option<String>,
    next_payment_attempt: Option<i64>,
}

/// Announces the renewal.
#[on_event("invoice.upcoming")]
async fn renewal_announced(event: Event<Upcoming>, desk: Desk) -> Result<(), HandlerError> {
    ensure(event.object.id.is_none(), "an upcoming invoice has an id")?;
    let (email, at) =
        (event.object.customer_email.needed("address")?, event.object.next_payment_attempt.needed("time")?);
    desk.done(format!("{email} is told that {} is due at {at}.", event.object.amount_due));
    Ok(())
}

/// Marks the invoice as void.
#[on_event("invoice.voided")]
async fn invoice_voided(event: Event<Invoice>, desk: Desk) -> Result<(), HandlerError> {
    let (number, at) = (event.object.number.needed("number")?, event.object.voided_at.needed("time")?);
    desk.done(format!("Invoice {number} has been void since {at}."));
    Ok(())
}

/// Sends a reminder.
#[on_event("invoice.overdue")]
async fn invoice_overdue(event: Event<Invoice>, desk: Desk) -> Result<(), HandlerError> {
    ensure(event.object.amount_remaining > 0, "nothing is owed")?;
    let (number, email) =
        (event.object.number.needed("number")?, event.object.customer_email.needed("address")?);
    desk.done(format!("{email} is reminded of invoice {number}."));
    Ok(())
}
