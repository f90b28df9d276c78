//! What a test or `dev` has in place of Stripe's API: no handler of theirs reads from the network.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde_json::{Value, json};
use webhook_core::{Data, HandlerError, ReadFuture, Sample, StripeRead, StripeReader};

/// Answers reads with the objects that it was given. Others are made up: the object of a snapshot event is as the event has
/// it, that of a thin event is in the state that the event's type says.
#[derive(Default)]
pub(crate) struct Fixtures {
    /// What a test has said, by the path. `None` is an object that is gone.
    given: Mutex<HashMap<String, Option<Bytes>>>,
    /// What came with events.
    delivered: Mutex<HashMap<String, Bytes>>,
}

impl Fixtures {
    /// Answers reads of a path with an object from now on; `None` if it is gone.
    pub(crate) fn set(&self, path: String, object: Option<&Value>) {
        let object = object.map(|object| object.to_string().into());
        locked(&self.given).insert(path, object);
    }

    /// Answers reads of a path with the object that came with an event, unless the test says otherwise.
    pub(crate) fn deliver(&self, path: String, object: &Value) {
        locked(&self.delivered).insert(path, object.to_string().into());
    }

    fn answer(&self, read: &StripeRead) -> Result<Option<Bytes>, HandlerError> {
        if let Some(given) = locked(&self.given).get(&read.path) {
            return Ok(given.clone());
        }
        let delivered = locked(&self.delivered).get(&read.path).cloned();
        let object = delivered.or_else(|| made_up(read));
        object.map(Some).ok_or_else(|| HandlerError::park("nothing was given for this read"))
    }
}

impl StripeReader for Fixtures {
    fn read<'r>(&'r self, read: &'r StripeRead) -> ReadFuture<'r> {
        Box::pin(async { self.answer(read) })
    }
}

/// Shows the paths.
impl fmt::Debug for Fixtures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(locked(&self.given).keys()).finish()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes up what is read. `None` for a type that the catalog does not list.
fn made_up(read: &StripeRead) -> Option<Bytes> {
    let envelope = &read.envelope;
    let Data::Thin(thin) = &envelope.data else {
        return envelope.raw_object().map(|object| Bytes::copy_from_slice(object.as_bytes()));
    };
    let sample = Sample::new(&envelope.event_type, 0).ok()?;
    if read.path.starts_with("/v2/core/events/") {
        return Some(json!({ "object": "v2.core.event", "data": sample.data()? }).to_string().into());
    }
    let mut object = sample.object_now()?;
    if let Some(id) = thin.related_object.as_ref().and_then(|related| related.id.as_deref()) {
        object["id"] = json!(id);
    }
    Some(object.to_string().into())
}
