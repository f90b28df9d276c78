//! A handler that takes a transaction: when it begins and ends, and what is known of it before. In a program of its own, since
//! its handler would be linked into the others' tests.

#![allow(clippy::unwrap_used, reason = "helpers of tests, which clippy does not take for tests")]

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::{Duration, UNIX_EPOCH};

use webhook_core::{
    Attempt, Context, Envelope, Event, HandlerError, HandlerResult, Invocation, OpenTransaction,
    Registration, Registry, RegistryProblem, Requirements, ResultExt, Secret, SignatureHeader, State, States,
    Subscription, Tolerance, Transaction as _, TransactionFuture, TransactionManager, TransactionType,
    Verdict, on_event, sign, verify,
};

/// The envelope of an event whose object is this JSON text.
fn envelope_of(object: &str) -> Arc<Envelope> {
    let secrets = [Secret::new("whsec_0123456789abcdef").unwrap()];
    let body = format!(
        r#"{{"id":"evt_1","object":"event","type":"payout.paid","api_version":"2026-10-28.endive","created":1,
            "livemode":false,"pending_webhooks":1,"request":null,"data":{{"object":{object}}}}}"#
    );
    let header = sign(&secrets, 1_000, body.as_bytes());
    let header = SignatureHeader::parse(header.as_bytes()).unwrap();
    let now = UNIX_EPOCH + Duration::from_secs(1_000);
    let verified = verify(&secrets, &header, body.into_bytes(), now, Tolerance::default()).unwrap();
    Arc::new(Envelope::parse(&verified).unwrap())
}

fn run_of(handler: &'static str) -> Attempt {
    let endpoint = "/webhook".into();
    Attempt { handler, endpoint, attempt: 1, is_replay: false, is_stale: false, deadline: None }
}

/// Runs a future that never waits, since this crate's tests have no runtime.
fn poll_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).as_mut().poll(&mut std::task::Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the future waits"),
    }
}

/// What happens, in its order.
#[derive(Clone, Debug, Default)]
struct Steps(Arc<Mutex<Vec<String>>>);

impl Steps {
    fn note(&self, step: impl Into<String>) {
        self.0.lock().unwrap().push(step.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// A transaction that notes what is done with it.
struct Tx {
    steps: Steps,
    is_open: bool,
}

impl webhook_core::Transaction for Tx {
    type Pool = Steps;

    async fn begin(pool: &Steps) -> Result<Self, HandlerError> {
        pool.note("begin");
        Ok(Self { steps: pool.clone(), is_open: true })
    }

    async fn execute(&mut self, statement: &str, values: &[i64]) -> Result<u64, HandlerError> {
        self.steps.note(format!("{statement} {values:?}"));
        if statement == "fail" { Err(Numbered("40001").into()) } else { Ok(1) }
    }

    async fn commit(mut self) -> Result<(), HandlerError> {
        self.is_open = false;
        self.steps.note("commit");
        Ok(())
    }

    fn sqlstate<'e>(error: &'e (dyn Error + 'static)) -> Option<Cow<'e, str>> {
        error.downcast_ref::<Numbered>().map(|numbered| Cow::Borrowed(numbered.0))
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        if self.is_open {
            self.steps.note("dropped");
        }
    }
}

/// A database's error.
#[derive(Debug)]
struct Numbered(&'static str);

impl fmt::Display for Numbered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the database refused it")
    }
}

impl Error for Numbered {}

/// Commits after a success, and calls the handler again after `40001`.
#[derive(Debug)]
struct Manager {
    steps: Steps,
}

impl TransactionManager for Manager {
    fn begin(&self) -> TransactionFuture<'_, Result<OpenTransaction, HandlerError>> {
        let mut states = States::default();
        states.insert(self.steps.clone());
        TransactionType::of::<Tx>().begin(&states)
    }

    fn end(
        &self,
        mut transaction: OpenTransaction,
        returned: HandlerResult,
    ) -> TransactionFuture<'_, Option<HandlerResult>> {
        Box::pin(async move {
            match returned {
                Ok(reply) => {
                    assert_eq!(transaction.execute("complete", &[7]).await.unwrap(), 1);
                    transaction.commit().await.unwrap();
                    Some(Ok(reply))
                }
                Err(error) => {
                    transaction.rollback().await;
                    let again = TransactionType::of::<Tx>().sqlstate(&error).as_deref() == Some("40001");
                    (!again).then_some(Err(error))
                }
            }
        })
    }
}

/// An argument that cannot be made for objects with the id `unfit`, and notes that it is made.
struct Fit;

impl webhook_core::Extract for Fit {
    async fn extract(invocation: &Invocation) -> Result<Self, HandlerError> {
        let State(steps) = State::<Steps>::extract(invocation).await?;
        steps.note("extract");
        if invocation.envelope.raw_object().unwrap().as_bytes() == br#"{"id":"unfit"}"# {
            return Err(HandlerError::park("unfit"));
        }
        Ok(Self)
    }
}

#[on_event("payout.paid", id = "tests.transaction")]
async fn handle(_fit: Fit, tx: &mut Tx, event: Event, _context: Context) -> Result<(), HandlerError> {
    tx.execute("change", &[]).await?;
    match event.object["id"].as_str() {
        Some("panics") => panic!("as it was told"),
        Some("skips") => Err("skipped").skip(),
        Some("again") if tx.steps.0.lock().unwrap().len() < 4 => {
            tx.execute("fail", &[]).await?;
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Runs the handler on an object, with or without the right to transactions.
fn run(id: &str, has_manager: bool) -> (HandlerResult, Vec<String>) {
    let (steps, mut states) = (Steps::default(), States::default());
    states.insert(steps.clone());
    let envelope = envelope_of(&format!(r#"{{"id":"{id}"}}"#));
    let context = Context::new(Arc::clone(&envelope), run_of("tests.transaction"));
    let mut invocation = Invocation::new(envelope, Arc::new(states), context);
    if has_manager {
        invocation = invocation.in_transactions(Arc::new(Manager { steps: steps.clone() }));
    }
    let returned = poll_once((handler().run)(invocation));
    (returned, steps.take())
}

fn handler() -> &'static Registration {
    Registry::linked().get("tests.transaction").unwrap()
}

#[test]
fn the_transaction_begins_after_the_arguments_and_ends_after_the_handler() {
    let (returned, steps) = run("paid", true);
    assert!(returned.is_ok());
    assert_eq!(steps, ["extract", "begin", "change []", "complete [7]", "commit"]);

    let (returned, steps) = run("skips", true);
    assert_eq!(returned.unwrap_err().verdict(), Verdict::Skip);
    assert_eq!(steps, ["extract", "begin", "change []", "dropped"]);

    let (returned, steps) = run("unfit", true);
    assert_eq!(returned.unwrap_err().verdict(), Verdict::Park);
    assert_eq!(steps, ["extract"], "no connection is taken for it");
}

#[test]
fn the_handler_is_called_again_with_new_arguments_in_another_transaction() {
    let (returned, steps) = run("again", true);
    assert!(returned.is_ok());
    let failed = ["extract", "begin", "change []", "fail []", "dropped"];
    let succeeded = ["extract", "begin", "change []", "complete [7]", "commit"];
    assert_eq!(steps, [failed, succeeded].concat());
}

#[test]
fn a_panic_rolls_back() {
    let steps = Steps::default();
    let panicking = std::panic::AssertUnwindSafe(|| {
        let mut states = States::default();
        states.insert(steps.clone());
        let envelope = envelope_of(r#"{"id":"panics"}"#);
        let context = Context::new(Arc::clone(&envelope), run_of("tests.transaction"));
        let invocation = Invocation::new(envelope, Arc::new(states), context)
            .in_transactions(Arc::new(Manager { steps: steps.clone() }));
        poll_once((handler().run)(invocation))
    });
    assert!(std::panic::catch_unwind(panicking).is_err());
    assert_eq!(steps.take(), ["extract", "begin", "change []", "dropped"]);
}

#[test]
fn a_caller_without_transactions_is_told_so() {
    let (returned, steps) = run("paid", false);
    let failure = returned.unwrap_err();
    assert_eq!(failure.verdict(), Verdict::Park);
    assert_eq!(failure.cause().to_string(), "this run cannot have a transaction");
    assert!(steps.is_empty());
}

#[test]
fn what_a_transaction_needs_is_known_before_the_start() {
    let transaction = handler().needs().transaction.expect("it takes one");
    assert_eq!(transaction.name(), std::any::type_name::<Tx>());
    assert_eq!(transaction.pool().name(), std::any::type_name::<Steps>());
    assert_eq!(format!("{transaction:?}"), std::any::type_name::<Tx>());
    assert_eq!(transaction, TransactionType::of::<Tx>());

    let alone: &'static Registration = Box::leak(Box::new(Registration {
        needs: |needs: &mut Requirements| needs.transaction = Some(TransactionType::of::<Tx>()),
        takes: Subscription::Types(&["payout.paid"]),
        policy: handler().policy,
        file: "src/a.rs",
        line: 3,
        ..*handler()
    }));
    let registry = Registry::new([alone]);
    let mut states = States::default();
    let problems = registry.problems(&states, &[]);
    let [problem @ RegistryProblem::MissingPool { .. }] = &problems[..] else { panic!("{problems:?}") };
    assert_eq!(
        problem.to_string(),
        format!(
            "handler `tests.transaction` (src/a.rs:3) takes `&mut {}`, but the application has no `{}` to begin it on: \
             add the pool as a state, `.state(pool)`, to the `App`",
            std::any::type_name::<Tx>(),
            std::any::type_name::<Steps>()
        )
    );
    states.insert(Steps::default());
    assert!(registry.problems(&states, &[]).is_empty());
}

#[test]
fn a_sqlstate_is_found_in_the_chain_of_sources() {
    #[derive(Debug)]
    struct Around(Numbered);
    impl fmt::Display for Around {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("around")
        }
    }
    impl Error for Around {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }
    let of = TransactionType::of::<Tx>();
    assert_eq!(of.sqlstate(&Numbered("23505").into()).as_deref(), Some("23505"));
    assert_eq!(of.sqlstate(&Around(Numbered("40P01")).into()).as_deref(), Some("40P01"));
    assert_eq!(of.sqlstate(&HandlerError::retry("no database")), None);
}
