//! Testing an application: signed events, delivered in process, to the real inbox.
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
//!
//! // Stripe may deliver an event twice. It is handled once.
//! assert!(app.deliver_again(&delivered).await.is_duplicate());
//! assert_eq!(orders.0.lock().unwrap().len(), 1);
//! # }
//! ```

mod deliver;
mod delivered;
mod runs;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use webhook_core::Secret;

pub use self::delivered::{Delivered, Runs, Task, TaskState};
use self::runs::Recorded;
use crate::app::App;
use crate::endpoint::Keys;
use crate::fixtures::Fixtures;
use crate::future::BoxFuture;
use crate::problems::Problems;
use crate::report::Report;
use crate::report::unusable::unusable;
use crate::run::panics::{self, Texts};
use crate::secrets::SigningSecrets;
use crate::server::Server;
use crate::store::clock::{ManualClock, StoreClock, millis};
use crate::store::{Filter, open_in_memory};

/// The most tasks that [`TestApp::tasks`] returns.
const MAX_TASKS: usize = 100_000;

/// An application under test: the whole server but the network, with its inbox in memory.
///
/// The handlers are all that are linked into the test, as in the program itself. A delivery is stored, and its handlers
/// run, before [`deliver`](Self::deliver) returns. What comes later, such as a retry, waits for the clock, which stands
/// still at the time at which the test began until [`advance`](Self::advance) moves it.
///
/// A handler that takes a [transaction](webhook_core::Transaction) has a real one, of the application's pool. It is committed
/// or rolled back before `deliver` returns; the end of the task is recorded right after it, not in it. In such a test, do not
/// pause tokio's time: it would run ahead of the database, so that timeouts would end at once.
///
/// An application that is [`inline`](App::inline) has no inbox here either. Only such an application can be tested without
/// the feature `sqlite`.
#[derive(Debug)]
pub struct TestApp {
    server: Server,
    secret: Secret,
    /// The clock of the store and of signatures. It stands still until a method moves it.
    clock: ManualClock,
    /// What handlers read from Stripe's API.
    fixtures: Arc<Fixtures>,
    /// The runs so far, in the order in which they ended.
    recorded: Arc<Recorded>,
}

impl TestApp {
    /// Starts an application, with a signing secret of its own.
    ///
    /// # Panics
    ///
    /// Panics if it cannot start, with a list of everything that is wrong.
    #[track_caller]
    pub fn new(app: App) -> Self {
        Self::starting_at(SystemTime::now(), app)
    }

    /// Starts an application at another time than the present, for a test whose dates are fixed.
    ///
    /// # Panics
    ///
    /// As [`new`](Self::new).
    #[track_caller]
    pub fn starting_at(now: SystemTime, app: App) -> Self {
        panics::install(Texts::Written);
        let Ok(secret) = Secret::new("whsec_of_a_test_application") else {
            unreachable!("the text is a secret")
        };
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let clock = ManualClock::new(millis(since));
        let store = if app.inline { None } else { Some(open_in_memory(Some(StoreClock::manual(&clock)))) };
        let store = match store.transpose() {
            Ok(store) => store,
            Err(error) => panic!("{}", unusable(&error, Problems::default().interface())),
        };
        let recorded = Arc::<Recorded>::default();
        let wall = clock.clone();
        let now = Arc::new(move || UNIX_EPOCH + since_epoch(&wall));
        let parts = (Report::to(Arc::clone(&recorded)), now as _, None);
        let keys = Keys::Given(vec![SigningSecrets::only(secret.clone(), "test")]);
        let fixtures = Arc::<Fixtures>::default();
        let app = App { reader: Some(Arc::clone(&fixtures) as _), ..app };
        match app.into_server(keys, store, parts, Problems::default()) {
            Ok(server) => Self { server, secret, clock, fixtures, recorded },
            Err(problems) => panic!("{problems}"),
        }
    }

    /// Returns the ids of all handlers of the application, sorted.
    pub fn handlers(&self) -> Vec<&'static str> {
        self.server.parts.registry.ids().collect()
    }

    /// Lets handlers that read this path of Stripe's API find this object from now on; none if it is `None`, as if it was
    /// deleted.
    ///
    /// No test reads from the network. Without this, a handler of a thin event finds the object that was delivered with
    /// it, and one of a snapshot event the object as the event has it.
    ///
    #[cfg_attr(feature = "stripe-api", doc = "```standalone_crate")]
    #[cfg_attr(not(feature = "stripe-api"), doc = "```ignore")]
    /// # use std::sync::{Arc, Mutex};
    /// use serde_json::json;
    /// use webhook_server::testing::TestApp;
    /// use webhook_server::{App, Fresh, State, fixture, on_event};
    ///
    /// #[on_event("v1.payment_intent.succeeded")]
    /// async fn note(payment: Fresh, State(notes): State<Arc<Mutex<Vec<String>>>>) {
    ///     notes.lock().unwrap().push(payment.object["status"].to_string());
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let notes = Arc::<Mutex<Vec<String>>>::default();
    /// let app = TestApp::new(App::new().state(Arc::clone(&notes)));
    /// let paid = fixture!("v1.payment_intent.succeeded");
    /// app.set_object(paid.object_path().unwrap(), Some(json!({ "status": "canceled" })));
    /// app.deliver(paid).await.assert_done("note");
    /// assert_eq!(*notes.lock().unwrap(), ["\"canceled\""]);
    /// # }
    /// ```
    pub fn set_object(&self, path: impl Into<String>, object: Option<Value>) {
        self.fixtures.set(path.into(), object.as_ref());
    }

    /// Moves the clock on and runs what becomes due, each at its time: `advance("3 days")` makes all retries of three
    /// days. Returns the runs that this made. Takes a number and its unit, such as `"90s"` or `"2h 30m"`.
    ///
    /// Handlers' timeouts go by the runtime's clock, not by this one.
    ///
    /// # Panics
    ///
    /// Panics if the text is not a duration, and as [`deliver`](Self::deliver).
    pub async fn advance(&self, by: &str) -> Runs {
        let Ok(by) = humantime::parse_duration(by) else {
            panic!("{by:?} is not a duration: write a number and its unit, such as \"90s\" or \"3 days\"")
        };
        let (since, until) = (self.recorded.len(), since_epoch(&self.clock) + by);
        loop {
            let next_due = self.run_due().await;
            let left = until.saturating_sub(since_epoch(&self.clock));
            if left.is_zero() {
                return Runs::new(
                    format!("within {}", humantime::format_duration(by)),
                    &self.recorded,
                    since,
                );
            }
            // Retries are due in whole milliseconds.
            let step = next_due.map_or(left, |due| due.max(Duration::from_millis(1)));
            self.clock.advance(step.min(left));
        }
    }

    /// Moves the clock to a time, without running what becomes due.
    ///
    /// # Panics
    ///
    /// Panics if the time has passed: an inbox's clock never goes back. A test whose dates are fixed starts with
    /// [`starting_at`](Self::starting_at).
    #[track_caller]
    pub fn set_time(&self, now: SystemTime) {
        let millis = millis(now.duration_since(UNIX_EPOCH).unwrap_or_default());
        assert!(
            millis >= self.clock.now(),
            "the clock of an application under test never goes back: use `starting_at`"
        );
        self.clock.advance_to(millis);
    }

    /// Stops the application and starts it again on the same inbox, as a deployment does. Its state is the same.
    ///
    /// # Panics
    ///
    /// Panics if a handler blocks its thread, so that it does not end.
    pub async fn restart(&mut self) {
        self.begin_again().await;
    }

    fn begin_again(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let store = match &self.server.inbox {
                Some(inbox) => {
                    self.run_due().await;
                    inbox.worker.drain(Duration::ZERO).await;
                    Some(Arc::clone(&inbox.worker.store))
                }
                None => None,
            };
            self.server = Server::new(self.server.parts.clone(), store);
            if let Some(inbox) = &self.server.inbox
                && let Err(error) = inbox.worker.recover().await
            {
                panic!("the inbox cannot be used: {error}");
            }
        })
    }

    /// Returns all tasks, those of the newest event first: each handler's work on an event, and its state.
    pub async fn tasks(&self) -> Vec<Task> {
        let Some(inbox) = &self.server.inbox else { return Vec::new() };
        match inbox.worker.store.tasks(Filter { limit: MAX_TASKS, ..Filter::default() }).await {
            Ok(rows) => rows.into_iter().map(Task::from).collect(),
            Err(error) => panic!("the inbox cannot be read: {error}"),
        }
    }

    /// Runs what is due, and tells what needs a person. Returns how long until the next task is due; `None` if none waits, or
    /// without an inbox.
    fn run_due(&self) -> BoxFuture<'_, Option<Duration>> {
        Box::pin(async {
            let next_due = match &self.server.inbox {
                Some(inbox) => match inbox.worker.run_due().await {
                    Ok(next_due) => next_due,
                    Err(handler) => {
                        panic!(
                            "`{handler}` blocks its thread and does not end: give what it calls a timeout, or \
                             await it"
                        )
                    }
                },
                None => None,
            };
            if let Some(alerts) = &self.server.parts.alerts {
                alerts.tell_hook().await;
            }
            next_due
        })
    }
}

/// The time that a clock shows, since the Unix epoch.
fn since_epoch(clock: &ManualClock) -> Duration {
    Duration::from_millis(u64::try_from(clock.now()).unwrap_or_default())
}
