//! A server whose inbox an operator looks at in a browser: one handler succeeds, two park, and one waits.

use std::process::ExitCode;
use std::time::Duration;

use webhook_server::{App, Event, HandlerError, ResultExt, on_event};

/// Notes that the money has arrived.
#[on_event("payout.paid")]
async fn paid() {}

/// Returns the goods to the stock.
#[on_event("charge.refunded", retry(attempts = 5, first_delay = "2s", max_delay = "1h"))]
async fn refunded() -> Result<(), HandlerError> {
    // What a hostile text would do to a page.
    Err(HandlerError::park(
        "who refunds <script>attacked = 1</script><img src=x onerror=attacked=1>\u{202e}this?",
    ))
}

/// Waits for the stock.
#[on_event("charge.captured")]
async fn captured() -> Result<(), HandlerError> {
    Err("the stock is being counted").retry_after(Duration::from_secs(3600))
}

/// Tells the shop's lawyer.
#[on_event("charge.dispute.created")]
async fn disputed(event: Event) -> Result<(), HandlerError> {
    Err(HandlerError::park(format!("the lawyer does not know {}", event.id)))
}

#[tokio::main]
async fn main() -> ExitCode {
    App::new().main().await
}
