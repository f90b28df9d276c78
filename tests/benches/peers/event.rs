//! The events that are sent: `payment_intent.succeeded` as Stripe sends it, 3.9 KB, each with ids of its own.

use std::ops::Range;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use product_tests::{OTHER_SECRET, SECRET, unix_now};
use webhook_core::{Secret, sign};

const PAYMENT_INTENT: &str = include_str!("../../../webhook-core/benches/payment_intent.json");

/// The ids in the text, of which the last 20 characters become a number.
const EVENT_ID: &str = "evt_3MtwBwLkdIwHu7ix2pQ4Zr8s";
const OBJECT_ID: &str = "pi_3MtwBwLkdIwHu7ix28a3tqPa";
const DIGITS: usize = 20;

static BODY: LazyLock<String> = LazyLock::new(|| {
    format!(
        r#"{{
  "id": "{EVENT_ID}",
  "object": "event",
  "api_version": "2026-10-28.endive",
  "created": 1680800505,
  "data": {{
    "object": {PAYMENT_INTENT}
  }},
  "livemode": false,
  "pending_webhooks": 1,
  "request": {{
    "id": "req_Gx2mZ6vJqF7dWk",
    "idempotency_key": "2f1c7b0e-5f0e-4f0e-9a53-6a0f2c3d4e5f"
  }},
  "type": "payment_intent.succeeded"
}}"#
    )
});

/// How a request is signed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Signed {
    Well,
    /// With another secret.
    Falsely,
    /// Without a signature header.
    Not,
}

/// Makes requests, each with another event.
pub(crate) struct Requests {
    body: Vec<u8>,
    ids: Vec<Range<usize>>,
    secret: Secret,
    signed: Signed,
}

impl Requests {
    pub(crate) fn new(signed: Signed) -> Self {
        let secret = if signed == Signed::Falsely { OTHER_SECRET } else { SECRET };
        let ids = [EVENT_ID, OBJECT_ID].into_iter().flat_map(|id| {
            BODY.match_indices(id).map(|(at, id)| at + id.len() - DIGITS..at + id.len()).collect::<Vec<_>>()
        });
        let ids = ids.collect();
        let secret = Secret::new(secret).expect("it is a secret");
        Self { body: BODY.as_bytes().to_vec(), ids, secret, signed }
    }

    /// Writes the next request.
    pub(crate) fn write(&mut self, request: &mut Vec<u8>) {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = format!("{:0DIGITS$}", NEXT.fetch_add(1, Ordering::Relaxed));
        for id in &self.ids {
            self.body[id.clone()].copy_from_slice(number.as_bytes());
        }
        request.clear();
        request.extend_from_slice(
            b"POST /webhook HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json; charset=utf-8\r\n",
        );
        if self.signed != Signed::Not {
            request.extend_from_slice(b"Stripe-Signature: ");
            let signature = sign(std::slice::from_ref(&self.secret), unix_now(), &self.body);
            request.extend_from_slice(signature.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(format!("Content-Length: {}\r\n\r\n", self.body.len()).as_bytes());
        request.extend_from_slice(&self.body);
    }
}

/// How long a body is, in bytes.
pub(crate) fn body_length() -> usize {
    BODY.len()
}
