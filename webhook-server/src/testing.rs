//! Testing an application: signed events, delivered in process.
//!
//! ```standalone_crate
//! use std::sync::{Arc, Mutex};
//!
//! use webhook_server::testing::TestApp;
//! use webhook_server::{App, Event, State, StripeObject, fixture, on_event};
//!
//! #[derive(StripeObject)]
//! #[stripe(object = "payment_intent")]
//! struct Paid {
//!     #[stripe(path = "metadata.order_id")]
//!     order: Option<String>,
//! }
//!
//! #[derive(Clone, Default)]
//! struct Orders(Arc<Mutex<Vec<String>>>);
//!
//! #[on_event("payment_intent.succeeded")]
//! async fn fulfil(event: Event<Paid>, State(orders): State<Orders>) {
//!     orders.0.lock().unwrap().extend(event.object.order);
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! // In a `#[tokio::test]`:
//! let orders = Orders::default();
//! let app = TestApp::new(App::new().state(orders.clone()));
//! let delivered = app.deliver(fixture!("payment_intent.succeeded", "metadata.order_id" = "o_1")).await;
//!
//! assert_eq!(delivered.status(), 200);
//! delivered.assert_done("fulfil");
//! assert_eq!(*orders.0.lock().unwrap(), ["o_1"]);
//! # }
//! ```

use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, StatusCode};
use webhook_core::{HandlerError, Outcome, SIGNATURE_HEADER, Sample, Secret, sign};

use crate::app::App;
use crate::problems::Problems;
use crate::receive::Service;
use crate::receive::outcome::{Delivery, Handled, Refusal};
use crate::report::Journal;
use crate::report::format::chain;
use crate::run::panics::{self, Texts};

/// An application under test: everything of the server but the network.
///
/// The handlers are all that are linked into the test, as in the program itself. The clock stands still, at the time
/// at which the test began, until [`set_time`](Self::set_time).
///
/// Nothing is stored: each delivery runs each handler once, also of an event that was delivered before, and its outcome
/// can be looked at when the answer is there. The status is the one that the program would answer with, with its inbox
/// or without.
#[derive(Debug)]
pub struct TestApp {
    service: Service,
    secret: Secret,
    now: Arc<Mutex<SystemTime>>,
}

impl TestApp {
    /// Starts an application, with a signing secret of its own.
    ///
    /// # Panics
    ///
    /// Panics if it cannot start, with everything that is wrong.
    #[track_caller]
    pub fn new(app: App) -> Self {
        panics::watch(Texts::Written);
        let app = app.at_once();
        let Ok(secret) = Secret::new("whsec_of_a_test_application") else {
            unreachable!("the text is a secret")
        };
        let now = Arc::new(Mutex::new(SystemTime::now()));
        let clock = Arc::clone(&now);
        let clock = Arc::new(move || *clock.lock().unwrap_or_else(PoisonError::into_inner));
        match app.into_service(vec![secret.clone()], Journal::Nowhere, clock, None, Problems::default()) {
            Ok(service) => Self { service, secret, now },
            Err(problems) => panic!("{problems}"),
        }
    }

    /// Returns the ids of all handlers of the application, sorted.
    pub fn handlers(&self) -> Vec<&'static str> {
        self.service.registry().registrations().iter().map(|handler| handler.id).collect()
    }

    /// Sets the clock that signatures are made and judged by.
    pub fn set_time(&self, now: SystemTime) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Signs a sample and delivers it, and waits for the answer.
    pub async fn deliver(&self, sample: Sample) -> Delivered {
        self.deliver_recorded(sample.body(i64::try_from(self.seconds()).unwrap_or(i64::MAX))).await
    }

    /// Signs a recorded body and delivers it as it is, byte for byte, and waits for the answer.
    ///
    /// It may be anything that was ever received, or never should be: what is no event goes where it would go, see
    /// [`Delivered::quarantined`].
    pub async fn deliver_recorded(&self, body: impl Into<Bytes>) -> Delivered {
        let body = body.into();
        let signature = sign(std::slice::from_ref(&self.secret), self.seconds(), &body);
        self.deliver_body(&signature, body).await
    }

    /// Delivers a body with a `Stripe-Signature` header that may be wrong, and waits for the answer.
    ///
    /// # Panics
    ///
    /// Panics if the text cannot be a header's value.
    pub async fn deliver_body(&self, signature: &str, body: impl Into<Bytes>) -> Delivered {
        let request = Request::post(self.service.path.as_str())
            .header(SIGNATURE_HEADER, signature)
            .body(Full::new(body.into()));
        let Ok(request) = request else { panic!("{signature:?} cannot be a header") };
        let Some(connection) = self.service.connections.admit(None) else {
            panic!("more deliveries at once than a server takes connections")
        };
        let received = self.service.receive(request, &connection).await;
        let status = self.service.reply(&received).status();
        let received = received.map(|delivery| match delivery {
            Delivery::Handled(handled) => handled,
            Delivery::Taken(_) => unreachable!("an application under test has no inbox"),
        });
        Delivered { status: status.as_u16(), received }
    }

    fn seconds(&self) -> u64 {
        let now = *self.now.lock().unwrap_or_else(PoisonError::into_inner);
        now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
    }
}

/// What became of a delivery.
#[derive(Debug)]
pub struct Delivered {
    status: u16,
    received: Result<Handled, Refusal>,
}

impl Delivered {
    /// Returns the status that Stripe would get.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns the ids of the handlers that ran, sorted.
    pub fn handlers(&self) -> Vec<&'static str> {
        self.received.iter().flat_map(|delivery| &delivery.runs).map(|run| run.handler.id).collect()
    }

    /// Returns how a handler's run ended; `None` if it did not run. The handler is named by its id or the end of it,
    /// which the function's name is.
    pub fn outcome(&self, handler: &str) -> Option<&Outcome> {
        let named =
            |id: &str| id.strip_suffix(handler).is_some_and(|rest| rest.is_empty() || rest.ends_with("::"));
        let mut runs = self.received.iter().flat_map(|delivery| &delivery.runs);
        runs.find(|run| named(run.handler.id)).map(|run| &run.outcome)
    }

    /// Returns why the request was refused before any handler ran, with its causes; `None` if it was not.
    pub fn refusal(&self) -> Option<String> {
        self.received.as_ref().err().filter(|_| !self.is_quarantined()).map(|refusal| chain(refusal))
    }

    /// Returns why what was delivered is no event that can be dispatched, such as a thin event: the program's inbox would
    /// keep it in quarantine, and answer with 200. `None` if it is one, and without an inbox, which refuses it.
    pub fn quarantined(&self) -> Option<String> {
        match &self.received {
            Err(Refusal::Envelope(unreadable)) if self.is_quarantined() => Some(chain(unreadable)),
            _ => None,
        }
    }

    fn is_quarantined(&self) -> bool {
        self.received.is_err() && StatusCode::from_u16(self.status).is_ok_and(|status| status.is_success())
    }

    /// Asserts that a handler ran and succeeded.
    ///
    /// # Panics
    ///
    /// Panics if not, and says what happened instead.
    #[track_caller]
    pub fn assert_done(&self, handler: &str) {
        let done = matches!(self.outcome(handler), Some(Ok(())));
        assert!(done, "`{handler}` did not run and succeed; {}", self.report());
    }

    /// Asserts that a handler ran and did not succeed, and returns the error.
    ///
    /// # Panics
    ///
    /// Panics if not, and says what happened instead.
    #[track_caller]
    pub fn assert_failed(&self, handler: &str) -> &HandlerError {
        match self.outcome(handler) {
            Some(Err(error)) => error,
            _ => panic!("`{handler}` did not run and fail; {}", self.report()),
        }
    }

    fn report(&self) -> String {
        let delivery = match &self.received {
            Err(refusal) if self.is_quarantined() => {
                return format!("it went into quarantine: {}", chain(refusal));
            }
            Err(refusal) => return format!("the request was refused ({}): {}", self.status, chain(refusal)),
            Ok(delivery) => delivery,
        };
        let mut report =
            format!("{} was answered with {}, and these ran:", delivery.envelope.event_type, self.status);
        for run in &delivery.runs {
            let outcome = match (&run.outcome, &run.error) {
                (Err(failure), Some(error)) => format!("{}: {error}", failure.verdict()),
                _ => "done".to_owned(),
            };
            // Writing to a `String` cannot fail.
            let _ = write!(report, "\n  {}: {outcome}", run.handler.id);
        }
        if delivery.runs.is_empty() {
            report.push_str(" none");
        }
        report
    }
}
