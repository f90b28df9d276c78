//! Samples of thin events, and the objects that they refer to.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use serde_json::{Value, json};
use webhook_catalog::{Kind, read_path, snapshot_twin};

use super::{CREATED, Sample};
use crate::{DecodeError, Fresh, Notification, Payload, RawJson};

impl Sample {
    /// Makes the argument that a handler of a thin event would receive, for calling the handler. `None` if the sample is a
    /// snapshot event.
    pub fn notification(self) -> Option<Notification> {
        Notification::new(&Arc::new(self.envelope()), ())
    }

    /// Makes the object that a handler would receive if it read it from Stripe, for calling the handler.
    ///
    /// # Errors
    ///
    /// Fails if the object does not fit `T`.
    pub fn fresh<T: Payload>(self) -> Result<Fresh<T>, DecodeError> {
        let text = self.object(self.maker(CREATED.into())).to_string();
        let Ok(read) = RawJson::checked(&text, Bytes::from(text.clone())) else { unreachable!("it is JSON") };
        Fresh::new(&Arc::new(self.envelope()), read)
    }

    /// Returns the object that the event is about, as it is after the event: what a read from Stripe would return. `None` if
    /// the event is about no object.
    pub fn object_now(&self) -> Option<Value> {
        self.known.objects.first().map(|_| self.object(self.maker(CREATED.into())))
    }

    /// Returns the path at which Stripe's API has that object. `None` if it cannot be read.
    pub fn object_path(&self) -> Option<String> {
        self.path(&self.object_now()?)
    }

    /// Returns the data that a thin event has besides its object, which is sent only when the event is read. `None` if its
    /// type has none.
    pub fn data(&self) -> Option<Value> {
        self.known.data.then(|| self.maker(CREATED.into()).object(self.known.name, 0))
    }

    /// The notification of what happened to an object.
    pub(super) fn notification_of(&self, created: i64, object: &Value) -> Value {
        let time = UNIX_EPOCH + Duration::from_secs(created.try_into().unwrap_or_default());
        let mut event = json!({
            "id": self.id(),
            "object": "v2.core.event",
            "created": humantime::format_rfc3339_millis(time).to_string(),
            "livemode": self.fields.livemode.unwrap_or_default(),
            "type": self.known.name,
        });
        if let Some(url) = self.path(object) {
            let mut related = json!({ "type": self.object_name, "url": url });
            if !self.known.singleton {
                related["id"] = object["id"].clone();
            }
            event["related_object"] = related;
        }
        if let Some(context) = &self.fields.context {
            event["context"] = json!(context);
        }
        if let Some((id, key)) = &self.fields.request {
            let request = json!({ "id": id, "idempotency_key": key });
            event["reason"] = json!({ "type": "request", "request": request });
        }
        let twin = snapshot_twin(self.known.name);
        if let Some(Ok(twin)) = twin.map(|name| Self::in_version(self.version, name, self.seed)) {
            event["snapshot_event"] = json!(twin.id());
        }
        event
    }

    /// Where Stripe's API has the object. If the catalog does not know it, a thin event refers to a path like it.
    fn path(&self, object: &Value) -> Option<String> {
        self.known.objects.first()?;
        let text_of = |field: &str| object[field].as_str().map(str::to_owned);
        let known = read_path(self.object_name).and_then(|path| path.with(text_of));
        if known.is_some() || self.known.kind == Kind::Snapshot {
            return known;
        }
        let (version, name) = match self.object_name.strip_prefix("v2.") {
            Some(name) => ("v2", name),
            None => ("v1", self.object_name),
        };
        let place = name.replace('.', "/");
        Some(if self.known.singleton {
            format!("/{version}/{place}")
        } else {
            format!("/{version}/{place}s/{}", text_of("id")?)
        })
    }
}
