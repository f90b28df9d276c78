//! A server for an operator: what its handlers park, they do until OPERATED_REPAIRED is set.

use std::process::ExitCode;
use std::time::Duration;

use webhook_server::{App, Context, Event, HandlerError, ResultExt, on_event};

#[on_event("payout.paid")]
async fn paid(event: Event, context: Context) {
    println!("paid: {} replay={}", event.id, context.is_replay());
}

#[on_event("payout.paid")]
async fn booked(event: Event, context: Context) {
    println!("booked: {} replay={}", event.id, context.is_replay());
}

#[on_event("charge.refunded")]
async fn refunded(event: Event, context: Context) -> Result<(), HandlerError> {
    if std::env::var_os("OPERATED_REPAIRED").is_some() {
        println!("refunded: {} attempt={}", event.id, context.attempt());
        return Ok(());
    }
    println!("not refunded: {} attempt={}", event.id, context.attempt());
    // What a hostile text would do to a terminal.
    Err(HandlerError::park("who refunds \u{1b}[2J\u{9b}31m\nthis?"))
}

#[on_event("charge.captured")]
async fn captured() -> Result<(), HandlerError> {
    Err("the stock is being counted").retry_after(Duration::from_secs(3600))
}

#[tokio::main]
async fn main() -> ExitCode {
    let app = App::new();
    let app = if std::env::var_os("OPERATED_INLINE").is_some() { app.inline() } else { app };
    app.main().await
}
