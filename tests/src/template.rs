//! Many events that differ in their ids alone, made faster than samples are.

use webhook_core::Sample;

/// A `payment_intent.succeeded` of 4 KB, but for its ids.
pub struct Template {
    body: String,
    event_id: String,
    object_id: String,
    name: &'static str,
}

impl Template {
    /// Makes one whose ids will contain this name.
    pub fn new(name: &'static str) -> Self {
        let body =
            Sample::new("payment_intent.succeeded", 1).expect("there is such a type").body(1_700_000_000);
        let event: serde_json::Value = serde_json::from_slice(&body).expect("it is JSON");
        let id = |pointer: &str| {
            event.pointer(pointer).and_then(|id| id.as_str()).expect("it has an id").to_owned()
        };
        let (event_id, object_id) = (id("/id"), id("/data/object/id"));
        Self { body: String::from_utf8(body.to_vec()).expect("it is text"), event_id, object_id, name }
    }

    /// Makes the body of the event with this number, about an object of its own.
    pub fn body(&self, number: u64) -> String {
        let name = self.name;
        let body = self.body.replace(&self.event_id, &format!("evt_{name}{number:019}"));
        body.replace(&self.object_id, &format!("pi_{name}{number:019}"))
    }
}
