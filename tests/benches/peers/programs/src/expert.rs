//! An expert's server, whose programs differ only in what they read of the object.

use std::borrow::Cow;

use bytes::Bytes;
use hyper::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

#[derive(Deserialize)]
#[expect(dead_code, reason = "an application logs them")]
struct Event<'e> {
    #[serde(borrow)]
    id: Cow<'e, str>,
    #[serde(borrow, rename = "type")]
    event_type: Cow<'e, str>,
    #[serde(borrow)]
    api_version: Option<Cow<'e, str>>,
    #[serde(borrow)]
    account: Option<Cow<'e, str>>,
    created: i64,
    livemode: bool,
    #[serde(borrow)]
    data: Data<'e>,
}

#[derive(Deserialize)]
struct Data<'d> {
    #[serde(borrow)]
    object: &'d RawValue,
}

/// Listens, checks signatures, and passes the object of each payment to `paid`.
pub async fn serve_expert<T: DeserializeOwned + 'static>(paid: fn(T)) {
    crate::serve(move |headers: &HeaderMap, body: &Bytes| {
        let header = headers.get("stripe-signature").and_then(|value| value.to_str().ok());
        if !header.is_some_and(|header| crate::is_signed(header, body)) {
            return StatusCode::BAD_REQUEST;
        }
        match handle(body, paid) {
            Ok(()) => StatusCode::OK,
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    })
    .await;
}

fn handle<T: DeserializeOwned>(body: &[u8], paid: fn(T)) -> serde_json::Result<()> {
    let event: Event<'_> = serde_json::from_slice(body)?;
    if event.event_type == "payment_intent.succeeded" {
        paid(serde_json::from_str(event.data.object.get())?);
    }
    Ok(())
}
