//! Customers, and how they pay.

use webhook_server::{Event, HandlerError, StripeObject, on_event};

use crate::desk::{Desk, Needed, ensure};

#[derive(StripeObject)]
#[stripe(object = "customer")]
struct Customer {
    id: String,
    email: Option<String>,
    name: Option<String>,
}

#[derive(StripeObject)]
#[stripe(object = "customer", previous)]
struct FormerCustomer {
    email: Option<String>,
    #[stripe(path = "invoice_settings.default_payment_method")]
    card: Option<String>,
}

/// Opens an account.
#[on_event("customer.created")]
async fn customer_came(event: Event<Customer>, desk: Desk) -> Result<(), HandlerError> {
    let Customer { id, email, name } = event.object;
    let (email, name) = (email.needed("e-mail address")?, name.needed("name")?);
    desk.pages().customers.insert(id, email.clone());
    desk.done(format!("{name} is welcome; letters go to {email}."));
    Ok(())
}

/// Records a change of address.
#[on_event("customer.updated")]
async fn customer_changed(event: Event<Customer>, desk: Desk) -> Result<(), HandlerError> {
    let former: FormerCustomer = event.previous().map_err(HandlerError::park)?.needed("former values")?;
    let email = event.object.email.needed("e-mail address")?;
    ensure(former.email.as_ref() != Some(&email), "the address did not change")?;
    desk.pages().customers.insert(event.object.id, email.clone());
    let address = former.email.unwrap_or_else(|| "no other address".to_owned());
    desk.done(format!("Letters go to {email} (before: {address}; card: {:?}).", former.card));
    Ok(())
}

/// Forgets the customer.
#[on_event("customer.deleted")]
async fn customer_left(event: Event<Customer>, desk: Desk) -> Result<(), HandlerError> {
    let email = event.object.email.needed("e-mail address")?;
    desk.pages().customers.remove(&event.object.id);
    desk.done(format!("{email} is forgotten."));
    Ok(())
}

#[derive(StripeObject)]
#[stripe(object = "payment_method")]
struct Card {
    id: String,
    customer: Option<String>,
    #[stripe(path = "card.last4")]
    last4: Option<String>,
    #[stripe(path = "card.exp_year")]
    exp_year: Option<i64>,
}

#[derive(StripeObject)]
#[stripe(object = "payment_method", previous)]
struct FormerCard {
    customer: Option<String>,
    card: Option<FormerDetails>,
}

#[derive(StripeObject)]
#[stripe(object = "payment_method", at = "card", previous)]
struct FormerDetails {
    exp_year: Option<i64>,
}

/// Saves the card.
#[on_event("payment_method.attached")]
async fn card_saved(event: Event<Card>, desk: Desk) -> Result<(), HandlerError> {
    let Card { id, customer, last4, .. } = event.object;
    let (customer, last4) = (customer.needed("customer")?, last4.needed("card")?);
    desk.pages().cards.insert(customer.clone(), id);
    desk.done(format!("{customer} pays with card {last4}."));
    Ok(())
}

/// Records a card that the bank has renewed.
#[on_event("payment_method.automatically_updated")]
async fn card_renewed(event: Event<Card>, desk: Desk) -> Result<(), HandlerError> {
    let former: FormerCard = event.previous().map_err(HandlerError::park)?.needed("former values")?;
    let before = former.card.needed("former card")?.exp_year.needed("former year")?;
    let year = event.object.exp_year.needed("year")?;
    ensure(year > before, "the card is not newer")?;
    desk.done(format!("A card is valid until {year} now, instead of {before}."));
    Ok(())
}

/// Forgets the card. Its former values say whose it was.
#[on_event("payment_method.detached")]
async fn card_removed(event: Event<Card>, desk: Desk) -> Result<(), HandlerError> {
    let former: FormerCard = event.previous().map_err(HandlerError::park)?.needed("former values")?;
    ensure(event.object.customer.is_none(), "the card still has a customer")?;
    let customer = former.customer.needed("former customer")?;
    desk.pages().cards.remove(&customer);
    desk.done(format!("{customer} no longer pays with that card."));
    Ok(())
}

#[derive(StripeObject)]
#[stripe(object = "setup_intent")]
struct Setup {
    customer: Option<String>,
    payment_method: Option<String>,
    #[stripe(path = "last_setup_error.message")]
    error: Option<String>,
}

/// Uses the card from now on.
#[on_event("setup_intent.succeeded")]
async fn card_ready(event: Event<Setup>, desk: Desk) -> Result<(), HandlerError> {
    let (customer, card) =
        (event.object.customer.needed("customer")?, event.object.payment_method.needed("card")?);
    desk.pages().cards.insert(customer.clone(), card.clone());
    desk.done(format!("{customer} can be charged with {card}."));
    Ok(())
}

/// Asks for another card.
#[on_event("setup_intent.setup_failed")]
async fn card_refused(event: Event<Setup>, desk: Desk) -> Result<(), HandlerError> {
    let (customer, error) = (event.object.customer.needed("customer")?, event.object.error.needed("error")?);
    desk.done(format!("{customer} is asked for another card: {error}"));
    Ok(())
}

#[derive(StripeObject)]
#[stripe(object = "discount")]
struct Discount {
    customer: Option<String>,
    promotion_code: Option<String>,
    #[stripe(path = "source.coupon")]
    coupon: Option<String>,
}

/// Records the use of a promotion code.
#[on_event("customer.discount.created")]
async fn code_used(event: Event<Discount>, desk: Desk) -> Result<(), HandlerError> {
    let (customer, coupon) =
        (event.object.customer.needed("customer")?, event.object.coupon.needed("coupon")?);
    let code = event.object.promotion_code.needed("promotion code")?;
    desk.done(format!("{customer} used {code}, which gives {coupon}."));
    Ok(())
}

#[derive(StripeObject)]
#[stripe(object = "tax_id")]
struct TaxId {
    value: String,
    #[stripe(path = "verification.status")]
    status: Option<String>,
    #[stripe(path = "verification.verified_name")]
    name: Option<String>,
}

/// Writes invoices without tax from now on.
#[on_event("customer.tax_id.updated")]
async fn tax_id_verified(event: Event<TaxId>, desk: Desk) -> Result<(), HandlerError> {
    ensure(event.object.status.as_deref() == Some("verified"), "the tax id is not verified")?;
    desk.done(format!("{} belongs to {}.", event.object.value, event.object.name.needed("name")?));
    Ok(())
}
