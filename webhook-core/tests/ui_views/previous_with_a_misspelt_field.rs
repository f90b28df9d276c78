#![allow(dead_code)]
use webhook_core::*;

#[derive(StripeObject)]
#[stripe(object = "charge", previous)]
struct Before {
    amuont: Option<i64>,
}

#[on_event("charge.updated")]
async fn updated(event: Event) -> Result<(), DecodeError> {
    let _: Option<Before> = event.previous()?;
    Ok(())
}

fn main() {}
