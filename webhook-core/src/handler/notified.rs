//! A thin event as an argument.

use super::reader;
use crate::__private::{ArgumentKind, Extraction};
use crate::catalog::Kind;
use crate::{
    Data, DecodeError, Extract, HandlerError, Invocation, Notification, Payload, RawJson, Requirements,
};

impl Extract for Notification {
    const KIND: ArgumentKind = ArgumentKind::Notification;

    const EXTRACTION: Extraction<Self> = Extraction::Immediate(|invocation| thin(invocation, ()));

    async fn extract(invocation: &Invocation) -> Result<Self, HandlerError> {
        Self::EXTRACTION.run(invocation).await
    }

    fn needs(needs: &mut Requirements) {
        needs.event_kind = Some(Kind::Thin);
    }
}

impl<D: Payload> Extract for Notification<D> {
    const KIND: ArgumentKind = ArgumentKind::NotificationWithData;
    const PAYLOAD: (&'static str, &'static [&'static str]) = (D::NAME, D::OBJECTS);

    async fn extract(invocation: &Invocation) -> Result<Self, HandlerError> {
        let data = D::decode(&data_of(invocation).await?).map_err(HandlerError::park)?;
        thin(invocation, data)
    }

    fn needs(needs: &mut Requirements) {
        needs.event_kind = Some(Kind::Thin);
        needs.payload = Some(std::any::type_name::<D>());
        needs.fields = D::FIELDS;
        needs.reads_stripe = true;
    }
}

fn thin<D>(invocation: &Invocation, data: D) -> Result<Notification<D>, HandlerError> {
    // The attribute checks this, so only an extractor that calls this one gets here.
    Notification::new(&invocation.envelope, data)
        .ok_or_else(|| HandlerError::park("a snapshot event is not a notification: take `Event<…>`"))
}

/// The data of a thin event, which is read from Stripe unless it was sent.
async fn data_of(invocation: &Invocation) -> Result<RawJson, HandlerError> {
    let envelope = &invocation.envelope;
    if let Data::Thin(thin) = &envelope.data
        && let Some(data) = &thin.data
    {
        return Ok(data.clone());
    }
    let event = reader::read(invocation, format!("/v2/core/events/{}", envelope.id)).await?;
    let event = event.ok_or_else(|| {
        HandlerError::park("Stripe has the event no more, and so not its data: it keeps events for 30 days")
    })?;
    let data = event.json().field("data").map(|data| event.part(data));
    data.ok_or_else(|| HandlerError::park(DecodeError::missing()))
}
