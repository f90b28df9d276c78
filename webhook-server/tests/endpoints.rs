//! An application with several endpoints, under test.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use webhook_server::testing::{TaskState, TestApp};
use webhook_server::{App, Context, Endpoint, State, fixture, on_event, on_unhandled};

/// Which handlers ran, and through which endpoint they were told that the event came.
#[derive(Clone, Default)]
struct Ran(Arc<Mutex<Vec<String>>>);

impl Ran {
    fn note(&self, context: &Context) {
        let name = context.handler().rsplit("::").next().unwrap_or_default();
        self.0.lock().expect("no handler panics").push(format!("{name} {}", context.endpoint()));
    }

    fn take(&self) -> Vec<String> {
        let mut ran = std::mem::take(&mut *self.0.lock().expect("no handler panics"));
        ran.sort();
        ran
    }
}

#[on_event("payout.paid")]
async fn everywhere(State(ran): State<Ran>, context: Context) {
    ran.note(&context);
}

#[on_event("payout.paid", "payout.failed", endpoint = "connect")]
async fn connected(State(ran): State<Ran>, context: Context) {
    ran.note(&context);
}

#[on_unhandled]
async fn rest(State(ran): State<Ran>, context: Context) {
    ran.note(&context);
}

fn app(ran: &Ran) -> App {
    App::new()
        .state(ran.clone())
        .endpoint(Endpoint::at("/stripe"))
        .endpoint(Endpoint::at("/stripe/connect").named("connect"))
        .endpoint(Endpoint::at("/stripe/live").named("live").live_only())
}

#[tokio::test]
async fn an_event_reaches_the_handlers_of_the_endpoints_that_it_comes_through() {
    let (ran, sample) = (Ran::default(), fixture!("payout.paid"));
    let app = TestApp::new(app(&ran));
    let first = app.deliver(sample.clone()).await;
    assert_eq!(ran.take(), ["everywhere /stripe"]);
    first.assert_done("everywhere");

    let second = app.deliver_to("connect", sample.clone()).await;
    assert!(second.is_duplicate() && second.status() == 200);
    second.assert_done("connected");
    assert_eq!(ran.take(), ["connected connect"]);

    for again in [&first, &second] {
        assert!(app.deliver_again(again).await.is_duplicate());
    }
    assert!(ran.take().is_empty());
    assert_eq!(app.tasks().await.len(), 2);

    // The other way round, each runs once as well.
    let other = fixture!("payout.paid").account("acct_1");
    app.deliver_to("connect", other.clone()).await.assert_done("everywhere");
    assert_eq!(ran.take(), ["connected connect", "everywhere connect"]);
    assert!(app.deliver(other).await.is_duplicate());
    assert!(ran.take().is_empty());
}

#[tokio::test]
async fn what_no_handler_takes_at_an_endpoint_is_unhandled_there() {
    let (ran, sample) = (Ran::default(), fixture!("payout.failed"));
    let app = TestApp::new(app(&ran));
    app.deliver_to("connect", sample.clone()).await.assert_done("connected");
    app.deliver(sample).await.assert_done("rest");
    // It is one event, and this handler has no endpoint of its own: it is told the first.
    assert_eq!(ran.take(), ["connected connect", "rest connect"]);
}

#[tokio::test]
async fn an_endpoint_that_does_not_take_the_mode_adds_nothing() {
    let (ran, sample) = (Ran::default(), fixture!("payout.paid"));
    let app = TestApp::new(app(&ran));
    assert_eq!(app.deliver_to("live", sample.clone()).await.status(), 200);
    assert!(app.tasks().await.is_empty() && ran.take().is_empty());
    assert!(!app.deliver_to("connect", sample.clone()).await.is_duplicate());
    app.deliver_to("live", sample.livemode(true)).await;
    assert_eq!(ran.take(), ["connected connect", "everywhere connect"]);
    assert!(app.tasks().await.iter().all(|task| task.state == TaskState::Done));
}

#[tokio::test]
async fn without_an_inbox_each_delivery_runs_the_handlers_of_its_endpoint() {
    let (ran, sample) = (Ran::default(), fixture!("payout.paid"));
    let app = TestApp::new(app(&ran).inline());
    app.deliver(sample.clone()).await;
    assert_eq!(ran.take(), ["everywhere /stripe"]);
    app.deliver_to("connect", sample).await;
    assert_eq!(ran.take(), ["connected connect", "everywhere connect"]);
    app.deliver(fixture!("payout.failed")).await;
    assert_eq!(ran.take(), ["rest /stripe"]);
}

/// The message of a panic.
fn panic_of(panics: impl FnOnce()) -> String {
    let panicked = catch_unwind(AssertUnwindSafe(panics)).expect_err("it panics");
    *panicked.downcast::<String>().expect("the message is a text")
}

#[test]
fn an_endpoint_that_there_is_not_is_told_with_those_that_there_are() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it can be built");
    let app = runtime.block_on(async { TestApp::new(app(&Ran::default())) });
    let deliver = |name| panic_of(|| drop(runtime.block_on(app.deliver_to(name, fixture!("payout.paid")))));
    let told = deliver("conect");
    assert!(told.contains("the application has no endpoint `conect`: did you mean `connect`?"), "{told}");
    let told = deliver("elsewhere");
    assert!(told.contains("no endpoint `elsewhere`: it has `/stripe`, `connect`, `live`"), "{told}");
    let told = panic_of(|| drop(TestApp::new(App::new().state(Ran::default()))));
    assert!(
        told.contains("takes events of the endpoint `connect`, but the application has no such"),
        "{told}"
    );
    assert!(told.contains("only `/webhook`"), "{told}");
}
