//! The object that an event is about, as it is now.

use std::any::type_name;
use std::ops::Deref;
use std::sync::Arc;

use webhook_catalog::read_path;

use super::reader;
use crate::__private::ArgumentKind;
use crate::{
    Data, DecodeError, Envelope, Extract, HandlerError, Invocation, Payload, RawJson, RelatedObject,
    Requirements,
};

/// The object that an event is about, as it is now: read from Stripe's API before the handler runs.
///
/// Stripe promises no order for events, and a retry may run hours after its event. So an event's own object may be out of
/// date, but this one is not: a handler that writes it down is right in whatever order its events come. It is what a
/// handler of a thin event reads, and a handler of a snapshot event can take it as well.
///
#[cfg_attr(feature = "stripe-api", doc = "```")]
#[cfg_attr(not(feature = "stripe-api"), doc = "```ignore")]
/// use webhook_core::{Fresh, StripeObject, on_event};
///
/// #[derive(StripeObject)]
/// #[stripe(object = "payment_intent")]
/// struct Payment {
///     id: String,
///     status: String,
/// }
///
/// #[on_event("v1.payment_intent.succeeded")]
/// async fn paid(payment: Fresh<Payment>) {
///     println!("{} is {} now", payment.object.id, payment.object.status);
/// }
/// ```
///
/// It dereferences to the [`Envelope`] of the event. `T` is a [`Payload`]; without one, the object is untyped JSON.
///
/// The object is read once for each run, with the event's connected account or context, and in the newest enabled API
/// version. If Stripe cannot answer now, the run is retried. If the object is gone, the task is skipped;
/// `Option<Fresh<T>>` lets the handler decide.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Fresh<T = serde_json::Value> {
    /// The object as it is now.
    pub object: T,
    /// What every event has. Shared by all handlers of the event.
    pub envelope: Arc<Envelope>,
    read: RawJson,
}

impl<T: Payload> Fresh<T> {
    /// Decodes what was read.
    pub(crate) fn new(envelope: &Arc<Envelope>, read: RawJson) -> Result<Self, DecodeError> {
        Ok(Self { object: T::decode(&read)?, envelope: Arc::clone(envelope), read })
    }
}

impl<T> Fresh<T> {
    /// Decodes the object into a second type.
    ///
    /// # Errors
    ///
    /// Fails if the object does not fit `U`.
    pub fn object_as<U: Payload>(&self) -> Result<U, DecodeError> {
        U::decode(&self.read)
    }
}

impl<T> Deref for Fresh<T> {
    type Target = Envelope;

    fn deref(&self) -> &Envelope {
        &self.envelope
    }
}

#[diagnostic::do_not_recommend]
impl<T: Payload> Extract for Option<Fresh<T>> {
    const KIND: ArgumentKind = ArgumentKind::Fresh;
    const PAYLOAD: (&'static str, &'static [&'static str]) = (T::NAME, T::OBJECTS);

    async fn extract(invocation: &Invocation) -> Result<Self, HandlerError> {
        let envelope = &invocation.envelope;
        let Some(read) = reader::read(invocation, path_of(envelope)?).await?.filter(is_there) else {
            return Ok(None);
        };
        // The program, not the event, has to change if it does not fit. It may be of another type, where an event carries
        // one of several.
        Fresh::new(envelope, read).map(Some).map_err(|error| {
            if error.is_other_object() { HandlerError::skip(error) } else { HandlerError::park(error) }
        })
    }

    fn needs(needs: &mut Requirements) {
        needs.payload = Some(type_name::<T>());
        needs.fields = T::FIELDS;
        needs.reads_stripe = true;
    }
}

impl<T: Payload> Extract for Fresh<T> {
    const KIND: ArgumentKind = ArgumentKind::Fresh;
    const PAYLOAD: (&'static str, &'static [&'static str]) = (T::NAME, T::OBJECTS);

    async fn extract(invocation: &Invocation) -> Result<Self, HandlerError> {
        let fresh = Option::<Self>::extract(invocation).await?;
        fresh.ok_or_else(|| HandlerError::skip("the object is gone: Stripe has it no more"))
    }

    fn needs(needs: &mut Requirements) {
        Option::<Self>::needs(needs);
    }
}

/// Of a customer or product that was deleted, Stripe answers that it is.
fn is_there(object: &RawJson) -> bool {
    let deleted = object.json().field("deleted").and_then(|deleted| deleted.boolean("a boolean").ok());
    deleted != Some(true)
}

/// Where Stripe's API has the object of an event.
fn path_of(envelope: &Envelope) -> Result<String, HandlerError> {
    match &envelope.data {
        Data::Thin(thin) => {
            let Some(RelatedObject { url, .. }) = &thin.related_object else {
                return Err(HandlerError::park(
                    "the event has no related object, so there is nothing to read",
                ));
            };
            let path = is_path(url).then(|| url.clone());
            path.ok_or_else(|| {
                HandlerError::park("the URL of the event's related object is not a path of Stripe's API")
            })
        }
        Data::Snapshot(_) => {
            let name = envelope.text_at("object").unwrap_or_default();
            let path = read_path(&name).and_then(|path| path.with(|field| envelope.text_at(field)));
            path.ok_or_else(|| {
                HandlerError::park("Stripe's API has no call that reads the object of this event by its id")
            })
        }
    }
}

/// Tells whether a text is a path of the API, and not the URL of another server.
fn is_path(url: &str) -> bool {
    let is_visible = |byte: u8| byte.is_ascii_graphic() && !b"\\#".contains(&byte);
    let (path, _) = url.split_once('?').unwrap_or((url, ""));
    ["/v1/", "/v2/"].iter().any(|prefix| url.starts_with(prefix))
        && url.bytes().all(is_visible)
        && path[1..].split('/').all(|segment| !matches!(segment, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::is_path;

    #[test]
    fn only_paths_of_the_api_are_read() {
        for (url, expected) in [
            ("/v1/payment_intents/pi_1", true),
            ("/v2/core/accounts/acct_1", true),
            ("/v1/balance", true),
            ("/v1/customers/cus_1?expand[]=sources", true),
            ("", false),
            ("/", false),
            ("/v1/", false),
            ("/v3/x", false),
            ("v1/x", false),
            ("//evil.example.com/v1/x", false),
            ("https://evil.example.com/v1/x", false),
            ("/v1/../v2/x", false),
            ("/v1/./x", false),
            ("/v1//x", false),
            ("/v1/a b", false),
            ("/v1/a\\b", false),
            ("/v1/a#b", false),
            ("/v1/a\r\nHost: x", false),
            ("/v1/ä", false),
        ] {
            assert_eq!(is_path(url), expected, "{url:?}");
        }
    }
}
