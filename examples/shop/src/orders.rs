//! Orders: from the checkout to the money.

use webhook_server::{Event, HandlerError, StripeObject, on_event};

use crate::desk::{Desk, Needed, ensure};

#[derive(StripeObject)]
#[stripe(object = "checkout.session")]
struct Session {
    id: String,
    amount_total: Option<i64>,
    currency: Option<String>,
    payment_status: String,
    #[stripe(path = "customer_details.email")]
    email: Option<String>,
    #[stripe(path = "metadata.order_id")]
    order: Option<String>,
    payment_intent: Option<String>,
}

/// Takes an order; it is packed when it is paid.
#[on_event("checkout.session.completed")]
async fn order_placed(event: Event<Session>, desk: Desk) -> Result<(), HandlerError> {
    let session = event.object;
    let amount = session.amount_total.needed("amount")?;
    let currency = session.currency.needed("currency")?;
    let email = session.email.needed("e-mail address")?;
    let payment = session.payment_intent.needed("payment")?;
    let is_paid = session.payment_status == "paid";
    desk.pages().orders.insert(payment, if is_paid { "paid" } else { "waiting for the bank" });
    let order = session.order.unwrap_or(session.id);
    desk.done(format!("Order {order} of {amount} {currency} is confirmed to {email}; paid: {is_paid}."));
    Ok(())
}

/// Packs an order whose payment took days.
#[on_event("checkout.session.async_payment_succeeded")]
async fn order_paid_late(event: Event<Session>, desk: Desk) -> Result<(), HandlerError> {
    ensure(event.object.payment_status == "paid", "the order is not paid")?;
    let payment = event.object.payment_intent.needed("payment")?;
    desk.pages().orders.insert(payment, "paid");
    desk.done(format!("Order {} is paid at last.", event.object.order.unwrap_or(event.object.id)));
    Ok(())
}

/// Cancels an order whose payment failed after days.
#[on_event("checkout.session.async_payment_failed")]
async fn order_not_paid(event: Event<Session>, desk: Desk) -> Result<(), HandlerError> {
    ensure(event.object.payment_status == "unpaid", "the order is paid")?;
    let payment = event.object.payment_intent.needed("payment")?;
    desk.pages().orders.insert(payment, "given up");
    let email = event.object.email.needed("e-mail address")?;
    desk.done(format!("The bank did not pay; {email} is told."));
    Ok(())
}

/// Puts back goods that were not paid for.
#[on_event("checkout.session.expired")]
async fn cart_abandoned(event: Event<Session>, desk: Desk) -> Result<(), HandlerError> {
    ensure(event.object.payment_intent.is_none(), "an expired session has a payment")?;
    desk.pages().orders.insert(event.object.id.clone(), "abandoned");
    desk.done(format!("The goods in {} are back on the shelf.", event.object.id));
    Ok(())
}

#[derive(StripeObject)]
#[stripe(object = "payment_intent")]
struct Payment {
    id: String,
    amount: i64,
    amount_capturable: i64,
    amount_received: i64,
    currency: String,
    status: String,
    customer: Option<String>,
    latest_charge: Option<String>,
    cancellation_reason: Option<String>,
    #[stripe(path = "last_payment_error.message")]
    error: Option<String>,
    #[stripe(path = "next_action.redirect_to_url.url")]
    redirect: Option<String>,
}

/// Books the money.
#[on_event("payment_intent.succeeded")]
async fn payment_succeeded(event: Event<Payment>, desk: Desk) -> Result<(), HandlerError> {
    let payment = event.object;
    ensure(payment.status == "succeeded" && payment.amount_received == payment.amount, "not all is paid")?;
    let customer = payment.customer.needed("customer")?;
    let charge = payment.latest_charge.needed("charge")?;
    let mut pages = desk.pages();
    pages.balance += payment.amount_received;
    pages.orders.insert(payment.id, "paid");
    drop(pages);
    desk.done(format!("{customer} paid {} {} with {charge}.", payment.amount_received, payment.currency));
    Ok(())
}

/// Asks the customer for another card.
#[on_event("payment_intent.payment_failed")]
async fn payment_failed(event: Event<Payment>, desk: Desk) -> Result<(), HandlerError> {
    let error = event.object.error.needed("error")?;
    let customer = event.object.customer.needed("customer")?;
    desk.pages().orders.insert(event.object.id, "not paid");
    desk.done(format!("{customer} is asked for another card: {error}"));
    Ok(())
}

/// Sends the customer to the bank.
#[on_event("payment_intent.requires_action")]
async fn payment_asks_customer(event: Event<Payment>, desk: Desk) -> Result<(), HandlerError> {
    let redirect = event.object.redirect.needed("redirect address")?;
    desk.pages().orders.insert(event.object.id, "waiting for the customer");
    desk.done(format!("The customer is sent to {redirect}."));
    Ok(())
}

/// Forgets a payment that was canceled.
#[on_event("payment_intent.canceled")]
async fn payment_canceled(event: Event<Payment>, desk: Desk) -> Result<(), HandlerError> {
    let reason = event.object.cancellation_reason.needed("reason")?;
    desk.pages().orders.insert(event.object.id, "canceled");
    desk.done(format!("A payment is canceled: {reason}."));
    Ok(())
}

/// Packs an order whose payment is authorized; it is captured when the order is sent.
#[on_event("payment_intent.amount_capturable_updated")]
async fn payment_held(event: Event<Payment>, desk: Desk) -> Result<(), HandlerError> {
    ensure(event.object.amount_capturable > 0, "nothing can be captured")?;
    desk.pages().orders.insert(event.object.id, "to be sent");
    desk.done(format!("{} is held until the parcel is sent.", event.object.amount_capturable));
    Ok(())
}

#[derive(StripeObject)]
#[stripe(object = "charge")]
struct Charge {
    amount: i64,
    amount_captured: i64,
    amount_refunded: i64,
    refunded: bool,
    payment_intent: Option<String>,
    receipt_email: Option<String>,
    receipt_url: Option<String>,
    #[stripe(path = "payment_method_details.card.last4")]
    last4: Option<String>,
}

/// Sends the receipt.
#[on_event("charge.succeeded")]
async fn receipt(event: Event<Charge>, desk: Desk) -> Result<(), HandlerError> {
    let email = event.object.receipt_email.needed("e-mail address")?;
    let url = event.object.receipt_url.needed("receipt")?;
    let card = event.object.last4.needed("card")?;
    desk.done(format!("{email} gets the receipt {url} for {} with card {card}.", event.object.amount));
    Ok(())
}

/// Sends the parcel.
#[on_event("charge.captured")]
async fn parcel_sent(event: Event<Charge>, desk: Desk) -> Result<(), HandlerError> {
    ensure(event.object.amount_captured > 0, "nothing was captured")?;
    desk.pages().orders.insert(event.object.payment_intent.needed("payment")?, "sent");
    desk.done("A parcel is on its way.".to_owned());
    Ok(())
}

/// Records that an order was refunded.
#[on_event("charge.refunded")]
async fn order_returned(event: Event<Charge>, desk: Desk) -> Result<(), HandlerError> {
    let Charge { refunded, amount_refunded, payment_intent, .. } = event.object;
    ensure(amount_refunded > 0, "nothing was refunded")?;
    desk.pages().orders.insert(payment_intent.needed("payment")?, "returned");
    desk.done(format!("{amount_refunded} is refunded; in full: {refunded}."));
    Ok(())
}
