//! What customers do not see: goods, payouts, sellers, the shop's own cards.

use serde_json::json;
use webhook_server::{Event, HandlerError, Reply, StripeObject, on_event};

use crate::desk::{Desk, Needed, ensure};

#[derive(StripeObject)]
#[stripe(object = "price")]
struct Price {
    id: String,
    unit_amount: Option<i64>,
    product: String,
    #[stripe(path = "recurring.interval")]
    interval: Option<String>,
}

/// Writes a price tag.
#[on_event("price.created")]
async fn price_tag(event: Event<Price>, desk: Desk) -> Result<(), HandlerError> {
    let Price { id, unit_amount, product, interval } = event.object;
    let (amount, interval) = (unit_amount.needed("amount")?, interval.needed("interval")?);
    desk.pages().prices.insert(id, amount);
    desk.done(format!("{product} costs {amount} a {interval}."));
    Ok(())
}

#[derive(StripeObject)]
#[stripe(object = "product")]
struct Product {
    name: String,
    default_price: Option<String>,
    description: Option<String>,
}

/// Updates the catalog.
#[on_event("product.updated")]
async fn catalog_changed(event: Event<Product>, desk: Desk) -> Result<(), HandlerError> {
    let (price, text) =
        (event.object.default_price.needed("price")?, event.object.description.needed("text")?);
    desk.done(format!("{}: {text} ({price}).", event.object.name));
    Ok(())
}

#[derive(StripeObject)]
#[stripe(object = "payout")]
struct Payout {
    amount: i64,
    arrival_date: i64,
    destination: Option<String>,
    failure_message: Option<String>,
}

/// Books a payout to the bank.
#[on_event("payout.paid")]
async fn payout_arrived(event: Event<Payout>, desk: Desk) -> Result<(), HandlerError> {
    let bank = event.object.destination.needed("bank account")?;
    desk.pages().balance -= event.object.amount;
    desk.done(format!("{} went to {bank} on {}.", event.object.amount, event.object.arrival_date));
    Ok(())
}

/// Reports a failed payout to the bookkeeper.
#[on_event("payout.failed")]
async fn payout_came_back(event: Event<Payout>, desk: Desk) -> Result<(), HandlerError> {
    desk.done(format!("A payout came back: {}", event.object.failure_message.needed("reason")?));
    Ok(())
}

#[derive(StripeObject)]
#[stripe(object = "identity.verification_session")]
struct Verification {
    status: String,
    last_verification_report: Option<String>,
}

/// Lets a seller sell.
#[on_event("identity.verification_session.verified")]
async fn seller_verified(event: Event<Verification>, desk: Desk) -> Result<(), HandlerError> {
    ensure(event.object.status == "verified", "the person is not verified")?;
    desk.done(format!(
        "A seller is verified by {}.",
        event.object.last_verification_report.needed("report")?
    ));
    Ok(())
}

#[derive(StripeObject)]
#[stripe(object = "account")]
struct Account {
    id: String,
    charges_enabled: Option<bool>,
    email: Option<String>,
}

/// Shows or hides a seller's goods.
#[on_event("account.updated")]
async fn seller_changed(event: Event<Account>, desk: Desk) -> Result<(), HandlerError> {
    ensure(event.account.as_deref() == Some(&*event.object.id), "the event is about another account")?;
    let enabled = event.object.charges_enabled.needed("value of `charges_enabled`")?;
    desk.done(format!("{} can sell: {enabled}.", event.object.email.needed("address")?));
    Ok(())
}

#[derive(StripeObject)]
#[stripe(object = "issuing.authorization")]
struct Authorization {
    #[stripe(path = "pending_request.amount")]
    amount: Option<i64>,
    #[stripe(path = "merchant_data.name")]
    merchant: Option<String>,
}

/// Approves or declines a purchase with one of the shop's own cards.
#[on_event("issuing_authorization.request", reply)]
async fn purchase(event: Event<Authorization>, desk: Desk) -> Result<Reply, HandlerError> {
    let merchant = event.object.merchant.needed("merchant")?;
    let amount = event.object.amount.needed("amount")?;
    let approved = amount <= 5000;
    desk.done(format!("{merchant} asks for {amount}; approved: {approved}."));
    Reply::json(&json!({ "approved": approved }))
}
