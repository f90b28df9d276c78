//! A sample's envelope: all that a handler can see of an event besides the object.

use serde_json::{Value, json};

use super::previous::Former;
use super::put::Given;
use super::{CREATED, Sample, SampleError};

/// The fields of the envelope that were set.
#[derive(Clone, Debug, Default)]
pub(super) struct EnvelopeFields {
    pub(super) created: Option<i64>,
    pub(super) livemode: Option<bool>,
    pub(super) previous: Option<Value>,
    event_id: Option<String>,
    api_version: Option<String>,
    account: Option<String>,
    pub(super) context: Option<String>,
    pub(super) request: Option<(String, Option<String>)>,
    pending_webhooks: Option<u64>,
}

/// The envelope. A test sets its fields in one expression:
///
/// ```
/// use webhook_core::{Event, fixture};
///
/// let sample = fixture!("customer.updated", email = "new@example.com", previous.email = "old@example.com")
///     .account("acct_1")
///     .livemode(true);
/// let event: Event = sample.event().unwrap();
/// assert_eq!((event.account.as_deref(), event.livemode), (Some("acct_1"), true));
/// ```
impl Sample {
    /// Returns the event's id, which is derived from the seed unless [`event_id`](Self::event_id) set it.
    pub fn id(&self) -> String {
        self.fields.event_id.clone().unwrap_or_else(|| {
            let ordinal = self.told.map_or(0, |told| told.ordinal);
            let salt = format!("event {} {ordinal}", self.event_type());
            self.maker(0).id_with("evt", &salt)
        })
    }

    /// Sets the event's id, `evt_…`.
    ///
    /// # Panics
    ///
    /// Panics unless it consists of 1 to 255 letters, digits and underscores, as Stripe's ids do.
    #[must_use]
    #[track_caller]
    pub fn event_id(mut self, id: impl Into<String>) -> Self {
        let id = id.into();
        let is_id = (1..=255).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        assert!(is_id, "not an event id: {id:?} is not 1 to 255 letters, digits and underscores");
        self.fields.event_id = Some(id);
        self
    }

    /// Sets when the event happened, in seconds since the Unix epoch.
    #[must_use]
    pub fn created(mut self, created: i64) -> Self {
        self.fields.created = Some(created);
        self
    }

    /// Sets whether the event and its object are in live mode.
    #[must_use]
    pub fn livemode(mut self, livemode: bool) -> Self {
        self.fields.livemode = Some(livemode);
        self
    }

    /// Sets the API version that the event names, and no more: the object is still rendered in the sample's own version.
    #[must_use]
    pub fn api_version(mut self, version: impl Into<String>) -> Self {
        self.fields.api_version = Some(version.into());
        self
    }

    /// Sets the connected account that the event happened on, `acct_…`.
    #[must_use]
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.fields.account = Some(account.into());
        self
    }

    /// Sets the authentication context, which an organisation's endpoint receives.
    #[must_use]
    pub fn context(mut self, context: impl Into<String>) -> Self {
        self.fields.context = Some(context.into());
        self
    }

    /// Sets the API request that caused the event, `req_…`, and the idempotency key that it was sent with.
    #[must_use]
    pub fn request(mut self, id: impl Into<String>, idempotency_key: Option<&str>) -> Self {
        self.fields.request = Some((id.into(), idempotency_key.map(str::to_owned)));
        self
    }

    /// Sets how many endpoints had not yet answered.
    #[must_use]
    pub fn pending_webhooks(mut self, endpoints: u64) -> Self {
        self.fields.pending_webhooks = Some(endpoints);
        self
    }

    /// Sets one former value, by its path in the object. The first call replaces all former values that the sample has by
    /// default.
    ///
    /// # Panics
    ///
    /// Panics if the object has no such field, or the field cannot hold the value. Null is always allowed: it means that
    /// the field was not set.
    #[must_use]
    #[track_caller]
    pub fn previous(mut self, path: &str, value: impl Into<Value>) -> Self {
        if let Err(error) = self.set_previous_json(path, value.into()) {
            panic!("cannot set the previous attribute: {error}");
        }
        self
    }

    /// Sets all former values, replacing those that the sample has by default.
    ///
    /// # Panics
    ///
    /// Panics unless it is a JSON object, with fields that the event's object has and values that the fields can hold.
    #[must_use]
    #[track_caller]
    pub fn previous_attributes(mut self, former: Value) -> Self {
        self.fields.previous = Some(json!({}));
        let Value::Object(values) = former else {
            panic!("cannot set the previous attributes: {former} is not a JSON object");
        };
        values.into_iter().fold(self, |sample, (name, value)| sample.previous(&name, value))
    }

    /// Sets a former value from text, as [`set`](Self::set) sets a field.
    ///
    /// # Errors
    ///
    /// Fails if the object has no such field, or the field cannot hold the value.
    pub fn set_previous(&mut self, path: &str, value: &str) -> Result<(), SampleError> {
        self.put_previous(path, Given::Text(value.to_owned()))
    }

    /// Sets a former value to a JSON value.
    ///
    /// # Errors
    ///
    /// Fails as [`set_previous`](Self::set_previous) does.
    pub fn set_previous_json(&mut self, path: &str, value: Value) -> Result<(), SampleError> {
        self.put_previous(path, Given::Json(value))
    }

    fn put_previous(&mut self, path: &str, value: Given) -> Result<(), SampleError> {
        let mut former = self.fields.previous.clone().unwrap_or_else(|| json!({}));
        let (maker, path) = (self.maker(CREATED.into()), path.to_owned());
        Former { maker, object: self.object_name, path, value }.put(&mut former)?;
        self.fields.previous = Some(former);
        Ok(())
    }

    /// Writes the fields that were set into the event.
    pub(super) fn write_fields(&self, event: &mut Value) {
        let fields = &self.fields;
        let maker = self.maker(0);
        let connected = self.states().any(|state| state.connected).then(|| maker.id("account"));
        if let Some(version) = &fields.api_version {
            event["api_version"] = json!(version);
        }
        if let Some(account) = fields.account.clone().or(connected) {
            event["account"] = json!(account);
        }
        if let Some(context) = &fields.context {
            event["context"] = json!(context);
        }
        if let Some((id, key)) = &fields.request {
            event["request"] = json!({ "id": id, "idempotency_key": key });
        }
        if let Some(endpoints) = fields.pending_webhooks {
            event["pending_webhooks"] = json!(endpoints);
        }
    }
}
