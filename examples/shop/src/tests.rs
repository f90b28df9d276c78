//! Runs the whole shop on every story.

use std::collections::BTreeSet;

use webhook_server::testing::{TaskState, TestApp};
use webhook_server::{App, Sample, Story, fixture};

use crate::desk::Books;

/// Every handler does its work in every story, and every handler has a story.
#[tokio::test]
async fn every_handler_does_its_work_in_every_story() {
    let books = Books::default();
    let app = TestApp::new(App::new().state(books.clone()));
    let mut runs = 0;
    for (seed, story) in (0..).zip(Story::all()) {
        for event in story.events(seed) {
            let told = format!("{}: {}", story.name(), event.event_type());
            let before = books.pages().done.len();
            let delivered = app.deliver(event).await;
            assert_eq!(delivered.status(), 200, "{told}");
            for handler in delivered.handlers() {
                delivered.assert_done(handler);
            }
            let done = books.pages().done.len() - before;
            assert_eq!(done, delivered.handlers().len(), "{told}: a handler ended before its work was done");
            runs += done;
        }
    }
    let worked: BTreeSet<_> = books.pages().done.iter().map(|(handler, _)| *handler).collect();
    let handlers: BTreeSet<_> = app.handlers().into_iter().collect();
    assert_eq!(worked, handlers, "each handler had something to do");
    assert!(handlers.len() >= 40 && runs > handlers.len(), "{} handlers, {runs} runs", handlers.len());
}

/// The handlers check for what they need, so a story that lacks it does not pass.
#[tokio::test]
async fn an_event_that_lacks_what_the_shop_needs_is_not_done() {
    let app = TestApp::new(App::new().state(Books::default()));
    let mut paid = Sample::new("invoice.paid", 1).expect("there is such a type");
    paid.set("customer", "null").expect("it can be null");
    let failed = app.deliver(paid).await;
    failed.assert_parked("invoice_paid");
}

/// Stripe may deliver an event twice; the money is booked once.
#[tokio::test]
async fn a_second_delivery_changes_nothing() {
    let books = Books::default();
    let app = TestApp::new(App::new().state(books.clone()));
    let delivered = app.deliver(fixture!("payout.paid", amount = 4200)).await;
    delivered.assert_done("payout_arrived");
    let again = app.deliver_again(&delivered).await;
    assert_eq!(again.status(), 200);
    assert!(again.is_duplicate() && again.handlers().is_empty());
    assert_eq!(books.pages().balance, -4200);
}

/// A task that a person must look at stays parked over restarts and days. Stripe has its 200.
#[tokio::test]
async fn what_is_parked_stays_parked() {
    let mut app = TestApp::new(App::new().state(Books::default()));
    let delivered = app.deliver(fixture!("invoice.paid", customer = null)).await;
    assert_eq!(delivered.status(), 200);
    delivered.assert_parked("invoice_paid");
    app.restart().await;
    assert!(app.advance("3 days").await.handlers().is_empty());
    let tasks = app.tasks().await;
    assert_eq!((tasks.len(), tasks[0].state), (1, TaskState::Parked));
    assert_eq!(tasks[0].error.as_deref(), Some("the event has no customer"));
}
