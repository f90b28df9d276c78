//! The key is shown nowhere.

use std::io;
use std::sync::Mutex;

use fake_stripe::{Fault, What};
use serde_json::json;
use tracing::Level;
use tracing_subscriber::fmt::MakeWriter;

use super::*;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nothing panics").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Log {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

#[tokio::test(start_paused = true)]
async fn the_key_is_in_no_error_no_debug_and_no_log() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(Level::TRACE).with_writer(log.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let leak = |status| {
        What::Answer {
        status,
        headers: vec![("request-id".into(), format!("req_{KEY}")), ("stripe-rate-limited-reason".into(), format!("x{KEY}"))],
        body: json!({ "error": {
            "type": format!("{KEY}"), "code": format!("a{KEY}"), "param": KEY, "message": format!("key x{KEY}y, '{KEY}'"),
        }})
        .to_string(),
    }
    };
    let faults = [
        What::UnknownKey,
        What::MissingPermission("rak_event_read".into()),
        What::CutBefore,
        What::CutWithin,
        What::Garbage,
        What::Redirect(format!("https://elsewhere.example/{KEY}")),
        What::slow(Duration::from_secs(100)),
        leak(200),
        leak(400),
        leak(401),
        leak(403),
        leak(404),
        leak(409),
        leak(429),
        leak(500),
    ];
    let mut shown = String::new();
    for fault in faults {
        let fake = Fake::new();
        fake.fail(Fault::next(fault).times(9));
        let client = client(&fake);
        let call = Call::post("/v1/webhook_endpoints").body(json!({ "description": "Show9Me8Not" }));
        shown += &format!("{client:?} {call:?} {:?} {} ", client.key(), client.key());
        match client.call(&call).await {
            Ok(answer) => shown += answer.request_id().unwrap_or_default(),
            Err(error) => {
                shown += &format!("{error} {error:?} {error:#?} {} ", chain(&error));
                shown += error.request_id().unwrap_or_default();
            }
        }
    }
    shown += &String::from_utf8_lossy(&log.0.lock().expect("nothing panics"));
    assert!(shown.contains("a call of Stripe's API is repeated") && shown.contains("rk_test_…"), "{shown}");
    for part in ["Do8Not9Show", "9Show7This", "0123456789", "Show9Me8Not"] {
        assert!(!shown.contains(part), "{part} is shown: {shown}");
    }
}
