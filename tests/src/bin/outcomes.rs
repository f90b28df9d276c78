//! A server with a handler for every way in which one can end. With OUTCOMES_INLINE, one without an inbox; with
//! OUTCOMES_ALERTS, it prints its alerts, and blocks its thread if that is `block`.

use std::collections::HashMap;
use std::future::pending;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use webhook_server::{App, Event, HandlerError, Reply, ResultExt, State, Unchecked, on_event};

/// Opens once for every line on standard input.
#[derive(Clone)]
struct Gate(Arc<Semaphore>);

#[on_event("payment_intent.succeeded")]
async fn succeed() {}

/// Of a type that the catalog does not list.
#[on_event(unlisted("order.created"))]
async fn ordered() {}

#[on_event("payment_intent.payment_failed")]
async fn fail() -> Result<(), std::io::Error> {
    Err(std::io::Error::other("the warehouse is closed"))
}

#[on_event("payment_intent.canceled")]
async fn panic() {
    panic!("the shelf fell over");
}

/// Panics as `unwrap` does, with what a customer wrote.
#[on_event("charge.expired")]
async fn spill(event: Event) {
    panic!("cannot read {}", event.object["note"]);
}

#[on_event("payment_intent.processing", timeout = "200ms")]
async fn hang() {
    pending().await
}

/// With OUTCOMES_BLOCKS, keeps its thread and never gives it back.
#[on_event("charge.pending", timeout = "10m")]
async fn block() {
    if std::env::var_os("OUTCOMES_BLOCKS").is_some() {
        println!("block: keeps its thread");
        loop {
            std::thread::park();
        }
    }
}

#[on_event("charge.captured")]
async fn later() -> Result<(), HandlerError> {
    Err("the stock is being counted").retry_after(Duration::from_secs(3600))
}

#[on_event("charge.failed")]
async fn skip() -> Result<(), HandlerError> {
    Err(HandlerError::skip("sold by another shop"))
}

#[on_event("charge.refunded")]
async fn park() -> Result<(), HandlerError> {
    Err(HandlerError::park("who refunds this?"))
}

#[on_event("customer.updated")]
async fn undecodable(_event: Event<Unchecked<HashMap<String, u8>>>) {
    println!("undecodable: ran");
}

#[on_event("invoice.paid")]
async fn good_beside_bad() {
    println!("good_beside_bad: ran");
}

#[on_event("invoice.paid", retry(attempts = 2, first_delay = "1s"))]
async fn bad_beside_good() -> Result<(), std::io::Error> {
    Err(std::io::Error::other("the ledger is torn"))
}

#[on_event("payout.paid")]
async fn held(event: Event, State(Gate(gate)): State<Gate>) {
    println!("held: {}", event.id);
    gate.acquire().await.expect("the gate is never closed").forget();
    println!("released: {}", event.id);
}

#[on_event("issuing_authorization.request", reply)]
async fn authorize(event: Event) -> Result<Reply, HandlerError> {
    if event.livemode {
        println!("authorize: thinking");
        pending::<()>().await;
    }
    Reply::json(&serde_json::json!({ "approved": true }))
}

#[on_event("checkout.session.completed", reply)]
async fn redirect(event: Event, State(Gate(gate)): State<Gate>) {
    println!("redirect: {}", event.id);
    gate.acquire().await.expect("the gate is never closed").forget();
    println!("redirected: {}", event.id);
}

#[tokio::main]
async fn main() -> ExitCode {
    if std::env::var_os("OUTCOMES_HOOK").is_some() {
        std::panic::set_hook(Box::new(|panic| eprintln!("the program's own hook: {panic}")));
    }
    let gate = Gate(Arc::new(Semaphore::new(0)));
    let opened = Arc::clone(&gate.0);
    std::thread::spawn(move || std::io::stdin().lines().for_each(|_| opened.add_permits(1)));
    let app = App::new().state(gate);
    let app = if std::env::var_os("OUTCOMES_INLINE").is_some() { app.inline() } else { app };
    let app = match std::env::var_os("OUTCOMES_ALERTS") {
        Some(how) => app.on_alert(move |alert| {
            println!("alert: {alert}");
            if how == "block" {
                loop {
                    std::thread::park();
                }
            }
            async {}
        }),
        None => app,
    };
    app.main().await
}
