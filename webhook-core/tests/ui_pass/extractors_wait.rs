//! Extractors can wait. They run one after the other, and the handler is not called if one of them fails.

#![deny(warnings)]

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context as Waking, Poll, Waker};

use webhook_core::{
    Attempt, Context, Event, Extract, HandlerError, HandlerResult, Invocation, Registry, Requirements, Sample,
    State, States, on_event,
};

type Log = Arc<Mutex<Vec<String>>>;

/// Waits once, and notes when it begins and ends.
struct Slow<const NAME: char>;

impl<const NAME: char> Extract for Slow<NAME> {
    async fn extract(invocation: &Invocation) -> Result<Self, HandlerError> {
        let State(log) = State::<Log>::extract(invocation).await?;
        log.lock().unwrap().push(format!("{NAME} begins"));
        let mut is_first = true;
        std::future::poll_fn(|_| if std::mem::take(&mut is_first) { Poll::Pending } else { Poll::Ready(()) }).await;
        log.lock().unwrap().push(format!("{NAME} ends"));
        if NAME == '!' { Err(HandlerError::skip("not for us")) } else { Ok(Self) }
    }

    fn needs(needs: &mut Requirements) {
        State::<Log>::needs(needs);
    }
}

#[on_event("charge.succeeded", id = "both")]
async fn both(_a: Slow<'a'>, event: Event, State(log): State<Log>, _b: Slow<'b'>) {
    log.lock().unwrap().push(event.event_type.clone());
}

#[on_event("charge.failed", id = "neither")]
async fn neither(_first: Slow<'!'>, _never: Slow<'c'>) {}

/// Runs a handler; returns how often it waited.
fn run(at: usize, event_type: &str) -> (HandlerResult, usize, Vec<String>) {
    let registry = Registry::linked();
    let handler = registry.registrations()[at];
    let (log, mut states) = (Log::default(), States::default());
    states.insert(Arc::clone(&log));
    let envelope = Sample::new(event_type, 1).unwrap().event::<serde_json::Value>().unwrap().envelope;
    let attempt = Attempt {
        handler: handler.id, endpoint: "/".into(), attempt: 1, is_replay: false, is_stale: false, deadline: None,
    };
    let context = Context::new(Arc::clone(&envelope), attempt);
    let mut running = pin!((handler.run)(Invocation::new(envelope, Arc::new(states), context)));
    let mut waited = 0;
    let result = loop {
        match running.as_mut().poll(&mut Waking::from_waker(Waker::noop())) {
            Poll::Ready(result) => break result,
            Poll::Pending => waited += 1,
        }
    };
    let log = log.lock().unwrap().clone();
    (result, waited, log)
}

fn main() {
    let (result, waited, log) = run(0, "charge.succeeded");
    assert!(result.is_ok());
    assert_eq!(waited, 2);
    assert_eq!(log, ["a begins", "a ends", "b begins", "b ends", "charge.succeeded"]);

    let (result, waited, log) = run(1, "charge.failed");
    assert!(result.is_err_and(|error| error.to_string() == "skipped: not for us"));
    assert_eq!(waited, 1);
    assert_eq!(log, ["! begins", "! ends"]);
}
