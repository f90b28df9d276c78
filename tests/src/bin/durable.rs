//! A server whose handlers leave their effects in a database of their own, for the tests that kill it.

use std::process::ExitCode;

use webhook_server::{App, Event, on_event};

#[on_event("payment_intent.succeeded")]
async fn placeholder(_event: Event) {}

#[tokio::main]
async fn main() -> ExitCode {
    App::new().main().await
}
